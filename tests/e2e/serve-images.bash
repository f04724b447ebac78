# `tiphys serve` has images made of the modules that its steps run, and starts later steps from them.
here=$(dirname "$0")
. "$here/lib/tap.bash"
. "$here/lib/steps.bash"

folder=$work/cache/images

echoes() {
	succeeds "$1" '"args": ["echo", "ahoy"]'
	[ "$(node outputs.result)" = ahoy ]
}

the_image() {
	local images=("$folder"/*.image)
	[ ${#images[@]} -eq 1 ] && [ -f "${images[0]}" ] && echo "${images[0]}"
}

made() {
	[ "$(curl -sf --noproxy '*' "http://$serve/metrics" |
		sed -n "s/^tiphys_images_total{result=\"$1\"} //p")" -eq "$2" ]
}

# A file that was last read long before it was written notes when it is read again, but on file systems
# that note nothing of the kind.
forget_reading() {
	touch -a -d '2020-01-01' "$1"
}
was_read() {
	[ "$(stat -c %X "$1")" -gt 1600000000 ]
}
touch "$work/read"
forget_reading "$work/read"
cat "$work/read"
echo x >"$work/read"
forget_reading "$work/read"
cat "$work/read" >/dev/null
notes_reading=no
was_read "$work/read" && notes_reading=yes

serve_guest command "$TIPHYS_GUESTS/command.wasm"
serve_start serve

made_without_a_command() {
	local image
	echoes command
	wait_for 20 made made 1
	image=$(the_image)
	[ "$(stat -c %a "$folder")" = 700 ]
	[ "$(stat -c %a "$image")" = 600 ]
	grep -q 'msg="image of a module made" digest=sha256:' "$serve_log"
	[ -z "$(find "$folder" -name '.new-*')" ]
	[ $notes_reading = yes ] || return 0
	forget_reading "$image"
	echoes command
	was_read "$image"
}
tap_case "a step starts from an image that nobody ordered" made_without_a_command

once() {
	local i calls=()
	for i in 1 2 3 4 5 6 7 8; do
		curl -sS --max-time 30 -H 'Content-Type: application/json' -o /dev/null --data-binary \
			"@$work/request" "http://$serve/api/v1/template.execute" &
		calls+=($!)
	done
	for i in "${calls[@]}"; do wait_end 40 "$i"; done
	made made 1
	made failed 0
	[ "$(grep -c 'image of a module made' "$serve_log")" -eq 1 ]
}
tap_case "one image for all steps of a module" once
stop "$serve_pid"

# What a server does that finds this image: $1 changes it. The same module makes the same image.
not_used() {
	local image
	image=$(the_image)
	cp "$image" "$work/good.image"
	"$1" "$image"
	echoes command
	wait_for 20 made made 1
	image=$(the_image)
	cmp "$image" "$work/good.image"
	[ "$(stat -c %a "$image")" = 600 ]
	echoes command
}
damage() {
	printf 'rubbish' | dd of="$1" bs=1 seek=100 conv=notrunc status=none
}
cut_short() {
	truncate -s 600 "$1"
}
open_to_others() {
	chmod g+w "$1"
}
forge() {
	head -c 40000 /dev/urandom >"$1.other"
	chmod 600 "$1.other"
	mv "$1.other" "$1"
}
for how in damage cut_short open_to_others forge; do
	serve_start "serve-$how"
	tap_case "an image is not used, but made anew: $how" not_used $how
	stop "$serve_pid"
done

# No server and no worker looks at all of an image, so each step from this one crashed.
crashed_by_it() {
	local image size
	image=$(the_image)
	size=$(stat -c %s "$image")
	yes Z | tr -d '\n' | head -c $((size / 2)) | dd of="$image" bs=4096 seek=$(((size - size / 2) / 4096)) \
		conv=notrunc status=none
	truncate -s "$size" "$image"
	fails "died of signal" command '"args": ["echo", "ahoy"]'
	wait_for 20 grep -q 'msg="image of a module removed"' "$serve_log"
	[ ! -e "$image" ]
	echoes command
}
serve_start serve-crash
tap_case "a damaged image crashed every step from it" crashed_by_it
stop "$serve_pid"
rm -rf "$folder"
serve_start serve-remade
echoes_again() {
	echoes command
	wait_for 20 made made 1
}
tap_case "the next server has it made" echoes_again
stop "$serve_pid"

# A server that is killed leaves what it wrote at; the next one removes it when it starts.
serve_start serve-killed
kill -KILL "$serve_pid"
wait "$serve_pid" 2>/dev/null
rm "$work/started/$serve_pid"
echo half >"$folder/.new-1-1"
serve_start serve-again
tap_case "what a killed server was writing goes when the next one starts" wait_for 5 test ! -e "$folder/.new-1-1"
found() {
	local image inode
	image=$(the_image)
	inode=$(stat -c %i "$image")
	echoes command
	sleep 1
	made made 0
	[ "$(stat -c %i "$(the_image)")" = "$inode" ]
}
tap_case "a server takes the image that an earlier one had made" found
stop "$serve_pid"

# A quarter of what all images may take is too little for this one.
too_large() {
	rm -r "$folder"
	echoes command
	wait_for 20 made failed 1
	grep -q 'msg="no image of a module" .*reason="[^"]*File too large' "$serve_log" ||
		{ grep 'no image' "$serve_log" && false; }
	[ -z "$(find "$folder" -type f)" ]
	echoes command
	[ "$(grep -c 'no image of a module' "$serve_log")" -eq 1 ]
}
serve_start serve-small --images-bytes 40K
tap_case "an image that grows too large is none, and is not tried at each step" too_large
stop "$serve_pid"

none() {
	rm -rf "$folder"
	echoes command
	sleep 0.5
	[ ! -e "$folder" ]
}
serve_start serve-none --images-bytes 0
tap_case "--images-bytes 0" none
stop "$serve_pid"

# What the compiler has to say of a module that is none is a line of the log; the step has its own.
malformed() {
	fails "malformed module" broken '"args": []'
	wait_for 20 made failed 1
	[ -z "$(find "$folder" -type f)" ]
	echoes command
}
head -c 5000 "$TIPHYS_GUESTS/command.wasm" >"$work/broken.wasm"
serve_guest broken "$work/broken.wasm"
serve_start serve-broken
tap_case "a module that is cut off" malformed
stop "$serve_pid"

# A millisecond is too short for 200,000 functions.
in_time() {
	succeeds many '"args": []'
	wait_for 20 made failed 1
	expect_in "it took more than 1 ms (--image-timeout)" "$serve_log"
	[ -z "$(find "$folder" -type f)" ]
}
python3 - "$work/many.wasm" <<-'PY'
	import sys

	def number(n):
	    digits = bytearray()
	    while True:
	        n, digit = n >> 7, n & 127
	        digits.append(digit | 128 if n else digit)
	        if not n:
	            return bytes(digits)

	def section(kind, contents):
	    return bytes([kind]) + number(len(contents)) + contents

	functions = 200000
	body = b"\0" + b"\x41\x01\x1a" * 7 + b"\x0b"  # i32.const 1, drop
	with open(sys.argv[1], "wb") as out:
	    out.write(b"\0asm\1\0\0\0" + section(1, b"\1\x60\0\0")
	              + section(3, number(functions) + bytes(functions)) + section(7, b"\1\6_start\0\0")
	              + section(10, number(functions) + (number(len(body)) + body) * functions))
PY
rm -rf "$folder"
serve_guest many "$work/many.wasm"
serve_start serve-hurried --image-timeout 1ms
tap_case "how long an image may take to be made is --image-timeout" in_time
stop "$serve_pid"

of_none() {
	local status=0
	timeout 20 "$tiphys" serve --listen 127.0.0.1:0 --no-auth --images-bytes 0 --image-timeout 1s >"$work/refused" 2>&1 || status=$?
	[ $status -eq 2 ]
	expect_in "--image-timeout does nothing while --images-bytes is 0; leave one of them out" "$work/refused"
}
tap_case "… and nothing where none are made, which is told" of_none

tap_end
