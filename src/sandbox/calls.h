/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which role makes which system calls.  What is in no row is refused to all.
 */
#ifndef TIMED_SANDBOX_CALLS_H
#define TIMED_SANDBOX_CALLS_H

#include <seccomp.h>
#include <stdbool.h>
#include <stdint.h>

/* Allowed to ROLES (a bit each, as enum sandbox_role) in any form. */
struct calls_plain {
	int number;
	unsigned roles;
};

/* Allowed in this form alone: argument `which`, under `mask`, is `value`. */
struct calls_formed {
	int number;
	unsigned roles;
	unsigned which;
	uint64_t mask;
	uint64_t value;
};

extern const struct calls_plain calls_plain[];
extern const int calls_plain_count;

extern const struct calls_formed calls_formed[];
extern const int calls_formed_count;

#endif
