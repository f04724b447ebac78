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

# The image was for each platform team to write. What tiphys-net is linked with, and certificates for TLS.
image_has_libraries() {
	local library
	for library in $(readelf -d "$TIPHYS_BUILD/tiphys-net" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'); do
		dpkg -S "*-linux-gnu/$library"
	done | sed 's/:.*//' | grep -vx libc6 >"$work/wanted"
	echo ca-certificates >>"$work/wanted"
	sed -n '/--no-install-recommends/,/rm -rf/{s/.*--no-install-recommends//;s/&&.*//;s/rm -rf.*//;s/\\//;p}' "$deploy/Dockerfile" |
		tr -s ' \n' '\n\n' | grep . >"$work/installed"
	diff <(sort -u "$work/wanted") <(sort "$work/installed")
}
tap_case "the image has the libraries of tiphys-net" image_has_libraries

image_runs_as_deployed() {
	local version
	version=$("$tiphys" --version)
	grep -q "tiphys:${version#tiphys }\$" "$deploy/plugin.yaml"
	grep -q "/tiphys:${version#tiphys } " "$deploy/Dockerfile"
	grep -qx "USER $(sed -n 's/^ *runAsUser: //p' "$deploy/plugin.yaml"):.*" "$deploy/Dockerfile"
	grep -qxF '/build*' "$TIPHYS_SOURCE/.dockerignore"
}
tap_case "the image is the one that plugin.yaml names" image_runs_as_deployed

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
