/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * timebench: puts a load on a server and checks every answer.  Here are the
 * options; each mode has a module of its own.
 */
#include "base/clock.h"
#include "tools/bench.h"
#include "tools/bench_chat.h"
#include "tools/bench_query.h"
#include "tools/bench_room.h"
#include "tools/bench_stream.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

/* What can be put under load; its name is the first operand. */
struct mode {
	const char *name;
	const char *target; /* the default */
	unsigned port;
	const char *options; /* long ones, beside those that all have */
	int64_t timeout;     /* the default */
	const char *help;
	int (*run)(const struct bench_options *options);
};

/* Long options that have no letter. */
enum {
	OPTION_BATCH = 256,
	OPTION_BURST,
	OPTION_INTERVAL,
	OPTION_NAME,
	OPTION_PASSWORD,
	OPTION_PID,
	OPTION_PLOT,
	OPTION_PROCESSES,
	OPTION_PROTOCOL,
	OPTION_SIZE,
	OPTION_TALKERS,
	OPTION_TCP,
	OPTION_TIMEOUT,
	OPTION_UNREAD,
	OPTIONS
};

#define CHAT_TIMEOUT (10 * CLOCK_SECOND)

static const struct mode modes[] = {
	{ "stream", "127.0.0.1:6013", 6013, "interval plot processes unread",
	  CLOCK_SECOND, "hold connections and check every tick", bench_stream },
	{ "daytime", "127.0.0.1:13", 13,
	  "batch plot processes rate tcp timeout udp", CLOCK_SECOND,
	  "ask again and again, over TCP", bench_query },
	{ "time", "127.0.0.1:37", 37,
	  "batch plot processes rate tcp timeout udp", CLOCK_SECOND,
	  "ask again and again, over UDP", bench_query },
	{ "ntp", "127.0.0.1:123", 123, "batch plot processes rate timeout udp",
	  CLOCK_SECOND, "ask again and again, over UDP", bench_query },
	{ "echo", "127.0.0.1:7", 7,
	  "batch plot processes rate size tcp timeout udp", CLOCK_SECOND,
	  "send again and again, over connections that stay", bench_query },
	{ "chat", "127.0.0.1:6015", 6015,
	  "burst name password protocol rate size talkers timeout",
	  CHAT_TIMEOUT, "talk in a room, and check what everybody gets",
	  bench_chat },
};

enum {
	MODES = sizeof(modes) / sizeof(modes[0])
};

#define BURST_MAX	1000
#define CONNECTIONS_MAX 1000000
#define NAME_MAX_LENGTH 25
#define RATE_MAX	100000000
#define SECONDS_MAX	1e6
#define SECONDS_MIN	0.01

void
bench_complain(const char *format, ...)
{
	va_list arguments;

	fputs("timebench: ", stderr);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
}

static void
help(void)
{
	puts("usage: timebench MODE [OPTION ...] [HOST[:PORT]]\n"
	     "\n"
	     "Put a load on a timed server, check every answer and report.\n"
	     "HOST:PORT may also be [V6]:PORT or unix:/path.\n"
	     "\n"
	     "  -c, --connections N   so many at once, or requests (100)\n"
	     "  -d, --duration S      measure for so many seconds (10)\n"
	     "  -j, --json            report as one JSON object\n"
	     "      --pid PID[,...]   measure CPU and memory of the server:\n"
	     "                        these processes and their descendants\n"
	     "  -h, --help            show this and exit\n"
	     "  -V, --version         show the version and exit\n"
	     "\n"
	     "stream:\n"
	     "      --interval S      the server's interval, in seconds (1)\n"
	     "      --plot FILE.svg   draw the lateness\n"
	     "      --processes N     at least so many load processes\n"
	     "      --unread N        add connections that never read\n"
	     "\n"
	     "daytime, time, ntp, echo:\n"
	     "      --batch N         so many requests to a socket at once\n"
	     "      --plot FILE.svg   draw the latency\n"
	     "      --processes N     at least so many load processes\n"
	     "  -r, --rate N          so many requests a second, not as many as\n"
	     "                        are answered\n"
	     "      --size BYTES      of a message of echo (64)\n"
	     "      --timeout S       what is answered later is lost (1)\n"
	     "      --tcp             ask over TCP\n"
	     "  -u, --udp             ask over UDP\n"
	     "\n"
	     "chat:\n"
	     "      --burst N         so many lines at once (1)\n"
	     "      --name NAME       users are called that, and a number\n"
	     "      --password TEXT   that all of them have\n"
	     "      --protocol PROTOCOL   timed, irc, or lines (of ncat --chat)\n"
	     "  -r, --rate N          so many lines a second, not one when all\n"
	     "                        have the one before\n"
	     "      --size BYTES      of a line (64)\n"
	     "      --talkers N       so many of the users talk (1)\n"
	     "      --timeout S       what comes later is missing (10)\n"
	     "\n"
	     "modes:");
	for (int i = 0; i < MODES; i++)
		printf("  %-10s %s (%s)\n", modes[i].name, modes[i].help,
		       modes[i].target);
}

static int
usage(void)
{
	fputs("Try 'timebench --help'.\n", stderr);
	return EX_USAGE;
}

static bool
parse_count(const char *text, unsigned long min, unsigned long max,
	    uint32_t *count)
{
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (!isdigit((unsigned char)text[0]) || *end != '\0' || errno != 0 ||
	    value < min || value > max)
		return false;
	*count = (uint32_t)value;
	return true;
}

static bool
parse_seconds(const char *text, int64_t *nanoseconds)
{
	char *end;
	double value;

	errno = 0;
	value = strtod(text, &end);
	if (end == text || *end != '\0' || errno != 0 || !isfinite(value) ||
	    value < SECONDS_MIN || value > SECONDS_MAX)
		return false;
	*nanoseconds = llround(value * CLOCK_SECOND);
	return true;
}

static bool
parse_pids(const char *text, struct bench_options *options)
{
	char *end;

	for (;;) {
		long pid = strtol(text, &end, 10);

		if (!isdigit((unsigned char)text[0]) || pid < 1 ||
		    pid > INT_MAX || options->pid_count == BENCH_PIDS)
			return false;
		options->pids[options->pid_count++] = (pid_t)pid;
		if (*end == '\0')
			return true;
		if (*end != ',')
			return false;
		text = end + 1;
	}
}

/* Take one option that has a value; false when that is wrong. */
static bool
take_value(struct bench_options *options, int option, const char *value)
{
	switch (option) {
	case 'c':
		return parse_count(value, 1, CONNECTIONS_MAX,
				   &options->connections);
	case 'd':
		return parse_seconds(value, &options->window);
	case 'r':
		return parse_count(value, 1, RATE_MAX, &options->rate);
	case OPTION_BATCH:
		return parse_count(value, 1, QUERY_BATCH, &options->batch);
	case OPTION_TIMEOUT:
		return parse_seconds(value, &options->timeout);
	case OPTION_INTERVAL:
		return parse_seconds(value, &options->interval);
	case OPTION_PID:
		return parse_pids(value, options);
	case OPTION_PLOT:
		options->plot = value;
		return value[0] != '\0';
	case OPTION_PROCESSES:
		return parse_count(value, 1, BENCH_PROCESSES,
				   &options->processes);
	case OPTION_SIZE:
		return parse_count(value, ASK_ECHO, ASK_REQUEST,
				   &options->size);
	case OPTION_TALKERS:
		return parse_count(value, 1, CONNECTIONS_MAX,
				   &options->talkers);
	case OPTION_BURST:
		return parse_count(value, 1, BURST_MAX, &options->burst);
	case OPTION_NAME:
		options->name = value;
		return value[0] != '\0' && strlen(value) < NAME_MAX_LENGTH;
	case OPTION_PASSWORD:
		options->password = value;
		return strlen(value) < BENCH_ROOM_TEXT;
	case OPTION_PROTOCOL:
		options->protocol = value;
		return bench_room_find(value) != NULL;
	case OPTION_UNREAD:
		return parse_count(value, 0, CONNECTIONS_MAX, &options->unread);
	default:
		return false;
	}
}

static const struct option long_options[] = {
	{ "batch", required_argument, NULL, OPTION_BATCH },
	{ "burst", required_argument, NULL, OPTION_BURST },
	{ "connections", required_argument, NULL, 'c' },
	{ "duration", required_argument, NULL, 'd' },
	{ "help", no_argument, NULL, 'h' },
	{ "interval", required_argument, NULL, OPTION_INTERVAL },
	{ "json", no_argument, NULL, 'j' },
	{ "name", required_argument, NULL, OPTION_NAME },
	{ "password", required_argument, NULL, OPTION_PASSWORD },
	{ "pid", required_argument, NULL, OPTION_PID },
	{ "plot", required_argument, NULL, OPTION_PLOT },
	{ "processes", required_argument, NULL, OPTION_PROCESSES },
	{ "protocol", required_argument, NULL, OPTION_PROTOCOL },
	{ "rate", required_argument, NULL, 'r' },
	{ "size", required_argument, NULL, OPTION_SIZE },
	{ "talkers", required_argument, NULL, OPTION_TALKERS },
	{ "tcp", no_argument, NULL, OPTION_TCP },
	{ "timeout", required_argument, NULL, OPTION_TIMEOUT },
	{ "udp", no_argument, NULL, 'u' },
	{ "unread", required_argument, NULL, OPTION_UNREAD },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

static const char *
option_name(int option)
{
	for (const struct option *each = long_options; each->name; each++)
		if (each->val == option)
			return each->name;
	return "?";
}

/*
 * Notes in USED which options there were.  -1: go on; otherwise the exit
 * status.
 */
static int
parse_options(struct bench_options *options, bool used[OPTIONS], int argc,
	      char **argv)
{
	int option;

	while ((option = getopt_long(argc, argv, "c:d:hjr:uV", long_options,
				     NULL)) != -1) {
		used[option] = true;
		switch (option) {
		case 'h':
			help();
			return 0;
		case 'V':
			puts("timebench " PACKAGE_VERSION);
			return 0;
		case 'j':
			options->json = true;
			break;
		case 'u':
			options->udp = true;
			break;
		case OPTION_TCP:
			options->tcp = true;
			break;
		case '?':
			return usage();
		default:
			if (take_value(options, option, optarg))
				break;
			bench_complain("--%s: '%s' will not do",
				       option_name(option), optarg);
			return usage();
		}
	}
	return -1;
}

/* Whether LIST, of words, has WORD. */
static bool
has_word(const char *list, const char *word)
{
	size_t length = strlen(word);

	for (; *list; list += strcspn(list, " "), list += *list == ' ')
		if (strcspn(list, " ") == length &&
		    memcmp(list, word, length) == 0)
			return true;
	return false;
}

/* Whether MODE has all options that were USED, and they go together. */
static bool
fits(const struct mode *mode, const struct bench_options *options,
     const bool used[OPTIONS])
{
	static const char common[] = "connections duration json pid";

	for (const struct option *each = long_options; each->name; each++) {
		if (!used[each->val] || has_word(common, each->name) ||
		    has_word(mode->options, each->name))
			continue;
		bench_complain("%s has no --%s", mode->name, each->name);
		return false;
	}
	if (options->tcp && options->udp) {
		bench_complain("--tcp and --udp do not go together");
		return false;
	}
	return true;
}

static bool
check_target(const struct bench_options *options)
{
	char error[256];

	if (addr_check(options->target, error, sizeof(error)))
		return true;
	bench_complain("%s: %s", options->target, error);
	return false;
}

static const struct mode *
choose_mode(struct bench_options *options, char **operands, int count)
{
	const struct mode *mode = NULL;

	if (count == 0) {
		bench_complain("no mode given");
		return NULL;
	}
	for (int i = 0; i < MODES; i++)
		if (strcmp(operands[0], modes[i].name) == 0)
			mode = &modes[i];
	if (!mode) {
		bench_complain("unknown mode '%s'", operands[0]);
		return NULL;
	}
	if (count > 2) {
		bench_complain("unexpected argument '%s'", operands[2]);
		return NULL;
	}
	options->mode = mode->name;
	options->target = count > 1 ? operands[1] : mode->target;
	options->port = mode->port;
	if (options->timeout == 0)
		options->timeout = mode->timeout;
	return mode;
}

int
main(int argc, char **argv)
{
	struct bench_options options = {
		.connections = 100,
		.window = 10 * CLOCK_SECOND,
		.interval = CLOCK_SECOND,
		.size = 64,
		.talkers = 1,
		.burst = 1,
		.name = "timebench-",
		.password = "in the room of timebench",
		.protocol = "timed",
	};
	bool used[OPTIONS] = { false };
	const struct mode *mode;
	int status = parse_options(&options, used, argc, argv);

	if (status >= 0)
		return status;
	mode = choose_mode(&options, argv + optind, argc - optind);
	if (!mode || !fits(mode, &options, used) || !check_target(&options))
		return usage();
	signal(SIGPIPE, SIG_IGN);
	return mode->run(&options);
}
