/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The event loop of every process of timed: descriptors, and callbacks that
 * are called when they are ready.  One loop a process, one thread, epoll.
 *
 * Whoever registers a source owns it: the struct must stay where it is until
 * loop_remove().  A callback may remove and free any source, its own or
 * another's; events that were already fetched for it are then dropped.
 * Callbacks must not block.
 */
#ifndef TIMED_BASE_LOOP_H
#define TIMED_BASE_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

/* Something with a descriptor; embed it as the first member. */
struct loop_source {
	/* events: a mask of EPOLLIN, EPOLLOUT, EPOLLHUP, EPOLLERR ... */
	void (*ready)(struct loop_source *source, uint32_t events);
	int fd;
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

/* Wait and call back until loop_stop().  0, or -1 with errno. */
int loop_run(struct loop *loop);

/* Let loop_run() return after the callback that is running. */
void loop_stop(struct loop *loop);

#endif
