# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# What bench/*.sh share: a directory of their own, servers that are stopped by
# their pid whatever happens, and waiting with a deadline.
#
#   builddir   where timed, timedctl and timebench are; -b of each script
#   dir        the directory, from bench_open on

builddir=.
me=${0##*/}
deadline=20 # seconds, for what should be there at once
settings=   # of timed.conf, see start_timed
started=()  # processes, to be stopped the other way round

# numbers WORD...: is each a whole number from 1 on?
numbers()
{
	local number
	for number; do
		[[ $number =~ ^[1-9][0-9]{0,8}$ ]] || return
	done
}

# amount WORD: is it a number, with or without decimals, and not nothing?
amount()
{
	[[ $1 =~ ^[0-9]{1,5}(\.[0-9]{1,3})?$ && $1 =~ [1-9] ]]
}

# fail STATUS TEXT
fail()
{
	echo "$me: $2" >&2
	exit "$1"
}

bench_open()
{
	dir=$(mktemp -d "${TMPDIR:-/tmp}/timed-bench.XXXXXX") || exit 73
	chmod 0711 "$dir"
	trap bench_close EXIT
	trap 'exit 130' HUP INT TERM
	# Waiting for what never comes is a pause.
	mkfifo "$dir/never"
	exec {never}<>"$dir/never"
}

# Whoever wants it to end may say so again before it has.
bench_close()
{
	trap '' HUP INT TERM
	stop_all
	rm -rf "$dir"
}

# A process that was made this very moment may lose a signal: it still has the
# shell's traps.  So it is told again each second, and in the end killed.
stop()
{
	local begun told=0
	read_clock
	begun=$now
	while kill -0 "$1" 2>/dev/null; do
		read_clock
		if [ $((now - begun)) -gt $((deadline * 1000)) ]; then
			kill -KILL "$1"
		elif [ "$now" -ge $told ]; then
			told=$((now + 1000))
			kill "$1"
		fi
		pause
	done 2>/dev/null
	wait "$1" 2>/dev/null
}

# forget PID: it was stopped, and the number may be another's by the end.
forget()
{
	local pid rest=()
	for pid in "${started[@]}"; do
		[ "$pid" = "$1" ] || rest+=("$pid")
	done
	started=("${rest[@]}")
}

# What was just started in the background is waited for as if it were not, but
# a signal is heard meanwhile; its exit status.
attend()
{
	local pid=$! status
	started+=("$pid")
	wait "$pid"
	status=$?
	forget "$pid"
	return $status
}

stop_all()
{
	local i
	for ((i = ${#started[@]} - 1; i >= 0; i--)); do
		stop "${started[i]}"
	done
	started=()
}

# A twentieth of a second.
pause()
{
	read -r -t 0.05 -u "$never"
}

# Into now: milliseconds on a clock that nobody sets.
read_clock()
{
	read -r now _ </proc/uptime
	now=$((10#${now/./} * 10))
}

# Until read_clock gives TIME.
wait_clock()
{
	read_clock
	while [ "$now" -lt "$1" ]; do
		pause
		read_clock
	done
}

# wait_for WHAT PID COMMAND...: until COMMAND succeeds; PID has to live on.
wait_for()
{
	local what=$1 pid=$2 end
	shift 2
	read_clock
	end=$((now + deadline * 1000))
	until "$@"; do
		read_clock
		if ! kill -0 "$pid" 2>/dev/null || [ "$now" -ge $end ]; then
			cat "$dir/stderr" >&2
			fail 69 "$what"
		fi
		pause
	done
}

# Ask timed for FILTER of its status.
timed_status()
{
	local -
	set -o pipefail
	"$builddir/timedctl" -r "$dir/run" -j status 2>/dev/null | jq -re "$1"
}

# shellcheck disable=SC2034,SC2317 # for the scripts; wait_for calls it
timed_address()
{
	address=$(timed_status '.services[0].listen[0] | ltrimstr("udp:")')
}

# start_timed WORKERS [SERVICE]: on a port that the kernel chooses; sets timed
# and address.  It makes run and log itself, for the user that it becomes.
# SERVICE is its group in timed.conf, a stream if there is none; settings is
# what that file has more.
start_timed()
{
	local stream='type = "stream"; listen = [ "127.0.0.1:0" ];'
	rm -rf "$dir/log"
	cat >"$dir/timed.conf" <<-END
		workers = $1;
		runtime_dir = "$dir/run";
		state_dir = "$dir/state";
		log = { file = "$dir/log/timed.log"; level = "info"; syslog = false; };
		services = ( { ${2-$stream} } );
		$settings
	END
	"$builddir/timed" -f -c "$dir/timed.conf" 2>"$dir/stderr" {never}>&- &
	timed=$!
	started+=("$timed")
	wait_for 'timed is not ready' "$timed" timed_address
}

# accepted NUMBER: has timed accepted so many?
accepted()
{
	[ "$(timed_status .totals.accepted)" -ge "$1" ]
}

# workers_of PID PATTERN: the children of PID with such a title.
workers_of()
{
	pgrep -P "$1" -f "$2" | tr '\n' ' '
}

# replaced PID PATTERN COUNT OLD...: has PID so many children of that title,
# and none of the OLD ones?
replaced()
{
	local pid=$1 pattern=$2 count=$3 worker found=0
	shift 3
	for worker in $(workers_of "$pid" "$pattern"); do
		[[ " $* " != *" $worker "* ]] || return
		found=$((found + 1))
	done
	[ "$found" -eq "$count" ]
}

# reload NAME PID PATTERN COUNT: have PID read its configuration again; it is
# done when COUNT workers took the place of all that there were.
reload()
{
	local old
	old=$(workers_of "$2" "$3")
	kill -HUP "$2"
	# shellcheck disable=SC2086 # a list of pids
	wait_for "$1 does not reload" "$2" replaced "$2" "$3" "$4" $old
}

# free_port: into port one that nobody has, and that the kernel gives to no one.
free_port()
{
	local i
	for ((i = 0; i < 100; i++)); do
		port=$((20000 + RANDOM % 10000))
		[ -n "$(ss -Hltun "sport = :$port")" ] || return 0
	done
	fail 69 'no port is free'
}
