#!/bin/bash
# steps.bash BUILD: the short form of `tiphys bench steps` with every contender that this machine has. A contender that prints something else, or ends wrong, ends
# the run, so a row in the table is a contender that did the job. Speaks TAP.
set -u
tiphys=$1/tiphys
scratch=$(realpath "$(mktemp -d)")
# An empty control group that is named like those of a run in another directory, and is none of ours.
bystander=
for group in /sys/fs/cgroup/memory /sys/fs/cgroup/pids /sys/fs/cgroup/unified /sys/fs/cgroup; do
	[ -e "$group/cgroup.procs" ] && mkdir "$group/bench-0-$$-other" 2>/dev/null && bystander=$group/bench-0-$$-other && break
done
# Podman's own, empty, as whoever ran a container with it has it.
parent=
for group in /sys/fs/cgroup/memory /sys/fs/cgroup/pids /sys/fs/cgroup/unified /sys/fs/cgroup; do
	[ -e "$group/cgroup.procs" ] && mkdir "$group/libpod_parent" 2>/dev/null && parent=$group/libpod_parent && break
done
groups() { find /sys/fs/cgroup -type d \( -name "bench-*" -o -name libpod_parent \) 2>/dev/null; }
{
	echo -
	groups
} >"$scratch/groups"
trap 'rm -rf --one-file-system "$scratch"; [ -z "$bystander$parent" ] || rmdir $bystander $parent 2>/dev/null' EXIT

. "$(dirname "$0")/tap.bash"
# row NAME [EXECUTABLE…]: the table has it; where an executable is missing, this is not root, or the machine
# is a chroot, in which containers cannot change their root, the reason stands below the table instead.
row() {
	local name=$1 executable missing=
	shift
	for executable; do
		command -v "$executable" >/dev/null || missing=$executable
	done
	if [ $# != 0 ]; then
		[ "$(id -u)" = 0 ] || missing=root
		mountpoint -q / || missing='a root that is a mount point'
	fi
	if [ -z "$missing" ]; then
		grep -qE "^\| ${name} +\| +[0-9.]+ \|" "$scratch/out"
		result "$name did the job" $?
	elif grep -qE "^(${name}|containers of ${name##*, }) is left out: " "$scratch/out"; then
		number=$((number + 1))
		echo "ok $number - $name # SKIP $missing is missing here"
	else
		result "$name is left out with a reason ($missing)" 1
	fi
}

# Debian with python3 takes a minute to make: where a bench has made it, it takes part.
kept=${XDG_CACHE_HOME:-$HOME/.cache}/tiphys-bench/python3
python=--no-python
mkdir "$scratch/work" "$scratch/own"
if [ -x "$kept/usr/bin/python3" ]; then
	python=
	ln -s "$kept" "$scratch/work/python3"
fi
# Its executables and their libraries are its own, but for the loader, whose place is written into them. Proportional set
# sizes share a page among all who map its file: a server of another test that began or ended between two levels made a step
# cost less than nothing, or more than a mebibyte. The rivals that it starts get the libraries as well, which are the same
# bytes; no case is about their sizes.
libraries=$(ldd "$1/tiphys-net" "$1/tiphys-bench" | awk '$3 ~ /^\// {print $3}' | sort -u)
if ! cp "$1/tiphys" "$1/tiphys-net" "$1/tiphys-bench" $libraries "$scratch/own"; then
	echo 'Bail out! the executables and their libraries cannot be copied'
	exit 1
fi
ln -s "$1/bench" "$scratch/own/bench"
LD_LIBRARY_PATH=$scratch/own "$scratch/own/tiphys" bench steps --rounds 3 --settle 0 --cold 1 --load 10 --resident 3 $python --directory "$scratch/work" \
	--out "$scratch/report" line >"$scratch/out" 2>&1
result 'the run ends well' $?
row process
row 'tiphys inside, in memory'
row 'tiphys run, nothing cached'
row 'tiphys run, cached on disk'
row 'tiphys run REF, cached on disk'
row 'tiphys serve, cached on disk'
row 'tiphys serve, in memory'
grep -q '^tiphys serve without a sandboxed worker is left out: ' "$scratch/out"
result 'what tiphys does not do is said' $?
images=busybox
if [ -z "$python" ]; then
	images='busybox python3'
else
	number=$((number + 1))
	echo "ok $number - containers of python3 # SKIP there is no $kept; \`make bench\` makes it"
fi
for image in $images; do
	row "crun, $image" crun
	row "runc, $image" runc
	row "podman, $image" podman
	row "ctr, $image" containerd ctr podman
	row "pod of crun, $image" crun
	row "pod of runc, $image" runc
done
if grep -qE '^\| ctr, busybox ' "$scratch/out"; then
	[ -d "$scratch/work/containerd/fifo" ]
	result 'the fifos of ctr lie below the directory' $?
fi
for name in process 'tiphys run, nothing cached' 'tiphys run, cached on disk' 'tiphys run REF, cached on disk'; do
	grep -qE "^\\| ${name} +\\| +[0-9.]+ \\|\$" "$scratch/out"
	result "$name: its memory is known" $?
done
if command -v docker-registry >/dev/null; then
	for name in 'tiphys run' 'tiphys serve'; do
		grep -qE "^\\| $name +\\|( +[0-9.]+ \\|){3} +[0-9]+ % \\| +[0-9.–]+ \\| +[0-9.]+ KiB \\| +[0-9.]+ KiB \\|\$" "$scratch/out"
		result "$name fetched a module from a registry and ran it" $?
	done
fi
grep -qE '^\| 10 +\| +[0-9]+ \|' "$scratch/out"
result 'ten requests at a time were answered' $?
grep -qE '^\| tiphys serve +\| +3 \| +[0-9.]+ \| +0\.[0-9]+ \| +[0-9]+ \|$' "$scratch/out"
result 'three steps slept at a time, each less than a mebibyte' $?
for name in report.html report.md chart.svg results.json; do
	[ -s "$scratch/report/$name" ]
	result "the report has $name" $?
done
"$tiphys" bench report "$scratch/report/results.json" "$scratch/again" >"$scratch/out" 2>&1 &&
	diff -r "$scratch/report" "$scratch/again" >"$scratch/out" 2>&1
result 'the report of what was kept is the same' $?

# Nothing is left: no process that names the directory, no mount below it, no container.
! pgrep -af "$scratch/work" >"$scratch/out"
result 'no process is left' $?
! grep -F "$scratch" /proc/self/mounts >"$scratch/out"
result 'no mount is left' $?
! groups | grep -vxFf "$scratch/groups" >"$scratch/out"
result 'no control group is left' $?
# It went with those that podman had made for the measurement.
[ -z "$parent" ] || [ -d "$parent" ]
result 'the control group of others who use podman stays' $?

# Nor when it is ended in between.
rm "$scratch/work/serve.log"
"$tiphys" bench steps --no-containers --rounds 1000 --directory "$scratch/work" line >"$scratch/out" 2>&1 &
bench=$!
until grep -qs 'msg=listening' "$scratch/work/serve.log" || ! kill -0 $bench; do sleep 0.1; done
cp "$scratch/work/running" "$scratch/folders"
kill $bench
wait $bench
status=$?
for ((i = 0; i < 100; i++)); do
	pgrep -af "$scratch/work" >"$scratch/out" || break
	sleep 0.1
done
[ $status = 143 ] && ! [ -s "$scratch/out" ]
result 'ended in between, it leaves no process' $?
# stand: folders of steps that a run has noted are still there.
stand() {
	[ -s "$scratch/folders" ] && xargs ls -d <"$scratch/folders" >"$scratch/out" 2>/dev/null
	[ -s "$scratch/out" ]
}
[ -s "$scratch/folders" ] && ! stand
result '… and no folder of its steps' $?

# gone: no process names the directory any more, after a moment.
gone() {
	for ((i = 0; i < 100; i++)); do
		pgrep -af "$scratch/work" >"$scratch/out" || return 0
		sleep 0.1
	done
	return 1
}
# A server of root's that anybody on the machine could have run steps was left when the run was killed.
rm "$scratch/work/serve.log"
"$tiphys" bench steps --no-containers --rounds 1000 --directory "$scratch/work" line >"$scratch/out" 2>&1 &
bench=$!
until address=$(grep -so 'msg=listening address=[0-9.:]*' "$scratch/work/serve.log") || ! kill -0 $bench; do sleep 0.1; done
answer=$(curl --silent --output "$scratch/out" --write-out '%{http_code}' --data '{}' "http://${address##*=}/api/v1/template.execute")
[ "$answer" = 401 ]
result 'its server lets in nobody without a token' $?
# Its server too, which would remove its folder itself.
cp "$scratch/work/running" "$scratch/folders"
kill -KILL $bench $(pgrep -f "serve .*$scratch/work/serve.log.token")
wait $bench 2>/dev/null
gone
result 'killed, it leaves no server' $?
stand
result '… but a folder of its steps' $?
# Whoever reads its output may go.
{
	"$tiphys" bench steps --no-containers --rounds 3 --settle 0 --cold 0 --load 0 --resident 0 --directory "$scratch/work" line \
		2>"$scratch/err"
	echo $? >"$scratch/status"
} | true
until [ -s "$scratch/status" ]; do sleep 0.1; done
gone && [ "$(cat "$scratch/status")" = 141 ]
result 'its output closed, it leaves no process' $?
! stand
result 'the folder that the killed one left went before it measured' $?

# While containers stand, which sleep for an hour: ended by a signal, and killed, when the next run removes them.
# The directory is named by a link, which neither mounts nor processes show.
ln -s work "$scratch/link"
# begin PATTERN COUNT: a run in the background, $bench, whose work is the process $below, when so many files are there.
begin() {
	"$tiphys" bench steps --rounds 3 --settle 0 --cold 0 --load 0 --resident 16 --no-python \
		--directory "$scratch/link" line >"$scratch/out" 2>&1 &
	bench=$!
	until [ "$(compgen -G "$1" | wc -l)" -ge "$2" ] || ! kill -0 $bench 2>/dev/null; do sleep 0.05; done
	below=$(pgrep -P $bench)
}
# Processes, mounts and control groups of that run; nothing when the machine is as before.
left() {
	{
		pgrep -af "$scratch/work"
		grep -lE "[:/]bench-[0-9a-f]+-$below-" /proc/[0-9]*/cgroup 2>/dev/null
		grep -F "$scratch/work" /proc/self/mounts
		find /sys/fs/cgroup -type d -name "bench-*-$below-*" 2>/dev/null
		find "$scratch/work/crun-state" "$scratch/work/runc-state" -mindepth 1 -name 'bench-*'
		compgen -G "$scratch/work/containerd/state/io.containerd.runtime.v2.task/*/bench-*"
		compgen -G "$scratch/work/running"
		ls /run/containerd/s | grep -vxFf "$scratch/sockets"
	} 2>/dev/null
}
stands() { left | grep -q cgroup; }
if [ "$(id -u)" = 0 ] && command -v crun runc podman containerd ctr >"$scratch/found" && mountpoint -q /; then
	rm -rf "$scratch/work"/density-*
	ls /run/containerd/s >"$scratch/sockets" 2>/dev/null
	echo - >>"$scratch/sockets"
	begin "$scratch/work/density-crun/3/main/pid" 1
	stands
	result 'crun: containers stand' $?
	kill $bench
	wait $bench
	[ $? = 143 ] && grep -q 'ending what was started' "$scratch/out"
	stood=$?
	left | grep . >>"$scratch/out" && stood=1
	result '… and a signal leaves none of them, and says so' $stood
	begin "$scratch/work/containerd/state/io.containerd.runtime.v2.task/default/bench-*" 3
	kill -KILL $bench
	wait $bench 2>/dev/null
	# Its work goes with it; its servers and containers stay, for now.
	for ((i = 0; i < 100; i++)); do
		kill -0 "$below" 2>/dev/null || break
		sleep 0.1
	done
	stands
	result 'containerd: containers outlive a run that is killed' $?
	killed=$below
	"$tiphys" bench steps --no-containers --rounds 3 --settle 0 --cold 0 --load 0 --resident 0 \
		--directory "$scratch/work/../link" line >"$scratch/out" 2>&1 && grep -q 'a run that was killed left' "$scratch/out"
	stood=$?
	below=$killed
	left | grep . >>"$scratch/out" && stood=1
	result '… and not the next one, which says so, and measures' $stood
	[ -z "$bystander" ] || [ -d "$bystander" ]
	result '… nor does it remove the control group of another directory' $?
else
	number=$((number + 1))
	echo "ok $number - ended while containers stand # SKIP this wants root and container engines"
fi

# A contender that ends well and did another thing, or nothing, is found out: in its own form, or in that of
# a container runtime.
mkdir "$scratch/bin"
printf '#!/bin/sh\necho wrong\n' >"$scratch/bin/liar"
printf '#!/bin/sh\nexit 0\n' >"$scratch/bin/idler"
chmod +x "$scratch/bin/liar" "$scratch/bin/idler"
# found_out NAME PATTERN OPTION…
found_out() {
	local name=$1 pattern=$2
	shift 2
	PATH=$scratch/bin:$PATH "$tiphys" bench steps --rounds 3 --settle 0 --cold 0 --load 0 --resident 0 --no-python \
		--directory "$scratch/work" "$@" line >"$scratch/out" 2>&1
	[ $? = 1 ] && grep -qE "$pattern" "$scratch/out"
	result "$name" $?
}
found_out 'a runtime that prints something else ends the run' 'line by liar: prints "wrong "' \
	--no-containers --peer "liar=$scratch/bin/liar"
found_out 'a runtime that prints nothing ends the run' 'line by idler: prints ""' \
	--no-containers --peer "idler=$scratch/bin/idler"
if [ "$(id -u)" = 0 ] && [ -x /bin/busybox ]; then
	ln -s liar "$scratch/bin/crun"
	found_out 'a container runtime that prints something else ends the run' 'line by crun, busybox: prints "wrong "'
	ln -sf idler "$scratch/bin/crun"
	found_out 'a container runtime that runs nothing ends the run' 'line by crun, busybox: prints ""'
fi

python3 - "$scratch/report/results.json" >"$scratch/out" <<'END'
import json, sys
results = json.load(open(sys.argv[1]))
for series in results["series"]:
    if not ("idle" in series and "load" in series): print("not told:", series["bench"], series["measure"])
print("looks", len({(series["idle"], series["load"]) for series in results["series"] if "idle" in series}))
END
! grep -q '^not told' "$scratch/out" && grep -qE '^looks ([3-9]|[1-9][0-9])$' "$scratch/out"
result 'every series tells how idle the machine was before it' $?
# Fewer, and `bench compare` could tell no change of them by its test.
python3 - "$scratch/report/results.json" >"$scratch/out" <<'END'
import json, sys
for series in json.load(open(sys.argv[1]))["series"]:
    if series["measure"] in ("throughput", "peak"): print(series["measure"], series["contender"], series["count"])
    if (series["bench"], series["measure"]) == ("load", "wall"): print("latency", series["count"], len(series["figures"]), series["runs"])
END
grep -q '^throughput .* [3-7]$' "$scratch/out" && grep -q '^peak .* 7$' "$scratch/out" && ! grep -qE '^peak .* [0-6]$' "$scratch/out"
result 'peaks have seven figures, throughput as many as there is time for' $?
grep -qE '^latency ([3-7]) \1 \1000$' "$scratch/out" && ! grep '^latency' "$scratch/out" | grep -qvE '^latency ([3-7]) \1 \1000$'
result 'latency has as many, of thousands of requests' $?
"$tiphys" bench compare "$scratch/report/results.json" "$scratch/report/results.json" >"$scratch/out" 2>&1
result 'results compared with themselves: nothing became worse' $?
! grep -qE '\| +(worse|better) ' "$scratch/out"
result '… and nothing better' $?

"$tiphys" bench steps nothing >"$scratch/out" 2>&1
[ $? = 2 ] && grep -q 'there is no job "nothing"' "$scratch/out"
result 'a job that is not there is named' $?

# The three forms of each job print the same.
for job in line count hash resize; do
	python3 "$1/bench/$job.py" >"$scratch/python" 2>&1 && "$1/bench/static/step-$job" >"$scratch/native" &&
		"$tiphys" run "$1/bench/step-$job.wasm" >"$scratch/guest" &&
		cmp "$scratch/python" "$scratch/native" >"$scratch/out" 2>&1 && cmp "$scratch/native" "$scratch/guest" >"$scratch/out" 2>&1
	result "$job: script, program and module print the same" $?
done

echo "1..$number"
exit "$failed"
