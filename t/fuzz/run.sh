#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# run.sh SOURCE SECONDS NAME...: build the fuzzers in ./fuzz with clang and its
# sanitizers, and let each run for so long, from the seeds in t/fuzz/seeds.
# What it finds worth keeping stays in fuzz/corpus, and what breaks it in
# fuzz/crash-*.
set -euo pipefail

source=$1 seconds=$2
shift 2

mkdir -p fuzz
cd fuzz
[ -e config.status ] || "$source/configure" -q CC=clang \
	CFLAGS='-g -O1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined'
make -s -j"$(nproc)" "${@/#/t/fuzz/fuzz_}"

status=0
for name; do
	failed=
	mkdir -p "corpus/$name"
	"t/fuzz/fuzz_$name" -max_total_time="$seconds" -print_final_stats=1 \
		-timeout=10 -rss_limit_mb=1024 -artifact_prefix="crash-$name-" \
		"corpus/$name" "$source/t/fuzz/seeds/$name" >"$name.log" 2>&1 || {
		failed=' and failed'
		status=1
		tail -n 40 "$name.log"
	}
	echo "fuzz_$name: ran $(sed -n \
		's/^stat::number_of_executed_units: *//p' "$name.log") inputs$failed"
done
exit $status
