#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# timedctl users and history: who is registered and what was said, and that what
# is to be forgotten is, and nothing else; sqlite3(1) is the witness.

bats_require_minimum_version 1.5.0

load lib
load chat
load terminal

setup()
{
	terminal_setup
}

teardown()
{
	terminal_teardown
}

# sql STATEMENT: what the store says, or do that to it.
sql()
{
	sqlite3 -cmd '.timeout 10000' "$STATE/timed.db" "$1"
}

# names, texts: what the store has, in its order.
names()
{
	sql "select group_concat(name, ' ') from (select name from users order by id)"
}

texts()
{
	sql "select group_concat(text, ' ') from (select text from messages order by seq)"
}

# messages_of COUNT SIZE: so many were said before.
messages_of()
{
	sql "with recursive n(i) as (select 1 union all select i + 1 from n where i < $1)
		insert into messages (time, kind, \"from\", text, sender, receiver, session, number)
		select 0, 0, 'eve', i || ' ' || printf('%.*c', $2, 'x'), 999999, 0, 999999, i from n"
}

keeper_pid()
{
	pgrep -P "$TIMED_PID" -f '^timed: keeper$'
}

# program_says FILE LINE: has the program of room_start written that?
program_says()
{
	wait_until "$PATIENCE" file_has "$1" "^$2\$" || {
		show "$1"
		show "$1.err"
		return 1
	}
}

# program_ends: the one that room_start started last, and well.
program_ends()
{
	wait_until "$PATIENCE" gone "$PID"
	wait "$PID" || {
		show "$1.err"
		return 1
	}
}

@test "users: a table, and an object for each" {
	local before=$EPOCHSECONDS
	timed_start "$(chat)"
	[ "$(ctl users)" = 'NAME             CREATED             LAST SEEN           SESSIONS' ]
	[ "$(ctl -j users)" = '{"ok":true}' ]
	room_start "$DIR/room" <<-EOF
		here = [Client("Ada"), Client("名前名前名前名前名前"), Client("Ada"), Client("Zoë")]
		here.pop().close()
		here[0].wait(r"\* Zoë has left")
		print("in", flush=True)
		select.select([], [], [])
	EOF
	program_says "$DIR/room" in
	sql "update users set last_seen = 0, created = 86400 where name = 'Zoë'"
	ctl -j users >"$DIR/users"
	jq -se --argjson before "$before" 'length == 4 and .[3] == { ok: true } and
		([.[0:3][].user | { name, sessions }] == [
			{ name: "Ada", sessions: 2 },
			{ name: "名前名前名前名前名前", sessions: 1 },
			{ name: "Zoë", sessions: 0 }]) and
		all(.[0:2][].user; .created >= $before and .last_seen >= .created and
			.created <= now) and
		.[2].user.created == 86400 and .[2].user.last_seen == 0' "$DIR/users"
	# Nothing of a password is in it.
	jq -se '[.[].user // {} | keys[]] | unique == ["created", "last_seen", "name", "sessions"]' "$DIR/users"
	TZ=UTC ctl users >"$DIR/table"
	[ "$(wc -l <"$DIR/table")" -eq 4 ]
	grep -Eqx 'Ada {18}20[0-9]{2}-[0-9]{2}-[0-9]{2} [0-9:]{8} 20[0-9-]{8} [0-9:]{8}        2' "$DIR/table"
	# It takes two cells a character.
	grep -Eqx '名前名前名前名前名前 20.{37}        1' "$DIR/table"
	grep -Eqx 'Zoë {18}1970-01-02 00:00:00 never {22}0' "$DIR/table"
	LC_ALL=C TZ=UTC ctl users | diff "$DIR/table" -
	ctl_fails 64 'too many arguments: all' users all
}

@test "users del: one is gone and told so; the others and what was said stay" {
	timed_start "$(chat)"
	room_start "$DIR/room" <<-'EOF'
		ada, again, bob = Client("ada", ack=True), Client("ada"), Client("bob")
		ada.say("one")
		ada.wait(r"\+ 1")
		bob.say("two")
		ada.wait(r".*bob: two")
		print("said", flush=True)
		assert "! your name was removed" in ada.end()
		assert "! your name was removed" in again.end()
		bob.wait(r"\* ada has left")
		bob.say("three")
		print("left", flush=True)
		# The name is free.
		ada = Client("ada", "quite another one")
		assert [ada.text() for _ in range(3)] == ["ada: one", "bob: two", "bob: three"]
	EOF
	program_says "$DIR/room" said
	ctl_fails 1 'there is no user "eve"' users del -y eve
	[ "$(names)" = 'ada bob' ]
	# As somebody else would spell it.
	[ "$(ctl users del -y ＡＤＡ)" = '1 user is gone' ]
	program_ends "$DIR/room"
	[ "$(names)" = 'bob ada' ]
	[ "$(texts)" = 'one two three' ]
	[ "$(sql 'select count(*) from sessions, users where user = users.id and name = "bob"')" -le 1 ]
	log_has "notice keeper\[[0-9]+\]: user removed; user='ada'"
	log_has "operator command; .*command='users del', argument='ＡＤＡ'"
	[ "$(ctl -j users del bob -y)" = '{"ok":true,"removed":1}' ]
	[ "$(names)" = ada ]
}

@test "users del: names as they are, and what is none" {
	timed_start "$(chat)"
	room <<-'EOF'
		for name in ("-y", "--a", "Ünal", "clear"):
		    Client(name).close()
	EOF
	ctl_fails 64 'users del: which NAME\?' users del -y
	ctl_fails 64 'no such option: -x' users del -x -y
	ctl_fails 64 'too many arguments: b' users del -y a b
	ctl_fails 64 'too many arguments: b' users del -y -- a b
	ctl_fails 64 'a name ' users del -y 'a b'
	ctl_fails 64 'a name has at most 32 characters' users del -y "$(printf 'n%.0s' {1..33})"
	ctl_fails 64 'must be a text of 1 to 255 bytes' users del -y ''
	ctl_fails 64 'must be a text of 1 to 255 bytes' users del -y "$(printf 'n%.0s' {1..256})"
	ctl_fails 64 'must be a text of 1 to 255 bytes in UTF-8' users del -y $'\xff'
	[ "$(names)" = '-y --a Ünal clear' ]
	ctl users del -y -- -y
	[ "$(names)" = '--a Ünal clear' ]
	ctl users del -y -- --a
	ctl users del -y "$(printf 'U\u0308NAL')"
	[ "$(names)" = clear ]
	ctl users del clear -y
	[ -z "$(names)" ]
	# What timedctl asks is not for timed.
	printf '{"command":"users clear","yes":true}\n' |
		timeout 20 nc -NU "$RUN/control" |
		jq -e '.exit == 64 and (.error | test("takes no \"yes\""))'
}

@test "users clear: nobody is left, and the history is" {
	timed_start "$(chat)"
	[ "$(ctl users clear -y)" = '0 users are gone' ]
	room_start "$DIR/room" <<-'EOF'
		ada, bob, eve = Client("ada", ack=True), Client("bob"), Client("eve")
		eve.close()
		ada.say("one")
		ada.wait(r"\+ 1")
		asking = Client()
		asking.prompt("name: ")
		print("said", flush=True)
		assert "! your name was removed" in ada.end()
		assert "! your name was removed" in bob.end()
		# Who was not in yet can come in, as anybody.
		asking.say("ada")
		asking.prompt("new name, choose a password: ")
	EOF
	program_says "$DIR/room" said
	[ "$(ctl -j users clear -y)" = '{"ok":true,"removed":3}' ]
	[ "$(sql 'select count(*) from users')" -eq 0 ]
	[ "$(sql 'select count(*) from sessions')" -eq 0 ]
	[ "$(texts)" = one ]
	program_ends "$DIR/room"
	log_has "user removed; count='3'"
}

@test "history: the last twenty, or as many as are wanted, the newest last" {
	timed_start "$(chat 'lines_per_second = 0;')"
	[ -z "$(ctl history)" ]
	room <<-'EOF'
		ada, bob = Client("ada", ack=True), Client("bob")
		for number in range(1, 100):
		    ada.say("line %d" % number)
		ada.wait(r"\+ 99")
		ada.say("/me waves")
		ada.wait(r"\+ 100")
		ada.say("/msg bob psst")
		ada.wait(r"\+ 101")
	EOF
	TZ=UTC ctl history >"$DIR/history"
	{
		seq -f 'ada: line %g' 82 99
		echo '* ada waves'
		echo 'ada -> bob: psst'
	} | diff - <(sed -E 's/^\[[0-9]{4}(-[0-9]{2}){2} [0-9]{2}(:[0-9]{2}){2}\] //' "$DIR/history")
	[ "$(date -u -d "$(sed -n '1s/^\[\(.*\)\].*/\1/p' "$DIR/history")" +%s)" -eq \
		"$(sql 'select time from messages where seq = 82')" ]
	[ "$(ctl history -n 1 | cut -d' ' -f3-)" = 'ada -> bob: psst' ]
	# More than a page of the keeper's.
	ctl -j history -n 90 | jq -se 'length == 91 and .[90] == { ok: true } and
		([.[0:90][].message.seq] == [range(12; 102)]) and
		.[88].message.kind == "action" and .[89].message.to == "bob" and
		(.[0].message | del(.time) ==
			{ seq: 12, kind: "message", from: "ada", text: "line 12" })'
	[ "$(ctl history -n 100000 | wc -l)" -eq 101 ]
	ctl_fails 64 'no number from 1 to 100000' history -n 0
	ctl_fails 64 'no number from 1 to 100000' history -n 100001
	ctl_fails 64 'no number from 1 to 100000' history -n ten
	ctl_fails 64 'too many arguments: 5' history 5
	# What another hand has put there gives no orders to a terminal.
	sql "insert into messages (time, kind, \"from\", text, sender, receiver, session, number)
		values (0, 0, 'e' || char(27) || 've', 'a' || char(10, 7, 155) || 'é', 9, 0, 9, 1)"
	[ "$(TZ=UTC ctl history -n 1)" = '[1970-01-01 00:00:00] e?ve: a???é' ]
}

@test "history clear: no message is left, the users are, and the order goes on" {
	timed_start "$(chat)"
	room_start "$DIR/room" <<-EOF
		ada, bob = Client("ada", ack=True), Client("bob")
		ada.say("one")
		ada.wait(r"\+ 1")
		ada.say("two")
		ada.wait(r"\+ 2")
		print("said", flush=True)
		while "cleared" not in open("$DIR/steps").read():
		    select.select([], [], [], 0.02)
		ada.say("three")
		ada.expect(r"\+ 3")
		assert [bob.text() for _ in range(3)] == ["ada: one", "ada: two", "ada: three"]
		eve = Client("eve")
		assert eve.text() == "ada: three"
	EOF
	: >"$DIR/steps"
	program_says "$DIR/room" said
	[ "$(ctl history clear -y)" = '2 messages are gone' ]
	[ "$(sql 'select count(*) from messages')" -eq 0 ]
	[ "$(names)" = 'ada bob' ]
	[ -z "$(ctl history)" ]
	echo cleared >"$DIR/steps"
	program_ends "$DIR/room"
	[ "$(sql 'select seq, text from messages')" = '3|three' ]
	[ "$(names)" = 'ada bob eve' ]
	log_has "history cleared; count='2'"
	[ "$(ctl -j history clear -y)" = '{"ok":true,"removed":1}' ]
}

@test "users, history: nothing is forgotten before somebody says yes" {
	timed_start "$(chat)"
	room <<-'EOF'
		ada = Client("ada", ack=True)
		Client("bob").close()
		ada.say("one")
		ada.wait(r"\+ 1")
	EOF
	# Where nobody can.
	ctl_fails 64 'users clear: .*-y' users clear
	ctl_fails 64 'users del: .*-y' users del ada
	ctl_fails 64 'history clear: .*-y' history clear
	[ "$(yes | ctl users clear 2>&1 | grep -c -e -y)" -eq 1 ]
	[ "$(echo 'users clear' | ctl 2>&1 | grep -c -e -y)" -eq 1 ]
	[ "$(names) $(texts)" = 'ada bob one' ]
	echo 'history clear -y' | ctl
	[ -z "$(texts)" ]
	# And where somebody can, he is asked; in the prompt, too.
	terminal 120 40 timedctl -r "$RUN"
	sees '^timed>'
	enter 'users del ada'
	sees '^users del ada: forget .* y/N'
	press n Enter
	sees '^timedctl: nothing was done'
	enter 'users del eve'
	sees '^users del eve: .* y/N'
	press Enter
	enter 'users clear'
	sees '^users clear: forget all users.* y/N'
	press C-c
	enter 'history clear'
	sees '^history clear: forget all messages.* y/N'
	press C-d
	enter 'status'
	sees '^SERVICE'
	[ "$(names)" = 'ada bob' ]
	enter 'users del ADA'
	sees '^users del ADA: forget .* y/N'
	enter y
	sees '^1 user is gone'
	[ "$(names)" = bob ]
	enter 'users clear -y'
	wait_until "$PATIENCE" test -z "$(names)"
	enter quit
	sees '^ended 0'
}

@test "users, history: Tab and help know them" {
	[ "$(ctl --complete 'users' '')" = "$(printf '%s\n' del clear)" ]
	[ "$(ctl --complete history '')" = clear ]
	[ "$(ctl --complete history -)" = -n ]
	[ "$(ctl --complete users clear -)" = -y ]
	ctl --help | grep -Eq '^  users del NAME \[-y\] +[a-z]'
	ctl --help | grep -Eq '^  history \[-n N\] +[a-z]'
}

@test "users, history: the same over a reload and an upgrade" {
	local settings
	settings=$(chat)
	timed_start "$settings"
	room_start "$DIR/room" <<-EOF
		ada, bob, eve = Client("ada", ack=True), Client("bob"), Client("eve")
		ada.say("one")
		ada.wait(r"\+ 1")
		print("said", flush=True)
		assert "! your name was removed" in ada.end()
		assert "! your name was removed" in bob.end()
		while "cleared" not in open("$DIR/steps").read():
		    select.select([], [], [], 0.02)
		eve.say("/ack on")
		eve.wait(r"\* each line is acknowledged")
		eve.say("two")
		eve.wait(r"\+ 2")
		print("again", flush=True)
		assert "! your name was removed" in eve.end()
	EOF
	: >"$DIR/steps"
	program_says "$DIR/room" said
	answers()
	{
		ctl -j users >"$DIR/users" 2>/dev/null &&
			jq -se "[.[].user.sessions // empty] == $1" "$DIR/users" >/dev/null
	}
	reload "workers = 1;" "$settings"
	wait_until "$PATIENCE" answers '[1, 1, 1]'
	ctl users del -y ada
	ctl upgrade
	wait_until "$PATIENCE" answers '[1, 1]'
	[ "$(ctl history | cut -d' ' -f3-)" = 'ada: one' ]
	ctl users del -y bob
	ctl history clear -y
	echo cleared >"$DIR/steps"
	program_says "$DIR/room" again
	ctl upgrade
	wait_until "$PATIENCE" answers '[1]'
	[ "$(ctl history | cut -d' ' -f3-)" = 'eve: two' ]
	ctl users clear -y
	program_ends "$DIR/room"
	[ -z "$(names)" ]
	[ "$(texts)" = two ]
}

@test "users: a thousand, each once, while the room talks" {
	timed_start "$(chat 'lines_per_second = 0;')"
	sql "with recursive n(i) as (select 1 union all select i + 1 from n where i < 1000)
		insert into users (name, key, hash, created)
		select 'user' || i, 'user' || i, '*', 0 from n"
	room_start "$DIR/room" <<-EOF
		import os
		ada, bob = Client("ada", ack=True), Client("bob")
		print("in", flush=True)
		number = 0
		while not os.path.exists("$DIR/enough"):
		    number += 1
		    ada.say("line %d" % number)
		    ada.wait(r"\+ %d" % number)
		    assert bob.text() == "ada: line %d" % number
		print(number, flush=True)
	EOF
	program_says "$DIR/room" in
	for _ in {1..5}; do
		ctl -j users | jq -se 'length == 1003 and .[1002] == { ok: true } and
			([.[0:1000][].user.name] == ([range(1; 1001)] | map("user\(.)"))) and
			([.[1000, 1001].user | [.name, .sessions]] == [["ada", 1], ["bob", 1]])'
		[ "$(ctl users | wc -l)" -eq 1003 ]
		# As many as were wanted, whatever was said meanwhile.
		wait_until "$PATIENCE" file_has "$LOG" .
		[ "$(ctl history -n 3 | wc -l)" -eq 3 ]
	done
	touch "$DIR/enough"
	program_ends "$DIR/room"
	[ "$(sql 'select count(*) from messages')" -eq "$(tail -n 1 "$DIR/room")" ]
}

@test "users, history: operators who do not read hold up nobody" {
	timed_start "$(chat)"
	messages_of 3000 1000
	program deaf.py <<-'EOF'
		import signal, socket, sys
		signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
		path, count = sys.argv[1], int(sys.argv[2])
		deaf = []
		for _ in range(count):
		    s = socket.socket(socket.AF_UNIX)
		    s.settimeout(20)
		    s.connect(path)
		    s.sendall(b'{"command": "history", "messages": 3000}\n')
		    # It is being answered.
		    deaf.append((s, [s.recv(1)]))
		print("deaf", flush=True)
		signal.sigwait({signal.SIGUSR1})
		for s, parts in deaf:
		    while data := s.recv(65536):
		        parts.append(data)
		    lines = b"".join(parts).splitlines()
		    assert len(lines) == 3001, len(lines)
		    assert lines[-1] == b'{"ok":true}', lines[-1]
	EOF
	start "$DIR/deaf" "$DIR/deaf.err" \
		python3 "$DIR/deaf.py" "$RUN/control" 8
	local deaf=$PID
	wait_until "$PATIENCE" lines_in "$DIR/deaf" 1
	ctl_fails 75 'the keeper answers others' users
	room <<-'EOF'
		ada = Client("ada", ack=True)
		ada.say("one")
		ada.wait(r"\+ 3001")
	EOF
	# What was said since is not what they asked for.
	kill -USR1 "$deaf"
	wait_until "$PATIENCE" gone "$deaf"
	wait "$deaf" || {
		show "$DIR/deaf.err"
		false
	}
	ctl users | grep -q '^ada '
}

@test "users, history: without a keeper they are refused, and an answer that is cut says so" {
	timed_start "$(chat)"
	messages_of 3000 1000
	mkfifo "$DIR/pipe"
	start "$DIR/out" "$DIR/err" bash -c \
		"timedctl -r '$RUN' history -n 3000 >'$DIR/pipe'; echo ended \$?"
	exec 5<"$DIR/pipe"
	# It has begun, and waits for us.
	read -r -t "$PATIENCE" -N 1000 -u 5
	kill -9 "$(keeper_pid)"
	cat <&5 >/dev/null
	exec 5<&-
	wait_until "$PATIENCE" file_has "$DIR/out" '^ended 69$'
	grep -q '^timedctl: the answer ended too early' "$DIR/err"
	# One that dies again and again is waited for longer and longer.
	refused()
	{
		local pid
		! pid=$(keeper_pid) || kill -9 "$pid"
		run --separate-stderr ctl users
		[ "$status" -eq 75 ]
	}
	wait_until "$PATIENCE" refused
	# shellcheck disable=SC2154 # run sets it
	grep -q '^timedctl: the keeper does not take requests now' <<<"$stderr"
	wait_until "$PATIENCE" ctl users
	# And where nothing has users, there is none.
	reload
	ctl_fails 1 'no service that is configured has users' users
	ctl_fails 1 'no service that is configured has users' users del -y ada
	ctl_fails 1 'no service that is configured has users' users clear -y
	ctl_fails 1 'no service that is configured has users' history
	ctl_fails 1 'no service that is configured has users' history clear -y
	reload "$(chat)"
	wait_until "$PATIENCE" ctl users
	[ "$(sql 'select count(*) from messages')" -eq 3000 ]
}

@test "users, history: a store that does not do it is said to, and nothing is forgotten" {
	timed_start "$(chat)"
	room <<-'EOF'
		ada = Client("ada", ack=True)
		ada.say("one")
		ada.wait(r"\+ 1")
	EOF
	# Another program is at work in it.
	program lock.py <<-'EOF'
		import sqlite3, signal, sys
		db = sqlite3.connect(sys.argv[1], isolation_level=None)
		db.execute("begin immediate")
		print("locked", flush=True)
		signal.pause()
	EOF
	start "$DIR/lock" "$DIR/lock.err" python3 "$DIR/lock.py" "$STATE/timed.db"
	local lock=$PID
	wait_until "$PATIENCE" lines_in "$DIR/lock" 1
	ctl_fails 1 'timed.db: database is locked' users del -y ada
	ctl_fails 1 'timed.db: database is locked' users clear -y
	ctl_fails 1 'timed.db: database is locked' history clear -y
	# What only reads goes on.
	[ "$(ctl history | cut -d' ' -f3-)" = 'ada: one' ]
	kill "$lock"
	wait_until "$PATIENCE" gone "$lock"
	[ "$(names) $(texts)" = 'ada one' ]
	[ "$(ctl history clear -y)" = '1 message is gone' ]
}

@test "users, history: they are for operators" {
	[ "$(id -u)" -eq 0 ] || return 0
	timed_start "$(chat)" 'status_for_all = true;'
	chmod 755 "$DIR" "$RUN"
	local command
	for command in users 'users del -y ada' 'users clear -y' history \
		'history clear -y'; do
		# shellcheck disable=SC2086 # words
		run --separate-stderr -77 setpriv --reuid=65533 --regid=65533 \
			--clear-groups timedctl -r "$RUN" $command
		grep -q 'uid 65533 is no operator' <<<"$stderr"
	done
}
