#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# timebench chat: what a room does right is counted, and what it does wrong is
# found, whichever it speaks.

load lib
load chat

# serve [SCRIPT]: a room, SERVER, as ncat --chat has it.  SCRIPT, in Python, may
# change what is sent, to whom, for the line n (from 0) of a user: the list
# `sends`, of pairs of a user's number and bytes.
serve()
{
	program server.py <<-'EOF'
		import selectors, socket, sys
		script = compile(sys.argv[1], "script", "exec")
		server = socket.create_server(("127.0.0.1", 0), backlog=512)
		print(server.getsockname()[1], flush=True)
		chosen = selectors.DefaultSelector()
		chosen.register(server, selectors.EVENT_READ)
		users, rest, n = [], {}, 0
		while True:
		    for key, _ in chosen.select():
		        s = key.fileobj
		        if s is server:
		            s, _ = server.accept()
		            s.sendall(b"<announce> already connected: nobody.\n")
		            chosen.register(s, selectors.EVENT_READ)
		            users.append(s)
		            rest[s] = b""
		            continue
		        try:
		            data = s.recv(65536)
		        except ConnectionError:
		            data = b""
		        if not data:
		            chosen.unregister(s)
		            continue
		        *lines, rest[s] = (rest[s] + data).split(b"\n")
		        for line in lines:
		            author = users.index(s)
		            sends = [(u, b"<user> " + line + b"\n")
		                     for u in range(len(users)) if u != author]
		            exec(script)
		            n += 1
		            for u, data in sends:
		                users[u].sendall(data)
	EOF
	rm -f "$DIR/port"
	start "$DIR/port" "$DIR/server.err" python3 "$DIR/server.py" "${1-}"
	wait_until "$PATIENCE" lines_in "$DIR/port" 1
	SERVER=127.0.0.1:$(cat "$DIR/port")
}

# bench OPTION...: timebench chat, for a short time.  Its report, JSON, is in
# REPORT, its exit status in STATUS.
bench()
{
	STATUS=0
	timeout 60 timebench chat -j -d 0.3 "$@" >"$DIR/report" \
		2>"$DIR/bench.err" || STATUS=$?
	REPORT=$DIR/report
	cat "$REPORT" "$DIR/bench.err"
}

# report FILTER: is it true of the report?
report()
{
	jq -e "$1" "$REPORT" >"$DIR/verdict" || {
		echo "not so: $1" >&2
		return 1
	}
}

@test "timebench chat: users of timed get every line, once and in one order" {
	timed_start "workers = 3;" "$(chat 'lines_per_second = 0;')"
	bench -c 12 --talkers 3 --burst 4 --pid "$TIMED_PID" \
		"127.0.0.1:$(chat_port)"
	[ "$STATUS" -eq 0 ]
	report '.clean and .lines_said > 0 and .lines_complete == .lines_said'
	report '.deliveries == .lines_said * 11'
	report '.deliveries_missing + .deliveries_misplaced + .lines_refused == 0'
	report '.all_have_us.p50 > 0 and .server.cpu_us_per_delivery > 0'
	[ "$(sqlite3 "$STATE/timed.db" 'select count(*) from messages')" -eq \
		"$(jq .lines_said "$REPORT")" ]
	# Again, as those who are known now, and with a rate.
	bench -c 12 -r 100 "unix:$DIR/chat"
	[ "$STATUS" -eq 0 ]
	report '.lines_said >= 20 and .lines_said <= 40 and .talkers == 1'
}

@test "timebench chat: lines that a server refuses or gives up are no clean run" {
	timed_start "$(chat 'lines_per_second = 0.01; lines_burst = 5;')"
	# Nobody will have the line that is refused, and nobody waits for it.
	bench -c 3 -r 50 --timeout 30 "127.0.0.1:$(chat_port)"
	[ "$STATUS" -eq 1 ]
	report '.window_seconds < 30'
	grep -Eq '^timebench: lines refused \("! slow down"\): [0-9]+; see lines_per_second of the chat$' "$DIR/bench.err"
	report '.lines_refused > 0 and .lines_complete == 3'
	report '.deliveries_missing == .lines_refused * 2'
}

@test "timebench chat: a server that does it right, and one of each fault" {
	serve
	bench -c 4 --protocol lines --talkers 2 "$SERVER"
	[ "$STATUS" -eq 0 ]
	report '.clean and .deliveries == .lines_said * 3'

	serve 'if n == 2: sends.append(sends[-1])'
	bench -c 4 --protocol lines "$SERVER"
	[ "$STATUS" -eq 1 ]
	report '.deliveries_misplaced > 0 and .deliveries_missing == 0'

	# Two lines change places for one user.
	serve 'if n == 3: late, sends = sends[-1], sends[:-1]
if n == 4: sends.append(late)'
	bench -c 4 --protocol lines --burst 10 "$SERVER"
	[ "$STATUS" -eq 1 ]
	report '.deliveries_misplaced > 0 and .deliveries_missing == 0'

	# The same for one who talks himself.
	serve 'if n == 3: late, sends = sends[0], sends[1:]
if n == 4: sends.append(late)'
	bench -c 4 --protocol lines --talkers 2 --burst 10 "$SERVER"
	[ "$STATUS" -eq 1 ]
	report '.deliveries_misplaced > 0'

	# Somebody is cut off.
	serve 'last = len(users) - 1
if n == 5: users[last].shutdown(2)
if n >= 5: sends = [send for send in sends if send[0] != last]'
	bench -c 4 --protocol lines -r 100 --timeout 0.5 "$SERVER"
	[ "$STATUS" -eq 1 ]
	report '.connections_lost == 1 and .deliveries_missing > 0'
}

@test "timebench chat: an IRC server" {
	program irc.py <<-'EOF'
		import selectors, socket
		server = socket.create_server(("127.0.0.1", 0), backlog=512)
		print(server.getsockname()[1], flush=True)
		chosen = selectors.DefaultSelector()
		chosen.register(server, selectors.EVENT_READ)
		names, rest, ponged = {}, {}, set()
		while True:
		    for key, _ in chosen.select():
		        s = key.fileobj
		        if s is server:
		            s, _ = server.accept()
		            chosen.register(s, selectors.EVENT_READ)
		            rest[s] = b""
		            continue
		        data = s.recv(65536)
		        if not data:
		            raise SystemExit
		        *lines, rest[s] = (rest[s] + data).split(b"\r\n")
		        for line in lines:
		            word, _, text = line.partition(b" ")
		            if word == b"NICK":
		                names[s] = text
		                s.sendall(b"PING :are you there\r\n")
		            elif word == b"PONG":
		                assert text == b":are you there", text
		                s.sendall(b":here 001 " + names[s] + b" :welcome\r\n")
		            elif word == b"JOIN":
		                s.sendall(b":here 366 " + names[s] + b" " + text + b" :end\r\n")
		            elif word == b"PRIVMSG":
		                for other in names:
		                    if other is not s:
		                        other.sendall(b":" + names[s] + b"!u@h " + line + b"\r\n")
	EOF
	start "$DIR/port" "$DIR/irc.err" python3 "$DIR/irc.py"
	wait_until "$PATIENCE" lines_in "$DIR/port" 1
	bench -c 4 --protocol irc "127.0.0.1:$(cat "$DIR/port")"
	[ "$STATUS" -eq 0 ]
	report '.clean and .lines_said > 0 and .protocol == "irc"'
}

@test "timebench chat: what cannot be is said at once" {
	local status=0
	timed_start "$(chat 'registration = false; login_pause = 0;')"
	timebench chat -c 3 --talkers 3 2>"$DIR/err" || status=$?
	[ $status -eq 64 ]
	grep -q 'somebody has to be silent' "$DIR/err"
	status=0
	timebench chat --size 401 2>"$DIR/err" || status=$?
	[ $status -eq 64 ]
	status=0
	timebench chat --udp 2>"$DIR/err" || status=$?
	[ $status -eq 64 ]
	status=0
	timebench chat -c 3 "127.0.0.1:$(chat_port)" 2>"$DIR/err" || status=$?
	[ $status -eq 69 ]
	grep -Eq '^timebench: user (timebench-.): ! nobody here is called \1$' "$DIR/err"
	status=0
	timebench chat 127.0.0.1:1 2>"$DIR/err" || status=$?
	[ $status -eq 69 ]
}
