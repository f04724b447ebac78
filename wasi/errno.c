#include "wasi/guest.h"

#include <errno.h>

static const int host_errnos[] = {
#define WASI_ERRNO(name, host) [WASI_E##name] = host,
#include "wasi/errno.def"
#undef WASI_ERRNO
};

/* Linked in by both, on Linux one number: EAGAIN and EWOULDBLOCK, EOPNOTSUPP and ENOTSUP. */
_Static_assert(EAGAIN == EWOULDBLOCK && EOPNOTSUPP == ENOTSUP, "errno.def names one of each");

uint32_t wasi_errno(int64_t rc)
{
	if (rc >= 0)
		return WASI_ESUCCESS;
	for (uint32_t i = 1; i < WASI_ERRNO_COUNT; i++) {
		if (host_errnos[i] && host_errnos[i] == -rc)
			return i;
	}
	return WASI_EIO;
}
