# Credentials for a registry that asks for them: docker-registry with an htpasswd file.
here=$(dirname "$0")
. "$here/lib/tap.bash"
. "$here/lib/registry.bash"

htpasswd -Bbn captain 'argo & argo' >"$work/htpasswd"
registry_start locked "auth: {htpasswd: {realm: tests, path: \"$work/htpasswd\"}}"
export INSECURE_OCI_REGISTRIES=$registry
ref=$registry/team/step:1
module_file "$work/step.wasm" 100

net() {
	"$tiphys_net" "$@"
}

# docker_config KEY MEMBERS: writes the config.json with one entry.
docker_config() {
	printf '{"auths": {"%s": {%s}}}' "$1" "$2" >"$DOCKER_CONFIG/config.json"
}
right="\"auth\": \"$(printf 'captain:argo & argo' | base64)\""
wrong="\"auth\": \"$(printf 'captain:golden fleece' | base64)\""

denied() {
	local status=0
	"$@" >"$work/stdout" 2>"$work/stderr" || status=$?
	[ $status -eq 1 ]
	expect_in "registry $registry: not authorized" "$work/stderr"
	expect_in "HTTP 401" "$work/stderr"
	if grep -qE "argo & argo|golden fleece|Basic " "$work/stderr"; then
		echo "the message shows credentials"
		return 1
	fi
}

without() {
	rm -f "$DOCKER_CONFIG/config.json"
	denied net push "$work/step.wasm" "$ref"
	denied net pull "$ref"
}
tap_case "without credentials nothing goes either way" without

wrong_password() {
	docker_config "$registry" "$wrong"
	denied net push "$work/step.wasm" "$ref"
}
tap_case "wrong credentials are refused, and not shown" wrong_password

right_password() {
	docker_config "$1" "$2"
	net push "$work/step.wasm" "$ref" >"$work/pushed"
	rm -rf "$FS_CACHE_DIR"
	cmp "$work/step.wasm" "$(net pull "$ref" | cut -f 2)"
}
tap_case "auth of the host" right_password "$registry" "$right"
tap_case "auth of the host's URL" right_password "http://$registry/v2/" "$right"
tap_case "username and password" right_password "$registry" \
	'"username": "captain", "password": "argo & argo"'

of_home() {
	mkdir -p "$HOME/.docker"
	docker_config "$registry" "$right"
	mv "$DOCKER_CONFIG/config.json" "$HOME/.docker/config.json"
	unset DOCKER_CONFIG
	rm -rf "$FS_CACHE_DIR"
	net pull "$ref" >"$work/pulled"
	rm "$HOME/.docker/config.json"
}
tap_case "the config of the home folder" of_home

of_others() {
	docker_config "127.0.0.1:1" "$right"
	rm -rf "$FS_CACHE_DIR"
	denied net pull "$ref"
}
tap_case "credentials of another host are not sent" of_others

cached_needs_none() {
	docker_config "$registry" "$right"
	net pull "$ref" >"$work/pulled"
	docker_config "$registry" "$wrong"
	net pull "$(cat "$work/pushed")" | cmp - "$work/pulled"
}
tap_case "what is cached is pulled by digest without credentials" cached_needs_none

unreadable() {
	local status=0
	printf '{"auths": ' >"$DOCKER_CONFIG/config.json"
	rm -rf "$FS_CACHE_DIR"
	net pull "$ref" 2>"$work/stderr" || status=$?
	[ $status -eq 2 ]
	expect_in "the credentials in $DOCKER_CONFIG/config.json cannot be read: line 1" "$work/stderr"
	printf '{"auths": {"%s": {}}, "credsStore": "desktop"}' "$registry" >"$DOCKER_CONFIG/config.json"
	status=0
	net pull "$ref" 2>"$work/stderr" || status=$?
	[ $status -eq 1 ]
	expect_in "names a credential helper for $registry" "$work/stderr"
}
tap_case "a config that cannot be used is told" unreadable

tap_end
