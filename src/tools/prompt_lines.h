/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lines from standard input as they come: from a script, or from a terminal
 * where there is no editor.
 */
#ifndef TIMED_TOOLS_PROMPT_LINES_H
#define TIMED_TOOLS_PROMPT_LINES_H

#include "tools/prompt_text.h"
#include "tools/prompt_wait.h"
#include "tools/words.h"

#include <stdbool.h>
#include <stddef.h>

struct prompt_lines {
	struct prompt_wait *wait;
	struct prompt_text *text; /* NULL: nobody is asked */
	size_t used;
	size_t taken; /* bytes of the line that was given last */
	bool ended;
	bool skipping; /* what is left of a line that is too long */
	char bytes[WORDS_BYTES];
};

/*
 * The next line, into *LINE, until the next call: PROMPT_INPUT.  Else
 * PROMPT_INTERRUPT, PROMPT_END, or, when a line was too long and is passed
 * over, PROMPT_INPUT with NULL.
 */
enum prompt_event prompt_lines_next(struct prompt_lines *lines,
				    const char **line);

#endif
