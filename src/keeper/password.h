/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Passwords as they are stored: hashed by libcrypt with the method that it
 * prefers (yescrypt), each with a salt of its own (crypt(5)).
 *
 * A password is normalised first (NFC, RFC 8265 4.2), so that it does not
 * matter how a keyboard spells a letter.  All copies that are made of it here
 * are wiped.  Each call takes some ten milliseconds and as many megabytes, on
 * purpose; see keeper/hasher.h on who waits for that.
 */
#ifndef TIMED_KEEPER_PASSWORD_H
#define TIMED_KEEPER_PASSWORD_H

#include "keeper/store.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Hash LENGTH bytes of PASSWORD.  False when it cannot be: nothing random, out
 * of memory, too long.
 */
bool password_hash(const char *password, size_t length, char hash[STORE_HASH]);

/* Whether HASH is one of PASSWORD; takes its time whatever it is. */
bool password_matches(const char *password, size_t length, const char *hash);

#endif
