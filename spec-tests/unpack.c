#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "spec-tests/unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool path_join(char *buf, size_t size, const char *folder, const char *rest)
{
	int used = snprintf(buf, size, "%s/%s", folder, rest);
	return used > 0 && (size_t)used < size;
}

static int remove_entry(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

void remove_tree(const char *path)
{
	nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static bool folder_make_in(const char *tmp, char folder[PATH_MAX], struct error *err)
{
	if (path_join(folder, PATH_MAX, tmp, "tiphys-spec-XXXXXX") && mkdtemp(folder))
		return true;
	folder[0] = '\0';
	return error_set_errno(err, errno, "no new folder in %s", tmp);
}

/* NULL when the environment names none. */
static const char *temporary_folder(void)
{
	const char *tmp = getenv("TMPDIR");
	return tmp && *tmp ? tmp : NULL;
}

bool folder_make(char folder[PATH_MAX], struct error *err)
{
	const char *tmp = temporary_folder();
	return folder_make_in(tmp ? tmp : "/tmp", folder, err);
}

/* Entries go below `folder` and nowhere else, whatever the archive says. */
static bool extract(const char *path, const char *folder, struct error *err)
{
	enum {
		SAFE = ARCHIVE_EXTRACT_SECURE_NODOTDOT | ARCHIVE_EXTRACT_SECURE_SYMLINKS |
		       ARCHIVE_EXTRACT_UNLINK
	};
	struct archive *from = archive_read_new();
	struct archive *to = archive_write_disk_new();
	struct archive_entry *entry;
	archive_read_support_filter_all(from);
	archive_read_support_format_tar(from);
	archive_write_disk_set_options(to, SAFE);
	int status = archive_read_open_filename(from, path, 1 << 16);
	while (status == ARCHIVE_OK &&
	       (status = archive_read_next_header(from, &entry)) == ARCHIVE_OK) {
		char target[PATH_MAX];
		if (!path_join(target, sizeof target, folder, archive_entry_pathname(entry))) {
			status = ARCHIVE_FATAL;
			break;
		}
		archive_entry_set_pathname(entry, target);
		status = archive_read_extract2(from, entry, to);
	}
	if (status != ARCHIVE_EOF)
		error_set(err, ERROR_USAGE, "%s: cannot be unpacked: %s", path,
		          archive_error_string(from) ? archive_error_string(from)
		                                     : archive_error_string(to));
	archive_read_free(from);
	archive_write_free(to);
	return status == ARCHIVE_EOF;
}

static bool unpack_in(const char *tmp, const char *path, char folder[PATH_MAX], struct error *err)
{
	if (!folder_make_in(tmp, folder, err))
		return false;
	if (extract(path, folder, err))
		return true;
	remove_tree(folder);
	folder[0] = '\0';
	return false;
}

bool unpack(const char *path, char folder[PATH_MAX], struct error *err)
{
	/* Thousands of small files take a second in memory, and many on a busy disk. */
	struct error ignored = ERROR_INIT;
	const char *tmp = temporary_folder();
	if (!tmp && unpack_in("/dev/shm", path, folder, &ignored))
		return true;
	return unpack_in(tmp ? tmp : "/tmp", path, folder, err);
}

static bool file_copy(const char *from, const char *to)
{
	char bytes[1 << 16];
	ssize_t n = -1;
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	while (in >= 0 && out >= 0 && (n = read(in, bytes, sizeof bytes)) > 0) {
		if (write(out, bytes, (size_t)n) != n) {
			n = -1;
			break;
		}
	}
	int saved = errno;
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
	errno = saved;
	return n == 0;
}

static bool entry_copy(const char *from, const char *to, struct error *err)
{
	struct stat st;
	if (lstat(from, &st) == 0 && S_ISDIR(st.st_mode))
		return tree_copy(from, to, err);
	return file_copy(from, to) || error_set_errno(err, errno, "cannot copy %s to %s", from, to);
}

bool tree_copy(const char *from, const char *to, struct error *err)
{
	DIR *dir = opendir(from);
	if (!dir || (mkdir(to, 0777) < 0 && errno != EEXIST)) {
		error_set_errno(err, errno, "cannot copy %s to %s", from, to);
		if (dir)
			closedir(dir);
		return false;
	}
	bool is_done = true;
	struct dirent *entry;
	while (is_done && (entry = readdir(dir))) {
		char source[PATH_MAX], target[PATH_MAX];
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		is_done = path_join(source, sizeof source, from, entry->d_name) &&
		          path_join(target, sizeof target, to, entry->d_name) &&
		          entry_copy(source, target, err);
	}
	closedir(dir);
	return is_done;
}
