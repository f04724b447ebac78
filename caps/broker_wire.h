/* What a run and its broker say to each other, over a SOCK_SEQPACKET pair, so that the kernel keeps
 * the packets apart. Both are on one machine and of one build: numbers are the processor's own.
 *
 *     run                                   broker
 *      | -- broker_ask, its parts ------------> |
 *      | <-- broker_reply, bytes -------------- |    one for each ask, before the next
 *
 * The run is the one that may be hostile: what it sends is a row of caps/broker.def with sizes that
 * add up to the packet's, or the broker hangs up. The end of the stream ends the broker. */
#ifndef CAPS_BROKER_WIRE_H
#define CAPS_BROKER_WIRE_H

#include <stdint.h>

#define BROKER_METHOD_MAX 32u
#define BROKER_URL_MAX 8192u
#define BROKER_HEADERS_MAX 16384u /* of a request */
#define BROKER_ANSWER_HEADERS_MAX 65536u
#define BROKER_CHUNK_MAX 65536u
#define BROKER_KEY_MAX 256u
#define BROKER_SOCKETS_MAX 64u
#define BROKER_BUCKET_MAX 63u
#define BROKER_OBJECT_MAX 1024u /* of a key */
#define BROKER_TEXT_MAX 1024u   /* what a reply says of its failure */
#define BROKER_PARTS 3

enum broker_ask_kind {
#define BROKER_ASK(id, ...) id,
#include "caps/broker.def"
#undef BROKER_ASK
	BROKER_ASK_COUNT,
};

#define BROKER_FOLLOW 1u           /* ASK_HTTP: redirects are followed */
#define BROKER_STREAMED UINT64_MAX /* ASK_HTTP: the body's size is not known yet */

struct broker_ask {
	uint32_t kind;
	uint32_t handle; /* 0: none */
	uint64_t number;
	uint32_t flags;
	uint32_t sizes[BROKER_PARTS]; /* of the parts, which follow one behind the other */
};

#define BROKER_ASK_MAX (sizeof(struct broker_ask) + BROKER_KEY_MAX + BROKER_CHUNK_MAX)

/* Result 0: ASK_HELLO: number holds the bits 1 << enum capability that are granted, handle the
 * number of connections. ASK_HTTP, ASK_BLOB_PUT: handle. ASK_BLOB_GET: handle, and the size in
 * number. ASK_ANSWER: number is the status, the bytes are the header lines. ASK_RECEIVE,
 * ASK_KV_GET: the bytes. ASK_KV_LIST, ASK_BLOB_LIST: keys, each ended by a NUL. ASK_SOCKET: the
 * connection's name. Else the bytes are a sentence for people. */
struct broker_reply {
	int32_t result; /* 0 or a negative errno */
	uint32_t handle;
	uint64_t number;
};

#endif
