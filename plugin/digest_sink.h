/* A sink of a transfer that takes the SHA-256 of what it hands on. */
#ifndef PLUGIN_DIGEST_SINK_H
#define PLUGIN_DIGEST_SINK_H

#include "plugin/digest.h"
#include "plugin/transfer.h"
#include "validator/error.h"

#include <stdint.h>

struct digest_sink {
	const struct transfer_sink *next; /* borrowed */
	struct digest_stream stream;
	uint64_t size; /* bytes so far */
};

/* What the transfer is given; to be cleared afterwards. */
struct transfer_sink digest_sink_init(struct digest_sink *sink, const struct transfer_sink *next);
void digest_sink_clear(struct digest_sink *sink);
#define cleanup_digest_sink __attribute__((cleanup(digest_sink_clear)))

/* Of all that came. */
bool digest_sink_finish(struct digest_sink *sink, struct digest *digest, struct error *err);

#endif
