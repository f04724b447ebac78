# Programs in C, Rust and Go, as their own toolchains make them, do the same steps under WASI: start,
# read, write and list files, sleep, and exit. What each prints must be the same.
here=$(dirname "$0")
. "$here/lib/tap.bash"

expected() {
	cat <<'END'
args: one two words
env: blue
stdin: a line
read: hello world
read: hello world
entry: sub
size: 11
slept: true
random: true
outside: refused
elsewhere: refused
END
}

# guest LANGUAGE WANTED OPTIONS…: runs it on a fresh folder $work/LANGUAGE.
guest() {
	local name=$1 wanted=$2 got=0
	shift 2
	rm -rf "$work/$name"
	mkdir -p "$work/$name"
	printf 'a line' | "$tiphys" run --stdin --env COLOUR=blue "$@" \
		"$TIPHYS_GUESTS/files-$name.wasm" one 'two words' >"$work/out" 2>"$work/err" || got=$?
	[ "$got" -eq "$wanted" ] && return 0
	echo "exit status $got, not $wanted"
	cat "$work/out" "$work/err"
	return 1
}

runs_unchanged() {
	echo secret >"$work/secret"
	guest "$1" 7 --clock --random --dir "$work/$1::/work"
	expected | diff - "$work/out"
	[ "$(cat "$work/err")" = "to stderr" ]
	[ "$(ls "$work/$1")" = kept.txt ]
	[ "$(cat "$work/$1/kept.txt")" = kept ]
	[ "$(cat "$work/secret")" = secret ]
}

is_the_same_on_a_fixed_clock() {
	guest "$1" 7 --clock=fixed --random=1 --dir "$work/$1::/work"
	expected | diff - "$work/out"
}

cannot_write_where_it_may_only_read() {
	guest "$1" 3 --clock --random --dir "$work/$1::/work:ro"
	expect_in 'write: refused' "$work/out"
	expect_in 'which is granted read-only' "$work/err"
	[ -z "$(ls -A "$work/$1")" ]
}

cannot_write_where_nothing_is_granted() {
	guest "$1" 3 --clock --random
	expect_in 'write: refused' "$work/out"
	[ -z "$(ls -A "$work/$1")" ]
}

for language in $TIPHYS_LANGUAGES; do
	tap_case "$language: runs unchanged" runs_unchanged "$language"
	tap_case "$language: the same on a fixed clock" is_the_same_on_a_fixed_clock "$language"
	tap_case "$language: cannot write where it may only read" \
		cannot_write_where_it_may_only_read "$language"
	tap_case "$language: cannot write where nothing is granted" \
		cannot_write_where_nothing_is_granted "$language"
done
for language in c rust go; do
	case " $TIPHYS_LANGUAGES " in
	*" $language "*) ;;
	*) tap_skip "$language: runs unchanged" "no toolchain for it (see examples/meson.build)" ;;
	esac
done
tap_end
