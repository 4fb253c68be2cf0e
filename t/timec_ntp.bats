#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# timec ntp: offset, delay and what the server says of its clock; and which
# replies it believes.

# shellcheck disable=SC2030,SC2031 # each test is a process of its own

load lib

bats_require_minimum_version 1.5.0

# serve SCRIPT: an NTP server, SERVER, whose clock and whose replies are as
# SCRIPT, in Python, makes them.  It may change
#
#   shift        seconds that its clock is ahead
#   leap, version, mode, stratum, refid, root_delay, dispersion, origin
#   packets      what is sent: a list of bytes; make() makes one of the above
#   before       seconds to wait before the reply, which count as delay
#
# and has question, peer, server, and n, how many there were before.
serve()
{
	program server.py <<-'END'
		import select, socket, struct, sys, time

		def stamp(t):
		    return int((t + 2208988800) * 2**32) % 2**64

		def make():
		    received = now + shift
		    return struct.pack(
		        "!BBbbII4sQQQQ", leap << 6 | version << 3 | mode,
		        stratum, 6, -20, int(root_delay * 65536),
		        int(dispersion * 65536), refid, stamp(received - 8),
		        origin, stamp(received), stamp(received))

		server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		server.bind(("127.0.0.1", 0))
		print(server.getsockname()[1], flush=True)
		n = 0
		while True:
		    question, peer = server.recvfrom(2048)
		    now = time.time()
		    shift, before, packets = 0, 0, None
		    leap, version, mode, stratum = 0, 4, 4, 1
		    refid, root_delay, dispersion = b"GPS\0", 0, 0
		    origin = struct.unpack("!Q", question[40:48])[0]
		    exec(sys.argv[1])
		    select.select([], [], [], before)
		    for packet in [make()] if packets is None else packets:
		        server.sendto(packet, peer)
		    n += 1
	END
	start "$DIR/port" "$DIR/server.err" python3 "$DIR/server.py" "$1"
	wait_until "$PATIENCE" lines_in "$DIR/port" 1
	SERVER=127.0.0.1:$(cat "$DIR/port")
}

# ntp STATUS ARGUMENT...: timec ntp, its report as JSON in REPORT.
ntp()
{
	local wanted=$1 status=0
	shift
	REPORT=$DIR/report.json
	timec ntp -j "$@" "$SERVER" >"$REPORT" 2>"$DIR/timec.err" || status=$?
	cat "$REPORT" "$DIR/timec.err" >&2
	[ "$status" -eq "$wanted" ]
}

# is FILTER: of the report.
is()
{
	[ "$(jq "$1" "$REPORT")" = true ] || {
		echo "it is not so: $1" >&2
		return 1
	}
}

@test "timec ntp: a sample, and what it says" {
	local number='[0-9]+\.[0-9]{9}'
	serve 'root_delay, dispersion = 0.5, 0.25'
	run -0 --separate-stderr timec ntp "$SERVER"
	# shellcheck disable=SC2154 # run sets it
	[ -z "$stderr" ]
	[ "${#lines[@]}" -eq 8 ]
	[[ ${lines[0]} =~ ^sample\ 1\ \ offset\ [-+]$number\ s\ \ delay\ $number\ s\ \ stratum\ 1$ ]]
	[ "${lines[1]}" = "server     $SERVER  version 4  stratum 1" ]
	[ "${lines[2]}" = 'clock      synchronised  leap none' ]
	[[ ${lines[3]} =~ ^reference\ \ GPS\ \ 20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{3}Z$ ]]
	[[ ${lines[4]} =~ ^root\ {7}delay\ 0\.500000000\ s\ \ dispersion\ 0\.250000000\ s\ \ distance\ $number\ s$ ]]
	[ "${lines[5]}" = 'precision  0.000000954 s (2^-20)' ]
	[ "${lines[6]}" = 'samples    asked 1  answered 1  good 1' ]
	[[ ${lines[7]} =~ ^best\ {7}offset\ [-+]$number\ s\ \ delay\ $number\ s\ \ jitter\ 0\.000000000\ s$ ]]
}

@test "timec ntp: the request tells nothing of the clock that asks" {
	serve '
assert len(question) == 48 and question[0] == 0x23, question
assert question[1:40] == bytes(39), question
assert origin not in globals().setdefault("seen", set())
seen.add(origin)'
	ntp 0 -n 5 -i 0
	is '.good == 5'
}

@test "timec ntp: the offset is the server's from ours" {
	serve 'shift = 100 if n == 0 else -100'
	ntp 0
	is '.offset_seconds > 99 and .offset_seconds < 101'
	ntp 0
	is '.offset_seconds > -101 and .offset_seconds < -99'
	is '.delay_seconds >= 0 and .delay_seconds < 1'
}

@test "timec ntp: an offset of years, beyond 2036" {
	serve 'shift = 20 * 365 * 86400'
	ntp 0
	is '.offset_seconds - 630720000 | . > -1 and . < 1'
	is '.reference_time | startswith("20")'
}

@test "timec ntp: the best of several is the one with the smallest delay" {
	# What takes longer to come back seems to be behind by half of that.
	serve 'before = 0 if n == 2 else 0.4'
	ntp 0 -n 4 -i 0
	is '.asked == 4 and .answered == 4 and .good == 4'
	is '.samples | length == 4'
	is '.delay_seconds == (.samples | map(.delay_seconds) | min)'
	is '.delay_seconds == .samples[2].delay_seconds'
	is '.offset_seconds == .samples[2].offset_seconds'
	is '[.samples[0, 1, 3] | .delay_seconds >= 0.39] | all'
	# Three of them are 0.2 seconds away.
	is '.jitter_seconds > 0.1 and .jitter_seconds < 1'
}

@test "timec ntp: the report's keys" {
	serve 'pass'
	ntp 0
	[ "$(jq -c keys "$REPORT")" = "$(jq -c sort <<-'END'
		["address","answered","asked","delay_seconds","good",
		"jitter_seconds","kiss","leap","mode","offset_seconds",
		"precision","reference_id","reference_time",
		"root_delay_seconds","root_dispersion_seconds",
		"root_distance_seconds","samples","stratum","synchronised",
		"version"]
	END
	)" ]
	is ".mode == \"ntp\" and .address == \"$SERVER\" and .kiss == null"
	is '.synchronised and .leap == "none" and .reference_id == "GPS"'
	[ "$(wc -l <"$REPORT")" -eq 1 ]
}

@test "timec ntp: a reference is a name, or an address" {
	serve '
stratum = n + 1
refid = [b"PPS\0", bytes([192, 0, 2, 1]), b"GPS\0", b"\x1b[2J"][n]
if n == 3: stratum = 1'
	ntp 0
	is '.reference_id == "PPS" and .stratum == 1'
	ntp 0
	is '.reference_id == "192.0.2.1" and .stratum == 2'
	ntp 0
	is '.reference_id == "71.80.83.0" and .stratum == 3'
	ntp 0
	is '.reference_id == "27.91.50.74"'
}

@test "timec ntp: root distance is half of the way, and the errors" {
	serve 'root_delay, dispersion = 2, 0.125'
	ntp 0
	is '.root_distance_seconds - .delay_seconds / 2 - 1.125 | . > 0 and . < 0.0001'
}

@test "timec ntp: an announced leap second" {
	serve 'leap = 1 + n'
	run -0 timec ntp "$SERVER"
	[ "${lines[2]}" = 'clock      synchronised  leap insert' ]
	run -0 timec ntp "$SERVER"
	[ "${lines[2]}" = 'clock      synchronised  leap delete' ]
}

# ---- Servers that are not to be believed --------------------------------------

@test "timec ntp: an unsynchronised clock is 1, and told" {
	serve '
if n % 2 == 0: leap = 3
else: stratum, refid = 16, b"INIT"'
	run -1 --separate-stderr timec ntp "$SERVER"
	[ "$stderr" = "timec: $SERVER is not synchronised" ]
	[[ ${lines[0]} == *'  unsynchronised' ]]
	[ "${lines[2]}" = 'clock      unsynchronised  leap unsynchronised' ]
	run -1 --separate-stderr timec ntp "$SERVER"
	[ "$stderr" = "timec: $SERVER is not synchronised" ]
	[ "${lines[1]}" = "server     $SERVER  version 4  stratum 16" ]
	[ "${lines[2]}" = 'clock      unsynchronised  leap none' ]
	[[ ${lines[3]} == 'reference  INIT  '* ]]
	ntp 1
	is '.synchronised == false and .good == 0 and .answered == 1'
}

@test "timec ntp: a server that is not set, as timed is one, is asked on" {
	serve 'leap, stratum, refid = 3, 0, b"INIT"'
	run -1 --separate-stderr timec ntp -n 2 -i 0 "$SERVER"
	[ "$stderr" = "timec: $SERVER is not synchronised" ]
	[[ ${lines[0]} == 'sample 1  '*'  stratum 0  unsynchronised' ]]
	[[ ${lines[1]} == 'sample 2  '*'  stratum 0  unsynchronised' ]]
	[[ ${lines[4]} == 'reference  INIT  '* ]]
	ntp 1
	is '.kiss == null and .synchronised == false and .answered == 1'
}

@test "timec ntp: what a clock says that is not set counts less" {
	serve 'leap, shift, before = (0, 0, 0.1) if n == 1 else (3, 1000, 0)'
	ntp 1 -n 3 -i 0
	is '.good == 1 and .synchronised and .leap == "none"'
	is '.offset_seconds > -1 and .offset_seconds < 1'
	is '[.samples[].synchronised] == [false, true, false]'
	[ ! -s "$DIR/timec.err" ]
}

@test "timec ntp: a kiss-of-death ends it" {
	serve '
if n == 1: stratum, leap, refid = 0, 3, b"RATE"
assert n < 2'
	run -1 --separate-stderr timec ntp -n 5 -i 0 "$SERVER"
	[ "$stderr" = "timec: $SERVER asks to be left alone: kiss-of-death RATE" ]
	[[ ${lines[0]} == 'sample 1  offset '* ]]
	[ "${lines[1]}" = 'sample 2  kiss-of-death RATE' ]
	[[ ${lines[7]} == 'samples    asked 2  answered 2  good 1' ]]
	run -69 timec ntp -t 0.1 "$SERVER"
}

@test "timec ntp: nothing but a kiss is 1" {
	serve 'stratum, leap, refid = 0, 3, b"DENY"'
	run -1 --separate-stderr timec ntp "$SERVER"
	[ "$output" = 'sample 1  kiss-of-death DENY' ]
	ntp 1 -n 3
	is '.kiss == "DENY" and .asked == 1 and .good == 0'
	is '.samples == [{"kiss": "DENY"}]'
}

# bogus WHY SCRIPT: what SCRIPT makes is passed over, for the reason WHY, and a
# good reply behind it is taken.
bogus()
{
	serve "
$2
bad = make()
$3
leap, version, mode, stratum = 0, 4, 4, 2
origin = struct.unpack('!Q', question[40:48])[0]
packets = [bad, make()]"
	run -0 --separate-stderr timec ntp "$SERVER"
	[ "$stderr" = "timec: $SERVER: passed over what came: $1" ]
	[ "${lines[1]}" = "server     $SERVER  version 4  stratum 2" ]
}

@test "timec ntp: a reply to another request is none" {
	bogus 'its origin timestamp is not what was sent' 'origin ^= 1'
}

@test "timec ntp: a kiss that anybody could send is none" {
	bogus 'its origin timestamp is not what was sent' \
		'origin, stratum, refid = 0, 0, b"DENY"'
}

@test "timec ntp: a reply of another mode is none" {
	bogus 'its mode is not 4' 'mode = 3'
}

@test "timec ntp: a reply of no known version is none" {
	bogus 'its version is not 1 to 4' 'version = 5'
}

@test "timec ntp: a reply that is too short is none" {
	bogus 'it is not 48 bytes long' '' 'bad = bad[:47]'
}

@test "timec ntp: a reply that is longer than its request is none" {
	bogus 'it is not 48 bytes long' '' 'bad = bad + bytes(4)'
	run ! grep -q Traceback "$DIR/server.err"
}

@test "timec ntp: a reply without a time is none" {
	bogus 'it has no time' '' 'bad = bad[:32] + bytes(16)'
}

@test "timec ntp: a reply from somebody else is not even seen" {
	serve '
other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
stratum = 3
other.sendto(make(), peer)
stratum = 2'
	run -0 --separate-stderr timec ntp "$SERVER"
	[ -z "$stderr" ]
	[ "${lines[1]}" = "server     $SERVER  version 4  stratum 2" ]
}

@test "timec ntp: nothing but bogus replies is no answer" {
	serve 'mode = 3'
	run -69 --separate-stderr timec ntp -t 0.1 "$SERVER"
	grep -qx "timec: no answer from $SERVER in 0.1 s" <<<"$stderr"
	[ -z "$output" ]
}

# ---- How it ends ------------------------------------------------------------

@test "timec ntp: 69 when nobody listens, and when nobody answers" {
	run -69 --separate-stderr timec ntp 127.0.0.1:1
	[ "$stderr" = 'timec: cannot ask 127.0.0.1:1: Connection refused' ]
	serve 'packets = []'
	run -69 --separate-stderr timec ntp -t 0.1 "$SERVER"
	[ "$stderr" = "timec: no answer from $SERVER in 0.1 s" ]
	[ -z "$output" ]
	ntp 69 -t 0.1
	[ ! -s "$REPORT" ]
}

@test "timec ntp: 1 when one of several is lost" {
	serve 'if n == 1: packets = []'
	run -1 --separate-stderr timec ntp -n 3 -i 0 -t 1 "$SERVER"
	[ "${lines[1]}" = 'sample 2  lost' ]
	[ "${lines[8]}" = 'samples    asked 3  answered 2  good 2' ]
	grep -q 'no answer from' <<<"$stderr"
}

@test "timec ntp: interrupted, it says what it has" {
	serve 'pass'
	start "$DIR/out" "$DIR/err" timec ntp -n 1000 -i 600 "$SERVER"
	wait_until "$PATIENCE" lines_in "$DIR/out" 1
	kill -INT "$PID"
	wait_until 2 gone "$PID"
	wait "$PID"
	grep -q '^samples    asked 1  answered 1  good 1$' "$DIR/out"
	grep -q '^best       offset ' "$DIR/out"
}
