#!/bin/bash
# compare.bash SOURCE TIPHYS: what `tiphys bench compare` says of results that were measured and of changes made to them.
# Speaks TAP.
set -u
source=$1 tiphys=$2
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

. "$(dirname "$0")/tap.bash"

# compared OLD NEW: its status is this one's.
compared() {
	"$tiphys" bench compare "$scratch/$1.json" "$scratch/$2.json" >"$scratch/out" 2>&1
}

# One series, a tenth slower without scatter: no chance would do that.
series() {
	printf '{"series": [{"bench": "b", "job": "j", "contender": "%s", "measure": "wall", "unit": "s", "figures": [%s]}]}' "$1" "$2"
}
series tiphys '1.00, 1.01, 1.02, 1.03, 1.04, 1.05, 1.06' >"$scratch/old.json"
series tiphys '1.10, 1.11, 1.12, 1.13, 1.14, 1.15, 1.16' >"$scratch/slower.json"
series tiphys '1.02, 1.00, 1.05, 1.04, 1.01, 1.06, 1.04' >"$scratch/same.json"
series other '1.00, 1.01' >"$scratch/other.json"
compared old slower
[ $? = 1 ] && grep -qE '\+9\.7 % \| 0\.00[0-9] \| +worse' "$scratch/out" && ! grep -q 'too few' "$scratch/out"
result 'what became slower is told, and the exit status' $?
compared slower old && grep -q ' better ' "$scratch/out"
result 'what became faster is told' $?
compared old same && grep -q 'by chance' "$scratch/out"
result 'what chance does is no change' $?
compared old other
[ $? = 2 ] && grep -q 'no series in common' "$scratch/out"
result 'files without a common series are refused' $?
echo '{' >"$scratch/broken.json"
compared old broken
[ $? = 2 ] && grep -q 'broken.json, line' "$scratch/out"
result 'a broken file is named with its line' $?

# Of three figures none can have a p below 0.01: the rule for few takes its place.
series tiphys '1.00, 1.01, 1.02' >"$scratch/few.json"
series tiphys '1.20, 1.21, 1.22' >"$scratch/few-slower.json"
series tiphys '1.30, 1.31, 1.32' >"$scratch/few-much-slower.json"
series tiphys '1.01, 1.60, 1.70' >"$scratch/few-mixed.json"
for new in few-slower few-mixed; do
	compared few $new && grep -qE '\| 3 to 3 \| too few to tell \|' "$scratch/out" &&
		grep -q '^1 of 1 rows have too few figures' "$scratch/out"
	result "few figures that are a fifth apart or mingle are too few to tell ($new)" $?
done
compared few few-much-slower
[ $? = 1 ] && grep -qE '\| 3 to 3 \| worse \|' "$scratch/out"
result 'few figures that are all worse and far apart are worse' $?
compared few-much-slower few && grep -qE '\| 3 to 3 \| better \|' "$scratch/out"
result '… and better the other way round' $?

# Thousands of requests in two repeats, of which one was 2 % slower, as any may be: every p said that it was a change.
requests() {
	printf '{"series": [{"bench": "load", "job": "latency", "contender": "tiphys serve, 1 at a time", "measure": "wall", "unit": "s", "count": 2000, "figures": [%s]}]}' \
		"$(seq -s , "$1" 0.001 "$2")"
}
requests 1 2 >"$scratch/requests.json"
requests 1.2 2.2 >"$scratch/requests-slower.json"
sed 's/, "count": 2000//' "$scratch/requests.json" >"$scratch/rounds.json"
sed 's/, "count": 2000//' "$scratch/requests-slower.json" >"$scratch/rounds-slower.json"
compared rounds rounds-slower
[ $? = 1 ] && grep -q '| 0\.000 | worse |' "$scratch/out"
result 'as many figures that are independent are a change' $?
compared requests requests-slower && grep -q '| – *| not independent |' "$scratch/out" && ! grep -q worse "$scratch/out" &&
	grep -q '^1 of 1 rows have figures of single requests' "$scratch/out"
result 'single requests are no independent figures, and no change' $?
compared requests rounds-slower && grep -q 'not independent' "$scratch/out"
result '… nor where only one side has them' $?

# Each kind of series that tiphys has in the newest figures, ten times worse: every one of its rows is told, and only those.
cp "$(printf '%s\n' "$source"/bench/results/*/results.json | sort | tail -n 1)" "$scratch/real.json"
compared real real && ! grep -qE '\| +(worse|better) ' "$scratch/out"
result 'measured results compared with themselves: nothing changed' $?
python3 - "$scratch" <<'END'
import json, sys
scratch = sys.argv[1]
kinds = {}
def own(series): return series["contender"].startswith("tiphys")
def kind(series):
    return series["bench"] + "-" + series["measure"] + ("-of-requests" if series["count"] > len(series["figures"]) else "")
for series in json.load(open(scratch + "/real.json"))["series"]:
    if own(series): kinds[kind(series)] = kinds.get(kind(series), 0) + 1
for name in kinds:
    for word, factor in ("worse", 10), ("better", 0.1):
        results = json.load(open(scratch + "/real.json"))
        for series in results["series"]:
            if own(series) and kind(series) == name:
                by = factor if series["unit"] != "1/s" else 1 / factor
                series["figures"] = [by * figure for figure in series["figures"]]
        json.dump(results, open(f"{scratch}/{name}-{word}.json", "w"))
open(scratch + "/kinds", "w").writelines(f"{name} {count}\n" for name, count in kinds.items())
END
for needed in steps-wall steps-peak cold-wall load-throughput load-wall density-resident; do
	grep -qE "^$needed(-of-requests)? " "$scratch/kinds" && continue
	cp "$scratch/kinds" "$scratch/out"
	result "$needed is measured" 1
done
while read -r name count; do
	case $name in
	*-of-requests)
		compared real "$name-worse" && [ "$(grep -cE '\| +not independent +\|$' "$scratch/out")" = "$count" ]
		result "$name ten times worse is not told, for its figures depend on each other" $?
		continue
		;;
	esac
	compared real "$name-worse"
	[ $? = 1 ] && [ "$(grep -cE '\| +worse +\|$' "$scratch/out")" = "$count" ] && ! grep -qE '\| +better +\|$' "$scratch/out"
	result "$name ten times worse is told in $count rows, and the exit status" $?
	compared real "$name-better" && [ "$(grep -cE '\| +better +\|$' "$scratch/out")" = "$count" ]
	result "$name ten times better is told" $?
done <"$scratch/kinds"

echo "1..$number"
exit "$failed"
