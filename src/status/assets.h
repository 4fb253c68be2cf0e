/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The files that the page is made of, as they are in this directory: embed.sh
 * makes assets.c of them.  Each ends with a NUL, which is not counted.
 */
#ifndef TIMED_STATUS_ASSETS_H
#define TIMED_STATUS_ASSETS_H

#include <stddef.h>

extern const char assets_page_html[];
extern const size_t assets_page_html_length;
extern const char assets_page_css[];
extern const size_t assets_page_css_length;
extern const char assets_page_js[];
extern const size_t assets_page_js_length;

#endif
