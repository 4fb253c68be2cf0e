#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# The room on terminals, with nc and with timec, and timec out of a pipe.

load lib
load chat

setup()
{
	harness_setup
	TMUX_SOCKET=$DIR/tmux
	unset TMUX
}

teardown()
{
	tmux -S "$TMUX_SOCKET" kill-server 2>/dev/null || :
	harness_teardown
}

# terminals COMMAND...: each on a terminal of its own: 0, 1 ...
terminals()
{
	local command
	export TERM=xterm
	for command; do
		if [ -S "$TMUX_SOCKET" ]; then
			tmux -S "$TMUX_SOCKET" new-window -d "$command"
		else
			tmux -S "$TMUX_SOCKET" -f /dev/null new-session -d \
				-x 80 -y 24 "$command" 3>&- {NEVER}>&-
			tmux -S "$TMUX_SOCKET" set-option -g remain-on-exit on
		fi
	done
}

# type_at N KEYS...: as tmux names them.
type_at()
{
	local terminal=$1
	shift
	tmux -S "$TMUX_SOCKET" send-keys -t ":$terminal" "$@"
}

screen()
{
	tmux -S "$TMUX_SOCKET" capture-pane -p -t ":$1"
}

# shows N PATTERN: is there a line on that terminal that matches?
shows()
{
	screen "$1" | grep -Eq -e "$2"
}

# see N PATTERN: wait until it shows.
see()
{
	wait_until "$PATIENCE" shows "$1" "$2" || {
		screen "$1" >&2
		return 1
	}
}

# is_dead N: has the command on that terminal ended?
is_dead()
{
	[ "$(tmux -S "$TMUX_SOCKET" display-message -p -t ":$1" '#{pane_dead}')" = 1 ]
}

# A screen without its times and the empty lines below.
still()
{
	screen "$1" | sed -E 's/^\[[-0-9]{10} [:0-9]{8}\]/[TIME]/' | sed -e :a \
		-e '/^\n*$/{$d;N;ba' -e '}'
}

@test "nc: two terminals register, talk, leave, and come back to the history" {
	timed_start "$(chat)"
	local port
	port=$(chat_port)
	terminals "nc 127.0.0.1 $port" "nc 127.0.0.1 $port"
	see 0 '^name:'
	type_at 0 ada Enter
	see 0 'choose a password:'
	type_at 0 "ada's password" Enter
	see 0 '^\* welcome, ada'
	see 1 '^name:'
	type_at 1 bob Enter
	see 1 'choose a password:'
	type_at 1 "bob's password" Enter
	see 0 '^\* bob has joined'
	type_at 0 "hello, bob" Enter
	see 1 'ada: hello, bob$'
	type_at 1 "hello, ada" Enter
	see 0 'bob: hello, ada$'
	type_at 1 /quit Enter
	see 1 '^\* goodbye'
	see 0 '^\* bob has left'

	terminals "nc 127.0.0.1 $port" "nc 127.0.0.1 $port"
	see 2 '^name:'
	type_at 2 bob Enter
	see 2 '^password:'
	type_at 2 "bob's password" Enter
	see 2 'bob: hello, ada$'
	diff <(still 2) - <<-'END'
		name: bob
		password: bob's password
		* welcome, bob; /help tells what there is
		[TIME] ada: hello, bob
		[TIME] bob: hello, ada
	END
	see 3 '^name:'
	type_at 3 bob Enter
	see 3 '^password:'
	type_at 3 "a guess" Enter
	see 3 '^! that is not the password of bob'
	diff <(still 0) - <<-'END'
		name: ada
		new name, choose a password: ada's password
		* welcome, ada; /help tells what there is
		* bob has joined
		hello, bob
		[TIME] bob: hello, ada
		* bob has left
		* bob has joined
	END
}

@test "timec: passwords are not shown, and lines scroll above what is typed" {
	timed_start "$(chat)"
	local port
	port=$(chat_port)
	terminals "timec chat -q 127.0.0.1:$port" \
		"timec chat -q -l bob 127.0.0.1:$port"
	see 0 '^name:'
	type_at 0 ada Enter
	see 0 'choose a password:'
	type_at 0 "ada's password" Enter
	see 0 '^\* welcome, ada'
	see 1 'choose a password:'
	type_at 1 "bob's password" Enter
	see 0 '^\* bob has joined'
	see 1 '^>$'
	type_at 1 "half a li"
	see 1 '^> half a li$'
	type_at 0 "hello, bob" Enter
	see 1 'ada: hello, bob$'
	see 1 '^> half a li$'
	type_at 1 "ne, x" BSpace "and more than fits beside it on a terminal of " \
		"eighty columns: it is wrapped"
	see 1 'is wrapped$'
	type_at 0 "are you there?" Enter
	see 1 'ada: are you there\?$'
	type_at 1 Enter
	see 0 'is wrapped$'
	# The history of what was typed, as it is edited.
	type_at 1 Up C-w yes Enter
	see 0 'is yes$'
	type_at 1 /passwd Enter
	see 1 '^old password:'
	type_at 1 "bob's password" Enter
	see 1 '^new password:'
	type_at 1 "another password" Enter
	see 1 '^\* your password is changed'
	see 1 '^>$'
	diff <(still 1) - <<-'END'
		new name, choose a password:
		* welcome, bob; /help tells what there is
		[TIME] ada: hello, bob
		[TIME] ada: are you there?
		> half a line, and more than fits beside it on a terminal of eighty columns: it
		is wrapped
		> half a line, and more than fits beside it on a terminal of eighty columns: it
		is yes
		> /passwd
		old password:
		new password:
		* your password is changed
		>
	END
	type_at 1 C-d
	see 1 '^\* goodbye'
	wait_until "$PATIENCE" is_dead 1
	see 0 '^\* bob has left'
}

@test "timec: the terminal is as it was, whatever ends it" {
	timed_start "$(chat)"
	local port pid
	port=$(chat_port)
	# A shell that goes on and says how its terminal is.
	terminals "for i in 1 2; do
		timec chat -q -l ada 127.0.0.1:$port
		echo \"status \$?\"
		stty -a | grep -Eo -e '-?(icanon|echo|isig)\\>' | tr '\\n' ' '
	done; cat"
	see 0 'choose a password:'
	type_at 0 C-c
	see 0 '^status 0$'
	see 0 'password:'
	type_at 0 "ada's password" Enter
	see 0 '^>$'
	pid=$(pgrep -f "^timec chat -q -l ada 127.0.0.1:$port")
	kill "$pid"
	wait_until "$PATIENCE" gone "$pid"
	see 0 'isig icanon echo *$'
	[ "$(screen 0 | grep -c 'isig icanon echo')" -eq 2 ]
}

@test "timec: out of a pipe, in the room by name, until the end of the input" {
	timed_start "$(chat)"
	local target
	target=127.0.0.1:$(chat_port)
	printf '%s\n' ada "ada's password" first second |
		timeout "$PATIENCE" timec chat -q "$target" >"$DIR/out"
	diff "$DIR/out" - <<-'END'
		* welcome, ada; /help tells what there is
		* goodbye
	END
	# More lines than may be said at once, the last one without an end.
	{
		echo "bob's password"
		seq -f 'line %g' 30
		printf 'last line'
	} | timeout "$PATIENCE" timec chat -q -l bob "$target" >"$DIR/out"
	sed -E 's/^\[[^]]*\]/[TIME]/' "$DIR/out" | diff - <(cat <<-'END'
		* welcome, bob; /help tells what there is
		[TIME] ada: first
		[TIME] ada: second
		* goodbye
	END
	)
	[ "$(sqlite3 "$STATE/timed.db" \
		"select count(*) from messages where text like '%line%'")" -eq 31 ]
}

@test "timec: what goes wrong is its exit status" {
	timed_start "$(chat 'login_pause = 0.01;')"
	local target status=0
	target=127.0.0.1:$(chat_port)
	printf "ada's password\n" | timec chat -q -l ada "$target"
	printf 'a guess\nnot to be said\n' |
		timec chat -q -l ada "$target" >"$DIR/out" || status=$?
	[ $status -eq 1 ]
	grep -q '^! that is not the password of ada$' "$DIR/out"
	[ "$(sqlite3 "$STATE/timed.db" 'select count(*) from messages')" -eq 0 ]
	# Lines that came without being let in are not what was asked for.
	status=0
	timec chat -n 1 -l carol "$target" </dev/null 2>"$DIR/err" || status=$?
	[ $status -eq 1 ]
	printf "ada's password\n" | timec chat -q -n 1 -l ada "$target"
	status=0
	timec chat -l ada 127.0.0.1:1 </dev/null 2>"$DIR/err" || status=$?
	[ $status -eq 69 ]
	status=0
	timec chat -u "$target" 2>"$DIR/err" || status=$?
	[ $status -eq 64 ]
	grep -q 'chat has no -u' "$DIR/err"
	status=0
	timec stream -l ada 2>"$DIR/err" || status=$?
	[ $status -eq 64 ]
	# A server that goes away.
	mkfifo "$DIR/typed"
	# shellcheck disable=SC2016 # expanded by the inner shell
	start "$DIR/out" "$DIR/err" sh -c \
		'timec chat -l ada "$1" <>"$2"; echo "status $?"' sh "$target" "$DIR/typed"
	echo "ada's password" >"$DIR/typed"
	wait_until "$PATIENCE" file_has "$DIR/out" '^\* welcome'
	timed_stop
	wait_until "$PATIENCE" file_has "$DIR/out" '^status 1$'
	grep -q '^timec: the server closed the connection$' "$DIR/err"
}

@test "timec: no server makes the terminal do anything" {
	program server.py <<-'EOF'
		import socket
		s = socket.create_server(("127.0.0.1", 0))
		print(s.getsockname()[1], flush=True)
		c = s.accept()[0]
		c.sendall(b"* welcome, ada\n[t] eve: \x1b[2J\x1b]0;owned\x07\xc2\x9b31mred\n* goodbye\n")
		c.shutdown(socket.SHUT_WR)
		c.recv(1)
	EOF
	start "$DIR/port" "$DIR/server.err" python3 "$DIR/server.py"
	wait_until "$PATIENCE" lines_in "$DIR/port" 1
	terminals "timec chat -q 127.0.0.1:$(cat "$DIR/port"); cat"
	see 0 '^\* goodbye'
	diff <(still 0) - <<-'END'
		* welcome, ada
		[t] eve: \x1b[2J\x1b]0;owned\x07\xc2\x9b31mred
		* goodbye
	END
}
