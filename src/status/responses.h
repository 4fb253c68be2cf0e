/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is answered with: bodies made of figures or of what is compiled in, and
 * the headers that each answer has.  All give a response that is the caller's,
 * to be given back with MHD_destroy_response(), or NULL: out of memory.
 */
#ifndef TIMED_STATUS_RESPONSES_H
#define TIMED_STATUS_RESPONSES_H

#include "status/figures.h"

#include <microhttpd.h>
#include <stddef.h>

enum responses_kind {
	RESPONSES_PAGE,
	RESPONSES_METRICS,
	RESPONSES_STATUS,
	RESPONSES_HISTORY,
	RESPONSES_KINDS
};

/* Of KIND, as FIGURES are now. */
struct MHD_Response *responses_make(const struct figures *figures,
				    enum responses_kind kind);

/* Of BYTES that stay as long as the process. */
struct MHD_Response *responses_constant(const char *bytes, size_t length,
					const char *type);

/* Give RESPONSE, which may be NULL, its TYPE and what all have. */
struct MHD_Response *responses_dress(struct MHD_Response *response,
				     const char *type);

#endif
