#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# The metrics: what they say is what clients saw, what they are called is in
# timed-metrics(7), and no counter ever goes back.

load lib
load status

EXACT='services = ( { type = "stream"; listen = [ "127.0.0.1:0" ]; format = "%s"; },
	{ type = "daytime"; listen = [ "tcp:127.0.0.1:0" ]; },
	{ type = "echo"; listen = [ "127.0.0.1:0" ]; } );'

setup()
{
	harness_setup
	PAGE=$BUILD/man/timed-metrics.7
}

# The names of all metrics, as timed says them.
said_names()
{
	get /metrics | sed -n 's/^# TYPE \([a-z_]*\) .*/\1/p' | sort
}

# counters FILE: lines of counters and histograms in what FILE has of /metrics.
counters()
{
	awk '$1 == "#" && $2 == "TYPE" { counts = $4 != "gauge" }
		$1 != "#" && counts' "$1"
}

# grown OLD NEW: is no counter of NEW below what it was in OLD, or missing?
grown()
{
	awk 'NR == FNR { old[$1] = $2; next }
		{ new[$1] = $2 }
		END {
			for (name in old)
				if (!(name in new) || new[name] + 0 < old[name] + 0) {
					print name, old[name], new[name]
					bad = 1
				}
			exit bad
		}' <(counters "$1") <(counters "$2") >&2
}

@test "metrics: each has one HELP, one TYPE, and is in order" {
	timed_start "$STATUS_PAGE" "$EXACT"
	hold 3
	get /metrics >"$DIR/metrics"
	awk '
		/^# HELP / { if (help[$3]++) bad = bad " twice:" $3; now = $3; next }
		/^# TYPE / { if ($3 != now) bad = bad " without help:" $3
			if ($4 == "counter" && $3 !~ /_total$/) bad = bad " counter:" $3
			if ($4 != "counter" && $3 ~ /_total$/) bad = bad " total:" $3
			type = $4; next }
		{ name = $1; sub(/{.*/, "", name)
			if (type == "histogram") sub(/_(bucket|sum|count)$/, "", name)
			if (name != now) bad = bad " stray:" $1
			if (seen[$1]++) bad = bad " again:" $1
			if ($2 !~ /^[0-9]+(\.[0-9]+)?$/ || NF != 2) bad = bad " value:" $0
			n++ }
		END { print bad > "/dev/stderr"; exit bad != "" || n < 100 }' \
		"$DIR/metrics"
	grep -Eqx 'timed_build_info\{version="[^"]+"\} 1' "$DIR/metrics"
	grep -qx 'timed_connections{service="stream",type="stream"} 3' "$DIR/metrics"
}

@test "metrics: every one of them is in timed-metrics(7), and no other" {
	timed_start "$STATUS_PAGE" "$EXACT"
	diff <(said_names) <(sed -n 's/^\.It Li \(timed_[a-z_]*\).*/\1/p' "$PAGE" |
		sort)
	# With its type, and its labels.
	get /metrics | sed -n 's/^# TYPE \([a-z_]*\) \([a-z]*\)$/\1 \2/p' |
		while read -r name type; do
			grep -Eq "^\.It Li $name Pq $type(,|\$| )" "$PAGE" || {
				echo "$name is no $type in $PAGE" >&2
				return 1
			}
		done
	get /metrics | grep -Eo '[a-z]+="' | sort -u | tr -d '="' >"$DIR/labels"
	while read -r label; do
		grep -qw "Cm $label" "$PAGE"
	done <"$DIR/labels"
}

@test "metrics: every key of its JSON is in timed-metrics(7) or timedctl(8)" {
	local key
	timed_start "$STATUS_PAGE" "$EXACT"
	reload "$STATUS_PAGE" "$EXACT"
	follow 1
	follow_on 1
	curl -sN --max-time 1 "http://127.0.0.1:$(page_port)/events" |
		sed -n 's/^data: //p' | head -n 1 >"$DIR/tick" || :
	jq -r '.. | objects | keys[]' "$DIR/tick" <(get /history.json) |
		sort -u >"$DIR/keys"
	[ "$(wc -l <"$DIR/keys")" -gt 40 ]
	while read -r key; do
		grep -Eqw "(Cm|Li) .*$key" "$PAGE" "$BUILD/man/timedctl.8" || {
			echo "$key is nowhere" >&2
			return 1
		}
	done <"$DIR/keys"
}

@test "metrics: they are what clients counted, timebench among them" {
	local lines answers
	timed_start "$STATUS_PAGE" "$EXACT"
	watch 30
	watch_on 2
	watch_end
	lines=$(jq .lines <<<"$WATCHED")
	wait_until "$PATIENCE" metric_is \
		'timed_connections{service="stream",type="stream"}' 0
	metric_is 'timed_ticks_total{service="stream",type="stream"}' "$lines"
	metric_is 'timed_ticks_skipped_total{service="stream",type="stream"}' 0
	metric_is 'timed_connections_accepted_total{service="stream",type="stream"}' 30
	metric_is 'timed_connections_closed_total{service="stream",type="stream"}' 30
	# The first line of each is late for nothing.
	metric_is timed_tick_lateness_seconds_count $((lines - 30))
	timebench stream -c 20 -d 2 -j "127.0.0.1:$(stream_port)" >"$DIR/bench"
	jq -e '.ticks_received == .ticks_expected' "$DIR/bench"
	# Beside the boundaries that it looked at there is each one's first line,
	# and perhaps a boundary before and one after.
	answers=$(($(metric 'timed_ticks_total{service="stream",type="stream"}') -
		lines - 20 - $(jq .ticks_received "$DIR/bench")))
	[ "$answers" -ge 0 ] && [ "$answers" -le 40 ] && [ $((answers % 20)) -eq 0 ]
	timebench daytime -c 4 -d 1 -j "127.0.0.1:$(service_port daytime)" \
		>"$DIR/daytime"
	answers=$(jq .requests_answered "$DIR/daytime")
	lines=$(metric 'timed_requests_total{service="daytime",type="daytime"}')
	echo "answered $answers, counted $lines"
	[ "$answers" -gt 0 ] && [ "$lines" -ge "$answers" ] &&
		[ "$lines" -le $((answers + 4)) ]
}

@test "metrics: the histogram's buckets are of what was sent, and so is its sum" {
	timed_start "$STATUS_PAGE" "$EXACT"
	watch 20
	watch_on 3
	get /metrics | grep '^timed_tick_lateness' >"$DIR/histogram"
	cat "$DIR/histogram"
	awk '
		/_bucket/ { if ($2 < last) bad = 1; last = $2; n++
			split($1, part, "\""); edge = part[2]
			if ($2 > before) { most += ($2 - before) * (edge == "+Inf" ? 1000 : edge)
				least += ($2 - before) * below }
			before = $2; below = edge == "+Inf" ? below : edge }
		/_sum/ { sum = $2 }
		/_count/ { count = $2 }
		END { print least, sum, most, count, last
			exit !(!bad && n == 21 && count == last && count >= 40 &&
				sum >= least * 0.9999 && sum <= most) }' "$DIR/histogram"
	watch_end
}

@test "metrics: no counter goes back, over reloads, an upgrade and kills" {
	local n victim
	TIMED=$DIR/timed
	cp "$BUILD/timed" "$TIMED"
	timed_start "$STATUS_PAGE" "$EXACT"
	watch 40
	get /metrics >"$DIR/first"
	cp "$DIR/first" "$DIR/before"
	look()
	{
		get /metrics >"$DIR/now" && grown "$DIR/before" "$DIR/now" &&
			mv "$DIR/now" "$DIR/before"
	}
	for n in {1..20}; do
		reload "$STATUS_PAGE" "$EXACT"
		look
		if ((n % 5 == 0)); then
			victim=$(worker_pids | head -n 1)
			kill -KILL "$victim"
			look
		fi
	done
	kill -USR2 "$TIMED_PID"
	look
	wait_until "$PATIENCE" log_has ' upgraded;'
	look
	kill -KILL "$(status_pid)"
	wait_until "$PATIENCE" look
	kill -KILL "$(journal_pid)"
	wait_until "$PATIENCE" metric_is 'timed_restarts_total{process="journal"}' 1
	# A service that goes takes none of its counters along.
	reload "$STATUS_PAGE"
	look
	grown "$DIR/first" "$DIR/before"
	metric_is timed_reloads_total 21
	metric_is timed_upgrades_total 1
	metric_is timed_handoffs_total 22
	metric_is 'timed_restarts_total{process="worker"}' 4
	metric_is 'timed_restarts_total{process="status"}' 1
	metric_is timed_generation 23
}

@test "metrics: a reload that is refused takes nobody's counters, and names nobody" {
	local i many=
	local old='services = ( { type = "stream"; name = "old"; listen = [ "127.0.0.1:0" ]; } );'
	local new='services = ( { type = "stream"; name = "new"; listen = [ "127.0.0.1:0" ]; } );'
	timed_start "$STATUS_PAGE" "$old"
	client_start "$(service_port old)"
	wait_until "$PATIENCE" metric_is 'timed_connections_accepted_total{service="old",type="stream"}' 1
	reload "$STATUS_PAGE" "$new"
	for i in {1..32}; do
		many+="${many:+,} { type = \"daytime\"; name = \"n$i\"; listen = [ \"127.0.0.1:0\" ]; }"
	done
	timed_config "$STATUS_PAGE" "services = ( $many );"
	refuse
	metric_is 'timed_connections_accepted_total{service="old",type="stream"}' 1
	run ! metric_is 'timed_connections{service="n1",type="daytime"}' 0
	status_is '.services | map(.name) == ["new"]'
	reload "$STATUS_PAGE" "$old"
	metric_is 'timed_connections_accepted_total{service="old",type="stream"}' 1
}

@test "metrics: refusals have a reason, a pause shows, the clock is the kernel's" {
	timed_start "$STATUS_PAGE" 'services = (
		{ type = "stream"; listen = [ "127.0.0.1:0" ]; deny = [ "127.0.0.1" ]; } );'
	for _ in 1 2 3; do
		nc -d 127.0.0.1 "$(stream_port)" >/dev/null
	done
	metric_is 'timed_refusals_total{service="stream",type="stream",reason="denied"}' 3
	metric_is 'timed_refusals_total{service="stream",type="stream",reason="rate"}' 0
	metric_is 'timed_service_paused{service="stream",type="stream"}' 0
	metric_is 'timed_state{state="running"}' 1
	ctl pause
	metric_is 'timed_service_paused{service="stream",type="stream"}' 1
	metric_is 'timed_state{state="paused"}' 1
	metric_is 'timed_state{state="running"}' 0
	[ "$(metric timed_clock_synchronised)" = "$(python3 -c '
import ctypes
buf = (ctypes.c_int * 64)()
libc = ctypes.CDLL(None)
libc.adjtimex(buf)
status = ctypes.cast(buf, ctypes.POINTER(ctypes.c_int))[10]
print(0 if status & 0x40 else 1)')" ]
}

@test "metrics: what Grafana and the alerts ask for is there" {
	local name
	timed_start "$STATUS_PAGE" "$EXACT"
	said_names >"$DIR/names"
	jq -e '.panels | length > 10' "$SRC/etc/timed-grafana.json"
	jq -r '.. | .expr? // empty, .query?.query? // empty' \
		"$SRC/etc/timed-grafana.json" |
		cat - "$SRC/etc/timed-alerts.yml" |
		grep -Eo 'timed_[a-z_]+' | sort -u |
		sed 's/\(timed_tick_lateness_seconds\)_.*/\1/' >"$DIR/asked"
	[ "$(wc -l <"$DIR/asked")" -gt 15 ]
	while read -r name; do
		grep -qx "$name" "$DIR/names" || {
			echo "there is no $name" >&2
			return 1
		}
	done <"$DIR/asked"
}
