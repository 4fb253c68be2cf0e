#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# timed -C: one terminal shows the log and takes commands.

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
	local failed=0
	terminal_teardown || failed=1
	# Whatever became of the prompt, nothing of timed is left.
	if [ -n "${DAEMON-}" ]; then
		wait_until "$PATIENCE" session_gone "$DAEMON" || failed=1
	fi
	return $failed
}

# console_start [SETTINGS...]: timed -C on a terminal, until it serves.
# The pid of the master goes to DAEMON.
console_start()
{
	timed_config "$@"
	terminal 160 24 timed -C -c "$CONF"
	sees 'started; version='
	fresh
	DAEMON=$(status .pid)
	[ "$DAEMON" -gt 1 ]
}

# The last line with something in it is this.
last_is()
{
	[ "$(screen | grep . | tail -n 1)" = "$1" ]
}

# Wait until a new line can be typed, below all else.
fresh()
{
	wait_until "$PATIENCE" last_is 'timed>'
}

no_daemon()
{
	session_gone "$DAEMON"
}

@test "console: the screen" {
	console_start 'workers = 1;' \
		"log = { file = \"$LOG\"; level = \"notice\"; syslog = false; };"
	enter 'services'
	sees '^SERVICE '
	fresh
	enter 'quit'
	sees '^ended 0$'
	cat >"$DIR/wanted" <<-'END'
		timedctl N.N: help shows the commands, quit stops timed
		N-N-NTN:N:NZ notice master[N]: listening; service='stream', address='N.N:N'
		N-N-NTN:N:NZ notice master[N]: started; version='N.N', generation='N', workers='N', services='N'
		timed> services
		SERVICE TYPE CLIENTS ACCEPTED CLOSED REQUESTS REFUSED BYTES OUT LISTENS ON
		stream stream N N N N N N N.N:N
		timed> quit
		stopping timed
		N-N-NTN:N:NZ notice master[N]: stopping; workers='N'
		N-N-NTN:N:NZ notice master[N]: worker exited; worker='N', pid='N', generation='N', reason='exit status N'
		N-N-NTN:N:NZ notice master[N]: stopped; accepted='N', ticks='N'
		ended N
	END
	screen_normal()
	{
		screen | numberless | grep .
	}
	shows "$DIR/wanted"
	no_daemon
}

@test "console: the log goes above the line that is typed" {
	console_start
	press 'serv'
	sees '^timed> serv$'
	client_start
	sees 'client connected; ' '^timed> serv$'
	last_is 'timed> serv'
	press 'ices' Enter
	sees '^SERVICE '
	# And above one that takes more than one line of the terminal.
	press "$(printf 'x%.0s' {1..200})"
	sees '^timed> x{153}$' '^x{47}$'
	client_stop
	client_start
	sees 'client disconnected; ' '^timed> x{153}$' '^x{47}$'
	[ "$(screen | grep -c '^timed> x')" -eq 1 ]
}

@test "console: stop stops timed and ends the prompt" {
	console_start
	enter 'stop'
	sees ' stopped; ' '^timed has stopped' '^ended 0$'
	no_daemon
}

@test "console: Ctrl-D stops timed" {
	console_start
	press C-d
	sees '^stopping timed' ' stopped; ' '^ended 0$'
	no_daemon
}

@test "console: Ctrl-C and Ctrl-Z are the prompt's, not timed's" {
	console_start
	press 'not this' C-c
	fresh
	press C-z
	enter 'services'
	sees '^SERVICE '
	[ "$(status .state)" = running ]
}

@test "console: what keeps timed from starting is seen, and is the exit status" {
	timed_config 'no_such_setting = 1;'
	terminal 120 24 timed -C -c "$CONF"
	sees 'no_such_setting' '^ended 78$'
	terminal_end
	# This one is found when timed is a process of its own already.
	start "$DIR/nc" "$DIR/nc.err" nc -lkd 127.0.0.1 "$(fresh_port)"
	timed_config "$(stream '' "\"127.0.0.1:$(ps -o args= -p "$PID" | awk '{ print $NF }')\"")"
	terminal 120 24 timed -C -c "$CONF"
	sees 'timed: .*Address already in use' \
		'^timed has ended with status 73$' '^ended 73$'
}

@test "console: timed that ends by itself ends the prompt" {
	console_start
	kill -TERM "$DAEMON"
	sees ' stopped; ' '^timed has ended with status 0$' '^ended 0$'
	no_daemon
	terminal_end
	console_start
	kill -KILL "$DAEMON"
	sees '^timed has ended with status 137$' '^ended 137$'
}

@test "console: a prompt that is killed stops timed" {
	console_start
	kill -KILL "$(running_there timedctl)"
	sees '^ended 137$'
	wait_until "$PATIENCE" no_daemon
	log_has ' stopped; '
}

@test "console: a prompt that is killed while a command runs stops timed" {
	local prompt
	console_start
	prompt=$(running_there timedctl)
	enter 'top'
	sees '^LOG'
	kill -KILL "$prompt"
	wait_until "$PATIENCE" no_daemon
	log_has ' stopped; '
	# Nor is the command left behind.
	wait_until "$PATIENCE" not_there timedctl
}

not_there()
{
	! running_there "$1" >/dev/null
}

@test "console: a terminal that is closed stops timed" {
	console_start
	terminal_end
	wait_until "$PATIENCE" no_daemon
	log_has ' stopped; '
}

@test "console: SIGTERM to the prompt stops timed" {
	console_start
	kill -TERM "$(running_there timedctl)"
	sees ' stopped; ' '^ended 0$'
	no_daemon
}

@test "console: a reload, an upgrade, and it is still there" {
	console_start 'workers = 1;'
	client_start
	wait_until "$PATIENCE" lines_in "$CLIENT_OUT" 1
	enter 'workers 2'
	sees 'serves: generation 2, 2 workers'
	enter 'upgrade'
	sees ' upgraded; ' 'serves: generation 3,'
	fresh
	[ "$(status .pid)" = "$DAEMON" ]
	wait_until "$PATIENCE" settled 2
	client_stop
	sees 'client disconnected'
	# The new image sees as well when nobody reads.
	kill -KILL "$(running_there timedctl)"
	wait_until "$PATIENCE" no_daemon
	log_has ' stopped; '
}

@test "console: while top has the terminal the log waits" {
	console_start
	enter 'top'
	sees '^LOG'
	# What top shows of the log is another matter.
	press l
	sees_no '^LOG'
	client_start
	wait_until "$PATIENCE" lines_in "$CLIENT_OUT" 2
	screen_lacks 'client connected'
	press q
	sees 'client connected; '
	fresh
}

@test "console: more of the log than is kept meanwhile is left out, and counted" {
	console_start 'log = { file = "/dev/null"; level = "info"; syslog = false; rate = 0; };'
	enter 'top'
	sees '^LOG'
	timebench stream -c 1 -d 1 "127.0.0.1:$(stream_port)" >/dev/null
	local port i
	port=$(stream_port)
	for ((i = 0; i < 1500; i++)); do
		: 3<>"/dev/tcp/127.0.0.1/$port"
	done
	wait_until "$PATIENCE" status_is '.totals.closed >= 1500'
	press q
	sees 'client disconnected'
	fresh
	tmux_here capture-pane -p -S - | grep -E '^\([0-9]+ lines of the log are not shown here\)$'
	[ "$(status .state)" = running ]
}

@test "console: a prompt that is stopped does not hold up timed" {
	console_start
	kill -STOP "$(running_there timedctl)"
	client_start
	wait_until "$PATIENCE" lines_in "$CLIENT_OUT" 3
	client_stop
	wait_until "$PATIENCE" log_has 'client disconnected'
	kill -CONT "$(running_there timedctl)"
	sees 'client disconnected'
}

@test "console: without a terminal, or with -t, it is a usage error" {
	timed_config
	run --separate-stderr -64 timed -C -c "$CONF" </dev/null
	# shellcheck disable=SC2154 # run sets it
	[ "$stderr" = $'timed: -C needs a terminal; -f does not\nTry \'timed --help\'.' ]
	run --separate-stderr -64 timed -t -C -c "$CONF"
	grep -q '^timed: -t ' <<<"$stderr"
	[ -z "$output" ]
	[ ! -e "$RUN" ]
	run --separate-stderr -64 timedctl --console=0:1
	run --separate-stderr -64 timedctl --console=5
	run --separate-stderr -64 timedctl --console="9:$$" 9</dev/null
}

@test "console: timedctl is the one beside timed" {
	mkdir "$DIR/bin"
	cp "$BUILD/timed" "$DIR/bin/timed"
	printf '#!/bin/sh\necho "this one: $*"\n' >"$DIR/bin/timedctl"
	chmod 755 "$DIR/bin/timedctl"
	timed_config
	terminal 120 24 "$DIR/bin/timed" -C -c "$CONF"
	sees "^this one: --console=[0-9]+:[0-9]+ -r $RUN\$" '^ended 0$'
	# It left, so timed stops, whatever it was doing.
	wait_until "$PATIENCE" log_has ' stopped; '
}
