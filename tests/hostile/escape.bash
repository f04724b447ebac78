# Guests that try to reach what they were not granted (attempts.def), and what the host finds of them.
here=$(dirname "$0")
. "$here/../e2e/lib/tap.bash"

secret=secret-$RANDOM$RANDOM

# What the guests get and what lies beside it, made anew in $work/host.
make_host() {
	local host=$work/host link
	rm -rf "$host"
	mkdir -p "$host"/rw/{dir,links,sub} "$host"/ro "$host"/outside/empty
	echo "$secret" >"$host/outside/secret"
	ln -s secret "$host/outside/link"
	for link in rw/file rw/dir/inner rw/sub/secret ro/file; do
		echo mine >"$host/$link"
	done
	ln -s ../outside "$host/rw/to-outside"
	ln -s ../outside/secret "$host/rw/to-secret"
	ln -s ../outside/new "$host/rw/to-new"
	ln -s ../outside/empty "$host/rw/to-empty"
	ln -s /etc/passwd "$host/rw/to-passwd"
	ln -s /proc/self/root "$host/rw/to-proc-root"
	ln -s /proc/self/fd "$host/rw/to-proc-fd"
	ln -s to-outside "$host/rw/chain"
	ln -s loop "$host/rw/loop"
	echo mine >"$host/rw/links/0"
	for link in {1..60}; do
		ln -s $((link - 1)) "$host/rw/links/$link"
	done
}

# Everything about what lies outside that a guest could have changed.
outside() {
	(cd "$work/host" && find outside ro -printf '%p %y %m %u %g %s %T@ %n %l\n' | sort &&
		cat outside/secret ro/file)
}

run_attempts() {
	make_host
	outside >"$work/before"
	"$tiphys" run --dir "$work/host/rw::/rw" --dir "$work/host/ro::/ro:ro" "$@" \
		"$TIPHYS_GUESTS/escape.wasm" >"$work/attempts" 2>"$work/err"
}

answers() {
	local line
	line=$(grep -F -- " $1" "$work/attempts" | head -n 1)
	set -- $line
	[ "$2" = "$3" ] || {
		echo "the answer was $2, not $3"
		return 1
	}
}

leaves_nothing_outside() {
	outside | diff "$work/before" -
}

learns_nothing() {
	must_fail grep -F "$secret" "$work/attempts" "$work/err"
	must_fail grep 'root:' "$work/attempts"
}

tried_all() {
	# One row of the table is one attempt.
	[ "$(grep -c '^attempt:' "$work/attempts")" = "$(grep -c '^ATTEMPT(' "$here/attempts.def")" ]
	[ "$(grep -c '^ATTEMPT(' "$here/attempts.def")" -ge 60 ]
}

run_attempts
tap_case "the guest went through all attempts" tried_all
while read -r _ _ _ sentence; do
	tap_case "$sentence" answers "$sentence"
done < <(grep '^attempt:' "$work/attempts")
tap_case "nothing outside was changed" leaves_nothing_outside
tap_case "nothing outside was read" learns_nothing

race() {
	make_host
	ln -s ../outside "$work/host/link"
	"$tiphys" run --dir "$work/host/rw::/rw" "$TIPHYS_GUESTS/race.wasm" >"$work/raced" 2>&1 &
	local guest=$! swaps=0
	while kill -0 "$guest" 2>/dev/null; do
		"$TIPHYS_SWAP" "$work/host/rw/sub" "$work/host/link" 2000 || return 1
		swaps=$((swaps + 2000))
	done
	wait "$guest"
	# Without reads in between it was no race.
	[ "$(sed -n 's/^reads: //p' "$work/raced")" -gt 100 ]
	[ "$swaps" -ge 2000 ]
	must_fail grep '^foreign' "$work/raced"
	must_fail grep -F "$secret" "$work/raced"
	[ ! -e "$work/host/outside/made" ]
}
tap_case "a directory that is swapped for a link during opens" race
tap_end
