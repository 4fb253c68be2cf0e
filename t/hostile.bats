#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# A worker that somebody else has taken over (t/hostile.c): whatever it does with
# what a worker has, the master neither dies nor spins nor does what it wants,
# and those who are with other workers do not notice.

load lib
load chat

setup()
{
	harness_setup
	# shellcheck disable=SC2034 # for the harness
	TIMED=$BUILD/t/hostile
	FORMAT=$(stream 'format = "%s";')
}

# hostile_start KIND SECONDS [SETTINGS...]: three workers, of which the first
# does KIND for so long at most, or until it is enough.
hostile_start()
{
	local kind=$1 seconds=$2
	shift 2
	now
	export HOSTILE_KIND=$kind HOSTILE_SEED=$BATS_TEST_NUMBER
	export HOSTILE_UNTIL=$((NOW + seconds * 100)) HOSTILE_SAYS=$DIR/pipe
	mkfifo "$HOSTILE_SAYS"
	# Also for writing, so that it does not end with one of them.
	# shellcheck disable=SC2016 # expanded by the inner shell
	start "$DIR/said" "$DIR/said.err" sh -c 'exec cat <>"$1"' sh "$HOSTILE_SAYS"
	timed_start 'workers = 3;' 'log = { file = "'"$LOG"'"; level = "info"; syslog = false; };' "${@:-$FORMAT}"
	HONEST=$(status '.workers[] | select(.number != 0) | .pid')
	MASTER_FDS=$(fds "$TIMED_PID")
	BEGAN=$(cpu_of "$TIMED_PID")
}

clients()
{
	client_start
	wait_until "$PATIENCE" lines_in "$CLIENT_OUT" 1
	FIRST=$CLIENT_OUT
	client_start
	wait_until "$PATIENCE" lines_in "$CLIENT_OUT" 1
}

# Is its time up?
over()
{
	now
	[ "$NOW" -ge "$HOSTILE_UNTIL" ]
}

# It has gone on for SECONDS: let it end.
enough()
{
	wait_until "$PATIENCE" clock_reaches $((EPOCHSECONDS + $1))
	hold 10
	HOSTILE_UNTIL=0
}

# What timedctl shows is JSON, and no number in it is negative.
status_holds()
{
	timedctl -r "$RUN" -j status |
		jq -e '[.. | numbers] | length > 0 and all(. >= 0)' >/dev/null
}

# Once it is over: nobody else was touched, nothing was used up, nobody talked
# too much, and the next worker 0 is an honest one.
nothing_happened()
{
	local pid used
	wait_until 60 over
	used=$(($(cpu_of "$TIMED_PID") - BEGAN))
	echo "the master used $used clock ticks, and the log has $(wc -l <"$LOG") lines"
	[ "$used" -lt $((2 * $(getconf CLK_TCK))) ]
	[ "$(wc -l <"$LOG")" -lt 200 ]
	status_holds
	wait_until 60 settled 3
	for pid in $HONEST; do
		status_is "any(.workers[]; .pid == $pid)"
	done
	wait_until "$PATIENCE" has_fds "$TIMED_PID" "$MASTER_FDS"
}

# Those who are connected have had every line.
served()
{
	local lines
	for CLIENT_OUT in "$FIRST" "$CLIENT_OUT"; do
		lines=$(wc -l <"$CLIENT_OUT")
		wait_until "$PATIENCE" lines_in "$CLIENT_OUT" $((lines + 2))
		consecutive "$CLIENT_OUT"
	done
}

@test "hostile: reports of every wrong kind cost it its life, at a bounded rate" {
	hostile_start reports 120
	clients
	enough 4
	nothing_happened
	served
	log_has "report refused; "
	log_has "worker killed; worker='0', .*reason='it reports nonsense'"
	status_is '.totals.accepted == 12'
}

@test "hostile: nor may it report too often" {
	hostile_start flood 120
	clients
	enough 4
	nothing_happened
	served
	log_has "worker killed; worker='0', .*reason='it reports too often'"
	status_is '.totals.accepted == 12'
}

@test "hostile: a beat at birth is no sign of life" {
	hostile_start young 120
	clients
	enough 4
	nothing_happened
	served
	log_has "worker respawn delayed; worker='0', .*delay_ms='800'"
	status_is '.totals.crashes < 12'
}

@test "hostile: what it writes to its slot stays there, and it gets no other" {
	hostile_start board 120
	clients
	for _ in {1..50}; do
		status_holds
	done
	enough 2
	wait_until "$PATIENCE" file_has "$DIR/said" '^hostile: the scoreboard: denied$'
	nothing_happened
	served
	# The last ones may be with the next worker 0.
	status_is '[.workers[] | select(.number != 0) | .accepted] | add |
		. >= 8 and . <= 12'
}

@test "hostile: nobody hears what it answers the master" {
	hostile_start commands 120
	clients
	enough 4
	nothing_happened
	served
	run file_has "$DIR/said" '^hostile: an answer: allowed'
	[ "$status" -ne 0 ]
}

@test "hostile: what is no record is passed over in the log" {
	hostile_start log 120
	clients
	enough 4
	nothing_happened
	served
	log_has 'log bytes skipped; '
}

@test "hostile: what it does to the listeners is mended" {
	local lines
	hostile_start listeners 3
	FIRST=
	nothing_happened
	# They were shut all the time; now they are there again.
	clients
	served
	kill -HUP "$TIMED_PID"
	wait_until "$PATIENCE" reloads 1
	served
}

@test "hostile: a hand-off by it, and to it, costs nobody but its own" {
	hostile_start handoff 120
	clients
	for n in 1 2; do
		kill -HUP "$TIMED_PID"
		wait_until "$PATIENCE" reloads $n
		wait_until "$PATIENCE" settled 3
	done
	HONEST=$(status '.workers[] | select(.number != 0) | .pid')
	enough 1
	nothing_happened
	served
	status_is '.totals.connections == 12'
}

@test "hostile: the keeper answers others, and it has no way into the ring" {
	hostile_start keeper 5 "$(chat 'lines_per_second = 0.0;')"
	room <<-'EOF'
		ada = Client("ada", ack=True)
		eve = Client("eve")
		for n in range(20):
		    ada.say("line %d" % n)
		    assert eve.text() == "ada: line %d" % n
	EOF
	wait_until "$PATIENCE" file_has "$DIR/said" '^hostile: the ring: denied$'
	# Its own files are everybody's who is the same user.
	[ "$(id -u)" -ne 0 ] || wait_until "$PATIENCE" file_has "$DIR/said" "^hostile: the ring's file: denied$"
	nothing_happened
	[ "$(ctl -j history | jq -s 'map(select(.message)) | length')" -eq 20 ]
}

@test "hostile: timed stops with it in its ranks" {
	hostile_start reports 120
	clients
	timed_stop
}
