#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# New clients go to the workers that have the fewest, and nobody waits for one
# that does not take them.

load lib

# even: do all workers have a number of clients within 10 % of the mean?
even()
{
	# shellcheck disable=SC2016 # jq's variable
	status_is '[.workers[] | select(.state == "serving") | .connections] |
		(add / length) as $mean |
		all(. >= $mean * 0.9 and . <= $mean * 1.1)'
}

# connected N: are there N clients?
connected()
{
	status_is ".totals.connections == $1"
}

show_workers()
{
	status '[.workers[] | .connections] | tostring'
}

# daytimes N: so many connections one after another, and the answer to each.
daytimes()
{
	program daytimes.py <<-'EOF'
		import socket, sys
		for _ in range(int(sys.argv[2])):
		    s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 20)
		    line = b""
		    while piece := s.recv(64):
		        line += piece
		    assert line.endswith(b"\r\n"), line
		    s.close()
	EOF
	python3 "$DIR/daytimes.py" "$(service_port daytime)" "$1"
}

# accepted: how many each worker has accepted.
accepted()
{
	status '[.workers[] | .accepted] | tostring'
}

@test "balance: a burst of 1,000 connections is spread over 4 workers" {
	timed_start 'workers = 4;'
	start "$DIR/bench" "$DIR/bench.err" timebench stream -c 1000 -d 60 \
		"127.0.0.1:$(stream_port)"
	wait_until 60 connected 1000
	show_workers
	even
}

@test "balance: so are 1,000 connections one after another" {
	timed_start 'workers = 4;'
	hold 1000
	show_workers
	connected 1000
	even
}

@test "balance: an interval of a day is no worse" {
	timed_start 'workers = 3;' 'services = ( { type = "stream";
		listen = [ "127.0.0.1:0" ]; interval = 86400; } );'
	hold 600
	show_workers
	connected 600
	even
}

@test "balance: a replaced worker gets the new clients until all are even" {
	local victim had
	timed_start 'workers = 4;'
	hold 400
	even
	victim=$(status '.workers[0].pid')
	had=$(status '.workers[0].connections')
	kill -KILL "$victim"
	wait_until "$PATIENCE" status_is "(.workers | length) == 4 and
		all(.workers[]; .pid != $victim and .state == \"serving\")"
	connected $((400 - had))
	hold "$had"
	show_workers
	connected 400
	even
}

@test "balance: nobody waits for a worker that is stopped" {
	local victim had
	timed_start 'workers = 4;' 'watchdog_seconds = 60;'
	hold 40
	victim=$(status '.workers[0].pid')
	had=$(status '.workers[0].connections')
	kill -STOP "$victim"
	cat >"$DIR/quick.py" <<-'EOF'
		import socket, sys, time
		worst, held = 0, []
		for _ in range(20):
		    began = time.monotonic()
		    s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 20)
		    assert s.recv(64), "closed"
		    worst = max(worst, time.monotonic() - began)
		    held.append(s)
		print("the slowest took %.3f s" % worst)
		assert worst < 2
	EOF
	python3 "$DIR/quick.py" "$(stream_port)"
	# The others took them, and the one is still there.
	status_is ".workers[] | select(.pid == $victim) | .connections == $had"
	status_is '.totals.accepted == 60'
	kill -CONT "$victim"
}

@test "balance: clients who are answered once have all workers in turns" {
	timed_start 'workers = 4;' 'services = ( { type = "daytime";
		listen = [ "127.0.0.1:0" ]; } );'
	daytimes 400
	accepted
	status_is 'all(.workers[]; .accepted >= 50) and .totals.accepted == 400'
}

@test "balance: they also have a worker with more connections than others" {
	local victim before
	timed_start 'workers = 2;' 'services = (
		{ type = "stream"; listen = [ "127.0.0.1:0" ]; },
		{ type = "daytime"; listen = [ "127.0.0.1:0" ]; } );'
	hold 40
	victim=$(status '.workers[0].pid')
	kill -KILL "$victim"
	wait_until "$PATIENCE" status_is "(.workers | length) == 2 and
		all(.workers[]; .pid != $victim and .state == \"serving\")"
	# The one that has twenty leaves these to the other.
	hold 10
	status_is '.workers[0].connections >= 8'
	before=$(accepted)
	daytimes 400
	echo "$before, and then $(accepted)"
	status_is "$before as \$before | [.workers[] | .accepted] |
		[., \$before] | transpose | all(.[0] - .[1] >= 100)"
}
