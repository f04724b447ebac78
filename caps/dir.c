/* Reading directories. The cookie of an entry is the position that the kernel gives for the one
 * behind it (d_off): it stays right while entries come and go, and the kernel checks a foreign one.
 */
#include "caps/set.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* As getdents64(2) has it; libc has no name for it that all of them share. */
struct kernel_dirent {
	uint64_t ino;
	int64_t next;
	uint16_t size;
	uint8_t type;
	char name[];
};

#define TYPE_SHIFT 12 /* a dirent's type is the S_IFMT bits of a mode moved down */

static enum caps_type entry_type(int dir, const struct kernel_dirent *entry)
{
	if (entry->type)
		return caps_type_of_mode((mode_t)entry->type << TYPE_SHIFT);
	struct stat st;
	if (fstatat(dir, entry->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return CAPS_TYPE_UNKNOWN;
	return caps_type_of_mode(st.st_mode);
}

/* The number of the directory above a granted one is none of the guest's business. */
static uint64_t entry_ino(const struct descriptor *d, const struct kernel_dirent *entry)
{
	struct stat st;
	if (d->is_preopen && strcmp(entry->name, "..") == 0 && fstat(d->fd, &st) == 0)
		return st.st_ino;
	return entry->ino;
}

int caps_fd_readdir(struct caps *caps, uint32_t fd, uint64_t cookie,
                    bool (*each)(void *env, const struct caps_dirent *entry), void *env)
{
	const struct descriptor *d = descriptor_at(caps, fd);
	if (!d)
		return -EBADF;
	if (d->stream)
		return -ENOTDIR;
	struct stat st;
	if (fstat(d->fd, &st) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode))
		return -ENOTDIR;
	if (lseek(d->fd, (off_t)cookie, SEEK_SET) < 0)
		return -errno;
	for (;;) {
		_Alignas(8) char buf[8192];
		long n = syscall(SYS_getdents64, d->fd, buf, sizeof(buf));
		if (n <= 0)
			return n < 0 ? -errno : 0;
		for (long at = 0; at < n;) {
			const struct kernel_dirent *entry = (const void *)(buf + at);
			struct caps_dirent out = {(uint64_t)entry->next, entry_ino(d, entry),
			                          entry_type(d->fd, entry), entry->name};
			if (!each(env, &out))
				return 0;
			at += entry->size;
		}
	}
}
