/* SPDX-License-Identifier: BSD-2-Clause */
#include "service/registry.h"

#include <bsd/string.h>
#include <string.h>

extern const struct service chat_service;
extern const struct service daytime_service;
extern const struct service echo_service;
extern const struct service ntp_service;
extern const struct service stream_service;
extern const struct service time_service;

const struct service *const registry[] = {
	&stream_service, &daytime_service, &time_service, &ntp_service,
	&echo_service,	 &chat_service,	   NULL,
};

const struct service *
registry_find(const char *type)
{
	for (int i = 0; registry[i]; i++)
		if (strcmp(registry[i]->type, type) == 0)
			return registry[i];
	return NULL;
}

void
registry_names(char *text, size_t size)
{
	*text = '\0';
	for (int i = 0; registry[i]; i++) {
		if (i > 0)
			strlcat(text, ", ", size);
		strlcat(text, registry[i]->type, size);
	}
}
