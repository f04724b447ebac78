#include "plugin/broker_kv.h"

#include <errno.h>
#include <stdlib.h>

_Static_assert(KV_KEY_MAX == BROKER_KEY_MAX && KV_VALUE_MAX == BROKER_CHUNK_MAX,
               "what a run may ask for is what the store takes");

void kv_terms_clear(struct kv_terms *terms)
{
	free(terms->space);
	*terms = (struct kv_terms){0};
}

static struct kv_bytes part(const struct ask *ask, int index)
{
	return (struct kv_bytes){ask->parts[index].bytes, ask->parts[index].size};
}

int broker_kv(const struct kv_terms *terms, const struct ask *ask, void *bytes, size_t *size,
              struct error *err)
{
	bool writes = ask->kind == ASK_KV_PUT || ask->kind == ASK_KV_DELETE;
	*size = 0;
	if (writes && terms->access != BROKER_READ_WRITE) {
		error_set(err, ERROR_DENIED, "change what its workflow keeps, which it may only read");
		return -EACCES;
	}
	switch (ask->kind) {
	case ASK_KV_GET:
		return kv_store_get(terms->store, terms->space, part(ask, 0), bytes, size, err);
	case ASK_KV_PUT:
		return kv_store_put(terms->store, terms->space, part(ask, 0), part(ask, 1), err);
	case ASK_KV_DELETE:
		return kv_store_delete(terms->store, terms->space, part(ask, 0), err);
	default: /* ASK_KV_LIST */
		*size = kv_store_list(terms->store, terms->space, part(ask, 0), part(ask, 1), bytes,
		                      BROKER_CHUNK_MAX);
		return 0;
	}
}
