#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The stream of timed beside the floor, which is the barest server that does
# the same: in turns, with as many processes and under the same load.
#
#   stream.sh [-b BUILDDIR] [-f] [-n ROUNDS] [CONNECTIONS [SECONDS [WORKERS]]]
#
# BUILDDIR has timed, timedctl, timebench and bench/floor_stream (.); -f runs
# the floor alone; ROUNDS (5) of each; CONNECTIONS (10000), SECONDS (10),
# WORKERS (2).  Prints each run, the medians and what timed takes for each
# unit of the floor.  Exit status 1: a tick was missed, doubled or garbled.

# shellcheck source=lib.bash
. "${0%/*}/lib.bash"

rounds=5 servers=(floor timed)

usage()
{
	echo "usage: stream.sh [-b BUILDDIR] [-f] [-n ROUNDS]" \
		"[CONNECTIONS [SECONDS [WORKERS]]]" >&2
	exit 64
}

while getopts b:fn: option; do
	case $option in
	b) builddir=$OPTARG ;;
	f) servers=(floor) ;;
	n) rounds=$OPTARG ;;
	*) usage ;;
	esac
done
shift $((OPTIND - 1))
[ $# -le 3 ] || usage
connections=${1:-10000} seconds=${2:-10} workers=${3:-2}
numbers "$rounds" "$connections" "$seconds" "$workers" || usage
bench_open

# shellcheck disable=SC2317 # wait_for calls it
floor_address()
{
	address=$(sed -n 's/^port /127.0.0.1:/p' "$dir/port" 2>/dev/null)
	[ -n "$address" ]
}

start_floor()
{
	rm -f "$dir/port"
	"$builddir/bench/floor_stream" -p "$workers" -c "$connections" 0 \
		>"$dir/port" 2>"$dir/stderr" {never}>&- &
	server=$!
	started+=("$server")
	wait_for 'the floor is not ready' "$server" floor_address
}

# One run of the server $name; a JSON object at the end of its results.
run()
{
	case $name in
	floor) start_floor ;;
	timed)
		start_timed "$workers"
		server=$timed
		;;
	esac
	"$builddir/timebench" stream -j -c "$connections" -d "$seconds" \
		--pid "$server" "$address" >"$dir/result"
	local status=$?
	stop_all
	[ $status -le 1 ] || exit $status
	[ $status -eq 0 ] || faults=1
	cat "$dir/result" >>"$dir/$name"
}

header()
{
	printf '%-12s %12s %10s %10s %10s %10s  %s\n' '' 'CPU us/tick' \
		'p50 us' 'p99 us' 'max us' 'RSS kB' 'ticks'
}

figures='.server.cpu_us_per_tick, .lateness_us.p50, .lateness_us.p99,
	.lateness_us.max, .server.rss_kb'

show()
{
	jq -r "[$figures, \"\(.ticks_received) of \(.ticks_expected)\"] | @tsv" \
		"$dir/result" |
		while IFS=$'\t' read -r cpu p50 p99 max rss ticks; do
			printf '%-12s %12.3f %10d %10d %10d %10d  %s\n' \
				"$1" "$cpu" "$p50" "$p99" "$max" "$rss" "$ticks"
		done
}

# The median of each figure over the runs of SERVER, on one line.
medians()
{
	jq -rs "map([$figures]) | transpose
		| map(sort | (.[(length - 1) / 2 | floor] + .[length / 2 | floor]) / 2)
		| @tsv" "$dir/$1"
}

summary()
{
	local name
	echo "median of $rounds:"
	for name in "${servers[@]}"; do
		medians "$name" | while IFS=$'\t' read -r cpu p50 p99 max rss; do
			printf '%-12s %12.3f %10.0f %10.0f %10.0f %10.0f\n' \
				"$name" "$cpu" "$p50" "$p99" "$max" "$rss"
		done
	done
	[ ${#servers[@]} -eq 2 ] || return
	paste <(medians timed) <(medians floor) |
		awk '{
			printf "%-12s", "timed/floor"
			for (i = 1; i <= 5; i++) {
				width = i == 1 ? 12 : 10
				if ($(i + 5) == 0)
					printf " %*s", width, "-"
				else
					printf " %*.2f", width, $i / $(i + 5)
			}
			print ""
		}'
}

faults=0
echo "$connections connections, $seconds s, $workers workers," \
	"$rounds rounds in turns; $(nproc) CPUs"
header
for ((round = 1; round <= rounds; round++)); do
	for name in "${servers[@]}"; do
		run
		show "$name $round"
	done
done
summary
exit $faults
