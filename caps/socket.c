/* Connected TCP sockets, which the broker opened and handed over. */
#include "caps/set.h"

#include "caps/broker_call.h"
#include "caps/cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

void sockets_clear(struct caps *caps)
{
	for (uint32_t i = 0; i < caps->socket_count; i++)
		free(caps->sockets[i]);
	free(caps->sockets);
}

int socket_grant(struct caps *caps, int fd, const char *name)
{
	cleanup_close int own = fd;
	cleanup_free char *copy = strdup(name);
	char **sockets = reallocarray(caps->sockets, caps->socket_count + 1, sizeof(*sockets));
	if (sockets)
		caps->sockets = sockets;
	if (!copy || !sockets)
		return -ENOMEM;
	int slot = descriptor_new(caps, FD_FIRST_FREE);
	if (slot < 0)
		return slot;
	sockets[caps->socket_count++] = take_ptr(&copy);
	caps->table[slot] = (struct descriptor){.fd = take_fd(&own), .socket = caps->socket_count};
	caps->open_count++;
	return 0;
}

void caps_sockets_show(struct caps *caps, bool is_shown)
{
	caps->sockets_hidden = !is_shown;
}

int caps_socket_find(struct caps *caps, struct caps_text name)
{
	int rc = require(caps, CAP_SOCKETS);
	if (rc < 0)
		return rc;
	for (uint32_t i = 0; i < caps->socket_count; i++) {
		if (strlen(caps->sockets[i]) != name.size ||
		    memcmp(caps->sockets[i], name.text, name.size) != 0)
			continue;
		for (uint32_t fd = 0; fd < caps->table_size; fd++) {
			if (caps->table[fd].socket == i + 1)
				return (int)fd;
		}
		return -EBADF;
	}
	char detail[128];
	snprintf(detail, sizeof(detail), "connect to %.*s, which is not listed",
	         name.size < 64 ? (int)name.size : 64, name.text);
	caps_note_denied(caps, CAP_SOCKETS, detail);
	return -EACCES;
}

static int socket_host(struct caps *caps, uint32_t fd, int *host)
{
	const struct descriptor *d = descriptor_at(caps, fd);
	if (!d)
		return -EBADF;
	if (!d->socket)
		return -ENOTSOCK;
	*host = d->fd;
	return 0;
}

ssize_t caps_socket_receive(struct caps *caps, uint32_t fd, const struct iovec *iov, int count,
                            bool peek, bool wait_all)
{
	int host, rc = socket_host(caps, fd, &host);
	if (rc < 0)
		return rc;
	ssize_t done = 0;
	for (int i = 0; i < count; i++) {
		if (iov[i].iov_len == 0)
			continue;
		/* Only what is there follows the first bytes, unless all is waited for. */
		int flags = (peek ? MSG_PEEK : 0) | (wait_all ? MSG_WAITALL : 0) |
		            (done > 0 && !wait_all ? MSG_DONTWAIT : 0);
		ssize_t n = recv(host, iov[i].iov_base, iov[i].iov_len, flags);
		if (n < 0)
			return done > 0 ? done : -errno;
		done += n;
		/* A second look would show the same bytes. */
		if (n < (ssize_t)iov[i].iov_len || peek)
			break;
	}
	return done;
}

ssize_t caps_socket_send(struct caps *caps, uint32_t fd, const struct iovec *iov, int count)
{
	int host, rc = socket_host(caps, fd, &host);
	return rc < 0 ? rc : caps_fd_write(caps, fd, iov, count);
}

int caps_socket_shutdown(struct caps *caps, uint32_t fd, bool receiving, bool sending)
{
	int host, rc = socket_host(caps, fd, &host);
	if (rc < 0)
		return rc;
	if (!receiving && !sending)
		return -EINVAL;
	int how = receiving && sending ? SHUT_RDWR : receiving ? SHUT_RD : SHUT_WR;
	return shutdown(host, how) == 0 ? 0 : -errno;
}
