/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/signals.h"

#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

static void
signals_ready(struct loop_source *source, uint32_t events)
{
	struct signals *signals = (struct signals *)source;
	struct signalfd_siginfo info;

	(void)events;
	while (read(source->fd, &info, sizeof(info)) == sizeof(info)) {
		const struct signals_action *action = signals->table;

		while (action->signal && action->signal != (int)info.ssi_signo)
			action++;
		if (action->act)
			action->act(signals->context);
	}
}

int
signals_open(struct signals *signals, struct loop *loop,
	     const struct signals_action *table, void *context)
{
	sigset_t watched;

	signals->source.ready = signals_ready;
	signals->loop = loop;
	signals->table = table;
	signals->context = context;
	sigemptyset(&watched);
	for (; table->signal; table++) {
		/* A disposition of "ignore" is inherited and would keep a
		 * signal that is wanted from ever arriving. */
		signal(table->signal, table->act ? SIG_DFL : SIG_IGN);
		if (table->act)
			sigaddset(&watched, table->signal);
	}
	if (sigprocmask(SIG_SETMASK, &watched, NULL) < 0)
		return -1;
	signals->source.fd = signalfd(-1, &watched, SFD_NONBLOCK | SFD_CLOEXEC);
	if (signals->source.fd < 0)
		return -1;
	if (loop_add(loop, &signals->source, EPOLLIN) < 0) {
		close(signals->source.fd);
		return -1;
	}
	return 0;
}

void
signals_close(struct signals *signals)
{
	loop_remove(signals->loop, &signals->source);
	close(signals->source.fd);
	signals->source.fd = -1;
}
