#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# What a connection costs a worker.

load lib

@test "memory: an idle stream takes no more than 256 bytes of its worker" {
	local count=10000 worker before after each
	[ "$(ulimit -Hn)" -gt $((count + 200)) ]
	timed_start 'workers = 1;' "log = { file = \"$LOG\"; level = \"notice\";
		syslog = false; };" 'services = ( { type = "stream";
		listen = [ "127.0.0.1:0" ]; interval = 86400; } );'
	worker=$(worker_pids)
	# One client, and what a worker needs for any is there.
	client_start
	wait_until "$PATIENCE" lines_in "$CLIENT_OUT" 1
	before=$(rss_of "$worker")
	hold $count
	status_is ".totals.connections == $count + 1"
	after=$(rss_of "$worker")
	each=$(((after - before) * 1024 / count))
	echo "$before KiB with one, $after KiB with $count more: $each bytes for each"
	[ "$each" -gt 0 ]
	[ "$each" -le 256 ]
}
