/* SPDX-License-Identifier: BSD-2-Clause */
#include "keeper/password.h"

#include <bsd/string.h>
#include <crypt.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <uninorm.h>

/* PASSWORD, normalised and terminated; false if libcrypt would not take it. */
static bool
normalise(const char *password, size_t length,
	  char text[CRYPT_MAX_PASSPHRASE_SIZE])
{
	size_t size = CRYPT_MAX_PASSPHRASE_SIZE - 1;
	uint8_t *made;
	bool fits;

	if (memchr(password, '\0', length))
		return false;
	/* Written where it is to be, if it fits: then there is no copy. */
	made = u8_normalize(UNINORM_NFC, (const uint8_t *)password, length,
			    (uint8_t *)text, &size);
	fits = made == (uint8_t *)text;
	text[fits ? size : 0] = '\0';
	if (made && !fits) {
		explicit_bzero(made, size);
		free(made);
	}
	return fits;
}

/* crypt(3) with SETTING, a salt or a hash; false when it fails. */
static bool
encrypt_with(const char *setting, const char *password, size_t length,
	     char hash[STORE_HASH])
{
	char text[CRYPT_MAX_PASSPHRASE_SIZE];
	struct crypt_data *data = calloc(1, sizeof(*data));
	const char *made = NULL;
	bool good = false;

	if (data && normalise(password, length, text)) {
		made = crypt_rn(text, setting, data, sizeof(*data));
		good = made && strlcpy(hash, made, STORE_HASH) < STORE_HASH;
	}
	explicit_bzero(text, sizeof(text));
	if (data)
		explicit_bzero(data, sizeof(*data));
	free(data);
	return good;
}

bool
password_hash(const char *password, size_t length, char hash[STORE_HASH])
{
	char salt[CRYPT_GENSALT_OUTPUT_SIZE];

	return crypt_gensalt_rn(NULL, 0, NULL, 0, salt, sizeof(salt)) &&
	       encrypt_with(salt, password, length, hash);
}

bool
password_matches(const char *password, size_t length, const char *hash)
{
	char made[STORE_HASH];

	/* Where two salted hashes differ tells nothing. */
	return encrypt_with(hash, password, length, made) &&
	       strcmp(made, hash) == 0;
}
