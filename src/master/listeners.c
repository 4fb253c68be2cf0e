/* SPDX-License-Identifier: BSD-2-Clause */
#include "master/listeners.h"

#include "ipc/events.h"
#include "master/halt.h"
#include "master/listen.h"

#include <bsd/string.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

/* A port that the kernel picks for one family may be taken in the other. */
enum {
	PORT_ATTEMPTS = 16,
	LISTENER_TEXT = ADDR_TEXT + 4,
};

/* As it could be configured. */
static void
text_of(const struct listener *listener, char text[LISTENER_TEXT])
{
	char address[ADDR_TEXT];

	addr_format(&listener->bound, address);
	snprintf(text, LISTENER_TEXT, "%s%s",
		 listener->transport == ADDR_UDP ? "udp:" : "", address);
}

static void
log_listener(int kind, const struct listener *listener)
{
	struct log_record record;
	char text[LISTENER_TEXT];

	if (!log_begin(&record, kind))
		return;
	text_of(listener, text);
	log_tag(&record, "service", "%s", listener->service_name);
	log_tag(&record, "address", "%s", text);
	log_end(&record);
}

/*
 * Workers may have it open a while longer: shut down, it listens no more in
 * any of them, and clients are refused instead of left waiting.  One that
 * systemd opened stays as it came, for the next start.
 */
static void
close_one(struct listener *listener)
{
	if (!listener->passed && listener->transport == ADDR_TCP)
		shutdown(listener->fd, SHUT_RDWR);
	if (listener->passed && listener->paused)
		(void)halt_lift(listener->fd, &listener->bound,
				listener->transport);
	/* The name goes first, so that nobody finds it without a listener. */
	if (listener->bound.sa.sa_family == AF_UNIX && !listener->passed &&
	    listener->bound.un.sun_path[0]) {
		unlink(listener->bound.un.sun_path);
		halt_forget(&listener->bound);
	}
	close(listener->fd);
}

/* The place for one more; NULL when there are too many. */
static struct listener *
append(struct listeners *set, const struct config *config, int service,
       unsigned transport, struct problem *problem)
{
	struct listener *listener;

	if (set->count == SCOREBOARD_LISTENERS) {
		problem_set(problem, EX_CONFIG, "more than %d listeners",
			    SCOREBOARD_LISTENERS);
		return NULL;
	}
	listener = &set->items[set->count];
	*listener = (struct listener){ .fd = -1,
				       .service = service,
				       .transport = transport };
	strlcpy(listener->service_name, config->services[service].name,
		sizeof(listener->service_name));
	return listener;
}

static bool
in_use(const struct listeners *set, int fd)
{
	for (int i = 0; i < set->count; i++)
		if (set->items[i].fd == fd)
			return true;
	return false;
}

/*
 * One of CURRENT that listens where ADDRESS wants to, and that NEXT has not
 * taken yet.  Where the kernel picks the port, the service must be the same.
 */
static const struct listener *
find(const struct listeners *current, const struct listeners *next,
     const struct addr *address, unsigned transport, const char *service)
{
	for (int i = 0; i < current->count; i++) {
		const struct listener *listener = &current->items[i];

		if (listener->passed || listener->transport != transport ||
		    in_use(next, listener->fd))
			continue;
		/* A port that the kernel chose may be asked for by now. */
		if (addr_equal(&listener->bound, address))
			return listener;
		if (!addr_equal(&listener->wanted, address))
			continue;
		if (address->sa.sa_family == AF_UNIX || addr_port(address) ||
		    strcmp(listener->service_name, service) == 0)
			return listener;
	}
	return NULL;
}

/* Those of CURRENT that are in the way; whether there were any. */
static bool
share(const struct listeners *current, const struct addr *address,
      unsigned transport, bool on)
{
	bool any = false;

	for (int i = 0; i < current->count; i++) {
		if (current->items[i].transport != transport ||
		    !addr_collide(&current->items[i].bound, address))
			continue;
		listen_share(current->items[i].fd, on);
		any = true;
	}
	return any;
}

/*
 * Open a new one.  What is in its way may be one of ours, which the next
 * configuration has no use for: it is there until the next takes its place.
 */
static int
open_new(const struct listeners *current, const struct addr *address,
	 unsigned transport, const struct service_config *of)
{
	int fd =
		listen_open(address, transport, of->service, false, of->paused);
	int error = errno;

	if (fd >= 0 || error != EADDRINUSE || address->sa.sa_family == AF_UNIX)
		return fd;
	if (share(current, address, transport, true))
		fd = listen_open(address, transport, of->service, true,
				 of->paused);
	error = fd < 0 ? errno : 0;
	share(current, address, transport, false);
	errno = error;
	return fd;
}

/* What one socket is to be. */
struct wanted {
	int service;
	unsigned transport;
	struct addr wanted;  /* as configured */
	struct addr address; /* with the port that was found for it */
};

static int
add_one(struct listeners *next, const struct listeners *current,
	const struct config *config, const struct wanted *want,
	struct problem *problem)
{
	const struct service_config *of = &config->services[want->service];
	struct listener *listener =
		append(next, config, want->service, want->transport, problem);
	const struct listener *old;
	char text[ADDR_TEXT];

	if (!listener)
		return -1;
	old = find(current, next, &want->wanted, want->transport, of->name);
	if (old) {
		listener->fd = old->fd;
		listener->bound = old->bound;
		listener->kept = true;
		listener->paused = old->paused;
		listener->paused_at = old->paused_at;
		listen_tune(listener->fd, &old->bound, want->transport,
			    of->service);
	} else {
		listener->fd =
			open_new(current, &want->address, want->transport, of);
		listener->paused = of->paused;
		if (listener->fd < 0) {
			int error = errno;

			addr_format(&want->address, text);
			problem_errno(problem, error,
				      "cannot listen on %s%s for service "
				      "\"%s\"",
				      want->transport == ADDR_UDP ? "udp:" : "",
				      text, of->name);
			errno = error;
			return -1;
		}
		listen_name(listener->fd, &listener->bound);
	}
	listener->wanted = want->wanted;
	next->count++;
	return 0;
}

static void
remove_last(struct listeners *set)
{
	struct listener *last = &set->items[--set->count];
	int error = errno;

	if (!last->kept)
		close_one(last);
	errno = error;
}

/* No IPv6 here: "*" and "localhost" do without. */
static bool
family_missing(const struct addr_listen *where, int error)
{
	return where->any && (error == EAFNOSUPPORT || error == EADDRNOTAVAIL);
}

/* The transports of an entry: what it says, or all that the service speaks. */
static unsigned
transports_of(const struct addr_listen *where, const struct service *service)
{
	if (where->addr[0].sa.sa_family == AF_UNIX)
		return ADDR_TCP;
	return where->transports ? where->transports : service->transports;
}

/* Every socket of an entry: each address, each transport. */
static int
sockets_of(const struct addr_listen *where, unsigned transports, int service,
	   struct wanted wanted[4])
{
	int count = 0;

	for (int i = 0; i < where->count; i++)
		for (unsigned transport = ADDR_TCP; transport <= ADDR_UDP;
		     transport++)
			if (transports & transport)
				wanted[count++] =
					(struct wanted){ service, transport,
							 where->addr[i],
							 where->addr[i] };
	return count;
}

/*
 * All sockets of one entry, on one port.  -1 with errno, and none of them
 * open; EADDRINUSE asks for another try when the kernel chose the port.
 */
static int
add_entry(struct listeners *next, const struct listeners *current,
	  const struct config *config, const struct addr_listen *where,
	  struct wanted *wanted, int count, struct problem *problem)
{
	int before = next->count;

	for (int i = 0; i < count; i++) {
		if (addr_port(&wanted[i].wanted) == 0 && next->count > before)
			addr_set_port(&wanted[i].address,
				      addr_port(&next->items[before].bound));
		if (add_one(next, current, config, &wanted[i], problem) == 0 ||
		    (next->count > before && family_missing(where, errno)))
			continue;
		while (next->count > before)
			remove_last(next);
		return -1;
	}
	return 0;
}

static int
add_entries(struct listeners *next, const struct listeners *current,
	    const struct config *config, int service, struct problem *problem)
{
	const struct service_config *of = &config->services[service];

	for (int i = 0; i < of->listen_count; i++) {
		const struct addr_listen *where = &of->listen[i].where;
		struct wanted wanted[4];
		int count = sockets_of(where, transports_of(where, of->service),
				       service, wanted);
		bool any_port = count > 1 && addr_port(&where->addr[0]) == 0;
		int attempts = any_port ? PORT_ATTEMPTS : 1;

		while (add_entry(next, current, config, where, wanted, count,
				 problem) < 0)
			if (--attempts == 0 || errno != EADDRINUSE)
				return -1;
	}
	return 0;
}

/* Sockets of systemd's that carry the service's name.  How many, or -1. */
static int
add_passed(struct listeners *next, const struct config *config, int service,
	   const struct notify_sockets *sockets, struct problem *problem)
{
	const struct service_config *of = &config->services[service];
	int found = 0;

	for (int i = 0; sockets && i < sockets->count; i++) {
		struct listener *listener;

		if (strcmp(sockets->names[i], of->name) != 0)
			continue;
		listener =
			append(next, config, service,
			       listen_transport(sockets->first + i), problem);
		if (!listener)
			return -1;
		listener->fd = sockets->first + i;
		listener->passed = true;
		if (!listen_adopt(listener->fd, of->service)) {
			problem_set(problem, EX_CONFIG,
				    "descriptor %d from systemd for service "
				    "\"%s\" is not a listening stream socket%s",
				    listener->fd, of->name,
				    of->service->transports & ADDR_UDP
					    ? " or a datagram socket"
					    : "");
			return -1;
		}
		listen_name(listener->fd, &listener->bound);
		listener->wanted = listener->bound;
		next->count++;
		found++;
	}
	return found;
}

/* On a reload, systemd's sockets are those that were passed at the start. */
static int
keep_passed(struct listeners *next, const struct listeners *current,
	    const struct config *config, int service, struct problem *problem)
{
	int found = 0;

	for (int i = 0; i < current->count; i++) {
		struct listener *listener;

		if (!current->items[i].passed ||
		    strcmp(current->items[i].service_name,
			   config->services[service].name) != 0)
			continue;
		listener = append(next, config, service,
				  current->items[i].transport, problem);
		if (!listener)
			return -1;
		*listener = current->items[i];
		listener->service = service;
		listener->kept = true;
		next->count++;
		found++;
	}
	return found;
}

int
listeners_open(struct listeners *next, const struct config *config,
	       const struct listeners *current,
	       const struct notify_sockets *sockets, struct problem *problem)
{
	next->count = 0;
	for (int i = 0; i < config->service_count; i++) {
		int found =
			sockets ? add_passed(next, config, i, sockets, problem)
				: keep_passed(next, current, config, i,
					      problem);

		if (found < 0 ||
		    (found == 0 &&
		     add_entries(next, current, config, i, problem) < 0)) {
			listeners_abort(next);
			return -1;
		}
	}
	return 0;
}

int
listeners_close_unclaimed(const struct listeners *listeners,
			  const struct notify_sockets *sockets,
			  char name[SCOREBOARD_NAME])
{
	int unclaimed = 0;

	for (int i = 0; i < sockets->count; i++) {
		if (in_use(listeners, sockets->first + i))
			continue;
		strlcpy(name, sockets->names[i], SCOREBOARD_NAME);
		close(sockets->first + i);
		unclaimed++;
	}
	return unclaimed;
}

void
listeners_commit(struct listeners *current, struct listeners *next)
{
	for (int i = 0; i < current->count; i++) {
		if (in_use(next, current->items[i].fd))
			continue;
		log_listener(EVENT_LISTENER_CLOSED, &current->items[i]);
		close_one(&current->items[i]);
	}
	*current = *next;
	for (int i = 0; i < current->count; i++) {
		if (!current->items[i].kept)
			log_listener(EVENT_LISTENING, &current->items[i]);
		current->items[i].kept = false;
	}
}

void
listeners_abort(struct listeners *next)
{
	while (next->count > 0)
		remove_last(next);
}

void
listeners_close(struct listeners *listeners)
{
	while (listeners->count > 0)
		close_one(&listeners->items[--listeners->count]);
}

const char *
listeners_service(const struct listeners *listeners, int *at)
{
	const struct listener *items = listeners->items;

	while (*at > 0 && *at < listeners->count &&
	       strcmp(items[*at].service_name, items[*at - 1].service_name) ==
		       0)
		(*at)++;
	return *at < listeners->count ? items[(*at)++].service_name : NULL;
}

void
listeners_publish(const struct listeners *listeners,
		  const struct config *config, struct scoreboard_master *master)
{
	for (int i = 0; i < listeners->count; i++) {
		const struct listener *listener = &listeners->items[i];
		char text[LISTENER_TEXT];

		text_of(listener, text);
		master->listeners[i].service =
			(uint32_t)config->services[listener->service].board;
		strlcpy(master->listeners[i].text, text,
			sizeof(master->listeners[i].text));
	}
	master->listener_count = (uint32_t)listeners->count;
}
