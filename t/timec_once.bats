#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# timec daytime and timec time: one question, one answer, and what it means.

# shellcheck disable=SC2030,SC2031 # each test is a process of its own

load lib

bats_require_minimum_version 1.5.0

# serve TRANSPORT SCRIPT: a server, SERVER, that does to each question what
# SCRIPT, in Python, says.  It has
#
#   answer(b)    send b back
#   wire(t)      t as RFC 868 has it, four bytes
#   now          seconds since the epoch
#   n            how many questions there were before
#   question     what came (UDP)
serve()
{
	program server.py <<-'END'
		import socket, struct, sys, time

		def wire(t):
		    return struct.pack("!I", (int(t) + 2208988800) % 2**32)

		udp = sys.argv[1] == "udp"
		if udp:
		    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		    server.bind(("127.0.0.1", 0))
		else:
		    server = socket.create_server(("127.0.0.1", 0))
		print(server.getsockname()[1], flush=True)
		n = 0
		while True:
		    question = None
		    if udp:
		        question, peer = server.recvfrom(2048)
		        answer = lambda b: server.sendto(b, peer)
		    else:
		        s, _ = server.accept()
		        answer = s.sendall
		    now = time.time()
		    exec(sys.argv[2])
		    if not udp:
		        s.close()
		    n += 1
	END
	rm -f "$DIR/port"
	start "$DIR/port" "$DIR/server.err" python3 "$DIR/server.py" "$@"
	wait_until "$PATIENCE" lines_in "$DIR/port" 1
	SERVER=127.0.0.1:$(cat "$DIR/port")
}

# ---- daytime ----------------------------------------------------------------

@test "timec daytime: the line, over TCP" {
	serve tcp 'answer(b"Sat Nov 21 12:34:56 2026\r\n")'
	run -0 --separate-stderr timec daytime "$SERVER"
	[ "$output" = 'Sat Nov 21 12:34:56 2026' ]
	# shellcheck disable=SC2154 # run sets it
	[ "$stderr" = "timec: connected to $SERVER" ]
}

@test "timec daytime: the line, over UDP" {
	local option
	serve udp 'assert question == b""; answer(b"Sat Nov 21 12:34:56 2026\r\n")'
	for option in -u --udp; do
		run -0 --separate-stderr timec daytime $option "$SERVER"
		[ "$output" = 'Sat Nov 21 12:34:56 2026' ]
		[ -z "$stderr" ]
	done
}

@test "timec daytime: a line in pieces, and one without an end" {
	serve tcp 'for b in b"12:34:56": answer(bytes([b]))'
	run -0 timec -q daytime "$SERVER"
	[ "$output" = 12:34:56 ]
}

@test "timec daytime: the empty line before what NIST says is none" {
	serve tcp 'answer(b"\n61365 26-11-21 12:34:56 00 0 0 123.4 UTC(NIST) * \n")'
	timec -q daytime "$SERVER" >"$DIR/out"
	printf '61365 26-11-21 12:34:56 00 0 0 123.4 UTC(NIST) * \n' |
		cmp - "$DIR/out"
}

@test "timec daytime: -n asks so often, and answers are lines" {
	serve udp 'answer(b"%d\r\n" % n)'
	run -0 timec -u -n 5 -i 0 daytime "$SERVER"
	[ "$output" = $'0\n1\n2\n3\n4' ]
	serve tcp 'answer(b"%d\r\n" % n)'
	run -0 timec -q -n 3 -i 0.01 daytime "$SERVER"
	[ "$output" = $'0\n1\n2' ]
}

@test "timec daytime: -j is an object a line" {
	serve udp 'answer(b"a \"line\" \xff %d\r\n" % n)'
	run -0 timec -ju -n 2 -i 0 daytime "$SERVER"
	[ "${#lines[@]}" -eq 2 ]
	[ "$(jq -r .text <<<"${lines[1]}")" = 'a "line" \xff 1' ]
	jq -e ".mode == \"daytime\" and .address == \"$SERVER\"" \
		<<<"${lines[0]}"
}

@test "timec daytime: a terminal obeys nothing that a server says" {
	serve udp 'answer(b"\x1b[2J\x07\r\n")'
	script -qec "timec -u daytime '$SERVER'" /dev/null </dev/null \
		>"$DIR/out" 3>&- {NEVER}>&-
	tr -d '\r' <"$DIR/out" | grep -Fqx '\x1b[2J\x07'
}

@test "timec daytime: more than any line is refused" {
	serve tcp 'answer(b"x" * 5000)'
	run -1 --separate-stderr timec -q daytime "$SERVER"
	[ -z "$output" ]
	grep -q 'more than 2047 bytes' <<<"$stderr"
	serve udp 'answer(b"x" * 5000)'
	run -1 --separate-stderr timec -u daytime "$SERVER"
	[ -z "$output" ]
	grep -q 'more than 2047 bytes' <<<"$stderr"
}

@test "timec daytime: a refusal is no time" {
	serve tcp 'answer(b"! you may not connect from your address\n")'
	run -1 --separate-stderr timec -q daytime "$SERVER"
	[ -z "$output" ]
	[ "$stderr" = "timec: $SERVER: refused: you may not connect from your address" ]
	run -1 --separate-stderr timec -j daytime "$SERVER"
	[ -z "$output" ]
}

@test "timec daytime: no line is a failure" {
	serve tcp 'pass'
	run -1 --separate-stderr timec -q daytime "$SERVER"
	[ -z "$output" ]
	[ "$stderr" = "timec: $SERVER: it sent no line" ]
	serve udp 'answer(b"")'
	run -1 --separate-stderr timec -u daytime "$SERVER"
	[ -z "$output" ]
	[ "$stderr" = "timec: $SERVER: it sent no line" ]
}

# ---- time -------------------------------------------------------------------

# decoded LINE: is it the time as timec shows it, near to the local clock?
decoded()
{
	[[ $1 =~ ^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z\ \ difference\ [-+][0-9]+\.[0-9]{3}\ s\ \ seconds\ [0-9]+\ \ era\ [01]$ ]] || {
		echo "not as it should be: $1" >&2
		return 1
	}
}

@test "timec time: the date, over TCP and UDP" {
	local transport before after shown
	for transport in tcp udp; do
		serve $transport 'answer(wire(now))'
		before=$EPOCHSECONDS
		if [ $transport = udp ]; then
			run -0 timec -u time "$SERVER"
		else
			run -0 timec -q time "$SERVER"
		fi
		after=$EPOCHSECONDS
		decoded "$output"
		shown=$(date -d "${output%% *}" +%s)
		[ "$before" -le "$shown" ]
		[ "$shown" -le "$after" ]
	done
}

@test "timec time: what differs from the local clock is told" {
	serve udp 'answer(wire(now + (3600 if n else -3600)))'
	run -0 timec -u -n 2 -i 0 time "$SERVER"
	decoded "${lines[0]}"
	grep -Eq ' difference -360[01]\.' <<<"${lines[0]}"
	grep -Eq ' difference \+3(599|600)\.' <<<"${lines[1]}"
}

@test "timec time: the era is the one that is nearest" {
	# As a server says it whose clock is 60 years ahead, and behind.
	serve udp 'answer(wire(now + (60 if n else -60) * 365 * 86400))'
	run -0 timec -j -u -n 2 -i 0 time "$SERVER"
	jq -e '.difference_seconds | . > -1892160003 and . < -1892159997' \
		<<<"${lines[0]}"
	jq -e '.difference_seconds | . > 1892159997 and . < 1892160003' \
		<<<"${lines[1]}"
	jq -e '.era == 1 and (.time | startswith("20")) and
		.seconds < 4294967296 and .unix > 2085978496' <<<"${lines[1]}"
	jq -e '.era == 0' <<<"${lines[0]}"
}

@test "timec time: the first second of 2036's era" {
	serve udp 'answer(b"\0\0\0\0")'
	run -0 timec -u time "$SERVER"
	[[ $output == 2036-02-07T06:28:16Z\ * ]]
	[[ $output == *\ seconds\ 0\ \ era\ 1 ]]
}

@test "timec time: four bytes are enough, whatever the server does then" {
	serve tcp 'answer(wire(now)); s.recv(1)'
	run -0 timec -q time "$SERVER"
	decoded "$output"
}

@test "timec time: what are not four bytes is a failure" {
	local count
	for count in 3 5 8; do
		serve udp "answer(b'\\1' * $count)"
		run -1 --separate-stderr timec -u time "$SERVER"
		[ -z "$output" ]
		[ "$stderr" = "timec: $SERVER: $count bytes came, not 4" ]
		serve tcp "answer(b'\\1' * $count)"
		run -1 --separate-stderr timec -q time "$SERVER"
		[ -z "$output" ]
		[ "$stderr" = "timec: $SERVER: $count bytes came, not 4" ]
	done
}

@test "timec time: a server that closes knows no time" {
	serve tcp 'pass'
	run -1 --separate-stderr timec -q time "$SERVER"
	[ "$stderr" = "timec: $SERVER: it sent no time" ]
}

# ---- How it ends ------------------------------------------------------------

@test "timec once: 69 when nobody listens" {
	local mode
	for mode in daytime time; do
		run -69 --separate-stderr timec $mode 127.0.0.1:1
		grep -q '127\.0\.0\.1:1: Connection refused' <<<"$stderr"
		run -69 --separate-stderr timec -u $mode 127.0.0.1:1
		grep -q '127\.0\.0\.1:1: Connection refused' <<<"$stderr"
		[ -z "$output" ]
	done
}

@test "timec once: 69 when nothing comes, which takes no longer than -t" {
	serve udp 'pass'
	run -69 --separate-stderr timeout "$PATIENCE" timec -u -t 0.1 time "$SERVER"
	[ "$stderr" = "timec: no answer from $SERVER in 0.1 s" ]
	[ -z "$output" ]
}

@test "timec once: 1 when a connection brings nothing in time" {
	serve tcp 's.recv(1)'
	run -1 --separate-stderr timeout "$PATIENCE" timec -q -t 0.1 time "$SERVER"
	grep -q "$SERVER: no answer: Connection timed out" <<<"$stderr"
}

@test "timec once: 1 when one of several answers is missing" {
	serve udp 'answer(wire(now)) if n != 1 else None'
	run -1 --separate-stderr timec -u -n 3 -i 0 -t 1 time "$SERVER"
	[ "$(wc -l <<<"$output")" -eq 2 ]
	[ "$stderr" = "timec: no answer from $SERVER in 1 s" ]
}

@test "timec once: a datagram from somebody else is no answer" {
	serve udp '
other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
other.sendto(wire(0), peer)
answer(wire(now))'
	run -0 timec -u time "$SERVER"
	[[ $output != 1970* ]]
}

@test "timec once: a late answer is not taken for the next one" {
	serve udp '
if n == 0: late = peer
else: server.sendto(wire(0), late); answer(wire(now))'
	run -1 --separate-stderr timec -u -n 2 -i 0 -t 1 time "$SERVER"
	[ "$(wc -l <<<"$output")" -eq 1 ]
	[[ $output != 1970* ]]
}

@test "timec once: 0 when it is interrupted" {
	serve udp 'answer(b"%d\r\n" % n)'
	start "$DIR/out" "$DIR/err" timec -u -n 1000 -i 600 daytime "$SERVER"
	wait_until "$PATIENCE" lines_in "$DIR/out" 1
	kill -INT "$PID"
	wait_until 2 gone "$PID"
	wait "$PID"
}

@test "timec once: options that a mode has not are usage errors" {
	local mode option
	for mode in daytime time ntp; do
		run -64 timec -r $mode 127.0.0.1:1
	done
	for option in -u -j '-i 1' '-t 1'; do
		# shellcheck disable=SC2086 # an option and its value
		run -64 timec $option stream 127.0.0.1:1
	done
	for option in x -1 '' nan 1x 1e99; do
		run -64 timec -i "$option" time 127.0.0.1:1
		run -64 timec -t "$option" time 127.0.0.1:1
	done
	run -64 timec -t 0 time 127.0.0.1:1
}

@test "timec once: a unix socket has no UDP" {
	run -69 --separate-stderr timec -u time "unix:$DIR/socket"
	[ "$stderr" = "timec: unix:$DIR/socket: a unix socket has no UDP" ]
}
