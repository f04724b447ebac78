/* What runs ask of the store of small values. */
#ifndef PLUGIN_BROKER_KV_H
#define PLUGIN_BROKER_KV_H

#include "plugin/broker_ask.h"
#include "plugin/kv_store.h"

enum broker_access { BROKER_NO_ACCESS, BROKER_READ, BROKER_READ_WRITE };

struct kv_terms {
	enum broker_access access;
	struct kv_store *store; /* borrowed */
	char *space;            /* the workflow's; owned */
};

void kv_terms_clear(struct kv_terms *terms);

/* Answers an ASK_KV_… at once: *size bytes at `bytes` of BROKER_CHUNK_MAX. 0, or a negative errno
 * with *err set. */
int broker_kv(const struct kv_terms *terms, const struct ask *ask, void *bytes, size_t *size,
              struct error *err);

#endif
