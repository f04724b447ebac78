#include "plugin/blobs.h"

#include "caps/cleanup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* How many checked blobs are remembered; the oldest is forgotten first, and read again. */
#define CHECKED_MAX 256
#define COPY_BYTES (64 * 1024)
#define LOCK_POLL_NANOSECONDS (20 * 1000 * 1000)

/* A file that was read and found to be what its name says. */
struct checked {
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec modified, changed;
};

struct blobs {
	char *root;
	mode_t dir_mode, file_mode;
	bool private;
	bool folders_made;
	pthread_mutex_t lock; /* of all below and folders_made */
	struct checked checked[CHECKED_MAX];
	unsigned checked_count, checked_next;
};

struct blobs *blobs_create(const char *root, mode_t dir_mode, mode_t file_mode, bool private,
                           struct error *err)
{
	struct blobs *blobs = calloc(1, sizeof *blobs);
	char *copy = strdup(root);
	if (blobs == NULL || copy == NULL) {
		free(blobs);
		free(copy);
		error_set(err, ERROR_NO_MEMORY, "no memory for the folder %s", root);
		return NULL;
	}
	size_t length = strlen(copy);
	while (length > 1 && copy[length - 1] == '/')
		copy[--length] = '\0';
	blobs->root = copy;
	blobs->dir_mode = dir_mode;
	blobs->file_mode = file_mode;
	blobs->private = private;
	pthread_mutex_init(&blobs->lock, NULL);
	return blobs;
}

void blobs_destroy(struct blobs *blobs)
{
	if (blobs == NULL)
		return;
	pthread_mutex_destroy(&blobs->lock);
	free(blobs->root);
	free(blobs);
}

const char *blobs_root(const struct blobs *blobs)
{
	return blobs->root;
}

static char *joined(const struct blobs *blobs, const char *folder, const char *name,
                    struct error *err)
{
	char *path = NULL;
	if (asprintf(&path, "%s%s/%s", blobs->root, folder, name) < 0) {
		error_set(err, ERROR_NO_MEMORY, "no memory for a path");
		return NULL;
	}
	return path;
}

static char *blob_path(const struct blobs *blobs, const struct digest *digest, struct error *err)
{
	char text[DIGEST_TEXT_SIZE];
	digest_format(digest, text);
	*strchr(text, ':') = '/';
	return joined(blobs, "/blobs", text, err);
}

static bool make_parents(const char *path, struct error *err)
{
	cleanup_free char *copy = strdup(path);
	if (copy == NULL)
		return error_set(err, ERROR_NO_MEMORY, "no memory for a path");
	for (char *at = strchr(copy + 1, '/'); at != NULL; at = strchr(at + 1, '/')) {
		*at = '\0';
		if (mkdir(copy, 0777) != 0 && errno != EEXIST)
			return error_set_errno(err, errno, "cannot make the folder %s", copy);
		*at = '/';
	}
	return true;
}

static bool private_enough(const struct stat *status)
{
	return status->st_uid == geteuid() && (status->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

static bool make_folder(const struct blobs *blobs, const char *name, struct error *err)
{
	cleanup_free char *path = joined(blobs, "", name, err);
	if (path == NULL)
		return false;
	if (mkdir(path, blobs->dir_mode) != 0 && errno != EEXIST)
		return error_set_errno(err, errno, "cannot make the folder %s", path);
	struct stat status;
	if (stat(path, &status) != 0)
		return error_set_errno(err, errno, "cannot look at the folder %s", path);
	if (!S_ISDIR(status.st_mode))
		return error_set(err, ERROR_SYSTEM, "%s is no folder", path);
	if (blobs->private && !private_enough(&status))
		return error_set(err, ERROR_DENIED,
		                 "the folder %s belongs to user %u with mode %04o; modules are kept only "
		                 "where user %u alone can write (chown, chmod go-w, or choose another)",
		                 path, (unsigned)status.st_uid, (unsigned)status.st_mode & 07777,
		                 (unsigned)geteuid());
	return true;
}

bool blobs_make_folders(struct blobs *blobs, struct error *err)
{
	static const char *const names[] = {"", "blobs", "blobs/sha256", "blobs/sha512", "ingest"};
	pthread_mutex_lock(&blobs->lock);
	bool ok = blobs->folders_made;
	if (!ok) {
		ok = make_parents(blobs->root, err);
		for (size_t i = 0; ok && i < sizeof names / sizeof names[0]; i++)
			ok = make_folder(blobs, names[i], err);
		blobs->folders_made = ok;
	}
	pthread_mutex_unlock(&blobs->lock);
	return ok;
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool was_checked(struct blobs *blobs, const struct stat *status)
{
	bool found = false;
	pthread_mutex_lock(&blobs->lock);
	for (unsigned i = 0; i < blobs->checked_count && !found; i++) {
		const struct checked *row = &blobs->checked[i];
		found = row->inode == status->st_ino && row->device == status->st_dev &&
		        row->size == status->st_size && same_time(&row->modified, &status->st_mtim) &&
		        same_time(&row->changed, &status->st_ctim);
	}
	pthread_mutex_unlock(&blobs->lock);
	return found;
}

static void remember_checked(struct blobs *blobs, const struct stat *status)
{
	pthread_mutex_lock(&blobs->lock);
	blobs->checked[blobs->checked_next] = (struct checked){
	    status->st_dev, status->st_ino, status->st_size, status->st_mtim, status->st_ctim};
	blobs->checked_next = (blobs->checked_next + 1) % CHECKED_MAX;
	if (blobs->checked_count < CHECKED_MAX)
		blobs->checked_count++;
	pthread_mutex_unlock(&blobs->lock);
}

/* *fd is -1 without an error when there is no acceptable blob. */
static bool open_checked(struct blobs *blobs, const char *path, const struct digest *digest,
                         uint64_t size, int *out, struct error *err)
{
	*out = -1;
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP))
		return true;
	if (fd < 0)
		return error_set_errno(err, errno, "cannot open %s", path);
	struct stat status;
	if (fstat(fd, &status) != 0)
		return error_set_errno(err, errno, "cannot look at %s", path);
	if (!S_ISREG(status.st_mode) || (blobs->private && !private_enough(&status)) ||
	    (size != BLOBS_ANY_SIZE && (uint64_t)status.st_size != size))
		return true;
	if (!was_checked(blobs, &status)) {
		struct digest actual;
		uint64_t actual_size;
		if (!digest_of_file(fd, digest->algorithm, &actual, &actual_size, err)) {
			error_wrap(err, "%s", path);
			return false;
		}
		if (!digest_equal(&actual, digest))
			return true;
		remember_checked(blobs, &status);
	}
	*out = take_fd(&fd);
	return true;
}

bool blobs_find(struct blobs *blobs, const struct digest *digest, uint64_t size, char **path,
                struct error *err)
{
	*path = NULL;
	cleanup_free char *candidate = blob_path(blobs, digest, err);
	if (candidate == NULL)
		return false;
	cleanup_close int fd = -1;
	if (!open_checked(blobs, candidate, digest, size, &fd, err))
		return false;
	if (fd >= 0)
		*path = take_ptr(&candidate);
	return true;
}

/* Reads exactly `size` bytes; false with errno 0 when the file is shorter. */
static bool read_all(int fd, char *bytes, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t got = pread(fd, bytes + done, size - done, (off_t)done);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			errno = got == 0 ? 0 : errno;
			return false;
		}
		done += (size_t)got;
	}
	return true;
}

bool blobs_read(struct blobs *blobs, const struct digest *digest, uint64_t max, char **bytes,
                size_t *size, struct error *err)
{
	*bytes = NULL;
	cleanup_free char *path = blob_path(blobs, digest, err);
	if (path == NULL)
		return false;
	cleanup_close int fd = -1;
	if (!open_checked(blobs, path, digest, BLOBS_ANY_SIZE, &fd, err))
		return false;
	if (fd < 0)
		return true;
	struct stat status;
	if (fstat(fd, &status) != 0)
		return error_set_errno(err, errno, "cannot look at %s", path);
	if ((uint64_t)status.st_size > max)
		return error_set(err, ERROR_LIMIT, "%s has %lld bytes, more than the limit of %llu", path,
		                 (long long)status.st_size, (unsigned long long)max);
	cleanup_free char *content = malloc((size_t)status.st_size + 1);
	if (content == NULL)
		return error_set(err, ERROR_NO_MEMORY, "no memory for %s", path);
	if (!read_all(fd, content, (size_t)status.st_size))
		return error_set_errno(err, errno != 0 ? errno : EIO, "cannot read %s", path);
	content[status.st_size] = '\0';
	*size = (size_t)status.st_size;
	*bytes = take_ptr(&content);
	return true;
}

/* One try at getting the lock of a file that still bears its name: only then is the writer alone.
 * False with errno EAGAIN when another holds it. */
static bool try_lock(int fd, const char *path)
{
	if (flock(fd, LOCK_EX | LOCK_NB) != 0)
		return false;
	struct stat mine, named;
	if (fstat(fd, &mine) != 0)
		return false;
	if (stat(path, &named) == 0 && mine.st_ino == named.st_ino && mine.st_dev == named.st_dev)
		return true;
	errno = ESTALE;
	return false;
}

bool blob_writer_open(struct blob_writer *writer, struct blobs *blobs, const char *name,
                      enum digest_algorithm algorithm, uint64_t max, blobs_wait *wait, void *env,
                      struct error *err)
{
	*writer = (struct blob_writer)BLOB_WRITER_INIT;
	if (!blobs_make_folders(blobs, err))
		return false;
	cleanup_free char *path = joined(blobs, "/ingest", name, err);
	if (path == NULL)
		return false;
	uint64_t waited = 0; /* nanoseconds */
	for (;;) {
		cleanup_close int fd =
		    open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, blobs->file_mode);
		if (fd < 0)
			return error_set_errno(err, errno, "cannot write %s", path);
		if (try_lock(fd, path)) {
			writer->fd = take_fd(&fd);
			break;
		}
		if (errno == ESTALE)
			continue;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return error_set_errno(err, errno, "cannot lock %s", path);
		if (wait != NULL && !wait(env))
			return error_set(err, ERROR_NETWORK, "given up while another process was writing %s",
			                 path);
		waited += LOCK_POLL_NANOSECONDS;
		if (waited / 1000000000 >= BLOBS_WAIT_SECONDS)
			return error_set(
			    err, ERROR_SYSTEM,
			    "another process has been writing %s for over %d s; if it hangs, end it", path,
			    BLOBS_WAIT_SECONDS);
		nanosleep(&(struct timespec){.tv_nsec = LOCK_POLL_NANOSECONDS}, NULL);
	}
	writer->blobs = blobs;
	writer->path = take_ptr(&path);
	writer->max = max;
	writer->stream.algorithm = algorithm;
	if (!blob_writer_restart(writer, err)) {
		blob_writer_close(writer);
		return false;
	}
	return true;
}

bool blob_writer_restart(struct blob_writer *writer, struct error *err)
{
	digest_stream_clear(&writer->stream);
	writer->size = 0;
	if (ftruncate(writer->fd, 0) != 0 || lseek(writer->fd, 0, SEEK_SET) != 0)
		return error_set_errno(err, errno, "cannot empty %s", writer->path);
	return digest_stream_init(&writer->stream, writer->stream.algorithm, err);
}

static bool write_all(int fd, const void *bytes, size_t size)
{
	const char *at = bytes;
	while (size > 0) {
		ssize_t put = write(fd, at, size);
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return false;
		at += put;
		size -= (size_t)put;
	}
	return true;
}

bool blob_writer_add(struct blob_writer *writer, const void *bytes, size_t size, struct error *err)
{
	if (size > writer->max - writer->size)
		return error_set(err, ERROR_LIMIT, "more than the %llu bytes that are allowed arrive",
		                 (unsigned long long)writer->max);
	if (!digest_stream_add(&writer->stream, bytes, size, err))
		return false;
	if (!write_all(writer->fd, bytes, size))
		return error_set_errno(err, errno, "cannot write %s", writer->path);
	writer->size += size;
	return true;
}

static bool sync_folder_of(const char *path, struct error *err)
{
	cleanup_free char *folder = strdup(path);
	if (folder == NULL)
		return error_set(err, ERROR_NO_MEMORY, "no memory for a path");
	*strrchr(folder, '/') = '\0';
	cleanup_close int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || (fsync(fd) != 0 && errno != EINVAL))
		return error_set_errno(err, errno, "cannot sync the folder %s", folder);
	return true;
}

bool blob_writer_commit(struct blob_writer *writer, const struct digest *expected,
                        struct digest *digest, struct error *err)
{
	cleanup_blob_writer struct blob_writer mine = *writer;
	*writer = (struct blob_writer)BLOB_WRITER_INIT;
	if (!digest_stream_finish(&mine.stream, digest, err))
		return false;
	if (expected != NULL && !digest_equal(expected, digest)) {
		char want[DIGEST_TEXT_SIZE], got[DIGEST_TEXT_SIZE];
		return error_set(err, ERROR_NETWORK,
		                 "the bytes are not those of the digest: expected %s, received %llu bytes "
		                 "of %s",
		                 digest_format(expected, want), (unsigned long long)mine.size,
		                 digest_format(digest, got));
	}
	cleanup_free char *path = blob_path(mine.blobs, digest, err);
	if (path == NULL)
		return false;
	if (fsync(mine.fd) != 0)
		return error_set_errno(err, errno, "cannot sync %s", mine.path);
	if (rename(mine.path, path) != 0)
		return error_set_errno(err, errno, "cannot rename %s to %s", mine.path, path);
	free(take_ptr(&mine.path)); /* it bears another name now: nothing to delete */
	if (!sync_folder_of(path, err))
		return false;
	struct stat status;
	if (fstat(mine.fd, &status) == 0)
		remember_checked(mine.blobs, &status);
	return true;
}

void blob_writer_close(struct blob_writer *writer)
{
	int kept = errno;
	/* While the lock is still held, so that nobody else's file of this name is hit. */
	if (writer->path != NULL)
		unlink(writer->path);
	if (writer->fd >= 0)
		close(writer->fd);
	free(writer->path);
	digest_stream_clear(&writer->stream);
	*writer = (struct blob_writer)BLOB_WRITER_INIT;
	errno = kept;
}

/* Opens a writer of that digest; one that is closed when the blob turns out to be there. */
static bool open_unless_there(struct blob_writer *writer, struct blobs *blobs, uint64_t size,
                              const struct digest *digest, struct error *err)
{
	char name[DIGEST_TEXT_SIZE];
	digest_format(digest, name);
	if (!blob_writer_open(writer, blobs, name, digest->algorithm, size, NULL, NULL, err))
		return false;
	cleanup_free char *there = NULL;
	bool ok = blobs_find(blobs, digest, size, &there, err);
	if (!ok || there != NULL)
		blob_writer_close(writer);
	return ok;
}

bool blobs_write(struct blobs *blobs, const void *bytes, size_t size, const struct digest *digest,
                 struct error *err)
{
	cleanup_blob_writer struct blob_writer writer = BLOB_WRITER_INIT;
	struct digest written;
	if (!open_unless_there(&writer, blobs, size, digest, err))
		return false;
	return writer.fd < 0 || (blob_writer_add(&writer, bytes, size, err) &&
	                         blob_writer_commit(&writer, digest, &written, err));
}

bool blobs_write_file(struct blobs *blobs, int fd, uint64_t size, const struct digest *digest,
                      struct error *err)
{
	cleanup_blob_writer struct blob_writer writer = BLOB_WRITER_INIT;
	if (!open_unless_there(&writer, blobs, size, digest, err))
		return false;
	if (writer.fd < 0)
		return true;
	char block[COPY_BYTES];
	for (uint64_t done = 0; done < size;) {
		ssize_t got = pread(fd, block, sizeof block, (off_t)done);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return error_set_errno(err, got < 0 ? errno : EIO, "the file to copy became shorter");
		if (!blob_writer_add(&writer, block, (size_t)got, err))
			return false;
		done += (uint64_t)got;
	}
	struct digest written;
	return blob_writer_commit(&writer, digest, &written, err);
}

void blobs_sweep(struct blobs *blobs)
{
	struct error ignored = ERROR_INIT;
	cleanup_free char *folder = joined(blobs, "", "ingest", &ignored);
	DIR *dir = folder != NULL ? opendir(folder) : NULL;
	if (dir == NULL)
		return;
	for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
		if (entry->d_name[0] == '.')
			continue;
		cleanup_free char *path = joined(blobs, "/ingest", entry->d_name, &ignored);
		cleanup_close int fd =
		    path != NULL ? open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK) : -1;
		if (fd >= 0 && try_lock(fd, path))
			unlink(path);
	}
	closedir(dir);
}

bool blobs_replace_file(struct blobs *blobs, const char *name, const void *bytes, size_t size,
                        struct error *err)
{
	cleanup_free char *path = joined(blobs, "", name, err);
	if (path == NULL)
		return false;
	cleanup_blob_writer struct blob_writer writer = BLOB_WRITER_INIT;
	const char *slash = strrchr(name, '/');
	if (!blob_writer_open(&writer, blobs, slash != NULL ? slash + 1 : name, DIGEST_SHA256, size,
	                      NULL, NULL, err) ||
	    !blob_writer_add(&writer, bytes, size, err))
		return false;
	if (fsync(writer.fd) != 0)
		return error_set_errno(err, errno, "cannot sync %s", writer.path);
	if (rename(writer.path, path) != 0)
		return error_set_errno(err, errno, "cannot rename %s to %s", writer.path, path);
	free(take_ptr(&writer.path));
	return sync_folder_of(path, err);
}
