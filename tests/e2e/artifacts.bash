# Input artifacts by http and raw: what is unpacked, where it lies, what is refused, and what becomes of
# servers that fail.
here=$(dirname "$0")
. "$here/lib/tap.bash"
. "$here/lib/steps.bash"

. "$here/lib/registry.bash"
registry_start registry
export INSECURE_OCI_REGISTRIES=$registry
serve_guest tree "$TIPHYS_GUESTS/tree.wasm"
files=$work/files
mkdir -p "$files"
faults_start web "$files"
serve_start serve --max-artifact 200M --artifact-timeout 8

list() {
	printf '"args": ["list", "%s"]' "$1"
}

inputs() {
	printf '"inputs": {"artifacts": [%s]}' "$1"
}

# web NAME PATH [MORE]: an artifact that $files/NAME is fetched for
web() {
	printf '{"name": "a", "path": "%s", "http": {"url": "http://%s/%s"}%s}' "$2" "$faults" "$1" "${3:+, $3}"
}

sample=$work/sample
mkdir -p "$sample/folder/deep"
printf 'one\n' >"$sample/folder/f"
printf 'two\n' >"$sample/folder/deep/g"
ln -s deep/g "$sample/folder/l"
tar -C "$sample" -czf "$files/folder.tgz" folder
tar -C "$sample" -cf "$files/folder.tar" folder
tar -C "$sample" --zstd -cf "$files/folder.tzst" folder
(cd "$sample" && zip -qry "$files/folder.zip" folder)
tar -C "$sample/folder" -czf "$files/several.tgz" f deep l
tar -C "$sample/folder" -czf "$files/file.tgz" f
gzip -c "$sample/folder/f" >"$files/f.gz"
cp "$sample/folder/f" "$files/f"

tree_at() {
	printf 'folder %s\nfolder %s/deep\nfile %s/deep/g two\nfile %s/f one\nlink %s/l deep/g' "$1" "$1" "$1" "$1" "$1"
}

folders() {
	local row name more
	for row in 'folder.tgz ' 'several.tgz ' 'folder.tgz "archive":{"tar":{}}' \
		'folder.tar "archive":{"tar":{}}' 'folder.tzst "archive":{"tar":{}}' \
		'folder.zip "archive":{"zip":{}}'; do
		name=${row%% *} more=${row#* }
		succeeds tree "$(list /work/in)" "$(inputs "$(web "$name" /work/in "$more")")"
		[ "$(node outputs.result)" = "$(tree_at /work/in)" ] || { echo "$row" && cat "$work/node" && false; }
	done
}
tap_case "folders packed by tar, zstd and zip are laid at the path" folders

single_files() {
	succeeds tree "$(list /work/in/x)" "$(inputs "$(web file.tgz /work/in/x)")"
	[ "$(node outputs.result)" = "file /work/in/x one" ]
	succeeds tree "$(list /work/x)" "$(inputs "$(web f /work/x)")"
	[ "$(node outputs.result)" = "file /work/x one" ]
}
tap_case "a single file is laid at the path, packed or not" single_files

left_alone() {
	local name more
	for row in 'folder.tgz "archive":{"none":{}}' 'folder.tar ' 'folder.zip ' 'folder.tzst ' 'f.gz '; do
		name=${row%% *} more=${row#* }
		succeeds tree '"args": ["sum", "/work/in"]' "$(inputs "$(web "$name" /work/in "$more")")"
		[ "$(node outputs.result | cut -d ' ' -f 1)" = "$(stat -c %s "$files/$name")" ]
	done
}
tap_case "what Argo leaves alone is left alone" left_alone

elsewhere() {
	succeeds tree '"args": ["list", "/in/data", "/work", "/top"]' \
		"$(inputs "$(web folder.tgz /in/data), {\"name\": \"b\", \"path\": \"/top\", \"raw\": {\"data\": \"raw one\"}}")"
	[ "$(node outputs.result)" = "$(tree_at /in/data; printf '\nfolder /work\nfile /top raw one')" ] ||
		{ cat "$work/node" && false; }
}
tap_case "a plain command finds an artifact at its own path, wherever that is" elsewhere

for_a_module() {
	succeeds contract '"do": "artifact"' \
		"$(inputs '{"name": "a", "path": "/in/deep/a.txt", "raw": {"data": "cargo"}}')"
	[ "$(node outputs.parameters.0.value)" = cargo ]
}
serve_guest contract "$TIPHYS_GUESTS/contract.wasm"
tap_case "a module of the contract finds it below artifacts-in" for_a_module

optional() {
	succeeds tree "$(list /work)" "$(inputs "$(web none /work/in '"optional": true')")"
	[ "$(node outputs.result)" = "folder /work" ]
	succeeds tree "$(list /work)" "$(inputs '{"name": "a", "path": "/work/in", "optional": true}')"
	fails "input artifact a: GET http://$faults/none: HTTP 404" tree "$(list /work)" \
		"$(inputs "$(web none /work/in)")"
	fails "input artifact a: has no location" tree "$(list /work)" "$(inputs '{"name": "a", "path": "/work/in"}')"
}
tap_case "an optional artifact may be missing, another one is named" optional

# By the time a template is executed the controller has made a location of these, the part of subPath included: to
# apply them again would ask for what is not there. An object among them is no location.
resolved() {
	local more='"from": "{{steps.a.outputs.artifacts.b}}", "fromExpression": "x", "subPath": "deep",
		"globalName": "g", "archiveLogs": true, "deleted": false, "artifactGC": {"strategy": "Never"}'
	succeeds tree "$(list /work/in)" "$(inputs "$(web folder.tgz /work/in "$more")")"
	[ "$(node outputs.result)" = "$(tree_at /work/in)" ] || { cat "$work/node" && false; }
	succeeds tree "$(list /work/in)" "$(inputs "$(web f /work/in "$more, \"archive\": {\"none\": {}}")")"
	[ "$(node outputs.result)" = "file /work/in one" ] || { cat "$work/node" && false; }
	execute tree "$(list /work)" "$(inputs "$(web f /work/in '"artifactGCs": {"strategy": "Never"}')")" 2>/dev/null
	expect_in "has two locations, http and artifactGCs" "$work/reply"
}
tap_case "what the controller has resolved is not applied again" resolved

headers() {
	succeeds tree "$(list /work/x)" "$(inputs "{\"name\": \"a\", \"path\": \"/work/x\", \"http\":
		{\"url\": \"http://$faults/f\", \"headers\": [{\"name\": \"X-Wanted\", \"value\": \"yes\"}]}}")"
	fails "HTTP 403" tree "$(list /work/x)" "$(inputs "{\"name\": \"a\", \"path\": \"/work/x\", \"http\":
		{\"url\": \"http://$faults/f\", \"headers\": [{\"name\": \"X-Wanted\", \"value\": \"no\"}]}}")"
}
tap_case "headers are sent" headers

# As oras makes them: a layer of any type, named by its title.
oci() {
	printf '{"name": "a", "path": "/work/in", "http": {"url": "oci://%s/%s"}%s}' "$registry" "$1" "${2:+, $2}"
}

of_a_registry() {
	registry_image data folder application/vnd.oci.image.layer.v1.tar+gzip "$files/folder.tgz" >/dev/null
	registry_image data file application/octet-stream "$files/f" >/dev/null
	succeeds tree "$(list /work/in)" "$(inputs "$(oci data:folder)")"
	[ "$(node outputs.result)" = "$(tree_at /work/in)" ]
	succeeds tree "$(list /work/in)" "$(inputs "$(oci data:file)")"
	[ "$(node outputs.result)" = "file /work/in one" ]
	succeeds tree "$(list /work)" "$(inputs "$(oci data:none '"optional": true')")"
	fails "input artifact a: oci://$registry/data:none: " tree "$(list /work)" "$(inputs "$(oci data:none)")"
	local blob
	blob=$(registry_blob_file "$(digest_of "$files/f")")
	printf 'evil' >"$blob"
	fails "input artifact a: oci://$registry/data:file: " tree "$(list /work)" "$(inputs "$(oci data:file)")"
}
tap_case "an artifact in a registry is taken by its digest" of_a_registry

kinds() {
	local kind
	for kind in git hdfs azure oss artifactory plugin; do
		fails "input artifact a: its location is of kind $kind, which is not supported; " tree "$(list /work)" \
			"$(inputs "{\"name\": \"a\", \"path\": \"/work/x\", \"$kind\": {}}")"
	done
	fails "its location is of kind ftp, which is not known" tree "$(list /work)" \
		"$(inputs '{"name": "a", "path": "/work/x", "ftp": {}}')"
	fails "http.url: ftp://x must begin with http://, https:// or oci://" tree "$(list /work)" \
		"$(inputs '{"name": "a", "path": "/work/x", "http": {"url": "ftp://x"}}')"
}
tap_case "other kinds of location fail by name" kinds

paths() {
	local path
	for path in "" / /work/../etc relative /work /work/a/../../b; do
		fails "input artifact a: path" tree "$(list /work)" "$(inputs "$(web f "$path")")"
	done
	fails "another artifact lies there" tree "$(list /work)" "$(inputs "$(web f /work/x), $(web f /work/x)")"
}
tap_case "paths that are none are named" paths

hostile() {
	python3 - "$files" <<-'PY'
		import io, sys, tarfile
		def make(name, *entries):
		    with tarfile.open(f"{sys.argv[1]}/{name}", "w:gz") as out:
		        for path, kind, target in entries:
		            entry = tarfile.TarInfo(path)
		            entry.type, entry.linkname = kind, target
		            entry.size = 5 if kind == tarfile.REGTYPE else 0
		            out.addfile(entry, io.BytesIO(b"crime"))
		make("up.tgz", ("../../../../../../tmp/tiphys-crime", tarfile.REGTYPE, ""))
		make("absolute.tgz", ("/tmp/tiphys-crime", tarfile.REGTYPE, ""))
		make("link.tgz", ("l", tarfile.SYMTYPE, "/tmp"), ("l/tiphys-crime", tarfile.REGTYPE, ""))
		make("through.tgz", ("d/l", tarfile.SYMTYPE, "."), ("d/l/f", tarfile.REGTYPE, ""))
		make("hard.tgz", ("h", tarfile.LNKTYPE, "/etc/passwd"))
		make("device.tgz", ("dev", tarfile.CHRTYPE, ""))
		make("deep.tgz", ("d/" * 10000 + "f", tarfile.REGTYPE, ""))
	PY
	local name
	for name in up absolute link through hard device deep; do
		fails "input artifact a: entry " tree "$(list /work)" "$(inputs "$(web $name.tgz /work/in)")"
		[ ! -e /tmp/tiphys-crime ]
	done
	head -c 300M /dev/zero >"$sample/zeros"
	tar -C "$sample" -czf "$files/bomb.tgz" zeros
	rm "$sample/zeros"
	fails "--max-artifact" tree "$(list /work)" "$(inputs "$(web bomb.tgz /work/in)")"
	# Nothing of them is left either.
	find "$work/steps" -mindepth 3 >"$work/left"
	[ ! -s "$work/left" ] || { cat "$work/left" && false; }
}
tap_case "hostile archives are refused by name, with nothing written outside" hostile

resumed() {
	head -c 3000000 /dev/urandom >"$files/random"
	printf 'GET /random 1 drop 1000000\nGET /random 1 drop 500000\n' >"$faults_plan"
	: >"$faults_log"
	succeeds tree '"args": ["copy", "/work/in", "/work/out"]' "$(inputs "$(web random /work/in)")"
	[ "$(cut -d ' ' -f 3,4 "$faults_log")" = "200 -
206 bytes=1000000-
206 bytes=1500000-" ] || { cat "$faults_log" && false; }
	printf 'GET /folder.tgz 1 drop 100\n' >"$faults_plan"
	succeeds tree "$(list /work/in)" "$(inputs "$(web folder.tgz /work/in)")"
	[ "$(node outputs.result)" = "$(tree_at /work/in)" ]
}
tap_case "a broken connection is taken up from where it broke" resumed

changed() {
	printf 'GET /random 1 drop 1000000\nGET /random 1 change\n' >"$faults_plan"
	fails "it changed while it was read" tree "$(list /work)" "$(inputs "$(web random /work/in)")"
}
tap_case "what changes in between is not mixed" changed

# A server that sent another part than the one that was asked for was believed.
another_part() {
	local part
	for part in 206 206,0-1999999/3000000 206,1000001-2999999/3000000 206,1000000-1999999/3000000 \
		206,1000000-2999999/x 206,-1000000/3000000; do
		printf 'GET /random 1 drop 1000000\nGET /random 1 part %s\n' "$part" >"$faults_plan"
		fails "input artifact a: GET http://$faults/random: the server sent a" tree "$(list /work)" \
			"$(inputs "$(web random /work/in)")"
		expect_in "part of it" "$work/message"
	done
	echo 'GET /random 1 part 206,0-2999999/3000000' >"$faults_plan"
	fails "the server sent a part of it (HTTP 206), and all of it was asked for" tree "$(list /work)" \
		"$(inputs "$(web random /work/in)")"
	printf 'GET /random 1 drop 1000000\nGET /random 1 part 206,1000000-2999999/*\n' >"$faults_plan"
	succeeds tree '"args": ["copy", "/work/in", "/work/out"]' "$(inputs "$(web random /work/in)")"
}
tap_case "a part is taken only when it is the one that was asked for" another_part

# of LOCATION: an artifact that lies there
of() {
	printf '"inputs": {"artifacts": [{"name": "a", "path": "/work/x", %s}]}' "$1"
}

# The server stands where loopback and metadata services answer it: a template does not send it there.
special() {
	local port=${faults#*:} address
	: >"$faults_plan"
	: >"$faults_log"
	fails "input artifact a: GET http://localhost:$port/f: localhost leads to " tree "$(list /work)" \
		"$(of "\"http\": {\"url\": \"http://localhost:$port/f\"}")"
	expect_in "which is loopback; a template's URL may not lead there by a name: write the address itself" "$work/message"
	fails "localhost leads to " tree "$(list /work)" \
		"$(of "\"s3\": {\"endpoint\": \"localhost:$port\", \"insecure\": true, \"bucket\": \"b\", \"key\": \"f\"}")"
	fails "localhost leads to " tree "$(list /work)" "$(of "\"http\": {\"url\": \"oci://localhost:$port/data:1\"}")"
	for address in 169.254.169.254 '[fd00:ec2::254]' '[::ffff:169.254.169.254]' 0.0.0.0; do
		fails "input artifact a: GET http://$address:$port/f: $address leads to " tree "$(list /work)" \
			"$(of "\"http\": {\"url\": \"http://$address:$port/f\"}")"
		expect_in "http.allowed_hosts of a --policy-ceiling lists it" "$work/message"
	done
	[ ! -s "$faults_log" ] || { cat "$faults_log" && false; }
	for address in localhost 169.254.169.254; do
		echo "GET /f 1 location http://$address:$port/folder.tgz" >"$faults_plan"
		fails "input artifact a: GET http://$address:$port/folder.tgz: $address leads to " tree "$(list /work)" \
			"$(inputs "$(web f /work/x)")"
	done
	[ "$(cut -d ' ' -f 1-3 "$faults_log")" = "GET /f 302
GET /f 302" ] || { cat "$faults_log" && false; }
	: >"$faults_plan"
}
tap_case "a template's URL leads to no loopback by a name, and to no metadata service" special

unwell() {
	local fault
	for fault in "status 503" "status 500" "status 429,1" refuse; do
		echo "GET /f 2 $fault" >"$faults_plan"
		succeeds tree "$(list /work/x)" "$(inputs "$(web f /work/x)")"
	done
	echo "GET /f 99 status 503" >"$faults_plan"
	fails "input artifact a: GET http://$faults/f: HTTP 503" tree "$(list /work)" "$(inputs "$(web f /work/x)")"
	echo "GET /f 99 refuse" >"$faults_plan"
	fails "tried several times" tree "$(list /work)" "$(inputs "$(web f /work/x)")"
	echo "GET /f 99 length 10" >"$faults_plan"
	fails "input artifact a: GET http://$faults/f: " tree "$(list /work)" "$(inputs "$(web f /work/x)")"
}
tap_case "a server that is unwell is asked again, and named in the end" unwell

slow() {
	echo "GET /f 99 stall 60" >"$faults_plan"
	fails "(--artifact-timeout)" tree "$(list /work)" "$(inputs "$(web f /work/x)")"
	: >"$faults_plan"
}
tap_case "a server that is slow for too long is given up" slow
stop "$serve_pid"

# The proxy of the environment would fetch for a template what the plugin itself would not.
web_server=$faults
faults_start proxy "$registry"
http_proxy=http://$faults serve_start proxied --cache-dir "$work/other-cache"
proxy_log=$faults_log
faults=$web_server
printf 'to be fetched\n' >"$files/f"
"$tiphys_net" push "$TIPHYS_GUESTS/tree.wasm" "$registry/team/tree:1" >"$work/pushed"
proxied() {
	succeeds tree "$(list /work/x)" "$(inputs "$(web f /work/x)")"
	[ "$(node outputs.result)" = "file /work/x to be fetched" ]
	[ ! -s "$proxy_log" ] || { cat "$proxy_log" && false; }
	curl -sS --noproxy '*' -H 'Content-Type: application/json' -o "$work/reply" --data \
		"{\"template\": {\"plugin\": {\"wasm\": {\"module\": \"$registry/team/tree:1\", \"args\": [\"list\", \"/work\"]}}}}" \
		"http://$serve/api/v1/template.execute"
	expect_in '"phase":"Succeeded"' "$work/reply"
	expect_in "GET http://$registry/v2/team/tree/manifests/1 200" "$proxy_log"
}
tap_case "the environment's proxy is asked for modules, and for no template's artifact" proxied

tap_end
