#!/bin/bash
# kernels.bash TIPHYS DIR NAME…: each kernel prints under tiphys, in one line, what it prints as native
# code (DIR/native-NAME). Speaks TAP.
set -u
tiphys=$1
dir=$2
shift 2

echo "1..$#"
number=0
failed=0
for name; do
	number=$((number + 1))
	if native=$("$dir/native-$name") && guest=$("$tiphys" run --no-cache "$dir/$name.wasm") &&
		[ -n "$native" ] && [ "$guest" = "$native" ]; then
		echo "ok $number - $name: $guest"
	else
		echo "not ok $number - $name"
		printf '# native: %s\n# tiphys: %s\n' "${native-}" "${guest-}"
		failed=1
	fi
done
exit "$failed"
