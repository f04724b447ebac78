# Artifacts of kind gcs, by the S3-compatible interface of Google's store. Swift stands for it, by the region that is
# signed for there.
here=$(dirname "$0")
. "$here/lib/tap.bash"
. "$here/lib/steps.bash"
. "$here/lib/swift.bash"

swift_region=auto
swift_start
s3 PUT /artifacts
serve_guest tree "$TIPHYS_GUESTS/tree.wasm"
serve_start serve --artifact-gcs-endpoint "http://$swift" --artifact-gcs-access-key-file "$work/access-key" \
	--artifact-gcs-secret-key-file "$work/secret-key"

# gcs KEY [MORE]: an artifact that lies there
gcs() {
	printf '{"name": "a", "path": "/work/a"%s, "gcs": {"bucket": "artifacts", "key": "%s"}}' "${2:+, $2}" "$1"
}

round_trip() {
	succeeds tree '"args": ["make", "/work/a"]' "\"outputs\": {\"artifacts\": [$(gcs deep/made.tgz)]}"
	[ "$(node outputs.artifacts.0.gcs.key)" = deep/made.tgz ]
	[ "$(node outputs.artifacts.0.gcs.bucket)" = artifacts ]
	s3 GET /artifacts/deep/made.tgz | tar -tz | grep -qx a/deep/b.txt
	succeeds tree '"args": ["list", "/work/a"]' "\"inputs\": {\"artifacts\": [$(gcs deep/made.tgz)]}"
	[ "$(node outputs.result)" = 'folder /work/a
file /work/a/a.txt made by a guest
folder /work/a/deep
file /work/a/deep/b.txt deeper
link /work/a/link deep/b.txt' ]
}
tap_case "a folder goes there and comes back" round_trip

folders() {
	printf one >"$work/one"
	s3 PUT /artifacts/many/1 -T "$work/one"
	s3 PUT /artifacts/many/2 -T "$work/one"
	succeeds tree '"args": ["sizes", "/work/a"]' "\"inputs\": {\"artifacts\": [$(gcs many '"archive": {"none": {}}')]}"
	[ "$(node outputs.result)" = $'1 3\n2 3' ]
}
tap_case "a key that is a folder's is one" folders

missing() {
	fails "input artifact a: from key nothing of bucket artifacts at $swift: GET http://$swift/artifacts/nothing: HTTP 404" \
		tree '"args": ["list", "/work"]' "\"inputs\": {\"artifacts\": [$(gcs nothing)]}"
	succeeds tree '"args": ["list", "/work"]' "\"inputs\": {\"artifacts\": [$(gcs nothing '"optional": true')]}"
}
tap_case "what is not there is named, unless it is optional" missing

without_keys() {
	local status=0
	timeout 20 "$tiphys" serve --listen 127.0.0.1:0 --no-auth --artifact-gcs-endpoint "http://$swift" >"$work/refused" 2>&1 || status=$?
	[ $status -eq 2 ]
	expect_in "--artifact-gcs-endpoint does nothing without --artifact-gcs-access-key-file" "$work/refused"
}
tap_case "its endpoint without keys is refused" without_keys

tap_end
