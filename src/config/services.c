/* SPDX-License-Identifier: BSD-2-Clause */
#include "config/services.h"

#include "config/gates.h"
#include "service/registry.h"

#include <bsd/string.h>
#include <stdlib.h>
#include <string.h>

/* What is served when nothing is said. */
static const char DEFAULT_SERVICES[] = "services = ( { type = \"stream\";"
				       " listen = [ \"localhost:6013\" ]; } );";

static const char LISTEN_EXAMPLE[] = "[ \"127.0.0.1:6013\" ]";

/* Read by hand, in this order; the rest is the service's. */
static const struct setting common[] = {
	{ "type", SETTING_OTHER, 0, 0, 0, 0, NULL },
	{ "name", SETTING_OTHER, 0, 0, 0, 0, NULL },
	{ "listen", SETTING_OTHER, 0, 0, 0, 0, NULL },
	{ "rate", SETTING_OTHER, 0, 0, 0, 0, NULL },
	{ "allow", SETTING_OTHER, 0, 0, 0, 0, NULL },
	{ "deny", SETTING_OTHER, 0, 0, 0, 0, NULL },
	{ "limits", SETTING_OTHER, 0, 0, 0, 0, NULL },
	{ NULL, SETTING_OTHER, 0, 0, 0, 0, NULL },
};

#define PLACE(member)                         \
	offsetof(struct limits_rate, member), \
		sizeof(((struct limits_rate *)0)->member)

static const struct setting rate_settings[] = {
	{ "per_second", SETTING_FLOAT, PLACE(per_second), 0, 1000000, NULL },
	{ "burst", SETTING_INT, PLACE(burst), 1, 1000000, NULL },
	{ "leak", SETTING_INT, PLACE(leak), 0, 1000000, NULL },
	{ NULL, SETTING_OTHER, 0, 0, 0, 0, NULL },
};

static const struct limits_rate default_rate = { .burst = 8, .leak = 4 };

static const double SLOWEST = 0.001; /* a second */

static const char *
text_of(config_setting_t *group, const char *name,
	struct complaints *complaints)
{
	config_setting_t *setting = config_setting_get_member(group, name);

	if (!setting)
		return NULL;
	if (config_setting_type(setting) == CONFIG_TYPE_STRING)
		return config_setting_get_string(setting);
	complain(complaints, setting, "%s: must be a string in quotes", name);
	return NULL;
}

static bool
name_fits(const char *name)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"0123456789-_.";

	return *name && strlen(name) < SCOREBOARD_NAME &&
	       strspn(name, letters) == strlen(name);
}

static void
read_name(struct config *config, struct service_config *service,
	  config_setting_t *group, struct complaints *complaints)
{
	const char *name = text_of(group, "name", complaints);
	config_setting_t *place = config_setting_get_member(group, "name");

	if (!name)
		name = service->service->type;
	if (!name_fits(name)) {
		complain(complaints, place,
			 "name: must be 1 to %d letters, digits, - _ or .",
			 SCOREBOARD_NAME - 1);
		return;
	}
	strlcpy(service->name, name, sizeof(service->name));
	for (int i = 0; i < config->service_count; i++)
		if (strcmp(config->services[i].name, name) == 0)
			complain(complaints, place ? place : group,
				 "name: there is a service \"%s\" already; "
				 "give this one a name of its own",
				 name);
}

/* What an entry of a service listens with. */
static unsigned
transports_of(const struct service_config *service,
	      const struct addr_listen *where)
{
	return where->transports ? where->transports
				 : service->service->transports;
}

/* One more than are counted: the one that is being read is the last. */
const struct service_config *
services_taken(const struct config *config, const struct addr *address,
	       unsigned transports)
{
	const struct service_config *end =
		&config->services[config->service_count];

	if (!config->services ||
	    (address->sa.sa_family != AF_UNIX && addr_port(address) == 0))
		return NULL;
	for (const struct service_config *s = config->services; s <= end; s++)
		for (int i = 0; s->service && i < s->listen_count; i++)
			for (int k = 0; k < s->listen[i].where.count; k++)
				if (transports_of(s, &s->listen[i].where) &
					    transports &&
				    addr_collide(&s->listen[i].where.addr[k],
						 address))
					return s;
	return NULL;
}

/* Whether it can listen on ENTRY, whose text is TEXT, with what it speaks. */
static bool
check_transports(const struct service_config *service,
		 const struct addr_listen *where, config_setting_t *entry,
		 const char *text, struct complaints *complaints)
{
	unsigned speaks = service->service->transports;

	if (where->transports && !(where->transports & speaks)) {
		complain(complaints, entry,
			 "listen: \"%s\": %s is over %s alone", text,
			 service->service->type,
			 speaks == ADDR_UDP ? "UDP" : "TCP");
		return false;
	}
	if (where->addr[0].sa.sa_family == AF_UNIX &&
	    (where->transports == ADDR_UDP || !(speaks & ADDR_TCP))) {
		complain(complaints, entry,
			 "listen: \"%s\": a unix socket is for connections, "
			 "not for datagrams",
			 text);
		return false;
	}
	return true;
}

/* Whether nobody else listens on one of the addresses of WHERE. */
static bool
check_free(const struct config *config, const struct service_config *service,
	   const struct addr_listen *where, config_setting_t *entry,
	   const char *text, struct complaints *complaints)
{
	const struct service_config *other = NULL;

	for (int i = 0; i < where->count && !other; i++)
		other = services_taken(config, &where->addr[i],
				       transports_of(service, where));
	if (other == service)
		complain(complaints, entry,
			 "listen: \"%s\": this service listens there already",
			 text);
	else if (other)
		complain(complaints, entry,
			 "listen: \"%s\": service \"%s\" listens there "
			 "already",
			 text, other->name);
	return !other;
}

static void
read_listen_entry(struct config *config, struct service_config *service,
		  config_setting_t *entry, struct complaints *complaints)
{
	struct service_listen listen = { 0 };
	const char *text = config_setting_get_string(entry);
	char error[256];

	if (!text) {
		complain(complaints, entry,
			 "listen: must be strings such as \"127.0.0.1:6013\"");
		return;
	}
	if (!addr_parse_listen(text, &listen.where, error, sizeof(error))) {
		complain(complaints, entry, "listen: \"%s\": %s", text, error);
		return;
	}
	if (!check_transports(service, &listen.where, entry, text,
			      complaints) ||
	    !check_free(config, service, &listen.where, entry, text,
			complaints))
		return;
	strlcpy(listen.text, text, sizeof(listen.text));
	service->listen[service->listen_count++] = listen;
}

static void
read_listen(struct config *config, struct service_config *service,
	    config_setting_t *group, struct complaints *complaints)
{
	config_setting_t *list = config_setting_get_member(group, "listen");
	int count;

	if (!list) {
		complain(complaints, group,
			 "listen: is missing; it is a list such as %s",
			 LISTEN_EXAMPLE);
		return;
	}
	if (!config_setting_is_aggregate(list) ||
	    config_setting_is_group(list)) {
		complain(complaints, list, "listen: must be a list such as %s",
			 LISTEN_EXAMPLE);
		return;
	}
	count = config_setting_length(list);
	if (count == 0) {
		complain(complaints, list,
			 "listen: is empty; it needs an entry, such as %s",
			 LISTEN_EXAMPLE);
		return;
	}
	if (count > SERVICE_LISTENS) {
		complain(complaints, list, "listen: at most %d entries",
			 SERVICE_LISTENS);
		return;
	}
	for (int i = 0; i < count; i++)
		read_listen_entry(config, service,
				  config_setting_get_elem(list, (unsigned)i),
				  complaints);
}

static void
read_rate(struct service_config *service, config_setting_t *group,
	  struct complaints *complaints)
{
	config_setting_t *rate = config_setting_get_member(group, "rate");

	service->rate = default_rate;
	if (!rate)
		return;
	if (!(service->service->transports & ADDR_UDP)) {
		complain(complaints, rate, "rate: a %s takes no datagrams",
			 service->service->type);
		return;
	}
	if (!config_setting_is_group(rate)) {
		complain(complaints, rate, "rate: must be a group in braces");
		return;
	}
	settings_read(rate, rate_settings, &service->rate, NULL, NULL,
		      complaints);
	if (service->rate.per_second > 0 && service->rate.per_second < SLOWEST)
		complain(complaints,
			 config_setting_get_member(rate, "per_second"),
			 "per_second: must be 0 or at least %g", SLOWEST);
}

/* There is one keeper, and it does what one service wants. */
static void
check_single(const struct config *config, const struct service_config *service,
	     config_setting_t *group, struct complaints *complaints)
{
	if (!service->service->keep)
		return;
	for (int i = 0; i < config->service_count; i++)
		if (config->services[i].service->keep)
			complain(complaints, group,
				 "type: there can be one %s, and there is one "
				 "already; add these addresses to its listen",
				 config->services[i].service->type);
}

static void
read_service(struct config *config, config_setting_t *group,
	     struct complaints *complaints)
{
	struct service_config *service =
		&config->services[config->service_count];
	const struct service *kind;
	const char *type;
	char known[128];

	if (!config_setting_is_group(group)) {
		complain(complaints, group,
			 "services: each must be a group in braces");
		return;
	}
	type = text_of(group, "type", complaints);
	kind = type ? registry_find(type) : NULL;
	if (!type && config_setting_get_member(group, "type"))
		return;
	if (!kind) {
		registry_names(known, sizeof(known));
		complain(complaints, group, "type: %s%s%s; it can be: %s",
			 type ? "there is no service \"" : "is missing",
			 type ? type : "", type ? "\"" : "", known);
		return;
	}
	*service = (struct service_config){ .service = kind,
					    .gate_for_all = &config->gate,
					    .board = -1 };
	service->settings = calloc(1, kind->settings_size);
	if (!service->settings) {
		complain(complaints, group, "out of memory");
		return;
	}
	memcpy(service->settings, kind->defaults, kind->settings_size);
	settings_read(group, common, NULL, kind->settings, service->settings,
		      complaints);
	read_name(config, service, group, complaints);
	read_listen(config, service, group, complaints);
	read_rate(service, group, complaints);
	check_single(config, service, group, complaints);
	kind->configure(service, group, complaints);
	gates_read(service, group, complaints);
	config->service_count++;
}

static int
sockets_of(const struct config *config)
{
	int count = 0;

	for (int i = 0; i < config->service_count; i++)
		for (int k = 0; k < config->services[i].listen_count; k++) {
			const struct addr_listen *where =
				&config->services[i].listen[k].where;
			unsigned transports =
				transports_of(&config->services[i], where);

			count += where->count * __builtin_popcount(transports);
		}
	return count;
}

static void
read_list(struct config *config, config_setting_t *list,
	  struct complaints *complaints)
{
	int count;

	if (!config_setting_is_list(list) || config_setting_length(list) == 0) {
		complain(complaints, list,
			 "services: must be a list of groups, ( { ... } )");
		return;
	}
	count = config_setting_length(list);
	if (count > CONFIG_SERVICES) {
		complain(complaints, list, "services: at most %d",
			 CONFIG_SERVICES);
		return;
	}
	/* One more than needed: the entry being read is not counted yet. */
	config->services = calloc((size_t)count + 1, sizeof(*config->services));
	if (!config->services) {
		complain(complaints, list, "out of memory");
		return;
	}
	for (int i = 0; i < count; i++)
		read_service(config, config_setting_get_elem(list, (unsigned)i),
			     complaints);
	if (sockets_of(config) > SCOREBOARD_LISTENERS)
		complain(complaints, list, "services: at most %d listeners",
			 SCOREBOARD_LISTENERS);
}

static void
read_defaults(struct config *config, struct complaints *complaints)
{
	config_t parsed;

	config_init(&parsed);
	if (config_read_string(&parsed, DEFAULT_SERVICES) == CONFIG_TRUE)
		read_list(config, config_lookup(&parsed, "services"),
			  complaints);
	else
		complain(complaints, NULL, "out of memory");
	config_destroy(&parsed);
}

void
services_read(struct config *config, config_setting_t *root,
	      struct complaints *complaints)
{
	config_setting_t *list = config_setting_get_member(root, "services");

	if (list)
		read_list(config, list, complaints);
	else
		read_defaults(config, complaints);
}

void
services_free(struct config *config)
{
	for (int i = 0; i < config->service_count; i++) {
		struct service_config *service = &config->services[i];

		if (service->service->release)
			service->service->release(service);
		gates_free(&service->gate);
		free(service->settings);
	}
	free(config->services);
	config->services = NULL;
	config->service_count = 0;
}
