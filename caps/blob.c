/* Objects of a store, by way of the broker, which alone has the keys. */
#include "caps/set.h"

#include "caps/broker_call.h"

#include <errno.h>

static const struct caps_text nothing;

static int64_t ask_blob(struct caps *caps, enum broker_ask_kind kind, const struct caps_text *parts,
                        struct broker_reply *reply)
{
	static const size_t max[BROKER_PARTS] = {BROKER_BUCKET_MAX, BROKER_OBJECT_MAX,
	                                         BROKER_OBJECT_MAX};
	struct broker_ask ask = {.kind = kind};
	const void *bytes[BROKER_PARTS];
	int rc = require(caps, CAP_BLOB);
	if (rc < 0)
		return rc;
	for (int i = 0; i < BROKER_PARTS; i++) {
		if (parts[i].size > max[i])
			return -EINVAL;
		ask.sizes[i] = (uint32_t)parts[i].size;
		bytes[i] = parts[i].text;
	}
	return broker_call(caps, CAP_BLOB, &ask, bytes, reply);
}

int64_t caps_blob_get(struct caps *caps, struct caps_text bucket, struct caps_text key,
                      uint64_t *size)
{
	struct broker_reply reply;
	int64_t rc = ask_blob(caps, ASK_BLOB_GET, (struct caps_text[]){bucket, key, nothing}, &reply);
	if (rc < 0)
		return rc;
	*size = reply.number;
	return reply.handle;
}

int64_t caps_blob_put(struct caps *caps, struct caps_text bucket, struct caps_text key)
{
	struct broker_reply reply;
	int64_t rc = ask_blob(caps, ASK_BLOB_PUT, (struct caps_text[]){bucket, key, nothing}, &reply);
	return rc < 0 ? rc : reply.handle;
}

int caps_blob_finish(struct caps *caps, uint32_t handle)
{
	static const void *const no_parts[BROKER_PARTS];
	const struct broker_ask ask = {.kind = ASK_ANSWER, .handle = handle};
	struct broker_reply reply;
	int64_t rc = broker_call(caps, CAP_BLOB, &ask, no_parts, &reply);
	return rc < 0 ? (int)rc : 0;
}

int caps_blob_delete(struct caps *caps, struct caps_text bucket, struct caps_text key)
{
	struct broker_reply reply;
	return (int)ask_blob(caps, ASK_BLOB_DELETE, (struct caps_text[]){bucket, key, nothing}, &reply);
}

int caps_blob_list(struct caps *caps, struct caps_text bucket, struct caps_text prefix,
                   struct caps_text after, struct caps_text *keys)
{
	struct broker_reply reply;
	int64_t size =
	    ask_blob(caps, ASK_BLOB_LIST, (struct caps_text[]){bucket, prefix, after}, &reply);
	if (size < 0)
		return (int)size;
	*keys = (struct caps_text){(const char *)broker_bytes(caps), (size_t)size};
	return 0;
}
