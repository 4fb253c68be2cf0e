/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/top_screen.h"

#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#ifdef HAVE_NCURSES

#include "tools/columns.h"
#include "tools/top_text.h"

#include <curses.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
	ESCAPE_DELAY = 25, /* milliseconds that a key's sequence may take */
	WARNING = 1,	   /* pairs of colours */
	ALARM,
};

/* --- lines --- */

static void
put(int row, const char *text, attr_t look)
{
	attrset(look);
	mvaddstr(row, 0, text);
	attrset(A_NORMAL);
}

/* A title: all the way across. */
static void
put_title(int row, const char *text)
{
	attrset(A_REVERSE);
	mvhline(row, 0, ' ' | A_REVERSE, COLS);
	mvaddstr(row, 0, text);
	attrset(A_NORMAL);
}

/* COLOR of those above; without colours bold has to do. */
static attr_t
coloured(int pair)
{
	return has_colors() ? (attr_t)COLOR_PAIR(pair) : A_BOLD;
}

/* --- panes; each returns the row behind it --- */

static int
draw_head(const struct top_picture *picture, int row, int lines)
{
	char text[TOP_TEXT];

	for (int i = 0; i < lines; i++) {
		attr_t look = i == 0 ? A_BOLD : A_NORMAL;

		top_text_head(i, picture->snapshot, picture->rates,
			      picture->gone, picture->synchronised, COLS, text);
		if (i == 0 &&
		    (picture->gone ||
		     picture->snapshot->master.state != MASTER_RUNNING))
			look = coloured(WARNING);
		/* Where it can be missed least. */
		if (i == 1 && picture->problem[0]) {
			columns_cut(picture->problem, COLS, text, sizeof(text));
			look = coloured(ALARM);
		}
		put(row + i, text, look);
	}
	return row + lines;
}

/* Of a row of a table: what is of the past is dim. */
static attr_t
row_look(const struct top_picture *picture, bool usual)
{
	if (picture->gone)
		return A_DIM;
	return usual ? A_NORMAL : coloured(WARNING);
}

static int
draw_workers(const struct top_picture *picture, int row, int lines)
{
	const struct rates *rates = picture->rates;
	char text[TOP_TEXT];

	if (lines == 0)
		return row;
	top_text_worker(NULL, COLS, text);
	put_title(row, text);
	for (int i = 0; i + 1 < lines; i++) {
		int at = picture->view->first + i;
		const struct rates_worker *worker = &rates->workers[at];

		if (at >= rates->worker_count)
			break;
		top_text_worker(worker, COLS, text);
		put(row + 1 + i, text,
		    row_look(picture, worker->place.state == WORKER_SERVING));
	}
	return row + lines;
}

static int
draw_services(const struct top_picture *picture, int row, int lines)
{
	const struct rates *rates = picture->rates;
	char text[TOP_TEXT];

	if (lines == 0)
		return row;
	top_text_service(NULL, COLS, text);
	put_title(row, text);
	for (int i = 0; i + 1 < lines && i < rates->service_count; i++) {
		const struct rates_service *service = &rates->services[i];

		top_text_service(service, COLS, text);
		put(row + 1 + i, text, row_look(picture, !service->paused));
	}
	return row + lines;
}

static void
draw_log(const struct top_log *log, int row, int lines)
{
	char text[TOP_TEXT];
	int first = log->count - (lines - 1);

	if (lines == 0)
		return;
	put_title(row++, "LOG");
	if (log->problem[0]) {
		columns_cut(log->problem, COLS, text, sizeof(text));
		put(row, text, A_DIM);
		return;
	}
	for (int i = first > 0 ? first : 0; i < log->count; i++) {
		columns_cut(log->lines[i], COLS, text, sizeof(text));
		put(row++, text, A_NORMAL);
	}
}

static void
draw_help(void)
{
	const struct top_help *help;
	char text[TOP_TEXT], whole[128];

	put_title(0, "KEYS");
	for (int i = 0; (help = top_view_help(i)) && i + 2 < LINES; i++) {
		snprintf(whole, sizeof(whole), "%-11s %s", help->keys,
			 help->text);
		columns_cut(whole, COLS, text, sizeof(text));
		put(i + 1, text, A_NORMAL);
	}
}

static void
draw_panes(const struct top_picture *picture)
{
	const struct rates *rates = picture->rates;
	struct top_layout layout =
		top_view_layout(picture->view, LINES, rates->worker_count,
				rates->service_count);
	int row = draw_head(picture, 0, layout.head);

	row = draw_workers(picture, row, layout.workers);
	row = draw_services(picture, row, layout.services);
	draw_log(picture->log, row, layout.log);
}

void
top_screen_draw(const struct top_picture *picture)
{
	char text[TOP_TEXT];

	erase();
	if (picture->view->help)
		draw_help();
	else if (picture->snapshot)
		draw_panes(picture);
	top_text_bar(picture->view, COLS, text);
	put_title(LINES - 1, text);
	refresh();
}

/* --- keys --- */

int
top_screen_key(void)
{
	int key = getch();

	switch (key) {
	case ERR:
		return 0;
	case KEY_UP:
		return TOP_KEY_UP;
	case KEY_DOWN:
		return TOP_KEY_DOWN;
	case KEY_PPAGE:
		return TOP_KEY_PAGE_UP;
	case KEY_NPAGE:
		return TOP_KEY_PAGE_DOWN;
	case KEY_HOME:
		return TOP_KEY_HOME;
	case KEY_END:
		return TOP_KEY_END;
	default:
		/* Others of ncurses' are nothing here. */
		return key < KEY_MIN ? key : TOP_KEY_OTHER;
	}
}

/* --- life --- */

static void
open_colours(void)
{
	const char *refused = getenv("NO_COLOR");

	if ((refused && *refused) || !has_colors() || start_color() == ERR)
		return;
	use_default_colors();
	init_pair(WARNING, COLOR_YELLOW, -1);
	init_pair(ALARM, COLOR_RED, -1);
}

int
top_screen_open(char *error, size_t size)
{
	const char *type = getenv("TERM");

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
		snprintf(error, size,
			 "top needs a terminal; with -j it does not");
		return EX_USAGE;
	}
	if (!newterm(NULL, stdout, stdin)) {
		snprintf(error, size,
			 "top: the terminal \"%s\" is not known, or is too "
			 "simple",
			 type ? type : "");
		return EX_UNAVAILABLE;
	}
	set_escdelay(ESCAPE_DELAY);
	cbreak();
	noecho();
	nonl();
	curs_set(0);
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	open_colours();
	return 0;
}

void
top_screen_close(void)
{
	/* Where there is one screen only, what comes next needs a line. */
	move(LINES - 1, 0);
	clrtoeol();
	refresh();
	endwin();
}

void
top_screen_resize(void)
{
	struct winsize now;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &now) == 0 && now.ws_row > 0 &&
	    now.ws_col > 0)
		resizeterm(now.ws_row, now.ws_col);
	clearok(curscr, TRUE);
}

#else

int
top_screen_open(char *error, size_t size)
{
	snprintf(error, size,
		 "top: this timedctl was built without ncurses; with -j it "
		 "needs none");
	return EX_UNAVAILABLE;
}

void
top_screen_close(void)
{
}

void
top_screen_draw(const struct top_picture *picture)
{
	(void)picture;
}

void
top_screen_resize(void)
{
}

int
top_screen_key(void)
{
	return 0;
}

#endif
