#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What is asked once and answered once, beside others that answer it.
#
#   datagrams.sh [-b BUILDDIR] [-n ROUNDS] [-t TABLES] [-r RATE]
#                [SECONDS [RELOADS]]
#
# BUILDDIR has timed, timedctl, timebench and bench/floor_ntp (.).  TABLES are
# some of "ntp daytime time loss" (all):
#
#   ntp      timed, chronyd and the floor, which is the barest server that
#            could answer, each with one process; then timed and the floor with
#            two.  Wanted: CPU for an answer at most 0.85 of chronyd's, and at
#            most 1.15 of the floor's
#   daytime  over TCP; timed and nginx's stream module with "return", two
#            workers each.  Wanted: no fewer connections a second
#   time     over UDP, one request after the other; timed and xinetd.  Wanted:
#            all are answered
#   loss     RATE requests a second (100000, or the most that comes through
#            here), without and with so many RELOADS (100), for as long as these
#            take.  Wanted: loss no higher with them
#
# The servers of a table wait side by side, and take turns in ROUNDS (7), three
# for loss, of SECONDS (2) each.  Figures are medians of the rounds; a ratio is
# the median of each round's.  Who is not installed is left out.  No server
# touches the machine's clock.  Exit status 1: timed gave a wrong answer, or
# none to one of the sequential requests.

# shellcheck source=turns.bash
. "${0%/*}/turns.bash"

loss_rounds=3 tables='ntp daytime time loss' rate=100000
pace=250    # ms from reload to reload
light=20000 # requests a second that leave any server idle in between

usage()
{
	echo "usage: datagrams.sh [-b BUILDDIR] [-n ROUNDS] [-t TABLES]" \
		"[-r RATE] [SECONDS [RELOADS]]" >&2
	exit 64
}

while getopts b:n:r:t: option; do
	case $option in
	b) builddir=$OPTARG ;;
	n) rounds=$OPTARG loss_rounds=$OPTARG ;;
	r) rate=$OPTARG ;;
	t) tables=$OPTARG ;;
	*) usage ;;
	esac
done
shift $((OPTIND - 1))
[ $# -le 2 ] || usage
seconds=${1:-2} reloads=${2:-100}
numbers "$rounds" "$rate" "$seconds" "$reloads" || usage
bench_open

# ---- Servers ----------------------------------------------------------------

ntp='type = "ntp"; listen = [ "127.0.0.1:0" ]; local_stratum = 10;'
daytime='type = "daytime"; listen = [ "tcp:127.0.0.1:0" ];'
time='type = "time"; listen = [ "udp:127.0.0.1:0" ];'

# The clock is left alone (-x), and nobody but clients is listened to.
chronyd_serves()
{
	free_port
	cat >"$dir/chrony.conf" <<-END
		port $port
		bindaddress 127.0.0.1
		bindcmdaddress /
		cmdport 0
		local stratum 10
		allow
		pidfile $dir/chronyd.pid
	END
	chronyd -x -d -U -u "$(id -un)" -f "$dir/chrony.conf" \
		>"$dir/stderr" 2>&1 {never}>&- &
	started_here chronyd
}

# nginx_serves WORKERS
nginx_serves()
{
	free_port
	mkdir -p "$dir/nginx"
	cat >"$dir/nginx.conf" <<-END
		$nginx_module
		daemon off;
		pid $dir/nginx/pid;
		error_log $dir/nginx/error.log;
		worker_processes $1;
		events { worker_connections 4096; }
		stream {
			server {
				listen 127.0.0.1:$port backlog=4096;
				return "\$time_iso8601\r\n";
			}
		}
	END
	"$nginx_binary" -p "$dir/nginx" -c "$dir/nginx.conf" \
		-e "$dir/nginx/error.log" 2>"$dir/stderr" {never}>&- &
	started_here nginx
}

# ---- Tables -----------------------------------------------------------------

# ntp_turns PROCESSES
ntp_turns()
{
	turns "NTP, $1 each; 256 outstanding" ntp -c 256
	turns "NTP, $1 each; a socket for each request, 64 outstanding" \
		ntp -c 64 --batch 1
	turns "NTP, $1 each; $light requests a second" ntp -r $light
	end_servers
}

table_ntp()
{
	others=(chronyd floor)
	timed_serves 1 "$ntp"
	floor_serves floor_ntp 1
	! installed chronyd || chronyd_serves
	ntp_turns '1 process'
	timed_serves 2 "$ntp"
	floor_serves floor_ntp 2
	ntp_turns '2 processes'
}

table_daytime()
{
	others=(nginx)
	timed_serves 2 "$daytime"
	if find_nginx; then
		nginx_serves 2
	else
		missing 'nginx with a stream module'
	fi
	turns 'daytime over TCP, 2 processes each; 64 connections' daytime -c 64
	end_servers
}

# A server that loses one request is waited for as long as one that loses all.
table_time()
{
	others=(xinetd)
	timed_serves 1 "$time"
	! installed xinetd || xinetd_serves time dgram udp yes
	turns 'time over UDP, one after the other, 0.1 s for each' \
		time -c 1 --timeout 0.1
	end_servers
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
	check
}

# As much of RATE as is answered, but for one in a thousand.
find_rate()
{
	local full=$rate part
	for part in 100 75 50 35 20 10; do
		rate=$((full * part / 100))
		start_timed 2 "$ntp"
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
	start_timed 2 "$ntp"
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

echo "$rounds rounds of $seconds s in turns; $(nproc) CPUs"
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
