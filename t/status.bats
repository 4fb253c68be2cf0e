#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# timedctl status: what is true now, for everybody, whatever the daemon is
# doing; and no scoreboard makes it say what is not so, or crash.

load lib

# unprivileged COMMAND...: as a user who may do nothing.
unprivileged()
{
	local as=()
	[ "$(id -u)" -ne 0 ] ||
		as=(setpriv --reuid=65534 --regid=65534 --clear-groups)
	"${as[@]}" "$@"
}

# fails STATUS COMMAND...: it ends with that, says so in one line on standard
# error, and on standard output nothing but, with -j, the same as JSON.
fails()
{
	local wanted=$1 got=0
	shift
	"$@" >"$DIR/out" 2>"$DIR/err" || got=$?
	cat "$DIR/out" "$DIR/err"
	[ "$got" -eq "$wanted" ] && [ "$(wc -l <"$DIR/err")" -eq 1 ] &&
		grep -q '^timedctl: ' "$DIR/err" || return
	if [[ " $* " = *' -j '* ]]; then
		jq -e --argjson exit "$wanted" '.ok == false and .exit == $exit and
			(.error | length > 0)' "$DIR/out"
	else
		[ ! -s "$DIR/out" ]
	fi
}

# The scoreboard of a timed that was killed, in $DIR/old.
leave_scoreboard()
{
	timed_start
	mkdir "$DIR/old"
	kill -KILL "$TIMED_PID"
	wait_until "$PATIENCE" session_gone "$TIMED_PID"
	wait "$TIMED_PID" 2>/dev/null || :
	TIMED_PID=
	cp "$RUN/scoreboard" "$DIR/old/scoreboard"
}

@test "status: JSON has what the design promises" {
	local before pid
	before=$EPOCHSECONDS
	timed_start 'workers = 3;' "services = (
		{ type = \"stream\"; listen = [ \"127.0.0.1:0\", \"[::1]:0\" ]; },
		{ type = \"stream\"; name = \"second\"; listen = [ \"unix:$DIR/s\" ]; } );"
	client_start
	wait_until "$PATIENCE" lines_in "$CLIENT_OUT" 2
	timedctl -r "$RUN" -j status >"$DIR/json"
	cat "$DIR/json"
	[ "$(wc -l <"$DIR/json")" -eq 1 ]
	jq -e --argjson pid "$TIMED_PID" --argjson before "$before" '
		def count: type == "number" and . >= 0 and . == floor;
		(.version | type == "string" and length > 0) and
		.pid == $pid and .state == "running" and .generation == 1 and
		(.started | fromdate | . >= $before - 1 and . <= now) and
		(.uptime_seconds | count) and .reloads == 0 and
		(.workers | length == 3) and
		all(.workers[];
			(.slot | count) and (.pid | count and . > 1) and
			.generation == 1 and .state == "serving" and
			(.connections | count) and (.accepted | count) and
			(.closed | count) and (.ticks | count) and
			(.skipped | count) and
			(.lateness_us | (.p50 | count) and (.p99 | count) and
				(.max | count) and .p50 <= .p99 and .p99 <= .max)) and
		([.workers[].pid] | unique | length == 3) and
		([.workers[].slot] | unique | length == 3) and
		[.services[] | .name] == ["stream", "second"] and
		all(.services[];
			.type == "stream" and .paused == false and
			all(.connections, .accepted, .closed, .refused,
				.requests, .bytes_in, .bytes_out; count) and
			(.refused_by | length >= 6 and all(.[]; count)) and
			.refused == (.refused_by | add)) and
		(.services[0].listen | length == 2 and
			(.[0] | test("^127\\.0\\.0\\.1:[1-9][0-9]*$")) and
			(.[1] | test("^\\[::1\\]:[1-9][0-9]*$"))) and
		all(.totals.connections, .totals.accepted, .totals.closed,
			.totals.ticks, .totals.skipped, .totals.bytes_in,
			.totals.bytes_out; count) and
		.totals.connections == 1' "$DIR/json"
	for pid in $(worker_pids); do
		kill -0 "$pid"
	done
}

@test "status: text shows the same" {
	local pid
	timed_start 'workers = 2;'
	client_start
	wait_until "$PATIENCE" lines_in "$CLIENT_OUT" 1
	timedctl -r "$RUN" status >"$DIR/text"
	cat "$DIR/text"
	grep -Eq "^timed [^ ]+, pid $TIMED_PID, running, up 0d 00:0[0-9]:[0-9]{2}$" "$DIR/text"
	grep -q '^generation 1, 0 reloads (0 refused), 0 worker crashes$' "$DIR/text"
	for pid in $(worker_pids); do
		grep -Eq "^ +[01] +$pid +1 serving +[01] " "$DIR/text"
	done
	grep -Eq "^stream +stream +1 +1 +0 +0 +0 +[0-9]+ +127\.0\.0\.1:$(stream_port)$" "$DIR/text"
}

@test "status: workers add up to the totals, and these to what clients counted" {
	local lines
	timed_start 'workers = 3;'
	timebench stream -j -c 200 -d 3 "127.0.0.1:$(stream_port)" >"$DIR/bench"
	jq -e '.clean and .connections_made == 200 and .ticks_received == 600' "$DIR/bench"
	wait_until "$PATIENCE" status_is '.totals.connections == 0'
	timedctl -r "$RUN" -j status >"$DIR/json"
	jq -c .totals "$DIR/json"
	jq -e '.totals as $t |
		([.workers[].accepted] | add) == $t.accepted and
		([.workers[].closed] | add) == $t.closed and
		([.workers[].ticks] | add) == $t.ticks and
		([.workers[].skipped] | add) == $t.skipped and
		.services[0].accepted == $t.accepted and
		.services[0].bytes_out == $t.bytes_out and
		$t.accepted == 200 and $t.closed == 200 and $t.skipped == 0 and
		$t.bytes_out == $t.ticks * 20' "$DIR/json"
	# The first line of each, then those of the window; the rest came before.
	jq -e '.totals.ticks >= 200 + 600' "$DIR/json"

	# Where everything that was sent is read, the numbers are the same.
	timed_stop
	timed_start 'workers = 2;'
	for _ in 1 2 3 4 5; do
		client_start
	done
	wait_until "$PATIENCE" lines_in "$CLIENT_OUT" 4
	timed_stop
	lines=$(cat "$DIR"/client.? | wc -l)
	log_has "stopped; accepted='5', ticks='$lines'$"
}

@test "status: without a daemon it says so" {
	fails 69 timedctl -r "$DIR/none" status
	fails 69 timedctl -r "$DIR/none" -j status
	timed_start
	timed_stop
	fails 69 timedctl -r "$RUN" status
}

@test "status: what is left over of a daemon that was killed is no daemon" {
	leave_scoreboard
	fails 69 timedctl -r "$DIR/old" status
	fails 69 timedctl -r "$RUN" -j status
}

@test "status: what is left over of another boot is none, though its pid is in use" {
	leave_scoreboard
	# The clock of heartbeats began anew.
	python3 - "$DIR/old/scoreboard" $$ <<-'EOF'
		import struct, sys
		with open(sys.argv[1], "r+b") as f:
		    f.seek(32)
		    f.write(struct.pack("=i", int(sys.argv[2])))
		    f.seek(56)
		    f.write(struct.pack("=QQ", 1 << 60, 1 << 60))
	EOF
	fails 69 timedctl -r "$DIR/old" status
}

@test "status: every user may ask" {
	timed_start
	unprivileged timedctl -r "$RUN" status >"$DIR/text"
	grep -q "^timed .* running" "$DIR/text"
	unprivileged timedctl -r "$RUN" -j status | jq -e '.state == "running"'
	# And nobody may write.
	[ "$(stat -c %a "$RUN/scoreboard")" = 644 ]
}

@test "status: a scoreboard that may not be read is a matter of permission" {
	leave_scoreboard
	chmod 000 "$DIR/old/scoreboard"
	fails 77 unprivileged timedctl -r "$DIR/old" status
}

@test "status: nonsense is refused" {
	local size
	leave_scoreboard
	size=$(stat -c %s "$DIR/old/scoreboard")
	mkdir "$DIR/bad"
	# Of the right size, of another size, nothing at all, no file.
	head -c "$size" /dev/urandom >"$DIR/bad/scoreboard"
	fails 1 timedctl -r "$DIR/bad" status
	head -c "$size" /dev/zero >"$DIR/bad/scoreboard"
	fails 1 timedctl -r "$DIR/bad" status
	head -c 5000 /dev/urandom >"$DIR/bad/scoreboard"
	fails 1 timedctl -r "$DIR/bad" -j status
	: >"$DIR/bad/scoreboard"
	fails 1 timedctl -r "$DIR/bad" status
	rm "$DIR/bad/scoreboard"
	mkfifo "$DIR/bad/scoreboard"
	fails 1 timedctl -r "$DIR/bad" status
	rm "$DIR/bad/scoreboard"
	mkdir "$DIR/bad/scoreboard"
	fails 1 timedctl -r "$DIR/bad" status
}

@test "status: one that was cut short is refused at every length" {
	local size cut
	leave_scoreboard
	size=$(stat -c %s "$DIR/old/scoreboard")
	for cut in 1 8 64 4096 65536 $((size / 2)) $((size - 4096)) $((size - 1)); do
		cp "$RUN/scoreboard" "$DIR/old/scoreboard"
		truncate -s "$cut" "$DIR/old/scoreboard"
		fails 1 timedctl -r "$DIR/old" status
		fails 1 timedctl -r "$DIR/old" -j status
	done
}

@test "status: a right head on random bytes is no reason to crash" {
	local size i got
	timed_start
	mkdir "$DIR/bad"
	size=$(stat -c %s "$RUN/scoreboard")
	for i in {1..10}; do
		{
			# Magic, layout, size, an even sequence, version, pid.
			head -c 12 "$RUN/scoreboard"
			printf '\0\0\0\0'
			tail -c +17 "$RUN/scoreboard" | head -c 20
			head -c $((size - 36)) /dev/urandom
		} >"$DIR/bad/scoreboard"
		[ "$(stat -c %s "$DIR/bad/scoreboard")" -eq "$size" ]
		for got in "" -j; do
			# shellcheck disable=SC2086 # an option or none
			run timedctl -r "$DIR/bad" $got status
			echo "$i: $status"
			[ "$status" -eq 0 ] || [ "$status" -eq 1 ] || [ "$status" -eq 69 ]
			[[ $output != *Sanitizer* && $output != *"runtime error"* ]]
		done
	done
}

@test "status: a master that is stopped does not keep anybody from asking" {
	timed_start
	client_start
	wait_until "$PATIENCE" lines_in "$CLIENT_OUT" 1
	kill -STOP "$TIMED_PID"
	timedctl -r "$RUN" status >"$DIR/text"
	grep -q "pid $TIMED_PID, running" "$DIR/text"
	# Workers go on counting.
	local ticks
	ticks=$(status .totals.ticks)
	wait_until "$PATIENCE" status_is ".totals.ticks > $ticks"
	kill -CONT "$TIMED_PID"
}
