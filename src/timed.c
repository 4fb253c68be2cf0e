/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * timed, a time server: options, then over to the master.
 */
#include "base/fds.h"
#include "config/config.h"
#include "master/carry.h"
#include "master/master.h"
#include "master/start.h"
#include "master/terminal.h"
#include "master/upgrade.h"

#include <bsd/string.h>
#include <bsd/unistd.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

static const char usage[] =
	"usage: timed [-CfhtV] [-c FILE]\n"
	"  -c, --config FILE  read FILE instead of " SYSCONFDIR "/timed.conf\n"
	"  -C, --console      as -f, and timedctl's prompt for commands\n"
	"  -f, --foreground   stay in the foreground and log to stderr\n"
	"  -t, --test         check the configuration, open nothing\n"
	"  -h, --help         show this\n"
	"  -V, --version      show the version\n";

static const struct option long_options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "console", no_argument, NULL, 'C' },
	{ "foreground", no_argument, NULL, 'f' },
	{ "test", no_argument, NULL, 't' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

struct options {
	struct master_options master;
	char file[PATH_MAX]; /* absolute: a daemon leaves its directory */
	char program[PATH_MAX];
	char refused[512];
	bool test;
};

/*
 * Make FILE absolute.  Not resolved: a link may point to another file by the
 * next reload or upgrade.
 */
static void
make_absolute(const char *file, char absolute[PATH_MAX])
{
	char directory[PATH_MAX];
	int length;

	if (*file == '/')
		length = snprintf(absolute, PATH_MAX, "%s", file);
	else if (getcwd(directory, sizeof(directory)))
		length = snprintf(absolute, PATH_MAX, "%s/%s", directory, file);
	else
		length = -1;
	if (length < 0 || length >= PATH_MAX) {
		fprintf(stderr, "timed: %s: %s\n", file,
			strerror(length < 0 ? errno : ENAMETOOLONG));
		exit(EX_CONFIG);
	}
}

static void
take_file(struct options *options, const char *file)
{
	make_absolute(file, options->file);
	options->master.file = options->file;
}

/* What an upgrade runs: as it was called, or else what the system says. */
static void
find_program(struct options *options, const char *name)
{
	ssize_t length;

	options->master.program = options->program;
	if (strchr(name, '/')) {
		make_absolute(name, options->program);
		return;
	}
	length = readlink("/proc/self/exe", options->program,
			  sizeof(options->program) - 1);
	options->program[length > 0 ? length : 0] = '\0';
}

/* A descriptor that another image of timed left in the environment, or -1. */
static int
left_behind(const char *variable)
{
	const char *text = getenv(variable);
	int fd = text ? atoi(text) : -1;

	unsetenv(variable);
	return fd > STDERR_FILENO ? fd : -1;
}

/* -t, run by a timed that is to be replaced by this one. */
static int
check_upgrade(int carry)
{
	struct problem problem;

	if (!carry_check(carry, &problem)) {
		fprintf(stderr, "%s\n", problem.text);
		return problem.status;
	}
	puts(UPGRADE_ABLE);
	return EX_OK;
}

static void refuse_usage(const char *format, ...)
	__attribute__((noreturn, format(printf, 1, 2)));

static void
refuse_usage(const char *format, ...)
{
	va_list arguments;

	fputs("timed: ", stderr);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputs("\nTry 'timed --help'.\n", stderr);
	exit(EX_USAGE);
}

static void
read_options(struct options *options, int argc, char **argv)
{
	int c;

	options->master.carry = -1;
	while ((c = getopt_long(argc, argv, "Cc:fhtV", long_options, NULL)) !=
	       -1) {
		switch (c) {
		case 'c':
			take_file(options, optarg);
			break;
		case 'C':
			options->master.terminal = true;
			options->master.foreground = true;
			break;
		case 'f':
			options->master.foreground = true;
			break;
		case 't':
			options->test = true;
			break;
		case 'h':
			fputs(usage, stdout);
			exit(EX_OK);
		case 'V':
			puts("timed " PACKAGE_VERSION);
			exit(EX_OK);
		default:
			fputs("Try 'timed --help'.\n", stderr);
			exit(EX_USAGE);
		}
	}
	if (optind < argc)
		refuse_usage("what is '%s' for?", argv[optind]);
	if (options->master.terminal && options->test)
		refuse_usage("-t opens nothing that -C could show");
}

/* One line, whatever a file had in it: a terminal obeys none of it. */
static void
print_plain(const char *text)
{
	fputs("timed: ", stderr);
	for (const unsigned char *c = (const unsigned char *)text; *c; c++)
		fprintf(stderr, *c < 0x20 || *c == 0x7f ? "\\x%02x" : "%c", *c);
	fputc('\n', stderr);
}

static struct config *
load(const char *file)
{
	struct complaints complaints = { 0 };
	struct config *config = config_load(file, &complaints);

	for (int i = 0; i < complaints.count; i++)
		print_plain(complaints.lines[i]);
	if (complaints.forgot)
		fputs("timed: out of memory\n", stderr);
	complaints_free(&complaints);
	return config;
}

/* Another image of this process left CARRY: its clients must not notice. */
static int
take_over(struct options *options, int carry)
{
	const char *refused = getenv(UPGRADE_FAILED);
	struct complaints complaints = { 0 };
	struct config *config;
	struct launcher nobody = LAUNCHER_NONE;

	options->master.carry = carry;
	if (refused) {
		strlcpy(options->refused, refused, sizeof(options->refused));
		options->master.refused = options->refused;
	}
	unsetenv(UPGRADE_FAILED);
	/* A process that was exec'd by descriptor is named after that. */
	prctl(PR_SET_NAME, "timed");
	config = config_load(options->master.file, &complaints);
	complaints_free(&complaints);
	/* What is wrong with it is logged when it is loaded to be used. */
	if (!config)
		config = config_default();
	if (!config)
		return EXIT_FAILURE;
	return master_run(&options->master, config, &nobody);
}

/*
 * Leave the terminal, or get its two processes.  LAUNCHER hears of the start
 * from then on.  0, or -1 after a line that says why.
 */
static int
part(const struct options *options, const struct config *config,
     struct launcher *launcher)
{
	char error[PATH_MAX + 64];

	if (options->master.terminal) {
		if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
			refuse_usage("-C needs a terminal; -f does not");
		if (terminal_start(config->runtime_dir, error, sizeof(error)) ==
		    0)
			return 0;
		start_complain(launcher, error);
		return -1;
	}
	if (options->master.foreground || start_background(launcher) == 0)
		return 0;
	start_complain(launcher, strerror(errno));
	start_tell(launcher, EXIT_FAILURE);
	return -1;
}

int
main(int argc, char **argv, char **envp)
{
	struct options options = { 0 };
	struct config *config;
	struct launcher launcher = LAUNCHER_NONE;
	int carry, check;

	if (fds_fill_standard() < 0)
		return EXIT_FAILURE;
	find_program(&options, argv[0] ? argv[0] : "");
	setproctitle_init(argc, argv, envp);
	check = left_behind(UPGRADE_CHECK);
	carry = left_behind(UPGRADE_CARRY);
	/* Whatever the shell's: others may read what is made for them. */
	umask(022);
	read_options(&options, argc, argv);
	if (carry >= 0 && !options.test)
		return take_over(&options, carry);
	config = load(options.master.file);
	if (!config)
		return EX_CONFIG;
	if (options.test) {
		/* Who takes over says one thing, and logs the other. */
		if (check < 0 && config->warning[0])
			print_plain(config->warning);
		config_free(config);
		return check >= 0 ? check_upgrade(check) : EX_OK;
	}
	/* In the foreground the log is there to see. */
	if (!options.master.foreground && config->warning[0])
		print_plain(config->warning);
	if (part(&options, config, &launcher) < 0)
		return EXIT_FAILURE;
	return master_run(&options.master, config, &launcher);
}
