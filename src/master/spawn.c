/* SPDX-License-Identifier: BSD-2-Clause */
#include "master/spawn.h"

#include "base/fds.h"
#include "ipc/command.h"
#include "master/listen.h"
#include "worker/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* In the child: never returns. */
static void
become_worker(const struct spawn_order *order, int report, int command)
{
	struct accept_listener listeners[SCOREBOARD_LISTENERS];
	struct worker_plan plan = {
		.scoreboard = order->scoreboard,
		.slot = order->slot,
		.number = order->number,
		.generation = order->generation,
		.report = report,
		.command = command,
		.log = order->log,
		.census = order->census,
		.log_level = config_log_level(order->config),
		.log_rate = (unsigned)order->config->log.rate,
		.identity = order->config->identity,
		.root = *order->config->chroot ? order->config->chroot : NULL,
		.services = order->config->services,
		.service_count = order->config->service_count,
		.listeners = listeners,
		.listener_count = order->listeners->count,
	};

	for (int i = 0; i < order->listeners->count; i++)
		listeners[i] = (struct accept_listener){
			.fd = order->listeners->items[i].fd,
			.service = order->listeners->items[i].service,
			.transport = order->listeners->items[i].transport,
			.id = listen_cookie(order->listeners->items[i].fd),
			.bound = order->listeners->items[i].bound,
		};
	/* Not exit(): what the master registered to run there is its own. */
	_exit(worker_run(&plan));
}

static void
close_pair(const int ends[2])
{
	close(ends[0]);
	close(ends[1]);
}

int
spawn_worker(const struct spawn_order *order, struct spawned *spawned)
{
	int report[2], command[2], error;

	if (pipe2(report, O_CLOEXEC | O_NONBLOCK) < 0)
		return -1;
	if (command_pair(command) < 0) {
		error = errno;
		close_pair(report);
		errno = error;
		return -1;
	}
	spawned->pid = fork();
	if (spawned->pid == 0)
		become_worker(order, report[1], command[1]);
	error = errno;
	close(report[1]);
	close(command[1]);
	if (spawned->pid < 0) {
		close(report[0]);
		close(command[0]);
		errno = error;
		return -1;
	}
	spawned->report = report[0];
	spawned->command = command[0];
	return 0;
}
