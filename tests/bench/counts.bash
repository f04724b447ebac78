#!/bin/bash
# counts.bash TIPHYS KERNELS COUNTS [--update]: kernels run by the released interpreter execute no more
# instructions of the machine than was written down in COUNTS (name, tab, number), give or take 2 %.
# Times differ from one moment to the next; these numbers come out the same to the digit, so a change that makes a
# handler longer or loses a fusion is seen. --update writes COUNTS anew: do so for a change that is meant.
set -u
tiphys=$1 kernels=$2 counts=$3 update=${4:-}
percent=2

if ! command -v valgrind >/dev/null; then
	echo "1..0 # SKIP valgrind is missing (.ci/packages)"
	exit 0
fi

# The instructions that a kernel takes, with an empty environment, whose size would count.
count() {
	env -i "$(command -v valgrind)" --tool=cachegrind --cache-sim=no --cachegrind-out-file=/dev/null \
		"$tiphys" run --no-cache "$kernels/$1.wasm" 2>&1 >/dev/null |
		sed -n 's/,//g; s/^==.*I *refs: *\([0-9][0-9]*\)$/\1/p'
}

if [ "$update" = --update ]; then
	written=$(cut -f 1 "$counts" | while read -r name; do
		printf '%s\t%s\n' "$name" "$(count "$name")"
	done)
	printf '%s\n' "$written" >"$counts"
	exit 0
fi

echo "1..$(wc -l <"$counts")"
number=0 failed=0
while IFS=$'\t' read -r name known; do
	number=$((number + 1))
	now=$(count "$name")
	if [ -n "$now" ] && [ "$now" -gt 0 ] && [ $((now * 100)) -le $((known * (100 + percent))) ]; then
		echo "ok $number - $name takes no more instructions"
	else
		failed=1
		echo "not ok $number - $name takes no more instructions"
	fi
	echo "# $name: ${now:-nothing counted}, was $known"
done <"$counts"
exit "$failed"
