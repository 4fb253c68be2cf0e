#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# How timed starts: as a daemon, twice, as somebody else; and how it fails to:
# with an exit status that means something, one line, and nothing left behind.

# shellcheck disable=SC2030,SC2031 # each test is a process of its own

load lib

bats_require_minimum_version 1.5.0

NOBODY=65534

setup()
{
	harness_setup
	DAEMON=
	AS=()
}

teardown()
{
	local failed=0
	if [ -n "$DAEMON" ] && ! gone "$DAEMON"; then
		daemon_stop || failed=1
	fi
	harness_teardown || failed=1
	return $failed
}

# ---- Daemons ----------------------------------------------------------------

# launch: timed on CONF as a daemon, by whomever AS says; the
# launcher's exit status.  The daemon's pid goes to DAEMON.
launch()
{
	local status=0
	timeout 30 "${AS[@]}" timed -c "$CONF" </dev/null >"$DIR/stdout" 2>"$ERR" \
		3>&- {NEVER}>&- || status=$?
	DAEMON=$(cat "$RUN/timed.pid" 2>/dev/null) || :
	return $status
}

daemon_stop()
{
	local pid=$DAEMON
	DAEMON=
	kill "$pid"
	wait_until "$PATIENCE" gone "$pid"
}

# The processes of the daemon, master first.
family()
{
	echo "$DAEMON"
	pgrep -P "$DAEMON"
}

# A script that starts timed, waits until the launcher is back, and then
# until no process is left of it, whoever its parent was: the exit status
# is the launcher's, or 99 where something stayed.
write_alone()
{
	cat >"$DIR/alone.py" <<-'END'
		import ctypes, os, signal, subprocess, sys

		SUBREAPER = 36
		ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)
		status = subprocess.call(sys.argv[1:])

		def stayed(*_):
		    os._exit(99)

		signal.signal(signal.SIGALRM, stayed)
		signal.alarm(10)
		try:
		    while True:
		        os.waitpid(-1, 0)
		except ChildProcessError:
		    os._exit(status & 255)
	END
}

# files_of DIRECTORY: what it has, the log directory and its file left out.
files_of()
{
	(cd "$1" && find . -mindepth 1 ! -path './log*' ! -name 'std*' \
		! -name '*.conf' ! -name '*.py' | LC_ALL=C sort)
}

# fails STATUS PATTERN: timed on CONF ends with STATUS, as a daemon and in the
# foreground, and leaves no process and no file.  The daemon's launcher says
# one line that matches.
fails()
{
	local wanted=$1 pattern=$2 before got=0
	[ -e "$DIR/alone.py" ] || write_alone
	before=$(files_of "$DIR")
	timeout 30 python3 "$DIR/alone.py" "${AS[@]}" timed -c "$CONF" \
		</dev/null >"$DIR/stdout.failed" 2>"$DIR/stderr.failed" 3>&- \
		{NEVER}>&- || got=$?
	if [ "$got" -ne "$wanted" ] || [ -s "$DIR/stdout.failed" ] ||
		[ "$(wc -l <"$DIR/stderr.failed")" -ne 1 ] ||
		! grep -Eq "^timed: .*$pattern" "$DIR/stderr.failed"; then
		echo "as a daemon: status $got" >&2
		show "$DIR/stderr.failed"
		return 1
	fi
	[ "$(files_of "$DIR")" = "$before" ]

	got=0
	timeout 30 python3 "$DIR/alone.py" "${AS[@]}" timed -f -c "$CONF" \
		</dev/null >"$DIR/stdout.failed" 2>"$DIR/stderr.failed" 3>&- \
		{NEVER}>&- || got=$?
	if [ "$got" -ne "$wanted" ] || [ "$(grep -Ec "^timed: .*$pattern" \
		"$DIR/stderr.failed")" -ne 1 ]; then
		echo "in the foreground: status $got" >&2
		show "$DIR/stderr.failed"
		return 1
	fi
	[ "$(files_of "$DIR")" = "$before" ]
}

# A directory that belongs to whom timed runs as, and AS to run as nobody.
as_ordinary_user()
{
	chmod 0777 "$DIR"
	[ "$(id -u)" -eq 0 ] || return 0
	# The build may be where nobody can go.
	mkdir "$DIR/bin"
	cp "$BUILD/timed" "$DIR/bin"
	AS=(env PATH="$DIR/bin:$PATH" setpriv --reuid "$NOBODY" --regid "$NOBODY"
		--clear-groups --inh-caps=-all --bounding-set=-all)
}

# on_port PORT: the setting.
on_port()
{
	echo "services = ( { type = \"stream\"; listen = [ \"127.0.0.1:$1\" ]; } );"
}

# serves PORT: does it give a line?
serves()
{
	[ -n "$(timec -q -n 1 "127.0.0.1:$1" 2>/dev/null)" ]
}

# ---- As a daemon ------------------------------------------------------------

@test "start: the launcher returns when timed serves" {
	timed_config 'workers = 8;'
	launch
	# No waiting: it has to be so now.
	status_is '.state == "running" and (.workers | length) == 8 and
		all(.workers[]; .state == "serving")'
	[ ! -s "$ERR" ]
	[ ! -s "$DIR/stdout" ]
	serves "$(stream_port)"
	daemon_stop
	[ ! -e "$RUN" ]
}

@test "start: the daemon has a session of its own and no terminal" {
	local pid sid
	timed_config
	# From a terminal, which it must lose.
	AS=(setsid)
	DAEMON=
	script -qec "timed -c '$CONF'; echo status \$?" /dev/null </dev/null \
		>"$DIR/terminal" 3>&- {NEVER}>&-
	DAEMON=$(cat "$RUN/timed.pid")
	grep -q '^status 0' "$DIR/terminal"
	sid=$(ps -o sid= -p "$DAEMON")
	[ "$sid" -ne "$(ps -o sid= -p $$)" ]
	# Not the leader: it could get a terminal by opening one.
	[ "$sid" -ne "$DAEMON" ]
	for pid in $(family); do
		[ "$(ps -o tty= -p "$pid")" = '?' ]
		[ "$(ps -o sid= -p "$pid")" -eq "$sid" ]
	done
}

@test "start: the daemon does not keep its directory" {
	local pid
	timed_config
	cd "$DIR"
	launch
	for pid in $(family); do
		[ "$(readlink "/proc/$pid/cwd")" = / ]
	done
}

@test "start: the daemon takes a relative -c along" {
	timed_config
	cd "$DIR"
	timed -c timed.conf </dev/null >"$DIR/stdout" 2>"$ERR" 3>&- {NEVER}>&-
	DAEMON=$(cat "$RUN/timed.pid")
	timed_config 'workers = 1;'
	kill -HUP "$DAEMON"
	wait_until "$PATIENCE" status_is '.reloads == 1 and (.workers | length) == 1'
}

@test "start: the master's standard descriptors are /dev/null" {
	local fd
	timed_config
	launch
	for fd in 0 1 2; do
		[ "$(readlink "/proc/$DAEMON/fd/$fd")" = /dev/null ]
	done
}

@test "start: the children's standard descriptors are /dev/null, too" {
	local pid fd
	timed_config
	launch
	for pid in $(family); do
		for fd in 0 1 2; do
			[ "$(readlink "/proc/$pid/fd/$fd")" = /dev/null ] || {
				echo "$(ps -o args= -p "$pid") has $fd open:" \
					"$(readlink "/proc/$pid/fd/$fd")" >&2
				return 1
			}
		done
	done
}

@test "start: what is worth a warning is said to who starts it" {
	timed_config 'hooks = { stop = [ "/missing" ]; };'
	launch
	[ "$(cat "$ERR")" = \
		'timed: hook "stop" cannot be run: /missing: No such file or directory' ]
	daemon_stop
	timed_config
	launch
	[ ! -s "$ERR" ]
}

@test "start: a pipe at the launcher's output ends with the launcher" {
	local status=0
	timed_config
	# shellcheck disable=SC2016 # for that shell
	timeout 10 bash -c 'timed -c "$1" 2>&1 | cat' bash "$CONF" \
		</dev/null >"$DIR/out" 3>&- {NEVER}>&- || status=$?
	DAEMON=$(cat "$RUN/timed.pid")
	# 124: cat still waited for the end.
	[ "$status" -eq 0 ]
}

@test "start: what else the launcher had open, the daemon does not keep" {
	local pid
	timed_config
	exec 7<"$CONF"
	launch
	exec 7<&-
	for pid in $(family); do
		[ -z "$(find "/proc/$pid/fd" -lname "$CONF")" ] || {
			echo "$(ps -o args= -p "$pid") has it" >&2
			return 1
		}
	done
}

@test "start: with standard descriptors closed it starts as well" {
	local pid fd status=0
	timed_config
	timeout 30 timed -c "$CONF" <&- >&- 2>&- 3>&- {NEVER}>&- || status=$?
	DAEMON=$(cat "$RUN/timed.pid")
	[ "$status" -eq 0 ]
	serves "$(stream_port)"
	for pid in $(family); do
		for fd in 0 1 2; do
			[ "$(readlink "/proc/$pid/fd/$fd")" = /dev/null ]
		done
	done
}

@test "start: the pidfile has the master's pid, and goes with it" {
	timed_config
	launch
	[ "$(cat "$RUN/timed.pid")" -eq "$(status .pid)" ]
	[ "$(ps -o args= -p "$DAEMON")" = "timed: master" ]
	[ "$(stat -c %a "$RUN/timed.pid")" = 644 ]
	daemon_stop
	[ ! -e "$RUN/timed.pid" ]
	[ ! -e "$RUN/scoreboard" ]
}

@test "start: a runtime directory that was there stays" {
	mkdir "$RUN"
	timed_config
	launch
	daemon_stop
	[ -d "$RUN" ]
	[ -z "$(ls -A "$RUN")" ]
}

@test "start: all processes say what they are" {
	timed_config 'workers = 3;'
	launch
	diff <(for pid in $(family); do ps -ww -o args= -p "$pid"; done | sort) - <<-'END'
		timed: journal
		timed: master
		timed: worker 0
		timed: worker 1
		timed: worker 2
	END
}

@test "start: everybody may read the scoreboard, only timed writes it" {
	timed_config
	launch
	[ "$(stat -c %a "$RUN")" = 755 ]
	[ "$(stat -c %a "$RUN/scoreboard")" = 644 ]
	[ "$(stat -c %u "$RUN/scoreboard")" -eq "$(id -u)" ]
}

# ---- Failing ----------------------------------------------------------------

@test "start: a port that is taken is 73" {
	timed_start
	# Two of them: the one that was free is closed again.
	CONF=$DIR/other.conf RUN=$DIR/run2 timed_config \
		"services = ( { type = \"stream\"; listen = [ \"127.0.0.1:0\", \"127.0.0.1:$(stream_port)\" ]; } );"
	CONF=$DIR/other.conf fails 73 \
		"127\.0\.0\.1:$(stream_port).*Address already in use"
	status_is '.state == "running"'
}

@test "start: a unix socket that is taken is 73, and stays" {
	timed_start "services = ( { type = \"stream\"; listen = [ \"unix:$DIR/socket\" ]; } );"
	CONF=$DIR/other.conf RUN=$DIR/run2 timed_config \
		"services = ( { type = \"stream\"; listen = [ \"unix:$DIR/socket\" ]; } );"
	CONF=$DIR/other.conf fails 73 "$DIR/socket.*Address already in use"
	[ -n "$(timec -q -n 1 "unix:$DIR/socket")" ]
}

@test "start: an address of somebody else's is 73" {
	timed_config 'services = ( { type = "stream"; listen = [ "192.0.2.1:0" ]; } );'
	fails 73 '192\.0\.2\.1:0.*Cannot assign requested address'
}

@test "start: a port that only root may have is 77" {
	local first
	as_ordinary_user
	first=$(cat /proc/sys/net/ipv4/ip_unprivileged_port_start)
	timed_config "$(on_port 80)"
	if [ "$first" -gt 80 ]; then
		fails 77 '127\.0\.0\.1:80.*Permission denied'
	else
		# Here everybody may: then it must be so for timed, too.
		launch || fails 73 '127\.0\.0\.1:80.*Address already in use'
	fi
}

@test "start: a runtime directory that may not be written is 77" {
	as_ordinary_user
	mkdir "$RUN"
	if [ "$(id -u)" -eq 0 ]; then
		chmod 755 "$RUN"
	else
		chmod 555 "$RUN"
	fi
	timed_config
	fails 77 "$RUN.*Permission denied"
	[ -z "$(ls -A "$RUN")" ]
}

@test "start: a runtime directory that may not be made is 77" {
	as_ordinary_user
	mkdir -m 755 "$DIR/closed"
	[ "$(id -u)" -eq 0 ] || chmod 555 "$DIR/closed"
	timed_config "runtime_dir = \"$DIR/closed/run\";"
	fails 77 "$DIR/closed/run.*Permission denied"
}

@test "start: a runtime directory without a parent is 73" {
	timed_config "runtime_dir = \"$DIR/none/run\";"
	fails 73 "$DIR/none/run.*No such file or directory"
	[ ! -e "$DIR/none" ]
}

@test "start: a runtime directory that is a file is 73" {
	: >"$DIR/file"
	timed_config "runtime_dir = \"$DIR/file\";"
	fails 73 "$DIR/file.*Not a directory"
}

@test "start: a log file without a parent is 73" {
	timed_config "log = { file = \"$DIR/none/log/timed.log\"; syslog = false; };"
	fails 73 "$DIR/none/log.*No such file or directory"
	[ ! -e "$DIR/none" ]
}

@test "start: a log file that may not be written is 77" {
	as_ordinary_user
	mkdir -m 755 "$DIR/log"
	: >"$LOG"
	chmod 444 "$LOG"
	timed_config
	fails 77 "$LOG.*Permission denied"
}

@test "start: a log directory that may not be written is 77" {
	mkdir -m 755 "$DIR/log"
	[ "$(id -u)" -eq 0 ] || chmod 555 "$DIR/log"
	timed_config
	# Started as root, the journal is somebody else by then.
	fails 77 "$LOG.*Permission denied"
}

@test "start: a log file that is a directory is 73" {
	mkdir -p "$LOG"
	timed_config
	fails 73 "$LOG.*Is a directory"
}

@test "start: an unknown user is 78" {
	timed_config 'user = "no such user";'
	fails 78 ': user: there is no user "no such user"'
}

@test "start: a bad setting is 78" {
	timed_config 'workers = 65;'
	fails 78 ': workers: must be from 0 to 64, not 65'
}

@test "start: a runtime directory without space is an error in one line" {
	local names=(unshare --mount)
	[ "$(id -u)" -eq 0 ] || names=(unshare --user --map-user=65534 --map-group=65534 --keep-caps --mount)
	mkdir "$RUN"
	timed_config "user = \"$("${names[@]}" id -un)\";"
	write_alone
	# shellcheck disable=SC2016 # for the shell in the namespace
	run -73 --separate-stderr timeout 30 "${names[@]}" bash -c '
		mount -t tmpfs -o size=64k,mode=755 tmpfs "$1" || exit 1
		python3 "$3" timed -c "$2" </dev/null 3>&-
		status=$?
		ls -A "$1"
		exit $status' bash "$RUN" "$CONF" "$DIR/alone.py"
	[ -z "$output" ]
	# shellcheck disable=SC2154 # run sets it; root as the user is warned of
	[ "$(grep -v 'user: "root" has all' <<<"$stderr")" = \
		"timed: $RUN/scoreboard: No space left on device" ]
}

# ---- Twice ------------------------------------------------------------------

@test "start: a second timed in the same runtime directory is refused" {
	local first
	timed_config
	launch
	first=$DAEMON
	run -73 timeout 30 timed -c "$CONF" </dev/null
	[ "${#lines[@]}" -eq 1 ]
	[[ $output == "timed: $RUN/timed.pid: "*"pid $first" ]]
	run -73 timeout 30 timed -f -c "$CONF" </dev/null
	[[ $output == *"pid $first" ]]
	# Which harmed the first one in no way.
	[ "$(cat "$RUN/timed.pid")" -eq "$first" ]
	status_is ".pid == $first and .state == \"running\""
	serves "$(stream_port)"
}

@test "start: of two started at once exactly one serves" {
	local round first second failed=0 won
	for round in {1..5}; do
		timed_config
		timeout 30 timed -c "$CONF" </dev/null >/dev/null \
			2>"$DIR/stderr.1" 3>&- {NEVER}>&- &
		first=$!
		timeout 30 timed -c "$CONF" </dev/null >/dev/null \
			2>"$DIR/stderr.2" 3>&- {NEVER}>&- &
		second=$!
		won=0
		wait "$first" && won=$((won + 1)) || failed=$?
		wait "$second" && won=$((won + 1)) || failed=$?
		DAEMON=$(cat "$RUN/timed.pid")
		echo "round $round: $won won, the other had $failed" >&2
		[ $won -eq 1 ]
		[ $failed -eq 73 ]
		[ "$(cat "$DIR"/stderr.[12] | wc -l)" -eq 1 ]
		grep -q "^timed: .*running already" "$DIR"/stderr.[12]
		status_is ".pid == $DAEMON and .state == \"running\""
		daemon_stop
	done
}

@test "start: one that has no pid yet is not called pid 0" {
	mkdir "$RUN"
	timed_config
	# As long as it takes from the lock on the file to what is in it.
	run -73 flock "$RUN/timed.pid" timed -f -c "$CONF" </dev/null
	[[ $output == "timed: $RUN/timed.pid: "* ]]
	run ! grep -Eq 'pid (0|-1)' <<<"$output"
}

# ---- After a crash ----------------------------------------------------------

@test "start: without their master the workers and the journal end" {
	local pid children
	timed_config
	launch
	client_start
	wait_until "$PATIENCE" lines_in "$CLIENT_OUT" 1
	children=$(pgrep -P "$DAEMON")
	[ "$(wc -l <<<"$children")" -eq 3 ]
	kill -KILL "$DAEMON"
	DAEMON=
	for pid in $children; do
		wait_until 1 gone "$pid"
	done
	# The client hears of it.
	wait_until 1 gone "$CLIENT_PID"
}

@test "start: what a killed master left does not stop the next one" {
	local port first
	port=$(fresh_port)
	timed_config "$(on_port "$port")"
	launch
	first=$DAEMON
	client_start "$port"
	wait_until "$PATIENCE" lines_in "$CLIENT_OUT" 1
	kill -KILL "$first"
	wait_until "$PATIENCE" gone "$first"
	[ "$(cat "$RUN/timed.pid")" -eq "$first" ]
	[ -e "$RUN/scoreboard" ]
	# Where nobody reaps it, the pid is still one.
	[ -e "/proc/$first" ] || run -69 timedctl -r "$RUN" status
	# The same port: the workers are gone or about to be.
	wait_until 2 launch
	[ "$DAEMON" -ne "$first" ]
	serves "$port"
	status_is ".pid == $DAEMON and .totals.accepted >= 1"
	daemon_stop
	[ ! -e "$RUN/timed.pid" ]
	[ ! -e "$RUN/scoreboard" ]
}

@test "start: an old pidfile with a living pid of another is no obstacle" {
	mkdir "$RUN"
	echo $$ >"$RUN/timed.pid"
	timed_config
	launch
	[ "$DAEMON" -ne $$ ]
	serves "$(stream_port)"
}

@test "start: a socket file without a server is no obstacle" {
	python3 -c 'import socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])' "$DIR/socket"
	[ -S "$DIR/socket" ]
	timed_config "services = ( { type = \"stream\"; listen = [ \"unix:$DIR/socket\" ]; } );"
	launch
	[ -n "$(timec -q -n 1 "unix:$DIR/socket")" ]
	daemon_stop
	[ ! -e "$DIR/socket" ]
}

@test "start: another's file in the place of the socket stays" {
	echo precious >"$DIR/socket"
	timed_config "services = ( { type = \"stream\"; listen = [ \"unix:$DIR/socket\" ]; } );"
	fails 73 "$DIR/socket.*Address already in use"
	[ "$(cat "$DIR/socket")" = precious ]
}

@test "start: a link in the place of the scoreboard is not followed" {
	mkdir "$RUN"
	echo precious >"$DIR/precious"
	ln -s "$DIR/precious" "$RUN/scoreboard"
	ln -s "$DIR/precious" "$RUN/scoreboard.new"
	timed_config
	launch
	status_is '.state == "running"'
	[ "$(cat "$DIR/precious")" = precious ]
}

# ---- Whom it becomes --------------------------------------------------------

# status_field PID NAME: of /proc/PID/status.
status_field()
{
	sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status"
}

@test "start: the children have no privileges" {
	local pid name uid gid
	uid=$(id -u) gid=$(id -g)
	if [ "$uid" -eq 0 ]; then
		uid=$(id -u nobody) gid=$(id -g nobody)
	fi
	timed_config
	launch
	for pid in $(pgrep -P "$DAEMON"); do
		[ "$(status_field "$pid" Uid | tr -s '\t' ' ')" = "$uid $uid $uid $uid" ]
		[ "$(status_field "$pid" Gid | tr -s '\t' ' ')" = "$gid $gid $gid $gid" ]
		for name in CapInh CapPrm CapEff CapAmb; do
			[ "$(status_field "$pid" $name)" = 0000000000000000 ]
		done
		[ "$(status_field "$pid" NoNewPrivs)" -eq 1 ]
		[ "$(id -u)" -ne 0 ] ||
			[ -z "$(status_field "$pid" Groups | tr -d ' ')" ]
	done
}

@test "start: the group of the configuration is the children's" {
	local pid name
	name=$(id -gn)
	[ "$(id -u)" -ne 0 ] || name=daemon
	timed_config "group = \"$name\";"
	launch
	for pid in $(pgrep -P "$DAEMON"); do
		[ "$(ps -o egroup= -p "$pid")" = "$name" ]
	done
}

@test "start: a worker that replaces one has no privileges, either" {
	local old new
	timed_config 'workers = 1;'
	launch
	old=$(worker_pids)
	kill -KILL "$old"
	wait_until "$PATIENCE" status_is "(.workers | length) == 1 and
		.workers[0].pid != $old and .workers[0].state == \"serving\""
	new=$(worker_pids)
	[ "$(status_field "$new" CapEff)" = 0000000000000000 ]
	[ "$(status_field "$new" NoNewPrivs)" -eq 1 ]
	[ "$(id -u)" -ne 0 ] || [ "$(ps -o user= -p "$new")" = nobody ]
}

# Where the descriptors of PID lead, without standard ones and what only the
# process itself has: epoll, timers, signals.
descriptors()
{
	find "/proc/$1/fd" -mindepth 1 ! -name '[012]' -printf '%l\n' |
		grep -v '^anon_inode:'
}

@test "start: a worker holds no descriptor that it does not need" {
	local worker fds
	timed_config 'workers = 3;'
	launch
	for worker in $(worker_pids); do
		fds=$(descriptors "$worker")
		# The report pipe, the log pipe; the command socket, the
		# listener.
		[ "$(grep -c '^pipe:' <<<"$fds")" -eq 2 ]
		[ "$(grep -c '^socket:' <<<"$fds")" -eq 2 ]
		[ "$(wc -l <<<"$fds")" -eq 4 ]
	done
	# What all have in common is the log pipe and the listener.
	fds=$(for worker in $(worker_pids); do descriptors "$worker"; done |
		sort | uniq -c)
	[ "$(awk '$1 == 3' <<<"$fds" | wc -l)" -eq 2 ]
	[ "$(awk '$1 == 1' <<<"$fds" | wc -l)" -eq 6 ]
	[ "$(wc -l <<<"$fds")" -eq 8 ]
}

@test "start: the journal holds no descriptor that it does not need" {
	local fds
	timed_config
	launch
	fds=$(descriptors "$(journal_pid "$DAEMON")")
	# The log pipe, the command socket, the log file.
	[ "$(grep -c '^pipe:' <<<"$fds")" -eq 1 ]
	[ "$(grep -c '^socket:' <<<"$fds")" -eq 1 ]
	[ "$(grep -cFx "$LOG" <<<"$fds")" -eq 1 ]
	[ "$(wc -l <<<"$fds")" -eq 3 ]
}

@test "start: no worker can write what is not its own on the scoreboard" {
	local worker
	timed_config 'workers = 2;'
	launch
	for worker in $(worker_pids); do
		# One mapping that it can write: the slot.
		[ "$(awk -v path="$RUN/scoreboard" '$6 == path && $2 ~ /w/' \
			"/proc/$worker/maps" | wc -l)" -eq 1 ]
		[ "$(awk -v path="$RUN/scoreboard" '$6 == path && $2 ~ /w/ {
			split($1, range, "-")
			print range[2], range[1] }' "/proc/$worker/maps" |
			{
				read -r end begin
				echo $((16#$end - 16#$begin))
			})" -eq 8192 ]
	done
}

@test "start: an ordinary user can run it" {
	local pid uid
	as_ordinary_user
	uid=$(id -u)
	[ "$uid" -ne 0 ] || uid=$NOBODY
	timed_config
	# Nobody to become.
	sed -i '/^user/d' "$CONF"
	launch
	serves "$(stream_port)"
	for pid in $(family); do
		[ "$(ps -o uid= -p "$pid")" -eq "$uid" ]
	done
	kill -HUP "$DAEMON"
	wait_until "$PATIENCE" status_is '.reloads == 1 and
		all(.workers[]; .generation == 2 and .state == "serving")'
	daemon_stop
	[ ! -e "$RUN" ]
}

@test "start: an ordinary user's setting of another user changes nothing" {
	local uid
	as_ordinary_user
	uid=$(id -u)
	[ "$uid" -ne 0 ] || uid=$NOBODY
	timed_config 'user = "daemon";'
	launch
	[ "$(ps -o uid= -p "$(worker_pids | head -n 1)")" -eq "$uid" ]
}

@test "start: a root without a user named runs as timed or as nobody" {
	timed_config
	sed -i '/^user/d' "$CONF"
	launch
	if [ "$(id -u)" -ne 0 ]; then
		[ "$(ps -o uid= -p "$(worker_pids | head -n 1)")" -eq "$(id -u)" ]
	elif getent passwd timed; then
		[ "$(ps -o uid= -p "$(worker_pids | head -n 1)")" -eq "$(id -u timed)" ]
	else
		[ "$(ps -o user= -p "$(worker_pids | head -n 1)")" = nobody ]
		wait_until "$PATIENCE" log_has 'configuration warning.*nobody'
	fi
}
