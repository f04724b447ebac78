#include "plugin/artifact_place.h"
#include "plugin/artifacts_state.h"

#include "caps/cleanup.h"
#include "plugin/pack.h"
#include "plugin/reply.h"
#include "plugin/tree.h"
#include "plugin/upload.h"
#include "validator/printable.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK_BYTES (64 * 1024)

/* What is stored, and how it goes there. */
struct storing {
	struct artifacts_run *run;
	const struct artifact *artifact;
	struct artifact_object object;
	struct artifact_watch watch;
	struct s3 s3;
	int scratch;
	uint64_t bytes;
	uint64_t files;
};

static void storing_clear(struct storing *storing)
{
	artifact_object_clear(&storing->object);
	if (storing->scratch >= 0)
		close(storing->scratch);
}

static void begin_upload(struct storing *storing, struct upload *upload, const char *key)
{
	const struct artifacts_options *options = &storing->run->shared->options;
	upload_init(upload, &storing->s3, key, storing->scratch, options->part_size,
	            (unsigned)options->parallel);
}

/* ---- packed: one object ---- */

static bool add_packed(void *env, const void *bytes, size_t size, struct error *err)
{
	return upload_add(env, bytes, size, err);
}

static bool store_packed(struct storing *storing, int folder, const char *name, struct error *err)
{
	cleanup_upload struct upload upload;
	begin_upload(storing, &upload, storing->object.key);
	const struct pack_sink sink = {add_packed, &upload};
	enum pack_form form = storing->artifact->archive == ARCHIVE_ZIP ? PACK_ZIP : PACK_TGZ;
	return pack(form, storing->artifact->level, folder, name, &storing->run->shared->options.limits,
	            &sink, err) &&
	       upload_finish(&upload, err);
}

/* ---- as it is: an object for each file ---- */

static bool count(struct storing *storing, uint64_t bytes, struct error *err)
{
	const struct archive_limits *limits = &storing->run->shared->options.limits;
	if (++storing->files > limits->files)
		return error_set(err, ERROR_LIMIT,
		                 "it holds more than %" PRIu64 " files (--max-artifact-files)",
		                 limits->files);
	if (bytes > limits->bytes - storing->bytes)
		return error_set(err, ERROR_LIMIT, "it has more than %" PRIu64 " bytes (--max-artifact)",
		                 limits->bytes);
	storing->bytes += bytes;
	return true;
}

static bool send_file(struct upload *upload, int file, struct error *err)
{
	cleanup_free char *block = malloc(BLOCK_BYTES);
	if (block == NULL)
		return error_set(err, ERROR_NO_MEMORY, "no memory for a file");
	for (;;) {
		ssize_t got = read(file, block, BLOCK_BYTES);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return error_set_errno(err, errno, "cannot read it");
		if (got == 0)
			return upload_finish(upload, err);
		if (!upload_add(upload, block, (size_t)got, err))
			return false;
	}
}

static bool store_file(struct storing *storing, int folder, const char *name, const char *key,
                       struct error *err)
{
	struct stat st;
	cleanup_close int file = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (file < 0 || fstat(file, &st) != 0)
		return error_set_errno(err, errno, "cannot open it");
	if (!count(storing, (uint64_t)st.st_size, err))
		return false;
	cleanup_upload struct upload upload;
	begin_upload(storing, &upload, key);
	return send_file(&upload, file, err);
}

static bool store_below(void *env, int folder, const char *name, const char *path)
{
	struct storing *storing = env;
	struct error *err = storing->watch.err;
	char key[S3_KEY_MAX + 1], shown[200];
	struct stat st;
	printable_ascii(path, shown, sizeof shown);
	if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return error_set_errno(err, errno, "%s", shown);
	if (S_ISDIR(st.st_mode))
		return true;
	if (!S_ISREG(st.st_mode))
		return error_set(
		    err, ERROR_USAGE,
		    "%s is a symlink, which no object can be (archive: none); let the artifact be "
		    "packed (archive: {tar: {}})",
		    shown);
	if ((size_t)snprintf(key, sizeof key, "%s/%s", storing->object.key, path) >= sizeof key)
		return error_set(err, ERROR_LIMIT, "%s: its key would be longer than %d bytes", shown,
		                 S3_KEY_MAX);
	if (store_file(storing, folder, name, key, err))
		return true;
	error_wrap(err, "%s", shown);
	return false;
}

static bool store_plain(struct storing *storing, int folder, const char *name, mode_t mode,
                        struct error *err)
{
	if (S_ISREG(mode))
		return store_file(storing, folder, name, storing->object.key, err);
	cleanup_close int below = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (below < 0)
		return error_set_errno(err, errno, "cannot open it");
	int result = tree_walk(below, (unsigned)storing->run->shared->options.limits.depth, store_below,
	                       storing);
	return result == 0 || (result < 0 && error_set_errno(err, -result, "cannot read it"));
}

/* ---- what the node says of it ---- */

static bool tell(const struct storing *storing, struct node *node, struct error *err)
{
	const struct artifact *artifact = storing->artifact;
	json_t *told = json_deep_copy(artifact->document);
	const char *kind = artifact->location == LOCATION_GCS ? "gcs" : "s3";
	json_object_del(told, "from");
	json_object_del(told, "fromExpression");
	json_t *place = json_object_get(told, kind);
	if (place == NULL) {
		place = json_object();
		json_object_set_new(told, kind, place);
	}
	if (json_object_set_new(place, "key", json_string(storing->object.key)) != 0) {
		json_decref(told);
		return error_set(err, ERROR_USAGE, "its key is not UTF-8");
	}
	return node_add_artifact(node, told, err);
}

/* What the key of the default repository ends in, as Argo's executor names it. */
static void object_name(const struct artifact *artifact, const char *last, char name[300])
{
	switch (artifact->archive) {
	case ARCHIVE_NONE:
		snprintf(name, 300, "%.255s", last);
		break;
	case ARCHIVE_ZIP:
		snprintf(name, 300, "%.255s.zip", artifact->name);
		break;
	case ARCHIVE_TAR:
	case ARCHIVE_UNSAID:
		snprintf(name, 300, "%.255s.tgz", artifact->name);
		break;
	}
}

static bool store(struct storing *storing, int folder, const char *name, mode_t mode,
                  struct error *err)
{
	char last[300];
	const char *scratch = artifact_scratch(storing->run, err);
	object_name(storing->artifact, name, last);
	if (scratch == NULL ||
	    !artifact_object_find(storing->run, storing->artifact, last, true, &storing->object, err))
		return false;
	artifact_watch_start(&storing->watch, &storing->run->shared->options, err);
	storing->s3 = (struct s3){.transfers = storing->run->shared->transfers,
	                          .place = &storing->object.place,
	                          .progress = artifact_watch_go_on,
	                          .progress_env = &storing->watch};
	storing->scratch = open(scratch, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (storing->scratch < 0)
		return error_set_errno(err, errno, "%s", scratch);
	if (storing->object.place.creates_bucket && !s3_create_bucket(&storing->s3, err))
		return false;
	bool done = storing->artifact->archive == ARCHIVE_NONE
	                ? store_plain(storing, folder, name, mode, err)
	                : store_packed(storing, folder, name, err);
	if (!done)
		error_wrap(err, "to key %.300s of bucket %.100s at %.100s", storing->object.key,
		           storing->object.place.bucket, storing->object.place.endpoint);
	return done;
}

/* Nothing was left there: no failure for one that is optional. */
static bool is_absent(const struct artifact *artifact, const struct artifact_place *place,
                      struct error *err)
{
	return artifact->optional ||
	       error_set(err, ERROR_USAGE, "the step left nothing at %s%.300s",
	                 place->is_outside ? "/" : WORKDIR_GUEST "/", place->path);
}

bool artifact_output(struct artifacts_run *run, const struct artifact *artifact, struct node *node,
                     struct error *err)
{
	struct artifact_place place;
	struct stat st;
	cleanup_artifact_spot struct artifact_spot spot = ARTIFACT_SPOT_INIT;
	if (!artifact_place_find(run->request, artifact, ARTIFACT_OUT, &place, err))
		return false;
	if (!artifact_place_above(run, &place, false, &spot, err)) {
		if (err->sys_errno != ENOENT)
			return false;
		error_clear(err);
		return is_absent(artifact, &place, err);
	}
	if (fstatat(spot.above, spot.name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? is_absent(artifact, &place, err)
		                       : error_set_errno(err, errno, "path %.200s", artifact->path);
	if (S_ISLNK(st.st_mode))
		return error_set(err, ERROR_USAGE,
		                 "path %.200s is a symlink; let it be the file or folder itself",
		                 artifact->path);
	__attribute__((cleanup(storing_clear))) struct storing storing = {
	    .run = run, .artifact = artifact, .scratch = -1};
	return store(&storing, spot.above, spot.name, st.st_mode, err) && tell(&storing, node, err);
}
