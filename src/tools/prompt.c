/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/prompt.h"

#include "tools/completion.h"
#include "tools/operator_help.h"
#include "tools/prompt_editor.h"
#include "tools/prompt_lines.h"
#include "tools/words.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <termios.h>
#include <unistd.h>

struct prompt {
	const struct operator_options *options;
	struct console *console; /* NULL: none */
	struct prompt_wait wait;
	struct prompt_text text;
	struct prompt_editor *editor; /* NULL: lines as they come */
	struct prompt_lines lines;
	struct termios modes; /* of the terminal, before all */
	bool terminal;
	bool given; /* there was a line at all */
	bool leave;
	bool stopped; /* by a command: the console's timed */
	int status;
};

static void
conclude(struct prompt *prompt, int status)
{
	if (prompt->terminal || prompt->status == EX_OK)
		prompt->status = status;
}

/* --- commands of timedctl, each in a child --- */

/* In the child: never returns. */
static void
be_command(struct prompt *prompt, const struct words *words)
{
	int status, null;

	prompt_wait_leave(&prompt->wait);
	if (!prompt->terminal) {
		/* What is left of the script is none of its business. */
		null = open("/dev/null", O_RDONLY | O_CLOEXEC);
		dup2(null, STDIN_FILENO);
	}
	status = operator_run(prompt->options, words->list, words->count);
	if (fflush(NULL) != 0 && status == EX_OK)
		status = EXIT_FAILURE;
	_exit(status);
}

/* Whether it is over, and how it ended. */
static bool
reap(pid_t pid, int options, int *status)
{
	int how;
	pid_t done = waitpid(pid, &how, options);

	if (done == 0 || (done < 0 && errno == EINTR))
		return false;
	*status = EXIT_FAILURE;
	if (done > 0)
		*status = WIFSIGNALED(how) ? 128 + WTERMSIG(how)
					   : WEXITSTATUS(how);
	return true;
}

/* With HELD, the log waits: the command has the terminal for itself. */
static int
wait_for(struct prompt *prompt, pid_t pid, bool held)
{
	struct prompt_wait *wait = &prompt->wait;
	int status;

	if (!prompt->terminal) {
		while (!reap(pid, 0, &status))
			;
		if (status > 128)
			fprintf(stderr, "timedctl: %s\n",
				strsignal(status - 128));
		return status;
	}
	while (!reap(pid, WNOHANG, &status)) {
		switch (prompt_wait_next(wait, false)) {
		case PROMPT_LOG:
			if (!held)
				console_show(prompt->console);
			break;
		case PROMPT_SUSPEND:
			prompt_wait_suspend();
			break;
		case PROMPT_END:
			kill(pid, SIGTERM);
			break;
		case PROMPT_INTERRUPT: /* the terminal told it as well */
		case PROMPT_CHILD:
		case PROMPT_RESIZE:
		case PROMPT_INPUT:
			break;
		}
	}
	/* It had no time to put the terminal back. */
	if (status > 128)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &prompt->modes);
	if (status == 128 + SIGINT)
		fputc('\n', stdout);
	else if (status > 128)
		fprintf(stderr, "\ntimedctl: %s\n", strsignal(status - 128));
	if (prompt->console)
		console_show(prompt->console);
	return status;
}

static void
run_command(struct prompt *prompt, const struct words *words)
{
	int used;
	const struct control_command *command =
		operator_command(words->list, words->count, &used);
	bool held = command && operator_lasts(command, words->list + used,
					      words->count - used);
	int status = EXIT_FAILURE;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0)
		be_command(prompt, words);
	if (pid > 0)
		status = wait_for(prompt, pid, held);
	else
		fprintf(stderr, "timedctl: %s\n", strerror(errno));
	conclude(prompt, status);
	/* Then what this is the prompt of is about to be gone. */
	if (prompt->console && status == EX_OK &&
	    command == &control_commands[CONTROL_STOP])
		prompt->leave = prompt->stopped = true;
}

/* --- the prompt's own --- */

static void
help(struct prompt *prompt, char *const *words, int count)
{
	conclude(prompt, operator_help(words, count));
	if (count == 0)
		printf("  %-22s %s\n", "quit, exit",
		       prompt->console ? "stop timed, and leave"
				       : "leave the prompt");
}

/* --- lines --- */

static void
obey(struct prompt *prompt, const char *line)
{
	struct words words;
	char error[64] = "the line is too long";

	prompt->given = true;
	if (!line || !words_split(&words, line, error, sizeof(error))) {
		conclude(prompt,
			 operator_fail(prompt->options, EX_USAGE, error));
		return;
	}
	if (words.count == 0)
		return;
	if (strcmp(words.list[0], "quit") == 0 ||
	    strcmp(words.list[0], "exit") == 0) {
		if (prompt->terminal)
			prompt->status = EX_OK;
		prompt->leave = true;
	} else if (strcmp(words.list[0], "help") == 0) {
		help(prompt, words.list + 1, words.count - 1);
	} else {
		run_command(prompt, &words);
	}
	fflush(stdout);
}

static enum prompt_event
next_line(struct prompt *prompt, const char **line)
{
	if (prompt->editor)
		return prompt_editor_next(prompt->editor, line);
	return prompt_lines_next(&prompt->lines, line);
}

/* --- life --- */

static int
open_prompt(struct prompt *prompt)
{
	prompt->terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
	if (prompt_wait_open(&prompt->wait, prompt->terminal, prompt->console) <
	    0)
		return -1;
	prompt->text.options = prompt->options;
	prompt->lines.wait = &prompt->wait;
	if (!prompt->terminal)
		return 0;
	if (tcgetattr(STDIN_FILENO, &prompt->modes) < 0)
		return -1;
	prompt->lines.text = &prompt->text;
	prompt->editor = prompt_editor_open(&prompt->wait, &prompt->text);
	printf("timedctl %s: help shows the commands, %s\n", PACKAGE_VERSION,
	       prompt->console ? "quit stops timed" : "quit leaves");
	return 0;
}

/* Its log may go on until it has ended; what it ended with. */
static int
end_console(struct prompt *prompt)
{
	bool ended = prompt->console->ended;
	int status;

	if (!ended && !prompt->stopped)
		puts("stopping timed");
	fflush(stdout);
	status = console_close(prompt->console);
	if (ended || status != EX_OK)
		printf("timed has ended with status %d\n", status);
	return status;
}

int
prompt_run(const struct operator_options *options, struct console *console)
{
	struct prompt *prompt = calloc(1, sizeof(*prompt));
	const char *line;
	int status;

	if (!prompt)
		return operator_fail(options, EXIT_FAILURE, "out of memory");
	prompt->options = options;
	prompt->console = console;
	if (open_prompt(prompt) < 0) {
		free(prompt);
		return operator_fail(options, EXIT_FAILURE, strerror(errno));
	}
	while (!prompt->leave) {
		enum prompt_event event = next_line(prompt, &line);

		if (event == PROMPT_END)
			break;
		if (event == PROMPT_INPUT)
			obey(prompt, line);
	}
	/* From a crontab, say, where somebody forgot it. */
	if (!prompt->terminal && !prompt->given)
		conclude(prompt,
			 operator_fail(options, EX_USAGE, "which command?"));
	if (prompt->editor)
		prompt_editor_close(prompt->editor);
	status = prompt->wait.told ? 128 + prompt->wait.told : prompt->status;
	if (console)
		status = end_console(prompt);
	prompt_wait_close(&prompt->wait);
	free(prompt);
	return status;
}
