#include "plugin/layout.h"

#include "plugin/json.h"
#include "plugin/json_fault.h"
#include "caps/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define MARKER "oci-layout"
#define MARKER_TEXT "{\"imageLayoutVersion\":\"1.0.0\"}"
#define MARKER_MAX_BYTES 4096
#define INDEX "index.json"
#define NAME_KEY "org.opencontainers.image.ref.name"

struct layout {
	struct blobs *blobs;
};

struct layout *layout_create(const char *dir, struct error *err)
{
	struct layout *layout = calloc(1, sizeof *layout);
	if (layout == NULL) {
		error_set(err, ERROR_NO_MEMORY, "no memory for a store");
		return NULL;
	}
	layout->blobs = blobs_create(dir, 0755, 0644, false, err);
	if (layout->blobs == NULL) {
		free(layout);
		return NULL;
	}
	return layout;
}

void layout_destroy(struct layout *layout)
{
	if (layout == NULL)
		return;
	blobs_destroy(layout->blobs);
	free(layout);
}

const char *layout_dir(const struct layout *layout)
{
	return blobs_root(layout->blobs);
}

struct blobs *layout_blobs(struct layout *layout)
{
	return layout->blobs;
}

char *layout_index_path(const struct layout *layout)
{
	char *path;
	return asprintf(&path, "%s/" INDEX, layout_dir(layout)) < 0 ? NULL : path;
}

/* For json_load_callback(). json_loadfd() asks the kernel for each byte. */
static size_t read_piece(void *to, size_t size, void *env)
{
	const int *fd = env;
	ssize_t got;
	do
		got = read(*fd, to, size);
	while (got < 0 && errno == EINTR);
	return got < 0 ? (size_t)-1 : (size_t)got;
}

/* The JSON object in DIR/<name>; NULL without an error when there is no such file. */
static json_t *object_in(const struct layout *layout, const char *name, uint64_t max,
                         struct error *err)
{
	cleanup_free char *path = NULL;
	if (asprintf(&path, "%s/%s", layout_dir(layout), name) < 0) {
		path = NULL;
		error_set(err, ERROR_NO_MEMORY, "no memory for a path");
		return NULL;
	}
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT)
		return NULL;
	struct stat status;
	if (fd < 0 || fstat(fd, &status) != 0) {
		error_set_errno(err, errno, "cannot read %s", path);
		return NULL;
	}
	if (!S_ISREG(status.st_mode) || (uint64_t)status.st_size > max) {
		error_set(err, ERROR_LIMIT, "%s is no file of at most %llu bytes", path,
		          (unsigned long long)max);
		return NULL;
	}
	json_error_t fault;
	char words[JSON_FAULT_SIZE];
	json_t *root = json_load_callback(read_piece, &fd, 0, &fault);
	if (!json_is_object(root)) {
		error_set(err, ERROR_SYSTEM, "%s is damaged: %s", path,
		          root == NULL ? json_fault_words(&fault, words) : "it is no object");
		json_decref(root);
		return NULL;
	}
	return root;
}

static bool is_layout(const struct layout *layout, bool *marked, struct error *err)
{
	cleanup_json json_t *marker = object_in(layout, MARKER, MARKER_MAX_BYTES, err);
	if (err->kind != ERROR_NONE)
		return false;
	*marked = marker != NULL;
	const char *version = json_string_value(json_object_get(marker, "imageLayoutVersion"));
	if (marker == NULL || (version != NULL && strcmp(version, "1.0.0") == 0))
		return true;
	return error_set(err, ERROR_UNSUPPORTED, "%s is an image layout of another version than 1.0.0",
	                 layout_dir(layout));
}

static const char *name_of(const json_t *entry)
{
	const char *name =
	    json_string_value(json_object_get(json_object_get(entry, "annotations"), NAME_KEY));
	return name != NULL ? name : "";
}

bool layout_check(const struct layout *layout, struct error *err)
{
	bool marked;
	if (!is_layout(layout, &marked, err))
		return false;
	if (!marked)
		return error_set(err, ERROR_SYSTEM,
		                 "%s is no image layout (it has no file " MARKER
		                 "); make one with: tiphys push --store %s FILE REF",
		                 layout_dir(layout), layout_dir(layout));
	return true;
}

bool layout_find(struct layout *layout, const struct reference *reference, const char *text,
                 struct digest *manifest, bool *found, struct error *err)
{
	*found = false;
	if (!layout_check(layout, err))
		return false;
	if (reference->has_digest) {
		cleanup_free char *path = NULL;
		if (!blobs_find(layout->blobs, &reference->digest, BLOBS_ANY_SIZE, &path, err))
			return false;
		*found = path != NULL;
		*manifest = reference->digest;
		return true;
	}
	cleanup_json json_t *index = object_in(layout, INDEX, LAYOUT_INDEX_MAX_BYTES, err);
	if (err->kind != ERROR_NONE)
		return false;
	char name[REFERENCE_TEXT_SIZE];
	reference_name(reference, name);
	size_t at;
	json_t *entry;
	json_array_foreach(json_object_get(index, "manifests"), at, entry)
	{
		if (strcmp(name_of(entry), name) != 0 && strcmp(name_of(entry), text) != 0)
			continue;
		const char *digest = json_string_value(json_object_get(entry, "digest"));
		if (digest == NULL || !digest_parse(manifest, digest))
			return error_set(err, ERROR_SYSTEM,
			                 "%s/" INDEX " is damaged: the entry of %s has no digest",
			                 layout_dir(layout), name);
		*found = true;
	}
	return true;
}

/* The lock of all writers, held while the descriptor is open. */
static int locked_folder(const struct layout *layout, struct error *err)
{
	cleanup_close int fd = open(layout_dir(layout), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int status = -1;
	while (fd >= 0 && (status = flock(fd, LOCK_EX)) != 0 && errno == EINTR)
		;
	if (status != 0) {
		error_set_errno(err, errno, "cannot lock the store %s", layout_dir(layout));
		return -1;
	}
	return take_fd(&fd);
}

bool layout_prepare(struct layout *layout, struct error *err)
{
	bool marked;
	if (!is_layout(layout, &marked, err))
		return false;
	if (!blobs_make_folders(layout->blobs, err))
		return false;
	if (marked)
		return true;
	cleanup_close int lock = locked_folder(layout, err);
	return lock >= 0 && is_layout(layout, &marked, err) &&
	       (marked ||
	        blobs_replace_file(layout->blobs, MARKER, MARKER_TEXT, strlen(MARKER_TEXT), err));
}

static void remove_name(json_t *entries, const char *name)
{
	for (size_t at = json_array_size(entries); at-- > 0;)
		if (strcmp(name_of(json_array_get(entries, at)), name) == 0)
			json_array_remove(entries, at);
}

bool layout_name(struct layout *layout, const char *name, const struct descriptor *manifest,
                 const char *media_type, struct error *err)
{
	cleanup_close int lock = locked_folder(layout, err);
	if (lock < 0)
		return false;
	cleanup_json json_t *index = object_in(layout, INDEX, LAYOUT_INDEX_MAX_BYTES, err);
	if (err->kind != ERROR_NONE)
		return false;
	if (index == NULL)
		index = json_pack("{s:i, s:s, s:[]}", "schemaVersion", 2, "mediaType", MANIFEST_OCI_INDEX,
		                  "manifests");
	json_t *entries = json_object_get(index, "manifests");
	if (!json_is_array(entries))
		return error_set(err, ERROR_SYSTEM, "%s/" INDEX " is damaged: no manifests",
		                 layout_dir(layout));
	remove_name(entries, name);
	char digest[DIGEST_TEXT_SIZE];
	json_t *entry = json_pack("{s:s, s:s, s:I, s:{s:s}}", "mediaType", media_type, "digest",
	                          digest_format(&manifest->digest, digest), "size",
	                          (json_int_t)manifest->size, "annotations", NAME_KEY, name);
	cleanup_free char *text = NULL;
	if (entry != NULL && json_array_append_new(entries, entry) == 0)
		text = json_dumps(index, JSON_INDENT(2));
	if (text == NULL)
		return error_set(err, ERROR_NO_MEMORY, "no memory for %s/" INDEX, layout_dir(layout));
	return blobs_replace_file(layout->blobs, INDEX, text, strlen(text), err);
}
