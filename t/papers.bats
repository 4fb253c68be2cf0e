#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# What is written about timed agrees with what it does.

load lib

setup()
{
	harness_setup
	MAN=$BUILD/man
	SAMPLE=$BUILD/etc/timed.conf
}

# Every setting that a table in the sources has, one a line.
settings()
{
	sed -n 's/^\t{ "\([a-z_]*\)", SETTING_.*/\1/p' \
		"$SRC"/src/config/*.c "$SRC"/src/service/*.c |
		sort -u
}

# Every option that the --help of a program has, one a line.
options()
{
	"$1" --help | grep -Eo -e '(^|[ ,[|])--?[A-Za-z][A-Za-z-]*' |
		grep -Eo -e '-.*' | sort -u
}

# page FILE: a man page as a reader sees it, without overstrikes.
page()
{
	mandoc -Tascii "$1" | sed 's/.\x08//g'
}

# documented PROGRAM PAGE: is each option in it?  Clusters such as -fCt of a
# usage line are taken apart.
documented()
{
	local all option letter letters text missing=0
	text=$(page "$MAN/$2")
	all=$(options "$1")
	[ -n "$all" ]
	for option in $all; do
		letters=$option
		[[ $option == --* ]] ||
			letters=$(sed 's/^-//; s/./-& /g' <<<"$option")
		for letter in $letters; do
			grep -Eq -e "(^|[^a-z-])$letter([^A-Za-z]|\$)" \
				<<<"$text" && continue
			echo "$2 does not have $letter" >&2
			missing=1
		done
	done
	return $missing
}

@test "papers: timed.conf as it is shipped is accepted" {
	timed -t -c "$SAMPLE"
}

@test "papers: every default that timed.conf shows is accepted" {
	sed 's/^\([[:space:]]*\)#/\1/' "$SAMPLE" >"$CONF"
	# The user need not be there before timed is installed.
	sed -i 's/^\(user\|group\) = .*//' "$CONF"
	timed -t -c "$CONF"
}

@test "papers: every setting is in timed.conf and in timed.conf(5)" {
	local name text
	text=$(page "$MAN/timed.conf.5")
	[ "$(settings | wc -l)" -gt 10 ]
	for name in $(settings); do
		grep -Eq "^[[:space:]]*#?$name =" "$SAMPLE" || {
			echo "timed.conf does not have $name" >&2
			return 1
		}
		grep -Fqw -e "$name" <<<"$text" || {
			echo "timed.conf(5) does not have $name" >&2
			return 1
		}
	done
}

@test "papers: every option of timed is in timed(8)" {
	documented timed timed.8
}

@test "papers: every option of timedctl is in timedctl(8)" {
	documented timedctl timedctl.8
}

@test "papers: every option of timec is in timec(1)" {
	documented timec timec.1
}

@test "papers: every option of timebench is in timebench(1)" {
	documented timebench timebench.1
}

# Every event of a table in the sources, with its level, one a line.
events()
{
	tr -d '\n\t' <"$SRC/src/ipc/events.c" |
		grep -Eo 'LOG_LEVEL_[A-Z]+, *"[^"]*"' |
		sed -E 's/LOG_LEVEL_([A-Z]+), *"(.*)"/\2: \L\1/' | sort
}

# Every event that timed(8) has, in the same way.
events_told()
{
	local names level
	sed -n 's/^\.It Li \(.*\) Pq \([a-z]*\)$/\2 \1/p' "$MAN/timed.8" |
		while read -r level names; do
			printf '%s\n' "${names// , /$'\n'}" |
				sed "s/\$/: $level/"
		done | sort
}

@test "papers: every event of the log is in timed(8), with its level" {
	[ "$(events | wc -l)" -gt 40 ]
	[ -z "$(comm -23 <(events) <(events_told) | tee /dev/stderr)" ]
}

@test "papers: every key of the control socket is in timedctl(8)" {
	local key text
	text=$(page "$MAN/timedctl.8" | sed -n '/^ *Control socket/,/^ENV/p')
	# What confirms is in no request.
	# shellcheck disable=SC2013 # they are words
	for key in $(sed -n 's/.*\.key = "\([a-z]*\)".*/\1/p' \
		"$SRC/src/ipc/control.c" | grep -vx yes | sort -u); do
		grep -qw "$key" <<<"$text" || {
			echo "timedctl(8) does not have $key" >&2
			return 1
		}
	done
}

@test "papers: mandoc finds no fault in the man pages" {
	local file
	for file in "$MAN"/*.[1-8]; do
		mandoc -Tlint -Wwarning "$file"
	done
}

@test "papers: no man page has a place that is still to be filled in" {
	run grep -En --exclude='*.in' '@[a-zA-Z]+@' "$MAN"/*.[1-8] "$BUILD"/etc/*
	[ "$status" -eq 1 ]
}
