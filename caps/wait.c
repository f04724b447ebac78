/* Waiting for descriptors and time. */
#include "caps/set.h"

#include "caps/cleanup.h"

#include <errno.h>
#include <poll.h>
#include <sys/ioctl.h>

#define NS_PER_S 1000000000ll

/* What is known of an item without the kernel; false: poll() must tell. */
static bool ready_at_once(struct caps *caps, struct caps_poll *item, struct pollfd *p)
{
	const struct descriptor *d = descriptor_at(caps, item->fd);
	*p = (struct pollfd){.fd = -1, .events = item->for_write ? POLLOUT : POLLIN};
	item->error = 0;
	item->is_ready = item->hang_up = false;
	item->available = 0;
	if (!d) {
		item->error = -EBADF;
		return true;
	}
	if (d->stream && d->stream->kind != STREAM_FD) {
		item->is_ready = true;
		if (d->stream->kind == STREAM_BYTES)
			item->available = d->stream->size - d->stream->done;
		return true;
	}
	p->fd = d->stream ? d->stream->fd : d->fd;
	return false;
}

static uint64_t bytes_available(int fd)
{
	struct stat st;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		off_t at = lseek(fd, 0, SEEK_CUR);
		return at >= 0 && at < st.st_size ? (uint64_t)(st.st_size - at) : 0;
	}
	int n = 0;
	return ioctl(fd, FIONREAD, &n) == 0 && n > 0 ? (uint64_t)n : 0;
}

static void take_result(struct caps_poll *item, const struct pollfd *p)
{
	if (p->fd < 0 || !p->revents)
		return;
	item->is_ready = true;
	item->hang_up = p->revents & POLLHUP;
	if (p->revents & POLLNVAL)
		item->error = -EBADF;
	else if ((p->revents & POLLERR) && item->for_write)
		item->hang_up = true; /* the reader is gone: the write itself says EPIPE */
	if (!item->for_write && !item->error)
		item->available = bytes_available(p->fd);
}

int caps_wait(struct caps *caps, struct caps_poll *items, size_t count, int64_t timeout_ns)
{
	if (timeout_ns > 0) {
		int rc = require(caps, CAP_CLOCK);
		if (rc < 0)
			return rc;
	}
	cleanup_free struct pollfd *polls = calloc(count ? count : 1, sizeof(*polls));
	if (!polls)
		return -ENOMEM;
	bool any = false;
	for (size_t i = 0; i < count; i++)
		any |= ready_at_once(caps, &items[i], &polls[i]);
	bool is_fixed = timeout_ns > 0 && caps->clock_mode == CAPS_CLOCK_FIXED;
	struct timespec ts = {0};
	if (!any && !is_fixed && timeout_ns > 0)
		ts = (struct timespec){timeout_ns / NS_PER_S, timeout_ns % NS_PER_S};
	bool forever = !any && timeout_ns < 0;
	if (ppoll(polls, count, forever ? NULL : &ts, NULL) < 0)
		return -errno;
	int ready = 0;
	for (size_t i = 0; i < count; i++) {
		take_result(&items[i], &polls[i]);
		ready += items[i].is_ready || items[i].error;
	}
	if (ready == 0 && is_fixed)
		clock_sleep_fixed(caps, timeout_ns);
	return ready;
}
