/* SPDX-License-Identifier: BSD-2-Clause */
#include "worker/gate.h"

#include "base/clock.h"
#include "ipc/events.h"
#include "worker/conns.h"
#include "worker/once.h"

#include <inttypes.h>
#include <string.h>

/* What a client is told; NULL: nothing. */
static const char *const words[REFUSALS] = {
	[REFUSED_DENIED] = "! you may not connect from your address\n",
	[REFUSED_CONNECTIONS] = "! too many connections\n",
	[REFUSED_PER_ADDRESS] = "! too many connections from your address\n",
	[REFUSED_PER_SECOND] =
		"! you connect too often, try again in a moment\n",
};

/* --- lists --- */

static enum acl_verdict
look(const struct gate *gate, const struct addr *from)
{
	return gate && gate->acl ? acl_look(gate->acl, from) : ACL_SILENT;
}

bool
gate_denies(const struct instance *instance, const struct addr *from)
{
	const struct service_config *config = instance->config;
	enum acl_verdict verdict = ACL_SILENT;

	if (from->sa.sa_family != AF_INET && from->sa.sa_family != AF_INET6)
		return false;
	verdict = look(&config->gate, from);
	if (verdict == ACL_SILENT)
		verdict = look(config->gate_for_all, from);
	return verdict == ACL_DENIED;
}

/* --- quotas --- */

static bool
has_quota(const struct gate *gate)
{
	return gate &&
	       (gate->quota.connections > 0 || gate->quota.per_address > 0 ||
		gate->quota.per_second > 0);
}

/* Whether a client of INSTANCE has to be known to the census. */
static bool
is_counted(const struct instance *instance)
{
	const struct service_config *config = instance->config;

	return (has_quota(&config->gate) || has_quota(config->gate_for_all)) &&
	       instance->conns->census;
}

static void
describe(const struct instance *instance, const struct addr *peer,
	 struct census_client *client)
{
	const struct service_config *config = instance->config;

	*client = (struct census_client){
		.service = config->board,
		.source = addr_source(peer),
		.stays = config->service->once == NULL,
		.own = &config->gate.quota,
		.all = config->gate_for_all ? &config->gate_for_all->quota
					    : NULL,
	};
}

enum refusal
gate_admit(const struct instance *instance, const struct addr *peer,
	   struct census_seats *seats)
{
	struct census_client client;

	*seats = (struct census_seats){ 0 };
	if (gate_denies(instance, peer))
		return REFUSED_DENIED;
	if (!is_counted(instance))
		return REFUSALS;
	describe(instance, peer, &client);
	return census_admit(instance->conns->census, &client, seats,
			    clock_monotonic());
}

void
gate_leave(struct conns *conns, struct census_seats *seats)
{
	if (conns->census)
		census_leave(conns->census, seats);
}

void
gate_inherit(struct conns *conns, const struct instance *instance,
	     uint32_t board, const struct addr *peer, int from,
	     struct census_seats *seats)
{
	struct census_client client = { .source = addr_source(peer) };
	bool counted = instance && is_counted(instance);

	*seats = (struct census_seats){ 0 };
	if (!counted && from < 0)
		return;
	if (counted)
		describe(instance, peer, &client);
	client.service = (int)board;
	census_inherit(conns->census, &client, from, seats);
}

/* --- refusing --- */

static void
log_refused(const struct instance *instance, const struct addr *peer,
	    enum refusal why, uint64_t more)
{
	struct log_record record;
	char text[ADDR_TEXT];

	if (!log_begin(&record, EVENT_CLIENT_REFUSED))
		return;
	if (instance) {
		addr_format(peer, text);
		log_tag(&record, "service", "%s", instance->config->name);
		log_tag(&record, "peer", "%s", text);
	}
	log_tag(&record, "reason", "%s", refusal_names[why]);
	if (more > 0)
		log_tag(&record, "more", "%" PRIu64, more);
	log_end(&record);
}

void
gate_note(const struct instance *instance, const struct addr *peer,
	  enum refusal why)
{
	struct census *census =
		instance->conns ? instance->conns->census : NULL;
	uint64_t more = 0;

	tally_refuse(instance->tally, why);
	if (!census || census_may_say(census, why, clock_monotonic(), &more))
		log_refused(instance, peer, why, more);
}

void
gate_sum_up(struct conns *conns)
{
	uint64_t more;

	for (int i = 0; i < REFUSALS; i++)
		if (census_may_sum_up(conns->census, (enum refusal)i,
				      conns->now, &more))
			log_refused(NULL, NULL, (enum refusal)i, more);
}

void
gate_refuse(const struct instance *instance, int fd, const struct addr *peer,
	    enum refusal why)
{
	gate_note(instance, peer, why);
	if (instance->config->service->text && words[why])
		(void)once_tell(fd, words[why], strlen(words[why]));
	once_close(fd);
}
