/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The setting `status`: where the status page listens.
 */
#ifndef TIMED_CONFIG_STATUS_PAGE_H
#define TIMED_CONFIG_STATUS_PAGE_H

#include "config/config.h"

/* Once the services are read, whose addresses are taken. */
void status_page_read(struct config *config, config_setting_t *root,
		      struct complaints *complaints);

#endif
