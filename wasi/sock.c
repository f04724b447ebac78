/* Sockets: connections that were granted. Nothing listens, so there is nobody to accept. */
#include "wasi/handler.h"

/* SUCCESS when fd is a connection with the right, else BADF, NOTSOCK or NOTCAPABLE. */
static uint32_t require_socket(const struct guest *g, uint32_t fd, uint64_t right)
{
	struct caps_fd_info info;
	int rc = caps_fd_info(g->caps, fd, &info);
	if (rc < 0)
		return wasi_errno(rc);
	if (info.type != CAPS_TYPE_SOCKET || info.is_stream)
		return WASI_ENOTSOCK;
	return fd_require(g, fd, right);
}

uint32_t wasi_sock_accept(struct host_call *call, uint32_t fd, uint32_t flags, uint32_t out)
{
	struct guest g = guest_enter(call);
	(void)flags, (void)out;
	uint32_t error = require_socket(&g, fd, 0);
	return error ? error : WASI_EINVAL;
}

uint32_t wasi_sock_recv(struct host_call *call, uint32_t fd, uint32_t iovs_at, uint32_t count,
                        uint32_t flags, uint32_t size_at, uint32_t flags_at)
{
	struct guest g = guest_enter(call);
	struct iovec iovs[guest_iovs_room(count)];
	uint8_t *size_to, *flags_to;
	uint32_t error = require_socket(&g, fd, RIGHT(FD_READ));
	if (error || (error = guest_iovs(&g, iovs_at, count, iovs)))
		return error;
	if (!guest_range(&g, size_at, 4, &size_to) || !guest_range(&g, flags_at, 2, &flags_to))
		return WASI_EFAULT;
	if (flags & ~RIFLAGS_ALL)
		return WASI_EINVAL;
	ssize_t got = caps_socket_receive(g.caps, fd, iovs, (int)count, flags & RIFLAG_PEEK,
	                                  flags & RIFLAG_WAITALL);
	if (got < 0)
		return wasi_errno(got);
	store_u32(size_to, (uint32_t)got);
	store_u16(flags_to, 0); /* a stream cuts no message */
	return WASI_ESUCCESS;
}

uint32_t wasi_sock_send(struct host_call *call, uint32_t fd, uint32_t iovs_at, uint32_t count,
                        uint32_t flags, uint32_t size_at)
{
	struct guest g = guest_enter(call);
	struct iovec iovs[guest_iovs_room(count)];
	uint8_t *size_to;
	uint32_t error = require_socket(&g, fd, RIGHT(FD_WRITE));
	if (error || (error = guest_iovs(&g, iovs_at, count, iovs)))
		return error;
	if (!guest_range(&g, size_at, 4, &size_to))
		return WASI_EFAULT;
	if (flags)
		return WASI_EINVAL; /* preview 1 has none */
	ssize_t sent = caps_socket_send(g.caps, fd, iovs, (int)count);
	if (sent < 0)
		return wasi_errno(sent);
	store_u32(size_to, (uint32_t)sent);
	return WASI_ESUCCESS;
}

uint32_t wasi_sock_shutdown(struct host_call *call, uint32_t fd, uint32_t how)
{
	struct guest g = guest_enter(call);
	uint32_t error = require_socket(&g, fd, RIGHT(SOCK_SHUTDOWN));
	if (error)
		return error;
	if (how & ~SDFLAGS_ALL)
		return WASI_EINVAL;
	return wasi_errno(caps_socket_shutdown(g.caps, fd, how & SDFLAG_RD, how & SDFLAG_WR));
}
