#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# What a connection costs a worker.

load lib

# What 100,000 streams may cost is 16 MB; a sanitizer that is built in puts
# something of its own around and beside all memory.
MOST=160
! built WITH_SANITIZERS || MOST=256

@test "memory: an idle stream takes no more than $MOST bytes of its worker" {
	local count=10000 worker before after each
	[ "$(ulimit -Hn)" -gt $((count + 200)) ]
	keep_nothing
	timed_start 'workers = 1;' "log = { file = \"$LOG\"; level = \"notice\";
		syslog = false; };" 'services = ( { type = "stream";
		listen = [ "127.0.0.1:0" ]; interval = 86400; } );'
	worker=$(worker_pids)
	# One client, and what a worker needs for any is there.
	client_start
	wait_until "$PATIENCE" lines_in "$CLIENT_OUT" 1
	before=$(private_of "$worker")
	hold $count
	status_is ".totals.connections == $count + 1"
	after=$(private_of "$worker")
	each=$(((after - before) * 1024 / count))
	echo "$before KiB with one, $after KiB with $count more: $each bytes for each"
	[ "$each" -gt 0 ]
	[ "$each" -le $MOST ]
}
