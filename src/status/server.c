/* SPDX-License-Identifier: BSD-2-Clause */
#ifdef HAVE_MICROHTTPD
#include "status/server.h"

#include "base/clock.h"
#include "status/assets.h"
#include "status/responses.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
	REQUEST_MEMORY = 16 * 1024, /* of a connection: request and headers */
};

/* How old an answer may be that somebody else was given. */
static const uint64_t FRESH = 20 * (uint64_t)CLOCK_MILLISECOND;

#define SERVER_OF(pointer, member) \
	((struct server *)((char *)(pointer)-offsetof(struct server, member)))

static void
look(struct server *server)
{
	server->figures->guests = server->guests.count;
	server->figures->streams = server->streams.count;
	(void)figures_look(server->figures);
}

static enum MHD_Result
send_kept(struct server *server, struct MHD_Connection *connection,
	  enum responses_kind which)
{
	uint64_t now = clock_monotonic();
	struct MHD_Response *response = server->answers[which].response;

	if (!response || now - server->answers[which].made_at > FRESH) {
		if (response)
			MHD_destroy_response(response);
		look(server);
		response = responses_make(server->figures, which);
		server->answers[which].response = response;
		server->answers[which].made_at = now;
	}
	return response ? MHD_queue_response(connection, MHD_HTTP_OK, response)
			: MHD_NO;
}

static enum MHD_Result
send_once(struct MHD_Connection *connection, unsigned status,
	  struct MHD_Response *response)
{
	enum MHD_Result result;

	/* Out of memory: it costs this one client. */
	if (!response)
		return MHD_NO;
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result
send_line(struct MHD_Connection *connection, unsigned status, const char *line)
{
	return send_once(connection, status,
			 responses_constant(line, strlen(line),
					    "text/plain; charset=utf-8"));
}

/* Before the request was read to its end: nothing more of it is. */
static enum MHD_Result
refuse(struct MHD_Connection *connection, unsigned status, const char *line)
{
	struct MHD_Response *response = responses_constant(
		line, strlen(line), "text/plain; charset=utf-8");

	if (response) {
		(void)MHD_add_response_header(
			response, MHD_HTTP_HEADER_CONNECTION, "close");
		if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
			(void)MHD_add_response_header(
				response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	}
	return send_once(connection, status, response);
}

/* --- what is at which path --- */

struct request {
	struct server *server;
	struct MHD_Connection *connection;
	bool head; /* without the body */
};

static struct guest *
guest_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
		connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

static enum MHD_Result
get_page(const struct request *request)
{
	return send_kept(request->server, request->connection, RESPONSES_PAGE);
}

static enum MHD_Result
get_metrics(const struct request *request)
{
	return send_kept(request->server, request->connection,
			 RESPONSES_METRICS);
}

static enum MHD_Result
get_status(const struct request *request)
{
	return send_kept(request->server, request->connection,
			 RESPONSES_STATUS);
}

static enum MHD_Result
get_history(const struct request *request)
{
	return send_kept(request->server, request->connection,
			 RESPONSES_HISTORY);
}

static enum MHD_Result
get_style(const struct request *request)
{
	return send_once(request->connection, MHD_HTTP_OK,
			 responses_constant(assets_page_css,
					    assets_page_css_length,
					    "text/css; charset=utf-8"));
}

static enum MHD_Result
get_script(const struct request *request)
{
	return send_once(request->connection, MHD_HTTP_OK,
			 responses_constant(assets_page_js,
					    assets_page_js_length,
					    "text/javascript; charset=utf-8"));
}

static enum MHD_Result
get_health(const struct request *request)
{
	const char *why;
	char line[32];
	unsigned status = MHD_HTTP_OK;

	look(request->server);
	if (!figures_serving(request->server->figures, &why))
		status = MHD_HTTP_SERVICE_UNAVAILABLE;
	snprintf(line, sizeof(line), "%s\n", why);
	return send_once(request->connection, status,
			 responses_dress(MHD_create_response_from_buffer(
						 strlen(line), line,
						 MHD_RESPMEM_MUST_COPY),
					 "text/plain; charset=utf-8"));
}

static void
publish(struct server *server)
{
	char *data = figures_tick(server->figures);

	if (data)
		streams_publish(&server->streams, data,
				server->figures->now / CLOCK_SECOND);
	free(data);
}

/* Some places are for those who ask once: Prometheus, and who looks why. */
static enum MHD_Result
get_events(const struct request *request)
{
	static const char FULL[] = "Too many follow the events.\n";
	struct server *server = request->server;
	struct guest *guest = guest_of(request->connection);
	struct MHD_Response *response;

	if (request->head)
		return send_once(
			request->connection, MHD_HTTP_OK,
			responses_constant("", 0, "text/event-stream"));
	if (server->streams.count < server->stream_limit) {
		/* The first one who comes need not wait for a second. */
		if (!server->streams.current) {
			look(server);
			publish(server);
		}
		response = guest ? streams_open(&server->streams,
						request->connection, guest)
				 : NULL;
		return send_once(
			request->connection, MHD_HTTP_OK,
			responses_dress(response, "text/event-stream"));
	}
	response = responses_constant(FULL, sizeof(FULL) - 1,
				      "text/plain; charset=utf-8");
	if (response)
		(void)MHD_add_response_header(
			response, MHD_HTTP_HEADER_RETRY_AFTER, "10");
	return send_once(request->connection, MHD_HTTP_SERVICE_UNAVAILABLE,
			 response);
}

static const struct {
	const char *path;
	enum MHD_Result (*get)(const struct request *request);
} paths[] = {
	{ "/", get_page },
	{ "/page.css", get_style },
	{ "/page.js", get_script },
	{ "/metrics", get_metrics },
	{ "/status.json", get_status },
	{ "/history.json", get_history },
	{ "/events", get_events },
	{ "/healthz", get_health },
};

static bool
has_body(struct MHD_Connection *connection)
{
	const char *length = MHD_lookup_connection_value(
		connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);

	return (length && strcmp(length, "0") != 0) ||
	       MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
					   MHD_HTTP_HEADER_TRANSFER_ENCODING);
}

/*
 * The library calls it when it has the headers, and again when it has the whole
 * request; that is when it can be answered and the connection go on.
 */
static enum MHD_Result
answer(void *context, struct MHD_Connection *connection, const char *path,
       const char *method, const char *version, const char *upload,
       size_t *upload_size, void **state)
{
	static char seen;
	struct request request = { .server = context,
				   .connection = connection };

	(void)version;
	(void)upload;
	request.head = strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
	if (!request.head && strcmp(method, MHD_HTTP_METHOD_GET) != 0)
		return refuse(connection, MHD_HTTP_METHOD_NOT_ALLOWED,
			      "Nothing can be changed here.\n");
	if (has_body(connection))
		return refuse(connection, MHD_HTTP_CONTENT_TOO_LARGE,
			      "A request has no body here.\n");
	if (*upload_size != 0)
		return MHD_NO;
	if (!*state) {
		*state = &seen;
		return MHD_YES;
	}
	if (guest_of(connection))
		guests_step(guest_of(connection));
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		if (strcmp(path, paths[i].path) == 0)
			return paths[i].get(&request);
	return send_line(connection, MHD_HTTP_NOT_FOUND,
			 "There is nothing here.\n");
}

/* --- the library in the loop --- */

static void
run(struct server *server)
{
	MHD_UNSIGNED_LONG_LONG timeout;

	(void)MHD_run(server->daemon);
	/* It has no timeouts of its own: this is what it has at hand. */
	if (MHD_get_timeout(server->daemon, &timeout) == MHD_YES)
		timer_after(&server->timer,
			    timeout * (uint64_t)CLOCK_MILLISECOND + 1);
}

static void
library_ready(struct loop_source *source, uint32_t events)
{
	(void)events;
	run((struct server *)source);
}

static void
library_due(struct timer *timer, bool stepped)
{
	(void)stepped;
	run(SERVER_OF(timer, timer));
}

static void
guest_came(void *context, int fd, const struct sockaddr *address,
	   socklen_t length)
{
	struct server *server = context;

	/* If it cannot be had, it is closed. */
	(void)MHD_add_connection(server->daemon, fd, address, length);
	run(server);
}

static void
connection_changed(void *context, struct MHD_Connection *connection,
		   void **guest, enum MHD_ConnectionNotificationCode code)
{
	struct server *server = context;
	const union MHD_ConnectionInfo *info;

	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		if (*guest)
			guests_remove(&server->guests, *guest);
		return;
	}
	info = MHD_get_connection_info(connection,
				       MHD_CONNECTION_INFO_CONNECTION_FD);
	if (!info)
		return;
	*guest = guests_add(&server->guests, info->connect_fd);
	if (!*guest)
		shutdown(info->connect_fd, SHUT_RDWR);
}

/* The next request is waited for, as long as for the first. */
static void
request_completed(void *context, struct MHD_Connection *connection,
		  void **state, enum MHD_RequestTerminationCode code)
{
	struct guest *guest = guest_of(connection);

	(void)context;
	(void)state;
	(void)code;
	if (guest)
		guests_step(guest);
}

/* --- life --- */

static struct MHD_Daemon *
start_library(struct server *server, unsigned limit)
{
	return MHD_start_daemon(
		MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET |
			MHD_ALLOW_SUSPEND_RESUME,
		0, NULL, NULL, answer, server, MHD_OPTION_CONNECTION_LIMIT,
		limit + 1, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)REQUEST_MEMORY, MHD_OPTION_NOTIFY_CONNECTION,
		connection_changed, server, MHD_OPTION_NOTIFY_COMPLETED,
		request_completed, server, MHD_OPTION_END);
}

int
server_open(struct server *server, struct loop *loop, struct figures *figures,
	    const int *listeners, int count, unsigned limit)
{
	const union MHD_DaemonInfo *info;

	server->loop = loop;
	server->figures = figures;
	server->stream_limit = limit - limit / 8 - 1;
	server->guests.came = guest_came;
	server->guests.context = server;
	streams_init(&server->streams);
	errno = ENOMEM;
	server->daemon = start_library(server, limit);
	if (!server->daemon)
		return -1;
	info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	server->source.fd = info->epoll_fd;
	server->source.ready = library_ready;
	if (loop_add(loop, &server->source, EPOLLIN) < 0 ||
	    timer_open(&server->timer, loop, CLOCK_MONOTONIC, library_due) < 0)
		return -1;
	return guests_open(&server->guests, loop, listeners, count, limit);
}

void
server_tick(struct server *server)
{
	if (server->streams.count == 0) {
		streams_close(&server->streams);
		return;
	}
	publish(server);
	run(server);
}

void
server_check(struct server *server)
{
	guests_check(&server->guests);
	run(server);
}

void
server_close(struct server *server)
{
	guests_close(&server->guests);
	streams_end(&server->streams);
	(void)MHD_run(server->daemon);
	(void)MHD_run(server->daemon);
	loop_remove(server->loop, &server->source);
	MHD_stop_daemon(server->daemon);
	for (int i = 0; i < RESPONSES_KINDS; i++)
		if (server->answers[i].response)
			MHD_destroy_response(server->answers[i].response);
	streams_close(&server->streams);
	timer_close(&server->timer);
}
#endif
