/* A folder in an object store: every object below a key is a file. */
#include "plugin/artifacts_state.h"

#include "caps/cleanup.h"
#include "plugin/tree.h"
#include "validator/printable.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct gathering {
	const struct s3 *s3;
	const struct archive_limits *limits;
	size_t prefix; /* length of the key, and its slash */
	struct tree tree;
	uint64_t *count;
	uint64_t bytes;
	int file;
};

static bool sink_begin(void *env, struct error *err)
{
	(void)env;
	(void)err;
	return true;
}

static bool sink_add(void *env, const void *bytes, size_t size, struct error *err)
{
	struct gathering *gathering = env;
	if (size > gathering->limits->bytes - gathering->bytes)
		return error_set(err, ERROR_LIMIT, "it has more than %" PRIu64 " bytes (--max-artifact)",
		                 gathering->limits->bytes);
	gathering->bytes += size;
	int failure = tree_write(gathering->file, bytes, size);
	return failure == 0 || error_set_errno(err, failure, "cannot write it");
}

/* The name that an object stands for below the folder; "" for a folder's own marker. */
static bool path_of(const struct gathering *gathering, const char *key,
                    char path[TREE_PATH_MAX + 1], struct error *err)
{
	unsigned depth;
	char shown[200];
	const char *rest = key + gathering->prefix;
	if (strlen(key) < gathering->prefix || !tree_path(rest, path, &depth))
		return error_set(err, ERROR_DENIED, "object %s: its key holds \"..\" or leaves the folder",
		                 printable_ascii(key, shown, sizeof shown));
	if (depth > gathering->limits->depth)
		return error_set(err, ERROR_LIMIT,
		                 "object %s: lies more than %" PRIu64
		                 " folders deep (--max-artifact-depth)",
		                 printable_ascii(key, shown, sizeof shown), gathering->limits->depth);
	return true;
}

static bool gather(void *env, const char *key, struct error *err)
{
	struct gathering *gathering = env;
	char path[TREE_PATH_MAX + 1], shown[200];
	const char *name;
	if (++*gathering->count > gathering->limits->files)
		return error_set(err, ERROR_LIMIT,
		                 "it holds more than %" PRIu64 " objects (--max-artifact-files)",
		                 gathering->limits->files);
	if (!path_of(gathering, key, path, err))
		return false;
	size_t size = strlen(key);
	if (size > 0 && key[size - 1] == '/') { /* stands for an empty folder */
		cleanup_close int made = *path == '\0' ? -1 : tree_folder(&gathering->tree, path, true);
		return true;
	}
	int above = tree_above(&gathering->tree, path, true, &name);
	cleanup_close int file =
	    above < 0 ? -1
	              : openat(above, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (file < 0)
		return error_set_errno(err, above < 0 ? -above : errno, "object %s",
		                       printable_ascii(key, shown, sizeof shown));
	gathering->file = file;
	const struct transfer_sink sink = {sink_begin, sink_add, gathering};
	return s3_get(gathering->s3, key, &sink, err);
}

bool artifact_folder(struct artifacts_run *run, const struct artifact_object *object, int folder,
                     uint64_t *count, struct error *err)
{
	struct artifact_watch watch;
	artifact_watch_start(&watch, &run->shared->options, err);
	const struct s3 s3 = {.transfers = run->shared->transfers,
	                      .place = &object->place,
	                      .progress = artifact_watch_go_on,
	                      .progress_env = &watch};
	char prefix[S3_KEY_MAX + 2];
	size_t size = strlen(object->key);
	bool has_slash = size > 0 && object->key[size - 1] == '/';
	int length = snprintf(prefix, sizeof prefix, "%s%s", object->key, has_slash ? "" : "/");
	*count = 0;
	struct gathering gathering = {.s3 = &s3,
	                              .limits = &run->shared->options.limits,
	                              .prefix = (size_t)length,
	                              .tree = TREE_INIT(folder),
	                              .count = count};
	bool done = s3_list(&s3, prefix, "", gather, &gathering, err);
	tree_clear(&gathering.tree);
	return done;
}
