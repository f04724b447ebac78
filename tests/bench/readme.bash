#!/bin/bash
# readme.bash SOURCE TIPHYS [--update]: the figures in README.md and bench/STEPS.md are those of the newest folder in
# bench/results, word for word, and each report there is what `tiphys bench report` makes of its figures. Speaks TAP.
#
# There, `<!-- figures of PATH -->` and `<!-- end of figures -->` stand around what PATH has between
# `<!-- figures -->` and `<!-- end of figures -->`, around all of it where PATH has no marks, or around what
# `tiphys bench table` makes of it where it is a file of results. --update puts it there.
set -u
source=$1 tiphys=$2 update=${3:-}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

. "$(dirname "$0")/tap.bash"

pages='README.md bench/STEPS.md'

# What stands in FILE behind the line BEGIN, up to the end of figures.
between() {
	awk -v begin="$2" '$0 == begin { inside = 1; next } $0 == "<!-- end of figures -->" { inside = 0 } inside' "$1"
}

# What the README is to show of PATH.
shown() {
	if [ "${1%.json}" != "$1" ]; then
		"$tiphys" bench table "$1"
	elif grep -qx '<!-- figures -->' "$1"; then
		between "$1" '<!-- figures -->'
	else
		cat "$1"
	fi
}

if [ "$update" = --update ]; then
	for page in $pages; do
		while IFS= read -r line; do
			path=$(sed -n 's/^<!-- figures of \(.*\) -->$/\1/p' <<<"$line")
			if [ -n "$path" ]; then
				inside=yes
				printf '%s\n' "$line"
				shown "$source/$path" || exit
			fi
			[ "$line" = '<!-- end of figures -->' ] && inside=
			[ -n "${inside-}" ] || printf '%s\n' "$line"
		done <"$source/$page" >"$scratch/page"
		cp "$scratch/page" "$source/$page"
	done
	exit
fi

newest=$(cd "$source/bench/results" && printf '%s\n' */ | sort | tail -n 1)
paths=$(sed -n 's/^<!-- figures of \(.*\) -->$/\1/p' "$source/README.md")
grep -qx "bench/results/${newest}report.md" <<<"$paths" >"$scratch/out"
result "the README shows the newest report (${newest%/})" $?
for page in $pages; do
	for path in $(sed -n 's/^<!-- figures of \(.*\) -->$/\1/p' "$source/$page"); do
		between "$source/$page" "<!-- figures of $path -->" >"$scratch/page"
		shown "$source/$path" >"$scratch/report"
		[ -s "$scratch/report" ] && diff "$scratch/report" "$scratch/page" >"$scratch/out" 2>&1
		result "$path stands in $page word for word" $?
	done
done
for name in kernels start start-large variants; do
	[ -s "$source/bench/results/$newest$name.json" ] &&
		grep -qxh "<!-- figures of bench/results/$newest$name.json -->" $(printf "$source/%s " $pages) >"$scratch/out"
	result "what was measured of $name is kept and shown" $?
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
