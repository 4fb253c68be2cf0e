#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# timedctl without a command: a prompt on a terminal, and scripts.

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

# Start a timed, and its prompt on a terminal.
prompt_start()
{
	timed_start "$@"
	terminal 120 24 timedctl -r "$RUN"
	sees '^timed>'
}

# The last line with something in it is this.
last_is()
{
	[ "$(screen | grep . | tail -n 1)" = "$1" ]
}

# fresh [STATE]: wait until a new line can be typed.
fresh()
{
	wait_until "$PATIENCE" last_is "timed${1:+ ($1)}>"
}

# ---- On a terminal ----------------------------------------------------------

@test "prompt: the screen" {
	prompt_start 'workers = 1;'
	enter 'frobnicate'
	sees 'no such command'
	enter 'workers'
	sees 'serving'
	enter 'help workers'
	sees 'so many from now on'
	enter 'help nonsense'
	sees 'no such command: nonsense'
	fresh
	cat >"$DIR/wanted" <<-'END'
		timedctl N.N: help shows the commands, quit leaves
		timed> frobnicate
		timedctl: no such command: frobnicate
		timed> workers
		WORKER PID GEN STATE CLIENTS ACCEPTED TICKS SKIPPED PN us PN us MAX us
		 N N N serving N N N N N N N
		timed> help workers
		 workers [N] the workers; with N: have so many from now on
		timed> help nonsense
		timedctl: no such command: nonsense
		timed>
	END
	screen_normal()
	{
		screen | numberless | grep .
	}
	shows "$DIR/wanted"
}

@test "prompt: help has every command, and its own" {
	local command
	prompt_start
	enter 'help'
	sees '^  help \[COMMAND\]' '^  quit, exit +leave the prompt'
	timedctl --help | sed '1,/^commands/d' >"$DIR/commands"
	[ "$(wc -l <"$DIR/commands")" -ge 7 ]
	while read -r command; do
		screen_has "^  ${command%% *}"
	done <"$DIR/commands"
}

@test "prompt: commands do what they do; errors do not end it" {
	prompt_start 'workers = 1;'
	enter 'workers 3'
	sees '^timed .* serves: generation 2, 3 workers$'
	enter 'workers 1000'
	sees 'is no number from 1 to 64'
	timed_config 'workers = "many";'
	enter 'reload'
	sees "$CONF:[0-9]+: workers" 'timedctl: .*configuration'
	fresh
	enter 'status stray'
	sees 'too many arguments: stray'
	enter "status 'unfinished"
	sees 'timedctl: a quote does not end'
	enter '"services"   # and a remark'
	sees '^SERVICE '
	settled 3
}

@test "prompt: quit leaves with 0, Ctrl-D with what the last command gave" {
	prompt_start
	enter 'frobnicate'
	sees 'no such command'
	fresh
	enter 'quit'
	sees '^ended 0$'
	terminal_end
	terminal 80 24 timedctl -r "$RUN"
	fresh
	enter 'frobnicate'
	sees 'no such command'
	fresh
	press C-d
	sees '^ended 64$'
	terminal_end
	terminal 80 24 timedctl -r "$RUN"
	fresh
	enter 'frobnicate'
	sees 'no such command'
	enter 'services'
	sees '^SERVICE '
	press C-d
	sees '^ended 0$'
}

@test "prompt: Tab goes on with a word, or shows how it may" {
	prompt_start
	press serv Tab
	sees '^timed> services'
	press C-u st Tab
	sees '^status  stop$' '^timed> st$'
	press a Tab
	sees '^timed> status'
	press C-u 'help rel' Tab
	sees '^timed> help reload'
	# In the middle of a line, too.
	press C-u 'xyz' C-a 'upg' Tab
	sees '^timed> upgrade xyz'
	press C-u 'nothing' Tab
	sees '^timed> nothing$'
}

@test "prompt: the history, kept for the next time and for nobody else" {
	prompt_start
	enter 'services'
	sees '^SERVICE '
	enter 'frobnicate'
	sees 'no such command'
	press Up Up
	sees '^timed> services$'
	press C-c
	fresh
	press C-d
	sees '^ended'
	[ "$(stat -c %a "$HOME/.timedctl_history")" = 600 ]
	terminal_end
	terminal 80 24 timedctl -r "$RUN"
	fresh
	press Up
	sees '^timed> frobnicate$'
	press Up
	sees '^timed> services$'
	press C-c
	fresh
	press C-r 'frob'
	sees 'frobnicate'
}

@test "prompt: the history has bounds, and another place if that is wanted" {
	local i
	export XDG_STATE_HOME=$DIR/home/state
	mkdir "$XDG_STATE_HOME"
	{
		echo _HiStOrY_V2_
		for ((i = 0; i < 1000; i++)); do
			printf 'line%d\\012\n' "$i"
		done
	} >"$XDG_STATE_HOME/timedctl_history"
	prompt_start
	enter 'help quit'
	sees 'no such command'
	press C-d
	sees '^ended'
	[ "$(wc -l <"$XDG_STATE_HOME/timedctl_history")" -eq 501 ]
	tail -n 1 "$XDG_STATE_HOME/timedctl_history" | grep -q '^help'
	[ ! -e "$HOME/.timedctl_history" ]
}

@test "prompt: without a place for the history it works" {
	timed_start
	terminal 80 24 env HOME=/proc/none timedctl -r "$RUN"
	fresh
	enter 'services'
	sees '^SERVICE '
	press C-d
	sees '^ended 0$'
}

@test "prompt: Ctrl-C while typing gives a fresh line" {
	prompt_start
	press 'not this'
	sees '^timed> not this$'
	press C-c
	fresh
	enter 'services'
	sees '^SERVICE '
	screen_lacks 'no such command'
}

@test "prompt: Ctrl-C ends a command, and not the prompt" {
	prompt_start
	enter 'top'
	sees '^LOG'
	press C-c
	fresh
	enter 'services'
	sees '^SERVICE '
	# One that is killed is one that failed.
	enter 'top'
	sees '^LOG'
	kill -KILL "$(running_there timedctl)"
	sees 'timedctl: Killed'
	fresh
	press C-d
	sees '^ended 137$'
}

# Job control wants a shell that has it.
@test "prompt: Ctrl-Z and fg" {
	timed_start
	terminal 80 24 bash --norc --noprofile -i
	sees '[$#] *$'
	enter "timedctl -r $RUN"
	sees '^timed>'
	press 'serv'
	sees '^timed> serv$'
	press C-z
	sees 'Stopped'
	enter "echo 'here'; stty -a | grep -o -w icanon"
	sees '^here$' '^icanon$'
	enter 'fg'
	press 'ices' Enter
	sees '^SERVICE '
}

@test "prompt: it shows when timed does not run, and when it does again" {
	prompt_start
	enter 'stop'
	sees '^timed has stopped$'
	fresh 'not running'
	timed_wait
	enter 'services'
	sees 'timed does not run there'
	timed_start
	press C-c
	fresh
	kill -KILL "$TIMED_PID"
	wait "$TIMED_PID" 2>/dev/null || :
	TIMED_PID=
	press C-c
	fresh 'not running'
	enter 'reload'
	sees 'Connection refused'
	fresh 'not running'
	press C-d
	sees '^ended 69$'
}

@test "prompt: long lines are wrapped, on a terminal of another size too" {
	local long
	long=$(printf 'x%.0s' {1..100})
	timed_start
	terminal 80 24 timedctl -r "$RUN"
	fresh
	press "$long"
	sees '^timed> x{73}$' '^x{27}$'
	resize 60 20
	press y
	sees 'xy'
	press Enter
	sees 'no such command: x+'
	fresh
	enter 'services'
	sees '^SERVICE '
}

# What it leaves when it is told to end by somebody else.
@test "prompt: SIGTERM and SIGHUP end it, and the terminal is as it was" {
	local signal status
	timed_start
	for signal in TERM HUP; do
		terminal 200 24 sh -c 'stty -g; "$@"; echo "it gave $?"; stty -g' \
			sh timedctl -r "$RUN"
		sees '^timed>'
		kill -s "$signal" "$(running_there timedctl)"
		status=$((128 + $(kill -l "$signal")))
		sees "^it gave $status\$" '^ended 0$'
		[ "$(screen | grep -c '^[0-9a-f:]*$')" -ge 2 ]
		[ "$(screen | grep '^[0-9a-f]*:' | sort -u | wc -l)" -eq 1 ]
		terminal_end
	done
}

@test "prompt: on a terminal that can do nothing, plain lines" {
	timed_start
	terminal 80 24 env TERM=dumb timedctl -r "$RUN"
	fresh
	enter 'services'
	sees '^SERVICE '
	fresh
	press 'not this'
	press C-c
	fresh
	enter 'frobnicate'
	sees 'no such command: frobnicate$'
	fresh
	press C-d
	sees '^ended 64$'
}

# ---- A script ---------------------------------------------------------------

@test "prompt: a script is done line by line, without a prompt" {
	timed_start 'workers = 1;'
	run --separate-stderr -0 timedctl -r "$RUN" <<-'END'
		# what there is
		workers 2

		  services  # and where
		'workers'
	END
	[[ ${lines[0]} == *"serves: generation 2, 2 workers" ]]
	[[ ${lines[1]} == SERVICE* ]]
	[[ ${lines[3]} == WORKER* ]]
	[ "${#lines[@]}" -eq 6 ]
	[ -z "$stderr" ]
}

@test "prompt: a script goes on after an error, and the first one is its status" {
	timed_start
	run --separate-stderr -64 timedctl -r "$RUN" <<<$'frob\nservices\nworkers 0\nstatus "'
	[[ $output == SERVICE* ]]
	# shellcheck disable=SC2154 # run sets it
	[ "$(wc -l <<<"$stderr")" -eq 3 ]
	timed_config 'workers = "many";'
	run --separate-stderr -1 timedctl -r "$RUN" <<<$'services\nreload\nfrob'
	# Nothing behind quit, and a last line without its end.
	run --separate-stderr -0 timedctl -r "$RUN" <<<$'quit\nfrob'
	[ -z "$output$stderr" ]
	run --separate-stderr -64 timedctl -r "$RUN" < <(printf 'frob')
	run --separate-stderr -0 timedctl -r "$RUN" <<<'# nothing'
	[ -z "$output$stderr" ]
	# Nobody meant to say nothing at all.
	run --separate-stderr -64 timedctl -r "$RUN" </dev/null
	[[ $stderr == 'timedctl: which command?'* ]]
}

@test "prompt: a script with -j gives a line of JSON for each command" {
	timed_start
	timedctl -j -r "$RUN" >"$DIR/out" <<<$'services\nfrob\nreload\nfrob "' || :
	jq -es 'length == 4 and (.[0] | type == "array") and
		.[1].exit == 64 and .[2].ok and .[3].exit == 64' "$DIR/out"
}

@test "prompt: a line that is too long is refused, and the next one is done" {
	timed_start
	run --separate-stderr -64 timedctl -r "$RUN" \
		< <(head -c 100000 /dev/zero | tr '\0' x && printf '\nservices\n')
	[[ $output == SERVICE* ]]
	[ "$stderr" = 'timedctl: the line is too long' ]
}

# ---- For shells -------------------------------------------------------------

@test "prompt: what timedctl --complete knows is what there is" {
	local word
	timed_start "services = (
		{ type = \"stream\"; name = \"plant\"; listen = [ \"127.0.0.1:0\" ]; } );"
	timedctl --help | sed '1,/^commands/d' | awk '{ print $1 }' |
		sort -u >"$DIR/wanted"
	timedctl --complete '' | sort >"$DIR/seen"
	diff "$DIR/wanted" "$DIR/seen"
	[ "$(timedctl --complete re)" = reload ] ||
		timedctl --complete re | grep -qx reload
	[ -z "$(timedctl --complete status '')" ]
	[ -z "$(timedctl --complete)" ]
	for word in $(timedctl --help | awk '$2 == "[SERVICE]" { print $1 }'); do
		[ "$(timedctl -r "$RUN" --complete "$word" '')" = plant ]
		[ "$(timedctl -r "$RUN" --complete "$word" pl)" = plant ]
		[ -z "$(timedctl -r "$RUN" --complete "$word" x)" ]
		[ -z "$(timedctl -r "$DIR" --complete "$word" '')" ]
	done
}

# tab WORD...: what bash offers for the last of these words.
tab()
{
	# shellcheck disable=SC2016 # expanded by the inner shell
	bash -c '. "$1"; shift
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		_timedctl "$1" "${*: -1}" ""
		[ "${#COMPREPLY[@]}" -eq 0 ] || printf "%s\n" "${COMPREPLY[@]}"' \
		bash "$SRC/etc/timedctl.bash" "$@"
}

@test "prompt: Tab in bash knows the commands, the options and directories" {
	timedctl --complete '' | diff - <(tab timedctl '')
	[ "$(tab timedctl statu)" = status ]
	[ "$(tab timedctl -j -r "$RUN" statu)" = status ]
	[ -z "$(tab timedctl nothing)" ]
	[ -z "$(tab timedctl status '')" ]
	[ "$(tab timedctl --runtime)" = --runtime-dir ]
	[ "$(tab timedctl -j --he)" = --help ]
	mkdir -p "$DIR/some/place"
	: >"$DIR/some/file"
	[ "$(tab timedctl -r "$DIR/some/")" = "$DIR/some/place" ]
	[ "$(tab timedctl -r "$DIR/some/place" statu)" = status ]
}

@test "prompt: Tab in a bash that somebody types at" {
	timed_start
	terminal 80 24 bash --norc --noprofile -i
	sees '[$#] *$'
	enter ". $SRC/etc/timedctl.bash; clear"
	sees '^[^ ]*[$#]$'
	press "timedctl -r $RUN serv" Tab Enter
	sees '^SERVICE '
}
