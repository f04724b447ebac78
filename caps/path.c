/* Operations on paths below a directory descriptor. resolve.c finds the place; here stand the
 * rules: what a read-only grant refuses, and that nothing moves from one grant to another. */
#include "caps/set.h"

#include "caps/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define CREATE_MODE 0666 /* less the umask of the process */
#define CREATE_DIR_MODE 0777

static void place_clear(struct place *place)
{
	if (place->dir >= 0)
		close(place->dir);
}

#define cleanup_place __attribute__((cleanup(place_clear)))
#define PLACE_INIT {.dir = -1}

int caps_grant_dir(struct caps *caps, const char *host, const char *guest, enum caps_access access)
{
	if (!*guest)
		return -EINVAL;
	for (uint32_t i = 0; i < caps->root_count; i++) {
		if (strcmp(caps->roots[i].guest, guest) == 0)
			return -EEXIST;
	}
	cleanup_close int fd = open_granted(host);
	if (fd < 0)
		return fd;
	cleanup_free char *name = strdup(guest);
	struct root *roots = reallocarray(caps->roots, caps->root_count + 1, sizeof(*roots));
	if (roots)
		caps->roots = roots;
	if (!name || !roots)
		return -ENOMEM;
	int slot = descriptor_new(caps, FD_FIRST_FREE);
	if (slot < 0)
		return slot;
	roots[caps->root_count] = (struct root){
	    .guest = take_ptr(&name), .quota = CAPS_QUOTA_NONE, .purse = caps->root_count};
	caps->table[slot] = (struct descriptor){
	    .fd = take_fd(&fd),
	    .is_read_only = access == CAPS_READ_ONLY,
	    .is_preopen = true,
	    .root = caps->root_count++,
	};
	caps->open_count++;
	caps->granted[CAP_FILES] = true;
	return 0;
}

/* The descriptor of a directory that a path starts from. */
static int start(struct caps *caps, uint32_t fd, struct descriptor *out)
{
	const struct descriptor *d = descriptor_at(caps, fd);
	if (!d) {
		if (!caps->granted[CAP_FILES])
			require(caps, CAP_FILES);
		return -EBADF;
	}
	if (d->stream)
		return -ENOTDIR;
	*out = *d;
	return 0;
}

static int refuse_change(struct caps *caps, const struct descriptor *d)
{
	note_read_only(caps, caps->roots[d->root].guest);
	return -EROFS;
}

/* As start(), for an operation that changes something. */
static int start_change(struct caps *caps, uint32_t fd, struct descriptor *out)
{
	int rc = start(caps, fd, out);
	if (rc < 0)
		return rc;
	return out->is_read_only ? refuse_change(caps, out) : 0;
}

static int open_flags(const struct caps_open *how)
{
	int flags = how->write ? (how->read ? O_RDWR : O_WRONLY) : O_RDONLY;
	flags |= how->flags & (O_APPEND | O_DSYNC | O_SYNC);
	if (how->create)
		flags |= O_CREAT;
	if (how->create && how->exclusive)
		flags |= O_EXCL;
	if (how->truncate)
		flags |= O_TRUNC;
	if (how->directory)
		flags |= O_DIRECTORY;
	if (!how->follow)
		flags |= O_NOFOLLOW;
	return flags;
}

/* What a path named before it was opened, where a quota wants to know. */
struct before {
	bool is_new;      /* an entry was taken for it */
	int64_t cut_size; /* that O_TRUNC takes away */
};

static int open_counted(struct caps *caps, const struct descriptor *from, const char *path,
                        int flags, struct before *before)
{
	struct stat st;
	cleanup_place struct place place = PLACE_INIT;
	*before = (struct before){0};
	if (!quota_applies(caps, from) || !(flags & (O_CREAT | O_TRUNC)))
		return 0;
	/* What cannot be found here, open() itself will refuse by its right name. */
	if (place_find(from->fd, path, flags & O_NOFOLLOW ? FOLLOW_IF_SLASH : FOLLOW_ALWAYS, &place) <
	    0)
		return 0;
	if (fstatat(place.dir, place.name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		if ((flags & O_TRUNC) && S_ISREG(st.st_mode))
			before->cut_size = st.st_size;
		return 0;
	}
	if (errno != ENOENT || !(flags & O_CREAT))
		return 0;
	before->is_new = true;
	return quota_take(caps, from, CAPS_ENTRY_BYTES);
}

static void opened(struct caps *caps, const struct descriptor *from, const struct before *before,
                   int flags, int fd)
{
	if (fd < 0 && before->is_new)
		quota_give(caps, from, CAPS_ENTRY_BYTES);
	if (fd >= 0 && (flags & O_TRUNC))
		quota_give(caps, from, (uint64_t)before->cut_size);
}

int caps_path_open(struct caps *caps, uint32_t dir, const char *path, const struct caps_open *how)
{
	struct descriptor from;
	int rc = start(caps, dir, &from);
	if (rc < 0)
		return rc;
	int flags = open_flags(how);
	if (from.is_read_only) {
		if (how->write || how->truncate || (how->create && how->exclusive))
			return refuse_change(caps, &from);
		flags &= ~O_CREAT;
	}
	int slot = descriptor_new(caps, FD_FIRST_FREE);
	if (slot < 0)
		return slot;
	struct before before;
	rc = open_counted(caps, &from, path, flags, &before);
	if (rc < 0)
		return rc;
	/* O_NONBLOCK while opening: a FIFO of the host must not hold up the run. */
	cleanup_close int fd = open_below(from.fd, path, flags | O_NONBLOCK, CREATE_MODE);
	opened(caps, &from, &before, flags, fd);
	if (fd == -ENOENT && from.is_read_only && how->create)
		return refuse_change(caps, &from);
	if (fd < 0)
		return fd;
	if (!(how->flags & O_NONBLOCK)) {
		int now = fcntl(fd, F_GETFL);
		if (now < 0 || fcntl(fd, F_SETFL, now & ~O_NONBLOCK) < 0)
			return -errno;
	}
	caps->table[slot] = (struct descriptor){
	    .fd = take_fd(&fd),
	    .is_read_only = from.is_read_only,
	    .root = from.root,
	};
	caps->open_count++;
	return slot;
}

static int stat_place(const struct place *place, struct stat *st)
{
	if (fstatat(place->dir, place->name, st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return place->slash && !S_ISDIR(st->st_mode) ? -ENOTDIR : 0;
}

int caps_path_stat(struct caps *caps, uint32_t dir, const char *path, bool follow, struct stat *st)
{
	struct descriptor from;
	cleanup_place struct place place = PLACE_INIT;
	int rc = start(caps, dir, &from);
	if (rc == 0)
		rc = place_find(from.fd, path, follow ? FOLLOW_ALWAYS : FOLLOW_IF_SLASH, &place);
	return rc < 0 ? rc : stat_place(&place, st);
}

int caps_path_set_times(struct caps *caps, uint32_t dir, const char *path, bool follow,
                        const struct timespec times[2])
{
	struct descriptor from;
	struct stat st;
	cleanup_place struct place place = PLACE_INIT;
	int rc = start_change(caps, dir, &from);
	if (rc == 0)
		rc = place_find(from.fd, path, follow ? FOLLOW_ALWAYS : FOLLOW_IF_SLASH, &place);
	if (rc == 0)
		rc = stat_place(&place, &st);
	if (rc < 0)
		return rc;
	return utimensat(place.dir, place.name, times, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

/* Where something is to be made, moved or removed. */
static int find_change(struct caps *caps, uint32_t dir, const char *path, struct descriptor *from,
                       struct place *place)
{
	int rc = start_change(caps, dir, from);
	return rc < 0 ? rc : place_find(from->fd, path, FOLLOW_NEVER, place);
}

/* The result of making an entry that was taken from the quota. */
static int made(struct caps *caps, const struct descriptor *from, int result)
{
	int rc = result < 0 ? -errno : 0;
	if (rc < 0)
		quota_give(caps, from, CAPS_ENTRY_BYTES);
	return rc;
}

/* What stands at a place, where a quota wants to know. */
static bool stat_counted(struct caps *caps, const struct descriptor *from,
                         const struct place *place, struct stat *st)
{
	return quota_applies(caps, from) &&
	       fstatat(place->dir, place->name, st, AT_SYMLINK_NOFOLLOW) == 0;
}

int caps_path_mkdir(struct caps *caps, uint32_t dir, const char *path)
{
	struct descriptor from;
	cleanup_place struct place place = PLACE_INIT;
	int rc = find_change(caps, dir, path, &from, &place);
	if (rc < 0)
		return rc;
	rc = quota_take(caps, &from, CAPS_ENTRY_BYTES);
	if (rc < 0)
		return rc;
	return made(caps, &from, mkdirat(place.dir, place.name, CREATE_DIR_MODE));
}

int caps_path_rmdir(struct caps *caps, uint32_t dir, const char *path)
{
	struct descriptor from;
	cleanup_place struct place place = PLACE_INIT;
	int rc = find_change(caps, dir, path, &from, &place);
	if (rc < 0)
		return rc;
	if (unlinkat(place.dir, place.name, AT_REMOVEDIR) < 0)
		return -errno;
	quota_give(caps, &from, CAPS_ENTRY_BYTES);
	return 0;
}

int caps_path_unlink(struct caps *caps, uint32_t dir, const char *path)
{
	struct descriptor from;
	struct stat st;
	cleanup_place struct place place = PLACE_INIT;
	int rc = find_change(caps, dir, path, &from, &place);
	if (rc == 0 && place.slash)
		rc = stat_place(&place, &st);
	if (rc < 0)
		return rc;
	bool is_known = stat_counted(caps, &from, &place, &st);
	if (unlinkat(place.dir, place.name, 0) < 0)
		return -errno;
	if (is_known)
		quota_unlinked(caps, &from, &st);
	return 0;
}

/* Something that may not be there yet, named with a slash: -ENOENT when it is not. */
static int refuse_slash(const struct place *place)
{
	struct stat st;
	if (!place->slash)
		return 0;
	int rc = stat_place(place, &st);
	return rc == 0 ? -EEXIST : rc;
}

int caps_path_rename(struct caps *caps, uint32_t from_dir, const char *from, uint32_t to_dir,
                     const char *to)
{
	struct descriptor source, target;
	struct stat st;
	cleanup_place struct place old = PLACE_INIT;
	cleanup_place struct place new = PLACE_INIT;
	int rc = find_change(caps, from_dir, from, &source, &old);
	if (rc == 0)
		rc = find_change(caps, to_dir, to, &target, &new);
	if (rc == 0 && source.root != target.root)
		rc = -EXDEV;
	if (rc == 0 && (old.slash || new.slash)) {
		old.slash = true; /* only a directory can become "name/" */
		rc = stat_place(&old, &st);
	}
	if (rc < 0)
		return rc;
	struct stat gone;
	bool replaces = stat_counted(caps, &target, &new, &gone) &&
	                fstatat(old.dir, old.name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	                (st.st_dev != gone.st_dev || st.st_ino != gone.st_ino);
	if (renameat(old.dir, old.name, new.dir, new.name) < 0)
		return -errno;
	if (replaces)
		quota_unlinked(caps, &target, &gone);
	return 0;
}

/* A hard link would make a file of a read-only grant writable, so both ends must be writable. */
int caps_path_link(struct caps *caps, uint32_t from_dir, const char *from, bool follow,
                   uint32_t to_dir, const char *to)
{
	struct descriptor source, target;
	struct stat st;
	cleanup_place struct place old = PLACE_INIT;
	cleanup_place struct place new = PLACE_INIT;
	int rc = start_change(caps, from_dir, &source);
	if (rc == 0)
		rc = place_find(source.fd, from, follow ? FOLLOW_ALWAYS : FOLLOW_IF_SLASH, &old);
	if (rc == 0)
		rc = stat_place(&old, &st);
	if (rc == 0)
		rc = find_change(caps, to_dir, to, &target, &new);
	if (rc == 0 && source.root != target.root)
		rc = -EXDEV;
	if (rc == 0)
		rc = refuse_slash(&new);
	if (rc < 0)
		return rc;
	rc = quota_take(caps, &target, CAPS_ENTRY_BYTES);
	if (rc < 0)
		return rc;
	return made(caps, &target, linkat(old.dir, old.name, new.dir, new.name, 0));
}

int caps_path_symlink(struct caps *caps, const char *target, uint32_t dir, const char *path)
{
	struct descriptor from;
	cleanup_place struct place place = PLACE_INIT;
	int rc = find_change(caps, dir, path, &from, &place);
	if (rc == 0 && *target == '/')
		rc = -EPERM;
	if (rc == 0)
		rc = refuse_slash(&place);
	if (rc < 0)
		return rc;
	rc = quota_take(caps, &from, CAPS_ENTRY_BYTES);
	if (rc < 0)
		return rc;
	return made(caps, &from, symlinkat(target, place.dir, place.name));
}

ssize_t caps_path_readlink(struct caps *caps, uint32_t dir, const char *path, char *buf,
                           size_t size)
{
	struct descriptor from;
	cleanup_place struct place place = PLACE_INIT;
	char target[CAPS_PATH_MAX + 1];
	int rc = start(caps, dir, &from);
	if (rc == 0)
		rc = place_find(from.fd, path, FOLLOW_IF_SLASH, &place);
	if (rc < 0)
		return rc;
	ssize_t len = readlinkat(place.dir, place.name, target, sizeof(target));
	if (len < 0)
		return -errno;
	if ((size_t)len < size)
		size = (size_t)len;
	memcpy(buf, target, size);
	return (ssize_t)size;
}
