/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * time: the seconds since 1900, once, in four bytes (RFC 868).
 *
 * The number is that of the second which the clock shows, modulo 2^32: it
 * begins anew on 7 February 2036, and who knows in which of these eras he lives
 * reads it right.  An inserted leap second has the number of the one before.
 */
#include "base/clock.h"
#include "service/registry.h"
#include "worker/datagrams.h"

#include <arpa/inet.h>
#include <string.h>

struct time_settings {
	bool low_ports;
	bool require_sync;
};

static const struct time_settings defaults = { .low_ports = false };

#define PLACE(member)                           \
	offsetof(struct time_settings, member), \
		sizeof(((struct time_settings *)0)->member)

static const struct setting settings[] = {
	{ "low_ports", SETTING_BOOL, PLACE(low_ports), 0, 0, NULL },
	{ "require_sync", SETTING_BOOL, PLACE(require_sync), 0, 0, NULL },
	{ NULL, SETTING_OTHER, 0, 0, 0, 0, NULL },
};

/* From 1900 to 1970: 70 years with 17 leap days. */
static const int64_t SINCE_1900 = INT64_C(2208988800);

static void
time_configure(struct service_config *config, config_setting_t *group,
	       struct complaints *complaints)
{
	const struct time_settings *time = config->settings;

	(void)group;
	(void)complaints;
	config->no_low_ports = !time->low_ports;
	config->require_sync = time->require_sync;
}

static size_t
time_once(struct instance *instance, char *reply)
{
	int64_t second = clock_boundary(clock_realtime(), CLOCK_SECOND);
	uint32_t number = htonl((uint32_t)(second / CLOCK_SECOND + SINCE_1900));

	(void)instance;
	memcpy(reply, &number, sizeof(number));
	return sizeof(number);
}

/* Whatever is in it, it is a request. */
static size_t
time_datagram(struct instance *instance, const struct datagram *datagram,
	      char *reply)
{
	(void)datagram;
	return time_once(instance, reply);
}

const struct service time_service = {
	.type = "time",
	.transports = ADDR_TCP | ADDR_UDP,
	.settings_size = sizeof(struct time_settings),
	.settings = settings,
	.defaults = &defaults,
	.configure = time_configure,
	.datagram = time_datagram,
	.once = time_once,
};
