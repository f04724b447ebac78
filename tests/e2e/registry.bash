# Modules over a real registry: what `tiphys push`, `pull` and `run` make of it.
here=$(dirname "$0")
. "$here/lib/tap.bash"
. "$here/lib/registry.bash"

registry_start plain
export INSECURE_OCI_REGISTRIES=$registry
ref=$registry/team/step
module_file "$work/step.wasm" 1000
wasm_digest=$(digest_of "$work/step.wasm")

net() {
	"$tiphys_net" "$@"
}

# refused STATUS TEXT COMMAND…: ends with that status and says the text on stderr.
refused() {
	local want=$1 text=$2 status=0
	shift 2
	"$@" 2>"$work/stderr" >"$work/stdout" || status=$?
	expect_in "$text" "$work/stderr"
	[ "$status" -eq "$want" ]
	[ ! -s "$work/stdout" ]
}

no_leftovers() {
	[ -z "$(ls -A "${1:-$FS_CACHE_DIR}/ingest")" ]
}

pushes() {
	net push "$work/step.wasm" "$ref:1" >"$work/pushed"
	grep -qxE "$ref:1@sha256:[0-9a-f]{64}" "$work/pushed"
}
tap_case "push prints the reference by digest" pushes
by_digest=$ref@$(sed 's/.*@//' "$work/pushed")

pushed_form() {
	curl -sf -H 'Accept: application/vnd.oci.image.manifest.v1+json' \
		"http://$registry/v2/team/step/manifests/1" >"$work/manifest.json"
	expect_in '"mediaType":"application/vnd.wasm.config.v0+json"' "$work/manifest.json"
	expect_in "\"layers\":[{\"mediaType\":\"application/wasm\",\"digest\":\"$wasm_digest\"" "$work/manifest.json"
	expect_in '"org.opencontainers.image.title":"step.wasm"' "$work/manifest.json"
	local config
	config=$(sed -E 's/.*"config":\{[^}]*"digest":"([^"]*)".*/\1/' "$work/manifest.json")
	curl -sf "http://$registry/v2/team/step/blobs/$config" >"$work/config.json"
	expect_in '"architecture":"wasm","os":"wasip1"' "$work/config.json"
	expect_in "\"layerDigests\":[\"$wasm_digest\"]" "$work/config.json"
}
tap_case "push writes today's manifest and config" pushed_form

pushes_same() {
	local before
	before=$(registry_requests PUT blobs)
	net push "$work/step.wasm" "$ref:1" | cmp - "$work/pushed"
	[ "$(registry_requests PUT blobs)" -eq "$before" ]
}
tap_case "pushing again uploads no blob and gives the same digest" pushes_same

pulls_by_tag() {
	net pull "$ref:1" >"$work/pulled"
	[ "$(cut -f 1 "$work/pulled")" = "$wasm_digest" ]
	cmp "$work/step.wasm" "$(cut -f 2 "$work/pulled")"
	no_leftovers
}
tap_case "pull by tag gives the module's bytes" pulls_by_tag

second_pull() {
	local blobs manifests
	blobs=$(registry_requests GET blobs)
	manifests=$(registry_requests GET manifests)
	net pull "$ref:1" | cmp - "$work/pulled"
	[ "$(registry_requests GET blobs)" -eq "$blobs" ]
	[ "$(registry_requests GET manifests)" -eq $((manifests + 1)) ]
}
tap_case "a second pull by tag asks for the manifest alone" second_pull

pull_by_digest_cached() {
	local lines
	lines=$(wc -l <"$registry_log")
	net pull "$by_digest" | cmp - "$work/pulled"
	[ "$(wc -l <"$registry_log")" -eq "$lines" ]
}
tap_case "a pull by digest of what is cached makes no request" pull_by_digest_cached

pull_by_digest_fresh() {
	net pull --cache "$work/fresh" "$by_digest" >"$work/fresh.out"
	cmp "$work/step.wasm" "$(cut -f 2 "$work/fresh.out")"
	[ "$(stat -c %a "$work/fresh")" = 700 ]
}
tap_case "a pull by digest into an empty, private cache" pull_by_digest_fresh

tag_and_digest() {
	net pull "$ref:9@${by_digest#*@}" | cmp - "$work/pulled"
}
tap_case "with tag and digest the digest decides" tag_and_digest

damaged_cache() {
	local path
	path=$(cut -f 2 "$work/pulled")
	chmod u+w "$path"
	printf 'X' | dd of="$path" bs=1 seek=20 conv=notrunc status=none
	net pull "$by_digest" | cmp - "$work/pulled"
	cmp "$work/step.wasm" "$path"
}
tap_case "a blob damaged in the cache is fetched anew" damaged_cache

runs_reference() {
	"$tiphys" run "$ref:1"
	"$tiphys" run "$by_digest"
}
if [ -x "$tiphys" ]; then
	tap_case "run REF runs the module" runs_reference
else
	tap_skip "run REF runs the module" "this build has no slim tiphys"
fi

moved_tag() {
	module_file "$work/second.wasm" 10
	net push "$work/second.wasm" "$ref:1" >"$work/second.out"
	[ "$(net pull "$ref:1" | cut -f 1)" = "$(digest_of "$work/second.wasm")" ]
	[ "$(net pull "$by_digest" | cut -f 1)" = "$wasm_digest" ]
	net push "$work/step.wasm" "$ref:1" >"$work/second.out"
}
tap_case "a tag that moved gives the new module, the digest the old one" moved_tag

corrupted_blob() {
	module_file "$work/bad.wasm" 2000
	net push "$work/bad.wasm" "$registry/team/bad:1" >"$work/bad.out"
	local digest
	digest=$(digest_of "$work/bad.wasm")
	printf 'X' | dd of="$(registry_blob_file "$digest")" bs=1 seek=100 conv=notrunc status=none
	refused 1 "registry $registry, repository team/bad: the bytes are not those of the digest: expected $digest, received 2043 bytes of sha256:" \
		net pull "$registry/team/bad:1"
	[ ! -e "$FS_CACHE_DIR/blobs/sha256/${digest#sha256:}" ]
	no_leftovers
}
tap_case "a blob corrupted in the registry's storage is refused" corrupted_blob

shortened_blob() {
	module_file "$work/short.wasm" 3000
	net push "$work/short.wasm" "$registry/team/short:1" >"$work/short.out"
	truncate -s 1000 "$(registry_blob_file "$(digest_of "$work/short.wasm")")"
	refused 1 "the manifest announces 3043 bytes, received were 1000" \
		net pull "$registry/team/short:1"
	no_leftovers
}
tap_case "a shortened blob is refused with both sizes" shortened_blob

corrupted_manifest() {
	module_file "$work/lies.wasm" 500
	net push "$work/lies.wasm" "$registry/team/lies:1" >"$work/lies.out"
	local digest file
	digest=$(sed 's/.*@//' "$work/lies.out")
	file=$(registry_blob_file "$digest")
	sed -i 's/lies\.wasm/evil.wasm/' "$file"
	# docker-registry answers with what is stored, or with an error of its own: never a module.
	refused 1 "$registry" net pull --cache "$work/lies" "$registry/team/lies@$digest"
	refused 1 "$registry" net pull --cache "$work/lies" "$registry/team/lies:1"
	[ -z "$(ls -A "$work/lies/blobs/sha256")" ]
}
tap_case "a corrupted manifest is refused" corrupted_manifest

unknown_things() {
	refused 1 "GET http://$registry/v2/team/step/manifests/none: HTTP 404: MANIFEST_UNKNOWN: manifest unknown" \
		net pull "$ref:none"
	refused 2 "no module reference" net pull "$registry/Team/step:1"
}
tap_case "unknown tags and bad references are told" unknown_things

not_wasm() {
	printf 'hello, world' >"$work/text"
	refused 1 "is no Wasm module" net push "$work/text" "$ref:text"
	printf '\0asm\15\0\1\0' >"$work/component"
	refused 1 "is a Wasm component" net push "$work/component" "$ref:component"
	refused 1 "cannot open $work/nothing" net push "$work/nothing" "$ref:nothing"
	refused 2 "under a tag" net push "$work/step.wasm" "$by_digest"
	refused 1 "more than the 100 that a module may have" \
		net push --max-module 100 "$work/step.wasm" "$ref:large"
	refused 1 "HTTP 404" net pull "$ref:text"
}
tap_case "push refuses what is no module" not_wasm

too_large() {
	refused 1 "more than the 100 that a module may have" \
		net pull --cache "$work/small" --max-module 100 "$ref:1"
}
tap_case "pull refuses a module over the limit before it comes" too_large

insecure_not_listed() {
	unset INSECURE_OCI_REGISTRIES
	refused 1 "must be listed in INSECURE_OCI_REGISTRIES" net pull "$ref:1"
	refused 1 "must be listed in INSECURE_OCI_REGISTRIES" net push "$work/step.wasm" "$ref:1"
	export INSECURE_OCI_REGISTRIES=other.example,127.0.0.2:${registry#*:},127.0.0.1:1
	refused 1 "must be listed in INSECURE_OCI_REGISTRIES" net pull "$ref:1"
	export INSECURE_OCI_REGISTRIES="other.example, $registry"
	net pull "$ref:1" | cmp - "$work/pulled"
	unset INSECURE_OCI_REGISTRIES
	net pull --insecure 127.0.0.1 "$ref:1" | cmp - "$work/pulled"
}
tap_case "plain http is spoken to listed registries only" insecure_not_listed

older_form() {
	registry_image old/form 1 "$1" "$work/step.wasm"
	net pull --cache "$work/old" "$registry/old/form:1" >"$work/old.out"
	cmp "$work/step.wasm" "$(cut -f 2 "$work/old.out")"
}
tap_case "a layer of type vnd.module.wasm.content.layer.v1+wasm" \
	older_form application/vnd.module.wasm.content.layer.v1+wasm
tap_case "a layer of type vnd.wasm.content.layer.v1+wasm" \
	older_form application/vnd.wasm.content.layer.v1+wasm

tar_layer() {
	local type=$1 options=$2 name=$3
	mkdir -p "$work/tar/usr/bin"
	cp "$work/step.wasm" "$work/tar/usr/bin/step.wasm"
	echo readme >"$work/tar/README"
	tar -C "$work/tar" "$options" -cf "$work/layer.tar" README usr
	registry_image "tar/$name" 1 "$type" "$work/layer.tar"
	net pull --cache "$work/tar-$name" "$registry/tar/$name:1" >"$work/tar.out"
	[ "$(cut -f 1 "$work/tar.out")" = "$wasm_digest" ]
	cmp "$work/step.wasm" "$(cut -f 2 "$work/tar.out")"
	registry_told GET "$name/blobs" 1
	net pull --cache "$work/tar-$name" "$registry/tar/$name:1" | cmp - "$work/tar.out"
	registry_told GET "$name/blobs" 1
	no_leftovers "$work/tar-$name"
}
tap_case "a tar layer" tar_layer application/vnd.oci.image.layer.v1.tar --sort=name plain
tap_case "a gzipped tar layer" tar_layer application/vnd.oci.image.layer.v1.tar+gzip -z gzip
tap_case "a Docker layer" tar_layer application/vnd.docker.image.rootfs.diff.tar.gzip -z docker

whiteouts() {
	mkdir -p "$work/wh"
	cp "$work/step.wasm" "$work/wh/new.wasm"
	touch "$work/wh/.wh.old.wasm" "$work/wh/._new.wasm"
	tar -C "$work/wh" -cf "$work/wh.tar" .wh.old.wasm ._new.wasm new.wasm
	registry_image tar/form whiteouts application/vnd.oci.image.layer.v1.tar "$work/wh.tar"
	net pull --cache "$work/tar-wh" "$registry/tar/form:whiteouts" >"$work/tar.out"
	[ "$(cut -f 1 "$work/tar.out")" = "$wasm_digest" ]
	tar -C "$work/wh" -cf "$work/deletes.tar" .wh.old.wasm
	registry_image tar/form deletes application/vnd.oci.image.layer.v1.tar "$work/deletes.tar"
	refused 1 "deletes a .wasm file and brings none" net pull "$registry/tar/form:deletes"
}
tap_case "whiteouts and attributes of macOS are no modules" whiteouts

bad_tars() {
	mkdir -p "$work/two"
	cp "$work/step.wasm" "$work/two/a.wasm"
	cp "$work/step.wasm" "$work/two/b.wasm"
	tar -C "$work/two" -cf "$work/two.tar" a.wasm b.wasm
	registry_image bad/tar two application/vnd.oci.image.layer.v1.tar "$work/two.tar"
	refused 1 "more than one .wasm file" net pull "$registry/bad/tar:two"
	tar -C "$work/tar" -cf "$work/none.tar" README
	registry_image bad/tar none application/vnd.oci.image.layer.v1.tar "$work/none.tar"
	refused 1 "no .wasm file in its 1 tar layers" net pull "$registry/bad/tar:none"
	head -c 5000 /dev/urandom >"$work/noise.tar"
	registry_image bad/tar noise application/vnd.oci.image.layer.v1.tar "$work/noise.tar"
	refused 1 "the tar layer cannot be read" net pull "$registry/bad/tar:noise"
	head -c 20000000 /dev/zero >"$work/two/a.wasm"
	tar -C "$work/two" -czf "$work/bomb.tar" a.wasm
	registry_image bad/tar bomb application/vnd.oci.image.layer.v1.tar+gzip "$work/bomb.tar"
	refused 1 "limit reached" net pull --max-module 1M "$registry/bad/tar:bomb"
	mv "$work/two/a.wasm" "$work/two/a.zero"
	tar -C "$work/two" -czf "$work/bomb.tar" a.zero b.wasm
	registry_image bad/tar bomb2 application/vnd.oci.image.layer.v1.tar+gzip "$work/bomb.tar"
	refused 1 "unpacks to too many bytes" net pull --max-module 1M "$registry/bad/tar:bomb2"
	no_leftovers
}
tap_case "tar layers that are not ours, broken or bombs" bad_tars

index_of_platforms() {
	local manifest=$work/index-manifest.json
	curl -sf -H 'Accept: application/vnd.oci.image.manifest.v1+json' \
		"http://$registry/v2/team/step/manifests/1" >"$manifest"
	registry_put_manifest team/step index application/vnd.oci.image.index.v1+json <<-JSON
		{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [
		 {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": "$(digest_of "$manifest")",
		  "size": $(stat -c %s "$manifest"), "platform": {"architecture": "wasm", "os": "wasi"}}]}
	JSON
	net pull --cache "$work/index" "$ref:index" >"$work/index.out"
	[ "$(cut -f 1 "$work/index.out")" = "$wasm_digest" ]
}
tap_case "an index leads to its Wasm entry" index_of_platforms

two_at_once() {
	module_file "$work/large.wasm" 50000000
	net push "$work/large.wasm" "$registry/team/large:1" >"$work/large.out"
	local pids=() pid i
	for i in 1 2 3 4; do
		net pull --cache "$work/shared" "$registry/team/large:1" >"$work/at-once.$i" &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do wait_end 120 "$pid"; done
	for i in 1 2 3 4; do cmp "$work/large.wasm" "$(cut -f 2 "$work/at-once.$i")"; done
	registry_told GET large/blobs 1
	no_leftovers "$work/shared"
}
tap_case "four processes that pull at once fetch once" two_at_once

# Stops a pull of large:1 into an empty cache when some of the bytes have come, and leaves it so; its
# process id in $pull. The machine may be quicker than we look: then it is tried again.
pull_and_stop() {
	local tries file="" size=0 whole
	whole=$(stat -c %s "$work/large.wasm")
	for ((tries = 0; tries < 20; tries++)); do
		rm -rf "$1"
		"$tiphys_net" pull --cache "$1" "$registry/team/large:1" >"$work/stopped.out" 2>"$work/stopped.err" &
		pull=$!
		until [ -s "$file" ]; do
			for file in "$1"/ingest/*; do :; done
			kill -0 $pull || break
		done
		kill -STOP $pull || continue
		size=$(stat -c %s "$file" || echo 0)
		[ "$size" -gt 0 ] && [ "$size" -lt "$whole" ] && return 0
		kill -KILL $pull
		wait $pull || :
	done
	echo "never caught in the middle"
	return 1
}

killed_pull() {
	pull_and_stop "$work/killed"
	kill -KILL "$pull"
	wait "$pull" || :
	[ -n "$(ls -A "$work/killed/ingest")" ]
	[ ! -e "$work/killed/blobs/sha256/$(digest_of "$work/large.wasm" | cut -d : -f 2)" ]
	net pull --cache "$work/killed" "$ref:1" >"$work/killed.out"
	no_leftovers "$work/killed"
	net pull --cache "$work/killed" "$registry/team/large:1" >"$work/killed.out"
	cmp "$work/large.wasm" "$(cut -f 2 "$work/killed.out")"
}
tap_case "a pull that was killed leaves nothing that counts" killed_pull

unwritable_by_others() {
	mkdir -m 0777 "$work/open"
	refused 1 "modules are kept only where user" net pull --cache "$work/open" "$ref:1"
}
tap_case "a cache that others can write is refused" unwritable_by_others

mirrors() {
	net pull --store "$work/mirror" "$ref:1" >"$work/mirror.out"
	cmp "$work/step.wasm" "$(cut -f 2 "$work/mirror.out")"
	local lines
	lines=$(wc -l <"$registry_log")
	net pull --store "$work/mirror" "$ref:1" | cmp - "$work/mirror.out"
	net pull --store "$work/mirror" "$by_digest" | cmp - "$work/mirror.out"
	[ "$(wc -l <"$registry_log")" -eq "$lines" ]
	expect_in "\"org.opencontainers.image.ref.name\": \"$ref:1\"" "$work/mirror/index.json"
	expect_in '{"imageLayoutVersion":"1.0.0"}' "$work/mirror/oci-layout"
}
tap_case "pull --store fills an image layout, once" mirrors

refreshed_tag() {
	local status=0
	module_file "$work/first.wasm" 30
	module_file "$work/next.wasm" 40
	net push "$work/first.wasm" "$registry/team/moving:1" >"$work/stdout"
	net pull --store "$work/moving" "$registry/team/moving:1" >"$work/first.line"
	net push "$work/next.wasm" "$registry/team/moving:1" >"$work/stdout"
	# As it is without a registry: what the layout has is taken from there.
	net pull --store "$work/moving" "$registry/team/moving:1" | cmp - "$work/first.line"
	net pull --store "$work/moving" --refresh "$registry/team/moving:1" >"$work/next.line"
	[ "$(cut -f 1 "$work/next.line")" = "$(digest_of "$work/next.wasm")" ]
	cmp "$work/next.wasm" "$(cut -f 2 "$work/next.line")"
	net pull --store "$work/moving" "$registry/team/moving:1" | cmp - "$work/next.line"
	[ "$(grep -c '"org.opencontainers.image.ref.name"' "$work/moving/index.json")" -eq 1 ]
	net pull --refresh "$registry/team/moving:1" 2>"$work/stderr" || status=$?
	[ $status -eq 2 ]
	expect_in "--refresh wants --store" "$work/stderr"
}
tap_case "a tag of a layout follows the registry's when it is refreshed" refreshed_tag

dies_half_way() {
	pull_and_stop "$work/died"
	kill -KILL "$registry_pid"
	wait_for 5 eval "! kill -0 $registry_pid || grep -q '^State:.Z' /proc/$registry_pid/status"
	kill -CONT "$pull"
	local status=0
	ends 120 "$pull"
	wait "$pull" || status=$?
	[ "$status" -eq 1 ]
	expect_in "registry $registry, repository team/large: GET http://$registry/v2/team/large/blobs/sha256:" \
		"$work/stopped.err"
	no_leftovers "$work/died"
	# What is cached works without the registry.
	net pull "$by_digest" | cmp - "$work/pulled"
}
tap_case "a registry that dies half-way is told, and leaves nothing" dies_half_way

tap_end
