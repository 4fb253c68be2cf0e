/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/loop.h"

#include <errno.h>
#include <stddef.h>
#include <unistd.h>

int
loop_open(struct loop *loop)
{
	loop->stopping = false;
	loop->fetched = 0;
	loop->current = 0;
	STAILQ_INIT(&loop->tasks);
	loop->epfd = epoll_create1(EPOLL_CLOEXEC);
	return loop->epfd < 0 ? -1 : 0;
}

void
loop_close(struct loop *loop)
{
	close(loop->epfd);
	loop->epfd = -1;
}

static int
control(struct loop *loop, int operation, struct loop_source *source,
	uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = source };

	return epoll_ctl(loop->epfd, operation, source->fd, &event);
}

int
loop_add(struct loop *loop, struct loop_source *source, uint32_t events)
{
	return control(loop, EPOLL_CTL_ADD, source, events);
}

int
loop_modify(struct loop *loop, struct loop_source *source, uint32_t events)
{
	return control(loop, EPOLL_CTL_MOD, source, events);
}

void
loop_remove(struct loop *loop, struct loop_source *source)
{
	control(loop, EPOLL_CTL_DEL, source, 0);
	for (int i = loop->current + 1; i < loop->fetched; i++)
		if (loop->batch[i].data.ptr == source)
			loop->batch[i].data.ptr = NULL;
}

static void
dispatch(struct loop *loop)
{
	for (loop->current = 0; loop->current < loop->fetched;
	     loop->current++) {
		struct epoll_event *event = &loop->batch[loop->current];
		struct loop_source *source = event->data.ptr;

		if (source)
			source->ready(source, event->events);
		if (loop->stopping)
			break;
	}
	loop->fetched = 0;
	loop->current = 0;
}

void
loop_later(struct loop *loop, struct loop_task *task)
{
	if (task->queued)
		return;
	task->queued = true;
	STAILQ_INSERT_TAIL(&loop->tasks, task, entry);
}

void
loop_forget(struct loop *loop, struct loop_task *task)
{
	if (task->queued)
		STAILQ_REMOVE(&loop->tasks, task, loop_task, entry);
	task->queued = false;
}

void
loop_run_tasks(struct loop *loop)
{
	struct loop_task *task;

	while ((task = STAILQ_FIRST(&loop->tasks))) {
		STAILQ_REMOVE_HEAD(&loop->tasks, entry);
		task->queued = false;
		task->run(task);
	}
}

int
loop_run(struct loop *loop)
{
	loop_run_tasks(loop);
	while (!loop->stopping) {
		int n = epoll_wait(loop->epfd, loop->batch, LOOP_BATCH, -1);

		if (n < 0 && errno != EINTR)
			return -1;
		loop->fetched = n < 0 ? 0 : n;
		dispatch(loop);
		loop_run_tasks(loop);
	}
	loop->stopping = false;
	return 0;
}

void
loop_stop(struct loop *loop)
{
	loop->stopping = true;
}
