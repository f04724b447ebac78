#ifndef PLUGIN_BROKER_TERMS_H
#define PLUGIN_BROKER_TERMS_H

#include "plugin/broker.h"
#include "plugin/policy.h"

/* Fills *terms, which starts as {0} and is to be cleared in every case. Small values are kept in
 * `store`, which is borrowed, in the space of this name; in which store the objects of terms->blob
 * are, the caller adds. ERROR_USAGE for what a broker cannot list. */
bool broker_terms_take(struct broker_terms *terms, const struct policy *policy,
                       struct kv_store *store, const char *space, struct error *err);

#endif
