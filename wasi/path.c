/* Functions on paths. */
#include "wasi/handler.h"

/* The directory has the rights, and the path is read: SUCCESS or why not. */
static uint32_t path_enter(const struct guest *g, uint32_t dir, uint64_t rights, uint32_t at,
                           uint32_t len, struct guest_path *path)
{
	uint32_t rc = guest_path(g, at, len, path);
	if (rc)
		return rc;
	rc = fd_require(g, dir, rights);
	if (rc == WASI_EBADF && !caps_is_granted(g->caps, CAP_FILES))
		caps_note_denied(g->caps, CAP_FILES, NULL);
	return rc;
}

typedef int path_operation(struct caps *caps, uint32_t dir, const char *path);

static uint32_t on_path(struct host_call *call, uint64_t rights, uint32_t dir, uint32_t at,
                        uint32_t len, path_operation *operation)
{
	struct guest g = guest_enter(call);
	struct guest_path path;
	uint32_t rc = path_enter(&g, dir, rights, at, len, &path);
	return rc ? rc : wasi_errno(operation(g.caps, dir, path.text));
}

uint32_t wasi_path_create_directory(struct host_call *call, uint32_t dir, uint32_t at, uint32_t len)
{
	return on_path(call, RIGHT(PATH_CREATE_DIRECTORY), dir, at, len, caps_path_mkdir);
}

uint32_t wasi_path_remove_directory(struct host_call *call, uint32_t dir, uint32_t at, uint32_t len)
{
	return on_path(call, RIGHT(PATH_REMOVE_DIRECTORY), dir, at, len, caps_path_rmdir);
}

uint32_t wasi_path_unlink_file(struct host_call *call, uint32_t dir, uint32_t at, uint32_t len)
{
	return on_path(call, RIGHT(PATH_UNLINK_FILE), dir, at, len, caps_path_unlink);
}

uint32_t wasi_path_filestat_get(struct host_call *call, uint32_t dir, uint32_t lookup, uint32_t at,
                                uint32_t len, uint32_t stat_at)
{
	struct guest g = guest_enter(call);
	struct guest_path path;
	struct stat st;
	uint32_t rc = path_enter(&g, dir, RIGHT(PATH_FILESTAT_GET), at, len, &path);
	if (rc == 0 && (lookup & ~LOOKUP_SYMLINK_FOLLOW))
		rc = WASI_EINVAL;
	if (rc == 0)
		rc = wasi_errno(caps_path_stat(g.caps, dir, path.text, lookup, &st));
	return rc ? rc : guest_put_filestat(&g, stat_at, &st);
}

uint32_t wasi_path_filestat_set_times(struct host_call *call, uint32_t dir, uint32_t lookup,
                                      uint32_t at, uint32_t len, uint64_t atim, uint64_t mtim,
                                      uint32_t fstflags)
{
	struct guest g = guest_enter(call);
	struct guest_path path;
	struct timespec times[2];
	uint32_t rc = path_enter(&g, dir, RIGHT(PATH_FILESTAT_SET_TIMES), at, len, &path);
	if (rc == 0 && (lookup & ~LOOKUP_SYMLINK_FOLLOW))
		rc = WASI_EINVAL;
	if (rc == 0)
		rc = times_of(atim, mtim, fstflags, times);
	return rc ? rc : wasi_errno(caps_path_set_times(g.caps, dir, path.text, lookup, times));
}

uint32_t wasi_path_link(struct host_call *call, uint32_t from_dir, uint32_t lookup,
                        uint32_t from_at, uint32_t from_len, uint32_t to_dir, uint32_t to_at,
                        uint32_t to_len)
{
	struct guest g = guest_enter(call);
	struct guest_path from, to;
	uint32_t rc = path_enter(&g, from_dir, RIGHT(PATH_LINK_SOURCE), from_at, from_len, &from);
	if (rc == 0)
		rc = path_enter(&g, to_dir, RIGHT(PATH_LINK_TARGET), to_at, to_len, &to);
	if (rc == 0 && (lookup & ~LOOKUP_SYMLINK_FOLLOW))
		rc = WASI_EINVAL;
	return rc ? rc
	          : wasi_errno(caps_path_link(g.caps, from_dir, from.text, lookup, to_dir, to.text));
}

uint32_t wasi_path_rename(struct host_call *call, uint32_t from_dir, uint32_t from_at,
                          uint32_t from_len, uint32_t to_dir, uint32_t to_at, uint32_t to_len)
{
	struct guest g = guest_enter(call);
	struct guest_path from, to;
	uint32_t rc = path_enter(&g, from_dir, RIGHT(PATH_RENAME_SOURCE), from_at, from_len, &from);
	if (rc == 0)
		rc = path_enter(&g, to_dir, RIGHT(PATH_RENAME_TARGET), to_at, to_len, &to);
	return rc ? rc : wasi_errno(caps_path_rename(g.caps, from_dir, from.text, to_dir, to.text));
}

uint32_t wasi_path_symlink(struct host_call *call, uint32_t target_at, uint32_t target_len,
                           uint32_t dir, uint32_t at, uint32_t len)
{
	struct guest g = guest_enter(call);
	struct guest_path target, path;
	uint32_t rc = guest_path(&g, target_at, target_len, &target);
	if (rc == 0)
		rc = path_enter(&g, dir, RIGHT(PATH_SYMLINK), at, len, &path);
	return rc ? rc : wasi_errno(caps_path_symlink(g.caps, target.text, dir, path.text));
}

uint32_t wasi_path_readlink(struct host_call *call, uint32_t dir, uint32_t at, uint32_t len,
                            uint32_t out_at, uint32_t size, uint32_t used_at)
{
	struct guest g = guest_enter(call);
	struct guest_path path;
	uint8_t *out, *used;
	uint32_t rc = path_enter(&g, dir, RIGHT(PATH_READLINK), at, len, &path);
	if (rc)
		return rc;
	if (!guest_range(&g, out_at, size, &out) || !guest_range(&g, used_at, 4, &used))
		return WASI_EFAULT;
	ssize_t n = caps_path_readlink(g.caps, dir, path.text, (char *)out, size);
	if (n >= 0)
		store_u32(used, (uint32_t)n);
	return wasi_errno(n);
}

#define RIGHTS_TO_READ (RIGHT(FD_READ) | RIGHT(FD_READDIR))
/* Not FD_FILESTAT_SET_SIZE: Go asks for it with every file that it opens to read, also in a
 * directory that is granted read-only. */
#define RIGHTS_TO_WRITE (RIGHT(FD_WRITE) | RIGHT(FD_ALLOCATE))

static uint64_t rights_to_open(uint32_t oflags)
{
	uint64_t rights = RIGHT(PATH_OPEN);
	if (oflags & OFLAG_CREAT)
		rights |= RIGHT(PATH_CREATE_FILE);
	if (oflags & OFLAG_TRUNC)
		rights |= RIGHT(PATH_FILESTAT_SET_SIZE);
	return rights;
}

/* Gives the new descriptor its rights and the guest its number, or closes it again. */
static uint32_t opened(const struct guest *g, uint32_t fd, const struct caps_label *dir,
                       uint64_t base, uint64_t inheriting, uint32_t out_at)
{
	struct caps_fd_info info;
	uint32_t rc = wasi_errno(caps_fd_info(g->caps, fd, &info));
	if (rc == 0) {
		caps_fd_set_label(g->caps, fd, rights_new(dir, info.type, base, inheriting));
		rc = guest_put_u32(g, out_at, fd);
	}
	if (rc)
		caps_fd_close(g->caps, fd);
	return rc;
}

uint32_t wasi_path_open(struct host_call *call, uint32_t dir, uint32_t lookup, uint32_t at,
                        uint32_t len, uint32_t oflags, uint64_t base, uint64_t inheriting,
                        uint32_t fdflags, uint32_t out_at)
{
	struct guest g = guest_enter(call);
	struct guest_path path;
	struct caps_label from;
	uint32_t rc = path_enter(&g, dir, rights_to_open(oflags), at, len, &path);
	if (rc == 0)
		rc = wasi_errno(caps_fd_label(g.caps, dir, &from));
	if (rc)
		return rc;
	if ((lookup & ~LOOKUP_SYMLINK_FOLLOW) || (oflags & ~OFLAGS_ALL) || (fdflags & ~FDFLAGS_ALL))
		return WASI_EINVAL;
	uint64_t wanted = base & from.inheriting;
	struct caps_open how = {
	    .read = wanted & RIGHTS_TO_READ,
	    .write = wanted & RIGHTS_TO_WRITE,
	    .create = oflags & OFLAG_CREAT,
	    .exclusive = oflags & OFLAG_EXCL,
	    .truncate = oflags & OFLAG_TRUNC,
	    .directory = oflags & OFLAG_DIRECTORY,
	    .follow = lookup & LOOKUP_SYMLINK_FOLLOW,
	    .flags = flags_of_fdflags(fdflags),
	};
	int fd = caps_path_open(g.caps, dir, path.text, &how);
	if (fd < 0)
		return wasi_errno(fd);
	return opened(&g, (uint32_t)fd, &from, base, inheriting, out_at);
}
