/* Rights: preview 1's own second check, kept as labels on the descriptors of the set. They can only
 * shrink. What a grant allows is checked by caps/ whatever they say. */
#include "wasi/guest.h"

#include <fcntl.h>

/* Of a stream nobody has asked yet whether it can seek, which takes system calls: few guests ever
 * ask. A bit that no right has. */
#define RIGHTS_UNSETTLED (UINT64_C(1) << 63)
#define RIGHTS_TO_SEEK (RIGHT(FD_SEEK) | RIGHT(FD_TELL))
_Static_assert(((RIGHTS_FILE | RIGHTS_DIRECTORY | RIGHTS_SOCKET | RIGHTS_STREAM) &
                RIGHTS_UNSETTLED) == 0,
               "it is no right");

/* C libraries take a character device that cannot seek for a terminal; one that is none gets the
 * rights to seek, so that nobody prints colours into /dev/null. */
void rights_settle_info(struct caps *caps, uint32_t fd, struct caps_fd_info *info)
{
	if (!(info->label.base & RIGHTS_UNSETTLED))
		return;
	info->label.base &= ~RIGHTS_UNSETTLED;
	if (info->type == CAPS_TYPE_CHAR_DEVICE && !info->is_terminal)
		info->label.base |= RIGHTS_TO_SEEK;
	caps_fd_set_label(caps, fd, info->label);
}

void rights_settle(struct caps *caps, uint32_t fd, struct caps_label *label)
{
	struct caps_fd_info info;
	if (!(label->base & RIGHTS_UNSETTLED))
		return;
	/* What cannot be looked at cannot seek. */
	if (caps_fd_info(caps, fd, &info) != 0)
		info = (struct caps_fd_info){.type = CAPS_TYPE_UNKNOWN, .label = *label};
	rights_settle_info(caps, fd, &info);
	*label = info.label;
}

uint32_t fd_require(const struct guest *g, uint32_t fd, uint64_t rights)
{
	struct caps_label label;
	int rc = caps_fd_label(g->caps, fd, &label);
	if (rc < 0)
		return wasi_errno(rc);
	if (rights & ~label.base & RIGHTS_TO_SEEK)
		rights_settle(g->caps, fd, &label);
	return (label.base & rights) == rights ? WASI_ESUCCESS : WASI_ENOTCAPABLE;
}

static uint64_t rights_of_type(enum caps_type type)
{
	return type == CAPS_TYPE_DIRECTORY ? RIGHTS_DIRECTORY : RIGHTS_FILE;
}

struct caps_label rights_new(const struct caps_label *dir, enum caps_type type, uint64_t base,
                             uint64_t inheriting)
{
	return (struct caps_label){
	    .base = base & dir->inheriting & rights_of_type(type),
	    .inheriting = inheriting & dir->inheriting,
	};
}

void rights_init(struct caps *caps)
{
	struct caps_fd_info info;
	/* The three streams, those that were granted. */
	for (uint32_t fd = 0; fd <= 2; fd++) {
		uint64_t rights =
		    fd == 0 ? RIGHT(FD_READ) : RIGHT(FD_WRITE) | RIGHT(FD_SYNC) | RIGHT(FD_DATASYNC);
		rights |= RIGHTS_STREAM | RIGHTS_UNSETTLED;
		caps_fd_set_label(caps, fd, (struct caps_label){rights, 0});
	}
	const struct caps_label directory = {RIGHTS_DIRECTORY, RIGHTS_DIRECTORY | RIGHTS_FILE};
	const struct caps_label connection = {RIGHTS_SOCKET, 0};
	for (uint32_t fd = 3; caps_fd_info(caps, fd, &info) == 0; fd++)
		caps_fd_set_label(caps, fd, info.type == CAPS_TYPE_SOCKET ? connection : directory);
}

uint8_t filetype_of(enum caps_type type)
{
	switch (type) {
	case CAPS_TYPE_BLOCK_DEVICE:
		return FILETYPE_BLOCK_DEVICE;
	case CAPS_TYPE_CHAR_DEVICE:
		return FILETYPE_CHARACTER_DEVICE;
	case CAPS_TYPE_DIRECTORY:
		return FILETYPE_DIRECTORY;
	case CAPS_TYPE_FILE:
		return FILETYPE_REGULAR_FILE;
	case CAPS_TYPE_SOCKET:
		return FILETYPE_SOCKET_STREAM;
	case CAPS_TYPE_SYMLINK:
		return FILETYPE_SYMBOLIC_LINK;
	case CAPS_TYPE_FIFO: /* preview 1 has no name for it */
	case CAPS_TYPE_UNKNOWN:
		break;
	}
	return FILETYPE_UNKNOWN;
}

uint16_t fdflags_of(int flags)
{
	uint16_t out = 0;
	if (flags & O_APPEND)
		out |= FDFLAG_APPEND;
	if (flags & O_NONBLOCK)
		out |= FDFLAG_NONBLOCK;
	if ((flags & O_SYNC) == O_SYNC)
		out |= FDFLAG_SYNC;
	else if (flags & O_DSYNC)
		out |= FDFLAG_DSYNC;
	return out;
}

int flags_of_fdflags(uint32_t fdflags)
{
	int flags = 0;
	if (fdflags & FDFLAG_APPEND)
		flags |= O_APPEND;
	if (fdflags & FDFLAG_NONBLOCK)
		flags |= O_NONBLOCK;
	if (fdflags & FDFLAG_DSYNC)
		flags |= O_DSYNC;
	if (fdflags & (FDFLAG_SYNC | FDFLAG_RSYNC))
		flags |= O_SYNC;
	return flags;
}
