/* SPDX-License-Identifier: BSD-2-Clause */
#include "master/control.h"

#include "base/clock.h"
#include "ipc/answer.h"
#include "ipc/events.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

static const uint64_t PATIENCE = 10 * (uint64_t)CLOCK_SECOND;
static const uint64_t PATIENCE_WITH_STRANGERS = 2 * (uint64_t)CLOCK_SECOND;

static uint64_t
deadline_of(const struct guest *guest)
{
	return clock_monotonic() +
	       (guest->trusted ? PATIENCE : PATIENCE_WITH_STRANGERS);
}

static struct loop *
loop_of(struct control_peer *peer)
{
	return peer->control->door.loop;
}

static void
vacate(struct control_peer *peer)
{
	loop_remove(loop_of(peer), &peer->source);
	free(peer->answer);
	peer->answer = NULL;
	peer->state = CONTROL_FREE;
}

static void
let_go(struct control_peer *peer)
{
	vacate(peer);
	close(peer->source.fd);
}

/* --- answers --- */

/* What is left of it, as far as there is room. */
static void
tell_rest(struct control_peer *peer)
{
	while (peer->told < peer->length) {
		ssize_t n = send(peer->source.fd, peer->answer + peer->told,
				 peer->length - peer->told,
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN &&
		    loop_modify(loop_of(peer), &peer->source, EPOLLOUT) == 0)
			return;
		if (n < 0)
			break;
		peer->told += (size_t)n;
	}
	let_go(peer);
}

static void
answer(struct control_peer *peer, json_t *object)
{
	char *text = json_dumps(object, JSON_COMPACT);
	size_t length = text ? strlen(text) : 0;

	json_decref(object);
	/* In the place of the NUL, which is not sent. */
	if (text)
		text[length++] = '\n';
	peer->answer = text;
	peer->length = length;
	peer->told = 0;
	peer->state = CONTROL_TOLD;
	peer->deadline = deadline_of(&peer->guest);
	tell_rest(peer);
}

void
control_done(struct control_peer *peer, json_t *more)
{
	json_t *object = json_pack("{s:b}", "ok", 1);

	if (more)
		json_object_update(object, more);
	json_decref(more);
	answer(peer, object);
}

void
control_refuse(struct control_peer *peer, int exit, const char *format, ...)
{
	char text[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	answer(peer, answer_refusal(exit, text));
}

/* --- those who wait --- */

void
control_wait(struct control_peer *peer, enum control_state state)
{
	peer->state = state;
	peer->begun = false;
	peer->ticket = ++peer->control->tickets;
	peer->deadline = 0;
	/* An end of theirs is always told. */
	if (loop_modify(loop_of(peer), &peer->source, 0) < 0)
		let_go(peer);
}

struct control_peer *
control_next(struct control *control, enum control_state state)
{
	struct control_peer *first = NULL;

	for (int i = 0; i < CONTROL_PEERS; i++) {
		struct control_peer *peer = &control->peers[i];

		if (peer->state == state && !peer->begun &&
		    (!first || peer->ticket < first->ticket))
			first = peer;
	}
	return first;
}

void
control_begin(struct control *control, enum control_state state)
{
	for (int i = 0; i < CONTROL_PEERS; i++)
		if (control->peers[i].state == state)
			control->peers[i].begun = true;
}

void
control_tell(struct control *control, enum control_state state,
	     const char *error, json_t *more)
{
	for (int i = 0; i < CONTROL_PEERS; i++) {
		struct control_peer *peer = &control->peers[i];
		json_t *object;

		if (peer->state != state || !peer->begun)
			continue;
		object = error ? answer_refusal(EXIT_FAILURE, error)
			       : json_pack("{s:b}", "ok", 1);
		if (more)
			json_object_update(object, more);
		answer(peer, object);
	}
	json_decref(more);
}

int
control_give(struct control_peer *peer)
{
	vacate(peer);
	return peer->source.fd;
}

/* --- requests --- */

static void
log_request(const struct control_peer *peer, int event)
{
	const struct control_request *request = &peer->request;
	const struct control_value *value = &request->values[0];
	struct log_record record;

	if (!log_begin(&record, event))
		return;
	log_tag(&record, "command", "%s", control_commands[request->id].name);
	if (value->text[0])
		log_tag(&record, "argument", "%s", value->text);
	else if (value->given)
		log_tag(&record, "argument", "%lld", (long long)value->number);
	log_tag(&record, "uid", "%u", (unsigned)peer->guest.uid);
	log_tag(&record, "pid", "%d", (int)peer->guest.pid);
	log_end(&record);
}

static void
handle(struct control_peer *peer, size_t length)
{
	const struct control_command *command;
	char error[256];

	peer->deadline = 0;
	peer->state = CONTROL_ASKED;
	if (!control_parse(peer->input, length, &peer->request, error,
			   sizeof(error))) {
		control_refuse(peer, EX_USAGE, "%s", error);
		return;
	}
	command = &control_commands[peer->request.id];
	if (!peer->guest.trusted && command->access != CONTROL_FOR_ALL) {
		log_request(peer, EVENT_COMMAND_REFUSED);
		control_refuse(peer, EX_NOPERM, "uid %u is no operator",
			       (unsigned)peer->guest.uid);
		return;
	}
	if (command->access != CONTROL_FOR_ALL)
		log_request(peer, EVENT_COMMAND);
	peer->control->asked(peer->control->context, peer);
}

static void
listen_to(struct control_peer *peer)
{
	ssize_t n = recv(peer->source.fd, peer->input + peer->got,
			 sizeof(peer->input) - peer->got, MSG_DONTWAIT);
	char *end;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0 || (n == 0 && peer->got == 0)) {
		let_go(peer);
		return;
	}
	end = memchr(peer->input + peer->got, '\n', (size_t)n);
	peer->got += (size_t)n;
	/* Its end of file ends the line as well. */
	if (n == 0)
		handle(peer, peer->got);
	else if (end && end + 1 < peer->input + peer->got)
		control_refuse(peer, EX_USAGE,
			       "there is something behind the request");
	else if (end)
		handle(peer, (size_t)(end - peer->input));
	else if (peer->got == sizeof(peer->input))
		control_refuse(peer, EX_USAGE,
			       "a request has at most %d bytes, with its "
			       "newline",
			       CONTROL_LINE);
}

static void
peer_ready(struct loop_source *source, uint32_t events)
{
	struct control_peer *peer = (struct control_peer *)source;

	if (peer->state == CONTROL_ASKS)
		listen_to(peer);
	else if (peer->state == CONTROL_TOLD)
		tell_rest(peer);
	else if (events & (EPOLLHUP | EPOLLERR))
		let_go(peer);
}

/* --- those who come --- */

static struct control_peer *
place_for(struct control *control, const struct guest *guest)
{
	struct control_peer *place = NULL;
	int strangers = 0;

	for (int i = 0; i < CONTROL_PEERS; i++) {
		struct control_peer *peer = &control->peers[i];

		if (peer->state == CONTROL_FREE)
			place = peer;
		else if (!peer->guest.trusted)
			strangers++;
	}
	return guest->trusted || strangers < CONTROL_STRANGERS ? place : NULL;
}

static bool
seat(struct control *control, struct control_peer *peer,
     const struct guest *guest, enum control_state state)
{
	memset(peer, 0, sizeof(*peer));
	peer->control = control;
	peer->source.fd = guest->fd;
	peer->source.ready = peer_ready;
	peer->guest = *guest;
	if (loop_add(control->door.loop, &peer->source,
		     state == CONTROL_ASKS ? EPOLLIN : 0) < 0)
		return false;
	peer->state = state;
	return true;
}

static void
knocked(struct door *door, const struct guest *guest)
{
	struct control *control = (struct control *)door;
	struct control_peer *place = place_for(control, guest);
	char text[64];

	if (!guest->trusted && !door->status_for_all) {
		log_event(EVENT_COMMAND_REFUSED, "uid", "%u",
			  (unsigned)guest->uid);
		snprintf(text, sizeof(text), "uid %u is no operator",
			 (unsigned)guest->uid);
		answer_close(guest->fd, answer_refusal(EX_NOPERM, text));
	} else if (place && seat(control, place, guest, CONTROL_ASKS)) {
		place->deadline = deadline_of(guest);
	} else {
		answer_close(guest->fd, answer_refusal(EX_TEMPFAIL,
						       "too many ask at once"));
	}
}

void
control_check(struct control *control)
{
	uint64_t now = clock_monotonic();

	door_check(&control->door);
	for (int i = 0; i < CONTROL_PEERS; i++) {
		struct control_peer *peer = &control->peers[i];

		if (peer->state == CONTROL_FREE || !peer->deadline ||
		    peer->deadline > now)
			continue;
		if (peer->state == CONTROL_ASKS)
			control_refuse(peer, EX_USAGE,
				       "no request came in time");
		else
			let_go(peer);
	}
}

/* --- life --- */

int
control_open(struct control *control, struct loop *loop,
	     const char *runtime_dir, const struct config *config,
	     void (*asked)(void *context, struct control_peer *peer),
	     void *context, struct problem *problem)
{
	memset(control, 0, sizeof(*control));
	control->asked = asked;
	control->context = context;
	return door_open(&control->door, loop, runtime_dir, config, knocked,
			 problem);
}

void
control_close(struct control *control)
{
	for (int i = 0; i < CONTROL_PEERS; i++)
		if (control->peers[i].state != CONTROL_FREE &&
		    control->peers[i].state != CONTROL_WAITS_STOP)
			let_go(&control->peers[i]);
	door_close(&control->door);
}

/* There is no loop any more: what does not fit at once is not sent. */
void
control_farewell(struct control *control)
{
	control_begin(control, CONTROL_WAITS_STOP);
	control_tell(control, CONTROL_WAITS_STOP, NULL, NULL);
}

/* --- over an exec --- */

static bool
is_carried(const struct control_peer *peer)
{
	/* The next image does not get what was read of a request. */
	return peer->state != CONTROL_FREE && peer->state != CONTROL_TOLD &&
	       peer->state != CONTROL_WAITS_CREW &&
	       (peer->state != CONTROL_ASKS || peer->got == 0);
}

void
control_interrupt(struct control *control)
{
	for (int i = 0; i < CONTROL_PEERS; i++) {
		struct control_peer *peer = &control->peers[i];

		if (peer->state == CONTROL_ASKS && peer->got > 0)
			control_refuse(peer, EX_TEMPFAIL,
				       "timed is being upgraded; ask again");
	}
}

json_t *
control_save(const struct control *control)
{
	json_t *peers = json_array();

	for (int i = 0; i < CONTROL_PEERS; i++) {
		const struct control_peer *peer = &control->peers[i];

		if (is_carried(peer))
			json_array_append_new(
				peers,
				json_pack("{s:i, s:i, s:b, s:b, s:i, s:i}",
					  "fd", peer->source.fd, "state",
					  (int)peer->state, "begun",
					  peer->begun, "trusted",
					  peer->guest.trusted, "uid",
					  (int)peer->guest.uid, "pid",
					  (int)peer->guest.pid));
	}
	return json_pack("{s:i, s:o}", "door", control->door.source.fd, "peers",
			 peers);
}

static void
restore_peer(struct control *control, json_t *text)
{
	int fd = -1, state, begun, trusted, uid, pid;
	struct guest guest;
	struct control_peer *place;

	if (json_unpack(text, "{s:i, s:i, s:b, s:b, s:i, s:i}", "fd", &fd,
			"state", &state, "begun", &begun, "trusted", &trusted,
			"uid", &uid, "pid", &pid) < 0)
		return;
	guest = (struct guest){ fd, (uid_t)uid, pid, trusted };
	place = place_for(control, &guest);
	if (!place ||
	    !seat(control, place, &guest, (enum control_state)state)) {
		close(fd);
		return;
	}
	place->begun = begun;
	if (state == CONTROL_ASKS)
		place->deadline = deadline_of(&guest);
}

int
control_restore(struct control *control, struct loop *loop, json_t *text,
		const char *runtime_dir, const struct config *config,
		void (*asked)(void *context, struct control_peer *peer),
		void *context, struct problem *problem)
{
	json_t *peer;
	size_t index;
	int fd;

	if (!text || json_unpack(text, "{s:i}", "door", &fd) < 0)
		return control_open(control, loop, runtime_dir, config, asked,
				    context, problem);
	memset(control, 0, sizeof(*control));
	control->asked = asked;
	control->context = context;
	if (door_restore(&control->door, loop, fd, runtime_dir, config, knocked,
			 problem) < 0)
		return -1;
	json_array_foreach(json_object_get(text, "peers"), index, peer)
	{
		restore_peer(control, peer);
	}
	return 0;
}

void
control_each_fd(const struct control *control, void (*keep)(int fd, bool on),
		bool on)
{
	keep(control->door.source.fd, on);
	for (int i = 0; i < CONTROL_PEERS; i++)
		if (is_carried(&control->peers[i]))
			keep(control->peers[i].source.fd, on);
}
