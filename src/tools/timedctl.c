/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * timedctl: operate a running timed.
 *
 * What only shows how timed is reads the scoreboard file and asks nobody, so
 * that it works for every user and whatever the daemon is doing.  The rest is
 * asked of the daemon.
 */
#include "ipc/control.h"
#include "tools/operator.h"

#include <getopt.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

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
	for (int i = 0; i < CONTROL_COUNT; i++) {
		char synopsis[128];

		operator_synopsis(&control_commands[i], synopsis,
				  sizeof(synopsis));
		printf("  %-22s %s\n", synopsis, control_commands[i].help);
	}
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
	struct operator_options options = { .runtime_dir =
						    default_directory() };
	int c, status;

	/* For the width of what is in UTF-8. */
	setlocale(LC_CTYPE, "");
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
	if (optind == argc) {
		fputs("timedctl: which command?\n", stderr);
		status = EX_USAGE;
	} else {
		status = operator_run(&options, argv + optind, argc - optind);
	}
	if (status == EX_USAGE)
		fputs("Try 'timedctl --help'.\n", stderr);
	return status;
}
