#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# What the status says happened is what clients saw: whatever befell the
# workers meanwhile.

load lib

setup()
{
	harness_setup
	timed_start 'workers = 4;' 'services = (
		{ type = "stream"; listen = [ "127.0.0.1:0" ]; format = "%s"; },
		{ type = "daytime"; listen = [ "127.0.0.1:0" ]; } );'
}

# Until the middle of a second: no line is under way then.
mid_second()
{
	wait_until "$PATIENCE" in_the_middle
}

in_the_middle()
{
	[[ ${EPOCHREALTIME#*[.,]} = [4-6]* ]]
}

# So many clients of daytime, one after the other; how many bytes they got.
daytimes()
{
	local i
	for ((i = 0; i < $1; i++)); do
		nc -d 127.0.0.1 "$(service_port daytime)"
	done | wc -c
}

# The sums over workers and over services are the totals: nobody is gone.
@test "totals: workers' sums and services' sums are the totals" {
	local bytes
	watch 100
	bytes=$(daytimes 20)
	watch_on 2
	mid_second
	status '.' >"$DIR/status"
	jq -e '.totals as $t | ["accepted", "closed", "ticks", "skipped"] |
		all(.[]; . as $key | $t[$key] > 0 or $key == "skipped")' \
		"$DIR/status"
	jq -e '.totals as $t | .workers as $w |
		all(("accepted", "closed", "ticks", "skipped", "connections");
		    . as $key | ($w | map(.[$key]) | add) == $t[$key])' \
		"$DIR/status"
	jq -e '.totals as $t | .services as $s |
		all(("accepted", "closed", "refused", "requests", "ticks",
		     "skipped", "bytes_in", "bytes_out", "connections");
		    . as $key | ($s | map(.[$key]) | add) == $t[$key])' \
		"$DIR/status"
	jq -e --argjson bytes "$bytes" '.services[1] |
		.accepted == 20 and .requests == 20 and .bytes_out == $bytes' \
		"$DIR/status"
	watch_end
	status_is ".services[0].ticks == $(jq .lines <<<"$WATCHED")"
}

@test "totals: over kills, reloads and an upgrade they are what clients saw" {
	local bytes=0 lines
	watch 200
	for _ in 1 2; do
		bytes=$((bytes + $(daytimes 10)))
		watch_on 1
		mid_second
		kill -KILL "$(worker_pids | head -n 1)"
		wait_until "$PATIENCE" settled 4
		timedctl -r "$RUN" -j reload | jq -e .ok
		wait_until "$PATIENCE" settled 4
	done
	timedctl -r "$RUN" -j upgrade | jq -e .ok
	wait_until "$PATIENCE" settled 4
	bytes=$((bytes + $(daytimes 10)))
	watch_on 2
	mid_second
	status_is ".totals | .accepted == 230 and .crashes == 2 and
		.connections == $(tail -n 1 "$WATCH_OUT" | jq .held)"
	watch_end
	lines=$(jq .lines <<<"$WATCHED")
	status_is ".services[0].ticks == $lines and .services[0].skipped == 0"
	# A line is ten digits and a newline.
	status_is ".services[0].bytes_out == 11 * $lines"
	status_is ".services[1] | .requests == 30 and .bytes_out == $bytes"
	wait_until "$PATIENCE" status_is '.totals |
		.closed == 230 and .connections == 0'
}
