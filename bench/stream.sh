#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The stream of timed beside the barest servers that do the same, a loop of
# send(2) and one of io_uring, and a thread for each client: in turns, with as
# many processes and under the same load.
#
#   stream.sh [OPTION...] [CONNECTIONS [SECONDS [WORKERS]]]
#
# CONNECTIONS (10000), SECONDS (5) of each turn, WORKERS (2).  The options of
# turns.bash; a table is the name of a server, and -t timed,floor is these two.
# Each turn has a server that was just started.  Exit status 1: a tick was
# missed, doubled or garbled by timed.

# shellcheck source=turns.bash
. "$(dirname "$0")/turns.bash"

usage()
{
	echo "usage: stream.sh [-b BUILDDIR] [-c MOST] [-n ROUNDS]" \
		"[-o RESULTS] [-s SECONDS] [-t SERVERS]" \
		"[CONNECTIONS [SECONDS [WORKERS]]]" >&2
	exit 64
}

seconds=5
tables=${offer[stream]}
while getopts "$common" option; do
	common_option "$option" "$OPTARG" || usage
done
shift $((OPTIND - 1))
[ $# -le 3 ] || usage
connections=${1:-10000} seconds=${2:-$seconds} workers=${3:-2}
numbers "$connections" "$workers" || usage
amount "$seconds" || usage
read -ra servers <<<"$tables"
for name in "${servers[@]}"; do
	[[ " ${offer[stream]} " == *" $name "* ]] || usage
done
turns_open

connections=$(at_most "$connections")

# The textbook is one process.
room=$(ulimit -Hn)
if [ "$room" != unlimited ] && [ "$connections" -gt $((room - 100)) ]; then
	echo "$me: no textbook: $room descriptors are too few" >&2
	read -ra servers <<<"${servers[*]/textbook/}"
fi
anew=("${servers[@]}")
table stream "$workers" "${servers[@]}"
load "$connections connections" "$connections"
end_table
exit $faults
