# Archives made by the programs that people have, through a step and back: what one program packed is laid by tiphys,
# packed anew by it, and unpacked by another program. Contents, modes and links must be the same.
here=$(dirname "$0")
. "$here/lib/tap.bash"
. "$here/lib/steps.bash"
. "$here/lib/swift.bash"

swift_start
s3 PUT /artifacts
serve_guest tree "$TIPHYS_GUESTS/tree.wasm"
serve_start serve --artifact-s3-endpoint "http://$swift" --artifact-s3-bucket artifacts \
	--artifact-s3-access-key-file "$work/access-key" --artifact-s3-secret-key-file "$work/secret-key"

# ---- the tree ----

# A name of 200 bytes, and a path of more than 512, for which old tar has no room.
long=$(printf 'long%.0s' {1..50})
sample=$work/sample/cargo
mkdir -p "$sample/empty" "$sample/deep/$long/$long" "$sample/ü ñ 漢字"
umask 022
printf 'one\n' >"$sample/plain"
printf '' >"$sample/nothing"
head -c 300000 /dev/urandom >"$sample/random"
printf 'deep\n' >"$sample/deep/$long/$long/$long"
printf 'in unicode\n' >"$sample/ü ñ 漢字/файл 🚢.txt"
printf 'quoted\n' >"$sample/a'b\"c \$d"
printf '#!/bin/sh\n' >"$sample/run"
chmod 755 "$sample/run"
chmod 400 "$sample/nothing"
chmod 640 "$sample/plain"
chmod 700 "$sample/deep"
chmod 775 "$sample/empty"
ln -s plain "$sample/link"
ln -s "../plain" "$sample/deep/up"
ln -s "nowhere/at all" "$sample/dangling"

# shown FOLDER: all of it: path, type, mode of what is no link, target or digest of the contents
shown() {
	(cd "$1" && find . -mindepth 1 -printf '%P\t%y\t%m\t%l\n' | LC_ALL=C sort | awk -F '\t' -v OFS='\t' '$2 == "l" {$3 = "-"} 1'
	find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum)
}

# same FOLDER [WANTED]: it is as the sample
same() {
	shown "${2:-$sample}" >"$work/wanted"
	shown "$1" >"$work/found"
	diff "$work/wanted" "$work/found"
}

# ---- packers: pack_NAME FILE packs cargo of the folder that it is called in ----

pack_gnu() { tar --format=gnu -czf "$1" cargo; }
pack_pax() { tar --format=pax -czf "$1" cargo; }
pack_oldgnu() { tar --format=oldgnu -czf "$1" cargo; }
pack_bsdtar() { bsdtar -czf "$1" cargo; }
pack_bsdtar_gnutar() { bsdtar --format=gnutar -czf "$1" cargo; }
pack_python() { python3 -c 'import sys, tarfile; tarfile.open(sys.argv[1], "w:gz").add("cargo")' "$1"; }
pack_several() { tar -C cargo -czf "$1" $(cd cargo && ls -A | grep -v "[ ']") "ü ñ 漢字" "a'b\"c \$d"; }
pack_dot() { tar -C cargo -czf "$1" .; }
pack_plain() { tar -cf "$1" cargo; }
pack_zstd() { tar --zstd -cf "$1" cargo; }
pack_zstd_long() { tar -cf - cargo | zstd -q -19 --long=24 >"$1"; }
pack_pigz() { tar -cf - cargo | gzip -9 | cat - <(printf '' | gzip) >"$1"; }
pack_zip() { zip -qry - cargo >"$1"; }
pack_bsdtar_zip() { bsdtar --format=zip -cf "$1" cargo; }
pack_7z() { 7z a -bso0 -bsp0 -tzip -snl "$1.zip" cargo && mv "$1.zip" "$1"; }

# through PACKER ARCHIVE AS: the sample packed so goes in, and comes out in $work/out as the archive strategy AS makes it
through() {
	local packer=$1 archive=$2 as=$3
	(cd "$work/sample" && "pack_$packer" "$work/packed")
	s3 PUT "/artifacts/$packer" -T "$work/packed"
	rm "$work/packed"
	succeeds tree '"args": ["sizes", "/work/hold"]' "
		\"inputs\": {\"artifacts\": [{\"name\": \"in\", \"path\": \"/work/hold\"$archive, \"s3\": {\"key\": \"$packer\"}}]},
		\"outputs\": {\"artifacts\": [{\"name\": \"out\", \"path\": \"/work/hold\"$as, \"s3\": {\"key\": \"out-$packer\"}}]}"
	s3 GET "/artifacts/out-$packer" -o "$work/packed-again"
	rm -rf "$work/out"
	mkdir "$work/out"
}

tars() {
	local packer
	for packer in gnu pax oldgnu bsdtar bsdtar_gnutar python several dot pigz; do
		echo "$packer, unpacked by tar"
		through $packer '' ''
		tar -C "$work/out" -xpzf "$work/packed-again"
		same "$work/out/hold"
	done
	for packer in plain zstd zstd_long; do
		echo "$packer, unpacked by bsdtar"
		through $packer ', "archive": {"tar": {}}' ', "archive": {"tar": {"compressionLevel": 9}}'
		bsdtar -C "$work/out" -xpf "$work/packed-again"
		same "$work/out/hold"
	done
}
tap_case "what tar, bsdtar, python, gzip and zstd pack comes through with contents, modes and links" tars

zips() {
	local packer
	for packer in zip bsdtar_zip 7z; do
		echo "$packer, unpacked by unzip"
		through $packer ', "archive": {"zip": {}}' ', "archive": {"zip": {}}'
		unzip -q "$work/packed-again" -d "$work/out"
		same "$work/out/hold"
		echo "$packer, unpacked by bsdtar"
		rm -rf "$work/out" && mkdir "$work/out"
		bsdtar -C "$work/out" -xpf "$work/packed-again"
		same "$work/out/hold"
	done
	7z t -bso0 -bsp0 "$work/packed-again"
}
tap_case "so does what zip, bsdtar and 7z pack" zips

between() {
	through gnu '' ', "archive": {"zip": {}}'
	unzip -q "$work/packed-again" -d "$work/out"
	same "$work/out/hold"
	through zip ', "archive": {"zip": {}}' ''
	tar -C "$work/out" -xpzf "$work/packed-again"
	same "$work/out/hold"
}
tap_case "a tar goes out as a zip, and a zip as a tar" between

# ---- what one kind of file brings along ----

sample=$work/other/cargo
mkdir -p "$sample"

hard_links() {
	local packer
	printf 'shared\n' >"$sample/first"
	ln "$sample/first" "$sample/second"
	mkdir "$sample/sub"
	ln "$sample/first" "$sample/sub/third"
	for packer in gnu pax bsdtar; do
		(cd "$work/other" && "pack_$packer" "$work/sample-links.tgz")
		s3 PUT /artifacts/links -T "$work/sample-links.tgz"
		succeeds tree '"args": ["list", "/work/hold"]' '
			"inputs": {"artifacts": [{"name": "in", "path": "/work/hold", "s3": {"key": "links"}}]},
			"outputs": {"artifacts": [{"name": "out", "path": "/work/hold", "s3": {"key": "links-out"}}]}'
		s3 GET /artifacts/links-out -o "$work/packed-again"
		rm -rf "$work/out" && mkdir "$work/out"
		tar -C "$work/out" -xpzf "$work/packed-again"
		same "$work/out/hold"
	done
}
tap_case "hard links inside an archive are files with the same contents" hard_links

sparse() {
	local format
	rm -rf "$sample" && mkdir "$sample"
	truncate -s 40M "$sample/sparse"
	printf 'in the middle' | dd of="$sample/sparse" bs=1 seek=20000000 conv=notrunc status=none
	truncate -s 5M "$sample/hole"
	for format in "--format=gnu -S" "--format=pax -S" "--format=posix --sparse --sparse-version=0.0" \
		"--format=posix --sparse --sparse-version=0.1"; do
		# shellcheck disable=SC2086 # several options
		tar -C "$work/other" $format -czf "$work/sparse.tgz" cargo
		s3 PUT /artifacts/sparse -T "$work/sparse.tgz"
		succeeds tree '"args": ["sizes", "/work/hold"]' '
			"inputs": {"artifacts": [{"name": "in", "path": "/work/hold", "s3": {"key": "sparse"}}]},
			"outputs": {"artifacts": [{"name": "out", "path": "/work/hold", "s3": {"key": "sparse-out"}}]}'
		[ "$(node outputs.result)" = $'hole 5242880\nsparse 41943040' ] || { cat "$work/node" && false; }
		s3 GET /artifacts/sparse-out -o "$work/packed-again"
		rm -rf "$work/out" && mkdir "$work/out"
		tar -C "$work/out" -xpzf "$work/packed-again"
		same "$work/out/hold"
	done
}
tap_case "sparse files have their holes filled" sparse

one_file() {
	local packer more
	rm -rf "$sample" && printf 'alone\n' >"$sample"
	chmod 750 "$sample"
	for packer in gnu pax bsdtar python zip 7z; do
		more=
		case $packer in zip | 7z) more=', "archive": {"zip": {}}' ;; esac
		(cd "$work/other" && "pack_$packer" "$work/one")
		s3 PUT /artifacts/one -T "$work/one"
		rm "$work/one"
		succeeds tree '"args": ["list", "/work/hold.txt"]' "
			\"inputs\": {\"artifacts\": [{\"name\": \"in\", \"path\": \"/work/hold.txt\"$more, \"s3\": {\"key\": \"one\"}}]},
			\"outputs\": {\"artifacts\": [{\"name\": \"out\", \"path\": \"/work/hold.txt\", \"s3\": {\"key\": \"one-out\"}}]}"
		[ "$(node outputs.result)" = "file /work/hold.txt alone" ] || { cat "$work/node" && false; }
		s3 GET /artifacts/one-out | tar -tvz >"$work/listing"
		grep -qE '^-rwxr-x--- .* hold\.txt$' "$work/listing"
	done
}
tap_case "a single file bears the last element of the artifact's path, however it was packed" one_file

# ---- hostile ones, by the same programs ----

hostile() {
	local name row
	rm -rf "$work/crime" && mkdir -p "$work/crime/cargo"
	ln -s /tmp "$work/crime/cargo/out"
	mkfifo "$work/crime/fifo"
	printf 'crime\n' >"$work/tiphys-crime"
	tar -C "$work/crime" -czf "$work/h-link" cargo
	tar -C "$work/crime" -czf "$work/h-fifo" fifo
	tar -C "$work/crime" -Pczf "$work/h-absolute" "$work/tiphys-crime"
	tar -C "$work/crime" -Pczf "$work/h-up" ../tiphys-crime
	bsdtar -C "$work/crime" -Pczf "$work/h-bsd" ../tiphys-crime
	(cd "$work/crime" && zip -q - ../tiphys-crime >"$work/h-zip" && zip -qy - cargo/out >"$work/h-ziplink")
	[ "$(id -u)" -ne 0 ] || tar -czf "$work/h-device" -C /dev null
	rm "$work/tiphys-crime"
	for row in "link leads out" "fifo is a device, a fifo or a socket" "absolute its path is absolute" "up its path is absolute" \
		"bsd its path is absolute" "zip its path is absolute" "ziplink leads out" "device is a device, a fifo or a socket"; do
		name=${row%% *}
		[ -e "$work/h-$name" ] || continue
		local more=
		case $name in zip*) more=', "archive": {"zip": {}}' ;; esac
		s3 PUT /artifacts/hostile -T "$work/h-$name"
		fails "${row#* }" tree '"args": ["sizes", "/work/hold"]' "
			\"inputs\": {\"artifacts\": [{\"name\": \"in\", \"path\": \"/work/hold\"$more, \"s3\": {\"key\": \"hostile\"}}]}"
		expect_in "input artifact in: " "$work/message"
		[ ! -e "$work/tiphys-crime" ]
	done
	find "$work/steps" -mindepth 3 >"$work/left"
	[ ! -s "$work/left" ] || { cat "$work/left" && false; }
}
tap_case "what leaves the folder is refused, whoever packed it" hostile

tap_end
