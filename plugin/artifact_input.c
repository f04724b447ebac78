#include "plugin/artifact_place.h"
#include "plugin/artifacts_state.h"

#include "caps/cleanup.h"
#include "plugin/delivery.h"
#include "plugin/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_MODE 0644
#define FOLDER_MODE 0755

/* ---- where its bytes come from ---- */

struct source {
	const struct artifacts_run *run;
	const struct artifact *artifact;
	const struct delivery *delivery;
	struct artifact_object object; /* of kind s3 and gcs */
};

static void source_clear(struct source *source)
{
	artifact_object_clear(&source->object);
}

static bool is_stored(const struct artifact *artifact)
{
	return artifact->location == LOCATION_S3 || artifact->location == LOCATION_GCS;
}

static bool fetch_raw(const struct artifact *artifact, const struct transfer_sink *sink,
                      struct error *err)
{
	const char *data = artifact_text(artifact->place, "data");
	return sink->begin(sink->env, err) &&
	       (*data == '\0' || sink->add(sink->env, data, strlen(data), err));
}

/* In the delivery's thread. */
static bool fetch(void *env, const struct transfer_sink *sink, struct error *err)
{
	const struct source *source = env;
	struct artifact_watch watch;
	artifact_watch_start(&watch, &source->run->shared->options, err);
	watch.delivery = source->delivery;
	if (source->artifact->location == LOCATION_RAW)
		return fetch_raw(source->artifact, sink, err);
	if (source->artifact->location == LOCATION_HTTP && artifact_is_oci(source->artifact))
		return artifact_fetch_oci(source->run, source->artifact, sink, &watch, err);
	if (source->artifact->location == LOCATION_HTTP)
		return artifact_fetch_http(source->run, source->artifact, sink, &watch, err);
	const struct s3 s3 = {.transfers = source->run->shared->transfers,
	                      .place = &source->object.place,
	                      .progress = artifact_watch_go_on,
	                      .progress_env = &watch};
	return s3_get(&s3, source->object.key, sink, err);
}

/* ---- what becomes of them, in the scratch folder ---- */

struct laying {
	struct artifacts_run *run;
	const struct artifact *artifact;
	struct delivery delivery;
	int scratch; /* descriptor of the scratch folder */
	char name[24];
};

static void laying_clear(struct laying *laying)
{
	delivery_end(&laying->delivery);
	if (laying->scratch >= 0)
		close(laying->scratch);
}

static bool write_file(struct laying *laying, const char *name, struct error *err)
{
	cleanup_close int fd = openat(laying->scratch, name,
	                              O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
	if (fd < 0)
		return error_set_errno(err, errno, "cannot make a file");
	for (;;) {
		const void *bytes;
		ssize_t got = delivery_read(&laying->delivery, &bytes, err);
		if (got <= 0)
			return got == 0;
		int failure = tree_write(fd, bytes, (size_t)got);
		if (failure != 0)
			return error_set_errno(err, failure, "cannot write it");
	}
}

static int make_folder(struct laying *laying, struct error *err)
{
	if (mkdirat(laying->scratch, laying->name, FOLDER_MODE) != 0) {
		error_put_errno(err, errno, "cannot make a folder");
		return -1;
	}
	int fd = openat(laying->scratch, laying->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		error_put_errno(err, errno, "cannot make a folder");
	return fd;
}

static bool unpack_tar(struct laying *laying, int folder, struct error *err)
{
	const struct archive_source source = {delivery_read, &laying->delivery};
	return unarchive_tar(&source, folder, &laying->run->shared->options.limits, err) &&
	       delivery_drain(&laying->delivery, err);
}

/* A zip's directory is at its end, so it is written down first. */
static bool unpack_zip(struct laying *laying, int folder, struct error *err)
{
	char name[32];
	snprintf(name, sizeof name, "%s.zip", laying->name);
	if (!write_file(laying, name, err))
		return false;
	cleanup_close int file = openat(laying->scratch, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (file < 0)
		return error_set_errno(err, errno, "cannot open it");
	bool done = unarchive_zip(file, folder, &laying->run->shared->options.limits, err);
	unlinkat(laying->scratch, name, 0);
	return done;
}

/* The only entry of a folder; "" when there are none or several. */
static void only_entry(int folder, char name[NAME_MAX + 1])
{
	int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_closedir DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	unsigned count = 0;
	*name = '\0';
	for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		snprintf(name, NAME_MAX + 1, "%s", entry->d_name);
		count++;
	}
	if (count != 1)
		*name = '\0';
}

/* ---- and where they go from there ---- */

/* Moves `name` of folder `from` to the place. */
static bool settle(struct laying *laying, const struct artifact_place *place, int from,
                   const char *name, struct error *err)
{
	cleanup_artifact_spot struct artifact_spot spot = ARTIFACT_SPOT_INIT;
	if (!artifact_place_above(laying->run, place, true, &spot, err))
		return false;
	if (renameat2(from, name, spot.above, spot.name, RENAME_NOREPLACE) == 0)
		return true;
	if (errno == EEXIST)
		return error_set(err, ERROR_USAGE,
		                 "path %.200s: another artifact lies there or below it already",
		                 laying->artifact->path);
	return error_set_errno(err, errno, "path %.200s", laying->artifact->path);
}

static bool set_mode(int folder, const char *name, int mode)
{
	struct stat st;
	if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return false;
	if (S_ISLNK(st.st_mode))
		return true;
	/* A folder stays open to us, so that it can be removed. */
	return fchmodat(folder, name, (mode_t)mode | (S_ISDIR(st.st_mode) ? 0700 : 0), 0) == 0;
}

static bool set_mode_below(void *env, int fd, const char *name, const char *path)
{
	(void)path;
	return set_mode(fd, name, *(const int *)env);
}

static bool apply_mode(const struct laying *laying, int folder, const char *name, struct error *err)
{
	int mode = laying->artifact->mode;
	if (mode == ARTIFACT_MODE_UNSAID)
		return true;
	if (!set_mode(folder, name, mode))
		return error_set_errno(err, errno, "cannot set its mode");
	if (!laying->artifact->recurse_mode)
		return true;
	cleanup_close int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return true; /* a file, or a symlink */
	/* One level more than an archive may have: its own root. */
	int result = tree_walk(fd, (unsigned)laying->run->shared->options.limits.depth + 1,
	                       set_mode_below, &mode);
	return result == 0 ||
	       error_set_errno(err, result < 0 ? -result : errno, "cannot set its modes");
}

/* An archive of one file or folder stands for that one, whatever its name (as in Argo's executor);
 * any other for the folder of what it holds. */
static bool lay_unpacked(struct laying *laying, const struct artifact_place *place, bool is_zip,
                         struct error *err)
{
	char only[NAME_MAX + 1];
	cleanup_close int folder = make_folder(laying, err);
	if (folder < 0 || !(is_zip ? unpack_zip(laying, folder, err) : unpack_tar(laying, folder, err)))
		return false;
	only_entry(folder, only);
	int from = *only == '\0' ? laying->scratch : folder;
	const char *name = *only == '\0' ? laying->name : only;
	return apply_mode(laying, from, name, err) && settle(laying, place, from, name, err);
}

static bool lay_file(struct laying *laying, const struct artifact_place *place, struct error *err)
{
	return write_file(laying, laying->name, err) &&
	       apply_mode(laying, laying->scratch, laying->name, err) &&
	       settle(laying, place, laying->scratch, laying->name, err);
}

/* Argo's rule: unsaid, a gzipped tar is unpacked and nothing else is. */
static bool lay_by_kind(struct laying *laying, const struct artifact_place *place,
                        struct error *err)
{
	const char *bytes;
	size_t size;
	switch (laying->artifact->archive) {
	case ARCHIVE_NONE:
		return lay_file(laying, place, err);
	case ARCHIVE_TAR:
	case ARCHIVE_ZIP:
		return lay_unpacked(laying, place, laying->artifact->archive == ARCHIVE_ZIP, err);
	case ARCHIVE_UNSAID:
		break;
	}
	if (!delivery_peek(&laying->delivery, &bytes, &size, err))
		return false;
	return unarchive_is_tgz(bytes, size) ? lay_unpacked(laying, place, false, err)
	                                     : lay_file(laying, place, err);
}

/* A folder in an object store, which has no object of the key itself. *is_there is false when it
 * has none below it either. */
static bool lay_folder(struct laying *laying, const struct artifact_place *place,
                       const struct artifact_object *object, bool *is_there, struct error *err)
{
	uint64_t count;
	cleanup_close int folder = make_folder(laying, err);
	if (folder < 0 || !artifact_folder(laying->run, object, folder, &count, err))
		return false;
	*is_there = count > 0;
	return !*is_there || (apply_mode(laying, laying->scratch, laying->name, err) &&
	                      settle(laying, place, laying->scratch, laying->name, err));
}

/* Whether there is nothing of that name at all, not even its first byte. */
static bool is_missing(const struct laying *laying, const struct error *err)
{
	return err->sys_errno == ENOENT && laying->delivery.error.sys_errno == ENOENT &&
	       laying->delivery.received == 0;
}

static bool lay(struct laying *laying, const struct artifact_place *place, struct source *source,
                struct error *err)
{
	const struct artifact *artifact = laying->artifact;
	size_t size = strlen(source->object.key);
	bool is_folder = size > 0 && source->object.key[size - 1] == '/', is_there = true;
	if (!is_folder) {
		if (!delivery_start(&laying->delivery, fetch, source,
		                    laying->run->shared->options.limits.bytes, err))
			return false;
		if (lay_by_kind(laying, place, err))
			return true;
		if (!is_missing(laying, err))
			return false;
	}
	if (is_stored(artifact)) {
		struct error missing = *err;
		error_clear(err);
		unlinkat(laying->scratch, laying->name, 0);
		unlinkat(laying->scratch, laying->name, AT_REMOVEDIR);
		if (!lay_folder(laying, place, &source->object, &is_there, err))
			return false;
		if (is_there)
			return true;
		*err = missing;
	}
	if (artifact->optional) {
		error_clear(err);
		return true;
	}
	return err->kind != ERROR_NONE
	           ? false
	           : error_set(err, ERROR_USAGE, "there is no object below key %.300s",
	                       source->object.key);
}

bool artifact_input(struct artifacts_run *run, const struct artifact *artifact, struct error *err)
{
	static atomic_ulong serial;
	struct artifact_place place;
	if (artifact->location == LOCATION_NONE)
		return true; /* optional: artifacts_check() */
	if (!artifact_place_find(run->request, artifact, ARTIFACT_IN, &place, err) ||
	    !artifact_place_prepare(run, &place, err))
		return false;
	const char *scratch = artifact_scratch(run, err);
	if (scratch == NULL)
		return false;
	__attribute__((cleanup(source_clear))) struct source source = {.run = run,
	                                                               .artifact = artifact};
	if (is_stored(artifact) &&
	    !artifact_object_find(run, artifact, NULL, true, &source.object, err))
		return false;
	__attribute__((cleanup(laying_clear))) struct laying laying = {
	    .run = run, .artifact = artifact, .delivery = DELIVERY_INIT};
	source.delivery = &laying.delivery;
	snprintf(laying.name, sizeof laying.name, "in-%lu", atomic_fetch_add(&serial, 1));
	laying.scratch = open(scratch, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (laying.scratch < 0)
		return error_set_errno(err, errno, "%s", scratch);
	if (lay(&laying, &place, &source, err))
		return true;
	if (is_stored(artifact))
		error_wrap(err, "from key %.300s of bucket %.100s at %.100s", source.object.key,
		           source.object.place.bucket, source.object.place.endpoint);
	return false;
}
