/* SPDX-License-Identifier: BSD-2-Clause */
#include "service/echo_line.h"

#include <string.h>

enum match {
	MATCH_SO_FAR,
	MATCH_WHOLE,
	MATCH_NOT,
};

void
echo_line_word(struct echo_line_word *word, const char *text)
{
	word->length = (uint32_t)strlen(text);
	memcpy(word->text, text, word->length);
	word->text[word->length] = '\r';
}

size_t
echo_line_held(uint32_t place)
{
	return place == ECHO_LINE_OTHER ? 0 : place;
}

/* A line of which *HELD bytes match goes on with BYTES. */
static enum match
match(const struct echo_line_word *word, uint32_t *held, const char *bytes,
      size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (bytes[i] == '\n' && *held >= word->length)
			return MATCH_WHOLE;
		if (*held > word->length || bytes[i] != word->text[*held])
			return MATCH_NOT;
		(*held)++;
	}
	return MATCH_SO_FAR;
}

/* Nothing is held back; where a line begins is known, should it matter. */
static struct echo_line_cut
take_all(uint32_t *place, const char *bytes, size_t length)
{
	struct echo_line_cut cut = { .held = echo_line_held(*place),
				     .length = length };

	if (length > 0)
		*place = bytes[length - 1] == '\n' ? ECHO_LINE_BEGIN
						   : ECHO_LINE_OTHER;
	return cut;
}

struct echo_line_cut
echo_line_take(const struct echo_line_word *word, uint32_t *place,
	       const char *bytes, size_t length)
{
	struct echo_line_cut cut = { .held = 0 };
	const char *line = bytes, *end = bytes + length;

	if (word->length == 0)
		return take_all(place, bytes, length);
	while (line) {
		size_t left = (size_t)(end - line);

		cut.length = (size_t)(line - bytes);
		if (*place != ECHO_LINE_OTHER) {
			uint32_t held = *place;
			enum match matched = match(word, place, line, left);

			cut.over = matched == MATCH_WHOLE;
			if (matched != MATCH_NOT)
				return cut;
			cut.held += held;
			*place = ECHO_LINE_OTHER;
		}
		line = memchr(line, '\n', left);
		if (line) {
			line++;
			*place = ECHO_LINE_BEGIN;
		}
	}
	cut.length = length;
	return cut;
}
