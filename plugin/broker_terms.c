/* From a policy's document to what a broker lets through. */
#include "plugin/broker_terms.h"

#include <limits.h>
#include <string.h>

static bool take_http(const struct policy *policy, struct http_terms *terms, struct error *err)
{
	terms->concurrent = policy->http.max_concurrent < HTTP_CONCURRENT_MAX
	                        ? (unsigned)policy->http.max_concurrent
	                        : HTTP_CONCURRENT_MAX;
	terms->body_max = policy->http.max_body;
	terms->timeout_ms =
	    policy->http.timeout_ms < INT_MAX ? (unsigned)policy->http.timeout_ms : INT_MAX;
	for (size_t i = 0; i < policy->http.hosts.count; i++) {
		if (!origins_add(&terms->hosts, policy->http.hosts.items[i].text, err)) {
			error_wrap(err, "http.allowed_hosts");
			return false;
		}
	}
	for (size_t i = 0; i < policy->http.methods.count; i++) {
		if (!http_terms_add_method(terms, policy->http.methods.items[i].text, err)) {
			error_wrap(err, "http.methods");
			return false;
		}
	}
	return true;
}

bool broker_terms_take(struct broker_terms *terms, const struct policy *policy,
                       struct kv_store *store, const char *space, struct error *err)
{
	terms->has_http = policy->http.hosts.count > 0;
	if (policy->kv != POLICY_NO_ACCESS && store != NULL) {
		terms->kv.access = policy->kv == POLICY_READ ? BROKER_READ : BROKER_READ_WRITE;
		terms->kv.store = store;
		if ((terms->kv.space = strdup(space)) == NULL)
			return error_set(err, ERROR_NO_MEMORY, "no memory for the grants");
	}
	for (size_t i = 0; i < policy->sockets.count; i++) {
		if (!socket_terms_add(&terms->sockets, policy->sockets.items[i].text, err)) {
			error_wrap(err, "sockets");
			return false;
		}
	}
	for (size_t i = 0; i < policy->blob.count; i++) {
		const struct policy_bucket *bucket = &policy->blob.items[i];
		if (bucket->access != POLICY_NO_ACCESS &&
		    !blob_terms_add(&terms->blob, bucket->bucket, bucket->prefix,
		                    bucket->access == POLICY_READ_WRITE, err)) {
			error_wrap(err, "blob");
			return false;
		}
	}
	return take_http(policy, &terms->http, err);
}
