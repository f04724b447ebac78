# A registry that fails, lies or is slow, as a step of `tiphys serve` meets it: nothing hangs, the step ends with a
# message that a person can act on, and nothing of what came is left or taken for whole.
here=$(dirname "$0")
. "$here/lib/tap.bash"
. "$here/lib/registry.bash"
. "$here/lib/steps.bash"

registry_start plain
faults_start front "$registry"
export INSECURE_OCI_REGISTRIES=$registry,$faults
pushed=$("$tiphys_net" push "$TIPHYS_GUESTS/command.wasm" "$registry/team/command:1")
digest=${pushed#*@}
blob=$(digest_of "$TIPHYS_GUESTS/command.wasm")
module=$faults/team/command:1
serve_start serve
ahoy='"args": ["echo", "ahoy"]'

# plan LINE…: what goes wrong from now on, with nothing of the module in the cache
plan() {
	find "$work/cache" -type f -delete 2>/dev/null || true
	printf '%s\n' "$@" >"$faults_plan"
	: >"$faults_log"
}

# What is in the cache is whole, and no folder of a step is left.
nothing_left() {
	local file
	find "$work/cache" -type f -size +0 ! -path '*/images/*' ! -path '*/blobs/sha256/*' >"$work/left"
	find "$work/steps" -mindepth 3 >>"$work/left"
	for file in "$work"/cache/blobs/sha256/*; do
		[ ! -e "$file" ] || [ "$(digest_of "$file")" = "sha256:${file##*/}" ] || echo "$file" >>"$work/left"
	done
	[ ! -s "$work/left" ] || { cat "$work/left" && false; }
}

# is_told WORDS LINE…: while the registry does so, the step fails with these words; then it works
is_told() {
	local words=$1
	shift
	plan "$@"
	fails "module $module: " "$module" "$ahoy"
	expect_in "$words" "$work/message"
	nothing_left
	plan
	succeeds "$module" "$ahoy"
}

passing() {
	local fault kind
	for fault in "status 503,1" "status 503" "status 500" "status 429" "status 429,1" refuse; do
		for kind in manifests blobs; do
			plan "GET /$kind/ 2 $fault"
			succeeds "$module" "$ahoy"
			[ "$(grep -c " /v2/team/command/$kind/" "$faults_log")" -eq 3 ] || { cat "$faults_log" && false; }
		done
	done
}
tap_case "a registry that is unwell for a moment is asked again" passing

for_good() {
	local status
	for status in 500 503 429; do
		is_told "GET http://$faults/v2/team/command/manifests/1: HTTP $status" "GET /manifests/ 99 status $status"
		is_told "GET http://$faults/v2/team/command/blobs/$blob: HTTP $status" "GET /blobs/ 99 status $status"
	done
	is_told "GET http://$faults/v2/team/command/manifests/1: HTTP 503" "GET /manifests/ 99 status 503,1"
	is_told "(tried several times)" "GET /manifests/ 99 refuse"
}
tap_case "one that stays so is named, with its URL and status" for_good

part_way() {
	plan "GET /blobs/ 2 drop 5000" "GET /manifests/ 1 drop 10"
	succeeds "$module" "$ahoy"
	is_told "GET http://$faults/v2/team/command/blobs/$blob: " "GET /blobs/ 99 drop 5000"
	is_told "GET http://$faults/v2/team/command/manifests/1: " "GET /manifests/ 99 drop 10"
}
tap_case "a connection that breaks half-way is begun anew, and named in the end" part_way

lengths() {
	local more
	for more in 100 -100; do
		is_told "$blob: " "GET /blobs/ 99 length $more"
		is_told "team/command" "GET /manifests/ 99 length $more"
	done
	is_told "more than" "GET /blobs/ 99 huge 50000000"
}
tap_case "a length that is a lie is told" lengths

digests() {
	is_told "expected $blob" "GET /blobs/ 99 flip 100"
	is_told "the manifest's bytes are not those of its digest" "GET /manifests/ 99 flip 30"
	is_told "expected sha256:$(printf '0%.0s' {1..64})" \
		"GET /manifests/ 99 header Docker-Content-Digest:sha256:$(printf '0%.0s' {1..64})"
	plan "GET /manifests/ 99 flip 30"
	fails "expected $digest" "$faults/team/command@$digest" "$ahoy"
	nothing_left
}
tap_case "bytes that are not those of their digest are refused" digests

redirects() {
	is_told "more than 5 redirects" "GET /blobs/ 99 location http://$faults/v2/team/command/blobs/$blob"
	is_told "more than 5 redirects" "GET /manifests/ 99 location /v2/team/command/manifests/1"
	is_told "http://127.0.0.1:1/elsewhere would be asked by plain http" "GET /blobs/ 99 location http://127.0.0.1:1/elsewhere"
	is_told "file:///etc/passwd" "GET /blobs/ 99 location file:///etc/passwd"
	plan "GET /blobs/ 1 location http://$registry/v2/team/command/blobs/$blob"
	succeeds "$module" "$ahoy"
}
tap_case "redirects end, and lead nowhere that was not listed" redirects

peak() {
	awk '/^VmHWM/ {print $2}' "/proc/$serve_pid/status"
}

huge_manifest() {
	local before
	before=$(peak)
	is_told "the manifest is over the limit of 4194304 bytes" "GET /manifests/ 99 huge 104857600"
	[ $(($(peak) - before)) -lt 16384 ] || { echo "$before, then $(peak) KiB" && false; }
}
tap_case "a manifest of 100 MB is not read to its end" huge_manifest

no_manifest() {
	printf '<html>a page of a login</html>' >"$work/page"
	registry_put_blob page "$work/page" >/dev/null
	is_told "the manifest is no JSON: line 1, column 1: " \
		"GET /command/manifests/ 99 location http://$registry/v2/page/blobs/$(digest_of "$work/page")"
}
tap_case "what is no manifest is told" no_manifest

# Slower than a call may take: the agent is told that the step goes on, and gets its result later.
slow() {
	plan "GET /manifests/ 1 stall 3" "GET /blobs/ 1 stall 3"
	succeeds "$module" "$ahoy"
	plan "GET /manifests/ 1 drip 0.005"
	succeeds "$module" "$ahoy"
	[ "$(curl -sf --noproxy '*' "http://$serve/metrics" | awk '/^tiphys_calls_requeued_total/ {print $2}')" -ge 4 ]
}
stop "$serve_pid"
serve_start slow --reply-within 1
tap_case "a slow registry keeps no call waiting" slow

# It takes the connection, or leaves that to its kernel, and says nothing: neither by http nor to a greeting of
# TLS. With the limit's default it would be 30 s; it was four times that, since it was asked again and again:
# so it has one connection of each step, and the time is not that of the default.
silence() {
	local kind scheme begin took words silent listener
	for kind in accepts waits; do
		rm -f "$work/silent.port"
		start "silent-$kind" python3 "$here/lib/silent.py" "$work/silent.port" "$kind"
		listener=$started
		wait_for 10 test -s "$work/silent.port"
		silent=127.0.0.1:$(cat "$work/silent.port")
		for scheme in http https; do
			words="no byte for 2 s (--stall-timeout)"
			INSECURE_OCI_REGISTRIES=$silent
			if [ $scheme = https ]; then
				words="no connection within 2 s (--stall-timeout)"
				INSECURE_OCI_REGISTRIES=none
			fi
			serve_start "silent-$kind-$scheme" --stall-timeout 2
			begin=$SECONDS
			fails "GET $scheme://$silent/v2/team/command/manifests/1: $words" "$silent/team/command:1" "$ahoy"
			took=$((SECONDS - begin))
			[ $took -ge 2 ] && [ $took -lt 15 ] || { echo "$kind, $scheme: told after $took s" && false; }
			stop "$serve_pid"
		done
		stop "$listener"
		[ "$(cat "$work/silent-$kind.log")" = "$(printf 'accepted\naccepted')" ] || { cat "$work/silent-$kind.log" && false; }
	done
}
stop "$serve_pid"
tap_case "a registry that is silent is told after the limit, and not asked again" silence

# The commands have the same limit; without the option they waited for 30 s, and named nothing that sets another.
by_command() {
	local silent begin status
	rm -f "$work/silent.port"
	start silent-command python3 "$here/lib/silent.py" "$work/silent.port" accepts
	wait_for 10 test -s "$work/silent.port"
	silent=127.0.0.1:$(cat "$work/silent.port")
	export INSECURE_OCI_REGISTRIES=$silent
	while read -r command words; do
		begin=$SECONDS
		status=0
		# The options stand before what the guest gets, and are told the operands by their names here.
		command=${command//FILE/$TIPHYS_GUESTS/command.wasm}
		# shellcheck disable=SC2086
		"$tiphys" ${command//,/ } >"$work/command.out" 2>&1 || status=$?
		[ $status = 1 ] && [ $((SECONDS - begin)) -lt 15 ] || { echo "$command: $status after $((SECONDS - begin)) s" && false; }
		expect_in "no byte for 1 s (--stall-timeout)" "$work/command.out"
		expect_in "$words" "$work/command.out"
	done <<-END
		pull,--stall-timeout,1,$silent/team/command:1 tiphys pull: network: GET http://$silent/v2/team/command/manifests/1
		push,--stall-timeout,1,FILE,$silent/team/command:1 tiphys push: network: 
		run,--stall-timeout,1,$silent/team/command:1,echo tiphys run: network: GET http://$silent/v2/team/command/manifests/1
	END
	[ "$(cat "$work/silent-command.log")" = "$(printf 'accepted\naccepted\naccepted')" ] || { cat "$work/silent-command.log" && false; }
}
tap_case "pull, push and run tell a silent registry by the same limit" by_command

# It sends a byte now and then. That was bounded by a minute, which no option set and no message named.
dripping() {
	plan "GET /command/manifests/ 99 drip 0.3"
	must_fail timeout 50 "$tiphys" pull --stall-timeout 2 "$faults/team/command:1" >"$work/command.out" 2>&1
	expect_in "not whole within 4 s (--stall-timeout)" "$work/command.out"
	plan
}
tap_case "a registry that drips bytes is told by the limit that bounds it" dripping
serve_start after

# Of many steps at once that want it, each is told.
many_at_once() {
	local i calls=()
	plan "GET /blobs/ 99 flip 100"
	for i in 1 2 3 4 5 6 7 8; do
		curl -sS --noproxy '*' -H 'Content-Type: application/json' -o "$work/reply.$i" --data \
			"{\"workflow\": {\"metadata\": {\"name\": \"w$i\"}}, \"template\": {\"plugin\": {\"wasm\": {\"module\": \"$module\", $ahoy}}}}" \
			"http://$serve/api/v1/template.execute" &
		calls+=($!)
	done
	for i in "${calls[@]}"; do wait_end 120 "$i"; done
	for i in 1 2 3 4 5 6 7 8; do
		expect_in "expected $blob" "$work/reply.$i"
	done
	nothing_left
}
tap_case "eight steps at once that want what is altered" many_at_once

tap_end
