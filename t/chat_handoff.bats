#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# Whatever becomes of the processes, who is in the room stays there, in the
# middle of whatever it was doing, and no line is lost, doubled or out of order.

load lib
load chat

keeper_pid()
{
	pgrep -P "$TIMED_PID" -f '^timed: keeper'
}

# another_keeper PID: is there one that is not PID?
another_keeper()
{
	local pid
	pid=$(keeper_pid) && [ "$pid" != "$1" ]
}

# kill_keeper: with -9, and wait for the next one.
kill_keeper()
{
	local pid
	pid=$(keeper_pid)
	kill -9 "$pid"
	wait_until "$PATIENCE" another_keeper "$pid"
}

# upgrade: to the program that is there, and wait.
upgrade()
{
	local before
	before=$(status .generation)
	kill -USR2 "$TIMED_PID"
	wait_until "$PATIENCE" status_is ".generation > $before"
	wait_until "$PATIENCE" settled "$WORKERS"
}

# steps STEP...: do each one when a program asks for it, and tell it.
steps()
{
	local step
	for step; do
		wait_until "$PATIENCE" file_has "$DIR/steps" "^$step\$" || return
		case $step in
		reload*) reload "workers = $WORKERS;" "$SETTINGS" ;;
		resize*)
			WORKERS=$((5 - WORKERS))
			reload "workers = $WORKERS;" "$SETTINGS"
			;;
		keeper*) kill_keeper ;;
		upgrade*) upgrade ;;
		esac
		echo "$step" >>"$DIR/done"
	done
}

# For programs: step(NAME) has it done by steps, and waits for it.
stepping="
done = 0
def step(name):
    global done
    with open('$BATS_TEST_TMPDIR/steps', 'a') as f:
        f.write(name + '\n')
    deadline = time.monotonic() + 40
    while True:
        try:
            if len(open('$BATS_TEST_TMPDIR/done').readlines()) > done:
                break
        except FileNotFoundError:
            pass
        assert time.monotonic() < deadline, name
        select.select([], [], [], 0.01)
    done += 1
"

@test "a login, a half-typed line and the room go on in another worker" {
	SETTINGS=$(chat)
	WORKERS=2
	timed_start "$SETTINGS"
	room_start "$DIR/out" <<-EOF
		$stepping
		ada, bob, eve = Client("ada", ack=True), Client(), Client()
		bob.prompt("name: ")
		ada.send(b"half a li")
		step("reload 1")
		ada.send(b"ne\n")
		ada.expect(r"\+ 1")
		bob.say("bob")
		bob.prompt("new name, choose a password: ")
		eve.send(b"n" * 30)
		step("resize 1")
		bob.say("bob's password")
		bob.expect(r"\* welcome, bob; .*")
		assert bob.text() == "ada: half a line"
		ada.expect(r"\* bob has joined")
		ada.say("/passwd")
		ada.prompt("old password: ")
		ada.say(PASSWORD)
		ada.prompt("new password: ")
		step("upgrade 1")
		bob.say("while ada is busy")
		ada.say("another password")
		ada.expect(r"\* your password is changed")
		assert ada.text() == "bob: while ada is busy"
		step("keeper 1")
		ada.say("with another keeper")
		ada.expect(r"\+ 3")
		assert bob.text() == "ada: with another keeper"
		eve.send(b"\n")
		eve.prompt("name: new name, choose a password: ")
		step("resize 2")
		bob.say("/who")
		bob.expect(r"\* ada")
		bob.expect(r"\* bob")
		bob.expect(r"\* in all: 2")
		print("through", flush=True)
	EOF
	steps "reload 1" "resize 1" "upgrade 1" "keeper 1" "resize 2"
	wait_until "$PATIENCE" file_has "$DIR/out" through || {
		show "$DIR/out.err"
		false
	}
}

@test "a pause after a wrong password is as long in another worker" {
	SETTINGS=$(chat 'login_pause = 0.8;')
	WORKERS=2
	timed_start "$SETTINGS"
	room_start "$DIR/out" <<-EOF
		$stepping
		ada = Client("ada")
		eve = Client()
		eve.prompt("name: ")
		eve.say("ada")
		eve.prompt("password: ")
		# The pause begins later, but that is not seen here.
		began = time.monotonic()
		eve.say("a guess")
		eve.expect(r"! that is not the password of ada")
		eve.say("ada")
		step("reload 1")
		eve.prompt("name: password: ")
		assert time.monotonic() - began >= 0.8
		eve.say("another")
		eve.expect(r"! that is not the password of ada")
		eve.prompt("name: ")
		step("reload 2")
		eve.say("ada")
		eve.prompt("password: ")
		eve.say("the last")
		assert eve.end().endswith("! that was the last try\n")
		print("through", flush=True)
	EOF
	steps "reload 1" "reload 2"
	wait_until "$PATIENCE" file_has "$DIR/out" through || {
		show "$DIR/out.err"
		false
	}
}

@test "who is in a worker that dies has left, and the others stay" {
	timed_start "workers = 2;" "$(chat)"
	room_start "$DIR/out" <<-'EOF'
		clients = [Client("user-%d" % n) for n in range(6)]
		print("ready", flush=True)
		# Those of the dead one are cut off together.
		gone, deadline = set(), time.monotonic() + PATIENCE
		while True:
		    there = [c.socket for c in clients if not c.closed]
		    ready = select.select(there, [], [], 0.5 if gone else PATIENCE)[0]
		    for n, client in enumerate(clients):
		        if client.socket in ready:
		            client.read(deadline)
		            gone |= {n} if client.closed else set()
		    if not ready:
		        break
		# And the living hear that they have left.
		living = [n for n in range(6) if n not in gone]
		for n in living:
		    left = set()
		    while left != {"user-%d" % k for k in gone}:
		        line = clients[n].line()
		        found = re.fullmatch(r"\* (.*) has left", line)
		        if found:
		            left.add(found.group(1))
		print("left", len(gone), len(living), flush=True)
		clients[living[0]].say("still here")
		for n in living[1:]:
		    assert clients[n].text() == "user-%d: still here" % living[0]
		again = Client("user-%d" % sorted(gone)[0])
		print("through", flush=True)
	EOF
	wait_until "$PATIENCE" file_has "$DIR/out" ready
	kill -9 "$(worker_pids | head -n 1)"
	wait_until "$PATIENCE" file_has "$DIR/out" through || {
		show "$DIR/out"
		show "$DIR/out.err"
		false
	}
}

# storm USERS TALKERS LINES: users in the room, of whom TALKERS say that many
# lines in all, each one after its last was acknowledged.  Whoever is cut off
# comes again.  What everybody got is compared with the store.
storm_program()
{
	program storm.py <<-'EOF'
		from room import *
		import json, selectors
		users, talkers, lines = map(int, sys.argv[2:5])
		state = sys.argv[5]
		chosen = selectors.DefaultSelector()
		acked, lives, said, cut = {}, [], 0, 0

		class Life:
		    """One session of a user, and the lines that it got."""
		    def __init__(self, number):
		        self.number, self.got, self.waits = number, [], None
		        self.inside, self.client = False, Client()
		        lives.append(self)
		        chosen.register(self.client.socket, selectors.EVENT_READ, self)

		    def talk(self):
		        global said
		        if self.number < talkers and said < lines and began:
		            said += 1
		            self.waits = "%d from %d" % (said, self.number)
		            self.client.say(self.waits)

		    def log_in(self):
		        rest = self.client.rest
		        if rest.endswith(b"name: "):
		            self.client.say("user-%d" % self.number)
		        elif rest.endswith(b"password: "):
		            self.client.say(PASSWORD)
		        else:
		            return
		        self.client.rest = b""

		    def hear(self):
		        global cut
		        self.client.read(time.monotonic() + 1)
		        if not self.inside:
		            self.log_in()
		        while b"\n" in self.client.rest:
		            self.heard(self.client.line())
		        if self.client.closed:
		            cut += 1
		            chosen.unregister(self.client.socket)
		            self.client.close()
		            Life(self.number)

		    def heard(self, line):
		        found = LINE.fullmatch(line)
		        if found:
		            self.got.append(found.group(1).split(": ", 1)[1])
		        elif line.startswith("+ "):
		            assert self.waits, "acknowledged what was not said"
		            assert self.waits not in acked
		            acked[self.waits] = int(line[2:])
		            self.waits = None
		            self.talk()
		        elif line.startswith("* welcome"):
		            self.inside = True
		            self.client.say("/ack on")
		            self.talk()
		        else:
		            assert line.startswith("* ") or not self.inside, line

		def turn():
		    ready = chosen.select(0.1)
		    for key, _ in ready:
		        key.data.hear()
		    return ready

		began = False
		for number in range(users):
		    Life(number)
		    while sum(not life.inside for life in lives) > 16:
		        turn()
		while not all(life.inside for life in lives):
		    turn()
		began = True
		print("ready", flush=True)
		for life in lives:
		    life.talk()
		deadline, told, quiet = time.monotonic() + 300, 0, 0
		while quiet < 10:
		    assert time.monotonic() < deadline, (said, len(acked))
		    ready = turn()
		    if len(acked) >= told + lines // 20:
		        told = len(acked)
		        print("acks", told, flush=True)
		    busy = any(not l.client.closed and (l.waits or not l.inside)
		               for l in lives)
		    quiet = 0 if ready or busy or said < lines else quiet + 1

		import sqlite3
		db = sqlite3.connect("file:%s/timed.db?mode=ro" % state, uri=True)
		store = list(db.execute("select seq, text from messages order by seq"))
		seqs = {text: seq for seq, text in store}
		assert len(seqs) == len(store), "doubled"
		for text, seq in acked.items():
		    assert seqs.get(text) == seq, "acknowledged and not stored: " + text
		place = {text: i for i, (_, text) in enumerate(store)}
		author = [int(text.split()[-1]) for _, text in store]
		for life in lives:
		    places = [place[text] for text in life.got]
		    if not places:
		        continue
		    # What it did not say itself, from the first to the last it got.
		    expected = [i for i in range(places[0], places[-1] + 1)
		                if author[i] != life.number or i in set(places)]
		    assert places == expected, (life.number, places, expected)
		    if not life.client.closed:
		        missed = [i for i in range(places[-1] + 1, len(store))
		                  if author[i] != life.number]
		        assert not missed, (life.number, missed)
		print("stored", len(store), "acked", len(acked), "lives", len(lives),
		      "cut", cut, flush=True)
		print("through", flush=True)
	EOF
}

# storm USERS TALKERS LINES: start it, and wait until all are in.
storm()
{
	room_program
	storm_program
	start "$DIR/storm" "$DIR/storm.err" env PYTHONPATH="$DIR" \
		PYTHONDONTWRITEBYTECODE=1 python3 "$DIR/storm.py" \
		"$(chat_port)" "$@" "$STATE"
	STORM=$PID
	wait_until 60 file_has "$DIR/storm" ready
}

# Wait until the storm has calmed down, and see that all was well.
calm()
{
	wait_until 120 gone "$STORM"
	show "$DIR/storm"
	file_has "$DIR/storm" through || {
		show "$DIR/storm.err"
		return 1
	}
}

# acks N: did it have so many?
acks()
{
	[ "$(awk '/^acks/ { n = $2 } END { print n + 0 }' "$DIR/storm")" -ge "$1" ]
}

@test "everybody gets every line once, in the order of the store, whoever dies" {
	SETTINGS=$(chat 'lines_per_second = 0; history_on_join = 0;')
	timed_start "workers = 4;" "$SETTINGS"
	storm 50 5 600
	wait_until 60 acks 60
	kill_keeper
	wait_until 60 acks 150
	reload "workers = 4;" "$SETTINGS"
	wait_until 60 acks 240
	kill -9 "$(worker_pids | head -n 1)"
	kill_keeper
	wait_until 60 acks 330
	reload "workers = 3;" "$SETTINGS"
	kill_keeper
	wait_until 60 acks 420
	kill -9 "$(worker_pids | tail -n 1)"
	calm
	grep -Eq 'stored (59[0-9]|600) ' "$DIR/storm"
}
