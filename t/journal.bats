#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# The log: what its lines are, and that nobody waits for it, whatever becomes
# of the journal, the disk or syslog; what is missing is said and counted.

load lib

PLAIN='services = ( { type = "stream"; listen = [ "127.0.0.1:0" ];
	format = "%s"; } );'

# Is there another journal than PID?
another_journal()
{
	local pid
	pid=$(journal_pid) && [ "$pid" != "$1" ]
}

# visitors COUNT: so many connect one after another, get their line and leave;
# none may wait for it for a second.
visitors()
{
	cat >"$DIR/visit.py" <<-'EOF'
		import socket, struct, sys, time
		worst = 0
		for _ in range(int(sys.argv[2])):
		    began = time.monotonic()
		    s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 20)
		    assert s.recv(64), "closed"
		    worst = max(worst, time.monotonic() - began)
		    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
		    s.close()
		print("the slowest first line took %.3f s" % worst)
		assert worst < 1
	EOF
	python3 "$DIR/visit.py" "$(stream_port)" "$1"
}

# limit_file PID BYTES: so large may its files become.  What another user's
# process may have is for that user to say, whoever root is here.
limit_file()
{
	local as=()
	[ "$(id -u)" -ne 0 ] ||
		as=(setpriv --reuid="$(stat -c %u "/proc/$1")"
			--regid="$(stat -c %g "/proc/$1")" --clear-groups)
	"${as[@]}" prlimit --pid "$1" --fsize="$2:"
}

# said DESCRIPTION [FILE]: the sum of the counts of such lines.
said()
{
	sed -n "s/.*: $1;.* count='\([0-9]*\)'.*/\1/p" "${2:-$LOG}" |
		awk '{ sum += $1 } END { print sum + 0 }'
}

# logged DESCRIPTION: how many such lines there are.
logged()
{
	grep -c ": $1;" "$LOG" || :
}

# Do arrivals and departures, with those that are said to be missing, come to
# what there was?
accounted()
{
	local there missing
	there=$(grep -Ec ": client (dis)?connected;.* active='[0-9]+'$" "$LOG")
	missing=$(($(said 'log records lost') + $(said 'log records left out') +
		$(said 'log lines lost')))
	status_is ".totals | .accepted + .closed == $there + $missing"
}

@test "journal: a line has a time, a level, a writer, a description and tags" {
	timed_start 'workers = 1;'
	client_start
	wait_until "$PATIENCE" log_has 'client connected'
	client_stop
	wait_until "$PATIENCE" log_has 'client disconnected'
	timed_stop
	local time='[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z'
	run grep -Evx "$time (error|warning|notice|info|debug) (master|worker [0-9]+|journal)\[[0-9]+\]: [a-z ]+;( [a-z_]+='[^']*',?)*" "$LOG"
	echo "$output"
	[ "$status" -eq 1 ]
	log_has "^$time notice master\[[0-9]+\]: started; version='[^']+', generation='1', workers='1', services='1'$"
	log_has "^$time info worker 0\[[0-9]+\]: client connected; service='stream', peer='127\.0\.0\.1:[0-9]+', active='1'$"
	log_has "^$time info worker 0\[[0-9]+\]: client disconnected; service='stream', peer='127\.0\.0\.1:[0-9]+', reason='(closed|reset) by client', duration='[0-9.]+', ticks='[0-9]+', skipped='0', active='0'$"
}

@test "journal: in the foreground the same lines go to standard error" {
	timed_start
	client_start
	wait_until "$PATIENCE" log_has 'client connected'
	timed_stop
	lines_in "$LOG" 8
	diff "$LOG" "$ERR"
}

@test "journal: only what is as important as the level is logged" {
	timed_start "log = { file = \"$LOG\"; level = \"notice\"; syslog = false; };"
	client_start
	wait_until "$PATIENCE" lines_in "$CLIENT_OUT" 2
	client_stop
	timed_stop
	log_has ': stopped;'
	run grep -Ev ' (error|warning|notice) ' "$LOG"
	[ "$status" -eq 1 ]
}

@test "journal: bytes that a terminal would obey are escaped" {
	timed_start
	# Escapes of libconfig: ESC, a newline, a quote, a byte that is no UTF-8.
	timed_config 'services = ( { type = "a\x1b[31mb\nc\x27d\xffe\\f\xc3\xa9";
		listen = [ "127.0.0.1:0" ]; } );'
	kill -HUP "$TIMED_PID"
	wait_until "$PATIENCE" log_has 'reload failed'
	log_has 'configuration error;'
	grep -F 'there is no service "a\x1b[31mb\x0ac\x27d\xffe\x5cfé"' "$LOG"
	run env LC_ALL=C grep -n $'[\x01-\x08\x0b-\x1f\x7f]' "$LOG"
	[ "$status" -eq 1 ]
}

@test "journal: nobody waits for one that is stopped, and it is known what is missing" {
	local journal began out
	timed_start 'workers = 2;' "$PLAIN"
	journal=$(journal_pid)
	client_start
	out=$CLIENT_OUT
	wait_until "$PATIENCE" lines_in "$out" 1
	kill -STOP "$journal"
	began=$EPOCHSECONDS
	visitors 5000
	wait_until "$PATIENCE" clock_reaches $((began + 4))
	kill -CONT "$journal"
	wait_until "$PATIENCE" status_is '.totals.accepted == 5001 and
		.totals.closed == 5000'
	wait_until "$PATIENCE" accounted
	[ "$(said 'log records lost')" -gt 0 ]
	status_is ".totals.log_lost == $(said 'log records lost') and
		.totals.log_limited == 0"
	wait_until "$PATIENCE" lines_in "$out" 5
	consecutive "$out"
	[ "$(journal_pid)" = "$journal" ]
}

@test "journal: one that is killed is replaced, and what was in the pipe is written" {
	local journal
	timed_start 'workers = 2;' "$PLAIN"
	journal=$(journal_pid)
	client_start
	wait_until "$PATIENCE" log_has 'client connected'
	# It has nothing in hand when it dies.
	kill -STOP "$journal"
	visitors 500
	kill -KILL "$journal"
	wait_until "$PATIENCE" another_journal "$journal"
	wait_until "$PATIENCE" log_has \
		"error master.* journal crashed; pid='$journal', reason='signal 9 \(Killed\)'"
	wait_until "$PATIENCE" status_is '.totals.accepted == 501 and
		.totals.closed == 500'
	wait_until "$PATIENCE" accounted
	[ "$(logged 'client connected')" -eq 501 ]
	[ "$(logged 'client disconnected')" -eq 500 ]
	# Nothing twice.
	[ "$(grep 'client connected' "$LOG" | sed "s/.*peer='\([^']*\)'.*/\1/" | sort -u | wc -l)" -eq 501 ]
}

@test "journal: one that is killed at work loses no more than it had in hand" {
	local i journal missing
	timed_start 'workers = 2;' "$PLAIN"
	for i in 1 2 3; do
		journal=$(journal_pid)
		visitors 600 &
		wait_until "$PATIENCE" status_is ".totals.accepted > $((i * 600 - 500))"
		kill -KILL "$journal"
		wait_until "$PATIENCE" another_journal "$journal"
		wait $!
	done
	wait_until "$PATIENCE" status_is '.totals.accepted == 1800 and
		.totals.closed == 1800'
	# A chunk is 64 KiB and what is left of a record; a record has more than
	# 100 bytes.
	visitors 1
	wait_until "$PATIENCE" status_is '.totals.closed == 1801'
	timed_stop
	missing=$((3602 - $(logged 'client connected') - $(logged 'client disconnected')))
	echo "$missing records are missing"
	[ "$missing" -ge 0 ]
	[ "$missing" -le $((3 * 68 * 1024 / 100)) ]
	[ "$(logged 'journal crashed')" -eq 3 ]
	tail -n 1 "$LOG" | grep -q ": stopped;"
}

@test "journal: after a log file that was full a line says what is missing" {
	local journal
	timed_start 'workers = 1;' "$PLAIN"
	journal=$(journal_pid)
	client_start
	wait_until "$PATIENCE" log_has 'client connected'
	# As a full disk, but for it alone; the next line is torn in its time.
	limit_file "$journal" $(($(wc -c <"$LOG") + 10))
	visitors 200
	wait_until "$PATIENCE" status_is '.totals.closed == 200'
	[ "$(tail -n +2 "$LOG" | grep -c 'client connected')" -eq 1 ]
	[ "$(journal_pid)" = "$journal" ]
	wait_until "$PATIENCE" lines_in "$CLIENT_OUT" 3
	limit_file "$journal" unlimited
	visitors 1
	wait_until "$PATIENCE" log_has \
		"warning journal.* log lines lost; count='[0-9]+', reason='File too large'"
	wait_until "$PATIENCE" status_is '.totals.closed == 201'
	wait_until "$PATIENCE" accounted
	consecutive "$CLIENT_OUT"
	# No line is torn but the one that did not fit.
	run grep -Evc '^2[0-9-]+T[0-9:.]+Z [a-z]+ [a-z0-9 ]+\[[0-9]+\]: ' "$LOG"
	[ "$output" -le 1 ]
}

@test "journal: a disk without space is no reason to stop serving" {
	timed_start 'workers = 1;' "$PLAIN" \
		'log = { file = "/dev/full"; level = "info"; syslog = false; };'
	visitors 50
	client_start
	wait_until "$PATIENCE" lines_in "$CLIENT_OUT" 2
	mkdir -m 777 "${LOG%/*}"
	timed_config 'workers = 1;' "$PLAIN"
	kill -HUP "$TIMED_PID"
	# The new file says what the old one missed.
	wait_until "$PATIENCE" log_has \
		"log lines lost; count='[0-9]+', reason='No space left on device'"
	[ "$(said 'log lines lost')" -gt 100 ]
}

@test "journal: SIGUSR1 opens the log file anew" {
	timed_start 'workers = 1;' "$PLAIN"
	client_start
	wait_until "$PATIENCE" log_has 'client connected'
	mv "$LOG" "$LOG.1"
	client_start
	wait_until "$PATIENCE" file_has "$LOG.1" "active='2'"
	[ ! -e "$LOG" ]
	kill -USR1 "$TIMED_PID"
	wait_until "$PATIENCE" test -e "$LOG"
	client_start
	wait_until "$PATIENCE" log_has "active='3'"
	run file_has "$LOG.1" "active='3'"
	[ "$status" -ne 0 ]
	# One that was removed, too.
	rm "$LOG"
	kill -USR1 "$TIMED_PID"
	wait_until "$PATIENCE" test -e "$LOG"
	client_start
	wait_until "$PATIENCE" log_has "active='4'"
	[ "$(grep -c 'client connected' "$ERR")" -eq 4 ]
}

@test "journal: the rate bound leaves out the rest and says how many" {
	timed_start 'workers = 1;' "$PLAIN" "log = { file = \"$LOG\";
		level = \"info\"; syslog = false; rate = 10; };"
	visitors 300
	wait_until "$PATIENCE" status_is '.totals.closed == 300'
	wait_until "$PATIENCE" log_has \
		"warning worker 0.* log records left out; event='client connected', count='[0-9]+'"
	wait_until "$PATIENCE" log_has \
		"log records left out; event='client disconnected', count='[0-9]+'"
	wait_until "$PATIENCE" accounted
	[ "$(logged 'client connected')" -ge 10 ]
	[ "$(logged 'client connected')" -lt 200 ]
	status_is ".totals.log_limited == $(said 'log records left out') and
		.totals.log_lost == 0"
}

@test "journal: syslog gets the lines" {
	local enter=(unshare -m)
	timed_config 'workers = 1;' "$PLAIN" \
		"log = { file = \"$LOG\"; level = \"info\"; syslog = true; };"
	# A /dev of its own, with a log in it.
	mkdir "$DIR/dev"
	touch "$DIR/dev/null" "$DIR/dev/urandom"
	cat >"$DIR/syslogd.py" <<-'EOF'
		import os, socket, sys
		s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		s.bind(sys.argv[1])
		os.chmod(sys.argv[1], 0o777)
		while True:
		    print(s.recv(65536).decode("utf-8", "backslashreplace"), flush=True)
	EOF
	start "$DIR/syslog" "$DIR/syslog.err" python3 "$DIR/syslogd.py" "$DIR/dev/log"
	wait_until "$PATIENCE" test -S "$DIR/dev/log"
	# Whoever is not root becomes it there, and himself again for timed.
	[ "$(id -u)" -eq 0 ] || enter=(unshare -rm)
	cat >"$DIR/enter.sh" <<-'EOF'
		for name in null urandom; do
		    mount --bind "/dev/$name" "$1/$name" || exit
		done
		mount --rbind "$1" /dev || exit
		shift
		exec "$@"
	EOF
	local timed=(timed -f -c "$CONF")
	[ "$(id -u)" -eq 0 ] ||
		timed=(unshare -U --map-user="$(id -u)" --map-group="$(id -g)" "${timed[@]}")
	start "$DIR/stdout" "$ERR" "${enter[@]}" sh "$DIR/enter.sh" "$DIR/dev" "${timed[@]}"
	TIMED_PID=$PID
	wait_until "$PATIENCE" timed_ready
	client_start
	wait_until "$PATIENCE" file_has "$DIR/syslog" 'client connected'
	client_stop
	timed_stop
	wait_until "$PATIENCE" file_has "$DIR/syslog" 'stopped;'
	cat "$DIR/syslog"
	# Facility daemon (3), severity notice (5) or info (6); and who says it.
	file_has "$DIR/syslog" "^<29>.* timed\[[0-9]+\]: started; version='.*', from='master\[[0-9]+\]'"
	file_has "$DIR/syslog" "^<30>.* timed\[[0-9]+\]: client connected; service='stream', peer='127\.0\.0\.1:[0-9]+', active='1', from='worker 0\[[0-9]+\]'"
	# As many as in the file.
	[ "$(grep -c timed "$DIR/syslog")" -eq "$(wc -l <"$LOG")" ]
}
