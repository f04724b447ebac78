# TCP connections that a policy lists: made by the broker, used by the guest.
here=$(dirname "$0")
. "$here/lib/tap.bash"
. "$here/lib/run.bash"
. "$here/lib/steps.bash"

talk=$TIPHYS_GUESTS/talk.wasm

start echo python3 "$here/echo_server.py"
wait_for 10 test -s "$work/echo.log"
port=$(head -n 1 "$work/echo.log")
at=127.0.0.1:$port

talks() {
	run 0 --socket "$at" "$talk" "$at" echo ahoy
	[ "$(cat "$out")" = ahoy ]
	run 0 --socket "$at" "$talk" "$at" peek
	[ "$(cat "$out")" = "abc abcdef" ]
	run 0 --socket "$at" "$talk" "$at" nonblocking
	[ "$(cat "$out")" = "nothing is there" ]
}
tap_case "a connection is sent to and received from" talks

large() {
	run 0 --socket "$at" "$talk" "$at" large 20000000
	[ "$(cat "$out")" = "20000000 there and back" ]
}
tap_case "20 MB go there and back" large

beside_files() {
	mkdir -p "$work/data"
	run 0 --dir "$work/data::/data" --socket "$at" "$talk" "$at" echo ahoy
	[ "$(cat "$out")" = ahoy ]
}
tap_case "beside a directory" beside_files

misuse() {
	run 1 --socket "$at" "$talk" 127.0.0.1:1 echo x
	expect_in "Permission denied" "$err"
	expect_in "connect to 127.0.0.1:1, which is not listed" "$err"
	run 0 --socket "$at" "$talk" "$at" misuse
	expect_in "seek: Invalid seek" "$out"
	expect_in "accept: Invalid argument" "$out"
	expect_in "recv of stdout: Not a socket" "$out"
	expect_in "another: Permission denied" "$out"
	expect_in "closed: Bad file descriptor" "$out"
}
tap_case "nothing else" misuse

unnamed() {
	# probe imports no function of connections, which is what inspect goes by.
	local probe=$TIPHYS_GUESTS/probe.wasm
	run 4 --socket "$at" "$probe" guess
	is "$(cat "$out")" "0 taken"
	status 0 "$tiphys" inspect "$probe"
	expect_in "  reach the network" "$out"
	status 0 "$tiphys" inspect "$talk"
	expect_in "opens TCP connections to the addresses that are listed (--socket HOST:PORT)" "$out"
	must_fail grep -qx "  reach the network" "$out"
}
tap_case "whoever imports no function of connections cannot guess one's number" unnamed

refused() {
	local free
	free=$(free_port)
	run 1 --socket "127.0.0.1:$free" "$talk" x echo x
	expect_in "cannot connect to 127.0.0.1:$free: Connection refused" "$err"
	run 1 --socket "localhost:$port" "$talk" x echo x
	expect_in "which is loopback and where localhost:$port leads" "$err"
	run 0 --socket "localhost:$port" --socket "$at" "$talk" "localhost:$port" echo ahoy
	run 1 --socket "no-such-name.invalid:1" "$talk" x echo x
	expect_in "no-such-name.invalid:1" "$err"
	run 2 --socket "nowhere" "$talk" x echo x
	expect_in '"nowhere" is no HOST:PORT' "$err"
	run 2 --socket "127.1:80" "$talk" x echo x
}
tap_case "what cannot be connected to is told before the run" refused

by_policy() {
	printf 'sockets: ["%s"]\n' "$at" >"$work/policy.yaml"
	run 0 --policy "$work/policy.yaml" "$talk" "$at" echo ahoy
	[ "$(cat "$out")" = ahoy ]
}
tap_case "a policy's document grants the same" by_policy

# ---- `serve` ----

"$tiphys_net" push --store "$work/store" "$talk" test.example/talk:1 >"$work/pushed"
# Who listens takes no connection, and its queue is full. It was 10 seconds, whatever was said.
cat >"$work/full.py" <<'END'
import signal, socket, sys, time
listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen(0)
held = []
for _ in range(4):
    held.append(socket.socket())
    held[-1].setblocking(False)
    held[-1].connect_ex(listener.getsockname())
time.sleep(0.2)
print(listener.getsockname()[1], flush=True)
signal.pause()
END
nobody_answers() {
	local full
	start full python3 "$work/full.py"
	wait_for 10 test -s "$work/full.log"
	full=127.0.0.1:$(head -n 1 "$work/full.log")
	timeout 8 "$tiphys" run --socket "$full" --stall-timeout 1 "$talk" "$full" echo x 2>"$err" && false
	[ $? = 1 ]
	stop "$started"
	expect_in "connect to $full: Connection timed out after 1 s (--stall-timeout)" "$err"
}
tap_case "how long a connection may take can be set, and is named" nobody_answers

serve_start serve

# step SOCKETS ARGS: the reply is in $out.
step() {
	curl -sf --noproxy '*' -H 'Content-Type: application/json' -o "$out" --data \
		"{\"template\":{\"plugin\":{\"wasm\":{\"module\":{\"oci\":\"test.example/talk:1\"},\"permissions\":{\"sockets\":$1},\"args\":$2}}}}" \
		"http://$serve/api/v1/template.execute"
}

steps() {
	step "[\"$at\"]" "[\"$at\",\"echo\",\"ahoy\"]"
	expect_in '"phase":"Succeeded"' "$out"
	expect_in '"result":"ahoy"' "$out"
	step "[\"$at\"]" "[\"$at\",\"large\",\"3000000\"]"
	expect_in '"result":"3000000 there and back"' "$out"
	step "[\"$at\"]" "[\"$at\",\"peek\"]"
	expect_in '"phase":"Succeeded"' "$out"
	step "[\"$at\"]" "[\"127.0.0.1:1\",\"echo\",\"x\"]"
	expect_in '"phase":"Failed"' "$out"
	expect_in "connect to 127.0.0.1:1, which is not listed" "$out"
	step "[\"localhost:$port\"]" "[\"x\",\"echo\",\"x\"]"
	expect_in '"phase":"Failed"' "$out"
	expect_in "which is loopback and where localhost:$port leads" "$out"
}
tap_case "serve: a step behind its walls" steps

# It was an exit of the guest's, told by the number of a descriptor, and told twice.
refused() {
	step '["127.0.0.1:1"]' '["127.0.0.1:1","echo","x"]'
	expect_in "the module was not run: network: cannot connect to 127.0.0.1:1: Connection refused" "$out"
	must_fail grep -q -e exitCode -e '--broker' -e 'last reached' "$out"
}
tap_case "serve: a connection that cannot be made is told before the module runs" refused

tap_end
