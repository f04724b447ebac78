# `tiphys serve` whose root is a folder that is no mount point, as `chroot` leaves it, with /proc and without: steps run,
# behind the same walls as elsewhere.
here=$(dirname "$0")
. "$here/lib/tap.bash"
. "$here/lib/steps.bash"

root=$work/root
if [ "$(id -u)" != 0 ]; then
	tap_skip "serve in a chroot" "this wants root"
	tap_end
fi

serve_guest command "$TIPHYS_GUESTS/command.wasm"
mkdir -p "$root/bin" "$root/dev" "$root/proc" "$root/steps" "$root/tmp" "$root/usr/local/bin"
cp -r "$work/store" "$root/store"
cp "$tiphys" "$tiphys_net" "$root/bin/"
for executable in "$tiphys" "$tiphys_net"; do
	for library in $(ldd "$executable" 2>/dev/null | grep -oE '/[^ ]+'); do
		mkdir -p "$root${library%/*}"
		cp -L "$library" "$root$library"
	done
done
mknod -m 666 "$root/dev/null" c 1 3

serves() {
	serve_run "$@" serve --listen 127.0.0.1:0 --no-auth --work-dir /steps --store /store --cache-dir /tmp/cache
}

walls() { grep -o ' msg=sandbox .*' "$1"; }

steps() {
	succeeds command '"args": ["echo", "ahoy"]'
	[ "$(node outputs.result)" = ahoy ]
	succeeds command '"args": ["write", "/work/file", "x"]'
	execute command '"args": ["show", "/store/index.json"]'
	[ "$(node phase)" = Failed ]
	[ "$(walls "$serve_log")" = "$(walls "$work/elsewhere.log")" ] || { walls "$serve_log" && walls "$work/elsewhere.log" && false; }
	must_fail mountpoint -q "$root"
}

serve_start elsewhere
stop "$serve_pid"

if unshare -m true 2>/dev/null; then
	serves with-proc unshare -m --propagation private sh -c "mount -t proc proc '$root/proc' && exec chroot '$root' /bin/tiphys \"\$@\"" sh
	tap_case "with /proc" steps
	stop "$serve_pid"
else
	tap_skip "with /proc" "no mount namespace is to be had"
fi

# Executables beside each other are found by /proc; without it, where they are installed.
alone() {
	must_fail chroot "$root" /bin/tiphys serve --listen 127.0.0.1:0 --no-auth >"$work/out" 2>&1
	expect_in "without /proc nobody knows what stands beside tiphys" "$work/out"
}
tap_case "without /proc and not installed it says what is missing" alone
mv "$root/bin/tiphys" "$root/bin/tiphys-net" "$root/usr/local/bin/"
serves without-proc chroot "$root" /usr/local/bin/tiphys
tap_case "without /proc" steps
stop "$serve_pid"

tap_end
