#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# A reload (SIGHUP): new clients get the new configuration, the others go on as
# if nothing had been, and one that cannot be is refused as a whole.

load lib

bats_require_minimum_version 1.5.0

# serve SERVICE...: the setting of them; each is NAME, or NAME and settings.
# Addresses are the kernel's to choose unless they are among these.
serve()
{
	local service name all=()
	for service; do
		name=${service%% *}
		[[ $service == *listen* ]] ||
			service="$service listen = [ \"127.0.0.1:0\" ];"
		all+=("{ type = \"stream\"; name = \"$name\"; ${service#"$name"} }")
	done
	local IFS=,
	printf 'services = ( %s );' "${all[*]}"
}

# first_line PORT: what a new client gets first, to FIRST; it stays.
first_line()
{
	client_start "$1"
	wait_until "$PATIENCE" lines_in "$CLIENT_OUT" 1
	read -r FIRST <"$CLIENT_OUT"
}

# replaced PID...: does none of them serve any more?
replaced()
{
	local pid
	status '.workers[] | select(.state == "serving") | .pid' >"$DIR/serve"
	[ -s "$DIR/serve" ] || return
	for pid; do
		! grep -qx "$pid" "$DIR/serve" || return
	done
}

# A program for python3 that connects, reads the first line and leaves, over
# and over until SIGTERM; then it says how often.  Any refusal is its end.
comer()
{
	cat >"$DIR/come.py" <<-'EOF'
		import signal, socket, struct, sys
		count, going = 0, True
		def stop(*_):
		    global going
		    going = False
		signal.signal(signal.SIGTERM, stop)
		print("begun", flush=True)
		while going:
		    s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 20)
		    line = s.recv(64)
		    assert line.endswith(b"\n"), line
		    # Without a port in TIME_WAIT for each.
		    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
		    s.close()
		    count += 1
		print(count, flush=True)
	EOF
	start "$DIR/come" "$DIR/come.err" python3 "$DIR/come.py" "$1"
	COMER=$PID
	wait_until "$PATIENCE" lines_in "$DIR/come" 1
}

# End it; how many connects there were goes to CAME.
comer_done()
{
	! gone "$COMER" || cat "$DIR/come.err"
	kill -TERM "$COMER"
	wait_until "$PATIENCE" gone "$COMER"
	wait "$COMER"
	CAME=$(tail -n 1 "$DIR/come")
	echo "$CAME connects"
}

@test "reload: through 50 of them no client is refused or goes without its line" {
	local i before
	local same=("$(serve 'stream format = "%s";')"
		"log = { file = \"$LOG\"; level = \"notice\"; syslog = false; };")
	timed_start "${same[@]}"
	before=$(fds "$TIMED_PID")
	client_start
	local held=$CLIENT_OUT
	comer "$(stream_port)"
	for i in {1..50}; do
		reload "${same[@]}" "workers = $((1 + i % 3));"
	done
	comer_done
	[ "$CAME" -gt 50 ]
	wait_until "$PATIENCE" status_is ".totals.accepted == $((CAME + 1)) and
		.totals.connections == 1"
	status_is '.totals.crashes == 0 and .reloads_refused == 0 and .generation == 51'
	[ "$(grep -c 'notice master.*: reloaded;' "$LOG")" -eq 50 ]
	# The one who was there all the time has missed nothing.
	i=$(wc -l <"$held")
	wait_until "$PATIENCE" lines_in "$held" $((i + 2))
	consecutive "$held"
	# With his end there are no more workers than before, nor descriptors.
	client_stop
	wait_until "$PATIENCE" settled 3
	reload "${same[@]}" 'workers = 2;'
	wait_until "$PATIENCE" settled 2
	wait_until "$PATIENCE" has_fds "$TIMED_PID" "$before"
}

@test "reload: who is there goes on under the new settings" {
	local lines
	timed_start 'workers = 2;' "$(serve 'stream format = "old %s";')"
	first_line "$(stream_port)"
	local held=$CLIENT_OUT
	[[ $FIRST == old\ * ]]
	reload 'workers = 1;' "$(serve 'stream format = "new %s";')"
	lines=$(wc -l <"$held")
	wait_until "$PATIENCE" lines_in "$held" $((lines + 3))
	[[ $(tail -n 1 "$held") == new\ * ]]
	# No line of the old ones after the first of the new.
	run grep -c old <(sed '1,/^new/d' "$held")
	[ "$output" -eq 0 ]
	consecutive <(cut -d ' ' -f 2 "$held")
	wait_until "$PATIENCE" settled 1
	log_has "worker [01]\[.* connections handed over; connections='1', to_generation='2'"
	log_has "worker 0\[.* connections taken over; connections='1'"
	status_is '.totals.connections == 1 and .workers[0].connections == 1 and
		.workers[0].generation == 2 and .totals.crashes == 0'
}

@test "reload: format, interval, zone and workers are those of the new file" {
	timed_start 'workers = 1;' "$(serve 'stream interval = 86400;')"
	first_line "$(stream_port)"
	[[ $FIRST =~ ^[0-9-]{10}\ [0-9:]{8}$ ]]
	reload 'workers = 3;' "$(serve 'stream format = "%Z|%f"; timezone = "UTC";
		interval = 0.25;')"
	first_line "$(stream_port)"
	wait_until "$PATIENCE" lines_in "$CLIENT_OUT" 6
	tail -n +2 "$CLIENT_OUT" >"$DIR/ticks"
	run grep -Evx 'UTC\|(000|250|500|750)000' "$DIR/ticks"
	[ "$status" -eq 1 ]
	status_is '[.workers[] | select(.state == "serving")] | length == 3'
}

@test "reload: listeners are kept, closed and opened" {
	local kept closed opened
	timed_start "$(serve kept closed "file listen = [ \"unix:$DIR/old\" ];")"
	kept=$(service_port kept)
	closed=$(service_port closed)
	client_start "$closed"
	wait_until "$PATIENCE" lines_in "$CLIENT_OUT" 1
	local held=$CLIENT_OUT leaver=$CLIENT_PID
	reload "$(serve opened "file listen = [ \"unix:$DIR/new\" ];" kept)"
	opened=$(service_port opened)
	[ "$(service_port kept)" = "$kept" ]
	port_refused "$closed"
	[ ! -e "$DIR/old" ]
	first_line "$kept"
	first_line "$opened"
	start "$DIR/unix" "$DIR/unix.err" nc -U -d "$DIR/new"
	wait_until "$PATIENCE" lines_in "$DIR/unix" 2
	status_is '[.services[] | .name] == ["opened", "file", "kept"]'
	log_has "listener closed; service='closed', address='127.0.0.1:$closed'"
	log_has "listening; service='opened', address='127.0.0.1:$opened'"
	[ "$(grep -c "listening; service='kept'" "$LOG")" -eq 1 ]
	# Who came through it has to go, and the log says why.
	wait_until "$PATIENCE" gone "$leaver"
	wait_until "$PATIENCE" log_has \
		"client disconnected; service='closed', .*reason='no longer configured'"
	[ -z "$(tail -c 1 "$held")" ]
}

@test "reload: a listener changes its service without being closed" {
	local port
	timed_start
	port=$(stream_port)
	timed_stop
	timed_start "$(serve "one format = \"one\"; listen = [ \"127.0.0.1:$port\" ];")"
	first_line "$port"
	[ "$FIRST" = one ]
	reload "$(serve "two format = \"two\"; listen = [ \"127.0.0.1:$port\" ];")"
	first_line "$port"
	[ "$FIRST" = two ]
	run log_has 'listener closed'
	[ "$status" -ne 0 ]
}

@test "reload: a file with errors is refused, each error with its line" {
	local pids lines
	timed_start "$(serve 'stream format = "%s";')"
	pids=$(worker_pids)
	client_start
	wait_until "$PATIENCE" lines_in "$CLIENT_OUT" 1
	cp "$CONF" "$DIR/good"
	cat >"$CONF" <<-EOF
		workers = 1000;
		runtime_dir = "$RUN";
		user = "nobody";
		surprise = 1;
		services = (
		  { type = "stream"; listen = [ "127.0.0.1:0" ];
		    interval = 0.001;
		    format = 12; },
		  { type = "steam"; listen = [ "127.0.0.1:0" ]; },
		  { type = "stream"; name = "b"; listen = [ "somewhere" ]; }
		);
	EOF
	refuse
	wait_until "$PATIENCE" log_has "error master.* reload failed; reason="
	# As many as there are, each where it is.
	for line in 1 4 7 8 9 10; do
		log_has "error master.* configuration error; error='$CONF:$line: "
	done
	[ "$(grep -c 'configuration error' "$LOG")" -eq 6 ]

	# One that cannot even be read ends where it is wrong.
	printf 'workers = 2;\nservices = ( {\n' >"$CONF"
	refuse
	wait_until "$PATIENCE" log_has "configuration error; error='$CONF:[23]: syntax error'"

	[ "$(worker_pids)" = "$pids" ]
	status_is '.reloads == 0 and .reloads_refused == 2 and .generation == 1'
	lines=$(wc -l <"$CLIENT_OUT")
	wait_until "$PATIENCE" lines_in "$CLIENT_OUT" $((lines + 2))
	consecutive "$CLIENT_OUT"
	cp "$DIR/good" "$CONF"
	kill -HUP "$TIMED_PID"
	wait_until "$PATIENCE" reloads 1
}

@test "reload: without its file it is refused" {
	local pids
	timed_start
	pids=$(worker_pids)
	mv "$CONF" "$DIR/away"
	refuse
	wait_until "$PATIENCE" log_has "configuration error; error='$CONF: No such file"
	[ "$(worker_pids)" = "$pids" ]
	mv "$DIR/away" "$CONF"
	kill -HUP "$TIMED_PID"
	wait_until "$PATIENCE" reloads 1
	first_line "$(stream_port)"
}

@test "reload: an address that is taken refuses the whole of it" {
	local pids before listening taken
	timed_start "$(serve 'stream format = "%s";')"
	pids=$(worker_pids)
	client_start
	wait_until "$PATIENCE" lines_in "$CLIENT_OUT" 1
	# Taken by another timed: that one chooses, so that it is free for it.
	cat >"$DIR/take.py" <<-'EOF'
		import signal, socket
		s = socket.create_server(("127.0.0.1", 0))
		print(s.getsockname()[1], flush=True)
		signal.pause()
	EOF
	start "$DIR/taken" "$DIR/taken.err" python3 "$DIR/take.py"
	wait_until "$PATIENCE" lines_in "$DIR/taken" 1
	taken=$(<"$DIR/taken")
	before=$(fds "$TIMED_PID")
	listening=$(status '[.services[] | .name, .listen] | tostring')
	timed_config 'workers = 3;' "$(serve 'stream format = "never";' \
		"other listen = [ \"unix:$DIR/socket\", \"127.0.0.1:$taken\" ];")"
	refuse
	wait_until "$PATIENCE" log_has \
		"reload failed; reason='cannot listen on 127.0.0.1:$taken for service \"other\": Address already in use'"
	[ "$(worker_pids)" = "$pids" ]
	[ "$(status '[.services[] | .name, .listen] | tostring')" = "$listening" ]
	[ ! -e "$DIR/socket" ]
	wait_until "$PATIENCE" has_fds "$TIMED_PID" "$before"
	first_line "$(stream_port)"
	[[ $FIRST =~ ^[0-9]+$ ]]
	status_is '.reloads == 0 and .reloads_refused == 1 and .state == "running"'
}

@test "reload: of two in quick succession the last one counts" {
	local i
	timed_start 'workers = 4;' "$(serve 'stream format = "first";')"
	for i in second third fourth; do
		timed_config 'workers = 4;' "$(serve "stream format = \"$i\";")"
		kill -HUP "$TIMED_PID"
	done
	wait_until "$PATIENCE" status_is '.reloads > 0'
	wait_until "$PATIENCE" settled 4
	first_line "$(stream_port)"
	[ "$FIRST" = fourth ]
	status_is '.reloads_refused == 0 and .reloads <= 3'
}

@test "reload: the level and the file of the log are those of the new file" {
	timed_start "log = { file = \"$LOG\"; level = \"info\"; syslog = false; };"
	client_start
	wait_until "$PATIENCE" log_has 'client connected'
	client_stop
	reload "log = { file = \"$LOG.2\"; level = \"notice\"; syslog = false; };" \
		"$(serve 'stream format = "%s";')"
	wait_until "$PATIENCE" test -e "$LOG.2"
	client_start
	wait_until "$PATIENCE" lines_in "$CLIENT_OUT" 1
	client_stop
	wait_until "$PATIENCE" status_is '.totals.closed == 2'
	run file_has "$LOG.2" 'client connected'
	[ "$status" -ne 0 ]
	reload "log = { file = \"$LOG.2\"; level = \"debug\"; syslog = false; };"
	client_start
	wait_until "$PATIENCE" file_has "$LOG.2" 'client connected'
	client_stop
	wait_until "$PATIENCE" file_has "$LOG.2" 'client disconnected'

	# A file that cannot be opened leaves the one before.
	reload "log = { file = \"$RUN\"; level = \"info\"; syslog = false; };" \
		'workers = 1;'
	wait_until "$PATIENCE" file_has "$LOG.2" \
		"error journal.* log file not opened; file='$RUN', reason='Is a directory'"
	client_start
	wait_until "$PATIENCE" file_has "$LOG.2" "client connected; .*active='1'"
	connected_twice()
	{
		[ "$(grep -c 'client connected' "$LOG.2")" -eq 2 ]
	}
	wait_until "$PATIENCE" connected_twice
}

@test "reload: totals go on, and those who stay through 20 miss nothing" {
	local i files=() pids=() lines
	timed_start "$(serve 'stream format = "%s";')"
	for i in {1..20}; do
		client_start
		files+=("$CLIENT_OUT")
		pids+=("$CLIENT_PID")
		wait_until "$PATIENCE" lines_in "$CLIENT_OUT" 1
		reload "$(serve 'stream format = "%s";')"
	done
	status_is '.totals.accepted == 20 and .totals.connections == 20 and
		.services[0].accepted == 20'
	lines=$(wc -l <"${files[19]}")
	for i in "${files[@]}"; do
		wait_until "$PATIENCE" lines_in "$i" $((lines + 2))
		consecutive "$i"
	done
	for i in "${pids[@]}"; do
		client_stop "$i"
	done
	wait_until "$PATIENCE" settled 2
	wait_until "$PATIENCE" status_is '.totals.closed == 20'
	status_is '.totals.accepted == 20 and
		.totals.skipped == 0 and .totals.crashes == 0'
	lines=$(cat "${files[@]}" | wc -l)
	status_is ".totals.ticks >= $lines"
}

@test "reload: status shows what there is" {
	timed_start
	status_is '.reloads == 0 and .reloads_refused == 0 and .generation == 1'
	first_line "$(stream_port)"
	reload 'workers = 1;'
	wait_until "$PATIENCE" settled 1
	timedctl -r "$RUN" status >"$DIR/text"
	cat "$DIR/text"
	grep -q '^generation 2, 1 reload (0 refused), 0 worker crashes$' "$DIR/text"
	grep -Eq '^ +0 +[0-9]+ +2 serving +1 ' "$DIR/text"
	status_is '.generation == 2'
}

@test "reload: a worker is recycled alone, and nobody notices" {
	local first held lines
	timed_start 'workers = 2;' 'recycle_after = 10;' "$(serve 'stream format = "%s";')"
	mapfile -t first < <(worker_pids)
	client_start
	held=$CLIENT_OUT
	comer "$(stream_port)"
	# Replaced again and again, beside one who stays.
	wait_until "$PATIENCE" replaced "${first[@]}"
	wait_until "$PATIENCE" lines_in "$held" 5
	comer_done
	consecutive "$held"
	wait_until "$PATIENCE" status_is ".totals.accepted == $((CAME + 1)) and
		.totals.connections == 1"
	status_is '.totals.crashes == 0 and .generation == 1 and .reloads == 0'
	lines=$(wc -l <"$held")
	wait_until "$PATIENCE" lines_in "$held" $((lines + 2))
	client_stop
	wait_until "$PATIENCE" settled 2
	[ "$(grep -c "worker exited; .*generation='1', reason='exit status 0'" "$LOG")" -ge 2 ]
	[ "$(wc -l <"$held")" -ge 7 ]
}

@test "reload: one address becomes all of them, and one again" {
	local port listen
	timed_start 'services = ( { type = "stream"; listen = [ "localhost:0" ]; } );'
	port=$(stream_port)
	for listen in "*:$port" "localhost:$port" "127.0.0.1:$port"; do
		reload "services = ( { type = \"stream\"; listen = [ \"$listen\" ]; } );"
		[ "$(timec -q -n 1 "127.0.0.1:$port" | wc -l)" -eq 1 ]
	done
	status_is '.services[0].listen == ["127.0.0.1:'"$port"'"]'
	# Others are kept out as before.
	sed "s|$RUN|$RUN.2|" "$CONF" >"$CONF.2"
	run -73 timed -f -c "$CONF.2"
	[[ $output == *': Address already in use' ]]
}

@test "reload: an include that is no file is refused at once" {
	local name
	timed_start
	client_start
	wait_until "$PATIENCE" lines_in "$CLIENT_OUT" 1
	mkdir "$DIR/directory"
	mkfifo "$DIR/fifo"
	truncate -s 2M "$DIR/huge"
	for name in directory fifo huge; do
		echo "@include \"$name\"" >>"$CONF"
		kill -HUP "$TIMED_PID"
		wait_until "$PATIENCE" log_has "error='[^']*/$name: is "
		sed -i '$d' "$CONF"
	done
	wait_until "$PATIENCE" status_is '.reloads_refused == 3 and .reloads == 0'
	status_is '.totals.connections == 1'
	timed_stop
}

# A program for python3 that stops the first process that the master PID makes
# from now on, before it is of any use, and says which one that was.
catcher()
{
	program catch.py <<-'EOF'
		import os, signal, sys, time
		path = "/proc/%s/task/%s/children" % (sys.argv[1], sys.argv[1])
		def children():
		    with open(path) as file:
		        return set(file.read().split())
		before = children()
		print("begun", flush=True)
		end = time.monotonic() + 20
		caught = set()
		while not caught and time.monotonic() < end:
		    caught = children() - before
		pid = min(map(int, caught))
		os.kill(pid, signal.SIGSTOP)
		print(pid, flush=True)
	EOF
}

# The pids of the current generation.
serving_now()
{
	# shellcheck disable=SC2016 # jq's variable
	status '.generation as $now | .workers[] | select(.generation == $now) | .pid'
}

# Are these the pids of the current generation, and is there no later one?
# shellcheck disable=SC2016 # jq's variable
none_after()
{
	[ "$(serving_now)" = "$1" ] &&
		status_is '.generation as $now | all(.workers[]; .generation <= $now)'
}

# Is CAUGHT the only one of its generation that is not ready, and that not yet
# the current one?
held_up()
{
	# shellcheck disable=SC2016 # jq's variables
	status_is ".generation as \$now | .workers |
		map(select(.generation > \$now)) |
		length == $1 and all(.[];
			.state == if .pid == $CAUGHT then \"starting\" else \"serving\" end)"
}

# hold_up WORKERS: reload until one of so many new workers is caught before it
# said that it is ready; its pid goes to CAUGHT.
hold_up()
{
	local before i
	for i in {1..100}; do
		before=$(status .reloads)
		rm -f "$DIR/caught"
		start "$DIR/caught" "$DIR/caught.err" python3 "$DIR/catch.py" "$TIMED_PID"
		wait_until "$PATIENCE" lines_in "$DIR/caught" 1
		kill -HUP "$TIMED_PID"
		wait_until "$PATIENCE" lines_in "$DIR/caught" 2
		CAUGHT=$(tail -n 1 "$DIR/caught")
		wait_until "$PATIENCE" held_up_or_reloaded "$1" $((before + 1))
		reloads $((before + 1)) || return 0
		# Too late: it is one of the current ones.
		kill -CONT "$CAUGHT"
		echo "too late, $i times"
	done
	return 1
}

held_up_or_reloaded()
{
	held_up "$1" || reloads "$2"
}

@test "reload: a generation that does not come up costs nobody anything" {
	local round pids held lines clients=0
	local same=('workers = 4;' 'watchdog_seconds = 60;'
		"log = { file = \"$LOG\"; level = \"notice\"; syslog = false; };"
		"$(serve 'stream format = "%s";')")
	timed_start "${same[@]}"
	catcher
	# So that who comes into being is no faster than who looks for him.
	renice -n 10 -p "$TIMED_PID" >/dev/null
	client_start
	held=$CLIENT_OUT
	wait_until "$PATIENCE" lines_in "$held" 1
	for round in 1 2 3; do
		hold_up 4
		pids=$(serving_now)
		# Whoever comes now comes to those who will stay.
		hold 40
		held_up 4
		# shellcheck disable=SC2016 # jq's variable
		status_is '.generation as $now | .workers |
			map(select(.generation > $now) | .accepted) | add == 0'
		kill -KILL "$CAUGHT"
		wait_until "$PATIENCE" refusals $round
		wait_until "$PATIENCE" none_after "$pids"
		clients=$((clients + 40))
		status_is ".totals.connections == $clients + 1 and .totals.closed == 0"
	done
	[ "$(grep -c 'error master.*: reload failed;' "$LOG")" -eq 3 ]
	[ "$(grep -c "reload failed; reason='worker [0-3] did not start: signal 9 (Killed)'" "$LOG")" -eq 3 ]
	lines=$(wc -l <"$held")
	wait_until "$PATIENCE" lines_in "$held" $((lines + 2))
	consecutive "$held"
	reload "${same[@]}"
}
