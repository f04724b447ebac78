/* Places outside of a run that a policy lists, taken apart once: what is compared later is scheme,
 * host and port, never text. */
#include "plugin/policy_reading.h"

#include "plugin/reference.h"

#include <string.h>

/* Makes what another parser said an error of the document. */
static bool wrong_place(struct policy_reading *reading, const struct policy_value *value,
                        const char *text, const struct error *why)
{
	return policy_wrong(reading, value->path, "\"%.80s\": %s", text, why->message);
}

bool policy_read_origin(struct policy_reading *reading, const struct policy_value *value,
                        void *item)
{
	struct policy_origin *origin = item;
	struct error why = ERROR_INIT;
	const char *rest;
	origin->mark = policy_mark_of(reading, value->path);
	if ((origin->text = policy_text_of(reading, value)) == NULL)
		return false;
	if (!origin_parse(origin->text, strlen(origin->text), &origin->origin, &rest, &why))
		return wrong_place(reading, value, origin->text, &why);
	return *rest == '\0' || strcmp(rest, "/") == 0 ||
	       policy_wrong(reading, value->path,
	                    "\"%.80s\" is more than a scheme, a host and a port; a policy compares no "
	                    "paths",
	                    origin->text);
}

bool policy_read_endpoint(struct policy_reading *reading, const struct policy_value *value,
                          void *item)
{
	struct policy_endpoint *endpoint = item;
	struct error why = ERROR_INIT;
	endpoint->mark = policy_mark_of(reading, value->path);
	if ((endpoint->text = policy_text_of(reading, value)) == NULL)
		return false;
	return endpoint_parse(endpoint->text, strlen(endpoint->text), 0, &endpoint->endpoint, &why) ||
	       wrong_place(reading, value, endpoint->text, &why);
}

bool policy_read_registry(struct policy_reading *reading, const struct policy_value *value,
                          void *item)
{
	struct policy_text *text = item;
	text->mark = policy_mark_of(reading, value->path);
	if ((text->text = policy_text_of(reading, value)) == NULL)
		return false;
	const char *fault = reference_prefix_fault(text->text);
	return fault == NULL ||
	       policy_wrong(reading, value->path,
	                    "no module comes from \"%.80s\": %s (expected host[:port][/repository], as "
	                    "ghcr.io/team)",
	                    text->text, fault);
}

bool policy_read_bucket(struct policy_reading *reading, const struct policy_value *value,
                        void *item)
{
	struct policy_bucket *bucket = item;
	static const char *const keys[] = {"bucket", "prefix", "access"};
	char path[POLICY_PATH_SIZE];
	if (!POLICY_OBJECT_OF(reading, value, keys, "an object with bucket, prefix and access"))
		return false;
	bucket->mark = policy_mark_of(reading, value->path);
	bucket->access = POLICY_READ;
	bucket->prefix = "";
	const struct policy_value name = policy_member_of(value, "bucket", path);
	if (name.json == NULL)
		return policy_wrong(reading, value->path, "has no bucket");
	if ((bucket->bucket = policy_text_of(reading, &name)) == NULL)
		return false;
	const struct policy_value prefix = policy_member_of(value, "prefix", path);
	if (prefix.json != NULL && (bucket->prefix = policy_scalar_of(reading, &prefix)) == NULL)
		return false;
	const struct policy_value access = policy_member_of(value, "access", path);
	return access.json == NULL || policy_read_access(reading, &access, &bucket->access);
}
