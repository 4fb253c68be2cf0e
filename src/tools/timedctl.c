/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * timedctl: operate a running timed.
 *
 * status reads the scoreboard file and asks nobody, so that it works for
 * every user and whatever the daemon is doing.
 */
#include "ipc/snapshot.h"
#include "tools/status.h"

#include <bsd/string.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

/* A master that was silent for so long is taken for dead; seconds. */
enum {
	SILENCE = 60
};

struct options {
	bool json;
	const char *runtime_dir;
};

struct command {
	const char *name;
	const char *help;
	int (*run)(const struct options *options);
};

static int
complain(const char *text, int status)
{
	fprintf(stderr, "timedctl: %s\n", text);
	return status;
}

static int
exit_status_of(int error)
{
	switch (error) {
	case EACCES:
	case EPERM:
		return EX_NOPERM;
	case EPROTO:
		return EXIT_FAILURE;
	default:
		return EX_UNAVAILABLE;
	}
}

static int
run_status(const struct options *options)
{
	struct snapshot *snapshot = malloc(sizeof(*snapshot));
	struct snapshot_source source;
	char error[256];
	int status = EX_OK;

	if (!snapshot)
		return complain("out of memory", EXIT_FAILURE);
	if (snapshot_open(&source, options->runtime_dir, error, sizeof(error)) <
	    0) {
		int number = errno;

		if (number == ENOENT)
			strlcat(error, " (timed does not run there; see -r)",
				sizeof(error));
		status = complain(error, exit_status_of(number));
		free(snapshot);
		return status;
	}
	if (!snapshot_take(&source, snapshot) ||
	    !snapshot_alive(snapshot, SILENCE))
		status = complain("timed is not running; its scoreboard is "
				  "left over",
				  EX_UNAVAILABLE);
	else if (!(options->json ? status_json : status_text)(snapshot, stdout))
		status = complain(strerror(errno), EXIT_FAILURE);
	snapshot_close(&source);
	free(snapshot);
	return status;
}

static const struct command commands[] = {
	{ "status", "workers, services, connections and lateness", run_status },
	{ NULL, NULL, NULL },
};

static void
print_usage(void)
{
	fputs("usage: timedctl [-hjV] [-r RUNTIME_DIR] COMMAND\n"
	      "  -j, --json             JSON instead of text\n"
	      "  -r, --runtime-dir DIR  where timed runs, instead of " RUNSTATEDIR
	      "/timed\n"
	      "  -h, --help             show this\n"
	      "  -V, --version          show the version\n"
	      "commands:\n",
	      stdout);
	for (const struct command *c = commands; c->name; c++)
		printf("  %-8s %s\n", c->name, c->help);
}

static int
misused(const char *text, const char *word)
{
	fprintf(stderr, "timedctl: %s%s\nTry 'timedctl --help'.\n", text, word);
	return EX_USAGE;
}

/* As timed finds it. */
static const char *
default_directory(void)
{
	const char *given = getenv("RUNTIME_DIRECTORY");

	return given && *given == '/' ? given : RUNSTATEDIR "/timed";
}

int
main(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "runtime-dir", required_argument, NULL, 'r' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	struct options options = { .runtime_dir = default_directory() };
	int c;

	while ((c = getopt_long(argc, argv, "+hjr:V", long_options, NULL)) !=
	       -1) {
		switch (c) {
		case 'j':
			options.json = true;
			break;
		case 'r':
			options.runtime_dir = optarg;
			break;
		case 'h':
			print_usage();
			return EX_OK;
		case 'V':
			puts("timedctl " PACKAGE_VERSION);
			return EX_OK;
		default:
			fputs("Try 'timedctl --help'.\n", stderr);
			return EX_USAGE;
		}
	}
	if (optind == argc)
		return misused("which command?", "");
	for (const struct command *cmd = commands; cmd->name; cmd++) {
		if (strcmp(cmd->name, argv[optind]) != 0)
			continue;
		if (optind + 1 < argc)
			return misused("too many arguments: ",
				       argv[optind + 1]);
		return cmd->run(&options);
	}
	return misused("no such command: ", argv[optind]);
}
