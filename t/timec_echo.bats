#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# timec echo: standard input there and back, over TCP and UDP.

# shellcheck disable=SC2030,SC2031,SC2154 # each test is a process of its own

load lib

bats_require_minimum_version 1.5.0

# timed_echo [SETTINGS]: timed with an echo, at SERVER.
timed_echo()
{
	timed_start "services = ( { type = \"echo\"; listen = [ \"127.0.0.1:0\" ]; ${1-} } );"
	SERVER=127.0.0.1:$(service_port echo)
}

# serve SCRIPT: a server, SERVER, that does to each connection s what SCRIPT,
# in Python, says; with "udp" before it, to each datagram.
serve()
{
	program server.py <<-'END'
		import signal, socket, sys
		udp = sys.argv[1] == "udp"
		if udp:
		    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		    server.bind(("127.0.0.1", 0))
		else:
		    server = socket.create_server(("127.0.0.1", 0))
		print(server.getsockname()[1], flush=True)
		n = 0
		while True:
		    if udp:
		        data, peer = server.recvfrom(4096)
		        answer = lambda b: server.sendto(b, peer)
		    else:
		        s, _ = server.accept()
		    exec(sys.argv[-1])
		    if not udp:
		        s.close()
		    n += 1
	END
	rm -f "$DIR/port"
	start "$DIR/port" "$DIR/server.err" python3 "$DIR/server.py" "$@"
	wait_until "$PATIENCE" lines_in "$DIR/port" 1
	SERVER=127.0.0.1:$(cat "$DIR/port")
}

@test "timec echo: lines come back, and it ends with its input" {
	timed_echo
	printf 'one\ntwo\nthree' >"$DIR/in"
	run -0 --separate-stderr timec echo "$SERVER" <"$DIR/in"
	[ "$output" = $'one\ntwo\nthree' ]
	[ "$stderr" = "timec: connected to $SERVER" ]
	run -0 timec -q echo "$SERVER" </dev/null
	[ -z "$output" ]
}

@test "timec echo: megabytes through a pipe" {
	timed_echo 'exit_word = "";'
	head -c 20000000 /dev/urandom >"$DIR/in"
	# shellcheck disable=SC2002 # it is to be a pipe
	cat "$DIR/in" | timec -q echo "$SERVER" | cat >"$DIR/out"
	cmp "$DIR/in" "$DIR/out"
	timec -q echo "$SERVER" <"$DIR/in" >"$DIR/out"
	cmp "$DIR/in" "$DIR/out"
}

@test "timec echo: a line that ends it is no fault" {
	timed_echo
	run -0 timec -q echo "$SERVER" < <(printf 'one\nexit\n')
	[ "$output" = one ]
	# Nor is it when there is no end of the input yet.
	mkfifo "$DIR/in"
	exec {in}<>"$DIR/in"
	printf 'one\nexit\r\n' >&"$in"
	run -0 timec -q echo "$SERVER" <"$DIR/in"
	[ "$output" = one ]
	exec {in}>&-
}

@test "timec echo: what does not come back is told, with exit 1" {
	timed_echo
	run -1 --separate-stderr timec -q echo "$SERVER" < <(printf 'one\nexit\nmore\n')
	[ "$output" = one ]
	[ "$stderr" = "timec: $SERVER: 10 bytes did not come back" ]
	serve 's.sendall(s.recv(4)); s.recv(100)'
	run -1 --separate-stderr timec -q echo "$SERVER" < <(printf 'one\ntwo')
	[ "$output" = one ]
	[ "$stderr" = "timec: $SERVER: 3 bytes did not come back" ]
}

@test "timec echo: more than was sent is told, with exit 1" {
	serve 's.sendall(s.recv(100) + b"more\n"); s.recv(100)'
	run -1 --separate-stderr timec -q echo "$SERVER" < <(echo one)
	[ "$output" = $'one\nmore' ]
	[ "$stderr" = "timec: $SERVER: more came than was sent" ]
}

@test "timec echo: a server that closes while there is input, with exit 1" {
	serve 's.sendall(s.recv(4))'
	mkfifo "$DIR/in"
	exec {in}<>"$DIR/in"
	echo one >&"$in"
	run -1 --separate-stderr timec echo "$SERVER" <"$DIR/in"
	[ "$output" = one ]
	[[ $stderr == *'timec: the server closed the connection' ]]
	exec {in}>&-
}

@test "timec echo: a server that says nothing, with exit 1 and in time" {
	serve 'signal.pause()'
	run -1 --separate-stderr timec -q -t 0.2 echo "$SERVER" < <(echo one)
	[ "$stderr" = "timec: $SERVER: nothing came in 0.2 s" ]
}

@test "timec echo: -n ends it when so many lines have come back" {
	local option
	timed_echo
	for option in '-n 2' '-n 2 -u'; do
		# shellcheck disable=SC2086 # two words
		run -0 timec -q $option echo "$SERVER" < <(yes | head -n 100000)
		[ "$output" = $'y\ny' ]
	done
	run -0 timec -q -n 5 echo "$SERVER" < <(echo y)
	[ "$output" = y ]
}

@test "timec echo: over UDP a line is a datagram" {
	timed_echo
	printf 'one\nexit\n\n%5000s\nlast' x >"$DIR/in"
	timec -u echo "$SERVER" <"$DIR/in" >"$DIR/out" 2>"$DIR/err"
	cmp "$DIR/in" "$DIR/out"
	[ ! -s "$DIR/err" ]
	# Five of them for the long line.
	status_is '.services[0] | .requests == 9 and .accepted == 0'
}

@test "timec echo: over UDP what is another answer is passed over, what is lost is told" {
	serve udp 'answer(b"else"); answer(data) if data != b"lost\n" else None'
	run -1 --separate-stderr timec -u -t 0.3 echo "$SERVER" < <(printf 'one\nlost\ntwo\n')
	[ "$output" = $'one\ntwo' ]
	[[ $stderr == *"passed over what came: it is not what was sent"* ]]
	[[ $stderr == *"no answer from $SERVER in 0.3 s"* ]]
}

@test "timec echo: where nobody listens, exit 69" {
	local port
	port=$(fresh_port)
	run -69 timec echo "127.0.0.1:$port" < <(echo one)
	run -69 timec -u echo "127.0.0.1:$port" < <(echo one)
}

@test "timec echo: options that it does not have, exit 64; no input, exit 1" {
	local option
	for option in -j -r '-i 1'; do
		# shellcheck disable=SC2086 # two words
		run -64 timec $option echo 127.0.0.1:1
		[[ $output == *"echo has no ${option%% *}"* ]]
	done
	timed_echo
	# shellcheck disable=SC2016 # for that shell
	run -1 --separate-stderr timeout 20 sh -c 'exec timec -q echo "$1" <&-' - "$SERVER"
	[[ $stderr == 'timec: standard input: '* ]]
}

@test "timec echo: on a terminal each line comes back, and commands nothing" {
	timed_echo
	program terminal.py <<-'EOF'
		import os, pty, select, sys, time
		pid, fd = pty.fork()
		if pid == 0:
		    os.execvp("timec", ["timec", "-q", "echo", sys.argv[1]])
		seen, end = b"", time.monotonic() + 20
		def expect(text):
		    global seen
		    while text not in seen:
		        assert time.monotonic() < end, seen
		        if select.select([fd], [], [], 1)[0]:
		            seen += os.read(fd, 4096)
		    seen = seen[seen.index(text) + len(text):]
		for line in (b"hello", "grüß dich".encode()):
		    os.write(fd, line + b"\n")
		    # The terminal shows it, and timec does.
		    expect(line + b"\r\n")
		    expect(line + b"\r\n")
		os.write(fd, b"\x16\x1b[2J\n")
		expect(b"\\x1b[2J\r\n")
		os.write(fd, b"exit\n")
		_, status = os.waitpid(pid, 0)
		assert os.waitstatus_to_exitcode(status) == 0, status
	EOF
	python3 "$DIR/terminal.py" "$SERVER"
}
