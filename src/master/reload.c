/* SPDX-License-Identifier: BSD-2-Clause */
#include "master/reload.h"

#include "ipc/events.h"
#include "master/notify.h"

#include <string.h>
#include <sysexits.h>

static void begin(struct master *master);

/* --- what others see --- */

int
reload_place_services(struct master *master, struct config *config,
		      struct problem *problem)
{
	struct scoreboard_master *board = master_board(master);

	for (int i = 0; i < config->service_count; i++) {
		struct service_config *service = &config->services[i];

		service->board =
			scoreboard_service(&master->scoreboard, service->name,
					   service->service->type);
		if (service->board < 0) {
			problem_set(problem, EX_CONFIG,
				    "too many services: workers of an "
				    "earlier configuration still serve");
			return -1;
		}
		/* So that the next one does not get the same entry. */
		board->services[service->board].active = 1;
	}
	return 0;
}

void
reload_publish(struct master *master)
{
	struct scoreboard_master *board = master_board(master);

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

static void
over(struct master *master, const char *status)
{
	notify_ready(status);
	reload_pending(master);
}

static void
refuse(struct master *master, const char *why)
{
	master_board(master)->reloads_refused++;
	log_event(EVENT_RELOAD_FAILED, "reason", "%s", why);
	over(master, "reload refused, the old configuration serves");
}

void
reload_ready(struct master *master)
{
	struct journal_config journal;

	listeners_commit(&master->listeners, &master->next_listeners);
	config_free(master->config);
	master->config = master->next_config;
	master->next_config = NULL;
	pool_adopt(&master->pool, master->config, &master->listeners);
	reload_publish(master);
	master_board(master)->reloads++;
	log_configure(config_log_level(master->config),
		      (unsigned)master->config->log.rate);
	config_journal(master->config, master->options->foreground, &journal);
	scribe_configure(&master->scribe, &journal, &master->config->identity);
	reload_log(master, EVENT_RELOADED);
	over(master, "reloaded");
}

void
reload_cancel(struct master *master)
{
	if (!master->next_config)
		return;
	pool_abandon(&master->pool);
	listeners_abort(&master->next_listeners);
	config_free(master->next_config);
	master->next_config = NULL;
}

void
reload_failed(struct master *master, const struct problem *problem)
{
	reload_cancel(master);
	reload_publish(master);
	refuse(master, problem->text);
}

/* --- how one begins --- */

static struct config *
load(struct master *master)
{
	struct complaints complaints = { 0 };
	struct config *config = config_load(master->options->file, &complaints);

	for (int i = 0; i < complaints.count; i++)
		log_event(EVENT_CONFIG_ERROR, "error", "%s",
			  complaints.lines[i]);
	complaints_free(&complaints);
	return config;
}

static int
prepare(struct master *master, struct problem *problem)
{
	master->next_listeners.count = 0;
	if (strcmp(master->next_config->runtime_dir,
		   master->config->runtime_dir) != 0) {
		problem_set(problem, EX_CONFIG,
			    "runtime_dir cannot change while timed runs");
		return -1;
	}
	if (places_log_directory(master->next_config, problem) < 0 ||
	    reload_place_services(master, master->next_config, problem) < 0)
		return -1;
	if (listeners_open(&master->next_listeners, master->next_config,
			   &master->listeners, NULL, problem) < 0)
		return -1;
	return pool_begin(&master->pool, master->next_config,
			  &master->next_listeners, problem);
}

static void
begin(struct master *master)
{
	struct problem problem;

	notify_reloading();
	log_event(EVENT_RELOADING, "generation", "%u",
		  master->pool.last_number + 1);
	master->next_config = load(master);
	if (!master->next_config)
		refuse(master, "the configuration has errors");
	else if (prepare(master, &problem) < 0)
		reload_failed(master, &problem);
}

void
reload_request(struct master *master)
{
	if (master->state == MASTER_STOPPING)
		return;
	if (master->state == MASTER_STARTING || master->next_config)
		master->reload_again = true;
	else
		begin(master);
}

void
reload_pending(struct master *master)
{
	if (!master->reload_again)
		return;
	master->reload_again = false;
	begin(master);
}
