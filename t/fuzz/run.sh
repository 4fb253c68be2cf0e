#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# run.sh SOURCE SECONDS NAME...: build the fuzzers in ./fuzz with clang and its
# sanitizers, and let each run for so long, from the seeds in t/fuzz/seeds; as
# many at a time as there are processors, or FUZZ_JOBS.  What it finds worth
# keeping stays in fuzz/corpus, and what breaks it in fuzz/crash-*.
set -euo pipefail

source=$1 seconds=$2
shift 2

# fuzz NAME: say how it went.
fuzz()
{
	local failed='' status=0 log=$1.log
	mkdir -p "corpus/$1"
	"t/fuzz/fuzz_$1" -max_total_time="$seconds" -print_final_stats=1 \
		-timeout=10 -rss_limit_mb=1024 -artifact_prefix="crash-$1-" \
		"corpus/$1" "$source/t/fuzz/seeds/$1" >"$log" 2>&1 </dev/null ||
		status=1
	if [ $status -ne 0 ]; then
		failed=' and failed'
		tail -n 40 "$log"
	fi
	echo "fuzz_$1: ran $(sed -n \
		's/^stat::number_of_executed_units: *//p' "$log") inputs$failed"
	return $status
}

mkdir -p fuzz
cd fuzz
[ -e config.status ] || "$source/configure" -q CC=clang \
	CFLAGS='-g -O1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined'
make -s -j"$(nproc)" "${@/#/t/fuzz/fuzz_}"

status=0
free=${FUZZ_JOBS:-$(nproc)}
for name; do
	if [ "$free" -eq 0 ]; then
		wait -n || status=1
		free=1
	fi
	fuzz "$name" &
	free=$((free - 1))
done
while [ -n "$(jobs -p)" ]; do
	wait -n || status=1
done
exit $status
