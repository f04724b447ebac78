# `tiphys serve` with modules from a real registry: by tag, by digest, from the cache, and corrupted.
here=$(dirname "$0")
. "$here/lib/tap.bash"
. "$here/lib/registry.bash"
. "$here/lib/steps.bash"

registry_start plain
export INSECURE_OCI_REGISTRIES=$registry
serve_start serve
server=$serve_pid
digest=$("$tiphys_net" push "$TIPHYS_GUESTS/command.wasm" "$registry/team/command:1")
digest=${digest#*@}
blob=$(digest_of "$TIPHYS_GUESTS/command.wasm")

# execute REFERENCE: a step that says "ahoy"
execute() {
	step_ask "{\"module\":{\"oci\":\"$1\"},\"args\":[\"echo\",\"ahoy\"]}"
}

succeeds() {
	execute "$1"
	step_succeeded ahoy
}

fails() {
	execute "$1"
	step_failed "$2"
}

tap_case "a module by tag" succeeds "$registry/team/command:1"
tap_case "a module by digest" succeeds "$registry/team/command@$digest"

# A guest was told the digest of its file.
own_name() {
	step_ask "{\"module\":{\"oci\":\"$registry/team/command@$digest\"},\"args\":[\"name\"]}"
	step_succeeded command
	[ "$("$tiphys" run "$registry/team/command:1" name)" = command ]
	[ "$("$tiphys" run --name argo "$registry/team/command:1" name)" = argo ]
}
tap_case "a module is told the name that it has in the registry" own_name

no_second_fetch() {
	registry_told GET command/blobs 1
	succeeds "$registry/team/command:1"
	succeeds "$registry/team/command@$digest"
	registry_told GET command/blobs 1
}
tap_case "another run fetches no blob" no_second_fetch

tap_case "a tag that is not there is named" fails "$registry/team/command:2" "team/command:2"
tap_case "a digest that is not there is named" fails \
	"$registry/team/command@sha256:$(printf '0%.0s' {1..64})" "team/command@sha256:000"

# What did not start has no exit code, and is told by the name that the template has for it.
not_run() {
	head -c 2000 "$TIPHYS_GUESTS/command.wasm" >"$work/cut.wasm"
	"$tiphys_net" push "$work/cut.wasm" "$registry/team/cut:1" >/dev/null
	step_ask "{\"module\":{\"oci\":\"$registry/team/cut:1\"},\"args\":[]}"
	step_failed "$registry/team/cut:1: the module was not run: malformed module: "
	must_fail grep -q -e exitCode -e "$FS_CACHE_DIR" "$work/reply"
	step_ask "{\"module\":{\"oci\":\"$registry/team/cut:1\"}}"
	step_failed "$registry/team/cut:1: the module was not run: malformed module: "
}
tap_case "a module that is none is not told as an exit of the guest" not_run

# Whose limit it was, nobody told.
too_large() {
	step_ask "{\"module\":{\"oci\":\"$registry/team/command:1\"},\"args\":[],\"permissions\":{\"limits\":{\"memory\":\"64K\"}}}"
	step_failed "the module was not run, having met its limit of 65536 bytes of memory (limits.memory): limit reached: "
	must_fail grep -q exitCode "$work/reply"
}
tap_case "a module that starts with more memory than it may have is told by whose limit" too_large

# glibc sorts more than a kilobyte by a system call that the sandbox killed the step for.
many_exports() {
	python3 - >"$work/many.wasm" <<'PYTHON'
import sys

def counted(*items):
    return leb(len(items)) + b"".join(items)

def leb(value):
    return bytes([value & 127 | 128]) + leb(value >> 7) if value > 127 else bytes([value])

def section(number, content):
    return bytes([number]) + leb(len(content)) + content

def export(name):
    return leb(len(name)) + name + b"\0\0"

names = [b"_start"] + [b"name-%d" % i for i in range(1000)]
sys.stdout.buffer.write(b"\0asm\1\0\0\0" + section(1, counted(b"\x60\0\0")) + section(3, counted(b"\0"))
                        + section(7, counted(*map(export, names))) + section(10, counted(b"\2\0\x0b")))
PYTHON
	"$tiphys_net" push "$work/many.wasm" "$registry/team/many:1" >/dev/null
	step_ask "{\"module\":{\"oci\":\"$registry/team/many:1\"},\"args\":[]}"
	step_succeeded ""
}
tap_case "a module of 1,000 exports runs behind the walls" many_exports

# A worker, which is a child of the server, that has an image mapped.
worker_has_image() {
	local folder
	for folder in /proc/[0-9]*; do
		grep -qs "^PPid:	$server\$" "$folder/status" &&
			grep -qs "$FS_CACHE_DIR/images/.*\.image\$" "$folder/maps" && return 0
	done
	return 1
}

from_image() {
	must_fail worker_has_image
	succeeds "$registry/team/command:1"
	wait_for 10 grep -q 'msg="image of a module made"' "$work/serve.log"
	curl -s --noproxy '*' -H 'Content-Type: application/json' -o "$work/held" --data \
		"{\"template\":{\"plugin\":{\"wasm\":{\"module\":{\"oci\":\"$registry/team/command:1\"},\"args\":[\"hold\"]}}}}" \
		"http://$serve/api/v1/template.execute" &
	wait_for 10 worker_has_image
	wait_for 10 steps_let_go 1
	wait_end 60 $!
	expect_in '"phase":"Succeeded"' "$work/held"
}
tap_case "workers start from the image that the server had made" from_image

# The cache of another server, which holds one of these modules and not two.
for number in 1 2 3; do
	cp "$TIPHYS_GUESTS/command.wasm" "$work/$number.wasm"
	# A section of its own: other contents.
	printf '\0\3\1x%s' $number >>"$work/$number.wasm"
	"$tiphys_net" push "$work/$number.wasm" "$registry/team/number:$number" >/dev/null
done
server_before=$serve_pid serve_before=$serve cache_before=$FS_CACHE_DIR
export FS_CACHE_DIR=$work/small
: >"$work/serve.log"
serve_start serve --cache-bytes 400K

cached() {
	[ -e "$work/small/blobs/sha256/$(sha256sum <"$work/$1.wasm" | cut -d' ' -f1)" ]
}
bounded() {
	succeeds "$registry/team/number:1"
	succeeds "$registry/team/number:2"
	# What was used just now stays.
	cached 1
	cached 2
	sleep 11
	succeeds "$registry/team/number:2"
	succeeds "$registry/team/number:3"
	must_fail cached 1
	cached 3
	succeeds "$registry/team/number:1"
	curl -sf --noproxy '*' "http://$serve/metrics" >"$work/metrics"
	[ "$(sed -n 's/^tiphys_module_cache_removed_total //p' "$work/metrics")" -ge 1 ]
	[ "$(sed -n 's/^tiphys_module_cache_bytes //p' "$work/metrics")" -gt 0 ]
}
tap_case "the module cache has a bound" bounded
stop "$serve_pid"
export FS_CACHE_DIR=$cache_before
serve_pid=$server_before serve=$serve_before

corrupted() {
	find "$FS_CACHE_DIR" -type f -delete
	printf 'X' | dd of="$(registry_blob_file "$blob")" bs=1 seek=100 conv=notrunc status=none
	fails "$registry/team/command:1" "$blob"
}
tap_case "a blob that was corrupted in the registry is refused" corrupted

stop "$registry_pid"
tap_case "a registry that is down is named" fails "$registry/team/other:1" "$registry"

# A server that could run nothing looked as one that can, until the first step.
told_at_start() {
	serve_start places --cache-dir /proc/none --store "$work/none"
	grep -q 'level=warn msg="a place of modules cannot be used" detail="module cache: cannot make the folder /proc/none' "$serve_log"
	grep -q "level=warn msg=\"a place of modules cannot be used\" detail=\"$work/none is no image layout" "$serve_log"
	stop "$serve_pid"
	serve_start whole
	must_fail grep -q 'a place of modules' "$serve_log"
	stop "$serve_pid"
}
tap_case "a cache or a store that cannot be used is told at the start" told_at_start

tap_end
