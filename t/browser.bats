#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# The status page as somebody sees it, in Chromium: it keeps itself up to date,
# over whatever befalls timed, and is whole without its script.

load lib
load status

EXACT='services = ( { type = "stream"; listen = [ "127.0.0.1:0" ]; format = "%s"; },
	{ type = "echo"; name = "mirror"; listen = [ "127.0.0.1:0" ]; } );'

# browse [PATH]: open it; from then on `say` talks to the browser.
browse()
{
	mkfifo "$DIR/pipe"
	start "$DIR/browser" "$DIR/browser.err" python3 \
		"$SRC/t/browser.py" "$DIR/pipe" "http://127.0.0.1:$(page_port)/"
	exec {PIPE}>"$DIR/pipe"
	SAID=1
	wait_until 60 lines_in "$DIR/browser" "$SAID" ||
		{ show "$DIR/browser.err" && return 1; }
}

# say COMMAND: to the browser; its answer goes to ANSWER.
say()
{
	SAID=$((SAID + 1))
	echo "$1" >&"$PIPE"
	wait_until 60 lines_in "$DIR/browser" "$SAID" ||
		{ show "$DIR/browser.err" && return 1; }
	ANSWER=$(sed -n "${SAID}p" "$DIR/browser" | jq -r .)
}

# shows EXPRESSION: is it true of the page?
shows()
{
	say "eval !!($1)"
	[ "$ANSWER" = true ]
}

# text ID: the text of that element.
text()
{
	say "eval document.getElementById('$1').textContent"
}

# row PID: is there a worker's row with that process, serving?
row()
{
	shows "document.querySelector('#workers tr[data-pid=\"$1\"] [data-state=\"serving\"]')"
}

no_row()
{
	shows "!document.querySelector('#workers tr[data-pid=\"$1\"]')"
}

text_is()
{
	text "$1"
	[ "$ANSWER" = "$2" ]
}

# Has the clock gone on since SECOND, and is it that of this machine?
clock_since()
{
	local shown
	text time
	shown=$(date -u -d "$ANSWER" +%s)
	[ "$shown" -ge "$1" ] && [ "$shown" -le "$EPOCHSECONDS" ]
}

teardown()
{
	[ -z "${PIPE-}" ] || exec {PIPE}>&-
	harness_teardown
}

# The day must not change between two readings of a clock without a date.
@test "browser: the clock ticks, and a worker that dies is replaced on the page" {
	local victim heir before
	timed_start "$STATUS_PAGE" "$EXACT"
	hold 30
	browse
	text_is state running
	before=$EPOCHSECONDS
	wait_until "$PATIENCE" clock_since $((before + 1))
	wait_until "$PATIENCE" clock_since $((before + 3))
	wait_until "$PATIENCE" text_is connections 30
	victim=$(worker_pids | head -n 1)
	row "$victim"
	kill -KILL "$victim"
	wait_until "$PATIENCE" no_row "$victim"
	for heir in $(worker_pids); do
		wait_until "$PATIENCE" row "$heir"
	done
	# A reload: other workers, and the hand-off is told of.
	reload 'workers = 3;' "$STATUS_PAGE" "$EXACT"
	for heir in $(worker_pids); do
		wait_until "$PATIENCE" row "$heir"
	done
	wait_until "$PATIENCE" text_is generation 2
	shows 'document.querySelector("#handoffs").textContent.includes("reload")'
	shows 'document.querySelectorAll("#workers tr").length === 3'
	ctl pause mirror
	wait_until "$PATIENCE" shows \
		'document.querySelector("#services [data-state=paused]")'
	# Nothing was asked of anybody else, and nothing went wrong.
	say requests
	jq -e --arg page "http://127.0.0.1:$(page_port)/" \
		'length >= 5 and all(.[]; startswith($page) or . == "data:,")' \
		<<<"$ANSWER"
	say complaints
	[ "$ANSWER" = '[]' ]
}

@test "browser: it finds back when the status process dies" {
	local before
	timed_start "$STATUS_PAGE" "$EXACT"
	browse
	kill -KILL "$(status_pid)"
	before=$EPOCHSECONDS
	wait_until "$PATIENCE" clock_since $((before + 3))
	text_is link ''
	# Without anybody there it says so.
	timed_stop
	wait_until "$PATIENCE" shows \
		'document.getElementById("link").textContent.startsWith("No word from timed since ")'
}

@test "browser: without scripts it is the same page, and loads itself again" {
	local before
	timed_start "$STATUS_PAGE" "$EXACT"
	hold 7
	reload "$STATUS_PAGE" "$EXACT"
	wait_until "$PATIENCE" settled 2
	browse
	say 'scripts off'
	say "open http://127.0.0.1:$(page_port)/"
	get / >"$DIR/page"
	for before in $(worker_pids); do
		grep -q "data-pid=\"$before\".*serving" "$DIR/page"
		row "$before"
	done
	grep -q '<dd id="connections">7</dd>' "$DIR/page"
	grep -q '<td>reload</td>' "$DIR/page"
	grep -q '<noscript><meta http-equiv="refresh"' "$DIR/page"
	run grep -c '{{' "$DIR/page"
	[ "$output" = 0 ]
	# Pictures have a text for those who do not see them.
	shows 'document.querySelectorAll("svg[role=img] title").length === 2'
	shows '[...document.querySelectorAll("svg title")].every((t) => / at most$/.test(t.textContent))'
	shows 'document.querySelectorAll("th:not([scope])").length === 0'
}

@test "browser: in the dark and on a phone all of it can be read" {
	timed_start "$STATUS_PAGE" "$EXACT"
	browse
	say 'eval getComputedStyle(document.body).backgroundColor'
	local light=$ANSWER
	say dark
	say 'eval getComputedStyle(document.body).backgroundColor'
	[ "$ANSWER" != "$light" ]
	say 'size 360 740'
	# Tables may be wider, and are scrolled by themselves.
	shows 'document.documentElement.scrollWidth <= 360'
	say 'size 1280 800'
	shows 'document.documentElement.scrollWidth <= 1280'
}
