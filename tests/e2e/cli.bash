# The command line, on guests that ask for what they are told to ask for (guests/probe.c).
here=$(dirname "$0")
. "$here/lib/tap.bash"
. "$here/lib/run.bash"

probe=$TIPHYS_GUESTS/probe.wasm
exports=$TIPHYS_GUESTS/exports.wasm
foreign=$TIPHYS_GUESTS/foreign.wasm
newer=$TIPHYS_GUESTS/newer.wasm

# ---- commands ----

help_lists_commands() {
	status 0 "$tiphys" help
	local command
	for command in run compile validate inspect serve pull push spec; do
		grep -qE "^  $command +[a-z]" "$out"
	done
	must_fail grep -q run-ref "$out"
	[ ! -s "$err" ]
	cp "$out" "$work/help"
	status 0 "$tiphys" --help
	cmp "$out" "$work/help"
	status 2 "$tiphys"
	cmp "$err" "$work/help"
}
tap_case "help lists the commands" help_lists_commands

each_command_has_help() {
	local command
	for command in run compile validate inspect serve pull push spec; do
		status 0 "$tiphys" "$command" --help
		grep -q "^usage: tiphys $command" "$out"
		status 0 "$tiphys" help "$command"
		grep -q "^usage: tiphys $command" "$out"
	done
}
tap_case "each command has help, also those of other executables" each_command_has_help

# A variable that was not set: "system error: cannot open" was said of nothing.
empty_operand() {
	local command
	for command in "run" "validate" "inspect" "compile" "pull" "push $probe"; do
		# shellcheck disable=SC2086
		status 2 "$tiphys" $command ""
		expect_in "tiphys ${command%% *}: operand $(wc -w <<<"$command") is empty" "$err"
	done
	status 0 "$tiphys" run "$probe" args ""
	expect_in "[]" "$out"
}
tap_case "an empty operand is refused, an empty argument of a guest is not" empty_operand

version() {
	status 0 "$tiphys" --version
	grep -qE '^tiphys [0-9]+\.[0-9]+\.[0-9]+$' "$out"
}
tap_case "--version" version

unknown_command() {
	status 2 "$tiphys" vaildate x
	is "$(cat "$err")" $'tiphys: unknown command "vaildate"; did you mean "validate"?\nSee: tiphys help'
	status 2 "$tiphys" frobnicate
	is "$(cat "$err")" $'tiphys: unknown command "frobnicate"\nSee: tiphys help'
}
tap_case "an unknown command suggests the nearest" unknown_command

missing_sibling() {
	mkdir -p "$work/alone"
	cp "$tiphys" "$work/alone/"
	status 1 "$work/alone/tiphys" serve
	expect_in "tiphys-net is not installed; looked in $work/alone" "$err"
}
tap_case "a missing executable is told with where it was looked for" missing_sibling

# ---- validate ----

validates() {
	status 0 "$tiphys" validate "$probe" "$exports"
	[ ! -s "$out" ] && [ ! -s "$err" ]
	status 0 "$tiphys" validate -v "$exports"
	grep -q "^$exports: valid, $(stat -c %s "$exports") bytes" "$out"
}
tap_case "validate is silent about valid modules" validates

refuses_invalid() {
	printf 'hello' >"$work/text.wasm"
	: >"$work/empty.wasm"
	# (func (result i32)) with an empty body: its end is at offset 0x17
	printf '\0asm\1\0\0\0\1\5\1\140\0\1\177\3\2\1\0\12\4\1\2\0\13' >"$work/type.wasm"
	head -c 20 "$work/type.wasm" >"$work/cut.wasm"
	local file
	for file in text empty cut; do
		status 1 "$tiphys" validate "$work/$file.wasm"
		grep -qE "^$work/$file.wasm: malformed module: offset 0x[0-9a-f]+: " "$err"
	done
	status 1 "$tiphys" validate "$work/type.wasm" "$exports"
	grep -qE "^$work/type.wasm: invalid module: function 0, offset 0x18: type mismatch" "$err"
	[ "$(wc -l <"$err")" -eq 1 ]
}
tap_case "validate names function and byte offset" refuses_invalid

refuses_what_is_no_file() {
	status 1 "$tiphys" validate "$work/missing.wasm"
	is "$(cat "$err")" "$work/missing.wasm: system error: cannot open: No such file or directory"
	status 1 "$tiphys" validate "$work"
	expect_in "$work: system error: is no regular file" "$err"
	status 2 "$tiphys" validate
}
tap_case "validate tells what is no file" refuses_what_is_no_file

enables() {
	# (memory 1 1 shared)
	printf '\0asm\1\0\0\0\5\4\1\3\1\1' >"$work/shared.wasm"
	local command
	for command in validate inspect run; do
		status 1 "$tiphys" $command "$work/shared.wasm"
		expect_in "belongs to the feature threads, which is off (--enable threads)" "$err"
		status 2 "$tiphys" $command --enable treads "$work/shared.wasm"
		expect_in 'unknown feature "treads"; did you mean "threads"?' "$err"
	done
	status 0 "$tiphys" validate --enable wide-arithmetic --enable threads "$work/shared.wasm"
	status 0 "$tiphys" inspect --enable threads "$work/shared.wasm"
	grep -qx "  threads" "$out"
	# (memory (export "m") i64 1 1 shared)
	printf '\0asm\1\0\0\0\5\4\1\7\1\1\7\5\1\1m\2\0' >"$work/shared64.wasm"
	status 0 "$tiphys" inspect --enable threads "$work/shared64.wasm"
	expect_in "memory m: 1 to 1 pages of 65536 bytes, 64-bit addresses, shared" "$out"
	run 2 --enable threads "$work/shared.wasm"
	expect_in "it exports no _start" "$err"
}
tap_case "--enable takes what is not on by default" enables

limits() {
	# (func block block end end)
	printf '\0asm\1\0\0\0\1\4\1\140\0\0\3\2\1\0\12\12\1\10\0\2\100\2\100\13\13\13' >"$work/nested.wasm"
	local command
	for command in validate inspect run; do
		status 1 "$tiphys" $command --limit nesting=2 "$work/nested.wasm"
		expect_in "3 nested blocks; at most 2 are taken (limit nesting)" "$err"
		status 2 "$tiphys" $command --limit nestin=2 "$work/nested.wasm"
		expect_in 'unknown limit "nestin"; did you mean "nesting"?' "$err"
	done
	status 0 "$tiphys" validate --limit nesting=3 --limit functions=1 "$work/nested.wasm"
}
tap_case "--limit bounds what is taken" limits

# ---- inspect ----

inspects() {
	status 0 "$tiphys" inspect "$probe"
	expect_in "opens files below the directories it is given, and no others (--dir HOST::GUEST[:ro])" "$out"
	expect_in "reads the time and sleeps (--clock)" "$out"
	expect_in "draws random bytes (--random)" "$out"
	expect_in "  reach the network" "$out"
	expect_in "function wasi_snapshot_preview1.fd_write: (i32, i32, i32, i32) -> (i32)" "$out"
	expect_in "function _start: " "$out"
	expect_in "memory memory: " "$out"
	grep -qE '^  code +0x[0-9a-f]{8} +[0-9]+$' "$out"
	grep -qE '^  custom name +0x[0-9a-f]{8} +[0-9]+$' "$out"
}
tap_case "inspect tells what a module can ask for" inspects

inspects_pure() {
	status 0 "$tiphys" inspect "$exports"
	expect_in "asks for nothing: it can only compute" "$out"
	expect_in "function add: (i32, i32) -> (i32)" "$out"
	expect_in "function sum: (f64, f64) -> (f64)" "$out"
	grep -qx "  open files or folders" "$out"
	grep -qx "  read a clock or sleep" "$out"
	grep -qx "  reach the network" "$out"
	grep -qx "It starts no process" "$out"
}
tap_case "inspect of a module that only computes" inspects_pure

inspects_hostile_names() {
	# (export "\1b[31m\0a" (memory 0)) (memory 1)
	printf '\0asm\1\0\0\0\5\3\1\0\1\7\12\1\6\33[31m\12\2\0' >"$work/hostile.wasm"
	status 0 "$tiphys" inspect "$work/hostile.wasm"
	expect_in 'memory \x1b[31m\x0a: 1 pages of 65536 bytes or more' "$out"
	must_fail grep -q $'\x1b' "$out"
}
tap_case "inspect hands no module's control characters to the terminal" inspects_hostile_names

inspects_features() {
	# (func (param i32) (result i32) local.get 0 i32.extend8_s)
	printf '\0asm\1\0\0\0\1\6\1\140\1\177\1\177\3\2\1\0\12\7\1\5\0\40\0\300\13' >"$work/sign.wasm"
	status 0 "$tiphys" inspect "$work/sign.wasm"
	grep -qx "  sign-extension" "$out"
	must_fail grep -q "bulk-memory" "$out"
}
tap_case "inspect names the features a module needs" inspects_features

inspects_foreign() {
	status 0 "$tiphys" inspect "$foreign"
	expect_in "It does not run by itself: nothing here provides" "$out"
	grep -qx "  function elsewhere.wish: a module may import from wasi_snapshot_preview1, .*" "$out"
}
tap_case "inspect tells of imports that nobody answers" inspects_foreign

inspects_newer() {
	status 0 "$tiphys" inspect "$newer"
	expect_in 'Not known to this build: a call gets "function not supported"' "$out"
	grep -qx "  function wasi_snapshot_preview1.fd_frobnicate" "$out"
	grep -qx "  function wasi_snapshot_preview1.proc_vanish" "$out"
	must_fail grep -q "does not run by itself" "$out"
	status 0 "$tiphys" inspect --granted stdout "$newer"
	grep -qE '^  not supported wasi_snapshot_preview1.fd_frobnicate +this build does not know it' "$out"
	status 0 "$tiphys" inspect --granted stdout --json "$newer"
	expect_in '"name":"fd_frobnicate","verdict":"not supported"' "$out"
}
tap_case "inspect tells of functions of a later WASI" inspects_newer

# ---- run: grants ----

runs() {
	run 0 "$probe" args 'a b' '' --stdin
	is "$(cat "$out")" $'[probe.wasm]\n[args]\n[a b]\n[]\n[--stdin]'
	[ ! -s "$err" ]
}
tap_case "run gives the guest its arguments and its own name" runs

exit_status() {
	run 0 "$probe" exit 0
	run 7 "$probe" exit 7
	run 255 "$probe" exit 255
	run 1 "$probe" exit 256
	[ ! -s "$err" ]
}
tap_case "the guest's exit status is tiphys's" exit_status

environment() {
	export LEAK=secret
	run 4 "$probe" env LEAK
	run 0 --env A=1 --env B=x=y "$probe" env B
	is "$(cat "$out")" x=y
	run 2 --env A "$probe" env A
	expect_in '--env wants NAME=VALUE, not "A"' "$err"
}
tap_case "the environment is empty but for --env" environment

standard_input() {
	printf 'some words' >"$work/in"
	run 4 "$probe" cat <"$work/in"
	[ ! -s "$out" ]
	expect_in "add --stdin" "$err"
	run 0 --stdin "$probe" cat <"$work/in"
	is "$(cat "$out")" "some words"
}
tap_case "standard input only with --stdin" standard_input

files() {
	mkdir -p "$work/dir/sub"
	echo inside >"$work/dir/sub/file"
	echo outside >"$work/outside"
	ln -sf ../../outside "$work/dir/sub/link"
	run 4 "$probe" read /data/sub/file
	run 0 --dir "$work/dir::/data" "$probe" read /data/sub/file
	is "$(cat "$out")" inside
	run 4 --dir "$work/dir::/data" "$probe" read /data/../outside
	run 4 --dir "$work/dir::/data" "$probe" read /data/sub/link
	run 4 --dir "$work/dir::/data" "$probe" read "$work/outside"
	run 0 --dir "$work/dir::/data" "$probe" write /data/new text
	is "$(cat "$work/dir/new")" text
	run 4 --dir "$work/dir::/data:ro" "$probe" write /data/never text
	[ ! -e "$work/dir/never" ]
	expect_in "read-only" "$err"
	run 0 --dir "$work/dir::/data:ro" "$probe" read /data/sub/file
	run 1 --dir "$work/none::/data" "$probe" read /data/x
	expect_in "--dir $work/none::/data: No such file or directory" "$err"
}
tap_case "files only below --dir, read-only with :ro" files

clock() {
	run 4 "$probe" clock
	expect_in "add --clock" "$err"
	run 0 --clock "$probe" clock
	[ "$(cut -d ' ' -f 1 "$out")" -ge "$(($(date +%s) - 60))" ]
	run 0 --clock=fixed "$probe" clock
	is "$(cat "$out")" "0 0"
	run 0 --clock=coarse "$probe" clock
	[ "$(($(cut -d ' ' -f 2 "$out") % 1000000))" -eq 0 ]
	run 2 --clock=atomic "$probe" clock
}
tap_case "the clock only with --clock" clock

random() {
	run 4 "$probe" random
	expect_in "add --random" "$err"
	run 0 --random "$probe" random
	local first=$(cat "$out")
	run 0 --random "$probe" random
	[ "$first" != "$(cat "$out")" ]
	run 0 --random=7 "$probe" random
	first=$(cat "$out")
	run 0 --random=7 "$probe" random
	is "$(cat "$out")" "$first"
	run 0 --random=8 "$probe" random
	[ "$first" != "$(cat "$out")" ]
}
tap_case "random bytes only with --random, the same ones for a seed" random

# ---- run: limits ----

output_limits() {
	run 0 --stdout-limit 10 "$probe" fill 10
	is "$(stat -c %s "$out")" 10
	run 134 --stdout-limit 10 "$probe" fill 11
	is "$(stat -c %s "$out")" 10
	is "$(head -n 1 "$err")" "tiphys run: $probe: trap: stdout is limited to 10 bytes"
	is "$(grep -c limited "$err")" 1
	run 134 --stderr-limit 3 "$probe" fill-stderr 4
	grep -q '^xxx' "$err"
	must_fail grep -q '^xxxx' "$err"
}
tap_case "output ends at its limit" output_limits

memory_limit() {
	run 0 "$probe" allocate 20
	run 0 --memory 32M "$probe" allocate 20
	run 4 --memory 16M "$probe" allocate 20
	run 1 --memory 64K "$probe" allocate 0
}
tap_case "memory ends at --memory" memory_limit

heap_limit() {
	# Five arrays of 1 GiB, of which nothing is touched.
	printf '\0asm\1\0\0\0\1\7\2\136\170\1\140\0\0\3\2\1\1\7\12\1\6_start\0\0\12\66\1\64\0\101\200\200\200\200\4\373\7\0\101\200\200\200\200\4\373\7\0\101\200\200\200\200\4\373\7\0\101\200\200\200\200\4\373\7\0\101\200\200\200\200\4\373\7\0\32\32\32\32\32\13' >"$work/arrays.wasm"
	run 134 "$work/arrays.wasm"
	expect_in "garbage-collected heap exhausted" "$err"
	expect_in "objects are limited to 4294967296 bytes; --memory BYTES sets" "$err"
	run 134 --memory 2G "$work/arrays.wasm"
	expect_in "memory is limited to 2147483648 bytes" "$err"
	run 0 --memory 6G "$work/arrays.wasm"
}
tap_case "objects end at 4G, or at --memory" heap_limit

fuel_limit() {
	run 0 --fuel 100000000 "$probe" args
	run 134 --fuel 100 "$probe" args
	expect_in "tiphys run: $probe: trap: out of fuel: the limit of 100 is used up" "$err"
	# (start 0) (func loop br 0 end) (func (export "_start"))
	printf '\0asm\1\0\0\0\1\4\1`\0\0\3\3\2\0\0\7\12\1\6_start\0\1\10\1\0\12\14\2\7\0\3@\14\0\13\13\2\0\13' \
		>"$work/endless-start.wasm"
	run 134 --fuel 1000000 "$work/endless-start.wasm"
	expect_in "out of fuel: the limit of 1000000" "$err"
	run 2 --fuel 0 "$probe" args
}
tap_case "a run ends at --fuel" fuel_limit

time_limit() {
	local message="ran longer than its time limit of 0.2 s (--timeout), and was ended"
	# Where only C code could look at the clock: a loop without calls, in the start function.
	run 124 --timeout 200ms "$work/endless-start.wasm"
	is "$(head -n 1 "$err")" "tiphys run: $work/endless-start.wasm: $message"
	# Goto dispatch (gcc) does not know in which cell it was interrupted.
	[ "$TIPHYS_COMPILER" != clang ] || expect_in "(function 0) at offset" "$err"
	# Where no guest code runs.
	mkfifo "$work/silent"
	run 124 --timeout 200ms --stdin "$probe" cat <>"$work/silent"
	expect_in "$probe: $message" "$err"
	run 7 --timeout 1h "$probe" exit 7
}
tap_case "a run ends at --timeout, wherever it is" time_limit

open_files_limit() {
	mkdir -p "$work/many"
	: >"$work/many/file"
	run 0 --dir "$work/many::/d" --open-files 20 "$probe" open-many /d/file 16
	run 4 --dir "$work/many::/d" --open-files 20 "$probe" open-many /d/file 18
	run 2 --open-files 3 "$probe" args
}
tap_case "open files end at --open-files" open_files_limit

closed_pipe() {
	local statuses
	"$tiphys" run "$probe" fill 1000000 2>"$err" | head -c 5 >"$out"
	statuses=("${PIPESTATUS[@]}")
	is "${statuses[0]}" 4
}
tap_case "a pipe that nobody reads is the guest's error" closed_pipe

# ---- run: traps ----

trap_report() {
	local mode
	for mode in "" --unfolded --checked-memory; do
		run 134 $mode "$probe" trap
		[ ! -s "$out" ]
		expect_in "trap: " "$err"
		expect_in "unreachable" "$err"
		grep -qE '#0 .*inner_function.* \(function [0-9]+\) at offset 0x[0-9a-f]+' "$err"
		grep -qE '#1 .*outer_function.* \(function [0-9]+\) at offset 0x[0-9a-f]+' "$err"
		grep -q '_start' "$err"
	done
}
tap_case "a trap is 134 with a backtrace of names and offsets" trap_report

endless_recursion() {
	run 134 "$probe" recurse
	grep -qE 'call stack exhausted|out of bounds memory access' "$err"
	grep -q 'inner_function' "$err"
	run 134 --max-stack 64K "$probe" recurse
	expect_in "the call stack is limited to 65536 bytes; --max-stack BYTES sets another limit" "$err"
	expect_in "call stack exhausted" "$err"
}
tap_case "endless recursion is a trap" endless_recursion

# ---- run: --invoke ----

invokes() {
	run 0 --invoke add "$exports" 2 -5
	is "$(cat "$out")" -3
	run 0 --invoke add "$exports" 4294967295 1
	is "$(cat "$out")" 0
	run 0 --invoke mul64 "$exports" 0x100000000 3
	is "$(cat "$out")" 12884901888
	run 0 --invoke half "$exports" 0.2
	is "$(cat "$out")" 0.100000001
	run 0 --invoke sum "$exports" 1e300 -2.5
	is "$(cat "$out")" 1.0000000000000001e+300
	run 0 --invoke nothing "$exports"
	[ ! -s "$out" ]
	run 0 --invoke is_initialized "$exports"
	is "$(cat "$out")" 1
}
tap_case "--invoke reads arguments by type and prints results" invokes

invoke_errors() {
	run 2 --invoke add "$exports" 1
	expect_in "add: (i32, i32) -> (i32) wants 2 arguments, not 1" "$err"
	run 2 --invoke add "$exports" 1 two
	expect_in 'add: argument 2: "two" is no i32' "$err"
	run 2 --invoke nowhere "$exports"
	expect_in 'no function is exported as "nowhere"' "$err"
	run 134 --invoke divide "$exports" 1 0
	expect_in "integer divide by zero" "$err"
	run 134 --invoke divide "$exports" -2147483648 -1
	expect_in "integer overflow" "$err"
	run 2 "$exports"
	expect_in "it exports no _start; call one of its exports with --invoke NAME" "$err"
}
tap_case "--invoke tells what is wrong" invoke_errors

# ---- run: what comes before the run ----

before_the_run() {
	run 2
	expect_in "no FILE or REF to run" "$err"
	run 1 "$work/missing.wasm"
	expect_in "$work/missing.wasm: system error: cannot open: No such file or directory" "$err"
	run 2 --stdni "$probe"
	expect_in "unknown option --stdni; did you mean --stdin?" "$err"
	run 1 "$foreign"
	expect_in "elsewhere" "$err"
	expect_in "wish\" is not there: a module may import from wasi_snapshot_preview1" "$err"
}
tap_case "what cannot run is told with 1 or 2" before_the_run

newer_wasi() {
	run 0 "$newer"
	is "$(cat "$out")" "not needed"
	[ ! -s "$err" ]
	run 3 "$newer" errno
	is "$(cat "$out")" 52
	expect_in "the module called wasi_snapshot_preview1.fd_frobnicate, which this build does not know" "$err"
	run 134 "$newer" void
	expect_in "wasi_snapshot_preview1.proc_vanish is not known" "$err"
}
tap_case "a function of a later WASI answers ENOSYS when it is called" newer_wasi

bad_port() {
	status 2 "$tiphys" serve --no-auth --listen 127.0.0.1:99999
	expect_in 'cannot listen on "127.0.0.1:99999"' "$err"
	expect_in "a port of at most 65535" "$err"
}
tap_case "a number that is no port is not wrapped into one" bad_port

args_from() {
	printf '%s\0' --env A=1 "$probe" env A >"$work/args"
	run 0 --args-from 5 5<"$work/args"
	is "$(cat "$out")" 1
	printf '%s\0' "$probe" args "$(head -c 300000 /dev/zero | tr '\0' x)" >"$work/args"
	run 0 --args-from 5 5<"$work/args"
	is "$(stat -c %s "$out")" $((300000 + 3 + 7 + 13))
	printf '%s\0' --stdin "$probe" cat >"$work/args"
	printf 'in' | run 0 --args-from 5 5<"$work/args"
	is "$(cat "$out")" in
	run 2 --args-from 5 "$probe" 5<"$work/args"
	printf 'cut' >"$work/args"
	run 2 --args-from 5 5<"$work/args"
	expect_in "cut off" "$err"
	run 1 --args-from 9 9<&-
}
tap_case "--args-from reads the command line from a descriptor" args_from

# A folder that --suite takes was said to have no script, and a script without commands passed.
spec_places() {
	local suite=$work/suite script=$work/suite/json/core/address/address.json
	mkdir -p "${script%/*}"
	printf 'no module' >"${script%/*}/bad.wasm"
	cat >"$script" <<-'END'
		{"source_filename": "address.wast", "commands": [{"type": "assert_malformed", "line": 1,
		  "filename": "bad.wasm", "module_type": "binary", "text": "magic header not detected"}]}
	END
	tar -C "$suite" -cf "$suite/wasm-spec.tar.xz" json
	rm -r "$suite/json"
	# Run from each place, and fewer assertions than the suite has there.
	for place in "$suite" "$suite/wasm-spec.tar.xz" "--suite $suite"; do
		status 1 "$tiphys" spec --script address $place
		expect_in "core/address " "$out"
		expect_in "1 assertions" "$out"
	done
	mkdir "$suite/none"
	status 2 "$tiphys" spec "$suite/none"
	expect_in "no script (NAME.json) there, and no suite: $suite/none: holds no core/" "$err"
	echo '{"commands": []}' >"$suite/empty.json"
	status 1 "$tiphys" spec "$suite/empty.json"
	expect_in "empty.json: no command in \"commands\": it proves nothing" "$out"
}
tap_case "spec takes a suite by any name, and a script that proves nothing fails" spec_places

reference() {
	run 1 "127.0.0.1:1/team/step:1"
	expect_in "127.0.0.1:1" "$err"
	must_fail grep -q 'cannot open' "$err"
	run 1 ./no.dots:in/this
	expect_in "cannot open" "$err"
}
tap_case "what looks like a reference is asked of a registry" reference

tap_end
