#!/bin/bash
# setup.bash SOURCE: what `make bench` asks before it installs packages, by .ci/setup itself with a list of
# the test's own and, where it asks, a terminal. Nothing is installed: the package manager is told to simulate. Speaks TAP.
set -u
source=$1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
. "$(dirname "$0")/tap.bash"

skip() {
	number=$((number + 1))
	echo "ok $number - $1 # SKIP $2"
}
if ! command -v dpkg-query >/dev/null; then
	skip 'the question of make bench' 'this is no Debian'
	echo "1..$number"
	exit
fi

for absent in hello sl cowsay none-left; do
	dpkg-query -W "$absent" >/dev/null 2>&1 || break
done
mkdir "$scratch/ci" "$scratch/bin"
cp "$source/.ci/setup" "$scratch/ci/"
cat >"$scratch/bin/apt-get" <<END
#!/bin/sh
echo "\$DEBIAN_FRONTEND: \$*" >>"$scratch/asked"
[ "\$1" != install ] || exec $(command -v apt-get) --simulate "\$@"
END
chmod +x "$scratch/bin/apt-get"
chmod 755 "$scratch"
export PATH=$scratch/bin:$PATH

# needs STEP [STEP…]: the list has, for each step, the absent package; what is there is never named.
needs() {
	printf 'dpkg  build  is there\n' >"$scratch/ci/packages"
	printf "$absent  %s  is not there\n" "$@" >>"$scratch/ci/packages"
}

# on_terminal ANSWER [ARGUMENT…]: .ci/setup bench on a pseudo-terminal; the answer is typed when it asks.
# Its status is this one's, all it says is in $scratch/out.
on_terminal() {
	: >"$scratch/asked"
	timeout 60 python3 - "$scratch/ci/setup" "$@" >"$scratch/out" <<'END'
import os, pty, sys
setup, answer, *more = sys.argv[1:]
pid, terminal = pty.fork()
if pid == 0:
    os.execv(setup, [setup, "bench", *more])
said = b""
while True:
    try:
        piece = os.read(terminal, 4096)
    except OSError:
        piece = b""
    if not piece:
        break
    said += piece
    if said.endswith(b"[y/N] "):
        os.write(terminal, answer.encode().decode("unicode_escape").encode())
sys.stdout.write(said.decode())
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
END
}

# without_terminal [ARGUMENT…]
without_terminal() {
	: >"$scratch/asked"
	"$scratch/ci/setup" bench "$@" >"$scratch/out" 2>&1 </dev/null
}

# says WORDS…: each was said.
says() {
	local words
	for words; do
		grep -qF -- "$words" "$scratch/out" || return 1
	done
}
asked_nothing() { [ ! -s "$scratch/asked" ]; }
asked_both() {
	local expected
	printf -v expected 'noninteractive: update -q\nnoninteractive: install -y --no-install-recommends %s' "$absent"
	[ "$(cat "$scratch/asked")" = "$expected" ]
}
# result_of NAME: the status before it.
result_of() { result "$1" $?; }

question="to be installed: $absent"
if [ "$(id -u)" = 0 ]; then
	needs bench
	on_terminal 'n\n' && says "$question" 'Install? [y/N]' "left out is what needs $absent" && asked_nothing
	result_of 'no: nothing is installed, and it is told what is left out'
	on_terminal '\n' && says "left out is what needs $absent" && asked_nothing
	result_of 'an empty answer is no'
	on_terminal 'yesterday\n' && says "left out is what needs $absent" && asked_nothing
	result_of 'what only begins as yes is no'
	on_terminal '\x04' && says "left out is what needs $absent" && asked_nothing
	result_of 'the end of the input is no'
	for answer in y yes; do
		on_terminal "$answer\n"
		status=$?
		if apt-cache show "$absent" >/dev/null 2>&1; then
			[ $status = 0 ] && says "installing $absent" "Inst $absent" && asked_both
		else
			[ $status != 0 ] && says "installing $absent" "locate package $absent" && asked_both
		fi
		result_of "$answer: that package is installed"
	done

	without_terminal && says "$question" 'Say --yes' "left out is what needs $absent" && asked_nothing
	result_of 'without a terminal nothing is installed, and it is told what is left out'
	without_terminal --yes
	! says 'Install?' && says "installing $absent" && asked_both
	result_of '--yes asks nothing and installs'
	on_terminal '' --yes
	! says 'Install?' && says "installing $absent" && asked_both
	result_of '--yes asks nothing on a terminal either'

	needs build
	! on_terminal 'n\n' && says "$question" "a build needs $absent" && asked_nothing
	result_of 'no, and a build needs it: it ends'
	! without_terminal && says "a build needs $absent" && asked_nothing
	result_of 'without a terminal, and a build needs it: it ends'
	needs check
	on_terminal '' && [ ! -s "$scratch/out" ] && asked_nothing
	result_of 'what tests need is none of its business'
	needs bench
	setpriv --reuid 65534 --regid 65534 --clear-groups env PATH=/usr/bin:/bin sh -c '! command -v sudo' >/dev/null &&
		setpriv --reuid 65534 --regid 65534 --clear-groups "$scratch/ci/setup" bench >"$scratch/out" 2>&1 </dev/null &&
		says "apt-get update && apt-get install -y --no-install-recommends $absent" "left out is what needs $absent" &&
		asked_nothing
	status=$?
	if command -v sudo >/dev/null; then
		skip 'a user without sudo' 'sudo is installed'
	else
		result 'a user without sudo is told the command, and it goes on with what is there' $status
	fi
else
	skip 'the question of make bench' 'this is not root'
fi

echo "1..$number"
exit "$failed"
