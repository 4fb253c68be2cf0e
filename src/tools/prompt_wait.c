/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/prompt_wait.h"

#include <errno.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* And what they come to. */
static const struct {
	int signal;
	enum prompt_event event;
} signals[] = {
	{ SIGINT, PROMPT_INTERRUPT }, { SIGTERM, PROMPT_END },
	{ SIGHUP, PROMPT_END },	      { SIGCHLD, PROMPT_CHILD },
	{ SIGWINCH, PROMPT_RESIZE },  { SIGTSTP, PROMPT_SUSPEND },
};

enum {
	SIGNALS = sizeof(signals) / sizeof(*signals)
};

int
prompt_wait_open(struct prompt_wait *wait, bool terminal,
		 struct console *console)
{
	sigset_t mask;

	*wait = (struct prompt_wait){ .signals = -1, .console = console };
	/* Where it is ignored nobody can be waited for. */
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&mask);
	for (int i = 0; terminal && i < SIGNALS; i++)
		sigaddset(&mask, signals[i].signal);
	/* Whoever holds the prompt up holds up the log of the console. */
	if (console) {
		signal(SIGTSTP, SIG_IGN);
		sigdelset(&mask, SIGTSTP);
	}
	if (sigprocmask(SIG_BLOCK, &mask, &wait->before) < 0)
		return -1;
	if (!terminal)
		return 0;
	wait->signals = signalfd(-1, &mask, SFD_NONBLOCK | SFD_CLOEXEC);
	return wait->signals < 0 ? -1 : 0;
}

void
prompt_wait_close(struct prompt_wait *wait)
{
	if (wait->signals >= 0)
		close(wait->signals);
	sigprocmask(SIG_SETMASK, &wait->before, NULL);
}

/* Whether there was one. */
static bool
take_signal(struct prompt_wait *wait, enum prompt_event *event)
{
	struct signalfd_siginfo info;

	if (wait->signals < 0 ||
	    read(wait->signals, &info, sizeof(info)) != sizeof(info))
		return false;
	for (int i = 0; i < SIGNALS; i++)
		if (signals[i].signal == (int)info.ssi_signo)
			*event = signals[i].event;
	if (*event == PROMPT_END)
		wait->told = (int)info.ssi_signo;
	return true;
}

static bool
take_log(struct console *console, const struct pollfd *ready)
{
	if (!ready->revents)
		return false;
	console_read(console);
	return console_has_lines(console);
}

enum prompt_event
prompt_wait_next(struct prompt_wait *wait, bool input)
{
	struct console *console = wait->console;
	enum prompt_event event = PROMPT_END;
	struct pollfd fds[] = {
		{ .fd = wait->signals, .events = POLLIN },
		{ .fd = console ? console->fd : -1, .events = POLLIN },
		{ .fd = input ? STDIN_FILENO : -1, .events = POLLIN },
	};

	for (;;) {
		if (console && console->ended)
			fds[1].fd = -1;
		if (input && (wait->told || (console && console->ended)))
			return PROMPT_END;
		if (poll(fds, 3, -1) < 0 && errno != EINTR)
			return PROMPT_END;
		if (take_signal(wait, &event))
			return event;
		/* Keys first: a log that never rests must not lock them out. */
		if (fds[2].revents)
			return PROMPT_INPUT;
		if (console && take_log(console, &fds[1]))
			return PROMPT_LOG;
	}
}

void
prompt_wait_suspend(void)
{
	raise(SIGSTOP);
}

void
prompt_wait_leave(struct prompt_wait *wait)
{
	if (wait->console)
		close(wait->console->fd);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	prompt_wait_close(wait);
}
