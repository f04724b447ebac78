# Workflows, run by a stand-in for Argo's agent and controller (tests/e2e/agent) against `tiphys serve`
# with a real registry: a DAG of steps of both forms, long equal steps whose agent is killed and started
# again, and a plugin that is too busy.
#
# TIPHYS_TOIL: seconds that a long step takes at least; TIPHYS_REPLY_WITHIN: as --reply-within. `make long` runs
# this with steps of 90 s and the 20 s that are the default of serve.
here=$(dirname "$0")
. "$here/lib/tap.bash"
. "$here/lib/registry.bash"
. "$here/lib/swift.bash"
. "$here/lib/steps.bash"
toil=${TIPHYS_TOIL:-3}
reply_within=${TIPHYS_REPLY_WITHIN:-1}

registry_start plain
export INSECURE_OCI_REGISTRIES=$registry
mkdir "$work/steps"
printf '0123456789abcdef0123456789ABCDEF' >"$work/token"
for guest in command contract keep tree; do
	"$tiphys_net" push "$TIPHYS_GUESTS/$guest.wasm" "$registry/team/$guest:1" >/dev/null
done

# serve NAME OPTIONS…: a server with that token
serve() {
	local name=$1
	shift
	serve_run "$name" "$tiphys" serve --token-file "$work/token" --listen 127.0.0.1:0 \
		--work-dir "$work/steps" "$@"
}

# workflow FILE [NAME]: the file with the registry and its name filled in
workflow() {
	local name=${2:-$1}
	sed "s|REGISTRY|$registry|; s|NAME|$name|g" "$here/agent/workflows/$1.json" >"$work/$name.json"
	echo "$work/$name.json"
}

agent() {
	"$TIPHYS_AGENT" --plugin "$serve" --token-file "$work/token" "$@"
}

# agent_start REPORT ARGS…: one in the background, which goes with the test if nobody ends it before
agent_start() {
	local report=$1
	shift
	start agent bash -c 'report=$1; shift; exec "$@" >"$report"' - "$report" \
		"$TIPHYS_AGENT" --plugin "$serve" --token-file "$work/token" "$@"
}

# told FILE NODE KEY…: what the agent's report says there
told() {
	python3 -c '
import json, sys
at = json.load(open(sys.argv[1]))
for key in sys.argv[2:]:
    at = at[int(key)] if isinstance(at, list) else at.get(key, "")
print(at)' "$@"
}

# expect_told FILE VALUE NODE KEY…
expect_told() {
	local file=$1 value=$2 got
	shift 2
	got=$(told "$file" "$@")
	if [ "$got" != "$value" ]; then
		echo "$*: expected: $value"
		echo "got: $got"
		return 1
	fi
}

finished() {
	grep -c 'msg="step finished"' "$work/$1.log" || true
}

mixed_dag() {
	local report=$work/report node
	agent "$(workflow mixed)" >"$report" && return 1 # some of its nodes fail
	expect_told "$report" "ahoy Argo" greet outputs result
	expect_told "$report" "item one" 'fan(0:"one")' outputs result
	expect_told "$report" "item 2" 'fan(1:2)' outputs result
	expect_told "$report" "item true" 'fan(2:true)' outputs result
	expect_told "$report" "a sail and an oar" keep outputs parameters 0 value
	expect_told "$report" "a sail and an oar" read outputs result
	for node in greet describe join keep read; do
		expect_told "$report" Succeeded $node phase
	done
	told "$report" join outputs result | grep -qF 'ahoy Argo; {"workflow_name":"mixed"'
	expect_told "$report" Failed wreck phase
	expect_told "$report" 134 wreck outputs exitCode
	told "$report" wreck message | grep -qF steer_onto_the_rocks
	expect_told "$report" Omitted behind phase
	expect_told "$report" Omitted far-behind phase
	expect_told "$report" Error strange phase
	# Six equal nodes, each with a run of its own.
	for node in 1 2 3 4 5 6; do
		told "$report" "equal($((node - 1)):$node)" outputs result
	done >"$work/equal"
	[ "$(sort -u "$work/equal" | grep -c '^[0-9a-f]\{16\}$')" -eq 6 ]
	# greet, describe, join, three of fan, six of equal, keep, read, wreck
	[ "$(finished serve)" -eq 15 ]
}

serve serve
tap_case "a DAG of steps of both forms" mixed_dag

metric() {
	curl -sf --noproxy '*' "http://$serve/metrics" | awk -v name="$1" '$1 == name {print $2}'
}

at_least() {
	[ "$(metric "$1")" -ge "$2" ]
}

killed_agent() {
	local file state=$work/state report=$work/report
	file=$(workflow long)
	agent_start /dev/null --state "$state" "$file"
	local node joined
	wait_for 30 steps_held 3
	sleep "$(python3 -c "print($toil / 2)")"
	kill -KILL "$started"
	ends 10 "$started"
	wait "$started" 2>/dev/null || true
	[ "$(finished long)" -eq 0 ]
	joined=$(metric tiphys_calls_joined_total)
	agent_start "$report" --state "$state" "$file"
	wait_for 30 at_least tiphys_calls_joined_total $((joined + 3))
	sleep "$(python3 -c "print($toil / 2)")"
	steps_let_go 3
	wait_end 60 "$started"
	for node in 1 2 3; do
		told "$report" "toil($((node - 1)):$node)" outputs result
		expect_told "$report" 1/3 "toil($((node - 1)):$node)" progress
	done >"$work/results"
	[ "$(sort -u "$work/results" | grep -c '^[0-9a-f]\{16\}$')" -eq 3 ]
	[ "$(finished long)" -eq 3 ]
	curl -sf --noproxy '*' "http://$serve/metrics" >"$work/metrics"
	expect_in 'tiphys_steps_total{phase="Succeeded"} 3' "$work/metrics"
	expect_in 'tiphys_results_dropped_total 0' "$work/metrics"
	# With its state, an agent asks for nothing that is over.
	agent --state "$state" "$file" >"$report"
	[ "$(finished long)" -eq 3 ]
}

serve long --concurrency 3 --reply-within "$reply_within"
tap_case "three equal steps of $toil s whose agent is killed and started again" killed_agent
# With it go the steps that it still holds if that failed: the cases behind look at what is left of theirs.
stop "$serve_pid"

# 503 is tried again; no step is lost, none runs twice.
too_busy() {
	local report=$work/report
	agent --time-scale 4 "$(workflow mixed)" >"$report" && return 1
	expect_told "$report" Succeeded read phase
	expect_in 'status=503' "$work/busy.log"
	[ "$(finished busy)" -eq 15 ]
}

# ---- mixed steps with a store ----

swift_start
s3 PUT /artifacts
mkdir -p "$work/data/folder"
printf 'in a registry\n' >"$work/data/folder/f"
tar -C "$work/data" -czf "$work/data.tgz" folder
registry_image data 1 application/vnd.oci.image.layer.v1.tar+gzip "$work/data.tgz" >/dev/null
keys=(--artifact-s3-bucket artifacts --artifact-s3-access-key-file "$work/access-key"
	--artifact-s3-secret-key-file "$work/secret-key")

made='folder /work/there
file /work/there/a.txt made by a guest
folder /work/there/deep
file /work/there/deep/b.txt deeper
link /work/there/link deep/b.txt'

# cargo NAME LOG: the workflow of that name, whose steps exchange artifacts, by the server of that log
cargo() {
	local name=$1 log=$2 report=$work/report node
	agent "$(workflow cargo "$name")" >"$report" && return 1 # some of its nodes fail
	for node in 0:1 1:2 2:3; do
		expect_told "$report" Succeeded "part($node)" phase
	done
	expect_told "$report" $'1 300000\n2 300000\n3 300000' gather outputs result
	expect_told "$report" "$made" unpack outputs result
	expect_told "$report" "$made" again outputs result
	expect_told "$report" "stored by a module" show outputs result
	expect_told "$report" "named by result.json alone" read outputs parameters 0 value
	expect_told "$report" $'folder /work/there\nfile /work/there/f in a registry' image outputs result
	expect_told "$report" 2/3 long progress
	expect_told "$report" 2/3 after outputs result
	# Tried again with the same bytes, each time a run of its own.
	expect_told "$report" "run 3" flaky outputs result
	expect_told "$report" 2 flaky retries
	expect_told "$report" Failed hopeless phase
	expect_told "$report" 2 hopeless retries
	told "$report" hopeless message | grep -qF 'exit code 72; the end of stderr:'
	expect_told "$report" Omitted behind phase
	expect_told "$report" Failed lost phase
	told "$report" lost message | grep -qF 'input artifact cargo: from key nowhere/at/all.tgz of bucket artifacts at '
	expect_told "$report" "run 3, stored by a module" last outputs result
	# Equal nodes store each at a place of its own.
	for node in 0 1 2; do
		told "$report" "make($node:\"a\")" outputs artifacts 0 s3 key
	done | sort -u >"$work/places"
	[ "$(grep -cE "^$name/$name-make-[0-9]{10}/made.tgz\$" "$work/places")" -eq 3 ]
	# Three parts, gather, three and one of make, unpack, repack, again, store, show, read, image, long,
	# after, three tries each of flaky and hopeless, lost, last
	[ "$(finished "$log")" -eq 25 ]
	# Of all these runs nothing is left.
	find "$work/steps" -mindepth 3 >"$work/left"
	[ ! -s "$work/left" ] || { cat "$work/left" && false; }
}

serve cargo --reply-within 1 --artifact-s3-endpoint "http://$swift" "${keys[@]}"
tap_case "a DAG whose steps exchange artifacts in a store" cargo cargo cargo

# Both lie behind a proxy that does wrong what its plan says, some of it to every step.
faults_start store "$swift"
store_plan=$faults_plan store_log=$faults_log
serve shaken --reply-within 1 --artifact-s3-endpoint "http://$faults" "${keys[@]}" --artifact-part-size 5M
shaken() {
	printf '%s\n' "PUT /parts/1 2 status 503,1" "PUT /parts/2 1 refuse" "PUT /parts/3 1 status 429" \
		"GET /parts/2 1 drop 1000" "GET /parts/3 1 status 500" "PUT .tgz 2 status 500" "GET made.tgz 2 drop 50" \
		"GET .zip 1 refuse" "GET list-type=2 1 status 503" >"$store_plan"
	cargo shaken shaken
	[ "$(grep -cE ' (503|500|429|refused) ' "$store_log")" -ge 8 ]
	[ "$(grep -c 'bytes=' "$store_log")" -ge 2 ]
}
tap_case "the same while the store is unwell" shaken

serve busy --concurrency 1 --queue 4
tap_case "a plugin that is too busy is asked again" too_busy

wrong_token() {
	printf 'fedcba9876543210fedcba9876543210' >"$work/other-token"
	"$TIPHYS_AGENT" --plugin "$serve" --token-file "$work/other-token" "$(workflow long)" \
		>"$work/report" && return 1
	expect_told "$work/report" Error 'toil(0:1)' phase
	told "$work/report" 'toil(0:1)' message | grep -qF 'status 403: wrong bearer token'
}
tap_case "an agent with another token fails the step with a sentence" wrong_token

nobody_there() {
	agent --time-scale 100 "$(workflow long)" >"$work/report" && return 1
	expect_told "$work/report" Error 'toil(0:1)' phase
}
stop "$serve_pid"
tap_case "without a plugin the step ends in Error" nobody_there

tap_end
