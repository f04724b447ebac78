#!/bin/bash
# figures.bash SOURCE BUILD ['LARGE.wasm ARGUMENT…']: measures anew what the tables of starts and kernels in the README and
# in bench/STEPS.md show, and puts the tables there after each part: first starts, then kernels, the large module's starts, and the
# variants of tiphys. A quarter of an hour on a machine that has nothing else to do; beside other work the tables
# say so. The figures are kept beside the newest report in bench/results.
#
# Peers are those of the path, by name: wasm3, iwasm, wasmi, silverfir, and for starts wasm3-musl. silverfir takes
# seconds to start the Go program, so starts go without; node leaves the caches cold for whoever comes next.
#
# STARTS=5 KERNELS='dot fib' figures.bash … tries out in a minute whether all is there, and keeps nothing.
set -eu
source=$(cd "$1" && pwd) build=$(cd "$2" && pwd) large=${3:-}
tiphys=$build/tiphys
links=$(mktemp -d)
trap 'rm -rf "$links"' EXIT
results=$(printf '%s\n' "$source"/bench/results/*/ | sort | tail -n 1)

# peers NAME…: a path with those alone that are there.
peers() {
	rm -rf "${links:?}"/*
	for name in "$@" valgrind valgrind.bin; do
		found=$(command -v "$name") && ln -s "$found" "$links/$name"
	done
	printf '%s\n' "$links"
}
# measure FILE PEERS ARGUMENT…: what is measured takes the place of FILE, and of the tables, when it is whole.
measure() {
	local file=$results/$1 peers
	peers=$(peers $2)
	shift 2
	if [ -n "${STARTS:-}${KERNELS:-}" ]; then
		PATH=$peers "$tiphys" bench "$@"
		return
	fi
	PATH=$peers "$tiphys" bench "$@" --json "$file"
	"$source/tests/bench/readme.bash" "$source" "$tiphys" --update
}

for variant in 'unfolded --unfolded' 'checked --checked-memory' 'fuel --fuel 1000000000000000' 'timeout --timeout 1h'; do
	variants+=(--peer "${variant%% *}='$tiphys' run --no-cache ${variant#* }")
done
starts='wasm3 wasm3-musl iwasm wasmi'
measure start.json "$starts" start --starts "${STARTS:-200}"
measure kernels.json 'wasm3 iwasm wasmi silverfir' kernels --rounds 5 ${KERNELS:-}
[ -z "$large" ] || measure start-large.json "$starts" start --alone --starts "${STARTS:-5}" --touched --module "$large"
measure variants.json '' kernels --rounds 7 "${variants[@]}" ${KERNELS:-}
