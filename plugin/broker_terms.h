#ifndef PLUGIN_BROKER_TERMS_H
#define PLUGIN_BROKER_TERMS_H

#include "plugin/broker.h"
#include "plugin/policy.h"

/* Fills *terms, which starts as {0} and is to be cleared in every case. ERROR_USAGE for what a
 * broker cannot list. */
bool broker_terms_take(struct broker_terms *terms, const struct policy *policy, struct error *err);

#endif
