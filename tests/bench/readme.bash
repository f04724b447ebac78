#!/bin/bash
# readme.bash SOURCE TIPHYS [--update]: the figures in the README are those of the newest report in bench/results, word for
# word, and each report there is what `tiphys bench report` makes of its figures. Speaks TAP.
#
# In the README, `<!-- figures of PATH -->` and `<!-- end of figures -->` stand around what PATH has between
# `<!-- figures -->` and `<!-- end of figures -->`, or around all of it where PATH has no marks. --update puts
# it there.
set -u
source=$1 tiphys=$2 update=${3:-}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

. "$(dirname "$0")/tap.bash"

# What stands in FILE behind the line BEGIN, up to the end of figures.
between() {
	awk -v begin="$2" '$0 == begin { inside = 1; next } $0 == "<!-- end of figures -->" { inside = 0 } inside' "$1"
}

# What the README is to show of PATH.
shown() {
	if grep -qx '<!-- figures -->' "$1"; then
		between "$1" '<!-- figures -->'
	else
		cat "$1"
	fi
}

if [ "$update" = --update ]; then
	while IFS= read -r line; do
		path=$(sed -n 's/^<!-- figures of \(.*\) -->$/\1/p' <<<"$line")
		[ -n "$path" ] && inside=yes && printf '%s\n' "$line" && shown "$source/$path"
		[ "$line" = '<!-- end of figures -->' ] && inside=
		[ -n "${inside-}" ] || printf '%s\n' "$line"
	done <"$source/README.md" >"$scratch/readme" && cp "$scratch/readme" "$source/README.md"
	exit
fi

newest=$(cd "$source/bench/results" && printf '%s\n' */ | sort | tail -n 1)
paths=$(sed -n 's/^<!-- figures of \(.*\) -->$/\1/p' "$source/README.md")
grep -qx "bench/results/${newest}report.md" <<<"$paths" >"$scratch/out"
result "the README shows the newest report (${newest%/})" $?
for path in $paths; do
	between "$source/README.md" "<!-- figures of $path -->" >"$scratch/readme"
	shown "$source/$path" >"$scratch/report"
	[ -s "$scratch/report" ] && diff "$scratch/report" "$scratch/readme" >"$scratch/out" 2>&1
	result "$path stands in the README word for word" $?
done
for picture in $(sed -n 's/.*(\(bench\/results\/[^)]*\.svg\)).*/\1/p' "$source/README.md"); do
	[ -s "$source/$picture" ] && [ "${picture%/*}/" = "bench/results/$newest" ]
	result "$picture is there, and of the newest report" $?
done
for results in "$source"/bench/results/*/results.json; do
	rm -rf "$scratch/again"
	date=$(basename "$(dirname "$results")")
	"$tiphys" bench report "$results" "$scratch/again" >"$scratch/out" 2>&1
	result "$date: its figures make a report" $?
	[ "$date/" = "$newest" ] || continue
	for name in report.md chart.svg; do
		cmp "$scratch/again/$name" "${results%/*}/$name" >"$scratch/out" 2>&1
		result "$date: they make the $name that is kept" $?
	done
done

echo "1..$number"
exit "$failed"
