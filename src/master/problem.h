/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What keeps timed from starting or from reloading: one line of text, made
 * where the facts are known, and the exit status that goes with it.
 */
#ifndef TIMED_MASTER_PROBLEM_H
#define TIMED_MASTER_PROBLEM_H

struct problem {
	int status; /* sysexits(3), or 1 */
	char text[512];
};

/*
 * Set it from errno NUMBER: EX_NOPERM for what is not permitted, else
 * EX_CANTCREAT; the text gets strerror() appended.
 */
void problem_errno(struct problem *problem, int number, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

void problem_set(struct problem *problem, int status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
