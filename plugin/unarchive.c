#include "plugin/unarchive.h"

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
#define PERMISSIONS 0777
/* What an entry costs beside its contents, so that endless empty ones come to an end too. */
#define ENTRY_BYTES 512

struct unpacking {
	struct archive *archive;
	const struct archive_source *source; /* NULL: a file */
	const struct archive_limits *limits;
	struct tree tree;
	struct error *err;
	uint64_t bytes, files;
	uint64_t packed; /* bytes that were read so far; for a file its size */
	char path[TREE_PATH_MAX + 1];
	char shown[200]; /* path, for messages */
	struct folder *folders;
	size_t folder_count, folder_room;
};

/* Folders get their modes last: one may be without write permission. */
struct folder {
	char *path;
	mode_t mode;
};

static void unpacking_clear(struct unpacking *unpacking)
{
	archive_read_free(unpacking->archive);
	tree_clear(&unpacking->tree);
	for (size_t i = 0; i < unpacking->folder_count; i++)
		free(unpacking->folders[i].path);
	free(unpacking->folders);
}

/* Names are in UTF-8 whatever the server's own locale: pax headers and zips say so. */
static void take_utf8(locale_t *old)
{
	locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	*old = utf8 == (locale_t)0 ? (locale_t)0 : uselocale(utf8);
}

static void leave_utf8(locale_t *old)
{
	if (*old != (locale_t)0) {
		locale_t ours = uselocale(*old);
		if (ours != LC_GLOBAL_LOCALE)
			freelocale(ours);
	}
}

/* ---- limits ---- */

static bool count_entry(struct unpacking *u)
{
	if (++u->files > u->limits->files)
		return error_set(u->err, ERROR_LIMIT,
		                 "it holds more than %" PRIu64 " entries (--max-artifact-files)",
		                 u->limits->files);
	return true;
}

/* Before `size` more bytes are unpacked. */
static bool count_bytes(struct unpacking *u, uint64_t size)
{
	if (size > u->limits->bytes - u->bytes)
		return error_set(u->err, ERROR_LIMIT,
		                 "it unpacks to more than %" PRIu64
		                 " bytes (--max-artifact); stopped at %s",
		                 u->limits->bytes, u->shown);
	u->bytes += size;
	if (u->bytes > ARCHIVE_RATIO_GRACE && u->bytes / u->limits->ratio > u->packed)
		return error_set(u->err, ERROR_LIMIT,
		                 "%" PRIu64 " packed bytes unpack to more than %" PRIu64
		                 " times as many, as in a bomb; stopped at %s; if that is meant, raise "
		                 "--max-artifact-ratio",
		                 u->packed, u->limits->ratio, u->shown);
	return true;
}

/* ---- entries ---- */

static bool failed(struct unpacking *u, int failure)
{
	if (failure == ELOOP)
		return error_set(u->err, ERROR_DENIED,
		                 "entry %s: would be written through a symlink of the archive", u->shown);
	return error_set_errno(u->err, failure, "entry %s", u->shown);
}

static bool unreadable(struct unpacking *u, const char *where)
{
	char why[200];
	const char *text = archive_error_string(u->archive);
	if (u->err->kind != ERROR_NONE) /* of the source, which libarchive was told to stop for */
		return false;
	printable_ascii(text != NULL ? text : "unknown error", why, sizeof why);
	return error_set(u->err, ERROR_NETWORK, "the archive is damaged or cut short%s%s: %s",
	                 *where == '\0' ? "" : " at ", where, why);
}

/* Makes way for an entry: what has its name goes, but for a folder. */
static bool make_way(struct unpacking *u, int above, const char *name)
{
	if (unlinkat(above, name, 0) == 0 || errno == ENOENT)
		return true;
	if (errno == EISDIR)
		return error_set(u->err, ERROR_USAGE,
		                 "entry %s: is a folder and something else in one archive", u->shown);
	return failed(u, errno);
}

static bool write_block(struct unpacking *u, int fd, const char *bytes, size_t size, int64_t offset)
{
	while (size > 0) {
		ssize_t done = pwrite(fd, bytes, size, offset);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return failed(u, done == 0 ? ENOSPC : errno);
		bytes += done;
		size -= (size_t)done;
		offset += done;
	}
	return true;
}

/* A sparse file may end with a hole, which comes as nothing at all. */
static bool end_with_hole(struct unpacking *u, struct archive_entry *entry, int fd, uint64_t end)
{
	uint64_t size = end;
	if (archive_entry_size_is_set(entry) && archive_entry_size(entry) > 0 &&
	    (uint64_t)archive_entry_size(entry) > end)
		size = (uint64_t)archive_entry_size(entry);
	return count_bytes(u, size - end) && (ftruncate(fd, (off_t)size) == 0 || failed(u, errno));
}

/* Reads an entry's contents, into `fd` or (-1) to nowhere: they are counted either way. */
static bool read_contents(struct unpacking *u, struct archive_entry *entry, int fd)
{
	uint64_t end = 0;
	for (;;) {
		const void *block;
		size_t size;
		la_int64_t offset;
		int status = archive_read_data_block(u->archive, &block, &size, &offset);
		if (status == ARCHIVE_EOF)
			return fd < 0 || end_with_hole(u, entry, fd, end);
		if (status == ARCHIVE_RETRY)
			continue;
		if (status < ARCHIVE_WARN)
			return unreadable(u, u->shown);
		if (offset < 0 || (uint64_t)offset + size < end)
			return error_set(u->err, ERROR_NETWORK, "entry %s: its parts overlap", u->shown);
		if (!count_bytes(u, (uint64_t)offset + size - end))
			return false;
		end = (uint64_t)offset + size;
		if (fd >= 0 && !write_block(u, fd, block, size, offset))
			return false;
	}
}

static bool make_file(struct unpacking *u, struct archive_entry *entry)
{
	const char *name;
	int above = tree_above(&u->tree, u->path, true, &name);
	if (above < 0)
		return failed(u, -above);
	if (!make_way(u, above, name))
		return false;
	cleanup_close int fd =
	    openat(above, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return failed(u, errno);
	if (!read_contents(u, entry, fd))
		return false;
	return fchmod(fd, archive_entry_perm(entry) & PERMISSIONS) == 0 || failed(u, errno);
}

static bool remember_mode(struct unpacking *u, mode_t mode)
{
	if (u->folder_count == u->folder_room) {
		size_t room = u->folder_room == 0 ? 64 : u->folder_room * 2;
		struct folder *more = reallocarray(u->folders, room, sizeof *more);
		if (more == NULL)
			return error_set(u->err, ERROR_NO_MEMORY, "entry %s", u->shown);
		u->folders = more;
		u->folder_room = room;
	}
	char *path = strdup(u->path);
	if (path == NULL)
		return error_set(u->err, ERROR_NO_MEMORY, "entry %s", u->shown);
	u->folders[u->folder_count++] = (struct folder){.path = path, .mode = mode};
	return true;
}

static bool make_folder(struct unpacking *u, struct archive_entry *entry)
{
	cleanup_close int fd = tree_folder(&u->tree, u->path, true);
	if (fd < 0)
		return failed(u, -fd);
	return remember_mode(u, (archive_entry_perm(entry) & PERMISSIONS) | 0700) &&
	       read_contents(u, entry, -1);
}

static bool make_symlink(struct unpacking *u, struct archive_entry *entry)
{
	const char *target = archive_entry_symlink(entry), *name;
	char shown[120];
	if (target == NULL || !tree_target_stays(u->path, target))
		return error_set(u->err, ERROR_DENIED, "entry %s: is a symlink that leads out, to %s",
		                 u->shown,
		                 printable_ascii(target == NULL ? "?" : target, shown, sizeof shown));
	int above = tree_above(&u->tree, u->path, true, &name);
	if (above < 0)
		return failed(u, -above);
	if (!make_way(u, above, name))
		return false;
	return symlinkat(target, above, name) == 0 ? read_contents(u, entry, -1) : failed(u, errno);
}

static bool make_hard_link(struct unpacking *u, struct archive_entry *entry, const char *target)
{
	char clean[TREE_PATH_MAX + 1], shown[120];
	unsigned depth;
	struct stat st;
	const char *name;
	printable_ascii(target, shown, sizeof shown);
	if (!tree_path(target, clean, &depth) || depth == 0)
		return error_set(u->err, ERROR_DENIED, "entry %s: is a hard link that leads out, to %s",
		                 u->shown, shown);
	/* A second tree: both folders are needed at once. */
	cleanup_tree struct tree other = TREE_INIT(u->tree.root);
	const char *other_name;
	int from = tree_above(&other, clean, false, &other_name);
	if (from < 0 || fstatat(from, other_name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
	    !S_ISREG(st.st_mode))
		return error_set(u->err, ERROR_USAGE,
		                 "entry %s: is a hard link to %s, which is no file of the archive",
		                 u->shown, shown);
	int above = tree_above(&u->tree, u->path, true, &name);
	if (above < 0)
		return failed(u, -above);
	if (strcmp(clean, u->path) == 0)
		return read_contents(u, entry, -1);
	if (!make_way(u, above, name))
		return false;
	return linkat(from, other_name, above, name, 0) == 0 ? read_contents(u, entry, -1)
	                                                     : failed(u, errno);
}

static bool unpack_entry(struct unpacking *u, struct archive_entry *entry)
{
	const char *path = archive_entry_pathname(entry);
	unsigned depth;
	printable_ascii(path != NULL ? path : "?", u->shown, sizeof u->shown);
	if (!count_entry(u) || !count_bytes(u, ENTRY_BYTES))
		return false;
	if (path == NULL || !tree_path(path, u->path, &depth))
		return error_set(u->err, ERROR_DENIED,
		                 "entry %s: its path is absolute, holds \"..\" or is too long", u->shown);
	if (depth > u->limits->depth)
		return error_set(u->err, ERROR_LIMIT,
		                 "entry %s: lies more than %" PRIu64 " folders deep (--max-artifact-depth)",
		                 u->shown, u->limits->depth);
	if (archive_entry_is_encrypted(entry))
		return error_set(u->err, ERROR_UNSUPPORTED, "entry %s: is encrypted", u->shown);
	if (archive_entry_hardlink(entry) != NULL)
		return depth == 0 || make_hard_link(u, entry, archive_entry_hardlink(entry));
	mode_t type = archive_entry_filetype(entry);
	if (depth == 0) /* "./" */
		return type == AE_IFDIR
		           ? read_contents(u, entry, -1)
		           : error_set(u->err, ERROR_DENIED,
		                       "entry %s: is no folder, but stands for the whole one", u->shown);
	switch (type) {
	case AE_IFREG:
		return make_file(u, entry);
	case AE_IFDIR:
		return make_folder(u, entry);
	case AE_IFLNK:
		return make_symlink(u, entry);
	default:
		return error_set(u->err, ERROR_DENIED,
		                 "entry %s: is a device, a fifo or a socket; files, folders and links are "
		                 "unpacked",
		                 u->shown);
	}
}

/* Innermost first, so that the outer ones can still be entered. */
static bool set_folder_modes(struct unpacking *u)
{
	tree_clear(&u->tree);
	for (size_t i = u->folder_count; i-- > 0;) {
		cleanup_close int fd = tree_folder(&u->tree, u->folders[i].path, false);
		if (fd >= 0 && fchmod(fd, u->folders[i].mode) != 0)
			return error_set_errno(u->err, errno, "folder modes");
	}
	return true;
}

static bool unpack_all(struct unpacking *u)
{
	for (;;) {
		struct archive_entry *entry;
		int status = archive_read_next_header(u->archive, &entry);
		if (status == ARCHIVE_EOF)
			return set_folder_modes(u);
		if (status == ARCHIVE_RETRY)
			continue;
		if (status < ARCHIVE_WARN)
			return unreadable(u, "");
		if (!unpack_entry(u, entry))
			return false;
	}
}

/* ---- the two forms ---- */

static la_ssize_t on_read(struct archive *archive, void *env, const void **bytes)
{
	struct unpacking *u = env;
	ssize_t got = u->source->read(u->source->env, bytes, u->err);
	if (got < 0)
		archive_set_error(archive, EIO, "%s", u->err->message);
	else
		u->packed += (uint64_t)got;
	return got;
}

static bool begin(struct unpacking *u)
{
	u->archive = archive_read_new();
	return u->archive != NULL || error_set(u->err, ERROR_NO_MEMORY, "no memory for libarchive");
}

static void support_tar(struct archive *archive)
{
	archive_read_support_filter_gzip(archive);
	archive_read_support_filter_zstd(archive);
	archive_read_support_format_tar(archive);
	archive_read_support_format_empty(archive);
}

bool unarchive_tar(const struct archive_source *source, int folder,
                   const struct archive_limits *limits, struct error *err)
{
	__attribute__((cleanup(leave_utf8))) locale_t old;
	take_utf8(&old);
	__attribute__((cleanup(unpacking_clear))) struct unpacking u = {
	    .source = source, .limits = limits, .tree = TREE_INIT(folder), .err = err};
	if (!begin(&u))
		return false;
	support_tar(u.archive);
	if (archive_read_open(u.archive, &u, NULL, on_read, NULL) != ARCHIVE_OK)
		return unreadable(&u, "");
	return unpack_all(&u);
}

bool unarchive_zip(int file, int folder, const struct archive_limits *limits, struct error *err)
{
	__attribute__((cleanup(leave_utf8))) locale_t old;
	take_utf8(&old);
	__attribute__((cleanup(unpacking_clear))) struct unpacking u = {
	    .limits = limits, .tree = TREE_INIT(folder), .err = err};
	struct stat st;
	if (fstat(file, &st) != 0)
		return error_set_errno(err, errno, "the zip");
	if (!begin(&u))
		return false;
	u.packed = (uint64_t)st.st_size;
	archive_read_support_format_zip_seekable(u.archive);
	if (archive_read_open_fd(u.archive, file, BLOCK_BYTES) != ARCHIVE_OK)
		return unreadable(&u, "");
	return unpack_all(&u);
}

bool unarchive_is_tgz(const void *bytes, size_t size)
{
	static const unsigned char magic[] = {0x1f, 0x8b};
	struct archive_entry *entry;
	if (size < sizeof magic || memcmp(bytes, magic, sizeof magic) != 0)
		return false;
	struct archive *archive = archive_read_new();
	if (archive == NULL)
		return false;
	archive_read_support_filter_gzip(archive);
	archive_read_support_format_tar(archive);
	bool is = archive_read_open_memory(archive, bytes, size) == ARCHIVE_OK;
	int status = is ? archive_read_next_header(archive, &entry) : ARCHIVE_FATAL;
	archive_read_free(archive);
	return status >= ARCHIVE_WARN && status != ARCHIVE_EOF;
}
