# Workflows, run by a stand-in for Argo's agent and controller (tests/e2e/agent) against `tiphys serve`
# with a real registry: a DAG of steps of both forms, long equal steps whose agent is killed and started
# again, and a plugin that is too busy.
#
# TIPHYS_TOIL: seconds that a long step takes; TIPHYS_REPLY_WITHIN: as --reply-within. `make long` runs
# this with steps of 90 s and the default.
here=$(dirname "$0")
. "$here/lib/tap.bash"
. "$here/lib/registry.bash"
toil=${TIPHYS_TOIL:-3}
reply_within=${TIPHYS_REPLY_WITHIN:-1}

registry_start plain
export INSECURE_OCI_REGISTRIES=$registry
mkdir "$work/steps"
printf '0123456789abcdef0123456789ABCDEF' >"$work/token"
for guest in command contract; do
	"$tiphys_net" push "$TIPHYS_GUESTS/$guest.wasm" "$registry/team/$guest:1" >/dev/null
done

# serve NAME OPTIONS…: a server; sets $address, $serve_pid
serve() {
	local name=$1
	shift
	start "$name" "$tiphys" serve --token-file "$work/token" --listen 127.0.0.1:0 \
		--work-dir "$work/steps" "$@"
	serve_pid=$started
	wait_for 10 grep -q msg=listening "$work/$name.log"
	address=$(sed -n 's/.* msg=listening address=\([^ ]*\).*/\1/p' "$work/$name.log")
}

# workflow NAME: the file with the registry and the time filled in
workflow() {
	sed "s|REGISTRY|$registry|; s|SECONDS|$toil|" "$here/agent/workflows/$1.json" >"$work/$1.json"
	echo "$work/$1.json"
}

agent() {
	"$TIPHYS_AGENT" --plugin "$address" --token-file "$work/token" "$@"
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

killed_agent() {
	local file state=$work/state report=$work/report
	file=$(workflow long)
	"$TIPHYS_AGENT" --plugin "$address" --token-file "$work/token" --state "$state" "$file" \
		>/dev/null 2>&1 &
	local pid=$! node
	sleep "$(python3 -c "print($toil / 2)")"
	kill -KILL $pid
	wait $pid 2>/dev/null || true
	[ "$(finished long)" -eq 0 ]
	agent --state "$state" "$file" >"$report"
	for node in 1 2 3; do
		told "$report" "toil($((node - 1)):$node)" outputs result
		expect_told "$report" 1/3 "toil($((node - 1)):$node)" progress
	done >"$work/results"
	[ "$(sort -u "$work/results" | grep -c '^[0-9a-f]\{16\}$')" -eq 3 ]
	[ "$(finished long)" -eq 3 ]
	curl -sf --noproxy '*' "http://$address/metrics" >"$work/metrics"
	expect_in 'tiphys_steps_total{phase="Succeeded"} 3' "$work/metrics"
	expect_in 'tiphys_results_dropped_total 0' "$work/metrics"
	[ "$(awk '/^tiphys_calls_joined_total/ {print $2}' "$work/metrics")" -ge 3 ]
	# With its state, an agent asks for nothing that is over.
	agent --state "$state" "$file" >"$report"
	[ "$(finished long)" -eq 3 ]
}

serve long --concurrency 3 --reply-within "$reply_within"
tap_case "three equal steps of $toil s whose agent is killed and started again" killed_agent

# 503 is tried again; no step is lost, none runs twice.
too_busy() {
	local report=$work/report
	agent --time-scale 4 "$(workflow mixed)" >"$report" && return 1
	expect_told "$report" Succeeded read phase
	expect_in 'status=503' "$work/busy.log"
	[ "$(finished busy)" -eq 15 ]
}

serve busy --concurrency 1 --queue 4
tap_case "a plugin that is too busy is asked again" too_busy

wrong_token() {
	printf 'fedcba9876543210fedcba9876543210' >"$work/other-token"
	"$TIPHYS_AGENT" --plugin "$address" --token-file "$work/other-token" "$(workflow long)" \
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
