# What a module reaches by HTTP, and what it does not: a real server, the broker, and guests by both
# import modules.
here=$(dirname "$0")
. "$here/lib/tap.bash"
. "$here/lib/run.bash"
. "$here/lib/steps.bash"

fetch=$TIPHYS_BUILD/examples/fetch.wasm
earlier=$TIPHYS_GUESTS/earlier_http.wasm

start one python3 "$here/http_server.py"
start two python3 "$here/http_server.py"
wait_for 10 test -s "$work/one.log"
wait_for 10 test -s "$work/two.log"
one=127.0.0.1:$(head -n 1 "$work/one.log")
two=127.0.0.1:$(head -n 1 "$work/two.log")

# fetches STATUS URL [MORE…]: with $one granted.
fetches() {
	local wanted=$1
	shift
	run "$wanted" --http "http://$one" "$fetch" "$@"
}

fails() {
	fetches 1 "$1"
	expect_in "$2" "$err"
	expect_in "$3" "$err"
}

# ---- what is granted ----

get() {
	fetches 0 -i "http://$one/hello"
	expect_in 200 "$out"
	expect_in "x-mixed-case:two words" "$out"
	[ "$(grep -c '^set-cookie:' "$out")" -eq 2 ]
	[ "$(tail -n 1 "$out")" = hello ]
	[ ! -s "$err" ]
	grep -q '^GET|/hello|-|-|-|tiphys/' "$work/one.log"
}
tap_case "a listed host answers" get

methods() {
	local method
	for method in GET POST PUT PATCH DELETE OPTIONS; do
		fetches 0 -X "$method" "http://$one/method"
		[ "$(cat "$out")" = "$method" ]
	done
	fetches 0 -i -X HEAD "http://$one/hello"
	expect_in "content-length:6" "$out"
	must_fail grep -q '^hello' "$out"
}
tap_case "every method" methods

uploads() {
	head -c 3000000 /dev/urandom >"$work/random"
	"$tiphys" run --http "http://$one" --stdin "$fetch" -d -i "http://$one/echo" <"$work/random" >"$out"
	grep -qa '^x-encoding:chunked' "$out"
	tail -c 3000000 "$out" | cmp - "$work/random"
	"$tiphys" run --http "http://$one" --stdin "$fetch" -d "http://$one/echo" </dev/null >"$out"
	[ ! -s "$out" ]
}
tap_case "a body is streamed there and back" uploads

early() {
	head -c 30000000 /dev/zero | "$tiphys" run --http "http://$one" --stdin "$fetch" -d "http://$one/early" >"$out" 2>"$err" ||
		grep -q "reset" "$err"
}
tap_case "an answer before the end of the body ends the sending" early

headers() {
	fetches 0 -H 'Authorization: Bearer me' -H 'User-Agent: own' -H 'Content-Length: 7' "http://$one/hello"
	grep -q '^GET|/hello|Bearer me|-|-|own' "$work/one.log"
	local header
	for header in 'Host: evil' 'Transfer-Encoding: chunked' 'Connection: close' 'no colon' $'A: b\rX: y' 'A b: c'; do
		fetches 1 -H "$header" "http://$one/hello"
		expect_in "Invalid argument" "$err"
	done
}
tap_case "headers go along, but not those of the connection" headers

status_4xx() {
	fetches 22 "http://$one/missing"
	[ "$(cat "$out")" = "nothing is here" ]
}
tap_case "a status of 400 and above is an answer" status_4xx

interim() {
	fetches 0 -i "http://$one/continue"
	expect_in "x-final:1" "$out"
	must_fail grep -q interim "$out"
}
tap_case "the head of an interim answer is not the answer's" interim

two_hosts() {
	run 0 --http "http://$one" --http "HTTP://$two/" "$fetch" "http://$two/hello"
}
tap_case "several hosts are listed" two_hosts

# ---- what is not ----

without() {
	run 1 "$fetch" "http://$one/hello"
	expect_in "Permission denied" "$err"
	expect_in "--http" "$err"
}
tap_case "without a grant nothing is reached, and no broker is started" without

# Where it may not lead: tests/hostile/requests.bash.

listed_methods() {
	run 0 --http "http://$one" --http-method GET --http-method HEAD "$fetch" "http://$one/method"
	run 1 --http "http://$one" --http-method GET --http-method HEAD "$fetch" -X DELETE "http://$one/method"
	expect_in "Operation not permitted" "$err"
	expect_in "the method DELETE" "$err"
	fetches 1 -X CONNECT "http://$one/method"
	expect_in "Operation not permitted" "$err"
	fetches 1 -X get "http://$one/method"
	must_fail grep -q '^DELETE|/method|.*CONNECT' "$work/one.log"
}
tap_case "a method that is not listed" listed_methods

proxy() {
	http_proxy=http://$two HTTP_PROXY=http://$two ALL_PROXY=http://$two run 0 --http "http://$one" "$fetch" "http://$one/hello"
	must_fail grep -q hello "$work/two.log" || [ "$(grep -c hello "$work/two.log")" -eq 1 ]
}
tap_case "proxies of the environment are not asked" proxy

# ---- redirects ----

redirects() {
	local status
	for status in 301 302 303 307 308; do
		fetches 0 "http://$one/redirect?status=$status&to=/hello"
		[ "$(cat "$out")" = hello ]
	done
	fetches 0 "http://$one/redirect?to=hello"
}
tap_case "redirects on the same host are followed" redirects

strangers() {
	: >"$work/seen"
	run 0 --http "http://$one" --http "http://$two" "$fetch" -H 'Authorization: Bearer secret' -H 'Cookie: c=1' \
		"http://$one/redirect?to=http://$two/redirect%3Fto=http://$one/hello?back"
	grep -q '^GET|/redirect.*|Bearer secret|c=1|' "$work/one.log"
	grep -q '^GET|/redirect.to=http://[0-9.:]*/hello?back|-|-|' "$work/two.log"
	grep -q '^GET|/hello?back|-|-|' "$work/one.log"
}
tap_case "Authorization and Cookie stay with the first origin" strangers

post_redirects() {
	# fetch -d sends a body: 303 turns it into GET, 307 wants it again and is handed out as it is.
	printf 'body' | "$tiphys" run --http "http://$one" --stdin "$fetch" -d -H 'Content-Type: text/plain' \
		"http://$one/redirect?status=303&to=/method" >"$out"
	[ "$(cat "$out")" = GET ]
	grep -q '^GET|/method|-|-|-|' "$work/one.log"
	printf 'body' | "$tiphys" run --http "http://$one" --stdin "$fetch" -d -i \
		"http://$one/redirect?status=307&to=/method" >"$out"
	[ "$(head -n 1 "$out")" = 307 ]
	expect_in "location:/method" "$out"
}
tap_case "a redirect of a request with a body" post_redirects

# It read "the module tried to by a redirect from ...: send a request to".
redirect_denied() {
	run 1 --http "http://$one" "$fetch" "http://$one/redirect?to=http://$two/hello"
	expect_in "the module tried to follow a redirect from http://$one/redirect?to=http://$two/hello to http://$two, which is not listed; grant it by --http" "$err"
}
tap_case "a redirect that is refused is told as one" redirect_denied

# ---- servers that misbehave ----

tap_case "a body shorter than was said" fails "http://$one/short" "Connection reset" "http://$one/short"
long() {
	fetches 0 "http://$one/long"
	[ "$(cat "$out")" = hello ]
}
tap_case "a body longer than was said is cut" long
tap_case "a body larger than the limit, not announced" fails "http://$one/endless" "File too large" "67108864 bytes"
tap_case "a connection that is closed" fails "http://$one/nothing" "Connection reset" "http://$one/nothing"

nobody() {
	local port
	port=$(free_port)
	run 1 --http "http://127.0.0.1:$port" "$fetch" "http://127.0.0.1:$port/"
	expect_in "Connection refused" "$err"
}
tap_case "nobody listens" nobody

no_such_name() {
	run 1 --http "http://no-such-name.invalid" "$fetch" "http://no-such-name.invalid/"
	expect_in "Host is unreachable" "$err"
}
tap_case "a name that is none" no_such_name

times_out() {
	run 1 --http "http://$one" --http-timeout 1 "$fetch" "http://$one/hang"
	expect_in "timed out" "$err"
	run 1 --http "http://$one" --http-timeout 1 "$fetch" "http://$one/slow"
	expect_in "timed out" "$err"
}
tap_case "a request has a time limit, also when bytes trickle" times_out

# They were 30 seconds, whatever was said.
stalls() {
	timeout 25 "$tiphys" run --http "http://$one" --http-timeout 5m --stall-timeout 1 "$fetch" "http://$one/hang" 2>"$err" && false
	expect_in "the last 1 seconds (--stall-timeout)" "$err"
	run 1 --http "http://$one" --http-timeout 1s "$fetch" "http://$one/hang"
	expect_in "(--http-timeout, http.timeout)" "$err"
	run 0 --http "http://$one" --stall-timeout 20 "$fetch" "http://$one/hello"
	run 2 --stall-timeout 0 "$fetch" x
}
tap_case "how long a server may be silent can be set, and is named" stalls

# It was rounded up to whole seconds.
times_out_in_milliseconds() {
	run 0 --http "http://$one" --http-timeout 30s "$fetch" "http://$one/late"
	run 1 --http "http://$one" --http-timeout 200ms "$fetch" "http://$one/late"
	expect_in "timed out" "$err"
	printf 'http: {allowed_hosts: ["http://%s"], timeout: 200ms}\n' "$one" >"$work/policy.yaml"
	run 1 --policy "$work/policy.yaml" "$fetch" "http://$one/late"
	expect_in "timed out" "$err"
	run 2 --http "http://$one" --http-timeout soon "$fetch" "http://$one/late"
	expect_in '--http-timeout wants a time of at most 8760h, as 30s or 1500ms (ms, s, m, h), not "soon"' "$err"
}
tap_case "a time limit below a second is kept" times_out_in_milliseconds

# The guest keeps the body nowhere; neither does the broker: the peak of all processes together.
gigabyte() {
	local peak
	cat >"$work/peak.py" <<-'PY'
		import resource, subprocess, sys
		subprocess.run(sys.argv[1:], stdout=open("/dev/null", "wb"), check=True)
		print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
	PY
	peak=$(timeout 120 python3 "$work/peak.py" "$tiphys" run --http "http://$one" --http-body 2G "$fetch" "http://$one/bytes?n=1073741824")
	echo "peak: $peak KiB"
	[ "$peak" -lt 40000 ]
	"$tiphys" run --http "http://$one" --http-body 2G "$fetch" "http://$one/bytes?n=1073741824" | wc -c | grep -qx 1073741824
}
tap_case "1 GiB is streamed in less than 40 MB" gigabyte

gigabyte_up() {
	head -c 1073741824 /dev/zero | "$tiphys" run --http "http://$one" --http-body 2G --stdin "$fetch" -d "http://$one/sink" >"$out"
	[ "$(cat "$out")" = 1073741824 ]
	must_fail "$tiphys" run --http "http://$one" --stdin "$fetch" -d "http://$one/sink" < <(head -c 200000000 /dev/zero) >"$out" 2>"$err"
	expect_in "File too large" "$err"
}
tap_case "1 GiB is sent, and no more than the limit" gigabyte_up

# ---- the command line ----

options() {
	run 2 --http example.org "$fetch" x
	expect_in '"example.org" is no SCHEME://HOST' "$err"
	# A second line said that the grants for the broker make no sense.
	[ "$(wc -l <"$err")" -eq 1 ]
	run 2 --http "http://$one/path" "$fetch" x
	expect_in "a path follows the host" "$err"
	run 2 --http "http://$one" --http-method BREW "$fetch" x
	expect_in "BREW" "$err"
	run 2 --http "http://$one" --http-concurrent 0 "$fetch" x
	run 1 --broker 99 "$fetch" x
	expect_in "--broker 99" "$err"
}
tap_case "grants that make no sense" options

by_policy() {
	printf 'http:\n  allowed_hosts: ["http://%s"]\n  methods: [GET]\n  max_body: 5\n  timeout: 1s\n' "$one" >"$work/policy.yaml"
	run 0 --policy "$work/policy.yaml" "$fetch" "http://$one/method"
	run 1 --policy "$work/policy.yaml" "$fetch" "http://$one/hello"
	expect_in "File too large" "$err"
	run 1 --policy "$work/policy.yaml" "$fetch" -X PUT "http://$one/method"
	expect_in "the method PUT" "$err"
	run 1 --policy "$work/policy.yaml" "$fetch" "http://$one/hang"
	expect_in "timed out" "$err"
	run 1 --policy "$work/policy.yaml" "$fetch" "http://$two/hello"
	expect_in "http://$two, which is not listed" "$err"
}
tap_case "a policy's document grants the same" by_policy

# ---- the interface of earlier plugins ----

earlier_get() {
	run 0 --http "http://$one" "$earlier" GET "http://$one/hello"
	expect_in "status 200" "$out"
	expect_in "x-mixed-case: two words" "$out"
	expect_in "content-length:6" "$out"
	expect_in "body: hello" "$out"
	run 0 --http "http://$one" "$earlier" POST "http://$one/echo" 'Content-Type: text/plain' 'the body'
	expect_in "body: the body" "$out"
	grep -q '^POST|/echo|-|-|text/plain|' "$work/one.log"
}
tap_case "a module for the earlier plugin's interface" earlier_get

# errors NUMBER ARGS…
errors() {
	local number=$1
	shift
	run 1 "$@"
	expect_in "error $number" "$out"
}
earlier_errors() {
	errors 7 "$earlier" GET "http://$one/hello"
	errors 7 --http "http://$one" "$earlier" GET "http://$two/hello"
	errors 7 --http "http://$one" "$earlier" GET "http://$one/redirect?to=http://$two/hello"
	errors 8 --http "http://$one" "$earlier" BREW "http://$one/hello"
	errors 8 --http "http://$one" --http-method GET "$earlier" POST "http://$one/echo"
	errors 9 --http "http://$one" "$earlier" GET "http://$one/hello" "no header"
	errors 10 --http "http://$one" "$earlier" GET "no URL"
	errors 11 --http "http://$one" "$earlier" GET "http://$one/nothing"
	run 0 --http "http://$one" --http-concurrent 3 "$earlier" handles "http://$one/hello"
	expect_in "open 3, then error 13" "$out"
	expect_in "after close: open" "$out"
	run 0 --http "http://$one" "$earlier" misuse "http://$one/hello"
	expect_in "close 99: 1" "$out"
	expect_in "closed twice: 1" "$out"
	expect_in "no such header: 5" "$out"
	expect_in "small buffer: 4" "$out"
	expect_in "wild pointer: 3" "$out"
	expect_in "bad text: 6" "$out"
}
tap_case "its errors have its numbers" earlier_errors

# A module that has no memory, whose functions call those of the interface with zeros: no pointer can lead anywhere,
# which is told before anything else is looked at.
earlier_without_memory() {
	local function
	python3 - "$work/bare.wasm" <<-'PY'
		import sys
		calls = {b"req": 10, b"header_get": 6, b"headers_get_all": 4, b"body_read": 4}
		text = lambda name: bytes([len(name)]) + name
		def section(number, items):
		    body = bytes([len(items)]) + b"".join(items)
		    assert len(body) < 128 or number in (2, 7, 10)
		    size = bytes([len(body) & 127 | 128, len(body) >> 7])
		    return bytes([number]) + size + body
		i32, count = b"\x7f", len(calls)
		types = [b"\x60" + bytes([n]) + i32 * n + b"\1" + i32 for n in calls.values()] + [b"\x60\0\1" + i32]
		imports = [text(b"wasi_experimental_http") + text(name) + b"\0" + bytes([at]) for at, name in enumerate(calls)]
		exports = [text(name) + b"\0" + bytes([count + at]) for at, name in enumerate(calls)]
		bodies = [b"\0" + b"\x41\0" * n + b"\x10" + bytes([at]) + b"\x0b" for at, n in enumerate(calls.values())]
		with open(sys.argv[1], "wb") as out:
		    out.write(b"\0asm\1\0\0\0" + section(1, types) + section(2, imports)
		              + section(3, [bytes([count])] * count) + section(7, exports)
		              + section(10, [bytes([len(body)]) + body for body in bodies]))
	PY
	for function in req header_get headers_get_all body_read; do
		run 0 --http "http://$one" --invoke "$function" "$work/bare.wasm"
		is "$(cat "$out")" 2
		# Granted or not.
		run 0 --invoke "$function" "$work/bare.wasm"
		is "$(cat "$out")" 2
	done
}
tap_case "the earlier interface: a module without a memory" earlier_without_memory

# The broker's end is no fault of the request.
earlier_without_broker() {
	local broker run
	mkfifo "$work/input"
	exec 3<>"$work/input"
	"$tiphys" run --http "http://$one" --stdin "$earlier" twice "http://$one/hello" <"$work/input" >"$work/twice.log" 2>&1 3>&- &
	run=$!
	wait_for 10 grep -q '^first: 0$' "$work/twice.log"
	broker=$(pgrep -P "$run" -f 'broker')
	kill -KILL "$broker"
	exec 3>&-
	wait_end 60 "$run"
	expect_in "body: 12" "$work/twice.log"
	expect_in "again: 12" "$work/twice.log"
}
tap_case "the earlier interface: a broker that ended" earlier_without_broker

# ---- Rust ----

rust() {
	run 0 --http "http://$one" "$TIPHYS_BUILD/examples/head.wasm" "http://$one/hello"
	[ "$(head -n 1 "$out")" = 200 ]
	expect_in "content-length:6" "$out"
	run 1 --http "http://$one" "$TIPHYS_BUILD/examples/head.wasm" "http://$two/hello"
	expect_in "http://$two, which is not listed" "$err"
}
if [ -e "$TIPHYS_BUILD/examples/head.wasm" ]; then
	tap_case "the example in Rust" rust
else
	tap_skip "the example in Rust" "its toolchain is missing"
fi

# ---- `serve` ----

"$tiphys_net" push --store "$work/store" "$fetch" test.example/fetch:1 >"$work/pushed"
"$tiphys_net" push --store "$work/store" "$earlier" test.example/earlier:1 >>"$work/pushed"
# So few workers stand ready that they are replaced one by one: the server's descriptors are counted.
serve_start serve --ready-workers 2

# step MODULE PERMISSIONS ARGS: the reply is in $out. PERMISSIONS and ARGS are JSON.
step() {
	curl -sf --noproxy '*' -H 'Content-Type: application/json' -o "$out" --data \
		"{\"template\":{\"plugin\":{\"wasm\":{\"module\":{\"oci\":\"test.example/$1:1\"},\"permissions\":$2,\"args\":$3}}}}" \
		"http://$serve/api/v1/template.execute"
}

serve_reaches() {
	step fetch "{\"http\":{\"allowed_hosts\":[\"http://$one\"]}}" "[\"http://$one/hello\"]"
	expect_in '"phase":"Succeeded"' "$out"
	expect_in '"result":"hello"' "$out"
	step earlier "{\"http\":{\"allowed_hosts\":[\"http://$one\"],\"max_concurrent_requests\":2}}" "[\"handles\",\"http://$one/hello\"]"
	expect_in "open 2, then error 13" "$out"
}
tap_case "serve: a step reaches what its template lists" serve_reaches

serve_refuses() {
	step fetch "{\"http\":{\"allowed_hosts\":[\"http://$one\"]}}" "[\"http://$two/hello\"]"
	expect_in '"phase":"Failed"' "$out"
	expect_in "http://$two, which is not listed" "$out"
	step fetch "{}" "[\"http://$one/hello\"]"
	expect_in '"phase":"Failed"' "$out"
	expect_in "asked for http, which is not granted" "$out"
	step fetch "{\"http\":{\"allowed_hosts\":[\"http://$one/path\"]}}" "[\"x\"]"
	expect_in '"phase":"Failed"' "$out"
	expect_in "permissions.http.allowed_hosts[0]" "$out"
	step fetch "{\"http\":{\"allowed_hosts\":[\"http://$one\"],\"methods\":[\"GET\"]}}" "[\"-X\",\"PUT\",\"http://$one/method\"]"
	expect_in "the method PUT" "$out"
}
tap_case "serve: and nothing else" serve_refuses

serve_streams() {
	step fetch "{\"http\":{\"allowed_hosts\":[\"http://$one\"],\"max_body\":\"300M\"}}" "[\"http://$one/bytes?n=300000000\"]"
	expect_in "wrote more than 1048576 bytes to stdout" "$out"
	step fetch "{\"http\":{\"allowed_hosts\":[\"http://$one\"],\"max_body\":\"1K\"}}" "[\"http://$one/bytes?n=1025\"]"
	expect_in "File too large" "$out"
	step fetch "{\"http\":{\"allowed_hosts\":[\"http://$one\"],\"timeout\":\"1s\"}}" "[\"http://$one/hang\"]"
	expect_in "timed out" "$out"
}
tap_case "serve: bodies and times are bounded" serve_streams

descriptors() {
	find "/proc/$serve_pid/fd" -mindepth 1 | wc -l
}
at_most() {
	[ "$(descriptors)" -le "$1" ]
}
# The descriptors of the server, before and after many steps that ended in many ways.
serve_leaves_nothing() {
	local before i
	before=$(descriptors)
	for i in 1 2 3 4 5 6 7 8; do
		step fetch "{\"http\":{\"allowed_hosts\":[\"http://$one\"]}}" "[\"http://$one/hello\"]"
		step fetch "{\"http\":{\"allowed_hosts\":[\"http://$one\"]}}" "[\"http://$one/short\"]"
		step fetch "{\"http\":{\"allowed_hosts\":[\"http://$one\"]}}" "[\"http://$one/endless\"]"
	done
	# Connections of the last calls may still be closing, and an image be made.
	wait_for 5 at_most $((before + 2)) || { echo "$before descriptors, then $(descriptors)" && false; }
}
tap_case "serve: no descriptor is left" serve_leaves_nothing

no_broker_is_left() {
	must_fail pgrep -f "^tiphys-net broker .*$one" >/dev/null
}
tap_case "no broker is left behind" no_broker_is_left

serve_start impatient --stall-timeout 1
serve_stalls() {
	step fetch "{\"http\":{\"allowed_hosts\":[\"http://$one\"],\"timeout\":\"5m\"}}" "[\"http://$one/hang\"]"
	expect_in "the last 1 seconds (--stall-timeout)" "$out"
}
tap_case "serve: how long a server may be silent can be set, and is named" serve_stalls

tap_end
