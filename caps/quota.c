/* How much a run adds below a granted directory: the sizes of its files, and CAPS_ENTRY_BYTES for
 * each file, directory and link, so that empty ones are bounded too. What is taken away again
 * counts back, down to zero: files that were there before make no room.
 *
 *   used <= quota, and what the disk holds <= what it held + used
 *
 * A file that was unlinked while it is open still holds its bytes: they count back when its last
 * descriptor is closed. */
#include "caps/set.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

int caps_limit_dir(struct caps *caps, uint64_t bytes, const char *set_by)
{
	if (caps->root_count == 0)
		return -ENOENT;
	struct root *root = &caps->roots[caps->root_count - 1];
	root->quota = bytes;
	root->set_by = set_by;
	root->purse = caps->root_count - 1;
	return 0;
}

int caps_share_limit(struct caps *caps, const char *guest)
{
	for (uint32_t i = 0; i + 1 < caps->root_count; i++) {
		if (strcmp(caps->roots[i].guest, guest) == 0) {
			caps->roots[caps->root_count - 1].purse = caps->roots[i].purse;
			return 0;
		}
	}
	return -ENOENT;
}

/* The one whose quota the descriptor counts for. */
static struct root *root_of(struct caps *caps, const struct descriptor *d)
{
	return d->root < caps->root_count ? &caps->roots[caps->roots[d->root].purse] : NULL;
}

bool quota_applies(struct caps *caps, const struct descriptor *d)
{
	const struct root *root = root_of(caps, d);
	return root && root->quota != CAPS_QUOTA_NONE && !d->stream;
}

static int refuse(struct caps *caps, const struct root *root)
{
	note_limit(caps, "files below %.180s are limited to %llu bytes (%s)", root->guest,
	           (unsigned long long)root->quota, root->set_by);
	return -EDQUOT;
}

int quota_take(struct caps *caps, const struct descriptor *d, uint64_t bytes)
{
	if (!quota_applies(caps, d))
		return 0;
	struct root *root = root_of(caps, d);
	if (bytes > root->quota - root->used)
		return refuse(caps, root);
	root->used += bytes;
	return 0;
}

void quota_give(struct caps *caps, const struct descriptor *d, uint64_t bytes)
{
	if (!quota_applies(caps, d))
		return;
	struct root *root = root_of(caps, d);
	root->used -= bytes < root->used ? bytes : root->used;
}

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Whether a descriptor other than `but` has the file open. */
static bool is_open(struct caps *caps, const struct stat *st, const struct descriptor *but)
{
	struct stat other;
	for (uint32_t fd = 0; fd < caps->table_size; fd++) {
		const struct descriptor *d = &caps->table[fd];
		if (d != but && d->fd >= 0 && fstat(d->fd, &other) == 0 && is_same(&other, st))
			return true;
	}
	return false;
}

void quota_unlinked(struct caps *caps, const struct descriptor *d, const struct stat *st)
{
	if (!quota_applies(caps, d))
		return;
	quota_give(caps, d, CAPS_ENTRY_BYTES);
	if (S_ISREG(st->st_mode) && st->st_nlink == 1 && !is_open(caps, st, NULL))
		quota_give(caps, d, (uint64_t)st->st_size);
}

void quota_closing(struct caps *caps, const struct descriptor *d)
{
	struct stat st;
	if (!quota_applies(caps, d) || fstat(d->fd, &st) < 0)
		return;
	if (S_ISREG(st.st_mode) && st.st_nlink == 0 && !is_open(caps, &st, d))
		quota_give(caps, d, (uint64_t)st.st_size);
}

/* Where a write begins, with the file's size in *size. */
static int64_t write_start(const struct descriptor *d, int64_t offset, uint64_t *size)
{
	struct stat st;
	if (fstat(d->fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -ESPIPE;
	*size = (uint64_t)st.st_size;
	if (offset >= 0)
		return offset;
	int flags = fcntl(d->fd, F_GETFL);
	if (flags < 0)
		return -errno;
	off_t at = flags & O_APPEND ? st.st_size : lseek(d->fd, 0, SEEK_CUR);
	return at < 0 ? -errno : at;
}

int quota_cut(struct caps *caps, const struct descriptor *d, int64_t offset,
              const struct iovec *iov, int count, struct quota_write *write)
{
	struct root *root = root_of(caps, d);
	uint64_t wanted = 0;
	int64_t start = write_start(d, offset, &write->size);
	if (start < 0)
		return start == -ESPIPE ? QUOTA_NONE : (int)start;
	write->start = (uint64_t)start;
	for (int i = 0; i < count; i++)
		wanted += iov[i].iov_len;
	/* Bytes that may be written: up to the file's end, and what is left of the quota behind it. */
	uint64_t end;
	if (__builtin_add_overflow(write->size, root->quota - root->used, &end))
		end = UINT64_MAX;
	uint64_t room = end > write->start ? end - write->start : 0;
	if (wanted > room) {
		int rc = refuse(caps, root);
		if (room == 0)
			return rc;
	}
	return iov_cut(iov, count, room, write->iov);
}

void quota_written(struct caps *caps, const struct descriptor *d, const struct quota_write *write,
                   ssize_t done)
{
	struct root *root = root_of(caps, d);
	if (done > 0 && write->start + (uint64_t)done > write->size)
		root->used += write->start + (uint64_t)done - write->size;
}
