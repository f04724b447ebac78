# Small values that the steps of a workflow keep for each other.
here=$(dirname "$0")
. "$here/lib/tap.bash"
. "$here/lib/run.bash"
. "$here/lib/steps.bash"

keep=$TIPHYS_GUESTS/keep.wasm

# ---- `run`: as long as the run lasts ----

by_run() {
	run 1 "$keep" put a b
	expect_in "Permission denied" "$err"
	expect_in "--kv" "$err"
	run 0 --kv "$keep" put a b
	run 1 --kv "$keep" get a
	expect_in "No such file" "$err"
	run 0 --kv=rw "$keep" fill 100 1000
	run 1 --kv=ro "$keep" put a b
	expect_in "Permission denied" "$err"
	expect_in "which it may only read" "$err"
	run 1 --kv=ro "$keep" get a
	expect_in "No such file" "$err"
	run 2 --kv=wo "$keep" get a
	expect_in "--kv is ro or rw" "$err"
}
tap_case "run: values are granted, and gone with the run" by_run

limits() {
	run 1 --kv "$keep" fill 2000 1
	expect_in "1024 kept" "$out"
	expect_in "limited to 1024 values" "$err"
	run 1 --kv "$keep" fill 2000 10000
	expect_in "104 kept" "$out"
	expect_in "limited to 1048576 bytes" "$err"
	run 1 --kv "$keep" fill 1 65537
	expect_in "File too large" "$err"
	run 1 --kv "$keep" put "" x
	expect_in "Invalid argument" "$err"
}
tap_case "run: limits are named" limits

# ---- `serve`: for the steps of a workflow ----

"$tiphys_net" push --store "$work/store" "$keep" test.example/keep:1 >"$work/pushed"
keep_rust=$TIPHYS_GUESTS/keep-rust.wasm
[ ! -e "$keep_rust" ] || "$tiphys_net" push --store "$work/store" "$keep_rust" test.example/keep-rust:1 >"$work/pushed"
serve_start serve \
	--kv-values 5 --kv-workflow 1K --kv-total 4K

# step UID ACCESS ARGS: the reply is in $out. $guest is the module's name.
guest=keep
step() {
	curl -sf --noproxy '*' -H 'Content-Type: application/json' -o "$out" --data \
		"{\"workflow\":{\"metadata\":{\"name\":\"w\",\"namespace\":\"n\",\"uid\":\"$1\"}},\"template\":{\"plugin\":{\"wasm\":{
		\"module\":{\"oci\":\"test.example/$guest:1\"},\"permissions\":{\"kv\":\"$2\"},\"args\":$3}}}}" \
		"http://$serve/api/v1/template.execute"
}

between_steps() {
	step one rw '["put","colour","blue"]'
	expect_in '"phase":"Succeeded"' "$out"
	step one ro '["get","colour"]'
	expect_in '"result":"blue"' "$out"
	step two rw '["get","colour"]'
	expect_in '"phase":"Failed"' "$out"
	expect_in "nothing is kept as" "$out"
	step one ro '["put","colour","red"]'
	expect_in '"phase":"Failed"' "$out"
	expect_in "which it may only read" "$out"
	step one none '["get","colour"]'
	expect_in '"phase":"Failed"' "$out"
	expect_in "asked for kv, which is not granted" "$out"
	step one rw '["delete","colour"]'
	step one ro '["get","colour"]'
	expect_in '"phase":"Failed"' "$out"
}
tap_case "serve: steps of one workflow share, others do not" between_steps

listed() {
	local key
	for key in ship/3 ship/1 crew/1 ship/2; do
		step list rw "[\"put\",\"$key\",\"x\"]"
		expect_in '"phase":"Succeeded"' "$out"
	done
	step list ro '["list","ship/"]'
	expect_in '"result":"ship/1\nship/2\nship/3"' "$out"
}
tap_case "serve: keys are listed in their order" listed

# By examples/include/tiphys.rs.
in_rust() {
	local key
	guest=keep-rust
	for key in ship/2 crew/1 ship/1; do
		step rust rw "[\"put\",\"$key\",\"$key!\"]"
		expect_in '"phase":"Succeeded"' "$out"
	done
	step rust ro '["list","ship/"]'
	expect_in '"result":"ship/1\nship/2"' "$out"
	step rust ro '["list","boat/"]'
	expect_in '"result":""' "$out"
	step rust none '["list","ship/"]'
	expect_in '"phase":"Failed"' "$out"
	expect_in "asked for kv, which is not granted" "$out"
	step rust rw '["delete","ship/1"]'
	# What one header keeps the other finds.
	guest=keep
	step rust ro '["get","ship/2"]'
	expect_in '"result":"ship/2!"' "$out"
	step rust ro '["list",""]'
	expect_in '"result":"crew/1\nship/2"' "$out"
}
# Whose buffer of 64 KiB holds a quarter of these.
many_in_rust() {
	run 0 --kv "$keep_rust" list-long 1000
	is "$(cat "$out")" 1000
}
if [ -e "$keep_rust" ]; then
	tap_case "run: more keys than one answer holds, by the header for Rust" many_in_rust
	tap_case "serve: values by the header for Rust" in_rust
else
	tap_skip "serve: values by the header for Rust" "its toolchain is not installed"
fi

server_limits() {
	step three rw '["fill","10","10"]'
	expect_in "limited to 5 values" "$out"
	step four rw '["fill","4","600"]'
	expect_in "a workflow may keep is limited to 1024 bytes" "$out"
	local i
	for i in 5 6 7 8 9; do
		step "w$i" rw '["fill","1","1000"]'
	done
	expect_in "all workflows may keep is limited to 4096 bytes" "$out"
	step "" rw '["fill","1","1"]'
	expect_in "no uid of a workflow" "$out"
}
tap_case "serve: its own limits are named" server_limits

tap_end
