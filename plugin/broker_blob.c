#include "plugin/broker_blob.h"

#include "caps/cleanup.h"
#include "plugin/digest.h"
#include "validator/printable.h"
#include "validator/utf8.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

_Static_assert(BROKER_OBJECT_MAX == S3_KEY_MAX, "a run may name every key");

struct blob {
	int file;
	uint64_t size, at;
	uint64_t bytes_max;
	bool writes;
	char bucket[BROKER_BUCKET_MAX + 1];
	char key[BROKER_OBJECT_MAX + 1];
	struct digest_stream stream; /* of what is written */
	struct error *err;           /* of the transfer that fills it */
};

void blob_terms_clear(struct blob_terms *terms)
{
	for (size_t i = 0; i < terms->count; i++) {
		free(terms->grants[i].bucket);
		free(terms->grants[i].prefix);
	}
	free(terms->grants);
	*terms = (struct blob_terms){0};
}

bool blob_terms_add(struct blob_terms *terms, const char *bucket, const char *prefix,
                    bool may_write, struct error *err)
{
	if (*bucket == '\0' || strlen(bucket) > BROKER_BUCKET_MAX ||
	    bucket[strspn(bucket,
	                  "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_")] != '\0')
		return error_set(err, ERROR_USAGE, "\"%.80s\" is no name of a bucket", bucket);
	struct blob_grant *grants =
	    reallocarray(terms->grants, terms->count + 1, sizeof *terms->grants);
	if (grants == NULL)
		return error_set(err, ERROR_NO_MEMORY, "no memory for the grants");
	terms->grants = grants;
	struct blob_grant *grant = &grants[terms->count];
	*grant = (struct blob_grant){strdup(bucket), strdup(prefix), may_write};
	terms->count++;
	return (grant->bucket != NULL && grant->prefix != NULL) ||
	       error_set(err, ERROR_NO_MEMORY, "no memory for the grants");
}

/* ---- what a run may name ---- */

/* A key whose every reader means the same object: no "." and ".." that a URL's reader would
 * resolve, nothing that is no text. */
static bool is_key(const char *key, size_t size)
{
	if (!utf8_is_whole(key, size))
		return false;
	for (size_t at = 0; at <= size;) {
		const char *slash = memchr(key + at, '/', size - at);
		size_t length = slash != NULL ? (size_t)(slash - key) - at : size - at;
		if ((length == 1 && key[at] == '.') || (length == 2 && memcmp(key + at, "..", 2) == 0))
			return false;
		at += length + 1;
	}
	for (size_t i = 0; i < size; i++) {
		if ((unsigned char)key[i] < ' ' || key[i] == 0x7f)
			return false;
	}
	return true;
}

/* Checks bucket and key, and copies them. */
static int admit(const struct blob_terms *terms, const struct ask *ask, bool writes,
                 bool may_be_empty, char *bucket, char *key, struct error *err)
{
	const struct ask_part *name = &ask->parts[0], *text = &ask->parts[1];
	char shown[PRINTABLE_NAME_SIZE];
	bool may_read = false;
	if ((text->size == 0 && !may_be_empty) || !is_key(text->bytes, text->size)) {
		error_set(err, ERROR_USAGE,
		          "a key is text of 1 to %u bytes, without control characters and \".\" or \"..\" "
		          "between its slashes",
		          BROKER_OBJECT_MAX);
		return -EINVAL;
	}
	for (size_t i = 0; i < terms->count; i++) {
		const struct blob_grant *grant = &terms->grants[i];
		size_t prefix = strlen(grant->prefix);
		if (strlen(grant->bucket) != name->size ||
		    memcmp(grant->bucket, name->bytes, name->size) != 0 || text->size < prefix ||
		    memcmp(text->bytes, grant->prefix, prefix) != 0)
			continue;
		may_read = true;
		if (writes && !grant->may_write)
			continue;
		memcpy(bucket, name->bytes, name->size);
		bucket[name->size] = '\0';
		memcpy(key, text->bytes, text->size);
		key[text->size] = '\0';
		return 0;
	}
	error_set(
	    err, ERROR_DENIED, "%s %.60s of bucket %.*s, which is not listed%s",
	    writes ? "write" : "read", printable_text(text->bytes, text->size, shown, sizeof shown),
	    (int)(name->size < 64 ? name->size : 64), name->bytes, may_read ? " for writing" : "");
	return -EACCES;
}

/* ---- transfers ---- */

static bool progress(void *env, uint64_t done, uint64_t total)
{
	const struct blob_broker *broker = env;
	(void)done;
	(void)total;
	return broker->go_on(broker->env);
}

/* A client of the bucket; *place is the caller's room. */
static struct s3 client(const struct blob_broker *broker, char *bucket, struct s3_place *place)
{
	*place = *broker->terms->place;
	place->bucket = bucket;
	return (struct s3){.transfers = broker->terms->transfers,
	                   .place = place,
	                   .progress = progress,
	                   .progress_env = (void *)(uintptr_t)broker};
}

static int failed(const struct error *err)
{
	if (err->sys_errno == ENOENT)
		return -ENOENT;
	return err->kind == ERROR_LIMIT ? -EFBIG : err->kind == ERROR_NO_MEMORY ? -ENOMEM : -EIO;
}

static bool fill_begin(void *env, struct error *err)
{
	struct blob *blob = env;
	blob->size = 0;
	return ftruncate(blob->file, 0) == 0 || error_set_errno(err, errno, "a file for an object");
}

static bool append(struct blob *blob, const void *bytes, size_t size, struct error *err)
{
	const char *at = bytes;
	if (size > blob->bytes_max - blob->size)
		return error_set(err, ERROR_LIMIT,
		                 "the object %.100s has more than %llu bytes (--blob-bytes)", blob->key,
		                 (unsigned long long)blob->bytes_max);
	while (size > 0) {
		ssize_t n = pwrite(blob->file, at, size, (off_t)blob->size);
		if (n < 0)
			return error_set_errno(err, errno, "a file for an object");
		at += n;
		size -= (size_t)n;
		blob->size += (uint64_t)n;
	}
	return true;
}

static bool fill_add(void *env, const void *bytes, size_t size, struct error *err)
{
	return append(env, bytes, size, err);
}

/* A file without a name: it goes with its descriptor. */
static int open_file(const char *folder, struct error *err)
{
	char path[4096];
	int file = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (file >= 0)
		return file;
	/* A file system without O_TMPFILE. */
	snprintf(path, sizeof path, "%s/blob.XXXXXX", folder);
	file = mkostemp(path, O_CLOEXEC);
	if (file < 0)
		error_set_errno(err, errno, "a file for an object, in %s", folder);
	else
		unlink(path);
	return file;
}

int blob_open(const struct blob_broker *broker, const struct ask *ask, struct blob **out,
              struct error *err)
{
	const struct blob_terms *terms = broker->terms;
	struct blob *blob = calloc(1, sizeof *blob);
	if (blob == NULL) {
		error_set(err, ERROR_NO_MEMORY, "no memory for an object");
		return -ENOMEM;
	}
	blob->file = -1;
	blob->writes = ask->kind == ASK_BLOB_PUT;
	blob->bytes_max = terms->bytes_max != 0 ? terms->bytes_max : BLOB_BYTES_DEFAULT;
	int result = admit(terms, ask, blob->writes, false, blob->bucket, blob->key, err);
	if (result == 0 && (blob->file = open_file(terms->folder, err)) < 0)
		result = -EIO;
	if (result == 0 && blob->writes) {
		result = digest_stream_init(&blob->stream, DIGEST_SHA256, err) ? 0 : -ENOMEM;
	} else if (result == 0) {
		struct s3_place place;
		const struct s3 s3 = client(broker, blob->bucket, &place);
		const struct transfer_sink sink = {fill_begin, fill_add, blob};
		result = s3_get(&s3, blob->key, &sink, err) ? 0 : failed(err);
	}
	if (result < 0)
		blob_destroy(blob);
	else
		*out = blob;
	return result;
}

void blob_destroy(struct blob *blob)
{
	if (blob == NULL)
		return;
	if (blob->writes)
		digest_stream_clear(&blob->stream);
	if (blob->file >= 0)
		close(blob->file);
	free(blob);
}

uint64_t blob_size(const struct blob *blob)
{
	return blob->size;
}

int blob_read(struct blob *blob, void *to, size_t room, size_t *size, struct error *err)
{
	if (blob->writes) {
		error_set(err, ERROR_USAGE, "the object is being written");
		return -EBADF;
	}
	ssize_t n = pread(blob->file, to, room, (off_t)blob->at);
	if (n < 0) {
		error_set_errno(err, errno, "a file for an object");
		return -EIO;
	}
	blob->at += (uint64_t)n;
	*size = (size_t)n;
	return 0;
}

int blob_write(struct blob *blob, const void *bytes, size_t size, struct error *err)
{
	if (!blob->writes) {
		error_set(err, ERROR_USAGE, "the object is being read");
		return -EBADF;
	}
	if (append(blob, bytes, size, err) && digest_stream_add(&blob->stream, bytes, size, err))
		return 0;
	return failed(err);
}

int blob_finish(const struct blob_broker *broker, struct blob *blob, struct error *err)
{
	struct digest digest;
	char hex[DIGEST_TEXT_SIZE];
	if (!blob->writes) {
		error_set(err, ERROR_USAGE, "nothing is being written, or it was stored already");
		return -EBADF;
	}
	bool finished = digest_stream_finish(&blob->stream, &digest, err);
	digest_stream_clear(&blob->stream);
	blob->writes = false;
	blob->at = blob->size;
	if (!finished)
		return -ENOMEM;
	struct s3_place place;
	const struct s3 s3 = client(broker, blob->bucket, &place);
	const char *sha256 = digest_format(&digest, hex) + strlen("sha256:");
	return s3_put(&s3, blob->key, blob->file, blob->size, sha256, err) ? 0 : failed(err);
}

int blob_delete(const struct blob_broker *broker, const struct ask *ask, struct error *err)
{
	char bucket[BROKER_BUCKET_MAX + 1], key[BROKER_OBJECT_MAX + 1];
	int result = admit(broker->terms, ask, true, false, bucket, key, err);
	if (result < 0)
		return result;
	struct s3_place place;
	const struct s3 s3 = client(broker, bucket, &place);
	return s3_delete(&s3, key, err) ? 0 : failed(err);
}

struct listing {
	struct ask_part after;
	char *to;
	size_t room, size;
	bool is_full;
};

static bool list_key(void *env, const char *key, struct error *err)
{
	struct listing *listing = env;
	size_t size = strlen(key), least = size < listing->after.size ? size : listing->after.size;
	(void)err;
	int order = least > 0 ? memcmp(key, listing->after.bytes, least) : 0;
	if (order < 0 || (order == 0 && size <= listing->after.size))
		return true;
	listing->is_full = size + 1 > listing->room - listing->size;
	if (listing->is_full)
		return false;
	memcpy(listing->to + listing->size, key, size + 1);
	listing->size += size + 1;
	return true;
}

int blob_list(const struct blob_broker *broker, const struct ask *ask, char *to, size_t room,
              size_t *size, struct error *err)
{
	char bucket[BROKER_BUCKET_MAX + 1], prefix[BROKER_OBJECT_MAX + 1], after[BROKER_OBJECT_MAX + 1];
	struct listing listing = {.after = ask->parts[2], .to = to, .room = room};
	int result = admit(broker->terms, ask, false, true, bucket, prefix, err);
	if (result < 0)
		return result;
	struct s3_place place;
	const struct s3 s3 = client(broker, bucket, &place);
	/* The store begins there, so that a walk over all keys lists each once; a NUL is in no key. */
	snprintf(after, sizeof after, "%.*s", (int)listing.after.size,
	         (const char *)listing.after.bytes);
	if (!s3_list(&s3, prefix, after, list_key, &listing, err) && !listing.is_full)
		return failed(err);
	*size = listing.size;
	return 0;
}
