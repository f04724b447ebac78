#!/bin/bash
# counts.bash TIPHYS KERNELS COUNTS [--update]: kernels run by the released interpreter execute as many
# instructions of the machine as was written down in COUNTS (name, number, number with --fuel; parted by
# tabs), give or take 2 %: no more, and no fewer, since a gain that is not written down can be lost again unseen.
# Times differ from one moment to the next by far more; these numbers differ by hundreds among thousands of
# millions, so a change that makes a handler longer or loses a fusion is seen. --update writes COUNTS anew: do so for
# a change that is meant.
set -u
tiphys=$1 kernels=$2 counts=$3 update=${4:-}
percent=2
# More than any of them takes.
fuel=1000000000000000

if ! command -v valgrind >/dev/null; then
	echo "1..0 # SKIP valgrind is missing (.ci/packages)"
	exit 0
fi

# The instructions that a kernel takes with these options, with an empty environment, whose size would count.
count() {
	local kernel=$1
	shift
	env -i "$(command -v valgrind)" --tool=cachegrind --cache-sim=no --cachegrind-out-file=/dev/null \
		"$tiphys" run --no-cache "$@" "$kernels/$kernel.wasm" 2>&1 >/dev/null |
		sed -n 's/,//g; s/^==.*I *refs: *\([0-9][0-9]*\)$/\1/p'
}

if [ "$update" = --update ]; then
	written=$(cut -f 1 "$counts" | while read -r name; do
		printf '%s\t%s\t%s\n' "$name" "$(count "$name")" "$(count "$name" --fuel "$fuel")"
	done)
	printf '%s\n' "$written" >"$counts"
	exit 0
fi

number=0 failed=0
# as_many NAME COUNTED KNOWN: a case.
as_many() {
	number=$((number + 1))
	if [ -n "$2" ] && [ "$2" -gt 0 ] && [ -n "$3" ] && [ $(($2 * 100)) -le $(($3 * (100 + percent))) ] &&
		[ $(($2 * 100)) -ge $(($3 * (100 - percent))) ]; then
		echo "ok $number - $1"
	else
		failed=1
		echo "not ok $number - $1"
		[ "${2:-0}" -ge "${3:-0}" ] || echo "# it gained: write that down by --update"
	fi
	echo "# ${2:-nothing counted}, was ${3:-nothing}"
}

echo "1..$(($(wc -l <"$counts") * 2))"
while IFS=$'\t' read -r name known known_metered; do
	now=$(count "$name")
	metered=$(count "$name" --fuel "$fuel")
	as_many "$name takes as many instructions" "$now" "$known"
	as_many "$name takes as many of them with --fuel" "$metered" "$known_metered"
done <"$counts"
exit "$failed"
