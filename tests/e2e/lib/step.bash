# Single steps by the JSON of their plugin, and words that stand in the raw reply. Source tap.bash before.
#
#   step_server [OPTION…]   starts one in $work/steps; sets $serve_pid and $address
#   step_ask WASM           a step by the JSON of template.plugin.wasm; its reply is in $work/reply
#   step_succeeded TEXT     the reply is of a step that succeeded with that result
#   step_failed WORDS       the reply is of a step that failed, and says WORDS
step_server() {
	mkdir -p "$work/steps"
	start serve "$tiphys" serve --no-auth --listen 127.0.0.1:0 --work-dir "$work/steps" "$@"
	serve_pid=$started
	wait_for 10 grep -q msg=listening "$work/serve.log"
	address=$(sed -n 's/.* msg=listening address=\([^ ]*\).*/\1/p' "$work/serve.log")
}

step_ask() {
	curl -sf --noproxy '*' -H 'Content-Type: application/json' -o "$work/reply" \
		--data "{\"template\":{\"plugin\":{\"wasm\":$1}}}" "http://$address/api/v1/template.execute"
}

step_succeeded() {
	expect_in '"phase":"Succeeded"' "$work/reply"
	expect_in "\"result\":\"$1\"" "$work/reply"
}

step_failed() {
	expect_in '"phase":"Failed"' "$work/reply"
	expect_in "$1" "$work/reply"
}
