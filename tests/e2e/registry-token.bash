# A real registry that wants tokens, signed by a token server of the test's own.
here=$(dirname "$0")
. "$here/lib/tap.bash"
. "$here/lib/registry.bash"

openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=tokens -keyout "$work/key" \
	-out "$work/crt" 2>"$work/openssl.log"
basic=$(printf 'captain:argo' | base64)
start tokens "$TIPHYS_TOKEN_SERVER" "$work/token" "Basic $basic"
wait_for 10 test -s "$work/tokens.log"
realm=http://$(head -n 1 "$work/tokens.log")/token
registry_start locked "auth: {token: {realm: \"$realm\", service: tests, issuer: tiphys, rootcertbundle: \"$work/crt\"}}"
export INSECURE_OCI_REGISTRIES=$registry,${realm:7:-6}
module_file "$work/step.wasm" 100
ref=$registry/team/step:1

net() {
	"$tiphys_net" "$@"
}

base64url() {
	base64 -w 0 | tr '+/' '-_' | tr -d '='
}

# token ACTIONS: the token server's reply from now on: a JSON Web Token for team/step.
token() {
	local now head claims signature
	now=$(date +%s)
	head=$(printf '{"typ":"JWT","alg":"RS256","x5c":["%s"]}' \
		"$(openssl x509 -in "$work/crt" -outform DER | base64 -w 0)" | base64url)
	claims=$(printf '{"iss":"tiphys","sub":"captain","aud":"tests","exp":%d,"nbf":%d,"iat":%d,"jti":"1","access":[{"type":"repository","name":"team/step","actions":[%s]}]}' \
		$((now + 300)) $((now - 10)) "$now" "$1" | base64url)
	signature=$(printf '%s' "$head.$claims" | openssl dgst -sha256 -sign "$work/key" -binary | base64url)
	printf '{"token":"%s","expires_in":300}' "$head.$claims.$signature" >"$work/token"
}

refused() {
	local text=$1 status=0
	shift
	"$@" >"$work/stdout" 2>"$work/stderr" || status=$?
	[ $status -eq 1 ]
	expect_in "$text" "$work/stderr"
}

anonymous() {
	refused "$realm?service=tests&scope=repository%3Ateam%2Fstep%3Apull: HTTP 401: incorrect username or password" \
		net pull "$ref"
}
tap_case "the token server refuses strangers, in its words" anonymous

printf '{"auths": {"%s": {"auth": "%s"}}}' "$registry" "$basic" >"$DOCKER_CONFIG/config.json"

push_and_pull() {
	local asked
	token '"pull","push"'
	asked=$(wc -l <"$work/tokens.log")
	net push "$work/step.wasm" "$ref" >"$work/pushed"
	[ "$(wc -l <"$work/tokens.log")" -eq $((asked + 1)) ]
	token '"pull"'
	cmp "$work/step.wasm" "$(net pull "$ref" | cut -f 2)"
	[ "$(wc -l <"$work/tokens.log")" -eq $((asked + 2)) ]
}
tap_case "one token for a push, one for a pull" push_and_pull

too_little() {
	token '"pull"'
	module_file "$work/other.wasm" 10
	refused "registry $registry: not authorized" net push "$work/other.wasm" "$ref"
}
tap_case "a token for pulls pushes nothing" too_little

tap_end
