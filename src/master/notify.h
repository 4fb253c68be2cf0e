/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What timed tells systemd, and what it gets from it: sd_notify(3) and
 * sd_listen_fds(3).  Without systemd, or built without it, nothing happens.
 */
#ifndef TIMED_MASTER_NOTIFY_H
#define TIMED_MASTER_NOTIFY_H

#include <stdbool.h>

/* Serving: at the start, and after a reload, whatever became of it. */
void notify_ready(const char *status);

/* A reload begins; with the monotonic time, as Type=notify-reload wants it. */
void notify_reloading(void);

void notify_stopping(void);

/* One line for systemctl status. */
void notify_status(const char *status);

/* I am alive; due about once a second. */
void notify_watchdog(void);

/* Listening sockets that systemd opened. */
struct notify_sockets {
	int count;
	int first;    /* descriptors first .. first + count - 1 */
	char **names; /* FileDescriptorName= of each */
};

/*
 * Take them over, close-on-exec; the environment forgets them.  Returns
 * false with errno on failure.
 */
bool notify_take_sockets(struct notify_sockets *sockets);

void notify_free_sockets(struct notify_sockets *sockets);

#endif
