#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# limits: how many connections there may be, exactly, over all workers.

load lib

bats_require_minimum_version 1.5.0

FULL='! too many connections'
MANY='! too many connections from your address'
OFTEN='! you connect too often, try again in a moment'

setup()
{
	harness_setup
	CROWDS=0
}

# complaint LINE TEXT COMPLAINT [TYPE]: TEXT, on the third line of a service, is
# refused on LINE with that alone.
complaint()
{
	printf 'services = ( {\n type = "%s"; listen = [ "127.0.0.1:0" ];\n%s\n} );\n' \
		"${4:-stream}" "$2" >"$CONF"
	run -78 timed -t -c "$CONF"
	[ "${#lines[@]}" -eq 1 ]
	[ "${lines[0]}" = "timed: $CONF:$1: $3" ] || {
		echo "it is '${lines[0]}'" >&2
		return 1
	}
}

# crowd COUNT [FROM,... [PORT [HOST]]]: so many clients of the stream, or of
# PORT, who all come at once, from one address after the other.  Those who are
# let in stay until their process CROWD_PID ends; how it went goes to CROWD, as
# JSON: how many were served, and what the others were told, how often.
#
# With AGAIN=N they wait until the first of them is cut off, and at once so many
# come more: `lost` is then how many were cut off, and `again` how that went.
crowd()
{
	CROWDS=$((CROWDS + 1))
	program crowd.py <<-'EOP'
		import json, os, select, signal, socket, sys
		count, sources, port, host = int(sys.argv[1]), sys.argv[2].split(","), int(sys.argv[3]), sys.argv[4]
		family = socket.AF_INET6 if ":" in host else socket.AF_INET
		held = []

		def come(count):
		    comers = []
		    for number in range(count):
		        s = socket.socket(family, socket.SOCK_STREAM)
		        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
		        s.bind((sources[number % len(sources)], 0))
		        s.setblocking(False)
		        s.connect_ex((host, port))
		        comers.append(s)
		    result = {"served": 0, "told": {}}
		    for s in comers:
		        s.settimeout(20)
		        text = s.recv(200).decode("latin-1")
		        if text and not text.startswith("!"):
		            result["served"] += 1
		            held.append(s)
		        else:
		            while text and s.recv(200):
		                pass
		            line = text.rstrip("\n")
		            result["told"][line] = result["told"].get(line, 0) + 1
		            s.close()
		    return result

		def lost(s):
		    s.setblocking(False)
		    try:
		        while True:
		            if not s.recv(4096):
		                return True
		    except BlockingIOError:
		        return False
		    except ConnectionError:
		        return True

		result = come(count)
		print(json.dumps(result), flush=True)
		more = int(os.environ.get("AGAIN", "0"))
		if more:
		    first = list(held)
		    poll = select.epoll()
		    for s in first:
		        lost(s)
		        poll.register(s.fileno(), select.EPOLLIN)
		    by = {s.fileno(): s for s in first}
		    while not any([lost(by[fd]) for fd, _ in poll.poll(20)]):
		        pass
		    result["again"] = come(more)
		    result["lost"] = sum(lost(s) for s in first)
		    print(json.dumps(result), flush=True)
		signal.pause()
	EOP
	start "$DIR/crowd.$CROWDS" "$DIR/crowd.$CROWDS.err" "${NET[@]}" \
		python3 "$DIR/crowd.py" "$1" "${2:-127.0.0.1}" \
		"${3:-$(stream_port)}" "${4:-127.0.0.1}"
	CROWD_PID=$PID
	wait_until 60 lines_in "$DIR/crowd.$CROWDS" 1
	CROWD=$(head -n 1 "$DIR/crowd.$CROWDS")
	echo "crowd: $CROWD"
}

# crowd_is SERVED [TOLD]: so many were, and all others were told that.
crowd_is()
{
	jq -e --arg told "${2-}" ".served == $1 and
		([.told | keys[] | select(. != \$told)] == [])" <<<"$CROWD"
}

# crowd_end [PID]: they all leave, and that is noticed.
crowd_end()
{
	client_stop "${1:-$CROWD_PID}"
	wait_until "$PATIENCE" connected "${2:-0}"
}

# Are there N connections?
connected()
{
	status_is ".totals.connections == $1"
}

# limited LIMITS [SETTINGS]: a stream with them, in four workers, where somebody
# who has left is soon noticed.
limited()
{
	echo 'workers = 4;'
	stream "interval = 0.1; limits = { $1 }; ${2-}"
}

# Somebody knocks on and on, until knocked; KNOCKS has whom he was let in by.
knock()
{
	program knock.py <<-'EOP'
		import signal, socket, sys
		going = True
		def leave(*_):
		    global going
		    going = False
		signal.signal(signal.SIGTERM, leave)
		count = served = 0
		while going:
		    s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 20)
		    count += 1
		    served += not s.recv(200).startswith(b"!")
		    s.close()
		    print(count, served, flush=True)
	EOP
	start "$DIR/knocks" "$DIR/knocks.err" python3 "$DIR/knock.py" "$(stream_port)"
	KNOCK_PID=$PID
	wait_until "$PATIENCE" lines_in "$DIR/knocks" 5
}

# Has nobody been let in?
knocked_in_vain()
{
	local count served
	client_stop "$KNOCK_PID"
	read -r count served < <(tail -n 1 "$DIR/knocks")
	echo "knocked: $count, served: $served"
	[ "$count" -gt 5 ]
	[ "$served" -eq 0 ]
}

@test "quota: what is no limit is refused, with its line" {
	local kind
	complaint 3 'limits = 5;' 'limits: must be a group in braces'
	complaint 3 'limits = { connections = -1; };' \
		'connections: must be from 0 to 1000000, not -1'
	complaint 4 $'limits = {\n per_address = 1.5; };' \
		'per_address: must be a whole number'
	complaint 3 'limits = { per_second = "1"; };' 'per_second: must be a number'
	complaint 3 'limits = { per_second = 0.0001; };' \
		'per_second: must be 0 or at least 0.001'
	complaint 3 'limits = { per_minute = 1; };' 'unknown setting "per_minute"'
	complaint 3 'limits = { idle_seconds = 5; };' \
		'idle_seconds: must be longer than the interval by 5 seconds'
	complaint 4 $'idle_seconds = 5;\nlimits = { idle_seconds = 5; };' \
		'idle_seconds: the service has it already' echo
	complaint 3 'limits = { per_second = 1; };' \
		'limits: ntp takes no connections' ntp
	for kind in daytime time; do
		complaint 3 'limits = { connections = 1; };' \
			"connections: a client of a $kind does not stay; per_second is what limits it" $kind
	done
	printf '%s\n' 'limits = { idle_seconds = 5; };' >"$CONF"
	run -78 timed -t -c "$CONF"
	[ "$output" = "timed: $CONF:1: unknown setting \"idle_seconds\"" ]
}

@test "quota: the edges of what is allowed are allowed" {
	local limits
	for limits in '' 'connections = 0; per_address = 0; per_second = 0;' \
		'connections = 1000000; per_address = 1000000; per_second = 1000000;' \
		'per_second = 0.001; idle_seconds = 31536000;'; do
		printf '%s\n' "$(stream "limits = { $limits };")" >"$CONF"
		timed -t -c "$CONF"
	done
}

@test "quota: of those who come at once exactly so many are served" {
	timed_start "$(limited 'connections = 50;')"
	crowd 200
	crowd_is 50 "$FULL"
	status_is '.services[0] | .connections == 50 and .accepted == 50 and
		.refused == 150 and .refused_by.connections == 150'
	crowd 10
	crowd_is 0 "$FULL"
}

@test "quota: who leaves makes room for one" {
	local first
	timed_start "$(limited 'connections = 5;')"
	crowd 3
	first=$CROWD_PID
	crowd 10
	crowd_is 2 "$FULL"
	crowd_end "$first" 2
	crowd 10
	crowd_is 3 "$FULL"
}

@test "quota: without limits there are none" {
	timed_start 'workers = 4;' "$(stream)"
	crowd 300
	crowd_is 300
}

@test "quota: the places of a worker that is killed are free at once" {
	local worker
	timed_start "$(limited 'connections = 50;')"
	AGAIN=150 crowd 60
	crowd_is 50 "$FULL"
	worker=$(status '.workers | max_by(.connections) | .pid')
	# Nobody but the kernel sees it die.
	kill -STOP "$TIMED_PID"
	kill -KILL "$worker"
	wait_until "$PATIENCE" lines_in "$DIR/crowd.$CROWDS" 2
	kill -CONT "$TIMED_PID"
	tail -n 1 "$DIR/crowd.$CROWDS" | tee /dev/stderr | jq -e \
		'.lost > 0 and .again.served == .lost and
		(.again.told | keys) == ["! too many connections"]'
	wait_until "$PATIENCE" connected 50
	crowd 10
	crowd_is 0 "$FULL"
}

@test "quota: a reload, more workers and an upgrade let in nobody too many" {
	timed_start "$(limited 'connections = 50;')"
	crowd 50
	crowd_is 50
	knock
	reload "$(limited 'connections = 50;' 'newline = true;')"
	wait_until "$PATIENCE" settled 4
	ctl workers 2
	wait_until "$PATIENCE" settled 2
	ctl upgrade
	wait_until "$PATIENCE" settled 2
	ctl workers 4
	wait_until "$PATIENCE" settled 4
	knocked_in_vain
	connected 50
	# And none too few.
	crowd_end
	crowd 200
	crowd_is 50 "$FULL"
}

@test "quota: a tighter limit leaves who is there, and a wider one is for more" {
	timed_start "$(limited 'connections = 20;')"
	crowd 20
	reload "$(limited 'connections = 5;')"
	wait_until "$PATIENCE" settled 4
	connected 20
	local first=$CROWD_PID
	crowd 10
	crowd_is 0 "$FULL"
	reload "$(limited 'connections = 25;')"
	wait_until "$PATIENCE" settled 4
	crowd 10
	crowd_is 5 "$FULL"
	crowd_end "$first" 5
	crowd 50
	crowd_is 20 "$FULL"
}

@test "quota: a limit that is new counts those who are there" {
	timed_start 'workers = 4;' "$(stream 'interval = 0.1;')"
	crowd 20
	reload "$(limited 'connections = 25; per_address = 22;')"
	wait_until "$PATIENCE" settled 4
	crowd 10
	crowd_is 2 "$MANY"
	crowd 10 127.0.0.2
	crowd_is 3 "$FULL"
}

@test "quota: each address has its own" {
	timed_start "$(limited 'per_address = 10;')"
	crowd 200 127.0.0.1,127.0.0.2,127.0.0.3,127.1.2.3
	crowd_is 40 "$MANY"
	status_is '.services[0] | .refused_by.per_address == 160 and
		.refused_by.connections == 0'
	crowd 5 127.0.0.2
	crowd_is 0 "$MANY"
	crowd 5 127.0.0.4
	crowd_is 5
}

@test "quota: of IPv6 a network of 64 bits is one address" {
	net_start 2001:db8::1/64 2001:db8:0:1::1/64 2001:db8:0:1::2/64 \
		2001:db8:0:2::1/64
	timed_start 'workers = 4;' \
		"$(stream 'limits = { per_address = 4; };' '"[2001:db8::1]:6013"')"
	crowd 20 2001:db8:0:1::1,2001:db8:0:1::2 6013 2001:db8::1
	crowd_is 4 "$MANY"
	crowd 20 2001:db8:0:2::1 6013 2001:db8::1
	crowd_is 4 "$MANY"
}

@test "quota: clients of the unix domain count, and have no address" {
	local i
	timed_start 'workers = 2;' "$(stream 'limits = { connections = 3;
		per_address = 1; per_second = 0.001; };' "\"unix:$DIR/socket\"")"
	for i in 1 2 3; do
		start "$DIR/unix.$i" "$DIR/unix.$i.err" nc -d -U "$DIR/socket"
		wait_until "$PATIENCE" lines_in "$DIR/unix.$i" 1
	done
	[ "$(timeout "$PATIENCE" nc -d -U "$DIR/socket")" = "$FULL" ]
}

@test "quota: those for all hold over all services" {
	timed_start 'workers = 4;' 'limits = { connections = 30; per_address = 20; };' \
		'services = (
		{ type = "stream"; name = "a"; listen = [ "127.0.0.1:0" ];
		  limits = { connections = 15; }; },
		{ type = "stream"; name = "b"; listen = [ "127.0.0.1:0" ]; } );'
	crowd 50 127.0.0.1 "$(service_port a)"
	crowd_is 15 "$FULL"
	crowd 50 127.0.0.1 "$(service_port b)"
	crowd_is 5 "$MANY"
	crowd 50 127.0.0.2 "$(service_port b)"
	crowd_is 10 "$FULL"
	status_is '.totals | .connections == 30 and .refused == 120 and
		.refused_by.connections == 75 and .refused_by.per_address == 45'
}

@test "quota: how often one address comes is counted over all workers" {
	local settings
	settings='workers = 4; services = (
		{ type = "daytime"; listen = [ "127.0.0.1:0" ];
		  limits = { per_second = 0.001; }; },
		{ type = "time"; listen = [ "127.0.0.1:0" ];
		  limits = { per_second = 0.001; }; } );'
	timed_start "${settings%% services*}" "services${settings#* services}"
	crowd 40 127.0.0.1,127.0.0.2 "$(service_port daytime)"
	crowd_is 2 "$OFTEN"
	# Workers come and go, and know it still.
	reload "${settings%% services*}" "services${settings#* services}"
	crowd 20 127.0.0.1,127.0.0.3 "$(service_port daytime)"
	crowd_is 1 "$OFTEN"
	# One that speaks no text says nothing.
	crowd 20 127.0.0.1 "$(service_port time)"
	crowd_is 1 ''
	status_is '.services[0].refused_by.per_second == 57'
	status_is '.services[1].refused_by.per_second == 19'
}

@test "quota: a chat and an echo say so, too" {
	local name port
	timed_start 'workers = 2;' 'services = (
		{ type = "chat"; listen = [ "127.0.0.1:0" ];
		  limits = { per_second = 0.001; }; },
		{ type = "echo"; listen = [ "127.0.0.1:0" ];
		  limits = { per_second = 0.001; }; } );'
	for name in chat echo; do
		port=$(service_port $name)
		echo exit | timeout "$PATIENCE" nc -N 127.0.0.1 "$port" >/dev/null
		[ "$(timeout "$PATIENCE" nc -d 127.0.0.1 "$port")" = "$OFTEN" ]
	done
}

@test "quota: a connection without a byte either way is closed" {
	timed_start 'workers = 1;' 'services = (
		{ type = "echo"; listen = [ "127.0.0.1:0" ];
		  limits = { idle_seconds = 0.1; }; } );'
	timeout "$PATIENCE" nc -d 127.0.0.1 "$(service_port echo)" >"$DIR/echo"
	log_has "client disconnected; service='echo'.*reason='idle'"
}
