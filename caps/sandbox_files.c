/* Landlock (landlock(7)), by its numbers: the kernel's headers may be older than the kernel. */
#include "caps/sandbox_files.h"

#include "caps/cleanup.h"
#include "caps/sandbox.h"
#include "caps/set.h"

#include <sys/syscall.h>

/* The same on all processors. */
#define CALL_CREATE_RULESET 444
#define CALL_ADD_RULE 445
#define CALL_RESTRICT_SELF 446

#define CREATE_RULESET_VERSION 1u
#define RULE_PATH_BENEATH 1

/* Bits of an access, lowest first. */
#define FS_EXECUTE (1ull << 0)
#define FS_WRITE_FILE (1ull << 1)
#define FS_READ_FILE (1ull << 2)
#define FS_READ_DIR (1ull << 3)
#define FS_REMOVE_DIR (1ull << 4)
#define FS_REMOVE_FILE (1ull << 5)
#define FS_MAKE_CHAR (1ull << 6)
#define FS_MAKE_DIR (1ull << 7)
#define FS_MAKE_REG (1ull << 8)
#define FS_MAKE_SOCK (1ull << 9)
#define FS_MAKE_FIFO (1ull << 10)
#define FS_MAKE_BLOCK (1ull << 11)
#define FS_MAKE_SYM (1ull << 12)
#define FS_REFER (1ull << 13)     /* version 2: rename and link between directories */
#define FS_TRUNCATE (1ull << 14)  /* version 3 */
#define FS_IOCTL_DEV (1ull << 15) /* version 5 */

/* Before version 2 every rename between directories is denied, which guests may do below /work. */
#define VERSION_MIN 2

#define FS_READING (FS_READ_FILE | FS_READ_DIR)
#define FS_ALL                                                                                     \
	(FS_READING | FS_EXECUTE | FS_WRITE_FILE | FS_REMOVE_DIR | FS_REMOVE_FILE | FS_MAKE_CHAR |     \
	 FS_MAKE_DIR | FS_MAKE_REG | FS_MAKE_SOCK | FS_MAKE_FIFO | FS_MAKE_BLOCK | FS_MAKE_SYM |       \
	 FS_REFER)
#define FS_NEVER                                                                                   \
	(FS_EXECUTE | FS_MAKE_CHAR | FS_MAKE_SOCK | FS_MAKE_FIFO | FS_MAKE_BLOCK | FS_IOCTL_DEV)

#define NET_BIND_AND_CONNECT 3ull /* version 4 */
#define SCOPE_ALL 3ull            /* version 6: abstract unix sockets, signals */

struct ruleset {
	uint64_t fs;
	uint64_t net;
	uint64_t scoped;
};

struct __attribute__((packed)) path_beneath {
	uint64_t allowed;
	int32_t parent;
};

int sandbox_landlock_version(void)
{
	/* The kernel's; children inherit it. */
	static int known = -1;
	if (known < 0) {
		long version = syscall(CALL_CREATE_RULESET, NULL, 0, CREATE_RULESET_VERSION);
		known = version < 0 ? 0 : (int)version;
	}
	return known;
}

int sandbox_wall_files(struct caps *caps)
{
	int version = sandbox_landlock_version();
	if (version < VERSION_MIN)
		return -ENOSYS;
	const struct ruleset handled = {
	    .fs = FS_ALL | (version >= 3 ? FS_TRUNCATE : 0) | (version >= 5 ? FS_IOCTL_DEV : 0),
	    .net = version >= 4 ? NET_BIND_AND_CONNECT : 0,
	    .scoped = version >= 6 ? SCOPE_ALL : 0,
	};
	/* An older kernel takes the larger struct as long as what it does not know is 0. */
	cleanup_close int rules = (int)syscall(CALL_CREATE_RULESET, &handled, sizeof handled, 0);
	if (rules < 0)
		return -errno;
	for (uint32_t i = 0; i < caps->table_size; i++) {
		const struct descriptor *d = &caps->table[i];
		if (!d->is_preopen || d->fd < 0)
			continue;
		const struct path_beneath rule = {
		    .allowed = handled.fs & (d->is_read_only ? FS_READING : ~FS_NEVER),
		    .parent = d->fd,
		};
		if (syscall(CALL_ADD_RULE, rules, RULE_PATH_BENEATH, &rule, 0) != 0)
			return -errno;
	}
	return syscall(CALL_RESTRICT_SELF, rules, 0) == 0 ? 0 : -errno;
}
