#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# allow and deny: who may use a service, by where he comes from.

load lib

bats_require_minimum_version 1.5.0

DENIED='! you may not connect from your address'

# complaint LINE TEXT COMPLAINT: TEXT, on the third line of a service or at the
# top, is refused on LINE with that alone.
complaint()
{
	printf 'services = ( {\n type = "stream"; listen = [ "127.0.0.1:0" ];\n%s\n} );\n' \
		"$2" >"$CONF"
	complains "$1" "$3"
	printf '\n\n%s\n%s\n' "$2" "$(stream)" >"$CONF"
	complains "$1" "$3"
}

complains()
{
	run -78 timed -t -c "$CONF"
	[ "${#lines[@]}" -eq 1 ]
	[ "${lines[0]}" = "timed: $CONF:$1: $2" ] || {
		echo "it is '${lines[0]}'" >&2
		return 1
	}
}

# ask FROM [SERVICE [TO]]: the first line that a client from there gets.
ask()
{
	"${NET[@]}" timeout "$PATIENCE" nc -d -s "$1" "${3:-127.0.0.1}" \
		"$(service_port "${2:-open}")" | head -n 1
}

allowed()
{
	[[ $(ask "$@") == 20* ]]
}

denied()
{
	[ "$(ask "$@")" = "$DENIED" ]
}

# daytimes SETTINGS [NAME [LISTEN]]: a service that answers in one line.
daytimes()
{
	echo "{ type = \"daytime\"; name = \"${2:-open}\"; format = \"rfc3339\";
		listen = [ ${3:-\"127.0.0.1:0\"} ]; $1 }"
}

@test "access: what is no list and no network is refused, with its line" {
	local example='[ "192.0.2.0/24", "2001:db8::/32" ]'
	local nothing='is no address or network, such as 192.0.2.1, 192.0.2.0/24 or 2001:db8::/32'
	complaint 3 'allow = "10.0.0.0/8";' "allow: must be a list such as $example"
	complaint 3 'deny = { a = 1; };' "deny: must be a list such as $example"
	complaint 3 'deny = [ 10 ];' 'deny: must be strings such as "192.0.2.0/24"'
	complaint 3 'deny = [ "localhost" ];' "deny: \"localhost\": $nothing"
	complaint 3 'allow = [ "fe80::1%lo" ];' "allow: \"fe80::1%lo\": $nothing"
	complaint 4 $'allow = [ "10.0.0.1",\n"10.0.0" ];' "allow: \"10.0.0\": $nothing"
	complaint 5 $'deny = (\n\n"10.0.0.0/33" );' \
		'deny: "10.0.0.0/33": the length of an IPv4 network is a number from 0 to 32'
	complaint 3 'deny = [ "::/129" ];' \
		'deny: "::/129": the length of an IPv6 network is a number from 0 to 128'
	complaint 3 'allow = [ "10.1.2.3/8" ];' \
		'allow: "10.1.2.3/8": there are bits set behind the network; 10.0.0.0/8 may be meant, or the address without a length'
	complaint 3 'allow = [ "2001:db8::1/32" ];' \
		'allow: "2001:db8::1/32": there are bits set behind the network; 2001:db8::/32 may be meant, or the address without a length'
}

@test "access: all that is wrong is shown at once" {
	printf '%s\n' 'allow = [ "a" ];' "$(stream 'deny = [ "b", "c" ];')" >"$CONF"
	run -78 timed -t -c "$CONF"
	[ "${#lines[@]}" -eq 3 ]
}

@test "access: without lists everybody may come, and with deny all but those" {
	timed_start "services = ( $(daytimes ''),
		$(daytimes 'deny = [ "127.0.0.2", "127.0.1.0/24" ];' some) );"
	allowed 127.0.0.2
	allowed 127.0.0.1 some
	denied 127.0.0.2 some
	denied 127.0.1.255 some
	allowed 127.0.2.0 some
	status_is '.services[1] | .refused == 2 and .refused_by.denied == 2 and
		.accepted == 2 and .connections == 0'
	status_is '.totals | .refused_by.denied == 2'
}

@test "access: the most specific network decides, and of the same deny" {
	timed_start "services = ( $(daytimes '
		allow = [ "127.0.0.0/8", "127.1.1.0/24", "127.2.0.0/16" ];
		deny = [ "127.1.0.0/16", "127.1.1.1", "127.2.0.0/16" ];') );"
	allowed 127.0.0.1
	denied 127.1.0.1
	allowed 127.1.1.2
	denied 127.1.1.1
	denied 127.2.0.1
}

@test "access: with allow, whoever is in no list may not come" {
	timed_start "services = (
		$(daytimes 'allow = [ "127.0.0.2/31" ];' some),
		$(daytimes 'allow = [ ];' none) );"
	allowed 127.0.0.2 some
	allowed 127.0.0.3 some
	denied 127.0.0.1 some
	denied 127.0.0.4 some
	denied 127.0.0.2 none
}

@test "access: those for all hold where a service's own say nothing" {
	timed_start 'deny = [ "127.0.0.2", "127.0.0.3" ];' "services = (
		$(daytimes ''),
		$(daytimes 'allow = [ "127.0.0.2" ];' own),
		$(daytimes 'deny = [ "127.0.0.1" ];' more) );"
	allowed 127.0.0.1
	denied 127.0.0.2
	allowed 127.0.0.2 own
	denied 127.0.0.1 own
	denied 127.0.0.1 more
	denied 127.0.0.2 more
	allowed 127.0.0.4 more
}

@test "access: an allow for all closes the services that say nothing" {
	timed_start 'allow = [ "127.0.0.1" ];' "services = (
		$(daytimes ''),
		$(daytimes 'allow = [ "127.0.0.2" ];' own),
		$(daytimes 'deny = [ "127.0.0.1" ];' less) );"
	allowed 127.0.0.1
	denied 127.0.0.2
	allowed 127.0.0.2 own
	denied 127.0.0.1 own
	denied 127.0.0.1 less
	denied 127.0.0.2 less
}

@test "access: IPv6, and that is another family" {
	net_start 2001:db8::1/64 2001:db8::2/64 2001:db8:0:1::1/64
	timed_start "services = (
		$(daytimes 'allow = [ "2001:db8::/64" ]; deny = [ "2001:db8::2" ];' \
			open '"[::]:3013"'),
		$(daytimes 'deny = [ "::/0" ];' four '"*:3014"'),
		$(daytimes 'deny = [ "0.0.0.0/0" ];' six '"*:3015"') );"
	allowed 2001:db8::1 open 2001:db8::1
	denied 2001:db8::2 open 2001:db8::1
	denied 2001:db8:0:1::1 open 2001:db8::1
	denied ::1 open ::1
	denied ::1 four ::1
	allowed 127.0.0.1 four
	allowed ::1 six ::1
	denied 127.0.0.1 six
}

@test "access: a socket of the unix domain is open to whoever reaches it" {
	timed_start 'deny = [ "0.0.0.0/0", "::/0" ];' "services = (
		$(daytimes 'allow = [ ];' open "\"unix:$DIR/socket\"") );"
	[[ $(nc -d -U "$DIR/socket") == 20* ]]
}

@test "access: each protocol is refused in its way" {
	local name
	timed_start 'deny = [ "127.0.0.1" ];' 'services = (
		{ type = "stream"; listen = [ "127.0.0.1:0" ]; },
		{ type = "echo"; listen = [ "127.0.0.1:0" ]; },
		{ type = "chat"; listen = [ "127.0.0.1:0" ]; },
		{ type = "time"; listen = [ "127.0.0.1:0" ]; } );'
	for name in stream echo chat; do
		[ "$(timeout "$PATIENCE" nc -d 127.0.0.1 "$(service_port $name)")" = \
			"$DENIED" ]
	done
	timeout "$PATIENCE" nc -d 127.0.0.1 "$(service_port time)" >"$DIR/time"
	[ ! -s "$DIR/time" ]
	status_is 'all(.services[]; .refused_by.denied == 1 and .accepted == 0)'
}

@test "access: a datagram from who is denied gets no answer" {
	timed_start 'workers = 1;' "services = ( $(daytimes \
		'deny = [ "127.0.0.2" ];' open '"udp:127.0.0.1:0"') );"
	udp_storm "$(service_port open)" 10 127.0.0.1 127.0.0.1
	[ "$ANSWERED" -eq 10 ]
	udp_storm "$(service_port open)" 30 127.0.0.1 127.0.0.2
	[ "$ANSWERED" -eq 0 ]
	status_is '.services[0] | .refused_by.denied == 30 and .requests == 10'
}

# How many lines of the log are about refusals.
refusal_lines()
{
	grep -c 'client refused;' "$LOG"
}

# The refusals that the log tells of, those without a line of their own too.
told_of()
{
	awk '/client refused;/ { all += / peer=/
		if (match($0, /more=\047[0-9]+/))
			all += substr($0, RSTART + 6, RLENGTH - 6) }
		END { print all + 0 }' "$LOG"
}

tells_of()
{
	[ "$(told_of)" -eq "$1" ]
}

@test "access: a flood of refused clients is no flood of lines" {
	local began lines
	timed_start 'workers = 4;' "services = ( $(daytimes \
		'deny = [ "127.0.0.2" ];' open '"udp:127.0.0.1:0"') );"
	now
	began=$NOW
	udp_storm "$(service_port open)" 1000 127.0.0.1 127.0.0.2
	# Each is in one line or in the number of another, in a second or so.
	wait_until "$PATIENCE" tells_of 1000
	now
	lines=$(refusal_lines)
	echo "lines: $lines in $((NOW - began)) hundredths"
	[ "$lines" -ge 2 ]
	[ "$lines" -le $(((NOW - began) / 100 + 2)) ]
	log_has "client refused; service='open', peer='127.0.0.2:[0-9]+', reason='denied'"
}

@test "access: a reload changes who may come, and leaves who is there" {
	local port count
	timed_start "$(stream)"
	port=$(stream_port)
	client_start
	wait_until "$PATIENCE" lines_in "$CLIENT_OUT" 1
	reload "$(stream 'deny = [ "127.0.0.0/8" ];')"
	[ "$(stream_port)" = "$port" ]
	wait_until "$PATIENCE" settled 2
	[ "$(timeout "$PATIENCE" nc -d 127.0.0.1 "$port")" = "$DENIED" ]
	count=$(wc -l <"$CLIENT_OUT")
	wait_until "$PATIENCE" lines_in "$CLIENT_OUT" $((count + 2))
	status_is '.services[0].connections == 1'
	reload "$(stream)"
	client_start
	wait_until "$PATIENCE" lines_in "$CLIENT_OUT" 1
}

@test "access: a list of thousands is as good as a short one" {
	local i
	{
		printf 'deny = [ "127.9.9.9"'
		for ((i = 0; i < 5000; i++)); do
			printf ', "10.%d.%d.0/24"' $((i / 250)) $((i % 250))
		done
		echo ' ];'
	} >"$DIR/list"
	timed_start "$(cat "$DIR/list")" "services = ( $(daytimes '') );"
	allowed 127.0.0.1
	denied 127.9.9.9
}
