# A real registry (docker-registry) on 127.0.0.1, and images for it. Source tap.bash before.
#
#   registry_start NAME [YAML]       sets $registry (host:port), $registry_pid, $registry_log and
#                                    $registry_root; YAML is added to its configuration,
#                                    indented when it belongs to http:
#   registry_requests METHOD KIND    how many requests its log shows for /manifests/ or /blobs/; with the last word of a
#                                    repository's name before it, as in step/blobs, for those of that repository
#   registry_told METHOD KIND COUNT  its log shows so many, after a while, and no more: what is larger than a buffer of the
#                                    registry's has come before the line that tells of it
#   registry_blob_file DIGEST        where it stores the bytes of a blob
#   registry_put_blob REPO FILE      uploads with curl; prints the digest
#   registry_put_manifest REPO TAG TYPE   uploads the manifest on stdin
#   registry_image REPO TAG LAYER_TYPE FILE   an image of one layer
#   module_file FILE [BYTES]         writes a valid module, an empty command, with that many bytes
#                                    of a custom section in it
registry_start() {
	local name=$1 tries
	registry_root=$work/$name
	registry_log=$work/$name.log
	for ((tries = 0; tries < 5; tries++)); do
		registry=127.0.0.1:$(free_port)
		cat >"$work/$name.yml" <<-YAML
			version: 0.1
			log: {level: error, accesslog: {disabled: false}}
			storage:
			  filesystem: {rootdirectory: "$registry_root"}
			  delete: {enabled: true}
			http:
			  addr: "$registry"
			${2-}
		YAML
		start "$name" docker-registry serve "$work/$name.yml"
		registry_pid=$started
		wait_for 10 registry_answers && kill -0 "$registry_pid" 2>/dev/null && return 0
	done
	echo "Bail out! no registry: $(tail -n 3 "$registry_log")"
	exit 1
}

registry_answers() {
	curl -s -o /dev/null "http://$registry/v2/"
}

registry_requests() {
	# None is an answer, too.
	grep -c "\"$1 /v2/[^ ]*/$2/" "$registry_log" || [ $? = 1 ]
}

registry_tells() {
	[ "$(registry_requests "$1" "$2")" -ge "$3" ]
}

registry_told() {
	wait_for 10 registry_tells "$@"
	# One more would be told as late.
	sleep 0.2
	[ "$(registry_requests "$1" "$2")" -eq "$3" ]
}

registry_blob_file() {
	local hex=${1#sha256:}
	echo "$registry_root/docker/registry/v2/blobs/sha256/${hex:0:2}/$hex/data"
}

digest_of() {
	echo "sha256:$(sha256sum "$1" | cut -d ' ' -f 1)"
}

registry_put_blob() {
	local digest place mark='?'
	digest=$(digest_of "$2")
	place=$(curl -sf -X POST -D - -o /dev/null "http://$registry/v2/$1/blobs/uploads/" |
		tr -d '\r' | sed -n 's/^[Ll]ocation: //p')
	case $place in *\?*) mark='&' ;; esac
	curl -sf -X PUT -H 'Content-Type: application/octet-stream' --data-binary "@$2" \
		"$place${mark}digest=$digest"
	echo "$digest"
}

registry_put_manifest() {
	curl -sf -X PUT -H "Content-Type: $3" --data-binary @- "http://$registry/v2/$1/manifests/$2"
}

registry_image() {
	local config=$work/config.json layer
	printf '{}' >"$config"
	registry_put_blob "$1" "$config" >/dev/null
	layer=$(registry_put_blob "$1" "$4")
	registry_put_manifest "$1" "$2" application/vnd.oci.image.manifest.v1+json <<-JSON
		{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
		 "config": {"mediaType": "application/vnd.oci.image.config.v1+json",
		            "digest": "$(digest_of "$config")", "size": 2},
		 "layers": [{"mediaType": "$3", "digest": "$layer", "size": $(stat -c %s "$4")}]}
	JSON
}

leb128() {
	local value=$1
	while [ "$value" -ge 128 ]; do
		printf "\\x$(printf %02x $((value % 128 + 128)))"
		value=$((value / 128))
	done
	printf "\\x$(printf %02x "$value")"
}

module_file() {
	{
		printf '\0asm\1\0\0\0'
		printf '\x01\x04\x01\x60\x00\x00\x03\x02\x01\x00\x07\x0a\x01\x06_start\x00\x00\x0a\x04\x01\x02\x00\x0b'
		printf '\x00'
		leb128 $((${2:-0} + 4))
		printf '\x03pad'
		head -c "${2:-0}" /dev/urandom
	} >"$1"
}
