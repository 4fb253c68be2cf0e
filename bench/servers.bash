# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# The servers that timed is compared with: which of them there are, and how each
# is started for a service, with so many workers, on a port of 127.0.0.1 that is
# its own.  Beside lib.bash.
#
#   pids, addresses   of those that run, by name
#
# A peer is found as its name says, or where NGINX, CHRONYD, XINETD, NGIRCD and
# NCAT of the environment say.  chronyd, xinetd, ngircd and ncat have one process
# whatever is asked for, but xinetd makes one more for each connection of echo;
# the textbook has a thread for each client.

# shellcheck source=lib.bash
. "$(dirname "$0")/lib.bash"

# shellcheck disable=SC2034 # for the scripts
declare -A pids addresses

# Who can be asked for what, in the order in which it is shown.
# shellcheck disable=SC2034 # for turns.bash
declare -A offer=(
	[stream]='timed floor io_uring textbook'
	[daytime]='timed nginx xinetd floor textbook'
	[time]='timed xinetd'
	[ntp]='timed chronyd floor'
	[echo]='timed xinetd floor textbook'
	[chat]='timed ngircd ncat'
)

# How a room is talked to that is not one of timed's.
# shellcheck disable=SC2034 # for turns.bash
declare -A speaks=([ngircd]=irc [ncat]=lines)

# What else is in sbin is found there, too.
PATH=$PATH:/usr/sbin:/usr/local/sbin

declare -A programs=(
	[nginx]=${NGINX-nginx}
	[chronyd]=${CHRONYD-chronyd}
	[xinetd]=${XINETD-xinetd}
	[ngircd]=${NGIRCD-ngircd}
	[ncat]=${NCAT-ncat}
)

# ---- Who is there -----------------------------------------------------------

# there NAME
there()
{
	case $1 in
	timed) [ -x "$builddir/timed" ] && [ -x "$builddir/timebench" ] ;;
	floor | textbook) [ -x "$builddir/bench/textbook" ] ;;
	io_uring)
		# It has no arguments, and says so where there is a ring.
		"$builddir/bench/floor_uring" 2>/dev/null
		[ $? -eq 64 ]
		;;
	nginx) find_nginx ;;
	*) command -v "${programs[$1]}" >/dev/null ;;
	esac
}

# missing NAME: say that it is.
missing()
{
	case $1 in
	timed | floor | textbook)
		fail 69 "no $1 in $builddir; \"make all bench-programs\" makes it"
		;;
	io_uring) echo "$me: no io_uring here" >&2 ;;
	nginx) echo "$me: no nginx with a stream module;" \
		"./bootstrap --deps --bench installs it" >&2 ;;
	*) echo "$me: no $1; ./bootstrap --deps --bench installs it" >&2 ;;
	esac
}

# version NAME: the first number with a dot that it says of itself.
version()
{
	local option=--version
	case $1 in
	nginx) option=-v ;;
	xinetd) option=-version ;;
	esac
	"${programs[$1]}" $option 2>&1 | grep -Eom 1 '[0-9]+\.[0-9.]*[0-9]' |
		head -n 1
}

# Into nginx_module: the line that loads the stream module, if it takes one.
# Fails without nginx or without the module.
find_nginx()
{
	local built path
	command -v "${programs[nginx]}" >/dev/null || return
	built=$("${programs[nginx]}" -V 2>&1)
	nginx_module=
	case " $built " in
	*' --with-stream '*) ;;
	*' --with-stream=dynamic '*)
		path=$(sed -n 's/.*--modules-path=\([^ ]*\).*/\1/p' <<<"$built")
		path=$path/ngx_stream_module.so
		[ -e "$path" ] || return
		nginx_module="load_module $path;"
		;;
	*) return 1 ;;
	esac
}

# ---- Starting and stopping --------------------------------------------------

# serve NAME SERVICE WORKERS [TOTAL]: start it; TOTAL connections will come.
serve()
{
	"serve_$1" "${@:2}"
}

# unserve NAME
unserve()
{
	[ -n "${pids[$1]-}" ] || return 0
	stop "${pids[$1]}"
	forget "${pids[$1]}"
	unset "pids[$1]" "addresses[$1]"
}

unserve_all()
{
	stop_all
	pids=() addresses=()
}

# serves NAME PID ADDRESS
# shellcheck disable=SC2034 # for turns.bash
serves()
{
	pids[$1]=$2
	addresses[$1]=$3
}

# shellcheck disable=SC2317 # wait_for calls it
listens()
{
	[ -n "$(ss -Hltun "sport = :$port")" ]
}

# started_here NAME: what was just started in the background, on $port.
started_here()
{
	started+=("$!")
	wait_for "$1 is not ready" "$!" listens
	serves "$1" "$!" "127.0.0.1:$port"
}

# ---- timed ------------------------------------------------------------------

declare -A timed_service=(
	[stream]='type = "stream"; listen = [ "127.0.0.1:0" ];'
	[daytime]='type = "daytime"; listen = [ "tcp:127.0.0.1:0" ];'
	[time]='type = "time"; listen = [ "udp:127.0.0.1:0" ];'
	[ntp]='type = "ntp"; listen = [ "127.0.0.1:0" ]; local_stratum = 10;'
	[echo]='type = "echo"; listen = [ "tcp:127.0.0.1:0" ];'
	[chat]='type = "chat"; listen = [ "127.0.0.1:0" ];
		lines_per_second = 0; history_on_join = 0;'
)

serve_timed()
{
	start_timed "$2" "${timed_service[$1]}"
	# shellcheck disable=SC2154 # start_timed sets it
	serves timed "$timed" "$address"
}

# ---- The floors and the textbook --------------------------------------------

declare -A floors=(
	[stream]=floor_stream
	[daytime]=floor_once
	[ntp]=floor_ntp
	[echo]=floor_echo
)

# shellcheck disable=SC2317 # wait_for calls it
floor_address()
{
	address=$(sed -n 's/^port /127.0.0.1:/p' "$dir/port" 2>/dev/null)
	[ -n "$address" ]
}

# floor_serves NAME PROGRAM ARGUMENT...: one of bench/.
floor_serves()
{
	local name=$1 program=$2
	shift 2
	rm -f "$dir/port"
	"$builddir/bench/$program" "$@" 0 >"$dir/port" \
		2>"$dir/stderr" {never}>&- &
	started+=("$!")
	wait_for "$program is not ready" "$!" floor_address
	serves "$name" "$!" "$address"
}

serve_floor()
{
	floor_serves floor "${floors[$1]}" -p "$2" -c "${3-0}"
}

serve_io_uring()
{
	floor_serves io_uring floor_uring -p "$2" -c "${3-0}"
}

serve_textbook()
{
	floor_serves textbook textbook "$1"
}

# ---- Peers ------------------------------------------------------------------

# nginx_serves WORKERS CONNECTIONS MAIN SERVER: nginx with so many connections
# a worker, and these lines of its own, for all and for the server.
nginx_serves()
{
	free_port
	mkdir -p "$dir/nginx"
	cat >"$dir/nginx.conf" <<-END
		$nginx_module
		daemon off;
		pid $dir/nginx/pid;
		error_log $dir/nginx/error.log;
		worker_processes $1;
		worker_rlimit_nofile $2;
		$3
		events { worker_connections $2; }
		stream {
			server {
				listen 127.0.0.1:$port backlog=4096;
				$4
			}
		}
	END
	"${programs[nginx]}" -p "$dir/nginx" -c "$dir/nginx.conf" \
		-e "$dir/nginx/error.log" 2>"$dir/stderr" {never}>&- &
	started_here nginx
}

serve_nginx()
{
	find_nginx
	# shellcheck disable=SC2016 # nginx expands it
	nginx_serves "$2" 4096 '' 'return "$time_iso8601\r\n";'
}

# The clock is left alone (-x), and nobody but clients is listened to.
serve_chronyd()
{
	free_port
	cat >"$dir/chrony.conf" <<-END
		port $port
		bindaddress 127.0.0.1
		bindcmdaddress /
		cmdport 0
		local stratum 10
		allow
		pidfile $dir/chronyd.pid
	END
	"${programs[chronyd]}" -x -d -U -u "$(id -un)" -f "$dir/chrony.conf" \
		>"$dir/stderr" 2>&1 {never}>&- &
	started_here chronyd
}

# Socket, protocol and wait of those that it has built in.
declare -A xinetd_service=(
	[daytime]='stream tcp no'
	[time]='dgram udp yes'
	[echo]='stream tcp no'
)

serve_xinetd()
{
	local socket protocol wait
	read -r socket protocol wait <<<"${xinetd_service[$1]}"
	free_port
	cat >"$dir/xinetd.conf" <<-END
		service $1
		{
			type = INTERNAL UNLISTED
			id = $1-$socket
			socket_type = $socket
			protocol = $protocol
			wait = $wait
			user = $(id -un)
			instances = UNLIMITED
			per_source = UNLIMITED
			cps = 1000000 1
			bind = 127.0.0.1
			port = $port
		}
	END
	"${programs[xinetd]}" -dontfork -f "$dir/xinetd.conf" \
		-pidfile "$dir/xinetd.pid" -filelog "$dir/xinetd.log" \
		2>"$dir/stderr" {never}>&- &
	started_here xinetd
}

serve_ngircd()
{
	free_port
	cat >"$dir/ngircd.conf" <<-END
		[Global]
			Name = bench.example.net
			Info = beside timed
			AdminEMail = root@localhost
			Listen = 127.0.0.1
			Ports = $port
			MotdFile = /dev/null
		[Limits]
			MaxConnections = 0
			MaxConnectionsIP = 0
			MaxNickLength = 32
			MaxPenaltyTime = 0
			PingTimeout = 3600
		[Options]
			DNS = no
			Ident = no
			PAM = no
	END
	"${programs[ngircd]}" -n -f "$dir/ngircd.conf" >"$dir/ngircd.log" 2>&1 \
		{never}>&- &
	started_here ngircd
}

serve_ncat()
{
	free_port
	"${programs[ncat]}" --chat -l -m "$((${3-100} + 10))" 127.0.0.1 "$port" \
		2>"$dir/stderr" {never}>&- &
	started_here ncat
}
