#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# make install, make uninstall and make demo.

# shellcheck disable=SC2030,SC2031 # each test is a process of its own

load lib

bats_require_minimum_version 1.5.0

setup()
{
	harness_setup
	ROOT=$DIR/root
	# Ours is none of the make that runs the tests.
	unset MAKEFLAGS MFLAGS MAKELEVEL DESTDIR DEMO_LINES
}

# variable NAME: as the Makefile has it.
variable()
{
	# shellcheck disable=SC2016 # make's
	printf 'include Makefile\nprint-it:\n\t@echo "$(%s)"\n' "$1" |
		make -s -C "$BUILD" -f - print-it
}

install_it()
{
	make -s -C "$BUILD" install DESTDIR="$ROOT" >"$DIR/install" 2>&1
}

uninstall_it()
{
	make -s -C "$BUILD" uninstall DESTDIR="$ROOT" >"$DIR/uninstall" 2>&1
}

# installed MODE FILE: it is there, and so are its permissions.
installed()
{
	local file=$ROOT$2
	[ -f "$file" ] || {
		echo "$file is not there" >&2
		return 1
	}
	[ "$(stat -c %a "$file")" = "$1" ]
}

# ---- make install -----------------------------------------------------------

@test "install: what is where" {
	local bin sbin sysconf prefix doc units
	install_it
	bin=$(variable bindir) sbin=$(variable sbindir)
	sysconf=$(variable sysconfdir) prefix=$(variable prefix)
	doc=$(variable docdir) units=$(variable systemdsystemunitdir)
	installed 755 "$sbin/timed"
	installed 755 "$sbin/timedctl"
	installed 755 "$bin/timec"
	installed 755 "$bin/timebench"
	installed 644 "$sysconf/timed.conf"
	installed 644 "$sysconf/logrotate.d/timed"
	installed 644 "$prefix/lib/sysusers.d/timed.conf"
	installed 644 "$prefix/lib/tmpfiles.d/timed.conf"
	installed 644 "$doc/timed.conf.sample"
	installed 644 "$doc/timed-ports.conf"
	installed 644 "$(variable datadir)/bash-completion/completions/timedctl"
	[ "$units" = no ] || installed 644 "$units/timed.service"
	[ "$units" = no ] || installed 644 "$units/timed.socket"
}

@test "install: the manual pages are where man finds them" {
	local page pages
	install_it
	pages=$(variable man_MANS)
	for page in $pages; do
		installed 644 "$(variable mandir)/man${page##*.}/${page##*/}"
	done
	# Those that there are sources of.
	for page in "$SRC"/man/*.in; do
		[ -e "$page" ] || continue
		[[ " $pages " == *" man/$(basename "$page" .in) "* ]]
	done
}

@test "install: what was installed runs, and knows its directories" {
	local sbin
	install_it
	sbin=$ROOT$(variable sbindir)
	[[ $("$sbin/timed" -V) == "timed $(variable VERSION)" ]]
	"$sbin/timed" --help | grep -Fq "$(variable sysconfdir)/timed.conf"
	"$sbin/timedctl" --help | grep -Fq "$(variable runstatedir)/timed"
	run -0 "$sbin/timed" -t -c "$ROOT$(variable sysconfdir)/timed.conf"
}

@test "install: nothing has a place that is still to be filled in" {
	install_it
	run -1 grep -rEIn '@[A-Za-z_]+@' "$ROOT"
	[ -z "$output" ]
	# Nor the place where it was put together.
	run -1 grep -rFIl -e "$ROOT" -e "$BUILD" "$ROOT"
}

@test "install: the files that go together agree on where things are" {
	local state
	install_it
	state=$(variable localstatedir)
	grep -Fq "$state/log/timed/timed.log" \
		"$ROOT$(variable sysconfdir)/logrotate.d/timed"
	grep -Fq "$(variable runstatedir)/timed/timed.pid" \
		"$ROOT$(variable sysconfdir)/logrotate.d/timed"
	for each in "$(variable runstatedir)/timed" "$state/lib/timed" \
		"$state/log/timed"; do
		grep -Eq "^d $each " \
			"$ROOT$(variable prefix)/lib/tmpfiles.d/timed.conf"
	done
	grep -q '^u timed ' "$ROOT$(variable prefix)/lib/sysusers.d/timed.conf"
}

@test "install: a timed.conf that is there is kept" {
	local conf
	conf=$ROOT$(variable sysconfdir)/timed.conf
	mkdir -p "${conf%/*}"
	echo '# mine' >"$conf"
	install_it
	[ "$(cat "$conf")" = '# mine' ]
	# What it would have been is there to look at.
	cmp "$BUILD/etc/timed.conf" "$ROOT$(variable docdir)/timed.conf.sample"
	install_it
	[ "$(cat "$conf")" = '# mine' ]
}

@test "install: twice is as once" {
	install_it
	(cd "$ROOT" && find . -type f -exec cksum {} + | sort -k3) >"$DIR/once"
	install_it
	(cd "$ROOT" && find . -type f -exec cksum {} + | sort -k3) >"$DIR/twice"
	diff "$DIR/once" "$DIR/twice"
}

@test "install: uninstall removes every file" {
	install_it
	[ "$(find "$ROOT" ! -type d | wc -l)" -ge 10 ]
	uninstall_it
	run -0 find "$ROOT" ! -type d
	[ -z "$output" ]
}

@test "install: uninstall keeps a timed.conf that was changed" {
	local conf
	install_it
	conf=$ROOT$(variable sysconfdir)/timed.conf
	echo '# mine' >>"$conf"
	uninstall_it
	run -0 find "$ROOT" ! -type d
	[ "$output" = "$conf" ]
}

@test "install: uninstall removes nothing else" {
	install_it
	echo other >"$ROOT$(variable sysconfdir)/other.conf"
	echo other >"$ROOT$(variable bindir)/other"
	uninstall_it
	[ "$(find "$ROOT" ! -type d | wc -l)" -eq 2 ]
}

@test "install: the log file can be rotated as installed" {
	local state
	install_it
	state=$(variable localstatedir)
	# As an installation of its own, of whoever runs this.
	sed -e "s|$state/log/timed|$DIR/log|; s|$(variable runstatedir)/timed|$RUN|" \
		-e "/^[[:space:]]*su /d" \
		"$ROOT$(variable sysconfdir)/logrotate.d/timed" >"$DIR/rotate"
	timed_start
	wait_until "$PATIENCE" log_has ' started;'
	mv "$LOG" "$LOG.1"
	# What stands between postrotate and endscript is for a shell.
	sed -n '/postrotate/,/endscript/{//!p}' "$DIR/rotate" >"$DIR/script"
	[ -s "$DIR/script" ]
	sh -e "$DIR/script"
	wait_until "$PATIENCE" test -e "$LOG"
	timed_stop
	# Without a timed there is nothing to do, and no error.
	sh -e "$DIR/script"
}

# ---- make demo --------------------------------------------------------------

# The demo has the default port, and so only one at a time can run; in a
# network of its own, where one may be made.
# What is started in the background has SIGINT ignored.
#
# demo COMMAND...
demo()
{
	local alone=()
	if [ "$(id -u)" -eq 0 ] && unshare --net true 2>/dev/null; then
		# shellcheck disable=SC2016 # for that shell
		alone=(unshare --net bash -c 'ip link set lo up && exec "$@"' bash)
	fi
	mkdir -p "$DIR/tmp"
	chmod 0711 "$DIR/tmp"
	# One demo at a time on this machine, whoever's; until this test ends.
	exec {LOCK}</tmp
	flock "$LOCK"
	start "$DIR/stdout" "$ERR" env --default-signal=INT \
		TMPDIR="$DIR/tmp" "${alone[@]}" "$@" \
		{LOCK}>&-
	DEMO=$PID
}

make_demo()
{
	demo "$@" make -s -C "$BUILD" demo
}

# Nothing is left: no process of it, no file.
nothing_left()
{
	wait_until "$PATIENCE" session_gone "$DEMO"
	run ! pgrep -f "$DIR/tmp"
	[ -z "$(ls -A "$DIR/tmp")" ]
}

# shown N: have N lines with the time come?
shown()
{
	[ "$(grep -Ec '^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8}$' "$DIR/stdout")" -ge "$1" ]
}

@test "install: the demo shows the time, and leaves nothing" {
	make_demo env DEMO_LINES=2
	wait_until 30 gone "$DEMO"
	wait "$DEMO"
	shown 2
	grep -q '^timed serves the time at .*:6013' "$DIR/stdout"
	nothing_left
}

@test "install: Ctrl-C ends the demo, which leaves nothing" {
	local directory master status
	demo env PATH="$PATH" bash "$SRC/src/tools/demo.sh"
	wait_until 30 shown 2
	# Its timed has a session of its own.
	directory=$(find "$DIR/tmp" -mindepth 1 -maxdepth 1)
	master=$(cat "$directory/run/timed.pid")
	run ! gone "$master"
	# As a terminal does: to the whole process group.
	kill -INT -- "-$DEMO"
	wait_until "$PATIENCE" gone "$DEMO"
	status=0
	wait "$DEMO" || status=$?
	echo "status $status" >&2
	[ "$status" -eq 0 ]
	gone "$master"
	nothing_left
}

@test "install: Ctrl-C at a terminal ends make demo with 0" {
	local status=0
	# A terminal, on which somebody types ^C after two lines.
	cat >"$DIR/terminal.py" <<-'END'
		import os, pty, re, select, sys

		pid, fd = pty.fork()
		if pid == 0:
		    os.execvp(sys.argv[1], sys.argv[1:])
		text, typed = b"", False
		while True:
		    if not select.select([fd], [], [], 40)[0]:
		        sys.exit("nothing came: %r" % text)
		    try:
		        bytes = os.read(fd, 4096)
		    except OSError:
		        bytes = b""
		    if not bytes:
		        break
		    text += bytes
		    lines = re.findall(rb"^\d{4}-\d\d-\d\d [\d:]{8}\r$", text, re.M)
		    if len(lines) >= 2 and not typed:
		        typed = True
		        os.write(fd, b"\003")
		os.write(1, text)
		sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
	END
	demo python3 "$DIR/terminal.py" make -s -C "$BUILD" demo
	wait_until 60 gone "$DEMO"
	wait "$DEMO" || status=$?
	echo "status $status" >&2
	[ "$status" -eq 0 ]
	[ "$(grep -Ec '^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8}' "$DIR/stdout")" -ge 2 ]
	# make has nothing to complain about.
	run ! grep -q 'Error' "$DIR/stdout"
	nothing_left
}

@test "install: a demo that cannot have its port says so" {
	local status=0
	# shellcheck disable=SC2016 # for that shell
	demo bash -c 'nc -lk 127.0.0.1 6013 >/dev/null & nc=$!
		until nc -z 127.0.0.1 6013; do :; done
		bash "$1"; status=$?
		kill $nc
		exit $status' bash "$SRC/src/tools/demo.sh"
	wait_until 30 gone "$DEMO"
	wait "$DEMO" || status=$?
	[ "$status" -eq 73 ]
	grep -q '^timed: .*127\.0\.0\.1:6013.*Address already in use' "$ERR"
	grep -q '^demo: timed ended with status 73' "$ERR"
	nothing_left
}
