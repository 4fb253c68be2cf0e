# SPDX-License-Identifier: BSD-2-Clause
#
# What bench/ knows of its results, in one place: from a report of timebench to
# the figures that all services have, and from those to a table.
#
# Results are a stream of objects, one a line:
#
#   {"machine": {...}}   when, where and what was measured, as bench.sh has it
#   {"run": {...}}       one turn of one server: service, load, workers, server,
#                        round, and its figures; or that it is missing
#
# cpu_us is the CPU time for a unit of work, of which there are per_second;
# p50_us and p99_us are lateness, latency, or the time until all have a line.

def median:
	sort | if length == 0 then null
	else (.[(length - 1) / 2 | floor] + .[length / 2 | floor]) / 2 end;

# ---- Out of a report --------------------------------------------------------

def units: {
	stream: "tick", daytime: "connection", time: "answer", ntp: "answer",
	echo: "round trip", chat: "delivery"
};

# A share is nothing where nothing was done.
def per(count; time): if time > 0 then count / time else null end;

def timings: .lateness_us // .latency_us // .all_have_us;

def figures: {
	cpu_us: (.server | .cpu_us_per_tick // .cpu_us_per_request
		// .cpu_us_per_delivery),
	per_second: (.answers_per_second // .deliveries_per_second
		// per(.ticks_received; .window_seconds)),
	p50_us: timings.p50,
	p99_us: timings.p99,
	rss_kb: .server.rss_kb,
	pss_kb: .server.pss_kb,
	clean
};

# Did timed do what it has to?  Not every request that is sent has to come back:
# a datagram may be lost.
def faultless:
	if .mode == "stream" or .mode == "chat" then .clean
	else .requests_wrong + .requests_refused + .requests_failed
		+ .answers_stray + .answers_unsynchronised == 0 end;

# ---- Out of the results -----------------------------------------------------

def machine: map(.machine // empty) | first;

def runs: map(.run // empty);

# Those with the same key together, in the order in which the first one came.
def clusters(key):
	reduce .[] as $item ([];
		($item | key) as $key |
		(map(.key == $key) | index(true)) as $at |
		if $at == null then . + [{key: $key, items: [$item]}]
		else .[$at].items += [$item] end);

def spread:
	{median: median, least: min, most: max};

def figure(f):
	map(f | values) | spread;

# What timed takes, or does, for each of it, in the same round.
def ratio($timed; f):
	[.[] as $it | $timed[] | select(.round == $it.round)
	 | f as $of_timed | ($it | f) as $of_it
	 | select($of_timed != null and $of_it != null and $of_it != 0)
	 | $of_timed / $of_it] | spread;

def server($timed):
	{name: .key} + (.items |
		{missing: first.missing, cpu: figure(.cpu_us),
		 rate: figure(.per_second), p99: figure(.p99_us),
		 timed: {cpu: ratio($timed; .cpu_us),
			 rate: ratio($timed; .per_second),
			 p99: ratio($timed; .p99_us)}});

# Every load, and in it every server, with the medians of all rounds, in the
# order in which they were measured.
def loads:
	runs | clusters({service, load, workers}) | map(
		(.items | map(select(.server == "timed"))) as $timed |
		.key + {unit: units[.key.service],
			servers: (.items | clusters(.server)
				  | map(server($timed)))});

# ---- For people -------------------------------------------------------------

# So many digits after the point.
def fixed($digits):
	if . == null then "-"
	elif $digits == 0 then round | tostring
	else pow(10; $digits) as $unit | (. * $unit | round) as $all
		| "\($all / $unit | floor)."
		+ ("\($all % $unit)" | "0" * ($digits - length) + .)
	end;

# As many digits as mean something.
def digits:
	if . == null then "-"
	elif . < 10 then fixed(3)
	elif . < 100 then fixed(2)
	elif . < 1000 then fixed(1)
	else fixed(0) end;

def title:
	"\(.service), \(.load); \(.workers) worker"
	+ (if .workers == 1 then "" else "s" end) + "; each \(.unit)";
