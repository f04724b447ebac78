#!/bin/bash
# steps.bash BUILD: the short form of `tiphys bench steps` with every contender that this machine has, and
# `tiphys bench compare` of what it wrote. A contender that prints something else, or ends wrong, ends
# the run, so a row in the table is a contender that did the job. Speaks TAP.
set -u
tiphys=$1/tiphys
scratch=$(mktemp -d)
trap 'rm -rf --one-file-system "$scratch"' EXIT

number=0
failed=0
result() {
	number=$((number + 1))
	if [ "$2" = 0 ]; then
		echo "ok $number - $1"
	else
		echo "not ok $number - $1"
		sed 's/^/# /' "$scratch/out"
		failed=1
	fi
}
# row NAME [EXECUTABLE…]: the table has it; where an executable is missing or this is not root, the
# reason stands below the table instead.
row() {
	local name=$1 executable missing=
	shift
	for executable; do
		command -v "$executable" >/dev/null || missing=$executable
	done
	[ $# = 0 ] || [ "$(id -u)" = 0 ] || missing=root
	if [ -n "$missing" ]; then
		grep -qF "$name is left out: " "$scratch/out" || grep -qF 'containers of busybox is left out: ' "$scratch/out"
		result "$name is left out with a reason ($missing)" $?
	else
		grep -qE "^\| ${name} +\| +[0-9.]+ \|" "$scratch/out"
		result "$name did the job" $?
	fi
}

"$tiphys" bench steps --rounds 5 --cold 5 --load 10 --no-python --directory "$scratch/work" --out "$scratch/report" line \
	>"$scratch/out" 2>&1
result 'the run ends well' $?
row process
row 'tiphys run'
row 'tiphys run, cached'
row 'tiphys serve'
row 'crun, busybox' crun
row 'runc, busybox' runc
row 'podman, busybox' podman
row 'ctr, busybox' containerd ctr podman
row 'pod of crun, busybox' crun
row 'pod of runc, busybox' runc
for name in process 'tiphys run' 'tiphys run, cached'; do
	grep -qE "^\\| ${name} +\\| +[0-9.]+ \\|\$" "$scratch/out"
	result "$name: its memory is known" $?
done
if command -v docker-registry >/dev/null; then
	grep -qE '^\| tiphys run +\|( +[0-9.]+ \|){3} +[0-9]+ % \| +[0-9.–]+ \| +[0-9.]+ KiB \| +[0-9.]+ KiB \|$' "$scratch/out"
	result 'a module was fetched from a registry and run' $?
fi
grep -qE '^\| 10 +\| +[0-9]+ \|' "$scratch/out"
result 'ten requests at a time were answered' $?
[ -s "$scratch/report/report.html" ] && [ -s "$scratch/report/report.md" ] && [ -s "$scratch/report/results.json" ]
result 'the report is there' $?

"$tiphys" bench compare "$scratch/report/results.json" "$scratch/report/results.json" >"$scratch/out" 2>&1
result 'results compared with themselves: nothing became worse' $?
! grep -qE 'worse|better' "$scratch/out"
result '… and nothing better' $?

# One series, a tenth slower without scatter: no chance would do that.
series() {
	printf '{"series": [{"bench": "b", "job": "j", "contender": "%s", "measure": "wall", "unit": "s", "figures": [%s]}]}' "$1" "$2"
}
series tiphys '1.00, 1.01, 1.02, 1.03, 1.04, 1.05, 1.06' >"$scratch/old.json"
series tiphys '1.10, 1.11, 1.12, 1.13, 1.14, 1.15, 1.16' >"$scratch/slower.json"
series tiphys '1.02, 1.00, 1.05, 1.04, 1.01, 1.06, 1.04' >"$scratch/same.json"
series other '1.00, 1.01' >"$scratch/other.json"
"$tiphys" bench compare "$scratch/old.json" "$scratch/slower.json" >"$scratch/out" 2>&1
[ $? = 1 ] && grep -qE '\+9\.7 % \| 0\.00[0-9] \| +worse' "$scratch/out"
result 'what became slower is told, and the exit status' $?
"$tiphys" bench compare "$scratch/slower.json" "$scratch/old.json" >"$scratch/out" 2>&1 && grep -q ' better ' "$scratch/out"
result 'what became faster is told' $?
"$tiphys" bench compare "$scratch/old.json" "$scratch/same.json" >"$scratch/out" 2>&1 && grep -q 'by chance' "$scratch/out"
result 'what chance does is no change' $?
"$tiphys" bench compare "$scratch/old.json" "$scratch/other.json" >"$scratch/out" 2>&1
[ $? = 2 ] && grep -q 'no series in common' "$scratch/out"
result 'files without a common series are refused' $?
echo '{' >"$scratch/broken.json"
"$tiphys" bench compare "$scratch/old.json" "$scratch/broken.json" >"$scratch/out" 2>&1
[ $? = 2 ] && grep -q 'broken.json, line' "$scratch/out"
result 'a broken file is named with its line' $?
"$tiphys" bench steps nothing >"$scratch/out" 2>&1
[ $? = 2 ] && grep -q 'there is no job "nothing"' "$scratch/out"
result 'a job that is not there is named' $?

# The three forms of each job print the same.
for job in line count hash resize; do
	python3 "$1/bench/$job.py" >"$scratch/python" 2>&1 && "$1/bench/static/step-$job" >"$scratch/native" &&
		"$tiphys" run "$1/bench/step-$job.wasm" >"$scratch/guest" &&
		cmp "$scratch/python" "$scratch/native" >"$scratch/out" 2>&1 && cmp "$scratch/native" "$scratch/guest" >"$scratch/out" 2>&1
	result "$job: script, program and module print the same" $?
done

echo "1..$number"
exit "$failed"
