/* SPDX-License-Identifier: BSD-2-Clause */
#include "status/text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	FIRST_SIZE = 16 * 1024,
	PIECE = 1024 /* the longest of text_format() */
};

static bool
make_room(struct text *text, size_t more)
{
	size_t size = text->size ? text->size : FIRST_SIZE;
	char *bytes;

	if (text->failed)
		return false;
	while (size - text->length <= more)
		size *= 2;
	if (size == text->size)
		return true;
	bytes = realloc(text->bytes, size);
	if (!bytes) {
		text->failed = true;
		return false;
	}
	text->bytes = bytes;
	text->size = size;
	return true;
}

void
text_add(struct text *text, const char *bytes, size_t length)
{
	if (!make_room(text, length))
		return;
	memcpy(text->bytes + text->length, bytes, length);
	text->length += length;
	text->bytes[text->length] = '\0';
}

void
text_put(struct text *text, const char *string)
{
	text_add(text, string, strlen(string));
}

void
text_format(struct text *text, const char *format, ...)
{
	char piece[PIECE];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(piece, sizeof(piece), format, arguments);
	va_end(arguments);
	text_put(text, piece);
}

void
text_escape(struct text *text, const char *string)
{
	while (*string) {
		size_t plain = strcspn(string, "&<>\"'");

		text_add(text, string, plain);
		string += plain;
		if (*string)
			text_format(text, "&#%d;", *string++);
	}
}

void
text_number(struct text *text, uint64_t number)
{
	char digits[24];
	int length = snprintf(digits, sizeof(digits), "%" PRIu64, number);

	for (int i = 0; i < length; i++) {
		if (i > 0 && (length - i) % 3 == 0)
			text_add(text, ",", 1);
		text_add(text, &digits[i], 1);
	}
}

void
text_microseconds(struct text *text, uint64_t microseconds)
{
	double value = (double)microseconds;

	if (microseconds < 1000)
		text_format(text, "%" PRIu64 " µs", microseconds);
	else if (microseconds < 1000000)
		text_format(text, "%.1f ms", value / 1e3);
	else
		text_format(text, "%.2f s", value / 1e6);
}

void
text_free(struct text *text)
{
	free(text->bytes);
	*text = (struct text){ 0 };
}
