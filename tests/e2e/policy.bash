# Policies on the command line, and what a run can do without one (guests/probe.c is the guest).
here=$(dirname "$0")
. "$here/lib/tap.bash"
. "$here/lib/run.bash"

probe=$TIPHYS_GUESTS/probe.wasm
foreign=$TIPHYS_GUESTS/foreign.wasm
table=$TIPHYS_SOURCE/caps/capability.def
policy=$work/policy.yaml

# ---- deny by default: a walk over the table ----

# rows CAPABILITY|LIMIT: the names, "!" before one that this build does not provide
rows() {
	tr '\n' ' ' <"$table" | grep -oE "$1\((CAP|LIMIT)_[^)]*\)" |
		sed -nE 's/^[A-Z]+\([A-Z_]+, "([a-z_]+)".*/\1 &/p' |
		sed -E 's/^([a-z_]+) .*NOT_PROVIDED.*/!\1/; s/ .*//'
}

# Each capability asked for by a guest that was granted nothing.
by_default_args() {
	run 0 "$probe"
	is "$(cat "$out")" '[probe.wasm]'
}
by_default_env() { A=1 run 4 "$probe" env A; }
by_default_stdin() { echo text | run 4 "$probe" cat; }
by_default_stdout() {
	run 0 "$probe" fill 3 # `run` grants it: a run that says nothing helps nobody
	is "$(cat "$out")" xxx
	run 4 --no-stdout "$probe" fill 3
	[ ! -s "$out" ]
	expect_in "leave away --no-stdout" "$err"
}
by_default_stderr() {
	run 0 "$probe" fill-stderr 3
	is "$(cat "$err")" xxx
	run 4 --no-stderr "$probe" fill-stderr 3
	must_fail grep -q xxx "$err"
}
by_default_files() {
	echo text >"$work/file"
	run 4 "$probe" read "$work/file"
	run 4 "$probe" read /etc/passwd
	run 4 "$probe" write "$work/made" text
	[ ! -e "$work/made" ]
}
by_default_clock() {
	run 4 "$probe" clock
	run 4 "$probe" sleep
}
by_default_random() { run 4 "$probe" random; }
by_default_http() {
	# Denied before any name is looked up: .invalid has no address, and the message would be another.
	run 1 "$TIPHYS_BUILD/examples/fetch.wasm" http://denied.invalid/
	expect_in "Permission denied" "$err"
	expect_in "the module asked for http, which is not granted; add --http" "$err"
}

by_default_kv() {
	run 1 "$TIPHYS_BUILD/tests/e2e/guests/keep.wasm" get key
	expect_in "Permission denied" "$err"
	expect_in "the module asked for kv, which is not granted; add --kv" "$err"
}

by_default_sockets() {
	run 1 "$TIPHYS_BUILD/tests/e2e/guests/talk.wasm" 127.0.0.1:9 echo x
	expect_in "Permission denied" "$err"
	expect_in "the module asked for sockets, which is not granted; add --socket" "$err"
}

by_default_blob() {
	run 1 "$TIPHYS_BUILD/tests/e2e/guests/objects.wasm" get bucket key
	expect_in "Permission denied" "$err"
	expect_in "the module asked for blob, which is not granted; add --blob" "$err"
}

# Each limit, as the table says it holds when nobody sets it.
by_default_memory() { run 0 "$probe" allocate 64; }
by_default_fuel() { run 0 "$probe"; }
by_default_time() { run 0 "$probe"; }
by_default_output() {
	run 0 "$probe" fill 100000
	is "$(stat -c %s "$out")" 100000
}
by_default_open_files() {
	mkdir -p "$work/many" && echo >"$work/many/file"
	run 0 --dir "$work/many::/d" "$probe" open-many /d/file 253
	run 4 --dir "$work/many::/d" "$probe" open-many /d/file 254
	expect_in "open files are limited to 256" "$err"
}
by_default_processes() {
	is "$(grep -oE 'WASI_FUNCTION\((proc|fork|exec|spawn|thread)[a-z_]*' \
		"$TIPHYS_SOURCE/wasi/preview1.def" | sort)" \
		"$(printf 'WASI_FUNCTION(%s\n' proc_exit proc_raise)"
}

not_provided() {
	local name=$1 text
	case $name in
	fuel) text="limits: {fuel: 1}" ;;
	*) text="$name: 1" ;;
	esac
	echo "$text" >"$policy"
	run 1 --policy "$policy" "$probe"
	expect_in "does not support $name" "$err"
}

for name in $(rows CAPABILITY) $(rows LIMIT); do
	case $name in
	!*) tap_case "${name#!} is refused by name" not_provided "${name#!}" ;;
	*) tap_case "$name by default" "by_default_$name" ;;
	esac
done

# ---- documents ----

grants() {
	mkdir -p "$work/data" && echo kept >"$work/data/file"
	cat >"$policy" <<-END
		# what the probe may do
		env: {A: from the policy}
		stdio: [stdin, stdout]
		files:
		  - {host: $work/data, guest: /data}
		clock: {fixed: "2024-01-31T12:00:00Z"}
		random: {seed: 42}
		limits: {memory: 32M, output: 100, open_files: 20}
	END
	run 0 --policy "$policy" "$probe" env A
	is "$(cat "$out")" "from the policy"
	echo in | run 0 --policy "$policy" "$probe" cat
	is "$(cat "$out")" in
	run 0 --policy "$policy" "$probe" read /data/file
	is "$(cat "$out")" kept
	run 4 --policy "$policy" "$probe" write /data/file gone
	is "$(cat "$work/data/file")" kept
	run 0 --policy="$policy" "$probe" clock
	is "$(cat "$out")" "1706702400 0"
	run 0 --policy "$policy" "$probe" random
	local by_policy
	by_policy=$(cat "$out")
	run 0 --random=42 "$probe" random
	is "$(cat "$out")" "$by_policy"
	run 4 --policy "$policy" "$probe" fill-stderr 1
	run 134 --policy "$policy" "$probe" fill 101
	expect_in "stdout is limited to 100 bytes" "$err"
	run 4 --policy "$policy" "$probe" allocate 33
	run 4 --policy "$policy" "$probe" open-many /data/file 20
}
tap_case "a policy grants what it says, and limits it" grants

json() {
	echo '{"env": {"A": "json\u00e9"}, "args": ["env", "A"]}' >"$work/policy.json"
	run 0 --policy "$work/policy.json" "$probe"
	is "$(cat "$out")" "jsoné"
}
tap_case "a policy in JSON, with arguments" json

with_options() {
	printf 'env: {A: policy, B: longer than that}\nlimits: {output: 6}\n' >"$policy"
	run 0 --policy "$policy" --env A=typed "$probe" env A
	is "$(cat "$out")" typed
	run 134 --env A=typed --policy "$policy" "$probe" env B
	run 0 --stdout-limit 100 --policy "$policy" "$probe" env B
	# The value of another option, and a guest's argument, that read like it.
	run 0 --env --policy=x --policy "$policy" "$probe" env --policy
	is "$(cat "$out")" x
	run 0 --policy "$policy" --stdout-limit 100 -- "$probe" args --policy "$policy"
	expect_in "[--policy]" "$out"
	run 2 --policy "$policy" --policy "$policy" "$probe"
	expect_in "--policy is given twice" "$err"
}
tap_case "options beside a policy are added or take its place" with_options

by_descriptor() {
	printf 'env: {A: policy}\n' >"$policy"
	printf '%s\0' --policy "$policy" "$probe" env A >"$work/args"
	run 0 --args-from 5 5<"$work/args"
	is "$(cat "$out")" policy
}
tap_case "--policy by --args-from" by_descriptor

mistakes() {
	printf 'clock: real\nlimts:\n  memory: 1M\n' >"$policy"
	run 2 --policy "$policy" "$probe"
	is "$(cat "$err")" "tiphys run: $policy:2:1: limts: is not known; did you mean limits?"
	printf 'limits:\n  memory: lots\n' >"$policy"
	run 2 --policy "$policy" "$probe"
	expect_in "$policy:2:3: limits.memory: is \"lots\", must be bytes" "$err"
	printf 'env: {A: 1\n' >"$policy"
	run 2 --policy "$policy" "$probe"
	expect_in "$policy:2:1: is no YAML" "$err"
	run 1 --policy "$work/none.yaml" "$probe"
	expect_in "policy $work/none.yaml: cannot be opened: No such file or directory" "$err"
	head -c 300000 /dev/zero | tr '\0' '#' >"$policy"
	run 1 --policy "$policy" "$probe"
	expect_in "has more than 262144 bytes" "$err"
}
tap_case "a mistake in a policy is told by file, line and column" mistakes

quota() {
	mkdir -p "$work/box" && rm -rf "$work/box"/*
	run 0 --dir "$work/box::/box:quota=16K" "$probe" write /box/a "$(head -c 8000 /dev/zero | tr '\0' x)"
	run 4 --dir "$work/box::/box:quota=16K" "$probe" write /box/b "$(head -c 20000 /dev/zero | tr '\0' x)"
	expect_in "files below /box are limited to 16384 bytes (its quota)" "$err"
	is "$(stat -c %s "$work/box/b")" $((16384 - 4096))
	printf 'files: [{host: %s, guest: /box, access: rw, quota: 5K}]\n' "$work/box" >"$policy"
	run 4 --policy "$policy" "$probe" write /box/c "$(head -c 2000 /dev/zero | tr '\0' x)"
	is "$(stat -c %s "$work/box/c")" 1024
	run 2 --dir "$work/box::/box:ro:quota=1" "$probe"
}
tap_case "a quota bounds what is added below a directory" quota

# Once the first one's quota was set anew, and the second directory had none.
one_name_for_two() {
	mkdir -p "$work/one" "$work/two"
	run 2 --dir "$work/one::/box:quota=8192" --dir "$work/two::/box:quota=8192" "$probe" write /box/a x
	expect_in "another directory is granted as /box already" "$err"
	printf 'files:\n  - {host: %s, guest: /box}\n  - {host: %s, guest: /box}\n' "$work/one" "$work/two" >"$policy"
	run 2 --policy "$policy" "$probe" write /box/a x
	expect_in "$policy:3:5: files[1]: guest \"/box\" is the name of an earlier directory" "$err"
	[ ! -e "$work/one/a" ]
	[ ! -e "$work/two/a" ]
}
tap_case "two directories of one name are refused" one_name_for_two

# ---- time ----

fuel_limit() {
	echo "limits: {fuel: 100}" >"$policy"
	run 134 --policy "$policy" "$probe" loop
	expect_in "out of fuel: the limit of 100 is used up" "$err"
}
tap_case "a run ends at limits.fuel" fuel_limit

time_limit() {
	run 124 --timeout 100ms "$probe" loop
	expect_in "ran longer than its time limit of 0.1 s (--timeout)" "$err"
	run 124 --timeout 100ms --clock "$probe" sleep
	echo 'limits: {time: 100ms}' >"$policy"
	run 124 --policy "$policy" "$probe" loop
	run 0 --timeout 1h "$probe"
	run 2 --timeout never "$probe"
	expect_in '--timeout wants a time of at most 8760h, as 30s or 1500ms (ms, s, m, h), not "never"' "$err"
	run 2 --timeout 0 "$probe"
}
tap_case "a run ends at --timeout, in a loop and asleep" time_limit

# ---- inspect ----

inspect() {
	local wanted=$1
	shift
	status "$wanted" "$tiphys" inspect "$@"
}

# row IMPORT VERDICT: a row of the table says so
row() {
	grep -qE "^  $2 +wasi_snapshot_preview1\.$1 " "$out" && return 0
	echo "$1 is not told as $2:"
	cat "$out"
	return 1
}

inspects() {
	echo 'clock: real' >"$policy"
	inspect 1 --policy "$policy" "$probe"
	row clock_time_get granted
	row random_get denied
	row fd_write granted
	row fd_read denied
	row environ_get denied
	row proc_exit "not needed"
	expect_in "random: draws random bytes; a call gets: permission denied" "$out"
	expect_in "The module can ask for what is denied: stdin, files, random" "$out"

	cat >"$policy" <<-END
		stdio: [stdin, stdout]
		files: [{host: /tmp, guest: /tmp}]
		clock: coarse
		random: {seed: 1}
	END
	inspect 0 "$probe" --policy "$policy"
	row fd_read granted
	row path_open "read only"
	row environ_get denied # an empty list makes nobody stumble
	expect_in "Nothing that the module can ask for and depend on is denied" "$out"

	inspect 0 --policy "$policy" "$TIPHYS_BUILD/examples/hello.wasm"
	expect_in "granted and not needed: stdin, files, clock, random" "$out"
	echo 'stdio: [stdin]' >"$policy"
	inspect 1 --policy "$policy" "$TIPHYS_BUILD/examples/hello.wasm"
	row fd_write denied
	inspect 1 --policy "$policy" "$foreign"
	expect_in "unknown       elsewhere.wish" "$out"
	echo 'clok: real' >"$policy"
	inspect 2 --policy "$policy" "$probe"
	expect_in "$policy:1:1: clok: is not known; did you mean clock?" "$err"
}
tap_case "inspect --policy tells import by import" inspects

# Once they were told as granted, whatever the access.
inspects_access() {
	local name keep objects tree
	keep=$TIPHYS_BUILD/tests/e2e/guests/keep.wasm
	objects=$TIPHYS_BUILD/tests/e2e/guests/objects.wasm
	tree=$TIPHYS_BUILD/tests/e2e/guests/tree.wasm
	echo 'kv: ro' >"$policy"
	inspect 1 --policy "$policy" "$keep"
	for name in get list; do grep -qE "^  granted +tiphys\.kv_$name " "$out"; done
	for name in put delete; do
		grep -qE "^  denied +tiphys\.kv_$name .*this writes, and the grant is ro; a call gets: permission denied" "$out"
	done
	expect_in "The module can ask for what is denied: kv" "$out"
	echo 'kv: rw' >"$policy"
	inspect 0 --policy "$policy" "$keep"

	inspect 1 --granted stdin,stdout,stderr,blob:ro "$objects"
	for name in put finish delete; do grep -qE "^  denied +tiphys\.blob_$name " "$out"; done
	grep -qE "^  granted +tiphys\.blob_get " "$out"
	inspect 0 --granted stdin,stdout,stderr,blob:ro,blob "$objects"

	echo 'files: [{host: /tmp, guest: /a}, {host: /usr, guest: /b}]' >"$policy"
	inspect 1 --policy "$policy" "$tree"
	row path_create_directory denied
	row path_open "read only"
	expect_in "the grant is ro: a call that would write is refused" "$out"
	inspect 1 --json --policy "$policy" "$tree"
	expect_in '"name":"path_open","verdict":"read only"' "$out"
	echo 'files: [{host: /tmp, guest: /a}, {host: /usr, guest: /b, access: rw}]' >"$policy"
	inspect 0 --policy "$policy" "$tree"
	row path_create_directory granted
	row path_open granted
	inspect 2 --granted clock:ro "$tree"
	expect_in "clock has no :ro; files, blob and kv have" "$err"
}
tap_case "inspect denies what writes under a grant to read" inspects_access

# What sends and receives was told as http, so that a module for objects alone was said to need it.
inspects_handles() {
	local guests=$TIPHYS_BUILD/tests/e2e/guests name
	inspect 0 --granted stdin,stdout,stderr,blob "$guests/objects.wasm"
	for name in send receive close; do grep -qE "^  granted +tiphys\.$name  *blob: " "$out"; done
	inspect 1 --granted stdin,stdout,stderr,http "$guests/objects.wasm"
	for name in send receive close; do grep -qE "^  denied +tiphys\.$name  *blob: " "$out"; done
	grep -qE "^The module can ask for what is denied: blob$" "$out"
	expect_in "granted and not needed: http" "$out"
	inspect 0 --granted stdin,stdout,stderr,files,http "$TIPHYS_BUILD/examples/fetch.wasm"
	for name in send receive close; do grep -qE "^  granted +tiphys\.$name  *http: " "$out"; done
	inspect 0 "$guests/objects.wasm"
	expect_in "reads or writes objects of a store, and never sees its keys (--blob" "$out"
	grep -qx "  send HTTP requests" "$out"
}
tap_case "inspect tells a module for objects from one for requests" inspects_handles

inspects_json() {
	echo 'clock: real' >"$policy"
	inspect 1 --json --policy "$policy" "$probe"
	python3 - "$out" <<-END
		import json, sys
		told = json.load(open(sys.argv[1]))
		verdicts = {row["name"]: row["verdict"] for row in told["imports"]}
		assert verdicts["clock_time_get"] == "granted", verdicts
		assert verdicts["random_get"] == "denied", verdicts
		assert verdicts["proc_exit"] == "not needed", verdicts
		assert told["denied"] == ["stdin", "files", "random"], told
		assert told["can_run"] is False, told
	END
	inspect 0 --json --granted stdout "$TIPHYS_BUILD/examples/hello.wasm"
	expect_in '"can_run":true' "$out"
	inspect 2 --json "$probe"
	expect_in "--json goes with --policy FILE or --granted NAMES" "$err"
	inspect 2 --granted clok "$probe"
	expect_in '"clok" is no capability; did you mean clock?' "$err"
}
tap_case "inspect --policy --json for programs" inspects_json

# Such options were taken, and did nothing.
option_without_its_grant() {
	local row option grant
	for row in --http-method=GET:--http --http-concurrent=2:--http --http-body=1K:--http --http-timeout=1s:--http \
		--blob-endpoint=http://127.0.0.1:--blob --blob-region=x:--blob --blob-bytes=1K:--blob; do
		option=${row%:*} grant=${row##*:}
		run 2 "$option" "$probe" fill 3
		[ ! -s "$out" ]
		expect_in "${option%%=*} does nothing without $grant, which is not given; add $grant " "$err"
	done
	run 2 --no-stdout --stdout-limit 9 "$probe" fill 3
	expect_in "--stdout-limit does nothing beside --no-stdout" "$err"
	run 2 --no-stderr --stderr-limit 9 "$probe" fill 3
	run 2 --name x --invoke _start "$probe"
	expect_in "--name does nothing beside --invoke" "$err"
	run 2 --no-cache --images-bytes 512M "$probe"
	expect_in "--images-bytes does nothing beside --no-cache" "$err"
}
tap_case "an option without the grant that it qualifies is refused by name" option_without_its_grant

grant_by_document_option_by_hand() {
	printf 'http: {allowed_hosts: ["http://127.0.0.1:1"]}\nlimits: {output: 9}\n' >"$policy"
	run 0 --policy "$policy" --http-method GET "$probe" fill 3
	run 4 --policy "$policy" --no-stdout "$probe" fill 3
	printf 'kv: rw\n' >"$policy"
	run 2 --policy "$policy" --http-method GET "$probe" fill 3
	expect_in "--http-method does nothing without --http" "$err"
	printf 'kv: rw\nhttp:\n  methods: [GET]\n' >"$policy"
	run 2 --policy "$policy" "$probe" fill 3
	expect_in "$policy:3:3: http.methods: does nothing without http.allowed_hosts" "$err"
}
tap_case "an option may qualify what a document grants" grant_by_document_option_by_hand

tap_end
