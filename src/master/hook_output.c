/* SPDX-License-Identifier: BSD-2-Clause */
#include "master/hook_output.h"

#include "ipc/events.h"

#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

enum {
	READ_BYTES = 1 << 14,
	PIPE_BYTES = 1 << 16, /* what may wait in a pipe */
};

static void
log_line(const struct hook_output *output)
{
	struct log_record record;

	if (!log_begin(&record, EVENT_HOOK_OUTPUT))
		return;
	log_tag(&record, "hook", "%s", output->name);
	log_tag(&record, "pid", "%d", (int)output->pid);
	log_tag(&record, "text", "%.*s", (int)output->length, output->line);
	if (output->cut)
		log_tag(&record, "cut", "%" PRIu64, output->cut);
	log_end(&record);
}

static void
end_line(struct hook_output *output)
{
	if (output->length == 0)
		return;
	if (++output->lines <= HOOK_LINES)
		log_line(output);
	else
		output->left_out++;
	output->length = 0;
	output->cut = 0;
}

static void
take(struct hook_output *output, const char *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (bytes[i] == '\n' || bytes[i] == '\0')
			end_line(output);
		else if (output->length < sizeof(output->line))
			output->line[output->length++] = bytes[i];
		else
			output->cut++;
	}
}

static void
shut(struct hook_output *output)
{
	end_line(output);
	if (!output->resting)
		loop_remove(output->loop, &output->source);
	close(output->source.fd);
	output->source.fd = -1;
	output->resting = false;
}

/* Take MOST bytes or what is there.  How many; 0 when there is no more. */
static size_t
listen_to(struct hook_output *output, size_t most)
{
	char bytes[READ_BYTES];
	ssize_t n = read(output->source.fd, bytes,
			 most < sizeof(bytes) ? most : sizeof(bytes));

	if (n > 0)
		take(output, bytes, (size_t)n);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		shut(output);
	return n > 0 ? (size_t)n : 0;
}

static void
output_ready(struct loop_source *source, uint32_t events)
{
	struct hook_output *output = (struct hook_output *)source;

	(void)events;
	output->budget -= listen_to(output, output->budget);
	if (output->budget > 0 || source->fd < 0)
		return;
	loop_remove(output->loop, source);
	output->resting = true;
}

int
hook_output_open(struct hook_output *output, struct loop *loop, int fd)
{
	output->loop = loop;
	output->source.ready = output_ready;
	output->source.fd = fd;
	output->budget = HOOK_BYTES_A_SECOND;
	output->resting = false;
	if (loop_add(loop, &output->source, EPOLLIN) == 0)
		return 0;
	output->source.fd = -1;
	return -1;
}

void
hook_output_refill(struct hook_output *output)
{
	output->budget = HOOK_BYTES_A_SECOND;
	if (!output->resting)
		return;
	/* Without memory for that it is tried again in a second. */
	output->resting = loop_add(output->loop, &output->source, EPOLLIN) < 0;
}

void
hook_output_finish(struct hook_output *output)
{
	size_t taken = 0, n = 1;

	while (output->source.fd >= 0 && n > 0 && taken < PIPE_BYTES) {
		n = listen_to(output, READ_BYTES);
		taken += n;
	}
	if (output->source.fd >= 0)
		shut(output);
}
