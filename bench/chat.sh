#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The chat of timed beside ngircd and ncat --chat: what a line costs for each
# who gets it, and how long it takes until everybody has it.
#
#   chat.sh [-b BUILDDIR] [-n ROUNDS] [-u USERS] [SECONDS]
#
# BUILDDIR has timed, timedctl and timebench (.).  The servers wait side by
# side, with USERS (200) in a room of each, and take turns in ROUNDS (7) of
# SECONDS (2): one line at a time, the next when everybody has it, and bursts of
# ten.  They are without limits of their own; timed stores every line and has
# one worker, and then four, and beside its own CPU time there is that of its
# keeper.  Figures are medians of the rounds with the least and the most; a
# ratio is the median of each round's.  Wanted: at most the CPU for a delivery
# of the others.  Who is not installed is left out.  Exit status 1: timed lost a
# line, doubled it, or had it out of order.

# shellcheck source=turns.bash
. "${0%/*}/turns.bash"

users=200

usage()
{
	echo "usage: chat.sh [-b BUILDDIR] [-n ROUNDS] [-u USERS] [SECONDS]" >&2
	exit 64
}

while getopts b:n:u: option; do
	case $option in
	b) builddir=$OPTARG ;;
	n) rounds=$OPTARG ;;
	u) users=$OPTARG ;;
	*) usage ;;
	esac
done
shift $((OPTIND - 1))
[ $# -le 1 ] || usage
seconds=${1:-$seconds}
numbers "$rounds" "$seconds" "$users" || usage
bench_open

declare -A protocols=([timed]=timed [ngircd]=irc [ncat]=lines)

ngircd_serves()
{
	free_port
	cat >"$dir/ngircd.conf" <<-END
		[Global]
			Name = bench.example.net
			Info = beside timed
			AdminEMail = root@localhost
			Listen = 127.0.0.1
			Ports = $port
			MotdFile = /dev/null
		[Limits]
			MaxConnections = 0
			MaxConnectionsIP = 0
			MaxNickLength = 32
			MaxPenaltyTime = 0
			PingTimeout = 3600
		[Options]
			DNS = no
			Ident = no
			PAM = no
	END
	ngircd -n -f "$dir/ngircd.conf" >"$dir/ngircd.log" 2>&1 {never}>&- &
	started_here ngircd
}

ncat_serves()
{
	free_port
	ncat --chat -l -m "$((users + 10))" 127.0.0.1 "$port" \
		2>"$dir/stderr" {never}>&- &
	started_here ncat
}

# It ends when somebody is gone whom it has just let in; so it is a new one for
# each turn.
ncat_serves_again()
{
	[ -z "${pids[ncat]-}" ] || stop "${pids[ncat]}"
	ncat_serves
}

# One run; its report is added to of.NAME.
ask()
{
	local name=$1 status
	shift
	[ "$name" != ncat ] || ncat_serves_again
	"$builddir/timebench" chat --protocol "${protocols[$name]}" -j \
		-c "$users" -d "$seconds" --pid "${pids[$name]}" "$@" \
		"${addresses[$name]}" >"$dir/result"
	status=$?
	[ $status -le 1 ] || fail $status "timebench failed with $name"
	# shellcheck disable=SC2034 # of turns.bash
	[ "$name" != timed ] || jq -e .clean "$dir/result" >"$dir/verdict" ||
		faults=1
	cat "$dir/result" >>"$dir/of.$name"
}

header()
{
	printf '\n%s\n%-14s %28s %11s %8s %18s\n' "$1" '' \
		'CPU us a delivery' 'deliveries/s' 'p50 us' 'all have, p99 us'
}

# The median and how far the others are.
show()
{
	jq -rs "$median"' def spread(figure):
			map(figure) | median, min, max;
		[spread(.server.cpu_us_per_delivery),
		 (map(.deliveries_per_second) | median),
		 (map(.all_have_us.p50) | median),
		 spread(.all_have_us.p99)] | @tsv' "$dir/of.$1" |
		while IFS=$'\t' read -r cpu least most rate p50 p99 p99l p99m; do
			printf '%-14s %9.3f (%7.3f to %7.3f) %10.0f %8.0f %8.0f (%.0f to %.0f)\n' \
				"$1" "$cpu" "$least" "$most" "$rate" "$p50" \
				"$p99" "$p99l" "$p99m"
		done
}

compare()
{
	jq -nr --slurpfile timed "$dir/of.timed" \
		--slurpfile other "$dir/of.$1" \
		"$median"' def ratios(figure):
			[range($timed | length) as $i |
			 ($timed[$i] | figure) / ($other[$i] | figure)] | median;
		[ratios(.server.cpu_us_per_delivery),
		 ratios(.all_have_us.p99)] | @tsv' |
		while IFS=$'\t' read -r cpu p99; do
			printf '%-14s %9.2f %49.2f\n' "timed/$1" "$cpu" "$p99"
		done
}

# table WORKERS
table()
{
	others=(ngircd ncat)
	timed_serves "$1" 'type = "chat"; listen = [ "127.0.0.1:0" ];
		lines_per_second = 0; history_on_join = 0;'
	! installed ngircd || ngircd_serves
	! installed ncat || ncat_serves
	turns "$1 workers, $users users; one line at a time"
	turns "$1 workers, $users users; bursts of ten" --burst 10
	end_servers
}

echo "$rounds rounds of $seconds s in turns; $(nproc) CPUs"
table 1
table 4
exit $faults
