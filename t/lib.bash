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
#   TIMED   the program that timed_start starts: timed
#   ATTEMPTS  to be set where it attempts system calls that are refused
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

# built FEATURE: is it in?
built()
{
	grep -q "^#define $1 1" "$BUILD/config.h"
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
	TIMED=timed
	TIMED_PID=
	STARTED=()
	CLIENTS=0
	HOLDS=0
	WATCHES=0
	STORMS=0
	NET=()
	ATTEMPTS=

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
	# What each process may do is what it does.
	if [ -z "$ATTEMPTS" ] && log_has 'system call refused'; then
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

# private_of PID: the memory in KiB that it alone has, and has written to.
private_of()
{
	awk '/^Private_Dirty:/ { print $2 }' "/proc/$1/smaps_rollup"
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
	else
		# And who did not, to be allowed to look into his processes.
		defaults+=('core_dumps = true;')
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

# timed_launch [OPTION...]: start timed on CONF as it is, do not wait.  It is
# the program TIMED.
timed_launch()
{
	start "$DIR/stdout" "$ERR" "${NET[@]}" "$TIMED" -f -c "$CONF" "$@"
	TIMED_PID=$PID
}

# net_start [ADDRESS...]: from here on timed is started in a network of its own,
# in which there is a loopback with these addresses as well, and everybody may
# bind every port.  "${NET[@]}" COMMAND... runs a client there.  What takes more
# rights than a client has is NET_RUNS, for a shell: it prints "up" and stays.
net_start()
{
	local own=(unshare --net) into=(nsenter --net)
	if [ "$(id -u)" -ne 0 ]; then
		own+=(--user --map-user=65534 --map-group=65534 --keep-caps)
		into+=(--preserve-credentials --user)
	fi
	local -x NET_RUNS=${NET_RUNS-'echo up; exec tail -f /dev/null'}
	# shellcheck disable=SC2016 # expanded by the inner shell
	start "$DIR/net" "$DIR/net.err" "${own[@]}" sh -ec '
			ip link set lo up
			for address; do
				ip address add "$address" dev lo
			done
			echo 0 >/proc/sys/net/ipv4/ip_unprivileged_port_start || :
			eval "$NET_RUNS"' sh "$@"
	NET=("${into[@]}" --target "$PID")
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

# ---- Reloads ----------------------------------------------------------------

# reloads N, refusals N: have there been so many?
reloads()
{
	status_is ".reloads == $1"
}

refusals()
{
	status_is ".reloads_refused == $1"
}

# reload [SETTINGS...]: with these instead of the ones before, and wait.
reload()
{
	local before
	before=$(status .reloads)
	timed_config "$@"
	kill -HUP "$TIMED_PID"
	wait_until "$PATIENCE" reloads $((before + 1))
}

# refuse: reload what is in CONF, and wait until it is refused.
refuse()
{
	local before
	before=$(status .reloads_refused)
	kill -HUP "$TIMED_PID"
	wait_until "$PATIENCE" refusals $((before + 1))
}

# Nobody but N workers of the configuration that is in force?
settled()
{
	status_is ".generation as \$now | (.workers | length) == $1 and
		all(.workers[]; .generation == \$now and .state == \"serving\")"
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

# A sanitizer that is built in keeps what was freed; here memory is measured.
keep_nothing()
{
	export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}quarantine_size_mb=0:thread_local_quarantine_size_kb=0
}

# ---- Operators --------------------------------------------------------------

# ctl COMMAND...: timedctl as an operator.
ctl()
{
	timedctl -r "$RUN" "$@"
}

# ctl_fails STATUS PATTERN COMMAND...: it ends with that and says so, by text
# and by -j.
ctl_fails()
{
	local wanted=$1 pattern=$2
	shift 2
	run --separate-stderr "-$wanted" timeout 30 timedctl -r "$RUN" "$@"
	# shellcheck disable=SC2154 # run sets it
	[ -z "$output" ]
	# shellcheck disable=SC2154 # run sets it
	grep -Eq "^timedctl: .*$pattern" <<<"$stderr"
	run --separate-stderr "-$wanted" timeout 30 timedctl -r "$RUN" -j "$@"
	jq -e --argjson exit "$wanted" '.ok == false and .exit == $exit' \
		<<<"$output"
	grep -Eq "$pattern" <<<"$(jq -r .error <<<"$output")"
}

# ---- The service manager ----------------------------------------------------

# listen_for_notes: be the service manager.  NOTES gets a line for each
# variable of each message, with the message's number before it; a message
# is in there whole or not at all.  SENDERS gets the pids that sent them.
listen_for_notes()
{
	NOTES=$DIR/notes
	SENDERS=$DIR/senders
	start "$DIR/listener.out" "$DIR/listener.err" python3 -c '
import os, socket, struct, sys
path, notes, senders = sys.argv[1:]
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
s.bind(path)
os.chmod(path, 0o777)
pids = open(senders, "w")
out = open(notes, "w")
number = 0
while True:
    text, extra, _, _ = s.recvmsg(65536, socket.CMSG_SPACE(12))
    text = text.decode()
    pids.write("%d\n" % struct.unpack("3i", extra[0][2])[0])
    pids.flush()
    number += 1
    out.write("".join("%d %s\n" % (number, line)
                      for line in text.split("\n") if line))
    out.flush()' "$DIR/notify" "$NOTES" "$SENDERS"
	wait_until "$PATIENCE" test -e "$NOTES"
	export NOTIFY_SOCKET=$DIR/notify
}

# noted N VARIABLE: has VARIABLE come N times?
noted()
{
	[ "$(cut -d' ' -f2- "$NOTES" | grep -Ec -e "^$2")" -ge "$1" ]
}

# notes PATTERN: those that match, in their order, one a line.
notes()
{
	cut -d' ' -f2- "$NOTES" | grep -Eo -e "^($1)"
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

# watch COUNT [WHERE [OPTION=VALUE...]]: so many clients of a stream of "%s", or
# of "%s %f |====|" with any number of =, which look at every line: each is
# whole, of a later boundary than the one before.  WHERE is a port, by default
# the stream's, or the path of a socket.  Options:
#
#   slow=N   every Nth client reads slower than it is sent to
#   step=US  between two boundaries, microseconds
#
# Returns when each has its first line.  Once a second they say how it goes, as
# JSON, in the file WATCH_OUT; see watch_is and watch_end.
watch()
{
	local where=${2-}
	[ -n "$where" ] || where=$(stream_port)
	WATCHES=$((WATCHES + 1))
	program watch.py <<-'EOF'
		import json, os, re, resource, select, signal, socket, struct, sys, time
		count, where = int(sys.argv[1]), sys.argv[2]
		option = dict(word.split("=") for word in sys.argv[3:])
		slow, step = int(option.get("slow", 0)), int(option.get("step", 1000000))
		LINE = re.compile(rb"(\d+)(?: (\d{6}) \|=*\|)?")
		faults, going = [], True

		def stop(*_):
		    global going
		    going = False
		signal.signal(signal.SIGTERM, stop)
		hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
		resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

		class Client:
		    def __init__(self, number):
		        self.slow = slow > 0 and number % slow == 0
		        path = where.startswith("/")
		        self.socket = socket.socket(socket.AF_UNIX if path else socket.AF_INET)
		        if self.slow:
		            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
		        self.socket.settimeout(20)
		        self.socket.connect(where if path else ("127.0.0.1", int(where)))
		        self.rest, self.last = b"", None
		        self.lines = self.missed = 0
		        self.lost = False
		        while not self.lines and not self.lost:
		            self.read(4096)
		        self.socket.setblocking(False)

		    def read(self, most):
		        try:
		            data = self.socket.recv(most)
		        except BlockingIOError:
		            return False
		        except ConnectionError:
		            data = b""
		        if data:
		            self.look_at(data)
		        else:
		            self.lost = True
		        return not self.lost

		    def look_at(self, data):
		        *whole, self.rest = (self.rest + data).split(b"\n")
		        for line in whole:
		            match = LINE.fullmatch(line)
		            if not match:
		                faults.append("torn: %r" % line)
		                continue
		            at = (int(match[1]) * 1000000 + int(match[2] or 0)) // step
		            if self.last is not None and at <= self.last:
		                faults.append("%d after %d" % (at, self.last))
		            if self.last is not None:
		                self.missed += at - self.last - 1
		            self.last = at
		            self.lines += 1

		def say():
		    there = [c for c in clients if not c.lost]
		    print(json.dumps({
		        "held": len(there), "lost": len(clients) - len(there),
		        "lost_slow": sum(c.lost for c in clients if c.slow),
		        "lines": sum(c.lines for c in clients),
		        "missed": sum(c.missed for c in clients if not c.slow),
		        "missed_slow": sum(c.missed for c in clients if c.slow),
		        "torn": sum(1 for c in there if c.rest and not c.slow),
		        "least": min((c.last * step // 1000000 for c in there), default=0),
		        "faults": faults[:10]}), flush=True)

		clients = [Client(number) for number in range(1, count + 1)]
		poll = select.epoll()
		fast = {c.socket.fileno(): c for c in clients if not c.slow}
		for fd in fast:
		    poll.register(fd, select.EPOLLIN)
		print("watching", flush=True)
		said = now = time.monotonic()
		# In the end not while a boundary passes: what was sent has arrived.
		while going or not 0.3 < time.time() % (step / 1e6) / (step / 1e6) < 0.8:
		    for fd, _ in poll.poll(max(0, 0.05 - (time.monotonic() - now))):
		        if not fast[fd].read(65536) and fast[fd].lost:
		            poll.unregister(fd)
		    if time.monotonic() - now >= 0.05:
		        now = time.monotonic()
		        for client in clients:
		            if client.slow and not client.lost:
		                client.read(60)
		    if now - said >= 1:
		        said = now
		        say()
		for client in fast.values():
		    while not client.lost and client.read(65536):
		        pass
		say()
		for client in clients:
		    if not where.startswith("/"):
		        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
		                                 struct.pack("ii", 1, 0))
		    client.socket.close()
	EOF
	WATCH_OUT=$DIR/watch.$WATCHES
	start "$WATCH_OUT" "$WATCH_OUT.err" \
		python3 "$DIR/watch.py" "$1" "$where" "${@:3}"
	WATCH_PID=$PID
	wait_until 60 lines_in "$WATCH_OUT" 1
}

# watch_is FILTER: is it true of what they said last?
watch_is()
{
	lines_in "$WATCH_OUT" 2 && [ "$(tail -n 1 "$WATCH_OUT" | jq "$1")" = true ]
}

# watch_on SECONDS: until each of them has a line so much later than now.
watch_on()
{
	wait_until "$PATIENCE" watch_is ".least >= $((EPOCHSECONDS + $1))"
}

# watch_end [PID [OUT]]: let them leave; what they say last goes to WATCHED.
# Whatever befell them, what they got has to be in order.
watch_end()
{
	local pid=${1:-$WATCH_PID} out=${2:-$WATCH_OUT}
	show "$out.err"
	kill "$pid"
	wait_until "$PATIENCE" gone "$pid"
	wait "$pid"
	WATCHED=$(tail -n 1 "$out")
	echo "watched: $WATCHED"
	jq -e '.faults == [] and .torn == 0' <<<"$WATCHED" >/dev/null
}

# watched_is FILTER: is it true of what they said in the end?
watched_is()
{
	jq -e "$1" <<<"$WATCHED" >/dev/null
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
