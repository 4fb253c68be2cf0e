/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Text that grows: what a request is answered with, written piece by piece.
 * When memory is out it is marked as failed, and what follows is dropped; who
 * wants it looks once, at the end.
 */
#ifndef TIMED_STATUS_TEXT_H
#define TIMED_STATUS_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text {
	char *bytes; /* ends with a NUL, which is not counted */
	size_t length;
	size_t size;
	bool failed;
};

void text_add(struct text *text, const char *bytes, size_t length);

void text_put(struct text *text, const char *string);

void text_format(struct text *text, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* STRING as HTML has it, in an attribute too. */
void text_escape(struct text *text, const char *string);

/* 1234567 as 1,234,567. */
void text_number(struct text *text, uint64_t number);

/* MICROSECONDS as "85 µs", "1.2 ms" or "3.40 s". */
void text_microseconds(struct text *text, uint64_t microseconds);

void text_free(struct text *text);

#endif
