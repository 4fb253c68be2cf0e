#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# make bench: a table of timed beside the others that there are, and what else
# it writes; and what it does when something is missing or wrong.  How fast
# anybody is does not matter here.

bats_require_minimum_version 1.5.0
load lib

setup()
{
	harness_setup
	OUT=$DIR/out
	PATH=$PATH:/usr/sbin:/usr/local/sbin
	export TMPDIR=$DIR
}

# bench NAME...: the least that there is of it.
bench()
{
	run --separate-stderr timeout 180 bash "$SRC/bench/bench.sh" \
		-b "$BUILD" -d "$OUT" -n 1 -s 0.1 -c 3 "$@"
	echo "$output"
	# shellcheck disable=SC2154 # run sets it
	echo "$stderr" >&2
	# shellcheck disable=SC2154 # run sets it
	return "$status"
}

# found NAME: can that server be started here?
found()
{
	case $1 in
	timed | floor | textbook) ;;
	io_uring) [ "$("$BUILD/bench/floor_uring" 2>&1)" != \
		'floor_uring: there is no io_uring here' ] ;;
	nginx) command -v nginx >/dev/null &&
		{ [ -e /usr/lib/nginx/modules/ngx_stream_module.so ] ||
			nginx -V 2>&1 | grep -Eq -e '--with-stream( |$)'; } ;;
	*) command -v "$1" >/dev/null ;;
	esac
}

# rows TITLE: the lines of that load in the table.
rows()
{
	awk -v title="$1; " '
		index($0, title) == 1 { on = 1; next }
		$0 == "" { on = 0 }
		on' "$OUT/RESULTS"
}

# row TITLE NAME: its line there has all columns, or says that it is not there.
row()
{
	local figure='[0-9]+(\.[0-9]+)?' line ratio
	ratio="$figure \\($figure-$figure\\)"
	line=$(rows "$1" | grep "^  $2 ") || {
		echo "no $2 in $1" >&2
		return 1
	}
	if ! found "$2"; then
		grep -Eqx "  $2 +not there" <<<"$line"
	elif [ "$2" = timed ]; then
		grep -Eqx "  $2( +$figure){3}" <<<"$line"
	else
		grep -Eqx "  $2( +$figure){3}( +$ratio){2} +$figure" <<<"$line"
	fi
}

# table TITLE NAME...: that load has these rows, in this order but for those who
# are not there, and no others.
table()
{
	local title=$1 name
	shift
	for name; do
		row "$title" "$name"
	done
	[ "$(rows "$title" | wc -l)" -eq $# ]
	[[ "$(rows "$title" | head -n 1)" == '  timed '* ]]
}

# well_formed FILE: is it SVG?
well_formed()
{
	python3 -c 'import sys, xml.etree.ElementTree as ET
assert ET.parse(sys.argv[1]).getroot().tag.endswith("}svg")' "$1"
}

# written NAME: what goes with the table of that service.
written()
{
	well_formed "$OUT/$1.svg"
	grep -q '<rect class="timed"' "$OUT/$1.svg"
	jq -es --arg service "$1" 'first.machine.when and (map(.run // empty)
		| length > 0 and all(.service == $service and (.round == 1)
			and (.missing or all(.cpu_us, .per_second, .p50_us,
				.p99_us, .rss_kb; type == "number"))))' \
		"$OUT/results.json" >/dev/null
	[ "$(cat "$OUT/RESULTS")" = \
		"$(sed -n '/^timed beside others/,$p' <<<"$output")" ]
}

# usage_error SCRIPT ARGUMENT...
usage_error()
{
	run --separate-stderr -64 bash "$SRC/bench/$1" "${@:2}"
	grep -q '^usage: ' <<<"$stderr"
}

# ---- The table --------------------------------------------------------------

@test "bench: a stream beside both floors and a thread for each client" {
	bench stream
	table 'stream, 3 connections; 2 workers' timed floor io_uring textbook
	written stream
	grep -q '<line class="floor"' "$OUT/stream.svg"
}

@test "bench: daytime and time" {
	bench daytime
	table 'daytime, 3 connections, TCP; 2 workers' \
		timed nginx xinetd floor textbook
	written daytime
	bench time
	table 'time, one after the other, UDP; 1 worker' timed xinetd
	written time
	# What is of another run does not stay.
	[ ! -e "$OUT/daytime.svg" ]
}

@test "bench: NTP" {
	bench ntp
	for load in '3 outstanding; 1' '3 outstanding, a socket for each; 1' \
		'20000 requests a second; 1'; do
		table "ntp, $load worker" timed chronyd floor
	done
	table 'ntp, 3 outstanding; 2 workers' timed floor
	written ntp
}

@test "bench: echo, and loads that are the same are measured once" {
	bench echo
	for load in 'one round trip after the other' '3 connections' \
		'3 connections, 4000 bytes'; do
		table "echo, $load; 1 worker" timed xinetd floor textbook
	done
	table 'echo, 3 connections; 2 workers' timed floor
	written echo
}

@test "bench: chat" {
	bench chat
	for load in '3 users, one line at a time' '3 users, bursts of ten'; do
		table "chat, $load; 1 worker" timed ngircd ncat
	done
	written chat
}

@test "bench: a script by hand shows its part of the table, and takes results" {
	mkdir -p "$OUT"
	bash "$SRC/bench/chat.sh" -b "$BUILD" -n 1 -t four -u 3 0.1 \
		>"$OUT/RESULTS"
	[ "$(grep -c 'CPU us' "$OUT/RESULTS")" -eq 1 ]
	table 'chat, 3 users, one line at a time; 4 workers' timed ngircd ncat
	table 'chat, 3 users, bursts of ten; 4 workers' timed ngircd ncat
	bash "$SRC/bench/echo.sh" -b "$BUILD" -n 2 -s 0.1 -c 2 -t two \
		-o "$DIR/results" >"$DIR/said"
	[ "$(cat "$DIR/said")" = 'echo, 2 connections; 2 workers' ]
	jq -es 'map(.run | [.server, .round]) == [["timed", 1], ["floor", 1],
		["floor", 2], ["timed", 2]]' "$DIR/results" >/dev/null
}

@test "bench: what a reload does is a part of RESULTS" {
	bench -c 1 reload
	grep -qx 'reload.sh -n 1 1 1' "$OUT/RESULTS"
	grep -Eq '^hand-off( +[0-9.]+){4} +1$' "$OUT/RESULTS"
	grep -Eq '^CPU of a reload +-?[0-9.]+ ms, -?[0-9.]+ us for each connection$' \
		"$OUT/RESULTS"
}

@test "bench: the rounds of all are in the table, with their spread" {
	cat >"$DIR/results" <<-'EOF'
		{"run":{"service":"ntp","load":"x","workers":1,"server":"timed","round":1,"cpu_us":1,"per_second":100,"p50_us":1,"p99_us":5}}
		{"run":{"service":"ntp","load":"x","workers":1,"server":"floor","round":1,"cpu_us":2,"per_second":200,"p50_us":1,"p99_us":5}}
		{"run":{"service":"ntp","load":"x","workers":1,"server":"floor","round":2,"cpu_us":2,"per_second":50,"p50_us":1,"p99_us":0}}
		{"run":{"service":"ntp","load":"x","workers":1,"server":"timed","round":2,"cpu_us":3,"per_second":300,"p50_us":1,"p99_us":7}}
		{"run":{"service":"ntp","load":"x","workers":1,"server":"timed","round":3,"cpu_us":16,"per_second":200,"p50_us":1,"p99_us":6}}
		{"run":{"service":"ntp","load":"x","workers":1,"server":"floor","round":3,"cpu_us":null,"per_second":0,"p50_us":null,"p99_us":null}}
	EOF
	run -0 jq -L "$SRC/bench" -rs --arg part blocks \
		-f "$SRC/bench/table.jq" "$DIR/results"
	diff - <(tr -s ' ' <<<"$output") <<-'EOF'
		ntp, x; 1 worker; each answer
		 timed 3.000 200 6
		 floor 2.000 50 3 1.00 (0.50-1.50) 3.25 (0.50-6.00) 1.00
	EOF
}

# ---- Who is missing, and what goes wrong -------------------------------------

@test "bench: who is missing is said, and is no failure" {
	NGINX=$DIR/none XINETD=$DIR/none bench daytime
	[ "$(grep -c ": no .*; ./bootstrap --deps --bench installs it\$" \
		<<<"$stderr")" -eq 2 ]
	rows 'daytime, 3 connections, TCP; 2 workers' >"$DIR/rows"
	grep -Eqx '  nginx +not there' "$DIR/rows"
	grep -Eqx '  xinetd +not there' "$DIR/rows"
	grep -Eq '^  floor( +[0-9.]+){3} ' "$DIR/rows"
	grep -Eq '^    not there  nginx, .*xinetd' "$OUT/RESULTS"
	run -1 grep -E '^    beside .*(nginx|xinetd)' "$OUT/RESULTS"
	well_formed "$OUT/daytime.svg"
	grep -q 'not there' "$OUT/daytime.svg"
}

@test "bench: a wrong answer of timed's shows in the exit status" {
	mkdir -p "$DIR/build"
	ln -s "$BUILD/bench" "$BUILD/timed" "$BUILD/timedctl" "$DIR/build"
	cat >"$DIR/build/timebench" <<-EOF
		#!/bin/bash
		set -o pipefail
		"$BUILD/timebench" "\$@" | jq '.requests_wrong = 1'
	EOF
	chmod +x "$DIR/build/timebench"
	run -1 bash "$SRC/bench/bench.sh" -b "$DIR/build" -d "$OUT" -n 1 \
		-s 0.1 -c 2 time
	table 'time, one after the other, UDP; 1 worker' timed xinetd
}

@test "bench: who interrupts it finds nothing left" {
	start "$DIR/bench.out" "$DIR/bench.err" bash "$SRC/bench/bench.sh" \
		-b "$BUILD" -d "$OUT" -n 1 -s 60 -c 2 echo
	wait_until "$PATIENCE" pgrep -s "$PID" -x timebench
	kill "$PID"
	wait_until "$PATIENCE" session_gone "$PID"
	show "$DIR/bench.err"
	[ -z "$(find "$DIR" -name 'timed-bench.*')" ]
	[ ! -e "$OUT/RESULTS" ]
}

@test "bench: what was not built, or cannot be written into" {
	run -69 bash "$SRC/bench/bench.sh" -b "$DIR" -d "$OUT" time
	[ ! -e "$OUT" ]
	: >"$DIR/file"
	run -73 bash "$SRC/bench/bench.sh" -b "$BUILD" -d "$DIR/file" time
	run -73 bash "$SRC/bench/echo.sh" -b "$BUILD" -o "$DIR/none/results"
}

@test "bench: what is no argument is a usage error" {
	local script value
	usage_error bench.sh frobnicate
	usage_error bench.sh -x
	usage_error keep.sh
	usage_error keep.sh one two three
	for script in bench stream datagrams echo chat; do
		for value in 0 -1 x ''; do
			usage_error "$script.sh" -c "$value"
			usage_error "$script.sh" -n "$value"
			usage_error "$script.sh" -s "$value"
		done
	done
	for script in stream datagrams echo chat; do
		usage_error "$script.sh" -b "$BUILD" -t frobnicate
		usage_error "$script.sh" 1 2 3 4
	done
	usage_error stream.sh x
	usage_error datagrams.sh -r 0
	usage_error chat.sh -u 0
}

@test "bench: what is no argument of a floor is a usage error" {
	local program
	for program in floor_echo floor_ntp floor_once floor_stream; do
		run -64 "$BUILD/bench/$program"
		run -64 "$BUILD/bench/$program" -p 0 0
		run -64 "$BUILD/bench/$program" -p 65 0
		run -64 "$BUILD/bench/$program" -c x 0
		run -64 "$BUILD/bench/$program" 65536
		run -64 "$BUILD/bench/$program" 0 0
	done
	run -64 "$BUILD/bench/textbook" frobnicate 0
	run -64 "$BUILD/bench/textbook" echo x
	start "$DIR/port" "$DIR/floor.err" "$BUILD/bench/floor_echo" 0
	wait_until "$PATIENCE" lines_in "$DIR/port" 1
	run -73 "$BUILD/bench/floor_once" "$(sed 's/port //' "$DIR/port")"
}

# ---- make -------------------------------------------------------------------

@test "bench: make hands over what is asked for" {
	run -0 env -u MAKEFLAGS -u MAKELEVEL make -C "$BUILD" -n bench \
		BENCH_ROUNDS=2 BENCH_SECONDS=0.5 BENCH_MOST=8 \
		BENCH_ONLY='ntp echo'
	[[ "$(tr '\134' ' ' <<<"$output" | tr -s '\n\t ' ' ')" == \
		*'bench.sh -b '*' -n 2 -s 0.5 -c 8 ntp echo'* ]]
}

@test "bench: what is kept goes into README, again and again" {
	mkdir -p "$DIR/tree/bench" "$OUT"
	printf '%s\n' '    when   now' '' 'table' '' 'reload.sh 1' other \
		>"$OUT/RESULTS"
	echo '<svg/>' >"$OUT/ntp.svg"
	cp "$SRC/README" "$DIR/tree"
	bash "$SRC/bench/keep.sh" "$OUT" "$DIR/tree"
	cmp "$OUT/RESULTS" "$DIR/tree/bench/RESULTS"
	cmp "$OUT/ntp.svg" "$DIR/tree/bench/ntp.svg"
	grep -qx '    when   now' "$DIR/tree/README"
	grep -qx table "$DIR/tree/README"
	run -1 grep '^reload.sh 1' "$DIR/tree/README"
	[ "$(grep -c '^    when ' "$DIR/tree/README")" -eq 1 ]
	# All other sections are as they were.
	diff <(sed '/^Side by side$/,/^Systems$/d' "$SRC/README") \
		<(sed '/^Side by side$/,/^Systems$/d' "$DIR/tree/README")
	cp "$DIR/tree/README" "$DIR/before"
	bash "$SRC/bench/keep.sh" "$OUT" "$DIR/tree"
	cmp "$DIR/before" "$DIR/tree/README"
}

@test "bench: without results, or a place for them, nothing is kept" {
	mkdir -p "$DIR/tree/bench" "$OUT"
	echo 'nothing here' >"$DIR/tree/README"
	run -66 bash "$SRC/bench/keep.sh" "$OUT" "$DIR/tree"
	printf '%s\n' '    when   now' table >"$OUT/RESULTS"
	run -65 bash "$SRC/bench/keep.sh" "$OUT" "$DIR/tree"
	[ "$(cat "$DIR/tree/README")" = 'nothing here' ]
	[ ! -e "$DIR/tree/bench/RESULTS" ]
}
