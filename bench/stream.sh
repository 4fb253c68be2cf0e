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

builddir=. rounds=5 servers=(floor timed)
deadline=10 # seconds, for a server to be ready

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
for number in "$rounds" "$connections" "$seconds" "$workers"; do
	[[ $number =~ ^[1-9][0-9]*$ ]] || usage
done

server=
dir=$(mktemp -d "${TMPDIR:-/tmp}/timed-bench.XXXXXX") || exit 73
chmod 0711 "$dir"

stop()
{
	[ -n "$server" ] || return
	kill "$server" 2>/dev/null
	wait "$server" 2>/dev/null
	server=
}

# shellcheck disable=SC2317 # the trap calls it
cleanup()
{
	stop
	rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' HUP INT TERM

# Wait for what never comes, for a twentieth of a second.
mkfifo "$dir/never"
exec {never}<>"$dir/never"
pause()
{
	read -r -t 0.05 -u "$never"
}

# wait_for COMMAND...: until it says an address on its standard output.
wait_for()
{
	local start=$SECONDS
	until address=$("$@" 2>/dev/null) && [ -n "$address" ]; do
		if ! kill -0 "$server" 2>/dev/null ||
			[ $((SECONDS - start)) -ge "$deadline" ]; then
			cat "$dir/stderr" >&2
			echo "stream.sh: $name is not ready" >&2
			exit 69
		fi
		pause
	done
}

# shellcheck disable=SC2317 # wait_for calls it
floor_address()
{
	sed -n 's/^port /127.0.0.1:/p' "$dir/port"
}

start_floor()
{
	"$builddir/bench/floor_stream" -p "$workers" -c "$connections" 0 \
		>"$dir/port" 2>"$dir/stderr" {never}>&- &
	server=$!
	wait_for floor_address
}

# shellcheck disable=SC2317 # wait_for calls it
timed_address()
{
	"$builddir/timedctl" -r "$dir/run" -j status |
		jq -re '.services[0].listen[0]'
}

# timed makes run and log itself, for the user that it becomes.
start_timed()
{
	cat >"$dir/timed.conf" <<-END
		workers = $workers;
		runtime_dir = "$dir/run";
		log = { file = "$dir/log/timed.log"; level = "info"; syslog = false; };
		services = (
		  { type = "stream"; listen = [ "127.0.0.1:0" ]; }
		);
	END
	"$builddir/timed" -f -c "$dir/timed.conf" 2>"$dir/stderr" {never}>&- &
	server=$!
	wait_for timed_address
}

# One run of the server $name; a JSON object at the end of its results.
run()
{
	case $name in
	floor) start_floor ;;
	timed) start_timed ;;
	esac
	"$builddir/timebench" stream -j -c "$connections" -d "$seconds" \
		--pid "$server" "$address" >"$dir/result"
	local status=$?
	stop
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
