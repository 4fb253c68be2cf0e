#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# timed beside all the others that are there, as one table: this is make bench.
#
#   bench.sh [-b BUILDDIR] [-c MOST] [-d DIRECTORY] [-n ROUNDS] [-s SECONDS]
#            [NAME...]
#
# NAMEs are what is measured, some of "stream daytime time ntp echo chat handoff
# reload" (all); the options are those of turns.bash.  Into DIRECTORY
# (BUILDDIR/bench) go
#
#   results.json   every turn of every server, one a line: see figures.jq
#   RESULTS        the table, with the machine and the date, and what handoff.sh
#                  and reload.sh say
#   NAME.svg       the table as bars, for each service
#
# and none of those that were there before stays.  While it is measured, what is
# measured is shown; then RESULTS is.  Who is not installed is said, and left
# out.  Exit status 1: timed did something wrong, or a script failed.

# shellcheck source=turns.bash
. "$(dirname "$0")/turns.bash"

services=(stream daytime time ntp echo chat)
others=(handoff reload)
reloads=10000 # connections, at most, that are handed over

usage()
{
	echo "usage: bench.sh [-b BUILDDIR] [-c MOST] [-d DIRECTORY]" \
		"[-n ROUNDS] [-s SECONDS] [NAME...]" >&2
	exit 64
}

directory='' given=()
while getopts b:c:d:n:s: option; do
	case $option in
	d) directory=$OPTARG ;;
	*) common_option "$option" "$OPTARG" || usage ;;
	esac
	[[ $option != [ns] ]] || given+=("-$option" "$OPTARG")
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || set -- "${services[@]}" "${others[@]}"
for name; do
	[[ " ${services[*]} ${others[*]} " == *" $name "* ]] || usage
done
directory=${directory:-$builddir/bench}

# ---- What is measured where -------------------------------------------------

# The first value of KEY in FILE, which has lines KEY: VALUE.
value()
{
	sed -n "s/^$1[[:space:]]*: *//p" "$2" | head -n 1
}

peers()
{
	local name all=
	for name in nginx chronyd xinetd ngircd ncat; do
		! there "$name" || all+="${all:+, }$name $(version "$name")"
	done
	echo "${all:-none}"
}

absentees()
{
	local name all=
	for name in nginx chronyd xinetd ngircd ncat io_uring; do
		there "$name" || all+="${all:+, }$name"
	done
	echo "${all:-nobody}"
}

describe()
{
	jq -nc --arg when "$(date -u '+%Y-%m-%d %H:%M UTC')" \
		--arg machine "$(value 'model name' /proc/cpuinfo)" \
		--arg cpus "$(nproc)" \
		--argjson memory "$(value MemTotal /proc/meminfo |
			sed 's/ kB//')" \
		--arg system "$(uname -sr)" \
		--arg timed "$("$builddir/timed" -V | sed 's/^timed //;q')" \
		--arg beside "$(peers)" --arg missing "$(absentees)" \
		--arg rounds "$rounds" '{machine: {
			when: $when,
			machine: ("\($machine), \($cpus) CPUs, " +
				"\($memory / 104857.6 | round / 10) GiB"),
			system: $system, timed: $timed, beside: $beside,
			"not there": $missing, rounds: $rounds}}'
}

# ---- Measuring --------------------------------------------------------------

# script NAME.sh ARGUMENT...: one of those beside this one.
script()
{
	bash "$here/$1" -b "$builddir" "${@:2}" {never}>&- &
	attend || faults=1
}

# compared NAME.sh ARGUMENT...: one that adds to the results.
compared()
{
	script "$1" -c "$most" -o "$dir/all" "${given[@]}" "${@:2}"
}

# told NAME.sh ARGUMENT...: one whose text is a part of RESULTS.
told()
{
	echo "$1"
	script "$@" >"$dir/told.part"
	{ echo "$1 ${*:2}" && cat "$dir/told.part" && echo; } >>"$dir/told"
}

measure()
{
	case $1 in
	stream) compared stream.sh ;;
	echo) compared echo.sh ;;
	chat) compared chat.sh -t one ;;
	daytime | time | ntp) compared datagrams.sh -t "$1" ;;
	handoff) told handoff.sh "$(at_most 1000)" "$(at_most 10)" ;;
	reload) told reload.sh -n "$((rounds < 2 ? rounds : 2))" \
		"$(at_most $reloads)" "$(at_most 5)" ;;
	esac
}

# ---- Writing ----------------------------------------------------------------

# put NAME: standard input as that file, whole or not at all.
put()
{
	if ! cat >"$directory/$1.tmp" ||
		! mv "$directory/$1.tmp" "$directory/$1"; then
		fail 74 "cannot write $directory/$1"
	fi
}

text()
{
	jq -L "$here" -rs --arg part all -f "$here/table.jq" "$dir/all" &&
		cat "$dir/told"
}

write_all()
{
	local name
	for name in "${services[@]}"; do
		rm -f "$directory/$name.svg"
	done
	put results.json <"$dir/all"
	text | put RESULTS || fail 70 'no table'
	for name; do
		[[ " ${services[*]} " == *" $name "* ]] || continue
		jq -L "$here" -rs --arg service "$name" -f "$here/plot.jq" \
			"$dir/all" | put "$name.svg" || fail 70 "no $name.svg"
	done
}

set -o pipefail
# A function, as the shell reads a script while it runs: this takes a while, and
# whoever changes the sources meanwhile does not change what is under way.
all()
{
	local name
	there timed || missing timed
	there floor || missing floor
	bench_open
	mkdir -p "$directory" || exit 73
	[ -w "$directory" ] || fail 73 "cannot write into $directory"
	describe >"$dir/all" || fail 69 'the machine cannot be described'
	: >"$dir/told"
	for name; do
		measure "$name"
	done
	write_all "$@"
	cat "$directory/RESULTS"
	exit $faults
}

set -o pipefail
# A script that is told to end has servers to stop, each within its own time.
deadline=120
all "$@"
