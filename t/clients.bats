#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# timedctl clients and kick: each connection is told of by whichever worker has
# it, and nobody waits for the operator.

bats_require_minimum_version 1.5.0

load lib

# A stream that watch can read, on TCP, and beside it another and datagrams.
SERVICES='services = (
	{ type = "stream"; listen = [ "127.0.0.1:0" ]; format = "%s"; },
	{ type = "stream"; name = "other"; listen = [ "127.0.0.1:0" ]; },
	{ type = "time"; listen = [ "udp:127.0.0.1:0" ]; }
);'

# clients FILTER [SERVICE]: is it true of the array of those who are there, when
# all is told?
clients()
{
	# shellcheck disable=SC2086 # no word for no service
	ctl -j clients ${2-} >"$DIR/clients"
	jq -se ".[-1] == { ok: true } and (.[:-1] | map(.client) | $1)" \
		"$DIR/clients" >/dev/null
}

# id_of N [SERVICE]: the ID of the Nth, from 0.
id_of()
{
	# shellcheck disable=SC2086
	ctl -j clients ${2-} | jq -sr ".[$1].client.id"
}

# stopped_worker: one of them does not answer; its pid goes to STOPPED.
stopped_worker()
{
	STOPPED=$(status '.workers[0].pid')
	kill -STOP "$STOPPED"
}

# asked FILE COMMAND...: timedctl in the background, with the round at a worker
# that does not answer.
asked()
{
	local out=$1
	shift
	start "$out" "$out.err" timedctl -r "$RUN" -j "$@"
	wait_until "$PATIENCE" log_has "operator command; command='$1'"
}

@test "clients: nobody, one, and a thousand with four workers, each once" {
	timed_start 'workers = 4;' "$SERVICES"
	clients '. == []'
	ctl clients | grep -Eqx 'ID +SERVICE +PEER +AGE .*WORKER'
	[ "$(ctl clients | wc -l)" -eq 1 ]
	client_start
	wait_until "$PATIENCE" lines_in "$CLIENT_OUT" 2
	clients 'length == 1 and (.[0] | .service == "stream" and
		(.id | test("^1\\.[0-3]\\.1$")) and
		(.peer | test("^127.0.0.1:[0-9]+$")) and .age_seconds >= 0 and
		.age_seconds < 20 and .bytes_in == 0 and .ticks >= 2 and
		.bytes_out == .ticks * 11 and .skipped == 0 and
		(.worker | . >= 0 and . < 4) and (has("name") | not))'
	hold 999
	clients 'length == 1000 and (map(.id) | unique | length) == 1000 and
		(map(.peer) | unique | length) == 1000 and
		(map(.worker) | unique) == [ 0, 1, 2, 3 ]'
	ctl clients >"$DIR/table"
	[ "$(wc -l <"$DIR/table")" -eq 1001 ]
	# Sorted as they came to each worker.
	tail -n +2 "$DIR/table" | awk '{ print $1 }' >"$DIR/ids"
	sort -t. -k1,1n -k2,2n -k3,3n "$DIR/ids" | diff - "$DIR/ids"
	status_is '.totals.connections == 1000'
}

@test "clients: those of one service" {
	timed_start "$SERVICES"
	client_start
	client_start "$(service_port other)"
	client_start "$(service_port other)"
	wait_until "$PATIENCE" lines_in "$CLIENT_OUT" 1
	wait_until "$PATIENCE" status_is '.totals.connections == 3'
	clients 'map(.service) | sort == [ "other", "other", "stream" ]'
	clients 'map(.service) == [ "stream" ]' stream
	clients 'map(.service) == [ "other", "other" ]' other
	clients '. == []' time
	ctl clients | awk 'NR > 1 { print $2 }' | diff - <(printf '%s\n' other other stream)
	ctl_fails 1 'no service is called "none"; there are: stream, other, time' clients none
	ctl_fails 64 'too many arguments: other' clients stream other
	# What a reload takes away is no service any more.
	reload "services = ( { type = \"stream\"; listen = [ \"127.0.0.1:$(stream_port)\" ]; } );"
	ctl_fails 1 'no service is called "other"; there are: stream' clients other
	wait_until "$PATIENCE" clients 'map(.service) == [ "stream" ]'
}

@test "clients: who came by a unix socket" {
	timed_start "services = ( { type = \"stream\"; listen = [ \"unix:$DIR/socket\" ]; } );"
	start "$DIR/nc" "$DIR/nc.err" nc -dU "$DIR/socket"
	wait_until "$PATIENCE" lines_in "$DIR/nc" 1
	clients "map(.peer) == [ \"unix:pid=$PID,uid=$(id -u)\" ]"
}

@test "clients: kick ends one connection and no other" {
	local first id peer
	timed_start "$SERVICES"
	watch 10
	client_start
	first=$CLIENT_PID
	wait_until "$PATIENCE" lines_in "$CLIENT_OUT" 1
	peer=127.0.0.1:$(ss -Htnp "dport = :$(stream_port)" | grep "pid=$first," |
		awk '{ print $4 }' | sed 's/.*://')
	id=$(ctl -j clients | jq -r "select(.client.peer == \"$peer\") | .client.id")
	[ "$(ctl kick "$id")" = "ended $id: $peer of stream" ]
	# It reads the end of the file.
	wait_until "$PATIENCE" gone "$first"
	wait_until "$PATIENCE" log_has "client disconnected; service='stream', peer='$peer', reason='kicked', .* active='10'"
	status_is '.totals | .accepted == 11 and .closed == 1 and .connections == 10'
	ctl_fails 1 "no such connection: $id\$" kick "$id"
	ctl_fails 1 'no such connection: 1.0.4000000000$' kick 1.0.4000000000
	id=$(id_of 0)
	ctl -j kick "$id" | jq -se --arg id "$id" \
		'length == 2 and .[0].client.id == $id and .[1] == { ok: true }'
	wait_until "$PATIENCE" status_is '.totals | .closed == 2 and .connections == 9'
	watch_end
	watched_is '.held == 9 and .lost == 1 and .missed == 0'
}

@test "clients: what is no ID" {
	local id
	timed_start "$SERVICES"
	for id in x 1 1.2 1.2.x 1.2.3.4 1.2.3x +1.2.3 01.2.3 ' 1.2.3' 1.256.1 \
		1.2.4294967296 99999999999.1.1 -1.2.3; do
		[ "$id" != -1.2.3 ] || continue
		ctl_fails 64 'no ID' kick "$id"
	done
	ctl_fails 1 'no such connection: 0.0.0' kick 0.0.0
	ctl_fails 64 'which ID\?' kick
	ctl_fails 64 'too many arguments: 1.0.2' kick 1.0.1 1.0.2
}

@test "clients: an ID stays the same over a reload and an upgrade" {
	local ids id
	timed_start 'workers = 3;' "$SERVICES"
	watch 40
	clients 'length == 40'
	ids=$(jq -r '.client.id // empty' "$DIR/clients" | sort)
	ctl reload
	wait_until "$PATIENCE" settled 3
	clients 'length == 40'
	diff <(jq -r '.client.id // empty' "$DIR/clients" | sort) - <<<"$ids"
	ctl upgrade
	wait_until "$PATIENCE" settled 3
	clients 'length == 40'
	diff <(jq -r '.client.id // empty' "$DIR/clients" | sort) - <<<"$ids"
	id=$(head -n 1 <<<"$ids")
	ctl kick "$id"
	wait_until "$PATIENCE" clients 'length == 39'
	watch_end
	watched_is '.held == 39 and .lost == 1 and .missed == 0'
}

@test "clients: in the middle of hand-offs nobody is left out, and each is found" {
	local i told=0 reloader
	timed_start 'workers = 4;' "$SERVICES"
	watch 600
	for i in {1..200}; do
		[ ! -e "$DIR/enough" ] || break
		ctl reload || break
	done >"$DIR/reloads" 2>&1 &
	reloader=$!
	wait_until "$PATIENCE" lines_in "$DIR/reloads" 1
	until [ "$told" -ge 1 ] && lines_in "$DIR/reloads" 6; do
		clients '(map(.id) | unique | length) == 600'
		told=$((told + 1))
	done
	# As text each is there once.
	[ "$(ctl clients | wc -l)" -eq 601 ]
	for i in 0 100 200 300 400; do
		ctl kick "$(id_of "$i")"
	done
	touch "$DIR/enough"
	wait $reloader
	echo "$told times"
	watch_end
	watched_is '.held == 595 and .missed == 0'
	status_is '.totals | .accepted == 600 and .closed >= 5'
}

@test "clients: who hands over is asked before those who take over" {
	local old
	timed_start 'workers = 1;' "$SERVICES"
	watch 50
	old=$(worker_pids)
	kill -STOP "$old"
	ctl reload
	# It has all of them still, and its successor has nobody.
	asked "$DIR/told" clients
	local pid=$PID
	kill -CONT "$old"
	wait_until "$PATIENCE" gone "$pid"
	jq -se '.[-1].ok and (map(.client.id // empty) | unique | length) == 50' \
		"$DIR/told"
	watch_end
	watched_is '.lost == 0'
}

# A program that asks for the clients and does not read; "asked" when it did.
deaf_program()
{
	program deaf.py <<-'EOF2'
		import signal, socket, sys
		s = socket.socket(socket.AF_UNIX)
		s.connect(sys.argv[1])
		s.sendall(b'{"command": "clients"}\n')
		s.recv(1)
		print("asked", flush=True)
		signal.sigwait({signal.SIGUSR1})
		data = b""
		while more := s.recv(65536):
		    data += more
		sys.stdout.buffer.write(data.splitlines()[-1])
	EOF2
}

@test "clients: an operator who does not read is in nobody's way" {
	local cpu deaf rss worker
	keep_nothing
	timed_start "log = { file = \"$LOG\"; level = \"notice\"; syslog = false; };" \
		'workers = 2;' "$SERVICES"
	hold 4000
	watch 100
	worker=$(worker_pids | head -n 1)
	ctl clients >/dev/null
	rss=$(rss_of "$worker")
	deaf_program
	start "$DIR/deaf" "$DIR/deaf.err" env --block-signal=USR1 \
		python3 "$DIR/deaf.py" "$RUN/control"
	deaf=$PID
	wait_until "$PATIENCE" lines_in "$DIR/deaf" 1
	start "$DIR/next" "$DIR/next.err" timedctl -r "$RUN" -j clients
	cpu=$(cpu_of "$TIMED_PID")
	watch_on 3
	# The master and the workers wait; others are answered.
	[ $(($(cpu_of "$TIMED_PID") - cpu)) -le 5 ]
	[ $(($(rss_of "$worker") - rss)) -le 200 ]
	ctl -j log -n 1 | jq -se '.[-1].ok'
	# Its time is up, and the next one's turn has come.
	wait_until "$PATIENCE" gone "$PID"
	jq -se '.[-1].ok and length == 4101' "$DIR/next"
	kill -USR1 "$deaf"
	wait_until "$PATIENCE" gone "$deaf"
	tail -n 1 "$DIR/deaf" | jq -e '.exit == 75 and
		(.error | test("in time"))'
	watch_end
	watched_is '.lost == 0 and .missed == 0'
}

@test "clients: several operators at once are all told, and one that leaves is not missed" {
	local i pids=()
	timed_start 'workers = 3;' "$SERVICES"
	hold 300
	for i in {1..12}; do
		start "$DIR/told.$i" "$DIR/told.$i.err" timedctl -r "$RUN" -j clients
		pids+=("$PID")
		[ $((i % 4)) -ne 0 ] || kill -KILL "$PID" || :
	done
	for i in {1..12}; do
		wait_until "$PATIENCE" gone "${pids[i - 1]}"
		[ $((i % 4)) -eq 0 ] ||
			jq -se '.[-1].ok and length == 301' "$DIR/told.$i"
	done
	clients 'length == 300'
}

@test "clients: a worker that dies meanwhile is passed over" {
	timed_start 'workers = 3;' "$SERVICES"
	hold 60
	stopped_worker
	asked "$DIR/told" clients
	local pid=$PID
	kill -KILL "$STOPPED"
	wait_until "$PATIENCE" gone "$pid"
	jq -se '.[-1].ok and length > 20 and length < 61' "$DIR/told"
	wait_until "$PATIENCE" settled 3
	clients 'length < 60'
}

@test "clients: who asks while timed is upgraded or stopped is told so" {
	timed_start 'workers = 3;' 'handoff_seconds = 1;' 'stop_seconds = 1;' \
		"$SERVICES"
	stopped_worker
	asked "$DIR/told" kick 1.0.1
	local pid=$PID
	ctl upgrade
	wait_until "$PATIENCE" gone "$pid"
	jq -e '.exit == 75 and (.error | test("being upgraded"))' "$DIR/told"
	kill -CONT "$STOPPED"
	wait_until "$PATIENCE" settled 3
	stopped_worker
	asked "$DIR/more" clients
	pid=$PID
	ctl stop
	wait_until "$PATIENCE" gone "$pid"
	jq -e '.exit == 75 and (.error | test("is stopping"))' "$DIR/more"
	timed_wait
}
