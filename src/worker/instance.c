/* SPDX-License-Identifier: BSD-2-Clause */
#include "worker/instance.h"

#include "worker/conn.h"
#include "worker/limits.h"
#include "worker/ticker.h"

#include <stdlib.h>

int
instance_start(struct instance *instance, const struct service_config *config,
	       struct conns *conns, struct keeping *keeping,
	       struct scoreboard_slot *slot)
{
	const struct service *service = config->service;

	instance->config = config;
	instance->conns = conns;
	instance->keeping = service->keep ? keeping : NULL;
	instance->tally = &slot->services[config->board];
	instance->lateness = &slot->lateness;
	TAILQ_INIT(&instance->blocked);
	if (config->rate.per_second > 0) {
		instance->limits = limits_new(&config->rate);
		if (!instance->limits)
			return -1;
	}
	if (service->start && service->start(instance) < 0)
		return -1;
	if (ticker_start(instance) < 0) {
		if (service->stop)
			service->stop(instance);
		return -1;
	}
	return 0;
}

void
instance_stop(struct instance *instance, bool ticking)
{
	const struct service *service = instance->config->service;

	if (ticking)
		ticker_stop(instance);
	if (service->stop)
		service->stop(instance);
	limits_free(instance->limits);
	free(instance->members);
}

void
instance_end(struct instance *instance)
{
	/* Backwards, because some close at once. */
	for (uint32_t k = instance->member_count; k-- > 0;)
		conn_end(instance->members[k], CONN_STOPPING);
}

void
instance_close(struct instance *instance, bool settled_only)
{
	for (uint32_t k = instance->member_count; k-- > 0;)
		if (!settled_only || conn_settled(instance->members[k]))
			conn_close(instance->members[k], CONN_STOPPING);
}
