/* Functions on descriptors. */
#include "wasi/handler.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

uint32_t wasi_fd_advise(struct host_call *call, uint32_t fd, uint64_t offset, uint64_t size,
                        uint32_t advice)
{
	static const int advices[] = {POSIX_FADV_NORMAL,   POSIX_FADV_SEQUENTIAL, POSIX_FADV_RANDOM,
	                              POSIX_FADV_WILLNEED, POSIX_FADV_DONTNEED,   POSIX_FADV_NOREUSE};
	struct guest g = guest_enter(call);
	uint32_t rc = fd_require(&g, fd, RIGHT(FD_ADVISE));
	if (rc)
		return rc;
	if (advice >= sizeof(advices) / sizeof(*advices) || offset > INT64_MAX || size > INT64_MAX)
		return WASI_EINVAL;
	return wasi_errno(caps_fd_advise(g.caps, fd, (int64_t)offset, (int64_t)size, advices[advice]));
}

uint32_t wasi_fd_allocate(struct host_call *call, uint32_t fd, uint64_t offset, uint64_t size)
{
	struct guest g = guest_enter(call);
	uint32_t rc = fd_require(&g, fd, RIGHT(FD_ALLOCATE));
	if (rc)
		return rc;
	if (offset > INT64_MAX || size > INT64_MAX - offset)
		return WASI_EFBIG;
	return wasi_errno(caps_fd_allocate(g.caps, fd, (int64_t)offset, (int64_t)size));
}

uint32_t wasi_fd_close(struct host_call *call, uint32_t fd)
{
	struct guest g = guest_enter(call);
	return wasi_errno(caps_fd_close(g.caps, fd));
}

static uint32_t sync_fd(struct host_call *call, uint32_t fd, uint64_t right, bool data_only)
{
	struct guest g = guest_enter(call);
	uint32_t rc = fd_require(&g, fd, right);
	return rc ? rc : wasi_errno(caps_fd_sync(g.caps, fd, data_only));
}

uint32_t wasi_fd_datasync(struct host_call *call, uint32_t fd)
{
	return sync_fd(call, fd, RIGHT(FD_DATASYNC), true);
}

uint32_t wasi_fd_sync(struct host_call *call, uint32_t fd)
{
	return sync_fd(call, fd, RIGHT(FD_SYNC), false);
}

/* filetype 0, flags 2, base rights 8, inheriting rights 16 */
uint32_t wasi_fd_fdstat_get(struct host_call *call, uint32_t fd, uint32_t at)
{
	struct guest g = guest_enter(call);
	struct caps_fd_info info;
	uint8_t *out;
	uint32_t rc = wasi_errno(caps_fd_info(g.caps, fd, &info));
	if (rc)
		return rc;
	if (!guest_range(&g, at, FDSTAT_SIZE, &out))
		return WASI_EFAULT;
	memset(out, 0, FDSTAT_SIZE);
	out[0] = filetype_of(info.type);
	store_u16(out + 2, fdflags_of(info.flags));
	rights_settle_info(g.caps, fd, &info);
	store_u64(out + 8, info.label.base);
	store_u64(out + 16, info.label.inheriting);
	return WASI_ESUCCESS;
}

/* Linux cannot change whether writes of an open file are synchronous. */
uint32_t wasi_fd_fdstat_set_flags(struct host_call *call, uint32_t fd, uint32_t fdflags)
{
	const uint32_t fixed = FDFLAG_DSYNC | FDFLAG_SYNC;
	struct guest g = guest_enter(call);
	struct caps_fd_info info;
	uint32_t rc = fd_require(&g, fd, RIGHT(FD_FDSTAT_SET_FLAGS));
	if (rc == 0)
		rc = wasi_errno(caps_fd_info(g.caps, fd, &info));
	if (rc)
		return rc;
	if (fdflags & ~FDFLAGS_ALL)
		return WASI_EINVAL;
	int flags = flags_of_fdflags(fdflags);
	if ((fdflags_of(flags) & fixed) != (fdflags_of(info.flags) & fixed))
		return WASI_ENOTSUP;
	return wasi_errno(caps_fd_set_flags(g.caps, fd, flags & (O_APPEND | O_NONBLOCK)));
}

uint32_t wasi_fd_fdstat_set_rights(struct host_call *call, uint32_t fd, uint64_t base,
                                   uint64_t inheriting)
{
	struct guest g = guest_enter(call);
	struct caps_label now;
	uint32_t rc = wasi_errno(caps_fd_label(g.caps, fd, &now));
	if (rc)
		return rc;
	rights_settle(g.caps, fd, &now);
	if ((base & ~now.base) || (inheriting & ~now.inheriting))
		return WASI_ENOTCAPABLE;
	return wasi_errno(caps_fd_set_label(g.caps, fd, (struct caps_label){base, inheriting}));
}

uint32_t wasi_fd_filestat_get(struct host_call *call, uint32_t fd, uint32_t at)
{
	struct guest g = guest_enter(call);
	struct stat st;
	uint32_t rc = fd_require(&g, fd, RIGHT(FD_FILESTAT_GET));
	if (rc == 0)
		rc = wasi_errno(caps_fd_stat(g.caps, fd, &st));
	return rc ? rc : guest_put_filestat(&g, at, &st);
}

uint32_t wasi_fd_filestat_set_size(struct host_call *call, uint32_t fd, uint64_t size)
{
	struct guest g = guest_enter(call);
	uint32_t rc = fd_require(&g, fd, RIGHT(FD_FILESTAT_SET_SIZE));
	if (rc)
		return rc;
	if (size > INT64_MAX)
		return WASI_EFBIG;
	return wasi_errno(caps_fd_set_size(g.caps, fd, (int64_t)size));
}

uint32_t wasi_fd_filestat_set_times(struct host_call *call, uint32_t fd, uint64_t atim,
                                    uint64_t mtim, uint32_t fstflags)
{
	struct guest g = guest_enter(call);
	struct timespec times[2];
	uint32_t rc = fd_require(&g, fd, RIGHT(FD_FILESTAT_SET_TIMES));
	if (rc == 0)
		rc = times_of(atim, mtim, fstflags, times);
	return rc ? rc : wasi_errno(caps_fd_set_times(g.caps, fd, times));
}

/* ---- reading and writing ---- */

enum direction { READ, WRITE };

/* Where a transfer's bytes are counted: checked before any byte moves. */
static uint32_t transfer_enter(struct guest *g, uint32_t fd, uint64_t rights, uint32_t iovs_at,
                               uint32_t count, uint32_t done_at, struct iovec *iovs, uint8_t **done)
{
	uint32_t rc = fd_require(g, fd, rights);
	if (rc == WASI_EBADF && fd <= 2 && !caps_is_granted(g->caps, CAP_STDIN + fd))
		caps_note_denied(g->caps, CAP_STDIN + fd, NULL);
	if (rc)
		return rc;
	if (!guest_range(g, done_at, 4, done))
		return WASI_EFAULT;
	return guest_iovs(g, iovs_at, count, iovs);
}

/* A stream that reached its limit ends the run: a program that ignores write errors would go on for
 * ever, and a person is to read which limit it was. */
static bool output_is_over(const struct guest *g, uint32_t fd, int64_t n)
{
	struct caps_fd_info info;
	return n == -EFBIG && caps_fd_info(g->caps, fd, &info) == 0 && info.is_stream;
}

static uint32_t transfer(struct host_call *call, enum direction direction, uint32_t fd,
                         uint32_t iovs_at, uint32_t count, uint32_t done_at)
{
	struct guest g = guest_enter(call);
	struct iovec iovs[guest_iovs_room(count)];
	uint8_t *done;
	uint64_t right = direction == READ ? RIGHT(FD_READ) : RIGHT(FD_WRITE);
	uint32_t rc = transfer_enter(&g, fd, right, iovs_at, count, done_at, iovs, &done);
	if (rc)
		return rc;
	int64_t n = direction == READ ? caps_fd_read(g.caps, fd, iovs, (int)count)
	                              : caps_fd_write(g.caps, fd, iovs, (int)count);
	if (output_is_over(&g, fd, n))
		host_fail(call, "%s", caps_limit_reached(g.caps));
	if (n >= 0)
		store_u32(done, (uint32_t)n);
	return wasi_errno(n);
}

static uint32_t transfer_at(struct host_call *call, enum direction direction, uint32_t fd,
                            uint32_t iovs_at, uint32_t count, uint64_t offset, uint32_t done_at)
{
	struct guest g = guest_enter(call);
	struct iovec iovs[guest_iovs_room(count)];
	uint8_t *done;
	uint64_t rights = RIGHT(FD_SEEK) | (direction == READ ? RIGHT(FD_READ) : RIGHT(FD_WRITE));
	uint32_t rc = transfer_enter(&g, fd, rights, iovs_at, count, done_at, iovs, &done);
	if (rc)
		return rc;
	if (offset > INT64_MAX)
		return WASI_EINVAL;
	int64_t at = (int64_t)offset;
	int64_t n = direction == READ ? caps_fd_pread(g.caps, fd, iovs, (int)count, at)
	                              : caps_fd_pwrite(g.caps, fd, iovs, (int)count, at);
	if (n >= 0)
		store_u32(done, (uint32_t)n);
	return wasi_errno(n);
}

uint32_t wasi_fd_read(struct host_call *call, uint32_t fd, uint32_t iovs, uint32_t count,
                      uint32_t done_at)
{
	return transfer(call, READ, fd, iovs, count, done_at);
}

uint32_t wasi_fd_write(struct host_call *call, uint32_t fd, uint32_t iovs, uint32_t count,
                       uint32_t done_at)
{
	return transfer(call, WRITE, fd, iovs, count, done_at);
}

uint32_t wasi_fd_pread(struct host_call *call, uint32_t fd, uint32_t iovs, uint32_t count,
                       uint64_t offset, uint32_t done_at)
{
	return transfer_at(call, READ, fd, iovs, count, offset, done_at);
}

uint32_t wasi_fd_pwrite(struct host_call *call, uint32_t fd, uint32_t iovs, uint32_t count,
                        uint64_t offset, uint32_t done_at)
{
	return transfer_at(call, WRITE, fd, iovs, count, offset, done_at);
}

/* ---- position ---- */

static bool whence_of(enum snapshot snapshot, uint32_t whence, int *out)
{
	static const int by_snapshot[2][3] = {
	    [SNAPSHOT_0] = {SEEK_CUR, SEEK_END, SEEK_SET},
	    [SNAPSHOT_1] = {SEEK_SET, SEEK_CUR, SEEK_END},
	};
	if (whence > 2)
		return false;
	*out = by_snapshot[snapshot][whence];
	return true;
}

static uint32_t seek(const struct guest *g, uint32_t fd, int64_t offset, int whence, uint32_t at)
{
	int64_t rc = caps_fd_seek(g->caps, fd, offset, whence);
	return rc < 0 ? wasi_errno(rc) : guest_put_u64(g, at, (uint64_t)rc);
}

/* Seeking nowhere is asking where one is. */
uint32_t wasi_fd_seek(struct host_call *call, uint32_t fd, uint64_t offset, uint32_t whence,
                      uint32_t at)
{
	struct guest g = guest_enter(call);
	struct caps_fd_info info;
	int how;
	if (!whence_of(g.snapshot, whence, &how))
		return WASI_EINVAL;
	bool tells = offset == 0 && how == SEEK_CUR;
	uint32_t rc = fd_require(&g, fd, tells ? RIGHT(FD_TELL) : RIGHT(FD_SEEK));
	if (rc == WASI_ENOTCAPABLE && tells)
		rc = fd_require(&g, fd, RIGHT(FD_SEEK));
	if (rc == WASI_ENOTCAPABLE && caps_fd_info(g.caps, fd, &info) == 0 && info.is_stream)
		return WASI_ESPIPE; /* what C libraries know how to take */
	return rc ? rc : seek(&g, fd, (int64_t)offset, how, at);
}

uint32_t wasi_fd_tell(struct host_call *call, uint32_t fd, uint32_t at)
{
	struct guest g = guest_enter(call);
	uint32_t rc = fd_require(&g, fd, RIGHT(FD_TELL));
	return rc ? rc : seek(&g, fd, 0, SEEK_CUR, at);
}

/* ---- directories ---- */

/* tag 0, length of the name 4 */
uint32_t wasi_fd_prestat_get(struct host_call *call, uint32_t fd, uint32_t at)
{
	struct guest g = guest_enter(call);
	struct caps_fd_info info;
	uint8_t *out;
	if (caps_fd_info(g.caps, fd, &info) < 0 || !info.preopen)
		return WASI_EBADF;
	if (!guest_range(&g, at, PRESTAT_SIZE, &out))
		return WASI_EFAULT;
	store_u32(out, 0);
	store_u32(out + 4, (uint32_t)strlen(info.preopen));
	return WASI_ESUCCESS;
}

uint32_t wasi_fd_prestat_dir_name(struct host_call *call, uint32_t fd, uint32_t at, uint32_t size)
{
	struct guest g = guest_enter(call);
	struct caps_fd_info info;
	uint8_t *out;
	if (caps_fd_info(g.caps, fd, &info) < 0 || !info.preopen)
		return WASI_EBADF;
	size_t len = strlen(info.preopen);
	if (size < len)
		return WASI_ENAMETOOLONG;
	if (!guest_range(&g, at, len, &out))
		return WASI_EFAULT;
	memcpy(out, info.preopen, len);
	return WASI_ESUCCESS;
}

struct listing {
	uint8_t *out;
	uint32_t size, used;
};

static void listing_add(struct listing *list, const void *bytes, size_t size)
{
	uint32_t left = list->size - list->used;
	uint32_t n = size < left ? (uint32_t)size : left;
	memcpy(list->out + list->used, bytes, n);
	list->used += n;
}

/* next 0, inode 8, length of the name 16, type 20; then the name. The last entry is cut where the
 * buffer ends, which tells the guest that there are more. */
static bool listing_entry(void *env, const struct caps_dirent *entry)
{
	struct listing *list = env;
	uint8_t head[DIRENT_SIZE] = {0};
	size_t len = strlen(entry->name);
	store_u64(head, entry->next);
	store_u64(head + 8, entry->ino);
	store_u32(head + 16, (uint32_t)len);
	head[20] = filetype_of(entry->type);
	listing_add(list, head, sizeof(head));
	listing_add(list, entry->name, len);
	return list->used < list->size;
}

uint32_t wasi_fd_readdir(struct host_call *call, uint32_t fd, uint32_t at, uint32_t size,
                         uint64_t cookie, uint32_t used_at)
{
	struct guest g = guest_enter(call);
	struct listing list = {.size = size};
	uint8_t *used;
	uint32_t rc = fd_require(&g, fd, RIGHT(FD_READDIR));
	if (rc)
		return rc;
	if (!guest_range(&g, at, size, &list.out) || !guest_range(&g, used_at, 4, &used))
		return WASI_EFAULT;
	rc = wasi_errno(caps_fd_readdir(g.caps, fd, cookie, listing_entry, &list));
	if (rc == 0)
		store_u32(used, list.used);
	return rc;
}

uint32_t wasi_fd_renumber(struct host_call *call, uint32_t from, uint32_t to)
{
	struct guest g = guest_enter(call);
	return wasi_errno(caps_fd_renumber(g.caps, from, to));
}
