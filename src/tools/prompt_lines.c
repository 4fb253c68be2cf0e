/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/prompt_lines.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void
ask(const struct prompt_lines *lines)
{
	if (!lines->text)
		return;
	prompt_text_look(lines->text);
	fputs(lines->text->text, stdout);
	fflush(stdout);
}

/*
 * Take the line that ends at END, whose newline, or what there is of it when
 * the input has ended, becomes a NUL.
 */
static const char *
take(struct prompt_lines *lines, size_t end)
{
	bool skipped = lines->skipping;

	lines->bytes[end] = '\0';
	lines->taken = end + 1;
	lines->skipping = false;
	return skipped ? NULL : lines->bytes;
}

/* Whether there is one, into *LINE. */
static bool
line_here(struct prompt_lines *lines, const char **line)
{
	const char *end = memchr(lines->bytes, '\n', lines->used);

	if (end) {
		*line = take(lines, (size_t)(end - lines->bytes));
		return true;
	}
	if (lines->ended && (lines->used > 0 || lines->skipping)) {
		*line = take(lines, lines->used);
		return true;
	}
	if (lines->used == sizeof(lines->bytes) - 1) {
		lines->skipping = true;
		lines->used = 0;
	}
	return false;
}

static void
forget_taken(struct prompt_lines *lines)
{
	if (lines->taken > lines->used)
		lines->taken = lines->used;
	lines->used -= lines->taken;
	memmove(lines->bytes, lines->bytes + lines->taken, lines->used);
	lines->taken = 0;
}

static void
read_more(struct prompt_lines *lines)
{
	ssize_t n = read(STDIN_FILENO, lines->bytes + lines->used,
			 sizeof(lines->bytes) - 1 - lines->used);

	if (n > 0)
		lines->used += (size_t)n;
	else if (n == 0 || (errno != EINTR && errno != EAGAIN))
		lines->ended = true;
}

enum prompt_event
prompt_lines_next(struct prompt_lines *lines, const char **line)
{
	forget_taken(lines);
	ask(lines);
	while (!line_here(lines, line)) {
		enum prompt_event event = PROMPT_END;

		if (!lines->ended)
			event = prompt_wait_next(lines->wait, true);
		switch (event) {
		case PROMPT_INPUT:
			read_more(lines);
			break;
		case PROMPT_LOG:
			fputc('\n', stdout);
			console_show(lines->wait->console);
			ask(lines);
			break;
		case PROMPT_SUSPEND:
			prompt_wait_suspend();
			ask(lines);
			break;
		case PROMPT_INTERRUPT:
			lines->used = 0;
			fputc('\n', stdout);
			return event;
		case PROMPT_END:
			if (lines->text)
				fputc('\n', stdout);
			return event;
		case PROMPT_CHILD:
		case PROMPT_RESIZE:
			break;
		}
	}
	return PROMPT_INPUT;
}
