/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/hex.h"

#include <stdio.h>
#include <string.h>

const char *
hex_text(const void *bytes, size_t size, char *text)
{
	const unsigned char *byte = bytes;

	for (size_t i = 0; i < size; i++)
		snprintf(text + 2 * i, 3, "%02x", byte[i]);
	text[2 * size] = '\0';
	return text;
}

ssize_t
hex_bytes(const char *hex, void *bytes, size_t size)
{
	unsigned char *byte = bytes;
	size_t length = strlen(hex) / 2;
	unsigned value;

	if (length > size)
		return -1;
	for (size_t i = 0; i < length; i++) {
		if (sscanf(hex + 2 * i, "%2x", &value) != 1)
			return -1;
		byte[i] = (unsigned char)value;
	}
	return (ssize_t)length;
}
