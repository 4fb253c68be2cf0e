/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The commands of timedctl for people, as ipc/control.h has them: the list of
 * `timedctl --help`, and what `help` says on the command line and at the
 * prompt.
 */
#ifndef TIMED_TOOLS_OPERATOR_HELP_H
#define TIMED_TOOLS_OPERATOR_HELP_H

/* All commands, and help itself. */
void operator_help_all(void);

/*
 * What `help` does with the COUNT words behind it: all commands, or those that
 * begin with the first word.  EX_OK, or EX_USAGE, having said that there are
 * none.
 */
int operator_help(char *const *words, int count);

#endif
