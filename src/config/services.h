/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The `services` of timed.conf: each entry is read by the service that it
 * names, through that service's table of settings.
 */
#ifndef TIMED_CONFIG_SERVICES_H
#define TIMED_CONFIG_SERVICES_H

#include "config/config.h"

/* Fill config->services; without the setting, with the default stream. */
void services_read(struct config *config, config_setting_t *root,
		   struct complaints *complaints);

void services_free(struct config *config);

/* The service that listens on ADDRESS with one of TRANSPORTS, or NULL. */
const struct service_config *services_taken(const struct config *config,
					    const struct addr *address,
					    unsigned transports);

#endif
