#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# How long a hand-off takes, and what clients see of it.
#
#   reload.sh [-b BUILDDIR] [-n ROUNDS] [CONNECTIONS [RELOADS [WORKERS]]]
#
# BUILDDIR has timed, timedctl and timebench (.).  In each of the ROUNDS (2)
# timed has CONNECTIONS (15000) for RELOADS times 2.3 seconds, once without
# and once with so many RELOADS (5), at which that many WORKERS (2) hand all
# connections over to as many others.  Prints, from timed's log in ms,
#
#   span      from the first order to an old worker to hand over, to the last
#             that a new one had nothing more to take over
#   reload    the same from SIGHUP on, as the master saw it
#   giving    the longest that an old worker took, once it had read the order:
#             in the middle of a tick that waits for the rest of it
#   taking    the longest that a new worker took, for one old one
#
# with median and worst, the lateness of ticks without and with reloads, and the
# CPU time that a reload costs all of timed, in all and for each connection.  Exit
# status 1: a connection was lost or stayed behind, or a tick was missed, doubled
# or garbled.

# shellcheck source=lib.bash
. "$(dirname "$0")/lib.bash"

rounds=2
pace=2300 # ms from reload to reload: it falls anywhere in a second

usage()
{
	echo "usage: reload.sh [-b BUILDDIR] [-n ROUNDS]" \
		"[CONNECTIONS [RELOADS [WORKERS]]]" >&2
	exit 64
}

while getopts b:n: option; do
	case $option in
	b) builddir=$OPTARG ;;
	n) rounds=$OPTARG ;;
	*) usage ;;
	esac
done
shift $((OPTIND - 1))
[ $# -le 3 ] || usage
connections=${1:-15000} reloads=${2:-5} workers=${3:-2}
numbers "$rounds" "$connections" "$reloads" "$workers" || usage
bench_open

# Each reload that the log tells of: span, reload, giving, taking, connections.
# Lines of several processes need not be in the order of their time, so the
# first reading is for whose generation is whose.
# shellcheck disable=SC2016 # awk expands it
hand_offs()
{
	awk '
	function tag(name,    text) {
		if (!match($0, name "=\047[^\047]*\047"))
			return ""
		text = substr($0, RSTART, RLENGTH)
		gsub("^" name "=\047|\047$", "", text)
		return text
	}
	function at(    text) {
		text = substr($1, 12)
		return substr(text, 1, 2) * 3600000 + \
			substr(text, 4, 2) * 60000 + substr(text, 7, 6) * 1000
	}
	function since(from, to) {
		return to < from ? to + 86400000 - from : to - from
	}
	function longest(list, g) {
		if (tag("ms") + 0 > list[g] + 0)
			list[g] = tag("ms")
	}
	NR == FNR && / reloading; / { asked[tag("generation") - 1] = at() }
	NR == FNR && / worker retires; / {
		g = tag("generation")
		of[tag("pid")] = g
		if (!(g in first) || since(at(), first[g]) < 43200000)
			first[g] = at()
		if (g > last_g)
			last_g = g
	}
	NR == FNR { next }
	/ connections handed over; / {
		pid = $0
		sub(/\]: connections handed over.*/, "", pid)
		sub(/.*\[/, "", pid)
		longest(giving, of[pid])
	}
	/ connections taken over; / {
		g = of[tag("from_pid")]
		longest(taking, g)
		count[g] += tag("connections")
		if (since(first[g], at()) > span[g] + 0)
			span[g] = since(first[g], at())
	}
	END {
		for (g = 1; g <= last_g; g++)
			if (g in first)
				printf "%d %d %.1f %.1f %d\n", span[g],
					span[g] + since(asked[g], first[g]),
					giving[g], taking[g], count[g]
	}' "$dir/log/timed.log" "$dir/log/timed.log"
}

row()
{
	printf '%-16s %10s %10s %10s %10s %12s\n' \
		"$1" "$2" "$3" "$4" "$5" "${6-}"
}

# run NAME RELOADS: under load; its report is added to $dir/NAME.
run()
{
	local i start load status
	start_timed "$workers"
	"$builddir/timebench" stream -j --processes 2 -c "$connections" \
		-d $((pace * reloads / 1000 + 1)) --pid "$timed" "$address" \
		>"$dir/result" 2>"$dir/load.err" {never}>&- &
	load=$!
	started+=("$load")
	wait_for 'the connections are not made' "$load" accepted "$connections"
	read_clock
	start=$((now + pace / 2))
	for ((i = 0; i < $2; i++)); do
		wait_clock $((start + i * pace))
		reload timed "$timed" '^timed: worker' "$workers"
	done
	wait "$load"
	status=$?
	if [ $status -gt 1 ]; then
		cat "$dir/load.err" >&2
		exit $status
	fi
	[ $status -eq 0 ] || faults=1
	stop_all
	cat "$dir/result" >>"$dir/$1"
	hand_offs >"$dir/hand_offs"
	tee -a "$dir/all" <"$dir/hand_offs" | while read -ra figures; do
		row hand-off "${figures[@]}"
	done
	awk -v all="$connections" -v n="$2" \
		'$5 != all { exit 1 } END { exit NR != n }' "$dir/hand_offs" ||
		faults=1
	show "$1"
}

show()
{
	jq -r '[.lateness_us.p50, .lateness_us.p99, .lateness_us.max,
		.connections_lost, .ticks_missed, .ticks_doubled,
		"\(.ticks_received) of \(.ticks_expected)"] | @tsv' \
		"$dir/result" |
		while IFS=$'\t' read -r p50 p99 max lost missed doubled ticks; do
			printf '%-16s p50 %d us, p99 %d us, max %d us; lost %d,' \
				"$1" "$p50" "$p99" "$max" "$lost"
			printf ' missed %d, doubled %d, ticks %s\n' \
				"$missed" "$doubled" "$ticks"
		done
}

# The median and the worst of the hand-offs, of each column.
summary()
{
	local column middle most count median=() worst=()
	for column in 1 2 3 4; do
		read -r middle most count < <(
			cut -d' ' -f"$column" "$dir/all" | sort -n | awk '
				{ v[NR] = $1 }
				END {
					low = int((NR + 1) / 2)
					high = int(NR / 2) + 1
					print (v[low] + v[high]) / 2, v[NR], NR
				}'
		)
		median+=("$middle")
		worst+=("$most")
	done
	row "median of $count" "${median[@]}"
	row worst "${worst[@]}"
}

# The median over the rounds of each percentile, and the largest of all.
lateness()
{
	local name
	printf '%-16s %10s %10s %10s\n' 'lateness us' p50 p99 max
	for name in 'without reloads' 'with reloads'; do
		jq -rs 'def median: sort |
			(.[(length - 1) / 2 | floor]
			 + .[length / 2 | floor]) / 2;
			map(.lateness_us) |
			[(map(.p50) | median), (map(.p99) | median),
			 (map(.max) | max)] | @tsv' "$dir/$name" |
			while read -r p50 p99 max; do
				printf '%-16s %10.0f %10.0f %10d\n' "$name" \
					"$p50" "$p99" "$max"
			done
	done
}

# The median of the rounds with reloads less that of those without.
cpu()
{
	jq -nr --slurpfile with "$dir/with reloads" \
		--slurpfile without "$dir/without reloads" \
		--argjson reloads "$reloads" \
		--argjson connections "$connections" 'def median: sort |
		(.[(length - 1) / 2 | floor]
		 + .[length / 2 | floor]) / 2;
		def cpu: map(.server.cpu_seconds) | median;
		(($with | cpu) - ($without | cpu)) / $reloads |
		[. * 1e3, . * 1e6 / $connections] | @tsv' |
		while read -r all each; do
			printf 'CPU of a reload  %.1f ms, %.2f us for each %s\n' \
				"$all" "$each" connection
		done
}

faults=0
echo "$connections connections, $reloads reloads in each of $rounds rounds," \
	"$workers workers to $workers; $(nproc) CPUs"
row ms span reload giving taking connections
for ((round = 1; round <= rounds; round++)); do
	run 'without reloads' 0
	run 'with reloads' "$reloads"
done
summary
lateness
cpu
exit $faults
