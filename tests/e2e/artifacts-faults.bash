# Object stores and disks that fail: nothing hangs, nothing half is taken for whole, and the message says what to do.
here=$(dirname "$0")
. "$here/lib/tap.bash"
. "$here/lib/steps.bash"
. "$here/lib/swift.bash"

swift_start
s3 PUT /artifacts
faults_start store "$swift"
repository=(--artifact-s3-endpoint "http://$faults" --artifact-s3-bucket artifacts --artifact-part-size 5M
	--artifact-s3-access-key-file "$work/access-key" --artifact-s3-secret-key-file "$work/secret-key")
serve_guest tree "$TIPHYS_GUESTS/tree.wasm"
serve_start serve "${repository[@]}" --artifact-timeout 40 --max-artifact 100M

plan() {
	printf '%s\n' "$@" >"$faults_plan"
	: >"$faults_log"
}

# put BYTES: a step that stores a file of so many bytes as object o; get: one that sums it up
put() {
	printf '"args": ["fill", "/work/o", "%s"]' "$1"
}
stored='"outputs": {"artifacts": [{"name": "o", "path": "/work/o", "archive": {"none": {}}, "s3": {"key": "o"}}]}'
sum='"args": ["sum", "/work/in"]'
fetched='"inputs": {"artifacts": [{"name": "a", "path": "/work/in", "archive": {"none": {}}, "s3": {"key": "o"}}]}'

passing() {
	local fault
	for fault in "status 503,1" "status 503" "status 500" "status 429" "status 429,1" refuse; do
		plan "PUT /artifacts/o 2 $fault"
		succeeds tree "$(put 1000)" "$stored"
		plan "GET /artifacts/o 2 $fault"
		succeeds tree "$sum" "$fetched"
		[ "$(node outputs.result | cut -d ' ' -f 1)" = 1000 ]
	done
}
tap_case "a store that is unwell for a moment is asked again" passing

part_way() {
	plan "PUT partNumber=2 2 refuse" "POST uploads 1 status 500" "POST uploadId 1 status 503"
	succeeds tree "$(put 12000000)" "$stored"
	plan "GET /artifacts/o 1 drop 7000000" "GET /artifacts/o 1 drop 100000"
	succeeds tree "$sum" "$fetched"
	[ "$(node outputs.result | cut -d ' ' -f 1)" = 12000000 ]
	node outputs.result >"$work/sum"
	[ "$(cut -d ' ' -f 3,4 "$faults_log")" = "200 -
206 bytes=7000000-
206 bytes=7100000-" ] || { cat "$faults_log" && false; }
	plan
	succeeds tree "$sum" "$fetched"
	[ "$(node outputs.result)" = "$(cat "$work/sum")" ]
}
tap_case "parts are sent again, and a broken body is taken up where it broke" part_way

for_good() {
	plan "PUT partNumber=2 99 status 500"
	fails "output artifact o: to key o of bucket artifacts at $faults: PUT http://$faults/artifacts/o?partNumber=2&uploadId=" \
		tree "$(put 12000000)" "$stored"
	expect_in "HTTP 500" "$work/message"
	grep -q '^DELETE /artifacts/o?uploadId=' "$faults_log"
	s3 GET '/artifacts?uploads=' >"$work/uploads"
	if grep -q '<UploadId>' "$work/uploads"; then
		cat "$work/uploads" "$faults_log"
		return 1
	fi
	plan "GET /artifacts/o 99 status 503"
	fails "input artifact a: from key o of bucket artifacts at $faults: GET http://$faults/artifacts/o: HTTP 503" tree "$sum" "$fetched"
}
tap_case "an upload that fails for good is aborted, and named" for_good

altered() {
	plan
	succeeds tree "$(put 3000)" "$stored"
	plan "GET /artifacts/o 9 flip 1234"
	fails "the bytes that came have another SHA-256" tree "$sum" "$fetched"
	plan "GET /artifacts/o 99 length 100"
	fails "input artifact a: from key o of bucket artifacts" tree "$sum" "$fetched"
	plan "GET /artifacts/o 99 length -100"
	fails "the bytes that came have another SHA-256" tree "$sum" "$fetched"
}
tap_case "bytes that were altered or cut off are not taken" altered

# A server that goes on for ever, by its redirects, its listings, its errors or its bytes.
endless() {
	plan "GET /artifacts/o 99 location http://$faults/artifacts/o"
	fails "more than 5 redirects" tree "$sum" "$fetched"
	plan "PUT /artifacts/o 99 location http://$faults/artifacts/o"
	fails "output artifact o: to key o of bucket artifacts at $faults: PUT http://$faults/artifacts/o: HTTP 302: the server redirects to http://$faults/artifacts/o; name that place itself" \
		tree "$(put 3000)" "$stored"
	plan "GET /artifacts/o 99 huge 200000000"
	fails "input artifact a: from key o of bucket artifacts at $faults: " tree "$sum" "$fetched"
	plan "GET /artifacts/folder 1 status 404" "GET list-type=2 99 huge 200000000"
	fails "input artifact a: from key folder of bucket artifacts at $faults: " tree "$sum" "${fetched/\"key\": \"o\"/\"key\": \"folder\"}"
	plan
	succeeds tree "$(put 3000)" "$stored"
	succeeds tree "$sum" "$fetched"
	find "$work/steps" -mindepth 3 >"$work/left"
	[ ! -s "$work/left" ] || { cat "$work/left" && false; }
}
tap_case "what does not end is ended" endless

unreachable() {
	plan "GET /artifacts/o 99 refuse"
	fails "tried several times" tree "$sum" "$fetched"
}
tap_case "a store that cannot be reached is named" unreachable
stop "$serve_pid"

serve_start slow "${repository[@]}" --artifact-timeout 3
slow() {
	plan "GET /artifacts/o 99 stall 30"
	local begin=$SECONDS
	fails "took longer than 3 s (--artifact-timeout)" tree "$sum" "$fetched"
	[ $((SECONDS - begin)) -lt 15 ]
	plan
}
tap_case "a store that is too slow is given up" slow

# An archive that is refused by its first entry is refused at once, though the rest does not come.
refused_early() {
	{
		ln -sf /etc/passwd "$work/leads-out"
		tar -C "$work" -c leads-out
		head -c 2000000 /dev/urandom
	} | gzip -1 >"$work/early.tgz"
	s3 PUT /artifacts/early.tgz -T "$work/early.tgz"
	plan "GET /artifacts/early.tgz 1 pause 400000"
	local begin=$SECONDS
	fails "leads-out: is a symlink that leads out" tree "$sum" \
		'"inputs": {"artifacts": [{"name": "a", "path": "/work/in", "s3": {"key": "early.tgz"}}]}'
	[ $((SECONDS - begin)) -lt 15 ]
	plan
}
stop "$serve_pid"
serve_start early "${repository[@]}" --artifact-timeout 60
tap_case "what is refused by its beginning is not waited for" refused_early

# What is sent goes to the kernel at once, so that it went tells nothing of the store.
start mute python3 "$here/lib/silent.py" "$work/silent.port" accepts
wait_for 10 test -s "$work/silent.port"
silent=127.0.0.1:$(cat "$work/silent.port")
stop "$serve_pid"
serve_start silent "${repository[@]/"$faults"/"$silent"}" --stall-timeout 2
silent_upload() {
	local begin=$SECONDS
	fails "no byte for 2 s (--stall-timeout)" tree "$(put 1000)" "$stored"
	# One try, for which libcurl takes the mean of five seconds as the speed of the moment, on a busy machine.
	[ $((SECONDS - begin)) -le 30 ] || { echo "told after $((SECONDS - begin)) s" && false; }
	[ "$(cat "$work/mute.log")" = accepted ] || { cat "$work/mute.log" && false; }
}
tap_case "a store that takes an upload and says nothing is told after the limit, and not asked again" silent_upload
stop "$serve_pid"

# While the store stalls, the server must still stop at once: its caller is answered, and it ends.
stopping() {
	local caller begin took what
	serve_start stopping "${repository[@]}" --artifact-timeout 60
	plan "GET /artifacts/o 99 stall 30"
	execute_prepare tree "$sum" "$fetched"
	execute_once &
	caller=$!
	wait_for 20 grep -q '^GET /artifacts/o ' "$faults_log"
	begin=${EPOCHREALTIME/[.,]/}
	kill -TERM "$serve_pid"
	for what in "$caller" "$serve_pid"; do
		wait_end 10 "$what"
		took=$(((${EPOCHREALTIME/[.,]/} - begin) / 1000))
		[ $took -lt 2000 ] || { echo "after $took ms" && false; }
	done
	grep -q 'the plugin is stopping' "$work/reply"
}
tap_case "a transfer does not keep the server from stopping" stopping
plan

# A disk of its own that is smaller than the artifact.
disk=$work/disk
mkdir -p "$disk"
if mount -t tmpfs -o size=2m none "$disk" 2>/dev/null; then
	trap 'umount "$disk"; tap_clean_up' EXIT
	mkdir -p "$disk/steps"
	real_steps=$work/steps
	serve_start full "${repository[@]}" --work-dir "$disk/steps"
	full() {
		head -c 4000000 /dev/urandom >"$work/random"
		s3 PUT /artifacts/large -T "$work/random"
		fails "input artifact a: the disk of the work directory (--work-dir) is full: from key large of bucket artifacts at $faults: " tree "$sum" "${fetched/\"key\": \"o\"/\"key\": \"large\"}"
		tar -C "$work" -czf "$work/random.tgz" random
		s3 PUT /artifacts/large.tgz -T "$work/random.tgz"
		fails "the disk of the work directory (--work-dir) is full" tree "$sum" \
			'"inputs": {"artifacts": [{"name": "a", "path": "/work/in", "s3": {"key": "large.tgz"}}]}'
		# And there is room again for the next one.
		s3 PUT /artifacts/small -T "$work/access-key"
		succeeds tree "$sum" "${fetched/\"key\": \"o\"/\"key\": \"small\"}"
	}
	tap_case "a full disk is named, and what was written goes" full
	stop "$serve_pid"
else
	tap_skip "a full disk is named, and what was written goes" "no file system can be mounted here"
fi

tap_end
