#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# Out of descriptors: whoever is served stays served, the others wait, and
# neither the processor nor the log has anything to do.

load lib

# Clients that write the number of those with a line to $DIR/served, and
# close half of them when $DIR/close is there.
write_crowd()
{
	cat >"$DIR/crowd.py" <<-'END'
		import os, select, socket, sys, time

		directory, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
		crowd = [socket.create_connection(("127.0.0.1", port)) for _ in range(count)]
		lines = {s: 0 for s in crowd}
		closed = False
		end = time.monotonic() + 60
		while time.monotonic() < end:
		    for s in select.select(list(lines), [], [], 0.1)[0]:
		        data = s.recv(4096)
		        if not data:
		            sys.exit("a client was cut off")
		        lines[s] += data.count(b"\n")
		    served = sum(n > 0 for n in lines.values())
		    least = min((n for n in lines.values() if n), default=0)
		    with open(directory + "/served.new", "w") as out:
		        print(served, least, file=out)
		    os.rename(directory + "/served.new", directory + "/served")
		    if not closed and os.path.exists(directory + "/close"):
		        closed = True
		        for s in [s for s, n in lines.items() if n][: served // 2]:
		            s.close()
		            del lines[s]
	END
}

# Has every client that was ever served had $1 lines, and are they $2?
served()
{
	local number least
	[ -e "$DIR/served" ] || return
	read -r number least <"$DIR/served"
	[ "$least" -ge "$1" ] && test "$number" "$2" "$3"
}

@test "descriptors: those who are served stay, the others wait for one" {
	local worker before after some
	timed_config 'workers = 1;'
	start "$DIR/stdout" "$ERR" prlimit --nofile=48:48 timed -f -c "$CONF"
	# shellcheck disable=SC2034 # for the harness
	TIMED_PID=$PID
	wait_until "$PATIENCE" timed_ready
	write_crowd
	start "$DIR/crowd.out" "$DIR/crowd.err" \
		python3 "$DIR/crowd.py" "$DIR" "$(stream_port)" 80
	wait_until "$PATIENCE" served 2 -gt 20
	read -r some _ <"$DIR/served"
	[ "$some" -lt 48 ]
	worker=$(worker_pids)
	before=$(cpu_of "$worker")
	# Five more seconds of waiting at the door.
	wait_until "$PATIENCE" served 7 -eq "$some"
	after=$(cpu_of "$worker")
	echo "ticks of processor time: $before, $after" >&2
	[ $((after - before)) -lt 25 ]
	[ "$(grep -c "accept failed; error='Too many open files'" "$LOG")" -eq 1 ]

	# A new worker has room for them, whoever waits at the door.
	kill -HUP "$TIMED_PID"
	wait_until "$PATIENCE" settled 1
	wait_until "$PATIENCE" reloads 1
	[ "$(worker_pids)" != "$worker" ]
	worker=$(worker_pids)
	wait_until "$PATIENCE" served 20 -eq "$some"

	# Some leave, and as many of those who wait come in.
	: >"$DIR/close"
	wait_until "$PATIENCE" status_is ".totals.accepted > $some"
	wait_until "$PATIENCE" served 1 -eq "$some"
	[ "$(worker_pids)" = "$worker" ]
	[ ! -s "$DIR/crowd.err" ]
}
