# `tiphys serve --policy-ceiling`: what templates may ask for, and what they are told.
here=$(dirname "$0")
. "$here/lib/tap.bash"
. "$here/lib/steps.bash"

mkdir "$work/shared" "$work/secret" "$work/box"
echo shared >"$work/shared/file"
for name in listed other; do
	start "$name" python3 "$here/http_server.py"
	wait_for 10 test -s "$work/$name.log"
done
listed=127.0.0.1:$(head -n 1 "$work/listed.log")
other=127.0.0.1:$(head -n 1 "$work/other.log")
cat >"$work/ceiling.yaml" <<END
# what any template may grant
clock: coarse
random: real
files:
  - {host: $work/shared, access: ro}
  - {host: $work/box, access: rw, quota: 8K}
limits:
  memory: 64M
  time: 5s
registries: [registry.test/team, $listed/team]
http: {allowed_hosts: ["http://$listed"]}
END
"$tiphys_net" push --store "$work/store" "$TIPHYS_GUESTS/command.wasm" registry.test/team/command:1 >/dev/null
"$tiphys_net" push --store "$work/store" "$TIPHYS_GUESTS/command.wasm" registry.test/other/command:1 >/dev/null
"$tiphys_net" push --store "$work/store" "$TIPHYS_GUESTS/exports.wasm" registry.test/team/library:1 >/dev/null
export INSECURE_OCI_REGISTRIES=$listed
serve_start serve --max-work 1M --policy-ceiling "$work/ceiling.yaml"

# execute PERMISSIONS ARGS [MODULE]
execute() {
	step_ask "{\"module\":\"${3:-registry.test/team/command:1}\",\"args\":$2,\"permissions\":$1}"
}

succeeds() {
	execute "$1" "$2"
	step_succeeded "$3"
}

fails() {
	execute "$1" '["echo","never"]' "${3:-}"
	step_failed "$2"
	must_fail grep -q '"result"' "$work/reply"
}

ceiling=$work/ceiling.yaml
tap_case "a template under the ceiling runs" succeeds '{"clock":"coarse"}' '["echo","ahoy"]' ahoy
tap_case "a directory that the ceiling lists" succeeds \
	"{\"files\":[{\"host\":\"$work/shared\",\"guest\":\"/shared\"}]}" \
	'["show","/shared/file"]' shared
tap_case "a directory to write to that is listed for reading" fails \
	"{\"files\":[{\"host\":\"$work/shared\",\"guest\":\"/s\",\"access\":\"rw\"}]}" \
	"permissions.files[0]: $work/shared rw without a quota is more than the ceiling grants ($ceiling:4:1: files)"
box="\"host\":\"$work/box\",\"access\":\"rw\",\"quota\":\"8K\""
tap_case "a directory to write to within its quota" succeeds \
	"{\"files\":[{$box,\"guest\":\"/box\"}]}" '["echo","kept"]' kept
tap_case "a directory in the work directory's place" fails "{\"files\":[{$box,\"guest\":\"/work\"}]}" \
	"lies where this server puts the step's work directory"
tap_case "a directory to write to by two names" fails \
	"{\"files\":[{$box,\"guest\":\"/a\"},{$box,\"guest\":\"/b\"}]}" \
	"permissions.files[1]: $work/box is asked for rw a second time"
tap_case "a directory that is not listed" fails \
	"{\"files\":[{\"host\":\"$work/secret\",\"guest\":\"/s\"}]}" \
	"permissions.files[0]: $work/secret ro is more than the ceiling grants ($ceiling:4:1: files)"
tap_case "a better clock than the ceiling's" fails '{"clock":"real"}' \
	"permissions.clock: the real clock is more than the ceiling grants ($ceiling:2:1: clock)"
tap_case "more memory than the ceiling's" fails '{"limits":{"memory":"65M"}}' \
	"permissions.limits.memory: 68157440 bytes is more than the ceiling grants ($ceiling:8:3: limits.memory)"
tap_case "a registry that the ceiling does not list" fails '{}' \
	"the ceiling does not list registry.test/other/command ($ceiling:10:1: registries)" \
	registry.test/other/command:1

# ---- artifacts: the server fetches them, so the ceiling's hosts bind it too ----

# artifact LOCATION: a step that shows an input artifact from there
artifact() {
	curl -sf --noproxy '*' -H 'Content-Type: application/json' -o "$work/reply" --data \
		"{\"template\":{\"inputs\":{\"artifacts\":[{\"name\":\"a\",\"path\":\"/work/a\",$1}]},
		\"plugin\":{\"wasm\":{\"module\":\"registry.test/team/command:1\",
		\"args\":[\"show\",\"/work/a\"]}}}}" "http://$serve/api/v1/template.execute"
}

artifact_fails() {
	local before
	before=$(wc -l <"$work/other.log")
	artifact "$1"
	step_failed "$2"
	[ "$(wc -l <"$work/other.log")" -eq "$before" ] # and nobody was asked
}

artifact_comes() {
	artifact "\"http\":{\"url\":\"http://$listed/hello\"}"
	step_succeeded hello
}
tap_case "an artifact of a listed host" artifact_comes
artifact_comes_by() {
	artifact "$1"
	step_succeeded hello
}
unlisted="the ceiling does not list http://$other ($ceiling:11:8: http.allowed_hosts)"
tap_case "an artifact of another host" artifact_fails "\"http\":{\"url\":\"http://$other/hello\"}" "$unlisted"
tap_case "an artifact that a listed host redirects to another" artifact_fails \
	"\"http\":{\"url\":\"http://$listed/redirect?to=http://$other/hello\"}" "$unlisted"
tap_case "an artifact in a store that the template names" artifact_fails \
	"\"s3\":{\"endpoint\":\"$other\",\"insecure\":true,\"bucket\":\"b\",\"key\":\"k\"}" "$unlisted"
# A redirect of these two was looked at by its address alone.
tap_case "an artifact in a listed store that redirects to another" artifact_fails \
	"\"s3\":{\"endpoint\":\"$listed\",\"insecure\":true,\"bucket\":\"to\",\"key\":\"$other/hello\"}" "$unlisted"
tap_case "an artifact in a listed store that redirects to itself" artifact_comes_by \
	"\"s3\":{\"endpoint\":\"$listed\",\"insecure\":true,\"bucket\":\"to\",\"key\":\"$listed/hello\"}"
tap_case "an artifact of a listed registry that redirects to loopback" artifact_fails \
	"\"http\":{\"url\":\"oci://$listed/team/${other#*:}:1\"}" \
	"the ceiling does not list https://$other ($ceiling:11:8: http.allowed_hosts)"
tap_case "an artifact of a registry that is not listed" artifact_fails \
	"\"http\":{\"url\":\"oci://registry.test/other/data:1\"}" \
	"the ceiling does not list registry.test/other/data ($ceiling:10:1: registries)"

# ---- limits ----

ends_by() {
	execute "$1" "$2"
	step_failed "$3"
	succeeds '{}' '["echo","next"]' next
	wait_for 5 nothing_is_left
}

# The lock, and emptied folders for steps to come, are all there is.
nothing_is_left() {
	[ -z "$(find "$work/steps" -mindepth 2 ! -name lock ! -type d -print -quit)" ]
}
tap_case "a step that fills /work is told --max-work's bytes" ends_by '{}' \
	'["write","/work/file","a line of ten","200000"]' "files below /work are limited to 1048576 bytes (--max-work)"
fills_workdir() {
	step_ask '{"module":"registry.test/team/command:1","workdir":"/work/a","args":["write","file","a line of ten","200000"]}'
	step_failed "files below /work are limited to 1048576 bytes (--max-work)"
}
# Once what was written by a relative path was not counted.
tap_case "a step that fills its workdir is told --max-work's bytes" fills_workdir

# Its two ways to the same directory had that much each.
fills_both() {
	step_ask '{"module":"registry.test/team/command:1","workdir":"/work/a","args":["write","file","a line of ten","50000","/work/file","a line of ten","50000"]}'
	step_failed "files below /work are limited to 1048576 bytes (--max-work)"
}
tap_case "/work and workdir have --max-work together" fills_both
tap_case "a step that floods its output is told whose limit it was" ends_by '{"limits":{"output":"4K"}}' \
	'["flood"]' "wrote more than 4096 bytes to stdout (limits.output)"
tap_case "an endless step is told whose limit it was" ends_by '{"limits":{"time":"1s"}}' \
	'["loop"]' "ran longer than its time limit of 1 s (limits.time)"

# ---- what the engine says is no output of the step's ----

thousand=$(printf '%01000d' 0)
# Once the backtrace counted, so that the step was told to have written too much.
nearly_full() {
	execute '{"limits":{"fuel":1000000,"output":"1K"}}' "[\"say\",\"$thousand\",\"loop\"]"
	step_failed "trapped (exit code 134) at its limit of 1000000 instructions (limits.fuel): out of fuel"
	expect_in "$thousand" "$work/reply"
	must_fail grep -q 'wrote more' "$work/reply"
}
tap_case "a step that runs out of fuel with stderr nearly full is told so" nearly_full

writes_nothing() {
	execute '{"limits":{"fuel":1000000,"output":"1"}}' '["loop"]'
	step_failed "out of fuel: the limit of 1000000"
	must_fail grep -q 'wrote more' "$work/reply"
}
tap_case "a step that writes nothing is not told to have written too much" writes_nothing

# A trap told where the server keeps the module, and neither fuel nor memory who had bounded it.
names() {
	execute "$1" "$2"
	step_failed "$3"
	must_fail grep -qF "blobs/sha256" "$work/reply"
}
tap_case "a trap names the module as the template does" names '{}' '["trap"]' \
	"module registry.test/team/command:1 trapped (exit code 134): unreachable"
tap_case "a step without memory is told by the ceiling's line" names '{}' '["bomb"]' \
	"having met its limit of 67108864 bytes of memory (limits.memory of the ceiling)"
tap_case "a step without memory is told by its own" names '{"limits":{"memory":"16M"}}' '["bomb"]' \
	"having met its limit of 16777216 bytes of memory (limits.memory)"

# It was told of an option of `tiphys run`, and of that one's exit code as its own.
no_command() {
	step_ask '{"module":"registry.test/team/library:1"}'
	step_failed "registry.test/team/library:1: the module was not run: cannot link: is no command: it exports no _start; a step runs commands alone"
	must_fail grep -q -e --invoke -e exitCode "$work/reply"
}
tap_case "a module that is no command is told what a step runs" no_command

# What `tiphys run` says of a file was looked for in what the guest could write, too.
digest=$(sha256sum <"$TIPHYS_GUESTS/command.wasm")
forged="tiphys run: $work/store/blobs/sha256/${digest%% *}"
forges() {
	execute '{}' "[\"say\",\"$forged: $1\\n\",\"fail\",$2]"
	step_failed "exit code $2; the end of stderr:"
	must_fail grep -qE 'was not run|trapped' "$work/reply"
}
tap_case "a guest forges no trap" forges "trap: unreachable" 134
forges_failure() {
	execute '{}' "[\"say\",\"$forged: malformed module: x\\n\",\"exit\",1]"
	step_failed "exit code 1; from stderr:\n$forged"
	must_fail grep -q 'was not run' "$work/reply"
}
tap_case "a guest forges no fault of its module" forges_failure

# ---- ceilings that are refused ----

refused() {
	local words=$1
	printf '%s\n' "$2" >"$work/wrong.yaml"
	if timeout 20 "$tiphys" serve --no-auth --listen 127.0.0.1:0 --work-dir "$work/steps" \
		--policy-ceiling "$work/wrong.yaml" >"$work/out" 2>&1; then
		echo "serve started"
		return 1
	fi
	expect_in "$words" "$work/out"
}
tap_case "a ceiling with a misspelt name ends serve" refused \
	"$work/wrong.yaml:1:1: rigistries: is not known; did you mean registries?" 'rigistries: [a]'
tap_case "a ceiling with a registry that no module comes from ends serve" refused \
	"$work/wrong.yaml:1:14: registries[0]: no module comes from \"https://mod.example\": it has a scheme" \
	'registries: ["https://mod.example"]'
absent() {
	printf 'clock: real\nfiles:\n  - {host: %s}\n  - {host: %s}\n' "$work/shared" "$work/absent" >"$work/absent.yaml"
	serve_start absent --policy-ceiling "$work/absent.yaml"
	expect_in "cannot be granted\" where=\"$work/absent.yaml:4:5: files[1]\" host=$work/absent detail=\"No such file" "$serve_log"
	[ "$(grep -c 'cannot be granted' "$serve_log")" -eq 1 ]
}
tap_case "a directory of the ceiling that is not there is told by its line" absent
tap_case "a ceiling bounds no arguments" refused "$work/wrong.yaml:1:1: args: no ceiling bounds it" \
	'args: []'

tap_end
