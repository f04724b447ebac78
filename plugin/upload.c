#include "plugin/upload.h"

#include "caps/cleanup.h"
#include "plugin/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void upload_init(struct upload *upload, const struct s3 *s3, const char *key, int scratch,
                 uint64_t part_size, unsigned parallel)
{
	*upload = (struct upload){.s3 = s3,
	                          .key = key,
	                          .scratch = scratch,
	                          .part_size = part_size,
	                          .parallel = parallel,
	                          .file = -1};
	for (unsigned i = 0; i < UPLOAD_PARALLEL_MAX; i++)
		upload->parts[i].file = -1;
}

/* ---- gathering ---- */

/* A file without a name: it goes when it is closed, whatever happens. */
static bool begin_part(struct upload *upload, struct error *err)
{
	if (upload->count == S3_PARTS_MAX)
		return error_set(err, ERROR_LIMIT,
		                 "it has more than %d parts of %" PRIu64 " bytes (--artifact-part-size)",
		                 S3_PARTS_MAX, upload->part_size);
	upload->file = openat(upload->scratch, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (upload->file < 0 && errno == EOPNOTSUPP) {
		upload->file = openat(upload->scratch, "part", O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
		if (upload->file >= 0)
			unlinkat(upload->scratch, "part", 0);
	}
	if (upload->file < 0)
		return error_set_errno(err, errno, "cannot make a file to gather a part in");
	upload->size = 0;
	return digest_stream_init(&upload->stream, DIGEST_SHA256, err);
}

static bool append(struct upload *upload, const char *bytes, size_t size, struct error *err)
{
	if (!digest_stream_add(&upload->stream, bytes, size, err))
		return false;
	int failure = tree_write(upload->file, bytes, size);
	if (failure != 0)
		return error_set_errno(err, failure, "cannot gather a part");
	upload->size += size;
	return true;
}

static bool finish_digest(struct upload *upload, char sha256[72], struct error *err)
{
	struct digest digest;
	char text[DIGEST_TEXT_SIZE];
	if (!digest_stream_finish(&upload->stream, &digest, err))
		return false;
	snprintf(sha256, 72, "%.64s", digest_format(&digest, text) + strlen("sha256:"));
	return true;
}

/* ---- sending ---- */

static void *send_part(void *env)
{
	struct upload_part *part = env;
	const struct upload *upload = part->upload;
	s3_parts_put(upload->s3, upload->key, upload->id, part->number, part->file, part->size,
	             part->sha256, part->etag, &part->error);
	return NULL;
}

/* Waits for the part's thread, and takes over what it came to. */
static bool join_part(struct upload *upload, struct upload_part *part, struct error *err)
{
	if (!part->is_running)
		return true;
	pthread_join(part->thread, NULL);
	part->is_running = false;
	close(part->file);
	part->file = -1;
	if (part->error.kind != ERROR_NONE) {
		if (err->kind == ERROR_NONE)
			*err = part->error;
		return false;
	}
	strcpy(upload->etags[part->number - 1], part->etag);
	return true;
}

static bool start_thread(struct upload_part *part, struct error *err)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int failure = pthread_create(&part->thread, NULL, send_part, part);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	part->is_running = failure == 0;
	return failure == 0 || error_set_errno(err, failure, "no thread for a part");
}

/* Hands the gathered part to a thread, when one is free. */
static bool launch_part(struct upload *upload, struct error *err)
{
	struct upload_part *part = &upload->parts[upload->count % upload->parallel];
	if (!join_part(upload, part, err))
		return false;
	if (upload->id == NULL && !s3_parts_begin(upload->s3, upload->key, &upload->id, err))
		return false;
	if (upload->count % 64 == 0) {
		void *more = reallocarray(upload->etags, upload->count + 64, sizeof *upload->etags);
		if (more == NULL)
			return error_set(err, ERROR_NO_MEMORY, "no memory for an upload");
		upload->etags = more;
	}
	*part = (struct upload_part){.upload = upload,
	                             .file = upload->file,
	                             .number = ++upload->count,
	                             .size = upload->size,
	                             .error = ERROR_INIT};
	upload->file = -1;
	return finish_digest(upload, part->sha256, err) && start_thread(part, err);
}

bool upload_add(struct upload *upload, const void *bytes, size_t size, struct error *err)
{
	for (const char *at = bytes; size > 0;) {
		if (upload->file < 0 && !begin_part(upload, err))
			return false;
		uint64_t room = upload->part_size - upload->size;
		size_t taken = size < room ? size : (size_t)room;
		if (!append(upload, at, taken, err))
			return false;
		at += taken;
		size -= taken;
		/* Sent when more comes, so that what is exactly one part long is put as a whole. */
		if (upload->size == upload->part_size && size > 0 && !launch_part(upload, err))
			return false;
	}
	return true;
}

static bool put_whole(struct upload *upload, struct error *err)
{
	char sha256[72];
	return finish_digest(upload, sha256, err) &&
	       s3_put(upload->s3, upload->key, upload->file, upload->size, sha256, err);
}

bool upload_finish(struct upload *upload, struct error *err)
{
	if (upload->file < 0 && upload->count == 0 && !begin_part(upload, err))
		return false;
	if (upload->id == NULL)
		return put_whole(upload, err);
	if (upload->file >= 0 && !launch_part(upload, err))
		return false;
	for (unsigned i = 0; i < upload->parallel; i++) {
		if (!join_part(upload, &upload->parts[i], err))
			return false;
	}
	if (!s3_parts_finish(upload->s3, upload->key, upload->id, upload->etags, upload->count, err))
		return false;
	free(upload->id);
	upload->id = NULL;
	return true;
}

void upload_clear(struct upload *upload)
{
	struct error ignored = ERROR_INIT;
	for (unsigned i = 0; i < UPLOAD_PARALLEL_MAX; i++)
		join_part(upload, &upload->parts[i], &ignored);
	if (upload->id != NULL)
		s3_parts_abort(upload->s3, upload->key, upload->id);
	for (unsigned i = 0; i < UPLOAD_PARALLEL_MAX; i++) {
		if (upload->parts[i].file >= 0)
			close(upload->parts[i].file);
	}
	if (upload->file >= 0)
		close(upload->file);
	digest_stream_clear(&upload->stream);
	free(upload->id);
	free(upload->etags);
	upload_init(upload, upload->s3, upload->key, upload->scratch, upload->part_size,
	            upload->parallel);
}
