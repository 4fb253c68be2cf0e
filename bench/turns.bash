# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# Servers of questions and answers side by side, and timebench that asks them in
# turns: what datagrams.sh and echo.sh share, beside lib.bash.
#
#   rounds     how many
#   seconds    of each turn
#   others     who is shown beside timed, if it is there
#   faults     1 when timed gave a wrong answer

# shellcheck source=lib.bash
. "${0%/*}/lib.bash"

declare -A pids addresses

# shellcheck disable=SC2034 # for the scripts
rounds=7 seconds=2 others=() faults=0

# ---- Servers ----------------------------------------------------------------

# serves NAME PID ADDRESS
serves()
{
	pids[$1]=$2
	addresses[$1]=$3
}

# timed_serves WORKERS SERVICE
timed_serves()
{
	start_timed "$1" "$2"
	serves timed "$timed" "$address"
}

# shellcheck disable=SC2317 # wait_for calls it
floor_address()
{
	address=$(sed -n 's/^port /127.0.0.1:/p' "$dir/port" 2>/dev/null)
	[ -n "$address" ]
}

# floor_serves PROGRAM PROCESSES: one of bench/.
floor_serves()
{
	rm -f "$dir/port"
	"$builddir/bench/$1" -p "$2" 0 >"$dir/port" \
		2>"$dir/stderr" {never}>&- &
	started+=("$!")
	wait_for 'the floor is not ready' "$!" floor_address
	serves floor "$!" "$address"
}

# shellcheck disable=SC2317 # wait_for calls it
listens()
{
	[ -n "$(ss -Hltun "sport = :$port")" ]
}

# started_here NAME: what was just started in the background, on $port.
started_here()
{
	started+=("$!")
	wait_for "$1 is not ready" "$!" listens
	serves "$1" "$!" "127.0.0.1:$port"
}

# xinetd_serves SERVICE SOCKET PROTOCOL WAIT: one of those that it has built in,
# as "time dgram udp yes".
xinetd_serves()
{
	free_port
	cat >"$dir/xinetd.conf" <<-END
		service $1
		{
			type = INTERNAL UNLISTED
			id = $1-$2
			socket_type = $2
			protocol = $3
			wait = $4
			user = $(id -un)
			instances = UNLIMITED
			per_source = UNLIMITED
			cps = 1000000 1
			bind = 127.0.0.1
			port = $port
		}
	END
	xinetd -dontfork -f "$dir/xinetd.conf" -pidfile "$dir/xinetd.pid" \
		-filelog "$dir/xinetd.log" 2>"$dir/stderr" {never}>&- &
	started_here xinetd
}

# installed PROGRAM
installed()
{
	command -v "$1" >/dev/null && return
	missing "$1"
	return 1
}

missing()
{
	echo "$me: no $1; ./bootstrap --deps --bench installs it" >&2
}

# ---- Turns ------------------------------------------------------------------

# check: did timed answer everything that it answered rightly?
check()
{
	# shellcheck disable=SC2034 # for the scripts
	jq -e '.requests_wrong + .requests_refused + .requests_failed +
		.answers_stray + .answers_unsynchronised == 0' \
		"$dir/result" >"$dir/verdict" || faults=1
}

# ask NAME OPTION...: timebench; its report is added to of.NAME.
ask()
{
	local name=$1 status
	shift
	"$builddir/timebench" "$@" -j -d "$seconds" --pid "${pids[$name]}" \
		"${addresses[$name]}" >"$dir/result"
	status=$?
	[ $status -le 1 ] || fail $status 'timebench failed'
	[ "$name" != timed ] || check
	cat "$dir/result" >>"$dir/of.$name"
}

# The median of what FILTER gives for each run of NAME.
median='def median: sort |
	(.[(length - 1) / 2 | floor] + .[length / 2 | floor]) / 2;'
figures='.server.cpu_us_per_request, .answers_per_second,
	.latency_us.p50, .latency_us.p99, .loss * 100'

header()
{
	printf '\n%s\n%-14s %10s %10s %8s %8s %8s\n' "$1" '' 'CPU us each' \
		'answers/s' 'p50 us' 'p99 us' 'lost %'
}

show()
{
	jq -rs "$median map([$figures]) | transpose | map(median) | @tsv" \
		"$dir/of.$1" |
		while IFS=$'\t' read -r cpu answers p50 p99 lost; do
			printf '%-14s %11.3f %10.0f %8.0f %8.0f %8.3f\n' \
				"$1" "$cpu" "$answers" "$p50" "$p99" "$lost"
		done
}

# compare NAME: what timed takes and does for each unit of NAME.
compare()
{
	jq -nr --slurpfile timed "$dir/of.timed" \
		--slurpfile other "$dir/of.$1" \
		"$median"' def ratios(figure):
			[range($timed | length) as $i |
			 ($timed[$i] | figure) / ($other[$i] | figure)] | median;
		[ratios(.server.cpu_us_per_request),
		 ratios(.answers_per_second)] | @tsv' |
		while IFS=$'\t' read -r cpu answers; do
			printf '%-14s %11.2f %10.2f\n' "timed/$1" \
				"$cpu" "$answers"
		done
}

# turns TITLE OPTION...: the servers that there are, in turns.
turns()
{
	local title=$1 name round
	shift
	for ((round = 1; round <= rounds; round++)); do
		for name in "${!pids[@]}"; do
			ask "$name" "$@"
		done
	done
	header "$title"
	for name in timed "${others[@]}"; do
		[ -z "${pids[$name]-}" ] || show "$name"
	done
	for name in "${others[@]}"; do
		[ -z "${pids[$name]-}" ] || compare "$name"
	done
	rm -f "$dir"/of.*
}

end_servers()
{
	stop_all
	pids=() addresses=()
}
