/* SPDX-License-Identifier: BSD-2-Clause */
#ifdef HAVE_MICROHTTPD
#include "status/responses.h"

#include "status/metrics.h"
#include "status/page.h"

#include <stdlib.h>
#include <string.h>

/* With every answer: a page from here may load what is here, and no more. */
static const char *const headers[][2] = {
	{ "Cache-Control", "no-store" },
	{ "Content-Security-Policy",
	  "default-src 'none'; script-src 'self'; style-src 'self'; "
	  "connect-src 'self'; img-src data:; base-uri 'none'; "
	  "form-action 'none'; frame-ancestors 'none'" },
	{ "Cross-Origin-Opener-Policy", "same-origin" },
	{ "Cross-Origin-Resource-Policy", "same-origin" },
	{ "Referrer-Policy", "no-referrer" },
	{ "X-Content-Type-Options", "nosniff" },
	{ "X-Frame-Options", "DENY" },
};

struct MHD_Response *
responses_dress(struct MHD_Response *response, const char *type)
{
	if (!response)
		return NULL;
	for (size_t i = 0; i < sizeof(headers) / sizeof(*headers); i++)
		(void)MHD_add_response_header(response, headers[i][0],
					      headers[i][1]);
	(void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
				      type);
	return response;
}

struct MHD_Response *
responses_constant(const char *bytes, size_t length, const char *type)
{
	return responses_dress(
		MHD_create_response_from_buffer(length, (void *)bytes,
						MHD_RESPMEM_PERSISTENT),
		type);
}

/* BYTES are given away, also where there is no response for them. */
static struct MHD_Response *
made(char *bytes, size_t length, const char *type)
{
	struct MHD_Response *response =
		bytes ? MHD_create_response_from_buffer(length, bytes,
							MHD_RESPMEM_MUST_FREE)
		      : NULL;

	if (!response)
		free(bytes);
	return responses_dress(response, type);
}

static struct MHD_Response *
written(const struct figures *figures,
	void (*write)(const struct figures *figures, struct text *text),
	const char *type)
{
	struct text text = { 0 };

	write(figures, &text);
	if (text.failed)
		text_free(&text);
	return made(text.bytes, text.length, type);
}

static struct MHD_Response *
dumped(char *json)
{
	return made(json, json ? strlen(json) : 0, "application/json");
}

struct MHD_Response *
responses_make(const struct figures *figures, enum responses_kind kind)
{
	switch (kind) {
	case RESPONSES_PAGE:
		return written(figures, page_write, "text/html; charset=utf-8");
	case RESPONSES_METRICS:
		return written(figures, metrics_write, METRICS_TYPE);
	case RESPONSES_STATUS:
		return dumped(figures_status(figures));
	case RESPONSES_HISTORY:
		return dumped(figures_history(figures));
	case RESPONSES_KINDS:
		break;
	}
	return NULL;
}
#endif
