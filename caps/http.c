/* HTTP by way of the broker, and what all of its handles have. */
#include "caps/set.h"

#include "caps/broker_call.h"

#include <errno.h>
#include <string.h>

static bool fits(struct caps_text text, size_t max)
{
	return text.size <= max;
}

int64_t caps_http_open(struct caps *caps, const struct caps_http_request *request)
{
	int rc = require(caps, CAP_HTTP);
	if (rc < 0)
		return rc;
	if (!fits(request->method, BROKER_METHOD_MAX))
		return -EPERM;
	if (!fits(request->url, BROKER_URL_MAX) || !fits(request->headers, BROKER_HEADERS_MAX))
		return -EINVAL;
	const struct broker_ask ask = {
	    .kind = ASK_HTTP,
	    .number = request->body_size,
	    .flags = request->follow ? BROKER_FOLLOW : 0,
	    .sizes = {(uint32_t)request->method.size, (uint32_t)request->url.size,
	              (uint32_t)request->headers.size},
	};
	const void *const parts[] = {request->method.text, request->url.text, request->headers.text};
	struct broker_reply reply;
	int64_t done = broker_call(caps, CAP_HTTP, &ask, parts, &reply);
	return done < 0 ? done : reply.handle;
}

static const void *const no_parts[BROKER_PARTS];

int caps_http_answer(struct caps *caps, uint32_t handle, uint32_t *status)
{
	struct caps_text headers;
	if (broker_answer(caps, handle, status, &headers))
		return 0;
	const struct broker_ask ask = {.kind = ASK_ANSWER, .handle = handle};
	struct broker_reply reply;
	int64_t size = broker_call(caps, CAP_HTTP, &ask, no_parts, &reply);
	if (size < 0)
		return (int)size;
	*status = (uint32_t)reply.number;
	return broker_keep_answer(caps, handle, *status, (size_t)size);
}

int caps_http_headers(struct caps *caps, uint32_t handle, struct caps_text *headers)
{
	uint32_t status;
	return broker_answer(caps, handle, &status, headers) ? 0 : -EBADF;
}

int caps_send(struct caps *caps, uint32_t handle, const void *bytes, size_t size)
{
	const char *at = bytes;
	do {
		uint32_t chunk = size < BROKER_CHUNK_MAX ? (uint32_t)size : BROKER_CHUNK_MAX;
		const struct broker_ask ask = {.kind = ASK_SEND, .handle = handle, .sizes = {chunk}};
		const void *const parts[BROKER_PARTS] = {at};
		struct broker_reply reply;
		int64_t rc = broker_call(caps, CAP_HTTP, &ask, parts, &reply);
		if (rc < 0)
			return (int)rc;
		at += chunk;
		size -= chunk;
	} while (size > 0);
	return 0;
}

ssize_t caps_receive(struct caps *caps, uint32_t handle, void *bytes, size_t size)
{
	const struct broker_ask ask = {
	    .kind = ASK_RECEIVE,
	    .handle = handle,
	    .number = size < BROKER_CHUNK_MAX ? size : BROKER_CHUNK_MAX,
	};
	struct broker_reply reply;
	int64_t got = broker_call(caps, CAP_HTTP, &ask, no_parts, &reply);
	if (got <= 0)
		return (ssize_t)got;
	if ((uint64_t)got > ask.number)
		return -EIO;
	memcpy(bytes, broker_bytes(caps), (size_t)got);
	return (ssize_t)got;
}

int caps_close(struct caps *caps, uint32_t handle)
{
	const struct broker_ask ask = {.kind = ASK_CLOSE, .handle = handle};
	struct broker_reply reply;
	broker_forget_answer(caps, handle);
	return (int)broker_call(caps, CAP_HTTP, &ask, no_parts, &reply);
}
