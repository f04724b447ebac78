#include "plugin/workdir.h"

#include "caps/cleanup.h"
#include "plugin/remove.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

/* More are not kept for runs to come. */
#define SPARES_MAX 64

/* A directory that has held so many entries that the file system has made it larger is not kept: it
 * would be slow from then on. */
#define SPARE_BYTES_MAX ((off_t)64 << 10)

#define ROOT_PREFIX "tiphys-serve."
#define LOCK_NAME "lock"

/* Directories that are empty and ready. Runs may outlive the root: the last holder frees it. */
struct spares {
	pthread_mutex_t lock;
	size_t holders; /* the root, and runs under way */
	size_t count;
	struct workdir dirs[SPARES_MAX];
};

static struct spares *hold(struct spares *spares)
{
	pthread_mutex_lock(&spares->lock);
	spares->holders++;
	pthread_mutex_unlock(&spares->lock);
	return spares;
}

static void let_go(struct spares *spares)
{
	pthread_mutex_lock(&spares->lock);
	bool is_last = --spares->holders == 0;
	pthread_mutex_unlock(&spares->lock);
	if (is_last) {
		pthread_mutex_destroy(&spares->lock);
		free(spares);
	}
}

/* ---- the root ---- */

/* A descriptor of the root's lock, locked; -1 when another server holds it or there is none. */
static int take_lock(const char *root, int flags)
{
	cleanup_free char *path = NULL;
	if (asprintf(&path, "%s/" LOCK_NAME, root) < 0) {
		path = NULL;
		return -1;
	}
	cleanup_close int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) != 0)
		return -1;
	return take_fd(&fd);
}

static void remove_abandoned(const char *parent)
{
	cleanup_closedir DIR *dir = opendir(parent);
	if (dir == NULL)
		return;
	for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
		if (strncmp(entry->d_name, ROOT_PREFIX, strlen(ROOT_PREFIX)) != 0)
			continue;
		cleanup_free char *path = NULL;
		if (asprintf(&path, "%s/%s", parent, entry->d_name) < 0) {
			path = NULL;
			continue;
		}
		cleanup_close int lock = take_lock(path, 0);
		if (lock >= 0)
			remove_tree(path);
	}
}

bool workroot_create(struct workroot *root, const char *parent, struct error *err)
{
	remove_abandoned(parent);
	cleanup_free char *path = NULL;
	if (asprintf(&path, "%s/" ROOT_PREFIX "XXXXXX", parent) < 0) {
		path = NULL;
		return error_set(err, ERROR_NO_MEMORY, "work directory");
	}
	if (mkdtemp(path) == NULL)
		return error_set_errno(
		    err, errno, "cannot make a directory below the work directory %s (--work-dir)", parent);
	int lock = take_lock(path, O_CREAT);
	if (lock < 0) {
		error_set_errno(err, errno, "cannot lock %s", path);
		remove_tree(path);
		return false;
	}
	struct spares *spares = calloc(1, sizeof *spares);
	if (spares == NULL) {
		close(lock);
		remove_tree(path);
		return error_set(err, ERROR_NO_MEMORY, "work directory");
	}
	pthread_mutex_init(&spares->lock, NULL);
	spares->holders = 1;
	*root = (struct workroot){.path = take_ptr(&path), .lock = lock, .spares = spares};
	return true;
}

void workroot_destroy(struct workroot *root)
{
	struct spares *spares = root->spares;
	if (spares != NULL) {
		/* A run that is still under way (the server does not wait for it) finds no room for its
		 * own, and removes it. */
		pthread_mutex_lock(&spares->lock);
		for (size_t i = 0; i < spares->count; i++) {
			caps_destroy(spares->dirs[i].caps);
			free(spares->dirs[i].path);
		}
		spares->count = SPARES_MAX;
		pthread_mutex_unlock(&spares->lock);
		let_go(spares);
	}
	remove_tree(root->path);
	close(root->lock);
	free(root->path);
	*root = (struct workroot){.lock = -1};
}

/* ---- one run ---- */

static bool take_spare(struct spares *spares, struct workdir *dir)
{
	pthread_mutex_lock(&spares->lock);
	bool taken = spares->count > 0 && spares->count < SPARES_MAX;
	if (taken)
		*dir = spares->dirs[--spares->count];
	pthread_mutex_unlock(&spares->lock);
	return taken;
}

static bool give_spare(struct spares *spares, const struct workdir *dir)
{
	pthread_mutex_lock(&spares->lock);
	bool given = spares->count < SPARES_MAX - 1;
	if (given)
		spares->dirs[spares->count++] = *dir;
	pthread_mutex_unlock(&spares->lock);
	return given;
}

/* Is it fit for another run once it is empty? */
static bool is_fit(const struct workdir *dir)
{
	struct stat st;
	return dir->fd >= 0 && caps_fd_stat(dir->caps, (uint32_t)dir->fd, &st) == 0 &&
	       st.st_size <= SPARE_BYTES_MAX;
}

bool workdir_create(struct workdir *dir, const struct workroot *root, struct error *err)
{
	static atomic_ulong serial;
	struct spares *home = hold(root->spares);
	bool is_spare = take_spare(home, dir);
	dir->home = home;
	if (is_spare)
		return true;
	if (asprintf(&dir->path, "%s/%lu", root->path, atomic_fetch_add(&serial, 1)) < 0) {
		dir->path = NULL;
		return error_set(err, ERROR_NO_MEMORY, "work directory");
	}
	if (mkdir(dir->path, 0700) != 0) {
		error_set_errno(err, errno, "work directory %s", dir->path);
		free(dir->path);
		dir->path = NULL;
		return false;
	}
	dir->caps = caps_create();
	if (dir->caps == NULL)
		return error_set(err, ERROR_NO_MEMORY, "work directory");
	int failure = caps_grant_dir(dir->caps, dir->path, WORKDIR_GUEST, CAPS_READ_WRITE);
	if (failure < 0)
		return error_set_errno(err, -failure, "work directory %s", dir->path);
	dir->fd = CAPS_STDERR + 1;
	return true;
}

static bool is_dots(void *env, const struct caps_dirent *entry)
{
	bool *holds_something = env;
	*holds_something = strcmp(entry->name, ".") != 0 && strcmp(entry->name, "..") != 0;
	return !*holds_something;
}

/* Most commands write no file: then there is nothing to be walked. */
static bool is_empty(const struct workdir *dir)
{
	bool holds_something = false;
	return dir->fd >= 0 &&
	       caps_fd_readdir(dir->caps, (uint32_t)dir->fd, 0, is_dots, &holds_something) >= 0 &&
	       !holds_something;
}

void workdir_destroy(struct workdir *dir)
{
	if (dir->path != NULL && (is_empty(dir) || empty_tree(dir->path) == 0) && is_fit(dir) &&
	    give_spare(dir->home, dir)) {
		let_go(dir->home);
		*dir = (struct workdir)WORKDIR_INIT;
		return;
	}
	caps_destroy(dir->caps);
	if (dir->path != NULL)
		remove_tree(dir->path);
	free(dir->path);
	if (dir->home != NULL)
		let_go(dir->home);
	*dir = (struct workdir)WORKDIR_INIT;
}

const char *workdir_relative(const char *guest)
{
	size_t prefix = strlen(WORKDIR_GUEST "/");
	if (strncmp(guest, WORKDIR_GUEST "/", prefix) != 0)
		return NULL;
	for (const char *part = guest + prefix; part != NULL;) {
		size_t size = strcspn(part, "/");
		if (size == 0 || (size == 1 && part[0] == '.') ||
		    (size == 2 && strncmp(part, "..", 2) == 0))
			return NULL;
		part = part[size] == '/' ? part + size + 1 : NULL;
	}
	return guest + prefix;
}

bool workdir_mkdir(struct workdir *dir, const char *path, struct error *err)
{
	cleanup_free char *part = strdup(path);
	if (part == NULL)
		return error_set(err, ERROR_NO_MEMORY, WORKDIR_GUEST "/%s", path);
	for (char *slash = part; slash != NULL;) {
		slash = strchr(slash, '/');
		if (slash != NULL)
			*slash = '\0';
		int failure = caps_path_mkdir(dir->caps, (uint32_t)dir->fd, part);
		if (failure < 0 && failure != -EEXIST)
			return error_set_errno(err, -failure, WORKDIR_GUEST "/%s", part);
		if (slash != NULL)
			*slash++ = '/';
	}
	return true;
}

static bool write_all(struct workdir *dir, uint32_t fd, const char *data, size_t size, int *failure)
{
	while (size > 0) {
		struct iovec iov = {.iov_base = (char *)data, .iov_len = size};
		ssize_t written = caps_fd_write(dir->caps, fd, &iov, 1);
		if (written <= 0) {
			*failure = written == 0 ? ENOSPC : (int)-written;
			return false;
		}
		data += written;
		size -= (size_t)written;
	}
	return true;
}

bool workdir_write(struct workdir *dir, const char *path, const void *data, size_t size,
                   struct error *err)
{
	const char *last = strrchr(path, '/');
	if (last != NULL) {
		cleanup_free char *above = strndup(path, (size_t)(last - path));
		if (above == NULL)
			return error_set(err, ERROR_NO_MEMORY, WORKDIR_GUEST "/%s", path);
		if (!workdir_mkdir(dir, above, err))
			return false;
	}
	const struct caps_open how = {.write = true, .create = true, .exclusive = true};
	int fd = caps_path_open(dir->caps, (uint32_t)dir->fd, path, &how);
	if (fd < 0)
		return error_set_errno(err, -fd, WORKDIR_GUEST "/%s", path);
	int failure = 0;
	bool done = write_all(dir, (uint32_t)fd, data, size, &failure);
	caps_fd_close(dir->caps, (uint32_t)fd);
	return done || error_set_errno(err, failure, WORKDIR_GUEST "/%s", path);
}

static bool read_open(struct workdir *dir, uint32_t fd, const char *path, size_t max,
                      struct bytes *into, struct error *err)
{
	struct stat st;
	int failure = caps_fd_stat(dir->caps, fd, &st);
	if (failure < 0)
		return error_set_errno(err, -failure, WORKDIR_GUEST "/%s", path);
	if (!S_ISREG(st.st_mode))
		return error_set(err, ERROR_USAGE, WORKDIR_GUEST "/%s: is not a regular file", path);
	if ((uint64_t)st.st_size > max)
		return error_set(err, ERROR_LIMIT, WORKDIR_GUEST "/%s: %lld bytes are more than %zu", path,
		                 (long long)st.st_size, max);
	size_t left = (size_t)st.st_size;
	while (left > 0) {
		struct iovec iov = {.iov_base = bytes_reserve(into, left), .iov_len = left};
		if (iov.iov_base == NULL)
			return error_set(err, ERROR_NO_MEMORY, WORKDIR_GUEST "/%s", path);
		ssize_t got = caps_fd_read(dir->caps, fd, &iov, 1);
		if (got < 0)
			return error_set_errno(err, (int)-got, WORKDIR_GUEST "/%s", path);
		if (got == 0)
			break;
		bytes_grown(into, (size_t)got);
		left -= (size_t)got;
	}
	return true;
}

bool workdir_read(struct workdir *dir, const char *path, size_t max, struct bytes *into,
                  struct error *err)
{
	const struct caps_open how = {.read = true, .follow = true, .flags = O_NONBLOCK};
	int fd = caps_path_open(dir->caps, (uint32_t)dir->fd, path, &how);
	if (fd < 0)
		return error_set_errno(err, -fd, WORKDIR_GUEST "/%s", path);
	bool done = read_open(dir, (uint32_t)fd, path, max, into, err);
	caps_fd_close(dir->caps, (uint32_t)fd);
	return done;
}
