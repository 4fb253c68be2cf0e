/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who may come: `allow`, `deny` and `limits`, of a service or at the top of
 * timed.conf, for all of them.
 */
#ifndef TIMED_CONFIG_GATES_H
#define TIMED_CONFIG_GATES_H

#include "base/settings.h"
#include "worker/service.h"

/* Fill GATE with what ROOT, the top of the file, says of all services. */
void gates_read_all(struct gate *gate, config_setting_t *root,
		    struct complaints *complaints);

/*
 * Fill what GROUP says of one, after its own settings were read: its gate, and
 * how long its clients may be idle.
 */
void gates_read(struct service_config *service, config_setting_t *group,
		struct complaints *complaints);

void gates_free(struct gate *gate);

#endif
