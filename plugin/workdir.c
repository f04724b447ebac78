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

#define ROOT_PREFIX "tiphys-serve."
#define LOCK_NAME "lock"

/* Directories that are empty and ready. Runs may outlive the root: the last holder frees it. */
struct spares {
	pthread_mutex_t lock;
	size_t holders; /* the root, and runs under way */
	size_t makers;  /* that make a directory just now */
	bool is_closed; /* nobody makes one any more */
	pthread_cond_t made;
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
		pthread_cond_destroy(&spares->made);
		pthread_mutex_destroy(&spares->lock);
		free(spares);
	}
}

/* Between true and end_making() the root stays: what is removed while something is made in it would
 * stay, too. */
static bool begin_making(struct spares *spares)
{
	pthread_mutex_lock(&spares->lock);
	bool may = !spares->is_closed;
	spares->makers += may;
	pthread_mutex_unlock(&spares->lock);
	return may;
}

static void end_making(struct spares *spares)
{
	pthread_mutex_lock(&spares->lock);
	if (--spares->makers == 0)
		pthread_cond_broadcast(&spares->made);
	pthread_mutex_unlock(&spares->lock);
}

/* From here on nobody makes a directory. The spares go. */
static void close_spares(struct spares *spares)
{
	pthread_mutex_lock(&spares->lock);
	spares->is_closed = true;
	while (spares->makers > 0)
		pthread_cond_wait(&spares->made, &spares->lock);
	for (; spares->count > 0; spares->count--) {
		caps_destroy(spares->dirs[spares->count - 1].caps);
		free(spares->dirs[spares->count - 1].path);
	}
	pthread_mutex_unlock(&spares->lock);
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
	pthread_cond_init(&spares->made, NULL);
	spares->holders = 1;
	*root = (struct workroot){.path = take_ptr(&path), .lock = lock, .spares = spares};
	return true;
}

void workroot_remove(struct workroot *root)
{
	close_spares(root->spares);
	remove_tree(root->path);
}

void workroot_destroy(struct workroot *root)
{
	if (root->spares == NULL)
		return;
	workroot_remove(root);
	let_go(root->spares);
	close(root->lock);
	free(root->path);
	*root = (struct workroot){.lock = -1};
}

/* ---- one run ---- */

static bool take_spare(struct spares *spares, struct workdir *dir)
{
	pthread_mutex_lock(&spares->lock);
	bool taken = spares->count > 0;
	if (taken)
		*dir = spares->dirs[--spares->count];
	pthread_mutex_unlock(&spares->lock);
	return taken;
}

static bool give_spare(struct spares *spares, const struct workdir *dir)
{
	pthread_mutex_lock(&spares->lock);
	bool given = !spares->is_closed && spares->count < SPARES_MAX;
	if (given)
		spares->dirs[spares->count++] = *dir;
	pthread_mutex_unlock(&spares->lock);
	return given;
}

static bool has_room(struct spares *spares)
{
	pthread_mutex_lock(&spares->lock);
	bool has = !spares->is_closed && spares->count < SPARES_MAX;
	pthread_mutex_unlock(&spares->lock);
	return has;
}

static bool make_path(struct workdir *dir, const char *root, struct error *err)
{
	static atomic_ulong serial;
	if (asprintf(&dir->path, "%s/%lu", root, atomic_fetch_add(&serial, 1)) < 0) {
		dir->path = NULL;
		return error_set(err, ERROR_NO_MEMORY, "work directory");
	}
	if (mkdir(dir->path, 0700) != 0) {
		error_set_errno(err, errno, "work directory %s", dir->path);
		free(dir->path);
		dir->path = NULL;
		return false;
	}
	return true;
}

/* A new one below the root of that path. With false its path is NULL when there is nothing to be
 * removed. */
static bool make(struct workdir *dir, struct spares *spares, const char *root, struct error *err)
{
	if (!begin_making(spares))
		return error_set(err, ERROR_SYSTEM, "work directory: the server stops");
	bool is_made = make_path(dir, root, err);
	end_making(spares);
	if (!is_made)
		return false;
	dir->caps = caps_create();
	if (dir->caps == NULL)
		return error_set(err, ERROR_NO_MEMORY, "work directory");
	int failure = caps_grant_dir(dir->caps, dir->path, WORKDIR_GUEST, CAPS_READ_WRITE);
	if (failure < 0)
		return error_set_errno(err, -failure, "work directory %s", dir->path);
	dir->fd = CAPS_STDERR + 1;
	return true;
}

static bool note_made(struct workdir *dir, struct error *err)
{
	int failure = caps_fd_stat(dir->caps, (uint32_t)dir->fd, &dir->made);
	return failure == 0 || error_set_errno(err, -failure, "work directory %s", dir->path);
}

bool workdir_create(struct workdir *dir, const struct workroot *root, struct error *err)
{
	struct spares *home = hold(root->spares);
	bool is_spare = take_spare(home, dir);
	dir->home = home;
	if (!is_spare)
		return make(dir, home, root->path, err) && note_made(dir, err);
	/* When it was made, another step ended. */
	if (utimensat(AT_FDCWD, dir->path, NULL, AT_SYMLINK_NOFOLLOW) != 0)
		return error_set_errno(err, errno, "work directory %s", dir->path);
	return note_made(dir, err);
}

static bool is_same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* Looks without leaving a time of its own. */
static bool is_empty(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NOATIME);
	cleanup_closedir DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	size_t entries = 0;
	if (dir == NULL && fd >= 0)
		close(fd);
	while (dir != NULL && readdir(dir) != NULL)
		entries++;
	return entries == 2; /* "." and ".." */
}

/* Whether a run has neither changed nor read it, so that the next one can see nothing of that.
 * Times are those of the kernel's clock, which stands for some milliseconds, so they do not tell
 * alone. */
static bool was_left_alone(const struct workdir *dir)
{
	const struct stat *made = &dir->made;
	struct stat now;
	return dir->fd >= 0 && caps_fd_stat(dir->caps, (uint32_t)dir->fd, &now) == 0 &&
	       now.st_size == made->st_size && now.st_nlink == made->st_nlink &&
	       is_same_time(&now.st_atim, &made->st_atim) &&
	       is_same_time(&now.st_mtim, &made->st_mtim) &&
	       is_same_time(&now.st_ctim, &made->st_ctim) && is_empty(dir->path);
}

/* The directory alone; its holder stays. */
static void discard(struct workdir *dir)
{
	caps_destroy(dir->caps);
	if (dir->path != NULL)
		remove_tree(dir->path);
	free(dir->path);
	*dir = (struct workdir){.fd = -1, .home = dir->home};
}

/* Now, when no step waits for it. */
static void make_spare(struct spares *spares, const char *root)
{
	struct workdir dir = WORKDIR_INIT;
	struct error err = ERROR_INIT; /* the next run makes its own, and tells */
	if (has_room(spares) && make(&dir, spares, root, &err) && give_spare(spares, &dir))
		return;
	discard(&dir);
}

void workdir_destroy(struct workdir *dir)
{
	struct spares *home = dir->home;
	if (dir->path != NULL && (!was_left_alone(dir) || !give_spare(home, dir))) {
		cleanup_free char *root = strndup(dir->path, (size_t)(strrchr(dir->path, '/') - dir->path));
		discard(dir);
		if (root != NULL)
			make_spare(home, root);
	}
	if (home != NULL)
		let_go(home);
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
