/* Descriptors that go with a message over a socket of this machine. */
#ifndef PLUGIN_DESCRIPTORS_H
#define PLUGIN_DESCRIPTORS_H

#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

/* At most so many go with one message. */
#define DESCRIPTORS_MAX 8

/* As sendmsg() with MSG_NOSIGNAL and `flags`, and again after a signal: the bytes that went, or -1
 * with errno. The descriptors, 0 … DESCRIPTORS_MAX, stay the caller's. */
ssize_t descriptors_send(int socket, const struct iovec *iov, size_t iov_count, const int *fds,
                         size_t count, int flags);

#endif
