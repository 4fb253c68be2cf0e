#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# embed.sh FILE...: C source that has the bytes of each FILE, as the header
# status/assets.h declares them: page.html is assets_page_html.

set -eu

echo '/* Made by embed.sh. */'
echo '#include "status/assets.h"'
for file; do
	name=$(basename "$file" | tr . _)
	printf '\nconst char assets_%s[] = {\n' "$name"
	od -An -v -tx1 "$file" | sed 's/ \(..\)/ 0x\1,/g'
	printf ' 0\n};\nconst size_t assets_%s_length = sizeof(assets_%s) - 1;\n' \
		"$name" "$name"
done
