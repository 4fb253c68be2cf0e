#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# The room: who may come in, what is said and who gets it, what is refused.

load lib
load chat

@test "who registers can talk, leave and come back, and the history is there" {
	timed_start "$(chat)"
	room <<-'EOF'
		ada = Client()
		ada.prompt("name: ")
		ada.say("ada")
		ada.prompt("new name, choose a password: ")
		ada.say("ada's password")
		ada.expect(r"\* welcome, ada; /help tells what there is")
		bob = Client("bob")
		ada.expect(r"\* bob has joined")
		ada.say("hello, bob")
		assert bob.text() == "ada: hello, bob"
		bob.say("hello, ada")
		bob.say("/me waves")
		assert ada.text() == "bob: hello, ada"
		assert ada.text() == "* bob waves"
		ada.say("/quit")
		assert ada.end() == "* goodbye\n"
		bob.expect(r"\* ada has left")

		ada = Client()
		ada.prompt("name: ")
		ada.say("ada")
		ada.prompt("password: ")
		ada.say("ada's password")
		ada.expect(r"\* welcome, ada; .*")
		assert [ada.text() for _ in range(3)] == \
		    ["ada: hello, bob", "bob: hello, ada", "* bob waves"]
		bob.say("still here")
		assert ada.text() == "bob: still here"
	EOF
}

@test "over CRLF, byte by byte and through telnet's negotiation" {
	timed_start "$(chat)"
	room <<-'EOF'
		bob, ada = Client("bob"), Client()
		ada.prompt("name: ")
		for byte in b"ada\r\n":
		    ada.send(bytes([byte]))
		ada.prompt("new name, choose a password: ")
		ada.send(b"\xff\xfd\x03long enough\r\n\xff\xfb\x18")
		ada.expect(r"\* welcome, ada; .*")
		ada.send(b"\xff\xfa\x18\x00xterm\xff\xf0one\r\ntwo\r\n\r\nth")
		ada.send(b"ree\r\n")
		bob.expect(r"\* ada has joined")
		assert [bob.text() for _ in range(3)] == ["ada: one", "ada: two", "ada: three"]
	EOF
}

@test "a wrong password is refused, after pauses that grow, and the third one ends it" {
	timed_start "$(chat 'login_pause = 0.3;')"
	room <<-'EOF'
		Client("ada", "the right one").close()
		other, ada, pauses = Client("bob"), Client(), []

		def try_it(password):
		    ada.say("ada")
		    ada.prompt("password: ")
		    before = time.monotonic()
		    ada.say(password)
		    ada.expect(r"! that is not the password of ada")
		    return before

		ada.prompt("name: ")
		began = try_it("the wrong one")
		# Nobody else waits for it.
		other.say("/who")
		other.wait(r"\* in all: 1")
		# What arrives in the pause is kept.
		ada.say("ada")
		ada.prompt("name: password: ")
		assert time.monotonic() - began >= 0.3
		began = time.monotonic()
		ada.say("wrong again")
		ada.expect(r"! that is not the password of ada")
		ada.prompt("name: ")
		assert time.monotonic() - began >= 0.6
		try_it("wrong once more")
		assert ada.end() == "! that was the last try\n"
		assert Client("ada", "the right one").welcome
	EOF
}

@test "a name is one in all its spellings, and nobody looks like another" {
	timed_start "$(chat)"
	room <<-'EOF'
		first = Client("Zo\u00eb")
		again = Client()
		again.prompt("name: ")
		again.say("Zoe\u0308")
		again.prompt("password: ")
		again.say(PASSWORD)
		again.expect(r"\* welcome, Zo\u00eb; .*")
		for wrong, why in (("n" * 33, "has at most 32 characters"),
		                   ("two words", "is made of letters, digits, _ - and ."),
		                   ("\x1b[1m", "is made of letters, digits, _ - and .")):
		    client = Client()
		    client.prompt("name: ")
		    client.say(wrong)
		    client.expect(re.escape("! a name " + why))
		    client.prompt("name: ")
		client.send(b"\xc3\xfe\n")
		client.expect(r"! a name must be UTF-8")
		client.prompt("name: ")
		client.say("n" * 32)
		client.prompt("new name, choose a password: ")
		# The same but for the case, taken for who is there already.
		client = Client()
		client.prompt("name: ")
		client.say("ZO\u00cb")
		client.prompt("password: ")
	EOF
}

@test "a password that will not do is refused, and asked for again" {
	timed_start "$(chat)"
	room <<-'EOF'
		ada = Client()
		ada.prompt("name: ")
		ada.say("ada-lovelace")
		ada.prompt("new name, choose a password: ")
		for wrong in ("short", "ada-lovelace", "p" * 256, "with\ttab here"):
		    ada.say(wrong)
		    ada.expect(r"! a password .*")
		    ada.prompt("new name, choose a password: ")
		ada.say("long enough")
		ada.expect(r"\* welcome, ada-lovelace; .*")
	EOF
}

@test "without registration nobody new comes in" {
	timed_start "$(chat)"
	room <<<'Client("ada").say("/quit")'
	reload "$(chat 'registration = false; login_pause = 0.01;')"
	room <<-'EOF'
		eve = Client()
		eve.prompt("name: ")
		eve.say("eve")
		eve.expect(r"! nobody here is called eve")
		eve.prompt("name: ")
		Client("ada")
	EOF
}

@test "several sessions of one user are one who is here" {
	timed_start "$(chat)"
	room <<-'EOF'
		bob = Client("bob")
		one, two = Client("ada"), Client("ada")
		assert bob.expect(r"\* ada has joined")
		one.say("from one")
		assert two.text() == "ada: from one"
		assert bob.text() == "ada: from one"
		bob.say("/who")
		assert bob.wait(r"\* in all: 3") == ["* ada, 2 sessions", "* bob"]
		bob.say("/msg ada to both of you")
		assert one.text() == two.text() == "bob -> ada: to both of you"
		two.say("/msg bob a secret")
		assert bob.text() == "ada -> bob: a secret"
		one.close()
		two.say("/quit")
		bob.expect(r"\* ada has left")
		bob.nothing()
	EOF
}

@test "operators see who is who, and the name stays over a reload" {
	timed_start "$(chat)"
	export RUNTIME=$RUN
	room <<-'EOF'
		import json, os, subprocess
		ada = Client("ada")
		def clients():
		    out = subprocess.run(["timedctl", "-r", os.environ["RUNTIME"], "-j", "clients"],
		                         check=True, capture_output=True, text=True).stdout
		    return [c for c in map(json.loads, out.splitlines()) if "ok" not in c]
		[one] = clients()
		assert one.get("client", one)["name"] == "ada", one
		stranger = Client()
		stranger.prompt("name: ")
		names = [c.get("client", c).get("name") for c in clients()]
		assert sorted(names, key=str) == [None, "ada"], names
		subprocess.run(["timedctl", "-r", os.environ["RUNTIME"], "reload"], check=True)
		ada.say("/who")
		ada.expect(r"\* ada")
		assert "ada" in [c.get("client", c).get("name") for c in clients()]
	EOF
}

@test "a state directory that the keeper may not write to is an error at once" {
	[ "$(id -u)" -eq 0 ] || return 0
	mkdir -m 755 "$DIR/roots"
	timed_config "$(chat)" "state_dir = \"$DIR/roots\";"
	run timed -f -c "$CONF"
	[ "$status" -eq 77 ]
	grep -q "$DIR/roots belongs to uid 0" <<<"$output"
}

@test "what is said to one user reaches nobody else, now or later" {
	timed_start "$(chat)"
	room <<-'EOF'
		ada, bob, eve = Client("ada"), Client("bob"), Client("eve")
		ada.say("/msg bob for your eyes")
		assert bob.text() == "ada -> bob: for your eyes"
		ada.say("for all")
		assert eve.text() == "ada: for all"
		eve.say("/history")
		eve.say("/history 0")
		assert [eve.text(), eve.line()] == \
		    ["ada: for all", "! /history takes a number from 1 to 1000"]
		bob.say("/quit")
		ada.wait(r"\* bob has left")
		ada.say("/msg BOB for later")
		ada.expect(r"\* BOB is not here, and will find it in the history")
		ada.say("/msg nobody anything")
		ada.expect(r"! nobody is called nobody")
		bob = Client("bob")
		assert [bob.text() for _ in range(3)] == \
		    ["ada -> bob: for your eyes", "ada: for all", "ada -> bob: for later"]
	EOF
}

@test "lines are acknowledged with their place in the store" {
	timed_start "$(chat)"
	room <<-'EOF'
		ada = Client("ada", ack=True)
		for number in range(1, 4):
		    ada.say("line %d" % number)
		    ada.expect(r"\+ %d" % number)
		ada.say("/ack off")
		ada.expect(r"\* lines are not acknowledged")
		ada.say("line 4")
		ada.say("/ack perhaps")
		ada.expect(r"! /ack on\|off")
		ada.say("/history 2")
		assert [ada.text(), ada.text()] == ["ada: line 3", "ada: line 4"]
	EOF
	[ "$(sqlite3 "$STATE/timed.db" 'select group_concat(seq) from messages')" = 1,2,3,4 ]
}

@test "commands that there are not are refused by their name, and // is a slash" {
	timed_start "$(chat)"
	room <<-'EOF'
		ada, bob = Client("ada"), Client("bob")
		ada.wait(r"\* bob has joined")
		ada.say("/frobnicate now")
		ada.expect(r"! there is no /frobnicate; .*")
		ada.say("/" + "\u00e4" * 100)
		ada.expect("! there is no /" + "\u00e4" * 16 + "; .*")
		ada.say("/me")
		ada.expect(r"! /me TEXT")
		ada.say("/msg bob")
		ada.expect(r"! /msg NAME TEXT")
		ada.say("/help")
		commands = [line.split()[1] for line in ada.wait(r"\* a line that .*")]
		assert commands == ["/ack", "/help:", "/history", "/me", "/msg",
		                    "/passwd:", "/quit:", "/who:"], commands
		ada.say("//who is this")
		assert bob.text() == "ada: /who is this"
	EOF
}

@test "a password is changed, and is wrong when it was" {
	timed_start "$(chat 'login_pause = 0.01;')"
	room <<-'EOF'
		ada, bob = Client("ada"), Client("bob")
		ada.wait(r"\* bob has joined")
		ada.say("/passwd")
		ada.prompt("old password: ")
		bob.say("meanwhile")
		ada.say("not that one")
		ada.prompt("new password: ")
		ada.say("another secret")
		ada.expect(r"! that is not your password; it is as it was")
		assert ada.text() == "bob: meanwhile"
		for answers in [""], [PASSWORD, ""]:
		    ada.say("/passwd")
		    ada.prompt("old password: ")
		    ada.say(answers[0])
		    if len(answers) > 1:
		        ada.prompt("new password: ")
		        ada.say(answers[1])
		    ada.expect(r"! your password is as it was")
		ada.say("/passwd  ")
		ada.prompt("old password: ")
		ada.say(PASSWORD)
		ada.prompt("new password: ")
		ada.say("another secret")
		ada.expect(r"\* your password is changed")
		again = Client()
		again.prompt("name: ")
		again.say("ada")
		again.prompt("password: ")
		again.say(PASSWORD)
		again.expect(r"! that is not the password of ada")
		again.enter("ada", "another secret")
	EOF
}

@test "who talks too fast is told so for each line, and goes on" {
	timed_start "$(chat 'lines_per_second = 0.01; lines_burst = 5;')"
	room <<-'EOF'
		ada, bob = Client("ada"), Client("bob")
		# Name and password were two of the five.
		ada.wait(r"\* bob has joined")
		for number in range(6):
		    ada.say("line %d" % number)
		assert [ada.line() for _ in range(3)] == ["! slow down"] * 3
		assert [bob.text() for _ in range(3)] == ["ada: line %d" % n for n in range(3)]
		ada.nothing()
		bob.say("I am not slowed down")
		assert ada.text() == "bob: I am not slowed down"
	EOF
}

@test "who does not log in in time, or says nothing for too long, is told and closed" {
	timed_start "$(chat 'login_seconds = 0.3; idle_seconds = 0.4;')"
	room <<-'EOF'
		eve, ada = Client(), Client("ada")
		eve.prompt("name: ")
		eve.say("eve")
		eve.prompt("new name, choose a password: ")
		assert eve.end() == "\n! it took too long to log in\n"
		for _ in range(4):
		    ada.say("here")
		    select.select([], [], [], 0.2)
		began = time.monotonic()
		assert ada.end() == "! you were silent for too long\n"
		assert time.monotonic() - began < 10
		ada = Client("ada")
		ada.say("/passwd")
		ada.prompt("old password: ", end=True)
		ada.expect("")
		ada.expect(r"! your password is as it was")
	EOF
}

@test "who sends no more is done with what it asked for, and then closed" {
	timed_start "$(chat)"
	printf 'ada\nher password\nhello\n/me leaves' |
		timeout "$PATIENCE" nc -N 127.0.0.1 "$(chat_port)" >"$DIR/out"
	grep -q '^\* goodbye$' "$DIR/out"
	printf 'bob\nhis password\n/history\n' |
		timeout "$PATIENCE" nc -N 127.0.0.1 "$(chat_port)" >"$DIR/out"
	[ "$(grep -c '] ada: hello$' "$DIR/out")" -eq 2 ]
	[ "$(grep -c '] \* ada leaves$' "$DIR/out")" -eq 2 ]
	# In the middle of a login.
	printf 'ada\n' | timeout "$PATIENCE" nc -N 127.0.0.1 "$(chat_port)" >"$DIR/out"
	grep -q 'password: \* goodbye$' "$DIR/out"
}

@test "bytes that nobody should see are refused, and nothing is lost for it" {
	timed_start "workers = 1;" "$(chat 'lines_per_second = 0;')"
	room <<-'EOF'
		ada, bob = Client("ada"), Client("bob")
		ada.wait(r"\* bob has joined")
		refused = (b"\x1b[2J\x1b]0;title\x07", b"nul\x00nul", b"bell\x07", b"tab\t",
		           b"\xc2\x9b31m", b"back\x08", b"cr\rcr", b"\xe2\x80\xae")
		for line in refused:
		    ada.send(line + b"\n")
		    ada.expect(r"! a line must have no control characters")
		for line in (b"\xc3(", b"\xf0\x28\x8c\xbc", b"\x80", b"\xc0\xaf", b"\xed\xa0\x80"):
		    ada.send(line + b"\n")
		    ada.expect(r"! a line must be UTF-8")
		ada.send(b"x" * 1025 + b"\n")
		ada.expect(r"! a line has at most 1,024 bytes")
		ada.send(b"y" * 1000000)
		ada.expect(r"! a line has at most 1,024 bytes")
		ada.send(b"y\nafter\n" + b"z" * 1024 + b"\r\n")
		assert bob.text() == "ada: after"
		assert bob.text() == "ada: " + "z" * 1024
		bob.nothing()
		ada.nothing()
	EOF
	[ "$(sqlite3 "$STATE/timed.db" 'select count(*) from messages')" -eq 2 ]
}

@test "a long history comes in pages to who reads slowly, and whole" {
	timed_start "workers = 1;" "$(chat 'lines_per_second = 0; history_on_join = 1000;')"
	room "$DIR/chat" <<-'EOF'
		ada = Client("ada", ack=True)
		long = "x" * 1000
		for number in range(300):
		    ada.say("%d %s" % (number, long))
		for number in range(300):
		    ada.expect(r"\+ \d+")
		bob = Client("bob")
		ada.say("and live")
		ada.wait(r"\+ 301")
		for number in range(300):
		    assert bob.text() == "ada: %d %s" % (number, long)
		assert bob.text() == "ada: and live"
	EOF
}

@test "a client that does not read misses lines, is told how many, and goes on" {
	timed_start "workers = 1;" "$(chat 'lines_per_second = 0; ring_size = 65536;')"
	room "$DIR/chat" <<-'EOF'
		ada = Client("ada", ack=True)
		slow = Client("slow")
		ada.wait(r"\* slow has joined")
		count, said = 600, 0
		while said < count:
		    for number in range(said, said + 40):
		        ada.say("%d %s" % (number, "x" * 900))
		    for number in range(40):
		        ada.expect(r"\+ \d+")
		    said += 40
		expected, missed = 0, 0
		while expected < count:
		    line = slow.line()
		    notice = re.fullmatch(r"! (\d+) lines missed", line)
		    if notice:
		        missed += int(notice.group(1))
		        expected += int(notice.group(1))
		        continue
		    number = int(LINE.fullmatch(line).group(1).split()[1])
		    assert number == expected, (number, expected)
		    expected += 1
		assert 0 < missed < count, missed
		ada.say("once more")
		assert slow.text() == "ada: once more"
	EOF
	status_is '.services[0].skipped > 0 or .totals.skipped > 0'
}
