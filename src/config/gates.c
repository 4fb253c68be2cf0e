/* SPDX-License-Identifier: BSD-2-Clause */
#include "config/gates.h"

#include "base/clock.h"

#include <stdlib.h>

static const char LIST_EXAMPLE[] = "[ \"192.0.2.0/24\", \"2001:db8::/32\" ]";

static const double SLOWEST = 0.001; /* a second */

#define PLACE(member)                          \
	offsetof(struct census_quota, member), \
		sizeof(((struct census_quota *)0)->member)

static const struct setting quota_settings[] = {
	{ "connections", SETTING_INT, PLACE(connections), 0, 1000000, NULL },
	{ "per_address", SETTING_INT, PLACE(per_address), 0, 1000000, NULL },
	{ "per_second", SETTING_FLOAT, PLACE(per_second), 0, 1000000, NULL },
	{ NULL, SETTING_OTHER, 0, 0, 0, 0, NULL },
};

/* Of one service alone: all together are never idle. */
static const struct setting idle_settings[] = {
	{ "idle_seconds", SETTING_FLOAT, 0, sizeof(double), 0, 31536000, NULL },
	{ NULL, SETTING_OTHER, 0, 0, 0, 0, NULL },
};

/* --- lists --- */

/* Entries of one gate, of both of its lists. */
struct entries {
	struct acl_entry *items;
	int count;
	bool closed; /* there is an `allow` */
};

static void
read_entry(struct entries *entries, config_setting_t *item, const char *name,
	   enum acl_verdict verdict, struct complaints *complaints)
{
	struct acl_entry *entry = &entries->items[entries->count];
	const char *text = config_setting_get_string(item);
	char error[256];

	if (!text) {
		complain(complaints, item,
			 "%s: must be strings such as \"192.0.2.0/24\"", name);
		return;
	}
	if (!acl_parse(text, &entry->network, error, sizeof(error))) {
		complain(complaints, item, "%s: \"%s\": %s", name, text, error);
		return;
	}
	entry->verdict = verdict;
	entries->count++;
}

/* The list NAME of GROUP, or NULL where there is none. */
static config_setting_t *
find_list(config_setting_t *group, const char *name,
	  struct complaints *complaints)
{
	config_setting_t *list = config_setting_get_member(group, name);

	if (!list)
		return NULL;
	if (!config_setting_is_aggregate(list) ||
	    config_setting_is_group(list)) {
		complain(complaints, list, "%s: must be a list such as %s",
			 name, LIST_EXAMPLE);
		return NULL;
	}
	if (config_setting_length(list) > ACL_ENTRIES) {
		complain(complaints, list, "%s: at most %d entries", name,
			 ACL_ENTRIES);
		return NULL;
	}
	return list;
}

static void
read_list(struct entries *entries, config_setting_t *list, const char *name,
	  enum acl_verdict verdict, struct complaints *complaints)
{
	int count = list ? config_setting_length(list) : 0;

	for (int i = 0; i < count; i++)
		read_entry(entries, config_setting_get_elem(list, (unsigned)i),
			   name, verdict, complaints);
}

static void
read_lists(struct gate *gate, config_setting_t *group,
	   struct complaints *complaints)
{
	config_setting_t *allow = find_list(group, "allow", complaints);
	config_setting_t *deny = find_list(group, "deny", complaints);
	struct entries entries = { .closed = allow != NULL };

	if (!allow && !deny)
		return;
	entries.items =
		calloc((size_t)((allow ? config_setting_length(allow) : 0) +
				(deny ? config_setting_length(deny) : 0) + 1),
		       sizeof(*entries.items));
	if (entries.items) {
		read_list(&entries, allow, "allow", ACL_ALLOWED, complaints);
		read_list(&entries, deny, "deny", ACL_DENIED, complaints);
		gate->acl =
			acl_new(entries.items, entries.count, entries.closed);
	}
	if (!gate->acl)
		complain(complaints, group, "out of memory");
	free(entries.items);
}

/* --- quotas --- */

static config_setting_t *
find_limits(config_setting_t *group, struct complaints *complaints)
{
	config_setting_t *limits = config_setting_get_member(group, "limits");

	if (!limits || config_setting_is_group(limits))
		return limits;
	complain(complaints, limits, "limits: must be a group in braces");
	return NULL;
}

static void
check_rate(const struct census_quota *quota, config_setting_t *limits,
	   struct complaints *complaints)
{
	if (quota->per_second > 0 && quota->per_second < SLOWEST)
		complain(complaints, settings_place(limits, "per_second"),
			 "per_second: must be 0 or at least %g", SLOWEST);
}

/* Whoever is answered at once is nobody to count, and never idle. */
static void
check_stays(const struct service_config *service, config_setting_t *limits,
	    struct complaints *complaints)
{
	static const char *const names[] = { "connections", "per_address",
					     "idle_seconds" };

	if (!service->service->once)
		return;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		config_setting_t *one =
			config_setting_get_member(limits, names[i]);

		if (one)
			complain(complaints, one,
				 "%s: a client of a %s does not stay; "
				 "per_second is what limits it",
				 names[i], service->service->type);
	}
}

static void
read_idle(struct service_config *service, double seconds,
	  config_setting_t *limits, struct complaints *complaints)
{
	const config_setting_t *place = settings_place(limits, "idle_seconds");
	uint64_t idle = (uint64_t)(seconds * (double)CLOCK_SECOND);

	if (idle == 0)
		return;
	if (service->idle > 0)
		complain(complaints, place,
			 "idle_seconds: the service has it already");
	/* With a margin: the clock of idleness has whole seconds. */
	else if (idle < (uint64_t)service->interval +
				 5 * (uint64_t)CLOCK_SECOND &&
		 service->interval > 0)
		complain(complaints, place,
			 "idle_seconds: must be longer than the interval by "
			 "5 seconds");
	service->idle = idle;
}

static void
read_limits(struct service_config *service, config_setting_t *limits,
	    struct complaints *complaints)
{
	double idle = 0;

	if (!(service->service->transports & ADDR_TCP)) {
		complain(complaints, limits, "limits: %s takes no connections",
			 service->service->type);
		return;
	}
	settings_read(limits, quota_settings, &service->gate.quota,
		      idle_settings, &idle, complaints);
	check_rate(&service->gate.quota, limits, complaints);
	check_stays(service, limits, complaints);
	read_idle(service, idle, limits, complaints);
}

/* --- both --- */

void
gates_read_all(struct gate *gate, config_setting_t *root,
	       struct complaints *complaints)
{
	config_setting_t *limits = find_limits(root, complaints);

	read_lists(gate, root, complaints);
	if (!limits)
		return;
	settings_read(limits, quota_settings, &gate->quota, NULL, NULL,
		      complaints);
	check_rate(&gate->quota, limits, complaints);
}

void
gates_read(struct service_config *service, config_setting_t *group,
	   struct complaints *complaints)
{
	config_setting_t *limits = find_limits(group, complaints);

	read_lists(&service->gate, group, complaints);
	if (limits)
		read_limits(service, limits, complaints);
}

void
gates_free(struct gate *gate)
{
	acl_free(gate->acl);
	gate->acl = NULL;
}
