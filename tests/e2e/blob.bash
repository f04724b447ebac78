# Objects of a real store that verifies signatures, for modules that never see its keys.
here=$(dirname "$0")
. "$here/lib/tap.bash"
. "$here/lib/run.bash"
. "$here/lib/swift.bash"
. "$here/lib/steps.bash"

objects=$TIPHYS_GUESTS/objects.wasm
swift_start
# A busy store may refuse its first objects.
wait_for 60 s3 PUT /data
wait_for 60 s3 PUT /other
export AWS_ENDPOINT_URL=http://$swift AWS_ACCESS_KEY_ID=$swift_key AWS_SECRET_ACCESS_KEY=$swift_secret
export TMPDIR=$work/tmp
mkdir -p "$TMPDIR"
printf 'secret' >"$work/text"
wait_for 60 s3 PUT /other/secret --data-binary "@$work/text"
wait_for 60 s3 PUT /data/outside --data-binary "@$work/text"

there_and_back() {
	head -c 3000000 /dev/urandom >"$work/random"
	"$tiphys" run --blob data/in:rw --stdin "$objects" put data in/random <"$work/random"
	s3 GET /data/in/random -o "$work/stored"
	cmp "$work/random" "$work/stored"
	run 0 --blob data "$objects" get data in/random
	cmp "$work/random" "$out"
	: | "$tiphys" run --blob data/in:rw --stdin "$objects" put data in/empty
	run 0 --blob data "$objects" get data in/empty
	[ ! -s "$out" ]
	run 0 --blob data "$objects" get data 'outside'
	[ "$(cat "$out")" = secret ]
}
tap_case "an object is stored and read" there_and_back

names() {
	local key
	for key in 'in/a b' 'in/ä' 'in/%2e%2e/x' 'in/a+b?c#d' 'in//two' 'in/b'; do
		echo "$key" | "$tiphys" run --blob data/in:rw --stdin "$objects" put data "$key"
		run 0 --blob data "$objects" get data "$key"
		[ "$(cat "$out")" = "$key" ]
	done
	run 0 --blob data "$objects" list data in/
	[ "$(wc -l <"$out")" -eq 8 ]
	LC_ALL=C sort -c "$out"
	run 0 --blob data "$objects" list data in/a
	[ "$(wc -l <"$out")" -eq 2 ]
	run 0 --blob data/in/:rw "$objects" delete data in/b
	run 1 --blob data "$objects" get data in/b
	expect_in "No such file" "$err"
	run 0 --blob data/in/:rw "$objects" delete data in/b
}
tap_case "keys of every kind; listed and deleted" names

# refuses WORDS OPTIONS… -- ARGS…
refuses() {
	local words=$1
	shift
	run 1 "$@"
	expect_in "Permission denied" "$err"
	expect_in "$words" "$err"
	expect_in "grant it by --blob" "$err"
}
denied() {
	run 1 "$objects" get data in/random
	expect_in "asked for blob, which is not granted" "$err"
	refuses "read secret of bucket other" --blob data "$objects" get other secret
	refuses "read outside of bucket data" --blob data/in/ "$objects" get data outside
	refuses "read  of bucket data" --blob data/in/ "$objects" list data ''
	refuses "read i of bucket data" --blob data/in/ "$objects" list data i
	refuses "which is not listed for writing" --blob data "$objects" put data in/x
	refuses "which is not listed for writing" --blob data:ro "$objects" delete data in/random
	refuses "write outside of bucket data" --blob data/in/:rw --blob data:ro "$objects" put data outside
	local key
	for key in in/../outside in/./x .. in/.. ''; do
		run 1 --blob data/in:rw "$objects" get data "$key"
		grep -qE "Invalid argument|Permission denied" "$err"
	done
	run 1 --blob data:rw "$objects" get data in/../outside
	expect_in "Invalid argument" "$err"
	s3 GET /data/outside | grep -qx secret
}
tap_case "other buckets, prefixes and ways are refused" denied

limits() {
	run 1 --blob data --blob-bytes 1000 "$objects" get data in/random
	expect_in "File too large" "$err"
	expect_in "--blob-bytes" "$err"
	must_fail "$tiphys" run --blob data:rw --blob-bytes 4096 --stdin "$objects" put data big < <(head -c 5000 /dev/zero) 2>"$err"
	expect_in "File too large" "$err"
	run 1 --blob data "$objects" hold data outside
	[ "$(cat "$out")" = "8 held" ]
	[ -z "$(ls -A "$TMPDIR")" ]
}
tap_case "sizes and numbers are bounded, and no file is left" limits

store_fails() {
	AWS_SECRET_ACCESS_KEY=wrong run 1 --blob data "$objects" get data outside
	expect_in "I/O error" "$err"
	expect_in "the secret key is not the one of the access key" "$err"
	must_fail grep -q testing "$err"
	AWS_ENDPOINT_URL=http://127.0.0.1:1 run 1 --blob data "$objects" get data outside
	expect_in "127.0.0.1:1" "$err"
	run 1 --blob nowhere "$objects" get nowhere x
	expect_in "no bucket nowhere" "$err"
	AWS_ENDPOINT_URL='' run 2 --blob data "$objects" get data x
	expect_in "--blob-endpoint URL" "$err"
	run 2 --blob 'a b' "$objects" get data x
	expect_in '"a b" is no name of a bucket' "$err"
	run 0 --blob data --blob-endpoint "http://$swift" --blob-region us-east-1 "$objects" get data outside
}
tap_case "what the store says is told, its keys are not" store_fails

# It was 30 seconds, whatever was said.
store_is_silent() {
	start silent python3 "$here/lib/silent.py" "$work/silent.port" accepts
	wait_for 10 test -s "$work/silent.port"
	timeout 25 "$tiphys" run --blob data --blob-endpoint "http://127.0.0.1:$(cat "$work/silent.port")" --stall-timeout 1 \
		"$objects" get data outside 2>"$err" && false
	stop "$started"
	expect_in "no byte for 1 s (--stall-timeout)" "$err"
	run 0 --blob data --stall-timeout 20 "$objects" get data outside
}
tap_case "how long a store may be silent can be set, and is named" store_is_silent

by_policy() {
	printf 'blob:\n  - {bucket: data, prefix: in/, access: rw}\n  - {bucket: other}\n' >"$work/policy.yaml"
	run 0 --policy "$work/policy.yaml" "$objects" get other secret
	[ "$(cat "$out")" = secret ]
	run 1 --policy "$work/policy.yaml" "$objects" put other secret
	run 0 --policy "$work/policy.yaml" "$objects" delete data in/random
}
tap_case "a policy's document grants the same" by_policy

# ---- the example, beside a TCP server ----

start echo python3 "$here/echo_server.py"
wait_for 10 test -s "$work/echo.log"
echo_at=127.0.0.1:$(head -n 1 "$work/echo.log")

# asks MODULE: objects of lines there and back, an empty one, one without a newline at its end
asks() {
	local ask=$TIPHYS_BUILD/examples/$1.wasm name
	seq 20000 >"$work/q-many"
	printf 'one\ntwo' >"$work/q-open"
	: >"$work/q-none"
	for name in many none open; do
		wait_for 60 s3 PUT "/data/$1/q/$name" --data-binary "@$work/q-$name"
	done
	run 1 --blob data "$ask" "$echo_at" data "$1/q/" "$1/a/"
	expect_in "asked for sockets, which is not granted" "$err"
	run 1 --socket "$echo_at" --blob data "$ask" "$echo_at" data "$1/q/" "$1/a/"
	expect_in "write $1/a/many of bucket data, which is not listed for writing" "$err"
	run 0 --socket "$echo_at" --blob "data/$1/:rw" "$ask" -d "$echo_at" data "$1/q/" "$1/a/"
	is "$(cat "$out")" "$(printf "$1/a/%s\n" many none open)"
	echo >>"$work/q-open"
	for name in many none open; do
		s3 GET "/data/$1/a/$name" -o "$work/answers"
		cmp "$work/q-$name" "$work/answers"
	done
	run 0 --blob data "$objects" list data "$1/q/"
	[ ! -s "$out" ]
}
for ask in ask ask-rust; do
	if [ -e "$TIPHYS_BUILD/examples/$ask.wasm" ]; then
		tap_case "the example $ask asks a server what objects hold" asks "$ask"
	else
		tap_skip "the example $ask asks a server what objects hold" "its toolchain is missing"
	fi
done

# ---- `serve` ----

"$tiphys_net" push --store "$work/store" "$objects" test.example/objects:1 >"$work/pushed"
unset AWS_ENDPOINT_URL AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
serve_start serve \
	--artifact-s3-endpoint "http://$swift" --artifact-s3-bucket data \
	--artifact-s3-access-key-file "$work/access-key" --artifact-s3-secret-key-file "$work/secret-key"
full=$serve
serve_start bare
bare=$serve

# step SERVER PERMISSIONS ARGS [STDIN]: the reply is in $out.
step() {
	curl -sf --noproxy '*' -H 'Content-Type: application/json' -o "$out" --data \
		"{\"template\":{\"plugin\":{\"wasm\":{\"module\":{\"oci\":\"test.example/objects:1\"},\"permissions\":{\"blob\":$2},\"args\":$3,\"stdin\":\"${4-}\"}}}}" \
		"http://$1/api/v1/template.execute"
}

steps() {
	step "$full" '[{"bucket":"data","prefix":"steps/","access":"rw"}]' '["put","data","steps/one"]' ahoy
	expect_in '"phase":"Succeeded"' "$out"
	step "$full" '[{"bucket":"data"}]' '["get","data","steps/one"]'
	expect_in '"result":"ahoy"' "$out"
	step "$full" '[{"bucket":"data","prefix":"steps/"}]' '["get","other","secret"]'
	expect_in '"phase":"Failed"' "$out"
	expect_in "read secret of bucket other, which is not listed" "$out"
	step "$full" '[{"bucket":"data"}]' '["put","data","steps/two"]' x
	expect_in "not listed for writing" "$out"
	must_fail grep -q testing "$out" "$work/serve.log"
	step "$bare" '[{"bucket":"data"}]' '["get","data","steps/one"]'
	expect_in '"phase":"Failed"' "$out"
	expect_in "the server has no object store" "$out"
}
tap_case "serve: in the store of the default artifact repository" steps

tap_end
