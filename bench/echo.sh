#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The echo of timed beside a bare epoll loop, xinetd's, and a thread for each
# client, over TCP.
#
#   echo.sh [OPTION...] [SECONDS]
#
# The options of turns.bash; its tables are some of "one two" (both): with a
# process each, all of them, but xinetd not for 1000 connections, of which it
# makes as many processes; then timed and the floor with two processes.  Wanted:
# at least 0.95 of the floor's round trips, and at most 1.05 of its CPU for one.
# Exit status 1: timed gave a byte that was not sent, or none.

# shellcheck source=turns.bash
. "$(dirname "$0")/turns.bash"

tables='one two'

usage()
{
	echo "usage: echo.sh [-b BUILDDIR] [-c MOST] [-n ROUNDS]" \
		"[-o RESULTS] [-s SECONDS] [-t TABLES] [SECONDS]" >&2
	exit 64
}

while getopts "$common" option; do
	common_option "$option" "$OPTARG" || usage
done
shift $((OPTIND - 1))
[ $# -le 1 ] || usage
seconds=${1:-$seconds}
amount "$seconds" || usage
turns_open

some=$(at_most 64) many=$(at_most 1000)

table_one()
{
	table echo 1
	load 'one round trip after the other' 1
	load "$some connections" "$some"
	load "$some connections, 4000 bytes" "$some" --size 4000
	end_table
	table echo 1 timed floor textbook
	load "$many connections" "$many"
	end_table
}

table_two()
{
	table echo 2 timed floor
	load "$some connections" "$some"
	end_table
}

for table in $tables; do
	case $table in
	one) table_one ;;
	two) table_two ;;
	*) usage ;;
	esac
done
exit $faults
