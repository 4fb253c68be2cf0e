/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A table of columns, for as many of them as there is width for.
 *
 * A column shows a member of the rows; what is too long for it is cut.
 * Widths are those of a terminal, so that text may be any UTF-8, and what a
 * terminal could take for an order is shown as a question mark.
 */
#ifndef TIMED_TOOLS_COLUMNS_H
#define TIMED_TOOLS_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct column {
	const char *title;
	int width; /* 0: what is left of the line, for the last one */
	int rank;  /* those with the highest are left out first */
	bool left; /* aligned */
	void (*cell)(const void *member, char *text, size_t size);
	size_t at; /* where in a row its member is */
};

/*
 * Which of COUNT columns (64 at most) fit WIDTH, as a mask by their place.
 * The first column stays in any case.
 */
uint64_t columns_fit(const struct column *columns, int count, int width);

/*
 * The line of ROW, or of the titles if that is NULL, of the columns in SHOWN,
 * WIDTH wide at most.
 */
void columns_line(const struct column *columns, int count, uint64_t shown,
		  int width, const void *row, char *text, size_t size);

/*
 * FROM as it is shown in at most WIDTH cells of a terminal; how many it takes.
 */
int columns_cut(const char *from, int width, char *text, size_t size);

#endif
