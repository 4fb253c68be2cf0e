#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The chat of timed beside ngircd and ncat --chat: what a line costs for each
# who gets it, and how long it takes until everybody has it.
#
#   chat.sh [OPTION...] [-u USERS] [SECONDS]
#
# The options of turns.bash; its tables are some of "one four" (both): timed
# with so many workers, as the others have one process whatever they are told.
# USERS (200) are in a room of each: one line at a time, the next when everybody
# has it, and bursts of ten.  The servers are without limits of their own; timed
# stores every line, and beside its own CPU time there is that of its keeper.
# Wanted: at most 0.8 of the CPU for a delivery of the better of the others; in
# bursts 0.5 of ngircd's and 1.2 of ncat's, which stores nothing.  Exit status
# 1: timed lost a line, doubled it, or had it out of order.

# shellcheck source=turns.bash
. "$(dirname "$0")/turns.bash"

tables='one four' users=200

usage()
{
	echo "usage: chat.sh [-b BUILDDIR] [-c MOST] [-n ROUNDS]" \
		"[-o RESULTS] [-s SECONDS] [-t TABLES] [-u USERS]" \
		"[SECONDS]" >&2
	exit 64
}

while getopts "${common}u:" option; do
	case $option in
	u) users=$OPTARG ;;
	*) common_option "$option" "$OPTARG" || usage ;;
	esac
done
shift $((OPTIND - 1))
[ $# -le 1 ] || usage
seconds=${1:-$seconds}
numbers "$users" || usage
amount "$seconds" || usage
turns_open

users=$(at_most "$users")

# room WORKERS.  ncat ends when somebody is gone whom it has just let in.
room()
{
	anew=(ncat)
	table chat "$1"
	load "$users users, one line at a time" "$users"
	load "$users users, bursts of ten" "$users" --burst 10
	end_table
}

for table in $tables; do
	case $table in
	one) room 1 ;;
	four) room 4 ;;
	*) usage ;;
	esac
done
exit $faults
