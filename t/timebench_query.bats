#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# timebench daytime, time and ntp: every request is accounted for, with servers
# that answer, that do not, and that answer what is wrong.

# shellcheck disable=SC2030,SC2031 # each test is a process of its own

load lib

bats_require_minimum_version 1.5.0

# serve MODE TRANSPORT [SCRIPT]: a server, SERVER, that answers as MODE asks
# for.  SCRIPT, in Python, may change for the question n (from 0, which is the
# one that finds out what answers look like)
#
#   answers      what is sent: a list of bytes, one if it is not changed
#   t            the time that it tells, seconds since the epoch
#   leap, stratum, refid
#
# or set them in again(), which makes one of what they are.
serve()
{
	program server.py <<-'END'
		import socket, struct, sys, time

		mode, udp, script = sys.argv[1], sys.argv[2] == "udp", sys.argv[3]
		script = compile(script, "script", "exec")

		def again():
		    if mode == "daytime":
		        text = time.strftime("%Y-%m-%d %H:%M:%S\r\n", time.gmtime(t))
		        return text.encode()
		    if mode == "time":
		        return struct.pack("!I", (int(t) + 2208988800) % 2**32)
		    stamp = int((t + 2208988800) * 2**32) % 2**64
		    return struct.pack("!BBbbII4sQQQQ", leap << 6 | 0x24, stratum, 6,
		                       -20, 0, 0, refid, stamp, origin, stamp, stamp)

		if udp:
		    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		    server.bind(("127.0.0.1", 0))
		else:
		    server = socket.create_server(("127.0.0.1", 0), backlog=512)
		print(server.getsockname()[1], flush=True)
		n = 0
		while True:
		    if udp:
		        question, peer = server.recvfrom(2048)
		        if mode == "ntp":
		            assert len(question) == 48 and question[0] == 0x23
		            origin = struct.unpack("!Q", question[40:48])[0]
		        else:
		            assert question == b""
		    else:
		        s, _ = server.accept()
		    t, answers = time.time(), None
		    leap, stratum, refid = 0, 1, b"GPS\0"
		    exec(script)
		    try:
		        for each in [again()] if answers is None else answers:
		            server.sendto(each, peer) if udp else s.sendall(each)
		    except OSError:
		        pass
		    if not udp:
		        s.close()
		    n += 1
	END
	rm -f "$DIR/port"
	start "$DIR/port" "$DIR/server.err" python3 "$DIR/server.py" \
		"$1" "$2" "${3-pass}"
	SERVER_PID=$PID
	wait_until "$PATIENCE" lines_in "$DIR/port" 1
	SERVER=127.0.0.1:$(cat "$DIR/port")
}

# bench STATUS ARGUMENT...: timebench, its report as JSON in REPORT.
bench()
{
	local wanted=$1 status=0
	shift
	REPORT=$DIR/report.json
	timeout 60 timebench -j "$@" "$SERVER" >"$REPORT" 2>"$DIR/bench.err" ||
		status=$?
	jq -c 'del(.latency_histogram_us)' "$REPORT" >&2
	show "$DIR/bench.err"
	[ "$status" -eq "$wanted" ]
	# Whatever happened, it is known of every request.
	is '.requests_sent == .requests_answered + .requests_lost +
		.requests_wrong + .requests_refused + .requests_failed'
	is '([.latency_histogram_us[][2]] | add // 0) ==
		.requests_answered + .requests_wrong + .requests_refused'
}

# is FILTER: of the report.
is()
{
	[ "$(jq "$1" "$REPORT")" = true ] || {
		echo "it is not so: $1" >&2
		return 1
	}
}

# So long may an answer take where none is to be late, on any machine.
LATE=20

# ---- All is well ------------------------------------------------------------

@test "timebench query: every mode over every transport" {
	local mode transport
	for mode in daytime time ntp; do
		for transport in tcp udp; do
			[ $mode$transport != ntptcp ] || continue
			serve $mode $transport
			bench 0 $mode --$transport -c 4 -d 0.5 --timeout $LATE
			is '.clean and (.interrupted | not)'
			is ".mode == \"$mode\" and .transport == \"$transport\""
			is ".address == \"$SERVER\" and .requests_answered > 0"
			is '.outstanding == 4 and .window_seconds == 0.5'
			is '.answers_per_second > 0 and .loss == 0'
		done
	done
}

@test "timebench query: daytime is TCP, time and ntp are UDP" {
	serve daytime tcp
	bench 0 daytime -c 2 -d 0.5 --timeout $LATE
	is '.transport == "tcp"'
	serve time udp
	bench 0 time -c 2 -d 0.5 --timeout $LATE
	is '.transport == "udp"'
	serve ntp udp
	bench 0 ntp -c 2 -d 0.5 --timeout $LATE
	is '.transport == "udp"'
}

@test "timebench query: as many outstanding as were asked for, and no more" {
	# One that answers nobody before seven have come.
	local script='
held = globals().setdefault("held", [])
if 0 < n <= 7:
    held.append((again(), peer))
    answers = []
    if n == 7:
        for each, to in held: server.sendto(each, to)'
	serve ntp udp "$script"
	bench 1 ntp -c 6 -d 0.5 --timeout 1
	is '.requests_sent == 6 and .requests_lost == 6'
	serve ntp udp "$script"
	bench 0 ntp -c 7 -d 0.5 --timeout $LATE
	is '.clean and .requests_answered >= 7'
}

@test "timebench query: batches, and several load processes" {
	serve time udp
	bench 0 time -c 10 -d 0.5 --timeout $LATE --batch 4 --processes 2
	is '.clean and .load_processes == 2 and .batch == 4'
	is '.outstanding == 10'
}

@test "timebench query: a rate" {
	serve ntp udp
	bench 0 ntp -r 500 -d 1 --timeout $LATE
	is '.rate_asked == 500 and .requests_unsent == 0 and .outstanding == 0'
	# All that are due in the window and no more.
	is '.requests_sent >= 499 and .requests_sent <= 501'
	serve daytime tcp
	bench 0 daytime -r 50 -d 1 --timeout $LATE --processes 2
	is '.requests_sent >= 48 and .requests_sent <= 52'
}

@test "timebench query: a rate does not wait for answers" {
	serve time udp 'if n > 0: answers = []'
	bench 1 time -r 300 -d 1 --timeout 0.2
	is '.requests_lost >= 299 and .requests_answered == 0 and .loss == 1'
}

@test "timebench query: a unix socket has no UDP" {
	run -69 --separate-stderr timebench time -d 0.1 "unix:$DIR/socket"
	# shellcheck disable=SC2154 # run sets it
	[ "$stderr" = "timebench: unix:$DIR/socket: a unix socket has no UDP" ]
}

@test "timebench query: a clock that is years away is another clock" {
	serve time udp 't += 20 * 365 * 86400'
	bench 0 time -c 2 -d 0.5 --timeout $LATE
	is .clean
	serve ntp udp 't -= 3600'
	bench 0 ntp -c 2 -d 0.5 --timeout $LATE
	is .clean
}

# ---- The report -------------------------------------------------------------

@test "timebench query: the report's keys" {
	local key page missing=0
	serve ntp udp
	bench 0 ntp -c 2 -d 0.5 --timeout $LATE --pid "$SERVER_PID"
	diff <(jq -r 'keys[]' "$REPORT") - <<-'END'
		address
		answers_per_second
		answers_stray
		answers_unsynchronised
		batch
		clean
		interrupted
		latency_histogram_us
		latency_us
		load_cpu_seconds
		load_processes
		loss
		mode
		outstanding
		rate_asked
		requests_answered
		requests_failed
		requests_lost
		requests_refused
		requests_sent
		requests_unsent
		requests_wrong
		server
		timeout_seconds
		transport
		version
		window_seconds
	END
	[ "$(jq -c '.server | keys' "$REPORT")" = \
		'["cpu_seconds","cpu_us_per_request","processes","pss_kb","rss_kb"]' ]
	[ "$(jq -c '.latency_us | keys' "$REPORT")" = \
		'["max","p50","p90","p99","p99_9"]' ]
	is '.latency_us | .p50 <= .p90 and .p90 <= .p99 and .p99 <= .p99_9 and .p99_9 <= .max'
	[ "$(jq -s length "$REPORT")" -eq 1 ]
	[ ! -s "$DIR/bench.err" ]
	for page in "$SRC"/man/timebench.1.in "$SRC"/man/timebench.1; do
		[ -e "$page" ] || continue
		for key in $(jq -r 'keys[], (.server | keys[])' "$REPORT"); do
			grep -Eqx -e "\\.It Li $key( .*)?|\\.Li $key ?.*" \
				"$page" || {
				echo "$page does not have $key" >&2
				missing=1
			}
		done
	done
	[ "$missing" -eq 0 ]
}

@test "timebench query: the report as text" {
	serve ntp udp
	run -0 --separate-stderr timebench ntp -c 3 -d 0.5 --timeout $LATE \
		--pid "$SERVER_PID" "$SERVER"
	grep -qx "ntp $SERVER over UDP, 3 outstanding" <<<"$output"
	grep -Eqx 'window       0\.500 s; 1 load process, [0-9.]+ s of CPU' \
		<<<"$output"
	grep -Eqx 'requests     sent ([0-9]+)  answered \1  lost 0  wrong 0  refused 0  failed 0' \
		<<<"$output"
	grep -Eqx 'rate         [0-9]+ answers a second, loss 0\.0000%' \
		<<<"$output"
	grep -Eqx 'latency us   p50 [0-9]+  p90 [0-9]+  p99 [0-9]+  p99\.9 [0-9]+  max [0-9]+' \
		<<<"$output"
	grep -Eq '^server       CPU [0-9.]+ s, [0-9.]+ us a request$' \
		<<<"$output"
	[ -z "$stderr" ]
	run -0 timebench ntp -r 200 -d 0.5 --timeout $LATE "$SERVER"
	grep -qx "ntp $SERVER over UDP, 200 requests a second, at most 32 at once" \
		<<<"$output"
}

@test "timebench query: --plot draws what there is to see" {
	serve time udp
	bench 0 time -c 4 -d 0.5 --timeout $LATE --plot "$DIR/plot.svg"
	python3 - "$DIR/plot.svg" \
		"$(jq '.latency_histogram_us | length' "$REPORT")" <<-'END'
		import sys
		import xml.etree.ElementTree as ET

		svg = "{http://www.w3.org/2000/svg}"
		root = ET.parse(sys.argv[1]).getroot()
		bars = [r for r in root.iter(svg + "rect") if r.find(svg + "title") is not None]
		assert len(bars) == int(sys.argv[2]), len(bars)
		texts = ["".join(t.itertext()) for t in root.iter(svg + "text")]
		assert any("time over UDP" in t for t in texts), texts
		assert any("time from request to answer" in t for t in texts), texts
	END
	bench 73 time -c 1 -d 0.5 --timeout $LATE --plot "$DIR/none/plot.svg"
}

@test "timebench query: interrupted, it reports what was" {
	local status=0
	serve ntp udp
	REPORT=$DIR/report.json
	start "$REPORT" "$DIR/bench.err" timebench ntp -j -c 1 -d 600 \
		--timeout $LATE "$SERVER"
	# Time for some answers.
	wait_until "$PATIENCE" burns "$PID"
	kill -INT "$PID"
	wait_until "$PATIENCE" gone "$PID"
	wait "$PID" || status=$?
	[ "$status" -eq 0 ]
	is '.interrupted and .clean and .requests_answered > 0'
	is '.window_seconds < 600'
}

# Has a child of PID used processor time?
burns()
{
	local child
	child=$(pgrep -P "$1") && [ "$(cpu_of "$child")" -gt 0 ]
}

# ---- All is not well --------------------------------------------------------

@test "timebench query: what is not answered is lost" {
	serve time udp 'if n % 10 == 5: answers = []'
	bench 1 time -c 1 -d 2 --timeout 0.2
	is '(.clean | not) and .requests_lost >= 1 and .requests_wrong == 0'
	is '.loss > 0 and .loss < 1'
	# The timeout is no part of the latency.
	is '.requests_answered > 5'
}

@test "timebench query: what is late is lost, and nobody else's answer" {
	# The answer to one question is sent with the next one.
	serve time udp '
held = globals().setdefault("held", None)
if n > 0:
    if held: server.sendto(*held)
    held = (again(), peer)
    answers = []'
	bench 1 time -c 1 -d 1 --timeout 0.2
	is '.requests_answered == 0 and .requests_lost >= 2 and .answers_stray == 0'
}

@test "timebench query: a connection that brings nothing is lost" {
	serve daytime tcp '
held = globals().setdefault("held", [])
if n > 0: held.append(s); s = socket.socket(); answers = []'
	bench 1 daytime -c 3 -d 0.3 --timeout 0.2
	is '.requests_lost >= 3 and .requests_answered == 0'
}

@test "timebench query: wrong answers" {
	local script
	serve daytime tcp 'if n % 2: answers = [again()[:-2]]'
	bench 1 daytime -c 2 -d 0.5 --timeout $LATE
	is '.requests_wrong > 0 and .requests_answered > 0'
	serve daytime udp 'if n % 2: answers = [b"\1" + again()[1:]]'
	bench 1 daytime -u -c 1 -d 0.5 --timeout $LATE
	is '.requests_wrong > 0'
	serve time udp 'if n % 2: t += 3600'
	bench 1 time -c 1 -d 0.5 --timeout $LATE
	# An hour is more than an answer may take here.
	is '.requests_wrong > 0 and .requests_answered > 0'
	serve time udp 'if n % 2: answers = [again() + b"x"]'
	bench 1 time -c 1 -d 0.5 --timeout $LATE
	is '.requests_wrong > 0'
	for script in 't += 3600' 'answers = [again() + bytes(4)]' \
		'answers = [b"\x25" + again()[1:]]'; do
		serve ntp udp "if n % 2: $script"
		bench 1 ntp -c 1 -d 0.5 --timeout $LATE
		is '.requests_wrong > 0 and .requests_answered > 0'
	done
}

@test "timebench query: a connection that brings too much is a wrong answer" {
	serve daytime tcp 'if n > 0: answers = [b"x" * 2000]'
	bench 1 daytime -c 1 -d 0.5 --timeout $LATE
	is '.requests_wrong > 0 and .requests_answered == 0'
}

@test "timebench query: a refusal is no answer" {
	serve ntp udp 'if n % 2: leap, stratum, refid = 3, 0, b"RATE"'
	bench 1 ntp -c 1 -d 0.5 --timeout $LATE
	is '.requests_refused > 0 and .requests_answered > 0 and .requests_wrong == 0'
}

@test "timebench query: a clock that is not set is told" {
	serve ntp udp 'leap, stratum = 3, 16'
	bench 0 ntp -c 1 -d 0.5 --timeout $LATE
	is '.answers_unsynchronised == .requests_answered and .clean'
	serve ntp udp 'leap, stratum, refid = 3, 0, b"INIT"'
	bench 0 ntp -c 1 -d 0.5 --timeout $LATE
	is '.answers_unsynchronised == .requests_answered and .clean'
}

@test "timebench query: a second answer answers nothing" {
	serve ntp udp 'answers = [again()] * (1 if n == 0 else 2)'
	bench 1 ntp -c 1 -d 0.5 --timeout $LATE
	is '.answers_stray > 0 and .requests_answered == .requests_sent'
}

@test "timebench query: a server that goes away" {
	serve time udp 'if n == 50: server.close(); sys.exit()'
	bench 1 time -c 1 -d 0.5 --timeout 3
	is '.requests_answered == 49 and .requests_failed + .requests_lost > 0'
	serve daytime tcp 'if n == 50: server.close(); sys.exit()'
	bench 1 daytime -c 1 -d 0.5 --timeout $LATE
	is '.requests_answered == 49 and .requests_failed > 0'
	# Which does not go on as fast as it can.
	is '.requests_failed < 100'
}

@test "timebench query: 69 when nobody listens or what answers is something else" {
	local mode
	for mode in daytime time ntp 'time --tcp' 'daytime -u'; do
		# shellcheck disable=SC2086 # mode and option
		run -69 --separate-stderr timebench $mode 127.0.0.1:1
		[ "$stderr" = 'timebench: no answer from 127.0.0.1:1: Connection refused' ]
		[ -z "$output" ]
	done
	serve time udp 'answers = [b"Sat Nov 21 12:34:56 2026\r\n"]'
	run -69 --separate-stderr timebench time "$SERVER"
	[ "$stderr" = "timebench: $SERVER: what it answers is no time" ]
}

@test "timebench query: options that a mode has not are usage errors" {
	local mode option
	for mode in daytime time ntp; do
		for option in '--interval 1' '--unread 1' '-r 0' '--batch 0' \
			'--batch 65' '--timeout 0' '-u --tcp'; do
			# shellcheck disable=SC2086 # an option and its value
			run -64 timebench $mode $option 127.0.0.1:1
		done
	done
	for option in -u --tcp '-r 1' '--batch 1' '--timeout 1'; do
		# shellcheck disable=SC2086 # an option and its value
		run -64 timebench stream $option 127.0.0.1:1
	done
	run -64 timebench ntp --tcp 127.0.0.1:1
}
