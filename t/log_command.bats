#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# timedctl log: the last lines, those to come, whatever becomes of the file and
# of the journal; and log clear, which loses nothing but what it is to.

bats_require_minimum_version 1.5.0

load lib

QUIET="level = \"error\"; syslog = false;"

# fill COMMAND...: what it writes is in the log file before timed starts.
fill()
{
	mkdir -m 777 "${LOG%/*}"
	"$@" >"$LOG"
	chmod 666 "$LOG"
}

# quiet_start: a timed that logs errors alone.
quiet_start()
{
	timed_start "log = { file = \"$LOG\"; $QUIET };"
}

# follow [OPTION...]: timedctl log -f in the background; what it shows goes to
# FOLLOWED, its pid to FOLLOWER.
follow()
{
	FOLLOWS=$((${FOLLOWS-0} + 1))
	FOLLOWED=$DIR/followed.$FOLLOWS
	start "$FOLLOWED" "$FOLLOWED.err" timedctl -r "$RUN" log -f "$@"
	FOLLOWER=$PID
}

# followed FILE: has the follower all that is in it, and so its last line?
followed()
{
	[ -s "$1" ] && [ "$(tail -n 1 "$1")" = "$(tail -n 1 "$FOLLOWED")" ]
}

# visits COUNT: so many connect one after another, get their line and leave; or
# as many as it takes until there is a file named "enough".
visits()
{
	[ -e "$DIR/visit.py" ] || program visit.py <<-'EOF2'
		import os, socket, struct, sys
		count = 0
		while count < int(sys.argv[2]) and not os.path.exists(sys.argv[3]):
		    count += 1
		    s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 20)
		    assert s.recv(64), "closed"
		    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
		    s.close()
	EOF2
	python3 "$DIR/visit.py" "$(stream_port)" "$1" "$DIR/enough"
}

# Is there another journal than PID?
another_journal()
{
	local pid
	pid=$(journal_pid) && [ "$pid" != "$1" ]
}

# whole FILE: is each of its lines one of the log?
whole()
{
	local time='[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z'
	! grep -Evx "$time (error|warning|notice|info|debug) (master|worker [0-9]+|journal)\[[0-9]+\]: [a-z ]+;( [a-z_]+='[^']*',?)*" "$1"
}

# tail_is FILE COUNT: is what was shown the last COUNT lines of FILE?
tail_is()
{
	diff <(tail -n "$2" "$1") "$DIR/shown"
}

@test "log: the last lines, ten unless another number is wanted" {
	local n
	fill seq -f 'line %g' 1 25
	quiet_start
	ctl log >"$DIR/shown"
	tail_is "$LOG" 10
	for n in 0 1 2 24 25 26 1000000; do
		ctl log -n "$n" >"$DIR/shown"
		tail_is "$LOG" "$n"
	done
	ctl -j log -n 2 | jq -se 'length == 3 and .[0].line == "line 24" and
		.[1].line == "line 25" and .[2] == { ok: true }'
	ctl_fails 64 'no number from 0 to 1000000' log -n -1
	ctl_fails 64 'no number from 0 to 1000000' log -n many
	ctl_fails 64 'no such option: -x' log -x
	ctl_fails 64 'too many arguments: 7' log 7
}

@test "log: lines of more than a block, and files of many" {
	# Sizes around the block of 16 KiB, and many of them.
	fill python3 -c '
for size in (1, 16383, 16384, 16385, 40000, 0, 3, 65536, 10):
    print("é" * (size // 2) + "x" * (size % 2))
for i in range(20000):
    print("line", i)
print("y" * 100000)'
	quiet_start
	for n in 1 2 19999 20001 20002 20003 20010; do
		ctl log -n "$n" >"$DIR/shown"
		tail_is "$LOG" "$n"
	done
}

@test "log: what is no text is shown escaped, and half a line not at all" {
	fill printf 'a\033[31mb\tc\n\377\360\237\230\200\n\303\n\0z\\"\nhalf a line'
	# The journal ends it when it writes.
	timed_start "log = { file = \"$LOG\"; $QUIET };"
	ctl log >"$DIR/shown"
	printf '%s\n' 'a\x1b[31mb\x09c' '\xff😀' '\xc3' '\x00z\"' |
		diff - "$DIR/shown"
	ctl -j log | jq -e 'has("line") or .ok'
	[ "$(ctl -j log -n 1 | jq -r '.line // empty')" = '\x00z\"' ]
}

@test "log: an empty one, none, and one that is no file" {
	quiet_start
	[ -z "$(ctl log)" ]
	[ "$(ctl -j log)" = '{"ok":true}' ]
	reload 'log = { file = ""; level = "info"; syslog = false; };'
	ctl_fails 1 'timed writes no log file' log
	ctl_fails 1 'timed writes no log file' log -f
	ctl_fails 1 'timed writes no log file' log clear
	reload 'log = { file = "/dev/full"; level = "info"; syslog = false; };'
	ctl_fails 1 '/dev/full: not a plain file' log
	ctl_fails 1 '/dev/full: not a plain file' log clear
	reload
	# Each request is logged, so there is a line in the end.
	shown()
	{
		ctl log >"$DIR/shown" && grep -q ': operator command;' "$DIR/shown"
	}
	wait_until "$PATIENCE" shown
}

@test "log: -f shows each line once, over rotations, crashes and an upgrade" {
	local journal
	timed_start
	follow -n 1000
	visits 300 &
	wait_until "$PATIENCE" file_has "$FOLLOWED" 'client disconnected'
	mv "$LOG" "$LOG.1"
	kill -USR1 "$TIMED_PID"
	wait_until "$PATIENCE" test -e "$LOG"
	# Those of before may all have come and gone.
	visits 10
	wait_until "$PATIENCE" lines_in "$LOG" 10
	wait_until "$PATIENCE" followed "$LOG"
	journal=$(journal_pid)
	kill -KILL "$journal"
	wait_until "$PATIENCE" another_journal "$journal"
	wait_until "$PATIENCE" followed "$LOG"
	journal=$(journal_pid)
	ctl upgrade
	wait_until "$PATIENCE" another_journal "$journal"
	wait $!
	wait_until "$PATIENCE" followed "$LOG"
	# Opened anew where nothing was renamed.
	kill -USR1 "$TIMED_PID"
	visits 3
	wait_until "$PATIENCE" followed "$LOG"
	mv "$LOG" "$LOG.2"
	timed_config "log = { file = \"$LOG.3\"; level = \"debug\"; syslog = false; };"
	ctl reload
	visits 20
	wait_until "$PATIENCE" followed "$LOG.3"
	timed_stop
	wait_until "$PATIENCE" gone "$FOLLOWER"
	# Old and new: nothing is missing, and nothing there twice.
	cat "$LOG.1" "$LOG.2" "$LOG.3" | diff - "$FOLLOWED"
	run -69 wait "$FOLLOWER"
	[ "$(cat "$FOLLOWED.err")" = 'timedctl: timed has ended' ]
}

@test "log: -f in JSON, from now on" {
	timed_start
	ctl log >/dev/null
	local out=$DIR/json
	start "$out" "$out.err" timedctl -r "$RUN" -j log -n 0 -f
	wait_until "$PATIENCE" log_has "command='log', argument='0'"
	visits 5
	wait_until "$PATIENCE" lines_in "$out" 10
	timed_stop
	wait_until "$PATIENCE" gone "$PID"
	jq -se 'all(.[:-1][]; has("line") and has("file") and has("at")) and
		.[-1] == { ok: false, exit: 69, error: "timed has ended" }' "$out"
	jq -r '.line // empty' "$out" >"$DIR/shown"
	whole "$DIR/shown"
	tail_is "$LOG" "$(wc -l <"$DIR/shown")"
}

@test "log: -f goes on from where it was told, or says that something is missing" {
	local place
	fill seq -f 'line %g, of which the first is long enough to tell files apart' 1 20
	quiet_start
	place=$(ctl -j log -n 5 | jq -c 'select(.line | startswith("line 17")?) | { file, at }')
	request()
	{
		jq -nc --argjson place "$1" '{ command: "log" } + $place' |
			timeout 20 nc -NU "$RUN/control"
	}
	request "$place" | jq -se '[.[].line // empty | .[:7]] ==
		["line 18", "line 19", "line 20"] and .[-1].ok'
	# Emptied, and as long as it was.
	ctl log clear
	seq -f 'line %g, of others; it is as long as the one that was emptied was' 1 20 >>"$LOG"
	request "$place" | jq -se '.[0].gap and (.[1].line | test("log cleared")) and
		length == 23 and .[-1].ok'
	request '{ "file": "1:2:3", "at": 0 }' | jq -se '.[0].gap and .[-1].ok'
	request '{ "file": "1:2:3" }' | jq -e '.exit == 64'
	request '{ "at": 5 }' | jq -e '.exit == 64'
}

@test "log: clear empties it, and its first line says who and how much" {
	local before
	timed_start
	visits 10
	wait_until "$PATIENCE" status_is '.totals.closed == 10'
	follow -n 0
	wait_until "$PATIENCE" log_has "command='log', argument='0'"
	before=$(wc -c <"$LOG")
	ctl -j log clear | jq -e --argjson before "$before" '.ok and .bytes >= $before'
	head -n 1 "$LOG" | grep -Eq " notice journal\[[0-9]+\]: log cleared; uid='$(id -u)', pid='[0-9]+', bytes='[0-9]+'$"
	[ "$(grep -c 'log cleared' "$LOG")" -eq 1 ]
	visits 1
	wait_until "$PATIENCE" followed "$LOG"
	file_has "$FOLLOWED" 'log cleared'
	# An emptied one can be emptied.
	ctl log clear
	ctl log clear | grep -Eq '^[0-9]+ bytes'
	ctl_fails 64 'too many arguments: now' log clear now
}

@test "log: clear loses nothing but what it is to, while workers log" {
	local i storm bytes cleared=0
	timed_start
	follow -n 0
	visits 100000 &
	storm=$!
	for i in {1..10}; do
		wait_until "$PATIENCE" lines_in "$LOG" 100
		bytes=$(ctl -j log clear | jq -e 'if .ok then .bytes else empty end')
		cleared=$((cleared + bytes))
	done
	touch "$DIR/enough"
	wait $storm
	timed_stop
	wait_until "$PATIENCE" gone "$FOLLOWER"
	# Standard error has had every line that was in the file.
	whole "$ERR"
	[ $((cleared + $(wc -c <"$LOG"))) -eq "$(wc -c <"$ERR")" ]
	[ "$(grep -c 'log cleared' "$ERR")" -eq 10 ]
	head -n 1 "$LOG" | grep -q 'log cleared'
	tail -c "$(wc -c <"$LOG")" "$ERR" | diff - "$LOG"
	# A follower has whole lines in their order, and all since the last one.
	whole "$FOLLOWED"
	tail -n "$(wc -l <"$LOG")" "$FOLLOWED" | diff - "$LOG"
	[ -z "$(sort "$FOLLOWED" | uniq -d)" ]
	run -1 grep -Fxvf "$ERR" "$FOLLOWED"
}

@test "log: -f on a full disk shows what is in the file" {
	local journal as=()
	timed_start 'workers = 1;'
	follow -n 1000
	visits 3
	wait_until "$PATIENCE" followed "$LOG"
	journal=$(journal_pid)
	[ "$(id -u)" -ne 0 ] ||
		as=(setpriv --reuid="$(stat -c %u "/proc/$journal")"
			--regid="$(stat -c %g "/proc/$journal")" --clear-groups)
	"${as[@]}" prlimit --pid "$journal" --fsize="$(($(wc -c <"$LOG") + 300)):"
	visits 50
	wait_until "$PATIENCE" status_is '.totals.closed == 53'
	"${as[@]}" prlimit --pid "$journal" --fsize=unlimited:
	visits 3
	wait_until "$PATIENCE" log_has 'log lines lost'
	wait_until "$PATIENCE" followed "$LOG"
	diff "$LOG" "$FOLLOWED"
	# There is room again after a clear, and that comes first.
	"${as[@]}" prlimit --pid "$journal" --fsize="$(($(wc -c <"$LOG") + 300)):"
	visits 20
	wait_until "$PATIENCE" status_is '.totals.closed == 76'
	ctl log clear
	head -n 1 "$LOG" | grep -q 'log cleared'
	sed -n 2p "$LOG" | grep -q "log lines lost; count='[0-9]*', reason='File too large'"
	wait_until "$PATIENCE" followed "$LOG"
}

# deaf.py SOCKET COUNT DIRECTORY: so many follow the log and do not read it,
# until SIGUSR1; then all that each was told goes to DIRECTORY/deaf.N.
deaf_program()
{
	program deaf.py <<-'EOF2'
		import select, signal, socket, sys
		signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
		path, count, directory = sys.argv[1], int(sys.argv[2]), sys.argv[3]
		deaf = []
		for _ in range(count):
		    s = socket.socket(socket.AF_UNIX)
		    s.connect(path)
		    s.sendall(b'{"command": "log", "lines": 1000000, "follow": true}\n')
		    deaf.append(s)
		print("deaf", flush=True)
		signal.sigwait({signal.SIGUSR1})
		out = {s: open("%s/deaf.%d" % (directory, n), "wb", 0)
		       for n, s in enumerate(deaf)}
		while out:
		    for s in select.select(list(out), [], [], 20)[0]:
		        data = s.recv(65536)
		        if data:
		            out[s].write(data)
		        else:
		            out.pop(s).close()
	EOF2
}

@test "log: who follows and does not read costs the journal nothing" {
	local journal before after i
	keep_nothing
	timed_start "$(stream 'format = "%s";')"
	deaf_program
	start "$DIR/deaf" "$DIR/deaf.err" python3 "$DIR/deaf.py" "$RUN/control" 6 "$DIR"
	local deaf=$PID
	wait_until "$PATIENCE" lines_in "$DIR/deaf" 1
	watch 20
	follow -n 1000000
	# Their own systems take a good deal.
	visits 1200
	wait_until "$PATIENCE" followed "$LOG"
	journal=$(journal_pid)
	before=$(rss_of "$journal")
	visits 1200
	wait_until "$PATIENCE" status_is '.totals.closed == 2400'
	wait_until "$PATIENCE" followed "$LOG"
	after=$(rss_of "$journal")
	echo "$before KiB, then $after KiB"
	[ $((after - before)) -le 300 ]
	watch_end
	watched_is '.lost == 0 and .missed == 0'
	diff "$LOG" "$FOLLOWED"
	# When they read at last, there is nothing that they have missed.
	kill -USR1 "$deaf"
	wait_until "$PATIENCE" status_is '.totals.closed == 2420'
	for i in 0 1 2 3 4 5; do
		# And where it begins.
		wait_until "$PATIENCE" lines_in "$DIR/deaf.$i" $(($(wc -l <"$LOG") + 1))
	done
	timed_stop
	wait_until "$PATIENCE" gone "$deaf"
	for i in 0 1 2 3 4 5; do
		jq -r '.line // empty' "$DIR/deaf.$i" >"$DIR/shown"
		diff -q "$LOG" "$DIR/shown"
	done
}

@test "log: as many follow as there are places, and others read all the same" {
	timed_start
	deaf_program
	start "$DIR/deaf" "$DIR/deaf.err" python3 "$DIR/deaf.py" "$RUN/control" 16 "$DIR"
	local deaf=$PID
	wait_until "$PATIENCE" lines_in "$DIR/deaf" 1
	asked()
	{
		[ "$(grep -c "command='log'" "$LOG")" -eq 16 ]
	}
	wait_until "$PATIENCE" asked
	ctl_fails 75 'too many follow the log' log -f
	ctl log -n 1 | grep -q .
	kill "$deaf"
	wait_until "$PATIENCE" gone "$deaf"
	follow -n 1
	wait_until "$PATIENCE" lines_in "$FOLLOWED" 1
}

@test "log: a journal that takes no requests is no reason to wait" {
	timed_start
	program many.py <<-'EOF2'
		import json, os, signal, socket, sys
		path, journal = sys.argv[1], int(sys.argv[2])

		def answer(s):
		    data = b""
		    while more := s.recv(65536):
		        data += more
		    last = json.loads(data.splitlines()[-1])
		    assert data.count(b'"ok"') == 1, data
		    return last

		os.kill(journal, signal.SIGSTOP)
		waiting, refused = [], None
		# Its socket takes so many.
		while not refused and len(waiting) < 1000:
		    s = socket.socket(socket.AF_UNIX)
		    s.connect(path)
		    s.settimeout(0.5)
		    s.sendall(b'{"command": "log", "lines": 1}\n')
		    waiting.append(s)
		    if len(waiting) % 20 == 0:
		        try:
		            refused = answer(s)
		        except TimeoutError:
		            pass
		assert refused["exit"] == 75, refused
		assert "the journal does not take requests now" in refused["error"], refused
		os.kill(journal, signal.SIGCONT)
		kinds = set()
		for s in waiting[:-1]:
		    s.settimeout(20)
		    kinds.add(answer(s)["ok"])
		assert True in kinds
	EOF2
	python3 "$DIR/many.py" "$RUN/control" "$(journal_pid)"
	ctl log -n 1 | grep -q .
}

@test "log: whoever follows leaves when told to, or when nobody reads on" {
	timed_start
	start "$DIR/one" "$DIR/one.err" env --default-signal=INT \
		timedctl -r "$RUN" log -n 1 -f
	wait_until "$PATIENCE" lines_in "$DIR/one" 1
	kill -INT "$PID"
	wait_until "$PATIENCE" gone "$PID"
	[ ! -s "$DIR/one.err" ]
	start "$DIR/head" "$DIR/head.err" bash -c \
		"timedctl -r '$RUN' log -n 0 -f | head -n 1; echo over"
	wait_until "$PATIENCE" log_has "command='log', argument='0'"
	one_visit_and_over()
	{
		visits 1
		lines_in "$DIR/head" 2
	}
	wait_until "$PATIENCE" one_visit_and_over
	[ ! -s "$DIR/head.err" ]
}

@test "log: it is for operators" {
	[ "$(id -u)" -eq 0 ] || return 0
	timed_start 'status_for_all = true;'
	chmod 755 "$DIR" "$RUN"
	local command
	for command in log 'log -f' 'log clear' clients 'kick 1.0.1'; do
		# shellcheck disable=SC2086 # words
		run --separate-stderr -77 setpriv --reuid=65533 --regid=65533 \
			--clear-groups timedctl -r "$RUN" $command
		# shellcheck disable=SC2154 # run sets it
		grep -q 'uid 65533 is no operator' <<<"$stderr"
	done
}
