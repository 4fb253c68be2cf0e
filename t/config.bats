#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# timed.conf: what is refused, and that each complaint names file and line.

# shellcheck disable=SC2030,SC2031 # each test is a process of its own

load lib

bats_require_minimum_version 1.5.0

# accepted: CONF is, without a word, unless it is that a default user is missing.
accepted()
{
	run -0 timed -t -c "$CONF"
	[[ -z $output || $output == 'timed: there is no user "timed", '* ]]
	[ "${#lines[@]}" -le 1 ]
}

# refused COMPLAINT...: CONF is, with these complaints and no other, in this
# order; each is an extended regular expression behind "timed: FILE:".
refused()
{
	local at=0 wanted
	run -78 timed -t -c "$CONF"
	for wanted; do
		[[ ${lines[at]-} =~ ^timed:\ $CONF:$wanted$ ]] || {
			echo "line $((at + 1)) is '${lines[at]-}'" >&2
			echo "and not 'timed: $CONF:$wanted'" >&2
			return 1
		}
		at=$((at + 1))
	done
	[ "${#lines[@]}" -eq "$at" ]
}

# setting TEXT COMPLAINT: on line 2 of an otherwise empty file.
setting()
{
	printf '%s\n' '// a comment' "$1" '// and one more' >"$CONF"
	refused "2: $2"
}

# service TEXT COMPLAINT: within a service, on line 4.
service()
{
	cat >"$CONF" <<-END
		services = ( {
			type = "stream";
			listen = [ "127.0.0.1:0" ];
			$1
		} );
	END
	refused "4: $2"
}

# listen ENTRY COMPLAINT: in quotes, on line 5.  It is not the last of the list:
# libconfig gives a string the line on which the next token is.
listen()
{
	cat >"$CONF" <<-END
		services = ( {
			type = "stream";
			listen = [
				"127.0.0.1:0",
				"$1",
				"[::1]:0"
			];
		} );
	END
	refused "5: listen: \".*\": $2"
}

# listens ENTRY: it is accepted.
listens()
{
	echo "services = ( { type = \"stream\"; listen = [ \"$1\" ]; } );" \
		>"$CONF"
	accepted
}

# ---- What is accepted -------------------------------------------------------

@test "config: an empty file is the default configuration" {
	: >"$CONF"
	accepted
	printf '\n\n  \t\n' >"$CONF"
	accepted
	printf '# a\n// b\n/* c\n */\n' >"$CONF"
	accepted
	CONF=/dev/null accepted
}

@test "config: an empty file serves the default stream" {
	# The defaults take port 6013 and the system's directories: the
	# services alone are left out here, and a port is not to be had twice.
	timed_config "services = ( { type = \"stream\"; listen = [ \"127.0.0.1:0\" ]; } );"
	timed_launch
	wait_until "$PATIENCE" timed_ready
	client_start
	wait_until "$PATIENCE" lines_in "$CLIENT_OUT" 2
	# The default format, interval and newline.
	grep -Eqx '[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}' \
		"$CLIENT_OUT"
}

@test "config: every setting of timed.conf as built is accepted" {
	local settings
	CONF=$BUILD/etc/timed.conf accepted
	# And what is commented out as well, each on its own and all at once.
	sed -E 's/^([[:space:]]*)#/\1/; s/^(user|group) = .*//' \
		"$BUILD/etc/timed.conf" >"$CONF"
	accepted
	settings=$(grep -Ec '^[[:space:]]*[a-z_]+ =' "$CONF")
	[ "$settings" -ge 17 ]
}

@test "config: the edges of what is allowed are allowed" {
	cat >"$CONF" <<-END
		workers = 64;
		watchdog_seconds = 2; stop_seconds = 0.5; recycle_after = 1000000000;
		log = { file = ""; level = "error"; syslog = false; rate = 1000000; };
		services = ( {
			type = "stream"; name = "aB3-_.";
			listen = [ "127.0.0.1:65535" ];
			interval = 0.05; stall_seconds = 86400;
			format = "x"; timezone = "UTC"; newline = false;
		} );
	END
	accepted
	sed -i -e 's/0\.05/86400/; s/64;/0;/; s/"error"/"debug"/' \
		-e 's/stall_seconds = 86400/stall_seconds = 1/' "$CONF"
	accepted
}

@test "config: a whole number will do where a fraction may be" {
	echo 'watchdog_seconds = 5; stop_seconds = 1;' >"$CONF"
	accepted
	echo 'watchdog_seconds = 5L; workers = 0x2;' >"$CONF"
	accepted
}

@test "config: every form of a listen entry is accepted" {
	listens '127.0.0.1:0'
	listens '0.0.0.0:1'
	listens '[::1]:6013'
	listens '[::]:6013'
	listens '*:6013'
	listens 'localhost:6013'
	listens 'tcp:127.0.0.1:6013'
	listens "unix:$DIR/socket"
}

@test "config: the same port on different addresses is no clash" {
	cat >"$CONF" <<-END
		services = (
			{ type = "stream"; name = "a"; listen = [ "127.0.0.1:6013" ]; },
			{ type = "stream"; name = "b"; listen = [ "127.0.0.2:6013", "[::1]:6013" ]; },
			{ type = "stream"; name = "c"; listen = [ "127.0.0.1:0" ]; },
			{ type = "stream"; name = "d"; listen = [ "127.0.0.1:0" ]; }
		);
	END
	accepted
}

@test "config: workers = 0 is one for each processor" {
	timed_start 'workers = 0;'
	[ "$(worker_pids | wc -l)" -eq "$(nproc)" ]
}

@test "config: workers = 0 counts only processors that timed may use" {
	local first
	first=$(taskset -pc $$ | sed 's/.*: *\([0-9]*\).*/\1/')
	timed_config 'workers = 0;'
	start "$DIR/stdout" "$ERR" taskset -c "$first" timed -f -c "$CONF"
	TIMED_PID=$PID
	wait_until "$PATIENCE" timed_ready
	[ "$(worker_pids | wc -l)" -eq 1 ]
}

@test "config: workers = 5 is five" {
	timed_start 'workers = 5;'
	[ "$(worker_pids | sort -u | wc -l)" -eq 5 ]
	[ "$(pgrep -P "$TIMED_PID" -f '^timed: worker [0-4]$' | wc -l)" -eq 5 ]
}

# ---- What is refused --------------------------------------------------------

@test "config: an unknown setting, wherever it is" {
	setting 'frobnicate = 1;' 'unknown setting "frobnicate"'
	setting 'Workers = 1;' 'unknown setting "Workers"'
	setting 'log = { frobnicate = 1; };' 'unknown setting "frobnicate"'
	service 'frobnicate = 1;' 'unknown setting "frobnicate"'
}

@test "config: a wrong type" {
	setting 'workers = "two";' 'workers: must be a whole number'
	setting 'workers = 1.5;' 'workers: must be a whole number'
	setting 'workers = true;' 'workers: must be a whole number'
	setting 'workers = [ 1 ];' 'workers: must be a whole number'
	setting 'recycle_after = { };' 'recycle_after: must be a whole number'
	setting 'watchdog_seconds = "10";' 'watchdog_seconds: must be a number'
	setting 'stop_seconds = false;' 'stop_seconds: must be a number'
	setting 'user = 3;' 'user: must be a string in quotes'
	setting 'group = [ "a" ];' 'group: must be a string in quotes'
	setting 'runtime_dir = 1;' 'runtime_dir: must be a string in quotes'
	setting 'state_dir = true;' 'state_dir: must be a string in quotes'
	setting 'log = "file";' 'log: must be a group in braces'
	setting 'log = { file = 1; };' 'file: must be a string in quotes'
	setting 'log = { level = 1; };' 'level: must be a string in quotes'
	setting 'log = { syslog = 1; };' 'syslog: must be true or false'
	setting 'log = { rate = "x"; };' 'rate: must be a whole number'
	setting 'services = "stream";' 'services: must be a list.*'
	setting 'services = { type = "stream"; };' 'services: must be a list.*'
	setting 'services = [ "stream" ];' 'services: must be a list.*'
	setting 'services = ( "stream" );' 'services: each must be a group.*'
	service 'name = 1;' 'name: must be a string in quotes'
	service 'format = 1;' 'format: must be a string in quotes'
	service 'timezone = 1;' 'timezone: must be a string in quotes'
	service 'interval = "1";' 'interval: must be a number'
	service 'stall_seconds = true;' 'stall_seconds: must be a number'
	service 'newline = "yes";' 'newline: must be true or false'
	service 'newline = 1;' 'newline: must be true or false'
}

@test "config: a value out of range, and what the range is" {
	setting 'workers = 65;' 'workers: must be from 0 to 64, not 65'
	setting 'workers = -1;' 'workers: must be from 0 to 64, not -1'
	setting 'workers = 4294967297L;' \
		'workers: must be from 0 to 64, not 4294967297'
	setting 'watchdog_seconds = 1.9;' \
		'watchdog_seconds: must be from 2 to 3600, not 1\.9'
	setting 'watchdog_seconds = 3601;' \
		'watchdog_seconds: must be from 2 to 3600, not 3601'
	setting 'stop_seconds = 0.4;' \
		'stop_seconds: must be from 0\.5 to 3600, not 0\.4'
	setting 'stop_seconds = 1e9;' \
		'stop_seconds: must be from 0\.5 to 3600, not 1000000000'
	setting 'recycle_after = -1;' \
		'recycle_after: must be from 0 to 1000000000, not -1'
	setting 'log = { rate = -1; };' 'rate: must be from 0 to 1000000, not -1'
	setting 'log = { rate = 1000001; };' \
		'rate: must be from 0 to 1000000, not 1000001'
	service 'stall_seconds = 0.9;' \
		'stall_seconds: must be from 1 to 86400, not 0\.9'
}

@test "config: an interval that is too short or too long" {
	service 'interval = 0.04;' \
		'interval: must be from 0\.05 to 86400, not 0\.04'
	service 'interval = 86401;' \
		'interval: must be from 0\.05 to 86400, not 86401'
	service 'interval = 0;' 'interval: must be from 0\.05 to 86400, not 0'
	service 'interval = -1.0;' \
		'interval: must be from 0\.05 to 86400, not -1'
}

@test "config: a log level that there is not" {
	setting 'log = { level = "loud"; };' \
		'level: "loud" is none of error, warning, notice, info, debug'
}

@test "config: texts that are empty or too long" {
	local long
	long=$(printf '%0200d' 0)
	setting 'user = "";' 'user: must not be empty'
	setting 'group = "";' 'group: must not be empty'
	setting 'runtime_dir = "";' 'runtime_dir: must not be empty'
	setting 'state_dir = "";' 'state_dir: must not be empty'
	setting "user = \"$long\";" 'user: must be shorter than 64 bytes'
	service 'format = "";' 'format: must not be empty'
	service 'timezone = "";' 'timezone: must not be empty'
	service "format = \"$long\";" 'format: must be shorter than [0-9]+ bytes'
	service "timezone = \"$long\";" \
		'timezone: must be shorter than [0-9]+ bytes'
}

@test "config: directories and files begin with a slash" {
	setting 'runtime_dir = "run";' \
		'runtime_dir: "run" must begin with a slash'
	setting 'state_dir = "./x";' 'state_dir: "\./x" must begin with a slash'
	setting 'log = { file = "timed.log"; };' \
		'(log\.)?file: "timed.log" must begin with a slash'
}

@test "config: a user or a group that there is not" {
	setting 'user = "no such user";' 'user: there is no user "no such user"'
	setting 'group = "no such group";' \
		'group: there is no group "no such group"'
	printf '%s\n' 'user = "nobody-1";' '' 'group = "nobody-2";' >"$CONF"
	run -78 timed -t -c "$CONF"
	[ "${lines[0]}" = "timed: $CONF:1: user: there is no user \"nobody-1\"" ]
}

# hook TEXT COMPLAINT: within hooks, on line 2.
hook()
{
	printf '%s\n' 'hooks = {' "$1" '' '};' >"$CONF"
	refused "2: $2"
}

@test "config: hooks that cannot be" {
	local such='must be a program and its arguments, such as . "/bin/true" .'
	setting 'hooks = 1;' 'hooks: must be a group in braces'
	setting 'hooks = [ "/bin/true" ];' 'hooks: must be a group in braces'
	setting 'hook_seconds = 0;' \
		'hook_seconds: must be from 0\.1 to 3600, not 0'
	setting 'hook_seconds = "1";' 'hook_seconds: must be a number'
	hook 'boot = [ "/bin/true" ];' 'unknown setting "boot"'
	hook 'ready = "/bin/true";' "ready: $such"
	hook 'reload = { program = "/bin/true"; };' "reload: $such"
	hook 'reload_failed = 1;' "reload_failed: $such"
	hook 'stop = [ ];' 'stop: must name a program'
	hook 'pause = ( );' 'pause: must name a program'
	hook 'resume = [ 1, 2 ];' 'resume: must be strings in quotes'
	hook 'ready = ( "/bin/true", 1 );' 'ready: must be strings in quotes'
	hook 'worker_crash = [ "true" ];' \
		'worker_crash: "true" must begin with a slash'
	hook 'ready = [ "", "/bin/true" ];' 'ready: "" must begin with a slash'
	hook "ready = [ \"/$(printf '%04095d' 0)\" ];" \
		'ready: must be shorter than 4096 bytes'
	hook "ready = [ \"/bin/true\"$(printf ', "%d"' {1..32}) ];" \
		'ready: at most 32 strings'
}

@test "config: hooks in a file that others can change" {
	local file=$DIR/included only='hooks: only in files that nobody else can change'
	echo 'hooks = { stop = [ "/bin/true" ]; };' >"$CONF"
	chmod 0666 "$CONF"
	refused "1: $only: $CONF: others can write it"
	chmod 0664 "$CONF"
	refused "1: $only: $CONF: its group can write it"
	chmod 0644 "$CONF"
	accepted
	mv "$CONF" "$file"
	echo '@include "included"' >"$CONF"
	accepted
	chmod 0666 "$file"
	run -78 timed -t -c "$CONF"
	[ "$output" = "timed: included:1: $only: $file: others can write it" ]
	# Nor a part of them, or what could have one.
	printf '%s\n' 'hooks = { stop = [' '@include "included"' ']; };' >"$CONF"
	echo '"/bin/true"' >"$file"
	refused "1: $only: $file: others can write it"
	printf '%s\n' 'hooks = { stop = [ "/bin/true" ]; };' '@include "included"' >"$CONF"
	: >"$file"
	refused "1: $only: $file: others can write it"
	chmod 0644 "$file"
	accepted
	# Without hooks it is the operator's business.
	echo 'workers = 1;' >"$CONF"
	chmod 0666 "$CONF"
	accepted
}

@test "config: hooks as they may be" {
	echo "hooks = { ready = [ \"/bin/echo\"$(printf ', "%d"' {1..31}) ];
		stop = ( \"/bin/echo\", \"\" ); }; hook_seconds = 0.5;" >"$CONF"
	accepted
}

@test "config: a hook that could not be run is a warning, on a line of its own" {
	local user
	[ "$(id -u)" -ne 0 ] || user='user = "nobody";'
	printf '%s\n' "$user" "hooks = { stop = [ \"$DIR/missing\" ];
		ready = [ \"$DIR/a\\nb\" ]; };" >"$CONF"
	run -0 timed -t -c "$CONF"
	[ "$output" = "timed: hook \"ready\" cannot be run: $DIR/a\\x0ab: No such file or directory; hook \"stop\" cannot be run: $DIR/missing: No such file or directory" ]
	timed_start "hooks = { stop = [ \"$DIR/missing\" ]; };"
	log_has "configuration warning; warning='hook \"stop\" cannot be run: $DIR/missing: No such file or directory'"
}

@test "config: workers that would be root are a warning" {
	local wanted=
	echo 'user = "root";' >"$CONF"
	[ "$(id -u)" -ne 0 ] || wanted='timed: user: "root" has all privileges, and the workers keep them; name a user who has none'
	run -0 timed -t -c "$CONF"
	[ "$output" = "$wanted" ]
}

@test "config: formats that cannot be" {
	service 'format = "%Y %";' "format: the pattern ends within a '%'.*"
	service 'format = "%Q";' 'format: .* strftime.* does not know'
	# Some 14 bytes each.
	service "format = \"$(printf '%%c%.0s' {1..30})\";" 'format: .*'
}

@test "config: time zones that cannot be" {
	service 'timezone = "Mars/Olympus";' \
		'timezone: there is no time zone Mars/Olympus'
	service 'timezone = "../../../etc/passwd";' \
		'timezone: that is not the name of a time zone'
	service 'timezone = "/etc/passwd";' \
		'timezone: that is not the name of a time zone'
	service 'timezone = "zone.tab";' 'timezone: .*'
}

@test "config: names that cannot be" {
	local name
	for name in '' 'a b' 'a/b' 'ä' "$(printf '%032d' 0)" 'a\nb'; do
		service "name = \"$name\";" 'name: must be 1 to 31 letters.*'
	done
}

@test "config: one name for two services" {
	cat >"$CONF" <<-END
		services = (
			{ type = "stream"; listen = [ "127.0.0.1:1" ]; },
			{
				type = "stream";
				name = "stream";
				listen = [ "127.0.0.1:2" ];
			}
		);
	END
	refused '5: name: there is a service "stream" already.*'
	# By default, both are called after their type.
	sed -i '/name =/d' "$CONF"
	refused '3: name: there is a service "stream" already.*'
}

@test "config: two services on one address" {
	cat >"$CONF" <<-END
		services = (
			{ type = "stream"; name = "a"; listen = [ "127.0.0.1:6013" ]; },
			{ type = "stream"; name = "b"; listen = [
				"127.0.0.2:6013",
				"127.0.0.1:6013" ]; }
		);
	END
	refused '5: listen: "127\.0\.0\.1:6013": service "a" listens there already'
	sed -i 's/"127.0.0.1:/"tcp:127.0.0.1:/' "$CONF"
	refused '5: listen: .* service "a" listens there already'
	sed -i 's/"tcp:127.0.0.1:6013"/"unix:\/x"/' "$CONF"
	refused '5: listen: "unix:/x": service "a" listens there already'
	sed -i 's/"unix:\/x"/"localhost:6013"/' "$CONF"
	refused '5: listen: "localhost:6013": service "a" listens there already'
}

@test "config: one address that is a part of the other" {
	cat >"$CONF" <<-END
		services = (
			{ type = "stream"; name = "a"; listen = [ "127.0.0.1:6013" ]; },
			{ type = "stream"; name = "b"; listen = [ "*:6013" ]; }
		);
	END
	refused '3: listen: "\*:6013": service "a" listens there already'
	sed -i 's/\*:6013/localhost:6013/' "$CONF"
	refused '3: listen: "localhost:6013": service "a" listens there already'
	sed -i 's/"127.0.0.1:6013"/"[::]:6013"/; s/localhost:6013/[::1]:6013/' \
		"$CONF"
	refused '3: listen: "\[::1\]:6013": service "a" listens there already'
}

@test "config: one address twice in one service" {
	listen '127.0.0.1:6013", "127.0.0.1:6013' \
		'this service listens there already'
}

@test "config: listen entries that cannot be" {
	listen '127.0.0.1' 'there is no port'
	listen '[::1]' 'there is no port'
	listen '127.0.0.1:' 'a port is a number from 0 to 65535'
	listen '127.0.0.1:70000' 'a port is a number from 0 to 65535'
	listen '127.0.0.1:-1' 'a port is a number from 0 to 65535'
	listen '127.0.0.1:http' 'a port is a number from 0 to 65535'
	listen '127.0.0.1: 80' 'a port is a number from 0 to 65535'
	listen '127.0.0.1:99999999999' 'a port is a number from 0 to 65535'
	listen '' 'there is no host'
	listen ':80' 'there is no host'
	listen '::1:80' 'an IPv6 address is written in brackets'
	listen '[::1:80' "there is no '\\]' to the '\\['"
	listen '[::1]80' "after '\\]' comes ':' and a port"
	listen '[127.0.0.1]:80' 'not an IPv6 address'
	listen '[::1%lo]:80' 'only a link-local address has a scope'
	listen '127.1:80' 'the host is not a numeric address.*'
	listen '256.0.0.1:80' 'the host is not a numeric address.*'
}

@test "config: a listen entry never asks the DNS" {
	listen 'example.com:80' 'the host is not a numeric address.*'
	listen 'localhost.localdomain:80' 'the host is not a numeric address.*'
}

@test "config: unix sockets have an absolute path that fits" {
	listen 'unix:socket' "the path of a unix socket starts with '/'"
	listen 'unix:./socket' "the path of a unix socket starts with '/'"
	listen 'unix:' "the path of a unix socket starts with '/'"
	listen "unix:/$(printf '%0110d' 0)" \
		'the path of a unix socket is too long'
}

@test "config: no udp for a stream" {
	listen 'udp:127.0.0.1:6013' 'stream is over TCP alone'
}

@test "config: a listen that is no list of strings" {
	local wrong
	for wrong in '"127.0.0.1:0"' '{ }' '1'; do
		cat >"$CONF" <<-END
			services = ( {
				type = "stream";
				listen = $wrong; } );
		END
		refused '3: listen: must be a list such as .*'
	done
	for wrong in '( )' '[ ]'; do
		sed -i "s/listen = .*; }/listen = $wrong; }/" "$CONF"
		refused '3: listen: is empty; it needs an entry, such as .*'
	done
	sed -i 's/listen = .*; }/listen = [ 6013 ]; }/' "$CONF"
	refused '3: listen: must be strings such as .*'
	sed -i 's/listen = .*; }/}/' "$CONF"
	refused '1: listen: is missing; it is a list such as .*'
}

@test "config: services without a type that there is" {
	echo 'services = ( { listen = [ "127.0.0.1:0" ]; } );' >"$CONF"
	refused '1: type: is missing; it can be: .*stream.*'
	echo 'services = ( { type = "x"; listen = [ "127.0.0.1:0" ]; } );' \
		>"$CONF"
	refused '1: type: there is no service "x"; it can be: .*stream.*'
	echo 'services = ( );' >"$CONF"
	refused '1: services: must be a list.*'
}

@test "config: a type that is no text is one complaint" {
	echo 'services = ( { type = 5; listen = [ "127.0.0.1:0" ]; } );' \
		>"$CONF"
	refused '1: type: must be a string in quotes'
}

@test "config: more services or addresses than there is room for" {
	local i
	{
		echo 'services = ('
		for i in {1..33}; do
			echo "{ type = \"stream\"; name = \"s$i\"; listen = [ \"127.0.0.1:0\" ]; }" \
				"$([ "$i" -eq 33 ] || echo ,)"
		done
		echo ');'
	} >"$CONF"
	refused '1: services: at most 32'
	{
		echo 'services = ( { type = "stream"; listen = ['
		printf '"127.0.0.1:0",\n%.0s' {1..300}
		echo '"127.0.0.1:0" ]; } );'
	} >"$CONF"
	refused '1: listen: at most [0-9]+ entries'
}

# ---- Where, and how many ----------------------------------------------------

@test "config: all errors are shown, each with its own line" {
	cat >"$CONF" <<-'END'
		workers = 65;
		user = "no such user";
		log = {
			level = "loud";
			colour = true;
		};
		watchdog_seconds = "ten";
		services = (
			{
				type = "stream";
				interval = 0.04;
				listen = [ "127.0.0.1" ];
			}
		);
	END
	run -78 timed -t -c "$CONF"
	[ "${#lines[@]}" -eq 7 ]
	diff <(printf '%s\n' "${lines[@]}" | cut -d: -f3 | sort -n) \
		<(printf '%s\n' 1 2 4 5 7 11 12)
	run ! grep -v "^timed: $CONF:[0-9]*: ." <<<"$output"
}

@test "config: six errors are six lines" {
	printf 'workers = -1;\n\nfrob = 1;\nstop_seconds = 0;\n' >"$CONF"
	printf 'recycle_after = -1;\n# ok\nstate_dir = 7;\nruntime_dir = "x";\n' \
		>>"$CONF"
	run -78 timed -t -c "$CONF"
	[ "${#lines[@]}" -eq 6 ]
	[ "$(cut -d: -f3 <<<"$output" | sort -n | paste -sd' ')" = "1 3 4 5 7 8" ]
}

@test "config: errors in every service are shown" {
	cat >"$CONF" <<-'END'
		services = (
			{ type = "stream"; name = "a"; listen = [ "127.0.0.1" ]; },
			{ type = "nothing"; listen = [ "127.0.0.1:0" ]; },
			{ type = "stream"; name = "c"; interval = 0; listen = [ "127.0.0.1:0" ]; },
			{ type = "stream"; name = "d"; listen = [ "127.0.0.1:0", "x", "[::1]:0", "y" ]; }
		);
	END
	refused '2: listen: .*' '3: type: .*' '4: interval: .*' \
		'5: listen: "x": .*' '5: listen: "y": .*'
}

@test "config: a complaint is one line, whatever it is about" {
	local text
	for text in 'a\nb' 'a\rb' 'a\x1b[2Jb'; do
		printf 'user = "%s";\n' "$text" >"$CONF"
		refused '1: user: there is no user "a[^[:cntrl:]]*b"'
		echo "services = ( { type = \"stream\"; listen = [ \"unix:/$text\" ]; } );" \
			>"$CONF"
		refused '1: listen: "unix:/a[^[:cntrl:]]*": the path has a control character'
	done
}

@test "config: a syntax error has its line" {
	printf 'workers = 2;\nuser = ;\n' >"$CONF"
	refused '2: syntax error'
	printf 'workers = 2;\n\n\nlog = {\n' >"$CONF"
	refused '[45]: syntax error'
	printf 'workers = 2;\nworkers = 3;\n' >"$CONF"
	refused '2: duplicate setting name'
	printf '\n\n\001\n' >"$CONF"
	refused '3: syntax error'
}

@test "config: an error in an included file names that file" {
	mkdir "$DIR/conf.d"
	cat >"$CONF" <<-'END'
		workers = 2;
		@include "conf.d/more.conf"
		stop_seconds = 0;
	END
	printf '\n\nwatchdog_seconds = 1;\n' >"$DIR/conf.d/more.conf"
	run -78 timed -t -c "$CONF"
	[ "${#lines[@]}" -eq 2 ]
	grep -Eq "^timed: ($DIR/)?conf.d/more.conf:3: watchdog_seconds: " \
		<<<"$output"
	grep -q "^timed: $CONF:3: stop_seconds: " <<<"$output"
}

@test "config: a syntax error in an included file names that file" {
	printf 'workers = 2;\n@include "more.conf"\n' >"$CONF"
	printf '\nuser = ;\n' >"$DIR/more.conf"
	run -78 timed -t -c "$CONF"
	[[ $output =~ ^timed:\ ($DIR/)?more.conf:2:\ syntax\ error$ ]]
}

@test "config: an included file that is not there is an error" {
	printf 'workers = 2;\n@include "none.conf"\n' >"$CONF"
	refused '2: cannot open include file.*'
}

@test "config: an include that the parser would read in another way is an error" {
	# Each is a directory to the parser, which would end the process.
	mkdir "$DIR/a\\b" "$DIR/a"$'\n'"b"
	printf 'workers = 2;\n@include "a\\\\b"\n' >"$CONF"
	refused '2: the name in an @include has no backslash'
	printf '@include "a\nb"\n' >"$CONF"
	refused '1: the name in an @include ends on its line'
	printf '\n@include "\0"\n' >"$CONF"
	refused '2: a NUL byte is no text'
	# To some versions of the parser it is beside the configuration.
	echo 'workers = 2;' >"$DIR/more.conf"
	echo "@include \"$DIR/more.conf\"" >"$CONF"
	refused '1: the name in an @include has no slash at its beginning'
}

@test "config: includes without end are an error, and soon" {
	printf '@include "timed.conf"\n%.0s' {1..30} >"$CONF"
	run -78 timeout 10 timed -t -c "$CONF"
	[[ $output == *': too many files are included'* ]]
}

@test "config: includes are found from another directory" {
	printf '@include "more.conf"\n' >"$CONF"
	echo 'frobnicate = 1;' >"$DIR/more.conf"
	cd /
	run -78 timed -t -c "$CONF"
	[[ $output =~ ^timed:\ ($DIR/)?more.conf:1:\ unknown\ setting\ \"frobnicate\"$ ]]
	echo 'workers = 1;' >"$DIR/more.conf"
	accepted
}

@test "config: timed does not start on what -t refuses" {
	timed_config 'workers = 65;'
	run -78 timed -f -c "$CONF"
	[[ $output == *": workers: must be from 0 to 64, not 65" ]]
	[ ! -e "$RUN" ]
}
