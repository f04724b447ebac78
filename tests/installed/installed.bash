# The library as a program of somebody else's finds it: installed, its headers and pkg-config alone.
#   installed.bash BUILD PREFIX GUESTS COMPILER…
. "$(dirname "$0")/../e2e/lib/tap.bash"
build=$1 prefix=$2 guests=$3
shift 3
here=$(dirname "$0")

installs() {
	meson install -C "$build" --no-rebuild --tags devel --destdir "$work/root"
	[ -n "$(find "$work/root" -name tiphys.pc)" ]
}
tap_case "the library is installed" installs
PKG_CONFIG_PATH=$(dirname "$(find "$work/root" -name tiphys.pc)")
export PKG_CONFIG_PATH

# Away from the sources, so that no header comes from there.
compiles() {
	local flags
	flags=$(pkg-config --define-variable=prefix="$work/root$prefix" --cflags --libs tiphys)
	cp "$here/program.c" "$work/"
	# shellcheck disable=SC2086
	(cd "$work" && "$@" -std=c11 -pedantic -Wall -Wextra -Werror program.c $flags -o program)
}
tap_case "a program in standard C is built by pkg-config" compiles "$@"

each_header_alone() {
	local header
	(cd "$work/root$prefix/include/tiphys" && find . -name '*.h' -printf '%P\n') >"$work/headers"
	[ "$(wc -l <"$work/headers")" -ge 10 ]
	while read -r header; do
		printf '#include "%s"\n' "$header" >"$work/alone.c"
		"$@" -std=c11 -Wall -Wextra -Werror -I"$work/root$prefix/include/tiphys" -fsyntax-only "$work/alone.c"
	done <"$work/headers"
}
tap_case "each installed header stands alone" each_header_alone "$@"

runs() {
	local status=0
	"$work/program" "$guests/probe.wasm" args one two >"$work/out"
	grep -qx '\[two\]' "$work/out"
	"$work/program" "$guests/probe.wasm" exit 7 || status=$?
	[ "$status" -eq 7 ]
	status=0
	"$work/program" "$guests/probe.wasm" trap 2>"$work/err" || status=$?
	[ "$status" -eq 134 ]
	grep -q '^trap: unreachable$' "$work/err"
	grep -qE '^  #0 .* at offset 0x' "$work/err"
	status=0
	"$work/program" "$here/program.c" 2>"$work/err" || status=$?
	[ "$status" -eq 1 ]
	grep -q '^malformed module: offset 0x0: ' "$work/err"
}
tap_case "it runs modules, and tells by value how they end" runs

tap_end
