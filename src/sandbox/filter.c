/* SPDX-License-Identifier: BSD-2-Clause */
#include "sandbox/filter.h"

#include "sandbox/refused.h"

#include <bsd/string.h>
#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#if defined HAVE_SECCOMP && !defined WITH_SANITIZERS

#include "sandbox/calls.h"

enum {
	BINARY_TREE = 2,
};

/* -EDOM: this architecture has no such call. */
static bool
added(int result)
{
	return result == 0 || result == -EDOM;
}

static bool
add_plain(scmp_filter_ctx filter, enum sandbox_role role)
{
	for (int i = 0; i < calls_plain_count; i++)
		if (calls_plain[i].roles & 1u << role &&
		    !added(seccomp_rule_add(filter, SCMP_ACT_ALLOW,
					    calls_plain[i].number, 0)))
			return false;
	return true;
}

static bool
add_formed(scmp_filter_ctx filter, enum sandbox_role role)
{
	for (int i = 0; i < calls_formed_count; i++) {
		const struct calls_formed *row = &calls_formed[i];

		if (row->roles & 1u << role &&
		    !added(seccomp_rule_add(
			    filter, SCMP_ACT_ALLOW, row->number, 1,
			    SCMP_CMP(row->which, SCMP_CMP_MASKED_EQ, row->mask,
				     row->value))))
			return false;
	}
	return true;
}

/* abort(3), and nobody else. */
static bool
add_itself(scmp_filter_ctx filter)
{
	const scmp_datum_t self = (scmp_datum_t)getpid();

	return added(seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill),
				      1, SCMP_A0(SCMP_CMP_EQ, self)));
}

/*
 * What the C library does without where it is not there; refused, it would not.
 * A worker has a page of the scoreboard, which with mremap(2) could grow over
 * those of the others; realloc(3) copies instead.
 */
static bool
add_missing(scmp_filter_ctx filter, enum sandbox_role role)
{
	if (role == SANDBOX_WORKER)
		return added(seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOMEM),
					      SCMP_SYS(mremap), 0));
	return role != SANDBOX_KEEPER ||
	       added(seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS),
				      SCMP_SYS(clone3), 0));
}

/*
 * The filter runs before every call.  It is a tree of comparisons instead of a
 * list, and does not switch off the prediction of the processor for memory,
 * which guards those who run strangers' code.
 */
static void
tune(scmp_filter_ctx filter)
{
	(void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, BINARY_TREE);
	(void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_SSB, 1);
	(void)seccomp_attr_set(filter, SCMP_FLTATR_API_SYSRAWRC, 1);
	if (!refused_possible())
		(void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_LOG, 1);
}

int
filter_load(enum sandbox_role role)
{
	scmp_filter_ctx filter = seccomp_init(
		refused_possible() ? SCMP_ACT_TRAP : SCMP_ACT_ERRNO(EPERM));
	int result = -ENOMEM;

	if (filter)
		tune(filter);
	if (filter && add_plain(filter, role) && add_formed(filter, role) &&
	    add_itself(filter) && add_missing(filter, role))
		result = seccomp_load(filter);
	if (filter)
		seccomp_release(filter);
	if (result == 0)
		return 0;
	errno = -result;
	return -1;
}

bool
filter_possible(char *why, size_t size)
{
	if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) >= 0)
		return true;
	strlcpy(why, "this kernel has no filters", size);
	return false;
}

#else

int
filter_load(enum sandbox_role role)
{
	(void)role;
	return 0;
}

bool
filter_possible(char *why, size_t size)
{
#ifdef WITH_SANITIZERS
	strlcpy(why, "built with sanitizers", size);
#else
	strlcpy(why, "built without libseccomp", size);
#endif
	return false;
}

#endif
