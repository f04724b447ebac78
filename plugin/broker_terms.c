/* From a policy's document to what a broker lets through. */
#include "plugin/broker_terms.h"

#include <limits.h>

static bool take_http(const struct policy *policy, struct http_terms *terms, struct error *err)
{
	terms->concurrent = policy->http.max_concurrent < HTTP_CONCURRENT_MAX
	                        ? (unsigned)policy->http.max_concurrent
	                        : HTTP_CONCURRENT_MAX;
	terms->body_max = policy->http.max_body;
	terms->timeout_ms =
	    policy->http.timeout_ms < INT_MAX ? (unsigned)policy->http.timeout_ms : INT_MAX;
	for (size_t i = 0; i < policy->http.hosts.count; i++) {
		if (!origins_add(&terms->hosts, policy->http.hosts.items[i].text, err))
			return false;
	}
	for (size_t i = 0; i < policy->http.methods.count; i++) {
		if (!http_terms_add_method(terms, policy->http.methods.items[i].text, err))
			return false;
	}
	return true;
}

bool broker_terms_take(struct broker_terms *terms, const struct policy *policy, struct error *err)
{
	terms->has_http = policy->http.hosts.count > 0;
	return take_http(policy, &terms->http, err);
}
