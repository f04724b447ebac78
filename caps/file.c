/* What is done to an open file. Whether a descriptor may be written is what it was opened for: the
 * kernel refuses the rest; only what needs no write access is checked here (is_read_only). */
#include "caps/set.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

static bool iov_fits(int count, const struct iovec *iov)
{
	size_t sum = 0;
	if (count < 0 || count > CAPS_IOV_MAX)
		return false;
	for (int i = 0; i < count; i++) {
		if (__builtin_add_overflow(sum, iov[i].iov_len, &sum) || sum > SSIZE_MAX)
			return false;
	}
	return true;
}

/* The file behind fd: -ESPIPE for streams, which have no position. */
static int file_host(struct caps *caps, uint32_t fd, int *host)
{
	struct descriptor *d = descriptor_at(caps, fd);
	if (!d)
		return -EBADF;
	if (d->stream)
		return -ESPIPE;
	*host = d->fd;
	return 0;
}

/* Nothing is open at fd; a standard stream is missed by its name. */
static int refuse_stream(struct caps *caps, uint32_t fd)
{
	if (fd <= 2)
		require(caps, CAP_STDIN + fd);
	return -EBADF;
}

ssize_t caps_fd_read(struct caps *caps, uint32_t fd, const struct iovec *iov, int count)
{
	struct descriptor *d = descriptor_at(caps, fd);
	if (!d)
		return refuse_stream(caps, fd);
	if (!iov_fits(count, iov))
		return -EINVAL;
	if (d->stream)
		return stream_read(caps, d, iov, count);
	ssize_t n = readv(d->fd, iov, count);
	return n < 0 ? -errno : n;
}

/* Linux appends with pwrite() on an O_APPEND file whatever the offset; POSIX, and so WASI, wants
 * the bytes at the offset. The flag is taken off for the one call: the description is the set's
 * own. */
static ssize_t write_at(int host, const struct iovec *iov, int count, int64_t offset)
{
	int flags = fcntl(host, F_GETFL);
	if (flags < 0)
		return -errno;
	if ((flags & O_APPEND) && fcntl(host, F_SETFL, flags & ~O_APPEND) < 0)
		return -errno;
	ssize_t n = pwritev(host, iov, count, offset);
	if (n < 0)
		n = -errno;
	if ((flags & O_APPEND) && fcntl(host, F_SETFL, flags) < 0)
		return -errno;
	return n;
}

/* A write below a directory with a quota; offset: -1 for the descriptor's own. Apart, for other
 * writes should not pay for this much of the stack. */
__attribute__((noinline)) static ssize_t write_counted(struct caps *caps,
                                                       const struct descriptor *d,
                                                       const struct iovec *iov, int count,
                                                       int64_t offset)
{
	struct quota_write write;
	int cut = quota_cut(caps, d, offset, iov, count, &write);
	bool is_counted = cut != QUOTA_NONE;
	if (is_counted && cut < 0)
		return cut;
	if (is_counted) {
		iov = write.iov;
		count = cut;
	}
	ssize_t n = offset < 0 ? writev(d->fd, iov, count) : write_at(d->fd, iov, count, offset);
	if (n < 0)
		return offset < 0 ? -errno : n;
	if (is_counted)
		quota_written(caps, d, &write, n);
	return n;
}

/* A full disk is told at the end as a limit is: the guest often says no more than that it failed.
 */
static ssize_t tell_full(struct caps *caps, ssize_t n)
{
	if (n == -ENOSPC)
		note_limit(caps, "no space is left on the disk that the module wrote to");
	return n;
}

ssize_t caps_fd_write(struct caps *caps, uint32_t fd, const struct iovec *iov, int count)
{
	struct descriptor *d = descriptor_at(caps, fd);
	if (!d)
		return refuse_stream(caps, fd);
	if (!iov_fits(count, iov))
		return -EINVAL;
	if (d->stream)
		return stream_write(caps, d, iov, count);
	if (quota_applies(caps, d))
		return tell_full(caps, write_counted(caps, d, iov, count, -1));
	ssize_t n = writev(d->fd, iov, count);
	return tell_full(caps, n < 0 ? -errno : n);
}

ssize_t caps_fd_pread(struct caps *caps, uint32_t fd, const struct iovec *iov, int count,
                      int64_t offset)
{
	int host;
	int rc = file_host(caps, fd, &host);
	if (rc < 0)
		return rc;
	if (!iov_fits(count, iov) || offset < 0)
		return -EINVAL;
	ssize_t n = preadv(host, iov, count, offset);
	return n < 0 ? -errno : n;
}

ssize_t caps_fd_pwrite(struct caps *caps, uint32_t fd, const struct iovec *iov, int count,
                       int64_t offset)
{
	int host;
	int rc = file_host(caps, fd, &host);
	if (rc < 0)
		return rc;
	if (!iov_fits(count, iov) || offset < 0)
		return -EINVAL;
	const struct descriptor *d = descriptor_at(caps, fd);
	return tell_full(caps, quota_applies(caps, d) ? write_counted(caps, d, iov, count, offset)
	                                              : write_at(host, iov, count, offset));
}

static int refuse_directory(int host)
{
	struct stat st;
	if (fstat(host, &st) < 0)
		return -errno;
	return S_ISDIR(st.st_mode) ? -EISDIR : 0;
}

int64_t caps_fd_seek(struct caps *caps, uint32_t fd, int64_t offset, int whence)
{
	int host;
	int rc = file_host(caps, fd, &host);
	if (rc == 0)
		rc = refuse_directory(host);
	if (rc < 0)
		return rc;
	if (whence != SEEK_SET && whence != SEEK_CUR && whence != SEEK_END)
		return -EINVAL;
	off_t at = lseek(host, offset, whence);
	return at < 0 ? -errno : at;
}

int caps_fd_stat(struct caps *caps, uint32_t fd, struct stat *st)
{
	int host;
	int rc = descriptor_host(caps, fd, &host);
	if (rc == -ESPIPE) {
		memset(st, 0, sizeof(*st));
		st->st_mode = S_IFIFO;
		st->st_nlink = 1;
		return 0;
	}
	if (rc < 0)
		return rc;
	return fstat(host, st) < 0 ? -errno : 0;
}

static int resize_host(int host, int64_t size, bool allocates, int64_t offset)
{
	int rc = allocates ? fallocate(host, 0, offset, size) : ftruncate(host, size);
	return rc < 0 ? -errno : 0;
}

/* ftruncate() to size, or fallocate() of size bytes from offset; counted where a quota applies. */
static int resize(struct caps *caps, const struct descriptor *d, int64_t size, bool allocates,
                  int64_t offset)
{
	struct stat st;
	int64_t to = size;
	if (!quota_applies(caps, d))
		return resize_host(d->fd, size, allocates, offset);
	if (fstat(d->fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || size < 0)
		return resize_host(d->fd, size, allocates, offset);
	if (allocates && __builtin_add_overflow(offset, size, &to))
		return -EFBIG;
	if (allocates && to < st.st_size)
		to = st.st_size;
	if (to > st.st_size) {
		int rc = quota_take(caps, d, (uint64_t)(to - st.st_size));
		if (rc < 0)
			return rc;
	}
	int rc = resize_host(d->fd, size, allocates, offset);
	if (rc < 0 && to > st.st_size)
		quota_give(caps, d, (uint64_t)(to - st.st_size));
	if (rc == 0 && to < st.st_size)
		quota_give(caps, d, (uint64_t)(st.st_size - to));
	return rc;
}

int caps_fd_set_size(struct caps *caps, uint32_t fd, int64_t size)
{
	int host;
	int rc = file_host(caps, fd, &host);
	if (rc < 0)
		return rc;
	return resize(caps, descriptor_at(caps, fd), size, false, 0);
}

int caps_fd_allocate(struct caps *caps, uint32_t fd, int64_t offset, int64_t size)
{
	int host;
	int rc = file_host(caps, fd, &host);
	if (rc < 0)
		return rc;
	if (offset < 0 || size <= 0)
		return -EINVAL;
	return resize(caps, descriptor_at(caps, fd), size, true, offset);
}

int caps_fd_set_times(struct caps *caps, uint32_t fd, const struct timespec times[2])
{
	const struct descriptor *d = descriptor_at(caps, fd);
	if (!d)
		return -EBADF;
	if (d->stream)
		return -EPERM;
	if (d->is_read_only)
		return -EROFS;
	return futimens(d->fd, times) < 0 ? -errno : 0;
}

int caps_fd_advise(struct caps *caps, uint32_t fd, int64_t offset, int64_t size, int advice)
{
	int host;
	int rc = file_host(caps, fd, &host);
	if (rc < 0)
		return rc;
	if (offset < 0 || size < 0)
		return -EINVAL;
	return -posix_fadvise(host, offset, size, advice);
}

int caps_fd_sync(struct caps *caps, uint32_t fd, bool data_only)
{
	int host;
	int rc = file_host(caps, fd, &host);
	if (rc < 0)
		return rc;
	return (data_only ? fdatasync(host) : fsync(host)) < 0 ? -errno : 0;
}
