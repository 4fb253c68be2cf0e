#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# timec: each line once, whatever the segments that it came in.

# shellcheck disable=SC2030,SC2031 # each test is a process of its own

load lib

bats_require_minimum_version 1.5.0

# serve SCRIPT: a server on a unix socket, SERVER, that does to each client
# what SCRIPT, in Python, says.  It has
#
#   say(text)   send it, in one piece, and wait until the client has read it
#   tick(s)     let so many seconds go by, as a server does between two ticks
#   s, n        the client's socket, and how many came before it
#
# and a client is closed at the end of SCRIPT.
serve()
{
	SERVER=unix:$DIR/server
	cat >"$DIR/server.py" <<-'END'
		import fcntl, os, select, socket, struct, sys, termios

		def unread(s):
		    size = fcntl.ioctl(s, termios.TIOCOUTQ, b"\0\0\0\0")
		    return struct.unpack("i", size)[0]

		def tick(seconds):
		    select.select([], [], [], seconds)

		def say(text):
		    try:
		        s.sendall(text if isinstance(text, bytes) else text.encode())
		        while unread(s):
		            tick(0.001)
		    except (BrokenPipeError, ConnectionResetError):
		        pass

		server = socket.socket(socket.AF_UNIX)
		server.bind(sys.argv[1])
		server.listen()
		n = 0
		while True:
		    s, _ = server.accept()
		    exec(sys.argv[2])
		    s.close()
		    n += 1
	END
	start "$DIR/server.out" "$DIR/server.err" python3 "$DIR/server.py" \
		"$DIR/server" "$1"
	wait_until "$PATIENCE" test -S "$DIR/server"
	wait_until "$PATIENCE" listening
}

listening()
{
	ss -Hlx | grep -Fq "$DIR/server "
}

# ---- From timed -------------------------------------------------------------

@test "timec: prints each line as it comes" {
	local seconds
	timed_start "$(stream 'format = "%s";')"
	run -0 --separate-stderr timec -n 3 "127.0.0.1:$(stream_port)"
	[ "$(wc -l <<<"$output")" -eq 3 ]
	# The second in which it came, and then each one.
	seconds=${output%%$'\n'*}
	[ "$output" = "$(seq "$seconds" $((seconds + 2)))" ]
}

@test "timec: -n ends after so many lines" {
	local n
	timed_start "$(stream 'interval = 0.05;')"
	for n in 1 2 7; do
		run -0 timec -q -n $n "127.0.0.1:$(stream_port)"
		[ "${#lines[@]}" -eq $n ]
		run -0 timec -q --lines=$n stream "127.0.0.1:$(stream_port)"
		[ "${#lines[@]}" -eq $n ]
	done
}

@test "timec: says what happens to the connection, on standard error" {
	timed_start
	run -0 --separate-stderr timec -n 1 "127.0.0.1:$(stream_port)"
	# shellcheck disable=SC2154 # run sets it
	[ "$stderr" = "timec: connected to 127.0.0.1:$(stream_port)" ]
	run -0 --separate-stderr timec -q -n 1 "127.0.0.1:$(stream_port)"
	[ -z "$stderr" ]
}

@test "timec: stream is the mode, named or not" {
	timed_start
	run -0 timec -q -n 1 "127.0.0.1:$(stream_port)"
	run -0 timec -q -n 1 stream "127.0.0.1:$(stream_port)"
	run -0 timec stream "127.0.0.1:$(stream_port)" -q -n 1
}

@test "timec: lines without newlines" {
	timed_start "$(stream 'newline = false; format = "%s.%f";')"
	wait_until "$PATIENCE" early
	run -0 timec -q -n 3 "127.0.0.1:$(stream_port)"
	[ "${#lines[@]}" -eq 3 ]
	[ "$(sort -u <<<"$output" | grep -Ecx '[0-9]{10}\.[0-9]{6}')" -eq 3 ]
}

@test "timec: a unix socket" {
	timed_start "$(stream 'interval = 0.1;' "\"unix:$DIR/socket\"")"
	run -0 --separate-stderr timec -n 2 "unix:$DIR/socket"
	[ "$(wc -l <<<"$output")" -eq 2 ]
	[ "$stderr" = "timec: connected to unix:$DIR/socket" ]
}

@test "timec: IPv6" {
	timed_start "$(stream 'interval = 0.1;' '"[::1]:0"')"
	run -0 --separate-stderr timec -n 2 "[::1]:$(stream_port)"
	[ "$(wc -l <<<"$output")" -eq 2 ]
	[ "$stderr" = "timec: connected to [::1]:$(stream_port)" ]
}

@test "timec: a name with several addresses: the one that answers" {
	timed_start
	run -0 --separate-stderr timec -n 1 "localhost:$(stream_port)"
	[ -n "$output" ]
	grep -Fqx "timec: connected to 127.0.0.1:$(stream_port)" <<<"$stderr"
}

@test "timec: a reload is not noticed" {
	timed_start "$(stream 'interval = 0.1; format = "%s.%f";')"
	start "$DIR/out" "$DIR/err" timec -n 15 "127.0.0.1:$(stream_port)"
	wait_until "$PATIENCE" lines_in "$DIR/out" 2
	kill -HUP "$TIMED_PID"
	wait_until "$PATIENCE" gone "$PID"
	wait "$PID"
	[ "$(sort -u "$DIR/out" | wc -l)" -eq 15 ]
	[ "$(wc -l <"$DIR/err")" -eq 1 ]
}

# ---- From others ------------------------------------------------------------

@test "timec: torn lines are put together" {
	serve 'for byte in "one\ntwo\nthree\n": say(byte)'
	run -1 timec -q "$SERVER"
	[ "$output" = $'one\ntwo\nthree' ]
}

@test "timec: lines that come together are taken apart" {
	serve 'say("one\ntwo\nthree\nfo"); say("ur\nfive\n")'
	run -1 timec -q "$SERVER"
	[ "$output" = $'one\ntwo\nthree\nfour\nfive' ]
	run -0 timec -q -n 4 "$SERVER"
	[ "$output" = $'one\ntwo\nthree\nfour' ]
}

@test "timec: a line torn for longer than a pause is one line" {
	serve 'say("one\n"); say("tw"); tick(0.3); say("o\n"); say("three\n")'
	run -1 timec -q "$SERVER"
	[ "$output" = $'one\ntwo\nthree' ]
}

@test "timec: empty lines are lines" {
	serve 'say("\n\none\n\n")'
	timec -q -n 4 "$SERVER" >"$DIR/out"
	printf '\n\none\n\n' | cmp - "$DIR/out"
}

@test "timec: the rest without a newline is printed at the end" {
	serve 'say("one\ntwo")'
	run -1 timec -q "$SERVER"
	[ "$output" = $'one\ntwo' ]
}

@test "timec: a server without newlines" {
	serve 'for i in range(4): say("12:00:0%d" % i); tick(0.4)'
	run -0 timec -q -n 4 "$SERVER"
	[ "$output" = $'12:00:00\n12:00:01\n12:00:02\n12:00:03' ]
}

@test "timec: a server without newlines that tears its records" {
	serve '
for i in range(4):
    if i > 0:
        say("12:0"); say("0:0%d" % i)
    else:
        say("12:00:00")
    tick(0.4)'
	run -0 timec -q -n 4 "$SERVER"
	[ "$output" = $'12:00:00\n12:00:01\n12:00:02\n12:00:03' ]
}

@test "timec: a server without newlines whose records come together" {
	serve '
say("12:00:00"); tick(0.4)
say("12:00:0112:00:02"); tick(0.4)
say("12:00:03"); tick(0.4)'
	run -0 timec -q -n 4 "$SERVER"
	[ "$output" = $'12:00:00\n12:00:01\n12:00:02\n12:00:03' ]
}

@test "timec: a server without newlines, a tick just behind the first" {
	serve 'say("12:00:00"); say("12:00:01"); tick(0.4); say("12:00:02"); tick(0.4)'
	run -0 timec -q -n 3 "$SERVER"
	[ "$output" = $'12:00:00\n12:00:01\n12:00:02' ]
}

@test "timec: a server that takes up newlines is followed" {
	serve 'say("12:00:00"); tick(0.4); say("12:00:01\n"); say("12:00:02\n")'
	run -1 timec -q "$SERVER"
	[ "$output" = $'12:00:00\n12:00:01\n12:00:02' ]
}

@test "timec: a line longer than any buffer is not cut" {
	serve 'say("x" * 50000 + "\n"); say("end\n")'
	run -0 timec -q -n 2 "$SERVER"
	[ "${#lines[0]}" -eq 50000 ]
	[ "${lines[1]}" = end ]
}

@test "timec: bytes that are no text pass as they are" {
	serve 'say(bytes(set(range(256)) - {10}) + b"\n")'
	timec -q -n 1 "$SERVER" >"$DIR/out"
	python3 -c 'import sys
sys.stdout.buffer.write(bytes(set(range(256)) - {10}) + b"\n")' |
		cmp - "$DIR/out"
}

@test "timec: a terminal obeys nothing that a server says" {
	serve 'say(b"\x1b[2J\x07\x9b\xff t\xc3\xa4t\n")'
	script -qec "timec -q -n 1 '$SERVER'" /dev/null </dev/null \
		>"$DIR/out" 3>&- {NEVER}>&-
	tr -d '\r' <"$DIR/out" | grep -Fqx '\x1b[2J\x07\x9b\xff tät'
}

@test "timec: many lines at once, all of them" {
	serve 'say("".join("%d\n" % i for i in range(100000)))'
	timec -q -n 100000 "$SERVER" >"$DIR/out"
	seq 0 99999 | cmp - "$DIR/out"
}

# ---- How it ends ------------------------------------------------------------

@test "timec: 1 when the connection is lost, which it says" {
	serve 'say("one\n")'
	run -1 --separate-stderr timec "$SERVER"
	[ "$output" = one ]
	grep -qx 'timec: the server closed the connection' <<<"$stderr"
	run -1 --separate-stderr timec -q "$SERVER"
	[ -z "$stderr" ]
}

@test "timec: 1 when the connection is reset" {
	local status=0
	mkfifo "$DIR/go"
	start "$DIR/port" "$DIR/server.err" python3 -uc '
import socket, struct, sys
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1])
s, _ = server.accept()
s.sendall(b"one\n")
open(sys.argv[1]).close()
s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
s.close()' "$DIR/go"
	wait_until "$PATIENCE" lines_in "$DIR/port" 1
	start "$DIR/out" "$DIR/err" timec "127.0.0.1:$(cat "$DIR/port")"
	wait_until "$PATIENCE" lines_in "$DIR/out" 1
	: >"$DIR/go"
	wait_until "$PATIENCE" gone "$PID"
	wait "$PID" || status=$?
	[ "$status" -eq 1 ]
	grep -qx 'timec: connection lost: Connection reset by peer' "$DIR/err"
}

@test "timec: 0 when it is interrupted" {
	timed_start
	start "$DIR/out" "$DIR/err" timec "127.0.0.1:$(stream_port)"
	wait_until "$PATIENCE" lines_in "$DIR/out" 1
	kill -INT "$PID"
	wait_until 2 gone "$PID"
	wait "$PID"
}

@test "timec: 0 when nobody reads any more, and at once" {
	local status=0
	# Nothing more comes: it is not a write that tells.
	serve 'say("one\n"); tick(20)'
	# shellcheck disable=SC2016 # for that shell
	timeout 10 bash -c 'set -o pipefail; timec -q "$1" | head -n 1' \
		bash "$SERVER" >"$DIR/out" || status=$?
	[ "$status" -eq 0 ]
	[ "$(cat "$DIR/out")" = one ]
}

@test "timec: 1 when its output is full" {
	serve 'say("one\ntwo\n")'
	# shellcheck disable=SC2016 # for that shell
	run -1 --separate-stderr bash -c 'exec timec -q "$1" >/dev/full' \
		bash "$SERVER"
	grep -q 'timec: standard output: No space left on device' <<<"$stderr"
}

@test "timec: 1 without a standard output" {
	serve 'say("one\n")'
	# shellcheck disable=SC2016 # for that shell
	run -1 --separate-stderr bash -c 'exec timec "$1" >&-' bash "$SERVER"
	grep -q '^timec: standard output: ' <<<"$stderr"
}

@test "timec: a slow reader of its output loses nothing" {
	serve 'say("".join("%d\n" % i for i in range(50000)))'
	timec -q -n 50000 "$SERVER" | python3 -c '
import os, select
while True:
    select.select([], [], [], 0.002)
    part = os.read(0, 4096)
    if not part:
        break
    os.write(1, part)' >"$DIR/out"
	seq 0 49999 | cmp - "$DIR/out"
}

# ---- --retry ----------------------------------------------------------------

@test "timec: --retry connects again after a restart" {
	local port before
	port=$(fresh_port)
	timed_start "$(stream 'interval = 0.1;' "\"127.0.0.1:$port\"")"
	start "$DIR/out" "$DIR/err" timec --retry "127.0.0.1:$port"
	CLIENT_PID=$PID
	wait_until "$PATIENCE" lines_in "$DIR/out" 2
	timed_stop
	wait_until "$PATIENCE" file_has "$DIR/err" 'closed the connection'
	wait_until "$PATIENCE" file_has "$DIR/err" 'trying again in 1 s'
	before=$(wc -l <"$DIR/out")
	timed_launch
	wait_until "$PATIENCE" lines_in "$DIR/out" $((before + 2))
	[ "$(grep -c 'timec: connected to' "$DIR/err")" -eq 2 ]
	run ! gone "$CLIENT_PID"
}

@test "timec: --retry waits for a server that is not there yet" {
	local client
	start "$DIR/out" "$DIR/err" timec -r -n 1 "unix:$DIR/server"
	client=$PID
	wait_until "$PATIENCE" file_has "$DIR/err" 'cannot connect'
	serve 'say("one\n")'
	wait_until "$PATIENCE" gone "$client"
	wait "$client"
	[ "$(cat "$DIR/out")" = one ]
}

@test "timec: --retry waits longer each time that nothing came" {
	start "$DIR/out" "$DIR/err" timec -r "unix:$DIR/server"
	wait_until "$PATIENCE" file_has "$DIR/err" 'trying again in 4 s'
	[ "$(grep -o 'trying again in .*' "$DIR/err" | paste -sd,)" = \
		'trying again in 1 s,trying again in 2 s,trying again in 4 s' ]
	kill -INT "$PID"
	# Also while it waits it hears of that.
	wait_until 1 gone "$PID"
	wait "$PID"
}

@test "timec: --retry counts lines over all connections" {
	serve 'say("%d\n" % n)'
	run -0 timec -qr -n 3 "$SERVER"
	[ "$output" = $'0\n1\n2' ]
}

@test "timec: a refusal is none of the lines" {
	local refused="timec: $DIR/server: refused: too many connections\\x1b[31m"
	serve 'say("! too many connections\033[31m\n")'
	run -1 --separate-stderr timec -q -n 1 "$SERVER"
	[ -z "$output" ]
	[ "$stderr" = "${refused/$DIR/unix:$DIR}" ]
	# It is no reason to come again as soon as one whose lines came.
	start "$DIR/out" "$DIR/err" timec -r "$SERVER"
	wait_until "$PATIENCE" file_has "$DIR/err" 'trying again in 2 s'
	kill -INT "$PID"
	wait_until 1 gone "$PID"
	[ ! -s "$DIR/out" ]
}

@test "timec: what comes later is a line, whatever it begins with" {
	serve 'say("one\n"); say("! two\n")'
	run -0 timec -q -n 2 "$SERVER"
	[ "$output" = $'one\n! two' ]
}
