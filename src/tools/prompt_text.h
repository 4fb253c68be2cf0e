/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the prompt shows before the line that is typed: "timed> ", and when
 * timed does not simply run, how it is: "timed (paused)> ".
 */
#ifndef TIMED_TOOLS_PROMPT_TEXT_H
#define TIMED_TOOLS_PROMPT_TEXT_H

#include "tools/operator.h"

struct prompt_text {
	const struct operator_options *options;
	char text[48];
};

/* Look how timed is now. */
void prompt_text_look(struct prompt_text *text);

#endif
