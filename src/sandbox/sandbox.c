/* SPDX-License-Identifier: BSD-2-Clause */
#include "sandbox/sandbox.h"

#include "sandbox/filter.h"
#include "sandbox/refused.h"
#include "sandbox/rights.h"

#include <grp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum {
#ifdef WITH_SANITIZERS
	CONFINED = false,
#else
	CONFINED = true,
#endif
};

#define ROLE(name) (1u << SANDBOX_##name)

/* What none of these roles ever has: processes, files that grow, locked
 * memory. */
static const struct {
	int resource;
	unsigned roles;
} nothing_of[] = {
	{ RLIMIT_NPROC,
	  ROLE(WORKER) | ROLE(JOURNAL) | ROLE(HASHER) | ROLE(STATUS) },
	{ RLIMIT_FSIZE, ROLE(WORKER) | ROLE(HASHER) | ROLE(STATUS) },
	{ RLIMIT_MEMLOCK, ROLE(WORKER) | ROLE(JOURNAL) | ROLE(KEEPER) |
				  ROLE(HASHER) | ROLE(STATUS) },
};

static int
limit(enum sandbox_role role)
{
	static const struct rlimit none = { 0, 0 };

	for (size_t i = 0; i < sizeof(nothing_of) / sizeof(*nothing_of); i++)
		if (nothing_of[i].roles & 1u << role &&
		    setrlimit(nothing_of[i].resource, &none) < 0)
			return -1;
	return 0;
}

int
sandbox_limit(int resource, unsigned long most)
{
	struct rlimit limits;

	if (!CONFINED)
		return 0;
	if (getrlimit(resource, &limits) < 0)
		return -1;
	if (limits.rlim_max != RLIM_INFINITY && limits.rlim_max < most)
		most = limits.rlim_max;
	limits.rlim_cur = limits.rlim_max = most;
	return setrlimit(resource, &limits);
}

/*
 * Whether others of the same user may look into it, and whether it leaves a
 * core.  A change of the user has switched that off; an exec switches it on.
 * The limit is left to the master as it is: what it runs has the same one.
 */
static int
set_dumpable(enum sandbox_role role, bool dumpable)
{
	struct rlimit core;

	if (prctl(PR_SET_DUMPABLE, dumpable ? 1 : 0, 0, 0, 0) < 0)
		return -1;
	if (role == SANDBOX_MASTER)
		return 0;
	if (getrlimit(RLIMIT_CORE, &core) < 0)
		return -1;
	core.rlim_cur = dumpable ? core.rlim_max : 0;
	core.rlim_max = core.rlim_cur;
	return setrlimit(RLIMIT_CORE, &core);
}

static int
become(const struct sandbox_identity *identity)
{
	if (!identity->change)
		return 0;
	if (setgroups(0, NULL) < 0 ||
	    setresgid(identity->gid, identity->gid, identity->gid) < 0)
		return -1;
	return setresuid(identity->uid, identity->uid, identity->uid);
}

static int
confine(const char *directory)
{
	return chroot(directory) < 0 ? -1 : chdir("/");
}

/*
 * The order is that of what each step needs: another root and a smaller
 * bounding set take capabilities, which go with the user; what the user's
 * limits say must not count for root.
 */
static int
give_up_all(const struct sandbox_identity *identity, const char *root)
{
	if (root && identity->change && confine(root) < 0)
		return -1;
	if (rights_bound(RIGHTS_NONE) < 0 || become(identity) < 0 ||
	    rights_limit(RIGHTS_NONE) < 0)
		return -1;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

int
sandbox_enter(enum sandbox_role role, const struct sandbox_identity *identity,
	      const char *root)
{
	if (role == SANDBOX_MASTER) {
		if (rights_bound(RIGHTS_MASTER) < 0 ||
		    rights_limit(RIGHTS_MASTER) < 0)
			return -1;
	} else if (give_up_all(identity, root) < 0) {
		return -1;
	}
	if (!CONFINED)
		return 0;
	if (limit(role) < 0)
		return -1;
	/* It is as its parent is. */
	return role == SANDBOX_HASHER
		       ? 0
		       : set_dumpable(role, identity->core_dumps);
}

/* What the C library opens when it is first used, and keeps. */
static void
prepare_library(void)
{
	tzset();
}

int
sandbox_lock(enum sandbox_role role,
	     void (*refused)(void *context, int number, const char *name),
	     void *context)
{
	char why[64];

	if (!filter_possible(why, sizeof(why)))
		return 0;
	prepare_library();
	if (refused_watch(refused, context) < 0)
		return -1;
	return filter_load(role);
}

bool
sandbox_filters(char *why, size_t size)
{
	refused_prepare();
	return filter_possible(why, size);
}
