/* caps: what a run may touch. This header is what the folder gives; it knows nothing of Wasm.
 *
 * A set starts empty: with no grant a run has no arguments, no files, no clock, nothing. The one
 * who decides grants first; then the run uses the set through the calls of the second half. A set
 * serves one run, and one thread at a time. It notes which denied capability was asked for, and
 * which limit was reached, so that a person can be told what to add.
 *
 * Every function that can fail returns a negative errno. Descriptor numbers here are the guest's:
 * indices of the set's own table, never descriptors of the host. 0, 1 and 2 are the standard
 * streams, and stay closed while those are not granted; granted directories follow from 3 on. */
#ifndef CAPS_CAPS_H
#define CAPS_CAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>

struct caps;

enum capability {
#define CAPABILITY(id, ...) id,
#include "caps/capability.def"
	CAPABILITY_COUNT,
};

/* A row of capability.def. */
struct capability_row {
	const char *name;
	const char *sentence;
	const char *deed;
	bool granted_by_default;
	const char *parameters;
	const char *provider; /* NULL: this build does not have it */
	const char *option;
	const char *field;
	bool denial_is_empty; /* a denied call succeeds with nothing; else it fails */
	const char *answer;
};

/* NULL when id is none of the table. */
const struct capability_row *capability_row(enum capability id);

enum run_limit {
#define LIMIT(id, ...) id,
#include "caps/capability.def"
	LIMIT_COUNT,
};

/* A row of the table's limits. */
struct limit_row {
	const char *name;
	const char *sentence;
	const char *by_default;
	const char *parameters;
	const char *provider; /* NULL: this build does not have it */
	const char *option;   /* "" when nothing sets it */
	const char *answer;
};

/* NULL when id is none of the table. */
const struct limit_row *limit_row(enum run_limit id);

/* ---- the set ---- */

/* An empty set; NULL without memory. */
struct caps *caps_create(void);

/* Closes every descriptor of the set. NULL is allowed. */
void caps_destroy(struct caps *caps);

/* ---- limits: each has a default and can be set before the run ---- */

#define CAPS_OPEN_FILES_DEFAULT 256u /* descriptors at a time, streams included */
#define CAPS_OPEN_FILES_MAX 65536u
#define CAPS_OUTPUT_DEFAULT ((uint64_t)16 << 20) /* bytes of one output stream */
#define CAPS_OUTPUT_UNLIMITED UINT64_MAX

/* -EINVAL above CAPS_OPEN_FILES_MAX or below what is open already. */
int caps_limit_open_files(struct caps *caps, uint32_t limit);

/* ---- grants; strings are copied ---- */

/* Appends an argument; the first one is the program's name. */
int caps_grant_arg(struct caps *caps, const char *arg);

/* Adds a variable, or gives it another value. -EINVAL on an empty name or one with '='. */
int caps_grant_env(struct caps *caps, const char *name, const char *value);

/* Reads from a duplicate of host descriptor fd. */
int caps_grant_stdin_fd(struct caps *caps, int fd);

/* Reads these bytes, then the end of file. */
int caps_grant_stdin_bytes(struct caps *caps, const void *bytes, size_t size);

enum caps_stream { CAPS_STDIN = 0, CAPS_STDOUT = 1, CAPS_STDERR = 2 };

/* Writes to a duplicate of host descriptor fd, at most `limit` bytes. A write beyond the limit
 * writes what fits; with nothing left it answers -EFBIG, and caps_limit_reached() names the stream.
 */
int caps_grant_output_fd(struct caps *caps, enum caps_stream stream, int fd, uint64_t limit);

/* Keeps at most `limit` bytes in memory; caps_captured() shows them. */
int caps_grant_output_capture(struct caps *caps, enum caps_stream stream, uint64_t limit);

/* What was written to a captured stream so far: borrowed, terminated by a NUL that *size does not
 * count; "" when the stream is not captured. */
const char *caps_captured(const struct caps *caps, enum caps_stream stream, size_t *size);

enum caps_access { CAPS_READ_ONLY, CAPS_READ_WRITE };

/* Opens host directory `host` now; the guest knows it as `guest` ("/", "/work", "."). The one path
 * that is opened unconfined: it is the granter's own. -EEXIST for a second one of that name. */
int caps_grant_dir(struct caps *caps, const char *host, const char *guest, enum caps_access access);

#define CAPS_QUOTA_NONE UINT64_MAX
#define CAPS_ENTRY_BYTES 4096u /* what a file, a directory or a link counts besides its size */

/* Limits what the run may add below the directory that was granted last. Beyond it a write writes
 * what fits, then answers -EDQUOT, as do the other calls that add; caps_limit_reached() names the
 * directory and `set_by`, the way to another quota, which outlives caps. -ENOENT when none is
 * granted. */
int caps_limit_dir(struct caps *caps, uint64_t bytes, const char *set_by);

/* What the run adds below the directory that was granted last counts for the quota of an earlier
 * one, that which the guest knows as `guest`: together they have that quota, whether one lies in
 * the other or not. -ENOENT when there is none. */
int caps_share_limit(struct caps *caps, const char *guest);

enum caps_clock_mode {
	CAPS_CLOCK_REAL,
	CAPS_CLOCK_COARSE, /* readings rounded down to CAPS_CLOCK_COARSE_NS */
	CAPS_CLOCK_FIXED,  /* stands at start_ns; only sleeping moves it, and takes no time */
};

#define CAPS_CLOCK_COARSE_NS 1000000

/* start_ns: nanoseconds since 1970 for CAPS_CLOCK_FIXED, else ignored. */
int caps_grant_clock(struct caps *caps, enum caps_clock_mode mode, int64_t start_ns);

int caps_grant_random(struct caps *caps);

/* The same bytes for the same seed, on every machine. Not for secrets. */
int caps_grant_random_seeded(struct caps *caps, uint64_t seed);

bool caps_is_granted(const struct caps *caps, enum capability id);

/* ---- what the run ran into ---- */

/* Was this capability asked for while it was denied? */
bool caps_was_denied(const struct caps *caps, enum capability id);

/* A sentence for the first denial, "the module asked for random, which is not granted; add
 * --random"; NULL when nothing was denied. Borrowed until caps_destroy(). */
const char *caps_denial(const struct caps *caps);

/* "stdout is limited to 16777216 bytes" for the first limit that was reached, else NULL. Borrowed.
 */
const char *caps_limit_reached(const struct caps *caps);

/* Whom the sentence of caps_denial() tells what to write: the user of a command line, as by
 * default, or the author of a template. */
enum caps_granter { CAPS_GRANTER_USER, CAPS_GRANTER_TEMPLATE };
void caps_set_granter(struct caps *caps, enum caps_granter granter);

/* Notes that a denied capability was asked for; for layers above that know of requests that never
 * get here. `detail` (or NULL) says what was tried: "write to /work, which is read-only". */
void caps_note_denied(struct caps *caps, enum capability id, const char *detail);

/* ---- arguments and environment; empty when denied ---- */

/* Strings of the list, "NAME=VALUE" for the environment. Borrowed, valid until the next grant. */
struct caps_strings {
	const char *const *items;
	size_t count;
};

struct caps_strings caps_args(struct caps *caps);
struct caps_strings caps_env(struct caps *caps);

/* ---- clock and random; -EACCES when denied ---- */

/* clock: CLOCK_REALTIME, CLOCK_MONOTONIC (its zero lies shortly before the set's creation),
 * CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID (both: of this thread, since creation). */
int caps_clock_time(struct caps *caps, clockid_t clock, int64_t *ns);
int caps_clock_resolution(struct caps *caps, clockid_t clock, int64_t *ns);

int caps_random(struct caps *caps, void *bytes, size_t size);

/* ---- descriptors ---- */

enum caps_type {
	CAPS_TYPE_UNKNOWN,
	CAPS_TYPE_BLOCK_DEVICE,
	CAPS_TYPE_CHAR_DEVICE,
	CAPS_TYPE_DIRECTORY,
	CAPS_TYPE_FILE,
	CAPS_TYPE_SOCKET,
	CAPS_TYPE_FIFO,
	CAPS_TYPE_SYMLINK,
};

enum caps_type caps_type_of_mode(mode_t mode);

/* Two words that the ABI layer keeps on a descriptor (rights, say); they move with it. */
struct caps_label {
	uint64_t base;
	uint64_t inheriting;
};

struct caps_fd_info {
	enum caps_type type;
	int flags;         /* O_APPEND | O_NONBLOCK | O_DSYNC | O_SYNC */
	bool is_read_only; /* a directory granted so, or below one */
	bool is_stream;    /* standard stream, not a file */
	bool is_terminal;
	bool can_read;
	bool can_write;
	const char *preopen; /* guest path of a granted directory, else NULL; borrowed */
	struct caps_label label;
};

int caps_fd_info(struct caps *caps, uint32_t fd, struct caps_fd_info *info);
/* The label alone, without asking the kernel anything. */
int caps_fd_label(struct caps *caps, uint32_t fd, struct caps_label *label);
int caps_fd_set_label(struct caps *caps, uint32_t fd, struct caps_label label);
/* flags: O_APPEND, O_NONBLOCK; -EINVAL for others. */
int caps_fd_set_flags(struct caps *caps, uint32_t fd, int flags);
int caps_fd_close(struct caps *caps, uint32_t fd);
/* `to` is closed and becomes `from`; both must be open. */
int caps_fd_renumber(struct caps *caps, uint32_t from, uint32_t to);

/* Bytes done, or a negative errno. count is at most CAPS_IOV_MAX. */
#define CAPS_IOV_MAX 1024
ssize_t caps_fd_read(struct caps *caps, uint32_t fd, const struct iovec *iov, int count);
ssize_t caps_fd_write(struct caps *caps, uint32_t fd, const struct iovec *iov, int count);
ssize_t caps_fd_pread(struct caps *caps, uint32_t fd, const struct iovec *iov, int count,
                      int64_t offset);
ssize_t caps_fd_pwrite(struct caps *caps, uint32_t fd, const struct iovec *iov, int count,
                       int64_t offset);

/* The new offset. -ESPIPE on streams, -EISDIR on directories. */
int64_t caps_fd_seek(struct caps *caps, uint32_t fd, int64_t offset, int whence);

int caps_fd_stat(struct caps *caps, uint32_t fd, struct stat *st);
int caps_fd_set_size(struct caps *caps, uint32_t fd, int64_t size);
int caps_fd_allocate(struct caps *caps, uint32_t fd, int64_t offset, int64_t size);
/* times: as futimens(), UTIME_NOW is not taken from the clock capability but from the kernel. */
int caps_fd_set_times(struct caps *caps, uint32_t fd, const struct timespec times[2]);
/* advice: POSIX_FADV_… */
int caps_fd_advise(struct caps *caps, uint32_t fd, int64_t offset, int64_t size, int advice);
int caps_fd_sync(struct caps *caps, uint32_t fd, bool data_only);

struct caps_dirent {
	uint64_t next; /* cookie of the entry behind this one */
	uint64_t ino;
	enum caps_type type;
	const char *name; /* valid during the call */
};

/* Calls each() for the entries from cookie on (0: from the start) until it returns false or there
 * are no more. A cookie that is none of the directory's is answered by some entries or none. */
int caps_fd_readdir(struct caps *caps, uint32_t fd, uint64_t cookie,
                    bool (*each)(void *env, const struct caps_dirent *entry), void *env);

/* ---- paths, below a directory descriptor ----
 *
 * Never leaves the directory: not by "..", an absolute path, a symlink, a magic link of /proc, or a
 * rename that races with it; such a path is answered with -EPERM. "" is -ENOENT. Every change below
 * a read-only directory is -EROFS. */

#define CAPS_SYMLINKS_MAX 40 /* followed in one path, then -ELOOP */
#define CAPS_PATH_MAX 4095   /* bytes, then -ENAMETOOLONG */

struct caps_open {
	bool read, write; /* neither: still opened for reading */
	bool create, exclusive, truncate, directory;
	bool follow; /* a symlink as the last component */
	int flags;   /* O_APPEND | O_NONBLOCK | O_DSYNC | O_SYNC */
};

/* The new descriptor, the lowest free one from 3 on. -EMFILE at the limit of open files. */
int caps_path_open(struct caps *caps, uint32_t dir, const char *path, const struct caps_open *how);
int caps_path_stat(struct caps *caps, uint32_t dir, const char *path, bool follow, struct stat *st);
int caps_path_set_times(struct caps *caps, uint32_t dir, const char *path, bool follow,
                        const struct timespec times[2]);
int caps_path_mkdir(struct caps *caps, uint32_t dir, const char *path);
int caps_path_rmdir(struct caps *caps, uint32_t dir, const char *path);
int caps_path_unlink(struct caps *caps, uint32_t dir, const char *path);
int caps_path_rename(struct caps *caps, uint32_t from_dir, const char *from, uint32_t to_dir,
                     const char *to);
int caps_path_link(struct caps *caps, uint32_t from_dir, const char *from, bool follow,
                   uint32_t to_dir, const char *to);
/* -EPERM when target is absolute. */
int caps_path_symlink(struct caps *caps, const char *target, uint32_t dir, const char *path);
/* Bytes of the target written to buf (cut to size, not terminated). */
ssize_t caps_path_readlink(struct caps *caps, uint32_t dir, const char *path, char *buf,
                           size_t size);

/* ---- waiting ---- */

struct caps_poll {
	uint32_t fd;
	bool for_write;     /* else for reading */
	int error;          /* out: 0 or a negative errno */
	bool is_ready;      /* out */
	bool hang_up;       /* out */
	uint64_t available; /* out: bytes that can be read, when known */
};

/* Waits until one of the descriptors is ready or timeout_ns is over; negative: no time-out. Returns
 * the number of ready items (errors count), 0 for the time-out. -EACCES when a time-out above 0 is
 * asked for without the clock. */
int caps_wait(struct caps *caps, struct caps_poll *items, size_t count, int64_t timeout_ns);

/* ---- for tests ---- */

/* Resolve paths by the component walk although the kernel has openat2. Process-wide. */
void caps_force_walk(bool on);

#endif
