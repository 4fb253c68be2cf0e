#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# timedctl top: what timed is doing, live, on a terminal; and as JSON.

# shellcheck disable=SC2030,SC2031 # each test is a process of its own

load lib
load terminal

bats_require_minimum_version 1.5.0

setup()
{
	terminal_setup
}

teardown()
{
	terminal_teardown
}

top()
{
	terminal "${1:-80}" "${2:-24}" timedctl -r "${3:-$RUN}" top
}

# A directory in which timed seems to run, whose control socket is answered by
# a program: with two lines to each who asks for the log, or refused with $1.
# On SIGUSR1 it closes the connections that it has.
fake_control()
{
	FAKE=$DIR/fake
	mkdir "$FAKE"
	ln -s "$RUN/scoreboard" "$FAKE/scoreboard"
	program control.py <<-'EOF2'
		import json, signal, socket, sys
		path, refusal = sys.argv[1:]
		s = socket.socket(socket.AF_UNIX)
		s.bind(path)
		s.listen()
		held = []

		def close(*_):
		    while held:
		        held.pop().close()
		signal.signal(signal.SIGUSR1, close)
		number = 0
		while True:
		    client = s.accept()[0]
		    request = json.loads(client.makefile().readline())
		    print(json.dumps(request), flush=True)
		    number += 1
		    if refusal:
		        answer = [{"ok": False, "exit": 77, "error": refusal}]
		    else:
		        answer = [{"line": "connection %d, line %d" % (number, i)}
		                  for i in (1, 2)]
		    client.sendall("".join(json.dumps(each) + "\n"
		                           for each in answer).encode())
		    held.append(client)
		    if refusal:
		        close()
	EOF2
	start "$DIR/asked" "$DIR/control.err" \
		python3 "$DIR/control.py" "$FAKE/control" "${1-}"
	CONTROL_PID=$PID
	wait_until "$PATIENCE" test -S "$FAKE/control"
}

# ---- On a terminal ----------------------------------------------------------

@test "top: the screen" {
	timed_start 'workers = 2;' "services = (
		{ type = \"stream\"; listen = [ \"127.0.0.1:0\" ]; },
		{ type = \"time\"; listen = [ \"udp:127.0.0.1:0\" ]; } );"
	fake_control
	client_start
	wait_until "$PATIENCE" lines_in "$CLIENT_OUT" 1
	top 80 24 "$FAKE"
	# With rates, and with the lateness of a worker that has a client.
	sees '1 clients; a second: [01]\.[0-9] ticks' \
		'serving +1 +[01]\.[0-9] .*s$'
	# Which of the two has the client, and whether somebody keeps the clock
	# of this machine, is no matter.
	cat >"$DIR/wanted" <<-'END'
		timed N.N, pid N, running, up Nd N:N:N, generation N
		N clients; a second: N ticks, N skipped, N connects, N requests
		N refused, bytes N in, N out; lateness pN N, pN N, max N
		N reloads (N refused), N worker crashes; the clock is synchronised
		 NO PID GEN STATE CLIENTS TICK/s SKIP/s CON/s REQ/s PN PN MAX
		 N N N serving N N N N N - - -
		 N N N serving N N N N N - - -
		SERVICE TYPE STATE CLIENTS TICK/s CON/s REQ/s REF/s LISTENS ON
		stream stream open N N N N N N.N:N
		time time open N N N N N udp:N.N:N
		LOG
		connection N, line N
		connection N, line N










		?: help q: quit by number, every N s
	END
	screen_normal()
	{
		screen | numberless | sed -e '/serving/s/N N N$/- - -/' \
			-e 's/is not sync/is sync/'
	}
	shows "$DIR/wanted"
	press q
	sees '^ended 0$'
}

@test "top: rates are those of the last second" {
	timed_start 'workers = 1;'
	hold 20
	top
	sees '^20 clients; a second: (1[6-9]|2[0-4]) ticks, 0 skipped, 0 connects, 0 req' \
		'^  0 +[0-9]+ +1 serving +20 +(1[6-9]|2[0-4]) +0 +0 +0 +[0-9.]+[um]?s +[0-9.]+[um]?s +[0-9.]+[um]?s$'
}

@test "top: keys" {
	timed_start
	top
	sees 'by number, every 1 s' '^ NO ' '^SERVICE ' '^LOG'
	press s
	sees 'by connections, every'
	press s s
	sees 'by lateness, every'
	press r
	sees 'by lateness \(reversed\), every'
	press +
	sees 'every 2 s'
	press - -
	sees 'every 0.5 s'
	press w
	sees_no '^ NO '
	press v
	sees_no '^SERVICE '
	press l
	sees_no '^LOG'
	press w v l
	sees '^ NO ' '^SERVICE ' '^LOG'
	press '?'
	sees '^KEYS' '^q +leave$'
	press x
	sees '^ NO '
	press q
	sees '^ended 0$'
}

@test "top: held, the picture stays as it is until it is let go" {
	timed_start
	top
	sees '0 clients'
	press Space
	sees '^HELD  '
	client_start
	wait_until "$PATIENCE" lines_in "$CLIENT_OUT" 3
	screen_has '0 clients'
	press p
	sees '1 clients'
	screen_lacks '^HELD'
}

@test "top: more workers than lines are scrolled" {
	timed_start 'workers = 20;'
	top 80 24
	sees '^  0 .*serving' '^LOG'
	screen_lacks '^ 19 .*serving'
	press End
	sees '^ 19 .*serving'
	screen_lacks '^  0 .*serving'
	press Up
	sees_no '^ 19 .*serving'
	press PageUp PageUp
	sees '^  0 .*serving'
	press Down
	sees_no '^  0 .*serving'
	press Home
	sees '^  0 .*serving'
}

# Is the bar in line $1, and the first line about timed?
drawn()
{
	local text
	text=$(screen)
	[[ $(sed -n 1p <<<"$text") == timed* ]] &&
		[[ $(sed -n "$1p" <<<"$text") == \?:\ help* ]]
}

@test "top: the terminal's size may change, down to what is hardly one" {
	timed_start
	top 80 24
	wait_until "$PATIENCE" drawn 24
	resize 120 40
	wait_until "$PATIENCE" drawn 40
	resize 40 10
	wait_until "$PATIENCE" drawn 10
	sees '^ NO STATE' '^SERVICE' '^LOG'
	resize 20 4
	wait_until "$PATIENCE" drawn 4
	resize 10 2
	wait_until "$PATIENCE" drawn 2
	resize 80 24
	wait_until "$PATIENCE" drawn 24
	sees '^ NO     PID' '^SERVICE' '^LOG'
}

@test "top: timed stops, and is there again" {
	timed_start
	top
	sees "pid $TIMED_PID, running"
	timed_stop
	sees '^timed has stopped; what is below is old$' ", gone, up "
	timed_start
	sees "pid $TIMED_PID, running" 'clients; a second: [0-9]'
	# That was in order; and if it dies.
	kill -KILL "$TIMED_PID"
	sees '^timed has stopped; what is below is old$' ", gone, up "
	wait "$TIMED_PID" 2>/dev/null || :
	TIMED_PID=
	press q
	sees '^ended 0$'
}

# What the terminal is set to, before and after; the cursor is there again.
@test "top: however it ends, the terminal is as it was" {
	local how
	timed_start
	for how in q C-c TERM HUP; do
		terminal 200 24 sh -c 'trap : INT; stty -g; "$@"; echo "it gave $?"; stty -g' \
			sh timedctl -r "$RUN" top
		sees "pid $TIMED_PID, running"
		[ "$(tmux_here display-message -p '#{cursor_flag}')" = 0 ]
		case $how in
		TERM | HUP)
			kill -s "$how" "$(running_there timedctl)"
			;;
		*) press "$how" ;;
		esac
		sees '^it gave 0$' '^ended 0$'
		[ "$(screen | sed -n 1p)" = "$(screen | sed -n 3p)" ]
		[ "$(tmux_here display-message -p '#{cursor_flag}')" = 1 ]
		terminal_end
	done
}

@test "top: a terminal without colours, and one that can do nothing" {
	timed_start
	TERM=vt100 terminal 80 24 env TERM=vt100 timedctl -r "$RUN" top
	sees "pid $TIMED_PID, running" '^ NO ' '^LOG'
	press q
	sees '^ended 0$'
	terminal_end
	terminal 80 24 env TERM=no-such timedctl -r "$RUN" top
	sees '^timedctl: top: the terminal "no-such" is not known' '^ended 69$'
}

# ---- The log ----------------------------------------------------------------

@test "top: the log's last lines, followed; again, when the connection ends" {
	timed_start
	fake_control
	top 80 24 "$FAKE"
	sees '^connection 1, line 1$' '^connection 1, line 2$'
	jq -e '.command == "log" and .follow == true and .lines > 0' "$DIR/asked"
	kill -USR1 "$CONTROL_PID"
	sees '^connection 2, line 2$'
	# What was asked for anew is not there twice.
	screen_lacks '^connection 1'
}

@test "top: without permission for the log, it says so and does without" {
	timed_start
	fake_control 'only for operators'
	top 80 24 "$FAKE"
	sees '^only for operators$' '^ NO '
	# And does not ask again and again.
	press - - -
	sees 'every 0.25 s'
	client_start
	wait_until "$PATIENCE" lines_in "$CLIENT_OUT" 3
	[ "$(wc -l <"$DIR/asked")" -eq 1 ]
}

# ---- Without a terminal -----------------------------------------------------

@test "top: without a terminal, or without timed, it says so" {
	timed_start
	run --separate-stderr -64 timedctl -r "$RUN" top </dev/null
	[ -z "$output" ]
	# shellcheck disable=SC2154 # run sets it
	grep -q '^timedctl: top needs a terminal' <<<"$stderr"
	timed_stop
	run --separate-stderr -69 timedctl -r "$RUN" top
	[ "$(wc -l <<<"$stderr")" -eq 1 ]
	run --separate-stderr -69 timedctl -j -r "$RUN" top
	jq -e '.ok == false and .exit == 69' <<<"$output"
	run --separate-stderr -64 timedctl -r "$RUN" top stray
	run --separate-stderr -64 timedctl -r "$RUN" top -f
}

# json_is FILTER: is it true of what came last?
json_is()
{
	lines_in "$DIR/json" 1 && [ "$(tail -n 1 "$DIR/json" | jq "$1")" = true ]
}

@test "top: with -j, an object a second, whatever timed does" {
	timed_start
	start "$DIR/json" "$DIR/json.err" timedctl -j -r "$RUN" top
	wait_until "$PATIENCE" lines_in "$DIR/json" 3
	json_is ".pid == $TIMED_PID and .state == \"running\" and
		(.workers | length) == 2 and .totals.connections == 0"
	timed_stop
	wait_until "$PATIENCE" json_is '.ok == false and .exit == 69'
	timed_start
	wait_until "$PATIENCE" json_is ".pid == $TIMED_PID"
}

@test "top: with -j, it ends when nobody reads" {
	timed_start
	timedctl -j -r "$RUN" top | head -n 1 >"$DIR/json"
	json_is '.state == "running"'
}
