# SPDX-License-Identifier: BSD-2-Clause
#
# The results as one table, for people: jq -L bench -rs -f bench/table.jq.  A
# block for each load, a line in it for each server.
#
#   --arg part all      what was measured where, how to read it, and the table
#   --arg part blocks   the loads alone
#   --arg part header   what is above the loads

include "figures";

def left($n):
	. + " " * ([$n - length, 0] | max);

def right($n):
	" " * ([$n - length, 0] | max) + .;

def share:
	if . == null then "-"
	elif . < 10 then fixed(2)
	elif . < 100 then fixed(1)
	else fixed(0) end;

def ratio:
	if .median == null then "-"
	else "\(.median | share) (\(.least | share)-\(.most | share))" end;

def columns($name; $cpu; $rate; $p99; $by_cpu; $by_rate; $by_p99):
	($name | left(11)) + ($cpu | right(8)) + ($rate | right(11))
	+ ($p99 | right(9)) + "  " + ($by_cpu | left(18))
	+ ($by_rate | left(18)) + ($by_p99 | right(5));

def line:
	if .missing then "  \(.name | left(9))   not there"
	else (if .name == "timed" then ["", "", ""]
	      else .timed | [(.cpu | ratio), (.rate | ratio),
			     (.p99.median | share)] end) as $ratios |
		columns("  " + .name; .cpu.median | digits;
			.rate.median | fixed(0); .p99.median | fixed(0);
			$ratios[0]; $ratios[1]; $ratios[2])
	end
	| sub(" +$"; "");

def blocks:
	loads[] | title, (.servers[] | line), "";

def header:
	columns(""; ""; ""; ""; "timed/it (least-most)"; ""; ""),
	columns(""; "CPU us"; "a second"; "p99 us"; "CPU"; "a second"; "p99")
	| sub(" +$"; "");

def about:
	machine | to_entries[] | "    \(.key | left(11))\(.value)";

def reading:
	"CPU us is what the server\u0027s processes spent on each unit of work,",
	"since the load shares the machine; p99 us is the lateness of ticks,",
	"the latency of answers, and in a chat the time until all have a line.",
	"They are medians of the rounds, in which the servers take turns; a",
	"ratio is the median of those of each round, with the least and the",
	"most.";

def all:
	"timed beside others", "===================", "", about, "", reading,
	"", header, blocks;

if $part == "header" then header
elif $part == "blocks" then blocks
else all end
