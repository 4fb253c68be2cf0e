/* SPDX-License-Identifier: BSD-2-Clause */
#include "worker/sandbox.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static int
drop_capabilities(void)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { 0 };

	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 &&
	    errno != EINVAL)
		return -1;
	return (int)syscall(SYS_capset, &header, none);
}

int
sandbox_enter(const struct sandbox_identity *identity)
{
	if (identity->change) {
		if (setgroups(0, NULL) < 0 ||
		    setresgid(identity->gid, identity->gid, identity->gid) <
			    0 ||
		    setresuid(identity->uid, identity->uid, identity->uid) < 0)
			return -1;
	}
	if (drop_capabilities() < 0)
		return -1;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}
