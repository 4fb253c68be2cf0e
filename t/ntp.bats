#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# NTP: clients as they are take the time; what is answered and what is not;
# what is said of the clock; and nothing is lost while the operator works.
#
# What the clock of this machine is like is no matter: where it is, a server
# that the test writes says it.

# shellcheck disable=SC2030,SC2031 # each test is a process of its own

load lib

bats_require_minimum_version 1.5.0

setup()
{
	harness_setup
	program client.py <<-'EOF'
		# A client of NTP, and what it is answered.
		import socket, struct, time

		HEADER = struct.Struct(">BBbb3I4Q")
		FIELDS = ("lvm stratum poll precision delay dispersion refid"
		          " reference origin receive transmit").split()

		def stamp():
		    now = time.time_ns() + 2208988800 * 10**9
		    return (now << 32) // 10**9 & (1 << 64) - 1

		def request(version=4, mode=3, origin=0, receive=0, transmit=None,
		            poll=6):
		    return HEADER.pack(version << 3 | mode, 0, poll, 0, 0, 0, 0, 0,
		                       origin, receive, transmit or stamp())

		class Answer:
		    def __init__(self, data):
		        for name, value in zip(FIELDS, HEADER.unpack(data)):
		            setattr(self, name, value)
		        self.leap = self.lvm >> 6
		        self.version = self.lvm >> 3 & 7
		        self.mode = self.lvm & 7

		class Client:
		    def __init__(self, port, own=("127.0.0.1", 0)):
		        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF,
		                               1 << 20)
		        self.socket.settimeout(20)
		        self.socket.bind(own)
		        self.socket.connect(("127.0.0.1", port))

		    def send(self, data):
		        self.socket.send(data)

		    def receive(self):
		        return self.socket.recv(4096)

		    def ask(self, *args, **more):
		        self.send(request(*args, **more))
		        return Answer(self.receive())
	EOF
	program upstream.py <<-'EOF'
		# A server of NTP that says what is in the file "says": leap, stratum,
		# reference, root delay, root dispersion.
		import os, socket, sys
		from client import HEADER, stamp

		directory, port = sys.argv[1], int(sys.argv[2])
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		s.bind(("127.0.0.1", port))
		with open(directory + "/upstream.new", "w") as out:
		    print(s.getsockname()[1], file=out)
		os.rename(directory + "/upstream.new", directory + "/upstream")
		while True:
		    data, client = s.recvfrom(512)
		    now = stamp()
		    with open(directory + "/says") as says:
		        leap, stratum, refid, delay, dispersion = (
		            int(n, 0) for n in says.read().split())
		    origin = HEADER.unpack(data)[-1]
		    s.sendto(HEADER.pack(leap << 6 | 0x24, stratum, 6, -20, delay,
		                         dispersion, refid, now - (16 << 32), origin,
		                         now, stamp()), client)
	EOF
	program says.py <<-'EOF'
		# What several answers in a row say, which have to agree.
		import sys
		from client import Client

		said = set()
		for _ in range(int(sys.argv[2])):
		    a = Client(int(sys.argv[1])).ask()
		    said.add("%d %d %#x" % (a.leap, a.stratum, a.refid))
		print(*sorted(said), sep=", ")
	EOF
}

# upstream_says LEAP STRATUM REFID [DELAY DISPERSION]: from now on.
upstream_says()
{
	echo "$1 $2 $3 ${4:-0x100} ${5:-0x200}" >"$DIR/says.new"
	mv "$DIR/says.new" "$DIR/says"
}

# upstream_start [PORT]: the server; its port is UPSTREAM, its pid UPSTREAM_PID.
upstream_start()
{
	rm -f "$DIR/upstream"
	start "$DIR/upstream.out" "$DIR/upstream.err" \
		python3 "$DIR/upstream.py" "$DIR" "${1:-0}"
	UPSTREAM_PID=$PID
	wait_until "$PATIENCE" test -e "$DIR/upstream"
	UPSTREAM=$(<"$DIR/upstream")
}

# ntp SETTINGS [LISTEN]: the setting of a server that mirrors the upstream.
ntp()
{
	echo "services = ( { type = \"ntp\"; listen = [ ${2:-\"127.0.0.1:0\"} ];
		source = \"127.0.0.1:$UPSTREAM\"; $1 } );"
}

# ntp_start [SETTINGS [MORE...]]: with an upstream that is well; its port is
# PORT.
ntp_start()
{
	upstream_says 0 2 0xc0000201
	upstream_start
	timed_start "$(ntp "${1-}")" "${@:2}"
	PORT=$(service_port ntp)
}

# What is said of the clock: LEAP STRATUM REFID.
says()
{
	python3 "$DIR/says.py" "$PORT" "${1:-1}"
}

# says_now SAID: do all workers, as far as one can see?
says_now()
{
	[ "$(says 8)" = "$1" ]
}

# What an upstream, and a clock that is not synchronised, say here.
WELL='0 2 0xc0000201'
UNSYNCHRONISED='3 0 0x494e4954'

# Does chronyd take the time from PORT in so many seconds?  It changes nothing.
chronyd_takes()
{
	chronyd -Q -t "$1" "server 127.0.0.1 port $PORT iburst" 2>"$DIR/chronyd"
}

# Did it find the clock right to 50 microseconds?
chronyd_agrees()
{
	chronyd_takes 20 || return
	grep -Eq 'System clock wrong by -?0\.0000[0-4]' "$DIR/chronyd"
}

# ---- Clients as they are ----------------------------------------------------

@test "ntp: chronyd takes the time, and finds it right to 50 microseconds" {
	ntp_start
	# On a machine that is busy not each time.
	wait_until 60 chronyd_agrees
}

@test "ntp: chronyd in interleaved mode gets the answers of interleaved mode" {
	local as
	ntp_start '' 'workers = 1;'
	as=$(id -un)
	cat >"$DIR/chrony.conf" <<-END
		server 127.0.0.1 port $PORT xleave minpoll -4 maxpoll -4
		cmdport 0
		bindcmdaddress /
		pidfile $DIR/chronyd.pid
		logdir $DIR
		log rawmeasurements
	END
	start "$DIR/chronyd.out" "$DIR/chronyd.err" \
		chronyd -x -U -d -u "$as" -f "$DIR/chrony.conf"
	wait_until "$PATIENCE" file_has "$DIR/measurements.log" ' 4I [DKH] '
}

@test "ntp: check_ntp_time is content" {
	ntp_start
	/usr/lib/nagios/plugins/check_ntp_time -H 127.0.0.1 -p "$PORT" \
		-w 1 -c 2 | grep '^NTP OK: Offset'
}

@test "ntp: rdate -n reads it" {
	local shown said
	ntp_start
	shown=$(rdate -n -p -o "$PORT" 127.0.0.1)
	said=$(date -d "$shown" +%s)
	[ $(($(date +%s) - said)) -le 2 ]
	[ $((said - $(date +%s))) -le 1 ]
}

# alone COMMAND...: with a network of its own, in which ports below 1024 are
# like others.
alone()
{
	local own=(unshare --net)
	[ "$(id -u)" -eq 0 ] ||
		own=(unshare --user --map-current-user --keep-caps --net)
	# shellcheck disable=SC2016 # for that shell
	start "$DIR/stdout" "$ERR" "${own[@]}" bash -c '
		ip link set lo up &&
		{ echo 0 >/proc/sys/net/ipv4/ip_unprivileged_port_start || :; } &&
		exec "$@"' bash "$@"
}

# beside PID COMMAND...: in the network of PID.
beside()
{
	local into=(nsenter -n)
	[ "$(id -u)" -eq 0 ] || into=(nsenter -U -n --preserve-credentials)
	"${into[@]}" -t "$1" "${@:2}"
}

# timed on port 123 of a network of its own, with a clock of stratum 10.
start_alone()
{
	timed_config 'services = ( { type = "ntp"; listen = [ "127.0.0.1:123" ];
		source = "127.0.0.1:9"; local_stratum = 10; } );'
	alone timed -f -c "$CONF"
	TIMED_PID=$PID
	wait_until "$PATIENCE" timed_ready
}

@test "ntp: ntpdig takes the time" {
	start_alone
	beside "$TIMED_PID" ntpdig -j 127.0.0.1 >"$DIR/dug"
	jq -e '.host == "127.0.0.1" and .stratum == 10 and
		.leap == "no-leap" and (.offset | fabs) < 1' "$DIR/dug"
}

@test "ntp: who asks from a low port is answered, if he is a client" {
	start_alone
	program low.py <<-'EOF'
		from client import *
		# A client that is answered in all cases says when it was its turn.
		for own in 123, 7, 13, 19, 37, 1023:
		    client = Client(123, ("127.0.0.2", own))
		    answered = []
		    for version in range(8):
		        for mode in range(8):
		            client.send(request(version, mode, transmit=1 + 8 * version + mode))
		    seen = set()
		    for turn in range(100):
		        client.send(request(transmit=1000 + turn))
		        while True:
		            a = Answer(client.receive())
		            if a.origin == 1000 + turn:
		                break
		            seen.add(divmod(a.origin - 1, 8))
		    expected = {(v, m) for v in (1, 2, 3, 4) for m in (1, 3)}
		    if own != 123:
		        expected.add((1, 0))
		    assert seen == expected, (own, seen ^ expected)
	EOF
	beside "$TIMED_PID" python3 "$DIR/low.py"
}

# ---- What is answered -------------------------------------------------------

@test "ntp: an answer has the times of its request" {
	ntp_start
	program times.py <<-'EOF'
		import sys
		from client import *
		client = Client(int(sys.argv[1]))
		for version in 1, 2, 3, 4:
		    for poll in -7, 0, 6, 17:
		        sent = stamp()
		        a = client.ask(version, transmit=sent, poll=poll)
		        assert a.version == version and a.mode == 4
		        assert a.poll == poll and -30 <= a.precision <= -6
		        assert a.origin == sent
		        assert a.origin <= a.receive < a.transmit <= stamp()
		        assert a.reference < a.transmit
		        assert (a.delay, a.refid) == (0x100, 0xc0000201)
		        assert 0x200 <= a.dispersion <= 0x220
	EOF
	python3 "$DIR/times.py" "$PORT"
}

# A client that is connected takes nothing from another address.
@test "ntp: the answer comes from the address that was asked" {
	ntp_start
	timed_config "$(ntp '' "\"*:0\", \"127.0.0.3:0\"")"
	kill -HUP "$TIMED_PID"
	wait_until "$PATIENCE" status_is '.reloads == 1'
	program where.py <<-'EOF'
		import sys
		from client import *
		def ask(family, host, port):
		    s = socket.socket(family, socket.SOCK_DGRAM)
		    s.settimeout(20)
		    s.connect((host, port))
		    s.send(request())
		    assert Answer(s.recv(512)).mode == 4
		every, one = (int(port) for port in sys.argv[1:])
		for host in "127.0.0.1", "127.0.0.2", "127.9.8.7":
		    ask(socket.AF_INET, host, every)
		ask(socket.AF_INET, "127.0.0.3", one)
		if socket.has_ipv6:
		    try:
		        socket.socket(socket.AF_INET6).bind(("::1", 0))
		    except OSError:
		        sys.exit()
		    ask(socket.AF_INET6, "::1", every)
	EOF
	status '.services[0].listen[]'
	python3 "$DIR/where.py" "$(service_port ntp)" \
		"$(status '.services[0].listen[] |
			select(contains("127.0.0.3")) | sub(".*:"; "")')"
}

# Whoever is before a sentinel in the queue of the one worker has his answer
# before the sentinel's.
@test "ntp: versions, modes and lengths: what is answered" {
	ntp_start '' 'workers = 1;'
	program matrix.py <<-'EOF'
		import itertools, os, sys
		from client import *
		client = Client(int(sys.argv[1]))
		number = 1 << 32

		# The answers to packets, as {index: bytes}.
		def answers(packets):
		    global number
		    first, got = number, {}
		    for p in packets:
		        client.send(p[:40] + number.to_bytes(8, "big") + p[48:]
		                    if len(p) >= 48 else p)
		        number += 1
		    client.send(request(transmit=number))
		    while True:
		        data = client.receive()
		        origin = Answer(data).origin
		        if origin == number:
		            number += 1
		            return got
		        assert origin - first not in got, "answered twice"
		        got[origin - first] = data

		def expect(packets, modes):
		    got = answers(packets)
		    assert got.keys() == modes.keys(), (got.keys(), modes)
		    for i, data in got.items():
		        a = Answer(data)
		        assert len(data) == 48 <= len(packets[i])
		        assert (a.version, a.mode) == (packets[i][0] >> 3 & 7, modes[i])

		# Each version and mode, in each length.
		few = [0, 1, 12, 47, 48, 49, 52, 60, 64, 68, 72, 76, 1500, 2048]
		for version, mode in itertools.product(range(8), range(8)):
		    answer = {3: 4, 1: 2}.get(mode) if 1 <= version <= 4 else None
		    if (version, mode) == (1, 0):
		        answer = 4
		    some = range(2049) if mode == 3 and version in (3, 4) else few
		    for start in range(0, len(some), 64):
		        part = some[start:start + 64]
		        for filling in b"\0", b"\xff":
		            packets = [(request(version, mode) + filling * 2048)[:n]
		                       for n in part]
		            expect(packets, {part.index(48): answer}
		                   if answer and 48 in part else {})

		# What follows the header: fields are passed over, a MAC is not known.
		def field(length, kind=0x0104):
		    return (kind.to_bytes(2, "big") + length.to_bytes(2, "big")
		            + bytes(length - 4))
		key = (7).to_bytes(4, "big")
		md5, sha1, nak = key + os.urandom(16), key + os.urandom(20), bytes(4)
		head = request()
		expect([head + field(28), head + field(36) + field(1020),
		        head + field(16) + field(28), head + field(2000)],
		       {0: 4, 1: 4, 2: 4, 3: 4})
		expect([head + md5, head + sha1, head + nak, head + field(28) + md5,
		        head + field(28) + sha1, head + field(28) + nak,
		        head + field(28)[:-4], head + field(30) + bytes(2),
		        head + field(28) + bytes(2), head + field(64)[:60]], {})
		for version in 1, 2, 3:
		    old = request(version)
		    expect([old + md5, old + sha1, old + field(28), old + bytes(4)], {})

		# Nobody's answers are requests.
		data = client.ask()
		expect([HEADER.pack(*(getattr(data, f) for f in FIELDS))], {})
	EOF
	python3 "$DIR/matrix.py" "$PORT"
	status_is '.services[0] | .requests > 0 and .refused > 8000 and
		.bytes_out == 48 * .requests'
}

@test "ntp: interleaved mode says when the answer before was sent" {
	ntp_start '' 'workers = 1;'
	program interleaved.py <<-'EOF'
		import sys
		from client import *
		port = int(sys.argv[1])

		# Its requests name the answer before by the receive timestamp.
		def follow(client, last):
		    mine = stamp()
		    return mine, client.ask(origin=last.receive, receive=mine,
		                            transmit=mine + 1)

		client = Client(port)
		first = client.ask()
		# The first time it is not known that anybody will ask.
		mine, second = follow(client, first)
		assert second.origin == mine + 1 and second.transmit > second.receive
		for _ in range(100):
		    mine, third = follow(client, second)
		    assert third.origin == mine
		    assert second.receive < third.transmit < third.receive
		    if second.transmit > second.receive:
		        assert third.transmit >= second.transmit
		    second = third

		# From another port, as clients do, it is the same client.
		mine, third = follow(Client(port), second)
		assert third.origin == mine

		# By the transmit timestamp: basic mode.  So is what nobody sent.
		a = client.ask()
		for origin in a.transmit, a.receive + 1, stamp():
		    b = client.ask(origin=origin, receive=stamp(), transmit=12345)
		    assert b.origin == 12345 and b.transmit > b.receive

		# A peer does not get it, nor who says that he received what he sends.
		known, a = follow(client, client.ask())
		b = client.ask(4, 1, origin=a.receive, receive=7, transmit=12345)
		assert b.origin == 12345 and b.mode == 2
		b = client.ask(origin=a.receive, receive=12345, transmit=12345)
		assert b.transmit > b.receive
	EOF
	python3 "$DIR/interleaved.py" "$PORT"
}

# ---- What is said of the clock ----------------------------------------------

@test "ntp: what the server beside it says is passed on" {
	ntp_start
	says_now "$WELL"
	upstream_says 0 1 0x50505300
	wait_until "$PATIENCE" says_now '0 1 0x50505300'
	upstream_says 0 15 0x0a000001
	wait_until "$PATIENCE" says_now '0 15 0xa000001'
}

@test "ntp: an unsynchronised clock says so, and is usable on an isolated network" {
	ntp_start
	upstream_says 3 0 0
	wait_until "$PATIENCE" says_now "$UNSYNCHRONISED"
	run ! chronyd_takes 5
	run ! /usr/lib/nagios/plugins/check_ntp_time -H 127.0.0.1 -p "$PORT" \
		-w 1 -c 2
	timed_config "$(ntp 'local_stratum = 10;' "\"127.0.0.1:$PORT\"")"
	kill -HUP "$TIMED_PID"
	wait_until "$PATIENCE" says_now '0 10 0x7f7f0101'
	chronyd_takes 20
}

@test "ntp: the kernel's clock is what the kernel says" {
	local expected=$UNSYNCHRONISED
	timed_start 'services = ( { type = "ntp"; listen = [ "127.0.0.1:0" ];
		stratum = 3; refid = "DCF"; } );'
	PORT=$(service_port ntp)
	program synchronised.py <<-'EOF'
		import ctypes, sys
		room = ctypes.create_string_buffer(4096)
		TIME_ERROR = 5
		sys.exit(ctypes.CDLL(None).ntp_adjtime(room) == TIME_ERROR)
	EOF
	python3 "$DIR/synchronised.py" && expected='0 3 0x44434600'
	says_now "$expected"
}

@test "ntp: without the server beside it the clock is unsynchronised, until it is back" {
	local port
	ntp_start
	port=$UPSTREAM
	says_now "$WELL"
	kill "$UPSTREAM_PID"
	wait_until "$PATIENCE" gone "$UPSTREAM_PID"
	# What it said holds for some seconds.
	wait_until 60 says_now "$UNSYNCHRONISED"
	upstream_start "$port"
	wait_until "$PATIENCE" says_now "$WELL"
}

@test "ntp: a server beside it that is not there costs nobody the start" {
	UPSTREAM=9
	timed_start "$(ntp '')"
	PORT=$(service_port ntp)
	says_now "$UNSYNCHRONISED"
}

# ---- The operator -----------------------------------------------------------

# load_start: a client with 16 requests on the way, none of which may be lost,
# until the file "enough" is there; the file "begun" is when he has had some.
load_start()
{
	program load.py <<-'EOF'
		import os, sys
		from client import *
		port, begun, enough = int(sys.argv[1]), *sys.argv[2:]
		client = Client(port)
		number, out, said = 0, set(), set()
		while out or not os.path.exists(enough):
		    while len(out) < 16 and not os.path.exists(enough):
		        number += 1
		        out.add(number)
		        client.send(request(transmit=number))
		    if out:
		        a = Answer(client.receive())
		        out.remove(a.origin)
		        said.add((a.leap, a.stratum))
		        if number == 100:
		            open(begun, "w").close()
		print(number, said)
	EOF
	start "$DIR/load" "$DIR/load.err" \
		python3 "$DIR/load.py" "$PORT" "$DIR/begun" "$DIR/enough"
	LOAD_PID=$PID
	wait_until "$PATIENCE" test -e "$DIR/begun"
}

# load_end: it has lost nothing, and has been told nothing but the usual.
load_end()
{
	: >"$DIR/enough"
	wait_until 60 gone "$LOAD_PID"
	show "$DIR/load.err"
	wait "$LOAD_PID"
	file_has "$DIR/load" '^[0-9]+ \{\(0, 2\)\}$'
	status_is ".services[0].requests == $(sed 's/ .*//' "$DIR/load")"
}

reloads()
{
	status_is ".reloads == $1"
}

@test "ntp: reloads lose no request, and nobody hears of another clock" {
	local i
	ntp_start '' 'workers = 3;'
	load_start
	for i in {1..10}; do
		kill -HUP "$TIMED_PID"
		wait_until "$PATIENCE" reloads "$i"
	done
	load_end
}

@test "ntp: an upgrade loses no request" {
	ntp_start
	load_start
	kill -USR2 "$TIMED_PID"
	wait_until "$PATIENCE" log_has ' upgraded;'
	wait_until "$PATIENCE" status_is '.state == "running"'
	load_end
}

@test "ntp: a worker that dies takes no more than it had in its hands" {
	local pid
	ntp_start
	pid=$(worker_pids | head -n 1)
	kill -KILL "$pid"
	wait_until "$PATIENCE" log_has 'worker crashed;'
	wait_until "$PATIENCE" timed_ready
	says_now "$WELL"
}

# ---- Settings ---------------------------------------------------------------

# refused SETTINGS TEXT: is that what -t says of them?
refused()
{
	timed_config "services = ( { type = \"ntp\"; listen = [ \"*:123\" ]; $1 } );"
	run -78 timed -t -c "$CONF"
	# shellcheck disable=SC2154 # run sets it
	[[ $output == *"$2"* ]]
}

@test "ntp: settings that cannot be" {
	local source
	refused 'stratum = 0;' 'stratum: must be from 1 to 15'
	refused 'stratum = 16;' 'stratum: must be from 1 to 15'
	refused 'local_stratum = 16;' 'local_stratum: must be from 0 to 15'
	refused 'refid = "GPSX1";' 'refid: must be shorter than 5 bytes'
	refused 'refid = "";' 'refid: must not be empty'
	refused 'refid = "\x01";' 'refid: must be letters of ASCII'
	for source in '*:123' '0.0.0.0:123' '[::]:123' 'unix:/x' 'udp:127.0.0.1:123' '127.0.0.1:0'; do
		refused "source = \"$source\";" \
			"source: \"$source\": must be \"kernel\" or the HOST:PORT"
	done
	refused 'source = "time.example:123";' 'source: "time.example:123": '
	refused 'source = "127.0.0.1";' 'source: "127.0.0.1": '
}

@test "ntp: settings that can be" {
	timed_config 'services = (
		{ type = "ntp"; listen = [ "*:123" ]; source = "[::1]:11123"; },
		{ type = "ntp"; name = "b"; listen = [ "udp:127.0.0.1:124" ];
		  source = "localhost:11123"; local_stratum = 15; },
		{ type = "ntp"; name = "c"; listen = [ "127.0.0.1:125" ];
		  source = "kernel"; stratum = 1; refid = "GPS"; } );'
	timed -t -c "$CONF"
}

@test "ntp: no NTP over TCP" {
	timed_config 'services = (
		{ type = "ntp"; listen = [ "tcp:127.0.0.1:0" ]; } );'
	run -78 timed -t -c "$CONF"
	[[ $output == *'ntp is over UDP alone'* ]]
}
