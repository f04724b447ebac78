/* Sockets. No capability opens one yet, so each descriptor is missing or is none. */
#include "wasi/handler.h"

static uint32_t no_socket(struct host_call *call, uint32_t fd)
{
	struct guest g = guest_enter(call);
	struct caps_fd_info info;
	int rc = caps_fd_info(g.caps, fd, &info);
	return rc < 0 ? wasi_errno(rc) : WASI_ENOTSOCK;
}

uint32_t wasi_sock_accept(struct host_call *call, uint32_t fd, uint32_t flags, uint32_t out)
{
	(void)flags, (void)out;
	return no_socket(call, fd);
}

uint32_t wasi_sock_recv(struct host_call *call, uint32_t fd, uint32_t iovs, uint32_t count,
                        uint32_t flags, uint32_t size_at, uint32_t flags_at)
{
	(void)iovs, (void)count, (void)flags, (void)size_at, (void)flags_at;
	return no_socket(call, fd);
}

uint32_t wasi_sock_send(struct host_call *call, uint32_t fd, uint32_t iovs, uint32_t count,
                        uint32_t flags, uint32_t size_at)
{
	(void)iovs, (void)count, (void)flags, (void)size_at;
	return no_socket(call, fd);
}

uint32_t wasi_sock_shutdown(struct host_call *call, uint32_t fd, uint32_t how)
{
	(void)how;
	return no_socket(call, fd);
}
