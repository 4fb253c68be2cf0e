# SPDX-License-Identifier: BSD-2-Clause
#
# The results of one service as SVG: jq -L bench -rs --arg service ntp -f
# bench/plot.jq.  Each load has a bar for each server, on the left for the CPU
# time of a unit, on the right for units a second, or for a stream, whose rate
# is given, for how late they are.  A thin line shows the least and the most of
# the rounds, a dashed one through all bars the floor.  Colours are for light
# and for dark.

include "figures";

def WIDTH: 840;
def LEFT: [100, 470]; # where the bars of both begin
def LENGTH: 260;      # of the longest bar
def TOP: 74;
def ROW: 20;
def HEAD: 44;	      # above the bars of a load

# The longest bar: no more than four times that of timed, so that it and the
# floor can be told apart beside one that is far behind.
def scale(f):
	(map(select(.name == "timed") | f | .median | values) | first) as $timed |
	(map(f | .median | values) | max) as $longest |
	if $timed == null or $timed == 0 then $longest // 1
	else [4 * $timed, $longest] | min end;

def along($scale):
	if $scale > 0 then [. / $scale, 1] | min * LENGTH else 0 end;

def whole: fixed(1);

def bar($name; $left; $y; $scale):
	(.median | along($scale)) as $tip |
	(.least | along($scale)) as $least | (.most | along($scale)) as $most |
	"<rect class=\"\(if $name == "timed" then "timed" else "other" end)\""
	+ " x=\"\($left)\" y=\"\($y)\" height=\"14\""
	+ " width=\"\([$tip, 1] | max | whole)\"/>",
	"<line class=\"spread\" x1=\"\($left + $least | whole)\""
	+ " x2=\"\($left + $most | whole)\" y1=\"\($y + 7)\" y2=\"\($y + 7)\"/>",
	"<text x=\"\($left + LENGTH + 8)\""
	+ " y=\"\($y + 12)\">"
	+ (if .median > $scale then "» " else "" end)
	+ "\(.median | digits)</text>";

def floor_line(f; $left; $y; $scale):
	(map(select(.name == "floor") | f | .median | values) | first) as $floor |
	if $floor == null then empty
	else ($left + ($floor | along($scale)) | whole) as $x |
		"<line class=\"floor\" x1=\"\($x)\" x2=\"\($x)\""
		+ " y1=\"\($y - 4)\" y2=\"\($y + length * ROW - 2)\"/>"
	end;

# The bars of one figure of a load's servers.
def panel(f; $left; $y):
	scale(f) as $scale |
	(to_entries[] | .key as $i | .value | .name as $name
	 | f | select(.median != null)
	 | bar($name; $left; $y + $i * ROW; $scale)),
	floor_line(f; $left; $y; $scale);

def names($y):
	to_entries[] | .key as $i | .value |
	"<text x=\"\(LEFT[0] - 8)\" y=\"\($y + $i * ROW + 12)\""
	+ " text-anchor=\"end\">\(.name)</text>",
	(select(.missing) | "<text class=\"dim\" x=\"\(LEFT[0])\""
	 + " y=\"\($y + $i * ROW + 12)\">not there</text>");

def one($y):
	"<text class=\"load\" x=\"20\" y=\"\($y + 20)\">\(title | @html)</text>",
	(.service as $service | .servers | ($y + HEAD - 12) as $bars |
	 names($bars), panel(.cpu; LEFT[0]; $bars),
	 if $service == "stream" then panel(.p99; LEFT[1]; $bars)
	 else panel(.rate; LEFT[1]; $bars) end);

def height: HEAD + (.servers | length) * ROW;

def style:
	"<style>",
	"svg { color: #1f2933 }",
	"text { fill: currentColor; font: 13px system-ui, sans-serif }",
	".name { font-size: 18px; font-weight: 600 }",
	".load { font-weight: 600 }",
	".dim { opacity: 0.7 }",
	".timed { fill: #0f766e }",
	".other { fill: #9aa5b1 }",
	".spread { stroke: currentColor }",
	".floor { stroke: #c2410c; stroke-width: 1.5; stroke-dasharray: 4 3 }",
	"@media (prefers-color-scheme: dark) {",
	"svg { color: #e4e7eb }",
	".timed { fill: #2dd4bf }",
	".other { fill: #616e7c }",
	".floor { stroke: #fb923c }",
	"}",
	"</style>";

def heads($service):
	"<text class=\"name\" x=\"20\" y=\"32\">\($service)</text>",
	"<text class=\"dim\" x=\"\(LEFT[1])\" y=\"32\">dashed: the floor;"
	+ " » the bar goes on</text>",
	"<text x=\"\(LEFT[0])\" y=\"60\">CPU µs each (shorter is better)</text>",
	"<text x=\"\(LEFT[1])\" y=\"60\">"
	+ (if $service == "stream" then "p99 lateness µs (shorter is better)"
	   else "a second (longer is better)" end) + "</text>";

[loads | .[] | select(.service == $service)] as $loads |
($loads | map(height) | add // 0) as $all |
(TOP + $all + 10) as $height |
"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"\(WIDTH)\""
+ " height=\"\($height)\" viewBox=\"0 0 \(WIDTH) \($height)\""
+ " role=\"img\" aria-label=\"\($service): timed beside others\">",
style, heads($service),
($loads | range(length) as $i | (.[:$i] | map(height) | add // 0) as $above
 | .[$i] | one(TOP + $above)),
"</svg>"
