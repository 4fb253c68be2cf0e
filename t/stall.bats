#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# Clients that do not read, or not fast enough: they miss lines, whole ones,
# and are closed after stall_seconds without progress; nobody else notices.

load lib

# Long lines, twenty times a second: the buffers of a client that does not read
# are soon full.
PADDING=$(printf '%100s' '' | tr ' ' =)

# serve_heavy [SETTINGS]: a heavy service, and a calm one in the same worker.
serve_heavy()
{
	timed_start 'workers = 1;' "services = (
		{ type = \"stream\"; name = \"heavy\"; listen = [ \"127.0.0.1:0\" ];
		  interval = 0.05; format = \"%s %f |$PADDING|\"; $* },
		{ type = \"stream\"; name = \"calm\"; listen = [ \"127.0.0.1:0\" ];
		  format = \"%s\"; } );"
}

# hasnt PATTERN: is there a log, and no such line in it?
hasnt()
{
	[ -s "$LOG" ] && ! log_has "$1"
}

# A program for python3 with a reader whose window is as small as can be, and
# one whose is not, which tells the time between: nothing else paces the first.
client_script()
{
	{
		cat <<-'END'
			import re, socket, sys
			port = int(sys.argv[1])
			LINE = re.compile(rb"(\d+) (\d{6}) \|[^|\n]+\|")

			def connect(window=None):
			    s = socket.socket()
			    if window:
			        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
			    s.settimeout(20)
			    s.connect(("127.0.0.1", port))
			    return s

			def ticks(data):
			    """The boundaries of whole lines, in twentieths of a second."""
			    *whole, rest = data.split(b"\n")
			    found = []
			    for line in whole:
			        m = LINE.fullmatch(line)
			        assert m, "torn: %r" % line
			        found.append(int(m[1]) * 20 + int(m[2]) // 50000)
			    return found, rest

			def missing(found):
			    assert all(b > a for a, b in zip(found, found[1:])), found
			    return sum(b - a - 1 for a, b in zip(found, found[1:]))
		END
		cat
	} >"$DIR/$1"
}

@test "stall: clients that never read are closed, and those beside them miss nothing" {
	local worker before after lines calm=()
	serve_heavy 'stall_seconds = 2;'
	worker=$(worker_pids)
	for _ in 1 2 3; do
		client_start "$(service_port calm)"
		calm+=("$CLIENT_OUT")
		wait_until "$PATIENCE" lines_in "$CLIENT_OUT" 1
	done
	client_script never.py <<-'EOF'
		import select
		clients = [connect(1) for _ in range(200)]
		print("connected", flush=True)
		# Not one byte is read; the server ends it with a reset.
		poll = select.poll()
		for c in clients:
		    poll.register(c, 0)
		gone = set()
		while len(gone) < len(clients):
		    events = poll.poll(20000)
		    assert events, "%d are still there" % (len(clients) - len(gone))
		    for fd, event in events:
		        assert event & select.POLLERR, event
		        poll.unregister(fd)
		        gone.add(fd)
	EOF
	start "$DIR/never" "$DIR/never.err" python3 "$DIR/never.py" "$(service_port heavy)"
	wait_until "$PATIENCE" lines_in "$DIR/never" 1
	before=$(rss_of "$worker")
	wait_until "$PATIENCE" status_is '.totals.closed == 200'
	after=$(rss_of "$worker")
	echo "RSS $before KiB before, $after KiB after"
	[ $((after - before)) -lt 512 ]
	wait "$PID"
	wait_until "$PATIENCE" log_has "client disconnected; service='heavy'.* active='3'$"
	[ "$(grep -Ec "client disconnected; service='heavy', .* reason='stalled'," "$LOG")" -eq 200 ]
	# None before its time was up.
	hasnt "reason='stalled', duration='[01]\."
	status_is '.services[0].skipped > 200 and .services[1].skipped == 0'

	lines=$(wc -l <"${calm[0]}")
	for CLIENT_OUT in "${calm[@]}"; do
		wait_until "$PATIENCE" lines_in "$CLIENT_OUT" $((lines + 2))
		consecutive "$CLIENT_OUT"
	done
}

@test "stall: timebench sees the readers served and the others closed" {
	timed_start "services = ( { type = \"stream\"; listen = [ \"127.0.0.1:0\" ];
		interval = 0.05; stall_seconds = 2;
		format = \"%Y-%m-%d %H:%M:%S $PADDING\"; } );"
	timebench stream -j -c 50 --unread 50 -d 5 --interval 0.05 \
		"127.0.0.1:$(stream_port)" >"$DIR/bench" || :
	jq . "$DIR/bench"
	jq -e '.unread_made == 50 and .unread_closed == 50' "$DIR/bench"
	jq -e '.connections_made == 50 and .connections_lost == 0 and
		.ticks_garbled == 0 and .ticks_backwards == 0 and
		.ticks_received > 0' "$DIR/bench"
	wait_until "$PATIENCE" status_is '.totals.connections == 0'
	[ "$(grep -c "reason='stalled'" "$LOG")" -eq 50 ]
}

@test "stall: what a slow reader gets is whole and in order" {
	local lost
	serve_heavy
	client_script slow.py <<-'EOF'
		slow, pace = connect(1), connect()
		data, rest, turns = b"", b"", 0
		while turns < 120:
		    found, rest = ticks(rest + pace.recv(4096))
		    for _ in found:
		        turns += 1
		        data += slow.recv(60)
		found, _ = ticks(data)
		# The first line is no boundary.
		lost = missing(found[1:])
		assert len(found) > 10 and lost > 10, (found, lost)
		print(len(found), lost)
	EOF
	python3 "$DIR/slow.py" "$(service_port heavy)" >"$DIR/slow"
	cat "$DIR/slow"
	read -r _ lost <"$DIR/slow"
	status_is ".services[0].skipped >= $lost"
	[ "$(status '.totals.closed')" -le 2 ]
	hasnt "reason='stalled'"
}

@test "stall: who reads again in time gets the lines of now" {
	local lost
	serve_heavy 'stall_seconds = 30;'
	client_script pause.py <<-'EOF'
		slow, pace = connect(1), connect()
		# So long that no buffer can hold it.
		rest, last, found, data = b"", 0, [], b""
		for _ in range(60):
		    new, rest = ticks(rest + pace.recv(4096))
		    last = new[-1] if new else last
		# What was under way is old; behind it all is new.
		while not found or found[-1] < last + 40:
		    new, data = ticks(data + slow.recv(4096))
		    found += new
		# The first line is no boundary.
		found = found[1:]
		lost = missing(found)
		gap = max(b - a for a, b in zip(found, found[1:]))
		assert gap > 20, "nothing was missed: %r" % found
		assert min(t for t in found if t > last) <= last + 20, (last, found)
		print(len(found), lost)
	EOF
	python3 "$DIR/pause.py" "$(service_port heavy)" >"$DIR/pause"
	cat "$DIR/pause"
	read -r _ lost <"$DIR/pause"
	status_is ".services[0].skipped >= $lost"
	hasnt "reason='stalled'"
}
