#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck disable=SC2030,SC2031 # each test has a shell of its own
#
# The operator's programs: each runs when it is due and is told why; whatever
# it does is logged and bounded, and serving goes on.

load lib

bats_require_minimum_version 1.5.0

EXACT='services = ( { type = "stream"; listen = [ "127.0.0.1:0" ];
	format = "%s %f |=|"; interval = 0.1; } );'

setup()
{
	harness_setup
	# Only what is expected comes from here.
	unset LANG
	export SECRET=1
	GATE=$DIR/gate
	mkfifo "$GATE"
	# For one that is run again: whoever opened for the one before it may
	# be about to leave.
	PASS_GATE="until read -r _ <'$GATE'; do :; done"
}

# hook NAME: keep what comes in as a script for sh, the file NAME of DIR.
hook()
{
	{
		echo '#!/bin/sh'
		cat
	} >"$DIR/$1"
	chmod 755 "$DIR/$1"
}

# So many lines of the log that match?
log_count()
{
	[ -e "$LOG" ] && [ "$(grep -Ec -e "$2" "$LOG")" -eq "$1" ]
}

# logged [N] PATTERN: wait for N (1) such lines of the log.
logged()
{
	[ $# -eq 2 ] || set -- 1 "$1"
	wait_until "$PATIENCE" log_count "$1" "$2"
}

# said HOOK: what it printed, one a line.
said()
{
	sed -n "s/.*: hook output; hook='$1', pid='[0-9]*', text='\([^']*\)'\$/\1/p" \
		"$LOG"
}

# tag NAME PATTERN: that of the last line of the log that matches.
tag()
{
	grep -E -e "$2" "$LOG" | tail -n 1 | sed "s/.*[ ;]$1='\([^']*\)'.*/\1/"
}

# Has the master nobody but the journal and N workers?
alone()
{
	[ "$(pgrep -c -P "$TIMED_PID")" -eq $(($1 + 1)) ]
}

# open_gate: let a hook go on that reads from GATE; once for each.
open_gate()
{
	# It may be about to open it.
	timeout "$PATIENCE" tee "$GATE" <<<go >"$DIR/opened"
}

# the_environment HOOK VARIABLE...: it had these, what every one has, and
# nothing else.
the_environment()
{
	local name=$1
	shift
	printf '%s\n' LC_ALL=C.UTF-8 "TIMED_EVENT=$name" \
		PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
		"TIMED_PID=$MASTER" "TIMED_RUNTIME_DIR=$RUN" \
		"TIMED_VERSION=$("$BUILD/timed" --version | cut -d' ' -f2)" "$@" |
		sort | diff - <(said "$name" | sort)
}

# watch_tenths COUNT: so many clients of EXACT, who look at every tenth.
watch_tenths()
{
	watch "$1" "$(stream_port)" step=100000
}

# nobody_noticed: each of them had every line.
nobody_noticed()
{
	watch_end
	watched_is '.lost == 0 and .missed == 0 and .lines >= 2 * .held'
}

# ---- When, and with what ----------------------------------------------------

@test "hooks: each runs when it is due, and its environment says why" {
	local pid program='[ "/usr/bin/env" ];'
	timed_start "hooks = {
		ready = $program reload = $program reload_failed = $program
		worker_crash = $program stop = $program };" "$EXACT"
	MASTER=$TIMED_PID
	logged "hook ended; hook='ready'"
	the_environment ready TIMED_GENERATION=1 TIMED_COUNT=1

	cp "$CONF" "$DIR/good"
	kill -HUP "$TIMED_PID"
	logged "hook ended; hook='reload'"
	the_environment reload TIMED_GENERATION=2 TIMED_COUNT=1 \
		TIMED_CHANGE=configuration

	echo 'frobnicate = 1;' >>"$CONF"
	kill -HUP "$TIMED_PID"
	logged "hook ended; hook='reload_failed'"
	the_environment reload_failed TIMED_GENERATION=2 TIMED_COUNT=1 \
		TIMED_CHANGE=configuration \
		'TIMED_ERROR=the configuration has errors'
	cp "$DIR/good" "$CONF"

	wait_until "$PATIENCE" settled 2
	pid=$(status '.workers[1].pid')
	kill -KILL "$pid"
	logged "hook ended; hook='worker_crash'"
	the_environment worker_crash TIMED_GENERATION=2 TIMED_COUNT=1 \
		TIMED_WORKER=1 "TIMED_WORKER_PID=$pid" TIMED_SIGNAL=9 \
		'TIMED_ERROR=signal 9 (Killed)'

	timed_stop
	the_environment stop TIMED_GENERATION=2 TIMED_COUNT=1
	# Each of them once.
	log_count 5 'hook started; '
	log_count 5 'hook ended; '
	log_count 0 'hook failed; '
}

@test "hooks: pause and resume run theirs, with the service's name" {
	local program='[ "/usr/bin/env" ];'
	timed_start "hooks = { pause = $program resume = $program };" "$EXACT"
	MASTER=$TIMED_PID
	timedctl -r "$RUN" pause stream
	logged "hook ended; hook='pause'"
	the_environment pause TIMED_GENERATION=1 TIMED_COUNT=1 \
		TIMED_SERVICE=stream
	# What changes nothing is no event.
	timedctl -r "$RUN" pause stream
	timedctl -r "$RUN" resume
	logged "hook ended; hook='resume'"
	the_environment resume TIMED_GENERATION=1 TIMED_COUNT=1
	log_count 1 "hook ended; hook='pause'"
}

@test "hooks: it has its arguments, and nothing else of timed's" {
	hook look <<-'END'
		for each; do echo "argument $each"; done
		echo "directory $(pwd)"
		echo "input $(readlink /proc/$$/fd/0)"
		read -r _ _ _ _ group session _ <"/proc/$$/stat"
		echo "leads $((group == $$)) $((session == $$))"
		blocked=$(sed -n 's/^SigBlk:[^0-9a-f]*//p' "/proc/$$/status")
		ignored=$(sed -n 's/^SigIgn:[^0-9a-f]*//p' "/proc/$$/status")
		# Those that the master blocks or ignores.
		echo "signals $((0x$blocked)) $((0x$ignored & 0x1014a03))"
		if read -r _; then echo something; else echo nothing; fi
		echo error >&2
	END
	# One that timed itself was left with.
	exec {SPARE}<"$DIR"
	timed_start "hooks = { ready = [ \"$DIR/look\", \"one two\", \"\",
		\"\$HOME;'\\\"*\" ]; reload = [ \"/bin/ls\", \"/proc/self/fd\" ]; };"
	logged "hook ended; hook='ready'"
	exec {SPARE}<&-
	said ready | diff - <(printf '%s\n' 'argument one two' 'argument ' \
		"argument \$HOME;\\x27\"*" 'directory /' 'input /dev/null' \
		'leads 1 1' 'signals 0 0' nothing error)
	[ -e "/proc/$TIMED_PID/fd/$SPARE" ]
	kill -HUP "$TIMED_PID"
	logged "hook ended; hook='reload'"
	# The last is the directory that it looks into.
	said reload | diff - <(seq 0 3)
}

@test "hooks: a reload changes them, and hook_seconds" {
	timed_start 'hooks = { reload = [ "/bin/echo", "one" ]; };' "$EXACT"
	reload 'hooks = { reload = [ "/bin/echo", "two" ]; };' "$EXACT"
	logged "hook ended; hook='reload'"
	[ "$(said reload)" = two ]
	# Refused, and so it is the one before.
	cp "$CONF" "$DIR/good"
	timed_config 'hooks = { reload_failed = [ "/bin/echo", "three" ]; };' \
		'frobnicate = 1;'
	refuse
	cp "$DIR/good" "$CONF"
	kill -HUP "$TIMED_PID"
	logged 2 "hook ended; hook='reload'"
	[ "$(said reload | uniq -c | tr -s ' ')" = ' 2 two' ]
	reload "$EXACT"
	hook wait <<-END
		read -r _ <"$GATE"
	END
	reload "hooks = { reload = [ \"$DIR/wait\" ]; };" 'hook_seconds = 0.2;' \
		"$EXACT"
	logged "hook failed; hook='reload'.*out of time"
	log_count 3 "hook started; "
	[ -z "$(said reload_failed)" ]
}

@test "hooks: while one runs, what happens becomes one more" {
	local pid
	hook wait <<-END
		echo "begun \$TIMED_COUNT \$TIMED_WORKER_PID"
		$PASS_GATE
		echo done
	END
	timed_start "hooks = { worker_crash = [ \"$DIR/wait\" ]; };" \
		'workers = 2;' "$EXACT"
	for crash in {1..4}; do
		pid=$(worker_pids | tail -n 1)
		kill -KILL "$pid"
		wait_until "$PATIENCE" status_is ".totals.crashes == $crash and
			(.workers | length) == 2"
		[ "$crash" -ne 1 ] ||
			logged "hook output; .*text='begun 1 $pid'"
	done
	# Nobody waited for it, nor for another of them.
	log_count 1 'hook started; '
	open_gate
	logged "hook output; .*text='begun 3 $pid'"
	log_count 1 "hook started; .*events='3'"
	open_gate
	logged 2 'hook ended; '
	[ "$(said worker_crash | tail -n 1)" = "done" ]
	wait_until "$PATIENCE" alone 2
}

@test "hooks: kinds do not wait for each other" {
	hook wait <<-END
		echo waits
		read -r _ <"$GATE"
	END
	timed_start "hooks = { ready = [ \"$DIR/wait\" ];
		reload = [ \"/bin/echo\", \"here\" ]; };" "$EXACT"
	logged "text='waits'"
	kill -HUP "$TIMED_PID"
	logged "hook ended; hook='reload'"
	log_count 0 "hook ended; hook='ready'"
	open_gate
	logged "hook ended; hook='ready'"
}

# ---- What may go wrong ------------------------------------------------------

# fails REASON PROGRAM...: a reload runs it, and the log says that it failed.
fails()
{
	local reason=$1 list
	shift
	list=$(printf '"%s", ' "$@")
	FAILED=$((${FAILED:-0} + 1))
	reload "hooks = { reload = [ ${list%, } ]; };" "$EXACT"
	logged "$FAILED" 'hook failed; '
	grep 'hook failed; ' "$LOG" | tail -n 1 >"$DIR/failure"
	cat "$DIR/failure"
	grep -Eq "hook='reload',.* reason='$reason'" "$DIR/failure"
}

@test "hooks: one that fails is logged, and that is all" {
	local before
	timed_start "$EXACT"
	watch_tenths 50
	before=$(fds "$TIMED_PID")
	fails 'exit status 1' /bin/false
	hook crash <<-'END'
		kill -SEGV $$
	END
	fails 'signal 11 .Segmentation fault.' "$DIR/crash"
	fails "$DIR/missing: No such file or directory" "$DIR/missing"
	fails "$DIR/crash/crash: Not a directory" "$DIR/crash/crash"
	fails "$DIR: is not a plain file" "$DIR"
	chmod -x "$DIR/crash"
	fails "$DIR/crash: Permission denied" "$DIR/crash"
	# What is run by what is not there.
	echo '#!/nowhere' >"$DIR/crash"
	chmod +x "$DIR/crash"
	fails "$DIR/crash: No such file or directory" "$DIR/crash"
	# Nor does a shell guess at it.
	echo 'echo hello' >"$DIR/crash"
	fails "$DIR/crash: Exec format error" "$DIR/crash"
	nobody_noticed
	wait_until "$PATIENCE" settled 2
	wait_until "$PATIENCE" has_fds "$TIMED_PID" "$before"
	alone 2
	status_is '.totals.crashes == 0'
}

@test "hooks: one that others could change is not run" {
	local dir=$DIR/dir
	mkdir "$dir" "$dir/in"
	cp /bin/true "$dir/in/true"
	ln -s in "$dir/link"
	ln -s loop "$dir/loop"
	timed_start "$EXACT"
	chmod 757 "$dir/in/true"
	fails "$dir/in/true: others can write it" "$dir/in/true"
	chmod 775 "$dir/in/true"
	fails "$dir/in/true: its group can write it" "$dir/in/true"
	chmod 755 "$dir/in/true"
	chmod 777 "$dir"
	fails "$dir: others can write it" "$dir/in/true"
	chmod 755 "$dir"
	chmod 775 "$dir/in"
	fails "$dir/in: its group can write it" "$dir/in/true"
	# However it is named.
	fails "$dir/in: its group can write it" "$dir/link/true"
	fails "$dir/../dir//in: its group can write it" "$dir/../dir//in/./true"
	fails "$dir/loop: Too many levels of symbolic links" "$dir/loop"
	chmod 755 "$dir/in"
	if [ "$(id -u)" -eq 0 ]; then
		chown nobody "$dir/in/true"
		fails "$dir/in/true: belongs to another user" "$dir/in/true"
		chown root "$dir/in/true"
		chown -h nobody "$dir/link"
		fails "$dir/link: belongs to another user" "$dir/link/true"
		chown -h root "$dir/link"
	fi
	log_count 0 'hook started; '
	# As /tmp is: nobody can put another in the place of what is there.
	chmod 1777 "$dir"
	reload "hooks = { reload = [ \"$dir/link/true\" ]; };" "$EXACT"
	logged 'hook ended; '
}

@test "hooks: one that hangs is ended, and so are its children" {
	local before
	hook hang <<-END
		read -r _ <"$GATE"
	END
	hook deaf <<-END
		trap '' TERM
		(sh -c 'read -r _ <"$GATE"') &
		(sh -c 'read -r _ <"$GATE"') &
		echo deaf
		read -r _ <"$GATE"
	END
	timed_start "$EXACT"
	watch_tenths 50
	before=$(fds "$TIMED_PID")
	reload 'hook_seconds = 0.3;' "hooks = { reload = [ \"$DIR/hang\" ]; };" \
		"$EXACT"
	logged "hook failed; .*reason='out of time, signal 15 .Terminated.'"
	reload 'hook_seconds = 0.3;' "hooks = { reload = [ \"$DIR/deaf\" ]; };" \
		"$EXACT"
	logged "hook output; .*text='deaf'"
	# The shell, and two with each a child or in its place.
	[ "$(pgrep -c -g "$(tag pid "hook started; hook='reload'")")" -ge 3 ]
	logged "hook failed; .*reason='out of time, signal 9 .Killed.'"
	# They wait for what never comes, if they are there.
	wait_until "$PATIENCE" session_gone "$(tag pid 'hook failed; ')"
	wait_until "$PATIENCE" settled 2
	alone 2
	wait_until "$PATIENCE" has_fds "$TIMED_PID" "$before"
	nobody_noticed
}

@test "hooks: what it leaves behind is ended with it, but for what left it" {
	local before left pid
	hook leave <<-END
		sh -c 'read -r _ <"$GATE"' &
		setsid sh -c 'echo \$\$; read -r _ <"$GATE"; echo late; : >"$DIR/late"' &
		read -r go <"$DIR/go"
	END
	mkfifo "$DIR/go"
	timed_start "$EXACT"
	before=$(fds "$TIMED_PID")
	reload "hooks = { reload = [ \"$DIR/leave\" ]; };" "$EXACT"
	logged 'hook output; '
	left=$(said reload)
	STARTED+=("$left")
	pid=$(tag pid 'hook started; ')
	# Both are there.
	pgrep -s "$pid" -f "^sh -c read"
	echo >"$DIR/go"
	logged 'hook ended; '
	wait_until "$PATIENCE" session_gone "$pid"
	# It has the pipe, and the master does not.
	run ! gone "$left"
	wait_until "$PATIENCE" settled 2
	wait_until "$PATIENCE" has_fds "$TIMED_PID" "$before"
	open_gate
	wait_until "$PATIENCE" gone "$left"
	[ "$(said reload)" = "$left" ]
}

@test "hooks: one may close its output, and go on" {
	local before
	hook quiet <<-END
		printf 'not a whole line'
		exec >&- 2>&-
		read -r _ <"$GATE"
	END
	timed_start "$EXACT"
	before=$(fds "$TIMED_PID")
	reload "hooks = { reload = [ \"$DIR/quiet\" ]; };" "$EXACT"
	logged "hook output; .*text='not a whole line'"
	wait_until "$PATIENCE" settled 2
	wait_until "$PATIENCE" has_fds "$TIMED_PID" "$before"
	log_count 0 'hook (ended|failed); '
	open_gate
	logged "hook ended; .*lines='1'"
}

# ---- What it says -----------------------------------------------------------

@test "hooks: what it says comes to the log line by line, and forges none" {
	hook speak <<-'END'
		printf 'one\ntwo\n\n\n'
		printf 'three\0four\n'
		printf "five'; six='\033[31m\r\n"
		printf 'seven'
	END
	timed_start "hooks = { ready = [ \"$DIR/speak\" ]; };"
	logged 'hook ended; '
	diff <(said ready) - <<-'END'
		one
		two
		three
		four
		five\x27; six=\x27\x1b[31m\x0d
		seven
	END
	log_has "hook ended; .*lines='6'\$"
}

@test "hooks: a megabyte on one line is one line, which says what is missing" {
	hook speak <<-'END'
		head -c 1000000 /dev/zero | tr '\0' x
		echo
		echo after
	END
	timed_start "$EXACT"
	watch_tenths 50
	reload "hooks = { reload = [ \"$DIR/speak\" ]; };" "$EXACT"
	logged 'hook ended; '
	log_count 2 'hook output; '
	[ "$(tag text 'hook output; .*cut=')" = "$(printf '%01000d' 0 | tr 0 x)" ]
	[ "$(tag cut 'hook output; .*cut=')" = 999000 ]
	[ "$(said reload)" = after ]
	nobody_noticed
}

@test "hooks: of a megabyte in lines the first thousand are logged" {
	timed_start "$EXACT"
	watch_tenths 50
	reload 'hooks = { reload = [ "/usr/bin/seq", "150000" ]; };' "$EXACT"
	logged 'hook ended; '
	said reload | diff - <(seq 1000)
	log_has "hook ended; .*lines='150000', left_out='149000'"
	nobody_noticed
}

@test "hooks: one that speaks without end is not listened to without end" {
	local seconds lines
	timed_start "$EXACT"
	watch_tenths 50
	reload 'hook_seconds = 1.5;' \
		'hooks = { reload = [ "/usr/bin/yes" ]; };' "$EXACT"
	logged "hook failed; .*reason='out of time, signal 15 .Terminated.'"
	seconds=$(($(tag ms 'hook failed; ') / 1000 + 2))
	lines=$(tag lines 'hook failed; ')
	echo "$lines lines in less than $seconds seconds"
	# A mebibyte a second, two bytes a line, and what waits in the pipe.
	[ "$lines" -le $((seconds * 524288 + 32768)) ]
	# In more than one of these seconds.
	[ "$lines" -gt 600000 ]
	log_count 1000 'hook output; '
	nobody_noticed
}

@test "hooks: what waits in the pipe when it ends is not lost" {
	# The master is held up: it is gone before anybody listens.
	hook speak <<-'END'
		kill -STOP "$TIMED_PID"
		seq -f %040.0f 900
	END
	timed_start "hooks = { reload = [ \"$DIR/speak\" ]; };" "$EXACT"
	ended()
	{
		local pid
		pid=$(pgrep -P "$TIMED_PID" speak) || return
		gone "$pid"
	}
	kill -HUP "$TIMED_PID"
	wait_until "$PATIENCE" ended
	kill -CONT "$TIMED_PID"
	logged 'hook ended; '
	# More than is read at once.
	said reload | diff - <(seq -f %040.0f 900)
}

# ---- Shortage ---------------------------------------------------------------

@test "hooks: without descriptors it is not run, and serving goes on" {
	local limit
	timed_start 'hooks = { reload_failed = [ "/bin/echo", "here" ]; };' \
		"$EXACT"
	watch_tenths 20
	cp "$CONF" "$DIR/good"
	limit=$(prlimit --noheadings --output SOFT --nofile --pid "$TIMED_PID")
	prlimit --nofile=3: --pid "$TIMED_PID"
	refuse
	logged "hook failed; hook='reload_failed', reason='/bin/echo: Too many open files'"
	prlimit --nofile="$limit": --pid "$TIMED_PID"
	echo 'frobnicate = 1;' >>"$CONF"
	refuse
	logged "hook ended; hook='reload_failed'"
	nobody_noticed
}

# ---- An upgrade -------------------------------------------------------------

# upgraded N: has there been the Nth?
upgraded()
{
	log_count "$1" ' upgraded; '
}

# closed_on_exec PID: does the master keep to itself what it hears that hook by?
closed_on_exec()
{
	local pipe fd flags
	pipe=$(readlink "/proc/$1/fd/1")
	fd=$(find "/proc/$TIMED_PID/fd" -lname "${pipe/\[/\\[}")
	flags=$(sed -n 's/^flags:[[:space:]]*//p' "${fd/\/fd\//\/fdinfo\/}")
	[ $((flags & 02000000)) -ne 0 ]
}

@test "hooks: one goes on over an upgrade, and so does what waits for it" {
	local before pid each
	hook wait <<-END
		printf 'before '
		echo >"$DIR/began"
		$PASS_GATE
		echo "and after \$TIMED_COUNT \$TIMED_CHANGE"
	END
	mkfifo "$DIR/began"
	timed_start "$EXACT"
	before=$(fds "$TIMED_PID")
	watch_tenths 50
	reload "hooks = { reload = [ \"$DIR/wait\" ]; };" "$EXACT"
	read -r _ <"$DIR/began"
	pid=$(tag pid 'hook started; ')
	reload "hooks = { reload = [ \"$DIR/wait\" ]; };" "$EXACT"
	for each in 1 2; do
		wait_until "$PATIENCE" settled 2
		kill -USR2 "$TIMED_PID"
		wait_until "$PATIENCE" upgraded "$each"
	done
	run ! gone "$pid"
	closed_on_exec "$pid"
	open_gate
	logged "hook output; hook='reload', pid='$pid', text='before and after 1 configuration'"
	logged "hook ended; hook='reload', pid='$pid', .*lines='1'"
	# The reload and the two upgrades.
	logged "hook started; hook='reload', .*events='3'"
	read -r _ <"$DIR/began"
	open_gate
	logged "hook output; .*text='before and after 3 program'"
	logged 2 'hook ended; '
	wait_until "$PATIENCE" settled 2
	wait_until "$PATIENCE" alone 2
	wait_until "$PATIENCE" has_fds "$TIMED_PID" "$before"
	status_is '.totals.crashes == 0'
	log_count 0 '(warning|error) '
	nobody_noticed
}

@test "hooks: its time goes on over an upgrade" {
	hook hang <<-END
		read -r _ <"$GATE"
	END
	timed_start 'hook_seconds = 2;' \
		"hooks = { ready = [ \"$DIR/hang\" ]; };" "$EXACT"
	kill -USR2 "$TIMED_PID"
	wait_until "$PATIENCE" upgraded 1
	log_count 0 'hook failed; '
	logged "hook failed; .*reason='out of time, signal 15 .Terminated.'"
	[ "$(tag ms 'hook failed; ')" -ge 2000 ]
	wait_until "$PATIENCE" alone 2
}

@test "hooks: an upgrade that is refused is a reload that failed" {
	cp "$BUILD/timed" "$DIR/timed"
	# shellcheck disable=SC2034 # for timed_start
	TIMED=$DIR/timed
	timed_start 'hooks = { reload_failed = [ "/usr/bin/env" ]; };' "$EXACT"
	cp /bin/false "$DIR/new"
	mv "$DIR/new" "$DIR/timed"
	kill -USR2 "$TIMED_PID"
	logged "hook ended; hook='reload_failed'"
	MASTER=$TIMED_PID
	the_environment reload_failed TIMED_GENERATION=1 \
		TIMED_COUNT=1 TIMED_CHANGE=program \
		"TIMED_ERROR=$DIR/timed -t: said nothing, exit status 1"
}

# ---- A stop -----------------------------------------------------------------

# before FIRST SECOND: is that the order in which they are in the log?
before()
{
	[ "$(grep -En -e "$1" "$LOG" | tail -n 1 | cut -d: -f1)" -lt \
		"$(grep -En -e "$2" "$LOG" | head -n 1 | cut -d: -f1)" ]
}

@test "hooks: a stop waits for its program" {
	hook wait <<-END
		echo begun
		read -r _ <"$GATE"
		echo done
	END
	timed_start 'stop_seconds = 30;' \
		"hooks = { stop = [ \"$DIR/wait\" ]; };" "$EXACT"
	kill "$TIMED_PID"
	logged "text='begun'"
	# The workers are gone, and it is not over.
	logged 2 'worker exited; '
	run ! gone "$TIMED_PID"
	log_count 0 ' stopped; '
	open_gate
	timed_wait
	before 'hook ended; ' ' stopped; '
	[ "$(said stop | tail -n 1)" = "done" ]
	[ ! -e "$RUN" ]
}

@test "hooks: a stop does not wait for ever" {
	local pid
	hook deaf <<-END
		trap '' TERM
		read -r _ <"$GATE"
	END
	timed_start 'stop_seconds = 1;' \
		"hooks = { stop = [ \"$DIR/deaf\" ]; ready = [ \"$DIR/deaf\" ]; };" \
		"$EXACT"
	timed_stop
	logged 2 "hook failed; .*reason='out of time, signal 9 .Killed.'"
	before 'hook failed; ' ' stopped; '
	while read -r pid; do
		session_gone "$pid"
	done < <(sed -n "s/.*hook failed; .*pid='\([0-9]*\)'.*/\1/p" "$LOG")
}

@test "hooks: in a stop nothing else is begun" {
	hook wait <<-END
		trap 'exit 0' TERM
		echo "begun"
		read -r _ <"$GATE"
	END
	local each
	timed_start 'stop_seconds = 2;' \
		"hooks = { reload = [ \"$DIR/wait\" ]; };" "$EXACT"
	for each in 1 2 3; do
		kill -HUP "$TIMED_PID"
		wait_until "$PATIENCE" reloads "$each"
	done
	logged "text='begun'"
	timed_stop
	log_has "hook failed; hook='reload', reason='timed stops', events='2'"
	log_has "hook failed; hook='reload', pid='[0-9]*', reason='out of time, exit status 0'"
	log_count 1 'hook started; '
}

@test "hooks: none runs for a timed that did not start" {
	timed_config "hooks = { ready = [ \"/usr/bin/touch\", \"$DIR/ready\" ];
		stop = [ \"/usr/bin/touch\", \"$DIR/stop\" ];
		reload_failed = [ \"/usr/bin/touch\", \"$DIR/failed\" ]; };" \
		'services = ( { type = "stream"; listen = [ "192.0.2.1:0" ]; } );'
	run -73 timed -f -c "$CONF"
	[ ! -e "$DIR/ready" ]
	[ ! -e "$DIR/stop" ]
	[ ! -e "$DIR/failed" ]
}
