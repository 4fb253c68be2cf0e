#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# timebench counts what happened: all is well with timed, and what is not well
# with servers that are made to fail.

# shellcheck disable=SC2030,SC2031 # each test is a process of its own

load lib

bats_require_minimum_version 1.5.0

# bench STATUS ARGUMENT...: timebench stream, its report as JSON in REPORT.  The
# STATUS "any" is one that tells of a measurement, be it clean or not.
bench()
{
	local wanted=$1 status=0
	shift
	REPORT=$DIR/report.json
	timeout 60 timebench stream -j "$@" >"$REPORT" 2>"$DIR/bench.err" ||
		status=$?
	jq -c 'del(.lateness_histogram_us)' "$REPORT" >&2
	show "$DIR/bench.err"
	if [ "$wanted" = any ]; then
		[ "$status" -le 1 ]
	else
		[ "$status" -eq "$wanted" ]
	fi
}

# is FILTER: of the report.
is()
{
	[ "$(jq "$1" "$REPORT")" = true ] || {
		echo "it is not so: $1" >&2
		return 1
	}
}

# serve SCRIPT [GREETING]: a server with the time, SERVER, whose lines SCRIPT
# (Python) makes for each boundary: it has
#
#   at         the boundary, in seconds since the epoch
#   n          how many there were before it, for this client
#   line(t)    the line that t should have
#   say(text)  to the client
#   pause(s)   let so many seconds go by
#
# GREETING does so when a client comes; without one it gets the line of now.
serve()
{
	cat >"$DIR/server.py" <<-'END'
		import socket, sys, threading, time

		def line(t):
		    return time.strftime("%Y-%m-%d %H:%M:%S\n", time.gmtime(t))

		def pause(seconds):
		    threading.Event().wait(max(0, seconds))

		def client(s):
		    def say(text):
		        s.sendall(text.encode())

		    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
		    try:
		        at = int(time.time())
		        known = {"at": at, "n": 0, "line": line, "say": say,
		                 "pause": pause, "time": time, "s": s}
		        exec(sys.argv[2], known)
		        while True:
		            known["at"] += 1
		            pause(known["at"] - time.time())
		            exec(sys.argv[1], known)
		            known["n"] += 1
		    except OSError:
		        pass

		server = socket.create_server(("127.0.0.1", 0), backlog=128)
		print(server.getsockname()[1], flush=True)
		while True:
		    s, _ = server.accept()
		    threading.Thread(target=client, args=(s,), daemon=True).start()
	END
	start "$DIR/port" "$DIR/server.err" python3 "$DIR/server.py" \
		"$1" "${2-say(line(at))}"
	wait_until "$PATIENCE" lines_in "$DIR/port" 1
	SERVER=127.0.0.1:$(cat "$DIR/port")
}

# ---- All is well ------------------------------------------------------------

@test "timebench: every tick of every connection is counted" {
	timed_start
	bench 0 -c 20 -d 2 "127.0.0.1:$(stream_port)"
	is '.clean and (.interrupted | not)'
	is '.boundaries == 2 and .ticks_expected == 40 and .ticks_received == 40'
	is '.connections_asked == 20 and .connections_made == 20'
	is '.connections_failed + .connections_lost == 0'
	is '.ticks_missed + .ticks_doubled + .ticks_backwards + .ticks_garbled == 0'
	is '.mode == "stream" and .newline and .line_bytes == 20'
	is '.interval_seconds == 1 and .window_seconds == 2'
	is ".address == \"127.0.0.1:$(stream_port)\""
	# Of each tick that was received the lateness is known.
	is '[.lateness_histogram_us[][2]] | add == 40'
	# The server has seen no other number.
	wait_until "$PATIENCE" status_is '.totals.closed == 20'
	status_is '.totals.accepted == 20 and .totals.skipped == 0 and
		.totals.ticks >= 60'
}

@test "timebench: another interval" {
	timed_start "$(stream 'interval = 0.25;')"
	bench 0 -c 10 -d 1 --interval 0.25 "127.0.0.1:$(stream_port)"
	is '.clean and .boundaries == 4 and .ticks_received == 40'
	is '.interval_seconds == 0.25'
}

@test "timebench: lines that are no time, and none that is a line" {
	timed_start "$(stream 'format = "tick"; newline = false;')"
	wait_until "$PATIENCE" early
	bench 0 -c 5 -d 2 "127.0.0.1:$(stream_port)"
	is '.clean and .ticks_received == 10'
	is '.newline == false and .line_bytes == 4'
}

@test "timebench: the line of one who comes just before a boundary is no tick" {
	# What has no time in it is told apart by when it comes.
	serve 'say("tick\n")' \
		'pause(at + 0.95 - time.time()); say("tick\n")'
	bench 0 -c 4 -d 2 "$SERVER"
	is '.clean and .ticks_received == 8 and .ticks_doubled == 0'
}

@test "timebench: a unix socket" {
	timed_start "$(stream 'interval = 0.25;' "\"unix:$DIR/socket\"")"
	bench 0 -c 8 -d 1 --interval 0.25 "unix:$DIR/socket"
	is ".clean and .ticks_received == 32 and .address == \"unix:$DIR/socket\""
}

@test "timebench: IPv6" {
	timed_start "$(stream 'interval = 0.25;' '"[::1]:0"')"
	bench 0 -c 8 -d 1 --interval 0.25 "[::1]:$(stream_port)"
	is '.clean and .ticks_received == 32'
}

@test "timebench: several load processes count as one" {
	timed_start "$(stream 'interval = 0.25;')"
	bench 0 -c 10 -d 1 --interval 0.25 --processes 3 --unread 2 \
		"127.0.0.1:$(stream_port)"
	is '.clean and .load_processes == 3 and .ticks_received == 40'
	is '.connections_made == 10 and .unread_made == 2'
}

@test "timebench: another time zone is no fault" {
	timed_start "$(stream 'timezone = "Asia/Kathmandu";')"
	bench 0 -c 3 -d 1 "127.0.0.1:$(stream_port)"
	is '.clean and .ticks_received == 3'
}

@test "timebench: a reload of the server is no fault" {
	timed_start "$(stream 'interval = 0.25;')"
	REPORT=$DIR/report.json
	start "$REPORT" "$DIR/bench.err" timebench stream -j -c 20 -d 2 \
		--interval 0.25 "127.0.0.1:$(stream_port)"
	wait_until "$PATIENCE" status_is '.totals.connections == 20'
	kill -HUP "$TIMED_PID"
	wait_until "$PATIENCE" gone "$PID"
	wait "$PID"
	status_is '.reloads == 1'
	is '.clean and .ticks_received == 160'
}

@test "timebench: a torn line is a line" {
	# In two pieces that the client sees apart.
	serve 'text = line(at); say(text[:7]); pause(0.01); say(text[7:])'
	bench 0 -c 4 -d 2 "$SERVER"
	is '.clean and .ticks_received == 8'
}

@test "timebench: two boundaries in one piece are two" {
	serve 'if n % 2: say(line(at - 1) + line(at))'
	bench 0 -c 3 -d 4 "$SERVER"
	is '.clean and .ticks_received == 12'
	# One of them is a second late.
	is '.lateness_us.max >= 900000'
}

# ---- The report -------------------------------------------------------------

@test "timebench: the report's keys" {
	timed_start "$(stream 'interval = 0.25;')"
	bench 0 -c 2 -d 0.5 --interval 0.25 --pid "$TIMED_PID" \
		"127.0.0.1:$(stream_port)"
	diff <(jq -r 'keys[]' "$REPORT") - <<-'END'
		address
		boundaries
		clean
		connect_seconds
		connections_asked
		connections_failed
		connections_lost
		connections_made
		connections_per_second
		interrupted
		interval_seconds
		lateness_histogram_us
		lateness_us
		line_bytes
		load_cpu_seconds
		load_processes
		mode
		newline
		server
		ticks_backwards
		ticks_doubled
		ticks_early
		ticks_expected
		ticks_garbled
		ticks_missed
		ticks_received
		unread_asked
		unread_closed
		unread_failed
		unread_made
		version
		window_seconds
	END
	[ "$(jq -c '.lateness_us | keys' "$REPORT")" = \
		'["max","p50","p90","p99","p99_9"]' ]
	[ "$(jq -c '.server | keys' "$REPORT")" = \
		'["cpu_seconds","cpu_us_per_tick","processes","pss_kb","rss_kb"]' ]
	[ "$(jq -c '.server.processes[0] | keys' "$REPORT")" = \
		'["cpu_seconds","name","parent_pid","pid","rollup_pss_kb","rollup_rss_kb","rss_kb"]' ]
	is '.lateness_us | .p50 <= .p90 and .p90 <= .p99 and .p99 <= .p99_9 and .p99_9 <= .max'
	# One object on one or more lines, and nothing else.
	[ "$(jq -s length "$REPORT")" -eq 1 ]
	[ ! -s "$DIR/bench.err" ]
}

@test "timebench: the keys are those that the manual page lists" {
	local key page missing=0
	for page in "$SRC"/man/timebench.1.in "$SRC"/man/timebench.1; do
		[ -e "$page" ] || continue
		for key in $(grep -Eho '"[a-z_0-9]+", ' "$SRC/src/tools/bench_json.c" |
			tr -d '", ' | sort -u); do
			grep -Fqw -e "$key" "$page" || {
				echo "$page does not have $key" >&2
				missing=1
			}
		done
	done
	[ "$missing" -eq 0 ]
}

@test "timebench: the report as text" {
	timed_start "$(stream 'interval = 0.25;')"
	run -0 --separate-stderr timebench stream -c 5 -d 1 --interval 0.25 \
		--pid "$TIMED_PID" "127.0.0.1:$(stream_port)"
	grep -q "^stream 127.0.0.1:$(stream_port), every 0.25 s, lines of 20 bytes" \
		<<<"$output"
	grep -q '^connections  asked 5  made 5  failed 0  lost 0 ' <<<"$output"
	grep -q '^ticks        received 20 of 20  missed 0  doubled 0  backwards 0  garbled 0' \
		<<<"$output"
	grep -q '^lateness us  p50 ' <<<"$output"
	grep -Eq ' timed: worker 1$' <<<"$output"
	# Progress is for terminals.
	# shellcheck disable=SC2154 # run sets it
	[ -z "$stderr" ]
}

@test "timebench: --pid measures the server's processes" {
	timed_start "$(stream 'interval = 0.25;')"
	bench 0 -c 300 -d 1 --interval 0.25 --pid "$TIMED_PID" \
		"127.0.0.1:$(stream_port)"
	diff <(jq -r '.server.processes[].name' "$REPORT" | sort) - <<-'END'
		timed: journal
		timed: master
		timed: worker 0
		timed: worker 1
	END
	is ".server.processes | map(select(.pid == $TIMED_PID)) | length == 1"
	is ".server.processes | map(select(.parent_pid == $TIMED_PID)) | length == 3"
	is 'all(.server.processes[]; .rss_kb > 0 and .cpu_seconds >= 0)'
	is '.server.cpu_seconds > 0 and .server.cpu_us_per_tick > 0'
	is '.server.rss_kb == ([.server.processes[].rss_kb] | add)'
}

@test "timebench: --pid of somebody who is not there" {
	timed_start "$(stream 'interval = 0.25;')"
	# What could be a pid and is none.
	timeout 60 timebench stream -j -c 2 -d 0.5 --interval 0.25 \
		--pid 2147483646 "127.0.0.1:$(stream_port)" >"$DIR/out" \
		2>"$DIR/bench.err"
	grep -q "the server's processes: No such process" "$DIR/bench.err"
	[ "$(jq '.server.processes | length' "$DIR/out")" -eq 0 ]
}

@test "timebench: --plot draws what there is to see" {
	timed_start "$(stream 'interval = 0.25;')"
	bench 0 -c 20 -d 1 --interval 0.25 --plot "$DIR/plot.svg" \
		"127.0.0.1:$(stream_port)"
	python3 - "$DIR/plot.svg" "$(jq '.lateness_histogram_us | length' "$REPORT")" <<-'END'
		import sys
		import xml.etree.ElementTree as ET

		svg = "{http://www.w3.org/2000/svg}"
		root = ET.parse(sys.argv[1]).getroot()
		assert root.tag == svg + "svg", root.tag
		width, height = float(root.get("width")), float(root.get("height"))
		bars = [r for r in root.iter(svg + "rect") if r.find(svg + "title") is not None]
		assert len(bars) == int(sys.argv[2]), len(bars)
		for bar in bars:
		    x, y, w, h = (float(bar.get(k)) for k in ("x", "y", "width", "height"))
		    assert 0 <= x and x + w <= width and w > 0, bar.attrib
		    assert 0 <= y and y + h <= height and h > 0, bar.attrib
		texts = ["".join(t.itertext()) for t in root.iter(svg + "text")]
		assert any("20 connections, 80 ticks" in t for t in texts), texts
		assert any(t == "p50" for t in texts) and any(t == "p99" for t in texts)
	END
}

@test "timebench: a plot without a tick is a picture as well" {
	serve 'pass'
	bench 1 -c 2 -d 1 --plot "$DIR/plot.svg" "$SERVER"
	is '.ticks_received == 0'
	python3 -c '
import sys
import xml.etree.ElementTree as ET
ET.parse(sys.argv[1])' "$DIR/plot.svg"
	run ! grep -Eq 'nan|inf' "$DIR/plot.svg"
}

@test "timebench: a plot that cannot be written is 73" {
	timed_start "$(stream 'interval = 0.25;')"
	bench 73 -c 2 -d 0.2 --interval 0.25 --plot "$DIR/none/plot.svg" \
		"127.0.0.1:$(stream_port)"
	grep -q "^timebench: $DIR/none/plot.svg: No such file" "$DIR/bench.err"
	# The report is there all the same.
	is .clean
}

@test "timebench: a report that cannot be written is no success" {
	timed_start "$(stream 'interval = 0.25;')"
	# shellcheck disable=SC2016 # for that shell
	run -74 --separate-stderr bash -c \
		'timebench stream -c 2 -d 0.2 --interval 0.25 "$1" >/dev/full' \
		bash "127.0.0.1:$(stream_port)"
	grep -q '^timebench: standard output: No space left' <<<"$stderr"
}

# Enough bytes to fill a client's buffers in a second.  So short an interval is
# too short to tell a late tick from the next one on a busy machine: how many
# there are is not looked at.
full_stream()
{
	timed_start "$(stream "interval = 0.05; $1 format = \"$(printf '%0120d' 0)\";")"
}

@test "timebench: --unread adds clients that never read" {
	full_stream
	bench any -c 5 -d 2 --interval 0.05 --unread 10 \
		"127.0.0.1:$(stream_port)"
	is '.connections_made == 5 and .connections_lost == 0'
	is '.unread_asked == 10 and .unread_made == 10 and .unread_failed == 0'
	is '.unread_closed == 0'
	wait_until "$PATIENCE" status_is '.totals.closed == 15'
	# timed has noticed that somebody does not read.
	status_is '.totals.accepted == 15 and .totals.skipped > 0'
}

@test "timebench: unread ones that the server lets go are counted" {
	full_stream 'stall_seconds = 1;'
	bench any -c 2 -d 6 --interval 0.05 --unread 3 \
		"127.0.0.1:$(stream_port)"
	is '.unread_made == 3 and .unread_closed == 3'
	is '.connections_made == 2 and .connections_lost == 0'
}

@test "timebench: interrupted, it reports what was" {
	local status=0
	timed_start "$(stream 'interval = 0.25;')"
	REPORT=$DIR/report.json
	start "$REPORT" "$DIR/bench.err" timebench stream -j -c 5 -d 600 \
		--interval 0.25 "127.0.0.1:$(stream_port)"
	wait_until "$PATIENCE" status_is '.totals.ticks > 15'
	kill -INT "$PID"
	wait_until "$PATIENCE" gone "$PID"
	wait "$PID" || status=$?
	[ "$status" -eq 0 ]
	is '.interrupted and .clean and .boundaries >= 1'
	is '.ticks_received == .ticks_expected'
}

# ---- All is not well --------------------------------------------------------

@test "timebench: a server that does nothing wrong is clean" {
	# So that the faults below are theirs.
	serve 'say(line(at))'
	bench 0 -c 4 -d 2 "$SERVER"
	is '.clean and .ticks_received == 8'
}

@test "timebench: a server that skips" {
	serve 'if n % 3 != 1: say(line(at))'
	bench 1 -c 4 -d 3 "$SERVER"
	is '(.clean | not) and .ticks_missed >= 4'
	is '.ticks_received == .ticks_expected - 4'
	is '.ticks_doubled + .ticks_backwards + .ticks_garbled == 0'
}

@test "timebench: a server that doubles" {
	serve 'say(line(at)); say(line(at))'
	bench 1 -c 4 -d 2 "$SERVER"
	is '(.clean | not) and .ticks_doubled >= 8 and .ticks_missed == 0'
	# The second one is not counted as received.
	is '.ticks_received == 8'
}

@test "timebench: a server that garbles" {
	serve 'say(line(at)[:9] + "\n" if n % 2 else line(at))'
	bench 1 -c 4 -d 2 "$SERVER"
	is '(.clean | not) and .ticks_garbled >= 4'
	is '.ticks_received == 4'
}

@test "timebench: a server that says what is no time" {
	serve 'say(line(at).replace(":", "."))'
	bench 1 -c 2 -d 2 "$SERVER"
	is '(.clean | not) and .ticks_garbled >= 4 and .ticks_received == 0'
}

@test "timebench: a server that loses the end of a line" {
	serve 'say(line(at)[:-1] if n % 2 else line(at))'
	bench 1 -c 2 -d 3 "$SERVER"
	is '(.clean | not) and .ticks_garbled >= 2'
}

@test "timebench: a server that goes backwards" {
	serve 'say(line(at)); say(line(at - 5)) if n == 1 else None'
	bench 1 -c 4 -d 3 "$SERVER"
	is '(.clean | not) and .ticks_backwards == 4'
}

@test "timebench: a server that closes" {
	serve 'say(line(at)); s.close() if n == 1 else None'
	bench 1 -c 4 -d 3 "$SERVER"
	is '(.clean | not) and .connections_lost == 4 and .connections_made == 4'
	is '.ticks_missed >= 4'
}

@test "timebench: a server that is late" {
	serve 'pause(0.3); say(line(at))'
	bench 0 -c 4 -d 2 "$SERVER"
	# All there, and it is told how late.
	is '.clean and .lateness_us.p50 >= 280000 and .lateness_us.p50 < 600000'
}

@test "timebench: a server that is early" {
	serve 'say(line(at + 1))'
	bench 1 -c 2 -d 2 "$SERVER"
	is '.ticks_early > 0'
}

@test "timebench: a server that says nothing is 69" {
	start "$DIR/port" "$DIR/server.err" python3 -uc '
import socket
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1])
server.accept()[0].close()
server.accept()'
	wait_until "$PATIENCE" lines_in "$DIR/port" 1
	run -69 --separate-stderr timeout 30 timebench stream -c 1 -d 1 \
		"127.0.0.1:$(cat "$DIR/port")"
	grep -q 'no line came' <<<"$stderr"
	[ -z "$output" ]
}
