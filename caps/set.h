/* The inside of a set, shared by the files of this folder only; each includes it first, for the
 * extensions that both C libraries have behind this name (O_PATH, reallocarray). */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#ifndef CAPS_SET_H
#define CAPS_SET_H

#include "caps/caps.h"

#define FD_FIRST_FREE 3u /* 0, 1, 2 belong to the standard streams, granted or not */

enum stream_kind { STREAM_NONE, STREAM_FD, STREAM_BYTES, STREAM_CAPTURE };

struct stream {
	enum stream_kind kind;
	int fd;         /* STREAM_FD: a duplicate of the granter's */
	uint64_t limit; /* output: bytes that may be written in all */
	uint64_t done;  /* bytes written (output) or read (STREAM_BYTES) */
	char *bytes;    /* STREAM_BYTES: the input; STREAM_CAPTURE: what was written, and a NUL */
	size_t size, room;
};

/* One slot of the guest's descriptor table. A slot is free when it has neither. */
struct descriptor {
	int fd;                /* of the host, owned; -1: none */
	struct stream *stream; /* borrowed from the set; NULL: none */
	bool is_read_only;
	bool is_preopen;
	uint32_t socket;  /* a granted connection's number in sockets, from 1 on; 0: none */
	uint32_t root;    /* index of the granted directory it was reached through */
	int stream_flags; /* O_NONBLOCK and O_APPEND of a stream: never set on the granter's file */
	struct caps_label label;
};

struct root {
	char *guest;
	uint64_t quota, used; /* bytes, see quota.c */
	const char *set_by;   /* the quota, for messages */
	uint32_t purse;       /* index of the root whose quota holds: its own, or an earlier one */
};

struct strings {
	char **items;
	size_t count, room;
};

enum random_mode { RANDOM_REAL, RANDOM_SEEDED };

struct caps {
	bool granted[CAPABILITY_COUNT];
	bool denied[CAPABILITY_COUNT];
	char *denial; /* the first one's sentence */
	char *limit_reached;

	struct strings args, env;
	struct stream streams[3];

	struct root *roots;
	uint32_t root_count;
	struct descriptor *table;
	uint32_t table_size; /* slots allocated */
	uint32_t open_count;
	uint32_t open_limit;

	enum caps_clock_mode clock_mode;
	int64_t fixed_ns;       /* CAPS_CLOCK_FIXED: present time of day */
	int64_t slept_ns;       /* CAPS_CLOCK_FIXED: what sleeping has added */
	int64_t monotonic_base; /* of the host's clock, see clock.c */
	int64_t cpu_base;

	enum random_mode random_mode;
	uint64_t random_state;

	struct broker *broker; /* broker.c; NULL: none */
	char **sockets;        /* names of granted connections */
	uint32_t socket_count;
	enum caps_granter granter;
	bool sockets_hidden; /* see caps_sockets_show() */
};

/* set.c: appends a string that it then owns. */
int strings_add(struct strings *strings, char *text);

_Static_assert(CAP_STDOUT == CAP_STDIN + 1 && CAP_STDERR == CAP_STDIN + 2,
               "the streams' capabilities stand in the order of their descriptors");

/* capability.c */
/* capability.c: that a directory was to be changed which is granted to read. */
void note_read_only(struct caps *caps, const char *guest);
__attribute__((format(printf, 2, 3))) void note_limit(struct caps *caps, const char *fmt, ...);
/* 0 when granted, else notes the denial and answers -EACCES. */
int require(struct caps *caps, enum capability id);

/* table.c: NULL when nothing is open there. Valid until the table next grows. */
struct descriptor *descriptor_at(struct caps *caps, uint32_t fd);
/* The lowest free slot from `from` on, cleared; a negative errno without room. */
int descriptor_new(struct caps *caps, uint32_t from);
void descriptor_clear(struct caps *caps, uint32_t fd);
/* The host's descriptor for fd in *host: 0, -EBADF, or -ESPIPE for a stream without one. */
int descriptor_host(struct caps *caps, uint32_t fd, int *host);

/* stream.c */
void stream_clear(struct stream *stream);
ssize_t stream_read(struct caps *caps, struct descriptor *d, const struct iovec *iov, int count);
ssize_t stream_write(struct caps *caps, struct descriptor *d, const struct iovec *iov, int count);

/* Copies iov until `left` bytes are used up; the number of entries of `cut`, which has room for
 * CAPS_IOV_MAX. */
int iov_cut(const struct iovec *iov, int count, uint64_t left, struct iovec *cut);

/* quota.c; `d` tells the granted directory. All but the first do nothing without a quota. */
bool quota_applies(struct caps *caps, const struct descriptor *d);
/* 0 or -EDQUOT */
int quota_take(struct caps *caps, const struct descriptor *d, uint64_t bytes);
void quota_give(struct caps *caps, const struct descriptor *d, uint64_t bytes);
/* A name of the file is gone; st: as it was before. */
void quota_unlinked(struct caps *caps, const struct descriptor *d, const struct stat *st);
void quota_closing(struct caps *caps, const struct descriptor *d);

/* A write that is counted: cut it, write .iov, tell how much was written. For descriptors that a
 * quota applies to. */
struct quota_write {
	uint64_t start, size;
	struct iovec iov[CAPS_IOV_MAX];
};
#define QUOTA_NONE INT32_MIN /* no file: nothing is counted */
/* offset: -1 for the descriptor's own. Entries of .iov, QUOTA_NONE or a negative errno. */
int quota_cut(struct caps *caps, const struct descriptor *d, int64_t offset,
              const struct iovec *iov, int count, struct quota_write *write);
void quota_written(struct caps *caps, const struct descriptor *d, const struct quota_write *write,
                   ssize_t done);

/* socket.c: takes fd over in every case. */
int socket_grant(struct caps *caps, int fd, const char *name);
void sockets_clear(struct caps *caps);

/* clock.c */
void clock_init(struct caps *caps);
/* CAPS_CLOCK_FIXED: the time passes without waiting. */
void clock_sleep_fixed(struct caps *caps, int64_t ns);

/* resolve.c: the only file that opens a path. */

/* Where an operation on a path acts: in directory `dir` (owned, O_PATH) on `name`, one component
 * that is neither ".." nor a followed symlink; "." for the directory itself. */
struct place {
	int dir;
	char name[256];
	bool slash; /* the path ended in a slash: only a directory will do */
};

/* Opens a path below root for the guest. flags and mode as open(); O_CLOEXEC, O_NOCTTY are added. A
 * descriptor of the host or a negative errno. */
int open_below(int root, const char *path, int flags, mode_t mode);

enum follow {
	FOLLOW_NEVER,    /* what the path names is made, moved or removed */
	FOLLOW_IF_SLASH, /* "link/" means the directory behind the link */
	FOLLOW_ALWAYS,
};

/* 0 or a negative errno; with 0 place->dir is to be closed. */
int place_find(int root, const char *path, enum follow follow, struct place *place);

/* Unconfined: for the granter's own path. */
int open_granted(const char *host);

#endif
