#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# stream: a line with the time at once, then one at every boundary of the
# interval, the same for every client and none twice.

load lib

# stream_service SETTINGS [LISTEN [NAME]]: one group for `services`.
stream_service()
{
	printf '{ type = "stream"; name = "%s"; listen = [ "%s" ]; %s }' \
		"${3:-stream}" "${2:-127.0.0.1:0}" "$1"
}

# serve SERVICE...: the setting of them.
serve()
{
	local IFS=,
	printf 'services = ( %s );' "$*"
}

# has_second FILE SECOND: has its last line come to SECOND?
has_second()
{
	[ -s "$1" ] && [ "$(tail -n 1 "$1")" -ge "$2" ]
}

# only PATTERN FILE: are there lines, and is every one of them like that?
only()
{
	[ -s "$2" ] && ! grep -Evx -e "$1" "$2" >&2
}

@test "stream: the first line comes at once" {
	local before line
	timed_start "$(serve "$(stream_service 'format = "%s"; interval = 86400.0;')")"
	before=$EPOCHSECONDS
	client_start
	wait_until "$PATIENCE" lines_in "$CLIENT_OUT" 1
	line=$(<"$CLIENT_OUT")
	# It is the time of the connect, not that of a boundary.
	[ "$line" -ge "$before" ]
	[ "$line" -le "$EPOCHSECONDS" ]
}

@test "stream: lines advance by one second, on the second" {
	timed_start
	program align.py <<-'EOF'
		import datetime, socket, sys, time
		s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 20)
		lines, arrivals, rest = [], [], b""
		while len(lines) < 5:
		    data = s.recv(4096)
		    now = time.time()
		    assert data, "closed"
		    rest += data
		    *whole, rest = rest.split(b"\n")
		    for line in whole:
		        stamp = datetime.datetime.strptime(line.decode(), "%Y-%m-%d %H:%M:%S")
		        lines.append(stamp.timestamp())
		        arrivals.append(now)
		assert rest == b"", rest
		for a, b in zip(lines, lines[1:]):
		    assert b - a == 1, lines
		late = [a - l for a, l in zip(arrivals[1:], lines[1:])]
		assert min(late) >= 0, "before its second: %r" % late
		assert min(late) < 0.5, "not on the second: %r" % late
	EOF
	python3 "$DIR/align.py" "$(stream_port)"
}

@test "stream: each of 100 clients gets every second, and the log tells of each" {
	local i port from until files=() pids=()
	timed_start "$(serve "$(stream_service 'format = "%s";')")"
	port=$(stream_port)
	for i in {1..100}; do
		client_start "$port"
		files+=("$CLIENT_OUT")
		pids+=("$CLIENT_PID")
	done
	for i in "${files[@]}"; do
		wait_until "$PATIENCE" lines_in "$i" 1
	done
	status_is '.services[0].connections == 100 and .totals.accepted == 100'
	from=$((EPOCHSECONDS + 1))
	until=$((from + 3))
	for i in "${files[@]}"; do
		wait_until "$PATIENCE" has_second "$i" "$until"
		consecutive "$i"
		[ "$(head -n 1 "$i")" -le "$from" ]
	done

	for i in "${pids[@]}"; do
		client_stop "$i"
	done
	wait_until "$PATIENCE" status_is '.services[0].connections == 0 and
		.totals.closed == 100'
	wait_until "$PATIENCE" log_has "client disconnected;.* active='0'"

	local in out
	in=$(grep "client connected;" "$LOG")
	out=$(grep "client disconnected;" "$LOG")
	[ "$(wc -l <<<"$in")" -eq 100 ]
	[ "$(wc -l <<<"$out")" -eq 100 ]
	# Everybody who came has left, under the same name.
	local peers="s/.*service='stream', peer='\([^']*\)'.*/\1/p"
	[ "$(sed -n "$peers" <<<"$in" | sort -u | wc -l)" -eq 100 ]
	diff <(sed -n "$peers" <<<"$in" | sort) <(sed -n "$peers" <<<"$out" | sort)
	# With why, after how long, and what they got.
	[ "$(grep -Ec "reason='(closed|reset) by client', duration='[0-9]+\.[0-9]{3}', ticks='[1-9][0-9]*', skipped='0', active='[0-9]+'" <<<"$out")" -eq 100 ]
	# The last to come sees a hundred, and nobody more than that.
	local active="s/.* active='\([0-9]*\)'.*/\1/p"
	[ "$(sed -n "$active" <<<"$in" | sort -n | tail -n 1)" -eq 100 ]
	[ "$(sed -n "$active" <<<"$out" | sort -n | head -n 1)" -eq 0 ]
}

@test "stream: a client that reads raw chunks of 1,024 bytes can decode them" {
	timed_start
	program chunks.py <<-'EOF'
		import datetime, socket, sys
		s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 20)
		seen = []
		while len(seen) < 4:
		    text = s.recv(1024).decode("ascii")
		    assert text.endswith("\n"), repr(text)
		    for line in text.splitlines():
		        seen.append(datetime.datetime.strptime(line, "%Y-%m-%d %H:%M:%S"))
		step = datetime.timedelta(seconds=1)
		assert all(b - a == step for a, b in zip(seen, seen[1:])), seen
	EOF
	python3 "$DIR/chunks.py" "$(stream_port)"
}

@test "stream: nc, ncat, socat and busybox nc get the lines" {
	local port name
	timed_start "$(serve "$(stream_service 'format = "%s";')")"
	port=$(stream_port)
	start "$DIR/nc" "$DIR/nc.err" nc -d 127.0.0.1 "$port"
	start "$DIR/ncat" "$DIR/ncat.err" ncat --recv-only 127.0.0.1 "$port"
	start "$DIR/socat" "$DIR/socat.err" socat -u "TCP:127.0.0.1:$port" -
	start "$DIR/busybox" "$DIR/busybox.err" busybox nc 127.0.0.1 "$port"
	for name in nc ncat socat busybox; do
		wait_until "$PATIENCE" lines_in "$DIR/$name" 3
		consecutive "$DIR/$name"
	done
}

@test "stream: who closes his sending side is still served" {
	local port name
	timed_start "$(serve "$(stream_service 'format = "%s";')")"
	port=$(stream_port)
	# Each of them has /dev/null to read, and says so to the other end.
	start "$DIR/nc" "$DIR/nc.err" nc -N 127.0.0.1 "$port"
	start "$DIR/ncat" "$DIR/ncat.err" ncat 127.0.0.1 "$port"
	start "$DIR/busybox" "$DIR/busybox.err" busybox nc 127.0.0.1 "$port"
	start "$DIR/socat" "$DIR/socat.err" socat -t 60 - "TCP:127.0.0.1:$port"
	for name in nc ncat busybox socat; do
		wait_until "$PATIENCE" lines_in "$DIR/$name" 4
		consecutive "$DIR/$name"
	done
	status_is '.totals.closed == 0'
}

@test "stream: a timezone shows what date shows there" {
	local zone n port seconds rest
	local zones=(UTC Asia/Kathmandu America/St_Johns local)
	local services=()
	for n in 0 1 2 3; do
		services+=("$(stream_service "timezone = \"${zones[n]}\";
			format = \"%s %a %Y-%m-%d %H:%M:%S %j %z\";" \
			127.0.0.1:0 "zone$n")")
	done
	timed_start "$(serve "${services[@]}")"
	for n in 0 1 2 3; do
		port=$(service_port "zone$n")
		start "$DIR/zone$n" "$DIR/zone.err" nc -d 127.0.0.1 "$port"
	done
	for n in 0 1 2 3; do
		wait_until "$PATIENCE" lines_in "$DIR/zone$n" 2
		zone=${zones[n]}
		[ "$zone" != local ] || zone=
		while read -r seconds rest; do
			[ "$rest" = "$(TZ=${zone:-:/etc/localtime} date -d "@$seconds" \
				'+%a %Y-%m-%d %H:%M:%S %j %z')" ]
		done <"$DIR/zone$n"
	done
	[[ $(head -n 1 "$DIR/zone1") == *+0545 ]]
}

@test "stream: %f is the microsecond of the boundary" {
	timed_start "$(serve "$(stream_service 'format = "%S.%f|"; interval = 0.25;')")"
	client_start
	wait_until "$PATIENCE" lines_in "$CLIENT_OUT" 9
	# The first line shows the moment of the connect, to the microsecond.
	head -n 1 "$CLIENT_OUT" | grep -Exq '[0-5][0-9]\.[0-9]{6}\|'
	tail -n +2 "$CLIENT_OUT" >"$DIR/ticks"
	only '[0-5][0-9]\.(000|250|500|750)000\|' "$DIR/ticks"
}

@test "stream: without newlines a record is its 19 bytes" {
	timed_start "$(serve "$(stream_service 'newline = false;')")"
	program bare.py <<-'EOF'
		import datetime, socket, sys
		s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 20)
		data = s.recv(4096)
		assert len(data) == 19, data
		while len(data) < 3 * 19:
		    data += s.recv(4096)
		assert len(data) % 19 == 0, data
		seen = [datetime.datetime.strptime(data[i:i + 19].decode(), "%Y-%m-%d %H:%M:%S")
		        for i in range(0, len(data), 19)]
		step = datetime.timedelta(seconds=1)
		assert all(b - a == step for a, b in zip(seen, seen[1:])), seen
	EOF
	python3 "$DIR/bare.py" "$(stream_port)"
}

@test "stream: intervals of 0.05, 0.25 and 2 seconds keep to the clock" {
	local name count missing=0
	timed_start 'workers = 1;' "$(serve \
		"$(stream_service 'interval = 0.05; format = "%s %f";' 127.0.0.1:0 ms50)" \
		"$(stream_service 'interval = 0.25; format = "%s %f";' 127.0.0.1:0 ms250)" \
		"$(stream_service 'interval = 2; format = "%s %f";' 127.0.0.1:0 ms2000)")"
	for name in ms50 ms250 ms2000; do
		start "$DIR/$name" "$DIR/$name.err" nc -d 127.0.0.1 \
			"$(service_port $name)"
	done
	wait_until "$PATIENCE" lines_in "$DIR/ms2000" 4
	lines_in "$DIR/ms250" 16
	# Every tick is a boundary, and one that is not there was counted.
	for name in ms50 ms250 ms2000; do
		count=$(awk -v step="${name#ms}" '
			NR == 1 { next }
			{ at = $1 * 1000 + $2 / 1000 }
			at % step { print "off:", $0 >"/dev/stderr"; bad = 1 }
			NR > 2 && at <= last { print "twice:", $0 >"/dev/stderr"; bad = 1 }
			NR > 2 { missing += (at - last) / step - 1 }
			{ last = at }
			END { print missing + 0; exit bad }' "$DIR/$name")
		missing=$((missing + count))
	done
	wait_until "$PATIENCE" status_is ".totals.skipped == $missing"
}

@test "stream: services of one daemon have settings of their own" {
	timed_start "$(serve \
		"$(stream_service 'format = "four %s";' 127.0.0.1:0 four)" \
		"$(stream_service 'format = "six %s %Z"; timezone = "UTC";' '[::1]:0' six)" \
		"$(stream_service 'format = "unix %s"; interval = 0.5;' "unix:$DIR/socket" unix)")"
	start "$DIR/four" "$DIR/four.err" nc -4 -d 127.0.0.1 "$(service_port four)"
	start "$DIR/six" "$DIR/six.err" nc -6 -d ::1 "$(service_port six)"
	start "$DIR/unix" "$DIR/unix.err" nc -U -d "$DIR/socket"
	start "$DIR/unix2" "$DIR/unix2.err" socat -u "UNIX-CONNECT:$DIR/socket" -
	wait_until "$PATIENCE" lines_in "$DIR/four" 3
	wait_until "$PATIENCE" lines_in "$DIR/six" 3
	wait_until "$PATIENCE" lines_in "$DIR/unix" 5
	wait_until "$PATIENCE" lines_in "$DIR/unix2" 5
	only 'four [0-9]+' "$DIR/four"
	only 'six [0-9]+ UTC' "$DIR/six"
	only 'unix [0-9]+' "$DIR/unix"
	only 'unix [0-9]+' "$DIR/unix2"
	consecutive <(cut -d ' ' -f 2 "$DIR/four")
	consecutive <(cut -d ' ' -f 2 "$DIR/six")
	wait_until "$PATIENCE" log_has "client connected; service='four', peer='127\.0\.0\.1:[0-9]+'"
	wait_until "$PATIENCE" log_has "client connected; service='six', peer='\[::1\]:[0-9]+'"
	wait_until "$PATIENCE" log_has "client connected; service='unix', peer='unix:pid=[0-9]+,uid=$(id -u)'"
	status_is '[.services[] | .name] == ["four", "six", "unix"]'
	status_is "[.services[] | .listen[0]] | .[2] == \"unix:$DIR/socket\""
	status_is '[.services[] | .connections] == [1, 1, 2]'
}

@test "stream: what clients send is dropped and costs no tick and no memory" {
	local worker before after
	timed_start 'workers = 1;' "$(serve "$(stream_service 'format = "%s";')")"
	worker=$(worker_pids)
	program flood.py <<-'EOF'
		import select, socket, sys
		TOTAL = 50 * 1000 * 1000
		s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 20)
		s.setblocking(False)
		block, sent, rest, lines = b"x" * 65536, 0, b"", []
		while sent < TOTAL or len(lines) < 4:
		    wants = [s] if sent < TOTAL else []
		    r, w, _ = select.select([s], wants, [], 20)
		    assert r or w, "nothing for 20 seconds"
		    if w:
		        sent += s.send(block[:min(len(block), TOTAL - sent)])
		    if r:
		        data = s.recv(4096)
		        assert data, "closed"
		        *whole, rest = (rest + data).split(b"\n")
		        lines += [int(line) for line in whole]
		assert all(b - a == 1 for a, b in zip(lines, lines[1:])), lines
	EOF
	# Once before, so that what a worker needs at all is there.
	python3 "$DIR/flood.py" "$(stream_port)"
	before=$(rss_of "$worker")
	python3 "$DIR/flood.py" "$(stream_port)"
	after=$(rss_of "$worker")
	echo "RSS $before KiB before, $after KiB after"
	[ $((after - before)) -lt 512 ]
	status_is '.totals.bytes_in == 100000000'
	status_is '.totals.skipped == 0'
	[ "$(worker_pids)" = "$worker" ]
}

@test "stream: who connects around a boundary gets each second once" {
	timed_start "$(serve "$(stream_service 'format = "%s";')")"
	program edge.py <<-'EOF'
		import select, socket, sys, time
		PORT, EACH, ROUNDS, AROUND = int(sys.argv[1]), 100, 3, 0.03
		poll, clients = select.poll(), {}

		def serve(until):
		    while True:
		        left = until - time.time()
		        for fd, _ in poll.poll(max(0, left * 1000)):
		            c = clients[fd]
		            data = c[0].recv(4096)
		            assert data, "closed"
		            c[1] += data
		        if left <= 0:
		            return

		edge = int(time.time()) + 1.0
		for _ in range(ROUNDS):
		    edge = max(edge, int(time.time()) + 1.0)
		    for i in range(EACH):
		        serve(edge - AROUND + 2 * AROUND * i / EACH)
		        s = socket.create_connection(("127.0.0.1", PORT), 20)
		        clients[s.fileno()] = [s, b""]
		        poll.register(s, select.POLLIN)
		    edge += 1
		last = int(time.time()) + 2
		deadline = time.time() + 20
		while any(b"%d\n" % last not in c[1] for c in clients.values()):
		    assert time.time() < deadline, "some got no line for %d" % last
		    serve(time.time() + 0.05)
		assert len(clients) == EACH * ROUNDS
		for c in clients.values():
		    lines = [int(line) for line in c[1].split(b"\n")[:-1]]
		    assert all(b - a == 1 for a, b in zip(lines, lines[1:])), lines
	EOF
	python3 "$DIR/edge.py" "$(stream_port)"
	status_is '.totals.accepted == 300 and .totals.skipped == 0'
}

@test "stream: after a worker was held up its clients get the second that it is" {
	local worker lines stopped continued resumed missing
	timed_start 'workers = 1;' 'watchdog_seconds = 30;' \
		"$(serve "$(stream_service 'format = "%s";')")"
	worker=$(worker_pids)
	client_start
	wait_until "$PATIENCE" lines_in "$CLIENT_OUT" 2
	kill -STOP "$worker"
	lines=$(wc -l <"$CLIENT_OUT")
	stopped=$EPOCHSECONDS
	wait_until "$PATIENCE" clock_reaches $((stopped + 4))
	continued=$EPOCHSECONDS
	kill -CONT "$worker"
	wait_until "$PATIENCE" lines_in "$CLIENT_OUT" $((lines + 3))
	# The next line is no older than the end of the pause ...
	resumed=$(sed -n $((lines + 1))p "$CLIENT_OUT")
	[ "$resumed" -ge "$continued" ]
	# ... the others follow it, and those that are missing were counted.
	consecutive <(tail -n +$((lines + 1)) "$CLIENT_OUT")
	missing=$((resumed - $(sed -n "${lines}p" "$CLIENT_OUT") - 1))
	[ "$missing" -ge 2 ]
	status_is ".totals.skipped == $missing"
	status_is ".workers[0].skipped == $missing"
	[ "$(worker_pids)" = "$worker" ]
}
