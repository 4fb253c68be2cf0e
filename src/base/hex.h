/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bytes as hexadecimal digits, for where only text may stand.
 */
#ifndef TIMED_BASE_HEX_H
#define TIMED_BASE_HEX_H

#include <stddef.h>
#include <sys/types.h>

/* SIZE bytes as TEXT, of 2 * SIZE + 1 bytes.  Returns TEXT. */
const char *hex_text(const void *bytes, size_t size, char *text);

/* How many bytes HEX makes, which go to BYTES; -1: no digits, or over SIZE. */
ssize_t hex_bytes(const char *hex, void *bytes, size_t size);

#endif
