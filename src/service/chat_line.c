/* SPDX-License-Identifier: BSD-2-Clause */
#include "service/chat_line.h"

#include <string.h>
#include <unictype.h>
#include <unistr.h>

/* RFC 854; those from WILL to DONT are followed by an option. */
enum {
	TELNET_SE = 240,
	TELNET_SB = 250,
	TELNET_WILL = 251,
	TELNET_DONT = 254,
	TELNET_IAC = 255,
	/* A subnegotiation that is longer is none, but bytes of something. */
	TELNET_OPTION = 64,
};

enum telnet_state {
	TEXT,
	COMMAND,    /* after IAC */
	OPTION,	    /* after IAC WILL */
	SUB,	    /* after IAC SB */
	SUB_COMMAND /* after IAC in that */
};

static uint8_t
after_command(unsigned char byte)
{
	if (byte == TELNET_SB)
		return SUB;
	return byte >= TELNET_WILL && byte <= TELNET_DONT ? OPTION : TEXT;
}

/* Whether BYTE is text. */
static bool
is_text(struct chat_line_place *place, unsigned char byte)
{
	switch (place->telnet) {
	case COMMAND:
		place->option = 0;
		place->telnet = after_command(byte);
		return false;
	case OPTION:
		place->telnet = TEXT;
		return false;
	case SUB:
		if (byte == TELNET_IAC)
			place->telnet = SUB_COMMAND;
		else if (++place->option > TELNET_OPTION)
			place->telnet = TEXT;
		return false;
	case SUB_COMMAND:
		place->telnet = byte == TELNET_SE ? TEXT : SUB;
		return false;
	default:
		if (byte != TELNET_IAC)
			return true;
		place->telnet = COMMAND;
		return false;
	}
}

size_t
chat_line_strip(struct chat_line_place *place, char *bytes, size_t length)
{
	char *first = bytes;
	char *to;

	if (place->telnet == TEXT)
		first = memchr(bytes, TELNET_IAC, length);
	if (!first)
		return length;
	to = first;
	for (const char *from = first; from < bytes + length; from++)
		if (is_text(place, (unsigned char)*from))
			*to++ = *from;
	return (size_t)(to - bytes);
}

static size_t
without_return(const char *text, size_t length)
{
	return length > 0 && text[length - 1] == '\r' ? length - 1 : length;
}

/* Pass over the rest of a line that was too long; how many bytes that is. */
static size_t
drop_rest(struct chat_line_place *place, const char *bytes, size_t length)
{
	const char *end;

	if (!place->dropping)
		return 0;
	end = memchr(bytes, '\n', length);
	place->dropping = !end;
	return end ? (size_t)(end + 1 - bytes) : length;
}

enum chat_line_got
chat_line_cut(struct chat_line_place *place, const char *bytes, size_t length,
	      struct chat_line *line, size_t *used)
{
	const char *text, *end;
	size_t until;

	*used = drop_rest(place, bytes, length);
	text = bytes + *used;
	end = memchr(text, '\n', length - *used);
	until = end ? (size_t)(end - text) : length - *used;
	*line = (struct chat_line){ text, without_return(text, until) };
	if (line->length > CHAT_LINE) {
		*used += until + (end != NULL);
		place->dropping = !end;
		return CHAT_LINE_LONG;
	}
	if (!end)
		return CHAT_LINE_NONE;
	*used += until + 1;
	return CHAT_LINE_WHOLE;
}

/*
 * Whether a terminal may do with it something else than show it, or show
 * something else in its place.
 */
static bool
is_control(ucs4_t character)
{
	if (character >= 0x202a && character <= 0x202e)
		return true;
	if (character >= 0x2066 && character <= 0x2069)
		return true;
	return uc_is_general_category_withtable(
		character, UC_CATEGORY_MASK_Cc | UC_CATEGORY_MASK_Zl |
				   UC_CATEGORY_MASK_Zp | UC_CATEGORY_MASK_Cs);
}

const char *
chat_line_wrong(const char *text, size_t length)
{
	const uint8_t *at = (const uint8_t *)text;
	const uint8_t *end = at + length;

	if (u8_check(at, length))
		return "must be UTF-8";
	while (at < end) {
		ucs4_t character = *at;

		if (character < 0x80)
			at++;
		else
			at += u8_mbtouc(&character, at, (size_t)(end - at));
		if (character < ' ' || character == 0x7f ||
		    (character >= 0x80 && is_control(character)))
			return "must have no control characters";
	}
	return NULL;
}

bool
chat_line_blank(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (text[i] != ' ')
			return false;
	return true;
}

static void
skip_spaces(struct chat_line *line)
{
	while (line->length > 0 && *line->text == ' ') {
		line->text++;
		line->length--;
	}
}

struct chat_line
chat_line_word(struct chat_line *line)
{
	struct chat_line word;
	const char *space;

	skip_spaces(line);
	space = memchr(line->text, ' ', line->length);
	word = *line;
	if (space)
		word.length = (size_t)(space - line->text);
	line->text += word.length;
	line->length -= word.length;
	skip_spaces(line);
	return word;
}
