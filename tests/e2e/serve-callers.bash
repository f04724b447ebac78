# Callers that are slow, stop half-way, or send what is no request: each is answered or closed in its time, others are
# served meanwhile, and nothing of them is left.
here=$(dirname "$0")
. "$here/lib/tap.bash"
. "$here/lib/steps.bash"

serve_guest command "$TIPHYS_GUESTS/command.wasm"
# So few workers stand ready that they are replaced one by one: the server's descriptors are counted.
serve_start serve --ready-workers 2 --idle-timeout 2 --request-timeout 3 --reply-timeout 4 --max-body 64K \
	--max-connections 40 --max-output 32M --max-parameter 32M --max-outputs 32M
succeeds command '"args": ["echo", "warm"]'

descriptors() {
	find "/proc/$serve_pid/fd" | wc -l
}
at_most() {
	[ "$(descriptors)" -le "$1" ]
}

# calls CASE: a case of callers.py, while other callers are served; afterwards the server has what it had
calls() {
	local before
	before=$(descriptors)
	python3 "$here/callers.py" "$serve" "$1" &
	local caller=$!
	for _ in 1 2 3 4 5; do
		succeeds command '"args": ["echo", "meanwhile"]'
		sleep 0.2
	done
	wait_end 120 $caller
	# The two workers that stand ready have six.
	wait_for 5 at_most $((before + 6)) || { echo "$before descriptors, then $(descriptors)" && false; }
	succeeds command '"args": ["echo", "after"]'
	find "$work/steps" -mindepth 3 >"$work/left"
	[ ! -s "$work/left" ] || { cat "$work/left" && false; }
}

tap_case "a request that comes byte by byte is answered" calls drips
tap_case "one that stops in its headers, or in its body, is closed" calls stops
creeping() {
	calls creeps
	expect_in "--request-timeout" "$serve_log"
}
tap_case "one that sends a byte now and then is closed all the same" creeping
sipping() {
	calls sips
	expect_in "closed a connection that did not take its reply" "$serve_log"
	expect_in "limits=--reply-timeout" "$serve_log"
	[ "$(grep -c 'msg="step finished".*template=sips' "$serve_log")" = 1 ]
}
tap_case "one that takes its reply drop by drop is closed, and the result is kept" sipping
tap_case "what is no request is refused or closed, and starts no step" calls malformed
tap_case "a body that is announced or grows too large is refused, and its sender hears it" calls oversized
tap_case "requests behind each other on a connection are each answered" calls pipelined
# The value of a metric.
metric() { curl -sf --noproxy '*' "http://$serve/metrics" | sed -n "s/^$1 //p"; }
# Nothing told it: callers waited, and the server seemed to hang.
few_connections() { [ "$(metric tiphys_connections_open)" -le 3 ]; }
crowding() {
	local before after times=0
	before=$(metric tiphys_connections_full_total)
	calls crowded
	after=$(metric tiphys_connections_full_total)
	[ "$after" -gt "$before" ]
	calls crowded
	[ "$(metric tiphys_connections_full_total)" -gt "$after" ]
	grep 'level=warn msg="all connections are taken; more callers wait" connections=40 limits=--max-connections times=[1-9]' \
		"$serve_log" >"$work/full"
	# Once a minute, however often it is.
	times=$(wc -l <"$work/full")
	[ "$times" -ge 1 ] && [ "$times" -le 2 ] || { cat "$work/full" && false; }
	# Its own, and what is not yet cleared away.
	wait_for 5 few_connections
}
tap_case "connections above --max-connections wait until idle ones are closed, and it is told" crowding

tap_end
