#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# What signals do to the master and to a worker, at every time of life.

# shellcheck disable=SC2030,SC2031 # each test is a process of its own

load lib

bats_require_minimum_version 1.5.0

# A start of timed with signals that wait for it: python3 blocks them, sends
# them to itself and becomes timed, for which they are pending from its first
# moment on.
#
# launch_with SIGNAL...
launch_with()
{
	# shellcheck disable=SC2086 # one word a signal
	start "$DIR/stdout" "$ERR" python3 -c '
import os, signal, sys
signals = [getattr(signal, "SIG" + name) for name in sys.argv[1].split()]
signal.pthread_sigmask(signal.SIG_BLOCK, signals)
for each in signals:
    os.kill(os.getpid(), each)
os.execvp("timed", ["timed", "-f", "-c", sys.argv[2]])' "$*" "$CONF"
	TIMED_PID=$PID
}

# Does the log, old files and all, have N clients?
connected()
{
	[ "$(cat "$LOG"* | grep -c 'client connected')" -ge "$1" ]
}

# visit N: N clients come, one after the other, and go when they have a line.
visit()
{
	local i port
	port=$(stream_port)
	for ((i = 0; i < $1; i++)); do
		timec -q -n 1 "127.0.0.1:$port" >/dev/null
	done
}

# timed with a client that reads nothing, and that it knows of.
start_with_stuck_client()
{
	timed_start 'stop_seconds = 2;' \
		"services = ( { type = \"stream\"; listen = [ \"127.0.0.1:0\" ]; interval = 0.05; format = \"$(printf '%0100d' 0)\"; } );"
	start "$DIR/stuck" "$DIR/stuck.err" python3 -c '
import signal, socket, sys
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
s.connect(("127.0.0.1", int(sys.argv[1])))
open(sys.argv[2], "w").close()
signal.pause()' "$(stream_port)" "$DIR/connected"
	wait_until "$PATIENCE" test -e "$DIR/connected"
	wait_until "$PATIENCE" status_is '.totals.skipped > 0'
}

crashes()
{
	status .totals.crashes
}

# ---- USR1 -------------------------------------------------------------------

@test "signals: USR1 opens the log file again" {
	timed_start
	visit 1
	wait_until "$PATIENCE" log_has 'client disconnected'
	mv "$LOG" "$LOG.1"
	kill -USR1 "$TIMED_PID"
	wait_until "$PATIENCE" test -e "$LOG"
	visit 1
	wait_until "$PATIENCE" log_has 'client connected'
	[ "$(grep -c 'client connected' "$LOG.1")" -eq 1 ]
	timed_stop
	log_has ' stopped;'
	run ! grep ' stopped;' "$LOG.1"
}

@test "signals: until USR1 the renamed file is written to" {
	timed_start
	mv "$LOG" "$LOG.1"
	visit 2
	wait_until "$PATIENCE" connected 2
	[ ! -e "$LOG" ]
	kill -USR1 "$TIMED_PID"
	wait_until "$PATIENCE" test -e "$LOG"
}

@test "signals: rotating the log again and again loses no line" {
	local n visitor
	timed_start
	visit 40 &
	visitor=$!
	for n in {1..5}; do
		wait_until "$PATIENCE" test -s "$LOG"
		mv "$LOG" "$LOG.$n"
		kill -USR1 "$TIMED_PID"
		wait_until "$PATIENCE" test -e "$LOG"
	done
	wait "$visitor"
	timed_stop
	[ "$(cat "$LOG"* | grep -c 'client connected')" -eq 40 ]
	[ "$(cat "$LOG"* | grep -c 'client disconnected')" -eq 40 ]
	# Whole lines, all of them.
	run ! grep -Evh '^[0-9]{4}-[0-9-]+T[0-9:.]+Z [a-z]+ [a-z]+.*: .' "$LOG"*
}

@test "signals: USR1 with a file that cannot be opened keeps the old one" {
	timed_start
	mv "$LOG" "$LOG.1"
	mkdir "$LOG"
	kill -USR1 "$TIMED_PID"
	wait_until "$PATIENCE" file_has "$LOG.1" 'log file not opened.*Is a directory'
	rmdir "$LOG"
	visit 1
	wait_until "$PATIENCE" file_has "$LOG.1" 'client connected'
	kill -USR1 "$TIMED_PID"
	wait_until "$PATIENCE" test -f "$LOG"
}

# ---- TERM, INT --------------------------------------------------------------

@test "signals: TERM stops, and leaves nothing" {
	local children
	timed_start
	children=$(pgrep -P "$TIMED_PID")
	client_start
	wait_until "$PATIENCE" lines_in "$CLIENT_OUT" 1
	timed_stop TERM
	for pid in $children; do
		gone "$pid"
	done
	[ ! -e "$RUN" ]
	log_has ' stopping;'
	[[ $(tail -n 1 "$LOG") == *' stopped;'* ]]
	# In order: a client got whole lines, and an end.
	wait_until "$PATIENCE" gone "$CLIENT_PID"
	[ "$(tail -c 1 "$CLIENT_OUT" | od -An -c | tr -d ' ')" = '\n' ]
}

@test "signals: INT stops as TERM does" {
	timed_start
	timed_stop INT
	[ ! -e "$RUN" ]
	[[ $(tail -n 1 "$LOG") == *' stopped;'* ]]
}

@test "signals: INT to all of them, as Ctrl-C does, is an orderly stop" {
	local sid
	timed_start
	client_start
	wait_until "$PATIENCE" lines_in "$CLIENT_OUT" 1
	sid=$TIMED_PID
	# start() made a session of it: its process group is all of timed.
	kill -INT -- "-$sid"
	timed_wait
	run ! grep -q 'worker crashed' "$LOG"
	[[ $(tail -n 1 "$LOG") == *' stopped;'* ]]
}

@test "signals: TERM to all of them is an orderly stop, too" {
	timed_start
	client_start
	wait_until "$PATIENCE" lines_in "$CLIENT_OUT" 1
	kill -TERM -- "-$TIMED_PID"
	timed_wait
	run ! grep -Eq 'worker (crashed|killed)|journal crashed' "$LOG"
	[[ $(tail -n 1 "$LOG") == *' stopped;'* ]]
}

@test "signals: TERM twice is as once" {
	# So that the stop takes its time.
	start_with_stuck_client
	kill -TERM "$TIMED_PID"
	wait_until "$PATIENCE" log_has ' stopping;'
	kill -TERM "$TIMED_PID"
	kill -INT "$TIMED_PID"
	timed_wait
	[ "$(grep -c ' stopping;' "$LOG")" -eq 1 ]
	[ "$(grep -c ' stopped;' "$LOG")" -eq 1 ]
	run ! grep -q 'worker killed' "$LOG"
}

@test "signals: HUP and USR1 while it stops change nothing" {
	timed_start
	kill -STOP "$TIMED_PID"
	kill -TERM "$TIMED_PID"
	kill -HUP "$TIMED_PID"
	kill -USR1 "$TIMED_PID"
	kill -CONT "$TIMED_PID"
	timed_wait
	[[ $(tail -n 1 "$LOG") == *' stopped;'* ]]
	[ ! -e "$RUN" ]
}

@test "signals: a client that reads nothing does not hold up the stop" {
	local before
	start_with_stuck_client
	now
	before=$NOW
	timed_stop
	now
	[ $((NOW - before)) -lt 300 ]
	run ! grep -q 'worker killed' "$LOG"
}

# ---- During the start -------------------------------------------------------

@test "signals: TERM before it serves ends the start in order" {
	timed_config
	launch_with TERM
	timed_wait
	[ ! -e "$RUN" ]
	run ! log_has ' started;'
	log_has ' stopped;'
}

@test "signals: INT before it serves ends the start in order" {
	timed_config
	launch_with INT
	timed_wait
	[ ! -e "$RUN" ]
}

@test "signals: HUP before it serves is a reload when it does" {
	timed_config
	launch_with HUP
	wait_until "$PATIENCE" status_is '.reloads == 1 and .generation == 2 and
		.state == "running" and all(.workers[]; .generation == 2)'
	visit 1
	timed_stop
}

@test "signals: USR1 before it serves does no harm" {
	timed_config
	launch_with USR1
	wait_until "$PATIENCE" timed_ready
	visit 1
	wait_until "$PATIENCE" log_has 'client connected'
}

@test "signals: all of them before it serves: it stops" {
	timed_config
	launch_with HUP USR1 USR2 TERM
	timed_wait
	[ ! -e "$RUN" ]
}

@test "signals: a launcher whose daemon was stopped does not say it serves" {
	local try status=0
	timed_config 'workers = 64;'
	cat >"$DIR/hasty.py" <<-'END'
		import ctypes, os, signal, subprocess, sys

		# The mask goes to the daemon, which is stopped as soon as there
		# is a pidfile that names it.
		ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
		signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
		launcher = subprocess.Popen(sys.argv[2:])
		signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
		signal.alarm(20)
		while True:
		    try:
		        pid = int(open(sys.argv[1]).read())
		        break
		    except (FileNotFoundError, ValueError):
		        pass
		os.kill(pid, signal.SIGTERM)
		status = launcher.wait()
		try:
		    while True:
		        os.waitpid(-1, 0)
		except ChildProcessError:
		    os._exit(status & 255)
	END
	for try in {1..3}; do
		rm -rf "${LOG%/*}"
		status=0
		timeout 30 python3 "$DIR/hasty.py" "$RUN/timed.pid" \
			timed -c "$CONF" </dev/null >"$DIR/stdout" 2>"$ERR" \
			3>&- {NEVER}>&- || status=$?
		echo "try $try: status $status" >&2
		# 0 is for one that did serve.
		[ "$status" -ne 0 ] || log_has ' started;'
		[ "$status" -eq 0 ] || [ "$(wc -l <"$ERR")" -eq 1 ]
		[ ! -e "$RUN" ]
	done
}

# ---- To a worker ------------------------------------------------------------

@test "signals: TERM to a worker: it leaves in order and is replaced" {
	local old
	timed_start 'workers = 1;'
	old=$(worker_pids)
	client_start
	wait_until "$PATIENCE" lines_in "$CLIENT_OUT" 1
	kill -TERM "$old"
	wait_until "$PATIENCE" status_is "(.workers | length) == 1 and
		.workers[0].pid != $old and .workers[0].state == \"serving\""
	gone "$old"
	log_has "worker exited.*pid='$old'.*exit status 0"
	[ "$(crashes)" -eq 0 ]
	# Its client had whole lines and an end.
	wait_until "$PATIENCE" gone "$CLIENT_PID"
	[ "$(tail -c 1 "$CLIENT_OUT" | od -An -c | tr -d ' ')" = '\n' ]
	visit 1
}

@test "signals: KILL to a worker: it is replaced, and counted" {
	local old
	timed_start
	old=$(worker_pids | head -n 1)
	kill -KILL "$old"
	wait_until "$PATIENCE" status_is "(.workers | length) == 2 and
		all(.workers[]; .pid != $old and .state == \"serving\")"
	[ "$(crashes)" -eq 1 ]
	log_has "worker crashed.*pid='$old'.*signal 9"
}

@test "signals: what is the master's business does nothing to a worker" {
	local pid before signal
	timed_start
	before=$(worker_pids)
	client_start
	for pid in $before; do
		for signal in HUP INT USR1 USR2 PIPE CHLD; do
			kill -s "$signal" "$pid"
		done
	done
	wait_until "$PATIENCE" lines_in "$CLIENT_OUT" 3
	[ "$(worker_pids)" = "$before" ]
	[ "$(status .generation)" -eq 1 ]
}

@test "signals: what is the master's business does nothing to the journal" {
	local journal signal
	timed_start
	journal=$(pgrep -P "$TIMED_PID" -f '^timed: journal')
	for signal in HUP INT TERM USR1 USR2 PIPE; do
		kill -s "$signal" "$journal"
	done
	visit 1
	wait_until "$PATIENCE" log_has 'client disconnected'
	[ "$(pgrep -P "$TIMED_PID" -f '^timed: journal')" = "$journal" ]
}

@test "signals: KILL to the journal: it is replaced, and no record is lost" {
	local journal
	timed_start
	journal=$(pgrep -P "$TIMED_PID" -f '^timed: journal')
	visit 3
	kill -KILL "$journal"
	visit 3
	wait_until "$PATIENCE" log_has 'journal crashed.*signal 9'
	wait_until "$PATIENCE" connected 6
	[ "$(pgrep -P "$TIMED_PID" -f '^timed: journal')" != "$journal" ]
	timed_stop
	[ "$(grep -c 'client connected' "$LOG")" -eq 6 ]
}

@test "signals: PIPE, CHLD and USR2 do nothing bad to the master" {
	local signal
	timed_start
	for signal in PIPE CHLD USR2; do
		kill -s "$signal" "$TIMED_PID"
	done
	visit 1
	timed_stop
}

# ---- What the launching shell left ------------------------------------------

@test "signals: with HUP ignored by the shell, as by nohup, it reloads" {
	timed_config
	start "$DIR/stdout" "$ERR" env --ignore-signal=HUP timed -f -c "$CONF"
	TIMED_PID=$PID
	wait_until "$PATIENCE" timed_ready
	kill -HUP "$TIMED_PID"
	wait_until "$PATIENCE" status_is '.reloads == 1'
}

@test "signals: with all of them ignored or blocked it obeys them" {
	local how
	for how in ignore block; do
		timed_config
		start "$DIR/stdout" "$ERR" env "--$how-signal=HUP" \
			"--$how-signal=TERM" "--$how-signal=USR1" \
			"--$how-signal=CHLD" timed -f -c "$CONF"
		TIMED_PID=$PID
		wait_until "$PATIENCE" timed_ready
		kill -KILL "$(worker_pids | head -n 1)"
		wait_until "$PATIENCE" status_is '.totals.crashes == 1 and
			(.workers | length) == 2'
		kill -HUP "$TIMED_PID"
		wait_until "$PATIENCE" status_is '.reloads == 1'
		mv "$LOG" "$LOG.$how"
		kill -USR1 "$TIMED_PID"
		wait_until "$PATIENCE" test -e "$LOG"
		timed_stop
	done
}

@test "signals: with standard input closed it runs" {
	timed_config
	# shellcheck disable=SC2016 # for that shell
	start "$DIR/stdout" "$ERR" bash -c 'exec timed -f -c "$1" <&-' bash "$CONF"
	TIMED_PID=$PID
	wait_until "$PATIENCE" timed_ready
	visit 1
	kill -HUP "$TIMED_PID"
	wait_until "$PATIENCE" status_is '.reloads == 1'
	timed_stop
}

@test "signals: with all standard descriptors closed it runs" {
	local pid fd
	timed_config
	# shellcheck disable=SC2016 # for that shell
	start "$DIR/stdout" "$ERR" \
		bash -c 'exec timed -f -c "$1" <&- >&- 2>&-' bash "$CONF"
	TIMED_PID=$PID
	wait_until "$PATIENCE" timed_ready
	visit 1
	wait_until "$PATIENCE" log_has 'client disconnected'
	# Nothing of timed's own took their places, where a stray message
	# would go.
	for pid in "$TIMED_PID" $(pgrep -P "$TIMED_PID"); do
		for fd in 0 1 2; do
			[ ! -e "/proc/$pid/fd/$fd" ] ||
				[ "$(readlink "/proc/$pid/fd/$fd")" = /dev/null ]
		done
	done
	timed_stop
}

@test "signals: a standard error that nobody reads any more does no harm" {
	timed_config
	# shellcheck disable=SC2016 # for that shell
	start "$DIR/stdout" "$ERR" bash -c 'exec timed -f -c "$1" 2> >(:)' \
		bash "$CONF"
	TIMED_PID=$PID
	wait_until "$PATIENCE" timed_ready
	visit 2
	wait_until "$PATIENCE" log_has 'client disconnected'
	timed_stop
}
