/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Between worker and keeper: any datagram is refused, or its strings lie within
 * it and it is what would be written of them.
 */
#include "ipc/keeper_wire.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
within(const char *bytes, size_t size, const char *text, size_t length)
{
	if (text < bytes || length > size ||
	    (size_t)(text - bytes) > size - length)
		abort();
}

static void
request(const char *bytes, size_t size)
{
	char again[KEEPER_REQUEST_MOST];
	struct keeper_asked asked;
	uint16_t reserved;
	size_t length = keeper_wire_asked(bytes, size, &asked);

	if (length == 0)
		return;
	if (length > size)
		abort();
	within(bytes, size, asked.name, asked.head.name_length);
	within(bytes, size, asked.text, asked.head.text_length);
	within(bytes, size, asked.more, asked.head.more_length);
	reserved = asked.head.reserved;
	if (keeper_wire_request(&asked, again) != length ||
	    (!reserved && memcmp(bytes, again, length) != 0))
		abort();
}

static void
answer(const char *bytes, size_t size)
{
	static char again[KEEPER_ANSWER_MOST];
	struct keeper_told told;
	size_t length = keeper_wire_told(bytes, size, &told);

	if (length == 0)
		return;
	if (length > size)
		abort();
	within(bytes, size, told.name, told.head.name_length);
	within(bytes, size, told.text, told.head.text_length);
	if (keeper_wire_answer(&told, again) != length ||
	    memcmp(bytes, again, length) != 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* Of its own, so that what reads beyond it is caught. */
	char *bytes = malloc(size + !size);

	memcpy(bytes, data, size);
	request(bytes, size);
	answer(bytes, size);
	free(bytes);
	return 0;
}
