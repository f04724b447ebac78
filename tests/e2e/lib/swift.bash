# A real object store that verifies S3's signatures: OpenStack Swift with s3api, on 127.0.0.1. Source tap.bash
# before.
#
#   swift_start        sets $swift (host:port), with access key test:tester and secret key testing; by host
#                      names below localhost too; its region is $swift_region
#   s3 METHOD PATH [CURL OPTIONS…]   a signed request by curl: s3 PUT /bucket, s3 GET /bucket/key -o FILE
#   s3_keys BUCKET     its keys, a line each
swift_key=test:tester
swift_secret=testing
swift_region=us-east-1
swift_lib=$(dirname "${BASH_SOURCE[0]}")

swift_server() {
	local kind=$1 port=$2
	cat >"$work/swift/$kind-server.conf" <<-CONF
		[DEFAULT]
		bind_ip = 127.0.0.1
		bind_port = $port
		workers = 0
		user = $(id -un)
		swift_dir = $work/swift
		devices = $work/swift/srv
		mount_check = false
		log_address = /dev/null
		[pipeline:main]
		pipeline = $kind-server
		[app:$kind-server]
		use = egg:swift#$kind
	CONF
	start "swift-$kind" "swift-$kind-server" "$work/swift/$kind-server.conf"
}

swift_listens() {
	(exec 3<>"/dev/tcp/127.0.0.1/$1")
}

# It stores: that it answers is not enough.
swift_stores() {
	s3 PUT /is-ready && s3 DELETE /is-ready
}

swift_fails() {
	echo "Bail out! no Swift: $(tail -n 3 "$work"/swift-*.log)"
	exit 1
}

swift_start() {
	local kind port ring rings=()
	mkdir -p "$work/swift/srv/d1"
	cat >"$work/swift/swift.conf" <<-CONF
		[swift-hash]
		swift_hash_path_prefix = tests
		swift_hash_path_suffix = tests
		[storage-policy:0]
		name = Policy-0
		default = yes
	CONF
	export SWIFT_DIR=$work/swift
	for kind in account container object; do
		rings+=("$kind=$(free_port)")
	done
	"$swift_lib/swift_rings.py" "$work/swift" "${rings[@]}" >"$work/swift-rings.log" 2>&1
	for ring in "${rings[@]}"; do
		swift_server "${ring%=*}" "${ring#*=}"
	done
	# A proxy that finds a server missing does not ask it again for a while.
	for ring in "${rings[@]}"; do
		wait_for 90 swift_listens "${ring#*=}" || swift_fails
	done
	port=$(free_port)
	swift=127.0.0.1:$port
	cat >"$work/swift/proxy-server.conf" <<-CONF
		[DEFAULT]
		bind_ip = 127.0.0.1
		bind_port = $port
		workers = 0
		user = $(id -un)
		swift_dir = $work/swift
		log_address = /dev/null
		[pipeline:main]
		pipeline = catch_errors cache s3api tempauth bulk slo dlo proxy-server
		[app:proxy-server]
		use = egg:swift#proxy
		account_autocreate = true
		error_suppression_interval = 1
		[filter:s3api]
		use = egg:swift#s3api
		location = $swift_region
		storage_domain = localhost
		[filter:tempauth]
		use = egg:swift#tempauth
		user_test_tester = $swift_secret .admin
		[filter:catch_errors]
		use = egg:swift#catch_errors
		[filter:cache]
		use = egg:swift#memcache
		[filter:bulk]
		use = egg:swift#bulk
		[filter:slo]
		use = egg:swift#slo
		[filter:dlo]
		use = egg:swift#dlo
	CONF
	start swift-proxy swift-proxy-server "$work/swift/proxy-server.conf"
	wait_for 90 swift_stores || swift_fails
	printf '%s' "$swift_key" >"$work/access-key"
	printf '%s' "$swift_secret" >"$work/secret-key"
	chmod 600 "$work/access-key" "$work/secret-key"
}

# Signed without a body's digest: fine for a server on this machine.
s3() {
	local method=$1 path=$2
	shift 2
	curl -sS -f -X "$method" --aws-sigv4 "aws:amz:$swift_region:s3" \
		-H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' "$@" "http://${swift_key/:/%3A}:$swift_secret@$swift$path"
}

s3_keys() {
	s3 GET "/$1" | grep -o '<Key>[^<]*' | sed 's/<Key>//'
}
