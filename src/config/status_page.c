/* SPDX-License-Identifier: BSD-2-Clause */
#include "config/status_page.h"

#include "config/services.h"
#include "status/status.h"

#include <bsd/string.h>
#include <stddef.h>

#define PLACE(member)                           \
	offsetof(struct config_status, member), \
		sizeof(((struct config_status *)0)->member)

static const struct setting status_settings[] = {
	{ "connections", SETTING_INT, PLACE(connections), 16, 16000, NULL },
	{ "listen", SETTING_OTHER, 0, 0, 0, 0, NULL },
	{ NULL, SETTING_OTHER, 0, 0, 0, 0, NULL },
};

static const char EXAMPLE[] = "\"127.0.0.1:8013\"";

/* Whether an entry before WHERE has one of its addresses. */
static bool
repeated(const struct config_status *status, const struct addr_listen *where)
{
	for (int i = 0; i < status->listen_count; i++)
		for (int k = 0; k < status->listen[i].where.count; k++)
			for (int n = 0; n < where->count; n++)
				if (addr_port(&where->addr[n]) != 0 &&
				    addr_collide(
					    &status->listen[i].where.addr[k],
					    &where->addr[n]))
					return true;
	return false;
}

static bool
check(const struct config *config, const struct addr_listen *where,
      config_setting_t *entry, const char *text, struct complaints *complaints)
{
	const struct service_config *other = NULL;

	if (where->transports == ADDR_UDP) {
		complain(complaints, entry,
			 "listen: \"%s\": the status page is over TCP alone",
			 text);
		return false;
	}
	for (int i = 0; i < where->count && !other; i++)
		other = services_taken(config, &where->addr[i], ADDR_TCP);
	if (other)
		complain(complaints, entry,
			 "listen: \"%s\": service \"%s\" listens there already",
			 text, other->name);
	else if (repeated(&config->status, where))
		complain(complaints, entry,
			 "listen: \"%s\": the status page listens there "
			 "already",
			 text);
	else
		return true;
	return false;
}

static void
read_entry(struct config *config, config_setting_t *entry,
	   struct complaints *complaints)
{
	struct config_status *status = &config->status;
	struct service_listen listen = { 0 };
	const char *text = config_setting_get_string(entry);
	char error[256];

	if (!text)
		complain(complaints, entry,
			 "listen: must be a string such as %s, or a list of "
			 "them",
			 EXAMPLE);
	else if (!addr_parse_listen(text, &listen.where, error, sizeof(error)))
		complain(complaints, entry, "listen: \"%s\": %s", text, error);
	else if (status->listen_count == CONFIG_STATUS_ENTRIES)
		complain(complaints, entry, "listen: at most %d entries",
			 CONFIG_STATUS_ENTRIES);
	else if (check(config, &listen.where, entry, text, complaints)) {
		strlcpy(listen.text, text, sizeof(listen.text));
		status->listen[status->listen_count++] = listen;
	}
}

static void
read_listen(struct config *config, config_setting_t *group,
	    struct complaints *complaints)
{
	config_setting_t *listen = config_setting_get_member(group, "listen");

	if (!listen) {
		complain(complaints, group,
			 "listen: is missing; it is an address such as %s",
			 EXAMPLE);
		return;
	}
	if (!config_setting_is_array(listen) &&
	    !config_setting_is_list(listen)) {
		read_entry(config, listen, complaints);
		return;
	}
	if (config_setting_length(listen) == 0)
		complain(complaints, listen,
			 "listen: must have an address such as %s", EXAMPLE);
	for (int i = 0; i < config_setting_length(listen); i++)
		read_entry(config, config_setting_get_elem(listen, (unsigned)i),
			   complaints);
}

void
status_page_read(struct config *config, config_setting_t *root,
		 struct complaints *complaints)
{
	config_setting_t *group = config_setting_get_member(root, "status");

	if (!group)
		return;
	if (!status_possible()) {
		complain(complaints, group,
			 "status: this timed was built without libmicrohttpd, "
			 "and has no status page");
		return;
	}
	if (!config_setting_is_group(group)) {
		complain(complaints, group,
			 "status: must be a group in braces");
		return;
	}
	settings_read(group, status_settings, &config->status, NULL, NULL,
		      complaints);
	read_listen(config, group, complaints);
}
