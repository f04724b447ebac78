#include "caps/set.h"

#include "caps/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

static bool is_free(const struct descriptor *d)
{
	return d->fd < 0 && !d->stream;
}

struct descriptor *descriptor_at(struct caps *caps, uint32_t fd)
{
	if (fd >= caps->table_size || is_free(&caps->table[fd]))
		return NULL;
	if (caps->table[fd].socket != 0 && caps->sockets_hidden)
		return NULL;
	return &caps->table[fd];
}

static int table_grow(struct caps *caps, uint32_t needed)
{
	uint32_t size = caps->table_size ? caps->table_size : 8;
	while (size < needed)
		size *= 2;
	struct descriptor *table = reallocarray(caps->table, size, sizeof(*table));
	if (!table)
		return -ENOMEM;
	for (uint32_t i = caps->table_size; i < size; i++)
		table[i] = (struct descriptor){.fd = -1};
	caps->table = table;
	caps->table_size = size;
	return 0;
}

int descriptor_new(struct caps *caps, uint32_t from)
{
	if (caps->open_count >= caps->open_limit) {
		note_limit(caps, "open files are limited to %u%s", caps->open_limit,
		           caps->granter == CAPS_GRANTER_TEMPLATE ? " (permissions.limits.open_files)"
		                                                  : "");
		return -EMFILE;
	}
	uint32_t fd = from;
	while (fd < caps->table_size && !is_free(&caps->table[fd]))
		fd++;
	if (fd >= caps->table_size) {
		int rc = table_grow(caps, fd + 1);
		if (rc < 0)
			return rc;
	}
	caps->table[fd] = (struct descriptor){.fd = -1};
	return (int)fd;
}

void descriptor_clear(struct caps *caps, uint32_t fd)
{
	struct descriptor *d = &caps->table[fd];
	if (is_free(d))
		return;
	if (d->fd >= 0) {
		quota_closing(caps, d);
		close(d->fd);
	}
	*d = (struct descriptor){.fd = -1};
	caps->open_count--;
}

int descriptor_host(struct caps *caps, uint32_t fd, int *host)
{
	struct descriptor *d = descriptor_at(caps, fd);
	if (!d)
		return -EBADF;
	if (d->stream && d->stream->kind != STREAM_FD)
		return -ESPIPE;
	*host = d->stream ? d->stream->fd : d->fd;
	return 0;
}

int caps_limit_open_files(struct caps *caps, uint32_t limit)
{
	if (limit > CAPS_OPEN_FILES_MAX || limit < caps->open_count)
		return -EINVAL;
	caps->open_limit = limit;
	return 0;
}

int caps_fd_close(struct caps *caps, uint32_t fd)
{
	if (!descriptor_at(caps, fd))
		return -EBADF;
	descriptor_clear(caps, fd);
	return 0;
}

int caps_fd_renumber(struct caps *caps, uint32_t from, uint32_t to)
{
	if (!descriptor_at(caps, from) || !descriptor_at(caps, to))
		return -EBADF;
	if (from == to)
		return 0;
	descriptor_clear(caps, to);
	caps->table[to] = caps->table[from];
	caps->table[from] = (struct descriptor){.fd = -1};
	return 0;
}

enum caps_type caps_type_of_mode(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFBLK:
		return CAPS_TYPE_BLOCK_DEVICE;
	case S_IFCHR:
		return CAPS_TYPE_CHAR_DEVICE;
	case S_IFDIR:
		return CAPS_TYPE_DIRECTORY;
	case S_IFREG:
		return CAPS_TYPE_FILE;
	case S_IFSOCK:
		return CAPS_TYPE_SOCKET;
	case S_IFIFO:
		return CAPS_TYPE_FIFO;
	case S_IFLNK:
		return CAPS_TYPE_SYMLINK;
	default:
		return CAPS_TYPE_UNKNOWN;
	}
}

int caps_fd_info(struct caps *caps, uint32_t fd, struct caps_fd_info *info)
{
	const struct descriptor *d = descriptor_at(caps, fd);
	if (!d)
		return -EBADF;
	*info = (struct caps_fd_info){.type = CAPS_TYPE_FIFO, .label = d->label};
	info->is_read_only = d->is_read_only;
	if (d->is_preopen)
		info->preopen = caps->roots[d->root].guest;
	if (d->stream) {
		info->is_stream = true;
		info->flags = d->stream_flags;
		info->can_read = d->stream == &caps->streams[CAPS_STDIN];
		info->can_write = !info->can_read;
	}
	int host;
	if (descriptor_host(caps, fd, &host) < 0)
		return 0;
	struct stat st;
	if (fstat(host, &st) < 0)
		return -errno;
	info->type = caps_type_of_mode(st.st_mode);
	info->is_terminal = info->type == CAPS_TYPE_CHAR_DEVICE && isatty(host);
	if (!d->stream) {
		int flags = fcntl(host, F_GETFL);
		if (flags < 0)
			return -errno;
		info->flags = flags & (O_APPEND | O_NONBLOCK | O_DSYNC | O_SYNC);
		info->can_read = (flags & O_ACCMODE) != O_WRONLY;
		info->can_write = (flags & O_ACCMODE) != O_RDONLY;
	}
	return 0;
}

int caps_fd_label(struct caps *caps, uint32_t fd, struct caps_label *label)
{
	const struct descriptor *d = descriptor_at(caps, fd);
	if (!d)
		return -EBADF;
	*label = d->label;
	return 0;
}

int caps_fd_set_label(struct caps *caps, uint32_t fd, struct caps_label label)
{
	struct descriptor *d = descriptor_at(caps, fd);
	if (!d)
		return -EBADF;
	d->label = label;
	return 0;
}

int caps_fd_set_flags(struct caps *caps, uint32_t fd, int flags)
{
	struct descriptor *d = descriptor_at(caps, fd);
	if (!d)
		return -EBADF;
	if (flags & ~(O_APPEND | O_NONBLOCK))
		return -EINVAL;
	if (d->stream) {
		d->stream_flags = flags;
		return 0;
	}
	int now = fcntl(d->fd, F_GETFL);
	if (now < 0)
		return -errno;
	if (fcntl(d->fd, F_SETFL, (now & ~(O_APPEND | O_NONBLOCK)) | flags) < 0)
		return -errno;
	return 0;
}
