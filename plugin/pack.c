#include "plugin/pack.h"

#include "caps/cleanup.h"
#include "plugin/tree.h"
#include "validator/printable.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define BLOCK_BYTES (64 * 1024)

struct packing {
	struct archive *archive;
	struct archive_entry *entry;
	const struct archive_limits *limits;
	const struct pack_sink *sink;
	struct error *err;
	const char *root; /* the name of everything */
	uint64_t bytes, files;
	locale_t old;
};

static void packing_clear(struct packing *packing)
{
	archive_entry_free(packing->entry);
	archive_write_free(packing->archive);
	if (packing->old != (locale_t)0)
		freelocale(uselocale(packing->old));
}

static la_ssize_t on_write(struct archive *archive, void *env, const void *bytes, size_t size)
{
	struct packing *packing = env;
	/* libarchive writes on when it is freed. */
	if (packing->err->kind == ERROR_NONE &&
	    packing->sink->add(packing->sink->env, bytes, size, packing->err))
		return (la_ssize_t)size;
	archive_set_error(archive, EIO, "%s", packing->err->message);
	return -1;
}

static bool unwritable(struct packing *packing, const char *path)
{
	const char *why = archive_error_string(packing->archive);
	char shown[200];
	return error_set(packing->err, ERROR_SYSTEM, "cannot pack %s: %s",
	                 printable_ascii(path, shown, sizeof shown),
	                 why == NULL ? "unknown error" : why);
}

static bool count(struct packing *packing, uint64_t bytes)
{
	if (++packing->files > packing->limits->files)
		return error_set(packing->err, ERROR_LIMIT,
		                 "it holds more than %" PRIu64 " entries (--max-artifact-files)",
		                 packing->limits->files);
	if (bytes > packing->limits->bytes - packing->bytes)
		return error_set(packing->err, ERROR_LIMIT,
		                 "it has more than %" PRIu64 " bytes (--max-artifact)",
		                 packing->limits->bytes);
	packing->bytes += bytes;
	return true;
}

static bool add_contents(struct packing *packing, int file, const char *path, uint64_t size)
{
	cleanup_free char *block = malloc(BLOCK_BYTES);
	if (block == NULL)
		return error_set(packing->err, ERROR_NO_MEMORY, "no memory to pack %.200s", path);
	while (size > 0) {
		ssize_t got = read(file, block, size < BLOCK_BYTES ? (size_t)size : BLOCK_BYTES);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return error_set_errno(packing->err, got < 0 ? errno : EIO, "cannot read %.200s", path);
		if (archive_write_data(packing->archive, block, (size_t)got) < 0)
			return unwritable(packing, path);
		size -= (uint64_t)got;
	}
	return true;
}

/* `path` is the entry's in the archive. */
static bool add(struct packing *packing, int folder, const char *name, const char *path)
{
	struct stat st;
	char target[TREE_PATH_MAX + 1] = "", shown[200];
	cleanup_close int file = -1;
	printable_ascii(path, shown, sizeof shown);
	if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return error_set_errno(packing->err, errno, "%s", shown);
	if (S_ISLNK(st.st_mode)) {
		ssize_t size = readlinkat(folder, name, target, sizeof target - 1);
		if (size < 0)
			return error_set_errno(packing->err, errno, "%s", shown);
		if (!tree_target_stays(path, target))
			return error_set(packing->err, ERROR_DENIED,
			                 "%s is a symlink that leads out of the artifact, to %.100s", shown,
			                 target);
	} else if (S_ISREG(st.st_mode)) {
		file = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		if (file < 0 || fstat(file, &st) != 0)
			return error_set_errno(packing->err, errno, "%s", shown);
	}
	if (!S_ISLNK(st.st_mode) && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		return error_set(packing->err, ERROR_USAGE, "%s is no file, folder or symlink", shown);
	uint64_t bytes = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
	if (!count(packing, bytes))
		return false;
	archive_entry_clear(packing->entry);
	archive_entry_set_pathname(packing->entry, path);
	archive_entry_set_mode(packing->entry, st.st_mode & (S_IFMT | 0777));
	archive_entry_set_size(packing->entry, (la_int64_t)bytes);
	archive_entry_set_mtime(packing->entry, st.st_mtim.tv_sec, 0);
	if (S_ISLNK(st.st_mode))
		archive_entry_set_symlink(packing->entry, target);
	if (archive_write_header(packing->archive, packing->entry) < ARCHIVE_WARN)
		return unwritable(packing, shown);
	return bytes == 0 || add_contents(packing, file, shown, bytes);
}

static bool add_below(void *env, int folder, const char *name, const char *path)
{
	struct packing *packing = env;
	char whole[TREE_PATH_MAX + 1];
	if ((size_t)snprintf(whole, sizeof whole, "%s/%s", packing->root, path) >= sizeof whole)
		return error_set(packing->err, ERROR_LIMIT, "%.200s: the path is too long", path);
	return add(packing, folder, name, whole);
}

static bool set_form(struct archive *archive, enum pack_form form, int level)
{
	char text[4];
	snprintf(text, sizeof text, "%d", level);
	if (form == PACK_ZIP)
		return archive_write_set_format_zip(archive) == ARCHIVE_OK;
	/* No time of packing: equal trees become equal bytes. */
	return archive_write_set_format_pax_restricted(archive) == ARCHIVE_OK &&
	       archive_write_add_filter_gzip(archive) == ARCHIVE_OK &&
	       archive_write_set_filter_option(archive, "gzip", "timestamp", NULL) == ARCHIVE_OK &&
	       (level < 0 || archive_write_set_filter_option(archive, "gzip", "compression-level",
	                                                     text) == ARCHIVE_OK);
}

bool pack(enum pack_form form, int level, int folder, const char *name,
          const struct archive_limits *limits, const struct pack_sink *sink, struct error *err)
{
	__attribute__((cleanup(packing_clear))) struct packing packing = {
	    .archive = archive_write_new(),
	    .entry = archive_entry_new(),
	    .limits = limits,
	    .sink = sink,
	    .err = err,
	    .root = name,
	};
	locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	packing.old = utf8 == (locale_t)0 ? (locale_t)0 : uselocale(utf8);
	if (packing.archive == NULL || packing.entry == NULL || !set_form(packing.archive, form, level))
		return error_set(err, ERROR_NO_MEMORY, "no memory to pack it");
	/* The last block is not padded, so that an upload gets what there is. */
	archive_write_set_bytes_per_block(packing.archive, BLOCK_BYTES);
	archive_write_set_bytes_in_last_block(packing.archive, 1);
	if (archive_write_open(packing.archive, &packing, NULL, on_write, NULL) != ARCHIVE_OK)
		return unwritable(&packing, name);
	if (!add(&packing, folder, name, name))
		return false;
	cleanup_close int below = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int result = below < 0 ? 0 : tree_walk(below, (unsigned)limits->depth, add_below, &packing);
	if (result < 0)
		return error_set_errno(err, -result, "cannot read it");
	if (result > 0)
		return false;
	return archive_write_close(packing.archive) == ARCHIVE_OK || unwritable(&packing, name);
}
