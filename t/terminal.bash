# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# A terminal for what draws on one: tmux, with a server of its own for each
# test.  Loaded behind lib; a file that uses it has terminal_setup and
# terminal_teardown for its setup and teardown.

terminal_setup()
{
	harness_setup
	TERMINAL=
	export TERM=screen HOME=$DIR/home
	unset TMUX XDG_STATE_HOME EDITRC NO_COLOR
	mkdir "$HOME"
	# A window that is closed may end the helper of a leak check, which then
	# waits for it for ever, at full speed.
	export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0
}

terminal_teardown()
{
	local failed=0
	if [ -z "${BATS_TEST_COMPLETED-}" ] && [ -n "$TERMINAL" ]; then
		screen | sed 's/^/screen: /' >&2
	fi
	terminal_end || failed=1
	harness_teardown && return $failed
}

# In tmux: this test's, and nobody's configuration.
tmux_here()
{
	tmux -u -S "$DIR/tmux" -f /dev/null "$@" 3>&- {NEVER}>&-
}

# terminal COLUMNS LINES COMMAND...: run it on a terminal of that size.  When
# it has ended, the screen has "ended STATUS" behind what it left there.
terminal()
{
	local columns=$1 lines=$2
	shift 2
	# shellcheck disable=SC2016 # expanded by the inner shell
	tmux_here new-session -d -x "$columns" -y "$lines" \
		sh -c 'trap : INT; "$@"; echo "ended $?"; exec tail -f /dev/null' sh "$@"
	TERMINAL=$(tmux_here display-message -p '#{pid}')
}

# End what runs on it, as if its window was closed.
terminal_end()
{
	local pid=$TERMINAL
	[ -n "$pid" ] || return 0
	TERMINAL=
	tmux_here kill-server 2>/dev/null || :
	wait_until "$PATIENCE" gone "$pid"
}

# What it shows.
screen()
{
	tmux_here capture-pane -p 2>/dev/null
}

# running_there NAME: the pid of the newest process on it that is called so.
running_there()
{
	pgrep -n -x "$1" -s "$(tmux_here display-message -p '#{pane_pid}')"
}

# screen_has PATTERN...: does a line match each of them?
screen_has()
{
	local text
	text=$(screen)
	while [ $# -gt 0 ]; do
		grep -Eq -e "$1" <<<"$text" || return
		shift
	done
}

# screen_lacks PATTERN: does none match?
screen_lacks()
{
	! screen_has "$1"
}

# sees PATTERN...: wait until it shows that.
sees()
{
	wait_until "$PATIENCE" screen_has "$@"
}

# sees_no PATTERN: wait until it does not show that any more.
sees_no()
{
	wait_until "$PATIENCE" screen_lacks "$1"
}

# press KEY...: as tmux names them; "C-c", "Up", "q".
press()
{
	tmux_here send-keys "$@"
}

# enter TEXT: type it, and Enter.
enter()
{
	tmux_here send-keys -l "$1"
	tmux_here send-keys Enter
}

resize()
{
	tmux_here resize-window -x "$1" -y "$2"
}

# From standard input: N for every number, one space for many, none at the end.
numberless()
{
	sed -E -e 's/[0-9]+(\.[0-9]+)?(us|ms|k|s)?/N/g' -e 's/ +/ /g' -e 's/ $//'
}

# What it shows, in that form; a test may have one of its own.
screen_normal()
{
	screen | numberless
}

# screen_is FILE: does it, in that form?
screen_is()
{
	screen_normal >"$DIR/seen"
	cmp -s "$1" "$DIR/seen"
}

# shows FILE: wait until it does; say what is different if it never does.
shows()
{
	wait_until "$PATIENCE" screen_is "$1" || {
		diff "$1" "$DIR/seen" >&2
		return 1
	}
}
