#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck disable=SC2030,SC2031 # each test has a shell of its own
#
# timedctl pause and resume: new clients are refused, on every transport, and
# taken in again; whoever is connected stays and misses nothing; it outlives
# reloads, upgrades and crashes; nobody who has come is lost.

load lib

bats_require_minimum_version 1.5.0

setup()
{
	harness_setup
	SOCKET=$DIR/stream.sock
	BOTH="services = (
		{ type = \"stream\"; format = \"%s\"; listen = [ \"127.0.0.1:0\", \"[::1]:0\",
			\"unix:$SOCKET\" ]; },
		{ type = \"daytime\"; listen = [ \"127.0.0.1:0\", \"[::1]:0\" ]; } );"
	knock_program
}

# A program for python3 that connects to addresses, as status has them.
#
#   knock.py each ADDRESS...   how it goes: "ADDRESS served", "ADDRESS refused" ...
#   knock.py many ADDRESS      over and over, until SIGTERM; then how often it
#       went how, as JSON: {"served": 3, "refused": 1}
knock_program()
{
	program knock.py <<-'EOF'
		import collections, json, signal, socket, sys
		way, addresses = sys.argv[1], sys.argv[2:]
		going, said = True, collections.Counter()

		def stop(*_):
		    global going
		    going = False
		signal.signal(signal.SIGTERM, stop)

		def knock(address):
		    kind, where = socket.AF_UNIX, address.removeprefix("unix:")
		    if where == address:
		        host, port = address.rsplit(":", 1)
		        kind = socket.AF_INET6 if ":" in host else socket.AF_INET
		        where = (host.strip("[]"), int(port))
		    s = socket.socket(kind)
		    s.settimeout(30)
		    try:
		        s.connect(where)
		        return "served" if s.recv(64) else "closed"
		    except ConnectionRefusedError:
		        return "refused"
		    except OSError as e:
		        return str(e)
		    finally:
		        s.close()

		if way == "each":
		    for address in addresses:
		        print(address, knock(address))
		    sys.exit()
		print("knocking", flush=True)
		while going:
		    said[knock(addresses[0])] += 1
		print(json.dumps(said))
	EOF
}

# stream_at [N], daytime_at [N]: the Nth address of theirs, from 0.
stream_at()
{
	status ".services[] | select(.name == \"stream\") | .listen[${1:-0}]"
}

daytime_at()
{
	status ".services[] | select(.name == \"daytime\") | .listen[${1:-0}]"
}

# fares HOW ADDRESS...: is that how clients fare at each of them?
fares()
{
	local how=$1
	shift
	python3 "$DIR/knock.py" each "$@" >"$DIR/fares"
	grep -v " $how\$" "$DIR/fares" || return 0
	return 1
}

# all_are HOW: the same for each address of timed, but for udp.
all_are()
{
	local addresses
	mapfile -t addresses < <(status '.services[].listen[] |
		select(startswith("udp:") | not)')
	[ ${#addresses[@]} -gt 0 ]
	fares "$1" "${addresses[@]}"
}

# udp_send HOST PORT: send three datagrams, and do not wait for answers.
udp_send()
{
	python3 -c '
import socket, sys
s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET,
                  socket.SOCK_DGRAM)
for _ in range(3):
    s.sendto(b"", (sys.argv[1], int(sys.argv[2])))' "$@"
}

# workers_cpu: the clock ticks that all workers have used.
workers_cpu()
{
	local pid sum=0
	for pid in $(worker_pids); do
		sum=$((sum + $(cpu_of "$pid")))
	done
	echo "$sum"
}

signal_workers()
{
	local pid
	for pid in $(worker_pids); do
		kill -s "$1" "$pid"
	done
}

# waiting N: have so many connected to the stream whom nobody has taken in?
waiting()
{
	[ "$(ss -Htln "sport = :$(stream_port)" | awk '{ print $2 }' | head -n 1)" -eq "$1" ]
}

# queue OUT COMMAND...: ask a master that stands still; whoever is first is
# answered first.
queue()
{
	local before
	before=$(queued)
	start "$DIR/$1" "$DIR/$1.err" timedctl -j -r "$RUN" "${@:2}"
	wait_until "$PATIENCE" more_queued "$before"
}

# How many wait at the control socket, which was made under another name.
queued()
{
	ss -Hxl | awk -v name="$RUN/control" 'index($5, name) == 1 { print $3 }'
}

more_queued()
{
	[ "$(queued)" -gt "$1" ]
}

# half_pause OUT [SERVICE]: have a pause begin, and the master stand still before
# it is through, however long that takes.
half_pause()
{
	kill -STOP "$TIMED_PID"
	queue "$1" pause "${@:2}"
	wait_until "$PATIENCE" has_begun
}

has_begun()
{
	kill -CONT "$TIMED_PID"
	kill -STOP "$TIMED_PID"
	status_is 'any(.services[]; .paused)'
}

# ---- What it does -----------------------------------------------------------

@test "pause: clients are refused on every transport, and served again" {
	timed_start "$BOTH"
	all_are served
	ctl pause
	all_are refused
	ctl resume
	all_are served
}

@test "pause: nc is refused, over TCP and IPv6 and on a unix socket" {
	timed_start "$BOTH"
	ctl pause
	run -1 nc -v -d 127.0.0.1 "$(stream_port 0)"
	[[ $output == *'Connection refused'* ]]
	run -1 nc -v -d ::1 "$(stream_port 1)"
	[[ $output == *'Connection refused'* ]]
	run -1 nc -U "$SOCKET" </dev/null
	[[ $output == *'Connection refused'* ]]
}

@test "pause: datagrams are dropped, and answered again" {
	local v4 v6
	timed_start "$BOTH"
	v4=$(status '.services[1].listen[] | select(startswith("udp:127")) | sub(".*:"; "")')
	v6=$(status '.services[1].listen[] | select(startswith("udp:[")) | sub(".*:"; "")')
	udp_ask "$v4" 1
	udp_ask "$v6" 1 ::1
	status_is '.services[1].requests == 2'
	ctl pause daytime
	udp_send 127.0.0.1 "$v4"
	udp_send ::1 "$v6"
	ctl resume daytime
	udp_ask "$v4" 1
	udp_ask "$v6" 1 ::1
	# Had those before been taken, they would have been the first.
	status_is '.services[1] | .requests == 4 and .refused == 0'
}

@test "pause: who is connected stays, and misses no tick" {
	local pid out
	timed_start "$BOTH"
	watch 50
	pid=$WATCH_PID out=$WATCH_OUT
	watch 20 "$SOCKET"
	ctl -j pause | jq -e '.clients == 70'
	watch_on 2
	status_is '.totals.connections == 70'
	ctl resume
	watch_on 1
	watch_end
	watched_is '.held == 20 and .lost == 0 and .missed == 0'
	watch_end "$pid" "$out"
	watched_is '.held == 50 and .lost == 0 and .missed == 0'
}

@test "pause: one service alone" {
	timed_start "$BOTH"
	ctl pause daytime
	status_is '.state == "running" and
		[.services[].paused] == [false, true]'
	fares served "$(stream_at)"
	fares served "unix:$SOCKET"
	fares refused "$(daytime_at)"
	ctl pause stream
	all_are refused
	status_is '.state == "paused"'
}

@test "pause: resume of one leaves the others paused" {
	timed_start "$BOTH"
	ctl pause
	status_is '.state == "paused"'
	ctl resume stream
	status_is '.state == "running" and
		[.services[].paused] == [false, true]'
	fares served "$(stream_at)"
	fares refused "$(daytime_at)"
	ctl resume
	all_are served
}

@test "pause: done twice is done, and says so" {
	timed_start "$BOTH"
	[ "$(ctl pause stream)" = 'paused: stream; 0 clients stay' ]
	[ "$(ctl pause stream)" = 'paused already: stream; 0 clients stay' ]
	fares refused "unix:$SOCKET"
	[ "$(ctl pause daytime)" = 'paused: stream, daytime; 0 clients stay' ]
	[ "$(ctl resume daytime)" = 'still paused: stream' ]
	[ "$(ctl resume daytime)" = 'was not paused; still paused: stream' ]
	[ "$(ctl resume)" = 'all services take clients' ]
	[ "$(ctl resume)" = 'was not paused; all services take clients' ]
	all_are served
}

@test "pause: -j" {
	timed_start "$BOTH"
	client_start
	wait_until "$PATIENCE" lines_in "$CLIENT_OUT" 1
	ctl -j pause stream | jq -e '. == { ok: true, changed: true,
		paused: [ "stream" ], clients: 1 }'
	ctl -j pause | jq -e '. == { ok: true, changed: true,
		paused: [ "stream", "daytime" ], clients: 1 }'
	ctl -j pause | jq -e '.ok and (.changed | not)'
	ctl -j resume stream | jq -e '. == { ok: true, changed: true,
		paused: [ "daytime" ], clients: 0 }'
	ctl -j resume | jq -e '.ok and .changed and .paused == []'
	ctl -j resume | jq -e '.ok and (.changed | not)'
	run -1 --separate-stderr ctl -j pause strea
	jq -e '.ok == false and .exit == 1 and (.error | contains("stream, daytime"))' <<<"$output"
}

@test "pause: a name that no service has" {
	local command
	timed_start "$BOTH"
	for command in pause resume; do
		run -1 --separate-stderr ctl "$command" ntp
		[ -z "$output" ]
		# shellcheck disable=SC2154 # run sets it
		[ "$stderr" = 'timedctl: no service is called "ntp"; there are: stream, daytime' ]
	done
	run -64 ctl pause stream daytime
	status_is '.state == "running" and all(.services[]; .paused | not)'
}

@test "pause: the log has it, with who did it" {
	timed_start "$BOTH"
	ctl pause stream
	ctl resume
	wait_until "$PATIENCE" log_has " notice master.* paused; service='stream', uid='$(id -u)'"
	wait_until "$PATIENCE" log_has " notice master.* resumed; service='\*', uid='$(id -u)'"
}

@test "pause: systemd's status says it" {
	listen_for_notes
	timed_start "$BOTH"
	ctl pause stream
	wait_until "$PATIENCE" noted 1 'STATUS=.* a second, paused: stream$'
	ctl pause
	wait_until "$PATIENCE" noted 1 'STATUS=.* a second, paused$'
}

@test "pause: those who wait to be taken in are not lost" {
	local clients=()
	timed_start 'watchdog_seconds = 60;' "$BOTH"
	signal_workers STOP
	for _ in {1..5}; do
		client_start "$(stream_port)"
		clients+=("$CLIENT_OUT")
	done
	wait_until "$PATIENCE" waiting 5
	half_pause one
	signal_workers CONT
	for CLIENT_OUT in "${clients[@]}"; do
		wait_until "$PATIENCE" lines_in "$CLIENT_OUT" 1
	done
	kill -CONT "$TIMED_PID"
	wait_until "$PATIENCE" lines_in "$DIR/one" 1
	jq -e '.ok and .clients == 5' "$DIR/one"
	for CLIENT_OUT in "${clients[@]}"; do
		wait_until "$PATIENCE" lines_in "$CLIENT_OUT" 2
	done
	all_are refused
}

@test "pause: workers that take nobody in do not hold it up" {
	timed_start 'watchdog_seconds = 60;' "$BOTH"
	signal_workers STOP
	client_start "$(stream_port)"
	wait_until "$PATIENCE" waiting 1
	ctl pause
	wait_until "$PATIENCE" log_has "clients cut off by a pause; service='stream', address='127.0.0.1:[0-9]+', clients='1'"
	all_are refused
	wait_until "$PATIENCE" gone "$CLIENT_PID"
	ctl resume
	signal_workers CONT
	all_are served
	status_is '.totals.crashes == 0'
}

@test "pause: 100 times under connects, each is refused or served" {
	local i out pids=()
	timed_start "$BOTH"
	start "$DIR/v4" "$DIR/v4.err" python3 "$DIR/knock.py" many "$(stream_at 0)"
	pids+=("$PID")
	start "$DIR/v6" "$DIR/v6.err" python3 "$DIR/knock.py" many "$(daytime_at 2)"
	pids+=("$PID")
	start "$DIR/unix" "$DIR/unix.err" python3 "$DIR/knock.py" many "unix:$SOCKET"
	pids+=("$PID")
	for out in v4 v6 unix; do
		wait_until "$PATIENCE" lines_in "$DIR/$out" 1
	done
	for i in {1..100}; do
		ctl pause
		[ $((i % 25)) -ne 0 ] || all_are refused
		ctl resume
	done >"$DIR/said"
	[ "$(grep -c '^paused: ' "$DIR/said")" -eq 100 ]
	kill "${pids[@]}"
	for out in v4 v6 unix; do
		wait_until 60 lines_in "$DIR/$out" 2
		cat "$DIR/$out"
		# What else there could be: timed out, closed; or, for who may
		# not have filters (master/halt.h), a few that are reset.
		tail -n 1 "$DIR/$out" | jq -e --argjson uid "$(id -u)" '.served > 0 and
			(to_entries | map(select(.key | test("^(refused|served)$") | not)) |
			 . == [] or ($uid != 0 and all(.key | test("Errno 104")) and
			             (map(.value) | add) <= 100))'
	done
	status_is '.totals.crashes == 0'
}

@test "pause: paused workers do not spin" {
	local at before until
	timed_start "$BOTH"
	# Both have it from the kernel that nobody listens.
	all_are served
	ctl pause
	before=$(workers_cpu)
	until=$(($(status .uptime_seconds) + 3))
	wait_until "$PATIENCE" status_is ".uptime_seconds >= $until"
	# Two that spin would have used some 600.
	[ $(($(workers_cpu) - before)) -le 15 ]
	ctl resume
	# They take up the listeners, and do not only look now and then.
	at=$(stream_at)
	for _ in {1..100}; do
		echo "$at"
	done | xargs timeout "$PATIENCE" python3 "$DIR/knock.py" each >"$DIR/fares"
	[ "$(grep -c ' served$' "$DIR/fares")" -eq 100 ]
}

@test "pause: two operators at once" {
	timed_start "$BOTH"
	kill -STOP "$TIMED_PID"
	queue one pause stream
	queue two pause daytime
	kill -CONT "$TIMED_PID"
	wait_until "$PATIENCE" lines_in "$DIR/one" 1
	wait_until "$PATIENCE" lines_in "$DIR/two" 1
	jq -es 'all(.[]; .ok and .changed)' "$DIR/one" "$DIR/two"
	all_are refused
}

@test "pause: one operator resumes what another is about to pause" {
	timed_start "$BOTH"
	kill -STOP "$TIMED_PID"
	queue one pause stream
	queue two resume
	kill -CONT "$TIMED_PID"
	wait_until "$PATIENCE" lines_in "$DIR/one" 1
	wait_until "$PATIENCE" lines_in "$DIR/two" 1
	jq -e '.ok == false and .error == "resumed by another operator"' "$DIR/one"
	jq -e '.ok and .changed and .paused == []' "$DIR/two"
	all_are served
}

@test "pause: what cannot be paused is refused, and nothing is" {
	timed_start "$BOTH"
	mkdir "$DIR/.stream.sock.paused"
	run -73 ctl pause
	[[ $output == "timedctl: cannot pause unix:$SOCKET of service \"stream\": "* ]]
	status_is '.state == "running" and all(.services[]; .paused | not)'
	all_are served
	rmdir "$DIR/.stream.sock.paused"
	ctl pause
	all_are refused
}

# ---- What it outlives -------------------------------------------------------

@test "pause: a port stays reserved, also one that the kernel chose" {
	local port
	timed_start "$BOTH"
	port=$(stream_port)
	ctl pause
	[ "$(stream_port)" = "$port" ]
	run -1 python3 -c '
import socket, sys
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("127.0.0.1", int(sys.argv[1])))
s.listen()' "$port"
	[[ $output == *'Address already in use'* ]]
	ctl resume
	fares served "127.0.0.1:$port"
}

@test "pause: it outlives a reload" {
	local port
	timed_start "$BOTH"
	port=$(stream_port)
	watch 20
	ctl pause stream
	reload 'workers = 3;' "$BOTH"
	wait_until "$PATIENCE" settled 3
	status_is '[.services[].paused] == [true, false]'
	[ "$(stream_port)" = "$port" ]
	fares refused "127.0.0.1:$port"
	fares refused "unix:$SOCKET"
	fares served "$(daytime_at)"
	ctl resume
	all_are served
	watch_on 1
	watch_end
	watched_is '.lost == 0 and .missed == 0'
}

@test "pause: what a reload adds to a paused service is paused, too" {
	local more="$DIR/more.sock" udp
	timed_start "services = ( { type = \"daytime\"; listen = [ \"127.0.0.1:0\" ]; } );"
	ctl pause daytime
	reload "services = ( { type = \"daytime\"; listen = [ \"127.0.0.1:0\", \"[::1]:0\", \"unix:$more\" ]; },
		{ type = \"stream\"; listen = [ \"127.0.0.1:0\" ]; } );"
	status_is '[.services[].paused] == [true, false]'
	fares refused "$(daytime_at)"
	fares refused "$(daytime_at 2)"
	fares refused "unix:$more"
	udp=$(service_port daytime 3)
	udp_send ::1 "$udp"
	fares served "$(stream_at)"
	ctl resume
	all_are served
	udp_ask "$udp" 1 ::1
	status_is '.services[0].requests == 4'
	# Nothing is left beside the socket.
	timed_stop
	[ ! -e "$more" ]
	[ ! -e "$DIR/.more.sock.paused" ]
}

@test "pause: an address that a reload adds is never open" {
	local port
	timed_start "$BOTH"
	port=$(fresh_port)
	ctl pause
	start "$DIR/many" "$DIR/many.err" python3 "$DIR/knock.py" many "127.0.0.1:$port"
	wait_until "$PATIENCE" lines_in "$DIR/many" 1
	reload "$(stream '' "\"127.0.0.1:$port\"")"
	ctl workers 3
	kill "$PID"
	wait_until "$PATIENCE" lines_in "$DIR/many" 2
	tail -n 1 "$DIR/many" | jq -e 'keys == ["refused"]'
}

# slow SETTINGS: services with one beside whose workers need a moment until they
# are ready.
slow()
{
	echo "services = ( { type = \"ntp\"; listen = [ \"127.0.0.1:0\" ];
		source = \"127.0.0.1:9\"; local_stratum = 10; }, $1 );"
}

@test "pause: in the middle of a reload" {
	local one='{ type = "stream"; listen = [ "127.0.0.1:0" ]; }'
	local more='{ type = "stream"; listen = [ "127.0.0.1:0", "[::1]:0" ]; }'
	timed_start "$(slow "$one")"
	timed_config "$(slow "$more")"
	start "$DIR/reload" "$DIR/reload.err" timedctl -r "$RUN" reload
	wait_until "$PATIENCE" log_has ' reloading;'
	ctl pause stream
	wait_until "$PATIENCE" lines_in "$DIR/reload" 1
	status_is '.services[1] | .paused and (.listen | length == 2)'
	all_are refused
	start "$DIR/again" "$DIR/again.err" timedctl -r "$RUN" reload
	wait_until "$PATIENCE" log_has "reloading; generation='3'"
	ctl resume stream
	wait_until "$PATIENCE" lines_in "$DIR/again" 1
	all_are served
}

@test "pause: all are those as well that a reload adds" {
	local one='{ type = "stream"; listen = [ "127.0.0.1:0" ]; }'
	local two='{ type = "daytime"; listen = [ "127.0.0.1:0" ]; }'
	timed_start "services = ( $one );"
	ctl pause
	reload "services = ( $one, $two );"
	status_is '.state == "paused" and all(.services[]; .paused)'
	all_are refused
	ctl resume stream
	# By name from now on.
	reload "services = ( $one );"
	reload "services = ( $one, $two );"
	status_is 'all(.services[]; .paused | not)'
	all_are served
}

@test "pause: an address that a reload gives to another service" {
	local port one two
	timed_start
	port=$(stream_port)
	one="{ type = \"stream\"; name = \"one\"; listen = [ \"127.0.0.1:$port\" ]; }"
	two='{ type = "stream"; name = "two"; listen = [ "127.0.0.1:0" ]; }'
	reload "services = ( $one, $two );"
	ctl pause one
	fares refused "127.0.0.1:$port"
	reload "services = ( ${one/\"one\"/\"two\"}, ${two/\"two\"/\"one\"} );"
	fares served "127.0.0.1:$port"
	wait_until "$PATIENCE" at_port_of one refused
	reload "services = ( $one, $two );"
	wait_until "$PATIENCE" at_port_of one refused
	fares served "127.0.0.1:$(service_port two)"
}

at_port_of()
{
	fares "$2" "127.0.0.1:$(service_port "$1")"
}

@test "pause: a wider address in the place of a narrower one" {
	local port
	timed_start
	port=$(stream_port)
	ctl pause
	reload "$(stream '' "\"*:$port\"")"
	all_are refused
	reload "$(stream '' "\"127.0.0.1:$port\"")"
	all_are refused
	ctl resume
	all_are served
}

@test "pause: a reload that is refused leaves it as it is" {
	timed_start "$BOTH"
	ctl pause stream
	timed_config 'services = ( { type = "stream"; listen = [ "192.0.2.1:0" ]; },
		{ type = "daytime"; name = "new"; listen = [ "127.0.0.1:0" ]; } );'
	refuse
	status_is '[.services[].paused] == [true, false]'
	fares refused "unix:$SOCKET"
	ctl resume stream
	all_are served
}

@test "pause: it outlives a resize, and a crash of every worker" {
	local pid
	timed_start "$BOTH"
	ctl pause stream
	ctl workers 3
	wait_until "$PATIENCE" settled 3
	for pid in $(worker_pids); do
		kill -KILL "$pid"
	done
	wait_until "$PATIENCE" status_is '.totals.crashes == 3'
	wait_until "$PATIENCE" settled 3
	fares refused "$(stream_at)"
	fares refused "unix:$SOCKET"
	ctl resume
	all_are served
}

@test "pause: it outlives an upgrade" {
	local port
	timed_start "$BOTH"
	port=$(stream_port)
	watch 20
	ctl pause stream
	ctl upgrade
	status_is '.generation == 2 and [.services[].paused] == [true, false]'
	fares refused "127.0.0.1:$port"
	fares refused "unix:$SOCKET"
	fares served "$(daytime_at)"
	ctl pause
	ctl upgrade
	status_is '.state == "paused"'
	all_are refused
	ctl resume
	[ "$(stream_port)" = "$port" ]
	all_are served
	watch_on 1
	watch_end
	watched_is '.lost == 0 and .missed == 0'
}

@test "pause: an upgrade while it is under way" {
	# Of any address, that takes longer.
	timed_start "$(stream '' '"*:0"')"
	client_start
	wait_until "$PATIENCE" lines_in "$CLIENT_OUT" 1
	start "$DIR/up" "$DIR/up.err" timedctl -r "$RUN" upgrade
	start "$DIR/one" "$DIR/one.err" timedctl -j -r "$RUN" pause
	wait_until "$PATIENCE" lines_in "$DIR/one" 1
	jq -e '.ok and .paused == ["stream"] and .clients == 1' "$DIR/one"
	wait_until "$PATIENCE" lines_in "$DIR/up" 1
	status_is '.generation == 2 and .state == "paused"'
	fares refused "127.0.0.1:$(stream_port)" "[::1]:$(stream_port)"
	local lines
	lines=$(wc -l <"$CLIENT_OUT")
	wait_until "$PATIENCE" lines_in "$CLIENT_OUT" $((lines + 1))
}

# ---- Its end ----------------------------------------------------------------

@test "pause: a stop leaves nothing behind" {
	timed_start "$BOTH"
	ctl pause
	[ -S "$DIR/.stream.sock.paused" ]
	timed_stop
	[ ! -e "$SOCKET" ]
	[ ! -e "$DIR/.stream.sock.paused" ]
	[ ! -e "$RUN" ]
}

@test "pause: who waits for it hears of a stop" {
	timed_start "$BOTH"
	kill -STOP "$TIMED_PID"
	queue one pause
	queue two stop
	kill -CONT "$TIMED_PID"
	wait_until "$PATIENCE" lines_in "$DIR/one" 1
	jq -e '.ok == false and .error == "timed is stopping"' "$DIR/one"
	timed_wait
}

@test "pause: it ends with timed, also where that was killed" {
	timed_start "$BOTH"
	ctl pause
	kill -KILL "$TIMED_PID"
	wait_until "$PATIENCE" gone "$TIMED_PID"
	wait_until "$PATIENCE" session_gone "$TIMED_PID"
	timed_start "$BOTH"
	[ ! -e "$DIR/.stream.sock.paused" ]
	all_are served
}

@test "pause: the socket of a timed that is paused is not taken" {
	timed_start "$BOTH"
	ctl pause
	timed_config "runtime_dir = \"$DIR/other\";" "$BOTH"
	run -73 timed -f -c "$CONF" </dev/null
	[[ $output == *'Address already in use'* ]]
	ctl resume
	all_are served
}
