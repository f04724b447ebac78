# artifacts-large.bash [BYTES]: an artifact that is larger than the memory that the server may take passes in both
# directions. `make check` runs it with 200 MB, `ninja -C build large-artifacts` with 2 GiB.
here=$(dirname "$0")
. "$here/lib/tap.bash"
. "$here/lib/steps.bash"
. "$here/lib/swift.bash"

bytes=${1:-200000000}
resident_max_kib=65536
swift_start
s3 PUT /artifacts
serve_guest tree "$TIPHYS_GUESTS/tree.wasm"
serve_start serve --artifact-s3-endpoint "http://$swift" --artifact-s3-bucket artifacts --step-timeout 3600 \
	--artifact-s3-access-key-file "$work/access-key" --artifact-s3-secret-key-file "$work/secret-key"

resident() {
	local kib
	kib=$(awk '/^VmHWM:/ {print $2}' "/proc/$serve_pid/status")
	echo "# at most $kib KiB resident after $1 of $bytes bytes" | tee -a "$work/resident"
	[ "$kib" -le $resident_max_kib ]
}

there() {
	succeeds tree "\"args\": [\"fill\", \"/work/o\", \"$bytes\"]" '"outputs": {"artifacts": [{"name": "o", "path":
		"/work/o", "archive": {"tar": {"compressionLevel": 1}}, "s3": {"key": "o.tgz"}}]}'
	resident "the upload"
	s3 HEAD /artifacts/o.tgz -I >"$work/headers"
	grep -qiE '^etag: "?[0-9a-f]+-[0-9]+' "$work/headers"
}
tap_case "a large artifact is stored in parts, and memory stays small" there

back() {
	succeeds tree '"args": ["sum", "/work/in"]' \
		'"inputs": {"artifacts": [{"name": "a", "path": "/work/in", "s3": {"key": "o.tgz"}}]}'
	[ "$(node outputs.result | cut -d ' ' -f 1)" = "$bytes" ]
	resident "the download"
}
tap_case "it comes back whole, and memory stays small" back
cat "$work/resident"

tap_end
