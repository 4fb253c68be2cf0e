#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Reloads under long connections: what timed does to those that are connected,
# and what nginx does.
#
#   handoff.sh [-b BUILDDIR] [CONNECTIONS [RELOADS [WORKERS]]]
#
# BUILDDIR has timed, timedctl and timebench (.).  Of the CONNECTIONS (1000),
# an equal part comes before each of the RELOADS (10), and all stay until the
# end, as clients do that come at any time and never want to leave.  They come
#
#   to timed, which is sent SIGHUP
#   to nginx, a stream proxy before a timed that is left alone; nginx is sent
#   SIGHUP, and once has "worker_shutdown_timeout 1s" and once has not
#
# with so many WORKERS (2) each.  A connection that the server closes is lost;
# a client has missed the ticks that came after that, too.  Workers and their
# memory (PSS) are counted two seconds after the last reload.  Without nginx
# and its stream module timed is alone.  Exit status 1: timed lost a connection
# or a tick, or sent one twice or wrong.

# shellcheck source=servers.bash
. "$(dirname "$0")/servers.bash"

pace=1300   # ms from reload to reload: it falls anywhere in a second
settle=2100 # ms from the last one to the end

usage()
{
	echo "usage: handoff.sh [-b BUILDDIR]" \
		"[CONNECTIONS [RELOADS [WORKERS]]]" >&2
	exit 64
}

while getopts b: option; do
	case $option in
	b) builddir=$OPTARG ;;
	*) usage ;;
	esac
done
shift $((OPTIND - 1))
[ $# -le 3 ] || usage
connections=${1:-1000} reloads=${2:-10} workers=${3:-2}
numbers "$connections" "$reloads" "$workers" || usage
[ "$connections" -ge "$reloads" ] || usage

# nginx takes two descriptors for a connection, and one worker may get all.
descriptors=$((2 * connections + 200))
[ "$descriptors" -le "$(ulimit -Hn)" ] ||
	fail 71 "$connections connections take $descriptors descriptors"
ulimit -n "$(ulimit -Hn)"

bench_open

# ---- nginx ------------------------------------------------------------------

# start_nginx SETTING: before the timed at address; sets nginx and address.
start_nginx()
{
	nginx_serves "$workers" "$descriptors" "$1" \
		"proxy_pass $address; proxy_timeout 1h;"
	nginx=${pids[nginx]}
	address=${addresses[nginx]}
	wait_for 'nginx has no workers' "$nginx" \
		replaced "$nginx" "$nginx_worker\$" "$workers"
}

# ---- One side ---------------------------------------------------------------

timed_worker='^timed: worker'
nginx_worker='^nginx: worker process'

# part I: so many of the connections come before reload I.
part()
{
	local more=$((connections % reloads))
	echo $((connections / reloads + ($1 <= more ? 1 : 0)))
}

# wave I: connections that stay until timebench is told to end.
wave()
{
	local count
	count=$(part "$1")
	"$builddir/timebench" stream -j -c "$count" -d $((reloads * 10 + 60)) \
		"$address" >"$dir/wave.$1" 2>>"$dir/stderr" {never}>&- &
	started+=("$!")
	waves+=("$!")
	held=$((held + count))
	wait_for 'the connections are not made' "$!" accepted "$held"
}

# Let the load report, and add it up in result.
end_waves()
{
	local pid status
	for pid in "${waves[@]}"; do
		kill "$pid"
	done
	for pid in "${waves[@]}"; do
		wait "$pid"
		status=$?
		[ $status -le 1 ] || fail $status 'timebench failed'
	done
	jq -s '{
		made: map(.connections_made) | add,
		lost: map(.connections_lost) | add,
		failed: map(.connections_failed) | add,
		expected: map(.ticks_expected) | add,
		missed: map(.ticks_missed) | add,
		doubled: map(.ticks_doubled) | add,
		wrong: map(.ticks_backwards + .ticks_garbled) | add
	}' "$dir"/wave.* >"$dir/result"
	rm -f "$dir"/wave.*
}

# pss PID...: what the processes take together, in kB; - if that is a secret.
pss()
{
	cat "${@/#//proc/}" 2>/dev/null |
		awk '$1 == "Pss:" { kb += $2 } END { print kb ? kb : "-" }'
}

show()
{
	jq -r '"\(.made) \(.lost) \(.missed) \(.doubled) \(.wrong)"' \
		"$dir/result" |
		while read -r made lost missed doubled wrong; do
			printf '%-26s %7d %7d %8d %8d %7d %8d %9s\n' "$1" \
				"$made" "$lost" "$missed" "$doubled" "$wrong" \
				"$2" "$3"
		done
}

# side NAME SERVER: the whole test of timed, or of nginx.
side()
{
	local i start pid pattern active left memory
	waves=() held=0
	case $2 in
	timed) pid=$timed pattern=$timed_worker active=$timed_worker ;;
	nginx) pid=$nginx pattern=$nginx_worker active=$nginx_worker\$ ;;
	esac
	read_clock
	start=$now
	for ((i = 1; i <= reloads; i++)); do
		wave $i
		wait_clock $((start + i * pace))
		reload "$2" "$pid" "$active" "$workers"
	done
	read_clock
	wait_clock $((now + settle))
	read -ra left < <(workers_of "$pid" "$pattern")
	memory=$(pss "${left[@]/%//smaps_rollup}")
	end_waves
	show "$1" ${#left[@]} "$memory"
	stop_all
}

faults=0
echo "$connections connections, $reloads reloads, $workers workers;" \
	"$(nproc) CPUs"
printf '%-26s %7s %7s %8s %8s %7s %8s %9s\n' '' made lost missed doubled \
	wrong workers 'their kB'
start_timed "$workers"
side timed timed
jq -e '.made == $all and .lost + .failed + .missed + .doubled + .wrong == 0' \
	--argjson all "$connections" "$dir/result" >"$dir/verdict" || faults=1
if ! find_nginx; then
	missing nginx
	exit $faults
fi
for setting in 'worker_shutdown_timeout 1s;' ''; do
	start_timed "$workers"
	start_nginx "$setting"
	case $setting in
	"") name="nginx, no timeout" ;;
	*) name="nginx, shutdown timeout 1s" ;;
	esac
	side "$name" nginx
done
exit $faults
