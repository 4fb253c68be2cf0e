# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# shellcheck disable=SC2119,SC2120 # tests call them with arguments, too
#
# The harness of t/*.bats.  A test file begins with `load lib`, which gives it
# setup and teardown; one with its own calls harness_setup and
# harness_teardown from them.  Each test gets
#
#   SRC     the top of the sources
#   BUILD   the top of what was built from them
#   DIR     a directory of its own, gone afterwards
#   CONF    the configuration that timed_config writes: $DIR/timed.conf
#   RUN     runtime_dir: timed.pid, control, scoreboard
#   STATE   state_dir
#   LOG     the log file
#   ERR     what timed wrote to standard error
#
# and processes that are started through here are stopped by their pid when it
# ends, whatever it ends with.  Nothing sleeps: wait_until polls for a
# condition with a deadline, and everything else is built on it.

# By hand, as `bats t/FILE.bats`, what was built in the source tree is tested.
: "${top_srcdir:=$(cd "$BATS_TEST_DIRNAME/.." && pwd)}"
: "${top_builddir:=$top_srcdir}"
# shellcheck disable=SC2034 # for the tests
SRC=$top_srcdir
BUILD=$top_builddir
case :$PATH: in
*:"$BUILD":*) ;;
*) PATH=$BUILD:$PATH ;;
esac

# How long anything may take that should be there at once.  Generous: it only
# matters when something is broken, or very slow, as under a sanitizer.
PATIENCE=20

# ---- Waiting ----------------------------------------------------------------

# A descriptor that is never ready to be read, for pause.
exec {NEVER}<> <(:)

# A twentieth of a second; wait_until alone calls it.
pause()
{
	read -r -t 0.05 -u "$NEVER" || :
}

# Into NOW: hundredths of a second on a clock that nobody sets.
now()
{
	local uptime
	read -r uptime _ </proc/uptime
	NOW=$((10#${uptime/./}))
}

# wait_until SECONDS COMMAND...: until COMMAND succeeds, at most so long.
wait_until()
{
	local deadline
	now
	deadline=$((NOW + $1 * 100))
	shift
	until "$@"; do
		now
		if [ "$NOW" -ge "$deadline" ]; then
			echo "waited in vain for: $*" >&2
			return 1
		fi
		pause
	done
}

# Is there no process PID any more?  One that nobody has waited for yet, be
# it an init that does not, is gone as well.
gone()
{
	local stat
	{ read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 0
	stat=${stat##*) }
	[ "${stat%% *}" = Z ]
}

# Is there no process in the session SID any more?
session_gone()
{
	! pgrep -r D,I,R,S,T,t -s "$1" >/dev/null
}

# clock_reaches SECOND: is it that late, in seconds since the epoch?
clock_reaches()
{
	[ "$EPOCHSECONDS" -ge "$1" ]
}

# Is the second young?  Without newlines, a tick that comes with the first line
# is one with it.
early()
{
	[[ $(date +%N) == [0-3]* ]]
}

# file_has FILE PATTERN: does a line match the extended regular expression?
file_has()
{
	[ -e "$1" ] && grep -Eq -e "$2" -- "$1"
}

# lines_in FILE N: has FILE at least N whole lines?
lines_in()
{
	[ -e "$1" ] && [ "$(wc -l <"$1")" -ge "$2" ]
}

# consecutive FILE [STEP]: do its lines count by STEP (1)?
consecutive()
{
	awk -v step="${2:-1}" '
		NR > 1 && $1 != last + step { print "not next:", last, $1; bad = 1 }
		{ last = $1 }
		END { exit bad || NR < 2 }' "$1" >&2
}

# ---- A test's frame ---------------------------------------------------------

harness_setup()
{
	local dir
	DIR=$BATS_TEST_TMPDIR
	CONF=$DIR/timed.conf
	RUN=$DIR/run
	STATE=$DIR/state
	LOG=$DIR/log/timed.log
	ERR=$DIR/stderr
	TIMED_PID=
	STARTED=()
	CLIENTS=0
	HOLDS=0
	STORMS=0
	NET=()

	# Processes without privileges have to reach their directories.
	for dir in "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR"/* "$DIR"; do
		[ ! -d "$dir" ] || chmod go+x "$dir"
	done

	# What a supervisor around the tests has set is not for timed.
	unset NOTIFY_SOCKET WATCHDOG_PID WATCHDOG_USEC LISTEN_FDS LISTEN_PID \
		LISTEN_FDNAMES RUNTIME_DIRECTORY STATE_DIRECTORY \
		LOGS_DIRECTORY TZ TZDIR
	export LC_ALL=C.UTF-8
	# An error that a sanitizer finds has to show in the exit status.
	export UBSAN_OPTIONS=print_stacktrace=1
}

harness_teardown()
{
	local pid failed=0
	if [ -n "$TIMED_PID" ] && ! gone "$TIMED_PID"; then
		timed_stop || failed=1
	fi
	for pid in "${STARTED[@]}"; do
		stop_session "$pid" || failed=1
	done
	if file_has "$ERR" 'Sanitizer|runtime error:'; then
		failed=1
	fi
	if [ -z "${BATS_TEST_COMPLETED-}" ] || [ $failed -ne 0 ]; then
		show "$ERR"
		show "$LOG"
	fi
	return $failed
}

setup()
{
	harness_setup
}

teardown()
{
	harness_teardown
}

# Show a file, to whoever reads about a failure.
show()
{
	[ ! -s "$1" ] || sed "s|^|${1##*/}: |" "$1" >&2
}

# ---- Processes --------------------------------------------------------------

# start OUT ERR COMMAND...: in the background, as the leader of a session of
# its own, with nothing to read; its pid goes to PID.
start()
{
	local out=$1 err=$2
	shift 2
	setsid "$@" </dev/null >"$out" 2>"$err" 3>&- {NEVER}>&- &
	PID=$!
	STARTED+=("$PID")
}

# Send SIGNAL to each process of the session SID.
signal_session()
{
	local pid
	for pid in $(pgrep -s "$2"); do
		kill -s "$1" "$pid" 2>/dev/null || :
	done
}

# At the end: the session of PID must go, and does so when it is killed.
stop_session()
{
	session_gone "$1" && return
	signal_session TERM "$1"
	wait_until "$PATIENCE" session_gone "$1" && return
	echo "had to kill what was left of $1:" >&2
	ps -o pid,ppid,stat,args -s "$1" >&2 || :
	signal_session KILL "$1"
	wait_until "$PATIENCE" session_gone "$1" || :
	return 1
}

# fds PID: how many descriptors it has open.
fds()
{
	local all=(/proc/"$1"/fd/*)
	echo ${#all[@]}
}

has_fds()
{
	[ "$(fds "$1")" -eq "$2" ]
}

# rss_of PID: its resident memory in KiB.
rss_of()
{
	awk '/^VmRSS:/ { print $2 }' "/proc/$1/status"
}

# cpu_of PID: the clock ticks that it has used.
cpu_of()
{
	local stat
	read -r stat <"/proc/$1/stat"
	# shellcheck disable=SC2086 # one word a field
	set -- ${stat##*) }
	echo $((${12} + ${13}))
}

# program NAME: keep what comes in, for python3, as the file NAME of DIR.
program()
{
	cat >"$DIR/$1"
}

# ---- timed ------------------------------------------------------------------

# stream SETTINGS [LISTEN]: the setting of a stream, on a port that the kernel
# chooses or on LISTEN, as timed.conf has it.
stream()
{
	echo "services = ( { type = \"stream\"; listen = [ ${2:-\"127.0.0.1:0\"} ]; $1 } );"
}

# timed_config [SETTINGS...]: write CONF.  Each of SETTINGS is one setting or
# several, one a line; it takes the place of the default of the same name.
timed_config()
{
	local line name
	local defaults=(
		"workers = 2;"
		"runtime_dir = \"$RUN\";"
		"state_dir = \"$STATE\";"
		"log = { file = \"$LOG\"; level = \"debug\"; syslog = false; };"
		"services = ( { type = \"stream\"; listen = [ \"127.0.0.1:0\" ]; } );"
	)
	# Who starts as root has to name somebody to become.
	if [ "$(id -u)" -eq 0 ]; then
		defaults+=('user = "nobody";')
	fi
	{
		for line in "${defaults[@]}"; do
			name=${line%% *}
			grep -Eq "^[[:space:]]*${name}[[:space:]]*[=:]" \
				<<<"$(printf '%s\n' "$@")" || echo "$line"
		done
		[ $# -eq 0 ] || printf '%s\n' "$@"
	} >"$CONF.new"
	# At once: a reload that is under way must not see a part of it.
	mv "$CONF.new" "$CONF"
}

# Does timed answer, and are all of its workers ready?
timed_ready()
{
	# Not waiting on what is dead.
	if gone "$TIMED_PID"; then
		echo "timed ended before it was ready" >&2
		exit 1
	fi
	status '.state == "running"' | grep -q true
}

# timed_start [SETTINGS...]: write CONF, start timed in the foreground with
# it, wait until it serves.  Its pid is TIMED_PID.
timed_start()
{
	timed_config "$@"
	timed_launch
	wait_until "$PATIENCE" timed_ready
}

# timed_launch [OPTION...]: start timed on CONF as it is, do not wait.
timed_launch()
{
	start "$DIR/stdout" "$ERR" "${NET[@]}" timed -f -c "$CONF" "$@"
	TIMED_PID=$PID
}

# net_start [ADDRESS...]: from here on timed is started in a network of its own,
# in which there is a loopback with these addresses as well, and everybody may
# bind every port.  "${NET[@]}" COMMAND... runs a client there.
net_start()
{
	# shellcheck disable=SC2016 # expanded by the inner shell
	start "$DIR/net" "$DIR/net.err" unshare --user --map-user=65534 \
		--map-group=65534 --keep-caps --net sh -ec '
			ip link set lo up
			for address; do
				ip address add "$address" dev lo
			done
			echo 0 >/proc/sys/net/ipv4/ip_unprivileged_port_start
			echo up
			exec tail -f /dev/null' sh "$@"
	NET=(nsenter --preserve-credentials --user --net --target "$PID")
	wait_until "$PATIENCE" lines_in "$DIR/net" 1
}

# Stop timed with SIGNAL (TERM), wait, and give its exit status.
timed_stop()
{
	kill -s "${1:-TERM}" "$TIMED_PID"
	timed_wait
}

# Wait until timed has ended, and give its exit status; 1 when it does not.
timed_wait()
{
	local pid=$TIMED_PID
	wait_until "$PATIENCE" gone "$pid" || return
	TIMED_PID=
	wait "$pid"
}

# status [FILTER]: what `timedctl -j status` says, through jq.
status()
{
	timedctl -r "$RUN" -j status 2>/dev/null | jq -r "${1:-.}"
}

# status_is FILTER: is it true of the status?
status_is()
{
	[ "$(status "$1")" = true ]
}

# service_port [NAME [N]]: the port of the Nth address, from 0, that the
# service NAME listens on.
service_port()
{
	status ".services[] | select(.name == \"${1:-stream}\") |
		.listen[${2:-0}] | sub(\".*:\"; \"\")"
}

stream_port()
{
	service_port stream "$@"
}

# The pids of the workers that serve, one a line.
worker_pids()
{
	status '.workers[].pid'
}

# journal_pid [MASTER]: the pid of its journal.
journal_pid()
{
	pgrep -P "${1:-$TIMED_PID}" -f '^timed: journal'
}

# log_has PATTERN: does a line of the log match?
log_has()
{
	file_has "$LOG" "$1"
}

# ---- Clients ----------------------------------------------------------------

# client_start [PORT [HOST]]: nc to the stream, or to PORT, in the background.
# What it reads goes to the file CLIENT_OUT, its pid to CLIENT_PID.
client_start()
{
	CLIENTS=$((CLIENTS + 1))
	CLIENT_OUT=$DIR/client.$CLIENTS
	start "$CLIENT_OUT" "$CLIENT_OUT.err" \
		nc -d "${2:-127.0.0.1}" "${1:-$(stream_port)}"
	CLIENT_PID=$PID
}

# client_stop [PID]: end it, and wait until it is gone.
client_stop()
{
	local pid=${1:-$CLIENT_PID}
	kill "$pid"
	wait_until "$PATIENCE" gone "$pid"
}

# hold COUNT: so many clients more, each when the one before has its first
# line.  They stay until the end, and those who are left do not mind.
hold()
{
	HOLDS=$((HOLDS + 1))
	program hold.py <<-'EOF'
		import resource, signal, socket, sys
		port, count = int(sys.argv[1]), int(sys.argv[2])
		hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
		resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
		held = []
		for _ in range(count):
		    s = socket.create_connection(("127.0.0.1", port), 20)
		    assert s.recv(64), "closed"
		    held.append(s)
		print("held", flush=True)
		signal.pause()
	EOF
	start "$DIR/held.$HOLDS" "$DIR/held.$HOLDS.err" \
		python3 "$DIR/hold.py" "$(stream_port)" "$1"
	wait_until 60 lines_in "$DIR/held.$HOLDS" 1
}

# A program for python3 with a datagram socket of its own.
#
#   udp.py ask HOST PORT COUNT [FROM [PORT]]    so many requests, each when the
#       one before is answered; shows the answers in hexadecimal, one a line
#   udp.py storm HOST PORT COUNT [FROM [PORT]]  so many at once; on SIGUSR1 it
#       shows how many were answered
#
# FROM and its PORT are where they come from.  Answers from elsewhere than where
# they were asked for are not received: the socket is connected.
udp_program()
{
	program udp.py <<-'EOF'
		import signal, socket, sys
		signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
		way, host, port, count = sys.argv[1:5]
		source = sys.argv[5] if len(sys.argv) > 5 else ""
		source_port = int(sys.argv[6]) if len(sys.argv) > 6 else 0
		family = socket.AF_INET6 if ":" in host else socket.AF_INET
		s = socket.socket(family, socket.SOCK_DGRAM)
		s.bind((source, source_port))
		s.connect(socket.getaddrinfo(host, int(port), family, socket.SOCK_DGRAM)[0][4])
		s.settimeout(20)
		if way == "ask":
		    for _ in range(int(count)):
		        s.send(b"")
		        print(s.recv(4096).hex())
		    sys.exit()
		for _ in range(int(count)):
		    s.send(b"")
		print("sent", flush=True)
		signal.sigwait({signal.SIGUSR1})
		answers = 0
		s.setblocking(False)
		try:
		    while True:
		        s.recv(4096)
		        answers += 1
		except BlockingIOError:
		    print(answers)
	EOF
}

# udp_ask PORT COUNT [HOST [FROM [PORT]]]: the answers, one a line.
udp_ask()
{
	[ -e "$DIR/udp.py" ] || udp_program
	"${NET[@]}" python3 "$DIR/udp.py" ask "${3:-127.0.0.1}" "$1" "$2" "${@:4}"
}

# Have N requests been answered or turned away, by all services?
handled()
{
	status_is "[.services[] | .requests + .refused] | add == $1"
}

# udp_storm PORT COUNT [HOST [FROM [PORT]]]: so many requests at once; how many
# were answered goes to ANSWERED.
udp_storm()
{
	local before
	[ -e "$DIR/udp.py" ] || udp_program
	before=$(status '[.services[] | .requests + .refused] | add')
	STORMS=$((STORMS + 1))
	start "$DIR/storm.$STORMS" "$DIR/storm.$STORMS.err" "${NET[@]}" \
		python3 "$DIR/udp.py" storm "${3:-127.0.0.1}" "$1" "$2" "${@:4}"
	wait_until "$PATIENCE" lines_in "$DIR/storm.$STORMS" 1
	wait_until "$PATIENCE" handled $((before + $2))
	kill -USR1 "$PID"
	wait_until "$PATIENCE" gone "$PID"
	# shellcheck disable=SC2034 # for the tests
	ANSWERED=$(tail -n 1 "$DIR/storm.$STORMS")
}

# port_refused PORT: does nobody listen on that port of 127.0.0.1?
port_refused()
{
	! nc -z 127.0.0.1 "$1" 2>/dev/null
}

# A port of 127.0.0.1 that nobody listens on, out of those that the kernel
# does not give away.
fresh_port()
{
	local port
	until port=$((20000 + RANDOM % 12000)) && port_refused "$port"; do
		:
	done
	echo "$port"
}
