# A registry with a certificate: https is spoken and verified wherever plain http is not listed.
here=$(dirname "$0")
. "$here/lib/tap.bash"
. "$here/lib/registry.bash"
unset SSL_CERT_FILE SSL_CERT_DIR

certificate() {
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=tests" -addext "subjectAltName=$2" \
		-keyout "$work/$1.key" -out "$work/$1.crt" 2>"$work/openssl.log"
}
certificate right IP:127.0.0.1
certificate other DNS:registry.example

# Answers to plain http with 400, which is enough to know that it listens.
tls_yaml="  tls: {certificate: \"$work/right.crt\", key: \"$work/right.key\"}"
registry_start tls "$tls_yaml"
right=$registry
registry_start misnamed "${tls_yaml//right/other}"
misnamed=$registry
module_file "$work/step.wasm" 100

net() {
	"$tiphys_net" "$@"
}

refused() {
	local text=$1 status=0
	shift
	"$@" >"$work/stdout" 2>"$work/stderr" || status=$?
	[ $status -eq 1 ]
	expect_in "$text" "$work/stderr"
	[ ! -s "$work/stdout" ]
}

unknown_authority() {
	refused "self-signed certificate" net push "$work/step.wasm" "$right/step:1"
	refused "self-signed certificate" net pull "$right/step:1"
}
tap_case "an unknown authority is refused" unknown_authority

known_authority() {
	export SSL_CERT_FILE=$work/right.crt
	net push "$work/step.wasm" "$right/step:1" >"$work/pushed"
	cmp "$work/step.wasm" "$(net pull "$right/step:1" | cut -f 2)"
}
tap_case "an authority of the environment is taken" known_authority

other_name() {
	export SSL_CERT_FILE=$work/other.crt
	refused "no alternative certificate subject name matches" net pull "$misnamed/step:1"
}
tap_case "a certificate for another name is refused" other_name

listed_means_plain() {
	export SSL_CERT_FILE=$work/right.crt INSECURE_OCI_REGISTRIES=$right
	refused "GET http://$right/v2/step/manifests/none: HTTP 400" net pull "$right/step:none"
}
tap_case "a listed registry is spoken to by plain http" listed_means_plain

tap_end
