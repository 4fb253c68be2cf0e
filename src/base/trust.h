/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether a program may be run with the rights of this process, and a file be
 * made in a directory: whoever can change what a path leads to has those rights.
 */
#ifndef TIMED_BASE_TRUST_H
#define TIMED_BASE_TRUST_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Whether PATH, which is absolute, leads to a plain file, and nobody but root
 * and the effective user of this process can change where it leads, or what is
 * there: the file and each directory and symbolic link on the way belongs to
 * one of them, and neither a group nor others can write it.  Directories where
 * only owners can remove what is there, such as /tmp, will do.  Else WHY says
 * what is wrong, and where.
 *
 * What it finds stays true for as long as root and that user leave it so:
 * nobody can make use of the time until it is read or run.
 */
bool trust_file(const char *path, char *why, size_t size);

/* The same of one that can be executed, too. */
bool trust_program(const char *path, char *why, size_t size);

/*
 * Whether nobody but root and the effective user of this process can put
 * anything into the directory PATH: it belongs to one of them, and neither a
 * group nor others can write it.  For root, nobody else may be able to change
 * where it leads, either, as of trust_file().  Else WHY says what is wrong.
 */
bool trust_directory(const char *path, char *why, size_t size);

/* Whether there is nothing in the directory PATH; else WHY says so. */
bool trust_empty(const char *path, char *why, size_t size);

#endif
