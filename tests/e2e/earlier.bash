# Workflows and modules of shark/wasm-workflows-plugin v0.3 run unchanged: its environment, its kinds of layers, its
# template, its files below /work and its import module for HTTP, all in one step.
here=$(dirname "$0")
. "$here/lib/tap.bash"
. "$here/lib/registry.bash"
. "$here/lib/steps.bash"
. "$here/lib/swift.bash"

registry_start plain
swift_start
s3 PUT /artifacts
mkdir "$work/web" "$work/steps"
printf 'from the web, ' >"$work/web/page"
faults_start web "$work/web"
printf 'from the note' >"$work/note.txt"
s3 PUT /artifacts/note.txt -T "$work/note.txt"

# Its image: a layer of each of the types that it took.
guest=$TIPHYS_GUESTS/earlier_step.wasm
registry_image module oldest application/vnd.module.wasm.content.layer.v1+wasm "$guest" >/dev/null
registry_image module old application/vnd.wasm.content.layer.v1+wasm "$guest" >/dev/null
cp "$guest" "$work/module.wasm"
tar -C "$work" -cf "$work/module.tar" module.wasm
registry_image module tar application/vnd.oci.image.layer.v1.tar "$work/module.tar" >/dev/null
registry_image module latest application/vnd.wasm.content.layer.v1+wasm "$guest" >/dev/null

# Its environment. What is about pods of its own and about tracing changes nothing here.
# exec: the process that is started is the one that is ended.
earlier_environment() {
	exec env INSECURE_OCI_REGISTRIES="$registry" FS_CACHE_DIR="$work/fs-cache" LOG_LEVEL=debug MODE="$1" PLUGIN_NAMESPACE=argo \
		ARGO_CONTROLLER_CONFIGMAP=workflow-controller-configmap OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1 \
		OTEL_SERVICE_NAME=wasm "${@:2}"
}

# template TAG HOSTS: as it stood in a workflow; step TAG [HOSTS]: is executed
template() {
	cat <<-JSON
		"inputs": {"parameters": [{"name": "text", "value": "ahoy"}],
		           "artifacts": [{"name": "note", "path": "/cargo/note.txt", "archive": {"none": {}}, "s3": {"key": "note.txt"}}]},
		"outputs": {"parameters": [{"name": "status", "valueFrom": {"supplied": {}}}],
		            "artifacts": [{"name": "both", "path": "/cargo/both.txt", "archive": {"none": {}}}]}
	JSON
}
wasm() {
	printf '"permissions": {"http": {"allowed_hosts": ["%s"], "max_concurrent_requests": 8}}, "url": "http://%s/page", "anything_else": {"becomes": ["a plugin option"]}' \
		"${1:-http://$faults}" "$faults"
}

unchanged() {
	local tag
	for tag in oldest old tar latest; do
		: >"$faults_log"
		succeeds "$registry/module:$tag" "$(wasm)" "$(template)"
		[ "$(node outputs.parameters.0.value)" = 200 ]
		[ "$(node message)" = asked ]
		s3 GET "/artifacts/$(node outputs.artifacts.0.s3.key)" | grep -qx 'from the web, from the note'
		grep -q '^GET /page 200 ' "$faults_log"
	done
	find "$work/fs-cache" -type f | grep -q .
	[ -z "$(find "$work/cache" -type f 2>/dev/null || true)" ]
}

# Of a host that is not listed, its number for it.
refused() {
	succeeds "$registry/module:latest" "$(wasm)" "$(template)"
	fails "req: error 7" "$registry/module:latest" "$(wasm https://httpbin.org)" "$(template)"
}

for mode in local distributed; do
	serve_run $mode earlier_environment $mode "$tiphys" serve --no-auth --listen 127.0.0.1:0 --work-dir "$work/steps" \
		--artifact-s3-endpoint "http://$swift" --artifact-s3-bucket artifacts \
		--artifact-s3-access-key-file "$work/access-key" --artifact-s3-secret-key-file "$work/secret-key"
	tap_case "MODE=$mode: a step of an earlier plugin's workflow" unchanged
	tap_case "MODE=$mode: a host that is not listed has its error" refused
	stop "$serve_pid"
done

# Where nobody says anything else, it listens where the earlier one did.
own_port() {
	"$tiphys" serve --help >"$work/help"
	grep -A 2 -- '--listen' "$work/help" | grep -q 3000
}
tap_case "its port is 3000" own_port

tap_end
