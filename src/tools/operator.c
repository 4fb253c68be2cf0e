/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/operator.h"

#include "ipc/status_json.h"
#include "tools/confirm.h"
#include "tools/inquiry.h"
#include "tools/show_clients.h"
#include "tools/show_history.h"
#include "tools/show_log.h"
#include "tools/show_users.h"
#include "tools/status.h"
#include "tools/top.h"

#include <bsd/string.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

/* A master that was silent for so long is taken for dead; seconds. */
enum {
	SILENCE = 60
};

struct showing;

/* What is done for a command, and how its answers look to people. */
struct manner {
	/* timedctl does it all by itself. */
	int (*run)(const struct operator_options *options);
	/* The scoreboard has it. */
	bool (*text)(const struct snapshot *snapshot, FILE *out);
	bool (*json)(const struct snapshot *snapshot, FILE *out);
	/* What the last object of the answer comes to. */
	void (*done)(const json_t *answer, FILE *out);
	/* An object before it, and whether it is for those who read. */
	void (*object)(const json_t *object, FILE *out);
	bool (*is_shown)(const json_t *object);
	/* Such objects are the rows of a table, gathered until all are there. */
	bool (*gather)(struct showing *showing, const json_t *object);
	void (*table)(struct showing *showing, FILE *out);
	/* See tools/inquiry.h. */
	void (*keep)(json_t *request, const json_t *object);
};

/* An answer that comes. */
struct showing {
	const struct operator_options *options;
	const struct manner *manner;
	struct show_clients clients;
	struct show_users users;
};

static void
print_json(const json_t *object)
{
	json_dumpf(object, stdout, JSON_COMPACT);
	putchar('\n');
}

/* Nothing was done, and this is why: for people, and with -j for programs. */
int
operator_fail(const struct operator_options *options, int status,
	      const char *error)
{
	json_t *object;

	fprintf(stderr, "timedctl: %s\n", error);
	if (!options->json)
		return status;
	object = json_pack("{s:b, s:i}", "ok", 0, "exit", status);
	/* A path in it may be no UTF-8. */
	if (json_object_set_new(object, "error", json_string(error)) < 0)
		json_object_set_new(object, "error",
				    json_string("see standard error"));
	print_json(object);
	fflush(stdout);
	json_decref(object);
	return status;
}

/* ERROR is why timed was not reached: with a hint; the exit status. */
static int
explain(int number, char *error, size_t size)
{
	if (number == ENOENT || number == ECONNREFUSED)
		strlcat(error, " (timed does not run there; see -r)", size);
	if (number == EACCES || number == EPERM)
		return EX_NOPERM;
	return number == EPROTO ? EXIT_FAILURE : EX_UNAVAILABLE;
}

/* --- from the scoreboard --- */

bool
operator_look(const struct operator_options *options, struct snapshot *snapshot,
	      char *error, size_t size, int *status)
{
	struct snapshot_source source;
	bool taken;

	if (snapshot_open(&source, options->runtime_dir, error, size) < 0) {
		*status = explain(errno, error, size);
		return false;
	}
	taken = snapshot_take(&source, snapshot) &&
		snapshot_alive(snapshot, SILENCE);
	snapshot_close(&source);
	if (taken)
		return true;
	strlcpy(error, "timed is not running; its scoreboard is left over",
		size);
	*status = EX_UNAVAILABLE;
	return false;
}

static int
look(const struct operator_options *options, const struct manner *manner)
{
	struct snapshot *snapshot = malloc(sizeof(*snapshot));
	char error[256];
	int status = EX_OK;

	if (!snapshot)
		return operator_fail(options, EXIT_FAILURE, "out of memory");
	if (!operator_look(options, snapshot, error, sizeof(error), &status))
		operator_fail(options, status, error);
	else if (!(options->json ? manner->json : manner->text)(snapshot,
								stdout))
		status = operator_fail(options, EXIT_FAILURE, strerror(errno));
	free(snapshot);
	return status;
}

/* --- from whom the master says --- */

static void
show_serving(const json_t *answer, FILE *out)
{
	const char *version = "";
	int generation = 0, workers = 0;

	(void)json_unpack((json_t *)answer, "{s:s, s:i, s:i}", "version",
			  &version, "generation", &generation, "workers",
			  &workers);
	fprintf(out, "timed %s serves: generation %d, %d workers\n", version,
		generation, workers);
}

static void
show_stopped(const json_t *answer, FILE *out)
{
	(void)answer;
	fputs("timed has stopped\n", out);
}

/* "stream, daytime"; whether there is any. */
static bool
list_paused(const json_t *answer, FILE *out)
{
	const json_t *names = json_object_get(answer, "paused");
	json_t *name;
	size_t index;

	json_array_foreach(names, index, name)
	{
		fprintf(out, "%s%s", index ? ", " : "",
			json_string_value(name));
	}
	return json_array_size(names) > 0;
}

static void
show_paused(const json_t *answer, FILE *out)
{
	json_int_t clients =
		json_integer_value(json_object_get(answer, "clients"));

	fputs(json_is_true(json_object_get(answer, "changed"))
		      ? "paused: "
		      : "paused already: ",
	      out);
	(void)list_paused(answer, out);
	fprintf(out, "; %lld client%s\n", (long long)clients,
		clients == 1 ? " stays" : "s stay");
}

static void
show_resumed(const json_t *answer, FILE *out)
{
	if (!json_is_true(json_object_get(answer, "changed")))
		fputs("was not paused; ", out);
	if (json_array_size(json_object_get(answer, "paused")) > 0)
		fputs("still paused: ", out);
	fputs(list_paused(answer, out) ? "\n" : "all services take clients\n",
	      out);
}

/* The reason, and what is wrong with the configuration line by line. */
static int
show_refusal(const struct operator_options *options, json_t *answer)
{
	const char *error = "timed said nothing that can be understood";
	int status = EXIT_FAILURE;
	json_t *line;
	size_t index;

	(void)json_unpack(answer, "{s:i}", "exit", &status);
	(void)json_unpack(answer, "{s:s}", "error", &error);
	if (options->json)
		print_json(answer);
	json_array_foreach(json_object_get(answer, "errors"), index, line)
	{
		fprintf(stderr, "%s\n", json_string_value(line));
	}
	fprintf(stderr, "timedctl: %s\n", error);
	return status;
}

static int
conclude(const struct operator_options *options, const struct manner *manner,
	 json_t *answer)
{
	if (!json_is_true(json_object_get(answer, "ok")))
		return show_refusal(options, answer);
	if (options->json)
		print_json(answer);
	else if (manner->done)
		manner->done(answer, stdout);
	return EX_OK;
}

static bool
show_object(void *context, const json_t *object)
{
	struct showing *showing = context;
	const struct manner *manner = showing->manner;

	if (manner->is_shown && !manner->is_shown(object))
		return true;
	if (showing->options->json)
		print_json(object);
	else if (manner->gather)
		return manner->gather(showing, object);
	else if (manner->object)
		manner->object(object, stdout);
	return !ferror(stdout);
}

static bool
show_so_far(void *context)
{
	(void)context;
	return fflush(stdout) == 0;
}

static int
show_answer(struct showing *showing, json_t *answer)
{
	bool done = json_is_true(json_object_get(answer, "ok"));

	if (done && showing->manner->table && !showing->options->json)
		showing->manner->table(showing, stdout);
	return conclude(showing->options, showing->manner, answer);
}

static int
fail_early(const struct operator_options *options, int number, char *error,
	   size_t size)
{
	if (number == ECONNABORTED)
		return operator_fail(options, EX_UNAVAILABLE, error);
	if (number == ECANCELED)
		return operator_fail(options, EX_IOERR,
				     ferror(stdout) ? "cannot write"
						    : "out of memory");
	return operator_fail(options, explain(number, error, size), error);
}

static int
ask(const struct operator_options *options, const struct manner *manner,
    json_t *request)
{
	struct showing showing = { .options = options, .manner = manner };
	struct inquiry inquiry = { .runtime_dir = options->runtime_dir,
				   .request = request,
				   .object = show_object,
				   .pause = show_so_far,
				   .keep = manner->keep,
				   .context = &showing };
	char error[256];
	json_t *answer = inquiry_hold(&inquiry, error, sizeof(error));
	int status;

	if (answer)
		status = show_answer(&showing, answer);
	else
		status = fail_early(options, errno, error, sizeof(error));
	json_decref(answer);
	show_clients_free(&showing.clients);
	show_users_free(&showing.users);
	return status;
}

/* --- tables --- */

static bool
gather_client(struct showing *showing, const json_t *object)
{
	return show_clients_add(&showing->clients, object);
}

static void
print_clients(struct showing *showing, FILE *out)
{
	show_clients_print(&showing->clients, out);
}

static bool
gather_user(struct showing *showing, const json_t *object)
{
	return show_users_add(&showing->users, object);
}

static void
print_users(struct showing *showing, FILE *out)
{
	show_users_print(&showing->users, out);
}

/* --- commands --- */

static const struct manner manners[CONTROL_COUNT] = {
	[CONTROL_STATUS] = { .text = status_text, .json = status_json },
	[CONTROL_TOP] = { .run = top_run },
	[CONTROL_SERVICES] = { .text = status_services_text,
			       .json = status_services_json },
	[CONTROL_WORKERS] = { .text = status_workers_text,
			      .json = status_workers_json,
			      .done = show_serving },
	[CONTROL_RELOAD] = { .done = show_serving },
	[CONTROL_UPGRADE] = { .done = show_serving },
	[CONTROL_STOP] = { .done = show_stopped },
	[CONTROL_LOG] = { .object = show_log_object,
			  .is_shown = show_log_is_shown,
			  .keep = show_log_keep },
	[CONTROL_LOG_CLEAR] = { .done = show_log_cleared },
	[CONTROL_CLIENTS] = { .gather = gather_client, .table = print_clients },
	[CONTROL_KICK] = { .object = show_clients_kicked },
	[CONTROL_PAUSE] = { .done = show_paused },
	[CONTROL_RESUME] = { .done = show_resumed },
	[CONTROL_USERS] = { .gather = gather_user, .table = print_users },
	[CONTROL_USERS_DEL] = { .done = show_users_removed },
	[CONTROL_USERS_CLEAR] = { .done = show_users_removed },
	[CONTROL_HISTORY] = { .object = show_history_object },
	[CONTROL_HISTORY_CLEAR] = { .done = show_history_removed },
};

bool
operator_lasts(const struct control_command *command, char *const *words,
	       int count)
{
	char error[512];
	json_t *request;
	bool lasts;

	if (manners[command - control_commands].run)
		return true;
	request = operator_request(command, words, count, error, sizeof(error));
	lasts = json_is_true(json_object_get(request, "follow")) ||
		(request && confirm_is_due(command, request));
	json_decref(request);
	return lasts;
}

int
operator_run(const struct operator_options *options, char *const *words,
	     int count)
{
	int used, status;
	const struct control_command *command =
		operator_command(words, count, &used);
	const struct manner *manner;
	char error[512];
	json_t *request;

	if (!command) {
		snprintf(error, sizeof(error), "no such command: %s", words[0]);
		return operator_fail(options, EX_USAGE, error);
	}
	request = operator_request(command, words + used, count - used, error,
				   sizeof(error));
	if (!request)
		return operator_fail(options, EX_USAGE, error);
	manner = &manners[command - control_commands];
	status = confirm_or_refuse(options, command, request);
	/* Without anything to be changed, what there is. */
	if (status == EX_OK && manner->run)
		status = manner->run(options);
	else if (status == EX_OK && manner->text &&
		 json_object_size(request) == 1)
		status = look(options, manner);
	else if (status == EX_OK)
		status = ask(options, manner, request);
	json_decref(request);
	return status;
}
