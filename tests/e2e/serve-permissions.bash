# What `permissions` of a template say, field by field (plugin/policy.def): a step has it and no more when it runs,
# and a ceiling of that field forbids what is more. The table is held against the list of fields.
here=$(dirname "$0")
. "$here/lib/tap.bash"
. "$here/lib/steps.bash"

for name in one two; do
	start "$name" python3 "$here/http_server.py"
	wait_for 10 test -s "$work/$name.log"
done
one=127.0.0.1:$(head -n 1 "$work/one.log")
two=127.0.0.1:$(head -n 1 "$work/two.log")
start echo python3 "$here/echo_server.py"
wait_for 10 test -s "$work/echo.log"
echo=127.0.0.1:$(head -n 1 "$work/echo.log")

mkdir "$work/ro" "$work/rw"
echo kept >"$work/ro/file"
for guest in probe command keep talk earlier_http; do
	serve_guest "$guest" "$TIPHYS_GUESTS/$guest.wasm"
done
serve_guest fetch "$TIPHYS_BUILD/examples/fetch.wasm"

# The field, the guest, the permissions; then words of the guest and what comes of them: "=RESULT" of one that
# succeeds, else what the reply of one that fails says. "-" in place of a guest ends the field with a bound and what
# the ceiling of it says to these permissions.
cat >"$work/table" <<END
env|probe|{"env":{"A":"here"}}|["env","A"]|=here|["env","B"]|exit code 4
stdio|probe|{"stdio":["stdout"]}|["fill","3"]|=xxx|["fill-stderr","3"]|exit code 4
stdio|probe|{"stdio":["stderr"]}|["fill-stderr","3"]|=|["fill","3"]|exit code 4
files|probe|{"files":[{"host":"$work/ro","guest":"/d"}]}|["read","/d/file"]|=kept|["write","/d/file","x"]|exit code 4
files|-|{"files":[{"host":"$work/ro","guest":"/d","access":"rw","quota":"8K"}]}|files: [{host: $work/ro}]|$work/ro rw with that quota
files|probe|{"files":[{"host":"$work/rw","guest":"/d","access":"rw","quota":"8K"}]}|["write","/d/a","x"]|=|["write","/d/b","$(printf 'x%.0s' {1..9000})"]|files below /d are limited to 8192 bytes (its quota in permissions.files)
files|-|{"files":[{"host":"$work/rw","guest":"/d","access":"rw","quota":"9K"}]}|files: [{host: $work/rw, access: rw, quota: 8K}]|$work/rw rw with that quota
clock|probe|{"clock":{"fixed":"2024-01-31T12:00:00Z"}}|["clock"]|=1706702400 0
clock|probe|{"clock":"none"}|["env","PATH"]|exit code 4|["clock"]|exit code 4
clock|-|{"clock":"coarse"}|clock: {fixed: "2024-01-31T12:00:00Z"}|a coarse clock
clock|-|{"clock":"real"}|clock: coarse|the real clock
random|probe|{"random":"none"}|["env","PATH"]|exit code 4|["random"]|exit code 4
random|-|{"random":"real"}|random: {seed: 1}|real random
http.allowed_hosts|fetch|{"http":{"allowed_hosts":["http://$one"]}}|["http://$one/hello"]|=hello|["http://$two/hello"]|http://$two, which is not listed
http.allowed_hosts|-|{"http":{"allowed_hosts":["http://$two"]}}|http: {allowed_hosts: ["http://$one"]}|http://$two
http.methods|fetch|{"http":{"allowed_hosts":["http://$one"],"methods":["GET"]}}|["http://$one/method"]|=GET|["-X","PUT","http://$one/method"]|the method PUT
http.methods|-|{"http":{"allowed_hosts":["http://$one"],"methods":["PUT"]}}|http: {allowed_hosts: ["http://$one"], methods: [GET]}|PUT
http.max_concurrent_requests|earlier_http|{"http":{"allowed_hosts":["http://$one"],"max_concurrent_requests":2}}|["handles","http://$one/hello"]|=open 2, then error 13
http.max_concurrent_requests|-|{"http":{"allowed_hosts":["http://$one"],"max_concurrent_requests":3}}|http: {allowed_hosts: ["http://$one"], max_concurrent_requests: 2}|3
http.max_body|fetch|{"http":{"allowed_hosts":["http://$one"],"max_body":6}}|["http://$one/hello"]|=hello|["http://$one/bytes?n=7"]|File too large
http.max_body|-|{"http":{"allowed_hosts":["http://$one"],"max_body":7}}|http: {allowed_hosts: ["http://$one"], max_body: 6}|7 bytes
http.timeout|fetch|{"http":{"allowed_hosts":["http://$one"],"timeout":"1s"}}|["http://$one/hello"]|=hello|["http://$one/hang"]|timed out
http.timeout|-|{"http":{"allowed_hosts":["http://$one"],"timeout":"2s"}}|http: {allowed_hosts: ["http://$one"], timeout: 1s}|2 s
blob|-|{"blob":[{"bucket":"b","prefix":"x/","access":"rw"}]}|blob: [{bucket: b}]|b/x/ rw
blob|-|{"blob":[{"bucket":"c"}]}|blob: [{bucket: b}]|c/ ro
kv|keep|{"kv":"rw"}|["put","k","v"]|=
kv|keep|{"kv":"ro"}|["get","k"]|=v|["put","k","w"]|which it may only read
kv|-|{"kv":"rw"}|kv: ro|rw
sockets|talk|{"sockets":["$echo"]}|["$echo","echo","ahoy"]|=ahoy|["$one","echo","x"]|connect to $one, which is not listed
sockets|-|{"sockets":["$one"]}|sockets: ["$echo"]|$one
limits.memory|probe|{"limits":{"memory":"16M"}}|["allocate","1"]|=|["allocate","17"]|memory is limited to 16777216 bytes
limits.memory|-|{"limits":{"memory":"17M"}}|limits: {memory: 16M}|17825792 bytes
limits.fuel|probe|{"limits":{"fuel":1000000}}|["env","PATH"]|exit code 4|["loop"]|out of fuel: the limit of 1000000 is used up
limits.fuel|-|{"limits":{"fuel":1001}}|limits: {fuel: 1000}|1001
limits.time|probe|{"limits":{"time":"1s"}}|["fill","1"]|=x|["loop"]|ran longer than its time limit of 1 s (limits.time)
limits.time|-|{"limits":{"time":"2s"}}|limits: {time: 1s}|2 s
limits.output|probe|{"limits":{"output":4}}|["fill","4"]|=xxxx|["fill","5"]|wrote more than 4 bytes to stdout (limits.output)
limits.output|-|{"limits":{"output":5}}|limits: {output: 4}|5 bytes
limits.open_files|probe|{"files":[{"host":"$work/ro","guest":"/d"}],"limits":{"open_files":20}}|["open-many","/d/file","10"]|=|["open-many","/d/file","20"]|open files are limited to 20
limits.open_files|-|{"limits":{"open_files":21}}|limits: {open_files: 20}|21
END
# What no table row can say: "args" stands beside the module; of processes there is never any (policy.bash); and what
# an object's grant lets a step do is in blob.bash, which has a store.
elsewhere='args limits.processes'

cat >"$work/open.yaml" <<END
clock: real
random: real
files: [{host: $work/ro, access: rw}, {host: $work/rw, access: rw, quota: 1M}]
http: {allowed_hosts: ["http://$one", "http://$two"]}
kv: rw
sockets: ["$echo", "$one"]
END
serve_start serve --policy-ceiling "$work/open.yaml"

# at_run FIELD GUEST PERMISSIONS WORDS OUTCOME [WORDS OUTCOME]
at_run() {
	local guest=$2 permissions=$3
	shift 3
	while [ $# -gt 0 ]; do
		execute "$guest" "\"args\": $1, \"permissions\": $permissions"
		case $2 in
		=*)
			[ "$(node phase)" = Succeeded ] && [[ $(node outputs.result) = "${2#=}"* ]] || { cat "$work/node" && false; }
			;;
		*)
			[ "$(node phase)" = Failed ] || { cat "$work/node" && false; }
			node message >"$work/message"
			expect_in "$2" "$work/message"
			;;
		esac
		shift 2
	done
}

# by_ceiling FIELD PERMISSIONS BOUND WHAT: a server of that bound alone refuses, and names the bound's line.
by_ceiling() {
	printf '# the bound\n%s\n' "$3" >"$work/ceiling.yaml"
	serve_start "ceiling-$tap_count" --policy-ceiling "$work/ceiling.yaml"
	execute probe "\"permissions\": $2"
	[ "$(node phase)" != Succeeded ]
	node message >"$work/message"
	expect_in "permissions.$1" "$work/message"
	expect_in ": $4 is more than the ceiling grants ($work/ceiling.yaml:2:" "$work/message"
	expect_in ": $1)" "$work/message"
	stop "$serve_pid"
}

while IFS='|' read -r field guest permissions rest; do
	IFS='|' read -ra more <<<"$rest"
	if [ "$guest" = - ]; then
		tap_case "$field: a ceiling of ${more[0]}" by_ceiling "$field" "$permissions" "${more[@]}"
	else
		tap_case "$field: $guest under $permissions" at_run "$field" "$guest" "$permissions" "${more[@]}"
	fi
done <"$work/table"

# A seed makes the same numbers each time, and another one others; a coarse clock has whole milliseconds.
seeds() {
	local first
	at_run random probe '{"random":{"seed":7}}' '["random"]' =
	first=$(node outputs.result)
	at_run random probe '{"random":{"seed":7}}' '["random"]' "=$first"
	at_run random probe '{"random":{"seed":8}}' '["random"]' =
	[ "$(node outputs.result)" != "$first" ]
	at_run random probe '{"random":"real"}' '["random"]' =
	[ "$(node outputs.result)" != "$first" ]
}
tap_case "random: a seed's numbers" seeds
clocks() {
	local now tries fine=
	for tries in 1 2 3 4 5; do
		at_run clock probe '{"clock":"coarse"}' '["clock"]' =
		now=$(node outputs.result)
		[ $((${now#* } % 1000000)) = 0 ] || { echo "$now is no whole millisecond" && false; }
		at_run clock probe '{"clock":"real"}' '["clock"]' =
		now=$(node outputs.result)
		[ $((${now#* } % 1000000)) = 0 ] || fine=1
	done
	[ -n "$fine" ]
	[ $((${now% *} - $(date +%s))) -le 1 ]
}
tap_case "clock: coarse and real" clocks

# Was taken, and did nothing.
qualifies_nothing() {
	execute probe '"permissions": {"http": {"methods": ["GET"]}}'
	[ "$(node phase)" = Failed ]
	node message >"$work/message"
	expect_in "permissions.http.methods: does nothing without http.allowed_hosts, which is not given" "$work/message"
}
tap_case "permissions that qualify no grant fail the step by name" qualifies_nothing

# No field without its rows. A list of fields that is read in part, or not at all, would be a test of nothing.
each_field() {
	local field role def=$TIPHYS_SOURCE/plugin/policy.def
	tr '\n' ' ' <"$def" | grep -oE 'POLICY_FIELD\(POLICY_[A-Z_]+, "[^"]+", [A-Z]+, [a-z_.]+, +(GRANT|BOTH|BOUND),' |
		sed -E 's/.*"([^"]+)".* ([A-Z]+),$/\1 \2/' >"$work/fields"
	[ "$(wc -l <"$work/fields")" = "$(grep -c '^POLICY_FIELD(' "$def")" ] || { cat "$work/fields" && false; }
	[ -s "$work/fields" ]
	while read -r field role; do
		[[ " $elsewhere " = *" $field "* ]] && continue
		[ "$role" = BOUND ] || [ "$field" = blob ] || grep -q "^$field|[a-z]" "$work/table" || { echo "$field: at run time?" && false; }
		[ "$role" = GRANT ] || [ "$role" = BOUND ] || grep -qF "$field|-|" "$work/table" || { echo "$field: by a ceiling?" && false; }
	done <"$work/fields"
}
tap_case "every field of a policy is here" each_field

tap_end
