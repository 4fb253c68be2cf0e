#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck disable=SC2030,SC2031 # each test has a shell of its own
#
# Processes that die or hang: they are replaced, nothing that was counted is
# lost, and those who are not concerned do not notice.

load lib

FORMAT='services = ( { type = "stream"; listen = [ "127.0.0.1:0" ];
	format = "%s"; } );'

# serving N: do so many workers serve?
serving()
{
	status_is "[.workers[] | select(.state == \"serving\")] | length == $1"
}

# serving_without PID N: so many, and none of them is PID?
serving_without()
{
	status_is "[.workers[] | select(.state == \"serving\") | .pid] |
		length == $2 and all(.[]; . != $1)"
}

@test "crash: a worker that is killed is replaced, and the other clients miss nothing" {
	local i files=() pids=() victim had left=0 lines
	timed_start 'workers = 3;' "$FORMAT"
	for i in {1..12}; do
		client_start
		files+=("$CLIENT_OUT")
		pids+=("$CLIENT_PID")
	done
	# So long that every worker has been alive for a while.
	for i in "${files[@]}"; do
		wait_until "$PATIENCE" lines_in "$i" 3
	done
	victim=$(status '.workers[0].pid')
	had=$(status '.workers[0].connections')
	[ "$had" -gt 0 ]
	kill -KILL "$victim"
	wait_until "$PATIENCE" serving_without "$victim" 3
	status_is ".totals.connections == $((12 - had)) and .totals.crashes == 1 and
		.totals.accepted == 12 and .totals.closed == $had"
	log_has "error master.* worker crashed; worker='0', pid='$victim', .*reason='signal 9 \(Killed\)'"
	# At once: there was nothing to wait for.
	run log_has "delay_ms="
	[ "$status" -ne 0 ]

	lines=$(wc -l <"${files[0]}")
	for i in "${!files[@]}"; do
		if gone "${pids[i]}"; then
			left=$((left + 1))
			continue
		fi
		wait_until "$PATIENCE" lines_in "${files[i]}" $((lines + 3))
		consecutive "${files[i]}"
	done
	[ "$left" -eq "$had" ]
}

@test "crash: totals never go back, whenever workers are killed" {
	local i victim victims count
	timed_start 'workers = 4;' 'services = ( { type = "stream";
		listen = [ "127.0.0.1:0" ]; interval = 0.05; } );'
	cat >"$DIR/come.py" <<-'EOF'
		import select, socket, struct, sys
		# Some come and go, some stay until they are left.
		held = []
		while True:
		    s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 20)
		    held.append(s)
		    try:
		        s.recv(64)
		    except OSError:
		        pass
		    if len(held) > 40:
		        s = held.pop(0)
		        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
		        s.close()
	EOF
	start "$DIR/come" "$DIR/come.err" python3 "$DIR/come.py" "$(stream_port)"
	local come=$PID
	# shellcheck disable=SC2016 # for that shell
	start "$DIR/samples" "$DIR/samples.err" bash -c \
		'while timedctl -r "$1" -j status; do :; done' - "$RUN"
	local sampler=$PID
	for i in {1..20}; do
		wait_until "$PATIENCE" status_is '[.workers[] |
			select(.state == "serving")] | length >= 2'
		count=$(wc -l <"$DIR/samples")
		wait_until "$PATIENCE" lines_in "$DIR/samples" $((count + 1 + RANDOM % 20))
		mapfile -t victims < <(status '.workers[] | select(.state == "serving") | .pid')
		victim=${victims[RANDOM % ${#victims[@]}]}
		kill -KILL "$victim"
		wait_until "$PATIENCE" gone "$victim"
	done
	wait_until "$PATIENCE" status_is '.totals.crashes == 20'
	count=$(wc -l <"$DIR/samples")
	wait_until "$PATIENCE" lines_in "$DIR/samples" $((count + 20))
	client_stop "$sampler"
	[ ! -s "$DIR/samples.err" ]
	jq -es 'length > 100 and (.[-1].totals | .accepted > 100 and .ticks > 100)' \
		"$DIR/samples"
	jq -es '[.[] | .totals | [.accepted, .closed, .ticks, .skipped, .bytes_out,
			.bytes_in, .crashes]] |
		[.[1:], .[:-1]] | transpose |
		map(select([.[0], .[1]] | transpose | any(.[0] < .[1]))) |
		if length > 0 then (.[0] | debug | false) else true end' "$DIR/samples"
	# What is said to be connected is.
	gone "$come" || client_stop "$come"
	wait_until "$PATIENCE" status_is '.totals.connections == 0 and
		.totals.accepted == .totals.closed'
	client_start
	wait_until "$PATIENCE" status_is '.totals.connections == 1'
}

@test "crash: a worker that hangs is killed and replaced" {
	local victim
	timed_start 'workers = 2;' 'watchdog_seconds = 2;' "$FORMAT"
	victim=$(status '.workers[0].pid')
	kill -STOP "$victim"
	wait_until "$PATIENCE" serving_without "$victim" 2
	log_has "error master.* worker hung; worker='0', pid='$victim'"
	log_has "worker crashed; worker='0', pid='$victim', .*signal 9"
	# The other one was none of that.
	[ "$(grep -c 'worker hung' "$LOG")" -eq 1 ]
	client_start
	wait_until "$PATIENCE" lines_in "$CLIENT_OUT" 3
	consecutive "$CLIENT_OUT"
}

# hold_up_master: for some five seconds, in which the client of CLIENT_OUT is
# served as ever; nor is it noticed afterwards.
hold_up_master()
{
	local pids began
	pids=$(worker_pids)
	kill -STOP "$TIMED_PID"
	: >>"$CLIENT_OUT"
	began=$(wc -l <"$CLIENT_OUT")
	wait_until "$PATIENCE" lines_in "$CLIENT_OUT" $((began + 5))
	kill -CONT "$TIMED_PID"
	wait_until "$PATIENCE" lines_in "$CLIENT_OUT" $((began + 8))
	consecutive "$CLIENT_OUT"
	[ "$(worker_pids)" = "$pids" ]
	run log_has 'worker hung'
	[ "$status" -ne 0 ]
}

@test "crash: a master that was held up does not take its workers for hung" {
	timed_start 'workers = 2;' 'watchdog_seconds = 2;' "$FORMAT"
	client_start
	wait_until "$PATIENCE" lines_in "$CLIENT_OUT" 4
	hold_up_master
}

@test "crash: nor does one that was held up as soon as it had started" {
	timed_start 'workers = 2;' 'watchdog_seconds = 2;' "$FORMAT"
	client_start
	hold_up_master
}

@test "crash: a worker that keeps dying is retried after growing delays" {
	local keep number victim last=0 used delays
	timed_start 'workers = 2;' "$FORMAT"
	client_start
	wait_until "$PATIENCE" status_is '.totals.connections == 1'
	keep=$(status '.workers[] | select(.connections == 1) | .number')
	number=$((1 - keep))
	used=$(cpu_of "$TIMED_PID")
	until log_has "worker='$number', .*delay_ms='1600'"; do
		wait_until "$PATIENCE" status_is \
			"any(.workers[]; .number == $number and .pid != $last)"
		victim=$(status ".workers[] | select(.number == $number) | .pid")
		kill -KILL "$victim"
		last=$victim
		wait_until "$PATIENCE" log_has "worker crashed; .*pid='$victim'"
	done
	delays=$(sed -n "s/.*worker respawn delayed; worker='$number', .*delay_ms='\([0-9]*\)'.*/\1/p" "$LOG" |
		tr '\n' ' ')
	echo "delays: $delays"
	[[ $delays == *"100 200 400 800 1600 " ]]
	# Once it lives it is there again.
	wait_until "$PATIENCE" serving 2
	used=$(($(cpu_of "$TIMED_PID") - used))
	echo "the master used $used clock ticks"
	[ "$used" -lt $(($(getconf CLK_TCK) / 2)) ]
	consecutive "$CLIENT_OUT"
	lines_in "$CLIENT_OUT" 3
	gone "$CLIENT_PID" && return 1
	status_is ".workers[] | select(.number == $keep) | .connections == 1"
}

@test "crash: nothing outlives a master that is killed" {
	local i pids=() master
	timed_start 'workers = 3;' "$FORMAT"
	for i in {1..9}; do
		client_start
		pids+=("$CLIENT_PID")
		wait_until "$PATIENCE" lines_in "$CLIENT_OUT" 1
	done
	master=$TIMED_PID
	kill -KILL "$master"
	wait_until "$PATIENCE" session_gone "$master"
	# nc ends with its connection.
	for i in "${pids[@]}"; do
		wait_until "$PATIENCE" gone "$i"
	done
	wait "$master" 2>/dev/null || :
	TIMED_PID=
	# What is left over is in nobody's way.
	timed_launch
	wait_until "$PATIENCE" timed_ready
	status_is ".pid == $TIMED_PID and .totals.accepted == 0"
}

@test "crash: fifty dead workers cost the master no descriptor" {
	local before i pids victim
	timed_start 'workers = 10;' "$FORMAT"
	before=$(fds "$TIMED_PID")
	for i in {1..5}; do
		mapfile -t pids < <(worker_pids)
		kill -KILL "${pids[@]}"
		for victim in "${pids[@]}"; do
			wait_until "$PATIENCE" gone "$victim"
		done
		wait_until "$PATIENCE" status_is ".totals.crashes == $((i * 10))"
		wait_until "$PATIENCE" serving 10
	done
	wait_until "$PATIENCE" has_fds "$TIMED_PID" "$before"
	client_start
	wait_until "$PATIENCE" lines_in "$CLIENT_OUT" 1
}

# A program for python3 that writes to one of the report pipes of MASTER what
# no honest worker does: KIND of it.  Whoever may look into a process may open
# what that has open, either end of it.
nonsense_program()
{
	program nonsense.py <<-'EOF'
		import os, struct, sys
		master, workers, kind = sys.argv[1:]
		there = "/proc/%s/" % master
		READY, BEAT = 1, 2
		kinds = {
		    "text": b"nonsense " * 100,
		    "cut": b"\x02",
		    "stranger": struct.pack("HHIII", READY, 16, 60, 1, 0),
		    "stale": struct.pack("HHIII", READY, 16, 0, 99, 0),
		    "long": struct.pack("HHIII", BEAT, 65535, 0, 1, 0),
		}

		def pipes(of):
		    found = {}
		    for fd in os.listdir(of + "fd"):
		        try:
		            name = os.readlink(of + "fd/" + fd)
		        except FileNotFoundError:
		            continue
		        if name.startswith("pipe:"):
		            found.setdefault(name, []).append(fd)
		    return found

		def flags(fd):
		    with open(there + "fdinfo/" + fd) as info:
		        return int(dict(line.split(None, 1) for line in info)["flags:"], 8)

		# Of a report pipe the master has the reading end alone, and we have none.
		ours = pipes("/proc/self/")
		reports = [fds[0] for name, fds in pipes(there).items()
		           if name not in ours and len(fds) == 1
		           and flags(fds[0]) & os.O_ACCMODE == os.O_RDONLY]
		assert len(reports) == int(workers), reports
		fd = os.open(there + "fd/" + reports[0], os.O_WRONLY | os.O_NONBLOCK)
		os.write(fd, kinds[kind])
	EOF
}

# Have N workers been refused a report?
refusals()
{
	[ "$(grep -c 'warning master.*: report refused;' "$LOG")" -eq "$1" ]
}

@test "crash: a worker that talks nonsense is killed and replaced" {
	local kind victim had n=0
	timed_start 'workers = 3;' "$FORMAT"
	nonsense_program
	hold 12
	for kind in text cut stranger stale long; do
		n=$((n + 1))
		status >"$DIR/before"
		python3 "$DIR/nonsense.py" "$TIMED_PID" 3 "$kind"
		wait_until "$PATIENCE" refusals $n
		victim=$(sed -n "s/.*: report refused; .*pid='\([0-9]*\)'.*/\1/p" "$LOG" | tail -n 1)
		wait_until "$PATIENCE" serving_without "$victim" 3
		log_has "worker killed; .*pid='$victim', .*reason='it reports nonsense'"
		log_has "error master.* worker crashed; .*pid='$victim', .*signal 9"
		# Its clients were cut off, nobody else's, and nothing was uncounted.
		had=$(jq ".workers[] | select(.pid == $victim) | .connections" "$DIR/before")
		jq -e -s --argjson had "$had" '(.[0].totals) as $old | .[1].totals |
			.connections == $old.connections - $had and
			.closed == $old.closed + $had and
			.accepted == $old.accepted and .ticks >= $old.ticks and
			.crashes == $old.crashes + 1' "$DIR/before" <(status)
	done
	[ "$(grep -c 'worker killed' "$LOG")" -eq $n ]
	[ "$(grep -c 'worker crashed' "$LOG")" -eq $n ]
}
