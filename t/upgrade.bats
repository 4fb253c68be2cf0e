#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck disable=SC2030,SC2031 # each test has a shell of its own
#
# An upgrade (SIGUSR2): the program that is there now takes over, in the same
# process, and no client notices; one that will not do is refused, and the old
# one serves on.

load lib

bats_require_minimum_version 1.5.0

EXACT='services = ( { type = "stream"; listen = [ "127.0.0.1:0" ]; format = "%s"; } );'

setup()
{
	harness_setup
	TIMED=$DIR/timed
	DAEMON=
	FAILED=0
	cp "$BUILD/timed" "$TIMED"
}

teardown()
{
	local failed=0
	if [ -n "$DAEMON" ]; then
		kill "$DAEMON" 2>/dev/null || :
		wait_until "$PATIENCE" gone "$DAEMON" || failed=1
		TIMED_PID=
	fi
	harness_teardown || failed=1
	return $failed
}

# install FILE: it is the program from now on, not the same file as before.
install()
{
	cp "$1" "$TIMED.new"
	mv "$TIMED.new" "$TIMED"
}

# script: a program from standard input, for install.
script()
{
	cat >"$DIR/script"
	chmod 755 "$DIR/script"
	install "$DIR/script"
}

# So many lines of the log that match?
log_count()
{
	[ "$(grep -Ec -e "$2" "$LOG")" -eq "$1" ]
}

# upgrade: to the program that is there now, and wait.
upgrade()
{
	local before
	before=$(status .generation)
	kill -USR2 "$TIMED_PID"
	wait_until "$PATIENCE" status_is ".generation == $((before + 1)) and
		.state == \"running\""
}

# fails PATTERN: an upgrade is refused, for this reason; and the next reload
# is none the worse for it.
fails()
{
	kill -USR2 "$TIMED_PID"
	refused "$1"
	status_is ".pid == $TIMED_PID"
	reload "$EXACT"
}

# refused PATTERN: one more than before was, for this reason.
refused()
{
	FAILED=$((FAILED + 1))
	wait_until "$PATIENCE" log_count "$FAILED" 'error master.*: upgrade failed;'
	grep 'upgrade failed' "$LOG" | tail -n 1 >"$DIR/refusal"
	cat "$DIR/refusal"
	grep -Eq "upgrade failed; reason='$1'\$" "$DIR/refusal"
}

# Is the program that runs the one that is there?
runs_it()
{
	[ "/proc/$TIMED_PID/exe" -ef "$TIMED" ]
}

# Does ps(1) call it what it is called from the start?
called_timed()
{
	[ "$(<"/proc/$TIMED_PID/comm")" = timed ] &&
		[ "$(head -zn 1 "/proc/$TIMED_PID/cmdline" | tr -d '\0')" = 'timed: master' ]
}

# Has the journal that was PID a successor?
journal_replaced()
{
	local now
	now=$(journal_pid) && [ "$now" != "$1" ]
}

# four_upgrades: of what runs as TIMED_PID, with 200 clients.
four_upgrades()
{
	local before port journal started
	port=$(stream_port)
	started=$(status .started)
	watch 200
	# By now it has let go of its launcher.
	before=$(fds "$TIMED_PID")
	for _ in 1 2 3 4; do
		journal=$(journal_pid)
		install "$BUILD/timed"
		runs_it && return 1
		upgrade
		runs_it
		[ "$(status .pid)" = "$TIMED_PID" ]
		[ "$(<"$RUN/timed.pid")" = "$TIMED_PID" ]
		[ "$(stream_port)" = "$port" ]
		hold 10
		wait_until "$PATIENCE" journal_replaced "$journal"
		called_timed
	done
	wait_until "$PATIENCE" settled 2
	watch_on 2
	# As if nothing had been.
	status_is ".generation == 5 and .started == \"$started\" and .reloads == 0 and
		.reloads_refused == 0"
	status_is '.totals | .accepted == 240 and .connections == 240 and .closed == 0 and
		.crashes == 0 and .log_lost == 0 and .log_limited == 0'
	wait_until "$PATIENCE" has_fds "$TIMED_PID" "$before"
	watch_end
	watched_is '.held == 200 and .lost == 0 and .missed == 0'
	wait_until "$PATIENCE" log_count 200 'client disconnected;'
	# Not a line of the log went with a journal.
	log_count 240 'client connected;'
	log_count 10 'worker ready;'
	log_count 4 'notice master.*: upgrading;'
	log_count 4 'notice master.*: upgraded;'
	log_count 1 'listening;'
	log_count 0 '(error|warning) '
	status_is '.totals | .connections == 40 and .closed == 200'
	# It is a process like any other.
	reload "$EXACT"
	wait_until "$PATIENCE" settled 2
	wait_until "$PATIENCE" has_fds "$TIMED_PID" "$before"
}

@test "upgrade: one after the other, and nobody loses or doubles a second" {
	timed_start "$EXACT"
	four_upgrades
	# Standard error had it all, too.
	[ "$(grep -c 'client connected;' "$ERR")" -eq 240 ]
	timed_stop
	log_has 'stopped; '
	[ ! -e "$RUN/timed.pid" ]
	[ ! -e "$RUN/scoreboard" ]
}

@test "upgrade: of a daemon" {
	timed_config "$EXACT"
	# It leaves this directory, and remembers where both files are.
	cd "$DIR"
	./timed -c timed.conf </dev/null >"$DIR/stdout" 2>"$ERR" 3>&- {NEVER}>&-
	DAEMON=$(<"$RUN/timed.pid")
	TIMED_PID=$DAEMON
	four_upgrades
	kill "$DAEMON"
	wait_until "$PATIENCE" gone "$DAEMON"
	log_has 'stopped; '
	[ ! -e "$RUN/timed.pid" ]
	[ ! -s "$ERR" ]
}

@test "upgrade: the service manager sees a reload, of the same process" {
	listen_for_notes
	timed_start "$EXACT"
	install "$BUILD/timed"
	upgrade
	wait_until "$PATIENCE" noted 2 'READY=1'
	script <<-'END'
		#!/bin/sh
		exit 1
	END
	kill -USR2 "$TIMED_PID"
	wait_until "$PATIENCE" noted 3 'READY=1'
	diff <(notes 'READY=1|RELOADING=1|STATUS=(upgrade.*|serving)') - <<-'END'
		READY=1
		STATUS=serving
		RELOADING=1
		RELOADING=1
		READY=1
		STATUS=upgraded
		RELOADING=1
		READY=1
		STATUS=upgrade refused, the old program serves
	END
	run ! noted 1 'MAINPID='
	wait_until "$PATIENCE" noted 2 'WATCHDOG=1'
	[ "$(sort -u "$SENDERS")" = "$TIMED_PID" ]
}

@test "upgrade: programs that will not do are refused, and the old one serves on" {
	local before
	timed_start "$EXACT"
	before=$(fds "$TIMED_PID")
	watch 100
	script <<-'END'
		#!/bin/sh
		echo 'not today' >&2
		exit 1
	END
	fails "$TIMED -t: not today, exit status 1"
	script <<-'END'
		#!/bin/sh
		kill -SEGV $$
	END
	fails "$TIMED -t: said nothing, signal 11 .Segmentation fault."
	install /bin/true
	fails "$TIMED -t: said nothing, exit status 0"
	# A timed that knows nothing of upgrades.
	script <<-END
		#!/bin/sh
		unset TIMED_UPGRADE_CHECK
		exec "$BUILD/timed" "\$@"
	END
	fails "$TIMED -t: said nothing, exit status 0"
	# Able, but then it is not.
	script <<-'END'
		#!/bin/sh
		echo 'timed: able to take over'
		exit 70
	END
	fails "$TIMED -t: timed: able to take over, exit status 70"
	chmod -x "$TIMED"
	fails "$TIMED -t: $TIMED: Permission denied, exit status 1"
	echo nonsense >"$TIMED"
	chmod +x "$TIMED"
	fails "$TIMED -t: $TIMED: Exec format error, exit status 1"
	rm "$TIMED"
	fails "$TIMED -t: $TIMED: No such file or directory, exit status 1"
	wait_until "$PATIENCE" settled 2
	wait_until "$PATIENCE" has_fds "$TIMED_PID" "$before"
	watch_on 1
	watch_end
	watched_is '.lost == 0 and .missed == 0'
	# Nor is it any harm to the next one.
	install "$BUILD/timed"
	upgrade
	log_count 1 ' upgraded;'
}

@test "upgrade: one that takes over from another kind of timed says that it cannot" {
	timed_start "$EXACT"
	# Its carry is of a version to come.
	cat >"$DIR/later.py" <<-'END'
		import json, os, sys
		fd = int(os.environ["TIMED_UPGRADE_CHECK"])
		os.lseek(fd, 0, os.SEEK_SET)
		with os.fdopen(os.dup(fd)) as file:
		    carry = json.load(file)
		carry["carry"] += 1
		carry["version"] = "9.8.7"
		other = os.memfd_create("timed", 0)
		os.write(other, json.dumps(carry).encode())
		os.dup2(other, fd)
		os.execv(sys.argv[1], sys.argv[1:])
	END
	script <<-END
		#!/bin/sh
		exec python3 "$DIR/later.py" "$BUILD/timed" "\$@"
	END
	fails "$TIMED -t: timed .* cannot take over from timed 9.8.7, only be started after it, exit status 70"
}

@test "upgrade: one that does not say anything is not waited for any longer" {
	timed_start "$EXACT"
	watch 20
	mkfifo "$DIR/never"
	script <<-END
		#!/bin/sh
		read -r _ <"$DIR/never"
	END
	fails "$TIMED -t did not end in time"
	watch_end
	watched_is '.lost == 0 and .missed == 0'
}

@test "upgrade: with a configuration that has errors it is refused" {
	timed_start "$EXACT"
	install "$BUILD/timed"
	cp "$CONF" "$DIR/good"
	echo 'frobnicate = 1;' >>"$CONF"
	kill -USR2 "$TIMED_PID"
	refused "$TIMED -t: timed: $CONF:[0-9]*: .*frobnicate.*, exit status 78"
	status_is '.generation == 1'
	cp "$DIR/good" "$CONF"
	upgrade
}

# wrap: a program that passes -t, does what standard input says and then is
# timed, under its own name.
wrap()
{
	# shellcheck disable=SC2016 # for that shell
	{
		echo '#!/bin/bash'
		echo "timed=$BUILD/timed"
		echo 'for option; do [ "$option" != -t ] || exec -a "$0" "$timed" "$@"; done'
		cat
		echo 'exec -a "$0" "$timed" "$@"'
	} | script
}

@test "upgrade: a program that cannot go on goes back to the old one" {
	local before port
	timed_start "$EXACT"
	ln "$TIMED" "$DIR/old"
	before=$(fds "$TIMED_PID")
	port=$(stream_port)
	watch 100
	cp "$CONF" "$DIR/good"
	wrap <<-END
		echo 'frobnicate = 1;' >>"$CONF"
	END
	for _ in 1 2 3; do
		kill -USR2 "$TIMED_PID"
		refused 'the configuration has errors'
		[ "/proc/$TIMED_PID/exe" -ef "$DIR/old" ]
		called_timed
		# Nor can the old one make anything of it, but it serves on.
		wait_until "$PATIENCE" settled 2
		log_has "configuration error; error='$CONF:[0-9]*: .*frobnicate"
		status_is ".pid == $TIMED_PID and .generation == $FAILED"
		[ "$(stream_port)" = "$port" ]
		wait_until "$PATIENCE" has_fds "$TIMED_PID" "$before"
		refuse
		cp "$DIR/good" "$CONF"
		reload "$EXACT"
	done
	wait_until "$PATIENCE" settled 2
	wait_until "$PATIENCE" has_fds "$TIMED_PID" "$before"
	status_is '.totals | .connections == 100 and .accepted == 100 and
		.closed == 0 and .crashes == 0'
	install "$BUILD/timed"
	upgrade
	runs_it
	wait_until "$PATIENCE" settled 2
	wait_until "$PATIENCE" has_fds "$TIMED_PID" "$before"
	watch_on 2
	watch_end
	watched_is '.lost == 0 and .missed == 0'
	log_count 1 ' upgraded;'
}

@test "upgrade: the old program comes back when the new one's workers do not come up" {
	local before try upgraded
	timed_start 'workers = 4;' "$EXACT"
	ln "$TIMED" "$DIR/old"
	before=$(fds "$TIMED_PID")
	watch 100
	# It kills a worker of the next generation, if that is not the current
	# one already.
	program sabotage.py <<-'EOF'
		import json, os, signal, subprocess, sys, time
		master = int(sys.argv[1])
		def children():
		    with open("/proc/%d/task/%d/children" % (master, master)) as file:
		        return set(map(int, file.read().split()))
		before = children()
		print("begun", flush=True)
		end = time.monotonic() + 10
		while not children() - before and time.monotonic() < end:
		    pass
		os.kill(master, signal.SIGSTOP)
		new = children() - before
		try:
		    text = subprocess.check_output(["timedctl", "-r", sys.argv[2], "-j", "status"])
		    status = json.loads(text)
		    for worker in status["workers"]:
		        # Where it serves somebody, the master was about to say that it is.
		        if worker["pid"] in new and worker["generation"] > status["generation"] and not worker["connections"]:
		            os.kill(worker["pid"], signal.SIGKILL)
		finally:
		    os.kill(master, signal.SIGCONT)
	EOF
	mkfifo "$DIR/begun"
	wrap <<-END
		renice -n 10 -p \$\$ >/dev/null
		python3 "$DIR/sabotage.py" \$\$ "$RUN" >"$DIR/begun" &
		read -r _ <"$DIR/begun"
	END
	sabotaged()
	{
		log_count 1 'upgrade failed;' || log_count $((upgraded + 1)) ' upgraded;'
	}
	for try in {1..20}; do
		upgraded=$(grep -c ' upgraded;' "$LOG") || :
		kill -USR2 "$TIMED_PID"
		wait_until "$PATIENCE" sabotaged
		log_count 0 'upgrade failed;' || break
		echo "too late, $try times"
		wait_until "$PATIENCE" settled 4
	done
	refused 'worker [0-3] did not start: signal 9 .Killed.'
	# It is back with a generation of its own.
	wait_until "$PATIENCE" settled 4
	if [ "$try" -eq 1 ]; then
		[ "/proc/$TIMED_PID/exe" -ef "$DIR/old" ]
	fi
	called_timed
	wait_until "$PATIENCE" has_fds "$TIMED_PID" "$before"
	status_is '.totals | .connections == 100 and .closed == 0'
	reload 'workers = 2;' "$EXACT"
	wait_until "$PATIENCE" settled 2
	install "$BUILD/timed"
	upgrade
	watch_on 2
	watch_end
	watched_is '.lost == 0 and .missed == 0'
}

# checker: a program whose check takes until there is a file "go".
checker()
{
	script <<-END
		#!/bin/bash
		: >"$DIR/checking"
		for option; do
			[ "\$option" != -t ] || until [ -e "$DIR/go" ]; do :; done
		done
		exec -a "\$0" "$BUILD/timed" "\$@"
	END
}

@test "upgrade: a reload that is asked for during the check follows" {
	timed_start "$EXACT"
	watch 20
	checker
	kill -USR2 "$TIMED_PID"
	wait_until "$PATIENCE" test -e "$DIR/checking"
	kill -HUP "$TIMED_PID"
	# Another upgrade is this one.
	kill -USR2 "$TIMED_PID"
	timed_config 'workers = 3;' "$EXACT"
	: >"$DIR/go"
	wait_until "$PATIENCE" reloads 1
	wait_until "$PATIENCE" settled 3
	status_is ".generation == 3 and .pid == $TIMED_PID and .reloads_refused == 0"
	log_count 1 ' upgrading;'
	log_count 1 ' upgraded;'
	watch_on 2
	watch_end
	watched_is '.lost == 0 and .missed == 0'
}

@test "upgrade: a reload that is asked for during a check that fails follows" {
	timed_start "$EXACT"
	script <<-END
		#!/bin/bash
		: >"$DIR/checking"
		until [ -e "$DIR/go" ]; do :; done
		echo no
		exit 1
	END
	kill -USR2 "$TIMED_PID"
	wait_until "$PATIENCE" test -e "$DIR/checking"
	kill -HUP "$TIMED_PID"
	: >"$DIR/go"
	refused "$TIMED -t: no, exit status 1"
	wait_until "$PATIENCE" reloads 1
	status_is '.generation == 2'
}

@test "upgrade: TERM during the check ends both" {
	timed_start 'stop_seconds = 2;' "$EXACT"
	mkfifo "$DIR/never"
	script <<-END
		#!/bin/bash
		echo \$\$ >"$DIR/checking"
		read -r _ <"$DIR/never"
	END
	kill -USR2 "$TIMED_PID"
	wait_until "$PATIENCE" lines_in "$DIR/checking" 1
	timed_stop
	log_count 0 'upgrade failed'
	log_has 'stopped; '
	wait_until "$PATIENCE" gone "$(<"$DIR/checking")"
}

@test "upgrade: one that is asked for during a reload follows it" {
	timed_start 'workers = 4;' "$EXACT"
	watch 20
	install "$BUILD/timed"
	kill -HUP "$TIMED_PID"
	kill -USR2 "$TIMED_PID"
	wait_until "$PATIENCE" log_has ' upgraded;'
	wait_until "$PATIENCE" settled 4
	status_is '.generation == 3 and .reloads == 1'
	runs_it
	watch_on 2
	watch_end
	watched_is '.lost == 0 and .missed == 0'
}

@test "upgrade: many in quick succession, with reloads between them" {
	local before
	timed_start "$EXACT"
	before=$(fds "$TIMED_PID")
	watch 100
	for _ in {1..30}; do
		kill -USR2 "$TIMED_PID"
		((RANDOM % 2)) || kill -HUP "$TIMED_PID"
		((RANDOM % 3)) || pause
	done
	wait_until "$PATIENCE" log_has ' upgraded;'
	# Whatever of it was one: the last of them is over when nothing follows.
	watch_on 2
	wait_until "$PATIENCE" settled 2
	wait_until "$PATIENCE" has_fds "$TIMED_PID" "$before"
	status_is '.totals | .connections == 100 and .closed == 0 and .crashes == 0 and
		.log_lost == 0'
	log_count 0 '(error|warning) '
	watch_end
	watched_is '.lost == 0 and .missed == 0'
}

@test "upgrade: while an old worker is still handing over" {
	local victim had
	local long=('handoff_seconds = 60;' 'watchdog_seconds = 60;')
	timed_start "${long[@]}" "$EXACT"
	watch 100
	victim=$(worker_pids | head -n 1)
	had=$(status '.workers[0].connections')
	[ "$had" -gt 0 ]
	kill -STOP "$victim"
	reload "${long[@]}" "$EXACT"
	for _ in 1 2; do
		install "$BUILD/timed"
		upgrade
		runs_it
	done
	status_is "any(.workers[]; .pid == $victim and .connections == $had)"
	kill -CONT "$victim"
	wait_until "$PATIENCE" gone "$victim"
	wait_until "$PATIENCE" settled 2
	log_has "\[$victim\]: connections handed over; connections='$had', to_generation='4'"
	status_is '.totals | .connections == 100 and .closed == 0 and .crashes == 0'
	watch_on 2
	watch_end
	watched_is '.lost == 0'
}

@test "upgrade: a worker that dies meanwhile is counted, and replaced" {
	local victim had
	timed_start "$EXACT"
	watch 100
	install "$BUILD/timed"
	victim=$(worker_pids | head -n 1)
	had=$(status '.workers[0].connections')
	kill -STOP "$victim"
	upgrade
	kill -KILL "$victim"
	wait_until "$PATIENCE" settled 2
	status_is ".totals | .accepted == 100 and .closed == $had and
		.connections == 100 - $had and .crashes == 1"
	victim=$(worker_pids | head -n 1)
	kill -KILL "$victim"
	wait_until "$PATIENCE" status_is '.totals.crashes == 2 and
		(.workers | length == 2)'
	wait_until "$PATIENCE" settled 2
	watch_on 2
	watch_end
	watched_is '.missed == 0'
	wait_until "$PATIENCE" status_is '.totals | .closed == 100 and
		.connections == 0'
}
