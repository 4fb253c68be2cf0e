#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# rate: how often one source of datagrams is answered.

load lib

bats_require_minimum_version 1.5.0

# limited RATE [SETTINGS]: a time service with that, in one worker: each counts
# for itself.
limited()
{
	echo 'workers = 1;'
	echo "services = ( { type = \"time\"; listen = [ \"127.0.0.1:0\" ];
		$1 ${2-} } );"
}

time_port()
{
	service_port time
}

# complaint TEXT LINE COMPLAINT: TEXT, in a time service whose first line is
# the second one, is refused with that alone.
complaint()
{
	printf 'services = ( {\n type = "time"; listen = [ "127.0.0.1:0" ];\n%s\n} );\n' \
		"$1" >"$CONF"
	run -78 timed -t -c "$CONF"
	[ "${#lines[@]}" -eq 1 ]
	[[ ${lines[0]} =~ ^timed:\ $CONF:$2:\ $3$ ]] || {
		echo "it is '${lines[0]}'" >&2
		return 1
	}
}

# reload SETTINGS...: with these, and nobody answers by those before any more.
reload()
{
	local generation
	generation=$(status .generation)
	timed_config "$@"
	kill -HUP "$TIMED_PID"
	wait_until "$PATIENCE" status_is ".generation > $generation and
		[.workers[].generation] == [.generation]"
}

@test "limits: what is no rate is refused, with its line" {
	complaint 'rate = 5;' 3 'rate: must be a group in braces'
	complaint 'rate = ( 1, 2 );' 3 'rate: must be a group in braces'
	complaint 'rate = { per_second = "1"; };' 3 'per_second: must be a number'
	complaint $'rate = {\n per_second = -1; };' 4 'per_second: must be from 0 to 1000000, not -1'
	complaint 'rate = { per_second = 0.0001; };' 3 'per_second: must be 0 or at least 0\.001'
	complaint 'rate = { per_second = 1000001; };' 3 'per_second: must be from .*'
	complaint $'rate = { per_second = 1;\n burst = 0; };' 4 'burst: must be from 1 to 1000000, not 0'
	complaint 'rate = { burst = 1.5; };' 3 'burst: must be a whole number'
	complaint $'rate = {\n\n leak = -1; };' 5 'leak: must be from 0 to 1000000, not -1'
	complaint 'rate = { leak = true; };' 3 'leak: must be a whole number'
	complaint $'rate = {\n per_minute = 1; };' 4 'unknown setting "per_minute"'
}

@test "limits: a service without datagrams has none" {
	printf 'services = ( { type = "stream"; listen = [ "127.0.0.1:0" ];\n%s } );\n' \
		'rate = { per_second = 1; };' >"$CONF"
	run -78 timed -t -c "$CONF"
	[ "$output" = "timed: $CONF:2: rate: a stream takes no datagrams" ]
}

@test "limits: the edges of what is allowed are allowed" {
	local rate
	for rate in 'per_second = 0;' 'per_second = 0.001; burst = 1; leak = 0;' \
		'per_second = 1000000; burst = 1000000; leak = 1000000;' ''; do
		echo "services = ( { type = \"time\"; listen = [ \"127.0.0.1:0\" ];
			rate = { $rate }; } );" >"$CONF"
		timed -t -c "$CONF"
	done
}

@test "limits: a source gets its burst, and the rest is counted" {
	timed_start "$(limited 'rate = { per_second = 0.001; burst = 5; leak = 0; };')"
	udp_storm "$(time_port)" 100
	[ "$ANSWERED" -eq 5 ]
	udp_storm "$(time_port)" 100
	[ "$ANSWERED" -eq 0 ]
	status_is '.services[0] | .requests == 5 and .refused == 195 and
		.refused_by.rate == 195 and .bytes_out == 20'
	status_is '.totals | .refused == 195 and .refused_by.rate == 195'
}

@test "limits: what one source does is nothing to the others" {
	local i
	timed_start "$(limited 'rate = { per_second = 0.001; burst = 5; leak = 0; };')"
	for i in {1..20}; do
		udp_storm "$(time_port)" 10 127.0.0.1 "127.0.1.$i"
		[ "$ANSWERED" -eq 5 ]
	done
	# It is the address that counts, and no port is another source.
	udp_storm "$(time_port)" 10 127.0.0.1 127.0.1.20
	[ "$ANSWERED" -eq 0 ]
}

@test "limits: all of an IPv6 network of 64 bits is one source" {
	local to='[2001:db8::1]:3737'
	net_start 2001:db8::1/64 2001:db8:0:1::1/64 2001:db8:0:1::2/64 \
		2001:db8:0:2::1/64
	timed_start 'workers = 1;' "services = ( { type = \"time\";
		listen = [ \"$to\" ];
		rate = { per_second = 0.001; burst = 5; leak = 0; }; } );"
	udp_storm 3737 3 2001:db8::1 2001:db8:0:1::1
	[ "$ANSWERED" -eq 3 ]
	udp_storm 3737 10 2001:db8::1 2001:db8:0:1::2
	[ "$ANSWERED" -eq 2 ]
	udp_storm 3737 10 2001:db8::1 2001:db8:0:2::1
	[ "$ANSWERED" -eq 5 ]
}

@test "limits: one in leak is answered, so that nobody is locked out" {
	timed_start "$(limited 'rate = { per_second = 0.001; burst = 1; leak = 4; };')"
	udp_storm "$(time_port)" 200
	# 1 and a quarter of 199: fifty, give or take six deviations.
	echo "answered: $ANSWERED"
	[ "$ANSWERED" -ge 14 ] && [ "$ANSWERED" -le 88 ]
	status_is ".services[0] | .requests == $ANSWERED and
		.refused_by.rate == 200 - $ANSWERED"
	# With 1 it is everybody.
	reload "$(limited 'rate = { per_second = 0.001; burst = 1; leak = 1; };')"
	udp_storm "$(time_port)" 200
	[ "$ANSWERED" -eq 200 ]
}

@test "limits: who keeps to the rate is always answered" {
	# Far more often than anybody here can ask one by one.
	timed_start "$(limited 'rate = { per_second = 1000000; burst = 8; leak = 0; };')"
	[ "$(udp_ask "$(time_port)" 2000 | wc -l)" -eq 2000 ]
	status_is '.services[0].refused == 0'
}

@test "limits: without the setting there is none, and connections have none" {
	local i
	timed_start 'workers = 1;' "services = (
		{ type = \"time\"; name = \"free\"; listen = [ \"127.0.0.1:0\" ]; },
		{ type = \"time\"; name = \"bound\"; listen = [ \"127.0.0.1:0\" ];
		  rate = { per_second = 0.001; burst = 1; leak = 0; }; } );"
	for i in 1 2 3; do
		udp_storm "$(service_port free)" 100
		[ "$ANSWERED" -eq 100 ]
	done
	for i in {1..20}; do
		nc -d 127.0.0.1 "$(service_port bound)" >"$DIR/answer"
		[ "$(wc -c <"$DIR/answer")" -eq 4 ]
	done
	status_is '.services[0].refused == 0 and .services[1].refused == 0'
}

@test "limits: a reload brings another rate" {
	timed_start "$(limited 'rate = { per_second = 0.001; burst = 2; leak = 0; };')"
	udp_storm "$(time_port)" 10
	[ "$ANSWERED" -eq 2 ]
	reload "$(limited 'rate = { per_second = 0.001; burst = 7; leak = 0; };')"
	udp_storm "$(time_port)" 10
	[ "$ANSWERED" -eq 7 ]
	reload "$(limited '')"
	udp_storm "$(time_port)" 50
	[ "$ANSWERED" -eq 50 ]
	# What the workers before had counted is kept.
	status_is '.services[0] | .requests == 59 and .refused_by.rate == 11'
}
