# Requests that a stranger's module may try to send where it was not let: each gets the answer that is
# written here, and no server sees it.
here=$(dirname "$0")
. "$here/../e2e/lib/tap.bash"
. "$here/../e2e/lib/run.bash"

fetch=$TIPHYS_BUILD/examples/fetch.wasm

# The first is granted, the second is what the module is after.
for name in one two; do
	start "$name" python3 "$here/../e2e/http_server.py"
	wait_for 10 test -s "$work/$name.log"
done
one=127.0.0.1:$(head -n 1 "$work/one.log")
two=127.0.0.1:$(head -n 1 "$work/two.log")
port=${one#*:}

# attempt ANSWER WORDS SEEN [OPTIONS…] URL: the answer, a part of the sentence that the run ends with, and
# how many requests the first server saw; the second never sees one.
attempt() {
	local answer=$1 words=$2 seen=$3 before
	shift 3
	before=$(wc -l <"$work/one.log")
	run 1 --http "http://$one" "$fetch" "$@"
	expect_in "$answer" "$err"
	expect_in "$words" "$err"
	is $(($(wc -l <"$work/one.log") - before)) "$seen"
	is "$(wc -l <"$work/two.log")" 1 # its port
	[ ! -s "$out" ]
}

# denied NAME URL [WORDS]: to where no grant leads
denied() {
	tap_case "$1" attempt "Permission denied" "${3:-which is not listed}" 0 "$2"
}
denied "another port" "http://$two/hello" "http://$two, which is not listed"
denied "the scheme's own port" "http://127.0.0.1/hello"
denied "another scheme" "https://$one/hello" "https://$one, which is not listed"
denied "another host" "http://example.org/" "http://example.org, which is not listed"
denied "a name for the listed address" "http://localhost:$port/hello"
denied "that name in capitals" "http://LocalHost:$port/hello"
denied "that name with a dot at its end" "http://localhost.:$port/hello"
denied "a name below it" "http://one.localhost:$port/hello"
denied "a name that ends in the listed address" "http://127.0.0.1.example.org:$port/hello"
denied "a name of Unicode, spelt in ASCII" "http://xn--lcalhost-54a:$port/hello"
denied "another loopback address" "http://127.0.0.2:$port/hello"
denied "the unspecified address" "http://0.0.0.0:$port/hello"
denied "the unspecified address of IPv6" "http://[::]:$port/hello"
denied "loopback of IPv6" "http://[::1]:$port/hello"
denied "an IPv4-mapped address" "http://[::ffff:127.0.0.1]:$port/hello" "[::ffff:127.0.0.1]"
denied "an IPv4-mapped address in hexadecimal" "http://[::ffff:7f00:1]:$port/hello"
denied "an IPv4-compatible address" "http://[::127.0.0.1]:$port/hello"
denied "an address translated by NAT64" "http://[64:ff9b::7f00:1]:$port/hello"
denied "an address of 6to4" "http://[2002:7f00:1::]:$port/hello"
denied "another port by an address with a dot at its end" "http://127.0.0.1.:${two#*:}/hello"
denied "a metadata service" "http://169.254.169.254/latest/meta-data/"
denied "a metadata service by its name" "http://metadata.google.internal/computeMetadata/v1/"

# malformed NAME URL: what two readers could read in two ways is nobody's
malformed() {
	tap_case "$1" attempt "Invalid argument" "fetch: " 0 "$2"
}
malformed "a user name that looks like the host" "http://$one@$two/"
malformed "a user name and a password" "http://user:secret@$one/"
malformed "an empty user name" "http://@$one/"
malformed "a backslash before the host" "http://$one\\@$two/"
malformed "a percent-encoded @" "http://$one%40$two/"
malformed "a percent-encoded host" "http://127%2e0.0.1:$port/"
malformed "an address as one decimal number" "http://2130706433:$port/"
malformed "an address as one octal number" "http://017700000001:$port/"
malformed "an address as one hexadecimal number" "http://0x7f000001:$port/"
malformed "an address with a hexadecimal part" "http://0x7f.0.0.1:$port/"
malformed "an address with an octal part" "http://0177.0.0.1:$port/"
malformed "an address of two parts" "http://127.1:$port/"
malformed "an address of no more than 0" "http://0:$port/"
malformed "an address of five parts" "http://127.0.0.1.1:$port/"
malformed "an address with a zone" "http://[fe80::1%25eth0]:$port/"
malformed "an address in brackets that never close" "http://[::1:$port/"
malformed "letters in circles" "http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ:$port/"
malformed "a full stop of another script" "http://127。0。0。1:$port/"
malformed "port 0" "http://127.0.0.1:0/"
malformed "a port beyond all ports" "http://127.0.0.1:65536/"
malformed "a port that wraps to the listed one" "http://127.0.0.1:$((port + 65536))/"
malformed "a port with a sign" "http://127.0.0.1:+$port/"
malformed "a file" "file:///etc/passwd"
malformed "an address of FTP" "ftp://$one/"
malformed "a gopher" "gopher://$one/_GET%20/"
malformed "data" "data:,x"
malformed "no scheme" "//$one/"
malformed "one slash" "http:/$one/"
malformed "three slashes" "http:///$one/"
malformed "a space in the path" "http://$one/a b"
malformed "a tab in the host" $'http://127.0.0.1\t:'"$port/"
malformed "a line break in the path" $'http://'"$one"$'/hello\r\nX-Injected: 1'
malformed "a line break in the host" $'http://127.0.0.1\r\n.example.org/'
malformed "a URL of 9,000 bytes" "http://$one/$(head -c 9000 /dev/zero | tr '\0' a)"

# ---- redirects: each is looked at as if it were the first ----

# strays NAME ANSWER WORDS SEEN TO
strays() {
	tap_case "a redirect $1" attempt "$2" "$3" "$4" "http://$one/redirect?to=$5"
}
strays "to another port" "Permission denied" "http://$two, which is not listed" 1 "http://$two/hello"
strays "to another scheme" "Permission denied" "https://$one, which is not listed" 1 "https://$one/hello"
strays "to another host" "Permission denied" "http://example.org" 1 "http://example.org/"
strays "without a scheme" "Permission denied" "http://$two" 1 "//$two/hello"
strays "to a name for the listed address" "Permission denied" "http://localhost" 1 "http://localhost:$port/hello"
strays "to an IPv4-mapped address" "Permission denied" "[::ffff:127.0.0.1]" 1 "http://[::ffff:127.0.0.1]:$port/hello"
strays "to a metadata service" "Permission denied" "169.254.169.254" 1 "http://169.254.169.254/"
strays "behind a redirect" "Permission denied" "http://$two" 2 "/redirect%3Fto=http://$two/hello"
strays "to a file" "Invalid argument" "by a redirect from http://$one" 1 "file:///etc/passwd"
strays "to FTP" "Invalid argument" "by a redirect from http://$one" 1 "ftp://$one/"
strays "to a user name" "Invalid argument" "user name" 1 "http://$one@$two/"
strays "to a decimal address" "Permission denied" "http://$two, which is not listed" 1 "http://2130706433:${two#*:}/hello"
tap_case "redirects in a circle" attempt "Symbolic link loop" "5 redirects" 6 "http://$one/loop"

# ---- names ----

by_name() {
	run 1 --http "http://localhost:$port" "$fetch" "http://localhost:$port/hello"
	expect_in "Permission denied" "$err"
	expect_in "which is loopback and where http://localhost:$port leads" "$err"
	run 0 --http "http://localhost:$port" --http "http://$one" "$fetch" "http://localhost:$port/hello"
}
tap_case "a listed name that leads to loopback, unless the address is listed too" by_name

# ---- what goes along ----

tap_case "a method that no one may use" attempt "Operation not permitted" "fetch: " 0 -X CONNECT "http://$one/hello"
tap_case "a method with a line break" attempt "Operation not permitted" "fetch: " 0 \
	-X $'GET / HTTP/1.1\r\nX: ' "http://$one/hello"
tap_case "a header with a carriage return" attempt "Invalid argument" "fetch: " 0 \
	-H $'X: 1\rInjected: 2' "http://$one/hello"
tap_case "a header without a name" attempt "Invalid argument" "fetch: " 0 -H ': 1' "http://$one/hello"
tap_case "a header whose name has a space" attempt "Invalid argument" "fetch: " 0 -H 'X Y: 1' "http://$one/hello"

many=()
for ((i = 0; i < 300; i++)); do many+=(-H "X-$i: 1"); done
tap_case "more headers than may be" attempt "Invalid argument" "more than 256 headers" 0 "${many[@]}" "http://$one/hello"

# ---- answers that are larger than may be ----

tap_case "a body larger than the limit, announced" attempt "File too large" "http://$one/claims" 1 "http://$one/claims"
tap_case "a header that is too large" attempt "File too large" "65536 bytes" 1 "http://$one/huge-header"
tap_case "too many headers of an answer" attempt "File too large" "256 lines" 1 "http://$one/many-headers"
tap_case "what is no HTTP" attempt "rotocol error" "http://$one/garbage" 1 "http://$one/garbage"

tap_end
