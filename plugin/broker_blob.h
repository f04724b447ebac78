/* Objects of a store, for runs: the broker has the keys, and each object crosses a file of the
 * broker's on its way, so that no memory grows with it. */
#ifndef PLUGIN_BROKER_BLOB_H
#define PLUGIN_BROKER_BLOB_H

#include "plugin/broker_ask.h"
#include "plugin/s3.h"

#define BLOB_BYTES_DEFAULT ((uint64_t)1 << 30) /* of an object */
#define BLOBS_OPEN_MAX 8u                      /* objects on their way at a time */

struct blob_grant {
	char *bucket;
	char *prefix; /* of keys; "": the whole bucket */
	bool may_write;
};

/* Starts as {0}. */
struct blob_terms {
	struct blob_grant *grants;
	size_t count;
	uint64_t bytes_max;           /* of an object; 0: the default */
	const struct s3_place *place; /* borrowed, as the next two; its bucket is not looked at */
	struct transfers *transfers;
	const char *folder; /* for files on their way */
};

void blob_terms_clear(struct blob_terms *terms);

bool blob_terms_add(struct blob_terms *terms, const char *bucket, const char *prefix,
                    bool may_write, struct error *err);

/* An object on its way. */
struct blob;

/* What the functions below need. `go_on` ends a transfer early by false. */
struct blob_broker {
	const struct blob_terms *terms;
	bool (*go_on)(void *env);
	void *env;
};

/* Fetches the object of an ASK_BLOB_GET, or begins that of an ASK_BLOB_PUT. 0 or a negative errno
 * with *err set, as all below. */
int blob_open(const struct blob_broker *broker, const struct ask *ask, struct blob **out,
              struct error *err);
void blob_destroy(struct blob *blob);
uint64_t blob_size(const struct blob *blob);

int blob_read(struct blob *blob, void *to, size_t room, size_t *size, struct error *err);
int blob_write(struct blob *blob, const void *bytes, size_t size, struct error *err);
/* Stores what was written. */
int blob_finish(const struct blob_broker *broker, struct blob *blob, struct error *err);

int blob_delete(const struct blob_broker *broker, const struct ask *ask, struct error *err);
/* Keys behind the third part, each ended by a NUL. */
int blob_list(const struct blob_broker *broker, const struct ask *ask, char *to, size_t room,
              size_t *size, struct error *err);

#endif
