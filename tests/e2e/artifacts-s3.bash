# Artifacts in a real object store that verifies signatures: what Argo's executor stores is read, what is stored
# is what Argo's executor reads, and what becomes of a store that fails.
here=$(dirname "$0")
. "$here/lib/tap.bash"
. "$here/lib/steps.bash"
. "$here/lib/swift.bash"

swift_start
s3 PUT /artifacts
printf 'wrong' >"$work/wrong-key"
repository=(--artifact-s3-endpoint "http://$swift" --artifact-s3-bucket artifacts
	--artifact-s3-access-key-file "$work/access-key" --artifact-part-size 5M)
keys=(--artifact-s3-secret-key-file "$work/secret-key")
serve_guest tree "$TIPHYS_GUESTS/tree.wasm"
serve_guest contract "$TIPHYS_GUESTS/contract.wasm"
serve_start serve "${repository[@]}" "${keys[@]}" --artifact-timeout 60

args() {
	python3 -c 'import json, sys; print("\"args\": " + json.dumps(sys.argv[1:]))' "$@"
}

# from NAME PATH KEY [MORE]; out NAME PATH [MORE]: one artifact
from() {
	printf '{"name": "%s", "path": "%s", "s3": {"key": "%s"}%s}' "$1" "$2" "$3" "${4:+, $4}"
}

out() {
	printf '{"name": "%s", "path": "%s"%s}' "$1" "$2" "${3:+, $3}"
}

inputs() {
	printf '"inputs": {"artifacts": [%s]}' "$1"
}

outputs() {
	printf '"outputs": {"artifacts": [%s]}' "$1"
}

key() {
	node "outputs.artifacts.0.s3.key"
}

made='folder PATH
file PATH/a.txt made by a guest
folder PATH/deep
file PATH/deep/b.txt deeper
link PATH/link deep/b.txt'

# handed_on PATH [MORE]: a folder made by one step is listed by the next one
handed_on() {
	succeeds tree "$(args make "$1")" "$(outputs "$(out made "$1" "${2-}")")"
	key >"$work/key"
	succeeds tree "$(args list /work/there)" "$(inputs "$(from made /work/there "$(cat "$work/key")" "${2-}")")"
	[ "$(node outputs.result)" = "${made//PATH//work/there}" ] || { cat "$work/node" && false; }
}

packed() {
	handed_on /work/made
	grep -qE '^wf/wf-main-[0-9]{10}/made\.tgz$' "$work/key"
	s3 GET "/artifacts/$(cat "$work/key")" -o "$work/made.tgz"
	tar -tzf "$work/made.tgz" >"$work/listing"
	printf 'made/\nmade/a.txt\nmade/deep/\nmade/deep/b.txt\nmade/link\n' | cmp - "$work/listing"
	mkdir -p "$work/unpacked"
	tar -C "$work/unpacked" -xzf "$work/made.tgz"
	[ "$(readlink "$work/unpacked/made/link")" = deep/b.txt ]
	[ "$(cat "$work/unpacked/made/link")" = deeper ]
	handed_on /work/made '"archive": {"tar": {"compressionLevel": 0}}'
}
tap_case "a folder is stored as a tgz, by Argo's key, and handed on" packed

zipped() {
	handed_on /out/made '"archive": {"zip": {}}'
	grep -qE '/made\.zip$' "$work/key"
	s3 GET "/artifacts/$(cat "$work/key")" -o "$work/made.zip"
	rm -rf "$work/unpacked"
	unzip -q "$work/made.zip" -d "$work/unpacked"
	[ "$(readlink "$work/unpacked/made/link")" = deep/b.txt ]
}
tap_case "a folder is stored as a zip, from anywhere" zipped

single_file() {
	succeeds tree "$(args fill /work/x 1000)" "$(outputs "$(out x /work/x)")"
	key >"$work/key"
	succeeds tree "$(args sum /work/y)" "$(inputs "$(from x /work/y "$(cat "$work/key")")")"
	[ "$(node outputs.result | cut -d ' ' -f 1)" = 1000 ]
	s3 GET "/artifacts/$(cat "$work/key")" | tar -tz | grep -qx x
}
tap_case "a single file is packed under its own name" single_file

plain() {
	succeeds tree "$(args fill /work/x.bin 1000)" "$(outputs "$(out x /work/x.bin '"archive": {"none": {}}')")"
	key | grep -qE '^wf/wf-main-[0-9]{10}/x\.bin$'
	s3 GET "/artifacts/$(key)" -o "$work/x.bin"
	[ "$(stat -c %s "$work/x.bin")" -eq 1000 ]
	fails "link is a symlink, which no object can be" tree "$(args make /work/made)" \
		"$(outputs "$(out made /work/made '"archive": {"none": {}}')")"
	mkdir -p "$work/sample/deep"
	printf one >"$work/sample/a" && printf two >"$work/sample/deep/b"
	tar -C "$work" -czf "$work/sample.tgz" sample
	s3 PUT /artifacts/sample.tgz -T "$work/sample.tgz"
	succeeds tree "$(args list /work)" "$(inputs "$(from s /work/s sample.tgz)"), $(outputs "$(out s /work/s '"archive": {"none": {}}')")"
	key >"$work/key"
	s3_keys artifacts | grep -F "$(cat "$work/key")" | sed "s|^$(cat "$work/key")||" | sort | tr '\n' ' ' |
		grep -qx '/a /deep/b '
	succeeds tree "$(args list /work/s)" "$(inputs "$(from s /work/s "$(cat "$work/key")")")"
	[ "$(node outputs.result | cut -d ' ' -f 1-2 | tr '\n' ' ')" = \
		'folder /work/s file /work/s/a folder /work/s/deep file /work/s/deep/b ' ]
}
tap_case "archive: none stores a file as it is, a folder as an object for each file" plain

modes() {
	chmod 750 "$work/sample/a"
	chmod 700 "$work/sample/deep"
	ln -sf deep/b "$work/sample/l"
	tar -C "$work" -czf "$work/sample.tgz" sample
	s3 PUT /artifacts/sample.tgz -T "$work/sample.tgz"
	succeeds tree "$(args list /work)" "$(inputs "$(from s /work/s sample.tgz)"), $(outputs "$(out s /work/s)")"
	s3 GET "/artifacts/$(key)" | tar -tvz >"$work/listing"
	grep -qE '^-rwxr-x--- .* s/a$' "$work/listing"
	grep -qE '^drwx------ .* s/deep/$' "$work/listing"
	grep -qE '^l.* s/l -> deep/b$' "$work/listing"
	succeeds tree "$(args list /work)" \
		"$(inputs "$(from s /work/s sample.tgz '"mode": 448, "recurseMode": true')"), $(outputs "$(out s /work/s)")"
	s3 GET "/artifacts/$(key)" | tar -tvz >"$work/listing"
	grep -qE '^-rwx------ .* s/deep/b$' "$work/listing"
}
tap_case "modes and symlinks come through both ways; mode and recurseMode set them" modes

for_a_module() {
	succeeds contract '"do": "store"' "$(outputs "$(out data /data/file.txt)")"
	[ "$(node outputs.artifacts.0.name)" = data ]
	s3 GET "/artifacts/$(key)" | tar -xzO | grep -qx 'stored by a module'
	[ "$(node outputs.artifacts.1.name)" = extra ]
	s3 GET "/artifacts/$(node outputs.artifacts.1.s3.key)" | tar -xzO | grep -qx 'named by result.json alone'
}
tap_case "a module's outputs are those of the template and of result.json" for_a_module

left_nothing() {
	fails "output artifact o: the step left nothing at /work/none" tree "$(args list /work)" "$(outputs "$(out o /work/none)")"
	succeeds tree "$(args list /work)" "$(outputs "$(out o /work/none '"optional": true')")"
	fails "output artifact o: its location is of kind http, where nothing is stored" tree "$(args list /work)" \
		"$(outputs '{"name": "o", "path": "/work/o", "http": {"url": "http://x/"}}')"
	fails "output artifact o: its location is of kind git, which is not supported" tree "$(args list /work)" \
		"$(outputs '{"name": "o", "path": "/work/o", "git": {"repo": "x"}}')"
}
tap_case "an output that is not there is named, unless it is optional" left_nothing

missing() {
	fails "input artifact a: from key none/at/all of bucket artifacts at $swift: GET http://$swift/artifacts/none/at/all: HTTP 404: NoSuchKey" \
		tree "$(args list /work)" "$(inputs "$(from a /work/a none/at/all)")"
	succeeds tree "$(args list /work)" "$(inputs "$(from a /work/a none/at/all '"optional": true')")"
}
tap_case "a missing object is named, unless it is optional" missing

in_parts() {
	succeeds tree "$(args fill /work/x 12000000)" "$(outputs "$(out x /work/x '"archive": {"tar": {"compressionLevel": 1}}')")"
	key >"$work/key"
	s3 GET "/artifacts/$(cat "$work/key")" -o /dev/null -D "$work/headers"
	grep -qiE '^etag: "[0-9a-f]+-3"' "$work/headers"
	succeeds tree "$(args sum /work/x)" "$(inputs "$(from x /work/x "$(cat "$work/key")")")"
	node outputs.result >"$work/sum"
	s3 GET "/artifacts/$(cat "$work/key")" | tar -xzO >"$work/x"
	[ "$(cut -d ' ' -f 1 "$work/sum")" = "$(stat -c %s "$work/x")" ]
	s3 PUT /artifacts/plain -T "$work/x"
	succeeds tree "$(args sum /work/x)" "$(inputs "$(from x /work/x plain)")"
	[ "$(node outputs.result)" = "$(cat "$work/sum")" ]
}
tap_case "a large artifact goes in parts" in_parts

strange_keys() {
	local name="a b/ü+&%?#=;,'()!~/x.tgz"
	succeeds tree "$(args make /work/made)" "$(outputs "{\"name\": \"made\", \"path\": \"/work/made\", \"s3\": {\"key\": \"$name\"}}")"
	[ "$(key)" = "$name" ]
	succeeds tree "$(args list /work/there)" "$(inputs "$(from made /work/there "$name")")"
	[ "$(node outputs.result)" = "${made//PATH//work/there}" ]
}
tap_case "any key is signed as it is" strange_keys

# elsewhere MORE: an s3 location of its own
elsewhere() {
	printf '{"name": "o", "path": "/work/o", "s3": {"endpoint": "%s", "insecure": true, "key": "k"%s}}' "$swift" "${1:+, $1}"
}

buckets() {
	fails "there is no bucket nobodys at $swift; make it, or say createBucketIfNotPresent" tree "$(args fill /work/o 10)" \
		"$(outputs "$(elsewhere '"bucket": "nobodys"')")"
	succeeds tree "$(args fill /work/o 10)" "$(outputs "$(elsewhere '"bucket": "created", "createBucketIfNotPresent": {}')")"
	succeeds tree "$(args fill /work/o 10)" "$(outputs "$(elsewhere '"bucket": "created", "createBucketIfNotPresent": {}')")"
	[ "$(s3_keys created)" = k ]
	[ "$(node outputs.artifacts.0.s3.bucket)" = created ]
}
tap_case "a bucket is made when that is asked for" buckets

unsupported() {
	fails "s3.roleARN: roles are not assumed" tree "$(args list /work)" \
		"$(inputs '{"name": "a", "path": "/work/a", "s3": {"key": "k", "roleARN": "arn:x"}}')"
	fails "s3.encryptionOptions: is not supported" tree "$(args list /work)" \
		"$(inputs '{"name": "a", "path": "/work/a", "s3": {"key": "k", "encryptionOptions": {"enableEncryption": true}}}')"
	fails "s3.objectLock: is not known" tree "$(args list /work)" \
		"$(inputs '{"name": "a", "path": "/work/a", "s3": {"key": "k", "objectLock": true}}')"
	fails "s3.createBucketIfNotPresent.objectLocking: is not supported" tree "$(args list /work)" \
		"$(outputs "$(elsewhere '"bucket": "locked", "createBucketIfNotPresent": {"objectLocking": true}')")"
	fails "gcs: is asked by its S3-compatible interface, which wants HMAC keys" tree "$(args list /work)" \
		"$(inputs '{"name": "a", "path": "/work/a", "gcs": {"bucket": "b", "key": "k"}}')"
}
tap_case "what is not supported is named" unsupported

# The repository's keys go to its own server only.
faults_start stranger "$swift"
strangers() {
	fails "PUT http://$faults/artifacts/k: HTTP 400" tree "$(args fill /work/o 10)" \
		"$(outputs "{\"name\": \"o\", \"path\": \"/work/o\", \"s3\": {\"endpoint\": \"$faults\", \"insecure\": true, \"bucket\": \"artifacts\", \"key\": \"k\"}}")"
	[ "$(cat "$faults_log")" = "PUT /artifacts/k 400 - - -" ]
}
tap_case "another server does not get the repository's keys" strangers
stop "$serve_pid"

serve_start wrong "${repository[@]}" --artifact-s3-secret-key-file "$work/wrong-key"
wrong_keys() {
	fails "the secret key is not the one of the access key: PUT http://$swift/artifacts/wf/" tree "$(args fill /work/o 10)" \
		"$(outputs "$(out o /work/o)")"
	fails "HTTP 403: SignatureDoesNotMatch" tree "$(args list /work)" "$(inputs "$(from a /work/a k)")"
	expect_in "$swift_key" "$work/access-key"
	if grep -qF -e "$(cat "$work/wrong-key")" -e "$swift_key" "$serve_log" "$work/reply"; then
		return 1
	fi
}
tap_case "a wrong secret key is told, and no key is shown" wrong_keys
stop "$serve_pid"

serve_start region "${repository[@]}" "${keys[@]}" --artifact-s3-region eu-west-7
wrong_region() {
	fails "the region (eu-west-7) may be the wrong one" tree "$(args list /work)" "$(inputs "$(from a /work/a k)")"
}
tap_case "a wrong region is told" wrong_region
stop "$serve_pid"

serve_start nothing
no_repository() {
	fails "input artifact a: lies in the default artifact repository, and none is known" tree "$(args list /work)" \
		"$(inputs "$(from a /work/a k)")"
	fails "output artifact o: lies in the default artifact repository, and none is known" tree "$(args list /work)" \
		"$(outputs "$(out o /work/o)")"
}
tap_case "no repository is told before anything runs" no_repository
stop "$serve_pid"

serve_start host --artifact-s3-endpoint "http://localhost:${swift#*:}" "${repository[@]:2}" "${keys[@]}" \
	--artifact-s3-style virtual --artifact-key-format '{{workflow.namespace}}/{{inputs.parameters.day}}/{{workflow.uid}}'
by_host() {
	succeeds tree "$(args make /work/made)" \
		"\"inputs\": {\"parameters\": [{\"name\": \"day\", \"value\": 7}]}, $(outputs "$(out made /work/made)")"
	[ "$(key)" = argo/7/u-1/made.tgz ]
	s3 GET "/artifacts/argo/7/u-1/made.tgz" | tar -tz | grep -qx made/a.txt
	succeeds tree "$(args list /work/in)" "$(inputs "$(from made /work/in argo/7/u-1/made.tgz)")"
}
tap_case "the bucket may be a part of the host's name, and keys have a format" by_host
stop "$serve_pid"

export AWS_ACCESS_KEY_ID=$swift_key AWS_SECRET_ACCESS_KEY=$swift_secret
serve_start sdk
unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
sdk_keys() {
	succeeds tree "$(args list /work/a)" "$(inputs "{\"name\": \"a\", \"path\": \"/work/a\", \"s3\":
		{\"endpoint\": \"$swift\", \"insecure\": true, \"bucket\": \"artifacts\", \"key\": \"sample.tgz\", \"useSDKCreds\": true}}")"
	fails "HTTP 400" tree "$(args list /work/a)" "$(inputs "{\"name\": \"a\", \"path\": \"/work/a\", \"s3\":
		{\"endpoint\": \"$swift\", \"insecure\": true, \"bucket\": \"artifacts\", \"key\": \"sample.tgz\"}}")"
}
tap_case "useSDKCreds takes the keys of the environment" sdk_keys

openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=tests -addext subjectAltName=IP:127.0.0.1 \
	-keyout "$work/store.key" -out "$work/store.crt" 2>"$work/openssl.log"
cat "$work/store.crt" "$work/store.key" >"$work/store.pem"
faults_start tls "$swift" "$work/store.pem"
printf 'a-token-of-a-session' >"$work/session-token"
secure=(--artifact-s3-endpoint "https://$faults" "${repository[@]:2}" "${keys[@]}"
	--artifact-s3-session-token-file "$work/session-token")
stop "$serve_pid"
serve_start secure "${secure[@]}" --artifact-s3-ca-file "$work/store.crt"
by_tls() {
	succeeds tree "$(args list /work/a)" "$(inputs "$(from a /work/a sample.tgz)")"
	[ "$(cat "$faults_log")" = "GET /artifacts/sample.tgz 200 - AWS4-HMAC-SHA256 a-token-of-a-session" ]
}
tap_case "TLS is verified by an authority of its own, and a session token is signed with" by_tls
stop "$serve_pid"
serve_start distrust "${secure[@]}"
distrust() {
	fails "self-signed certificate" tree "$(args list /work/a)" "$(inputs "$(from a /work/a sample.tgz)")"
}
tap_case "an unknown authority is not trusted" distrust
stop "$serve_pid"
serve_start google --artifact-gcs-endpoint "http://$swift" --artifact-gcs-access-key-file "$work/access-key" \
	--artifact-gcs-secret-key-file "$work/secret-key"

# Swift stands for Google's store here: it takes any region's name but its own for wrong.
google() {
	fails "the region (auto) may be the wrong one: GET http://$swift/artifacts/sample.tgz" tree "$(args list /work/a)" \
		"$(inputs '{"name": "a", "path": "/work/a", "gcs": {"bucket": "artifacts", "key": "sample.tgz"}}')"
}
tap_case "gcs is asked by its S3-compatible interface" google

tap_end
