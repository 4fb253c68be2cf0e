/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Access lists: a line for each entry, "+" or "-" and a network, and a last one
 * with an address; what the list says of it is what a search through all its
 * entries finds.
 */
#include "base/acl.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
	ENTRIES = 256
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
read_address(const char *text, struct addr *addr)
{
	memset(addr, 0, sizeof(*addr));
	if (inet_pton(AF_INET, text, &addr->in.sin_addr) == 1)
		addr->in.sin_family = AF_INET;
	else if (inet_pton(AF_INET6, text, &addr->in6.sin6_addr) == 1)
		addr->in6.sin6_family = AF_INET6;
	else
		return false;
	return true;
}

/* Whether a list with ENTRY alone has something to say of FROM. */
static bool
holds(const struct acl_entry *entry, const struct addr *from)
{
	struct acl *acl = acl_new(entry, 1, false);
	bool said = acl_look(acl, from) != ACL_SILENT;

	acl_free(acl);
	return said;
}

static enum acl_verdict
search(const struct acl_entry *entries, int count, const struct addr *from)
{
	enum acl_verdict verdict = ACL_SILENT;
	int longest = -1;

	for (int i = 0; i < count; i++) {
		int length = entries[i].network.length;

		if (length < longest || !holds(&entries[i], from))
			continue;
		if (length > longest || entries[i].verdict == ACL_DENIED)
			verdict = entries[i].verdict;
		longest = length;
	}
	return verdict;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct acl_entry entries[ENTRIES];
	char *text = malloc(size + 1);
	char *rest = text, *line, *last = text;
	struct addr from;
	struct acl *acl;
	int count = 0;

	memcpy(text, data, size);
	text[size] = '\0';
	while ((line = strsep(&rest, "\n")) && count < ENTRIES) {
		char error[256] = "";

		last = line;
		entries[count].verdict =
			*line == '-' ? ACL_DENIED : ACL_ALLOWED;
		if (!*line)
			continue;
		if (acl_parse(line + 1, &entries[count].network, error,
			      sizeof(error)))
			count++;
		else if (!error[0])
			abort();
	}
	acl = acl_new(entries, count, false);
	if (read_address(last, &from) &&
	    acl_look(acl, &from) != search(entries, count, &from))
		abort();
	acl_free(acl);
	free(text);
	return 0;
}
