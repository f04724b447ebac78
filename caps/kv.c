/* Small values that the steps of a workflow keep for each other, by way of the broker. */
#include "caps/set.h"

#include "caps/broker_call.h"

#include <errno.h>

static const struct caps_text nothing;

/* Asks with two parts; the bytes that came are shown by broker_bytes(). */
static int64_t ask_kv(struct caps *caps, enum broker_ask_kind kind, struct caps_text first,
                      struct caps_text second)
{
	int rc = require(caps, CAP_KV);
	if (rc < 0)
		return rc;
	if (first.size > BROKER_KEY_MAX)
		return -EINVAL;
	if (second.size > (kind == ASK_KV_LIST ? BROKER_KEY_MAX : BROKER_CHUNK_MAX))
		return kind == ASK_KV_LIST ? -EINVAL : -EFBIG;
	const struct broker_ask ask = {.kind = kind,
	                               .sizes = {(uint32_t)first.size, (uint32_t)second.size}};
	const void *const parts[BROKER_PARTS] = {first.text, second.text};
	struct broker_reply reply;
	return broker_call(caps, CAP_KV, &ask, parts, &reply);
}

static void show(const struct caps *caps, int64_t size, struct caps_text *text)
{
	*text = (struct caps_text){(const char *)broker_bytes(caps), (size_t)size};
}

int caps_kv_get(struct caps *caps, struct caps_text key, struct caps_text *value)
{
	int64_t size = ask_kv(caps, ASK_KV_GET, key, nothing);
	if (size < 0)
		return (int)size;
	show(caps, size, value);
	return 0;
}

int caps_kv_put(struct caps *caps, struct caps_text key, struct caps_text value)
{
	return (int)ask_kv(caps, ASK_KV_PUT, key, value);
}

int caps_kv_delete(struct caps *caps, struct caps_text key)
{
	return (int)ask_kv(caps, ASK_KV_DELETE, key, nothing);
}

int caps_kv_list(struct caps *caps, struct caps_text prefix, struct caps_text after,
                 struct caps_text *keys)
{
	int64_t size = ask_kv(caps, ASK_KV_LIST, prefix, after);
	if (size < 0)
		return (int)size;
	show(caps, size, keys);
	return 0;
}
