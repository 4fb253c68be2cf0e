#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# What a connection costs a worker.

load lib

# The resident memory of PID in KiB.
rss_of()
{
	awk '/^VmRSS:/ { print $2 }' "/proc/$1/status"
}

@test "memory: an idle stream takes no more than 256 bytes of its worker" {
	local count=10000 worker before after each
	[ "$(ulimit -Hn)" -gt $((count + 200)) ]
	timed_start 'workers = 1;' "log = { file = \"$LOG\"; level = \"notice\";
		syslog = false; };" 'services = ( { type = "stream";
		listen = [ "127.0.0.1:0" ]; interval = 86400; } );'
	worker=$(worker_pids)
	cat >"$DIR/hold.py" <<-'EOF'
		import resource, signal, socket, sys
		port, count = int(sys.argv[1]), int(sys.argv[2])
		hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
		resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
		held = []
		for _ in range(count):
		    s = socket.create_connection(("127.0.0.1", port), 20)
		    assert s.recv(64), "closed"
		    held.append(s)
		print("held", flush=True)
		signal.pause()
	EOF
	# One client, and what a worker needs for any is there.
	client_start
	wait_until "$PATIENCE" lines_in "$CLIENT_OUT" 1
	before=$(rss_of "$worker")
	start "$DIR/held" "$DIR/held.err" python3 "$DIR/hold.py" "$(stream_port)" $count
	wait_until 60 lines_in "$DIR/held" 1
	status_is ".totals.connections == $count + 1"
	after=$(rss_of "$worker")
	each=$(((after - before) * 1024 / count))
	echo "$before KiB with one, $after KiB with $count more: $each bytes for each"
	[ "$each" -gt 0 ]
	[ "$each" -le 256 ]
}
