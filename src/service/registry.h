/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of services: the one place that names them.
 */
#ifndef TIMED_SERVICE_REGISTRY_H
#define TIMED_SERVICE_REGISTRY_H

#include "worker/service.h"

#include <stddef.h>

/* Ends with NULL. */
extern const struct service *const registry[];

/* The service of that type, or NULL. */
const struct service *registry_find(const char *type);

/* "stream, daytime": for a message. */
void registry_names(char *text, size_t size);

#endif
