# The Test Anything Protocol for end-to-end tests in bash, with a folder and processes that go when
# the test does. A test sources this, runs its cases, and calls tap_end.
#
#   tap_case NAME FUNCTION     one case: FUNCTION in a subshell with errexit; its output is shown on
#                              failure
#   tap_skip NAME REASON
#   $work                      the test's own folder, removed at the end
#   start NAME COMMAND…        a server, its output in $work/NAME.log, its process id in $started; one that a
#                              case starts and does not stop goes with the test
#   stop PID                   ends and reaps it (SIGTERM, after 5 s SIGKILL)
#   free_port                  a port on 127.0.0.1 that nobody listens at
#   wait_for SECONDS COMMAND…  until the command succeeds
#   expect_in TEXT FILE        the file holds the text, else a message and status 1
#   ends SECONDS PID           until a child has ended, for a "wait PID" whose status may be any; else it is stopped:
#                              a message and status 1
#   wait_end SECONDS PID       ends, and its exit status
#   must_fail COMMAND…         the command fails, else a message and status 1; "! COMMAND" ends no case,
#                              for errexit passes over it
#
# TIPHYS_BUILD is the folder of the executables under test.
set -u
tiphys=$TIPHYS_BUILD/tiphys
tiphys_net=$TIPHYS_BUILD/tiphys-net
work=$(mktemp -d "${TMPDIR:-/tmp}/tiphys-e2e.XXXXXX")
export HOME=$work/home DOCKER_CONFIG=$work/docker FS_CACHE_DIR=$work/cache
mkdir -p "$HOME" "$DOCKER_CONFIG" "$work/started"
# The servers are on this machine: no proxy stands between.
unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY all_proxy ALL_PROXY
unset XDG_CACHE_HOME INSECURE_OCI_REGISTRIES

tap_count=0
tap_failed=0

tap_clean_up() {
	local file
	for file in "$work/started"/*; do
		[ ! -e "$file" ] || stop "${file##*/}"
	done
	rm -rf "$work"
}
trap tap_clean_up EXIT
trap 'exit 1' INT TERM

tap_case() {
	local name=$1 output=$work/tap-output status
	shift
	tap_count=$((tap_count + 1))
	(
		set -eE
		trap 'echo "line $LINENO: $BASH_COMMAND"' ERR
		trap - EXIT
		"$@"
	) >"$output" 2>&1
	status=$?
	if [ $status -eq 0 ]; then
		echo "ok $tap_count - $name"
	else
		tap_failed=$((tap_failed + 1))
		echo "not ok $tap_count - $name"
		sed 's/^/# /' "$output"
	fi
}

tap_skip() {
	tap_count=$((tap_count + 1))
	echo "ok $tap_count - $1 # SKIP $2"
}

tap_end() {
	echo "1..$tap_count"
	[ $tap_failed -eq 0 ]
	exit
}

start() {
	local name=$1
	shift
	"$@" >>"$work/$name.log" 2>&1 &
	started=$!
	: >"$work/started/$started"
}

stop() {
	local pid=$1 tries
	rm -f "$work/started/$pid"
	kill -CONT "$pid" 2>/dev/null || true
	kill "$pid" 2>/dev/null || return 0
	for ((tries = 0; tries < 100; tries++)); do
		kill -0 "$pid" 2>/dev/null || break
		sleep 0.05
	done
	kill -KILL "$pid" 2>/dev/null || true
	wait "$pid" 2>/dev/null || true
	return 0
}

free_port() {
	local port
	while :; do
		port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
		(exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
	done
	echo "$port"
}

wait_for() {
	local until=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		if [ $SECONDS -ge $until ]; then
			echo "not within its time: $*"
			return 1
		fi
		sleep 0.05
	done
}

has_ended() {
	! kill -0 "$1" 2>/dev/null
}

ends() {
	if ! wait_for "$1" has_ended "$2"; then
		stop "$2"
		return 1
	fi
	rm -f "$work/started/$2"
}

wait_end() {
	ends "$1" "$2" || return 1
	wait "$2"
}

expect_in() {
	if ! grep -qF -- "$1" "$2"; then
		echo "expected: $1"
		echo "found in $2:"
		cat "$2"
		return 1
	fi
}

must_fail() {
	if "$@"; then
		echo "should fail: $*"
		return 1
	fi
}
