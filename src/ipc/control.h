/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The control protocol: what an operator may ask a running timed.
 *
 * RUNTIME_DIR/control is a stream socket.  Whoever connects sends one request,
 * a JSON object on a line: {"command": "log", "lines": 20}.  The answer is any
 * number of objects with one member that names what it is, {"line": "..."},
 * and at the end one with `ok`: true, with what there is to tell, or false,
 * with `error`, the text, and `exit`, a status of sysexits(3).  Then the
 * connection is closed.
 *
 * control_commands is all that is known of the commands: who may give them,
 * who answers, what they take.  The master checks requests against it, and
 * timedctl makes them, its help and its completion from it.
 */
#ifndef TIMED_IPC_CONTROL_H
#define TIMED_IPC_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

enum {
	CONTROL_LINE = 4096,   /* bytes of a request, with the newline */
	CONTROL_TEXT = 256,    /* of a text in it, with a NUL */
	CONTROL_ARGUMENTS = 4, /* that a command takes at most */

	CONTROL_MESSAGES = 100000, /* of the history, in one answer */
};

enum control_id {
	CONTROL_STATUS,
	CONTROL_TOP,
	CONTROL_SERVICES,
	CONTROL_WORKERS,
	CONTROL_CLIENTS,
	CONTROL_KICK,
	CONTROL_PAUSE,
	CONTROL_RESUME,
	CONTROL_RELOAD,
	CONTROL_UPGRADE,
	CONTROL_STOP,
	CONTROL_LOG,
	CONTROL_LOG_CLEAR,
	CONTROL_USERS,
	CONTROL_USERS_DEL,
	CONTROL_USERS_CLEAR,
	CONTROL_HISTORY,
	CONTROL_HISTORY_CLEAR,
	CONTROL_COUNT
};

/* Who knows the answer. */
enum control_answerer {
	CONTROL_BY_SCOREBOARD, /* timedctl reads it itself */
	CONTROL_BY_MASTER,
	CONTROL_BY_JOURNAL,
	CONTROL_BY_CREW, /* each worker in turn */
	CONTROL_BY_KEEPER,
};

/* Root, timed's own user and control_group are operators. */
enum control_access {
	CONTROL_FOR_OPERATORS,
	CONTROL_FOR_ALL, /* if status_for_all is set */
};

enum control_kind {
	CONTROL_FLAG,	/* true or false */
	CONTROL_NUMBER, /* from minimum to maximum */
	CONTROL_STRING, /* of 1 to CONTROL_TEXT - 1 bytes */
};

struct control_argument {
	const char *key; /* in the request; NULL: there are no more */
	enum control_kind kind;
	char letter;	   /* the option of timedctl; '\0': by its place */
	const char *shown; /* as what help shows its value */
	bool required;
	bool hidden;   /* timedctl sets it itself */
	bool confirms; /* in no request: without it timedctl asks first */
	int64_t minimum;
	int64_t maximum;
};

struct control_command {
	const char *name; /* one word or two: "log clear" */
	const char *help;
	enum control_access access;
	enum control_answerer answerer;
	struct control_argument arguments[CONTROL_ARGUMENTS + 1];
};

extern const struct control_command control_commands[CONTROL_COUNT];

struct control_value {
	bool given;
	int64_t number; /* of a flag: 1 or 0 */
	char text[CONTROL_TEXT];
};

struct control_request {
	enum control_id id;
	/* In the order of the command's arguments. */
	struct control_value values[CONTROL_ARGUMENTS];
};

/*
 * Understand LENGTH bytes of LINE, without the newline.  False with one line
 * of text in ERROR: no JSON, no such command, a member that it does not take,
 * of the wrong type or out of range, or one that is missing.
 */
bool control_parse(const char *line, size_t length,
		   struct control_request *request, char *error, size_t size);

/*
 * The value that REQUEST has for KEY of its command; NULL when it was not
 * given.
 */
const struct control_value *control_value(const struct control_request *request,
					  const char *key);

/* The command that is called so; NULL: none. */
const struct control_command *control_find(const char *name);

/* The name of the socket in the runtime directory. */
#define CONTROL_SOCKET "control"

/*
 * The address of the socket NAME in RUNTIME_DIR; its length, or 0 when the
 * directory's name is too long for one.
 */
socklen_t control_address(const char *runtime_dir, const char *name,
			  struct sockaddr_un *address);

#endif
