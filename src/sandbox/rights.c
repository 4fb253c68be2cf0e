/* SPDX-License-Identifier: BSD-2-Clause */
#include "sandbox/rights.h"

#include <errno.h>
#include <linux/securebits.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	WORD = 32,
	MOST = 63, /* that fit into the sets of the kernel's interface */
	/* User 0 gets nothing at an exec, and none of this can be undone. */
	PLAIN = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_KEEP_CAPS_LOCKED |
		SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE |
		SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED,
};

struct sets {
	struct __user_cap_header_struct header;
	struct __user_cap_data_struct words[_LINUX_CAPABILITY_U32S_3];
};

static int
get_sets(struct sets *sets)
{
	*sets = (struct sets){
		.header = { .version = _LINUX_CAPABILITY_VERSION_3 }
	};
	return (int)syscall(SYS_capget, &sets->header, sets->words);
}

static bool
has(const struct sets *sets, int capability)
{
	return sets->words[capability / WORD].effective >> (capability % WORD) &
	       1;
}

int
rights_bound(uint64_t keep)
{
	struct sets sets;

	if (get_sets(&sets) < 0)
		return -1;
	if (!has(&sets, CAP_SETPCAP))
		return 0;
	/* Beyond the last one that this kernel knows is EINVAL. */
	for (int i = 0; i <= MOST; i++)
		if (!(keep & RIGHTS_OF(i)) &&
		    prctl(PR_CAPBSET_READ, i, 0, 0, 0) == 1 &&
		    prctl(PR_CAPBSET_DROP, i, 0, 0, 0) < 0)
			return -1;
	return keep == RIGHTS_NONE ? prctl(PR_SET_SECUREBITS, PLAIN, 0, 0, 0)
				   : 0;
}

static int
lower_ambient(uint64_t keep)
{
	if (keep == RIGHTS_NONE)
		return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0,
			     0) < 0 && errno != EINVAL
			       ? -1
			       : 0;
	/* EINVAL: this kernel does not know that capability. */
	for (int i = 0; i <= MOST; i++)
		if (!(keep & RIGHTS_OF(i)) &&
		    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_LOWER, i, 0, 0) < 0 &&
		    errno != EINVAL)
			return -1;
	return 0;
}

int
rights_limit(uint64_t keep)
{
	struct sets sets;
	uint32_t more = 0;

	if (lower_ambient(keep) < 0 || get_sets(&sets) < 0)
		return -1;
	for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		struct __user_cap_data_struct *word = &sets.words[i];
		uint32_t kept = (uint32_t)(keep >> (i * WORD));

		more |= (word->permitted | word->inheritable) & ~kept;
		word->effective &= kept;
		word->permitted &= kept;
		word->inheritable &= kept;
	}
	/* A service manager may refuse even what would change nothing. */
	return more ? (int)syscall(SYS_capset, &sets.header, sets.words) : 0;
}
