/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What others have written, to be read on a terminal: UTF-8 in any locale, and
 * a question mark for what a terminal could take for an order.
 */
#ifndef TIMED_TOOLS_TERMINAL_TEXT_H
#define TIMED_TOOLS_TERMINAL_TEXT_H

#include <stdio.h>

/* Write TEXT to OUT. */
void terminal_text_put(const char *text, FILE *out);

/* The cells that it takes on a terminal. */
int terminal_text_width(const char *text);

#endif
