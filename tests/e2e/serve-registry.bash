# `tiphys serve` with modules from a real registry: by tag, by digest, from the cache, and corrupted.
here=$(dirname "$0")
. "$here/lib/tap.bash"
. "$here/lib/registry.bash"
. "$here/lib/step.bash"

registry_start plain
export INSECURE_OCI_REGISTRIES=$registry
step_server
serve=$serve_pid
digest=$("$tiphys_net" push "$TIPHYS_GUESTS/command.wasm" "$registry/team/command:1")
digest=${digest#*@}
blob=$(digest_of "$TIPHYS_GUESTS/command.wasm")

# execute REFERENCE: a step that says "ahoy"
execute() {
	step_ask "{\"module\":{\"oci\":\"$1\"},\"args\":[\"echo\",\"ahoy\"]}"
}

succeeds() {
	execute "$1"
	step_succeeded ahoy
}

fails() {
	execute "$1"
	step_failed "$2"
}

tap_case "a module by tag" succeeds "$registry/team/command:1"
tap_case "a module by digest" succeeds "$registry/team/command@$digest"

no_second_fetch() {
	local blobs
	blobs=$(registry_requests GET blobs)
	[ "$blobs" -gt 0 ]
	succeeds "$registry/team/command:1"
	succeeds "$registry/team/command@$digest"
	[ "$(registry_requests GET blobs)" -eq "$blobs" ]
}
tap_case "another run fetches no blob" no_second_fetch

tap_case "a tag that is not there is named" fails "$registry/team/command:2" "team/command:2"
tap_case "a digest that is not there is named" fails \
	"$registry/team/command@sha256:$(printf '0%.0s' {1..64})" "team/command@sha256:000"

# A worker, which is a child of the server, that has an image mapped.
worker_has_image() {
	local folder
	for folder in /proc/[0-9]*; do
		grep -qs "^PPid:	$serve\$" "$folder/status" &&
			grep -qs "$FS_CACHE_DIR/images/.*\.image\$" "$folder/maps" && return 0
	done
	return 1
}

from_image() {
	local path
	path=$("$tiphys" pull "$registry/team/command:1" | cut -f2)
	sleep 0.2
	! worker_has_image
	"$tiphys" compile "$path"
	succeeds "$registry/team/command:1"
	curl -s --noproxy '*' -H 'Content-Type: application/json' -o "$work/toil" --data \
		"{\"template\":{\"plugin\":{\"wasm\":{\"module\":{\"oci\":\"$registry/team/command:1\"},\"args\":[\"toil\",\"3\"]}}}}" \
		"http://$address/api/v1/template.execute" &
	wait_for 10 worker_has_image
	wait $!
	expect_in '"phase":"Succeeded"' "$work/toil"
}
tap_case "workers start from the image that compile kept" from_image

corrupted() {
	find "$FS_CACHE_DIR" -type f -delete
	printf 'X' | dd of="$(registry_blob_file "$blob")" bs=1 seek=100 conv=notrunc status=none
	fails "$registry/team/command:1" "$blob"
}
tap_case "a blob that was corrupted in the registry is refused" corrupted

stop "$registry_pid"
tap_case "a registry that is down is named" fails "$registry/team/other:1" "$registry"

tap_end
