#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What the status page costs those whom timed serves: the lines of a stream
# with nobody at the page, and with a thousand who follow its events beside a
# thousand collections of the metrics a second, in turns, of one timed.
#
#   status.sh [-b BUILDDIR] [-n ROUNDS] [CONNECTIONS [SECONDS [FOLLOWERS [RATE]]]]
#
# BUILDDIR has timed, timedctl and timebench (.); ROUNDS (5) of each;
# CONNECTIONS (2000) of the stream, SECONDS (5) of each run, FOLLOWERS (1000)
# and RATE (1000).  Who asks has a nice value of 19: they are other machines.
# Exit status 1: a tick was missed, doubled or garbled.

# shellcheck source=lib.bash
. "${0%/*}/lib.bash"

rounds=5 faults=0

usage()
{
	echo "usage: status.sh [-b BUILDDIR] [-n ROUNDS]" \
		"[CONNECTIONS [SECONDS [FOLLOWERS [RATE]]]]" >&2
	exit 64
}

while getopts b:n: option; do
	case $option in
	b) builddir=$OPTARG ;;
	n) rounds=$OPTARG ;;
	*) usage ;;
	esac
done
shift $((OPTIND - 1))
[ $# -le 4 ] || usage
connections=${1:-2000} seconds=${2:-5} followers=${3:-1000} rate=${4:-1000}
numbers "$rounds" "$connections" "$seconds" "$followers" "$rate" || usage
bench_open

# Follows, and collects at RATE, until it is ended; then it says how many.
cat >"$dir/crowd.py" <<'END'
import os, resource, select, signal, socket, sys, time
port, followers, rate = map(int, sys.argv[1:])
os.nice(19)
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
going = True

def stop(*_):
    global going
    going = False
signal.signal(signal.SIGTERM, stop)

poll, crowd = select.epoll(), {}
for _ in range(followers):
    one = socket.create_connection(("127.0.0.1", port), 20)
    one.sendall(b"GET /events HTTP/1.0\r\n\r\n")
    assert one.recv(65536).split()[1] == b"200", "too many"
    one.setblocking(False)
    crowd[one.fileno()] = one
    poll.register(one, select.EPOLLIN)
asker = socket.create_connection(("127.0.0.1", port), 20)
print("here", flush=True)
begun, scrapes, took = time.monotonic(), 0, []
while going:
    ahead = begun + scrapes / rate - time.monotonic()
    if ahead > 0:
        for fd, _ in poll.poll(ahead):
            assert crowd[fd].recv(1 << 20), "cut off"
        continue
    at = time.monotonic()
    asker.sendall(b"GET /metrics HTTP/1.1\r\nHost: timed\r\n\r\n")
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += asker.recv(65536)
    head, body = answer.split(b"\r\n\r\n", 1)
    length = int(head.lower().split(b"content-length:")[1].split()[0])
    while len(body) < length:
        body += asker.recv(65536)
    took.append(time.monotonic() - at)
    scrapes += 1
took.sort()
print("%.0f scrapes a second, p50 %.0f us, p99 %.0f us" % (
    scrapes / (time.monotonic() - begun), took[len(took) // 2] * 1e6,
    took[len(took) * 99 // 100] * 1e6))
END

crowd_start()
{
	: >"$dir/crowd"
	python3 "$dir/crowd.py" "$page" "$followers" "$rate" >"$dir/crowd" \
		2>"$dir/stderr" {never}>&- &
	crowd=$!
	started+=("$crowd")
	wait_for 'nobody is at the page' "$crowd" grep -q here "$dir/crowd"
}

# One run; a JSON object at the end of the results of $name.
run()
{
	[ "$name" = quiet ] || crowd_start
	"$builddir/timebench" stream -j -c "$connections" -d "$seconds" \
		"$address" >"$dir/result"
	local status=$?
	[ $status -le 1 ] || exit $status
	[ $status -eq 0 ] || faults=1
	if [ "$name" = loaded ]; then
		stop "$crowd"
		unset 'started[-1]'
	fi
	cat "$dir/result" >>"$dir/$name"
}

figures='.lateness_us.p50, .lateness_us.p99, .lateness_us.max'

show()
{
	jq -r "[$figures, \"\(.ticks_received) of \(.ticks_expected)\"] | @tsv" \
		"$dir/result" |
		while IFS=$'\t' read -r p50 p99 max ticks; do
			printf '%-12s %10d %10d %10d  %s\n' "$1" "$p50" "$p99" \
				"$max" "$ticks"
		done
	[ "$name" = quiet ] || sed -n 's/^[0-9]/             &/p' "$dir/crowd"
}

# The median of each figure over the runs of NAME, on one line.
medians()
{
	jq -rs "map([$figures]) | transpose
		| map(sort | (.[(length - 1) / 2 | floor] + .[length / 2 | floor]) / 2)
		| @tsv" "$dir/$1"
}

summary()
{
	local name
	echo "median of $rounds:"
	for name in quiet loaded; do
		medians "$name" | while IFS=$'\t' read -r p50 p99 max; do
			printf '%-12s %10.0f %10.0f %10.0f\n' "$name" "$p50" \
				"$p99" "$max"
		done
	done
	paste <(medians loaded) <(medians quiet) |
		awk '{ printf "%-12s %10.2f %10.2f %10.2f\n", "loaded/quiet",
			$1 / $4, $2 / $5, $3 / $6 }'
}

settings="status = { listen = \"127.0.0.1:0\";
	connections = $((followers * 2 + 16)); };"
start_timed 2
page=$(timed_status '.status_page[0] | ltrimstr("127.0.0.1:")')
echo "$connections connections, $seconds s, $followers followers," \
	"$rate scrapes a second, $rounds rounds in turns; $(nproc) CPUs"
printf '%-12s %10s %10s %10s  %s\n' '' 'p50 us' 'p99 us' 'max us' ticks
for ((round = 1; round <= rounds; round++)); do
	for name in quiet loaded; do
		run
		show "$name $round"
	done
done
summary
exit $faults
