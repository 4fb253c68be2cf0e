#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What is asked once and answered once, beside others that answer it.
#
#   datagrams.sh [OPTION...] [-r RATE] [SECONDS [RELOADS]]
#
# The options of turns.bash; its tables are some of "ntp daytime time loss"
# (all):
#
#   ntp      timed, chronyd and the floor, which is the barest server that
#            could answer, each with one process; then timed and the floor with
#            two.  Wanted: CPU for an answer at most 0.80 of chronyd's, and at
#            most 1.15 of the floor's
#   daytime  over TCP; timed, nginx's stream module with "return", xinetd, the
#            floor, which accepts, sends and closes, and a thread for each
#            client.  Two workers each, where that can be said, under two load
#            processes: one alone is busy all the time and leaves the servers
#            idle, and is measured instead of them.  Wanted: no fewer
#            connections a second than nginx, and at most 0.95 of its CPU for
#            each
#   time     over UDP, one request after the other; timed and xinetd.  Wanted:
#            all are answered
#   loss     RATE requests a second (100000, or the most that comes through
#            here), without and with so many RELOADS (100), for as long as these
#            take.  Wanted: loss no higher with them
#
# ROUNDS are 3 for loss, unless they are given.  No server touches the machine's
# clock.  Exit status 1: timed gave a wrong answer, or none to one of the
# sequential requests.

# shellcheck source=turns.bash
. "$(dirname "$0")/turns.bash"

tables='ntp daytime time loss' loss_rounds=3 rate=100000
pace=250    # ms from reload to reload
light=20000 # requests a second that leave any server idle in between

usage()
{
	echo "usage: datagrams.sh [-b BUILDDIR] [-c MOST] [-n ROUNDS]" \
		"[-o RESULTS] [-r RATE] [-s SECONDS] [-t TABLES]" \
		"[SECONDS [RELOADS]]" >&2
	exit 64
}

while getopts "${common}r:" option; do
	case $option in
	n) loss_rounds=$OPTARG ;;
	esac
	case $option in
	r) rate=$OPTARG ;;
	*) common_option "$option" "$OPTARG" || usage ;;
	esac
done
shift $((OPTIND - 1))
[ $# -le 2 ] || usage
seconds=${1:-$seconds} reloads=${2:-100}
numbers "$rate" "$reloads" || usage
amount "$seconds" || usage
turns_open

# ---- Tables -----------------------------------------------------------------

table_ntp()
{
	local many few
	many=$(at_most 256) few=$(at_most 64)
	table ntp 1
	load "$many outstanding" "$many"
	load "$few outstanding, a socket for each" "$few" --batch 1
	load "$light requests a second" 1 -r "$light"
	end_table
	table ntp 2 timed floor
	load "$many outstanding" "$many"
	end_table
}

table_daytime()
{
	local clients
	clients=$(at_most 64)
	table daytime 2
	load "$clients connections, TCP" "$clients" --processes 2
	end_table
}

# A server that loses one request is waited for as long as one that loses all.
table_time()
{
	table time 1
	load 'one after the other, UDP' 1 --timeout 0.1
	end_table
}

# ---- Loss -------------------------------------------------------------------

# shellcheck disable=SC2317 # wait_for calls it
asked()
{
	[ "$(timed_status .totals.requests)" -gt 1000 ]
}

# under_load SECONDS RELOADS: its report is in result, and in dropped what the
# socket of timed had no room for.  With reloads it ends when they are done.  A
# late answer is none that was lost: the load may wait for a processor.
under_load()
{
	local load status start i
	"$builddir/timebench" ntp -j -r "$rate" -d "$1" --timeout 3 "$address" \
		>"$dir/result" 2>"$dir/load.err" {never}>&- &
	load=$!
	started+=("$load")
	wait_for 'there is no load' "$load" asked
	read_clock
	start=$now
	for ((i = 0; i < $2; i++)); do
		wait_clock $((start + i * pace))
		reload timed "$timed" '^timed: worker' 2
	done
	[ "$2" -eq 0 ] || kill -INT "$load"
	wait "$load"
	status=$?
	if [ $status -gt 1 ]; then
		cat "$dir/load.err" >&2
		fail $status 'timebench failed'
	fi
	dropped=$(ss -Hulnm "sport = :${address##*:}" |
		sed -n 's/.*,d\([0-9]*\)).*/\1/p')
	of_figures faultless -e "$dir/result" >"$dir/verdict" || faults=1
}

# As much of RATE as is answered, but for one in a thousand.
find_rate()
{
	local full=$rate part
	for part in 100 75 50 35 20 10; do
		rate=$((full * part / 100))
		start_timed 2 "${timed_service[ntp]}"
		under_load 3 0
		stop_all
		jq -e '.requests_unsent == 0 and .loss < 0.001' \
			"$dir/result" >"$dir/verdict" && return
	done
}

loss_row()
{
	jq -r '[.window_seconds, .requests_sent, .requests_answered,
		.requests_lost, .requests_unsent, .loss * 1000000,
		.latency_us.p99, .latency_us.max] | @tsv' "$dir/result" |
		while IFS=$'\t' read -r time sent answered lost unsent loss \
			p99 max; do
			printf '%-11s %5.1f %9d %9d %6d %8d %6d %8.1f' "$1" \
				"$time" "$sent" "$answered" "$lost" "$dropped" \
				"$unsent" "$loss"
			printf ' %7d %7d\n' "$p99" "$max"
		done
}

# loss_of NAME RELOADS SECONDS
loss_of()
{
	start_timed 2 "${timed_service[ntp]}"
	under_load "$3" "$2"
	stop_all
	cat "$dir/result" >>"$dir/of.$1"
	loss_row "$1"
}

loss_sum()
{
	jq -rs --arg name "$1" '"\($name): answered " +
		"\(map(.requests_answered) | add) of " +
		"\(map(.requests_sent) | add), lost " +
		"\((map(.requests_lost) | add) * 1000000 /
		   (map(.requests_sent) | add) * 10 | round / 10)" +
		" in a million"' "$dir/of.$1"
}

table_loss()
{
	local round length
	find_rate
	printf '\nNTP, 2 workers, %d requests a second, without and with %d %s\n' \
		"$rate" "$reloads" reloads
	printf '%-11s %5s %9s %9s %6s %8s %6s %8s %7s %7s\n' '' s sent answered \
		lost overflow unsent 'lost ppm' 'p99 us' 'max us'
	for ((round = 1; round <= loss_rounds; round++)); do
		loss_of 'reloads' "$reloads" 600
		length=$(jq '.window_seconds | ceil' "$dir/result")
		loss_of 'no reloads' 0 "$length"
	done
	loss_sum 'no reloads'
	loss_sum 'reloads'
}

for table in $tables; do
	case $table in
	ntp) table_ntp ;;
	daytime) table_daytime ;;
	time) table_time ;;
	loss) table_loss ;;
	*) usage ;;
	esac
done
exit $faults
