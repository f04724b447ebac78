/* Opens paths: the only file that does. Everything below a granted directory stays below it.
 *
 * The kernel does it where it can: openat2(2) with RESOLVE_BENEATH and RESOLVE_NO_MAGICLINKS
 * refuses absolute paths, ".." and symlinks that lead out, atomically. Where it cannot (before
 * Linux 5.6, or a seccomp profile that does not know openat2) the path is walked component by
 * component:
 *
 *   - no openat() here ever gets a name with a slash, a "..", or leave to follow a symlink;
 *   - ".." goes back to the descriptor that the walk came from, never to what the file system says
 * is the parent, so a directory that is moved meanwhile leads nowhere else;
 *   - symlinks are read and their text is walked in their place; an absolute one is refused. The
 * text of a magic link of /proc is absolute or names nothing.
 *
 * Operations that take a name (unlink, rename, …) act on the last component in its directory, which
 * was opened this way: see place_find(). */
#include "caps/set.h"

#include "caps/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>

#ifndef SYS_openat2
#define SYS_openat2 437 /* the same on every architecture */
#endif

/* As openat2(2) has them; not every libc comes with the kernel's headers. */
struct open_how_v0 {
	uint64_t flags;
	uint64_t mode;
	uint64_t resolve;
};
#define RESOLVE_NO_MAGICLINKS_V0 0x02u
#define RESOLVE_BENEATH_V0 0x08u

#define RACE_RETRIES 64 /* openat2 says EAGAIN when a rename got in its way */
#define DEPTH_MAX 256   /* directories that a walk is inside of */
#define NAME_SIZE 256

#define OPEN_ALWAYS (O_CLOEXEC | O_NOCTTY)

static atomic_bool openat2_is_missing;
static atomic_bool walk_is_forced;

void caps_force_walk(bool on)
{
	walk_is_forced = on;
}

/* ---- by the kernel ---- */

static int openat2_beneath(int root, const char *path, int flags, mode_t mode)
{
	struct open_how_v0 how = {
	    .flags = (uint64_t)(unsigned)(flags | OPEN_ALWAYS),
	    .mode = flags & O_CREAT ? mode : 0,
	    .resolve = RESOLVE_BENEATH_V0 | RESOLVE_NO_MAGICLINKS_V0,
	};
	if (flags & O_PATH)
		how.flags &= ~(uint64_t)O_NOCTTY;
	long fd = syscall(SYS_openat2, root, path, &how, sizeof(how));
	return fd < 0 ? -errno : (int)fd;
}

/* EPERM may be about the file; asking for the directory itself tells. */
static bool is_missing(int root, int error)
{
	if (error == -ENOSYS)
		return true;
	if (error != -EPERM)
		return false;
	cleanup_close int fd = openat2_beneath(root, ".", O_PATH | O_DIRECTORY, 0);
	return fd == -EPERM;
}

static int open_by_kernel(int root, const char *path, int flags, mode_t mode)
{
	for (int i = 0; i < RACE_RETRIES; i++) {
		int fd = openat2_beneath(root, path, flags, mode);
		if (fd != -EAGAIN && fd != -EINTR)
			return fd;
	}
	return -EAGAIN;
}

/* ---- by walking ---- */

struct walk {
	int root;            /* borrowed */
	int dirs[DEPTH_MAX]; /* from below the root to where the walk is; owned */
	int depth;
	int links;                    /* symlinks followed so far */
	char rest[CAPS_PATH_MAX + 1]; /* still to be walked */
};

static void walk_clear(struct walk *w)
{
	while (w->depth > 0)
		close(w->dirs[--w->depth]);
}

static int walk_dir(const struct walk *w)
{
	return w->depth ? w->dirs[w->depth - 1] : w->root;
}

struct component {
	char name[NAME_SIZE];
	bool is_last;
	bool slash; /* one or more follow */
};

/* Takes the next component off w->rest, which is not empty. */
static int walk_next(struct walk *w, struct component *c)
{
	const char *start = w->rest + strspn(w->rest, "/");
	size_t len = strcspn(start, "/");
	if (len >= NAME_SIZE)
		return -ENAMETOOLONG;
	memcpy(c->name, start, len);
	c->name[len] = '\0';
	const char *behind = start + len;
	c->slash = *behind == '/';
	c->is_last = behind[strspn(behind, "/")] == '\0';
	memmove(w->rest, behind, strlen(behind) + 1);
	return 0;
}

/* Puts the text of symlink `name` before the rest. -EINVAL when it is none. */
static int walk_link(struct walk *w, const char *name)
{
	char target[CAPS_PATH_MAX + 1];
	ssize_t len = readlinkat(walk_dir(w), name, target, sizeof(target));
	if (len < 0)
		return -errno;
	if (len == 0)
		return -ENOENT;
	if (target[0] == '/')
		return -EPERM;
	if (++w->links > CAPS_SYMLINKS_MAX)
		return -ELOOP;
	size_t rest = strlen(w->rest);
	if ((size_t)len + rest > CAPS_PATH_MAX)
		return -ENAMETOOLONG;
	memmove(w->rest + len, w->rest, rest + 1);
	memcpy(w->rest, target, (size_t)len);
	return 0;
}

static int walk_up(struct walk *w)
{
	if (w->depth == 0)
		return -EPERM;
	close(w->dirs[--w->depth]);
	return 0;
}

static int walk_down(struct walk *w, const char *name)
{
	if (w->depth == DEPTH_MAX)
		return -ENAMETOOLONG;
	int fd = openat(walk_dir(w), name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) {
		int error = -errno;
		if (error != -ENOTDIR && error != -ELOOP)
			return error;
		int rc = walk_link(w, name);
		return rc == -EINVAL ? -ENOTDIR : rc;
	}
	w->dirs[w->depth++] = fd;
	return 0;
}

#define WALK_ON INT32_MIN /* a symlink was put before the rest: no end yet */

static int walk_end(struct walk *w, const struct component *c, int flags, mode_t mode)
{
	if (c->slash) {
		if (flags & O_CREAT)
			return -EISDIR;
		flags = (flags | O_DIRECTORY) & ~O_NOFOLLOW;
	}
	int fd = openat(walk_dir(w), c->name, flags | O_NOFOLLOW | OPEN_ALWAYS, mode);
	if (fd >= 0)
		return fd;
	int error = -errno;
	if ((error != -ELOOP && error != -ENOTDIR) || (flags & O_NOFOLLOW))
		return error;
	int rc = walk_link(w, c->name);
	if (rc == 0)
		return WALK_ON;
	return rc == -EINVAL ? error : rc;
}

/* O_PATH only together with O_DIRECTORY: otherwise it would open a symlink itself. */
static int open_by_walk(int root, const char *path, int flags, mode_t mode)
{
	__attribute__((cleanup(walk_clear))) struct walk w = {.root = root};
	strcpy(w.rest, path);
	for (;;) {
		struct component c;
		int rc = walk_next(&w, &c);
		if (rc < 0)
			return rc;
		bool is_dot = strcmp(c.name, ".") == 0, is_up = strcmp(c.name, "..") == 0;
		if (c.is_last && !is_dot && !is_up) {
			rc = walk_end(&w, &c, flags, mode);
			if (rc != WALK_ON)
				return rc;
			continue;
		}
		if (is_up)
			rc = walk_up(&w);
		else if (!is_dot)
			rc = walk_down(&w, c.name);
		if (rc < 0)
			return rc;
		if (c.is_last) {
			int fd = openat(walk_dir(&w), ".", flags | OPEN_ALWAYS, mode);
			return fd < 0 ? -errno : fd;
		}
	}
}

/* ---- both ---- */

/* What no walk begins with. */
static int refuse_path(const char *path)
{
	if (!*path)
		return -ENOENT;
	if (*path == '/')
		return -EPERM;
	if (strlen(path) > CAPS_PATH_MAX)
		return -ENAMETOOLONG;
	return 0;
}

int open_below(int root, const char *path, int flags, mode_t mode)
{
	int refused = refuse_path(path);
	if (refused < 0)
		return refused;
	if (!walk_is_forced && !openat2_is_missing) {
		int fd = open_by_kernel(root, path, flags, mode);
		if (!is_missing(root, fd))
			return fd == -EXDEV ? -EPERM : fd;
		openat2_is_missing = true; /* for good: a seccomp profile never gets wider */
	}
	return open_by_walk(root, path, flags, mode);
}

/* Cuts path at its last component: path becomes the directory's path ("." for none), name the last
 * component, or "." when that is "." or ".." and so part of the directory's path. */
static int cut_last(char *path, char name[NAME_SIZE], bool *slash)
{
	size_t len = strlen(path);
	while (len > 1 && path[len - 1] == '/') {
		path[--len] = '\0';
		*slash = true;
	}
	char *last = strrchr(path, '/');
	const char *component = last ? last + 1 : path;
	if (strcmp(component, ".") == 0 || strcmp(component, "..") == 0) {
		strcpy(name, ".");
		return 0;
	}
	if (strlen(component) >= NAME_SIZE)
		return -ENAMETOOLONG;
	strcpy(name, component);
	if (last)
		*last = '\0';
	else
		strcpy(path, ".");
	return 0;
}

/* Replaces name below directory `path` by its target, when it is a symlink: 1, else 0. */
static int follow_last(int dir, char path[CAPS_PATH_MAX + 1], const char *name)
{
	char target[CAPS_PATH_MAX + 1];
	ssize_t len = readlinkat(dir, name, target, sizeof(target));
	if (len <= 0)
		return 0; /* no symlink, or what the operation itself will say */
	if (target[0] == '/')
		return -EPERM;
	size_t at = strlen(path);
	if (at + 1 + (size_t)len > CAPS_PATH_MAX)
		return -ENAMETOOLONG;
	path[at++] = '/';
	memcpy(path + at, target, (size_t)len);
	path[at + (size_t)len] = '\0';
	return 1;
}

int place_find(int root, const char *path, enum follow follow, struct place *place)
{
	char now[CAPS_PATH_MAX + 1];
	int refused = refuse_path(path);
	if (refused < 0)
		return refused;
	strcpy(now, path);
	place->slash = false;
	for (int links = 0; links <= CAPS_SYMLINKS_MAX; links++) {
		int rc = cut_last(now, place->name, &place->slash);
		if (rc < 0)
			return rc;
		cleanup_close int dir = open_below(root, now, O_PATH | O_DIRECTORY, 0);
		if (dir < 0)
			return dir;
		bool follows = follow == FOLLOW_ALWAYS || (follow == FOLLOW_IF_SLASH && place->slash);
		rc = follows ? follow_last(dir, now, place->name) : 0;
		if (rc < 0)
			return rc;
		if (rc == 0) {
			place->dir = take_fd(&dir);
			return 0;
		}
	}
	return -ELOOP;
}

int open_granted(const char *host)
{
	int fd = openat(AT_FDCWD, host, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}
