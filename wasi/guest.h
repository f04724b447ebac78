/* The guest's memory as the handlers see it. Every address and length comes from the guest: each is
 * checked here against the memory's present size, in 64 bits, where no sum of two 32-bit numbers
 * can wrap. What is decided on is copied out first and never read again from the memory. */
#ifndef WASI_GUEST_H
#define WASI_GUEST_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "caps/broker.h"
#include "interp/interp.h"
#include "wasi/abi.h"
#include "wasi/wasi.h"

#include <string.h>

enum snapshot { SNAPSHOT_0, SNAPSHOT_1 };

/* The env of each host function. */
struct binding {
	struct wasi *wasi;
	enum snapshot snapshot;
};

struct wasi {
	struct caps *caps;
	struct binding bindings[2]; /* by enum snapshot */
	bool has_exited;
	uint32_t exit_status;
	/* wasi/unknown.h: all of them, and the first that was called */
	struct unknown *unknown, *unknown_called;
};

/* One call: what a handler needs, taken from struct host_call. */
struct guest {
	struct host_call *call;
	struct wasi *wasi;
	struct caps *caps;
	enum snapshot snapshot;
	uint8_t *memory;
	uint64_t size;
};

struct guest guest_enter(struct host_call *call);

/* The `size` bytes at `at`, or false when they do not lie in the memory. Nothing lies in the memory
 * of a module that has none. */
static inline bool guest_range(const struct guest *g, uint32_t at, uint64_t size, uint8_t **out)
{
	if (!g->memory || at > g->size || size > g->size - at)
		return false;
	*out = g->memory + at;
	return true;
}

/* Little-endian, unaligned. */
static inline uint32_t load_u32(const uint8_t *at)
{
	uint32_t v;
	memcpy(&v, at, sizeof(v));
	return v;
}

static inline uint64_t load_u64(const uint8_t *at)
{
	uint64_t v;
	memcpy(&v, at, sizeof(v));
	return v;
}

static inline void store_u16(uint8_t *at, uint16_t v)
{
	memcpy(at, &v, sizeof(v));
}

static inline void store_u32(uint8_t *at, uint32_t v)
{
	memcpy(at, &v, sizeof(v));
}

static inline void store_u64(uint8_t *at, uint64_t v)
{
	memcpy(at, &v, sizeof(v));
}
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "Wasm memory is little-endian");

/* Stores a result; WASI_EFAULT when it does not lie in the memory. */
uint32_t guest_put_u32(const struct guest *g, uint32_t at, uint32_t value);
uint32_t guest_put_u64(const struct guest *g, uint32_t at, uint64_t value);

/* A path or name of the guest, copied and terminated. */
struct guest_path {
	char text[CAPS_PATH_MAX + 1];
};
/* A WASI errno: FAULT, NAMETOOLONG, ILSEQ for one that holds a NUL. */
uint32_t guest_path(const struct guest *g, uint32_t at, uint32_t len, struct guest_path *path);

/* How many entries the array for a list of so many buffers must have. CAPS_IOV_MAX of them take
 * four pages of the stack, of which a run that only prints a line would touch two more. */
static inline uint32_t guest_iovs_room(uint32_t count)
{
	if (count == 0)
		return 1;
	return count < CAPS_IOV_MAX ? count : CAPS_IOV_MAX;
}
/* A list of buffers: read once, each checked; iovs has guest_iovs_room(count) entries. A WASI
 * errno: FAULT; INVAL for more than CAPS_IOV_MAX, or more bytes than a result can count. */
uint32_t guest_iovs(const struct guest *g, uint32_t at, uint32_t count, struct iovec *iovs);

/* Bytes of the guest where they are: to be read once. 0 or -EFAULT. */
int guest_text(const struct guest *g, uint32_t at, uint32_t size, struct caps_text *text);
/* Stores the size of the text, and the text at `at` when `room` is enough. 0, -EFAULT or -ENOBUFS.
 */
int guest_put_text(const struct guest *g, struct caps_text text, uint32_t at, uint32_t room,
                   uint32_t size_at);

/* ---- shared by the handlers ---- */

/* The WASI errno for a negative errno of caps; SUCCESS for 0 and above. */
uint32_t wasi_errno(int64_t rc);

/* Is fd open, and has it all these rights: SUCCESS, BADF or NOTCAPABLE. */
uint32_t fd_require(const struct guest *g, uint32_t fd, uint64_t rights);

uint8_t filetype_of(enum caps_type type);
uint16_t fdflags_of(int flags);
int flags_of_fdflags(uint32_t fdflags);

/* Writes a filestat in the layout of the call's snapshot. */
uint32_t guest_put_filestat(const struct guest *g, uint32_t at, const struct stat *st);

/* times[] for caps from a guest's times and fstflags; INVAL when a time is given and also "now". */
uint32_t times_of(uint64_t atim, uint64_t mtim, uint32_t fstflags, struct timespec times[2]);

/* false for an unknown clock id. */
bool clock_of(uint32_t id, clockid_t *clock);

/* First labels: full rights for streams and granted directories. */
void rights_init(struct caps *caps);
/* Whether a stream can seek is found out when that matters: whoever shows a label or takes rights
 * from it settles it first. Nothing changes of others. */
void rights_settle(struct caps *caps, uint32_t fd, struct caps_label *label);
/* The same of the label in `info`, for whoever has asked already. */
void rights_settle_info(struct caps *caps, uint32_t fd, struct caps_fd_info *info);
/* The rights of a new descriptor of this type: those asked for that its directory passes on and
 * that make sense on the type. */
struct caps_label rights_new(const struct caps_label *dir, enum caps_type type, uint64_t base,
                             uint64_t inheriting);

#endif
