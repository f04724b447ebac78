/* A policy: what a run is granted, as a document says it. The same struct holds an administrator's
 * ceiling, whose fields are the most that a policy may grant.
 *
 * Documents are YAML or JSON in a file (policy_load), or JSON that somebody has decoded already
 * (policy_read); policy.def lists the fields. Every error says where: file, line and column, or the
 * path in the request. */
#ifndef PLUGIN_POLICY_H
#define PLUGIN_POLICY_H

#include "caps/caps.h"
#include "plugin/origin.h"
#include "validator/error.h"

#include <jansson.h>

enum policy_field {
#define POLICY_FIELD(id, ...) id,
#include "plugin/policy.def"
#undef POLICY_FIELD
	POLICY_FIELD_COUNT,
};

enum policy_role { POLICY_GRANTS, POLICY_CEILING };

/* Where something stands in its document; line 0: the document has no lines. */
struct policy_mark {
	unsigned line, column;
};

struct policy_text {
	const char *text;
	struct policy_mark mark;
};

struct policy_texts {
	struct policy_text *items;
	size_t count;
};

enum policy_access { POLICY_NO_ACCESS, POLICY_READ, POLICY_READ_WRITE };

struct policy_streams {
	bool in, out, err;
};

struct policy_directory {
	const char *host;
	const char *guest; /* in a ceiling NULL: it bounds host directories */
	enum policy_access access;
	uint64_t quota; /* bytes that may be added below it; 0: none */
	struct policy_mark mark;
};

struct policy_directories {
	struct policy_directory *items;
	size_t count;
};

struct policy_clock {
	bool granted;
	enum caps_clock_mode mode;
	int64_t fixed_ns; /* since 1970 */
};

struct policy_random {
	bool granted;
	bool is_seeded;
	uint64_t seed;
};

struct policy_origin {
	const char *text; /* as written: "scheme://host[:port]" */
	struct origin origin;
	struct policy_mark mark;
};

struct policy_origins {
	struct policy_origin *items;
	size_t count;
};

struct policy_bucket {
	const char *bucket;
	const char *prefix; /* "" for the whole bucket */
	enum policy_access access;
	struct policy_mark mark;
};

struct policy_buckets {
	struct policy_bucket *items;
	size_t count;
};

struct policy_endpoint {
	const char *text; /* as written: "HOST:PORT" or "[V6]:PORT" */
	struct endpoint endpoint;
	struct policy_mark mark;
};

struct policy_endpoints {
	struct policy_endpoint *items;
	size_t count;
};

/* Starts as {0}. A field counts when is_given says so; otherwise it is zero, or what a ceiling
 * filled in. */
struct policy {
	const char *source; /* a file's name, or the path in a request; owned */
	bool is_given[POLICY_FIELD_COUNT];
	struct policy_mark marks[POLICY_FIELD_COUNT];

	struct policy_texts args;
	struct policy_texts env; /* "NAME=VALUE" */
	struct policy_streams stdio;
	struct policy_directories files;
	struct policy_clock clock;
	struct policy_random random;
	struct {
		struct policy_origins hosts;
		struct policy_texts methods; /* none: every method */
		uint64_t max_concurrent;     /* here and below, 0: the provider's default */
		uint64_t max_body;
		uint64_t timeout_ms;
	} http;
	struct policy_buckets blob;
	enum policy_access kv;
	struct policy_endpoints sockets;
	struct {
		uint64_t memory, fuel, time_ms, output, open_files; /* 0: none given */
		uint64_t processes;                                 /* always 0 */
	} limits;

	struct policy_texts registries; /* of ceilings: "host" or "host/path" */
	struct policy_texts signatures; /* files of public keys */

	void **owned; /* what the fields point to */
	size_t owned_count;
};

void policy_clear(struct policy *policy);
#define cleanup_policy __attribute__((cleanup(policy_clear)))

/* A row of policy.def. */
struct policy_row {
	const char *path;
	enum policy_kind {
		POLICY_KIND_TEXTS,
		POLICY_KIND_VARIABLES,
		POLICY_KIND_STREAMS,
		POLICY_KIND_DIRECTORIES,
		POLICY_KIND_CLOCK,
		POLICY_KIND_RANDOM,
		POLICY_KIND_ORIGINS,
		POLICY_KIND_METHODS,
		POLICY_KIND_COUNT,       /* a whole number above 0 */
		POLICY_KIND_DESCRIPTORS, /* a count that open files may be limited to */
		POLICY_KIND_ZERO,
		POLICY_KIND_BYTES,
		POLICY_KIND_DURATION,
		POLICY_KIND_BUCKETS,
		POLICY_KIND_ACCESS,
		POLICY_KIND_ENDPOINTS,
		POLICY_KIND_REGISTRIES, /* texts that references of modules begin with */
	} kind;
	size_t member; /* its offset in struct policy */
	bool of_policy, of_ceiling;
	int capability, limit; /* the row of caps/capability.def it belongs to, or -1 */
	int needs;             /* the field that it only qualifies, a list of origins, or -1 */
};

const struct policy_row *policy_row(enum policy_field field);

/* A number of such a field with its unit, for messages: "30 s", "65536 bytes", "32". Returns buf.
 */
#define POLICY_AMOUNT_SIZE 40
const char *policy_amount(const struct policy_row *row, uint64_t value,
                          char buf[POLICY_AMOUNT_SIZE]);

/* Reads a file, as policy_read(); ERROR_SYSTEM for one that cannot be read. */
bool policy_load(const char *path, enum policy_role role, struct policy *out, struct error *err);

/* Reads a decoded document. `marks` is NULL, or an object of path: line << 16 | column. *out is to
 * be cleared in every case. ERROR_USAGE for what is wrong, ERROR_UNSUPPORTED for what this build
 * does not provide. */
bool policy_read(const json_t *document, const json_t *marks, const char *source,
                 enum policy_role role, struct policy *out, struct error *err);

/* Whether a run under this policy holds the capability; the output streams also when nothing is
 * said of them, and its own name is an argument. */
bool policy_grants(const struct policy *policy, enum capability id);

/* Whether it holds the capability to read alone; false for what knows no such access. */
bool policy_grants_reading_alone(const struct policy *policy, enum capability id);

/* Where the field stands: "FILE:LINE:COLUMN: PATH", or "SOURCE.PATH". For messages. */
const char *policy_where(const struct policy *policy, const char *path, struct policy_mark mark,
                         char *buf, size_t size);

#endif
