/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * echo: what a client sends comes back (RFC 862).
 *
 * Over TCP it is every byte, in its order.  Nothing is read from a client that
 * has not taken what it sent, so that one read, at most, is kept for it here,
 * and its buffers in the kernel bound the rest: they are chosen so that a
 * client that sends and never reads costs no more than 256 KiB.  One that has
 * sent its end of file gets all of it back, and then the same.
 *
 * A line that is exit_word ends the connection and is not echoed.  A client
 * that changes hands, as at a reload, is looked at with the word of its new
 * worker: that is what its operator wants from now on.
 *
 * Over UDP an answer is the request.
 */
#include "base/clock.h"
#include "service/echo_line.h"
#include "service/registry.h"
#include "worker/conn.h"

#include <string.h>

struct echo_settings {
	char exit_word[ECHO_LINE_WORD + 1];
	double idle_seconds; /* 0: no limit */
	bool low_ports;
	struct echo_line_word word; /* exit_word, as it is looked for */
};

/* For another worker; followed by what is held back. */
struct echo_saved {
	uint32_t other; /* in a line that is not the word */
	uint32_t held;	/* bytes */
};

static const struct echo_settings defaults = { .exit_word = "exit" };

#define PLACE(member)                           \
	offsetof(struct echo_settings, member), \
		sizeof(((struct echo_settings *)0)->member)

static const struct setting settings[] = {
	{ "exit_word", SETTING_STRING, PLACE(exit_word), 0, 0, NULL },
	{ "idle_seconds", SETTING_FLOAT, PLACE(idle_seconds), 0, 1000000,
	  NULL },
	{ "low_ports", SETTING_BOOL, PLACE(low_ports), 0, 0, NULL },
	{ NULL, SETTING_OTHER, 0, 0, 0, 0, NULL },
};

/* Nobody types them, and CR and LF are what lines are told by. */
static bool
has_control_bytes(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return true;
	return false;
}

static void
echo_configure(struct service_config *config, config_setting_t *group,
	       struct complaints *complaints)
{
	struct echo_settings *echo = config->settings;

	if (has_control_bytes(echo->exit_word))
		complain(complaints,
			 config_setting_get_member(group, "exit_word"),
			 "exit_word: must have no control bytes");
	echo_line_word(&echo->word, echo->exit_word);
	config->idle = (uint64_t)(echo->idle_seconds * (double)CLOCK_SECOND);
	config->no_low_ports = !echo->low_ports;
}

/* Give back what was HELD, and then LENGTH of BYTES. */
static enum conn_sent
give(struct conn *conn, size_t held, const char *bytes, size_t length)
{
	struct echo_settings *echo = conn->instance->config->settings;
	struct iovec parts[2] = {
		{ echo->word.text, held },
		{ (void *)(uintptr_t)bytes, length },
	};

	if (held > 0)
		return conn_write(conn, parts, length > 0 ? 2 : 1);
	return length > 0 ? conn_write(conn, &parts[1], 1) : CONN_SENT;
}

static void
echo_input(struct conn *conn, const char *bytes, size_t length)
{
	const struct echo_settings *echo = conn->instance->config->settings;
	struct echo_line_cut cut =
		echo_line_take(&echo->word, &conn->own.number, bytes, length);

	if (cut.over)
		conn->own.number = ECHO_LINE_OTHER;
	if (give(conn, cut.held, bytes, cut.length) != CONN_GONE && cut.over)
		conn_end(conn, CONN_CLIENT_CLOSED);
}

/* What is held back was not the line: its end is missing. */
static void
echo_finish(struct conn *conn)
{
	size_t held = echo_line_held(conn->own.number);

	conn->own.number = ECHO_LINE_OTHER;
	(void)give(conn, held, NULL, 0);
}

static size_t
echo_save(const struct conn *conn, char *room)
{
	const struct echo_settings *echo = conn->instance->config->settings;
	struct echo_saved saved = {
		.other = conn->own.number == ECHO_LINE_OTHER,
		.held = (uint32_t)echo_line_held(conn->own.number),
	};

	memcpy(room, &saved, sizeof(saved));
	memcpy(room + sizeof(saved), echo->word.text, saved.held);
	return sizeof(saved) + saved.held;
}

/* What was held back for another word may have to be so no longer. */
static bool
echo_restore(struct conn *conn, const char *state, size_t length)
{
	const struct echo_settings *echo = conn->instance->config->settings;
	const char *held = state + sizeof(struct echo_saved);
	struct echo_line_cut cut;
	struct echo_saved saved;

	if (length < sizeof(saved))
		return false;
	memcpy(&saved, state, sizeof(saved));
	if (length - sizeof(saved) != saved.held)
		return false;
	conn->own.number = saved.other ? ECHO_LINE_OTHER : ECHO_LINE_BEGIN;
	cut = echo_line_take(&echo->word, &conn->own.number, held, saved.held);
	return cut.length == 0 || conn_owe(conn, held, cut.length);
}

const struct service echo_service = {
	.type = "echo",
	.transports = ADDR_TCP | ADDR_UDP,
	.send_buffer = 32768,
	.receive_buffer = 49152,
	.paced = true,
	.mirror = true,
	.text = true,
	.settings_size = sizeof(struct echo_settings),
	.settings = settings,
	.defaults = &defaults,
	.configure = echo_configure,
	.input = echo_input,
	.finish = echo_finish,
	.save = echo_save,
	.restore = echo_restore,
};
