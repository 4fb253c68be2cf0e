/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Addresses to listen on: what is understood can be shown, and what is shown
 * of an address with a port is understood as the same.
 */
#include "base/addr.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct addr_listen listen;
	char error[128] = "";
	char *text = malloc(size + 1);
	char shown[ADDR_TEXT];

	memcpy(text, data, size);
	text[size] = '\0';
	if (addr_parse_listen(text, &listen, error, sizeof(error)))
		for (int i = 0; i < listen.count; i++) {
			addr_format(&listen.addr[i], shown);
			if (!memchr(shown, '\0', sizeof(shown)))
				abort();
		}
	else if (!error[0])
		abort();
	free(text);
	return 0;
}
