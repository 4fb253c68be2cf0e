#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# What timed needs goes away and comes back: space on its disks, the system's
# logger, descriptors.  Who is served stays served, the log says so a few times,
# and afterwards all is as it was.  HACKING has the table of faults.

load lib
load chat

# space_start COMMANDS [LATER]: a shell runs them in a mount namespace of its own,
# in which timed is started from here on, and "${NET[@]}" COMMAND... is run; it
# runs LATER when space_change is called.
space_start()
{
	local own=(unshare --mount) into=(nsenter --mount)
	if [ "$(id -u)" -ne 0 ]; then
		own+=(--user --map-user=65534 --map-group=65534 --keep-caps)
		into+=(--preserve-credentials --user)
	fi
	mkfifo "$DIR/later"
	start "$DIR/space" "$DIR/space.err" "${own[@]}" sh -ec "
		$1
		echo up
		read -r line <'$DIR/later'
		${2-}
		echo changed
		exec tail -f /dev/null"
	NET=("${into[@]}" --target "$PID")
	wait_until "$PATIENCE" lines_in "$DIR/space" 1
}

space_change()
{
	echo >"$DIR/later"
	wait_until "$PATIENCE" lines_in "$DIR/space" 2
}

# Its directories are there alone.
timedctl()
{
	"${NET[@]}" "$BUILD/timedctl" "$@"
}

# disk DIRECTORY SIZE [MODE]: for space_start, a disk of so many KiB.
disk()
{
	echo "mkdir -p '$1'; mount -t tmpfs -o size=${2}k,mode=${3-0777} none '$1';"
}

# fill DIRECTORY, free DIRECTORY: there is no room left on it, there is again.
fill()
{
	"${NET[@]}" sh -c "cat /dev/zero >'$1/filler' 2>/dev/null || :"
	"${NET[@]}" sh -c "! (echo more >'$1/more') 2>/dev/null"
}

free()
{
	"${NET[@]}" rm -f "$1/filler" "$1/more"
}

# The client of CLIENT_OUT has another two lines, and has missed none.
served_on()
{
	local lines
	lines=$(wc -l <"$CLIENT_OUT")
	wait_until "$PATIENCE" lines_in "$CLIENT_OUT" $((lines + 2))
	consecutive "$CLIENT_OUT"
}

@test "faults: the runtime directory is full: reloads, crashes and upgrades go on" {
	local victim
	space_start "$(disk "$RUN" 2400 0755)"
	timed_start 'workers = 2;' "$(stream 'format = "%s";')"
	client_start
	fill "$RUN"
	served_on
	reload 'workers = 3;' "$(stream 'format = "%s";')"
	wait_until "$PATIENCE" settled 3
	served_on
	victim=$(status 'first(.workers[] | select(.connections == 0) | .pid)')
	kill -KILL "$victim"
	wait_until "$PATIENCE" status_is ".totals.crashes == 1 and (.workers | length) == 3"
	timedctl -r "$RUN" pause >/dev/null
	timedctl -r "$RUN" resume >/dev/null
	kill -USR2 "$TIMED_PID"
	wait_until "$PATIENCE" log_has ' upgraded; '
	wait_until "$PATIENCE" settled 3
	served_on
	free "$RUN"
	[ "$("${NET[@]}" cat "$RUN/timed.pid")" = "$TIMED_PID" ]
	timed_stop
}

@test "faults: the log's disk is full: who is served misses nothing, and what is lost is said" {
	space_start "$(disk "${LOG%/*}" 64)"
	timed_start 'workers = 1;' "$(stream 'format = "%s";')"
	client_start
	fill "${LOG%/*}"
	for _ in {1..50}; do
		timedctl -r "$RUN" -j clients >/dev/null
	done
	kill -HUP "$TIMED_PID"
	wait_until "$PATIENCE" reloads 1
	served_on
	free "${LOG%/*}"
	kill -HUP "$TIMED_PID"
	wait_until "$PATIENCE" reloads 2
	wait_until "$PATIENCE" "${NET[@]}" grep -q ' log lines lost; ' "$LOG"
	served_on
}

@test "faults: the state directory is for reading alone: the room says so, and is there again" {
	space_start "$(disk "$STATE" 4096) mount -o remount,ro '$STATE'" \
		"mount -o remount,rw '$STATE'"
	timed_start 'workers = 1;' "$(chat 'login_pause = 0.1;')"
	room <<-'EOF'
		ada = Client()
		deadline = time.monotonic() + PATIENCE
		while b"nobody can log in just now" not in ada.rest:
		    if ada.rest.endswith(b"name: "):
		        ada.rest = b""
		        ada.say("eve")
		    if ada.rest.endswith(b"password: "):
		        ada.rest = b""
		        ada.say(PASSWORD)
		    ada.read(deadline)
	EOF
	wait_until "$PATIENCE" log_has ' store failed; '
	space_change
	wait_until "$PATIENCE" log_has ' store recovered'
	room <<-'EOF'
		ada = Client("ada", ack=True)
		ada.say("hello")
		ada.expect(r"\+ \d+")
	EOF
	[ "$(grep -c ' store failed; ' "$LOG")" -le 2 ]
}

# log_counts PATTERN N: has the log so many such lines?
log_counts()
{
	[ "$(grep -c "$1" "$LOG")" -eq "$2" ]
}

# A logger at /dev/log that writes what it hears to $DIR/heard.
logger_start()
{
	program logger.py <<-'EOF'
		import os, socket, sys
		s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		s.bind("/dev/log")
		os.chmod("/dev/log", 0o666)
		print("up", flush=True)
		while True:
		    print(s.recv(8192).decode(), flush=True)
	EOF
	start "$DIR/heard" "$DIR/heard.err" "${NET[@]}" python3 "$DIR/logger.py"
	LOGGER=$PID
	wait_until "$PATIENCE" lines_in "$DIR/heard" 1
}

@test "faults: /dev/log goes away and comes back: the log file has all, and syslog what comes then" {
	local node nodes=''
	for node in null zero full random urandom tty; do
		[ ! -e "/dev/$node" ] ||
			nodes+="touch '$DIR/dev/$node'; mount --bind /dev/$node '$DIR/dev/$node';"
	done
	mkdir "$DIR/dev"
	space_start "mount -t tmpfs -o mode=0777 none '$DIR/dev'; $nodes
		mkdir '$DIR/dev/shm'; ln -s /proc/self/fd '$DIR/dev/fd'
		mount --rbind '$DIR/dev' /dev"
	logger_start
	timed_start 'workers = 1;' "$(stream 'format = "%s";')" \
		"log = { file = \"$LOG\"; level = \"info\"; syslog = true; };"
	wait_until "$PATIENCE" file_has "$DIR/heard" 'started'
	client_start
	kill "$LOGGER"
	wait_until "$PATIENCE" gone "$LOGGER"
	kill -HUP "$TIMED_PID"
	wait_until "$PATIENCE" reloads 1
	"${NET[@]}" rm -f /dev/log
	kill -HUP "$TIMED_PID"
	wait_until "$PATIENCE" reloads 2
	served_on
	logger_start
	kill -HUP "$TIMED_PID"
	wait_until "$PATIENCE" reloads 3
	wait_until "$PATIENCE" file_has "$DIR/heard" 'reloaded'
	wait_until "$PATIENCE" log_counts ' reloaded; ' 3
	[ "$(grep -c ' journal crashed' "$LOG")" -eq 0 ]
	served_on
}

# 500 clients, of whom those who have a line want every one; each second the
# number of these goes to $DIR/served.
write_crowd()
{
	program crowd.py <<-'EOF'
		import os, resource, selectors, socket, sys, time
		directory, port = sys.argv[1], int(sys.argv[2])
		hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
		resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
		loop, last, said = selectors.DefaultSelector(), {}, 0
		for _ in range(500):
		    s = socket.create_connection(("127.0.0.1", port), 20)
		    loop.register(s, selectors.EVENT_READ)
		left = False
		while True:
		    for key, _ in loop.select(0.1):
		        s = key.fileobj
		        data = s.recv(65536)
		        assert data.endswith(b"\n"), "cut off: %r" % data
		        for line in data.split():
		            # The first one is of the second that is.
		            assert s not in last or int(line) == last[s] + 1, (line, last[s])
		            last[s] = int(line)
		    if not left and os.path.exists(directory + "/leave"):
		        left = True
		        for s in list(last)[:10]:
		            loop.unregister(s)
		            s.close()
		            del last[s]
		    if time.monotonic() - said > 0.2:
		        said = time.monotonic()
		        with open(directory + "/served.new", "w") as out:
		            print(len(last), file=out)
		        os.rename(directory + "/served.new", directory + "/served")
	EOF
}

# number OPERATOR N: is the number of those who are served so?
number()
{
	[ -s "$DIR/served" ] && test "$(cat "$DIR/served")" "$1" "$2"
}

# Until so many boundaries more have passed.
boundaries()
{
	wait_until "$PATIENCE" clock_reaches $((EPOCHSECONDS + $1))
}

@test "faults: 64 descriptors and 500 clients: nobody spins, and those who are served miss nothing" {
	local some pid used=0
	timed_config 'workers = 2;' "$(stream 'format = "%s";')" \
		"log = { file = \"$LOG\"; level = \"info\"; syslog = false; };"
	start "$DIR/stdout" "$ERR" prlimit --nofile=64:64 timed -f -c "$CONF"
	# shellcheck disable=SC2034 # for the harness
	TIMED_PID=$PID
	wait_until "$PATIENCE" timed_ready
	write_crowd
	start "$DIR/crowd" "$DIR/crowd.err" python3 "$DIR/crowd.py" "$DIR" "$(stream_port)"
	wait_until "$PATIENCE" log_has 'accept failed; '
	wait_until "$PATIENCE" number -gt 50
	wait_until "$PATIENCE" status_is '.totals.accepted > 50'
	boundaries 2
	some=$(cat "$DIR/served")
	for pid in "$TIMED_PID" $(worker_pids); do
		used=$((used - $(cpu_of "$pid")))
	done
	boundaries 6
	for pid in "$TIMED_PID" $(worker_pids); do
		used=$((used + $(cpu_of "$pid")))
	done
	# A quarter of a processor, over six seconds, would be 150 of 100 each.
	echo "$some of 500 are served; $used clock ticks in six seconds"
	[ "$used" -lt $((3 * $(getconf CLK_TCK) / 2)) ]
	number -eq "$some"
	[ "$(grep -c 'accept failed; ' "$LOG")" -le 2 ]
	# As many come in as leave, at once.
	: >"$DIR/leave"
	wait_until "$PATIENCE" status_is ".totals.accepted >= $some + 10"
	wait_until "$PATIENCE" number -eq "$some"
	[ ! -s "$DIR/crowd.err" ]
}
