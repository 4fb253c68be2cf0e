# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# Servers side by side, and timebench that asks them in turns: what the scripts
# share that compare timed with others, beside lib.bash and servers.bash.  Each
# of them takes these options, and those of its own:
#
#   -b BUILDDIR   where timed, timedctl, timebench and bench/ are (.)
#   -c MOST       no load has more connections, requests or users than that
#   -n ROUNDS     how many turns each has (5)
#   -o RESULTS    add the results to that file, as figures.jq has them, and show
#                 no table, but what is measured
#   -s SECONDS    of each turn (2); parts of one are fine
#   -t TABLES     which parts of it: names, with commas or blanks in between
#
# A table is opened with the servers of a service; then it has loads, and is
# closed:
#
#   table echo 1 timed floor
#   load '64 connections' -c 64
#   end_table
#
# Which server begins goes round, too.  Loads that are the same, as when all are
# cut to MOST, are measured once.

# shellcheck source=servers.bash
. "$(dirname "$0")/servers.bash"

here=$(dirname "$0")
# shellcheck disable=SC2034 # for the scripts
common=b:c:n:o:s:t: tables='' faults=0
rounds=5 seconds=2 most=1000000 results=''
patience=120 # seconds, for what timebench does before and after its own
service='' workers='' servers=() absent=() anew=() headed=''

# ---- Options ----------------------------------------------------------------

# common_option LETTER VALUE: one of those; fails when it is none, or no value.
# shellcheck disable=SC2034 # for the scripts
common_option()
{
	case $1 in
	b) builddir=$2 ;;
	c) most=$2 && numbers "$2" ;;
	n) rounds=$2 && numbers "$2" ;;
	o) results=$2 ;;
	s) seconds=$2 && amount "$2" ;;
	t) tables=${2//,/ } ;;
	*) return 1 ;;
	esac
}

# at_most NUMBER: that, or the most that is allowed.
at_most()
{
	echo $(($1 < most ? $1 : most))
}

# turns_open: what bench_open does, and a place for the results.
turns_open()
{
	bench_open
	[ -n "$results" ] || echo "$rounds rounds of $seconds s in turns;" \
		"$(nproc) CPUs"
	touch "${results:-$dir/results}" || exit 73
}

# of_figures FILTER ARGUMENT...: jq that knows figures.jq.
of_figures()
{
	local filter=$1
	shift
	jq -L "$here" "include \"figures\"; $filter" "$@"
}

# ---- Tables -----------------------------------------------------------------

# is_anew NAME: is it started for each of its turns, and stopped after it?
is_anew()
{
	[[ " ${anew[*]} " == *" $1 "* ]]
}

# table SERVICE WORKERS [NAME...]: with those of them that are there, or of all
# that offer it.  The array anew has the names of those for which each turn has
# to be the first one.
table()
{
	local name
	service=$1 workers=$2 servers=() absent=()
	shift 2
	# shellcheck disable=SC2086 # a list of names
	[ $# -gt 0 ] || set -- ${offer[$service]}
	for name; do
		if there "$name"; then
			servers+=("$name")
			is_anew "$name" || serve "$name" "$service" "$workers"
		else
			missing "$name"
			absent+=("$name")
		fi
	done
}

end_table()
{
	unserve_all
	anew=()
}

# add NAME ROUND FILTER: to the results, what FILTER makes of its report.
add()
{
	of_figures "{run: ({service: \$service, load: \$load,
		workers: \$workers, server: \$server, round: \$round} + $3)}" \
		-c --arg service "$service" --arg load "$title" \
		--argjson workers "$workers" --arg server "$1" \
		--argjson round "$2" "$dir/report" >>"$dir/load" ||
		fail 70 "no figures of $1"
}

# turn NAME ROUND CONNECTIONS OPTION...: timebench; its figures are added.
turn()
{
	local name=$1 round=$2 connections=$3 status limit
	shift 3
	limit=$((patience + ${seconds%.*} + connections / 1000))
	! is_anew "$name" ||
		serve "$name" "$service" "$workers" "$connections"
	timeout -k 5 $limit "$builddir/timebench" "$service" -j -d "$seconds" \
		-c "$connections" --pid "${pids[$name]}" \
		${speaks[$name]:+--protocol "${speaks[$name]}"} "$@" \
		"${addresses[$name]}" >"$dir/report" {never}>&- &
	attend
	status=$?
	[ $status -le 1 ] || fail $status "timebench failed with $name"
	! is_anew "$name" || unserve "$name"
	if [ "$name" = timed ]; then
		# shellcheck disable=SC2034 # for the scripts
		of_figures faultless -e "$dir/report" >"$dir/verdict" ||
			faults=1
	fi
	add "$name" "$round" figures
}

# Was this load measured before?
# shellcheck disable=SC2016 # jq expands it
measured()
{
	of_figures 'runs | any(.service == $service and .load == $load
		and .workers == $workers)' -es --arg service "$service" \
		--arg load "$title" --argjson workers "$workers" \
		"${results:-$dir/results}" >"$dir/verdict"
}

# show PART: of the table, what was just measured.
show()
{
	jq -L "$here" -rs --arg part "$1" -f "$here/table.jq" "$dir/load"
}

# load TITLE CONNECTIONS OPTION...: the servers of the table in turns.
load()
{
	local title=$1 connections=$2 round i name
	shift 2
	! measured || return 0
	[ -z "$results" ] || echo "$service, $title; $workers" \
		"$([ "$workers" -eq 1 ] && echo worker || echo workers)"
	: >"$dir/load"
	for ((round = 1; round <= rounds; round++)); do
		for ((i = 0; i < ${#servers[@]}; i++)); do
			name=${servers[(round - 1 + i) % ${#servers[@]}]}
			turn "$name" $round "$connections" "$@"
		done
	done
	echo '{}' >"$dir/report"
	for name in "${absent[@]}"; do
		add "$name" 1 '{missing: true}'
	done
	if [ -z "$results" ]; then
		[ -n "$headed" ] || show header
		headed=yes
		show blocks
	fi
	cat "$dir/load" >>"${results:-$dir/results}" || exit 74
}
