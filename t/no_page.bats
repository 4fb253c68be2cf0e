#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# A timed that was built without libmicrohttpd says so of a status page.

load lib

bats_require_minimum_version 1.5.0

@test "no page: the setting is refused, with its line and the reason" {
	timed_config 'status = { listen = "127.0.0.1:0"; };'
	run -78 timed -t -c "$CONF"
	[[ $output =~ timed.conf:[0-9]+:\ status:\ .*without\ libmicrohttpd ]]
	timed_start
	status_is '.status_page == []'
	run ! pgrep -P "$TIMED_PID" -f '^timed: status'
}
