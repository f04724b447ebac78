# `tiphys serve` on a disk that becomes full: the step that fills it fails with a sentence, and the next
# one works. Wants the right to mount, for the small disk.
here=$(dirname "$0")
. "$here/lib/tap.bash"
. "$here/lib/steps.bash"
module=127.0.0.1:1/test/command:1
disk=$work/disk
mkdir "$disk"
"$tiphys_net" push --store "$work/store" "$TIPHYS_GUESTS/command.wasm" $module >/dev/null

# on_small_disk COMMAND…: where $disk has 1 MiB.
on_small_disk() {
	local become=()
	[ "$(id -u)" -eq 0 ] || become=(--map-root-user)
	exec unshare "${become[@]}" --mount --propagation private \
		sh -c 'mount -t tmpfs -o size=1m none "$0" && exec "$@"' "$disk" "$@"
}
if ! (on_small_disk true) 2>/dev/null; then
	tap_skip "a full disk" "this machine grants no mount"
	tap_end
fi
serve_run serve on_small_disk "$tiphys" serve --no-auth --listen 127.0.0.1:0 --store "$work/store" \
	--work-dir "$disk"

# execute WASM [TEMPLATE]: the reply is in $work/reply.
execute() {
	printf '{"template":{"plugin":{"wasm":{"module":"%s",%s}}%s}}' $module "$1" "${2-}" >"$work/body"
	curl -sf --noproxy '*' -H 'Content-Type: application/json' -o "$work/reply" \
		--data-binary "@$work/body" "http://$serve/api/v1/template.execute"
}

works() {
	execute '"args":["write","/work/o","value"]' \
		',"outputs":{"parameters":[{"name":"o","valueFrom":{"path":"/work/o"}}]}'
	expect_in '"value":"value"' "$work/reply"
}

guest_fills_it() {
	execute '"args":["write","/work/o","0123456789abcdef",200000]'
	expect_in '"phase":"Failed"' "$work/reply"
	expect_in 'no space is left on the disk that the module wrote to' "$work/reply"
	works
}
tap_case "a module that fills it" guest_fills_it

artifact_fills_it() {
	execute '"args":["echo"]' ",\"inputs\":{\"artifacts\":[{\"name\":\"large\",\"path\":\"/work/a\",\"raw\":{
		\"data\":\"$(head -c 1500000 /dev/zero | tr '\0' x)\"}}]}"
	expect_in '"phase":"Failed"' "$work/reply"
	expect_in 'input artifact large' "$work/reply"
	expect_in 'No space left on device' "$work/reply"
	works
}
tap_case "an input artifact that is larger than it" artifact_fills_it

# Many steps at once, each of which would fill it.
many_at_once() {
	local calls=() i
	for i in 1 2 3 4 5 6; do
		curl -sf --noproxy '*' -H 'Content-Type: application/json' -o "$work/reply.$i" --data \
			"{\"template\":{\"plugin\":{\"wasm\":{\"module\":\"$module\",
			\"args\":[\"write\",\"/work/$i\",\"0123456789abcdef\",200000]}}}}" \
			"http://$serve/api/v1/template.execute" &
		calls+=($!)
	done
	for i in "${calls[@]}"; do wait_end 120 "$i"; done
	for i in 1 2 3 4 5 6; do
		expect_in '"phase":"Failed"' "$work/reply.$i"
	done
	works
}
tap_case "six at once" many_at_once

tap_end
