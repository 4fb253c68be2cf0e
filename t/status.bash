# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2119,SC2120 # tests use them, with arguments too
#
# For tests of the status page: `load status` after `load lib`.

STATUS_PAGE='status = { listen = "127.0.0.1:0"; };'

# The port that it listens on.
page_port()
{
	status '.status_page[0] | sub(".*:"; "")'
}

# status_pid [MASTER]: the pid of the status process.
status_pid()
{
	pgrep -P "${1:-$TIMED_PID}" -f '^timed: status'
}

# Is there a status process, and is it not PID?
status_replaced()
{
	local now
	now=$(status_pid) && [ "$now" != "$1" ]
}

# get PATH [OPTION...]: what is there; fails where that is no success.
get()
{
	curl -sS -f --max-time 20 "${@:2}" "http://127.0.0.1:$(page_port)$1"
}

# code PATH [OPTION...]: the number of the answer.
code()
{
	curl -sS -o /dev/null -w '%{http_code}\n' --max-time 20 "${@:2}" \
		"http://127.0.0.1:$(page_port)$1"
}

# code_is NUMBER PATH
code_is()
{
	[ "$(code "$2")" = "$1" ]
}

# metric NAME{LABELS}: its value now.
metric()
{
	get /metrics | awk -v name="$1" '$1 == name { print $2 }'
}

# metric_is NAME{LABELS} VALUE
metric_is()
{
	[ "$(metric "$1")" = "$2" ]
}

# follow COUNT: so many at /events, who look at every event: each is whole, and
# of a later second than the one before.  Once a second they say how it goes,
# as JSON, in the file FOLLOW_OUT; see followed_is.
follow()
{
	FOLLOWS=$((${FOLLOWS:-0} + 1))
	program follow.py <<-'EOF'
		import json, resource, select, socket, sys, time
		port, count = int(sys.argv[1]), int(sys.argv[2])
		hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
		resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
		faults = []

		class Follower:
		    def __init__(self):
		        self.socket = socket.create_connection(("127.0.0.1", port), 20)
		        self.socket.sendall(b"GET /events HTTP/1.0\r\n\r\n")
		        self.rest, self.last, self.events, self.lost = b"", 0, 0, False
		        while b"\r\n\r\n" not in self.rest:
		            data = self.socket.recv(65536)
		            assert data, "closed"
		            self.rest += data
		        head, self.rest = self.rest.split(b"\r\n\r\n", 1)
		        self.answer = int(head.split()[1])
		        self.socket.setblocking(False)

		    def read(self):
		        try:
		            data = self.socket.recv(65536)
		        except BlockingIOError:
		            return
		        except ConnectionError:
		            data = b""
		        if not data:
		            self.lost = True
		            poll.unregister(self.socket)
		            return
		        *whole, self.rest = (self.rest + data).split(b"\n\n")
		        for event in whole:
		            fields = dict(line.split(b": ", 1) for line in event.split(b"\n"))
		            second = int(fields[b"id"])
		            time.strptime(json.loads(fields[b"data"])["time"], "%Y-%m-%dT%H:%M:%SZ")
		            if second < self.last or second == self.last and self.events > 1:
		                faults.append("%d after %d" % (second, self.last))
		            self.last = second
		            self.events += 1

		poll = select.epoll()
		followers = {}
		answers = []
		for _ in range(count):
		    one = Follower()
		    answers.append(one.answer)
		    if one.answer == 200:
		        followers[one.socket.fileno()] = one
		        poll.register(one.socket, select.EPOLLIN)
		said = 0
		while True:
		    for fd, _ in poll.poll(0.2):
		        followers[fd].read()
		    if time.monotonic() - said > 0.5:
		        said = time.monotonic()
		        there = [f for f in followers.values() if not f.lost]
		        print(json.dumps({
		            "held": len(there), "refused": count - answers.count(200),
		            "lost": len(followers) - len(there),
		            "events": sum(f.events for f in followers.values()),
		            "least": min((f.last for f in there), default=0),
		            "faults": faults[:5]}), flush=True)
	EOF
	FOLLOW_OUT=$DIR/follow.$FOLLOWS
	start "$FOLLOW_OUT" "$FOLLOW_OUT.err" \
		python3 "$DIR/follow.py" "$(page_port)" "$1"
	wait_until 60 lines_in "$FOLLOW_OUT" 1
}

# followed_is FILTER: is it true of what they said last?
followed_is()
{
	[ "$(tail -n 1 "$FOLLOW_OUT" | jq "$1")" = true ]
}

# follow_on SECONDS: until each of them has an event so much later than now.
follow_on()
{
	wait_until "$PATIENCE" followed_is ".least >= $((EPOCHSECONDS + $1))"
	followed_is '.faults == []'
}
