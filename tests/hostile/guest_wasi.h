/* WASI preview 1 as the hostile guests call it: addresses and lengths as numbers, so that they can
 * lie. wasi-libc's own declarations take C strings and measure them. */
#ifndef TESTS_HOSTILE_GUEST_WASI_H
#define TESTS_HOSTILE_GUEST_WASI_H

#include <stdint.h>

#define IMPORT(name)                                                                               \
	__attribute__((import_module("wasi_snapshot_preview1"),                                        \
	               import_name(#name))) uint32_t wasi_##name

IMPORT(path_open)(uint32_t dir, uint32_t lookup, uint32_t at, uint32_t len, uint32_t oflags,
                  uint64_t base, uint64_t inheriting, uint32_t fdflags, uint32_t out);
IMPORT(path_create_directory)(uint32_t dir, uint32_t at, uint32_t len);
IMPORT(path_remove_directory)(uint32_t dir, uint32_t at, uint32_t len);
IMPORT(path_unlink_file)(uint32_t dir, uint32_t at, uint32_t len);
IMPORT(path_filestat_get)(uint32_t dir, uint32_t lookup, uint32_t at, uint32_t len, uint32_t out);
IMPORT(path_filestat_set_times)(uint32_t dir, uint32_t lookup, uint32_t at, uint32_t len,
                                uint64_t atim, uint64_t mtim, uint32_t flags);
IMPORT(path_link)(uint32_t from, uint32_t lookup, uint32_t at, uint32_t len, uint32_t to,
                  uint32_t to_at, uint32_t to_len);
IMPORT(path_rename)(uint32_t from, uint32_t at, uint32_t len, uint32_t to, uint32_t to_at,
                    uint32_t to_len);
IMPORT(path_symlink)(uint32_t target, uint32_t target_len, uint32_t dir, uint32_t at, uint32_t len);
IMPORT(path_readlink)(uint32_t dir, uint32_t at, uint32_t len, uint32_t out, uint32_t size,
                      uint32_t used);
IMPORT(fd_read)(uint32_t fd, uint32_t iovs, uint32_t count, uint32_t out);
IMPORT(fd_write)(uint32_t fd, uint32_t iovs, uint32_t count, uint32_t out);
IMPORT(fd_pread)(uint32_t fd, uint32_t iovs, uint32_t count, uint64_t offset, uint32_t out);
IMPORT(fd_pwrite)(uint32_t fd, uint32_t iovs, uint32_t count, uint64_t offset, uint32_t out);
IMPORT(fd_seek)(uint32_t fd, int64_t offset, uint32_t whence, uint32_t out);
IMPORT(fd_close)(uint32_t fd);
IMPORT(fd_renumber)(uint32_t from, uint32_t to);
IMPORT(fd_readdir)(uint32_t fd, uint32_t at, uint32_t len, uint64_t cookie, uint32_t used);
IMPORT(fd_allocate)(uint32_t fd, uint64_t offset, uint64_t len);
IMPORT(fd_filestat_set_size)(uint32_t fd, uint64_t size);
IMPORT(fd_filestat_set_times)(uint32_t fd, uint64_t atim, uint64_t mtim, uint32_t flags);
IMPORT(fd_fdstat_get)(uint32_t fd, uint32_t out);
IMPORT(fd_fdstat_set_rights)(uint32_t fd, uint64_t base, uint64_t inheriting);
IMPORT(fd_prestat_get)(uint32_t fd, uint32_t out);
IMPORT(fd_prestat_dir_name)(uint32_t fd, uint32_t at, uint32_t len);
IMPORT(poll_oneoff)(uint32_t in, uint32_t out, uint32_t count, uint32_t used);
IMPORT(random_get)(uint32_t at, uint32_t len);
IMPORT(clock_time_get)(uint32_t clock, uint64_t precision, uint32_t out);
IMPORT(args_get)(uint32_t argv, uint32_t bytes);
IMPORT(environ_get)(uint32_t env, uint32_t bytes);
IMPORT(sock_recv)(uint32_t fd, uint32_t iovs, uint32_t count, uint32_t flags, uint32_t out,
                  uint32_t out_flags);
IMPORT(sock_send)(uint32_t fd, uint32_t iovs, uint32_t count, uint32_t flags, uint32_t out);
IMPORT(sock_shutdown)(uint32_t fd, uint32_t how);
IMPORT(sock_accept)(uint32_t fd, uint32_t flags, uint32_t out);

/* The errors that the attempts expect, by their names in preview 1. */
#define ERRORS(X)                                                                                  \
	X(SUCCESS, 0)                                                                                  \
	X(ACCES, 2)                                                                                    \
	X(BADF, 8)                                                                                     \
	X(BUSY, 10)                                                                                    \
	X(EXIST, 20)                                                                                   \
	X(FAULT, 21)                                                                                   \
	X(FBIG, 22)                                                                                    \
	X(ILSEQ, 25)                                                                                   \
	X(INVAL, 28)                                                                                   \
	X(ISDIR, 31)                                                                                   \
	X(LOOP, 32)                                                                                    \
	X(NAMETOOLONG, 37)                                                                             \
	X(NOENT, 44)                                                                                   \
	X(NOSYS, 52)                                                                                   \
	X(NOTDIR, 54)                                                                                  \
	X(NOTSOCK, 57)                                                                                 \
	X(NOTSUP, 58)                                                                                  \
	X(PERM, 63)                                                                                    \
	X(ROFS, 69)                                                                                    \
	X(SPIPE, 70)                                                                                   \
	X(XDEV, 75)                                                                                    \
	X(NOTCAPABLE, 76)

enum {
#define X(name, number) E##name = number,
	ERRORS(X)
#undef X
};

#define FOLLOW 1u
#define O_CREATE 1u
#define O_DIRECTORY_ 2u
#define O_EXCLUSIVE 4u
#define O_TRUNCATE 8u
#define ALL_RIGHTS ((UINT64_C(1) << 30) - 1)
#define RIGHT_READ (UINT64_C(1) << 1)
#define RIGHT_WRITE (UINT64_C(1) << 6)
#define RIGHT_ALLOCATE (UINT64_C(1) << 8)
/* All but those that open for writing, which a directory cannot be. */
#define DIR_RIGHTS (ALL_RIGHTS & ~(RIGHT_WRITE | RIGHT_ALLOCATE))

#endif
