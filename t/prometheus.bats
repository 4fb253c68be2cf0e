#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# Prometheus itself: it takes the metrics and the rules, and sees no counter go
# back whatever the operator does.

load lib
load status

bats_require_minimum_version 1.5.0

EXACT='services = ( { type = "stream"; listen = [ "127.0.0.1:0" ]; format = "%s"; },
	{ type = "daytime"; listen = [ "tcp:127.0.0.1:0" ]; } );'

# prometheus_start: scrapes timed ten times a second.
prometheus_start()
{
	PROMETHEUS=$(fresh_port)
	cat >"$DIR/prometheus.yml" <<-END
		global: { scrape_interval: 100ms, scrape_timeout: 100ms, evaluation_interval: 1s }
		rule_files: [ "$SRC/etc/timed-alerts.yml" ]
		scrape_configs:
		  - job_name: timed
		    static_configs: [ { targets: [ "127.0.0.1:$(page_port)" ] } ]
	END
	start "$DIR/prometheus" "$DIR/prometheus.err" prometheus \
		--config.file="$DIR/prometheus.yml" \
		--storage.tsdb.path="$DIR/tsdb" \
		--web.listen-address="127.0.0.1:$PROMETHEUS"
	wait_until 60 scraped 'timed_generation' 1
}

# query EXPRESSION: the results, as JSON.
query()
{
	curl -sS --max-time 20 --data-urlencode "query=$1" \
		"http://127.0.0.1:$PROMETHEUS/api/v1/query" | jq -c .data.result
}

# scraped EXPRESSION VALUE: is it that by now?
scraped()
{
	[ "$(query "$1" 2>/dev/null | jq -r '.[0].value[1]' 2>/dev/null)" = "$2" ]
}

@test "prometheus: promtool finds no fault in the metrics, nor in the rules" {
	timed_start "$STATUS_PAGE" "$EXACT"
	get /metrics | promtool check metrics >"$DIR/faults" 2>&1
	show "$DIR/faults"
	[ ! -s "$DIR/faults" ]
	promtool check rules "$SRC/etc/timed-alerts.yml"
}

@test "prometheus: it scrapes through 20 reloads, an upgrade and kills" {
	local lines name
	TIMED=$DIR/timed
	cp "$BUILD/timed" "$TIMED"
	timed_start "$STATUS_PAGE" "$EXACT"
	prometheus_start
	start "$DIR/bench" "$DIR/bench.err" timebench stream -c 40 -d 6 -j \
		"127.0.0.1:$(stream_port)"
	local bench=$PID
	wait_until "$PATIENCE" scraped \
		'timed_connections{service="stream"}' 40
	for _ in {1..20}; do
		reload "$STATUS_PAGE" "$EXACT"
	done
	kill -USR2 "$TIMED_PID"
	wait_until "$PATIENCE" log_has ' upgraded;'
	wait_until 30 gone "$bench"
	lines=$(jq .ticks_received "$DIR/bench")
	kill -KILL "$(worker_pids | head -n 1)"
	wait_until "$PATIENCE" scraped 'timed_restarts_total{process="worker"}' 1
	kill -KILL "$(status_pid)"
	wait_until "$PATIENCE" scraped 'timed_restarts_total{process="status"}' 1
	wait_until "$PATIENCE" scraped timed_reloads_total 20
	wait_until "$PATIENCE" scraped timed_upgrades_total 1
	wait_until "$PATIENCE" scraped timed_generation 22
	# What one sees is what the other sent; each had a first line, and perhaps
	# one before and one after those that were looked at.
	wait_until "$PATIENCE" scraped \
		'timed_connections_accepted_total{service="stream"}' 40
	wait_until "$PATIENCE" scraped \
		'timed_connections_closed_total{service="stream"}' 40
	wait_until "$PATIENCE" scraped \
		"timed_ticks_total{service=\"stream\"} - $lines <= bool 120" 1
	jq -e '.ticks_received == .ticks_expected' "$DIR/bench"
	scraped "timed_ticks_total{service=\"stream\"} >= bool $lines" 1
	# Never: there are many samples, and no counter was ever less than before.
	[ "$(query 'count_over_time(timed_reloads_total[5m])' |
		jq -r '.[0].value[1]')" -gt 20 ]
	get /metrics | awk '/^# TYPE/ { if ($4 == "counter") print $3
		if ($4 == "histogram") print $3 "_bucket\n" $3 "_sum\n" $3 "_count" }' \
		>"$DIR/counters"
	[ "$(wc -l <"$DIR/counters")" -gt 15 ]
	while read -r name; do
		[ "$(query "count($name)" | jq length)" -eq 1 ]
		query "resets(${name}[5m]) > 0" >"$DIR/resets"
		show "$DIR/resets"
		[ "$(<"$DIR/resets")" = '[]' ]
	done <"$DIR/counters"
}
