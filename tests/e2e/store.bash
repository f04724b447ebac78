# The embedded store: an image layout on disk, with no registry anywhere.
here=$(dirname "$0")
. "$here/lib/tap.bash"
. "$here/lib/registry.bash"

store=$work/store
ref=modules.example/team/step:1
module_file "$work/step.wasm" 1000
wasm_digest=$(digest_of "$work/step.wasm")

net() {
	"$tiphys_net" "$@"
}

push_and_pull() {
	net push --store "$store" "$work/step.wasm" "$ref" >"$work/pushed"
	net pull --store "$store" "$ref" >"$work/pulled"
	[ "$(cut -f 1 "$work/pulled")" = "$wasm_digest" ]
	[ "$(cut -f 2 "$work/pulled")" = "$store/blobs/sha256/${wasm_digest#sha256:}" ]
	cmp "$work/step.wasm" "$(cut -f 2 "$work/pulled")"
	[ ! -e "$FS_CACHE_DIR" ]
}
tap_case "push and pull, and no cache is made" push_and_pull

by_digest() {
	net pull --store "$store" "$(cat "$work/pushed")" | cmp - "$work/pulled"
}
tap_case "pull by digest" by_digest

is_layout() {
	expect_in '{"imageLayoutVersion":"1.0.0"}' "$store/oci-layout"
	expect_in "\"digest\": \"$(sed 's/.*@//' "$work/pushed")\"" "$store/index.json"
	[ -z "$(ls -A "$store/ingest")" ]
	local blob
	for blob in "$store"/blobs/sha256/*; do
		[ "$(digest_of "$blob")" = "sha256:${blob##*/}" ]
	done
	[ "$(ls "$store/blobs/sha256" | wc -l)" -eq 3 ]
}
tap_case "the folder is an image layout of whole blobs" is_layout

many_writers() {
	local i pids=() pid
	for i in $(seq 1 16); do
		net push --store "$work/busy" "$work/step.wasm" "modules.example/busy:$i" >"$work/busy.$i" &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do wait_end 120 "$pid"; done
	for i in $(seq 1 16); do
		net pull --store "$work/busy" "modules.example/busy:$i" >"$work/busy.out"
	done
	[ "$(grep -c '"org.opencontainers.image.ref.name"' "$work/busy/index.json")" -eq 16 ]
	[ -z "$(ls -A "$work/busy/ingest")" ]
}
tap_case "sixteen writers at once lose no entry" many_writers

moved_tag() {
	module_file "$work/second.wasm" 10
	net push --store "$store" "$work/second.wasm" "$ref" >"$work/second"
	[ "$(net pull --store "$store" "$ref" | cut -f 1)" = "$(digest_of "$work/second.wasm")" ]
	[ "$(grep -c '"org.opencontainers.image.ref.name"' "$store/index.json")" -eq 1 ]
	net pull --store "$store" "$(cat "$work/pushed")" | cmp - "$work/pulled"
}
tap_case "a tag that moved; the old digest stays" moved_tag

damaged_blob() {
	local status=0 file=$store/blobs/sha256/${wasm_digest#sha256:}
	printf 'X' | dd of="$file" bs=1 seek=20 conv=notrunc status=none
	net pull --store "$store" "$(cat "$work/pushed")" >"$work/stdout" 2>"$work/stderr" || status=$?
	[ $status -eq 1 ]
	[ ! -s "$work/stdout" ]
	expect_in "the store $store lacks a whole blob $wasm_digest of 1043 bytes" "$work/stderr"
	net push --store "$store" "$work/step.wasm" "$ref" >"$work/again"
	cmp "$work/pushed" "$work/again"
	cmp "$work/step.wasm" "$file"
}
tap_case "a damaged blob is refused; a new push heals it" damaged_blob

damaged_index() {
	local status=0
	cp -r "$store" "$work/damaged"
	printf '{"manifests": [' >"$work/damaged/index.json"
	net pull --store "$work/damaged" "$ref" >"$work/stdout" 2>"$work/stderr" || status=$?
	[ $status -eq 1 ]
	expect_in "$work/damaged/index.json is damaged" "$work/stderr"
}
tap_case "a damaged index is told" damaged_index

short_name() {
	cp -r "$store" "$work/short"
	sed -i 's/modules\.example\/team\/step:1/step:1/' "$work/short/index.json"
	net pull --store "$work/short" step:1 | cut -f 1 | grep -qx "$wasm_digest"
}
tap_case "short names of other tools are found as they were written" short_name

# A module that exits with status 7: (module (func (export "_start") (proc_exit 7)))
exit_seven() {
	local module=$1
	printf '\0asm\1\0\0\0\1\x08\2\x60\1\x7f\0\x60\0\0' >"$module"
	printf '\2\x24\1\x16wasi_snapshot_preview1\x09proc_exit\0\0\3\2\1\1' >>"$module"
	printf '\7\x0a\1\6_start\0\1\x0a\x08\1\6\0\x41\7\x10\0\x0b' >>"$module"
}

runs_from_store() {
	local status=0
	exit_seven "$work/seven.wasm"
	net push --store "$store" "$work/seven.wasm" modules.example/seven:1 >"$work/seven.ref"
	"$tiphys" run --store "$work/short" --store "$store" modules.example/seven:1 || status=$?
	[ $status -eq 7 ]
	status=0
	"$tiphys" run --store "$store" "$(cat "$work/seven.ref")" one two || status=$?
	[ $status -eq 7 ]
}
tap_case "run finds a module in a store, with no registry" runs_from_store

tap_end
