/* SPDX-License-Identifier: BSD-2-Clause */
#include "master/master.h"

#include "base/clock.h"
#include "base/fds.h"
#include "ipc/census.h"
#include "ipc/events.h"
#include "master/carry.h"
#include "master/context.h"
#include "master/ending.h"
#include "master/notify.h"
#include "master/operate.h"
#include "master/pausing.h"
#include "master/pulse.h"
#include "master/reactions.h"
#include "master/reload.h"
#include "master/start.h"
#include "master/upgrade.h"

#include <bsd/unistd.h>
#include <errno.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

/* --- start, and its mirror --- */

static int
open_loop(struct master *master, struct problem *problem)
{
	struct loop *loop = &master->loop;

	if (loop_open(loop) < 0 ||
	    signals_open(&master->signals, loop, reactions_signals, master) <
		    0 ||
	    timer_open(&master->second, loop, CLOCK_MONOTONIC,
		       reactions_second) < 0 ||
	    timer_open(&master->wall, loop, CLOCK_REALTIME, pulse_clock_set) <
		    0 ||
	    hooks_open(&master->hooks, loop, ending_hooks_ended, master) < 0 ||
	    upgrade_open(master, loop) < 0 || pausing_open(master, loop) < 0 ||
	    (master->options->terminal &&
	     terminal_watch(&master->terminal, loop, reactions_stop, master) <
		     0)) {
		problem_errno(problem, errno, "cannot open the event loop");
		return -1;
	}
	timer_every(&master->second, (uint64_t)CLOCK_SECOND);
	pulse_clock_set(&master->wall, false);
	return 0;
}

static int
open_scoreboard(struct master *master, struct problem *problem)
{
	struct scoreboard_master *shared;

	if (scoreboard_create(&master->scoreboard,
			      master->config->runtime_dir) < 0) {
		problem_errno(problem, errno, "%s/scoreboard",
			      master->config->runtime_dir);
		return -1;
	}
	shared = master_board(master);
	shared->pid = getpid();
	shared->started = clock_realtime() / CLOCK_SECOND;
	shared->started_monotonic = clock_monotonic();
	shared->heartbeat = shared->started_monotonic;
	return reload_place_services(master, master->config, problem);
}

static int
open_census(struct master *master, struct problem *problem)
{
	master->census = census_create();
	if (master->census >= 0)
		return 0;
	problem_errno(problem, errno, "cannot make the census");
	return -1;
}

static int
open_listeners(struct master *master, struct problem *problem)
{
	static const struct listeners none = { .count = 0 };
	struct notify_sockets sockets = { 0 };
	char name[SCOREBOARD_NAME];
	int result, unclaimed;

	if (!notify_take_sockets(&sockets)) {
		problem_errno(problem, errno, "sockets from systemd");
		return -1;
	}
	result = listeners_open(&master->listeners, master->config, &none,
				&sockets, problem);
	unclaimed =
		listeners_close_unclaimed(&master->listeners, &sockets, name);
	if (unclaimed && result == 0)
		config_warn(master->config,
			    "%d sockets from systemd are for no service here, "
			    "such as \"%s\"",
			    unclaimed, name);
	notify_free_sockets(&sockets);
	return result;
}

/* What cannot be filtered is said, once: timed goes on without. */
static void
look_for_filters(void)
{
	char why[64];

	if (!sandbox_filters(why, sizeof(why)))
		log_event(EVENT_UNFILTERED, "reason", "%s", why);
}

static int
open_warden(struct master *master, struct problem *problem)
{
	if (warden_open(&master->warden, &master->loop, &master->pool.crew,
			master->scribe.write_end, ending_keeper_ended,
			master) == 0)
		return 0;
	problem_errno(problem, errno, "cannot prepare for the keeper");
	return -1;
}

static int
open_herald(struct master *master, struct problem *problem)
{
	if (herald_open(&master->herald, &master->loop, &master->scoreboard,
			master->scribe.write_end, ending_status_ended,
			master) == 0)
		return 0;
	problem_errno(problem, errno, "cannot prepare for the status page");
	return -1;
}

static int
open_children(struct master *master, struct problem *problem)
{
	const struct config *config = master->config;
	struct journal_config journal;

	if (scribe_open(&master->scribe, &master->loop, &reactions_scribe,
			master) < 0) {
		problem_errno(problem, errno, "cannot make the log pipe");
		return -1;
	}
	log_open(master->scribe.own_end, "master", event_kinds, EVENT_COUNT,
		 config_log_level(config), (unsigned)config->log.rate);
	look_for_filters();
	if (pool_open(&master->pool, &master->loop, &master->scoreboard,
		      master->scribe.write_end, master->census, &reactions_pool,
		      master) < 0 ||
	    round_open(&master->round, &master->loop, &master->pool.crew,
		       &master->control) < 0) {
		problem_errno(problem, errno, "cannot make the pool");
		return -1;
	}
	if (open_warden(master, problem) < 0 ||
	    open_herald(master, problem) < 0)
		return -1;
	config_journal(config, master->options->foreground, &journal);
	if (scribe_start(&master->scribe, &journal, &config->identity) < 0) {
		problem_errno(problem, errno, "cannot make the journal");
		return -1;
	}
	return 0;
}

static int
give_up_rights(const struct config *config, struct problem *problem)
{
	if (sandbox_enter(SANDBOX_MASTER, &config->identity, NULL) == 0)
		return 0;
	problem_errno(problem, errno, "cannot give up privileges");
	return -1;
}

/* Each step undoes what those before did when it fails. */
static int
open_all(struct master *master, struct problem *problem)
{
	if (give_up_rights(master->config, problem) < 0)
		return -1;
	if (places_open(&master->places, master->config, problem) < 0)
		return -1;
	if (open_loop(master, problem) < 0)
		goto close_places;
	if (open_scoreboard(master, problem) < 0)
		goto close_places;
	if (open_census(master, problem) < 0)
		goto close_scoreboard;
	if (open_listeners(master, problem) < 0)
		goto close_census;
	if (control_open(&master->control, &master->loop,
			 master->config->runtime_dir, master->config, operate,
			 master, problem) < 0)
		goto close_listeners;
	if (herald_prepare(&master->herald, master->config, problem) < 0)
		goto close_control;
	if (open_children(master, problem) == 0)
		return 0;
	herald_abort(&master->herald);
close_control:
	control_close(&master->control);
close_listeners:
	listeners_close(&master->listeners);
close_census:
	close(master->census);
close_scoreboard:
	scoreboard_close(&master->scoreboard);
close_places:
	places_close(&master->places);
	return -1;
}

/* --- taking over from another image of this process --- */

static int
take_over_children(struct master *master, struct scribe_carried *carried,
		   struct problem *problem)
{
	const struct config *config = master->config;

	carried->config.to_stderr = master->options->foreground;
	if (scribe_adopt(&master->scribe, &master->loop, &reactions_scribe,
			 master, carried) < 0 ||
	    pool_open(&master->pool, &master->loop, &master->scoreboard,
		      master->scribe.write_end, master->census, &reactions_pool,
		      master) < 0 ||
	    round_open(&master->round, &master->loop, &master->pool.crew,
		       &master->control) < 0) {
		problem_errno(problem, errno, "cannot make the pool");
		return -1;
	}
	log_open(master->scribe.own_end, "master", event_kinds, EVENT_COUNT,
		 config_log_level(config), (unsigned)config->log.rate);
	look_for_filters();
	pool_carry_on(&master->pool, master->carried, config);
	hooks_configure(&master->hooks, config, master->carried);
	if (open_warden(master, problem) < 0 ||
	    open_herald(master, problem) < 0 ||
	    carry_read_sides(master->options->carry, master, problem) < 0)
		return -1;
	return carry_read_children(master->options->carry, master, problem);
}

/* Nothing is undone when it fails: the other image is gone back to. */
static int
take_over_all(struct master *master, struct problem *problem)
{
	struct scribe_carried journal;

	if (give_up_rights(master->config, problem) < 0 ||
	    carry_read(master->options->carry, master, &journal, problem) < 0 ||
	    open_loop(master, problem) < 0 ||
	    take_over_children(master, &journal, problem) < 0 ||
	    carry_read_control(master->options->carry, master, operate,
			       problem) < 0) {
		upgrade_back(master, master->options->carry, problem->text);
		return -1;
	}
	close(master->options->carry);
	carry_keep(master, false);
	master_enter(master, MASTER_RUNNING);
	pausing_follow(master);
	/* Their signals may have come between the two images. */
	reactions_reap(master);
	reload_take_over(master);
	return 0;
}

static void
close_all(struct master *master)
{
	round_close(&master->round);
	herald_close(&master->herald);
	warden_close(&master->warden);
	pool_close(&master->pool);
	scribe_close(&master->scribe);
	close(master->census);
	scoreboard_close(&master->scoreboard);
	terminal_close(&master->terminal);
	pausing_close(master);
	upgrade_close(master);
	control_close(&master->control);
	hooks_close(&master->hooks);
	timer_close(&master->wall);
	timer_close(&master->second);
	signals_close(&master->signals);
	loop_close(&master->loop);
	places_close(&master->places);
	control_farewell(&master->control);
	config_free(master->config);
}

int
master_run(const struct master_options *options, struct config *config,
	   const struct launcher *launcher)
{
	struct master *master = calloc(1, sizeof(*master));
	struct launcher told = *launcher;
	struct problem problem;
	int status;

	if (!master) {
		start_complain(launcher, "out of memory");
		start_tell(&told, EXIT_FAILURE);
		config_free(config);
		return EXIT_FAILURE;
	}
	setproctitle("master");
	fds_raise_limit();
	master->options = options;
	master->launcher = *launcher;
	master->config = config;
	master->back = -1;
	master->terminal.source.fd = -1;
	if ((options->carry >= 0 ? take_over_all(master, &problem)
				 : open_all(master, &problem)) < 0) {
		start_complain(launcher, problem.text);
		start_tell(&told, problem.status);
		config_free(config);
		free(master);
		return problem.status;
	}
	if (loop_run(&master->loop) < 0)
		master->status = EXIT_FAILURE;
	status = master->status;
	told = master->launcher;
	close_all(master);
	json_decref(master->complaints);
	free(master);
	start_tell(&told, status);
	return status;
}
