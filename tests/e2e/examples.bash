# The guests of examples/, run as commands and by the contract of a step.
here=$(dirname "$0")
. "$here/lib/tap.bash"

guests=$TIPHYS_BUILD/examples
out=$work/out
err=$work/err

# needs GUEST NAME: true, or one skipped case.
needs() {
	[ -f "$guests/$1.wasm" ] && return 0
	tap_skip "$2" "its toolchain is not installed"
	return 1
}

run() {
	"$tiphys" run "$@" >"$out" 2>"$err" || {
		echo "exit status $?: $*"
		cat "$err"
		return 1
	}
}

# fails STATUS ARGS…: ends with that status and nothing on stdout.
fails() {
	local wanted=$1 got=0
	shift
	"$tiphys" run "$@" >"$out" 2>"$err" || got=$?
	[ "$got" -eq "$wanted" ] && [ ! -s "$out" ] && return 0
	echo "exit status $got, not $wanted: $*"
	cat "$out" "$err"
	return 1
}

# A step's folder with its input; its result is read by `result EXPRESSION` (r is the reply).
step_folder() {
	rm -rf "$work/step"
	mkdir -p "$work/step"
	printf '%s' "$1" >"$work/step/input.json"
}
step() {
	run --dir "$work/step::/work" "$@"
}
result() {
	python3 -c 'import json, sys
r = json.load(open(sys.argv[1], encoding="utf-8"))
p = {x["name"]: x["value"] for x in r["outputs"]["parameters"]}
print(eval(sys.argv[2]), end="")' "$work/step/result.json" "$1"
}

# ---- hello ----

hello_says_hello() {
	run "$guests/hello.wasm"
	[ "$(cat "$out")" = hello ]
}
needs hello "hello" && tap_case "hello" hello_says_hello

# ---- text2qr ----

# decodes TEXT FILE: zbarimg reads that from the drawing.
decodes() {
	python3 - "$2" >"$work/qr.pgm" <<'PYTHON'
import sys
rows = []
for line in open(sys.argv[1], encoding="utf-8").read().splitlines():
    for half in "█▀", "█▄":
        rows.append([255 if c in half else 0 for c in line for _ in range(4)])
print("P2", len(rows[0]), len(rows) * 4, 255)
for row in rows:
    for _ in range(4):
        print(*row)
PYTHON
	zbarimg --quiet --raw --nodbus -Sdisable -Sqrcode.enable "$work/qr.pgm" >"$work/decoded"
	[ "$(cat "$work/decoded")" = "$1" ] && return 0
	echo "reads: $(cat "$work/decoded")"
	return 1
}

qr_of_argument() {
	run "$guests/text2qr.wasm" -l H "https://example.org/?a=b"
	decodes "https://example.org/?a=b" "$out"
}
qr_of_stdin() {
	echo "Grüße, 世界 🦀" | run --stdin "$guests/text2qr.wasm"
	decodes "Grüße, 世界 🦀" "$out"
}
qr_of_a_long_text() {
	local text
	text=$(printf 'tiphys %04d, ' $(seq 100))
	run "$guests/text2qr.wasm" -l L "$text"
	decodes "$text" "$out"
}
qr_by_contract() {
	step_folder '{"workflow_name":"w","plugin_options":[{"name":"level","value":"Q"}],
		"parameters":[{"name":"text","value":"a step\u00e9 \ud83e\udd80"}],"artifacts":[]}'
	step "$guests/text2qr.wasm"
	[ "$(result 'r["phase"]')" = Succeeded ]
	result 'p["qr"]' >"$out"
	decodes "a stepé 🦀" "$out"
}
qr_refusals() {
	fails 1 "$guests/text2qr.wasm" -l X text
	expect_in "one of L, M, Q, H" "$err"
	fails 1 "$guests/text2qr.wasm" -l H "$(printf 'x%.0s' $(seq 1274))"
	expect_in "too long" "$err"
	step_folder '{"parameters":[]}'
	step "$guests/text2qr.wasm"
	[ "$(result 'r["phase"] + ": " + r["message"]')" = 'Failed: the parameter "text" is missing' ]
	step_folder '{"parameters":'
	step "$guests/text2qr.wasm"
	[ "$(result 'r["message"]')" = '/work/input.json: byte 14: a value is due' ]
}
if needs text2qr "text2qr"; then
	if command -v zbarimg >/dev/null; then
		tap_case "text2qr: an argument" qr_of_argument
		tap_case "text2qr: stdin, UTF-8" qr_of_stdin
		tap_case "text2qr: over a kilobyte" qr_of_a_long_text
		tap_case "text2qr: a step" qr_by_contract
	else
		tap_skip "text2qr: drawings are read back" "zbarimg is not installed (zbar-tools)"
	fi
	tap_case "text2qr: what it refuses" qr_refusals
fi

# ---- ferris-says ----

crab_of_stdin() {
	echo "All hands on deck" | run --stdin "$guests/ferris-says.wasm" -w 12
	printf ' ______________\n/ All hands on \\\n\\ deck         /\n --------------\n' >"$work/bubble"
	head -n 4 "$out" | cmp - "$work/bubble"
	expect_in '( \o    o/ )' "$out"
}
crab_by_contract() {
	step_folder '{"plugin_options":[{"name":"width","value":20}],"parameters":[{"name":"text","value":"ahoy"}]}'
	step "$guests/ferris-says.wasm"
	result 'r["phase"] + "\n" + p["picture"]' >"$out"
	[ "$(head -n 1 "$out")" = Succeeded ]
	expect_in '< ahoy >' "$out"
	step_folder '{"plugin_options":[{"name":"width","value":"wide"}],"parameters":[{"name":"text","value":"ahoy"}]}'
	step "$guests/ferris-says.wasm"
	[ "$(result 'r["phase"] + ": " + r["message"]')" = 'Failed: the width "wide" is no number from 8 to 200' ]
}
if needs ferris-says "ferris-says"; then
	tap_case "ferris-says: stdin" crab_of_stdin
	tap_case "ferris-says: a step" crab_by_contract
fi

# ---- go-report ----

mkdir -p "$work/data"
printf 'ship,cargo,tons\nArgo,wool,40\nPistris,oil,12.5\nArgo,oil,7.5\n' >"$work/data/ships.csv"

report() {
	run --clock --random --env REPORT_TITLE=Ships "$@"
}
report_of_a_file() {
	local before after
	before=$(date -u +%Y-%m-%dT)
	report --dir "$work/data::/data:ro" "$guests/go-report.wasm" -by ship /data/ships.csv
	expect_in '# Ships' "$out"
	expect_in '| tons | 3 | 3 | 7.5 | 20 | 40 | 60 |' "$out"
	expect_in '| Argo | 2 | 47.5 |' "$out"
	# It may have been midnight meanwhile.
	after=$(date -u +%Y-%m-%dT)
	grep -qE "3 rows, 3 columns; ($before|$after)" "$out" || expect_in "3 rows, 3 columns; $after" "$out"
}
report_into_a_file() {
	report --dir "$work/data::/data" "$guests/go-report.wasm" -o /data/report.md /data/ships.csv
	expect_in '# Ships' "$work/data/report.md"
	rm "$work/data/report.md"
}
report_needs_grants() {
	must_fail report --dir "$work/data::/data:ro" "$guests/go-report.wasm" -o /data/report.md /data/ships.csv
	[ ! -e "$work/data/report.md" ]
	must_fail report "$guests/go-report.wasm" /data/ships.csv
	expect_in "/data/ships.csv" "$err"
}
report_by_contract() {
	step_folder '{"plugin_options":[{"name":"by","value":"cargo"}],"parameters":[],
		"artifacts":[{"name":"ships","path":"/data/ships.csv"}]}'
	mkdir -p "$work/step/artifacts-in/data"
	cp "$work/data/ships.csv" "$work/step/artifacts-in/data/"
	step --clock --random "$guests/go-report.wasm"
	result 'r["phase"] + "\n" + p["report"]' >"$out"
	[ "$(head -n 1 "$out")" = Succeeded ]
	expect_in '| oil | 2 | 20 |' "$out"
}
if needs go-report "go-report"; then
	tap_case "go-report: a file in a read-only directory" report_of_a_file
	tap_case "go-report: into a file" report_into_a_file
	tap_case "go-report: without the grants" report_needs_grants
	tap_case "go-report: a step" report_by_contract
fi

# ---- examples/README.md ----

as_in_readme() {
	local name=$1 line
	line=$(grep -E "^(echo .* \| )?tiphys run .*/$name\.wasm" "$TIPHYS_SOURCE/examples/README.md")
	mkdir -p "$work/readme/bin" "$work/readme/build"
	ln -sfn "$tiphys" "$work/readme/bin/tiphys"
	ln -sfn "$guests" "$work/readme/build/examples"
	printf 'ship,tons\nArgo,12\n' >"$work/readme/ships.csv"
	(cd "$work/readme" && PATH=$work/readme/bin:$PATH bash -euo pipefail -c "$line") >"$out" 2>"$err"
	expect_in "$2" "$out"
	[ ! -s "$err" ]
}
readme_of() { needs "$1" "$1: as its README says" && tap_case "$1: as its README says" as_in_readme "$1" "$2"; }
readme_of text2qr █
readme_of ferris-says deck
readme_of go-report Argo

tap_end
