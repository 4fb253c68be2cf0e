#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# The command lines of the four programs: what they say of themselves, what
# they refuse, and with which exit status.

load lib

bats_require_minimum_version 1.5.0

PROGRAMS="timed timedctl timec timebench"

# usage_error COMMAND...: 64, nothing on standard output, and on standard
# error what is wrong, by the program's name, and where there is help.
usage_error()
{
	run --separate-stderr -64 timeout 10 "$@" </dev/null
	[ -z "$output" ]
	# shellcheck disable=SC2154 # run sets it
	grep -q "^$1: ." <<<"$stderr"
	grep -Fqx "Try '$1 --help'." <<<"$stderr"
}

# nothing_there STATUS PATTERN COMMAND...: one line on standard error.
nothing_there()
{
	local status_wanted=$1 pattern=$2
	shift 2
	run --separate-stderr "-$status_wanted" timeout 10 "$@" </dev/null
	[ -z "$output" ]
	[ "$(wc -l <<<"$stderr")" -eq 1 ]
	grep -Eq "^$1: .*$pattern" <<<"$stderr"
}

# The options that the help of PROGRAM lists, one a line; with its value's
# name behind it where it takes one.
listed()
{
	"$1" --help | sed -nE -e 's/^ +(-[a-zA-Z]), (--[a-z-]+)( [A-Z][^ ]*)?( .*)?$/\1\3\n\2\3/p' \
		-e 's/^ +(--[a-z-]+)( [A-Z][^ ]*)?( .*)?$/\1\2/p'
}

# A value that an option with such a one takes.
value_for()
{
	case $1 in
	N | S | LINES | PID*) echo 1 ;;
	BYTES) echo 64 ;;
	NAME) echo name ;;
	PROTOCOL) echo irc ;;
	*) echo "$DIR/value" ;;
	esac
}

@test "options: -h and --help show the usage on standard output" {
	local program option
	for program in $PROGRAMS; do
		for option in -h --help; do
			run --separate-stderr -0 "$program" $option
			[[ ${lines[0]} == "usage: $program "* ]]
			[ -z "$stderr" ]
		done
	done
}

@test "options: -V and --version show name and version" {
	local program option
	for program in $PROGRAMS; do
		for option in -V --version; do
			run --separate-stderr -0 "$program" $option
			[[ $output =~ ^$program\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
			[ -z "$stderr" ]
		done
	done
}

@test "options: all programs are of one version, that of the package" {
	local program version
	version=$(sed -n 's/^AC_INIT(\[timed\], \[\(.*\)\])$/\1/p' \
		"$SRC/configure.ac")
	[ -n "$version" ]
	for program in $PROGRAMS; do
		run -0 "$program" -V
		[ "$output" = "$program $version" ]
	done
}

@test "options: no line of a help is wider than a terminal" {
	local program
	for program in $PROGRAMS; do
		run -0 "$program" --help
		# With the directories of a system, not of a trial of one.
		run ! grep -E '^.{81}' <<<"$(sed -E \
			's|(/[^ /]+)+/timed|/etc/timed|' <<<"$output")"
	done
}

@test "options: every option that a help lists is taken" {
	local program option name value arguments count
	: >"$DIR/value"
	for program in $PROGRAMS; do
		count=0
		while read -r option name; do
			arguments=("$option")
			if [ -n "$name" ]; then
				value=$(value_for "$name")
				arguments+=("$value")
			fi
			# What comes first is looked at first.
			run -0 "$program" "${arguments[@]}" --help </dev/null
			count=$((count + 1))
		done < <(listed "$program")
		[ "$count" -ge 4 ]
	done
}

@test "options: help and usage line have the same letters" {
	local program
	for program in timed timedctl timec; do
		diff <("$program" --help | sed -n 1p | grep -Eo -e '\[?-[A-Za-z]+' |
			tr -d '[-' | fold -w1 | LC_ALL=C sort -u) \
			<(listed "$program" | sed -nE 's/^-([A-Za-z]).*/\1/p' |
				LC_ALL=C sort -u)
	done
}

@test "options: a manual page lists no option that the help does not have" {
	local program page option count
	for program in $PROGRAMS; do
		for page in "$SRC/man/$program".[1-8].in \
			"$SRC/man/$program".[1-8]; do
			[ -e "$page" ] || continue
			count=0
			while read -r option; do
				listed "$program" | grep -Eq -e "^-$option( |\$)" || {
					echo "$page has -$option" >&2
					return 1
				}
				count=$((count + 1))
			done < <(grep '^\.It Fl' "$page" |
				grep -Eo 'Fl [-A-Za-z]+' | cut -d' ' -f2)
			[ "$count" -ge 4 ]
		done
	done
}

@test "options: an unknown option is a usage error" {
	usage_error timed -x
	usage_error timed --frobnicate
	usage_error timedctl -x
	usage_error timedctl --frobnicate status
	usage_error timec -x
	usage_error timec --frobnicate
	usage_error timebench -x stream
	usage_error timebench stream --frobnicate
}

@test "options: a missing or an unwanted value is a usage error" {
	usage_error timed -c
	usage_error timed --config
	usage_error timed --test=yes
	usage_error timedctl -r
	usage_error timedctl --json=yes status
	usage_error timec -n
	usage_error timec --quiet=yes
	usage_error timebench stream -c
	usage_error timebench stream --json=yes
}

@test "options: an argument too many is a usage error" {
	usage_error timed stray
	usage_error timed -t stray
	usage_error timedctl status stray
	usage_error timec stream 127.0.0.1:1 stray
	usage_error timec 127.0.0.1:1 stray
	grep -Fqx "timec: unknown mode '127.0.0.1:1'; there are: stream, daytime, time, ntp, echo, chat" <<<"$stderr"
	usage_error timebench stream 127.0.0.1:1 stray
}

@test "options: timedctl wants a command that it knows" {
	# No command may mean a prompt; without anything to read or to talk
	# to it is an error in any case.
	run ! timeout 10 timedctl -r "$DIR" </dev/null
	usage_error timedctl frobnicate
	usage_error timedctl statu
}

@test "options: timedctl help is that of the prompt" {
	run -0 --separate-stderr timedctl help
	[ "$output" = "$(timedctl --help | sed '1,/^commands/d')" ]
	run -0 --separate-stderr timedctl help log
	[ "${#lines[@]}" -eq 2 ]
	[[ ${lines[1]} == '  log clear '* ]]
	usage_error timedctl help frobnicate
}

@test "options: timedctl says where its own options go" {
	usage_error timedctl status -j
	grep -Fqx "timedctl: status: no such option: -j (timedctl's own go before the command)" <<<"$stderr"
	usage_error timedctl status -x
	grep -Fqx 'timedctl: status: no such option: -x' <<<"$stderr"
}

@test "options: the help of timedctl has the directory that it would take" {
	RUNTIME_DIRECTORY=/somewhere/else timedctl --help |
		grep -Eqx ' +/somewhere/else'
}

@test "options: timebench wants a mode that it knows" {
	usage_error timebench
	usage_error timebench frobnicate
	usage_error timebench 127.0.0.1:1
}

@test "options: numbers are looked at" {
	local value
	for value in 0 -1 x 1x '' 1.5 99999999999999999999; do
		usage_error timec -n "$value" 127.0.0.1:1
		grep -q 'will not do; it takes a whole number from 1 on' <<<"$stderr"
		usage_error timebench stream -c "$value" 127.0.0.1:1
		usage_error timebench stream --pid "$value" 127.0.0.1:1
	done
	for value in 0 -1 x 1x '' nan inf 1e99; do
		usage_error timebench stream -d "$value" 127.0.0.1:1
		usage_error timebench stream --interval "$value" 127.0.0.1:1
	done
	for value in -1 x 1x '' 1.5; do
		usage_error timebench stream --unread "$value" 127.0.0.1:1
	done
	usage_error timebench stream --processes 0 127.0.0.1:1
	usage_error timebench stream --processes 65 127.0.0.1:1
	usage_error timebench stream --pid 1, 127.0.0.1:1
	usage_error timebench stream --pid 1,,2 127.0.0.1:1
	usage_error timebench stream --plot '' 127.0.0.1:1
}

@test "options: with nothing to talk to it is 69, and one line says why" {
	# Port 1 of this host: nobody listens there.
	nothing_there 69 '127\.0\.0\.1:1: Connection refused' \
		timec 127.0.0.1:1
	nothing_there 69 '\[::1\]:1: Connection refused' timec '[::1]:1'
	nothing_there 69 "unix:$DIR/none: No such file" timec "unix:$DIR/none"
	nothing_there 69 '127\.0\.0\.1:1: Connection refused' \
		timebench stream 127.0.0.1:1
	nothing_there 69 "unix:$DIR/none: No such file" \
		timebench stream "unix:$DIR/none"
	nothing_there 69 "$DIR/.*No such file" timedctl -r "$DIR" status
	nothing_there 69 "$DIR/.*No such file" timedctl -r "$DIR" reload
}

@test "options: an address that is none is a usage error" {
	local address
	for address in '[::1' 127.0.0.1:70000 127.0.0.1: unix:relative :1; do
		usage_error timec "$address"
		grep -Fq "timec: $address: " <<<"$stderr"
		usage_error timebench stream "$address"
	done
}

@test "options: timedctl takes no other file for a scoreboard" {
	mkdir "$RUN"
	echo "not a scoreboard" >"$RUN/scoreboard"
	nothing_there 1 "$RUN/scoreboard: not a scoreboard" \
		timedctl -r "$RUN" status
	truncate -s 0 "$RUN/scoreboard"
	nothing_there 1 'not a scoreboard' timedctl -r "$RUN" status
	truncate -s 4M "$RUN/scoreboard"
	nothing_there 1 'not a scoreboard' timedctl -r "$RUN" status
	rm "$RUN/scoreboard"
	mkfifo "$RUN/scoreboard"
	nothing_there 1 'not a scoreboard' timedctl -r "$RUN" status
}

@test "options: timed -t accepts a good configuration, and opens nothing" {
	timed_config
	run --separate-stderr -0 timed -t -c "$CONF"
	[ -z "$output" ]
	[ -z "$stderr" ]
	[ ! -e "$RUN" ]
	[ ! -e "${LOG%/*}" ]
	[ ! -e "$STATE" ]
	run -0 timed --test --config "$CONF"
	run -0 timed -ft -c "$CONF"
}

@test "options: timed -t refuses a bad configuration with 78" {
	timed_config 'frobnicate = 1;'
	run --separate-stderr -78 timed -t -c "$CONF"
	[ -z "$output" ]
	[ "$stderr" = "timed: $CONF:1: unknown setting \"frobnicate\"" ] ||
		[[ $stderr =~ ^timed:\ $CONF:[0-9]+:\ unknown\ setting\ \"frobnicate\"$ ]]
}

@test "options: timed -t finds a file by a relative name" {
	timed_config
	cd "$DIR"
	run -0 timed -t -c "${CONF##*/}"
	echo 'frobnicate = 1;' >"$CONF"
	run -78 timed -t -c "./${CONF##*/}"
}

@test "options: a configuration that is not there is 78" {
	local option
	for option in -t -f -V; do
		[ $option != -V ] || option=
		# shellcheck disable=SC2086 # no option is an option, too
		nothing_there 78 "$DIR/none: No such file or directory" \
			timed $option -c "$DIR/none"
	done
}

@test "options: a configuration that is a directory is 78" {
	nothing_there 78 "$DIR: " timed -t -c "$DIR"
}

@test "options: a configuration that may not be read is 78" {
	local reader=(timed)
	timed_config
	chmod 0 "$CONF"
	if [ "$(id -u)" -eq 0 ]; then
		cp "$BUILD/timed" "$DIR/timed"
		reader=(setpriv --reuid 65534 --regid 65534 --clear-groups
			"$DIR/timed")
	fi
	run --separate-stderr -78 "${reader[@]}" -t -c "$CONF"
	[[ $stderr == "timed: $CONF: Permission denied" ]]
}
