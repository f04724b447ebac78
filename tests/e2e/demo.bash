# What `make run` ends with.
here=$(dirname "$0")
. "$here/lib/tap.bash"

shows_a_code() {
	"$here/../../examples/demo" "a text of this test" >"$work/out" 2>"$work/err" || { cat "$work/err"; return 1; }
	expect_in "phase:   Succeeded" "$work/out"
	expect_in '"value": "a text of this test"' "$work/out"
	expect_in "████ ▄▄▄▄▄ █" "$work/out"
	expect_in "Try next:" "$work/out"
}
tap_case "make run ends with a QR code in the reply" shows_a_code

tells_what_failed() {
	local status=0
	TIPHYS_BUILD=$work/nothing "$here/../../examples/demo" >"$work/out" 2>"$work/err" || status=$?
	[ "$status" -ne 0 ]
	expect_in "$work/nothing/tiphys" "$work/err"
}
tap_case "without a build it fails" tells_what_failed

tap_end
