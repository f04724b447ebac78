/* A folder of content-addressed files that threads and processes share:
 *
 *   ROOT/blobs/sha256/<hex>   whole, checked, never changed again
 *   ROOT/ingest/<name>        being written; its writer holds flock() on it
 *
 * The cache and the image layouts are such folders. A blob gets its name by rename(), after its
 * bytes were checked and synced: whoever finds a blob finds a whole one. A writer that died leaves
 * an unlocked file in ingest/, which the next writer of that name, or blobs_sweep(), removes. */
#ifndef PLUGIN_BLOBS_H
#define PLUGIN_BLOBS_H

#include "plugin/digest.h"
#include "validator/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct blobs;

/* `file_mode` is that of blobs, `dir_mode` that of folders (both before the umask). Makes nothing
 * on disk. A `private` folder must belong to this user and be writable by nobody else; so must
 * every blob in it, or it is not taken. */
struct blobs *blobs_create(const char *root, mode_t dir_mode, mode_t file_mode, bool private,
                           struct error *err);
void blobs_destroy(struct blobs *blobs);

const char *blobs_root(const struct blobs *blobs);

/* A size that is not known beforehand. */
#define BLOBS_ANY_SIZE UINT64_MAX

/* *path is NULL without an error when the blob is not there, or is there but not what its name
 * says: then it is as good as missing and the next writer replaces it. Every blob is read and
 * checked once by this object, and again when its inode, size or times changed. */
bool blobs_find(struct blobs *blobs, const struct digest *digest, uint64_t size, char **path,
                struct error *err);

/* The bytes of a small blob, checked, with a terminating zero behind them; the caller's to free.
 * *bytes is NULL without an error when it is not there. A larger one than `max` is ERROR_LIMIT. */
bool blobs_read(struct blobs *blobs, const struct digest *digest, uint64_t max, char **bytes,
                size_t *size, struct error *err);

/* The longest that a writer waits for another one of the same name. */
#define BLOBS_WAIT_SECONDS 600

/* Called while another process holds the writer's lock; false gives up. */
typedef bool blobs_wait(void *env);

struct blob_writer {
	struct blobs *blobs;
	int fd;
	char *path; /* in ingest/ */
	uint64_t size;
	uint64_t max;
	struct digest_stream stream;
};

#define BLOB_WRITER_INIT {.fd = -1}

/* Begins ingest/<name>, waiting while another writer, here or in another process, has it. `name`
 * should be the digest's hex, so that two that fetch the same wait for each other: look with
 * blobs_find() again afterwards. Bytes beyond `max` are ERROR_LIMIT. */
bool blob_writer_open(struct blob_writer *writer, struct blobs *blobs, const char *name,
                      enum digest_algorithm algorithm, uint64_t max, blobs_wait *wait, void *env,
                      struct error *err);
bool blob_writer_add(struct blob_writer *writer, const void *bytes, size_t size, struct error *err);
/* Forgets what was added, for a transfer that begins anew. */
bool blob_writer_restart(struct blob_writer *writer, struct error *err);
/* Syncs and gives the blob its name, which is the digest of its bytes: *digest. When `expected` is
 * given and differs, the file is deleted and the error tells both. Closes the writer. */
bool blob_writer_commit(struct blob_writer *writer, const struct digest *expected,
                        struct digest *digest, struct error *err);
/* Deletes the unfinished file. Harmless after a commit. */
void blob_writer_close(struct blob_writer *writer);
#define cleanup_blob_writer __attribute__((cleanup(blob_writer_close)))

/* Writes a whole blob from memory, whose digest is known, unless it is there already. */
bool blobs_write(struct blobs *blobs, const void *bytes, size_t size, const struct digest *digest,
                 struct error *err);

/* Writes a blob of the given digest and size from an open file, unless it is there already. */
bool blobs_write_file(struct blobs *blobs, int fd, uint64_t size, const struct digest *digest,
                      struct error *err);

/* Deletes what dead writers left. Best effort: errors are none. */
void blobs_sweep(struct blobs *blobs);

/* Replaces ROOT/<name> (its folder exists) by the bytes: synced, renamed into place. For the few
 * files that are not content-addressed; writers agree among themselves by a lock. */
bool blobs_replace_file(struct blobs *blobs, const char *name, const void *bytes, size_t size,
                        struct error *err);

/* mkdir -p of ROOT and its folders, with the ownership checks of a private one. */
bool blobs_make_folders(struct blobs *blobs, struct error *err);

#endif
