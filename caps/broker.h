/* What a run reaches through its broker: a process or thread outside of the sandbox that looks at
 * each request again and does the work (caps/broker_wire.h). A set has at most one. Handles are the
 * broker's; every call waits for its reply.
 *
 * Answers beside those of caps.h: -EACCES what the grant does not cover, -EPERM a method that it
 * does not, -EPIPE the broker is gone. caps_broker_failure() has the sentence that belongs to it.
 */
#ifndef CAPS_BROKER_H
#define CAPS_BROKER_H

#include "caps/broker_wire.h"
#include "caps/caps.h"

/* Takes over fd, a connected SOCK_SEQPACKET socket, in every case. Grants what the broker says that
 * it grants; connections take descriptors, so grant directories first. */
int caps_grant_broker(struct caps *caps, int fd);

/* What the broker said of the last request that failed, or NULL. Borrowed until the next call. */
const char *caps_broker_failure(const struct caps *caps);

/* ---- HTTP ---- */

struct caps_text {
	const char *text;
	size_t size;
};

struct caps_http_request {
	struct caps_text method;
	struct caps_text url;
	struct caps_text headers; /* "Name: value\n" lines */
	uint64_t body_size;       /* what caps_send() will bring, or BROKER_STREAMED */
	bool follow;              /* redirects, at most as many as the broker's limit */
};

/* The handle of a request that has begun. -EINVAL: no URL of http or https, or headers that are
 * none; -EMFILE: as many are open as the grant lets. */
int64_t caps_http_open(struct caps *caps, const struct caps_http_request *request);

/* Ends the request's body and waits for the status. -ETIMEDOUT, -EHOSTUNREACH, -ECONNREFUSED,
 * -ECONNRESET, -EPROTO, -EFBIG, -EIO: there is none. May be asked again. */
int caps_http_answer(struct caps *caps, uint32_t handle, uint32_t *status);

/* "name:value\n" lines of the answer, names in lower case: borrowed until caps_close(). -EBADF:
 * caps_http_answer() was not asked or failed. */
int caps_http_headers(struct caps *caps, uint32_t handle, struct caps_text *headers);

/* ---- small values ---- */

/* *value is borrowed until the next call for the broker. -ENOENT, -EINVAL for a key of no bytes,
 * more than BROKER_KEY_MAX, or with a NUL. */
int caps_kv_get(struct caps *caps, struct caps_text key, struct caps_text *value);
/* -EFBIG: more than BROKER_CHUNK_MAX bytes; -ENOSPC: what a workflow may keep is full. */
int caps_kv_put(struct caps *caps, struct caps_text key, struct caps_text value);
int caps_kv_delete(struct caps *caps, struct caps_text key);
/* The keys that begin with `prefix` and stand behind `after`, in the order of their bytes, each
 * ended by a NUL; none when there are no more. Borrowed as above. */
int caps_kv_list(struct caps *caps, struct caps_text prefix, struct caps_text after,
                 struct caps_text *keys);

/* ---- objects of a store ---- */

/* The handle of an object for caps_receive(), which is there as a whole, and its size. -ENOENT;
 * -EINVAL: no key; -EFBIG: larger than may be; -EMFILE: too many are open; -EIO: the store's own
 * failure. */
int64_t caps_blob_get(struct caps *caps, struct caps_text bucket, struct caps_text key,
                      uint64_t *size);
/* The handle of an object for caps_send(), which caps_blob_finish() stores. */
int64_t caps_blob_put(struct caps *caps, struct caps_text bucket, struct caps_text key);
int caps_blob_finish(struct caps *caps, uint32_t handle);
/* 0 also when there is none. */
int caps_blob_delete(struct caps *caps, struct caps_text bucket, struct caps_text key);
/* As caps_kv_list(). */
int caps_blob_list(struct caps *caps, struct caps_text bucket, struct caps_text prefix,
                   struct caps_text after, struct caps_text *keys);

/* ---- connections, which stand when the set is granted its broker ---- */

/* While they are hidden, the descriptors of granted connections answer -EBADF to everything:
 * whoever never asked for one reaches no network by guessing its number. */
void caps_sockets_show(struct caps *caps, bool is_shown);

/* The descriptor of the connection that was listed as `name`, "host:port". -EACCES when it was not.
 */
int caps_socket_find(struct caps *caps, struct caps_text name);

/* As of recv() and shutdown(); -ENOTSOCK for what is no granted connection. */
ssize_t caps_socket_receive(struct caps *caps, uint32_t fd, const struct iovec *iov, int count,
                            bool peek, bool wait_all);
ssize_t caps_socket_send(struct caps *caps, uint32_t fd, const struct iovec *iov, int count);
int caps_socket_shutdown(struct caps *caps, uint32_t fd, bool receiving, bool sending);

/* ---- of every handle ---- */

/* Sends all of it, in order. */
int caps_send(struct caps *caps, uint32_t handle, const void *bytes, size_t size);

/* At least one byte, at most min(size, BROKER_CHUNK_MAX); 0 at the end. */
ssize_t caps_receive(struct caps *caps, uint32_t handle, void *bytes, size_t size);

int caps_close(struct caps *caps, uint32_t handle);

#endif
