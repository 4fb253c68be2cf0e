#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# What each process may do, and what nobody gets timed to do for him.

# shellcheck disable=SC2030,SC2031 # each test is a process of its own

load lib

bats_require_minimum_version 1.5.0

# A room has all the processes that there are.
ROOM='services = ( { type = "chat"; listen = [ "127.0.0.1:0" ]; },
	{ type = "stream"; listen = [ "127.0.0.1:0" ]; } );'

# Are system calls filtered, and processes kept from being looked into?
confined()
{
	! built WITH_SANITIZERS
}

filtered()
{
	confined && built HAVE_SECCOMP
}

# field PID NAME: of /proc/PID/status, blanks made one.
field()
{
	sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status" | tr -s '\t ' ' ' |
		sed 's/ $//'
}

# limit PID NAME: the hard limit, as /proc/PID/limits calls it.
limit()
{
	sed -n "s/^Max $2 *[^ ]* *\([^ ]*\).*/\1/p" "/proc/$1/limits"
}

# Is there a process called NAME below PARENT?  Its pid is FOUND.
finds()
{
	FOUND=$(pgrep -P "$1" -f "^timed: $2( |\$)")
}

# The children, each a PID and its role.
children()
{
	finds "$TIMED_PID" journal && echo "$FOUND journal"
	finds "$TIMED_PID" keeper && echo "$FOUND keeper"
	for pid in $(worker_pids); do
		echo "$pid worker"
	done
	finds "$(pgrep -P "$TIMED_PID" -f '^timed: keeper( |$)')" \
		'keeper: passwords' && echo "$FOUND hasher"
}

# Are all five roles there?
complete()
{
	[ "$(children | awk '{ print $2 }' | sort -u | wc -l)" -eq 4 ]
}

room_start()
{
	timed_start "$ROOM" "$@"
	wait_until "$PATIENCE" complete
}

# ---- Rights -----------------------------------------------------------------

@test "privileges: no child has a capability, a group, or a way to more" {
	local pid role set uid gid
	room_start
	uid=$(id -u) gid=$(id -g)
	[ "$uid" -ne 0 ] || uid=$(id -u nobody) gid=$(id -g nobody)
	[ "$(children | wc -l)" -eq 5 ]
	while read -r pid role; do
		echo "$role" >&2
		[ "$(field "$pid" Uid)" = "$uid $uid $uid $uid" ]
		[ "$(field "$pid" Gid)" = "$gid $gid $gid $gid" ]
		for set in CapInh CapPrm CapEff CapAmb; do
			[ "$(field "$pid" $set)" = 0000000000000000 ]
		done
		[ "$(field "$pid" NoNewPrivs)" -eq 1 ]
		# To give that up takes a capability.
		[ "$(id -u)" -ne 0 ] ||
			[ "$(field "$pid" CapBnd)" = 0000000000000000 ]
		[ "$(id -u)" -ne 0 ] || [ -z "$(field "$pid" Groups)" ]
	done < <(children)
}

@test "privileges: system calls of every child are filtered" {
	local pid role expected=0
	room_start
	! filtered || expected=2
	while read -r pid role; do
		echo "$role" >&2
		[ "$(field "$pid" Seccomp)" -eq $expected ]
	done < <(children)
	# Its hooks and its next program would be, too.
	[ "$(field "$TIMED_PID" Seccomp)" -eq "$(field $$ Seccomp)" ]
}

@test "privileges: that calls are not filtered is said once" {
	timed_start
	wait_until "$PATIENCE" log_has 'started'
	reload
	if filtered; then
		run ! log_has 'system calls not filtered'
	else
		[ "$(grep -c 'system calls not filtered; reason=' "$LOG")" -eq 1 ]
	fi
}

@test "privileges: limits that nobody can raise" {
	local pid role
	room_start 'core_dumps = false;'
	confined || return 0
	while read -r pid role; do
		echo "$role" >&2
		[ "$(limit "$pid" 'core file size')" = 0 ]
		[ "$(limit "$pid" 'locked memory')" = 0 ]
		[ "$role" = keeper ] ||
			[ "$(limit "$pid" processes)" = 0 ]
		[ "$role" = keeper ] || [ "$role" = journal ] ||
			[ "$(limit "$pid" 'file size')" = 0 ]
	done < <(children)
}

# Whose is what /proc has of PID?  Nobody's but root's, if it is not dumpable.
owner_of()
{
	stat -c %u "/proc/$1/fd"
}

@test "privileges: nobody looks into a process" {
	local pid
	room_start 'core_dumps = false;'
	for pid in $TIMED_PID $(children | cut -d ' ' -f 1); do
		if confined || [ "$(id -u)" -eq 0 ]; then
			[ "$(owner_of "$pid")" -eq 0 ]
		fi
	done
}

@test "privileges: core dumps are there for who asks for them" {
	local pid uid most
	most=$(ulimit -H -c)
	room_start 'core_dumps = true;'
	confined || return 0
	uid=$(id -u)
	[ "$uid" -ne 0 ] || uid=$(id -u nobody)
	while read -r pid role; do
		[ "$(owner_of "$pid")" -eq "$uid" ]
		[ "$(limit "$pid" 'core file size')" = "$most" ] ||
			[ "$role" = hasher ]
	done < <(children)
	reload "$ROOM" 'core_dumps = false;'
	wait_until "$PATIENCE" settled 2
	for pid in $(worker_pids); do
		[ "$(owner_of "$pid")" -eq 0 ]
		[ "$(limit "$pid" 'core file size')" = 0 ]
	done
	[ "$(owner_of "$TIMED_PID")" -eq 0 ]
}

# What is left to a master that is root, in bits: CAP_CHOWN, DAC_OVERRIDE,
# FOWNER, KILL, SETGID, SETUID, SETPCAP, NET_BIND_SERVICE, NET_ADMIN, SYS_CHROOT.
MASTER=$((1 << 0 | 1 << 1 | 1 << 3 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 8 | 1 << 10 | 1 << 12 | 1 << 18))

# Has PID nothing beyond that, and nothing that this shell has not?
is_bounded()
{
	local set
	for set in CapPrm CapEff CapBnd; do
		[ $((16#$(field "$1" $set) & ~MASTER)) -eq 0 ] || return
	done
	[ $((16#$(field "$1" CapEff))) -eq \
		$((16#$(field $$ CapEff) & MASTER)) ]
}

@test "privileges: the master has what a reload takes, also after an upgrade" {
	local worker
	timed_start
	worker=$(worker_pids | head -n 1)
	[ "$(field "$TIMED_PID" NoNewPrivs)" -eq "$(field $$ NoNewPrivs)" ]
	[ "$(id -u)" -ne 0 ] || is_bounded "$TIMED_PID"
	ctl upgrade
	wait_until "$PATIENCE" gone "$worker"
	status_is '.state == "running"'
	[ "$(id -u)" -ne 0 ] || is_bounded "$TIMED_PID"
	[ "$(id -u)" -eq 0 ] || [ "$(field "$TIMED_PID" CapEff)" = 0000000000000000 ]
}

@test "privileges: a hook has what the master has" {
	cat >"$DIR/hook" <<-END
		#!/bin/sh
		grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status >"$DIR/rights.new"
		mv "$DIR/rights.new" "$DIR/rights"
	END
	chmod 755 "$DIR/hook"
	timed_start "hooks = { ready = [ \"$DIR/hook\" ]; };"
	wait_until "$PATIENCE" test -e "$DIR/rights"
	# It may be setuid, on purpose.
	grep -Eq "^NoNewPrivs:[[:space:]]*$(field $$ NoNewPrivs)\$" "$DIR/rights"
	[ "$(sed -n 's/^CapBnd:[[:space:]]*//p' "$DIR/rights")" = \
		"$(field "$TIMED_PID" CapBnd)" ]
	[ "$(sed -n 's/^CapEff:[[:space:]]*//p' "$DIR/rights")" = \
		"$(field "$TIMED_PID" CapEff)" ]
}

# ---- Attempts ---------------------------------------------------------------

@test "privileges: what is attempted is refused and logged" {
	local call worker
	filtered || return 0
	# shellcheck disable=SC2034 # for the harness
	ATTEMPTS=yes
	TIMED=$BUILD/t/attempts/timed
	room_start 'workers = 1;'
	worker=$(worker_pids)
	client_start "$(stream_port)"
	wait_until "$PATIENCE" log_has "system call refused; call='bpf'"
	# accept4 is a call of its own; fork is clone.
	for call in openat unlink chmod mkdir socket connect bind execve clone \
		ptrace kill tgkill fcntl setuid chroot unshare mmap io_uring_setup; do
		log_has "error worker 0\[$worker\]: system call refused; call='$call', number='[0-9]+'" || {
			echo "$call is not logged" >&2
			return 1
		}
	done
	# Each was an error to its caller, who serves on.
	wait_until "$PATIENCE" lines_in "$CLIENT_OUT" 2
	[ "$(worker_pids)" = "$worker" ]
	# So it is with the others; what hashes passwords logs as its parent.
	wait_until "$PATIENCE" log_has "error journal\[[0-9]+\]: system call refused; call='socket'"
	wait_until "$PATIENCE" log_has "error keeper\[$(pgrep -P "$TIMED_PID" -f '^timed: keeper')\]: system call refused; call='ptrace'"
	log_has "error keeper\[$(children | awk '$2 == "hasher" { print $1 }')\]: system call refused; call='openat'"
}

# ---- Another user -----------------------------------------------------------

@test "privileges: a reload can make another user of the journal, too" {
	local before after
	if [ "$(id -u)" -ne 0 ]; then
		# Who is not root is who he is.
		timed_start 'user = "daemon";'
		[ "$(field "$(pgrep -P "$TIMED_PID" -f journal)" Uid)" = \
			"$(field "$TIMED_PID" Uid)" ]
		return
	fi
	timed_start 'user = "daemon";'
	before=$(pgrep -P "$TIMED_PID" -f journal)
	[[ $(field "$before" Uid) == "$(id -u daemon) "* ]]
	# The log is not his.
	timed_config 'user = "nobody";'
	kill -HUP "$TIMED_PID"
	wait_until "$PATIENCE" log_has 'reload failed; .*chown it'
	[ "$(pgrep -P "$TIMED_PID" -f journal)" = "$before" ]
	chown -R nobody "$(dirname "$LOG")"
	kill -HUP "$TIMED_PID"
	wait_until "$PATIENCE" gone "$before"
	wait_until "$PATIENCE" pgrep -P "$TIMED_PID" -f journal
	after=$(pgrep -P "$TIMED_PID" -f journal)
	wait_until "$PATIENCE" log_has ' reloaded; .*'
	[[ $(field "$after" Uid) == "$(id -u nobody) "* ]]
	# It can open the next file.
	mv "$LOG" "$LOG.1"
	kill -USR1 "$TIMED_PID"
	wait_until "$PATIENCE" test -e "$LOG"
	[ "$(stat -c %U "$LOG")" = nobody ]
}

# ---- Another root -----------------------------------------------------------

@test "privileges: workers are where there is nothing" {
	local pid role
	mkdir "$DIR/empty"
	room_start "chroot = \"$DIR/empty\";"
	if [ "$(id -u)" -ne 0 ]; then
		log_has 'configuration warning; .*chroot: takes root'
		return
	fi
	while read -r pid role; do
		echo "$role" >&2
		if [ "$role" = worker ]; then
			[ "$(readlink "/proc/$pid/root")" = "$DIR/empty" ]
			[ "$(readlink "/proc/$pid/cwd")" = "$DIR/empty" ]
		else
			[ "$(readlink "/proc/$pid/root")" = / ]
		fi
	done < <(children)
	[ -n "$(timec -q -n 1 "127.0.0.1:$(stream_port)")" ]
	ctl clients >"$DIR/clients"
	# The next ones, too.
	reload "$ROOM" "chroot = \"$DIR/empty\";"
	wait_until "$PATIENCE" settled 2
	[ "$(readlink "/proc/$(worker_pids | head -n 1)/root")" = "$DIR/empty" ]
}

# no_root PATTERN DIR: a configuration with that chroot is refused.
no_root()
{
	timed_config "chroot = \"$2\";"
	run -78 timed -t -c "$CONF"
	grep -Eq "^timed: $CONF:[0-9]+: chroot: .*$1" <<<"$output"
}

@test "privileges: a root that is none is refused" {
	no_root 'must begin with a slash' empty
	[ "$(id -u)" -eq 0 ] || return 0
	no_root "$DIR/none: No such file or directory" "$DIR/none"
	mkdir "$DIR/full" "$DIR/open" "$DIR/other"
	echo x >"$DIR/full/x"
	no_root "$DIR/full: is not empty" "$DIR/full"
	no_root "$DIR/full/x: Not a directory" "$DIR/full/x"
	chmod 1777 "$DIR/open"
	no_root "$DIR/open: others can write it" "$DIR/open"
	chown nobody "$DIR/other"
	no_root "$DIR/other: belongs to another user" "$DIR/other"
}

# ---- Attacks on files -------------------------------------------------------

# refused_start STATUS PATTERN: it does not start, and says so.
refused_start()
{
	run "-$1" timeout 30 timed -f -c "$CONF" </dev/null
	grep -Eq "^timed: .*$2" <<<"$output"
}

# A file that must stay what it is; PRECIOUS.
precious()
{
	PRECIOUS=$DIR/precious
	echo precious >"$PRECIOUS"
	chmod 600 "$PRECIOUS"
	WAS=$(stat -c '%u %g %a %s %i' "$PRECIOUS")
}

# The same, of whom the keeper becomes.
his_precious()
{
	precious
	[ "$(id -u)" -ne 0 ] || chown nobody "$PRECIOUS"
	WAS=$(stat -c '%u %g %a %s %i' "$PRECIOUS")
}

is_untouched()
{
	[ "$(cat "$PRECIOUS")" = precious ]
	[ "$(stat -c '%u %g %a %s %i' "$PRECIOUS")" = "$WAS" ]
}

@test "privileges: a link in the place of the pidfile" {
	precious
	mkdir "$RUN"
	ln -s "$PRECIOUS" "$RUN/timed.pid"
	timed_config
	refused_start 73 "$RUN/timed.pid: is not a plain file"
	is_untouched
	# Nor is one made where it leads.
	ln -sf "$DIR/made" "$RUN/timed.pid"
	refused_start 73 "$RUN/timed.pid: is not a plain file"
	[ ! -e "$DIR/made" ]
}

@test "privileges: links in the places of the control socket" {
	precious
	mkdir "$RUN"
	ln -s "$PRECIOUS" "$RUN/control"
	ln -s "$PRECIOUS" "$RUN/control.new"
	timed_start
	is_untouched
	[ -S "$RUN/control" ] && [ ! -L "$RUN/control" ]
}

@test "privileges: a runtime directory that others can write" {
	mkdir "$RUN"
	timed_config
	chmod 777 "$RUN"
	refused_start 77 "runtime_dir: $RUN: others can write it"
	chmod 1777 "$RUN"
	refused_start 77 "runtime_dir: $RUN: others can write it"
	chmod 775 "$RUN"
	refused_start 77 "runtime_dir: $RUN: its group can write it"
	[ -z "$(ls -A "$RUN")" ]
}

@test "privileges: a runtime directory that is another's" {
	local line
	mkdir "$RUN"
	if [ "$(id -u)" -eq 0 ]; then
		chown nobody "$RUN"
		line="$RUN: belongs to another user"
	else
		rmdir "$RUN"
		RUN=/
		line='/|cannot'
	fi
	timed_config "runtime_dir = \"$RUN\";"
	refused_start '7[37]' "$line" || refused_start 77 "$line" ||
		refused_start 73 "$line"
}

@test "privileges: for root the way to the runtime directory is its own, too" {
	mkdir "$DIR/his" "$DIR/his/run"
	timed_config "runtime_dir = \"$DIR/his/run\";"
	[ "$(id -u)" -eq 0 ] || return 0
	chown nobody "$DIR/his"
	refused_start 77 "runtime_dir: $DIR/his: belongs to another user"
}

# The directory of the log, as that of whom the journal becomes.
his_directory()
{
	mkdir "$1"
	[ "$(id -u)" -ne 0 ] || chown nobody "$1"
}

@test "privileges: a link in the place of the log" {
	precious
	his_directory "$DIR/log"
	ln -s "$PRECIOUS" "$LOG"
	timed_config
	refused_start 73 "$LOG: Too many levels of symbolic links"
	is_untouched
	ln -sf "$DIR/made" "$LOG"
	refused_start 73 "$LOG: Too many levels of symbolic links"
	[ ! -e "$DIR/made" ]
}

@test "privileges: a link in the place of the log while timed runs" {
	precious
	his_directory "$DIR/log"
	timed_start
	mv "$LOG" "$LOG.1"
	ln -s "$PRECIOUS" "$LOG"
	kill -USR1 "$TIMED_PID"
	wait_until "$PATIENCE" file_has "$LOG.1" 'log file not opened.*symbolic links'
	kill -USR1 "$TIMED_PID"
	is_untouched
	rm "$LOG"
	mv "$LOG.1" "$LOG"
}

@test "privileges: a link in the place of the log's directory" {
	local was
	[ "$(id -u)" -eq 0 ] || return 0
	his_directory "$DIR/his"
	mkdir "$DIR/roots"
	was=$(stat -c '%u %g %a %i' "$DIR/roots")
	ln -s "$DIR/roots" "$DIR/his/log"
	timed_config "log = { file = \"$DIR/his/log/timed.log\"; };"
	refused_start 77 "$DIR/his/log/timed.log: Permission denied"
	[ "$(stat -c '%u %g %a %i' "$DIR/roots")" = "$was" ]
	[ -z "$(ls -A "$DIR/roots")" ]
	# One that has nobody's name is made, and his.
	timed_config "log = { file = \"$DIR/his/new/timed.log\"; };"
	timed_launch
	wait_until "$PATIENCE" timed_ready
	[ "$(stat -c '%U %a' "$DIR/his/new")" = 'nobody 750' ]
}

@test "privileges: a log that only root may write stays root's" {
	[ "$(id -u)" -eq 0 ] || return 0
	precious
	his_directory "$DIR/log"
	# A name that leads to it without being a link.
	ln "$PRECIOUS" "$LOG"
	WAS=$(stat -c '%u %g %a %s %i' "$PRECIOUS")
	timed_config
	refused_start 77 "$LOG"
	is_untouched
}

@test "privileges: a link in the place of the database" {
	local name
	his_directory "$STATE"
	# Empty, which to SQLite is a database that is to be filled.
	his_directory "$DIR/kept"
	: >"$DIR/kept/empty"
	[ "$(id -u)" -ne 0 ] || chown nobody "$DIR/kept/empty"
	ln -s "$DIR/kept/empty" "$STATE/timed.db"
	timed_start "$ROOM"
	wait_until "$PATIENCE" log_has "store failed; file='$STATE/timed.db'"
	[ ! -s "$DIR/kept/empty" ]
	his_precious
	rm "$STATE/timed.db"
	wait_until "$PATIENCE" log_has 'store recovered'
	timed_stop
	rm "$LOG"
	# Beside one that is there.
	for name in wal shm; do
		ln -s "$PRECIOUS" "$STATE/timed.db-$name"
		timed_start "$ROOM"
		wait_until "$PATIENCE" log_has "store failed; file='$STATE/timed.db'"
		is_untouched
		timed_stop
		rm "$STATE/timed.db-$name" "$LOG"
	done
}

@test "privileges: a link on the way to the database is nobody else's matter" {
	his_directory "$DIR/kept"
	ln -s kept "$STATE"
	room_start
	wait_until "$PATIENCE" test -e "$DIR/kept/timed.db"
	run ! log_has 'store failed'
}

@test "privileges: directories that are made are their owner's" {
	local user
	user=$(id -un)
	[ "$user" != root ] || user=nobody
	room_start
	[ "$(stat -c '%U %a' "$DIR/log")" = "$user 750" ]
	[ "$(stat -c '%U %a' "$STATE")" = "$user 750" ]
	[ "$(stat -c '%U %a' "$RUN")" = "$(id -un) 755" ]
	[ "$(stat -c '%a' "$STATE/timed.db")" = 600 ]
	[ "$(stat -c '%a' "$RUN/scoreboard")" = 644 ]
	[ "$(stat -c '%U %a' "$RUN/timed.pid")" = "$(id -un) 644" ]
}

# ---- What a service manager leaves -------------------------------------------

# Every call that the SystemCallFilter= of the files allows, one a line.
calls_of()
{
	local line set sign
	sed -n 's/^SystemCallFilter=//p' "$@" |
		while read -r line; do
			sign=+
			[[ $line != \~* ]] || sign=-
			for set in ${line#\~}; do
				members "$set"
			done | sed "s/^/$sign/"
		done | awk '
			{ call = substr($0, 2); allowed[call] = /^\+/ }
			END { for (call in allowed) if (allowed[call]) print call }'
}

# members SET: the calls in it, and in those in it.
members()
{
	local member
	if [[ $1 != @* ]]; then
		echo "$1"
		return
	fi
	for member in $(systemd-analyze syscall-filter "$1" 2>/dev/null |
		sed -n 's/^    *//p' | grep -v '^#'); do
		members "$member"
	done
}

@test "privileges: the units allow all that timed needs" {
	local pid
	filtered || return 0
	calls_of "$SRC/etc/timed.service.in" >"$DIR/calls"
	[ "$(wc -l <"$DIR/calls")" -gt 200 ]
	run ! grep -Exq 'adjtimex|capset|lchown|setpriority' "$DIR/calls"
	chmod 777 "$DIR"
	timed_config "$ROOM"
	sed -i '/^user/d' "$CONF"
	[ "$(id -u)" -ne 0 ] || NET=(setpriv --reuid=nobody
		--regid="$(id -g nobody)" --clear-groups --inh-caps=-all
		--bounding-set=-all)
	[ "$(id -u)" -ne 0 ] || cp "$BUILD/timed" "$DIR/timed"
	[ "$(id -u)" -ne 0 ] || TIMED=$DIR/timed
	start "$DIR/stdout" "$ERR" "${NET[@]}" bash -c \
		"exec '$BUILD/t/attempts/allowing' '$TIMED' -f -c '$CONF' <'$DIR/calls'"
	TIMED_PID=$PID
	wait_until "$PATIENCE" timed_ready
	wait_until "$PATIENCE" complete
	for pid in $(children | cut -d ' ' -f 1); do
		[ "$(field "$pid" NoNewPrivs)" -eq 1 ]
	done
	kill -HUP "$TIMED_PID"
	wait_until "$PATIENCE" reloads 1
	run ! log_has 'error|not permitted'
	timed_stop
}
