/* SPDX-License-Identifier: BSD-2-Clause */
#include "master/reload.h"

#include "ipc/events.h"
#include "ipc/turnover.h"
#include "master/notify.h"
#include "master/pausing.h"
#include "master/upgrade.h"

#include <string.h>
#include <sysexits.h>
#include <unistd.h>

static void begin(struct master *master);

/* --- what others see --- */

int
reload_place_services(struct master *master, struct config *config,
		      struct problem *problem)
{
	struct scoreboard_master *board = master_board(master);

	memcpy(master->services_before, board->services,
	       sizeof(board->services));
	master->services_placed = true;
	for (int i = 0; i < config->service_count; i++) {
		struct service_config *service = &config->services[i];

		service->board =
			scoreboard_service(&master->scoreboard, service->name,
					   service->service->type);
		if (service->board < 0) {
			problem_set(problem, EX_CONFIG,
				    "too many services: at most %d, with "
				    "those that are served now and would go",
				    SCOREBOARD_SERVICES);
			return -1;
		}
		/* So that the next one does not get the same entry. */
		board->services[service->board].active = 1;
	}
	return 0;
}

/* It is refused: who lost a place to one of its services has it again. */
static void
unplace_services(struct master *master)
{
	struct scoreboard_master *board = master_board(master);

	if (!master->services_placed)
		return;
	master->services_placed = false;
	scoreboard_begin(board);
	for (int i = 0; i < SCOREBOARD_SERVICES; i++) {
		const struct scoreboard_service *before =
			&master->services_before[i];
		struct scoreboard_service *now = &board->services[i];

		if (strcmp(before->name, now->name) != 0 ||
		    strcmp(before->type, now->type) != 0)
			*now = *before;
	}
	scoreboard_end(board);
}

static enum handoff_cause
cause_of(const struct master *master)
{
	if (master->upgraded)
		return HANDOFF_UPGRADE;
	return master->resizing ? HANDOFF_RESIZE : HANDOFF_RELOAD;
}

void
reload_publish(struct master *master)
{
	struct scoreboard_master *board = master_board(master);

	/* What was carried over stands there already. */
	if (!master->pool.current.listeners)
		return;
	scoreboard_begin(board);
	for (int i = 0; i < SCOREBOARD_SERVICES; i++)
		board->services[i].active = 0;
	for (int i = 0; i < master->config->service_count; i++) {
		struct scoreboard_service *service =
			&board->services[master->config->services[i].board];

		service->active = 1;
		service->order = (uint32_t)i;
	}
	listeners_publish(&master->listeners, master->config, board);
	if (board->generation &&
	    board->generation != master->pool.current.number)
		turnover_begin(board, cause_of(master),
			       master->pool.current.number);
	board->generation = master->pool.current.number;
	scoreboard_end(board);
}

void
reload_log(struct master *master, int kind)
{
	struct log_record record;

	if (!log_begin(&record, kind))
		return;
	log_tag(&record, "version", "%s", PACKAGE_VERSION);
	log_tag(&record, "generation", "%u", master->pool.current.number);
	log_tag(&record, "workers", "%d", master->config->workers);
	log_tag(&record, "services", "%d", master->config->service_count);
	log_end(&record);
	if (master->config->warning[0])
		log_event(EVENT_CONFIG_WARNING, "warning", "%s",
			  master->config->warning);
}

/* --- how one ends --- */

void
reload_tell_hooks(struct master *master, const char *change, const char *error)
{
	struct hook_details details = { 0 };

	hook_detail(&details, "TIMED_CHANGE", "%s", change);
	if (error)
		hook_detail(&details, "TIMED_ERROR", "%s", error);
	hooks_run(&master->hooks, error ? HOOK_RELOAD_FAILED : HOOK_RELOAD,
		  &details);
}

static void
over(struct master *master, const char *status)
{
	notify_ready(status);
	reload_pending(master);
}

static void
refuse(struct master *master, const char *why)
{
	json_t *complaints = master->complaints;

	master->complaints = NULL;
	master_board(master)->reloads_refused++;
	log_event(EVENT_RELOAD_FAILED, "reason", "%s", why);
	control_tell(&master->control, CONTROL_WAITS_RELOAD, why,
		     complaints ? json_pack("{s:o}", "errors", complaints)
				: NULL);
	reload_tell_hooks(master, "configuration", why);
	over(master, "reload refused, the old configuration serves");
}

/* For operators: what serves now. */
static json_t *
serving(const struct master *master)
{
	return json_pack("{s:s, s:i, s:i}", "version", PACKAGE_VERSION,
			 "generation", (int)master->pool.current.number,
			 "workers", master->config->workers);
}

static void
finish_reload(struct master *master)
{
	master->resized = master->resizing;
	master_board(master)->reloads++;
	reload_log(master, EVENT_RELOADED);
	control_tell(&master->control, CONTROL_WAITS_RELOAD, NULL,
		     serving(master));
	reload_tell_hooks(master, "configuration", NULL);
	over(master, "reloaded");
}

static void
finish_upgrade(struct master *master)
{
	master->upgraded = false;
	if (master->back >= 0) {
		close(master->back);
		master->back = -1;
	}
	scribe_renew(&master->scribe);
	if (master->options->refused) {
		master_board(master)->upgrades_refused++;
	} else {
		master_board(master)->upgrades++;
		reload_log(master, EVENT_UPGRADED);
	}
	control_tell(&master->control, CONTROL_WAITS_UPGRADE,
		     master->options->refused, serving(master));
	reload_tell_hooks(master, "program", master->options->refused);
	over(master, master->options->refused
			     ? "upgrade refused, the old program serves"
			     : "upgraded");
}

void
reload_ready(struct master *master)
{
	struct journal_config journal;
	struct problem problem;

	listeners_commit(&master->listeners, &master->next_listeners);
	config_free(master->config);
	master->config = master->next_config;
	master->next_config = NULL;
	master->services_placed = false;
	pool_adopt(&master->pool, master->config, &master->listeners);
	hooks_configure(&master->hooks, master->config,
			master->pool.current.number);
	reload_publish(master);
	pausing_follow(master);
	log_configure(config_log_level(master->config),
		      (unsigned)master->config->log.rate);
	config_journal(master->config, master->options->foreground, &journal);
	scribe_configure(&master->scribe, &journal, &master->config->identity);
	/* It may say another thing about core dumps. */
	(void)sandbox_enter(SANDBOX_MASTER, &master->config->identity, NULL);
	if (door_configure(&master->control.door, master->places.runtime_dir,
			   master->config, &problem) < 0)
		log_event(EVENT_CONFIG_WARNING, "warning", "%s", problem.text);
	warden_configure(&master->warden, master->config);
	herald_configure(&master->herald, master->config);
	if (master->upgraded)
		finish_upgrade(master);
	else
		finish_reload(master);
}

void
reload_cancel(struct master *master)
{
	if (!master->next_config)
		return;
	pool_abandon(&master->pool);
	listeners_abort(&master->next_listeners);
	herald_abort(&master->herald);
	config_free(master->next_config);
	master->next_config = NULL;
}

void
reload_failed(struct master *master, const struct problem *problem)
{
	reload_cancel(master);
	unplace_services(master);
	if (master->upgraded)
		upgrade_back(master, -1, problem->text);
	/* There is no way back: those who were carried over serve on. */
	if (master->upgraded)
		control_tell(&master->control, CONTROL_WAITS_UPGRADE,
			     problem->text, NULL);
	master->upgraded = false;
	reload_publish(master);
	refuse(master, problem->text);
}

/* --- how one begins --- */

static json_t *
as_json(const struct complaints *complaints)
{
	json_t *lines = json_array();

	for (int i = 0; i < complaints->count; i++)
		json_array_append_new(lines, json_string(complaints->lines[i]));
	return lines;
}

static struct config *
load(struct master *master)
{
	struct complaints complaints = { 0 };
	struct config *config = config_load(master->options->file, &complaints);
	int workers = master->upgraded ? master->resized : master->resizing;

	for (int i = 0; i < complaints.count; i++)
		log_event(EVENT_CONFIG_ERROR, "error", "%s",
			  complaints.lines[i]);
	if (complaints.count)
		master->complaints = as_json(&complaints);
	complaints_free(&complaints);
	if (config && workers)
		config->workers = workers;
	return config;
}

static int
prepare(struct master *master, struct problem *problem)
{
	master->next_listeners.count = 0;
	if (strcmp(master->next_config->runtime_dir,
		   master->places.runtime_dir) != 0) {
		problem_set(problem, EX_CONFIG,
			    "runtime_dir cannot change while timed runs");
		return -1;
	}
	if (warden_check(&master->warden, master->next_config, problem) < 0 ||
	    places_log_directory(master->next_config, problem) < 0 ||
	    places_state_directory(master->next_config, problem) < 0 ||
	    reload_place_services(master, master->next_config, problem) < 0)
		return -1;
	pausing_mark(master, master->next_config);
	if (listeners_open(&master->next_listeners, master->next_config,
			   &master->listeners, NULL, problem) < 0)
		return -1;
	if (herald_prepare(&master->herald, master->next_config, problem) < 0)
		return -1;
	return pool_begin(&master->pool, master->next_config,
			  &master->next_listeners, problem);
}

static void
begin(struct master *master)
{
	struct problem problem;

	notify_reloading();
	if (!master->upgraded) {
		log_event(EVENT_RELOADING, "generation", "%u",
			  master->pool.last_number + 1);
		control_begin(&master->control, CONTROL_WAITS_RELOAD);
		master->resizing = master->resize_to;
		master->resize_to = 0;
	}
	master->next_config = load(master);
	if (!master->next_config) {
		problem_set(&problem, EX_CONFIG,
			    "the configuration has errors");
		reload_failed(master, &problem);
	} else if (prepare(master, &problem) < 0) {
		reload_failed(master, &problem);
	}
}

void
reload_take_over(struct master *master)
{
	if (master->options->refused)
		log_event(EVENT_UPGRADE_FAILED, "reason", "%s",
			  master->options->refused);
	master->upgraded = true;
	begin(master);
}

void
reload_request(struct master *master)
{
	if (master->state == MASTER_STOPPING)
		return;
	if (master->state == MASTER_STARTING || master->next_config ||
	    upgrade_under_way(master))
		master->reload_again = true;
	else
		begin(master);
}

void
reload_resize(struct master *master, int workers)
{
	master->resize_to = workers;
	reload_request(master);
}

void
reload_pending(struct master *master)
{
	if (master->reload_again) {
		master->reload_again = false;
		begin(master);
	} else if (master->upgrade.again) {
		upgrade_request(master);
	}
}
