# Images kept by one run and used by the next (tests/e2e/images): whatever happens to them, the guest
# runs and says the same.
here=$(dirname "$0")
. "$here/lib/tap.bash"

module=$work/module.wasm
folder=$FS_CACHE_DIR/images
out=$work/out
err=$work/err

# A module that has not been written this moment, and no images.
fresh() {
	rm -rf "$FS_CACHE_DIR" "$module"
	cp "$TIPHYS_GUESTS/probe.wasm" "$module"
	chmod 644 "$module"
	sleep 0.2
}

# The guest's output must be what it is without any image; $err tells what became of the image.
runs() {
	"$tiphys" run --no-cache "$module" args one two >"$work/wanted"
	"$tiphys" run --verbose "$@" "$module" args one two >"$out" 2>"$err"
	cmp "$out" "$work/wanted"
}

keeps() {
	runs "$@"
	expect_in "kept the image" "$err"
}

uses() {
	runs "$@"
	expect_in "runs from the image" "$err"
}

the_image() {
	local images=("$folder"/*.image)
	[ ${#images[@]} -eq 1 ] && [ -f "${images[0]}" ] && echo "${images[0]}"
}

second_run_uses_it() {
	fresh
	keeps
	uses
	uses
	[ "$(stat -c %a "$folder")" = 700 ]
	[ "$(stat -c %a "$(the_image)")" = 600 ]
}
tap_case "the second run uses what the first one kept" second_run_uses_it

silent() {
	fresh
	"$tiphys" run "$module" args 2>"$err" >"$out"
	[ ! -s "$err" ]
	the_image
	"$tiphys" run "$module" args 2>"$err" >"$out"
	[ ! -s "$err" ]
}
tap_case "nothing is said of it to who does not ask" silent

no_cache() {
	fresh
	runs --no-cache
	[ ! -s "$err" ]
	[ ! -e "$FS_CACHE_DIR" ]
	runs --images-bytes 0
	[ ! -e "$FS_CACHE_DIR" ]
	keeps --cache-dir "$work/elsewhere"
	uses --cache-dir "$work/elsewhere"
	[ ! -e "$FS_CACHE_DIR" ]
}
tap_case "--no-cache and --cache-dir" no_cache

changed_module() {
	fresh
	keeps
	cp "$TIPHYS_GUESTS/foreign.wasm" "$work/other.wasm"
	# The same file, with other contents of another size, then of the same size.
	printf '\0\3\1x\0' >>"$module"
	sleep 0.2
	runs
	expect_in "of another module, or of what it was before" "$err"
	uses
	printf 'y' | dd of="$module" bs=1 conv=notrunc seek=$(($(stat -c %s "$module") - 1)) 2>/dev/null
	touch -r "$work/other.wasm" "$module"
	sleep 0.2
	runs
	expect_in "of another module, or of what it was before" "$err"
}
tap_case "a module that changed has another image" changed_module

just_written() {
	rm -rf "$FS_CACHE_DIR"
	cp "$TIPHYS_GUESTS/probe.wasm" "$module"
	touch "$module"
	"$tiphys" run --verbose "$module" args >"$out" 2>"$err"
	# On a slow machine the moment is over.
	grep -q "written this moment" "$err" || grep -q "kept the image" "$err"
}
tap_case "a module that was written this moment" just_written

other_rules() {
	fresh
	keeps
	runs --enable threads
	expect_in "under other features or limits" "$err"
	uses --enable threads
	runs --limit functions=5000
	expect_in "under other features or limits" "$err"
	keeps
	# Their code is other code, which has images of its own.
	local mode
	for mode in --unfolded --checked-memory --fuel=1000000000; do
		keeps $mode --limit functions=5000
		uses $mode --limit functions=5000
	done
	uses
}
tap_case "other features, limits and ways to run" other_rules

compiled() {
	fresh
	"$tiphys" compile "$module" >"$out" 2>"$err"
	[ ! -s "$out" ] && [ ! -s "$err" ]
	uses
	"$tiphys" compile --verbose "$module" 2>"$err"
	expect_in "runs from the image" "$err"
	# One that is not valid, one that cannot be kept.
	echo "no module, but long enough" >"$work/bad.wasm"
	head -c 5000 /dev/zero >>"$work/bad.wasm"
	local status=0
	"$tiphys" compile "$work/bad.wasm" 2>"$err" || status=$?
	[ $status = 1 ]
	expect_in "magic header not detected" "$err"
	"$tiphys" compile --cache-dir /proc/none "$module" 2>"$err" || status=$?
	[ $status = 1 ]
	expect_in "cannot open the folder /proc/none/images" "$err"
}
tap_case "compile keeps it before the first run" compiled

damaged() {
	local image size at
	fresh
	keeps
	image=$(the_image)
	size=$(stat -c %s "$image")
	for at in 0 1 7 8 100 1000 4096 $((size / 2)) $((size - 1)); do
		keeps_again
		truncate -s $at "$image"
		runs
		expect_in "is not used" "$err"
	done
	keeps_again
	truncate -s $((size + 1)) "$image"
	runs
	expect_in "bytes instead of $size" "$err"
	for at in 0 8 16 20 40 60 200; do
		keeps_again
		printf '\xa5' | dd of="$image" bs=1 conv=notrunc seek=$at 2>/dev/null
		runs
		expect_in "is not used" "$err"
	done
	# Each time another one took its place.
	uses
}
keeps_again() {
	rm -f "$folder"/*
	keeps
}
tap_case "a truncated or damaged image is not used, and replaced" damaged

# Too large for a sum, it was mapped again and again, and each run crashed.
crashes() {
	local image size status=0
	fresh
	"$tiphys" compile "$module"
	image=$(the_image)
	size=$(stat -c %s "$image")
	[ "$size" -gt 65536 ]
	# Its last part is code: what stands there now leads nowhere.
	yes Z | tr -d '\n' | head -c $((size / 2)) | dd of="$image" bs=4096 seek=$(((size - size / 2) / 4096)) conv=notrunc \
		status=none
	truncate -s "$size" "$image"
	"$tiphys" run "$module" args one two >"$out" 2>"$err" || status=$?
	[ $status -eq 139 ]
	expect_in "crashed while it ran from the image ${image##*/}, which may be damaged and is removed" "$err"
	[ ! -e "$image" ]
	keeps
	uses
	# Where another process sends the signal, the image has no part in it.
	image=$(the_image)
	mkfifo "$work/stdin"
	"$tiphys" run --stdin "$module" cat <"$work/stdin" >"$out" 2>"$err" &
	exec 3>"$work/stdin"
	wait_for 5 grep -q "${image##*/}" "/proc/$!/maps"
	kill -SEGV $!
	exec 3>&-
	ends 30 $!
	wait $! || status=$?
	[ -e "$image" ]
	[ ! -s "$err" ] || ! grep -q "is removed" "$err"
}
tap_case "a damaged image crashed every run from it" crashes

not_ones_own() {
	fresh
	keeps
	local image
	image=$(the_image)
	chmod g+w "$image"
	runs
	expect_in "can be written by others" "$err"
	uses
	chmod o+w "$folder"
	runs
	expect_in "where user $(id -u) alone can write" "$err"
	chmod 700 "$folder"
	mv "$image" "$work/real.image"
	ln -s "$work/real.image" "$image"
	runs
	expect_in "cannot open the image" "$err"
	uses
	chmod o+w "$module"
	runs
	expect_in "a module that others can write" "$err"
}
tap_case "images and modules that others can write" not_ones_own

# Whoever may put one there may do worse, but a run must not wait for it without end.
no_regular_file() {
	fresh
	keeps
	local image status=0
	image=$(the_image)
	rm "$image"
	mkfifo "$image"
	"$tiphys" run --no-cache "$module" args one two >"$work/wanted"
	timeout 20 "$tiphys" run --verbose "$module" args one two >"$out" 2>"$err"
	cmp "$out" "$work/wanted"
	expect_in "is no regular file" "$err"
	# What is kept of this run takes its place.
	uses
	rm "$module"
	mkfifo "$module"
	timeout 20 "$tiphys" run "$module" args >"$out" 2>"$err" || status=$?
	[ $status = 1 ]
	expect_in "is no regular file; a module is mapped, not read" "$err"
	# The one that a shell opened is a module like another, by whatever name.
	"$tiphys" run /dev/stdin args one two <"$TIPHYS_GUESTS/probe.wasm" >"$out"
	[ -s "$out" ]
}
tap_case "a FIFO in the place of an image or a module was waited for" no_regular_file

another_owner() {
	fresh
	keeps
	chown 12345 "$(the_image)"
	runs
	expect_in "can be written by others (user 12345" "$err"
	chown 12345 "$folder"
	runs
	expect_in "belongs to user 12345" "$err"
	chown 0 "$folder"
	chown 12345 "$module"
	runs
	expect_in "others can write (user 12345" "$err"
}
if [ "$(id -u)" = 0 ]; then
	tap_case "images and modules of another user" another_owner
else
	tap_skip "images and modules of another user" "chown needs root"
fi

no_place() {
	fresh
	runs --cache-dir /proc/none
	expect_in "cannot open the folder /proc/none/images" "$err"
	mkdir -p "$FS_CACHE_DIR"
	echo "no folder" >"$folder"
	runs
	expect_in "cannot open the folder" "$err"
	rm "$folder"
	FS_CACHE_DIR= HOME= runs
	expect_in "there is no place for images" "$err"
}
tap_case "no place to keep it" no_place

# Each was told when an image was looked for, and once more when one was to be kept.
once() {
	[ "$(grep -c "image: $1" "$err")" -eq 1 ] || { cat "$err" && false; }
}
told_once() {
	fresh
	mkdir -p "$FS_CACHE_DIR/real"
	chmod o+w "$FS_CACHE_DIR/real"
	ln -s real "$folder"
	runs
	once "the folder $folder is a symbolic link, which is not followed"
	rm "$folder"
	mv "$FS_CACHE_DIR/real" "$folder"
	runs
	once "the folder $folder belongs to user"
	chmod o-w "$folder"
	FS_CACHE_DIR= HOME= runs
	once "there is no place for images"
	chmod o+w "$module"
	runs
	once "no image is kept of a module that others can write"
}
tap_case "why no image is kept was told twice, and a link was called no directory" told_once

full_disk() {
	local blocks
	fresh
	for blocks in 0 1 2 4; do
		"$tiphys" run --no-cache "$module" args one two >"$work/wanted"
		(ulimit -f $blocks; "$tiphys" run --verbose "$module" args one two) 2>&1 | cat >"$work/both"
		expect_in "is not kept: cannot write the image" "$work/both"
		grep -vF "tiphys run: image" "$work/both" | cmp - "$work/wanted"
		[ -z "$(ls -A "$folder")" ]
	done
	keeps
}
tap_case "a disk that is full" full_disk

small_file_system() {
	fresh
	mkdir "$work/small"
	"$tiphys" run --no-cache "$module" args one two >"$work/wanted"
	unshare --mount bash -ec 'mount -t tmpfs -o size=16k,mode=700 tmpfs "$1"
		shift
		"$@"' - "$work/small" "$tiphys" run --verbose --cache-dir "$work/small" "$module" args one two \
		>"$out" 2>"$err"
	cmp "$out" "$work/wanted"
	expect_in "is not kept: cannot write the image: No space left on device" "$err"
}

# It was told that there is no such file or directory, which is true and not the reason.
read_only_cache() {
	fresh
	mkdir "$work/read-only"
	"$tiphys" run --no-cache "$module" args one two >"$work/wanted"
	unshare --mount bash -ec 'mount -t tmpfs -o ro,mode=700 tmpfs "$1"
		"$2" run --verbose --cache-dir "$1/below" "$3" args one two
		! "$2" compile --cache-dir "$1" "$3" 2>"$1.compile"' - "$work/read-only" "$tiphys" "$module" \
		>"$out" 2>"$err"
	cmp "$out" "$work/wanted"
	expect_in "cannot open the folder $work/read-only/below/images: Read-only file system" "$err"
	expect_in "cannot open the folder $work/read-only/images: Read-only file system" "$work/read-only.compile"
}
if [ "$(id -u)" = 0 ] && unshare --mount true 2>/dev/null; then
	tap_case "a file system without room" small_file_system
	tap_case "a cache that is read-only is named as that" read_only_cache
else
	tap_skip "a file system without room" "mounting needs root"
	tap_skip "a cache that is read-only is named as that" "mounting needs root"
fi

# The next one that keeps an image looks through the folder, as the first of a day does.
next_day() {
	rm -f "$folder"/.ledger-*
}

# What counts on a day that goes on, by UTC, begins early enough in it.
not_at_midnight() {
	local left=$((86400 - $(date +%s) % 86400))
	[ "$left" -gt 30 ] || sleep $((left + 1))
}

killed() {
	local i
	fresh
	for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		rm -rf "$folder"
		timeout -s KILL 0.00$((i % 5 + 1)) "$tiphys" run "$module" args one two >/dev/null 2>&1 || true
		runs
	done
	# What such writers leave is never opened, and goes when a later one looks through the folder.
	for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		rm -f "$folder"/*.image
		timeout -s KILL 0.00$((i % 5 + 1)) "$tiphys" run "$module" args one two >/dev/null 2>&1 || true
	done
	echo half >"$folder/.new-1-1"
	rm -f "$folder"/*.image
	next_day
	keeps
	[ -z "$(find "$folder" -name '.new-*')" ]
}
tap_case "killed at any moment" killed

# It stayed for an hour whether its writer lived or not, and a slow writer lost it then.
held() {
	fresh
	keeps
	echo half >"$folder/.new-2-2"
	touch -d "2 hours ago" "$folder/.new-2-2"
	mkfifo "$work/hold"
	flock "$folder/.new-2-2" cat "$work/hold" &
	exec 3>"$work/hold"
	wait_for 5 sh -c "! flock -n '$folder/.new-2-2' true"
	rm "$folder"/*.image
	next_day
	keeps
	[ -e "$folder/.new-2-2" ]
	exec 3>&-
	wait_end 30 $!
	rm "$folder"/*.image
	next_day
	keeps
	[ ! -e "$folder/.new-2-2" ]
}
tap_case "a file of a writer that lives stays, and goes with it" held

the_oldest_go() {
	local i size
	fresh
	keeps
	size=$(($(stat -c %b "$(the_image)") * 512))
	for i in 1 2 3 4; do
		cp "$module" "$work/module$i.wasm"
	done
	sleep 0.2
	for i in 1 2 3 4; do
		"$tiphys" run --verbose --images-bytes $((size * 2 + size / 2)) "$work/module$i.wasm" args >/dev/null 2>"$err"
		expect_in "kept the image" "$err"
	done
	[ "$(ls "$folder" | wc -l)" = 2 ]
	"$tiphys" run --verbose "$work/module4.wasm" args >/dev/null 2>"$err"
	expect_in "runs from the image" "$err"
	"$tiphys" run --verbose "$work/module1.wasm" args >/dev/null 2>"$err"
	expect_in "kept the image" "$err"
}
tap_case "the oldest go when there are too many" the_oldest_go

# It took 75 ms beside 5,000 images. What came by another way is not counted, so it goes when a commit
# looks, and not before.
many_images() {
	local i size limit
	not_at_midnight # the folder was looked through then, before its images were counted here
	fresh
	keeps
	size=$(($(stat -c %b "$(the_image)") * 512))
	limit=$((size * 8))
	cp "$(the_image)" "$work/one"
	for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		cp "$work/one" "$folder/0123456789abcdef-0-1-$i.image"
		cp "$module" "$work/module$i.wasm"
	done
	sleep 0.2
	for i in 1 2 3 4 5; do
		"$tiphys" run --images-bytes $limit "$work/module$i.wasm" args >/dev/null
	done
	[ "$(ls "$folder" | wc -l)" -eq 26 ]
	for i in 6 7 8 9; do
		"$tiphys" run --images-bytes $limit "$work/module$i.wasm" args >/dev/null
	done
	[ "$(ls "$folder" | wc -l)" -le 8 ]
	next_day
	"$tiphys" run --images-bytes $limit "$work/module10.wasm" args >/dev/null
	[ "$(ls "$folder" | wc -l)" -le 8 ]
}
tap_case "keeping an image looked at all that were there" many_images

# They stayed until all together were too much.
other_builds() {
	fresh
	keeps
	local old=$folder/0123456789abcdef-0-1-1.image young=$folder/0123456789abcdef-0-1-2.image own
	own=$(the_image)
	cp "$own" "$old"
	cp "$own" "$young"
	touch -d "8 days ago" "$old" "$own"
	# What is counted is of an earlier day.
	for ledger in "$folder"/.ledger-*; do
		mv "$ledger" "$folder/.ledger-1"
	done
	cp "$module" "$work/another.wasm"
	sleep 0.2
	"$tiphys" run "$work/another.wasm" args >/dev/null
	[ ! -e "$old" ]
	[ -e "$young" ]
	[ -e "$own" ]
	[ "$(ls -A "$folder" | grep -c ledger)" -eq 1 ]
	[ ! -e "$folder/.ledger-1" ]
}
tap_case "images of other builds stayed for ever" other_builds

tap_end
