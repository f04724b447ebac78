#include "plugin/policy.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

/* The type that a member must have to be read as its kind. */
typedef struct policy_texts type_TEXTS;
typedef struct policy_texts type_VARIABLES;
typedef struct policy_texts type_METHODS;
typedef struct policy_texts type_REGISTRIES;
typedef struct policy_streams type_STREAMS;
typedef struct policy_directories type_DIRECTORIES;
typedef struct policy_clock type_CLOCK;
typedef struct policy_random type_RANDOM;
typedef struct policy_origins type_ORIGINS;
typedef uint64_t type_COUNT;
typedef uint64_t type_DESCRIPTORS;
typedef uint64_t type_ZERO;
typedef uint64_t type_BYTES;
typedef uint64_t type_DURATION;
typedef struct policy_buckets type_BUCKETS;
typedef enum policy_access type_ACCESS;
typedef struct policy_endpoints type_ENDPOINTS;

#define MEMBER(kind, member)                                                                       \
	(offsetof(struct policy, member) +                                                             \
	 0 * sizeof(char[_Generic(((struct policy *)0)->member, type_##kind: 1)]))

#define GRANT true, false
#define BOUND false, true
#define BOTH true, true

#define CAPABILITY_ROW(id) id, -1, -1
#define QUALIFIES(field, id) id, -1, field
#define LIMIT_ROW(id) -1, id, -1
#define OF_MODULES -1, -1, -1

static const struct policy_row rows[] = {
#define POLICY_FIELD(id, path, kind, member, role, row)                                            \
	[id] = {path, POLICY_KIND_##kind, MEMBER(kind, member), role, row},
#include "plugin/policy.def"
#undef POLICY_FIELD
};

const struct policy_row *policy_row(enum policy_field field)
{
	return &rows[field];
}

void policy_clear(struct policy *policy)
{
	for (size_t i = 0; i < policy->owned_count; i++)
		free(policy->owned[i]);
	free(policy->owned);
	*policy = (struct policy){0};
}

const char *policy_where(const struct policy *policy, const char *path, struct policy_mark mark,
                         char *buf, size_t size)
{
	if (mark.line != 0)
		snprintf(buf, size, "%s:%u:%u%s%s", policy->source, mark.line, mark.column,
		         *path != '\0' ? ": " : "", path);
	else
		snprintf(buf, size, "%s%s%s", policy->source, *path != '\0' ? "." : "", path);
	return buf;
}

const char *policy_amount(const struct policy_row *row, uint64_t value,
                          char buf[POLICY_AMOUNT_SIZE])
{
	if (row->kind == POLICY_KIND_DURATION)
		snprintf(buf, POLICY_AMOUNT_SIZE, "%.12g s", (double)value / 1000);
	else
		snprintf(buf, POLICY_AMOUNT_SIZE, "%" PRIu64 "%s", value,
		         row->kind == POLICY_KIND_BYTES ? " bytes" : "");
	return buf;
}

static enum policy_access greater(enum policy_access a, enum policy_access b)
{
	return a > b ? a : b;
}

/* The most that is granted of files, blob or kv. */
static enum policy_access access_of(const struct policy *policy, enum capability id)
{
	enum policy_access most = id == CAP_KV ? policy->kv : POLICY_NO_ACCESS;
	for (size_t i = 0; id == CAP_FILES && i < policy->files.count; i++)
		most = greater(most, policy->files.items[i].access);
	for (size_t i = 0; id == CAP_BLOB && i < policy->blob.count; i++)
		most = greater(most, policy->blob.items[i].access);
	return most;
}

bool policy_grants_reading_alone(const struct policy *policy, enum capability id)
{
	return access_of(policy, id) == POLICY_READ;
}

bool policy_grants(const struct policy *policy, enum capability id)
{
	bool says_streams = policy->is_given[POLICY_STDIO];
	switch (id) {
	case CAP_ARGS:
		return true;
	case CAP_ENV:
		return policy->env.count > 0;
	case CAP_STDIN:
		return policy->stdio.in;
	case CAP_STDOUT:
		return !says_streams || policy->stdio.out;
	case CAP_STDERR:
		return !says_streams || policy->stdio.err;
	case CAP_FILES:
	case CAP_BLOB:
	case CAP_KV:
		return access_of(policy, id) != POLICY_NO_ACCESS;
	case CAP_CLOCK:
		return policy->clock.granted;
	case CAP_RANDOM:
		return policy->random.granted;
	case CAP_HTTP:
		return policy->http.hosts.count > 0;
	case CAP_SOCKETS:
		return policy->sockets.count > 0;
	case CAPABILITY_COUNT:
		break;
	}
	return false;
}
