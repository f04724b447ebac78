# The server and its workers where a cluster lets them be: a container of user 65532 without capabilities, with
# no new privileges, a read-only root and a runtime's default filter. TIPHYS_NATIVE_TEST and TIPHYS_NATIVE are
# test_native and its worker.
here=$(dirname "$0")
. "$here/../e2e/lib/tap.bash"

reason=
[ "$(id -u)" = 0 ] || reason="wants root, to make a container"
command -v runc >/dev/null || reason="wants runc"
[ -e /usr/share/containers/seccomp.json ] || reason="wants a runtime's filter (golang-github-containers-common)"
[ "$(uname -m)" = x86_64 ] || reason="knows the filter of x86-64 alone"
if [ -n "$reason" ]; then
	echo "pod.bash: nothing is shown of restricted pods: it $reason" >&2
	echo "1..0 # SKIP $reason"
	exit 0
fi

binds=("$TIPHYS_BUILD:$TIPHYS_BUILD" "$work/store:/store")
for path in /usr /bin /lib /lib64 /etc; do
	[ -e "$path" ] && binds+=("$path:$path")
done
"$tiphys_net" push --store "$work/store" "$TIPHYS_GUESTS/command.wasm" test.example/command:1 >/dev/null
chmod -R a+rX "$work/store"
chmod 755 "$work"

# bundle NAME FILTER COMMAND…
bundle() {
	local name=$1 filter=$2
	shift 2
	mkdir -p "$work/$name"
	python3 "$here/pod_config.py" "$work/$name" "$filter" "${binds[@]}" -- "$@"
}

# pod NAME FILTER COMMAND…: runs it to its end
pod() {
	bundle "$@"
	runc --root "$work/runc" run --bundle "$work/$1" "tiphys-$1-$$" </dev/null
}

# serve_pod NAME FILTER [OPTION…]: a server in a pod; $serve its process, as runc's child
serve_pod() {
	local name=$1 filter=$2
	shift 2
	bundle "$name" "$filter" "$TIPHYS_BUILD/tiphys" serve --no-auth --listen 127.0.0.1:0 --store /store "$@"
	start "$name" runc --root "$work/runc" run --bundle "$work/$name" "tiphys-$name-$$"
}

# step NAME: what the server in that pod makes of a step that prints a word
step() {
	local address
	address=$(sed -n 's/.* msg=listening address=\([^ ]*\).*/\1/p' "$work/$1.log")
	curl -sf --noproxy '*' -m 60 -H 'Content-Type: application/json' -o "$work/reply" --data \
		'{"template":{"plugin":{"wasm":{"module":"test.example/command:1","args":["echo","word"]}}}}' \
		"http://$address/api/v1/template.execute"
	expect_in '"phase":"Succeeded"' "$work/reply"
	expect_in '"result":"word"' "$work/reply"
}

# The pod is one: else the rest would show nothing.
is_restricted() {
	pod shape landlock /bin/sh -c '
		grep -E "^(Uid|Cap[A-Za-z]*|NoNewPrivs|Seccomp):" /proc/self/status
		touch /file; unshare -U true; unshare -n true; mount -t tmpfs none /tmp' >"$work/shape.out" 2>&1 || :
	grep -qP '^Uid:\t65532\t65532\t65532\t65532$' "$work/shape.out"
	for set in Inh Prm Eff Bnd Amb; do grep -qP "^Cap$set:\t0+\$" "$work/shape.out"; done
	grep -qP '^NoNewPrivs:\t1$' "$work/shape.out"
	grep -qP '^Seccomp:\t2$' "$work/shape.out"
	expect_in "Read-only file system" "$work/shape.out"
	[ "$(grep -c "unshare.*Operation not permitted" "$work/shape.out")" = 2 ]
	grep -qE "mount:.*(permission denied|must be superuser|only root)" "$work/shape.out"
}
tap_case "the container is a restricted pod's shape" is_restricted

serve_pod strict landlock --require-sandbox
starts_whole() {
	wait_for 30 grep -q msg=listening "$work/strict.log"
	must_fail grep -q "lacks a part of the sandbox" "$work/strict.log"
}
tap_case "serve --require-sandbox starts, and lacks nothing" starts_whole
tap_case "a step runs" step strict
strict=$started
ends_at_once() {
	kill "$strict"
	wait_for 5 sh -c "! kill -0 $strict"
}
tap_case "it ends at SIGTERM" ends_at_once

# A profile of before Landlock refuses its calls.
serve_pod old old --require-sandbox
names_what_is_lacking() {
	wait_for 30 grep -q "landlock" "$work/old.log"
	expect_in "--require-sandbox" "$work/old.log"
	must_fail grep -q msg=listening "$work/old.log"
}
tap_case "serve --require-sandbox names what the pod lacks, and does not start" names_what_is_lacking
serve_pod lax old
goes_without() {
	wait_for 30 grep -q msg=listening "$work/lax.log"
	grep "lacks a part of the sandbox" "$work/lax.log" | grep -q "part=landlock"
	step lax
}
tap_case "without the option it says so, and a step runs" goes_without

# Native code in the interpreter's place, row by row.
pod natives landlock "$TIPHYS_NATIVE_TEST" "$TIPHYS_NATIVE" >"$work/natives.tap" 2>&1
went_through_all() {
	cat "$work/natives.tap"
	[ "$(grep -cE '^(not )?ok ' "$work/natives.tap")" -ge "$(grep -c '^NATIVE(' "$here/natives.def")" ]
}
tap_case "hostile native code was tried in the pod" went_through_all
native_row() {
	must_fail grep -A3 -E "^not ok [0-9]+ - $1( |\$)" "$work/natives.tap"
	grep -qE "^ok [0-9]+ - $1( |\$)" "$work/natives.tap"
}
while read -r name; do
	tap_case "in the pod: $name" native_row "$name"
done < <(sed -n 's/^\(not \)\{0,1\}ok [0-9]* - \([a-z0-9_]*\).*/\2/p' "$work/natives.tap")
tap_end
