/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/bench_plot.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>

enum {
	WIDTH = 860,
	HEIGHT = 440,
	LEFT = 76,
	RIGHT = 830,
	TOP = 96,
	BOTTOM = 372,
	DECADES = 9, /* 1 us to 1000 s */
};

static const char *const decade_names[DECADES + 1] = {
	"1 µs",	  "10 µs", "100 µs", "1 ms",  "10 ms",
	"100 ms", "1 s",   "10 s",   "100 s", "1000 s",
};

struct plot {
	FILE *out;
	const struct bench_plot_texts *texts;
	const struct histogram *values;
	double total;
	int first, last; /* decades shown */
	double densest;	 /* share of all for each decade of width */
};

/* Bucket I begins and ends there, in decades; the first two share 1 us. */
static double
edge(int i)
{
	uint64_t lower = i < HISTOGRAM_BUCKETS
				 ? histogram_lower(i)
				 : histogram_lower(HISTOGRAM_BUCKETS - 1) * 2;

	if (lower < 1)
		return -0.30103;
	return log10((double)lower);
}

static double
density(const struct plot *plot, int i)
{
	double share = (double)plot->values->count[i] / plot->total;

	return share / (edge(i + 1) - edge(i));
}

static double
place_x(const struct plot *plot, double decade)
{
	double part = (decade - plot->first) / (plot->last - plot->first);

	part = part < 0 ? 0 : part > 1 ? 1 : part;
	return LEFT + part * (RIGHT - LEFT);
}

static void
scale(struct plot *plot)
{
	int lowest = -1, highest = 0;

	for (int i = 0; i < HISTOGRAM_BUCKETS; i++) {
		if (plot->values->count[i] == 0)
			continue;
		if (lowest < 0)
			lowest = i;
		highest = i;
		if (density(plot, i) > plot->densest)
			plot->densest = density(plot, i);
	}
	plot->first = lowest < 0 ? 0 : (int)floor(edge(lowest) + 1e-9);
	plot->last = (int)ceil(edge(highest + 1) - 1e-9);
	if (plot->first < 0)
		plot->first = 0;
	if (plot->last > DECADES)
		plot->last = DECADES;
	if (plot->last <= plot->first)
		plot->last = plot->first + 1;
}

/* MICROSECONDS as a person would say it. */
static const char *
format_time(uint64_t microseconds, char text[32])
{
	if (microseconds < 1000)
		snprintf(text, 32, "%" PRIu64 " µs", microseconds);
	else if (microseconds < 1000000)
		snprintf(text, 32, "%.3g ms", (double)microseconds / 1e3);
	else
		snprintf(text, 32, "%.3g s", (double)microseconds / 1e6);
	return text;
}

static void
draw_title(const struct plot *plot)
{
	static const double percents[] = { 50, 90, 99, 99.9 };
	char text[32];

	fprintf(plot->out,
		"<text x=\"%d\" y=\"38\" font-size=\"19\" "
		"font-weight=\"600\">%s</text>\n"
		"<text x=\"%d\" y=\"64\" font-size=\"14\" "
		"fill=\"#52606d\">%s",
		LEFT, plot->texts->title, LEFT, plot->texts->value);
	for (int i = 0; i < 4; i++)
		fprintf(plot->out, " · p%g %s", percents[i],
			format_time(
				histogram_percentile(plot->values, percents[i]),
				text));
	fprintf(plot->out, " · max %s</text>\n",
		format_time(plot->values->max, text));
}

static void
draw_axes(const struct plot *plot)
{
	for (int decade = plot->first; decade <= plot->last; decade++) {
		double x = place_x(plot, decade);

		fprintf(plot->out,
			"<line x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\" "
			"stroke=\"#d9dee4\"/>\n"
			"<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">"
			"%s</text>\n",
			x, TOP, x, BOTTOM + 6, x, BOTTOM + 24,
			decade_names[decade]);
		for (int i = 2; i < 10 && decade < plot->last; i++) {
			double minor = place_x(plot, decade + log10(i));

			fprintf(plot->out,
				"<line x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" "
				"y2=\"%d\" stroke=\"#9aa5b1\"/>\n",
				minor, BOTTOM, minor, BOTTOM + 4);
		}
	}
	fprintf(plot->out,
		"<line x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\" "
		"stroke=\"#52606d\"/>\n"
		"<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">"
		"%s</text>\n"
		"<text transform=\"translate(%d %d) rotate(-90)\" "
		"text-anchor=\"middle\">%s (area is their share)</text>\n",
		LEFT, BOTTOM, RIGHT, BOTTOM, (LEFT + RIGHT) / 2, BOTTOM + 50,
		plot->texts->axis, LEFT - 24, (TOP + BOTTOM) / 2,
		plot->texts->counted);
}

static void
draw_bars(const struct plot *plot)
{
	char lower[32], upper[32];

	for (int i = 0; i < HISTOGRAM_BUCKETS; i++) {
		double left = place_x(plot, edge(i));
		double right = place_x(plot, edge(i + 1));
		double height;

		if (plot->values->count[i] == 0)
			continue;
		height = density(plot, i) / plot->densest * (BOTTOM - TOP);
		if (height < 1)
			height = 1;
		fprintf(plot->out,
			"<rect x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" "
			"height=\"%.2f\"><title>%s to %s: %" PRIu64
			"</title></rect>\n",
			left, BOTTOM - height,
			right - left > 1.5 ? right - left - 0.5 : 1, height,
			format_time(histogram_lower(i), lower),
			format_time(histogram_upper(i), upper),
			plot->values->count[i]);
	}
}

static void
draw_percentile(const struct plot *plot, double percent)
{
	uint64_t value = histogram_percentile(plot->values, percent);
	double x = place_x(plot, value > 0 ? log10((double)value) : 0);

	fprintf(plot->out,
		"<line x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\" "
		"stroke=\"#c2410c\" stroke-dasharray=\"4 3\"/>\n"
		"<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\" "
		"fill=\"#c2410c\">p%g</text>\n",
		x, TOP, x, BOTTOM, x, TOP - 6, percent);
}

int
bench_plot(const struct histogram *histogram,
	   const struct bench_plot_texts *texts, const char *path)
{
	struct plot plot = { .values = histogram, .texts = texts };
	bool failed;

	plot.out = fopen(path, "we");
	if (!plot.out)
		return -1;
	plot.total = (double)histogram_total(plot.values);
	scale(&plot);
	fprintf(plot.out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" "
		"height=\"%d\" viewBox=\"0 0 %d %d\" "
		"font-family=\"Helvetica, Arial, sans-serif\" "
		"font-size=\"13\" fill=\"#1f2933\">\n"
		"<rect width=\"%d\" height=\"%d\" fill=\"#ffffff\"/>\n",
		WIDTH, HEIGHT, WIDTH, HEIGHT, WIDTH, HEIGHT);
	draw_title(&plot);
	draw_axes(&plot);
	fputs("<g fill=\"#2f6fb5\">\n", plot.out);
	draw_bars(&plot);
	fputs("</g>\n", plot.out);
	if (plot.total > 0) {
		draw_percentile(&plot, 50);
		draw_percentile(&plot, 99);
	}
	fputs("</svg>\n", plot.out);
	failed = ferror(plot.out);
	if (fclose(plot.out) == 0 && !failed)
		return 0;
	if (failed)
		errno = EIO;
	return -1;
}
