#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# The end: clients get what they are owed and a clean end of file, nobody and
# nothing can hold it up for longer than stop_seconds, and nothing is left.

load lib

bats_require_minimum_version 1.5.0

# stops_within SECONDS: after SIGTERM timed exits with 0, in no more than that
# and what a busy machine may take.
stops_within()
{
	local began
	now
	began=$NOW
	timed_stop
	now
	echo "stopped after $((NOW - began)) hundredths of a second"
	[ $((NOW - began)) -lt $((($1 + 4) * 100)) ]
}

# Is nothing left of it?
all_gone()
{
	session_gone "$1" && [ ! -e "$RUN/timed.pid" ] &&
		[ ! -e "$RUN/scoreboard" ] && [ ! -e "$RUN" ]
}

# A client that reads nothing of a service that says a lot, until its buffers
# are full: skipped lines tell.
unread_client()
{
	program unread.py <<-'EOF'
		import signal, socket, sys
		s = socket.socket()
		s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
		s.connect(("127.0.0.1", int(sys.argv[1])))
		print("connected", flush=True)
		signal.pause()
	EOF
	start "$DIR/unread" "$DIR/unread.err" python3 "$DIR/unread.py" "$(stream_port)"
	wait_until "$PATIENCE" status_is '.totals.skipped > 5'
}

HEAVY="services = ( { type = \"stream\"; listen = [ \"127.0.0.1:0\" ];
	interval = 0.05; format = \"%s %f $(printf '%100s' '' | tr ' ' =)\"; } );"

@test "stop: 500 clients get whole lines and a clean end of file" {
	local master clients
	timed_start 'workers = 2;'
	master=$TIMED_PID
	program clients.py <<-'EOF'
		import select, socket, sys
		clients = {}
		poll = select.poll()
		for i in range(500):
		    s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 20)
		    clients[s.fileno()] = [s, b"", i % 2]
		    poll.register(s, select.POLLIN)
		print("connected", flush=True)
		# Every other one talks all the time, to nobody who listens.
		while clients:
		    for c in clients.values():
		        if c[2]:
		            try:
		                c[0].send(b"x" * 1000, socket.MSG_DONTWAIT)
		            except BlockingIOError:
		                pass
		            except (BrokenPipeError, ConnectionResetError):
		                c[2] = 0
		    events = poll.poll(20000)
		    assert events, "%d see no end" % len(clients)
		    for fd, _ in events:
		        c = clients[fd]
		        # A reset would be an exception.
		        data = c[0].recv(65536)
		        c[1] += data
		        if data:
		            continue
		        assert c[1], "not one line"
		        assert c[1].endswith(b"\n"), "torn: %r" % c[1]
		        assert all(len(l) == 19 for l in c[1].split(b"\n")[:-1]), c[1]
		        poll.unregister(fd)
		        c[0].close()
		        del clients[fd]
		print("done", flush=True)
	EOF
	start "$DIR/clients" "$DIR/clients.err" python3 "$DIR/clients.py" "$(stream_port)"
	clients=$PID
	wait_until "$PATIENCE" lines_in "$DIR/clients" 1
	wait_until "$PATIENCE" status_is '.totals.ticks > 1000 and
		.totals.bytes_in > 100000'
	stops_within 5
	wait_until "$PATIENCE" gone "$clients"
	cat "$DIR/clients.err"
	wait "$clients"
	lines_in "$DIR/clients" 2
	all_gone "$master"
	[ "$(grep -c "client disconnected;.* reason='server stopping'" "$LOG")" -eq 500 ]
	log_has "notice master.* stopping;"
	tail -n 1 "$LOG" | grep -q "stopped; accepted='500', ticks='[0-9]*'$"
}

@test "stop: without a client it is over at once, and nothing is left" {
	local master signal
	for signal in TERM INT; do
		timed_start "services = ( { type = \"stream\";
			listen = [ \"127.0.0.1:0\", \"unix:$DIR/socket\" ]; } );"
		master=$TIMED_PID
		[ -S "$DIR/socket" ]
		timed_stop "$signal"
		all_gone "$master"
		[ ! -e "$DIR/socket" ]
	done
}

@test "stop: a client that does not read cannot hold it up" {
	local master
	timed_start 'workers = 1;' 'stop_seconds = 2;' "$HEAVY"
	master=$TIMED_PID
	unread_client
	stops_within 2
	all_gone "$master"
	log_has "client disconnected;.* reason='server stopping'"
	run log_has 'worker killed'
	[ "$status" -ne 0 ]
}

@test "stop: a client that never closes cannot hold it up" {
	local master client
	timed_start 'workers = 1;' 'stop_seconds = 4;'
	master=$TIMED_PID
	program never.py <<-'EOF'
		import signal, socket, sys
		s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 20)
		while s.recv(100):
		    print("a line", flush=True)
		print("the end", flush=True)
		signal.pause()
	EOF
	start "$DIR/never" "$DIR/never.err" python3 "$DIR/never.py" "$(stream_port)"
	client=$PID
	wait_until "$PATIENCE" lines_in "$DIR/never" 2
	stops_within 4
	all_gone "$master"
	wait_until "$PATIENCE" file_has "$DIR/never" 'the end'
	kill -0 "$client"
}

@test "stop: while it stops new clients are refused" {
	local master port
	timed_start 'workers = 1;' 'stop_seconds = 60;' "$HEAVY"
	master=$TIMED_PID
	port=$(stream_port)
	unread_client
	kill -TERM "$master"
	wait_until "$PATIENCE" port_refused "$port"
	status_is '.state == "stopping" and .workers[0].state == "stopping"'
	run nc -z 127.0.0.1 "$port"
	[ "$status" -ne 0 ]
	# A second one changes nothing.
	kill -TERM "$master"
	status_is '.state == "stopping"'
	# With the last client it is over.
	client_stop "$PID"
	timed_wait
	all_gone "$master"
}

@test "stop: a worker that is stopped is killed" {
	local master victim
	timed_start 'workers = 2;' 'stop_seconds = 2;'
	master=$TIMED_PID
	victim=$(status '.workers[0].pid')
	client_start
	wait_until "$PATIENCE" lines_in "$CLIENT_OUT" 1
	kill -STOP "$victim"
	stops_within 2
	all_gone "$master"
	log_has "worker killed; worker='0', pid='$victim', .*reason='it did not stop in time'"
	[ "$(grep -c 'worker killed' "$LOG")" -eq 1 ]
}

@test "stop: a journal that is stopped is killed" {
	local master
	timed_start 'workers = 1;' 'stop_seconds = 2;'
	master=$TIMED_PID
	client_start
	wait_until "$PATIENCE" log_has 'client connected'
	kill -STOP "$(journal_pid)"
	stops_within 2
	all_gone "$master"
}

# Is the last record that of the stop, and is it there once?
stopped_is_last()
{
	tail -n 1 "$LOG" | grep -Eq ': stopped; accepted=' &&
		[ "$(grep -c ': stopped;' "$LOG")" -eq 1 ] &&
		[ "$(grep -c ': stopping;' "$LOG")" -eq 1 ]
}

# killed_before AGE: the journal is killed when it is at least AGE seconds old,
# and timed hears of that and of its own end in one go.
killed_before()
{
	local journal
	timed_start 'workers = 1;'
	wait_until "$PATIENCE" status_is ".uptime_seconds >= $1"
	journal=$(journal_pid)
	kill -STOP "$TIMED_PID"
	kill -KILL "$journal"
	wait_until "$PATIENCE" gone "$journal"
	kill -TERM "$TIMED_PID"
	kill -CONT "$TIMED_PID"
	timed_wait
	stopped_is_last
	log_has "journal crashed; pid='$journal', reason='signal 9"
	rm "$LOG"
}

@test "stop: a journal that is killed just before leaves no record unwritten" {
	# A young one gets no successor at once, an older one does.
	killed_before 0
	killed_before 2
}

@test "stop: nor does one that is killed while clients are waited for" {
	local master journal
	timed_start 'workers = 1;' 'stop_seconds = 60;' "$HEAVY"
	master=$TIMED_PID
	unread_client
	journal=$(journal_pid)
	kill -TERM "$master"
	wait_until "$PATIENCE" status_is '.state == "stopping"'
	kill -KILL "$journal"
	wait_until "$PATIENCE" gone "$journal"
	client_stop "$PID"
	timed_wait
	stopped_is_last
	log_has "client disconnected;.* reason='server stopping'"
	log_has "journal crashed; pid='$journal'"
	all_gone "$master"
}

@test "stop: nor does one that is killed when nobody but it is left" {
	local master journal
	timed_start 'workers = 1;' 'stop_seconds = 60;'
	master=$TIMED_PID
	client_start
	wait_until "$PATIENCE" log_has 'client connected'
	journal=$(journal_pid)
	kill -STOP "$journal"
	kill -TERM "$master"
	wait_until "$PATIENCE" status_is '.state == "stopping" and .workers == []'
	run ! log_has 'stopping;'
	kill -KILL "$journal"
	timed_wait
	stopped_is_last
	log_has "client disconnected;.* reason='server stopping'"
	all_gone "$master"
}

@test "stop: what another timed has put in its place meanwhile stays" {
	local first
	timed_start
	first=$TIMED_PID
	# Somebody cleans up, and another one starts there.
	rm -r "$RUN"
	timed_launch
	wait_until "$PATIENCE" timed_ready
	kill -TERM "$first"
	wait_until "$PATIENCE" session_gone "$first"
	wait "$first"
	[ "$(<"$RUN/timed.pid")" -eq "$TIMED_PID" ]
	status_is ".pid == $TIMED_PID and .state == \"running\""
	client_start
	wait_until "$PATIENCE" lines_in "$CLIENT_OUT" 1
	first=$TIMED_PID
	timed_stop
	all_gone "$first"
}
