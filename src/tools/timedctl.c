/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * timedctl: operate a running timed.
 *
 * What only shows how timed is reads the scoreboard file and asks nobody, so
 * that it works for every user and whatever the daemon is doing.  The rest is
 * asked of the daemon.
 */
#include "ipc/control.h"
#include "tools/completion.h"
#include "tools/operator.h"
#include "tools/operator_help.h"
#include "tools/prompt.h"

#include <getopt.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

/* As timed finds it. */
static const char *
default_directory(void)
{
	const char *given = getenv("RUNTIME_DIRECTORY");

	return given && *given == '/' ? given : RUNSTATEDIR "/timed";
}

static void
print_usage(void)
{
	printf("usage: timedctl [-hjV] [-r RUNTIME_DIR] [COMMAND]\n"
	       "  -j, --json             JSON instead of text\n"
	       "  -r, --runtime-dir DIR  where timed runs, instead of what\n"
	       "                         RUNTIME_DIRECTORY says; now it is\n"
	       "                         %s\n"
	       "  -h, --help             show this\n"
	       "  -V, --version          show the version\n"
	       "Without a command: a prompt for commands, or a script of "
	       "them.\n"
	       "commands:\n",
	       default_directory());
	operator_help_all();
}

/* Options that are for other programs, and in no help. */
enum {
	OPTION_COMPLETE = 256, /* shells: how may the last word go on? */
	OPTION_CONSOLE,	       /* timed -C: see tools/console.h */
};

struct arguments {
	struct operator_options options;
	bool complete;
	const char *console;
};

/* The exit status, or -1: go on. */
static int
read_options(struct arguments *arguments, int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "runtime-dir", required_argument, NULL, 'r' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ "complete", no_argument, NULL, OPTION_COMPLETE },
		{ "console", required_argument, NULL, OPTION_CONSOLE },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "+hjr:V", long_options, NULL)) !=
	       -1) {
		switch (c) {
		case 'j':
			arguments->options.json = true;
			break;
		case 'r':
			arguments->options.runtime_dir = optarg;
			break;
		case OPTION_COMPLETE:
			arguments->complete = true;
			break;
		case OPTION_CONSOLE:
			arguments->console = optarg;
			break;
		case 'h':
			print_usage();
			return EX_OK;
		case 'V':
			puts("timedctl " PACKAGE_VERSION);
			return EX_OK;
		default:
			return EX_USAGE;
		}
	}
	return -1;
}

static void
print_word(void *context, const char *word)
{
	(void)context;
	puts(word);
}

static int
complete(const struct operator_options *options, char *const *words, int count)
{
	struct completion completion = { .options = options,
					 .found = print_word };

	if (count > 0)
		completion_find(&completion, words, count);
	return EX_OK;
}

static int
run_prompt(const struct arguments *arguments)
{
	struct console *console = NULL;

	if (arguments->console) {
		console = console_open(arguments->console);
		if (!console)
			return operator_fail(&arguments->options, EX_USAGE,
					     "--console is for timed -C");
	}
	return prompt_run(&arguments->options, console);
}

int
main(int argc, char **argv)
{
	struct arguments arguments = {
		.options = { .runtime_dir = default_directory() },
	};
	int status;

	/* For the width of what is in UTF-8. */
	setlocale(LC_CTYPE, "");
	status = read_options(&arguments, argc, argv);
	if (status < 0 && arguments.complete)
		return complete(&arguments.options, argv + optind,
				argc - optind);
	if (status < 0 && optind == argc)
		return run_prompt(&arguments);
	if (status < 0 && strcmp(argv[optind], "help") == 0)
		status = operator_help(argv + optind + 1, argc - optind - 1);
	else if (status < 0)
		status = operator_run(&arguments.options, argv + optind,
				      argc - optind);
	if (status == EX_USAGE)
		fputs("Try 'timedctl --help'.\n", stderr);
	return status;
}
