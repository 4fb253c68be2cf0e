#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck disable=SC2030,SC2031 # each test has a shell of its own
#
# echo: every byte comes back, in its order, whatever is done to timed meanwhile
# (RFC 862).

load lib

bats_require_minimum_version 1.5.0

NOTICE='level = "notice"; syslog = false; };'

# echo_service [SETTINGS [LISTEN]]: the setting of one, on a port that the kernel
# chooses or on LISTEN, as timed.conf has it.
echo_service()
{
	echo "services = ( { type = \"echo\"; listen = [ ${2:-\"127.0.0.1:0\"} ]; ${1-} } );"
}

echo_port()
{
	service_port echo "$@"
}

# client_script NAME: for python3; what comes in follows what they share.
client_script()
{
	{
		cat <<-'END'
			import hashlib, os, random, resource, select, signal, socket, sys, time
			where = sys.argv[1]
			hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
			resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

			def connect(buffers=0):
			    path = where.startswith("/")
			    s = socket.socket(socket.AF_UNIX if path else socket.AF_INET)
			    if buffers:
			        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffers)
			        s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffers)
			    s.settimeout(20)
			    s.connect(where if path else ("127.0.0.1", int(where)))
			    if not path:
			        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
			    return s

			def read(s, count):
			    data = b""
			    while len(data) < count:
			        part = s.recv(count - len(data))
			        assert part, "closed after %r" % data
			        data += part
			    return data

			def read_end(s):
			    data = b""
			    while part := s.recv(65536):
			        data += part
			    return data
		END
		cat
	} >"$DIR/$1"
}

# load_script: for python3; so many clients that send random bytes in random
# pieces and compare every byte, until SIGTERM or until each has sent as many.
#
#   load.py WHERE COUNT [BYTES]
#
# Every fifth rests without reading now and then, until the way back is full.
# At the end each closes its side, and reads the rest.  Says "begun", and in the
# end, as JSON, how many were whole, lost, and wrong, and how many bytes there
# were.  A lost one got the beginning of what it sent.
load_script()
{
	client_script load.py <<-'EOF'
		import json
		count, limit = int(sys.argv[2]), int((sys.argv[3:] or [1 << 40])[0])
		going, faults, total = True, [], 0

		def stop(*_):
		    global going
		    going = False
		signal.signal(signal.SIGTERM, stop)
		random.seed(limit + count)
		# Anybody's bytes are taken from here, and never a line "exit".
		POOL = random.randbytes(1 << 20).replace(b"\nexit", b"\nexot") * 2

		class Client:
		    def __init__(self, number):
		        self.socket = connect(4096 if number % 5 == 0 else 0)
		        self.socket.setblocking(False)
		        self.lazy = number % 5 == 0
		        self.rest = 0
		        self.start = random.randrange(1 << 20)
		        self.sent = self.got = 0
		        self.state = "going"

		    def piece(self, at, most):
		        at = (self.start + at) % (1 << 20)
		        return memoryview(POOL)[at:at + most]

		    def send(self):
		        most = random.choice((1, 7, 600, 4096, 20000))
		        most = min(random.randint(1, most), limit - self.sent)
		        try:
		            self.sent += self.socket.send(self.piece(self.sent, most))
		        except BlockingIOError:
		            return False
		        return True

		    def receive(self):
		        data = self.socket.recv(random.choice((10, 5000, 65536)))
		        if not data:
		            self.end("whole" if self.state == "closing" and
		                     self.got == self.sent else "lost")
		            return
		        if data != self.piece(self.got, len(data)) or self.got + len(data) > self.sent:
		            faults.append("wrong at %d of %d" % (self.got, self.sent))
		            self.end("wrong")
		        self.got += len(data)

		    def end(self, state):
		        self.state = state
		        poll.unregister(self.socket)
		        self.socket.close()

		    def serve(self, events, now):
		        try:
		            if events & (select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR):
		                self.receive()
		            if events & select.EPOLLOUT and self.state == "going":
		                if self.sent == limit or not going:
		                    self.socket.shutdown(socket.SHUT_WR)
		                    self.state = "closing"
		                elif not self.send() and self.lazy and not self.rest:
		                    self.rest = now + 0.3
		        except ConnectionError:
		            self.end("lost")
		        if self.state in ("going", "closing"):
		            self.watch(now)

		    def watch(self, now):
		        resting = self.rest > now and self.state == "going"
		        if self.rest and not resting:
		            self.rest = 0 if self.got == self.sent else -1
		        sends = self.state == "going" and self.sent - self.got < 1 << 19
		        poll.modify(self.socket, (0 if resting else select.EPOLLIN) |
		                    (select.EPOLLOUT if sends else 0))

		poll = select.epoll()
		clients = [Client(number) for number in range(count)]
		by_fd = {c.socket.fileno(): c for c in clients}
		for fd in by_fd:
		    poll.register(fd, select.EPOLLIN | select.EPOLLOUT)
		print("begun", flush=True)
		end = time.monotonic() + 60
		while any(c.state in ("going", "closing") for c in clients):
		    now = time.monotonic()
		    assert now < end, "not all come to an end"
		    for fd, events in poll.poll(0.05):
		        by_fd[fd].serve(events, now)
		    for c in clients:
		        if c.rest > 0 and c.rest <= now and c.state == "going":
		            c.watch(now)
		print(json.dumps({
		    "whole": sum(c.state == "whole" for c in clients),
		    "lost": sum(c.state == "lost" for c in clients),
		    "bytes": sum(c.got for c in clients), "faults": faults[:10]}))
	EOF
}

# load_start WHERE COUNT [BYTES]: and wait until they have begun.
load_start()
{
	[ -e "$DIR/load.py" ] || load_script
	start "$DIR/load" "$DIR/load.err" python3 "$DIR/load.py" "$@"
	LOAD_PID=$PID
	wait_until "$PATIENCE" lines_in "$DIR/load" 1
}

# load_end [SIGNAL]: what it says in the end goes to LOADED.
load_end()
{
	[ -z "${1-}" ] || kill -s "$1" "$LOAD_PID"
	wait_until 60 gone "$LOAD_PID"
	show "$DIR/load.err"
	wait "$LOAD_PID"
	LOADED=$(tail -n 1 "$DIR/load")
	echo "loaded: $LOADED"
	jq -e '.faults == []' <<<"$LOADED" >/dev/null
}

# loaded_is FILTER
loaded_is()
{
	jq -e "$1" <<<"$LOADED" >/dev/null
}

# ---- Over TCP ---------------------------------------------------------------

@test "echo: a line comes back to nc, busybox nc, ncat and socat" {
	local port
	timed_start "$(echo_service)"
	port=$(echo_port)
	[ "$(printf 'hello\nworld\n' | nc -N 127.0.0.1 "$port")" = $'hello\nworld' ]
	[ "$(printf 'hello\nexit\n' | busybox nc 127.0.0.1 "$port")" = hello ]
	[ "$(printf 'hello\n' | ncat 127.0.0.1 "$port")" = hello ]
	[ "$(printf 'hello\n' | socat - "TCP:127.0.0.1:$port")" = hello ]
	status_is '.services[0] | .accepted == 4 and .requests == 0 and
		.bytes_in == 35 and .bytes_out == 30 and .refused == 0'
	wait_until "$PATIENCE" status_is '.services[0].closed == 4'
	[ "$(grep -c "client disconnected; .*reason='closed by client'" "$LOG")" -eq 4 ]
}

@test "echo: over IPv6 and over a unix socket as well" {
	timed_start "$(echo_service '' "\"[::1]:0\", \"unix:$DIR/socket\"")"
	[ "$(echo six | nc -N ::1 "$(echo_port)")" = six ]
	[ "$(echo unix | nc -N -U "$DIR/socket")" = unix ]
	load_start "$DIR/socket" 10 200000
	load_end
	loaded_is '.whole == 10 and .bytes == 2000000'
}

@test "echo: 1 MB of random bytes through each of 100 connections in random cuts" {
	timed_start "$(echo_service)"
	load_start "$(echo_port)" 100 1000000
	load_end
	loaded_is '.whole == 100 and .bytes == 100000000'
	wait_until "$PATIENCE" status_is '.services[0] | .connections == 0 and
		.bytes_in == 100000000 and .bytes_out == 100000000'
}

@test "echo: megabytes through a pipe, then the end of file" {
	timed_start "$(echo_service 'exit_word = "";')"
	head -c 8000000 /dev/urandom >"$DIR/sent"
	nc -N 127.0.0.1 "$(echo_port)" <"$DIR/sent" >"$DIR/got"
	cmp "$DIR/sent" "$DIR/got"
}

@test "echo: exit ends a connection, however it is cut into packets" {
	# In one worker, so that what came back to another client was sent after
	# all that this one sent before was read.
	timed_start 'workers = 1;' "$(echo_service)" "log = { file = \"$LOG\"; $NOTICE"
	client_script cuts.py <<-'EOF'
		from itertools import combinations
		pacer = connect()
		def paced():
		    pacer.sendall(b"x")
		    assert read(pacer, 1) == b"x"
		count = 0
		for before, line, after in (
		        (b"", b"exit\n", b""), (b"", b"exit\r\n", b""),
		        (b"ab\n", b"exit\n", b""), (b"x exit\n", b"exit\r\n", b""),
		        (b"", b"exit\n", b"more\n")):
		    text = before + line + after
		    whole = range(len(before) + 1, len(text))
		    for cuts in (c for n in range(len(whole) + 1) for c in combinations(whole, n)):
		        if after and len(cuts) > 2:
		            continue
		        s = connect()
		        for a, b in zip((0,) + cuts, cuts + (len(text),)):
		            s.sendall(text[a:b])
		            paced()
		        got = read_end(s)
		        assert got == before, (text, cuts, got)
		        s.close()
		        count += 1
		for text in (b"exit now\n", b"exit \n", b" exit\n", b"exit\r\r\n", b"Exit\n",
		             b"exitexit\n", b"exit\rexit\r", b"exi\nt\n", b"\n\r\n\n"):
		    s = connect()
		    for n in range(len(text)):
		        s.sendall(text[n:n + 1])
		        paced()
		    assert read(s, len(text)) == text
		    s.sendall(b"\nexit\n")
		    assert read_end(s) == b"\n", text
		print(count)
	EOF
	python3 "$DIR/cuts.py" "$(echo_port)" >"$DIR/cuts"
	[ "$(cat "$DIR/cuts")" -gt 70 ]
}

@test "echo: who types is answered as soon as it is no exit" {
	timed_start "$(echo_service)"
	client_script typed.py <<-'EOF'
		s = connect()
		for text, back in ((b"e", b""), (b"x", b""), (b"a", b"exa"), (b"m", b"m"),
		                   (b"\n", b"\n"), (b"exit", b""), (b"!", b"exit!"),
		                   (b"exit", b"exit"), (b"\r\n", b"\r\n")):
		    s.sendall(text)
		    assert read(s, len(back)) == back
		s.sendall(b"exit\r\n")
		assert read_end(s) == b""
	EOF
	python3 "$DIR/typed.py" "$(echo_port)"
}

@test "echo: at the end of file exit is no line, and comes back" {
	local text
	timed_start "$(echo_service)"
	for text in 'exit' 'exi' 'exit\r' 'first\nexit' 'e'; do
		# shellcheck disable=SC2059 # it is one
		printf "$text" >"$DIR/sent"
		nc -N 127.0.0.1 "$(echo_port)" <"$DIR/sent" >"$DIR/got"
		cmp "$DIR/sent" "$DIR/got"
	done
}

@test "echo: after exit the connection is closed, though the client stays" {
	timed_start "$(echo_service)"
	client_script stays.py <<-'EOF'
		s = connect()
		s.sendall(b"exit\n")
		assert read_end(s) == b""
		print("ended", flush=True)
		signal.pause()
	EOF
	start "$DIR/stays" "$DIR/stays.err" python3 "$DIR/stays.py" "$(echo_port)"
	wait_until "$PATIENCE" lines_in "$DIR/stays" 1
	wait_until "$PATIENCE" status_is '.services[0] | .closed == 1 and .connections == 0'
	log_has "client disconnected; .*reason='closed by client'"
}

@test "echo: what came before exit is not lost, whatever follows it" {
	timed_start "$(echo_service)"
	client_script flood.py <<-'EOF'
		for _ in range(10):
		    s = connect()
		    text = random.randbytes(30000).replace(b"\nexit", b"") + b"\n"
		    s.sendall(text + b"exit\n")
		    # As much again as the way to the worker can hold, and more.
		    s.sendall(bytes(400000))
		    assert read_end(s) == text
		    s.close()
	EOF
	python3 "$DIR/flood.py" "$(echo_port)"
}

@test "echo: another word, and none" {
	timed_start "services = (
		{ type = \"echo\"; name = \"quit\"; listen = [ \"127.0.0.1:0\" ]; exit_word = \"quit now\"; },
		{ type = \"echo\"; name = \"pure\"; listen = [ \"127.0.0.1:0\" ]; exit_word = \"\"; } );"
	[ "$(printf 'exit\nquit\nquit now\n5\n' | nc -N 127.0.0.1 "$(service_port quit)" |
		tr '\n' ' ')" = 'exit quit ' ]
	[ "$(printf '\nexit\nquit now\n' | nc -N 127.0.0.1 "$(service_port pure)" |
		tr '\n' ' ')" = ' exit quit now ' ]
}

@test "echo: a word that will not do is refused with its line" {
	local wrong
	for wrong in 'exit_word = "a\nb";' 'exit_word = "a\r";' "exit_word = \"$(printf '%64s' '' | tr ' ' x)\";" \
		'exit_word = 5;' 'idle_seconds = -1;' 'idle_seconds = "never";' 'low_ports = 1;'; do
		timed_config "$(echo_service "
			$wrong")"
		run -78 timed -t -c "$CONF"
		echo "$output"
		[[ $output =~ timed.conf:[0-9]+:\ ${wrong%% *}: ]]
	done
	timed_config "$(echo_service "exit_word = \"$(printf '%63s' '' | tr ' ' x)\";")"
	timed -t -c "$CONF"
}

# ---- Who does not read ------------------------------------------------------

@test "echo: who sends and does not read costs 256 KiB at most, and loses nothing" {
	local worker before after
	timed_start 'workers = 1;' "$(echo_service)" "log = { file = \"$LOG\"; $NOTICE"
	worker=$(worker_pids)
	client_script never.py <<-'EOF'
		pacer = connect()
		def paced():
		    pacer.sendall(b"x")
		    assert read(pacer, 1) == b"x"
		held = []
		for number in range(20):
		    s = connect(4096)
		    s.setblocking(False)
		    held.append((s, hashlib.sha1(), [0]))
		part = (50, 700, 1448, 20000)
		# Until it stands still but for what the kernel still finds room for.
		until = time.monotonic() + 1.5
		while time.monotonic() < until:
		    for n, (s, digest, sent) in enumerate(held):
		        data = os.urandom(part[n % 4]).replace(b"\n", b".")
		        try:
		            done = s.send(data)
		        except BlockingIOError:
		            continue
		        digest.update(data[:done])
		        sent[0] += done
		    paced()
		most = max(sent[0] for _, _, sent in held)
		print(most, min(sent[0] for _, _, sent in held), flush=True)
		sys.stdin.readline()
		for s, digest, sent in held:
		    s.settimeout(20)
		    s.shutdown(socket.SHUT_WR)
		    back = read_end(s)
		    assert len(back) == sent[0], (len(back), sent[0])
		    assert hashlib.sha1(back).digest() == digest.digest()
		print("whole", flush=True)
	EOF
	mkfifo "$DIR/go"
	exec {go}<>"$DIR/go"
	before=$(rss_of "$worker")
	# shellcheck disable=SC2016 # for that shell
	start "$DIR/never" "$DIR/never.err" sh -c 'exec python3 "$1" "$2" <"$3"' - \
		"$DIR/never.py" "$(echo_port)" "$DIR/go"
	wait_until 60 lines_in "$DIR/never" 1
	after=$(rss_of "$worker")
	cat "$DIR/never"
	echo "RSS $before KiB before, $after KiB after"
	# All that they could send, their own buffers included.
	[ "$(head -n 1 "$DIR/never" | cut -d' ' -f1)" -le 262144 ]
	[ $((after - before)) -lt 512 ]
	# What the kernel has for each, with its own needs.
	ss -Htnmi "sport = :$(echo_port)" |
		sed -n 's/.*skmem:(r\([0-9]*\),.*,w\([0-9]*\),.*/\1 \2/p' >"$DIR/kernel"
	[ "$(wc -l <"$DIR/kernel")" -eq 21 ]
	sort -n "$DIR/kernel" | tail -n 1
	awk '$1 + $2 > 262144 - 8192 { bad = 1 } $1 + $2 > 65536 { n++ }
		END { exit bad || n < 20 }' "$DIR/kernel"
	echo go >&"$go"
	wait_until 60 lines_in "$DIR/never" 2
	exec {go}>&-
}

@test "echo: one that floods holds up nobody" {
	timed_start 'workers = 1;' "$(echo_service)" "log = { file = \"$LOG\"; $NOTICE"
	# shellcheck disable=SC2016 # for that shell
	start "$DIR/flood" "$DIR/flood.err" sh -c \
		'nc 127.0.0.1 "$1" </dev/zero >/dev/null' - "$(echo_port)"
	wait_until "$PATIENCE" status_is '.services[0].bytes_out > 10000000'
	client_script beside.py <<-'EOF'
		s = connect()
		for n in range(300):
		    s.sendall(b"%d\n" % n)
		    assert read(s, len(str(n)) + 1) == b"%d\n" % n
	EOF
	python3 "$DIR/beside.py" "$(echo_port)"
	status_is '.services[0].connections >= 1'
	client_stop "$PID"
}

@test "echo: idle clients are let go, those that are not stay" {
	timed_start "$(echo_service 'idle_seconds = 2;')"
	client_script idle.py <<-'EOF'
		quiet, busy, full = connect(), connect(), connect(4096)
		full.setblocking(False)
		try:
		    while True:
		        full.send(b"x" * 10000)
		except BlockingIOError:
		    pass
		begun, gone = time.monotonic(), False
		busy.settimeout(0.2)
		while not gone:
		    busy.sendall(b"here\n")
		    assert read(busy, 5) == b"here\n"
		    gone = select.select([quiet], [], [], 0.2)[0]
		    assert time.monotonic() < begun + 20
		assert quiet.recv(1) == b""
		print(time.monotonic() - begun, flush=True)
		signal.pause()
	EOF
	start "$DIR/idle" "$DIR/idle.err" python3 "$DIR/idle.py" "$(echo_port)"
	wait_until "$PATIENCE" lines_in "$DIR/idle" 1
	# Not before its time.
	awk '$1 < 1 { exit 1 }' "$DIR/idle"
	wait_until "$PATIENCE" status_is '.services[0].closed >= 2'
	[ "$(grep -c "client disconnected; .*reason='idle'" "$LOG")" -ge 2 ]
}

# ---- Hand-off ---------------------------------------------------------------

@test "echo: through 20 reloads and an upgrade not a byte is lost, doubled or displaced" {
	local i
	timed_start "$(echo_service)" "log = { file = \"$LOG\"; $NOTICE"
	load_start "$(echo_port)" 60
	for i in {1..20}; do
		reload "workers = $((1 + i % 4));" "$(echo_service)" \
			"log = { file = \"$LOG\"; $NOTICE"
	done
	kill -USR2 "$TIMED_PID"
	wait_until "$PATIENCE" log_has ': upgraded;'
	wait_until "$PATIENCE" settled 1
	status_is '.services[0] | .connections == 60 and .closed == 0'
	load_end TERM
	loaded_is '.whole == 60 and .lost == 0'
	wait_until "$PATIENCE" status_is '.services[0] | .connections == 0 and
		.accepted == 60 and .closed == 60 and .bytes_in == .bytes_out'
	status_is ".services[0].bytes_out == $(jq .bytes <<<"$LOADED")"
	status_is '.totals.crashes == 0'
}

@test "echo: recycled workers pass on whom they have" {
	local i
	timed_start 'workers = 2;' 'recycle_after = 8;' "$(echo_service)" \
		"log = { file = \"$LOG\"; level = \"info\"; syslog = false; };"
	load_start "$(echo_port)" 10
	for i in {1..24}; do
		[ "$(echo "$i" | nc -N 127.0.0.1 "$(echo_port)")" = "$i" ]
	done
	wait_until "$PATIENCE" log_has 'connections handed over; connections='
	load_end TERM
	loaded_is '.whole == 10'
}

@test "echo: workers that die take their own clients along, and nobody else's bytes" {
	local i victim
	timed_start 'workers = 3;' "$(echo_service)" "log = { file = \"$LOG\"; $NOTICE"
	load_start "$(echo_port)" 60
	victim=$(worker_pids | head -n 1)
	kill -KILL "$victim"
	wait_until "$PATIENCE" status_is '.totals.crashes == 1'
	wait_until "$PATIENCE" settled 3
	# In the middle of a hand-off, too, if that is not over.
	for i in 1 2 3; do
		victim=$(worker_pids | head -n 1)
		kill -HUP "$TIMED_PID"
		kill -KILL "$victim" || :
		wait_until "$PATIENCE" gone "$victim"
		wait_until "$PATIENCE" status_is ".reloads + .reloads_refused == $i"
		wait_until "$PATIENCE" settled 3
	done
	load_end TERM
	loaded_is '.whole + .lost == 60 and .lost > 0 and .whole > 0'
	wait_until "$PATIENCE" status_is '.services[0] | .connections == 0 and
		.accepted == 60 and .closed == 60'
}

@test "echo: half a word goes along, and the next worker's word counts" {
	local port
	timed_start "$(echo_service)"
	port=$(echo_port)
	client_script word.py <<-'EOF'
		a, b, c = connect(), connect(), connect()
		a.sendall(b"ab\nexi")
		assert read(a, 3) == b"ab\n"
		b.sendall(b"qui")
		assert read(b, 3) == b"qui"
		c.sendall(b"line\n")
		assert read(c, 5) == b"line\n"
		print("half", flush=True)
		sys.stdin.readline()
		# The same word.
		a.sendall(b"ting\nexi")
		assert read(a, 8) == b"exiting\n"
		print("same", flush=True)
		sys.stdin.readline()
		# Another one: what was held back comes at once.
		assert read(a, 3) == b"exi"
		a.sendall(b"t\nqu")
		assert read(a, 2) == b"t\n"
		a.sendall(b"it\n")
		assert read_end(a) == b""
		b.sendall(b"t\nquit\n")
		assert read_end(b) == b"t\n"
		c.sendall(b"quit\n")
		assert read_end(c) == b""
		print("other", flush=True)
	EOF
	mkfifo "$DIR/go"
	exec {go}<>"$DIR/go"
	# shellcheck disable=SC2016 # for that shell
	start "$DIR/word" "$DIR/word.err" sh -c 'exec python3 "$1" "$2" <"$3"' - \
		"$DIR/word.py" "$port" "$DIR/go"
	wait_until "$PATIENCE" lines_in "$DIR/word" 1
	# What was sent was read by now: another worker may have the next.
	wait_until "$PATIENCE" status_is '.services[0].bytes_in == 14'
	reload "$(echo_service)"
	wait_until "$PATIENCE" settled 2
	echo go >&"$go"
	wait_until "$PATIENCE" lines_in "$DIR/word" 2
	wait_until "$PATIENCE" status_is '.services[0].bytes_in == 22'
	reload "$(echo_service 'exit_word = "quit";')"
	wait_until "$PATIENCE" settled 2
	echo go >&"$go"
	wait_until "$PATIENCE" lines_in "$DIR/word" 3
	exec {go}>&-
}

@test "echo: a stop gives back what was read, and then the end" {
	timed_start 'stop_seconds = 2;' "$(echo_service)"
	client_script stop.py <<-'EOF'
		a, b = connect(), connect()
		a.sendall(b"ab\nexit\r")
		assert read(a, 3) == b"ab\n"
		b.sendall(b"there\n")
		assert read(b, 6) == b"there\n"
		print("sent", flush=True)
		assert read_end(a) == b"exit\r"
		assert read_end(b) == b""
		print("ended", flush=True)
	EOF
	start "$DIR/stop" "$DIR/stop.err" python3 "$DIR/stop.py" "$(echo_port)"
	wait_until "$PATIENCE" lines_in "$DIR/stop" 1
	wait_until "$PATIENCE" status_is '.services[0].bytes_in == 14'
	timed_stop
	wait_until "$PATIENCE" lines_in "$DIR/stop" 2
}

# ---- Over UDP ---------------------------------------------------------------

@test "echo: a datagram comes back as it was, from none to 65507 bytes" {
	timed_start "$(echo_service '' '"127.0.0.1:0", "[::1]:0"')"
	client_script datagrams.py <<-'EOF'
		def ask(s, data):
		    s.send(data)
		    assert s.recv(70000) == data, len(data)
		for family, host, port, most in (
		        (socket.AF_INET, "127.0.0.1", where, 65507),
		        (socket.AF_INET6, "::1", sys.argv[2], 65527)):
		    s = socket.socket(family, socket.SOCK_DGRAM)
		    s.connect((host, int(port)))
		    s.settimeout(20)
		    s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 200000)
		    for length in (0, 1, 2, 511, 512, 513, 1472, 2047, 2048, 2049, 9000,
		                   65000, most):
		        ask(s, random.randbytes(length))
		    # It is no line there.
		    ask(s, b"exit\n")
		    # Many at once.
		    sent = {random.randbytes(random.randrange(8, 1000)) for _ in range(60)}
		    for data in sent:
		        s.send(data)
		    assert {s.recv(70000) for _ in sent} == sent
	EOF
	python3 "$DIR/datagrams.py" "$(echo_port)" "$(echo_port 2)"
	wait_until "$PATIENCE" status_is '.services[0] | .requests == 148 and .refused == 0 and
		.connections == 0 and .bytes_in == .bytes_out'
}

@test "echo: what is larger than a packet comes back in fragments" {
	NET_RUNS='ip link set lo mtu 1500; echo up; exec tail -f /dev/null' \
		net_start 192.0.2.1/24
	timed_start "$(echo_service '' '"192.0.2.1:7"')"
	client_script large.py <<-'EOF'
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		s.connect((where, 7))
		s.settimeout(20)
		for length in (1472, 1473, 4000, 60000):
		    data = random.randbytes(length)
		    s.send(data)
		    assert s.recv(70000) == data
	EOF
	"${NET[@]}" python3 "$DIR/large.py" 192.0.2.1
}

@test "echo: 20,000 of 20,000 datagrams come back" {
	timed_start "$(echo_service)"
	udp_ask "$(echo_port)" 20000 >"$DIR/answers"
	[ "$(wc -l <"$DIR/answers")" -eq 20000 ]
	wait_until "$PATIENCE" status_is '.services[0] | .requests == 20000 and .refused == 0'
}

@test "echo: ports that would answer the answer are met with silence" {
	local port
	net_start
	timed_start "$(echo_service '' '"127.0.0.1:7", "[::1]:7"')"
	for port in 7 13 19 37 1023; do
		udp_storm 7 10 127.0.0.1 127.0.0.2 "$port"
		[ "$ANSWERED" -eq 0 ]
	done
	udp_storm 7 10 ::1 ::1 19
	[ "$ANSWERED" -eq 0 ]
	status_is '.services[0] | .refused == 60 and .requests == 0 and
		.refused_by.low_port == 60 and .bytes_out == 0'
	udp_storm 7 10 127.0.0.1 127.0.0.1 1024
	[ "$ANSWERED" -eq 10 ]
	reload "$(echo_service 'low_ports = true;' '"127.0.0.1:7", "[::1]:7"')"
	udp_storm 7 10 127.0.0.1 127.0.0.2 19
	[ "$ANSWERED" -eq 10 ]
}

@test "echo: its own port is met with silence where that is a high one, too" {
	local port
	net_start
	timed_start "$(echo_service)"
	port=$(echo_port)
	udp_storm "$port" 10 127.0.0.1 127.0.0.2 "$port"
	[ "$ANSWERED" -eq 0 ]
	status_is '.services[0].refused_by.low_port == 10'
}

@test "echo: a source that asks too often is answered as rate allows" {
	timed_start 'workers = 1;' \
		"$(echo_service 'rate = { per_second = 0.001; burst = 5; leak = 0; };')"
	udp_storm "$(echo_port)" 50
	[ "$ANSWERED" -eq 5 ]
	status_is '.services[0] | .requests == 5 and .refused_by.rate == 45'
	# Connections are not limited.
	[ "$(echo free | nc -N 127.0.0.1 "$(echo_port)")" = free ]
}

@test "echo: an answer comes from the address that was asked" {
	local address
	net_start 192.0.2.1/24 2001:db8::1/64
	timed_start "$(echo_service '' '"*:3737"')"
	for address in 127.0.0.1 127.0.0.2 192.0.2.1 ::1 2001:db8::1; do
		udp_ask 3737 1 "$address"
	done
	status_is '.services[0].requests == 5'
}
