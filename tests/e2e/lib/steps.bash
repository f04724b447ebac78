# A real `tiphys serve` for tests in bash, and steps sent to it as Argo sends them. Source tap.bash before.
#
#   serve_guest NAME FILE           puts a module into the store, as 127.0.0.1:1/test/NAME:1
#   serve_start NAME [OPTIONS…]     with that store, without tokens: sets $serve (host:port), $serve_pid, $serve_log
#   serve_run NAME COMMAND…         the same for a command of the caller's
#   execute NAME WASM [TEMPLATE]    runs a step of such a module, or of a reference: WASM is what stands beside `module`, TEMPLATE what stands
#                                   beside `plugin`, both JSON without braces; the node goes to $work/node.
#                                   $workflow_more stands beside the workflow's metadata
#   execute_prepare NAME WASM [TEMPLATE], execute_once
#                                   its parts: the request goes to $work/request; a call with that, the reply goes to $work/reply
#   node PATH                       a field of the node: `node outputs.result`
#   succeeds NAME WASM [TEMPLATE]   execute, which must be Succeeded
#   fails TEXT NAME WASM [TEMPLATE] execute, which must be Failed with that text in its message
#   step_ask WASM                   a step by the JSON of template.plugin.wasm; its raw reply is in $work/reply
#   step_succeeded TEXT             that reply is of a step that succeeded with that result
#   step_failed WORDS               that reply is of a step that failed, and says WORDS
#   steps_held COUNT                so many steps are at the guest's `hold` now, which waits until its file goes: those are in $held
#   steps_let_go COUNT              so many are, and go on
#   faults_start NAME PLACE [PEM]   lib/faults.py for a folder or HOST:PORT: $faults (host:port), its plan in
#                                   $faults_plan, its log in $faults_log
serve_guest() {
	"$tiphys" push --store "$work/store" "$2" "127.0.0.1:1/test/$1:1" >/dev/null
}

serve_run() {
	local name=$1
	shift
	serve_log=$work/$name.log
	start "$name" "$@"
	serve_pid=$started
	if ! wait_for 10 grep -q ' msg=listening ' "$serve_log"; then
		echo "Bail out! no server: $(tail -n 3 "$serve_log")"
		exit 1
	fi
	serve=$(sed -n 's/.* msg=listening address=\([^ ]*\).*/\1/p' "$serve_log" | tail -n 1)
}

serve_start() {
	local name=$1 store=()
	shift
	[ ! -d "$work/store" ] || store=(--store "$work/store")
	mkdir -p "$work/steps"
	serve_run "$name" "$tiphys" serve --listen 127.0.0.1:0 --no-auth "${store[@]}" --work-dir "$work/steps" "$@"
}

execute_prepare() {
	local module=$1
	case $module in
	*/*) ;;
	*) module=127.0.0.1:1/test/$module:1 ;;
	esac
	cat >"$work/request" <<-JSON
		{"workflow": {"metadata": {"name": "wf", "namespace": "argo", "uid": "u-1"}${workflow_more:+, $workflow_more}},
		 "template": {"name": "main", "plugin": {"wasm": {"module": {"oci": "$module"}, $2}}
		 ${3:+, $3}}}
	JSON
}

execute_once() {
	curl -sS --max-time 30 -H 'Content-Type: application/json' --data-binary "@$work/request" \
		-o "$work/reply" "http://$serve/api/v1/template.execute"
}

execute() {
	execute_prepare "$@"
	# A step that goes on is asked for again, with the same bytes, as the agent does.
	while :; do
		execute_once
		grep -q '"phase":"Running"' "$work/reply" || break
		sleep 0.5
	done
	python3 -c 'import json, sys; json.dump(json.load(open(sys.argv[1]))["node"], open(sys.argv[2], "w"))' \
		"$work/reply" "$work/node" || cat "$work/reply"
}

node() {
	python3 - "$work/node" "$1" <<-'PY'
		import json, sys
		value = json.load(open(sys.argv[1]))
		for key in sys.argv[2].split("."):
		    value = value[int(key)] if isinstance(value, list) else value[key]
		print(value if isinstance(value, str) else json.dumps(value))
	PY
}

succeeds() {
	execute "$@"
	[ "$(node phase)" = Succeeded ] || { cat "$work/node" && false; }
}

fails() {
	local text=$1
	shift
	execute "$@"
	[ "$(node phase)" = Failed ] || { cat "$work/node" && false; }
	node message >"$work/message"
	expect_in "$text" "$work/message"
}

step_ask() {
	curl -sf --noproxy '*' -H 'Content-Type: application/json' -o "$work/reply" \
		--data "{\"template\":{\"plugin\":{\"wasm\":$1}}}" "http://$serve/api/v1/template.execute"
}

step_succeeded() {
	expect_in '"phase":"Succeeded"' "$work/reply"
	expect_in "\"result\":\"$1\"" "$work/reply"
}

step_failed() {
	expect_in '"phase":"Failed"' "$work/reply"
	expect_in "$1" "$work/reply"
}

# A server has a folder in its working directory, and each run one in that.
steps_held() {
	held=("$work/steps"/*/*/held)
	[ -e "${held[0]}" ] && [ ${#held[@]} -eq "$1" ]
}

steps_let_go() {
	steps_held "$1" && rm "${held[@]}"
}

faults_start() {
	faults_plan=$work/$1.plan
	faults_log=$work/$1.requests
	: >"$faults_plan"
	: >"$faults_log"
	start "$1" python3 "$here/lib/faults.py" "$work/$1.port" "$faults_plan" "$faults_log" "${@:2}"
	wait_for 10 test -s "$work/$1.port" || exit 1
	faults=127.0.0.1:$(cat "$work/$1.port")
}
