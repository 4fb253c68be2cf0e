/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/terminal_text.h"

#include <stddef.h>
#include <string.h>
#include <unistr.h>
#include <uniwidth.h>

enum {
	LONGEST = 4 /* bytes of a character in UTF-8 */
};

/* What a text begins with. */
struct glyph {
	int bytes;
	int cells; /* -1: nothing for a terminal */
};

static struct glyph
next_glyph(const char *text)
{
	ucs4_t c;
	int bytes =
		u8_mbtoucr(&c, (const uint8_t *)text, strnlen(text, LONGEST));

	if (bytes < 0)
		return (struct glyph){ 1, -1 };
	return (struct glyph){ bytes, uc_width(c, "UTF-8") };
}

void
terminal_text_put(const char *text, FILE *out)
{
	while (*text) {
		struct glyph glyph = next_glyph(text);

		if (glyph.cells < 0)
			fputc('?', out);
		else
			fwrite(text, 1, (size_t)glyph.bytes, out);
		text += glyph.bytes;
	}
}

int
terminal_text_width(const char *text)
{
	int cells = 0;

	while (*text) {
		struct glyph glyph = next_glyph(text);

		cells += glyph.cells < 0 ? 1 : glyph.cells;
		text += glyph.bytes;
	}
	return cells;
}
