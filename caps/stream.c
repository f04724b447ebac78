/* The standard streams: the granter's descriptors or buffers in memory. A stream that is the
 * granter's is a duplicate, but shares its file description: no flag is ever set on it. */
#include "caps/set.h"

#include "caps/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *const stream_names[] = {"stdin", "stdout", "stderr"};

void stream_clear(struct stream *stream)
{
	if (stream->fd >= 0)
		close(stream->fd);
	free(stream->bytes);
	*stream = (struct stream){.fd = -1};
}

static int stream_open(struct caps *caps, enum caps_stream which, struct stream stream)
{
	if (caps->granted[CAP_STDIN + which])
		return -EALREADY;
	int slot = descriptor_new(caps, which);
	if (slot < 0)
		return slot;
	if (slot != (int)which)
		return -EALREADY;
	caps->streams[which] = stream;
	caps->table[slot].stream = &caps->streams[which];
	caps->open_count++;
	caps->granted[CAP_STDIN + which] = true;
	return 0;
}

static int stream_open_fd(struct caps *caps, enum caps_stream which, int fd, uint64_t limit)
{
	/* musl's fcntl() asks for close-on-exec once more. */
	cleanup_close int copy = (int)syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 3);
	if (copy < 0)
		return -errno;
	int rc = stream_open(caps, which, (struct stream){STREAM_FD, copy, limit, 0, NULL, 0, 0});
	if (rc == 0)
		take_fd(&copy);
	return rc;
}

int caps_grant_stdin_fd(struct caps *caps, int fd)
{
	return stream_open_fd(caps, CAPS_STDIN, fd, 0);
}

int caps_grant_stdin_bytes(struct caps *caps, const void *bytes, size_t size)
{
	cleanup_free char *copy = malloc(size ? size : 1);
	if (!copy)
		return -ENOMEM;
	if (size)
		memcpy(copy, bytes, size);
	int rc =
	    stream_open(caps, CAPS_STDIN, (struct stream){STREAM_BYTES, -1, 0, 0, copy, size, size});
	if (rc == 0)
		take_ptr(&copy);
	return rc;
}

int caps_grant_output_fd(struct caps *caps, enum caps_stream stream, int fd, uint64_t limit)
{
	if (stream != CAPS_STDOUT && stream != CAPS_STDERR)
		return -EINVAL;
	return stream_open_fd(caps, stream, fd, limit);
}

int caps_grant_output_capture(struct caps *caps, enum caps_stream stream, uint64_t limit)
{
	if (stream != CAPS_STDOUT && stream != CAPS_STDERR)
		return -EINVAL;
	return stream_open(caps, stream, (struct stream){STREAM_CAPTURE, -1, limit, 0, NULL, 0, 0});
}

const char *caps_captured(const struct caps *caps, enum caps_stream stream, size_t *size)
{
	const struct stream *s = &caps->streams[stream];
	bool has = s->kind == STREAM_CAPTURE && s->bytes;
	if (size)
		*size = has ? s->size : 0;
	return has ? s->bytes : "";
}

static bool is_ready(int fd, short events)
{
	struct pollfd p = {fd, events, 0};
	return poll(&p, 1, 0) > 0;
}

ssize_t stream_read(struct caps *caps, struct descriptor *d, const struct iovec *iov, int count)
{
	struct stream *s = d->stream;
	if (s != &caps->streams[CAPS_STDIN])
		return -EBADF;
	if (s->kind == STREAM_FD) {
		if ((d->stream_flags & O_NONBLOCK) && !is_ready(s->fd, POLLIN))
			return -EAGAIN;
		ssize_t n = readv(s->fd, iov, count);
		return n < 0 ? -errno : n;
	}
	size_t before = (size_t)s->done;
	for (int i = 0; i < count && s->done < s->size; i++) {
		size_t n = s->size - (size_t)s->done;
		if (n > iov[i].iov_len)
			n = iov[i].iov_len;
		if (n)
			memcpy(iov[i].iov_base, s->bytes + s->done, n);
		s->done += n;
	}
	return (ssize_t)(s->done - before);
}

static int capture_reserve(struct stream *s, size_t more)
{
	size_t needed;
	if (__builtin_add_overflow(s->size, more, &needed) ||
	    __builtin_add_overflow(needed, 1, &needed))
		return -ENOMEM;
	if (needed <= s->room)
		return 0;
	size_t room = s->room ? s->room : 512;
	while (room < needed) {
		if (__builtin_mul_overflow(room, 2, &room))
			return -ENOMEM;
	}
	char *bytes = realloc(s->bytes, room);
	if (!bytes)
		return -ENOMEM;
	s->bytes = bytes;
	s->room = room;
	return 0;
}

static int capture_append(struct stream *s, const void *bytes, size_t size)
{
	int rc = capture_reserve(s, size);
	if (rc < 0)
		return rc;
	if (size)
		memcpy(s->bytes + s->size, bytes, size);
	s->size += size;
	s->bytes[s->size] = '\0';
	return 0;
}

int iov_cut(const struct iovec *iov, int count, uint64_t left, struct iovec *cut)
{
	int n = 0;
	for (; n < count && (left > 0 || iov[n].iov_len == 0); n++) {
		cut[n] = iov[n];
		if (cut[n].iov_len > left)
			cut[n].iov_len = (size_t)left;
		left -= cut[n].iov_len;
	}
	return n;
}

static ssize_t put(struct stream *s, struct descriptor *d, const struct iovec *iov, int count)
{
	ssize_t done = 0;
	if (s->kind == STREAM_CAPTURE) {
		for (int i = 0; i < count; i++) {
			int rc = capture_append(s, iov[i].iov_base, iov[i].iov_len);
			if (rc < 0)
				return done ? done : rc;
			s->done += iov[i].iov_len;
			done += (ssize_t)iov[i].iov_len;
		}
		return done;
	}
	if ((d->stream_flags & O_NONBLOCK) && !is_ready(s->fd, POLLOUT))
		return -EAGAIN;
	done = writev(s->fd, iov, count);
	if (done < 0)
		return -errno;
	s->done += (uint64_t)done;
	return done;
}

/* Apart, for most writes are not cut and should not pay for this much of the stack. */
__attribute__((noinline)) static ssize_t put_cut(struct stream *s, struct descriptor *d,
                                                 const struct iovec *iov, int count, uint64_t left)
{
	struct iovec cut[CAPS_IOV_MAX];
	count = iov_cut(iov, count, left, cut);
	return put(s, d, cut, count);
}

ssize_t stream_write(struct caps *caps, struct descriptor *d, const struct iovec *iov, int count)
{
	struct stream *s = d->stream;
	if (s == &caps->streams[CAPS_STDIN])
		return -EBADF;
	uint64_t wanted = 0;
	for (int i = 0; i < count; i++)
		wanted += iov[i].iov_len;
	uint64_t left = s->limit - s->done;
	if (wanted <= left)
		return put(s, d, iov, count);
	note_limit(caps, "%s is limited to %llu bytes", stream_names[s - caps->streams],
	           (unsigned long long)s->limit);
	return left == 0 ? -EFBIG : put_cut(s, d, iov, count, left);
}
