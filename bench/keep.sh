#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Keep what bench.sh found: put RESULTS and the plots of DIRECTORY beside the
# sources, and the table into their README, in the place of the one there.
#
#   keep.sh DIRECTORY SOURCES
#
# In README that is the section "Side by side", from the first line on that is
# no longer text but "    when", to its end.

me=${0##*/}
services=(stream daytime time ntp echo chat)

fail()
{
	echo "$me: $2" >&2
	exit "$1"
}

# The table and what is above it, without its heading and what follows.
table()
{
	awk '/^    when / { on = 1 }
		/^(handoff|reload)\.sh/ { exit }
		on { line[++n] = $0 }
		END {
			while (n && line[n] == "")
				n--
			for (i = 1; i <= n; i++)
				print line[i]
			exit !n
		}' "$1"
}

# readme README TABLE: with that table in its place.
readme()
{
	awk -v table="$2" '
		{ line[NR] = $0 }
		/^---+$/ && section && !end { end = NR - 2 }
		/^---+$/ && line[NR - 1] == "Side by side" { section = NR }
		/^    when / && section && !end && !old { old = NR }
		END {
			if (!section)
				exit 1
			if (!end)
				end = NR
			last = old ? old - 1 : end
			while (line[last] == "")
				last--
			for (i = 1; i <= last; i++)
				print line[i]
			print ""
			while ((getline text <table) > 0)
				print text
			if (end < NR)
				print "\n"
			for (i = end + 1; i <= NR; i++)
				print line[i]
		}' "$1"
}

if [ $# -ne 2 ]; then
	echo 'usage: keep.sh DIRECTORY SOURCES' >&2
	exit 64
fi
from=$1 to=$2
[ -r "$from/RESULTS" ] || fail 66 "no $from/RESULTS; \"make bench\" writes it"
new=$(mktemp -d "${TMPDIR:-/tmp}/timed-keep.XXXXXX") || exit 73
trap 'rm -rf "$new"' EXIT
table "$from/RESULTS" >"$new/table" || fail 65 "$from/RESULTS has no table"
readme "$to/README" "$new/table" >"$new/README" ||
	fail 65 "$to/README has no section \"Side by side\""
for name in RESULTS "${services[@]/%/.svg}"; do
	if [ -e "$from/$name" ] && ! [ "$from/$name" -ef "$to/bench/$name" ]; then
		cp "$from/$name" "$to/bench/$name" || exit 73
	fi
done
cat "$new/README" >"$to/README" || exit 73
