# deploy/ is what a platform team applies: each manifest is what Argo and Kubernetes want, its arguments start the
# server, and its workflow runs.
here=$(dirname "$0")
. "$here/lib/tap.bash"
. "$here/lib/registry.bash"
. "$here/lib/steps.bash"
deploy=$TIPHYS_SOURCE/deploy

looks() {
	python3 "$here/deploy.py" "$deploy" "$@"
}

tap_case "every document is a named object" looks objects
tap_case "the executor plugin is one that Argo's controller takes" looks executor_plugin
tap_case "its container keeps to the restricted security standard" looks restricted
tap_case "the ConfigMap is made of plugin.yaml" looks config_map
tap_case "the service account may get what is named, and nothing else" looks rbac

registry_start plain
export INSECURE_OCI_REGISTRIES=$registry
for guest in text2qr ferris-says; do
	[ ! -e "$TIPHYS_BUILD/examples/$guest.wasm" ] ||
		"$tiphys_net" push "$TIPHYS_BUILD/examples/$guest.wasm" "$registry/$guest:1" >/dev/null
done
# In the container the token lies where Argo mounts it.
printf '0123456789abcdef0123456789ABCDEF' >"$work/token"
mkdir "$work/scratch"
mapfile -t args < <(looks args "$work/scratch")
serve_run serve "$tiphys" "${args[@]}" --token-file "$work/token"

starts() {
	curl -sf --noproxy '*' "http://$serve/healthz"
	[ -d "$work/scratch/cache" ] || [ -n "$(ls -A "$work/scratch")" ]
}
tap_case "the container's arguments start the server" starts

workflow_runs() {
	looks workflow "$registry" >"$work/workflow.json"
	"$TIPHYS_AGENT" --plugin "$serve" --token-file "$work/token" "$work/workflow.json" >"$work/report" ||
		{ cat "$work/report" && false; }
	expect_in '\n< https://argoproj.github.io/workflows >' "$work/report" || expect_in '████' "$work/report"
	expect_in '"phase": "Succeeded"' "$work/report"
}
if [ -e "$TIPHYS_BUILD/examples/text2qr.wasm" ] && [ -e "$TIPHYS_BUILD/examples/ferris-says.wasm" ]; then
	tap_case "the workflow runs" workflow_runs
else
	tap_skip "the workflow runs" "a toolchain for its guests is missing (see examples/meson.build)"
fi

tap_end
