#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# make demo: timed as it was built, on its defaults, with a directory of its
# own, and timec watching it until Ctrl-C.  DEMO_LINES=N ends timec after N
# lines.

deadline=10 # seconds, for timed to be ready
client=
server=

dir=$(mktemp -d "${TMPDIR:-/tmp}/timed-demo.XXXXXX") || exit 73
chmod 0711 "$dir"

# However this ends: stop both, wait for them, remove the directory.
# shellcheck disable=SC2317 # the trap calls it
cleanup()
{
	trap '' HUP INT TERM
	# timec is not waited for: a wait for it may have been ended by the
	# signal, and bash then waits for it once more, and in vain.
	[ -z "$client" ] || kill "$client" 2>/dev/null
	if [ -n "$server" ]; then
		kill "$server" 2>/dev/null
		wait "$server" 2>/dev/null
	fi
	rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 0' HUP INT TERM

# Wait for what never comes, for a twentieth of a second or until a signal.
mkfifo "$dir/never"
exec {never}<>"$dir/never"
pause()
{
	read -r -t 0.05 -u "$never"
}

# timed says where it failed, and this is what it said.
failed()
{
	cat "$dir/stderr" >&2
	echo "demo: timed $1" >&2
	exit "$2"
}

# The directories as systemd would name them.  In a session of its own, so
# that Ctrl-C reaches timec and this script alone, which then stops timed.
RUNTIME_DIRECTORY=$dir/run STATE_DIRECTORY=$dir/state \
	LOGS_DIRECTORY=$dir/log \
	setsid timed -f -c /dev/null 2>"$dir/stderr" {never}>&- &
server=$!

until timedctl -r "$dir/run" -j status >"$dir/status" 2>/dev/null; do
	if ! kill -0 "$server" 2>/dev/null; then
		wait "$server"
		status=$?
		server=
		failed "ended with status $status" "$status"
	fi
	[ $SECONDS -lt $deadline ] ||
		failed "is not ready after $deadline seconds" 69
	pause
done

cat <<END
timed serves the time at localhost:6013 until Ctrl-C.
From another terminal: $(command -v timedctl) -r $dir/run status
END

watch=(timec ${DEMO_LINES:+-n "$DEMO_LINES"} stream 127.0.0.1:6013)
if [ -t 0 ]; then
	# A foreground job of its own, so that Ctrl-C does not reach make.
	set -m
	"${watch[@]}" {never}>&-
else
	# In the background, since only wait is ended by a signal at once.
	"${watch[@]}" {never}>&- &
	client=$!
	wait "$client"
fi
status=$?
client=
[ $status -ne 130 ] || status=0 # SIGINT is how this is meant to end
exit $status
