/* An S3 bucket, as a client: objects, listings, uploads in parts. Signed by Signature Version 4,
 * with the digest of each body.
 *
 * Every function may be called by several threads at once. False with *err set, which tells the URL
 * and what the server said; err->sys_errno is ENOENT when there is no such object. */
#ifndef PLUGIN_S3_H
#define PLUGIN_S3_H

#include "plugin/secret.h"
#include "plugin/transfer.h"
#include "validator/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define S3_KEY_MAX 1024
#define S3_ETAG_MAX 128
#define S3_PARTS_MAX 10000
#define S3_PART_MIN ((uint64_t)5 << 20)

/* S3_AUTO: by virtual host at Amazon's own endpoints, by path everywhere else. */
enum s3_style { S3_AUTO, S3_PATH, S3_VIRTUAL };

struct s3_place {
	char *endpoint; /* host[:port] */
	char *bucket;
	char *region;      /* NULL: us-east-1 */
	char *authorities; /* PEM, or NULL */
	bool insecure;     /* plain http */
	enum reach reach;
	/* Asked before what a redirect leads to, at another origin; NULL: any will do. Borrowed. */
	bool (*may_ask)(const void *env, const char *url, struct error *err);
	const void *may_ask_env;
	bool creates_bucket;
	enum s3_style style;
	struct store_keys keys;
};

void s3_place_clear(struct s3_place *place);
#define cleanup_s3_place __attribute__((cleanup(s3_place_clear)))

/* "https://minio:9000", "minio:9000": sets endpoint and insecure. */
bool s3_place_set_endpoint(struct s3_place *place, const char *text, struct error *err);

/* What a function below needs; borrowed. */
struct s3 {
	struct transfers *transfers;
	const struct s3_place *place;
	bool (*progress)(void *env, uint64_t done, uint64_t total);
	void *progress_env;
};

/* The object's bytes, checked against the SHA-256 that was stored with it, where there is one. */
bool s3_get(const struct s3 *s3, const char *key, const struct transfer_sink *sink,
            struct error *err);

/* `sha256` is that of the file, in hexadecimal. */
bool s3_put(const struct s3 *s3, const char *key, int file, uint64_t size, const char *sha256,
            struct error *err);

/* True as well when there is no such object. */
bool s3_delete(const struct s3 *s3, const char *key, struct error *err);

/* Calls each() with the keys that begin with the prefix and stand behind `after` (""; all), in
 * order; false ends it. A server that knows no start-after begins at the first one. */
typedef bool s3_each(void *env, const char *key, struct error *err);
bool s3_list(const struct s3 *s3, const char *prefix, const char *after, s3_each *each, void *env,
             struct error *err);

/* An upload in parts of at least S3_PART_MIN bytes but for the last. `id` is the caller's to
 * free(). */
bool s3_parts_begin(const struct s3 *s3, const char *key, char **id, struct error *err);
bool s3_parts_put(const struct s3 *s3, const char *key, const char *id, unsigned number, int file,
                  uint64_t size, const char *sha256, char etag[S3_ETAG_MAX], struct error *err);
bool s3_parts_finish(const struct s3 *s3, const char *key, const char *id,
                     char (*etags)[S3_ETAG_MAX], unsigned count, struct error *err);
/* What was sent goes. Best effort. */
void s3_parts_abort(const struct s3 *s3, const char *key, const char *id);

/* True as well when it is there already. */
bool s3_create_bucket(const struct s3 *s3, struct error *err);

#endif
