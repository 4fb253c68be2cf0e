#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# daytime: the time as one line of text, once, over TCP and UDP (RFC 867).

load lib

bats_require_minimum_version 1.5.0

# daytime [SETTINGS [LISTEN]]: the setting of one, on a port that the kernel
# chooses or on LISTEN, as timed.conf has it.
daytime()
{
	echo "services = ( { type = \"daytime\"; listen = [ ${2:-\"127.0.0.1:0\"} ]; ${1-} } );"
}

daytime_port()
{
	service_port daytime "$@"
}

# get [PORT]: the line over TCP, to LINE, without its end, which is CR LF.
get()
{
	nc -d 127.0.0.1 "${1:-$(daytime_port)}" >"$DIR/line"
	whole "$DIR/line"
}

# get_udp [PORT]: the same over UDP.
get_udp()
{
	echo | nc -u -W 1 127.0.0.1 "${1:-$(daytime_port)}" >"$DIR/line"
	whole "$DIR/line"
}

# whole FILE: it has one line, with its end; what is before that goes to LINE.
whole()
{
	[ "$(wc -l <"$1")" -eq 1 ]
	[ "$(tail -c 2 "$1" | od -An -tx1 | tr -d ' \n')" = 0d0a ]
	LINE=$(tr -d '\r\n' <"$1")
	[ "$(wc -c <"$1")" -eq $((${#LINE} + 2)) ]
	echo "$LINE"
}

# The clock, before something is asked.
ask()
{
	BEFORE=$EPOCHSECONDS
}

# agrees TEXT [SECONDS]: is that date, as date(1) reads it, one between ask and
# now, or at most SECONDS after it?
agrees()
{
	local seconds
	seconds=$(date -d "$1" +%s)
	echo "$1, $seconds, should be from $BEFORE to $EPOCHSECONDS"
	[ "$seconds" -ge "$BEFORE" ]
	[ "$seconds" -le $((EPOCHSECONDS + ${2:-0})) ]
}

# complaint SETTING COMPLAINT: it is refused, with its line and that alone.
complaint()
{
	printf 'services = ( { type = "daytime"; listen = [ "127.0.0.1:0" ];\n%s\n} );\n' \
		"$1" >"$CONF"
	run -78 timed -t -c "$CONF"
	[ "${#lines[@]}" -eq 1 ]
	[[ ${lines[0]} =~ ^timed:\ $CONF:2:\ $2$ ]] || {
		echo "it is '${lines[0]}'" >&2
		return 1
	}
}

@test "daytime: as ctime has it, unless something else is said" {
	local way
	local pattern='^[A-Z][a-z]{2} [A-Z][a-z]{2} [ 1-3][0-9] [0-9]{2}:[0-9]{2}:[0-9]{2} [0-9]{4}$'
	TZ=UTC timed_start "$(daytime)"
	for way in get get_udp; do
		ask
		$way
		[[ $LINE =~ $pattern ]]
		TZ=UTC agrees "$LINE"
	done
}

@test "daytime: rfc3339 has the offset of the zone" {
	timed_start "services = (
		{ type = \"daytime\"; name = \"utc\"; listen = [ \"127.0.0.1:0\" ];
		  format = \"rfc3339\"; timezone = \"UTC\"; },
		{ type = \"daytime\"; name = \"delhi\"; listen = [ \"127.0.0.1:0\" ];
		  format = \"rfc3339\"; timezone = \"Asia/Kolkata\"; } );"
	ask
	get "$(service_port utc)"
	[[ $LINE =~ ^[0-9]{4}(-[0-9]{2}){2}T[0-9]{2}(:[0-9]{2}){2}Z$ ]]
	agrees "$LINE"
	ask
	get_udp "$(service_port delhi)"
	[[ $LINE =~ ^[0-9]{4}(-[0-9]{2}){2}T[0-9]{2}(:[0-9]{2}){2}\+05:30$ ]]
	agrees "$LINE"
}

@test "daytime: nist has its line, with a second that is about to begin" {
	local advance date health label leap mjd otm time tt way
	timed_start "$(daytime 'format = "nist"; timezone = "UTC";')"
	for way in get get_udp; do
		ask
		$way
		[ "${#LINE}" -eq 49 ]
		[[ $LINE =~ ^[0-9]{5}\ [0-9]{2}(-[0-9]{2}){2}\ [0-9]{2}(:[0-9]{2}){2}\ 00\ [012]\ [03]\ [\ 0-9]{3}\.[0-9]\ UTC\(timed\)\ \*$ ]]
		read -r mjd date time tt leap health advance label otm <<<"$LINE"
		agrees "20$date $time UTC" 1
		[ $((10#$mjd)) -eq $(($(date -d "20$date UTC" +%s) / 86400 + 40587)) ]
		echo "$tt $leap $health $advance $label $otm"
	done
}

@test "daytime: the second of nist less its advance is the time" {
	timed_start "$(daytime 'format = "nist";')"
	program nist.py <<-'EOF'
		import calendar, socket, sys, time
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		s.connect(("127.0.0.1", int(sys.argv[1])))
		s.settimeout(20)
		for _ in range(200):
		    before = time.time()
		    s.send(b"")
		    line = s.recv(512).decode()
		    after = time.time()
		    date = time.strptime(line[6:23], "%y-%m-%d %H:%M:%S")
		    sent = calendar.timegm(date) - float(line[31:36]) / 1000
		    # A tenth of a millisecond is what the line has.
		    assert before - 0.0001 <= sent <= after + 0.0002, (before, line, after)
	EOF
	python3 "$DIR/nist.py" "$(daytime_port)"
}

@test "daytime: any pattern, in any zone, with microseconds" {
	timed_start "$(daytime 'format = "%A, %B %d, %Y %H:%M:%S-%Z %s.%f"; timezone = "Asia/Tokyo";')"
	ask
	get
	[[ $LINE =~ ^[A-Z][a-z]+day,\ [A-Z][a-z]+\ [0-9]{2},\ [0-9]{4}\ [0-9]{2}(:[0-9]{2}){2}-JST\ [0-9]+\.[0-9]{6}$ ]]
	agrees "@$(sed 's/.* //; s/\..*//' <<<"$LINE")"
	[ "${LINE% *}" = "$(TZ=Asia/Tokyo LC_ALL=C date -d "@${LINE##* }" '+%A, %B %d, %Y %H:%M:%S-%Z')" ]
}

@test "daytime: what is no format is refused, with its line" {
	complaint 'format = "";' 'format: must not be empty'
	complaint 'format = 1;' 'format: must be a string in quotes'
	complaint 'format = "rfc3338";' 'format: must be "unix", "rfc3339", "nist" or a pattern with a %'
	complaint 'format = "%Q";' 'format: .*'
	complaint 'format = "%F%n%T";' 'format: must be one line'
	complaint 'format = "%F\n%T";' 'format: must be one line'
	complaint 'timezone = "Nowhere/City";' 'timezone: .*'
	complaint 'low_ports = 1;' 'low_ports: must be true or false'
	complaint 'interval = 1;' 'unknown setting "interval"'
}

@test "daytime: on a unix socket, and on one of IPv6" {
	timed_start "$(daytime 'format = "%s";' "\"unix:$DIR/day\", \"[::1]:0\"")"
	ask
	nc -d -U "$DIR/day" >"$DIR/line"
	whole "$DIR/line"
	agrees "@$LINE"
	nc -d ::1 "$(daytime_port 1)" >"$DIR/line"
	whole "$DIR/line"
	agrees "@$LINE"
	echo | nc -u -W 1 ::1 "$(daytime_port 1)" >"$DIR/line"
	whole "$DIR/line"
	agrees "@$LINE"
}

@test "daytime: what a client sends is of no interest" {
	timed_start "$(daytime 'format = "%s";')"
	ask
	head -c 400 /dev/zero | nc -N 127.0.0.1 "$(daytime_port)" >"$DIR/line"
	whole "$DIR/line"
	agrees "@$LINE"
	printf 'GET / HTTP/1.0\r\n\r\n' | nc -u -W 1 127.0.0.1 "$(daytime_port)" >"$DIR/line"
	whole "$DIR/line"
	agrees "@$LINE"
}

@test "daytime: ports that would answer the answer are met with silence" {
	local port
	net_start
	timed_start "$(daytime '' '"127.0.0.1:13", "[::1]:13"')"
	for port in 7 19 37 123; do
		udp_storm 13 10 127.0.0.1 127.0.0.1 "$port"
		[ "$ANSWERED" -eq 0 ]
	done
	udp_storm 13 10 127.0.0.1 127.0.0.2 13
	[ "$ANSWERED" -eq 0 ]
	udp_storm 13 10 ::1 ::1 7
	[ "$ANSWERED" -eq 0 ]
	status_is '.services[0] | .refused == 60 and .requests == 0 and
		.refused_by.low_port == 60 and .bytes_out == 0'
	# Over TCP there is nothing to forge.
	ask
	"${NET[@]}" nc -d -p 7 127.0.0.1 13 >"$DIR/line"
	whole "$DIR/line"
}

@test "daytime: with low_ports they are answered" {
	local port
	net_start
	timed_start "$(daytime 'low_ports = true;' '"127.0.0.1:13"')"
	for port in 7 19 37 123; do
		udp_storm 13 10 127.0.0.1 127.0.0.1 "$port"
		[ "$ANSWERED" -eq 10 ]
	done
	udp_storm 13 10 127.0.0.1 127.0.0.2 13
	[ "$ANSWERED" -eq 10 ]
}

@test "daytime: two timed do not talk to each other for ever" {
	local port
	net_start
	timed_start "$(daytime '' '"127.0.0.1:0"')"
	port=$(daytime_port)
	# What a forged request from another one like this would be.
	udp_storm "$port" 1 127.0.0.1 127.0.0.3 "$port"
	[ "$ANSWERED" -eq 0 ]
}

@test "daytime: thousands of clients, one by one, are all counted" {
	timed_start "$(daytime 'format = "%s";')"
	program many.py <<-'EOF'
		import socket, sys
		last = 0
		for _ in range(3000):
		    s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 20)
		    text = b""
		    while True:
		        piece = s.recv(64)
		        if not piece:
		            break
		        text += piece
		    s.close()
		    assert text.endswith(b"\r\n"), text
		    assert int(text) >= last, text
		    last = int(text)
	EOF
	python3 "$DIR/many.py" "$(daytime_port)"
	wait_until "$PATIENCE" status_is '.services[0] | .accepted == 3000 and
		.closed == 3000 and .requests == 3000 and .refused == 0 and
		.bytes_out == 36000 and .connections == 0'
}

@test "daytime: 20 reloads refuse nobody, and bring another format" {
	local i port
	timed_start "$(daytime 'format = "old %s";')"
	port=$(daytime_port)
	# A connection and a datagram in turns, until SIGTERM.
	program come.py <<-'EOF'
		import signal, socket, sys
		going = True
		def stop(*_):
		    global going
		    going = False
		signal.signal(signal.SIGTERM, stop)
		where = ("127.0.0.1", int(sys.argv[1]))
		u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		u.connect(where)
		u.settimeout(20)
		print("begun", flush=True)
		count = 0
		while going:
		    s = socket.create_connection(where, 20)
		    line = s.makefile("rb").read()
		    s.close()
		    u.send(b"")
		    for text in line, u.recv(64):
		        assert text.endswith(b"\r\n") and text[:4] in (b"old ", b"new "), text
		    count += 1
		print(count)
	EOF
	start "$DIR/come" "$DIR/come.err" python3 "$DIR/come.py" "$port"
	wait_until "$PATIENCE" lines_in "$DIR/come" 1
	timed_config "$(daytime 'format = "new %s";')"
	for i in {1..20}; do
		kill -HUP "$TIMED_PID"
		wait_until "$PATIENCE" status_is ".reloads == $i"
	done
	kill -TERM "$PID"
	wait_until 30 gone "$PID"
	wait "$PID"
	[ "$(tail -n 1 "$DIR/come")" -gt 20 ]
	[ "$(daytime_port)" = "$port" ]
	get
	[[ $LINE == 'new '* ]]
}
