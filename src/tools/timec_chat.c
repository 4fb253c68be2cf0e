/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/timec_chat.h"

#include "base/clock.h"
#include "tools/chat_editor.h"
#include "tools/dialogue.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <termios.h>
#include <unistd.h>

enum {
	CHUNK = 4096
};

struct chat {
	struct client *client;
	int fd;
	struct dialogue dialogue;
	struct chat_editor *editor; /* NULL: lines are the terminal's */
	enum dialogue_kind asked;   /* and not answered */
	bool typed;		    /* standard input is a terminal */
	bool named;		    /* the name of the options was given */
	bool in;		    /* in the room */
	bool parted;		    /* the server said goodbye */
	bool input_over;
	bool shut;		 /* and the server was told */
	bool hidden;		 /* what is typed is not shown */
	struct termios terminal; /* as it was */
	uint64_t printed;	 /* lines */
	uint64_t next;		 /* line of a pipe; CLOCK_MONOTONIC, ns */
	char input[CHUNK];	 /* of standard input, not sent */
	size_t input_length;
	char unsent[CHUNK + 1];
	size_t from, to;
};

/* ---- The terminal ------------------------------------------------------- */

static void
hide(struct chat *chat, bool hidden)
{
	struct termios terminal;

	if (!chat->typed || hidden == chat->hidden)
		return;
	terminal = chat->terminal;
	if (hidden)
		terminal.c_lflag &= (tcflag_t)~ECHO;
	tcsetattr(STDIN_FILENO, TCSADRAIN, &terminal);
	chat->hidden = hidden;
	/* The newline was not shown either. */
	if (!hidden && chat->client->terminal &&
	    write(STDOUT_FILENO, "\n", 1) < 0)
		client_stop(chat->client, CLIENT_FAILED);
}

/* ---- What the server says ----------------------------------------------- */

static void
print(struct chat *chat, const char *bytes, size_t length)
{
	struct client *client = chat->client;
	char text[4 * DIALOGUE_LINE + 1];
	size_t n = client_text(client, text, bytes, length);

	text[n++] = '\n';
	client_write(client, text, n);
	if (++chat->printed == client->limit)
		client_stop(client, chat->in ? 0 : CLIENT_FAILED);
}

static void
send_bytes(struct chat *chat, const char *bytes, size_t length)
{
	memcpy(chat->unsent, bytes, length);
	chat->from = 0;
	chat->to = length;
}

/* A question: answered by the options, or shown to who types. */
static void
ask(struct chat *chat, enum dialogue_kind kind, const char *text, size_t length)
{
	struct client *client = chat->client;
	char answer[CHUNK];
	size_t n;

	if (kind == DIALOGUE_NAME && client->name && !chat->named) {
		chat->named = true;
		n = strlen(client->name);
		memcpy(answer, client->name, n);
		answer[n++] = '\n';
		send_bytes(chat, answer, n);
		return;
	}
	/* A script cannot know what to say to a name that is asked for twice. */
	if (kind == DIALOGUE_NAME && !chat->typed && chat->named) {
		client_stop(client, CLIENT_FAILED);
		return;
	}
	if (kind == DIALOGUE_NAME)
		chat->named = true;
	chat->asked = kind;
	if (chat->typed && client->terminal)
		client_write(client, text, length);
}

static void
heard(void *context, enum dialogue_kind kind, const char *text, size_t length)
{
	struct chat *chat = context;

	if (chat->client->done)
		return;
	if (dialogue_is_question(kind)) {
		ask(chat, kind, text, length);
		return;
	}
	/* Else it did not wait for the answer. */
	chat->asked = DIALOGUE_NOTHING;
	hide(chat, false);
	if (kind == DIALOGUE_NOTICE && dialogue_welcomes(text, length))
		chat->in = true;
	if (kind == DIALOGUE_NOTICE && dialogue_parts(text, length))
		chat->parted = true;
	print(chat, text, length);
}

/* The server has closed, or is lost for the reason of ERROR. */
static void
conclude(struct chat *chat, int error)
{
	struct client *client = chat->client;

	dialogue_end(&chat->dialogue);
	if (client->done)
		return;
	if (error)
		client_complain("connection lost: %s", strerror(error));
	else if (!chat->parted && !client->quiet)
		client_complain("the server closed the connection");
	client_stop(client, chat->parted && chat->in ? 0 : CLIENT_FAILED);
}

static void
receive(struct chat *chat)
{
	char bytes[CHUNK];
	ssize_t n = recv(chat->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (n > 0)
		dialogue_bytes(&chat->dialogue, bytes, (size_t)n);
	else if (n == 0)
		conclude(chat, 0);
	else if (errno != EAGAIN && errno != EINTR)
		conclude(chat, errno);
}

/* ---- What is sent ------------------------------------------------------- */

/* Whoever cannot be sent to is heard of when he is read from. */
static void
send_some(struct chat *chat)
{
	ssize_t n = send(chat->fd, chat->unsent + chat->from,
			 chat->to - chat->from, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n > 0)
		chat->from += (size_t)n;
	else if (n < 0 && errno != EAGAIN && errno != EINTR)
		chat->from = chat->to;
	if (chat->from == chat->to)
		explicit_bzero(chat->unsent, sizeof(chat->unsent));
}

/* Whether there is a line to be sent, or what has to pass for one. */
static bool
has_line(const struct chat *chat)
{
	size_t length = chat->input_length;

	return memchr(chat->input, '\n', length) ||
	       length == sizeof(chat->input) ||
	       (chat->input_over && length > 0);
}

static void
send_line(struct chat *chat)
{
	const char *newline = memchr(chat->input, '\n', chat->input_length);
	size_t length = newline ? (size_t)(newline + 1 - chat->input)
				: chat->input_length;

	send_bytes(chat, chat->input, length);
	/* Longer than any server takes: it has to say so itself. */
	if (!newline && chat->input_over)
		chat->unsent[chat->to++] = '\n';
	chat->input_length -= length;
	memmove(chat->input, chat->input + length, chat->input_length);
	chat->asked = DIALOGUE_NOTHING;
	hide(chat, false);
	chat->next = clock_monotonic() +
		     (uint64_t)(chat->client->interval * CLOCK_MILLISECOND);
}

static void
end_input(struct chat *chat)
{
	if (!chat->shut)
		shutdown(chat->fd, SHUT_WR);
	chat->input_over = true;
	chat->shut = true;
}

static void
take_input(struct chat *chat)
{
	ssize_t n = read(STDIN_FILENO, chat->input + chat->input_length,
			 sizeof(chat->input) - chat->input_length);

	if (n > 0) {
		chat->input_length += (size_t)n;
	} else if (n == 0) {
		chat->input_over = true;
	} else if (errno != EAGAIN && errno != EINTR) {
		client_complain("standard input: %s", strerror(errno));
		client_stop(chat->client, CLIENT_FAILED);
	}
}

/* ---- Plain lines -------------------------------------------------------- */

/*
 * Send a line, if one is there and wanted.  Milliseconds until the next one may
 * be; -1: that takes something else than time.
 */
static int
offer_line(struct chat *chat)
{
	uint64_t now = clock_monotonic();

	if (chat->from < chat->to || (!chat->in && !chat->asked))
		return -1;
	if (!has_line(chat)) {
		if (chat->input_over)
			end_input(chat);
		return -1;
	}
	if (!chat->asked && !chat->typed && now < chat->next)
		return (int)((chat->next - now) / CLOCK_MILLISECOND) + 1;
	send_line(chat);
	return -1;
}

static void
turn(struct chat *chat)
{
	struct pollfd polled[2] = {
		{ .fd = chat->fd, .events = POLLIN },
		{ .fd = STDIN_FILENO, .events = POLLIN },
	};
	int wait;

	hide(chat, dialogue_is_secret(chat->asked));
	wait = offer_line(chat);
	if (chat->from < chat->to)
		polled[0].events |= POLLOUT;
	if (chat->input_over || chat->input_length == sizeof(chat->input))
		polled[1].fd = -1;
	if (client_await_any(chat->client, polled, 2, wait) < 0)
		return;
	if (polled[0].revents & ~POLLOUT)
		receive(chat);
	if (polled[1].revents && !chat->client->done)
		take_input(chat);
	if (chat->from < chat->to)
		send_some(chat);
}

/* ---- Edited lines ------------------------------------------------------- */

/* For the editor: until a key is there, or something ends the line. */
static bool
wait_for_key(void *context)
{
	struct chat *chat = context;

	while (!chat->client->done && !chat->asked) {
		struct pollfd polled[2] = {
			{ .fd = chat->fd, .events = POLLIN },
			{ .fd = STDIN_FILENO, .events = POLLIN },
		};

		if (client_await_any(chat->client, polled, 2, -1) < 0) {
			chat_editor_hide(chat->editor);
			return false;
		}
		if (polled[0].revents) {
			chat_editor_hide(chat->editor);
			receive(chat);
			if (!chat->client->done && !chat->asked)
				chat_editor_show(chat->editor);
		} else if (polled[1].revents) {
			return true;
		}
	}
	return false;
}

/* All of it, while lines of others go on being shown. */
static void
send_all(struct chat *chat)
{
	while (chat->from < chat->to && !chat->client->done) {
		struct pollfd polled = { .fd = chat->fd,
					 .events = POLLIN | POLLOUT };

		if (client_await_any(chat->client, &polled, 1, -1) < 0)
			return;
		if (polled.revents & ~POLLOUT)
			receive(chat);
		send_some(chat);
	}
}

static void
edit(struct chat *chat)
{
	size_t length;
	const char *line = chat_editor_line(chat->editor, &length);

	if (!line) {
		if (chat->client->done || chat->asked)
			return;
		chat_editor_hide(chat->editor);
		end_input(chat);
		return;
	}
	while (length > 0 && !chat->client->done) {
		size_t part = length < CHUNK ? length : CHUNK;

		send_bytes(chat, line, part);
		send_all(chat);
		line += part;
		length -= part;
	}
}

/* ---- The visit ---------------------------------------------------------- */

/* Whatever ends it, the terminal is to be as it was. */
static void
catch_ends(struct client *client)
{
	sigset_t ends;

	sigemptyset(&ends);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGHUP);
	if (signalfd(client->signals, &ends, 0) >= 0)
		sigprocmask(SIG_BLOCK, &ends, NULL);
}

static void
visit(struct chat *chat)
{
	while (!chat->client->done)
		if (chat->editor && chat->in && !chat->asked &&
		    !chat->input_over)
			edit(chat);
		else
			turn(chat);
}

int
timec_chat(struct client *client)
{
	struct chat chat = { .client = client };
	struct addr address;

	chat.typed = isatty(STDIN_FILENO) &&
		     tcgetattr(STDIN_FILENO, &chat.terminal) == 0;
	chat.fd = client_connect(client, &address);
	if (chat.fd < 0)
		return client->done ? client->status : EX_UNAVAILABLE;
	catch_ends(client);
	if (chat.typed && client->terminal)
		chat.editor = chat_editor_open("> ", wait_for_key, &chat);
	dialogue_open(&chat.dialogue, heard, &chat);
	visit(&chat);
	hide(&chat, false);
	chat_editor_close(chat.editor);
	close(chat.fd);
	return client->status;
}
