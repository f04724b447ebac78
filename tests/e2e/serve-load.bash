# 10,000 steps from 16 callers at once against `tiphys serve`: none lost, none run twice, and memory and
# descriptors at the end as at the beginning. The figures are printed; they are not judged here, for a
# machine that builds beside a test tells nothing about speed.
#
# TIPHYS_LOAD_STEPS: other than 10,000.
here=$(dirname "$0")
. "$here/lib/tap.bash"
. "$here/lib/steps.bash"
steps=${TIPHYS_LOAD_STEPS:-10000}
token=0123456789abcdef0123456789ABCDEF
module=127.0.0.1:1/test/hello:1

mkdir "$work/steps"
printf '%s' $token >"$work/token"
"$tiphys_net" push --store "$work/store" "$TIPHYS_GUESTS/hello.wasm" $module >/dev/null
serve_run serve env LOG_LEVEL=info "$tiphys" serve --token-file "$work/token" --listen 127.0.0.1:0 \
	--store "$work/store" --work-dir "$work/steps"

load() {
	"$TIPHYS_LOAD" "$serve" $token $module "$@"
}

metric() {
	curl -sf --noproxy '*' "http://$serve/metrics" | awk -v name="$1" '$1 == name {print $2}'
}

# Pages of memory, and descriptors.
resident() {
	awk '{print $2}' "/proc/$serve_pid/statm"
}
descriptors() {
	find "/proc/$serve_pid/fd" -mindepth 1 | wc -l
}

none_lost() {
	local before=$((steps / 10)) pages open figures
	load 16 $before >/dev/null
	pages=$(resident)
	open=$(descriptors)
	figures=$(load 16 "$steps")
	echo "$figures" >"$work/figures"
	expect_in "steps=$steps callers=16 wrong=0 " "$work/figures"
	[ "$(metric 'tiphys_steps_total{phase="Succeeded"}')" -eq $((before + steps)) ]
	[ "$(metric 'tiphys_steps_total{phase="Failed"}')" -eq 0 ]
	[ "$(grep -c 'msg="step finished"' "$work/serve.log")" -eq $((before + steps)) ]
	# Each step has printed its number once (in the log: twice in all for those of the first round).
	[ "$(grep -o 'msg=stdout .* line="step [0-9]*"' "$work/serve.log" | sed 's/.*line=//' |
		sort | uniq -c | awk -v low=$before '{
			number = substr($3, 1, length($3) - 1) + 0
			if ($1 != (number < low ? 2 : 1)) wrong++
		} END {print NR, wrong + 0}')" = "$steps 0" ]
	# Flat: a step would have to leave 100 bytes behind to be seen here.
	echo "pages: $pages, then $(resident); descriptors: $open, then $(descriptors)"
	[ "$(($(resident) - pages))" -le $((256 + steps / 40)) ]
	# Those that stand ready come in batches, and have three each.
	[ "$(descriptors)" -le $((open + 100)) ]
}
tap_case "$steps steps from 16 callers: none lost, none run twice, nothing left behind" none_lost
sed 's/^/# 16 callers: /' "$work/figures"

one_caller() {
	load 1 $((steps / 10)) >"$work/figures"
	expect_in "callers=1 wrong=0 " "$work/figures"
}
tap_case "one caller" one_caller
sed 's/^/# 1 caller: /' "$work/figures"

# Connections that say nothing do not keep others from being served.
idle_connections() {
	python3 - "$serve" <<-'PYTHON'
		import socket, sys, urllib.request
		host, port = sys.argv[1].split(":")
		idle = [socket.create_connection((host, int(port))) for _ in range(1000)]
		slow = socket.create_connection((host, int(port)))
		slow.send(b"POST /api/v1/template.execute HTTP/1.1\r\nHost: x\r\nContent-Len")
		assert urllib.request.urlopen("http://%s/healthz" % sys.argv[1]).read() == b"ok\n"
	PYTHON
	load 16 200 >"$work/figures"
	expect_in "wrong=0 " "$work/figures"
}
tap_case "1,000 idle connections and a slow sender" idle_connections

# Behind an answer its step is cleared away; whoever has it and asks again was told that all places are
# taken.
one_place() {
	serve_run narrow env LOG_LEVEL=info "$tiphys" serve --token-file "$work/token" --listen 127.0.0.1:0 \
		--store "$work/store" --work-dir "$work/steps" --concurrency 1 --queue 0
	load 1 300 >"$work/figures"
	expect_in "steps=300 callers=1 wrong=0 " "$work/figures"
}
tap_case "one caller and one place" one_place

tap_end
