/* SPDX-License-Identifier: BSD-2-Clause */
#include "master/upgrade.h"

#include "base/clock.h"
#include "base/fds.h"
#include "ipc/events.h"
#include "master/carry.h"
#include "master/notify.h"
#include "master/obituary.h"
#include "master/reload.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* How long a program may take to say that it is able. */
static const uint64_t CHECK_TIME = 10 * (uint64_t)CLOCK_SECOND;

/* The longest list of arguments: PROGRAM -f -t -c FILE. */
enum {
	ARGUMENTS = 6
};

static void
arguments(const struct master *master, bool test, const char *list[ARGUMENTS])
{
	int count = 0;

	list[count++] = master->options->program;
	if (test)
		list[count++] = "-t";
	/* The new image has the terminal that this one has. */
	if (master->options->terminal && !test)
		list[count++] = "-C";
	else if (master->options->foreground)
		list[count++] = "-f";
	if (master->options->file) {
		list[count++] = "-c";
		list[count++] = master->options->file;
	}
	list[count] = NULL;
}

static void
set_descriptor(const char *variable, int fd)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", fd);
	(void)setenv(variable, text, 1);
}

static void
refuse(struct master *master, const char *reason)
{
	master_board(master)->upgrades_refused++;
	log_event(EVENT_UPGRADE_FAILED, "reason", "%s", reason);
	control_tell(&master->control, CONTROL_WAITS_UPGRADE, reason, NULL);
	reload_tell_hooks(master, "program", reason);
	notify_ready("upgrade refused, the old program serves");
	reload_pending(master);
}

/* --- exec --- */

/*
 * Become PROGRAM, or, if that is NULL, what IMAGE has open.  Returns if it
 * cannot be, with errno.
 */
static void
become(struct master *master, const char *program, int image, int carry)
{
	const char *list[ARGUMENTS];
	int error;

	arguments(master, false, list);
	set_descriptor(UPGRADE_CARRY, carry);
	carry_keep(master, true);
	if (program)
		execv(program, (char **)(size_t)list);
	else
		fexecve(image, (char **)(size_t)list, environ);
	error = errno;
	carry_keep(master, false);
	unsetenv(UPGRADE_CARRY);
	errno = error;
}

static void
exchange(struct master *master)
{
	char reason[256];
	int carry;

	round_break_off(&master->round,
			"timed is being upgraded: ask once more");
	crew_listen(&master->pool.crew);
	control_interrupt(&master->control);
	log_event(EVENT_UPGRADING, "program", "%s", master->options->program);
	log_flush();
	carry = carry_write(master);
	if (carry >= 0) {
		become(master, master->options->program, -1, carry);
		close(carry);
	}
	snprintf(reason, sizeof(reason), "%s: %s", master->options->program,
		 strerror(errno));
	refuse(master, reason);
}

void
upgrade_back(struct master *master, int carry, const char *reason)
{
	int image = master->back;

	if (image < 0)
		return;
	(void)setenv(UPGRADE_FAILED, reason, 1);
	log_flush();
	/* It came open across the exec, and must not do so again. */
	(void)fcntl(image, F_SETFD, FD_CLOEXEC);
	/* There it ends: the old one has nobody to go back to. */
	close(master->image);
	master->image = -1;
	master->back = -1;
	if (carry < 0)
		carry = carry_write(master);
	if (carry >= 0)
		become(master, NULL, image, carry);
	unsetenv(UPGRADE_FAILED);
	close(image);
}

/* --- the check --- */

/* In the child: never returns. */
static void
run_check(const struct master *master, int output, int carry)
{
	const char *list[ARGUMENTS];
	sigset_t none;
	int null = open("/dev/null", O_RDONLY);

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	dup2(null, STDIN_FILENO);
	dup2(output, STDOUT_FILENO);
	dup2(output, STDERR_FILENO);
	arguments(master, true, list);
	set_descriptor(UPGRADE_CHECK, carry);
	execv(list[0], (char **)(size_t)list);
	dprintf(STDERR_FILENO, "%s: %s\n", list[0], strerror(errno));
	_exit(EXIT_FAILURE);
}

static int
begin_check(struct master *master)
{
	struct upgrade *upgrade = &master->upgrade;
	int carry = carry_write(master);
	int ends[2];

	if (carry < 0)
		return -1;
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) {
		close(carry);
		return -1;
	}
	upgrade->pid = fork();
	if (upgrade->pid == 0)
		run_check(master, ends[1], carry);
	close(carry);
	close(ends[1]);
	upgrade->output = ends[0];
	if (upgrade->pid < 0) {
		upgrade->pid = 0;
		close(ends[0]);
		return -1;
	}
	timer_after(&upgrade->patience, CHECK_TIME);
	return 0;
}

/* What it said: whether it is able, or else its first line. */
static bool
answered(int output, char *line, size_t size)
{
	ssize_t n = read(output, line, size - 1);
	bool able;

	line[n > 0 ? n : 0] = '\0';
	able = strstr(line, UPGRADE_ABLE) != NULL;
	line[strcspn(line, "\n")] = '\0';
	return able;
}

bool
upgrade_reap(struct master *master, pid_t pid, int status)
{
	struct upgrade *upgrade = &master->upgrade;
	char line[400], how[64], reason[512];
	bool able;

	if (pid == 0 || pid != upgrade->pid)
		return false;
	upgrade->pid = 0;
	timer_cancel(&upgrade->patience);
	able = answered(upgrade->output, line, sizeof(line));
	close(upgrade->output);
	if (master->state == MASTER_STOPPING)
		return true;
	if (able && WIFEXITED(status) && WEXITSTATUS(status) == 0) {
		exchange(master);
		return true;
	}
	obituary_how(status, how, sizeof(how));
	if (upgrade->late)
		snprintf(reason, sizeof(reason), "%s -t did not end in time",
			 master->options->program);
	else
		snprintf(reason, sizeof(reason), "%s -t: %s%s%s",
			 master->options->program,
			 *line ? line : "said nothing", *line ? ", " : ", ",
			 how);
	refuse(master, reason);
	return true;
}

static void
too_late(struct timer *timer, bool stepped)
{
	struct upgrade *upgrade =
		(struct upgrade *)((char *)timer -
				   offsetof(struct upgrade, patience));

	(void)stepped;
	upgrade->late = true;
	if (upgrade->pid)
		kill(upgrade->pid, SIGKILL);
}

bool
upgrade_under_way(const struct master *master)
{
	return master->upgrade.pid != 0;
}

void
upgrade_request(struct master *master)
{
	if (master->state == MASTER_STOPPING || upgrade_under_way(master))
		return;
	if (master->state == MASTER_STARTING || master->next_config) {
		master->upgrade.again = true;
		return;
	}
	master->upgrade.again = false;
	master->upgrade.late = false;
	notify_reloading();
	control_begin(&master->control, CONTROL_WAITS_UPGRADE);
	if (begin_check(master) < 0)
		refuse(master, strerror(errno));
}

void
upgrade_cancel(struct master *master)
{
	if (master->upgrade.pid)
		kill(master->upgrade.pid, SIGKILL);
}

/* --- life --- */

int
upgrade_open(struct master *master, struct loop *loop)
{
	/* Without /proc there is no way back: the check has to do. */
	master->image = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	return timer_open(&master->upgrade.patience, loop, CLOCK_MONOTONIC,
			  too_late);
}

void
upgrade_close(struct master *master)
{
	timer_close(&master->upgrade.patience);
	if (master->image >= 0)
		close(master->image);
	if (master->back >= 0)
		close(master->back);
}
