#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# The status process: what it answers, to whom and how many, and that whatever
# befalls it befalls nobody else.

load lib
load status

bats_require_minimum_version 1.5.0

EXACT='services = ( { type = "stream"; listen = [ "127.0.0.1:0" ]; format = "%s"; } );'

# refused_with PATTERN [SETTINGS...]: timed -t names the file, the line and that.
refused_with()
{
	local pattern=$1
	shift
	timed_config "$@"
	run -78 timed -t -c "$CONF"
	# shellcheck disable=SC2154 # run sets it
	grep -Eq "timed.conf:[0-9]+: $pattern" <<<"$output"
}

@test "status page: a list of no addresses is an error" {
	timed_config 'status = { listen = [ ]; };'
	run -78 timed -t -c "$CONF"
	[[ $output == *': listen: must have an address such as '* ]]
}

@test "status page: no status setting, no status process" {
	timed_start
	run ! status_pid
	status_is '.status_page == []'
}

@test "status page: what is wrong with the setting is said with its line" {
	refused_with 'status: must be a group' 'status = "127.0.0.1:8013";'
	refused_with 'listen: is missing' 'status = { };'
	refused_with 'listen: must be a string' 'status = { listen = 8013; };'
	refused_with 'listen: "localhost": ' 'status = { listen = "localhost"; };'
	refused_with 'listen: .*TCP alone' 'status = { listen = "udp:127.0.0.1:8013"; };'
	refused_with 'connections: ' \
		'status = { listen = "127.0.0.1:8013"; connections = 1; };'
	refused_with 'unknown setting "colour"' \
		'status = { listen = "127.0.0.1:8013"; colour = 1; };'
	refused_with 'listen: .*service "stream" listens there' \
		'status = { listen = "127.0.0.1:8013"; };' \
		"$(stream '' '"*:8013"')"
	refused_with 'listen: .*the status page listens there' \
		'status = { listen = [ "127.0.0.1:8013", "*:8013" ]; };'
}

@test "status page: an address that is taken refuses the start, or the reload" {
	local port
	timed_start "$STATUS_PAGE" "$EXACT"
	get /healthz
	port=$(fresh_port)
	start "$DIR/taken" "$DIR/taken.err" nc -lk 127.0.0.1 "$port"
	wait_until "$PATIENCE" eval "! port_refused $port"
	timed_config "status = { listen = \"127.0.0.1:$port\"; };" "$EXACT"
	refuse
	log_has "reload failed; reason='cannot listen on 127.0.0.1:$port for the status page: "
	get /healthz
	timed_stop
	run -73 timed -f -c "$CONF"
	grep -q "^timed: cannot listen on 127.0.0.1:$port for the status page: " \
		<<<"$output"
}

@test "status page: every path answers with its type and with the same headers" {
	local path type
	timed_start "$STATUS_PAGE" "$EXACT"
	while read -r path type; do
		get "$path" -D "$DIR/head" >"$DIR/body"
		[ -s "$DIR/body" ]
		tr -d '\r' <"$DIR/head" >"$DIR/headers"
		grep -q "^Content-Type: $type" "$DIR/headers"
		grep -q "^Content-Security-Policy: default-src 'none'; script-src 'self'; " \
			"$DIR/headers"
		grep -qx 'X-Content-Type-Options: nosniff' "$DIR/headers"
		grep -qx 'X-Frame-Options: DENY' "$DIR/headers"
		grep -qx 'Referrer-Policy: no-referrer' "$DIR/headers"
		grep -qx 'Cache-Control: no-store' "$DIR/headers"
		code_is 200 "$path"
		[ "$(code "$path" -I)" = 200 ]
	done <<-'END'
		/ text/html; charset=utf-8
		/page.css text/css
		/page.js text/javascript
		/metrics text/plain; version=0.0.4
		/status.json application/json
		/history.json application/json
		/healthz text/plain
	END
	[ "$(code /events -I)" = 200 ]
	[ "$(code /nothing)" = 404 ]
	[ "$(code /../etc/passwd --path-as-is)" = 404 ]
	diff <(get /page.js) "$SRC/src/status/page.js"
	diff <(get /page.css) "$SRC/src/status/page.css"
}

@test "status page: nothing can be written" {
	local method
	timed_start "$STATUS_PAGE" "$EXACT"
	for method in POST PUT DELETE PATCH OPTIONS TRACE FROBNICATE; do
		[ "$(code / -X "$method")" = 405 ]
	done
	# Who asks first is told before he sends it; who does not may hear nothing
	# but a reset, as it is not read.
	[ "$(code /metrics -X POST --data-binary "@$BUILD/timed" \
		-H 'Expect: 100-continue')" = 405 ]
	code /metrics -X POST --data-binary "@$BUILD/timed" -H 'Expect:' || :
	[ "$(code / -X GET -d x=1)" = 413 ]
	get /healthz
}

@test "status page: status.json is what timedctl says" {
	timed_start "$STATUS_PAGE" "$EXACT"
	hold 3
	jq -S 'del(.uptime_seconds, .. | .lateness_us?, .ticks?, .bytes_out?)' \
		<(get /status.json) >"$DIR/page"
	jq -S 'del(.uptime_seconds, .. | .lateness_us?, .ticks?, .bytes_out?)' \
		<(timedctl -r "$RUN" -j status) >"$DIR/ctl"
	diff "$DIR/page" "$DIR/ctl"
	jq -e '.totals.connections == 3' "$DIR/page"
}

@test "status page: healthz says whether timed serves" {
	timed_start 'stop_seconds = 20;' "$STATUS_PAGE" "$EXACT"
	[ "$(get /healthz)" = running ]
	ctl pause
	code_is 503 /healthz
	[ "$(curl -s "http://127.0.0.1:$(page_port)/healthz")" = paused ]
	ctl resume
	code_is 200 /healthz
	# Who stops has somebody who does not take his line; he is waited for.
	kill -STOP "$(worker_pids | head -n 1)"
	kill -TERM "$TIMED_PID"
	wait_until "$PATIENCE" code_is 503 /healthz
	[ "$(curl -s "http://127.0.0.1:$(page_port)/healthz")" = stopping ]
	kill -CONT "$(worker_pids | head -n 1)"
	timed_wait
}

@test "status page: a tick a second, over reloads, pauses and a worker's death" {
	local pid
	timed_start "$STATUS_PAGE" "$EXACT"
	pid=$(status_pid)
	follow 20
	follow_on 2
	reload "$STATUS_PAGE" 'workers = 3;' "$EXACT"
	kill -KILL "$(worker_pids | head -n 1)"
	ctl pause
	ctl resume
	reload "$STATUS_PAGE" "$EXACT"
	follow_on 2
	followed_is '.held == 20 and .lost == 0'
	# It is the same process.
	[ "$(status_pid)" = "$pid" ]
	metric_is timed_status_streams 20
}

@test "status page: a reload opens, moves and closes it" {
	local port other
	timed_start "$EXACT"
	reload "$STATUS_PAGE" "$EXACT"
	wait_until "$PATIENCE" code_is 200 /healthz
	port=$(page_port)
	# Port 0 stays what it was.
	reload "$STATUS_PAGE" "$EXACT"
	[ "$(page_port)" = "$port" ]
	other=$(fresh_port)
	reload "status = { listen = [ \"127.0.0.1:$other\", \"unix:$DIR/page\" ]; };" \
		"$EXACT"
	[ "$(page_port)" = "$other" ]
	wait_until "$PATIENCE" code_is 200 /healthz
	wait_until "$PATIENCE" port_refused "$port"
	[ "$(curl -s --unix-socket "$DIR/page" http://page/healthz)" = running ]
	# As wide as can be, in the way of what is there.
	reload "status = { listen = \"*:$other\"; };" "$EXACT"
	wait_until "$PATIENCE" code_is 200 /healthz
	[ ! -e "$DIR/page" ]
	reload "$EXACT"
	wait_until "$PATIENCE" port_refused "$other"
	wait_until "$PATIENCE" eval '! status_pid'
	status_is '.status_page == [] and .restarts.status == 0'
	log_has "listener closed; service='status page', address='127.0.0.1:$other'"
}

@test "status page: another process takes over after an upgrade, and remembers" {
	local pid port before
	TIMED=$DIR/timed
	cp "$BUILD/timed" "$TIMED"
	timed_start "$STATUS_PAGE" "$EXACT"
	hold 5
	wait_until "$PATIENCE" eval \
		'get /history.json | jq -e ".samples | map(select(.connections == 5)) | length >= 2"'
	port=$(page_port)
	pid=$(status_pid)
	before=$(get /history.json | jq '.samples[0].second')
	kill -USR2 "$TIMED_PID"
	wait_until "$PATIENCE" log_has ' upgraded;'
	wait_until "$PATIENCE" status_replaced "$pid"
	[ "$(page_port)" = "$port" ]
	wait_until "$PATIENCE" metric_is timed_upgrades_total 1
	get /history.json | jq -e --argjson before "$before" \
		'any(.samples[]; .second == $before)'
	# Nor is it one that had died.
	status_is '.restarts.status == 0 and .handoffs[0].cause == "upgrade" and
		.handoffs[0].connections == 5'
}

@test "status page: killed, it comes again, and nobody notices but who looked" {
	local pid
	timed_start "$STATUS_PAGE" "$EXACT"
	watch 20
	for n in 1 2 3; do
		pid=$(status_pid)
		kill -KILL "$pid"
		wait_until "$PATIENCE" status_replaced "$pid"
		wait_until "$PATIENCE" code_is 200 /healthz
		status_is ".restarts.status == $n"
	done
	log_has "error master.*: status process crashed; pid='$pid', reason='signal 9"
	metric_is 'timed_restarts_total{process="status"}' 3
	watch_on 1
	watch_end
	watched_is '.lost == 0 and .missed == 0'
	status_is '.totals.crashes == 0'
}

@test "status page: it has no privileges, and nothing but what it needs" {
	local pid
	timed_start "$STATUS_PAGE" "$EXACT"
	pid=$(status_pid)
	wait_until "$PATIENCE" code_is 200 /healthz
	grep -Eq '^NoNewPrivs:[[:space:]]*1$' "/proc/$pid/status"
	grep -Eq '^Cap(Eff|Prm|Inh|Amb):[[:space:]]*0+$' "/proc/$pid/status"
	[ "$(grep -Ec '^Cap(Eff|Prm|Inh|Amb):[[:space:]]*0+$' \
		"/proc/$pid/status")" -eq 4 ]
	[ "$(id -u)" -ne 0 ] || [ "$(stat -c %u "/proc/$pid")" -ne 0 ] ||
		! grep -q '^Uid:[[:space:]]*0' "/proc/$pid/status"
	# Seen through the map: the scoreboard is for reading alone.
	[ "$(id -u)" -ne 0 ] || {
		grep -q ' r--s .*/scoreboard$' "/proc/$pid/maps"
		run ! grep -Eq ' .w.. .*/scoreboard$' "/proc/$pid/maps"
		run ! sh -c "ls -l /proc/$pid/fd | grep scoreboard"
	}
}

@test "status page: above its limit of connections others wait, and get in" {
	timed_start 'status = { listen = "127.0.0.1:0"; connections = 16; };' \
		"$EXACT"
	# 16 less an eighth and one: some are left for who asks once.
	follow 20
	followed_is '.held == 13 and .refused == 7'
	get /metrics >/dev/null
	# Who says nothing takes a place, and not for as long as when there are
	# others.
	program silent.py <<-'EOF'
		import socket, sys, signal
		held = [socket.create_connection(("127.0.0.1", int(sys.argv[1])), 20)
		        for _ in range(4)]
		print("here", flush=True)
		signal.pause()
	EOF
	start "$DIR/silent" "$DIR/silent.err" python3 "$DIR/silent.py" \
		"$(page_port)"
	local silent=$PID
	wait_until "$PATIENCE" lines_in "$DIR/silent" 1
	run -28 curl -sS --max-time 1 "http://127.0.0.1:$(page_port)/healthz"
	get /healthz >/dev/null
	kill "$silent"
	wait_until "$PATIENCE" gone "$silent"
	wait_until "$PATIENCE" code_is 200 /healthz
	follow_on 1
	followed_is '.held == 13 and .lost == 0'
}

@test "status page: malformed and endless requests cost nobody but who sent them" {
	local pid
	timed_start "$STATUS_PAGE" "$EXACT"
	pid=$(status_pid)
	watch 10
	follow 5
	program nonsense.py <<-'EOF'
		import os, random, socket, sys
		port = int(sys.argv[1])
		random.seed(9)
		GET = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
		pieces = [
		    b"\r\n" * 1000, b"\0" * 5000, b"GET", b"GET / HTTP/9.9\r\n\r\n",
		    b"GET / HTTP/1.1\r\n" + b"A: " + b"b" * 100000 + b"\r\n\r\n",
		    b"GET /" + b"x" * 100000 + b" HTTP/1.1\r\n\r\n",
		    b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 20000,
		    b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
		    b"GET / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
		    b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffff\r\n",
		    b"GET /%00%ff%zz?a=%&&=;# HTTP/1.1\r\nHost: x\r\n\r\n", GET * 500,
		    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
		]
		for n in range(300):
		    data = bytearray(pieces[n % len(pieces)])
		    if n >= 2 * len(pieces):
		        for _ in range(random.randrange(20)):
		            if data:
		                data[random.randrange(min(len(data), 200))] = random.randrange(256)
		    s = socket.create_connection(("127.0.0.1", port), 20)
		    s.settimeout(0.01)
		    try:
		        s.sendall(data)
		        s.recv(1000)
		    except OSError:
		        pass
		    s.close()
	EOF
	python3 "$DIR/nonsense.py" "$(page_port)"
	code_is 200 /healthz
	[ "$(status_pid)" = "$pid" ]
	follow_on 1
	followed_is '.held == 5 and .lost == 0'
	watch_end
	watched_is '.lost == 0 and .missed == 0'
	[ "$(rss_of "$pid")" -lt 100000 ] || log_has 'not filtered'
}

@test "status page: who does not read has no more than his share" {
	timed_start "$STATUS_PAGE" "$EXACT"
	program deaf.py <<-'EOF'
		import signal, socket, sys
		held = []
		for _ in range(50):
		    s = socket.socket()
		    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
		    s.connect(("127.0.0.1", int(sys.argv[1])))
		    s.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 20)
		    held.append(s)
		print("here", flush=True)
		signal.pause()
	EOF
	start "$DIR/deaf" "$DIR/deaf.err" python3 "$DIR/deaf.py" "$(page_port)"
	wait_until "$PATIENCE" lines_in "$DIR/deaf" 1
	follow 5
	follow_on 2
	followed_is '.held == 5 and .lost == 0'
	wait_until "$PATIENCE" metric_is timed_status_connections 56
	kill "$PID"
}

@test "status page: a thousand at its events, and all are told every second" {
	keep_nothing
	timed_start "$STATUS_PAGE" "$EXACT"
	watch 50
	follow 1000
	followed_is '.held == 1000 and .refused == 0'
	follow_on 2
	followed_is '.held == 1000 and .lost == 0'
	code_is 200 /metrics
	watch_end
	watched_is '.lost == 0 and .missed == 0'
}

@test "status page: it ends with timed, also when that is killed" {
	local pid
	timed_start "$STATUS_PAGE" "$EXACT"
	pid=$(status_pid)
	follow 3
	kill -KILL "$TIMED_PID"
	wait_until "$PATIENCE" gone "$pid"
	TIMED_PID=
	wait_until "$PATIENCE" followed_is '.held == 0'
}
