#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# time: four bytes, once, over TCP and UDP (RFC 868), for the clients that there
# are.  Nothing in here sets a clock.

load lib

bats_require_minimum_version 1.5.0

# time_service [SETTINGS [LISTEN]]: the setting of one, on a port that the kernel
# chooses or on LISTEN, as timed.conf has it.
time_service()
{
	echo "services = ( { type = \"time\"; listen = [ ${2:-\"127.0.0.1:0\"} ]; ${1-} } );"
}

time_port()
{
	service_port time "$@"
}

# The clock, before something is asked.
ask()
{
	BEFORE=$EPOCHSECONDS
}

# agrees SECONDS: was it that late between ask and now?
agrees()
{
	echo "$1 should be from $BEFORE to $EPOCHSECONDS"
	[ "$1" -ge "$BEFORE" ] && [ "$1" -le "$EPOCHSECONDS" ]
}

# agrees_number HEX: is that the number of RFC 868 for it?
agrees_number()
{
	[[ $1 =~ ^[0-9a-f]{8}$ ]]
	agrees $((16#$1 - 2208988800))
}

# agrees_text TEXT: a date as date(1) reads it.
agrees_text()
{
	agrees "$(date -d "$1" +%s)"
}

hex()
{
	od -An -v -tx1 | tr -d ' \n'
}

@test "time: over TCP four bytes, and then the end of file" {
	timed_start "$(time_service)"
	ask
	agrees_number "$(nc -d 127.0.0.1 "$(time_port)" | hex)"
	status_is '.services[0] | .accepted == 1 and .requests == 1 and
		.bytes_out == 4 and .refused == 0'
	wait_until "$PATIENCE" status_is '.services[0].closed == 1'
}

@test "time: over UDP four bytes, whatever was sent" {
	timed_start "$(time_service)"
	ask
	agrees_number "$(udp_ask "$(time_port)" 1)"
	ask
	agrees_number "$(echo anything | nc -u -W 1 127.0.0.1 "$(time_port)" | hex)"
	ask
	agrees_number "$(head -c 9000 /dev/zero | nc -u -W 1 127.0.0.1 "$(time_port)" | hex)"
	wait_until "$PATIENCE" status_is '.services[0] | .requests >= 3 and .connections == 0 and
		.bytes_out == 4 * .requests and .refused == 0'
}

@test "time: both are on the same port, and each can be had alone" {
	local port
	timed_start "services = (
		{ type = \"time\"; name = \"both\"; listen = [ \"localhost:0\" ]; },
		{ type = \"time\"; name = \"tcp\"; listen = [ \"tcp:127.0.0.1:0\" ]; },
		{ type = \"time\"; name = \"udp\"; listen = [ \"udp:127.0.0.1:0\" ]; } );"
	port=$(service_port both)
	status '.services[0].listen[]' >"$DIR/both"
	cat "$DIR/both"
	grep -qx "127.0.0.1:$port" "$DIR/both"
	grep -qx "udp:127.0.0.1:$port" "$DIR/both"
	[ "$(sed 's/.*://' "$DIR/both" | sort -u)" = "$port" ]
	status_is ".services[1].listen == [\"127.0.0.1:$(service_port tcp)\"]"
	status_is ".services[2].listen == [\"udp:127.0.0.1:$(service_port udp)\"]"
	ask
	agrees_number "$(nc -d 127.0.0.1 "$(service_port tcp)" | hex)"
	agrees_number "$(udp_ask "$(service_port udp)" 1)"
}

@test "time: rdate reads it, over TCP and UDP, over IPv4 and IPv6" {
	local way
	timed_start "$(time_service '' '"127.0.0.1:0", "[::1]:0"')"
	for way in '-4' '-4 -u'; do
		ask
		# shellcheck disable=SC2086 # several words
		agrees_text "$(rdate -p $way -o "$(time_port)" 127.0.0.1)"
	done
	for way in '-6' '-6 -u'; do
		ask
		# shellcheck disable=SC2086 # several words
		agrees_text "$(rdate -p $way -o "$(time_port 2)" ::1)"
	done
}

@test "time: busybox rdate reads it, on port 37" {
	net_start
	timed_start "$(time_service '' '"*:37"')"
	ask
	agrees_text "$("${NET[@]}" busybox rdate -p 127.0.0.1)"
}

@test "time: check_time finds no difference, over TCP and UDP" {
	local check=/usr/lib/nagios/plugins/check_time
	timed_start "$(time_service)"
	run -0 "$check" -H 127.0.0.1 -p "$(time_port)" -w 2 -c 2
	[[ $output == 'TIME OK - '* ]]
	run -0 "$check" -u -H 127.0.0.1 -p "$(time_port)" -w 2 -c 2
	[[ $output == 'TIME OK - '* ]]
}

@test "time: a client that sends and closes its side gets all of it" {
	local i
	timed_start "$(time_service)"
	for i in {1..50}; do
		ask
		agrees_number "$(echo "something $i" | nc -N 127.0.0.1 "$(time_port)" | hex)"
	done
	status_is '.services[0] | .accepted == 50 and .requests == 50'
}

@test "time: 12 of 12 requests over UDP are answered, and 20,000 of 20,000" {
	timed_start "$(time_service)"
	ask
	udp_ask "$(time_port)" 12 >"$DIR/answers"
	[ "$(wc -l <"$DIR/answers")" -eq 12 ]
	udp_ask "$(time_port)" 20000 >>"$DIR/answers"
	[ "$(wc -l <"$DIR/answers")" -eq 20012 ]
	agrees_number "$(head -n 1 "$DIR/answers")"
	agrees_number "$(tail -n 1 "$DIR/answers")"
	# They never go back.
	sort -c "$DIR/answers"
	wait_until "$PATIENCE" status_is '.services[0] | .requests == 20012 and .refused == 0'
}

@test "time: ports that would answer the answer are met with silence" {
	local port
	net_start
	timed_start "$(time_service '' '"127.0.0.1:37", "[::1]:37"')"
	for port in 7 13 19 123 1023; do
		udp_storm 37 10 127.0.0.1 127.0.0.1 "$port"
		[ "$ANSWERED" -eq 0 ]
		udp_storm 37 10 ::1 ::1 "$port"
		[ "$ANSWERED" -eq 0 ]
	done
	# Another one like it.
	udp_storm 37 10 127.0.0.1 127.0.0.2 37
	[ "$ANSWERED" -eq 0 ]
	status_is '.services[0] | .refused == 110 and .requests == 0 and
		.refused_by.low_port == 110 and .bytes_out == 0'
	udp_storm 37 10 127.0.0.1 127.0.0.1 1024
	[ "$ANSWERED" -eq 10 ]
}

@test "time: its own port is met with silence where that is a high one, too" {
	local port
	net_start
	timed_start "$(time_service)"
	port=$(time_port)
	udp_storm "$port" 10 127.0.0.1 127.0.0.2 "$port"
	[ "$ANSWERED" -eq 0 ]
	status_is '.services[0].refused_by.low_port == 10'
}

@test "time: with low_ports they are answered" {
	local port
	net_start
	timed_start "$(time_service 'low_ports = true;' '"127.0.0.1:37", "[::1]:37"')"
	for port in 7 13 19 123; do
		udp_storm 37 10 127.0.0.1 127.0.0.1 "$port"
		[ "$ANSWERED" -eq 10 ]
	done
	udp_storm 37 10 127.0.0.1 127.0.0.2 37
	[ "$ANSWERED" -eq 10 ]
	status_is '.services[0] | .refused == 0 and .requests == 50'
}

@test "time: answers come from the address that was asked" {
	local address port
	net_start 192.0.2.1/24 2001:db8::1/64 2001:db8::2/64 fe80::1/64
	timed_start "$(time_service '' '"*:3737"')"
	for address in 127.0.0.1 127.0.0.2 127.255.255.254 192.0.2.1; do
		for port in 0 4000; do
			ask
			agrees_number "$(udp_ask 3737 1 "$address" 127.0.0.1 $port)"
		done
	done
	for address in ::1 2001:db8::1 2001:db8::2; do
		ask
		agrees_number "$(udp_ask 3737 1 "$address")"
		ask
		agrees_number "$(udp_ask 3737 1 "$address" 2001:db8::2)"
	done
	ask
	agrees_number "$(udp_ask 3737 1 fe80::1%lo)"
}

@test "time: an answer has no fragments, and no number for them" {
	program wire.py <<-'EOF'
		import socket
		wire = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
		print("up", flush=True)
		while True:
		    header = wire.recv(2048)
		    print("from", int.from_bytes(header[20:22], "big"),
		          "number", header[4:6].hex(), "fragment", header[6:8].hex(),
		          flush=True)
	EOF
	NET_RUNS="exec python3 '$DIR/wire.py'" net_start
	timed_start "$(time_service)"
	local port
	port=$(time_port)
	[ "$(udp_ask "$port" 3 | wc -l)" -eq 3 ]
	seen()
	{
		[ "$(grep -c "^from $port " "$DIR/net")" -eq 3 ]
	}
	wait_until "$PATIENCE" seen
	[ "$(grep -c "^from $port number 0000 fragment 4000\$" "$DIR/net")" -eq 3 ]
}

@test "time: require_sync refuses while the clock is not synchronised" {
	local synchronised
	# What the kernel says of it; nothing is changed.
	program adjtimex.py <<-'EOF'
		import ctypes
		state = (ctypes.c_int * 128)()
		answer = ctypes.CDLL(None).adjtimex(state)
		status = state[10] if ctypes.sizeof(ctypes.c_long) == 8 else state[5]
		print("no" if answer < 0 or status & 0x40 else "yes")
	EOF
	synchronised=$(python3 "$DIR/adjtimex.py")
	timed_start "services = (
		{ type = \"time\"; name = \"strict\"; listen = [ \"127.0.0.1:0\" ]; require_sync = true; },
		{ type = \"time\"; name = \"lax\"; listen = [ \"127.0.0.1:0\" ]; } );"
	udp_storm "$(service_port strict)" 10
	echo "synchronised: $synchronised, answered: $ANSWERED"
	if [ "$synchronised" = yes ]; then
		[ "$ANSWERED" -eq 10 ]
		ask
		agrees_number "$(nc -d 127.0.0.1 "$(service_port strict)" | hex)"
		status_is '.services[0].refused == 0'
	else
		[ "$ANSWERED" -eq 0 ]
		[ -z "$(nc -d 127.0.0.1 "$(service_port strict)" | hex)" ]
		status_is '.services[0] | .refused == 11 and
			.refused_by.unsynchronised == 11 and .requests == 0'
	fi
	ask
	agrees_number "$(udp_ask "$(service_port lax)" 1)"
}

@test "time: 20 reloads and an upgrade while requests run lose none" {
	local i client clients=() port
	timed_start "$(time_service)"
	port=$(time_port)
	udp_program
	# Each waits for its answer before it asks again, until SIGTERM.
	program asker.py <<-'EOF'
		import signal, socket, sys
		going = True
		def stop(*_):
		    global going
		    going = False
		signal.signal(signal.SIGTERM, stop)
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		s.connect(("127.0.0.1", int(sys.argv[1])))
		s.settimeout(20)
		asked = 0
		while going:
		    for _ in range(16):
		        s.send(b"")
		    for _ in range(16):
		        assert len(s.recv(64)) == 4
		    asked += 16
		    if asked == 16:
		        print("begun", flush=True)
		print(asked, flush=True)
	EOF
	for i in 1 2 3 4; do
		start "$DIR/asker.$i" "$DIR/asker.$i.err" \
			python3 "$DIR/asker.py" "$port"
		clients+=("$PID")
	done
	for i in 1 2 3 4; do
		wait_until "$PATIENCE" lines_in "$DIR/asker.$i" 1
	done
	for i in {1..20}; do
		kill -HUP "$TIMED_PID"
		wait_until "$PATIENCE" status_is ".reloads == $i"
	done
	kill -USR2 "$TIMED_PID"
	wait_until "$PATIENCE" log_has ': upgraded;'
	kill -TERM "${clients[@]}"
	for client in "${clients[@]}"; do
		wait_until 30 gone "$client"
		wait "$client"
	done
	tail -n 1 "$DIR"/asker.?
	wait_until "$PATIENCE" status_is ".services[0].requests ==
		$(($(tail -qn 1 "$DIR"/asker.? | paste -sd+)))"
	status_is '.services[0].refused == 0'
}

@test "time: a worker that is stopped keeps no request for itself" {
	local pid
	timed_start "$(time_service)"
	pid=$(worker_pids | head -n 1)
	kill -STOP "$pid"
	ask
	udp_ask "$(time_port)" 500 >"$DIR/answers"
	kill -CONT "$pid"
	[ "$(wc -l <"$DIR/answers")" -eq 500 ]
	agrees_number "$(tail -n 1 "$DIR/answers")"
}

@test "time: nobody who comes is in the log one by one" {
	timed_start "$(time_service)"
	udp_ask "$(time_port)" 10 >"$DIR/answers"
	nc -d 127.0.0.1 "$(time_port)" >"$DIR/tcp"
	timed_stop
	run ! grep -E 'client|peer=' "$LOG"
	log_has 'started;'
}
