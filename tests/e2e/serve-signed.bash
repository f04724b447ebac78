# A ceiling's `signatures`: what runs only when it was signed, with real keys and a real registry. The
# signatures are laid beside the modules as cosign lays them.
here=$(dirname "$0")
. "$here/lib/tap.bash"
. "$here/lib/registry.bash"
. "$here/lib/steps.bash"

guest=$TIPHYS_GUESTS/command.wasm
statement_type=application/vnd.dev.cosign.simplesigning.v1+json
image_type=application/vnd.oci.image.manifest.v1+json

openssl ecparam -name prime256v1 -genkey -noout -out "$work/team.key" 2>"$work/openssl.log"
openssl genrsa -out "$work/rsa.key" 2048 2>>"$work/openssl.log"
openssl genpkey -algorithm ed25519 -out "$work/ed25519.key" 2>>"$work/openssl.log"
openssl ecparam -name prime256v1 -genkey -noout -out "$work/stranger.key" 2>>"$work/openssl.log"
for name in team rsa ed25519; do
	openssl pkey -in "$work/$name.key" -pubout -out "$work/$name.pem"
done

registry_start plain
export INSECURE_OCI_REGISTRIES=$registry
printf 'signatures: [%s]\n' "$work/team.pem, $work/rsa.pem, $work/ed25519.pem" >"$work/ceiling.yaml"
stored=$("$tiphys_net" push --store "$work/store" "$guest" registry.test/team/stored:1)
stored=${stored#*@}
serve_start serve --policy-ceiling "$work/ceiling.yaml"

# module NAME: a module of its own (by an empty custom section) under that name, its manifest's digest in
# $digest.
module() {
	cp "$guest" "$work/$1.wasm"
	printf "\\0$(printf '\\%03o\\%03o' $((${#1} + 1)) ${#1})%s" "$1" >>"$work/$1.wasm"
	digest=$("$tiphys_net" push "$work/$1.wasm" "$registry/team/$1:1")
	digest=${digest#*@}
}

statement() {
	printf '{"critical":{"identity":{"docker-reference":"any"},"image":{"docker-manifest-digest":"%s"},"type":"cosign container image signature"},"optional":null}' "$1"
}

# signature KEY FILE: in base64
signature() {
	if [ "$1" = ed25519 ]; then
		openssl pkeyutl -sign -rawin -inkey "$work/$1.key" -in "$2" | base64 -w 0
	else
		openssl dgst -sha256 -sign "$work/$1.key" "$2" | base64 -w 0
	fi
}

# attach NAME DIGEST KEY [SIGNED-DIGEST]: a signature of the statement about SIGNED-DIGEST, beside DIGEST
attach() {
	local file=$work/$1.statement
	statement "${4-$2}" >"$file"
	printf '{}' >"$work/config.json"
	registry_put_blob "team/$1" "$work/config.json" >/dev/null
	registry_put_blob "team/$1" "$file" >/dev/null
	registry_put_manifest "team/$1" "${2/:/-}.sig" "$image_type" <<-JSON
		$(signatures_manifest "$3" "$file")
	JSON
}

signatures_manifest() {
	cat <<-JSON
		{"schemaVersion": 2, "mediaType": "$image_type",
		 "config": {"mediaType": "application/vnd.oci.image.config.v1+json",
		            "digest": "$(printf '{}' | sha256sum | sed 's/^/sha256:/; s/ .*//')", "size": 2},
		 "layers": [{"mediaType": "$statement_type", "digest": "$(digest_of "$2")",
		             "size": $(stat -c %s "$2"),
		             "annotations": {"dev.cosignproject.cosign/signature": "$(signature "$1" "$2")"}}]}
	JSON
}

execute() {
	step_ask "{\"module\":\"$1\",\"args\":[\"echo\",\"ahoy\"]}"
}

succeeds() {
	execute "$1"
	step_succeeded ahoy
}

fails() {
	execute "$1"
	step_failed "$2"
}

signed_by() {
	module "by-$1"
	attach "by-$1" "$digest" "$1"
	succeeds "$registry/team/by-$1:1"
	succeeds "$registry/team/by-$1@$digest"
	succeeds "$registry/team/by-$1:1"
}
tap_case "a module that was signed by ECDSA" signed_by team
tap_case "a module that was signed by RSA" signed_by rsa
tap_case "a module that was signed by Ed25519" signed_by ed25519

without_signature() {
	module bare
	fails "$registry/team/bare:1" "no signature of $digest"
	fails "$registry/team/bare@$digest" "no signature of $digest"
	registry_told GET bare/blobs 0 # nor was anything of it fetched
}
tap_case "a module that nobody signed" without_signature

refused="is not signed by a key of the ceiling (signatures): no signature beside it verifies"
by_a_stranger() {
	module strange
	attach strange "$digest" stranger
	fails "$registry/team/strange:1" "team/strange@$digest $refused"
}
tap_case "a module that a stranger signed" by_a_stranger

of_another() {
	module first
	local first=$digest
	module second
	attach second "$digest" team "$first"
	fails "$registry/team/second:1" "team/second@$digest $refused"
}
tap_case "a signature of another module" of_another

altered() {
	module altered
	attach altered "$digest" team
	local file=$work/altered.statement
	signatures_manifest team "$file" >"$work/altered.json"
	statement "$digest" | sed 's/null/true/' >"$file" # about the same module
	registry_put_blob team/altered "$file" >/dev/null
	sed -E "s/\"digest\": \"sha256:[0-9a-f]+\",\$/\"digest\": \"$(digest_of "$file")\",/" "$work/altered.json" |
		registry_put_manifest team/altered "${digest/:/-}.sig" "$image_type"
	fails "$registry/team/altered:1" "$refused"
}
tap_case "a statement that was altered" altered

# ---- modules of a store ----

in_store() {
	fails registry.test/team/stored:1 "its store has no signature for it"
	statement "$stored" >"$work/stored.statement"
	signatures_manifest team "$work/stored.statement" >"$work/stored.json"
	python3 - "$work" "registry.test/team/stored:${stored/:/-}.sig" <<-END
		import hashlib, json, os, sys
		work, name = sys.argv[1:]
		store = os.path.join(work, "store")
		def put(path):
		    data = open(path, "rb").read()
		    hex = hashlib.sha256(data).hexdigest()
		    open(os.path.join(store, "blobs", "sha256", hex), "wb").write(data)
		    return {"digest": "sha256:" + hex, "size": len(data)}
		put(os.path.join(work, "stored.statement"))
		entry = put(os.path.join(work, "stored.json"))
		entry["mediaType"] = "$image_type"
		entry["annotations"] = {"org.opencontainers.image.ref.name": name}
		index = os.path.join(store, "index.json")
		document = json.load(open(index))
		document["manifests"].append(entry)
		json.dump(document, open(index + ".new", "w"))
		os.rename(index + ".new", index)
	END
	succeeds registry.test/team/stored:1
}
tap_case "a module of a store, before and after it is signed" in_store

stop "$serve_pid"
no_key() {
	printf 'signatures: [%s]\n' "$2" >"$work/wrong.yaml"
	if timeout 20 "$tiphys" serve --no-auth --listen 127.0.0.1:0 --work-dir "$work/steps" \
		--policy-ceiling "$work/wrong.yaml" >"$work/out" 2>&1; then
		return 1
	fi
	expect_in "$1" "$work/out"
}
tap_case "a file that is no key ends serve" no_key \
	"$work/wrong.yaml: signatures: key $work/ceiling.yaml: is no public key in PEM" "$work/ceiling.yaml"
tap_case "a private key is no key to check by" no_key "is no public key in PEM" "$work/team.key"
tap_case "a key that is missing ends serve" no_key \
	"$work/wrong.yaml: signatures: key $work/none.pem: No such file or directory" "$work/none.pem"

tap_end
