#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# What systemd is told, the sockets that it passes, and the units.

# shellcheck disable=SC2030,SC2031 # each test is a process of its own

load lib

bats_require_minimum_version 1.5.0

# ---- sd_notify(3) -----------------------------------------------------------

@test "systemd: ready when it serves, and not before" {
	listen_for_notes
	timed_config 'workers = 4;'
	timed_launch
	wait_until "$PATIENCE" noted 1 'READY=1'
	status_is '.state == "running" and (.workers | length) == 4 and
		all(.workers[]; .state == "serving")'
	[ "$(notes 'READY=1' | wc -l)" -eq 1 ]
	# Nothing comes before it.
	[[ $(head -n 1 "$NOTES") == "1 READY=1" ]]
}

@test "systemd: a life, in order" {
	listen_for_notes
	timed_start
	wait_until "$PATIENCE" noted 1 'READY=1'
	wait_until "$PATIENCE" noted 2 'WATCHDOG=1'
	kill -HUP "$TIMED_PID"
	wait_until "$PATIENCE" noted 2 'READY=1'
	timed_stop
	wait_until "$PATIENCE" noted 1 'STOPPING=1'
	diff <(notes 'READY=1|RELOADING=1|STOPPING=1') - <<-'END'
		READY=1
		RELOADING=1
		READY=1
		STOPPING=1
	END
	noted 1 'STATUS=reloaded'
	noted 1 'STATUS=stopping'
}

@test "systemd: RELOADING comes with the monotonic time of now" {
	local before after usec number
	listen_for_notes
	timed_start
	before=$(python3 -c 'import time; print(time.monotonic_ns() // 1000)')
	kill -HUP "$TIMED_PID"
	wait_until "$PATIENCE" noted 2 'READY=1'
	after=$(python3 -c 'import time; print(time.monotonic_ns() // 1000)')
	number=$(sed -n 's/ RELOADING=1$//p' "$NOTES")
	usec=$(sed -n "s/^$number MONOTONIC_USEC=//p" "$NOTES")
	[ "$usec" -ge "$before" ]
	[ "$usec" -le "$after" ]
}

@test "systemd: a refused reload ends in READY, and says so" {
	listen_for_notes
	timed_start
	echo 'frobnicate = 1;' >>"$CONF"
	kill -HUP "$TIMED_PID"
	wait_until "$PATIENCE" noted 2 'READY=1'
	diff <(notes 'READY=1|RELOADING=1|STATUS=reload.*') - <<-'END'
		READY=1
		RELOADING=1
		READY=1
		STATUS=reload refused, the old configuration serves
	END
	status_is '.state == "running" and .reloads_refused == 1'
}

@test "systemd: a reload that fails late ends in READY, too" {
	listen_for_notes
	timed_start
	timed_config 'services = ( { type = "stream"; listen = [ "192.0.2.1:0" ]; } );'
	kill -HUP "$TIMED_PID"
	wait_until "$PATIENCE" noted 2 'READY=1'
	noted 1 'STATUS=reload refused'
	[ "$(notes 'RELOADING=1' | wc -l)" -eq 1 ]
}

@test "systemd: every reload has its RELOADING and its READY" {
	listen_for_notes
	timed_start
	for _ in {1..10}; do
		kill -HUP "$TIMED_PID"
	done
	timed_stop
	wait_until "$PATIENCE" noted 1 'STOPPING=1'
	# One after the other, but for the last, which the stop may have cut.
	notes 'READY=1|RELOADING=1|STOPPING=1' | sed '$d' >"$DIR/states"
	[[ $(notes 'READY=1|RELOADING=1|STOPPING=1' | tail -n 1) == STOPPING=1 ]]
	[ "$(uniq -d "$DIR/states" | wc -l)" -eq 0 ]
	[ "$(head -n 1 "$DIR/states")" = READY=1 ]
	[ "$(wc -l <"$DIR/states")" -ge 2 ]
}

@test "systemd: the status says how many there are" {
	listen_for_notes
	timed_start 'workers = 3;' 'services = (
		{ type = "stream"; listen = [ "127.0.0.1:0" ]; interval = 0.1; },
		{ type = "time"; listen = [ "127.0.0.1:0" ]; } );'
	client_start
	client_start
	wait_until "$PATIENCE" noted 1 'STATUS=3 workers, 2 clients, [1-9][0-9]* ticks a second, 0 requests a second$'
	udp_ask "$(service_port time)" 20
	wait_until "$PATIENCE" noted 1 'STATUS=3 workers, 2 clients, [1-9][0-9]* ticks a second, [1-9][0-9]* requests a second$'
}

@test "systemd: the watchdog is fed about once a second" {
	local before
	listen_for_notes
	timed_start
	wait_until "$PATIENCE" noted 1 'WATCHDOG=1'
	now
	before=$NOW
	wait_until "$PATIENCE" noted 4 'WATCHDOG=1'
	now
	[ $((NOW - before)) -ge 200 ]
	[ $((NOW - before)) -le 600 ]
}

@test "systemd: a start that fails never says READY" {
	listen_for_notes
	timed_config 'services = ( { type = "stream"; listen = [ "192.0.2.1:0" ]; } );'
	run -73 timed -f -c "$CONF" </dev/null
	# Messages keep their order: what came before this one is there by now.
	python3 -c '
import os, socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.sendto(b"LAST=1", os.environ["NOTIFY_SOCKET"])'
	wait_until "$PATIENCE" noted 1 'LAST=1'
	run ! noted 1 'READY=1'
}

@test "systemd: only the master speaks to it" {
	listen_for_notes
	timed_start
	kill -KILL "$(worker_pids | head -n 1)"
	wait_until "$PATIENCE" status_is '.totals.crashes == 1 and
		(.workers | length) == 2'
	wait_until "$PATIENCE" noted 2 'WATCHDOG=1'
	kill -HUP "$TIMED_PID"
	wait_until "$PATIENCE" noted 2 'READY=1'
	[ "$(sort -u "$SENDERS")" = "$TIMED_PID" ]
	[ "$(notes 'READY=1' | wc -l)" -eq 2 ]
	run ! noted 1 'STOPPING=1'
}

@test "systemd: a manager that is gone is no harm" {
	local listener
	listen_for_notes
	listener=$PID
	timed_start
	wait_until "$PATIENCE" noted 1 'READY=1'
	kill "$listener"
	wait_until "$PATIENCE" gone "$listener"
	kill -HUP "$TIMED_PID"
	wait_until "$PATIENCE" status_is '.reloads == 1'
	timed_stop
}

# ---- sd_listen_fds(3) -------------------------------------------------------

# activate SPEC...: timed with sockets that were opened for it.  A SPEC is
# NAME=tcp, NAME=tcp6, NAME=unix:PATH, NAME=bound (does not listen), NAME=udp,
# NAME=unixgram or NAME=file.  Another process keeps the sockets open as well.  What they are
# bound to goes to ADDRESSES, "NAME ADDRESS" a line.
activate()
{
	ADDRESSES=$DIR/addresses
	cat >"$DIR/activate.py" <<-'END'
		import os, signal, socket, sys

		conf, addresses = sys.argv[1:3]
		names, fds, lines = [], [], []
		for spec in sys.argv[3:]:
		    name, kind = spec.split("=", 1)
		    names.append(name)
		    if kind == "file":
		        fds.append(os.open(os.devnull, os.O_RDWR))
		        continue
		    if kind == "unixgram":
		        s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		    elif kind.startswith("unix:"):
		        s = socket.socket(socket.AF_UNIX)
		        s.bind(kind[5:])
		        os.chmod(kind[5:], 0o777)
		        lines.append("%s %s" % (name, kind))
		    elif kind == "tcp6":
		        s = socket.socket(socket.AF_INET6)
		        s.bind(("::1", 0))
		        lines.append("%s [::1]:%d" % (name, s.getsockname()[1]))
		    else:
		        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM
		                          if kind == "udp" else socket.SOCK_STREAM)
		        s.bind(("127.0.0.1", 0))
		        lines.append("%s 127.0.0.1:%d" % (name, s.getsockname()[1]))
		    if kind not in ("bound", "udp", "unixgram"):
		        s.listen()
		    fds.append(s.detach())
		# Out of the way first, then to 3 and up.
		fds = [os.dup2(fd, 100 + i, inheritable=False)
		       for i, fd in enumerate(fds)]
		for i, fd in enumerate(fds):
		    os.dup2(fd, 3 + i)
		os.environ["LISTEN_FDS"] = str(len(fds))
		os.environ["LISTEN_FDNAMES"] = ":".join(names)
		# As a worker that went mad could; exec ends that for timed.
		def block(*_):
		    for fd in fds:
		        os.set_blocking(fd, True)
		wake, woken = os.pipe()
		os.set_blocking(woken, False)
		signal.set_wakeup_fd(woken)
		signal.signal(signal.SIGUSR1, block)
		if os.fork() == 0:
		    # Another with the sockets, as systemd is; no part of timed.
		    os.environ.clear()
		    os.close(1), os.close(2)
		    while True:
		        os.read(wake, 1)
		os.environ["LISTEN_PID"] = str(os.getpid())
		with open(addresses, "w") as out:
		    out.write("".join(line + "\n" for line in lines))
		for fd in fds:
		    os.close(fd)
		os.execvp("timed", ["timed", "-f", "-c", conf])
	END
	start "$DIR/stdout" "$ERR" python3 "$DIR/activate.py" "$CONF" \
		"$ADDRESSES" "$@"
	TIMED_PID=$PID
}

# address NAME: that of the passed socket.
address()
{
	sed -n "s/^$1 //p" "$ADDRESSES"
}

# keeper: the pid of who has the sockets beside timed; SIGUSR1 makes him turn
# them into blocking ones, under everybody who shares them.
keeper()
{
	pgrep -P "$TIMED_PID" -f activate.py
}

# nonblocking PID: is the first socket that he has so?
nonblocking()
{
	local flags
	flags=$(sed -n 's/^flags:[[:space:]]*//p' "/proc/$1/fdinfo/100")
	[ $((flags & 04000)) -ne 0 ]
}

blocking()
{
	! nonblocking "$1"
}

# listens NAME ADDRESS: is that all that the service listens on?
listens()
{
	status_is ".services[] | select(.name == \"$1\") | .listen == [\"$2\"]"
}

two_services()
{
	timed_config 'services = (
		{ type = "stream"; name = "one"; listen = [ "127.0.0.1:0" ]; format = "one %s"; },
		{ type = "stream"; name = "two"; listen = [ "127.0.0.1:0" ]; format = "two %s"; } );'
}

@test "systemd: a passed socket takes the place of the service's own" {
	timed_config
	activate stream=tcp
	wait_until "$PATIENCE" timed_ready
	listens stream "$(address stream)"
	[ -n "$(timec -q -n 1 "$(address stream)")" ]
}

@test "systemd: a socket that somebody made blocking is mended" {
	local keeper pids
	timed_config 'watchdog_seconds = 60;'
	activate stream=tcp
	wait_until "$PATIENCE" timed_ready
	keeper=$(keeper)
	mapfile -t pids < <(worker_pids)
	nonblocking "$keeper"
	# Nobody is to be caught in accept(2) meanwhile.
	kill -STOP "$TIMED_PID" "${pids[@]}"
	kill -USR1 "$keeper"
	wait_until "$PATIENCE" blocking "$keeper"
	kill -CONT "$TIMED_PID"
	wait_until "$PATIENCE" nonblocking "$keeper"
	kill -CONT "${pids[@]}"
	[ -n "$(timec -q -n 1 "$(address stream)")" ]
	status_is '.totals.crashes == 0'
}

# A manager that starts timed again whenever it ends, with the same sockets: one
# of TCP, one unix socket, one of UDP.  How they were left goes to the file ports:
# "listening" for the one of TCP, "alive" for the unix socket.
restarting()
{
	program manager.py <<-'EOF'
		import os, signal, socket, sys
		conf, path = sys.argv[1:]
		tcp = socket.create_server(("127.0.0.1", 0))
		unix = socket.socket(socket.AF_UNIX)
		unix.bind(path), unix.listen()
		udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		udp.bind(("127.0.0.1", 0))
		fds = [os.dup2(s.fileno(), 100 + i, inheritable=False)
		       for i, s in enumerate((tcp, unix, udp))]
		signal.signal(signal.SIGTERM, lambda *_: sys.exit())
		print(tcp.getsockname()[1], udp.getsockname()[1], flush=True)
		while True:
		    pid = os.fork()
		    if pid == 0:
		        for i, fd in enumerate(fds):
		            os.dup2(fd, 3 + i)
		        os.environ.update(LISTEN_FDS="3", LISTEN_PID=str(os.getpid()),
		                          LISTEN_FDNAMES="stream:stream:daytime")
		        os.execvp("timed", ["timed", "-f", "-c", conf])
		    os.waitpid(pid, 0)
		    if tcp.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
		        print("listening", flush=True)
		    if socket.socket(socket.AF_UNIX).connect_ex(path) == 0:
		        print("alive", flush=True)
	EOF
	timed_config 'services = ( { type = "stream"; listen = [ "127.0.0.1:0" ]; },
		{ type = "daytime"; listen = [ "127.0.0.1:0" ]; } );'
	start "$DIR/ports" "$ERR" python3 "$DIR/manager.py" "$CONF" "$DIR/sock"
	wait_until "$PATIENCE" lines_in "$DIR/ports" 1
	read -r TCP UDP <"$DIR/ports"
	served_by_another 0
}

# served_by_another PID: wait until one serves that is not PID; it is MASTER.
served_by_another()
{
	wait_until "$PATIENCE" is_other "$1"
	MASTER=$(status .pid)
}

is_other()
{
	status_is ".state == \"running\" and .pid != $1 and
		(.services | length) == 2"
}

# Is everything served on the sockets of restarting?
all_served()
{
	[ -n "$(timec -q -n 1 "127.0.0.1:$TCP")" ]
	[ -n "$(timec -q -n 1 "unix:$DIR/sock")" ]
	udp_ask "$UDP" 1
}

@test "systemd: passed sockets listen again when timed stops while it is paused" {
	restarting
	timedctl -r "$RUN" pause
	run -69 timec -q -n 1 "127.0.0.1:$TCP"
	[[ $output == *'Connection refused' ]]
	run -69 timec -q -n 1 "unix:$DIR/sock"
	[[ $output == *'Connection refused' ]]
	kill -TERM "$MASTER"
	wait_until "$PATIENCE" lines_in "$DIR/ports" 3
	served_by_another "$MASTER"
	[ ! -e "$DIR/.sock.paused" ]
	all_served
}

@test "systemd: and when it is killed then" {
	restarting
	timedctl -r "$RUN" pause
	kill -KILL "$MASTER"
	served_by_another "$MASTER"
	[ ! -e "$DIR/.sock.paused" ]
	all_served
}

@test "systemd: passed sockets that are paused, in an upgrade" {
	restarting
	timedctl -r "$RUN" pause
	timedctl -r "$RUN" upgrade
	run -69 timec -q -n 1 "127.0.0.1:$TCP"
	[[ $output == *'Connection refused' ]]
	timedctl -r "$RUN" resume
	all_served
}

@test "systemd: two names for two services" {
	two_services
	# In the other order: it is the name that counts.
	activate two=tcp one=tcp6
	wait_until "$PATIENCE" timed_ready
	listens one "$(address one)"
	listens two "$(address two)"
	[[ $(timec -q -n 1 "$(address one)") == "one "* ]]
	[[ $(timec -q -n 1 "$(address two)") == "two "* ]]
}

@test "systemd: sockets for datagrams are passed, too" {
	local to
	timed_config 'services = ( { type = "time"; listen = [ "127.0.0.1:0" ]; } );'
	activate time=tcp time=udp
	wait_until "$PATIENCE" timed_ready
	to=$(sed -n '2s/.*://p' "$ADDRESSES")
	status_is ".services[0].listen == [\"$(sed -n '1s/.* //p' "$ADDRESSES")\",
		\"udp:127.0.0.1:$to\"]"
	[ "$(nc -d 127.0.0.1 "$(service_port time)" | wc -c)" -eq 4 ]
	udp_ask "$to" 10
	kill -HUP "$TIMED_PID"
	wait_until "$PATIENCE" status_is '.reloads == 1'
	udp_ask "$to" 10
}

@test "systemd: a socket for datagrams without a network is a clear error" {
	timed_config 'services = ( { type = "time"; listen = [ "127.0.0.1:0" ]; } );'
	activate time=unixgram
	run timed_wait
	TIMED_PID=
	grep -q '^timed: descriptor 3 from systemd for service "time" is not a listening stream socket or a datagram socket' "$ERR"
}

@test "systemd: two sockets of one name are both served" {
	timed_config
	activate stream=tcp stream=tcp6 "stream=unix:$DIR/socket"
	wait_until "$PATIENCE" timed_ready
	status_is '.services[0].listen | length == 3'
	while read -r _ each; do
		[ -n "$(timec -q -n 1 "$each")" ]
	done <"$ADDRESSES"
}

@test "systemd: a service without a passed socket opens its own" {
	two_services
	activate two=tcp
	wait_until "$PATIENCE" timed_ready
	listens two "$(address two)"
	[[ $(timec -q -n 1 "127.0.0.1:$(service_port one)") == "one "* ]]
}

@test "systemd: a socket of an unknown name is left alone" {
	timed_config
	activate other=tcp
	wait_until "$PATIENCE" timed_ready
	run ! listens stream "$(address other)"
	[ -n "$(timec -q -n 1 "127.0.0.1:$(stream_port)")" ]
	# Nobody serves it, whoever has it open.
	run timeout 1 timec -q -n 1 "$(address other)"
	[ -z "$output" ]
}

@test "systemd: no process of timed keeps a socket of an unknown name" {
	local inode
	timed_config
	activate other=tcp
	wait_until "$PATIENCE" timed_ready
	inode=$(ss -Hltne "src $(address other)" | grep -o 'ino:[0-9]*')
	[ -n "$inode" ]
	for pid in "$TIMED_PID" $(pgrep -P "$TIMED_PID" -f '^timed:'); do
		[ -z "$(find "/proc/$pid/fd" -lname "socket:\[${inode#ino:}\]")" ]
	done
}

@test "systemd: a passed socket that does not listen is a clear error" {
	local kind
	for kind in bound udp file; do
		timed_config
		activate stream=$kind
		run timed_wait
		TIMED_PID=
		[ "$(grep -c '^timed: ' "$ERR")" -eq 1 ]
		grep -q '^timed: descriptor 3 from systemd for service "stream" is not a listening stream socket' "$ERR"
		[ ! -e "$RUN" ]
	done
}

@test "systemd: that error is an exit status of 78" {
	local status=0
	timed_config
	activate stream=bound
	timed_wait || status=$?
	[ "$status" -eq 78 ]
}

@test "systemd: sockets for another process are not taken" {
	timed_config
	# LISTEN_PID says whom they are for.
	LISTEN_FDS=1 LISTEN_PID=1 LISTEN_FDNAMES=stream timed_launch
	wait_until "$PATIENCE" timed_ready
	[ -n "$(timec -q -n 1 "127.0.0.1:$(stream_port)")" ]
}

@test "systemd: passed sockets live through a reload" {
	two_services
	activate one=tcp
	wait_until "$PATIENCE" timed_ready
	client_start "$(service_port one)"
	wait_until "$PATIENCE" lines_in "$CLIENT_OUT" 1
	kill -HUP "$TIMED_PID"
	wait_until "$PATIENCE" status_is '.reloads == 1 and
		([.workers[] | select(.generation == 2)] | length) == 2'
	listens one "$(address one)"
	[[ $(timec -q -n 1 "$(address one)") == "one "* ]]
	# And one more, after which it is still there.
	kill -HUP "$TIMED_PID"
	wait_until "$PATIENCE" status_is '.reloads == 2'
	[[ $(timec -q -n 1 "$(address one)") == "one "* ]]
	# As is the client, which goes on to get lines.
	wait_until "$PATIENCE" lines_in "$CLIENT_OUT" \
		$(($(wc -l <"$CLIENT_OUT") + 1))
}

@test "systemd: a passed socket still listens when timed has stopped" {
	timed_config
	activate stream=tcp
	wait_until "$PATIENCE" timed_ready
	client_start "$(stream_port)"
	wait_until "$PATIENCE" lines_in "$CLIENT_OUT" 1
	timed_stop
	# The next client waits in the queue; it is not refused.
	python3 -c '
import socket, sys
host, port = sys.argv[1].rsplit(":", 1)
socket.create_connection((host, int(port)), 5).close()' "$(address stream)"
	[ "$(ss -Hltn "src $(address stream)" | wc -l)" -eq 1 ]
}

@test "systemd: a passed unix socket keeps its name when timed has stopped" {
	timed_config
	activate "stream=unix:$DIR/socket"
	wait_until "$PATIENCE" timed_ready
	[ -n "$(timec -q -n 1 "unix:$DIR/socket")" ]
	timed_stop
	[ -S "$DIR/socket" ]
	python3 -c '
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.settimeout(5)
s.connect(sys.argv[1])' "$DIR/socket"
}

@test "systemd: a service that is gone with a reload gives up its socket" {
	two_services
	activate one=tcp two=tcp
	wait_until "$PATIENCE" timed_ready
	timed_config 'services = ( { type = "stream"; name = "one"; listen = [ "127.0.0.1:0" ]; } );'
	kill -HUP "$TIMED_PID"
	wait_until "$PATIENCE" status_is '.reloads == 1'
	listens one "$(address one)"
	# The socket is systemd's: it listens on, and nobody is served.
	[ "$(ss -Hltn "src $(address two)" | wc -l)" -eq 1 ]
	run timeout 1 timec -q -n 1 "$(address two)"
	[ -z "$output" ]
}

# ---- The directories --------------------------------------------------------

@test "systemd: its directories are the defaults of the settings" {
	mkdir "$DIR/r" "$DIR/s" "$DIR/l"
	chmod 0777 "$DIR/l"
	timed_config
	sed -i -e '/^runtime_dir/d; /^state_dir/d' \
		-e 's/file = "[^"]*"; //' "$CONF"
	RUN=$DIR/r
	RUNTIME_DIRECTORY=$RUN STATE_DIRECTORY=$DIR/s LOGS_DIRECTORY=$DIR/l \
		timed_launch
	wait_until "$PATIENCE" timed_ready
	[ -e "$RUN/timed.pid" ]
	wait_until "$PATIENCE" test -s "$DIR/l/timed.log"
	timed_stop
	[ -d "$RUN" ]
}

@test "systemd: of several directories the first is taken" {
	mkdir "$DIR/r" "$DIR/r2"
	timed_config
	sed -i '/^runtime_dir/d' "$CONF"
	RUN=$DIR/r
	RUNTIME_DIRECTORY=$RUN:$DIR/r2 timed_launch
	wait_until "$PATIENCE" timed_ready
	[ -e "$RUN/timed.pid" ]
}

@test "systemd: what timed.conf says goes before systemd's directories" {
	mkdir "$DIR/r"
	timed_config
	RUNTIME_DIRECTORY=$DIR/r timed_launch
	wait_until "$PATIENCE" timed_ready
	[ -z "$(ls -A "$DIR/r")" ]
}

# ---- The units --------------------------------------------------------------

# units: install; UNITS is where they are, with programs that are there.
units()
{
	local unit from
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s -C "$BUILD" install \
		DESTDIR="$DIR/root" >"$DIR/install" 2>&1
	unit=$(find "$DIR/root" -name timed.service)
	[ -f "$unit" ]
	from=${unit%/*}
	UNITS=$DIR/units
	mkdir "$UNITS"
	cp "$from/timed.service" "$from/timed.socket" "$UNITS"
	# Which are in the directory of this installation.
	sed -i -E "s|^(Exec[A-Za-z]*=)(/.*/timed)|\1$DIR/root\2|" \
		"$UNITS/timed.service"
	grep -q "^ExecStart=$DIR/root/.*/timed -f$" "$UNITS/timed.service"
}

@test "systemd: the units have no fault" {
	units
	run -0 systemd-analyze verify --man=no "$UNITS/timed.service" \
		"$UNITS/timed.socket"
	[ -z "$output" ]
}

@test "systemd: the service is little exposed" {
	units
	# 1.2 at most, of 10.
	run -0 systemd-analyze security --offline=true --threshold=12 \
		"$UNITS/timed.service"
	grep -Eq 'Overall exposure level for timed.service: (0\.[0-9]|1\.[0-2]) ' \
		<<<"$output"
}

@test "systemd: the units and the code agree" {
	local name each
	units
	grep -Fqx 'Type=notify' "$UNITS/timed.service" ||
		grep -Fqx 'Type=notify-reload' "$UNITS/timed.service"
	# The socket's name is the default service's, and so are its addresses.
	name=$(sed -n 's/^FileDescriptorName=//p' "$UNITS/timed.socket")
	grep -q "type = \"$name\"" "$BUILD/etc/timed.conf"
	sed 's/"localhost:\([0-9]*\)"/"127.0.0.1:\1", "[::1]:\1"/' \
		"$BUILD/etc/timed.conf" >"$DIR/addresses"
	# shellcheck disable=SC2013 # an address is a word
	for each in $(sed -n 's/^ListenStream=//p' "$UNITS/timed.socket"); do
		grep -Fq "\"$each\"" "$DIR/addresses"
	done
	# What Restart= must not try again is what those errors end with.
	for each in 64 77 78; do
		grep -Eq "^RestartPreventExitStatus=.*\<$each\>" \
			"$UNITS/timed.service"
	done
	# The master feeds the watchdog every second.
	[ "$(sed -n 's/^WatchdogSec=\([0-9]*\)$/\1/p' "$UNITS/timed.service")" -ge 10 ]
}

@test "systemd: a refused reload is a failed reload" {
	local reload
	units
	reload=$(sed -n 's/^ExecReload=//p' "$UNITS/timed.service")
	timed_start
	# Which systemd waits for: when it ends, the new generation serves.
	RUNTIME_DIRECTORY=$RUN run -0 sh -c "$reload"
	status_is '.reloads == 1 and .generation == 2'
	echo 'frobnicate = 1;' >>"$CONF"
	RUNTIME_DIRECTORY=$RUN run -1 sh -c "$reload"
	[[ $output == *:*frobnicate* ]]
	status_is '.reloads_refused == 1 and .generation == 2'
}

@test "systemd: a socket that nobody reads holds nothing up" {
	timed_config
	cat >"$DIR/deaf.py" <<-'END'
		import os, socket, sys

		# As deaf as a systemd that is held up: bound, and its queue full.
		deaf = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		deaf.bind(sys.argv[1])
		os.chmod(sys.argv[1], 0o777)
		fill = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		fill.setblocking(False)
		try:
		    while True:
		        fill.sendto(b"x", sys.argv[1])
		except BlockingIOError:
		    pass
		print("full", flush=True)
		sys.stdin = open(sys.argv[2])
		sys.stdin.read()
	END
	mkfifo "$DIR/end"
	start "$DIR/deaf.out" "$DIR/deaf.err" \
		python3 "$DIR/deaf.py" "$DIR/deaf" "$DIR/end"
	wait_until "$PATIENCE" file_has "$DIR/deaf.out" full
	NOTIFY_SOCKET=$DIR/deaf timed_launch
	wait_until "$PATIENCE" timed_ready
	kill -HUP "$TIMED_PID"
	wait_until "$PATIENCE" status_is '.reloads == 1'
	timed_stop
	: >"$DIR/end"
}
