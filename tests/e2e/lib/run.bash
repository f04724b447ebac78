# `tiphys run` and what comes of it, for tests that have sourced tap.bash.
out=$work/out
err=$work/err

# status WANTED COMMAND…: runs it with $out and $err filled; its exit status must be the wanted one.
status() {
	local wanted=$1 got=0
	shift
	"$@" >"$out" 2>"$err" || got=$?
	[ "$got" -eq "$wanted" ] && return 0
	echo "exit status $got, not $wanted: $*"
	cat "$err"
	return 1
}

is() {
	[ "$1" = "$2" ] && return 0
	printf 'is:\n%s\nshould be:\n%s\n' "$1" "$2"
	return 1
}

run() {
	local wanted=$1
	shift
	status "$wanted" "$tiphys" run "$@"
}
