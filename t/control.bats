#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# The control socket: who may give commands, what each of them does and says,
# and that nobody who comes there can hold up the daemon.

bats_require_minimum_version 1.5.0

load lib

# What the build made of man/.
MAN=$BUILD/man

SOCKET=control

# A stream that watch can read.
STREAM='services = ( { type = "stream"; listen = [ "127.0.0.1:0" ];
	format = "%s"; } );'

# ask TEXT: send it as it is; what comes back.
ask()
{
	printf '%s' "$1" | timeout 20 nc -NU "$RUN/$SOCKET"
}

# refuses PATTERN TEXT: it is answered by one refusal.
refuses()
{
	local answer
	answer=$(ask "$2")
	echo "$answer"
	[ "$(wc -l <<<"$answer")" -eq 1 ]
	jq -e '.ok == false and .exit > 0' <<<"$answer"
	jq -r .error <<<"$answer" | grep -Eq "$1"
}

# Someone who is no operator.
stranger()
{
	local as=()
	[ "$(id -u)" -ne 0 ] ||
		as=(setpriv --reuid=65533 --regid=65533 --clear-groups)
	"${as[@]}" "$@"
}

# It, and all that it has started.
kill_timed()
{
	kill -KILL "$TIMED_PID"
	wait_until "$PATIENCE" session_gone "$TIMED_PID"
	wait "$TIMED_PID" 2>/dev/null || :
	TIMED_PID=
}

# Only root can be somebody else.
as_root()
{
	[ "$(id -u)" -eq 0 ]
}

# The CPU time of a process, in ticks of 10 ms.
cpu_of()
{
	awk '{ print $14 + $15 }' <"/proc/$1/stat"
}

@test "control: status, services and workers are objects for programs" {
	timed_start
	ctl -j services | jq -e 'length == 1 and .[0].name == "stream"'
	ctl -j workers | jq -e --argjson n "$(status '.workers | length')" \
		'length == $n and all(.[]; .state == "serving")'
	ctl services | grep -q '^stream '
	ctl workers | grep -q '^ *0 .* serving '
	ask '{"command": "status"}' |
		jq -e --argjson pid "$TIMED_PID" '.ok and .status.pid == $pid'
	ask '{"command": "services"}' | jq -e '.services | length == 1'
	ask '{"command": "workers"}' | jq -e '.workers | length > 0'
}

@test "control: reload returns when the new configuration serves" {
	local generation
	timed_start 'workers = 1;' "$STREAM"
	watch 20
	timed_config 'workers = 3;' "$STREAM"
	generation=$(ctl -j reload | jq -e 'if .ok then .generation else empty end')
	[ "$generation" -eq 2 ]
	status_is '.generation == 2 and
		([.workers[] | select(.generation == 2)] | length) == 3'
	ctl reload | grep -q 'generation 3, 3 workers'
	log_has "operator command; command='reload', uid='$(id -u)'"
	watch_end
	watched_is '.lost == 0 and .missed == 0'
}

@test "control: reload shows what is wrong, all of it, and fails" {
	timed_start
	cat >>"$CONF" <<-'EOF2'
		frob = 1;
		stop_seconds = -1;
	EOF2
	run --separate-stderr -1 timedctl -r "$RUN" reload
	[ -z "$output" ]
	# shellcheck disable=SC2154 # run sets it
	grep -q "$CONF:[0-9]*: .*frob" <<<"$stderr"
	grep -q "$CONF:[0-9]*: stop_seconds" <<<"$stderr"
	grep -q '^timedctl: the configuration has errors' <<<"$stderr"
	run --separate-stderr -1 timedctl -r "$RUN" -j reload
	jq -e '.ok == false and .exit == 1 and (.errors | length == 2)' \
		<<<"$output"
	status_is '.generation == 1 and .reloads_refused == 2'
}

@test "control: a reload that fails later says why, too" {
	local port
	timed_start
	port=$(fresh_port)
	start "$DIR/taken" "$DIR/taken.err" nc -lk 127.0.0.1 "$port"
	wait_until "$PATIENCE" eval '! port_refused '"$port"
	timed_config "services = ( { type = \"stream\";
		listen = [ \"127.0.0.1:$port\" ]; } );"
	ctl_fails 1 "127.0.0.1:$port.*in use" reload
}

@test "control: several operators who reload at once are all told" {
	local i
	timed_start
	for i in 1 2 3 4 5 6; do
		start "$DIR/reload.$i" "$DIR/reload.$i.err" \
			timedctl -r "$RUN" -j reload
		eval "PID_$i=$PID"
	done
	for i in 1 2 3 4 5 6; do
		local pid=PID_$i
		wait_until "$PATIENCE" gone "${!pid}"
		wait "${!pid}"
		jq -e '.ok' "$DIR/reload.$i"
	done
	# One ran, those who came meanwhile share the one after it.
	status_is '.reloads >= 1 and .reloads <= 6'
}

@test "control: workers N is in force until the next reload" {
	timed_start 'workers = 2;' "$STREAM"
	watch 30
	ctl -j workers 5 | jq -e '.ok and .workers == 5 and .generation == 2'
	wait_until "$PATIENCE" settled 5
	ctl -j upgrade | jq -e '.ok and .workers == 5'
	wait_until "$PATIENCE" settled 5
	ctl reload | grep -q '2 workers'
	wait_until "$PATIENCE" settled 2
	watch_end
	watched_is '.lost == 0 and .missed == 0'
}

@test "control: workers N takes 1 to 64, and nothing else" {
	timed_start
	ctl_fails 64 'no number from 1 to 64' workers 0
	ctl_fails 64 'no number from 1 to 64' workers 65
	ctl_fails 64 'no number from 1 to 64' workers many
	ctl_fails 64 'no number from 1 to 64' workers 99999999999999999999
	ctl_fails 64 'too many arguments: 3' workers 2 3
	refuses 'number: 65 is not within 1 and 64' \
		'{"command": "workers", "number": 65}'
	refuses 'must be a whole number' '{"command": "workers", "number": "2"}'
	status_is '.generation == 1'
}

@test "control: upgrade waits for the new image, under the same pid" {
	timed_start "$STREAM"
	watch 20
	ctl -j upgrade | jq -e '.ok and .generation == 2 and (.version | length > 0)'
	status_is ".pid == $TIMED_PID and .generation == 2"
	# The socket came over with it.
	ctl upgrade | grep -q 'generation 3'
	watch_end
	watched_is '.lost == 0 and .missed == 0'
}

@test "control: an upgrade in the middle of a request costs nothing but that" {
	local before
	timed_start
	ctl -j upgrade | jq -e .ok
	wait_until "$PATIENCE" settled "$(status '.workers | length')"
	before=$(find "/proc/$TIMED_PID/fd" | wc -l)
	program half.py <<-'EOF2'
		import json, socket, subprocess, sys
		run = sys.argv[1]
		peers = []
		for _ in range(5):
		    s = socket.socket(socket.AF_UNIX)
		    s.settimeout(20)
		    s.connect(run + "/control")
		    s.sendall(b'{"comm')
		    peers.append(s)
		subprocess.run(["timedctl", "-r", run, "upgrade"], check=True)
		for s in peers:
		    data = b""
		    while more := s.recv(4096):
		        data += more
		    assert "ask again" in json.loads(data)["error"], data
	EOF2
	python3 "$DIR/half.py" "$RUN"
	wait_until "$PATIENCE" settled "$(status '.workers | length')"
	wait_until "$PATIENCE" eval \
		"[ \$(find /proc/$TIMED_PID/fd | wc -l) -le $before ]"
}

@test "control: a socket that was removed is there again after a reload" {
	local before
	timed_start
	before=$(find "/proc/$TIMED_PID/fd" | wc -l)
	rm "$RUN/$SOCKET"
	ctl_fails 69 'does not run there' reload
	kill -HUP "$TIMED_PID"
	wait_until "$PATIENCE" test -S "$RUN/$SOCKET"
	ctl -j reload | jq -e .ok
	wait_until "$PATIENCE" settled "$(status '.workers | length')"
	wait_until "$PATIENCE" eval \
		"[ \$(find /proc/$TIMED_PID/fd | wc -l) -le $before ]"
}

@test "control: an upgrade that cannot be says why" {
	cp "$(command -v timed)" "$DIR/timed"
	TIMED=$DIR/timed timed_start
	printf '#!/bin/sh\necho not today >&2\nexit 3\n' >"$DIR/other"
	chmod +x "$DIR/other"
	mv "$DIR/other" "$DIR/timed"
	ctl_fails 1 'not today.*exit status 3' upgrade
	status_is '.generation == 1'
}

@test "control: stop returns when timed has stopped" {
	timed_start
	hold 20
	ctl stop | grep -q 'has stopped'
	[ ! -e "$RUN/timed.pid" ]
	[ ! -e "$RUN/$SOCKET" ]
	timed_wait
	ctl_fails 69 'does not run there' stop
}

@test "control: stop in JSON" {
	timed_start
	ctl -j stop | jq -e '.ok'
	timed_wait
}

@test "control: after a kill -9 there is nobody to ask, and a new start works" {
	timed_start
	kill_timed
	[ -S "$RUN/$SOCKET" ]
	ctl_fails 69 'does not run there' reload
	timed_start
	ctl -j reload | jq -e .ok
}

@test "control: commands that there are not, and arguments that they do not take" {
	timed_start
	ctl_fails 64 'no such command: frob' frob
	ctl_fails 64 'too many arguments: now' reload now
	ctl_fails 64 'no such option: -x' stop -x
	refuses 'no such command: frob' '{"command": "frob"}'
	refuses 'stop takes no "now"' '{"command": "stop", "now": true}'
	refuses 'object with "command"' '{}'
	refuses 'object with "command"' '[1]'
	refuses 'object with "command"' '{"command": 7}'
	refuses 'no JSON' '{"command": "stop"'
	refuses 'no JSON' 'stop'
	refuses 'no JSON.*duplicate' '{"command": "stop", "command": "reload"}'
	refuses 'no JSON' $'{"command": "st\xffop"}'
	refuses 'no JSON' $'\n'
	refuses 'something behind' $'{"command": "status"}\n{"command": "stop"}\n'
	status_is '.state == "running"'
}

@test "control: the help, the table and the man page have the same commands" {
	local name
	timedctl --help | sed -n '/^commands:/,$p' | sed 1d |
		sed -E 's/^ +//; s/   .*//' >"$DIR/help"
	[ "$(wc -l <"$DIR/help")" -ge 6 ]
	mandoc -Tutf8 "$MAN/timedctl.8" | col -bx >"$DIR/man"
	while read -r name; do
		grep -Fq -e "     $name" "$DIR/man" || {
			echo "timedctl(8) does not have $name" >&2
			return 1
		}
	done <"$DIR/help"
}

@test "control: the socket is for root and the user of timed alone" {
	as_root || return 0
	timed_start 'user = "nobody";'
	[ "$(stat -c '%a %U' "$RUN/$SOCKET")" = '600 nobody' ]
	chmod 755 "$DIR" "$RUN"
	run --separate-stderr -77 stranger timedctl -r "$RUN" stop
	grep -q 'Permission denied' <<<"$stderr"
	# The workers' own user may.
	setpriv --reuid="$(id -u nobody)" --clear-groups \
		timedctl -r "$RUN" -j reload | jq -e .ok
}

@test "control: members of control_group may, also by a group beside their own" {
	local group
	as_root || return 0
	group=$(getent group 65533 || :)
	group=${group%%:*}
	[ -n "$group" ] || group=daemon
	timed_start "control_group = \"$group\";"
	chmod 755 "$DIR" "$RUN"
	[ "$(stat -c '%a %G' "$RUN/$SOCKET")" = "660 $group" ]
	setpriv --reuid=65532 --regid=65532 --groups="$group" \
		timedctl -r "$RUN" -j reload | jq -e .ok
	setpriv --reuid=65532 --regid="$group" --clear-groups \
		timedctl -r "$RUN" -j reload | jq -e .ok
	run -77 stranger timedctl -r "$RUN" reload
	# A reload takes that back.
	reload
	[ "$(stat -c %a "$RUN/$SOCKET")" = 600 ]
	run -77 setpriv --reuid=65532 --regid=65532 --groups="$group" \
		timedctl -r "$RUN" reload
}

@test "control: with status_for_all strangers get the status, and no more" {
	as_root || return 0
	timed_start 'status_for_all = true;'
	chmod 755 "$DIR" "$RUN"
	stranger sh -c "echo '{\"command\": \"status\"}' | nc -NU $RUN/$SOCKET" |
		jq -e '.ok and .status.state == "running"'
	run --separate-stderr -77 stranger timedctl -r "$RUN" -j stop
	jq -e '.exit == 77' <<<"$output"
	grep -q 'uid 65533 is no operator' <<<"$stderr"
	log_has "operator refused; command='stop', uid='65533'"
	status_is '.state == "running"'
}

@test "control: a group that there is not is an error of the configuration" {
	timed_config 'control_group = "no-such-group";'
	run -78 timed -t -c "$CONF"
	grep -q "$CONF:[0-9]*: control_group: there is no group" <<<"$output"
}

@test "control: what lies in the place of the socket does not matter" {
	mkdir -p "$RUN"
	ln -s /etc/passwd "$RUN/$SOCKET"
	echo old >"$RUN/$SOCKET.new"
	timed_start
	[ -S "$RUN/$SOCKET" ] && [ ! -L "$RUN/$SOCKET" ]
	[ ! -e "$RUN/$SOCKET.new" ]
	ctl -j reload | jq -e .ok
}

@test "control: a name that is too long for a socket is a clear error" {
	local long
	long=$DIR/$(printf 'd%.0s' {1..120})
	timed_config "runtime_dir = \"$long\";"
	run -73 timed -f -c "$CONF"
	grep -q 'control: File name too long' <<<"$output"
}

@test "control: nobody who talks nonsense holds up the daemon" {
	local before cpu rss
	keep_nothing
	timed_start "$STREAM"
	watch 50
	# The first of each kind costs memory that is kept.
	ask "$(printf '{%.0s' {1..3000})" | jq -e '.ok == false'
	before=$(awk '/^VmRSS/ { print $2 }' <"/proc/$TIMED_PID/status")
	cpu=$(cpu_of "$TIMED_PID")
	program flood.py <<-'EOF2'
		import json, signal, socket, sys
		path = sys.argv[1]
		signal.alarm(50)

		def connect():
		    # While the queue is full, connect waits.
		    s = socket.socket(socket.AF_UNIX)
		    s.connect(path)
		    s.settimeout(20)
		    return s

		def answer(s):
		    data = b""
		    try:
		        while b"\n" not in data:
		            more = s.recv(65536)
		            if not more:
		                break
		            data += more
		    except ConnectionResetError:
		        pass
		    return json.loads(data) if data else None

		# 10 MB without a newline.
		s = connect()
		try:
		    for _ in range(160):
		        s.sendall(b"x" * 65536)
		except (BrokenPipeError, ConnectionResetError):
		    pass
		a = answer(s)
		assert a is None or "at most 4096 bytes" in a["error"], a
		# Half an object, and silence: others are served meanwhile.
		half = connect()
		half.sendall(b'{"comm')
		# As many connections as it likes, most of which say nothing.
		many = []
		for i in range(200):
		    many.append(connect())
		told = 0
		for s in many:
		    s.setblocking(False)
		    try:
		        data = s.recv(4096)
		        assert b"too many ask at once" in data, data
		        told += 1
		    except BlockingIOError:
		        pass
		assert told >= 100, told
		for s in many:
		    s.close()
		# One that asks and does not read.
		deaf = connect()
		deaf.sendall(b'{"command": "status"}\n')
		s = connect()
		s.sendall(b'{"command": "workers"}\n')
		assert answer(s)["ok"]
		# The silent one is told so in the end.
		assert "in time" in answer(half)["error"]
		print("ok")
	EOF2
	python3 "$DIR/flood.py" "$RUN/$SOCKET"
	rss=$(awk '/^VmRSS/ { print $2 }' <"/proc/$TIMED_PID/status")
	# Kilobytes, and ticks of 10 ms: all of that was next to nothing.
	[ $((rss - before)) -lt 1024 ]
	[ $(($(cpu_of "$TIMED_PID") - cpu)) -lt 100 ]
	ctl -j reload | jq -e .ok
	watch_end
	watched_is '.lost == 0 and .missed == 0'
}

@test "control: who waits over a stop is told" {
	timed_start 'stop_seconds = 20;'
	# A reload that takes its time: its worker is stopped before it is ready.
	hold 5
	start "$DIR/one" "$DIR/one.err" timedctl -r "$RUN" -j stop
	wait_until "$PATIENCE" gone "$PID"
	wait "$PID"
	jq -e .ok "$DIR/one"
	timed_wait
}

@test "control: descriptors do not grow with operators who come and go" {
	local before i
	timed_start
	ctl -j reload | jq -e .ok
	wait_until "$PATIENCE" settled "$(status '.workers | length')"
	before=$(find "/proc/$TIMED_PID/fd" | wc -l)
	for i in {1..60}; do
		ask '{"command": "status"}' >/dev/null
		ask '{"comm' >/dev/null
	done
	wait_until "$PATIENCE" eval \
		"[ \$(find /proc/$TIMED_PID/fd | wc -l) -le $before ]"
}
