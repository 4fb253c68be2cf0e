/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * timec: the client.  Asks a server for the time and shows what it says.  Here
 * are the options; each mode has a module of its own.
 */
#include "tools/client.h"
#include "tools/timec_chat.h"
#include "tools/timec_echo.h"
#include "tools/timec_ntp.h"
#include "tools/timec_once.h"
#include "tools/timec_stream.h"

#include <bsd/string.h>
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <locale.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

enum {
	CONNECT_MS = 10000,
	ANSWER_MS = 5000,
	INTERVAL_MS = 1000,
	/* Ten lines a second are what a chat lets everybody say. */
	LINE_MS = 100,
};

#define SECONDS_MIN 0.01
#define SECONDS_MAX 1e6

/* What timec can talk; its name is the first operand. */
struct mode {
	const char *name;
	const char *target; /* the default */
	unsigned port;
	const char *options; /* letters: those that not all have */
	int patience;
	int interval;
	const char *help;
	int (*run)(struct client *client);
};

static const struct mode modes[] = {
	{ "stream", "127.0.0.1:6013", 6013, "r", CONNECT_MS, INTERVAL_MS,
	  "the time as a line, at every boundary", timec_stream },
	{ "daytime", "127.0.0.1:13", 13, "ijtu", ANSWER_MS, INTERVAL_MS,
	  "the time as text, once", timec_daytime },
	{ "time", "127.0.0.1:37", 37, "ijtu", ANSWER_MS, INTERVAL_MS,
	  "the time as 32 bits, once", timec_time },
	{ "ntp", "127.0.0.1:123", 123, "ijtu", ANSWER_MS, INTERVAL_MS,
	  "how far the clocks are apart", timec_ntp },
	{ "echo", "127.0.0.1:7", 7, "tu", ANSWER_MS, INTERVAL_MS,
	  "standard input, as it comes back", timec_echo },
	{ "chat", "127.0.0.1:6015", 6015, "il", CONNECT_MS, LINE_MS,
	  "a room: what others say, and what you do", timec_chat },
};

enum {
	MODES = sizeof(modes) / sizeof(modes[0])
};

static void
help(void)
{
	puts("usage: timec [-hjqruV] [-i S] [-l NAME] [-n LINES] [-t S] "
	     "[MODE] [HOST[:PORT]]\n"
	     "\n"
	     "Ask a time server, such as timed, and show what it says.\n"
	     "HOST:PORT may also be [V6]:PORT or unix:/path.\n"
	     "\n"
	     "  -i, --interval S   so many seconds between two questions (1)\n"
	     "  -j, --json         show answers as JSON\n"
	     "  -l, --login NAME   be NAME in a chat\n"
	     "  -n, --lines LINES  stop after so many lines or answers\n"
	     "  -q, --quiet        do not tell of the connection\n"
	     "  -r, --retry        connect again when the connection is lost\n"
	     "  -t, --timeout S    wait so many seconds for an answer (5)\n"
	     "  -u, --udp          ask over UDP, as ntp always does\n"
	     "  -h, --help         show this and exit\n"
	     "  -V, --version      show the version and exit\n"
	     "\n"
	     "modes:");
	for (int i = 0; i < MODES; i++)
		printf("  %-10s %s%s (%s)\n", modes[i].name, modes[i].help,
		       i == 0 ? "; the default" : "", modes[i].target);
}

static int
usage(void)
{
	fputs("Try 'timec --help'.\n", stderr);
	return EX_USAGE;
}

static bool
parse_count(const char *text, uint64_t *count)
{
	char *end;

	errno = 0;
	*count = strtoull(text, &end, 10);
	return isdigit((unsigned char)text[0]) && *end == '\0' && errno == 0 &&
	       *count > 0;
}

static bool
parse_seconds(const char *text, double min, int *milliseconds)
{
	char *end;
	double value;

	errno = 0;
	value = strtod(text, &end);
	if (end == text || *end != '\0' || errno != 0 || !isfinite(value) ||
	    value < min || value > SECONDS_MAX)
		return false;
	*milliseconds = (int)lround(value * 1000);
	return true;
}

/* Take one option but help and version; false when its value is wrong. */
static bool
take_option(struct client *client, int option, const char *value)
{
	switch (option) {
	case 'i':
		return parse_seconds(value, 0, &client->interval);
	case 'j':
		client->json = true;
		return true;
	case 'l':
		client->name = value;
		return *value != '\0' && strlen(value) <= CLIENT_NAME;
	case 'n':
		return parse_count(value, &client->limit);
	case 'q':
		client->quiet = true;
		return true;
	case 'r':
		client->retry = true;
		return true;
	case 't':
		return parse_seconds(value, SECONDS_MIN, &client->patience);
	case 'u':
		client->udp = true;
		return true;
	default:
		return false;
	}
}

/* What is taken for the value of OPTION. */
static const char *
wanted(int option)
{
	switch (option) {
	case 'l':
		return "a name of 1 to 256 bytes";
	case 'n':
		return "a whole number from 1 on";
	case 't':
		return "seconds, 0.01 to 1000000";
	default:
		return "seconds, 0 to 1000000";
	}
}

static const struct option long_options[] = {
	{ "help", no_argument, NULL, 'h' },
	{ "interval", required_argument, NULL, 'i' },
	{ "json", no_argument, NULL, 'j' },
	{ "lines", required_argument, NULL, 'n' },
	{ "login", required_argument, NULL, 'l' },
	{ "quiet", no_argument, NULL, 'q' },
	{ "retry", no_argument, NULL, 'r' },
	{ "timeout", required_argument, NULL, 't' },
	{ "udp", no_argument, NULL, 'u' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

/*
 * Notes in USED which letters there were.  -1: go on; otherwise the exit
 * status.
 */
static int
parse_options(struct client *client, bool used[UCHAR_MAX + 1], int argc,
	      char **argv)
{
	int option;

	while ((option = getopt_long(argc, argv, "hi:jl:n:qrt:uV", long_options,
				     NULL)) != -1) {
		switch (option) {
		case 'h':
			help();
			return 0;
		case 'V':
			puts("timec " PACKAGE_VERSION);
			return 0;
		case '?':
			return usage();
		default:
			used[option] = true;
			if (take_option(client, option, optarg))
				break;
			client_complain("-%c: '%s' will not do; it takes %s",
					option, optarg, wanted(option));
			return usage();
		}
	}
	return -1;
}

static const struct mode *
find_mode(const char *word)
{
	for (int i = 0; i < MODES; i++)
		if (strcmp(word, modes[i].name) == 0)
			return &modes[i];
	return NULL;
}

/* That there is no mode WORD, and which there are. */
static void
refuse_mode(const char *word)
{
	char known[128] = "";

	for (int i = 0; i < MODES; i++) {
		strlcat(known, i ? ", " : "", sizeof(known));
		strlcat(known, modes[i].name, sizeof(known));
	}
	client_complain("unknown mode '%s'; there are: %s", word, known);
}

/* The mode that OPERANDS (COUNT of them) ask for; NULL: a usage error. */
static const struct mode *
choose_mode(struct client *client, char **operands, int count)
{
	const struct mode *mode = find_mode(count > 0 ? operands[0] : "");

	if (!mode && count > 1) {
		refuse_mode(operands[0]);
		return NULL;
	}
	if (mode) {
		operands++;
		count--;
	} else {
		mode = &modes[0];
	}
	if (count > 1) {
		client_complain("unexpected argument '%s'", operands[1]);
		return NULL;
	}
	client->mode = mode->name;
	client->target = count > 0 ? operands[0] : mode->target;
	client->port = mode->port;
	if (client->patience == 0)
		client->patience = mode->patience;
	if (client->interval < 0)
		client->interval = mode->interval;
	return mode;
}

static bool
check_target(const struct client *client)
{
	char error[256];

	if (addr_check(client->target, error, sizeof(error)))
		return true;
	client_complain("%s: %s", client->target, error);
	return false;
}

/* Whether MODE has all options that were USED. */
static bool
fits(const struct mode *mode, const bool used[UCHAR_MAX + 1])
{
	for (const char *letter = "ijlrtu"; *letter; letter++) {
		if (!used[(unsigned char)*letter] ||
		    strchr(mode->options, *letter))
			continue;
		client_complain("%s has no -%c", mode->name, *letter);
		return false;
	}
	return true;
}

int
main(int argc, char **argv)
{
	struct client client = { .interval = -1 };
	bool used[UCHAR_MAX + 1] = { false };
	const struct mode *mode;
	int status;

	setlocale(LC_CTYPE, "");
	status = parse_options(&client, used, argc, argv);
	if (status >= 0)
		return status;
	mode = choose_mode(&client, argv + optind, argc - optind);
	if (!mode || !fits(mode, used) || !check_target(&client))
		return usage();
	if (!client_open(&client))
		return CLIENT_FAILED;
	return mode->run(&client);
}
