# The default artifact repository and the keys of locations, from ConfigMaps and Secrets of the Kubernetes API.
# Debian has no API server: kubernetes_server.c stands in for the part that is read, TLS and token included.
here=$(dirname "$0")
. "$here/lib/tap.bash"
. "$here/lib/steps.bash"
. "$here/lib/swift.bash"

swift_start
s3 PUT /artifacts
s3 PUT /seconds
account=$work/account
objects=$work/objects
api_log=$work/api.requests
mkdir -p "$account" "$objects"
: >"$api_log"
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=tests -addext subjectAltName=IP:127.0.0.1 \
	-keyout "$work/api.key" -out "$account/ca.crt" 2>"$work/openssl.log"
printf 'the-token-of-the-account' >"$account/token"
printf 'plugins' >"$account/namespace"
start api "$TIPHYS_KUBERNETES_SERVER" "$work/api.port" "$account/ca.crt" "$work/api.key" \
	the-token-of-the-account "$objects" "$api_log"
wait_for 10 test -s "$work/api.port" || exit 1
api=127.0.0.1:$(cat "$work/api.port")

# object NAMESPACE KIND NAME KEY=VALUE…: a ConfigMap or a Secret, as the API serves them
object() {
	mkdir -p "$objects/$1/$2"
	python3 - "$@" >"$objects/$1/$2/$3" <<-'PY'
		import base64, json, sys
		namespace, kind, name, *pairs = sys.argv[1:]
		pairs = dict(pair.split("=", 1) for pair in pairs)
		notes = {k[1:]: v for k, v in pairs.items() if k.startswith("@")}
		data = {k: v for k, v in pairs.items() if not k.startswith("@")}
		if kind == "secrets":
		    data = {k: base64.b64encode(v.encode()).decode() for k, v in data.items()}
		meta = {"name": name, "namespace": namespace, "uid": "6b6f1f0e-0000-4000-8000-000000000000",
		        "resourceVersion": "4711", "creationTimestamp": "2026-01-01T00:00:00Z"}
		if notes:
		    meta["annotations"] = notes
		whole = {"kind": kind[:-1].title().replace("map", "Map"), "apiVersion": "v1", "metadata": meta, "data": data}
		if kind == "secrets":
		    whole["type"] = "Opaque"
		print(json.dumps(whole))
	PY
}

object argo secrets store-keys access="$swift_key" secret="$swift_secret"
repository="archiveLogs: true
s3:
  endpoint: $swift
  bucket: artifacts
  insecure: true
  keyFormat: \"kept/{{workflow.name}}\"
  accessKeySecret: {name: store-keys, key: access}
  secretKeySecret:
    name: store-keys
    key: secret
"
serve_guest tree "$TIPHYS_GUESTS/tree.wasm"

in_the_pod() {
	KUBERNETES_SERVICE_HOST=127.0.0.1 KUBERNETES_SERVICE_PORT=${api#*:} serve_start "$1" --service-account "$account"
}
in_the_pod serve

filled='"args": ["fill", "/work/o", "10"]'
stored='"outputs": {"artifacts": [{"name": "o", "path": "/work/o"}]}'

nothing_there() {
	fails "output artifact o: the default artifact repository: Kubernetes has no ConfigMap workflow-controller-configmap in namespace plugins" \
		tree "$filled" "$stored"
}
tap_case "without a repository the ConfigMap that was looked for is named" nothing_there

of_the_controller() {
	object plugins configmaps workflow-controller-configmap "artifactRepository=$repository"
	succeeds tree "$filled" "$stored"
	[ "$(node outputs.artifacts.0.s3)" = '{"key": "kept/wf/o.tgz"}' ]
	s3 GET /artifacts/kept/wf/o.tgz | tar -tz | grep -qx o
	succeeds tree '"args": ["sum", "/work/in"]' \
		'"inputs": {"artifacts": [{"name": "a", "path": "/work/in", "s3": {"key": "kept/wf/o.tgz"}}]}'
	[ "$(node outputs.result | cut -d ' ' -f 1)" = 10 ]
	object plugins configmaps workflow-controller-configmap "config=parallelism: 10
artifactRepository:
$(printf '%s\n' "$repository" | sed 's/^/  /; s/kept/config/')"
	succeeds tree "$filled" "$stored"
	[ "$(node outputs.artifacts.0.s3.key)" = config/wf/o.tgz ]
}
tap_case "the controller's ConfigMap names the repository, a Secret its keys" of_the_controller

once_a_step() {
	: >"$api_log"
	succeeds tree "$filled" "$stored"
	[ "$(grep -c configmaps/workflow-controller "$api_log")" -eq 1 ]
	[ "$(grep -c secrets/store-keys "$api_log")" -eq 2 ]
	: >"$api_log"
	succeeds tree "$filled" ""
	[ ! -s "$api_log" ]
}
tap_case "the API is asked once for each step, and by none without artifacts" once_a_step

of_the_namespace() {
	object argo configmaps artifact-repositories "@workflows.argoproj.io/default-artifact-repository=second" \
		"second=${repository/bucket: artifacts/bucket: seconds}" "first=$repository"
	succeeds tree "$filled" "$stored"
	[ "$(s3_keys seconds)" = kept/wf/o.tgz ]
	rm "$objects/argo/configmaps/artifact-repositories"
}
tap_case "artifact-repositories of the workflow's namespace goes before it" of_the_namespace

# Argo sends a plugin the workflow's metadata alone; should it ever send more, that counts.
of_a_reference() {
	object argo configmaps other-repositories "x=${repository/kept/referred}"
	workflow_more='"status": {"artifactRepositoryRef": {"configMap": "other-repositories", "key": "x"}}' \
		succeeds tree "$filled" "$stored"
	[ "$(node outputs.artifacts.0.s3.key)" = referred/wf/o.tgz ]
	workflow_more='"spec": {"artifactRepositoryRef": {"key": "x"}}' \
		fails "Kubernetes has no ConfigMap artifact-repositories in namespace argo" tree "$filled" "$stored"
}
tap_case "a workflow's artifactRepositoryRef goes before both" of_a_reference

of_the_template() {
	succeeds tree '"args": ["sum", "/work/in"]' '"inputs": {"artifacts": [{"name": "a", "path": "/work/in", "s3":
		{"endpoint": "'"$swift"'", "insecure": true, "bucket": "artifacts", "key": "kept/wf/o.tgz",
		 "accessKeySecret": {"name": "store-keys", "key": "access"}, "secretKeySecret": {"name": "store-keys", "key": "secret"}}}]}'
	object argo secrets wrong-keys access="$swift_key" secret=wrong
	local rows=(
		'{"name": "none", "key": "secret"}|s3.secretKeySecret: |Kubernetes has no Secret none in namespace argo'
		'{"name": "store-keys", "key": "none"}|secretKeySecret: |Secret store-keys in namespace argo has no key none'
		'{"name": "wrong-keys", "key": "secret"}||the secret key is not the one of the access key'
		'{"name": "../x", "key": "secret"}||is no name that Kubernetes gives'
		'{"name": "store-keys"}||must be {name: SECRET, key: KEY}'
	) row
	for row in "${rows[@]}"; do
		fails "${row##*|}" tree '"args": ["sum", "/work/in"]' '"inputs": {"artifacts": [{"name": "a", "path": "/work/in", "s3":
			{"endpoint": "'"$swift"'", "insecure": true, "bucket": "artifacts", "key": "kept/wf/o.tgz",
			 "accessKeySecret": {"name": "store-keys", "key": "access"}, "secretKeySecret": '"${row%%|*}"'}}]}'
	done
}
tap_case "keys in a template's own location come from Secrets of its namespace" of_the_template

basic_auth() {
	mkdir -p "$work/web"
	printf 'for those who may' >"$work/web/f"
	succeeds tree '"args": ["list", "/work/f"]' '"inputs": {"artifacts": [{"name": "a", "path": "/work/f", "http":
		{"url": "http://'"$faults"'/f", "auth": {"basicAuth": {"usernameSecret": {"name": "store-keys", "key": "access"},
		 "passwordSecret": {"name": "store-keys", "key": "secret"}}}}}]}'
	[ "$(cat "$faults_log")" = "GET /f 200 - Basic -" ]
	fails "http.auth.oauth2: is not supported" tree '"args": ["list", "/work/f"]' \
		'"inputs": {"artifacts": [{"name": "a", "path": "/work/f", "http": {"url": "http://'"$faults"'/f", "auth": {"oauth2": {"scopes": ["x"]}}}}]}'
}
mkdir -p "$work/web"
faults_start web "$work/web"
tap_case "user and password of an http artifact come from Secrets" basic_auth

other_kind() {
	object argo configmaps artifact-repositories "@workflows.argoproj.io/default-artifact-repository=a" "a=azure: {container: x}"
	fails "the default artifact repository: is of kind azure, which is not supported" tree "$filled" "$stored"
	object argo configmaps artifact-repositories "@workflows.argoproj.io/default-artifact-repository=a" "a=s3: {"
	fails "ConfigMap artifact-repositories: a:" tree "$filled" "$stored"
	rm "$objects/argo/configmaps/artifact-repositories"
}
tap_case "a repository of another kind, and broken YAML, are named" other_kind

not_allowed() {
	: >"$objects/argo/secrets/store-keys.forbidden"
	fails "the plugin's service account may not get Secret store-keys in namespace argo; give it a Role that may" \
		tree "$filled" "$stored"
	rm "$objects/argo/secrets/store-keys.forbidden"
	printf 'an-old-token' >"$account/token"
	fails "Kubernetes does not know the plugin's token" tree "$filled" "$stored"
	printf 'the-token-of-the-account' >"$account/token"
	succeeds tree "$filled" "$stored"
}
tap_case "what the service account may not is named; a new token counts at once" not_allowed

unseen() {
	if grep -qE "the-token-of-the-account|$swift_secret|$swift_key|$(printf %s "$swift_secret" | base64)" "$serve_log"; then
		return 1
	fi
}
tap_case "the log shows no secret" unseen
stop "$serve_pid"

export K8S_API_URL="https://$api" K8S_API_TOKEN=the-token-of-the-account PLUGIN_NAMESPACE=plugins \
	ARGO_CONTROLLER_CONFIGMAP=renamed
K8S_API_CA_CRT_B64=$(base64 -w 0 "$account/ca.crt") serve_start variables
unset K8S_API_URL K8S_API_TOKEN PLUGIN_NAMESPACE ARGO_CONTROLLER_CONFIGMAP
by_variables() {
	object plugins configmaps renamed "artifactRepository=${repository/kept/renamed}"
	succeeds tree "$filled" "$stored"
	[ "$(node outputs.artifacts.0.s3.key)" = renamed/wf/o.tgz ]
}
tap_case "the earlier plugin's variables name the API and the ConfigMap" by_variables
stop "$serve_pid"

openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=other -addext subjectAltName=IP:127.0.0.1 \
	-keyout "$work/other.key" -out "$account/ca.crt" 2>"$work/openssl.log"
in_the_pod distrust
another_server() {
	fails "self-signed certificate" tree "$filled" "$stored"
}
tap_case "a server that the account's authority does not know is not told the token" another_server

tap_end
