/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The event loop of every process of timed: descriptors, and callbacks that
 * are called when they are ready.  One loop a process, one thread, epoll.
 *
 * Whoever registers a source owns it: the struct must stay where it is until
 * loop_remove().  A callback may remove and free any source, its own or
 * another's; events that were already fetched for it are then dropped.
 * Callbacks must not block.
 *
 * What many callbacks of one batch of events want done once, after them, is a
 * task: it runs before the loop waits again.
 */
#ifndef TIMED_BASE_LOOP_H
#define TIMED_BASE_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/queue.h>

/* Something with a descriptor; embed it as the first member. */
struct loop_source {
	/* events: a mask of EPOLLIN, EPOLLOUT, EPOLLHUP, EPOLLERR ... */
	void (*ready)(struct loop_source *source, uint32_t events);
	int fd;
};

/* Embed it, too; all zero at first. */
struct loop_task {
	void (*run)(struct loop_task *task);
	bool queued;
	STAILQ_ENTRY(loop_task) entry;
};

enum {
	LOOP_BATCH = 256
};

struct loop {
	int epfd;
	bool stopping;
	int fetched; /* events of the batch being worked on */
	int current; /* the one whose callback runs */
	struct epoll_event batch[LOOP_BATCH];
	STAILQ_HEAD(loop_tasks, loop_task) tasks;
};

/* 0, or -1 with errno. */
int loop_open(struct loop *loop);

void loop_close(struct loop *loop);

/*
 * Watch source->fd for EVENTS (EPOLLIN ..., EPOLLET and EPOLLEXCLUSIVE too).
 * 0, or -1 with errno (ENOSPC, ENOMEM, EPERM for a plain file).
 */
int loop_add(struct loop *loop, struct loop_source *source, uint32_t events);

/* Change the events of a source that was added.  0, or -1 with errno. */
int loop_modify(struct loop *loop, struct loop_source *source, uint32_t events);

/* Forget a source; call it before its descriptor is closed. */
void loop_remove(struct loop *loop, struct loop_source *source);

/*
 * Run TASK once, after the callbacks of this batch and the tasks before it; if
 * that is to come already, nothing changes.  A task may add others, and must
 * not always add one.
 */
void loop_later(struct loop *loop, struct loop_task *task);

/* Do not run TASK, if it is to come. */
void loop_forget(struct loop *loop, struct loop_task *task);

/* Run the tasks; for who takes the place of loop_run(). */
void loop_run_tasks(struct loop *loop);

/* Wait and call back until loop_stop().  0, or -1 with errno. */
int loop_run(struct loop *loop);

/* Let loop_run() return after the callback that is running, and the tasks. */
void loop_stop(struct loop *loop);

#endif
