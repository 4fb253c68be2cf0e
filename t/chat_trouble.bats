#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck disable=SC2030,SC2031 # each test has a shell of its own
#
# The room when others attack it, or what it stands on fails: who is in it goes
# on, and is told.

bats_require_minimum_version 1.5.0

load lib
load chat

@test "wrong passwords from many at once hold up neither lines nor ticks" {
	timed_start "workers = 2;" "services = (
		{ type = \"chat\"; listen = [ \"127.0.0.1:0\" ];
		  lines_per_second = 0; login_pause = 0.01; },
		{ type = \"stream\"; listen = [ \"127.0.0.1:0\" ]; interval = 0.1;
		  format = \"%s %f |==|\"; } );"
	# Two who are in the room, and talk when the storm has begun.
	room_start "$DIR/talk" <<-EOF
		ada, bob = Client("ada", ack=True), Client("bob", ack=True)
		ada.wait(r"\* bob has joined")
		print("in", flush=True)
		while "begun" not in open("$DIR/storm").read():
		    select.select([], [], [], 0.02)
		slowest = 0
		for number in range(40):
		    began = time.monotonic()
		    ada.say("line %d" % number)
		    ada.expect(r"\+ \d+")
		    slowest = max(slowest, time.monotonic() - began)
		    assert bob.text() == "ada: line %d" % number
		print("slowest %.0f ms" % (slowest * 1000), flush=True)
	EOF
	: >"$DIR/storm"
	wait_until "$PATIENCE" file_has "$DIR/talk" in
	watch 5 "$(service_port stream)" step=100000
	# Fifty who guess, each again as soon as it may, for two seconds.
	room_start "$DIR/storm" <<-'EOF'
		import selectors
		guesses, busy, refused = 0, 0, 0
		chosen = selectors.DefaultSelector()
		def guesser():
		    s = socket.create_connection(("127.0.0.1", int(WHERE)))
		    chosen.register(s, selectors.EVENT_READ, [b""])
		for _ in range(50):
		    guesser()
		end = None
		while not end or time.monotonic() < end:
		    for key, _ in chosen.select(0.1):
		        s, rest = key.fileobj, key.data
		        data = s.recv(4096)
		        rest[0] += data
		        if not data:
		            chosen.unregister(s)
		            s.close()
		            guesser()
		        elif rest[0].endswith(b"password: "):
		            s.sendall(b"guess %d\n" % guesses)
		            guesses += 1
		        elif rest[0].endswith(b"name: "):
		            s.sendall(b"ada\n")
		        else:
		            continue
		        busy += rest[0].count(b"too many log in")
		        refused += rest[0].count(b"not the password")
		        rest[0] = b""
		    if not end and guesses >= 50:
		        end = time.monotonic() + 2
		        print("begun", flush=True)
		print("guesses", guesses, "refused", refused, "busy", busy, flush=True)
	EOF
	wait_until 60 file_has "$DIR/talk" slowest || {
		show "$DIR/talk.err"
		show "$DIR/storm.err"
		false
	}
	wait_until "$PATIENCE" file_has "$DIR/storm" guesses
	cat "$DIR/talk" "$DIR/storm"
	# They were looked at.
	[ "$(awk '/^guesses/ { print $4 }' "$DIR/storm")" -ge 10 ]
	watch_end
}

@test "a store that cannot be written refuses, and goes on when it can" {
	# A file system of its own, and small.
	timed_config "$(chat 'lines_per_second = 0; login_pause = 0.01;')"
	mkdir -p "$STATE"
	chmod 777 "$STATE"
	local small=(unshare --mount)
	[ "$(id -u)" -eq 0 ] || small+=(--user --map-current-user --keep-caps)
	# shellcheck disable=SC2016 # expanded by the inner shell
	start "$DIR/stdout" "$ERR" "${small[@]}" sh -c '
		mount -t tmpfs -o size=2m,mode=777 none "$1"
		head -c 1536k /dev/zero >"$1/filler"
		shift
		exec "$@"' sh "$STATE" "$TIMED" -f -c "$CONF"
	TIMED_PID=$PID
	wait_until "$PATIENCE" timed_ready
	room_start "$DIR/out" <<-'EOF'
		ada, bob = Client("ada", ack=True), Client("bob")
		ada.wait(r"\* bob has joined")
		stored, text = 0, "x" * 1000
		while True:
		    ada.say(text)
		    line = ada.line()
		    if not line.startswith("+ "):
		        break
		    stored += 1
		    assert stored < 2000, "the disk was to be full"
		assert re.fullmatch(r"! this was not stored: .*full.*", line), line
		# Nobody got what was not stored, and everybody is still here.
		for _ in range(stored):
		    assert bob.text() == "ada: " + text
		bob.nothing()
		bob.say("/who")
		assert bob.wait(r"\* in all: 2") == ["* ada", "* bob"]
		print("full", stored, flush=True)
		ada.line()
		print("never", flush=True)
	EOF
	wait_until "$PATIENCE" file_has "$DIR/out" '^full [1-9]' || {
		show "$DIR/out.err"
		false
	}
	nsenter -t "$TIMED_PID" ${small[2]+--preserve-credentials --user} --mount \
		rm "$STATE/filler"
	room <<-'EOF'
		again = Client()
		again.enter("ada")
		again.say("/ack on")
		again.wait(r"\* each line is acknowledged")
		again.say("there is room again")
		again.wait(r"\+ \d+")
	EOF
}

@test "a database that is none refuses all who come, and nobody else" {
	timed_start "services = (
		{ type = \"chat\"; listen = [ \"127.0.0.1:0\" ]; login_pause = 0.01; },
		{ type = \"stream\"; listen = [ \"127.0.0.1:0\" ]; } );"
	room <<<'Client("ada")'
	timed_stop
	head -c 100000 /dev/urandom >"$STATE/timed.db"
	rm -f "$STATE"/timed.db-*
	timed_launch
	wait_until "$PATIENCE" timed_ready
	room <<-'EOF'
		ada = Client()
		for _ in range(2):
		    ada.prompt("name: ")
		    ada.say("ada")
		    ada.expect(r"! nobody can log in just now: .*not a database.*")
	EOF
	client_start
	wait_until "$PATIENCE" lines_in "$CLIENT_OUT" 2
	log_has 'error keeper.*not a database'
}

@test "a line is not acknowledged that goes to a file which was taken away" {
	timed_start "$(chat)"
	export STATE
	room <<-'EOF'
		import os
		ada = Client("ada", ack=True)
		ada.say("kept")
		ada.expect(r"\+ \d+")
		os.unlink(os.environ["STATE"] + "/timed.db")
		ada.say("lost")
		ada.expect(r"! this was not stored: .*")
	EOF
}

@test "a lock of somebody else's is said when it comes, and when it goes" {
	timed_start "$(chat)"
	export STATE
	room <<-'EOF'
		import os, sqlite3
		ada = Client("ada", ack=True)
		other = sqlite3.connect(os.environ["STATE"] + "/timed.db",
		                        isolation_level=None)
		other.execute("BEGIN EXCLUSIVE")
		ada.say("not now")
		ada.expect(r"! this was not stored: .*locked.*")
		other.execute("ROLLBACK")
		ada.say("now")
		ada.expect(r"\+ \d+")
	EOF
	wait_until "$PATIENCE" log_has 'store failed; .*locked'
	wait_until "$PATIENCE" log_has 'store recovered'
}

@test "a keeper that is slow to leave is no crash to the next program" {
	local keeper
	timed_start "$(chat)"
	keeper=$(pgrep -P "$TIMED_PID" -f '^timed: keeper')
	kill -STOP "$keeper"
	timedctl -r "$RUN" reload
	start "$DIR/upgrade" "$DIR/upgrade.err" timedctl -r "$RUN" -j upgrade
	wait_until "$PATIENCE" log_has 'upgrading;'
	kill -CONT "$keeper"
	wait_until "$PATIENCE" gone "$PID"
	jq -e .ok "$DIR/upgrade"
	wait_until "$PATIENCE" gone "$keeper"
	room <<-'EOF'
		ada = Client("ada", ack=True)
		ada.say("here")
		ada.expect(r"\+ \d+")
	EOF
	run ! grep 'keeper crashed' "$LOG"
}
