/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The capabilities of this process, capabilities(7).  Sets only ever become
 * smaller: what is asked for and is not there stays away.
 */
#ifndef TIMED_SANDBOX_RIGHTS_H
#define TIMED_SANDBOX_RIGHTS_H

#include <linux/capability.h>
#include <stdint.h>

#define RIGHTS_OF(capability) (UINT64_C(1) << (capability))

#define RIGHTS_NONE UINT64_C(0)

/*
 * What the master has to be able to do again as long as it lives: ports below
 * 1024, filters and buffers of sockets; children of another user, whom it also
 * kills, without capabilities and in a directory of their own; files and
 * directories for them, and what is to be read whoever owns it.
 */
#define RIGHTS_MASTER                                                          \
	(RIGHTS_OF(CAP_NET_BIND_SERVICE) | RIGHTS_OF(CAP_NET_ADMIN) |          \
	 RIGHTS_OF(CAP_SETUID) | RIGHTS_OF(CAP_SETGID) | RIGHTS_OF(CAP_KILL) | \
	 RIGHTS_OF(CAP_SETPCAP) | RIGHTS_OF(CAP_SYS_CHROOT) |                  \
	 RIGHTS_OF(CAP_CHOWN) | RIGHTS_OF(CAP_FOWNER) |                        \
	 RIGHTS_OF(CAP_DAC_OVERRIDE))

/*
 * Make KEEP the most that this process can ever have, or a program that it
 * becomes.  For RIGHTS_NONE, user 0 is then one like all others, too.  It
 * takes CAP_SETPCAP, and without that does nothing: no_new_privs has to do.
 * 0, or -1 with errno.
 */
int rights_bound(uint64_t keep);

/* Give up all but KEEP that this process has now.  0, or -1 with errno. */
int rights_limit(uint64_t keep);

#endif
