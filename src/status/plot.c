/* SPDX-License-Identifier: BSD-2-Clause */
#include "status/plot.h"

#include <stddef.h>

enum {
	WIDTH = HISTORY_SECONDS,
	HEIGHT = 100
};

/* One picture: an area, and a curve that may be of another number. */
struct plot {
	const char *id;
	const char *title;
	const char *of; /* what the curve is */
	size_t area;	/* offsets in struct history_sample */
	size_t curve;
	uint64_t least; /* that its top stands for */
	void (*value)(struct text *text, uint64_t value);
};

#define OF(member) offsetof(struct history_sample, member)

static const struct plot plots[] = {
	{ "plot-connections", "Connections", "", OF(connections),
	  OF(connections), 10, text_number },
	{ "plot-lateness", "Lateness", "p99 of a second, and its most", OF(max),
	  OF(p99), 1000, text_microseconds },
};

static uint64_t
value_of(const struct history_sample *sample, size_t offset)
{
	return *(const uint64_t *)(const void *)((const char *)sample + offset);
}

static uint64_t
most_of(const struct figures *figures, const struct plot *plot)
{
	int64_t now = figures->now / CLOCK_SECOND;
	uint64_t most = 0;

	for (int64_t at = now - WIDTH + 1; at <= now; at++) {
		const struct history_sample *sample =
			history_at(figures->history, at);
		uint64_t area = sample ? value_of(sample, plot->area) : 0;
		uint64_t curve = sample ? value_of(sample, plot->curve) : 0;

		most = area > most ? area : most;
		most = curve > most ? curve : most;
	}
	return most;
}

/* The next of 10, 20, 50, 100 ... that is not below MOST. */
static double
roof(uint64_t most, uint64_t least)
{
	double top = (double)least;

	for (int k = 0; top < (double)most; k++)
		top *= k % 3 == 1 ? 2.5 : 2;
	return top;
}

/* Each run of seconds that are there is a curve, and an area below it. */
static void
path(const struct figures *figures, struct text *text, size_t offset,
     double top, bool area)
{
	int64_t first = figures->now / CLOCK_SECOND - WIDTH + 1;
	int run = 0;

	for (int x = 0; x <= WIDTH; x++) {
		const struct history_sample *sample =
			x < WIDTH ? history_at(figures->history, first + x)
				  : NULL;
		double y;

		if (!sample) {
			if (run > 0 && area)
				text_format(text, "L%d %dZ", x - 1, HEIGHT);
			run = 0;
			continue;
		}
		y = HEIGHT - (double)value_of(sample, offset) / top * HEIGHT;
		if (run == 0 && area)
			text_format(text, "M%d %dL%d %.1f", x, HEIGHT, x, y);
		else
			text_format(text, "%c%d %.1f", run == 0 ? 'M' : 'L', x,
				    y);
		run++;
	}
}

static void
write_one(const struct figures *figures, struct text *text,
	  const struct plot *plot)
{
	uint64_t most = most_of(figures, plot);
	double top = roof(most, plot->least);

	text_format(text,
		    "<figure id=\"%s\" data-says=\"%s in the last ten "
		    "minutes\">\n<figcaption>%s <span>%s</span></figcaption>\n"
		    "<p class=\"axis\"><span class=\"top\">",
		    plot->id, plot->title, plot->title, plot->of);
	plot->value(text, (uint64_t)top);
	text_format(text,
		    "</span></p>\n<svg role=\"img\" viewBox=\"0 0 %d %d\" "
		    "preserveAspectRatio=\"none\"><title>%s in the last ten "
		    "minutes, ",
		    WIDTH, HEIGHT, plot->title);
	plot->value(text, most);
	text_put(text, " at most</title><path class=\"area\" d=\"");
	path(figures, text, plot->area, top, true);
	text_put(text, "\"/><path class=\"curve\" d=\"");
	path(figures, text, plot->curve, top, false);
	text_put(text, "\"/></svg>\n<p class=\"axis\"><span>10 minutes ago"
		       "</span><span>now</span></p>\n</figure>\n");
}

void
plot_write(const struct figures *figures, struct text *text)
{
	for (size_t i = 0; i < sizeof(plots) / sizeof(*plots); i++)
		write_one(figures, text, &plots[i]);
}
