#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The echo of timed beside a bare epoll loop and xinetd's, over TCP.
#
#   echo.sh [-b BUILDDIR] [-n ROUNDS] [-t TABLES] [SECONDS]
#
# BUILDDIR has timed, timedctl, timebench and bench/floor_echo (.).  TABLES are
# some of "one two" (both): with a process each, timed, the floor and xinetd,
# which makes a process for each connection, one round trip at a time and of 64
# and 1000 connections; then timed and the floor with two processes.
#
# The servers of a table wait side by side, and take turns in ROUNDS (7) of
# SECONDS (2) each.  Figures are medians of the rounds; a ratio is the median of
# each round's.  Wanted: at least 0.95 of the floor's round trips, and at most
# 1.05 of its CPU for one.  Without xinetd it is left out.  Exit status 1: timed
# gave a byte that was not sent, or none.

# shellcheck source=turns.bash
. "${0%/*}/turns.bash"

tables='one two'

usage()
{
	echo "usage: echo.sh [-b BUILDDIR] [-n ROUNDS] [-t TABLES]" \
		"[SECONDS]" >&2
	exit 64
}

while getopts b:n:t: option; do
	case $option in
	b) builddir=$OPTARG ;;
	n) rounds=$OPTARG ;;
	t) tables=$OPTARG ;;
	*) usage ;;
	esac
done
shift $((OPTIND - 1))
[ $# -le 1 ] || usage
seconds=${1:-$seconds}
numbers "$rounds" "$seconds" || usage
bench_open

echo='type = "echo"; listen = [ "tcp:127.0.0.1:0" ];'

table_one()
{
	others=(floor xinetd)
	timed_serves 1 "$echo"
	floor_serves floor_echo 1
	! installed xinetd || xinetd_serves echo stream tcp no
	turns 'echo, 1 process each; one round trip after the other' echo -c 1
	turns 'echo, 1 process each; 64 connections' echo -c 64
	turns 'echo, 1 process each; 64 connections, 4000 bytes' \
		echo -c 64 --size 4000
	# It would make as many processes.
	unset 'pids[xinetd]'
	turns 'echo, 1 process each; 1000 connections' echo -c 1000
	end_servers
}

table_two()
{
	others=(floor)
	timed_serves 2 "$echo"
	floor_serves floor_echo 2
	turns 'echo, 2 processes each; 64 connections' echo -c 64
	end_servers
}

echo "$rounds rounds of $seconds s in turns; $(nproc) CPUs"
for table in $tables; do
	case $table in
	one) table_one ;;
	two) table_two ;;
	*) usage ;;
	esac
done
# shellcheck disable=SC2154 # of turns.bash
exit $faults
