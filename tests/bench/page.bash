#!/bin/bash
# page.bash SOURCE TIPHYS: the report as headless Chromium shows it, in light and dark, narrow and wide. A script
# put into the page measures it: nothing is clipped or lies upon each other, all text stands out from its paper.
# Speaks TAP.
set -u
source=$1 tiphys=$2
if ! command -v chromium >/dev/null; then
	echo '1..0 # SKIP chromium is missing (.ci/packages): nobody has looked at the report'
	exit 0
fi
scratch=$(mktemp -d)
# What Chromium leaves running writes there for a moment.
trap 'rm -rf "$scratch" 2>/dev/null || { sleep 1; rm -rf "$scratch"; }' EXIT

. "$(dirname "$0")/tap.bash"

cat >"$scratch/measure.js" <<'JS'
const told = [];
function luminance(colour) {
	const parts = colour.match(/[\d.]+/g).map(Number).slice(0, 3).map(part => {
		part /= 255;
		return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
	});
	return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
}
function contrast(a, b) {
	const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y);
	return (light + 0.05) / (dark + 0.05);
}
const paper = getComputedStyle(document.body).backgroundColor;
if (document.documentElement.scrollWidth > innerWidth)
	told.push(`the page is ${document.documentElement.scrollWidth} wide, the window ${innerWidth}`);
for (const svg of document.querySelectorAll("svg")) {
	const box = svg.getBoundingClientRect(), texts = [...svg.querySelectorAll("text")];
	for (const text of texts) {
		const place = text.getBoundingClientRect(), colour = getComputedStyle(text).fill;
		if (place.left < box.left - 1 || place.right > box.right + 1 || place.top < box.top - 1 || place.bottom > box.bottom + 1)
			told.push(`"${text.textContent}" is clipped`);
		if (contrast(colour, paper) < 4.5)
			told.push(`"${text.textContent}" is ${colour} on ${paper}`);
		for (const other of texts) {
			const there = other.getBoundingClientRect();
			if (other !== text && place.left < there.right - 1 && there.left < place.right - 1 &&
			    place.top < there.bottom - 3 && there.top < place.bottom - 3)
				told.push(`"${text.textContent}" lies upon "${other.textContent}"`);
		}
	}
	for (const bar of svg.querySelectorAll(".bar, .dot"))
		if (contrast(getComputedStyle(bar).fill, paper) < 1.5)
			told.push(`a bar is ${getComputedStyle(bar).fill} on ${paper}`);
}
for (const text of document.querySelectorAll("h1, h2, p, li, td, th, summary"))
	if (contrast(getComputedStyle(text).color, paper) < 4.5)
		told.push(`"${text.textContent.slice(0, 40)}" is ${getComputedStyle(text).color} on ${paper}`);
const end = document.createElement("pre");
end.id = "told";
end.textContent = [`charts ${document.querySelectorAll("svg").length}`, `paper ${paper}`, `width ${innerWidth}`, ...told].join("\n");
document.body.append(end);
JS

# measured FILE WIDTH SCHEME: 0 is dark, 1 is light; what the script told goes to $scratch/out. Chromium hangs now and then,
# and then the script has told nothing: that is no word about the page, so another one is asked, which finds nothing of it.
# Where all hang, this ends before its time does (300 s, meson.build), and says so.
measured() {
	local try
	for try in 1 2 3; do
		if [ $SECONDS -ge 240 ]; then
			echo "Bail out! Chromium hangs: after $SECONDS s there is no word about ${1##*/}, $2 wide"
			exit 1
		fi
		timeout -k 5 20 chromium --headless --no-sandbox --disable-gpu --hide-scrollbars \
			--user-data-dir="$(mktemp -d "$scratch/profile.XXXXXX")" --window-size="$2,1000" \
			--blink-settings=preferredColorScheme="$3" --virtual-time-budget=2000 --dump-dom "file://$1" \
			>"$scratch/shown" 2>/dev/null
		sed -n '/<pre id="told">/,/<\/pre>/p' "$scratch/shown" | sed 's/<[^>]*>//g' >"$scratch/out"
		! grep -q '^charts ' "$scratch/out" || return 0
		echo "# Chromium told nothing of ${1##*/}, $2 wide, the $try. time"
	done
}

newest=$(printf '%s\n' "$source"/bench/results/*/results.json | sort | tail -n 1)
"$tiphys" bench report "$newest" "$scratch/report" >"$scratch/out" 2>&1
result 'the newest figures make a page' $?
{ cat "$scratch/report/report.html" && echo '<script>' && cat "$scratch/measure.js" && echo '</script>'; } >"$scratch/page.html"
for width in 500 1280; do
	for scheme in light dark; do
		paper='rgb(255, 255, 255)' number_of_scheme=1
		[ $scheme = light ] || paper='rgb(18, 22, 27)' number_of_scheme=0
		measured "$scratch/page.html" $width $number_of_scheme
		grep -qE '^charts ([5-9]|[1-9][0-9])$' "$scratch/out" && grep -qxF "paper $paper" "$scratch/out" &&
			grep -qx "width $width" "$scratch/out" && [ "$(wc -l <"$scratch/out")" = 3 ]
		result "$width pixels wide and $scheme: all can be read" $?
	done
done

# The script sees what is wrong, or the cases above would prove nothing.
sed -e 's/--faint:#9aa7b4/--faint:#20252b/' -e 's/svg \.label{text-anchor:end}/svg .label{text-anchor:start}/' \
	"$scratch/page.html" >"$scratch/bad.html"
measured "$scratch/bad.html" 1280 0
grep -q ' lies upon ' "$scratch/out" && grep -q 'rgb(32, 37, 43) on rgb(18, 22, 27)' "$scratch/out"
result 'faint colours and labels upon each other would be seen' $?

# The picture for the README stands alone, without a page that has its colours.
{ echo '<body style="margin:0">' && cat "${newest%/*}/chart.svg" && echo '<script>' && cat "$scratch/measure.js" && echo '</script>'; } |
	sed 's/<body style="margin:0">/<body style="margin:0;background:var(--paper)">/' >"$scratch/picture.html"
for scheme in 1 0; do
	measured "$scratch/picture.html" 860 $scheme
	grep -qx 'charts 1' "$scratch/out" && [ "$(wc -l <"$scratch/out")" = 3 ]
	result "the picture by itself can be read (scheme $scheme)" $?
done

echo "1..$number"
exit "$failed"
