#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Every service under load for a long time, with all that operators and accidents
# do to a daemon meanwhile; and then a comparison of what there was before and
# what there is afterwards.
#
#   soak.sh [-b BUILDDIR] [-c CLIENTS] [SECONDS]
#
# BUILDDIR has timed, timedctl and timebench (.).  For SECONDS (600), rounds of
# ten take turns: in calm ones timed is reloaded, resized, upgraded, paused and
# resumed, its log is cleared, and its journal, keeper and status process are
# killed, which no connection may notice; in rough ones workers are killed as well.  CLIENTS (200)
# of the stream, and fewer of all other services; as many that never read, or
# send a byte a second.  Exit status 1: a difference that is not explained.

# Functions that wait_for calls.
# shellcheck disable=SC2317
# shellcheck source=../bench/lib.bash
. "${0%/*}/../bench/lib.bash"

clients=200
round=10 # seconds
bad=0
kills=0
reloads=0
loads=()
load_names=()
declare -A lines # of the log, by kind
# Of timed.conf, where timed was built with one.
page='status = { listen = "127.0.0.1:0"; };'

usage()
{
	echo "usage: soak.sh [-b BUILDDIR] [-c CLIENTS] [SECONDS]" >&2
	exit 64
}

while getopts b:c: option; do
	case $option in
	b) builddir=$OPTARG ;;
	c) clients=$OPTARG ;;
	*) usage ;;
	esac
done
shift $((OPTIND - 1))
[ $# -le 1 ] || usage
seconds=${1:-600}
numbers "$seconds" "$clients" || usage
bench_open

# wrong TEXT: a difference that nothing explains.
wrong()
{
	echo "UNEXPLAINED: $1"
	bad=1
}

# ---- The server -------------------------------------------------------------

configure()
{
	cat >"$dir/timed.conf.new" <<-END
		workers = $1;
		runtime_dir = "$dir/run";
		state_dir = "$dir/state";
		log = { file = "$dir/log/timed.log"; level = "info"; syslog = false; };
		services = (
		  { type = "stream"; listen = [ "127.0.0.1:0" ]; },
		  { type = "daytime"; listen = [ "tcp:127.0.0.1:0" ]; },
		  { type = "time"; listen = [ "udp:127.0.0.1:0" ]; rate = { per_second = 0; }; },
		  { type = "ntp"; listen = [ "127.0.0.1:0" ]; rate = { per_second = 0; }; },
		  { type = "echo"; listen = [ "tcp:127.0.0.1:0" ]; },
		  { type = "chat"; listen = [ "127.0.0.1:0" ]; lines_per_second = 0.0; login_pause = 0.1; } );
		$page
	END
	mv "$dir/timed.conf.new" "$dir/timed.conf"
}

# Is there nobody but N workers of the last generation?
settled()
{
	[ "$(timed_status ".generation as \$now | (.workers | length) == $1 and
		all(.workers[]; .generation == \$now and .state == \"serving\")")" = true ]
}

idle()
{
	[ "$(timed_status '.totals.connections == 0')" = true ]
}

connected()
{
	[ "$(timed_status .totals.connections)" -ge "$clients" ]
}

replaced_after()
{
	[ "$(timed_status .totals.crashes)" -gt "$1" ] && settled 2
}

where()
{
	timed_status ".services[] | select(.name == \"$1\") | .listen[0] |
		sub(\"^(udp|tcp):\"; \"\")"
}

ctl()
{
	"$builddir/timedctl" -r "$dir/run" "$@" >/dev/null 2>>"$dir/ctl.err"
}

reloaded()
{
	[ "$(timed_status .reloads)" -ge "$1" ]
}

reload_to()
{
	local before
	before=$(timed_status .reloads)
	configure "$1"
	kill -HUP "$timed"
	wait_for 'a reload does not end' "$timed" reloaded $((before + 1))
	wait_for 'workers stay' "$timed" settled "$1"
	reloads=$((reloads + 1))
}

upgraded()
{
	[ "$(grep -c ' upgraded; ' "$dir/log/timed.log")" -gt "$1" ]
}

upgrade()
{
	local before
	before=$(grep -c ' upgraded; ' "$dir/log/timed.log")
	kill -USR2 "$timed"
	wait_for 'an upgrade does not end' "$timed" upgraded "$before"
	wait_for 'workers stay' "$timed" settled "$1"
}

# A child of timed with that title: its pid.
child()
{
	pgrep -P "$timed" -f "^timed: $1" | head -n 1
}

other_child()
{
	local pid
	pid=$(child "$1")
	[ -n "$pid" ] && [ "$pid" != "$2" ]
}

# Kill one, and wait for the next.
murder()
{
	local victim
	victim=$(child "$1")
	kill -KILL "$victim"
	wait_for "there is no other $1" "$timed" other_child "$1" "$victim"
}

count_lines()
{
	local count kind
	while read -r count kind; do
		lines[$kind]=$((${lines[$kind]:-0} + count))
	done < <(sed -n 's/^[^ ]* \([a-z]*\) [^:]*\]: \([^;]*\).*/\1 \2/p' \
		"$dir/log/timed.log" | sort | uniq -c)
}

clear_log()
{
	count_lines
	ctl log clear || wrong 'the log cannot be cleared'
}

# ---- The load ---------------------------------------------------------------

# load NAME MODE OPTION...: timebench, for a round.
load()
{
	local name=$1
	shift
	"$builddir/timebench" "$@" >"$dir/load.$name" 2>"$dir/load.$name.err" {never}>&- &
	loads+=($!)
	load_names+=("$name")
}

slow_clients()
{
	python3 - "$clients" "$round" "$(where stream)" "$(where echo)" "$(where chat)" \
		>"$dir/slow" 2>"$dir/slow.err" {never}>&- <<-'EOF' &
		import resource, selectors, socket, sys, time
		count, seconds = int(sys.argv[1]), int(sys.argv[2])
		hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
		resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
		def connect(where):
		    try:
		        host, port = where.rsplit(":", 1)
		        s = socket.socket()
		        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
		        s.settimeout(5)
		        s.connect((host, int(port)))
		        s.setblocking(False)
		        return s
		    except OSError:
		        return None
		silent = [connect(sys.argv[3]) for _ in range(count)]
		slow = [connect(where) for where in sys.argv[4:] for _ in range(count // 2)]
		chosen = selectors.DefaultSelector()
		for s in filter(None, slow):
		    chosen.register(s, selectors.EVENT_READ)
		end = time.monotonic() + seconds
		while (now := time.monotonic()) < end:
		    for key in list(chosen.get_map().values()):
		        try:
		            key.fileobj.send(b"x")
		        except OSError:
		            chosen.unregister(key.fileobj)
		    # What comes back is taken, until the next byte is due.
		    while (left := now + 1 - time.monotonic()) > 0:
		        for key, _ in chosen.select(left):
		            try:
		                gone = not key.fileobj.recv(65536)
		            except OSError:
		                gone = True
		            if gone:
		                chosen.unregister(key.fileobj)
	EOF
	loads+=($!)
	load_names+=(slow)
}

begin_load()
{
	load stream stream -j -c "$clients" -d "$round" "$(where stream)"
	load daytime daytime -j -c 4 -r 200 -d "$round" --tcp "$(where daytime)"
	load time time -j -c 4 -r 500 -d "$round" "$(where time)"
	load ntp ntp -j -c 4 -r 1000 -d "$round" "$(where ntp)"
	load echo echo -j -c 20 -r 500 -d "$round" "$(where echo)"
	load chat chat -j -c 10 -r 20 --talkers 3 -d "$round" \
		--password 'an open secret' "$(where chat)"
	slow_clients
}

end_load()
{
	local i
	for i in "${!loads[@]}"; do
		wait "${loads[i]}"
	done
	loads=()
	load_names=()
	cat "$dir"/load.*.err "$dir/slow.err" >>"$dir/loads.err"
}

# What a calm round may not do to anybody.
check_load()
{
	jq -e '.connections_lost == 0 and .ticks_garbled == 0 and
		.ticks_backwards == 0 and .ticks_received > 0' \
		"$dir/load.stream" >"$dir/verdict" || {
		wrong 'a calm round was noticed'
		cat "$dir/load.stream" "$dir/load.stream.err"
	}
}

calm_round()
{
	begin_load
	wait_for 'nobody comes' "$timed" connected
	reload_to 3
	upgrade 3
	ctl pause || wrong 'a pause is refused'
	ctl resume || wrong 'it is not resumed'
	murder journal
	murder keeper
	[ -z "$page" ] || murder status
	clear_log
	reload_to 2
	end_load
	check_load
}

rough_round()
{
	local crashes
	begin_load
	wait_for 'nobody comes' "$timed" connected
	for _ in 1 2 3; do
		crashes=$(timed_status .totals.crashes)
		kill -KILL "$(timed_status '.workers[0].pid')" && kills=$((kills + 1))
		wait_for 'a worker is not replaced' "$timed" replaced_after "$crashes"
	done
	reload_to 2
	murder keeper
	end_load
}

# ---- The comparison ---------------------------------------------------------

# Into the file $1: a line a process, "role descriptors KiB", and others.
survey()
{
	local pid role number=0
	for pid in "$timed" $(pgrep -P "$timed") $(pgrep -P "$(child keeper)"); do
		[ -d "/proc/$pid/fd" ] || continue
		# What is behind a title is padding.
		role=$(tr '\0' '\n' <"/proc/$pid/cmdline" |
			sed -n '1s/^timed: //; 1s/[ .]*$//; 1s/ /_/g; 1p')
		[ "$pid" != "$timed" ] || role=master
		echo "$role $(find "/proc/$pid/fd" -mindepth 1 | wc -l) $(awk \
			'/^VmRSS:/ { print $2 }' "/proc/$pid/status")"
		number=$((number + 1))
	done | sort >"$1"
	find "$dir/run" | sort >"$1.files"
}

compare()
{
	local role fds rss fds_now rss_now
	printf '%-20s %10s %10s %12s %12s\n' process descriptors now 'RSS KiB' now
	join -a 1 -a 2 -e - -o 0,1.2,2.2,1.3,2.3 "$dir/before" "$dir/after" >"$dir/joined"
	while read -r role fds fds_now rss rss_now; do
		printf '%-20s %10s %10s %12s %12s\n' "$role" "$fds" "$fds_now" "$rss" "$rss_now"
		[ "$fds" = "$fds_now" ] || wrong "$role: $fds descriptors, and $fds_now now"
		# Half as much again, and two megabytes: libraries that were
		# not used yet, and the slots of connections that there were.
		[ "$rss" = - ] || [ "$rss_now" = - ] ||
			[ "$rss_now" -le $((rss * 3 / 2 + 2048)) ] ||
			wrong "$role: $rss KiB, and $rss_now now"
	done <"$dir/joined"
	diff "$dir/before.files" "$dir/after.files" ||
		wrong 'there are other files in the runtime directory'
}

check_counters()
{
	local name
	echo
	printf '%-10s %10s %10s %12s %12s %12s\n' service accepted closed requests ticks refused
	timed_status '.services[] | "\(.name) \(.accepted) \(.closed) \(.requests) \(.ticks) \(.refused)"' |
		while read -r name a c q t r; do
			printf '%-10s %10s %10s %12s %12s %12s\n' "$name" "$a" "$c" "$q" "$t" "$r"
		done
	[ "$(timed_status '[.services[] | .accepted == .closed + .connections] | all')" = true ] ||
		wrong 'accepted is not closed and connected'
	[ "$(timed_status '.services | map(select(.type == "stream"))[0].ticks > 0')" = true ] ||
		wrong 'no line was sent'
	[ "$(timed_status .totals.crashes)" -eq "$kills" ] ||
		wrong "$(timed_status .totals.crashes) crashes, of which $kills were wanted"
	echo "$kills workers were killed, $reloads reloads, $(timed_status .totals.log_lost) log records lost"
}

check_log()
{
	local kind
	echo
	count_lines
	for kind in "${!lines[@]}"; do
		echo "$kind: ${lines[$kind]}"
	done | sort
	for kind in "${!lines[@]}"; do
		case $kind in
		'error worker crashed' | 'error journal crashed' | 'error keeper crashed' | \
			'error status process crashed') ;;
		error*) wrong "the log has: $kind" ;;
		esac
	done
	! grep -E 'Sanitizer|runtime error:' "$dir/stderr" || wrong 'a sanitizer found something'
}

check_processes()
{
	local zombies
	zombies=$(pgrep -c -r Z -P "$timed")
	[ "$zombies" -eq 0 ] || wrong "$zombies zombies"
}

check_end()
{
	local status=0 all
	all="$timed $(pgrep -P "$timed" | tr '\n' ' ')"
	kill -TERM "$timed"
	wait "$timed" || status=$?
	[ $status -eq 0 ] || wrong "it ended with $status"
	for pid in $all; do
		[ ! -d "/proc/$pid" ] || wrong "$pid is there still"
	done
	[ ! -d "$dir/run" ] || wrong 'the runtime directory is there still'
}

# ---- All of it --------------------------------------------------------------

configure 2
if ! "$builddir/timed" -t -c "$dir/timed.conf" >"$dir/stderr" 2>&1; then
	page=
	configure 2
fi
"$builddir/timed" -f -c "$dir/timed.conf" 2>"$dir/stderr" {never}>&- &
timed=$!
started+=("$timed")
wait_for 'timed is not ready' "$timed" settled 2

# Once before the first look: what is used for the first time takes memory.
calm_round
wait_for 'clients stay' "$timed" idle
reload_to 2
survey "$dir/before"

end=$((SECONDS + seconds))
turn=0
while [ $SECONDS -lt $end ]; do
	if [ $((turn % 2)) -eq 0 ]; then
		rough_round
	else
		calm_round
	fi
	turn=$((turn + 1))
done
wait_for 'clients stay' "$timed" idle
reload_to 2
survey "$dir/after"

echo "after $turn rounds in $seconds seconds:"
echo
compare
check_counters
check_log
check_processes
check_end
[ $bad -eq 0 ] && echo 'all differences are explained'
exit $bad
