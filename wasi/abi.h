/* The numbers and layouts of preview 1, in the words of its witx document. */
#ifndef WASI_ABI_H
#define WASI_ABI_H

#include <stdint.h>

enum {
#define WASI_ERRNO(name, host) WASI_E##name,
#include "wasi/errno.def"
#undef WASI_ERRNO
	WASI_ERRNO_COUNT,
};
_Static_assert(WASI_ENOTCAPABLE == 76 && WASI_ENOENT == 44, "errno.def stands in witx order");

/* rights: one bit each, in witx order */
#define WASI_RIGHTS(X)                                                                             \
	X(FD_DATASYNC)                                                                                 \
	X(FD_READ)                                                                                     \
	X(FD_SEEK)                                                                                     \
	X(FD_FDSTAT_SET_FLAGS)                                                                         \
	X(FD_SYNC)                                                                                     \
	X(FD_TELL)                                                                                     \
	X(FD_WRITE)                                                                                    \
	X(FD_ADVISE)                                                                                   \
	X(FD_ALLOCATE)                                                                                 \
	X(PATH_CREATE_DIRECTORY)                                                                       \
	X(PATH_CREATE_FILE)                                                                            \
	X(PATH_LINK_SOURCE)                                                                            \
	X(PATH_LINK_TARGET)                                                                            \
	X(PATH_OPEN)                                                                                   \
	X(FD_READDIR)                                                                                  \
	X(PATH_READLINK)                                                                               \
	X(PATH_RENAME_SOURCE)                                                                          \
	X(PATH_RENAME_TARGET)                                                                          \
	X(PATH_FILESTAT_GET)                                                                           \
	X(PATH_FILESTAT_SET_SIZE)                                                                      \
	X(PATH_FILESTAT_SET_TIMES)                                                                     \
	X(FD_FILESTAT_GET)                                                                             \
	X(FD_FILESTAT_SET_SIZE)                                                                        \
	X(FD_FILESTAT_SET_TIMES)                                                                       \
	X(PATH_SYMLINK)                                                                                \
	X(PATH_REMOVE_DIRECTORY)                                                                       \
	X(PATH_UNLINK_FILE)                                                                            \
	X(POLL_FD_READWRITE)                                                                           \
	X(SOCK_SHUTDOWN)                                                                               \
	X(SOCK_ACCEPT)

enum {
#define X(name) BIT_##name,
	WASI_RIGHTS(X)
#undef X
};
#define RIGHT(name) (UINT64_C(1) << BIT_##name)

/* What makes sense on each kind of descriptor; others are never given. */
#define RIGHTS_FILE                                                                                \
	(RIGHT(FD_DATASYNC) | RIGHT(FD_READ) | RIGHT(FD_SEEK) | RIGHT(FD_FDSTAT_SET_FLAGS) |           \
	 RIGHT(FD_SYNC) | RIGHT(FD_TELL) | RIGHT(FD_WRITE) | RIGHT(FD_ADVISE) | RIGHT(FD_ALLOCATE) |   \
	 RIGHT(FD_FILESTAT_GET) | RIGHT(FD_FILESTAT_SET_SIZE) | RIGHT(FD_FILESTAT_SET_TIMES) |         \
	 RIGHT(POLL_FD_READWRITE))
#define RIGHTS_DIRECTORY                                                                           \
	(RIGHT(FD_FDSTAT_SET_FLAGS) | RIGHT(FD_SYNC) | RIGHT(FD_DATASYNC) |                            \
	 RIGHT(PATH_CREATE_DIRECTORY) | RIGHT(PATH_CREATE_FILE) | RIGHT(PATH_LINK_SOURCE) |            \
	 RIGHT(PATH_LINK_TARGET) | RIGHT(PATH_OPEN) | RIGHT(FD_READDIR) | RIGHT(PATH_READLINK) |       \
	 RIGHT(PATH_RENAME_SOURCE) | RIGHT(PATH_RENAME_TARGET) | RIGHT(PATH_FILESTAT_GET) |            \
	 RIGHT(PATH_FILESTAT_SET_SIZE) | RIGHT(PATH_FILESTAT_SET_TIMES) | RIGHT(FD_FILESTAT_GET) |     \
	 RIGHT(FD_FILESTAT_SET_TIMES) | RIGHT(PATH_SYMLINK) | RIGHT(PATH_REMOVE_DIRECTORY) |           \
	 RIGHT(PATH_UNLINK_FILE) | RIGHT(POLL_FD_READWRITE))
#define RIGHTS_SOCKET                                                                              \
	(RIGHT(FD_READ) | RIGHT(FD_WRITE) | RIGHT(FD_FDSTAT_SET_FLAGS) | RIGHT(FD_FILESTAT_GET) |      \
	 RIGHT(POLL_FD_READWRITE) | RIGHT(SOCK_SHUTDOWN))
#define RIGHTS_STREAM                                                                              \
	(RIGHT(FD_FDSTAT_SET_FLAGS) | RIGHT(FD_FILESTAT_GET) | RIGHT(POLL_FD_READWRITE))

enum {
	FDFLAG_APPEND = 1,
	FDFLAG_DSYNC = 2,
	FDFLAG_NONBLOCK = 4,
	FDFLAG_RSYNC = 8,
	FDFLAG_SYNC = 16
};
#define FDFLAGS_ALL 31u
enum { OFLAG_CREAT = 1, OFLAG_DIRECTORY = 2, OFLAG_EXCL = 4, OFLAG_TRUNC = 8 };
#define OFLAGS_ALL 15u
#define LOOKUP_SYMLINK_FOLLOW 1u
enum { FSTFLAG_ATIM = 1, FSTFLAG_ATIM_NOW = 2, FSTFLAG_MTIM = 4, FSTFLAG_MTIM_NOW = 8 };
#define FSTFLAGS_ALL 15u
enum { CLOCK_ID_REALTIME, CLOCK_ID_MONOTONIC, CLOCK_ID_PROCESS_CPUTIME, CLOCK_ID_THREAD_CPUTIME };
enum { EVENTTYPE_CLOCK, EVENTTYPE_FD_READ, EVENTTYPE_FD_WRITE };
#define SUBCLOCK_ABSTIME 1u
#define EVENT_HANGUP 1u
enum { RIFLAG_PEEK = 1, RIFLAG_WAITALL = 2 };
#define RIFLAGS_ALL 3u
enum { SDFLAG_RD = 1, SDFLAG_WR = 2 };
#define SDFLAGS_ALL 3u

enum {
	FILETYPE_UNKNOWN,
	FILETYPE_BLOCK_DEVICE,
	FILETYPE_CHARACTER_DEVICE,
	FILETYPE_DIRECTORY,
	FILETYPE_REGULAR_FILE,
	FILETYPE_SOCKET_DGRAM,
	FILETYPE_SOCKET_STREAM,
	FILETYPE_SYMBOLIC_LINK,
};

/* Sizes in guest memory. */
#define IOVEC_SIZE 8u
#define FDSTAT_SIZE 24u
#define PRESTAT_SIZE 8u
#define DIRENT_SIZE 24u
#define EVENT_SIZE 32u
#define FILESTAT_SIZE 64u
#define FILESTAT_SIZE_0 56u /* snapshot 0: a link count of 32 bits */
#define SUBSCRIPTION_SIZE 48u
#define SUBSCRIPTION_SIZE_0 56u /* snapshot 0: the clock has a 64-bit identifier in front */

#endif
