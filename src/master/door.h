/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The door for operators: the socket RUNTIME_DIR/control, and who may come in.
 *
 * Who connects is known from the kernel (SO_PEERCRED, SO_PEERGROUPS) before a
 * byte is read.  Root, timed's own user and the members of control_group are
 * trusted.  A flood of connects costs the master a bounded number a second; the
 * rest waits in the kernel's queue.
 */
#ifndef TIMED_MASTER_DOOR_H
#define TIMED_MASTER_DOOR_H

#include "base/loop.h"
#include "config/config.h"
#include "ipc/control.h"
#include "master/problem.h"

#include <stdbool.h>
#include <sys/types.h>

struct guest {
	int fd; /* non-blocking */
	uid_t uid;
	pid_t pid;
	bool trusted;
};

struct door {
	struct loop_source source;
	struct loop *loop;
	void (*knocked)(struct door *door, const struct guest *guest);
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	uid_t user; /* who is trusted beside root */
	gid_t group;
	bool has_group;
	bool status_for_all;
	bool shut;    /* until door_check() */
	int accepted; /* since then */
};

/*
 * Open RUNTIME_DIR/control for whom CONFIG says; KNOCKED gets each guest, whose
 * descriptor is its own.  The socket appears with its mode and owner, or not
 * at all.  0, or -1 with PROBLEM.
 */
int door_open(struct door *door, struct loop *loop, const char *runtime_dir,
	      const struct config *config,
	      void (*knocked)(struct door *door, const struct guest *guest),
	      struct problem *problem);

/*
 * In its place: go on with FD, which an earlier image of this process opened.
 */
int door_restore(struct door *door, struct loop *loop, int fd,
		 const char *runtime_dir, const struct config *config,
		 void (*knocked)(struct door *door, const struct guest *guest),
		 struct problem *problem);

/*
 * CONFIG is in force from now on; a socket that somebody removed is made anew.
 * 0, or -1 with PROBLEM.
 */
int door_configure(struct door *door, const char *runtime_dir,
		   const struct config *config, struct problem *problem);

/* Once a second. */
void door_check(struct door *door);

/* Close and remove it. */
void door_close(struct door *door);

#endif
