#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck disable=SC2030,SC2031 # each test has a shell of its own
#
# The hand-off: connections pass from old workers to new ones, on a reload, a
# change of their number or when one is recycled, and no client notices.

load lib

bats_require_minimum_version 1.5.0

EXACT='services = ( { type = "stream"; listen = [ "127.0.0.1:0" ]; format = "%s"; } );'
NOTICE='level = "notice"; syslog = false; };'

# heavy [SETTINGS]: the setting of a stream that soon fills the buffers of who
# does not read.
heavy()
{
	stream "interval = 0.05; format = \"%s %f |$(printf '%100s' '' | tr ' ' =)|\"; $*"
}

# Has each of the N workers a descriptor for each of its connections, and none
# beside those that one without any has, EACH?
none_left_over()
{
	local pid has n=0
	while read -r pid has; do
		[ "$(fds "$pid")" -eq $(($2 + has)) ] || return
		n=$((n + 1))
	done < <(status '.workers[] | "\(.pid) \(.connections)"')
	[ "$n" -eq "$1" ]
}

# Look at the status all the time, from now on.
sample()
{
	# shellcheck disable=SC2016 # for that shell
	start "$DIR/samples" "$DIR/samples.err" bash -c \
		'while timedctl -r "$1" -j status; do :; done' - "$RUN"
	SAMPLER=$PID
}

# No more; did a total ever go back, or was a connection ever nobody's?
sampled()
{
	local count
	count=$(wc -l <"$DIR/samples")
	wait_until "$PATIENCE" lines_in "$DIR/samples" $((count + 2))
	client_stop "$SAMPLER"
	[ ! -s "$DIR/samples.err" ]
	jq -es '[.[] | .totals | [.accepted, .closed, .ticks, .skipped,
			.bytes_out, .bytes_in, .crashes]] |
		[.[1:], .[:-1]] | transpose |
		map(select([.[0], .[1]] | transpose | any(.[0] < .[1]))) |
		if length > 0 then (.[0] | debug | false) else true end' "$DIR/samples"
}

# Is every client that was ever accepted there or gone?
consistent()
{
	status_is '.totals | .accepted == .closed + .connections'
}

# So many lines of the log that match?
log_count()
{
	[ "$(grep -Ec -e "$2" "$LOG")" -eq "$1" ]
}

@test "handoff: through sixteen reloads nobody loses or doubles a second" {
	local before each workers lines
	timed_start 'workers = 2;' "$EXACT" "log = { file = \"$LOG\"; $NOTICE"
	before=$(fds "$TIMED_PID")
	each=$(fds "$(worker_pids | head -n 1)")
	watch 300
	sample
	for workers in 2 8 1 4 2 8 1 4 2 8 1 4 2 8 1 4; do
		reload "workers = $workers;" "$EXACT" \
			"log = { file = \"$LOG\"; $NOTICE"
	done
	wait_until "$PATIENCE" settled 4
	watch_on 2
	status_is '.totals | .connections == 300 and .accepted == 300 and
		.closed == 0 and .skipped == 0 and .crashes == 0'
	status_is '.reloads == 16 and .generation == 17 and
		.services[0].connections == 300'
	# In equal shares.
	status_is 'all(.workers[]; .connections == 75)'
	wait_until "$PATIENCE" none_left_over 4 "$each"
	# The two workers more have a pipe and a socket each.
	wait_until "$PATIENCE" has_fds "$TIMED_PID" $((before + 4))
	watch_end
	watched_is '.held == 300 and .lost == 0 and .missed == 0'
	wait_until "$PATIENCE" status_is '.totals.closed == 300'
	status_is '.totals.connections == 0'
	# What was counted is what there was.
	lines=$(jq .lines <<<"$WATCHED")
	status_is ".totals.ticks == $lines and .totals.bytes_out == 11 * $lines"
	wait_until "$PATIENCE" none_left_over 4 "$each"
	sampled
}

@test "handoff: who reads slowly gets whole lines in order, from whomever" {
	local round missed
	timed_start 'workers = 2;' "$(heavy)" "log = { file = \"$LOG\"; $NOTICE"
	watch 120 '' slow=4 step=50000
	# Until their buffers are full.
	wait_until "$PATIENCE" status_is '.totals.skipped > 100'
	for round in {1..12}; do
		reload "workers = $((1 + round % 3));" "$(heavy)" \
			"log = { file = \"$LOG\"; $NOTICE"
	done
	watch_on 2
	status_is '.totals | .connections == 120 and .closed == 0 and .crashes == 0'
	watch_end
	watched_is '.lost == 0 and .missed_slow > 0'
	# What they missed was counted.
	missed=$(jq '.missed + .missed_slow' <<<"$WATCHED")
	status_is ".totals.skipped >= $missed"
}

@test "handoff: a connection keeps its age and what it was sent" {
	local began ended lines i duration ticks
	timed_start "$EXACT"
	now
	began=$NOW
	client_start
	for i in 1 2 3; do
		wait_until "$PATIENCE" lines_in "$CLIENT_OUT" "$i"
		reload "$EXACT"
	done
	wait_until "$PATIENCE" lines_in "$CLIENT_OUT" 4
	wait_until "$PATIENCE" settled 2
	now
	ended=$NOW
	lines=$(wc -l <"$CLIENT_OUT")
	client_stop
	wait_until "$PATIENCE" log_has 'client disconnected;'
	read -r duration ticks < <(sed -n \
		"s/.*client disconnected; .*reason='closed by client', duration='\([0-9]*\)\.\([0-9]*\)', ticks='\([0-9]*\)', skipped='0'.*/\1\2 \3/p" "$LOG")
	now
	echo "$duration ms, $ticks ticks; $lines lines, $(((ended - began) * 10)) ms and more"
	# It is known to be gone by the line that it does not take.
	[ $((10#$duration)) -ge $(((ended - began) * 10 - 500)) ]
	[ $((10#$duration)) -le $(((NOW - began) * 10 + 20)) ]
	[ "$ticks" -ge "$lines" ]
	[ "$ticks" -le $((lines + 2)) ]
}

@test "handoff: a stall goes on, whoever the worker is" {
	local settings
	settings=$(heavy 'stall_seconds = 3;')
	timed_start "$settings"
	program never.py <<-'EOF'
		import signal, socket, sys
		held = []
		for _ in range(20):
		    s = socket.socket()
		    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
		    s.connect(("127.0.0.1", int(sys.argv[1])))
		    held.append(s)
		print("connected", flush=True)
		signal.pause()
	EOF
	start "$DIR/never" "$DIR/never.err" python3 "$DIR/never.py" "$(stream_port)"
	wait_until "$PATIENCE" lines_in "$DIR/never" 1
	# As long as there are some, the next reload comes before their time is
	# up, but not before a worker looks for them.
	until log_count 20 "reason='stalled'"; do
		[ "$(status .reloads)" -lt 6 ]
		wait_until "$PATIENCE" clock_reaches $((EPOCHSECONDS + 2))
		reload "$settings"
	done
	# None before its time, nor much later: filling the buffers takes one
	# second or two.
	sed -n "s/.*reason='stalled', duration='\([0-9]*\)\..*/\1/p" "$LOG" >"$DIR/seconds"
	sort -n "$DIR/seconds" | uniq -c
	awk '$1 < 3 || $1 > 8 { bad = 1 } END { exit bad || NR != 20 }' "$DIR/seconds"
	status_is '.totals.closed == 20 and .totals.connections == 0 and .reloads >= 2'
}

# served LINES FILE TEXT: has FILE got more than LINES, and is the last one
# TEXT?
served()
{
	lines_in "$2" $(($1 + 1)) && [ "$(tail -n 1 "$2")" = "$3" ]
}

@test "handoff: who came by what is no longer there is closed, and that is said" {
	local port kept=() left=() out
	timed_start 'workers = 3;' "services = (
		{ type = \"stream\"; name = \"kept\"; format = \"%s\";
		  listen = [ \"0.0.0.0:0\", \"unix:$DIR/kept\", \"unix:$DIR/left\" ]; },
		{ type = \"stream\"; name = \"left\"; format = \"%s\";
		  listen = [ \"127.0.0.1:0\", \"unix:$DIR/also\" ]; } );"
	port=$(service_port kept)
	client_start "$port"
	kept+=("$CLIENT_OUT")
	start "$DIR/kept.out" "$DIR/kept.err" nc -U -d "$DIR/kept"
	kept+=("$DIR/kept.out")
	# The address that he came to will be nobody's.
	client_start "$port" 127.0.0.2
	left+=("$CLIENT_PID")
	start "$DIR/left.out" "$DIR/left.err" nc -U -d "$DIR/left"
	left+=("$PID")
	client_start "$(service_port left)"
	left+=("$CLIENT_PID")
	start "$DIR/also.out" "$DIR/also.err" nc -U -d "$DIR/also"
	left+=("$PID")
	wait_until "$PATIENCE" status_is '.totals.connections == 6'
	for out in "${kept[@]}"; do
		wait_until "$PATIENCE" lines_in "$out" 1
	done
	reload 'workers = 2;' "services = ( { type = \"stream\"; name = \"kept\";
		format = \"%s\"; listen = [ \"127.0.0.1:$port\", \"unix:$DIR/kept\" ]; } );"
	for out in "${left[@]}"; do
		wait_until "$PATIENCE" gone "$out"
	done
	wait_until "$PATIENCE" log_count 4 'client disconnected;'
	log_count 2 "client disconnected; service='kept', .*reason='no longer configured'"
	log_count 2 "client disconnected; service='left', .*reason='no longer configured'"
	log_count 2 "client disconnected; .*peer='unix:pid="
	status_is '.totals | .connections == 2 and .accepted == 6 and .closed == 4'
	wait_until "$PATIENCE" settled 2
	consistent
	for out in "${kept[@]}"; do
		wait_until "$PATIENCE" lines_in "$out" $(($(wc -l <"$out") + 2))
		consecutive "$out"
	done
}

@test "handoff: a listener becomes wider, and who came by it stays" {
	local port listen lines
	timed_start "$EXACT"
	port=$(stream_port)
	client_start
	wait_until "$PATIENCE" lines_in "$CLIENT_OUT" 1
	for listen in "*:$port" "0.0.0.0:$port" "127.0.0.1:$port"; do
		reload "$(stream 'format = "%s";' "\"$listen\"")"
	done
	wait_until "$PATIENCE" settled 2
	lines=$(wc -l <"$CLIENT_OUT")
	wait_until "$PATIENCE" lines_in "$CLIENT_OUT" $((lines + 2))
	consecutive "$CLIENT_OUT"
	run log_has 'client disconnected'
	[ "$status" -ne 0 ]
	status_is '.totals | .connections == 1 and .accepted == 1'
}

@test "handoff: format, zone, interval and newline are those of the new file" {
	local listen lines out outs
	listen="\"127.0.0.1:0\", \"unix:$DIR/socket\""
	timed_start "$(stream 'format = "one %s"; interval = 3600;' "$listen")"
	client_start
	outs=("$CLIENT_OUT" "$DIR/unix")
	start "$DIR/unix" "$DIR/unix.err" nc -U -d "$DIR/socket"
	for out in "${outs[@]}"; do
		wait_until "$PATIENCE" lines_in "$out" 1
	done
	reload "$(stream 'format = "two %Z"; timezone = "UTC"; interval = 0.1;' "$listen")"
	for out in "${outs[@]}"; do
		wait_until "$PATIENCE" served 8 "$out" 'two UTC'
	done
	reload "$(stream 'format = "three %Z"; timezone = "Asia/Tokyo"; interval = 1.0;' "$listen")"
	for out in "${outs[@]}"; do
		lines=$(wc -l <"$out")
		wait_until "$PATIENCE" served "$lines" "$out" 'three JST'
		# Each in its time.
		[ "$(uniq "$out" | sed 's/ [0-9]*$//' | tr '\n' ,)" = 'one,two UTC,three JST,' ]
	done
	reload "$(stream 'format = "."; newline = false; interval = 0.1;' "$listen")"
	for out in "${outs[@]}"; do
		wait_until "$PATIENCE" file_has "$out" '^\.{4,}$'
	done
	status_is '.totals.connections == 2 and .totals.closed == 0'
}

# A program for python3: SIGHUP to MASTER, and after a random while KILL one of
# WHICH workers, the "old" or the "new" ones; its pid, or 0 if none was found.
killer()
{
	program kill.py <<-'EOF'
		import os, random, signal, sys, time
		master, which, most = int(sys.argv[1]), sys.argv[2], float(sys.argv[3])
		def workers():
		    found = set()
		    with open("/proc/%d/task/%d/children" % (master, master)) as file:
		        children = file.read().split()
		    for pid in children:
		        try:
		            with open("/proc/%s/cmdline" % pid) as file:
		                if file.read().startswith("timed: worker"):
		                    found.add(int(pid))
		        except OSError:
		            pass
		    return found
		before = workers()
		os.kill(master, signal.SIGHUP)
		end = time.monotonic() + 5
		while which == "new" and not workers() - before and time.monotonic() < end:
		    pass
		there = sorted(before if which == "old" else workers() - before)
		victim = random.choice(there) if there else 0
		end = time.monotonic() + random.uniform(0, most)
		while time.monotonic() < end:
		    pass
		try:
		    if victim:
		        os.kill(victim, signal.SIGKILL)
		except ProcessLookupError:
		    victim = 0
		print(victim)
	EOF
}

# Is the reload over, one way or the other, and nobody left of those before?
calm()
{
	status_is ".reloads + .reloads_refused == $1" && settled 3
}

# kill_some WHICH MOST: five of them die, each in a hand-off of its own,
# within MOST seconds from its beginning, or when the first new worker is seen.
kill_some()
{
	local round=0 victim killed=0
	timed_start 'workers = 3;' "$EXACT"
	killer
	sample
	watch 300
	while [ "$killed" -lt 5 ]; do
		round=$((round + 1))
		[ "$round" -le 40 ]
		victim=$(python3 "$DIR/kill.py" "$TIMED_PID" "$1" "$2")
		if [ "$victim" -gt 0 ]; then
			killed=$((killed + 1))
			wait_until "$PATIENCE" gone "$victim"
		fi
		wait_until "$PATIENCE" calm "$round"
	done
	sampled
	consistent
	watch_on 2
	echo "$killed killed in $round rounds: $(status .totals)"
	log_count 0 'worker (hung|killed)|it does not answer'
	watch_end
	# Who was with another one has missed nothing.
	watched_is '.missed == 0 and .held + .lost == 300'
	wait_until "$PATIENCE" status_is '.totals | .accepted == 300 and
		.closed == 300 and .connections == 0'
	# Whom no worker said goodbye to was lost with his.
	log_count "$(jq .held <<<"$WATCHED")" \
		"client disconnected; .*reason='(closed|reset) by client'"
}

@test "handoff: a new worker dies in the middle of it" {
	kill_some new 0.01
}

@test "handoff: an old worker dies in the middle of it" {
	kill_some old 0.0025
}

# A program for python3: SIGHUP to MASTER, and stop the first worker that it
# makes when that is ready, but before anybody knows; its pid.
stopper()
{
	program stop.py <<-'EOF'
		import os, signal, sys, time
		master = int(sys.argv[1])
		def children():
		    with open("/proc/%d/task/%d/children" % (master, master)) as file:
		        return set(map(int, file.read().split()))
		def asleep(pid):
		    """In its loop: a worker waits nowhere else."""
		    with open("/proc/%d/cmdline" % pid) as file:
		        if not file.read().startswith("timed: worker"):
		            return False
		    with open("/proc/%d/stat" % pid) as file:
		        return file.read().rpartition(")")[2].split()[0] == "S"
		before = children()
		os.kill(master, signal.SIGHUP)
		end = time.monotonic() + 10
		while not children() - before and time.monotonic() < end:
		    pass
		os.kill(master, signal.SIGSTOP)
		victim = min(children() - before)
		seen = 0
		while seen < 50 and time.monotonic() < end:
		    seen = seen + 1 if asleep(victim) else 0
		os.kill(victim, signal.SIGSTOP)
		os.kill(master, signal.SIGCONT)
		print(victim, flush=True)
	EOF
}

# stop_heir [COMMAND...]: reload until one of the new workers is stopped before
# it was given anybody, and COMMAND succeeds; its pid goes to HEIR.  What
# COMMAND is to see begins with SECOND.
stop_heir()
{
	local try
	stopper
	# So that who comes into being is no faster than who looks for him.
	renice -n 10 -p "$TIMED_PID" >/dev/null
	for try in {1..20}; do
		wait_until "$PATIENCE" early
		SECOND=$EPOCHSECONDS
		HEIR=$(python3 "$DIR/stop.py" "$TIMED_PID")
		wait_until "$PATIENCE" reloads "$try"
		status_is ".workers[] | select(.pid == $HEIR) | .connections == 0" &&
			"${@:-true}" && return
		echo "too late, $try times"
		kill -CONT "$HEIR"
		wait_until "$PATIENCE" settled 3
	done
	return 1
}

# Is it the same second still?
same_second()
{
	[ "$EPOCHSECONDS" -eq "$SECOND" ]
}

@test "handoff: a tick in the middle of it is sent, and once" {
	timed_start 'workers = 3;' "$EXACT"
	watch 300
	stop_heir same_second
	# They are under way, and nobody can serve them.
	wait_until "$PATIENCE" clock_reaches $((SECOND + 1))
	kill -CONT "$HEIR"
	wait_until "$PATIENCE" settled 3
	watch_on 2
	status_is "any(.workers[]; .pid == $HEIR and .connections > 90)"
	watch_end
	watched_is '.lost == 0 and .missed == 0'
	status_is '.totals.skipped == 0'
}

@test "handoff: a successor that is stopped costs nobody his connection" {
	timed_start 'workers = 3;' 'watchdog_seconds = 4;' "$EXACT"
	watch 300
	stop_heir
	wait_until "$PATIENCE" log_has \
		"handover failed; .*reason='it does not answer', taken='0', without_receipt='[1-9]"
	# All of them are with the others before it is killed.
	wait_until "$PATIENCE" status_is ".totals.connections == 300 and
		all(.workers[]; .state == \"serving\") and
		([.workers[] | select(.pid != $HEIR) | .connections] | add == 300)"
	log_count 0 'worker (hung|crashed)'
	wait_until "$PATIENCE" log_has "worker hung; .*pid='$HEIR'"
	wait_until "$PATIENCE" settled 3
	watch_on 2
	status_is '.totals | .connections == 300 and .closed == 0 and .crashes == 1'
	watch_end
	# What came due while they were under way is another matter.
	watched_is '.lost == 0 and .missed <= 900'
	status_is ".totals.skipped >= $(jq .missed <<<"$WATCHED")"
}

@test "handoff: a successor that comes back too late has nobody" {
	timed_start 'workers = 3;' 'watchdog_seconds = 30;' "$EXACT"
	watch 300
	stop_heir
	wait_until "$PATIENCE" log_has "handover failed; .*without_receipt='[1-9]"
	wait_until "$PATIENCE" settled 3
	kill -CONT "$HEIR"
	wait_until "$PATIENCE" log_has "\[$HEIR\]: connections taken over; connections='0'"
	watch_on 3
	consistent
	status_is ".totals.connections == 300 and .totals.crashes == 0 and
		(.workers[] | select(.pid == $HEIR) | .connections == 0)"
	[ "$(fds "$HEIR")" -lt 40 ]
	watch_end
	watched_is '.lost == 0'
}

@test "handoff: an old worker that does not is killed in handoff_seconds" {
	local victim had
	timed_start 'workers = 2;' 'handoff_seconds = 1;' "$EXACT"
	watch 100
	victim=$(worker_pids | head -n 1)
	had=$(status '.workers[0].connections')
	[ "$had" -gt 20 ]
	kill -STOP "$victim"
	reload 'workers = 2;' 'handoff_seconds = 1;' "$EXACT"
	wait_until "$PATIENCE" log_has \
		"worker killed; worker='0', pid='$victim', .*reason='it did not hand over in time'"
	wait_until "$PATIENCE" gone "$victim"
	wait_until "$PATIENCE" settled 2
	log_count 1 'worker killed'
	status_is ".totals | .connections == 100 - $had and .closed == $had"
	watch_on 2
	watch_end
	watched_is ".lost == $had and .missed == 0"
}

@test "handoff: TERM in the middle of it ends all, in time and with 0" {
	local victim
	timed_start 'workers = 2;' 'handoff_seconds = 60;' 'stop_seconds = 2;' "$EXACT"
	watch 50
	victim=$(worker_pids | head -n 1)
	kill -STOP "$victim"
	reload 'workers = 3;' 'handoff_seconds = 60;' 'stop_seconds = 2;' "$EXACT"
	status_is ".workers | length == 4"
	timed_stop
	log_has "worker killed; worker='0', pid='$victim', .*reason='it did not stop in time'"
	log_has 'stopped; '
	wait_until "$PATIENCE" watch_is '.held == 0'
	watch_end
	watched_is '.missed == 0'
}

@test "handoff: reloads in the middle of it end in the last one" {
	local victim had round
	timed_start 'workers = 2;' 'handoff_seconds = 60;' 'watchdog_seconds = 60;' "$EXACT"
	watch 100
	victim=$(worker_pids | head -n 1)
	had=$(status '.workers[0].connections')
	kill -STOP "$victim"
	for round in 1 2 3; do
		reload "workers = $round;" 'handoff_seconds = 60;' \
			'watchdog_seconds = 60;' "$EXACT"
	done
	kill -HUP "$TIMED_PID"
	kill -HUP "$TIMED_PID"
	wait_until "$PATIENCE" status_is '.reloads >= 4'
	# The one is still there, with all of his; of the others of old whoever
	# waits for him has nobody.
	only_victim()
	{
		# shellcheck disable=SC2016 # jq's variable
		status_is ".generation as \$now |
			[.workers[] | select(.generation < \$now and .connections > 0)] |
			length == 1 and .[0].pid == $victim and .[0].connections == $had"
	}
	wait_until "$PATIENCE" only_victim
	kill -CONT "$victim"
	wait_until "$PATIENCE" gone "$victim"
	wait_until "$PATIENCE" settled 3
	status_is '.totals | .connections == 100 and .closed == 0 and .crashes == 0'
	log_has "\[$victim\]: connections handed over; connections='$had'"
	watch_on 2
	watch_end
	watched_is '.lost == 0'
}

@test "handoff: recycled workers pass on whom they have" {
	local first each
	timed_start 'workers = 3;' 'recycle_after = 40;' "$EXACT" \
		"log = { file = \"$LOG\"; level = \"info\"; syslog = false; };"
	mapfile -t first < <(worker_pids)
	each=$(fds "${first[0]}")
	watch 100
	local held=$WATCH_OUT pid=$WATCH_PID
	# Enough for each to have had his.
	all_recycled()
	{
		timec -q -n 1 "127.0.0.1:$(stream_port)" >/dev/null || return
		gone "${first[0]}" && gone "${first[1]}" && gone "${first[2]}"
	}
	wait_until 40 all_recycled
	wait_until "$PATIENCE" settled 3
	watch_on 2
	status_is '.totals.connections == 100 and .totals.crashes == 0 and
		.generation == 1 and .reloads == 0'
	wait_until "$PATIENCE" none_left_over 3 "$each"
	watch_end "$pid" "$held"
	watched_is '.lost == 0 and .missed == 0'
}
