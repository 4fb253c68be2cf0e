/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/columns.h"

#include <bsd/string.h>
#include <limits.h>
#include <string.h>
#include <wchar.h>

enum {
	CELL = 512, /* bytes */
	LEAST = 8   /* of a column that takes what is left */
};

static int
width_of(const struct column *column)
{
	return column->width ? column->width : LEAST;
}

static int
width_of_all(const struct column *columns, int count, uint64_t shown)
{
	int width = 0;

	for (int i = 0; i < count; i++)
		if (shown >> i & 1)
			width += width_of(&columns[i]) + (width > 0);
	return width;
}

uint64_t
columns_fit(const struct column *columns, int count, int width)
{
	uint64_t shown = count < 64 ? (UINT64_C(1) << count) - 1 : UINT64_MAX;

	while (width_of_all(columns, count, shown) > width) {
		int worst = 0;

		for (int i = 1; i < count; i++)
			if (shown >> i & 1 &&
			    (worst == 0 ||
			     columns[i].rank >= columns[worst].rank))
				worst = i;
		if (worst == 0)
			break;
		shown &= ~(UINT64_C(1) << worst);
	}
	return shown;
}

int
columns_cut(const char *from, int width, char *text, size_t size)
{
	mbstate_t state = { 0 };
	size_t used = 0;
	int cells = 0;

	while (*from && used + MB_LEN_MAX < size) {
		wchar_t c;
		size_t length = mbrtowc(&c, from, MB_LEN_MAX, &state);
		bool plain = length > 0 && length <= MB_LEN_MAX;
		int wide = plain ? wcwidth(c) : -1;

		if (cells + (wide < 0 ? 1 : wide) > width)
			break;
		if (wide >= 0) {
			memcpy(text + used, from, length);
			used += length;
			cells += wide;
		} else {
			text[used++] = '?';
			cells++;
		}
		if (!plain) {
			memset(&state, 0, sizeof(state));
			length = 1;
		}
		from += length;
	}
	text[used] = '\0';
	return cells;
}

static void
pad(char *text, size_t size, int cells)
{
	size_t used = strlen(text);

	while (cells-- > 0 && used + 1 < size)
		text[used++] = ' ';
	text[used] = '\0';
}

static void
add_cell(const struct column *column, int width, const void *row, char *text,
	 size_t size)
{
	char whole[CELL] = "", cut[CELL];
	int cells;

	if (row)
		column->cell((const char *)row + column->at, whole,
			     sizeof(whole));
	else
		strlcpy(whole, column->title, sizeof(whole));
	cells = columns_cut(whole, width, cut, sizeof(cut));
	if (!column->left)
		pad(text, size, width - cells);
	strlcat(text, cut, size);
	if (column->left && column->width)
		pad(text, size, width - cells);
}

void
columns_line(const struct column *columns, int count, uint64_t shown, int width,
	     const void *row, char *text, size_t size)
{
	int used = 0;

	text[0] = '\0';
	for (int i = 0; i < count; i++) {
		int own = columns[i].width;

		if (!(shown >> i & 1))
			continue;
		if (used > 0) {
			strlcat(text, " ", size);
			used++;
		}
		if (own == 0 || own > width - used)
			own = width - used;
		add_cell(&columns[i], own, row, text, size);
		used += own;
	}
}
