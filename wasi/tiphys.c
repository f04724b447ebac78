/* The import module "tiphys": what a broker does, for guests (examples/include/tiphys.h). */
#include "wasi/handler.h"

#define HTTP_FOLLOW 1u /* of http_open's flags */
#define HTTP_FLAGS_ALL HTTP_FOLLOW

uint32_t tiphys_http_open(struct host_call *call, uint32_t method_at, uint32_t method_size,
                          uint32_t url_at, uint32_t url_size, uint32_t headers_at,
                          uint32_t headers_size, uint64_t body_size, uint32_t flags,
                          uint32_t handle_at)
{
	struct guest g = guest_enter(call);
	struct caps_http_request what = {.body_size = body_size, .follow = flags & HTTP_FOLLOW};
	uint8_t *handle_to;
	if (guest_text(&g, method_at, method_size, &what.method) < 0 ||
	    guest_text(&g, url_at, url_size, &what.url) < 0 ||
	    guest_text(&g, headers_at, headers_size, &what.headers) < 0 ||
	    !guest_range(&g, handle_at, 4, &handle_to))
		return WASI_EFAULT;
	if (flags & ~HTTP_FLAGS_ALL)
		return WASI_EINVAL;
	int64_t handle = caps_http_open(g.caps, &what);
	if (handle < 0)
		return wasi_errno(handle);
	store_u32(handle_to, (uint32_t)handle);
	return WASI_ESUCCESS;
}

uint32_t tiphys_http_answer(struct host_call *call, uint32_t handle, uint32_t status_at)
{
	struct guest g = guest_enter(call);
	uint8_t *status_to;
	uint32_t status;
	if (!guest_range(&g, status_at, 4, &status_to))
		return WASI_EFAULT;
	int rc = caps_http_answer(g.caps, handle, &status);
	if (rc < 0)
		return wasi_errno(rc);
	store_u32(status_to, status);
	return WASI_ESUCCESS;
}

uint32_t tiphys_http_headers(struct host_call *call, uint32_t handle, uint32_t at, uint32_t room,
                             uint32_t size_at)
{
	struct guest g = guest_enter(call);
	struct caps_text headers;
	int rc = caps_http_headers(g.caps, handle, &headers);
	return wasi_errno(rc < 0 ? rc : guest_put_text(&g, headers, at, room, size_at));
}

uint32_t tiphys_send(struct host_call *call, uint32_t handle, uint32_t at, uint32_t size)
{
	struct guest g = guest_enter(call);
	uint8_t *bytes;
	if (!guest_range(&g, at, size, &bytes))
		return WASI_EFAULT;
	return wasi_errno(caps_send(g.caps, handle, bytes, size));
}

uint32_t tiphys_receive(struct host_call *call, uint32_t handle, uint32_t at, uint32_t room,
                        uint32_t size_at)
{
	struct guest g = guest_enter(call);
	uint8_t *to, *size_to;
	if (!guest_range(&g, at, room, &to) || !guest_range(&g, size_at, 4, &size_to))
		return WASI_EFAULT;
	if (room == 0)
		return WASI_EINVAL;
	ssize_t got = caps_receive(g.caps, handle, to, room);
	if (got < 0)
		return wasi_errno(got);
	store_u32(size_to, (uint32_t)got);
	return WASI_ESUCCESS;
}

uint32_t tiphys_close(struct host_call *call, uint32_t handle)
{
	struct guest g = guest_enter(call);
	return wasi_errno(caps_close(g.caps, handle));
}

uint32_t tiphys_kv_get(struct host_call *call, uint32_t key_at, uint32_t key_size, uint32_t at,
                       uint32_t room, uint32_t size_at)
{
	struct guest g = guest_enter(call);
	struct caps_text key, value;
	int rc = guest_text(&g, key_at, key_size, &key);
	if (rc == 0)
		rc = caps_kv_get(g.caps, key, &value);
	return wasi_errno(rc < 0 ? rc : guest_put_text(&g, value, at, room, size_at));
}

uint32_t tiphys_kv_put(struct host_call *call, uint32_t key_at, uint32_t key_size,
                       uint32_t value_at, uint32_t value_size)
{
	struct guest g = guest_enter(call);
	struct caps_text key, value;
	if (guest_text(&g, key_at, key_size, &key) < 0 ||
	    guest_text(&g, value_at, value_size, &value) < 0)
		return WASI_EFAULT;
	return wasi_errno(caps_kv_put(g.caps, key, value));
}

uint32_t tiphys_kv_delete(struct host_call *call, uint32_t key_at, uint32_t key_size)
{
	struct guest g = guest_enter(call);
	struct caps_text key;
	int rc = guest_text(&g, key_at, key_size, &key);
	return wasi_errno(rc < 0 ? rc : caps_kv_delete(g.caps, key));
}

/* As many whole keys as there is room for; a room that not even one fits is too small. */
static uint32_t put_keys(const struct guest *g, struct caps_text keys, uint32_t at, uint32_t room,
                         uint32_t size_at)
{
	size_t whole = 0;
	for (size_t next = 0; next < keys.size && next < room; next++) {
		if (keys.text[next] == '\0')
			whole = next + 1;
	}
	if (whole == 0 && keys.size > 0)
		whole = strlen(keys.text) + 1;
	keys.size = whole;
	return wasi_errno(guest_put_text(g, keys, at, room, size_at));
}

uint32_t tiphys_kv_list(struct host_call *call, uint32_t prefix_at, uint32_t prefix_size,
                        uint32_t after_at, uint32_t after_size, uint32_t at, uint32_t room,
                        uint32_t size_at)
{
	struct guest g = guest_enter(call);
	struct caps_text prefix, after, keys;
	if (guest_text(&g, prefix_at, prefix_size, &prefix) < 0 ||
	    guest_text(&g, after_at, after_size, &after) < 0)
		return WASI_EFAULT;
	int rc = caps_kv_list(g.caps, prefix, after, &keys);
	if (rc < 0)
		return wasi_errno(rc);
	return put_keys(&g, keys, at, room, size_at);
}

static bool object_at(const struct guest *g, uint32_t bucket_at, uint32_t bucket_size,
                      uint32_t key_at, uint32_t key_size, struct caps_text *bucket,
                      struct caps_text *key)
{
	return guest_text(g, bucket_at, bucket_size, bucket) == 0 &&
	       guest_text(g, key_at, key_size, key) == 0;
}

uint32_t tiphys_blob_get(struct host_call *call, uint32_t bucket_at, uint32_t bucket_size,
                         uint32_t key_at, uint32_t key_size, uint32_t size_at, uint32_t handle_at)
{
	struct guest g = guest_enter(call);
	struct caps_text bucket, key;
	uint8_t *size_to, *handle_to;
	uint64_t size;
	if (!object_at(&g, bucket_at, bucket_size, key_at, key_size, &bucket, &key) ||
	    !guest_range(&g, size_at, 8, &size_to) || !guest_range(&g, handle_at, 4, &handle_to))
		return WASI_EFAULT;
	int64_t handle = caps_blob_get(g.caps, bucket, key, &size);
	if (handle < 0)
		return wasi_errno(handle);
	store_u64(size_to, size);
	store_u32(handle_to, (uint32_t)handle);
	return WASI_ESUCCESS;
}

uint32_t tiphys_blob_put(struct host_call *call, uint32_t bucket_at, uint32_t bucket_size,
                         uint32_t key_at, uint32_t key_size, uint32_t handle_at)
{
	struct guest g = guest_enter(call);
	struct caps_text bucket, key;
	uint8_t *handle_to;
	if (!object_at(&g, bucket_at, bucket_size, key_at, key_size, &bucket, &key) ||
	    !guest_range(&g, handle_at, 4, &handle_to))
		return WASI_EFAULT;
	int64_t handle = caps_blob_put(g.caps, bucket, key);
	if (handle < 0)
		return wasi_errno(handle);
	store_u32(handle_to, (uint32_t)handle);
	return WASI_ESUCCESS;
}

uint32_t tiphys_blob_finish(struct host_call *call, uint32_t handle)
{
	struct guest g = guest_enter(call);
	return wasi_errno(caps_blob_finish(g.caps, handle));
}

uint32_t tiphys_blob_delete(struct host_call *call, uint32_t bucket_at, uint32_t bucket_size,
                            uint32_t key_at, uint32_t key_size)
{
	struct guest g = guest_enter(call);
	struct caps_text bucket, key;
	if (!object_at(&g, bucket_at, bucket_size, key_at, key_size, &bucket, &key))
		return WASI_EFAULT;
	return wasi_errno(caps_blob_delete(g.caps, bucket, key));
}

uint32_t tiphys_blob_list(struct host_call *call, uint32_t bucket_at, uint32_t bucket_size,
                          uint32_t prefix_at, uint32_t prefix_size, uint32_t after_at,
                          uint32_t after_size, uint32_t at, uint32_t room, uint32_t size_at)
{
	struct guest g = guest_enter(call);
	struct caps_text bucket, prefix, after, keys;
	if (!object_at(&g, bucket_at, bucket_size, prefix_at, prefix_size, &bucket, &prefix) ||
	    guest_text(&g, after_at, after_size, &after) < 0)
		return WASI_EFAULT;
	int rc = caps_blob_list(g.caps, bucket, prefix, after, &keys);
	return rc < 0 ? wasi_errno(rc) : put_keys(&g, keys, at, room, size_at);
}

uint32_t tiphys_socket(struct host_call *call, uint32_t name_at, uint32_t name_size, uint32_t fd_at)
{
	struct guest g = guest_enter(call);
	struct caps_text name;
	int rc = guest_text(&g, name_at, name_size, &name);
	if (rc == 0)
		rc = caps_socket_find(g.caps, name);
	return rc < 0 ? wasi_errno(rc) : guest_put_u32(&g, fd_at, (uint32_t)rc);
}

uint32_t tiphys_failure(struct host_call *call, uint32_t at, uint32_t room, uint32_t size_at)
{
	struct guest g = guest_enter(call);
	const char *text = caps_broker_failure(g.caps);
	const struct caps_text failure = {text, text ? strlen(text) : 0};
	return wasi_errno(guest_put_text(&g, failure, at, room, size_at));
}
