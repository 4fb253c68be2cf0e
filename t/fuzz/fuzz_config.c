/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * timed.conf: any file is a configuration, or refused with at least one line
 * of text.
 */
#include "config/config.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__asan_default_options(void);

/* libconfig leaks the text that a syntax error is in. */
const char *
__asan_default_options(void)
{
	return "detect_leaks=0";
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct complaints complaints = { 0 };
	struct config *config;
	char path[64];
	int fd = memfd_create("timed.conf", MFD_CLOEXEC);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	config = config_load(path, &complaints);
	if (!config && complaints.count == 0)
		abort();
	if (config &&
	    (config->workers < 1 || config->workers > CONFIG_WORKERS ||
	     config->service_count < 1))
		abort();
	config_free(config);
	complaints_free(&complaints);
	close(fd);
	return 0;
}
