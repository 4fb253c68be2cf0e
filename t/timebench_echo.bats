#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# timebench echo: every byte of every message is looked at, with a server that
# gives them back and with such as do not.

# shellcheck disable=SC2030,SC2031,SC2154 # each test is a process of its own

load lib

bats_require_minimum_version 1.5.0

# timed_echo: timed with an echo, at SERVER.
timed_echo()
{
	timed_start "services = ( { type = \"echo\"; listen = [ \"127.0.0.1:0\", \"unix:$DIR/socket\" ]; } );"
	SERVER=127.0.0.1:$(service_port echo)
}

# serve TRANSPORT SCRIPT: a server, SERVER, that sends what SCRIPT, in Python,
# makes of the data of the message n, from 0, which is the one that finds out
# whether anybody answers.
serve()
{
	program server.py <<-'END'
		import selectors, socket, sys, time
		udp, script = sys.argv[1] == "udp", compile(sys.argv[2], "script", "exec")
		n = 0
		def changed(data):
		    global n
		    names = {"data": data, "n": n}
		    exec(script, names)
		    n += 1
		    return names["data"]
		if udp:
		    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		    server.bind(("127.0.0.1", 0))
		else:
		    server = socket.create_server(("127.0.0.1", 0))
		print(server.getsockname()[1], flush=True)
		ready = selectors.DefaultSelector()
		ready.register(server, selectors.EVENT_READ)
		while True:
		    for key, _ in ready.select():
		        if udp:
		            data, peer = server.recvfrom(70000)
		            data = changed(data)
		            if data is not None:
		                server.sendto(data, peer)
		        elif key.fileobj is server:
		            ready.register(server.accept()[0], selectors.EVENT_READ)
		        else:
		            s = key.fileobj
		            try:
		                data = s.recv(70000)
		                data = changed(data) if data else None
		                s.sendall(data if data is not None else b"")
		            except ConnectionError:
		                data = None
		            if data is None:
		                ready.unregister(s)
		                s.close()
	END
	rm -f "$DIR/port"
	start "$DIR/port" "$DIR/server.err" python3 "$DIR/server.py" "$@"
	wait_until "$PATIENCE" lines_in "$DIR/port" 1
	SERVER=127.0.0.1:$(cat "$DIR/port")
}

# bench STATUS OPTION...: the report is REPORT.
bench()
{
	local expected=$1 status=0
	shift
	REPORT=$DIR/report
	timebench echo -j -d 0.3 "$@" >"$REPORT" 2>"$DIR/bench.err" || status=$?
	show "$DIR/bench.err"
	show "$REPORT"
	[ "$status" -eq "$expected" ]
}

# is FILTER: is it true of the report?
is()
{
	jq -e "$1" "$REPORT" >/dev/null
}

@test "timebench echo: over TCP, UDP and a unix socket, of any size" {
	local option
	timed_echo
	for option in '-c 10' '-c 10 --tcp --size 10' '-c 3 --size 65507' '-u' \
		'-u --size 1000 --batch 1 -c 4' '-u --size 65507 -c 1' '-c 10 -r 2000' \
		'-u -r 2000'; do
		# shellcheck disable=SC2086 # several words
		bench 0 $option "$SERVER"
		is '.clean and .requests_answered > 10 and .requests_sent == .requests_answered'
	done
	is '.mode == "echo" and .transport == "udp" and .request_bytes == 64'
	bench 0 -c 4 "unix:$DIR/socket"
	is '.clean and .requests_answered > 10'
	wait_until "$PATIENCE" status_is '.services[0].connections == 0'
}

@test "timebench echo: as many connections as were asked for, and they stay" {
	local sent
	timed_echo
	bench 0 -c 40 --processes 2 --size 100 "$SERVER"
	is '.clean and .outstanding == 40 and .load_processes == 2 and .request_bytes == 100'
	sent=$(jq .requests_sent "$REPORT")
	# The first one asks whether anybody answers.
	wait_until "$PATIENCE" status_is '.services[0] | .accepted == 41 and .connections == 0'
	status_is ".services[0].bytes_in == ($sent + 1) * 100"
}

@test "timebench echo: one byte that is another one is seen" {
	local transport
	for transport in tcp udp; do
		serve "$transport" 'data = data[:-1] + b"?" if n % 20 == 5 else data'
		bench 1 --$transport -c 2 --size 300 "$SERVER"
		is '.requests_wrong >= 1 and .requests_answered > .requests_wrong'
		stop_session "$PID"
	done
}

@test "timebench echo: what is too long, doubled or another's is seen" {
	local script
	for script in 'data = data + b"x" if n == 20 else data' \
		'data = data + data if n == 20 else data'; do
		serve tcp "$script"
		bench 1 -c 1 "$SERVER"
		is '.requests_wrong + .requests_failed >= 1 and .requests_answered > 1'
		stop_session "$PID"
	done
	serve udp 'data = data + b"x" if n == 20 else data'
	bench 1 -u -c 1 "$SERVER"
	is '.requests_wrong >= 1 and .requests_answered > .requests_wrong'
}

@test "timebench echo: what does not come back is lost, and so is the rest of it" {
	serve udp 'data = None if n == 20 else data'
	bench 1 -u -c 1 --timeout 0.1 "$SERVER"
	is '.requests_lost == 1 and .requests_answered > 1 and .loss > 0'
	stop_session "$PID"
	serve tcp 'data = data[:-1] if n == 20 else data'
	bench 1 -c 1 --timeout 0.1 "$SERVER"
	is '.requests_lost == 1 and .requests_answered > 1'
}

@test "timebench echo: a connection that the server closes has failed" {
	serve tcp 'data = None if n == 20 else data'
	bench 1 -c 1 "$SERVER"
	is '.requests_failed == 1 and .requests_answered > 1'
}

@test "timebench echo: the report as text, and its key in the page" {
	timed_echo
	run -0 --separate-stderr timebench echo -c 3 -d 0.2 "$SERVER"
	[[ ${lines[0]} == "echo $SERVER over TCP, 3 outstanding, 64 bytes each" ]]
	[[ ${lines[2]} =~ ^requests\ +sent\ [0-9]+\ +answered ]]
	grep -q '^\.It Li request_bytes' "$BUILD/man/timebench.1"
}

@test "timebench echo: 69 where nobody listens, and where there is no echo" {
	timed_start
	run -69 timebench echo -d 0.2 "127.0.0.1:$(fresh_port)"
	run -69 timebench echo -d 0.2 "127.0.0.1:$(stream_port)"
	[[ $output == *'what it answers is no echo'* ]]
}

@test "timebench echo: options that will not do" {
	run -64 timebench echo --size 9 127.0.0.1:1
	run -64 timebench echo --size 65508 127.0.0.1:1
	run -64 timebench ntp --size 64 127.0.0.1:1
	[[ $output == *'ntp has no --size'* ]]
	run -64 timebench echo --interval 1 127.0.0.1:1
}
