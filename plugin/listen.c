#include "plugin/listen.h"

#include "caps/cleanup.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* Splits `where` in place. */
static bool split(char *where, char **host, char **port)
{
	char *colon = strrchr(where, ':');
	if (colon == NULL)
		return false;
	*colon = '\0';
	*host = where;
	*port = colon + 1;
	size_t size = strlen(where);
	if (size >= 2 && where[0] == '[' && where[size - 1] == ']') {
		where[size - 1] = '\0';
		*host = where + 1;
	} else if (strchr(where, ':') != NULL) {
		return false;
	}
	/* getaddrinfo() takes a number that is no port for what is left of it in 16 bits. */
	return **port != '\0' && strspn(*port, "0123456789") == strlen(*port) && strlen(*port) <= 5 &&
	       atoi(*port) <= UINT16_MAX;
}

static int bind_one(const struct addrinfo *info)
{
	cleanup_close int fd =
	    socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, info->ai_protocol);
	if (fd < 0)
		return -1;
	const int on = 1, off = 0;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (info->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
	if (bind(fd, info->ai_addr, info->ai_addrlen) != 0 || listen(fd, SOMAXCONN) != 0)
		return -1;
	return take_fd(&fd);
}

static void name_of(int fd, char address[LISTEN_ADDRESS_SIZE])
{
	struct sockaddr_storage storage;
	socklen_t size = sizeof storage;
	char host[64] = "?", port[8] = "?";
	getsockname(fd, (struct sockaddr *)&storage, &size);
	getnameinfo((struct sockaddr *)&storage, size, host, sizeof host, port, sizeof port,
	            NI_NUMERICHOST | NI_NUMERICSERV);
	bool is_v6 = storage.ss_family == AF_INET6;
	snprintf(address, LISTEN_ADDRESS_SIZE, "%s%s%s:%s", is_v6 ? "[" : "", host, is_v6 ? "]" : "",
	         port);
}

int listen_on(const char *where, char address[LISTEN_ADDRESS_SIZE], struct error *err)
{
	cleanup_free char *copy = strdup(where);
	char *host, *port;
	if (copy == NULL || !split(copy, &host, &port)) {
		error_set(err, ERROR_USAGE,
		          "cannot listen on \"%s\": must be HOST:PORT, [IPV6]:PORT or :PORT, with a port "
		          "of at most "
		          "65535",
		          where);
		return -1;
	}
	const struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV,
	                               .ai_socktype = SOCK_STREAM};
	struct addrinfo *list;
	int failure = getaddrinfo(*host == '\0' ? NULL : host, port, &hints, &list);
	if (failure != 0) {
		error_set(err, ERROR_USAGE, "cannot listen on \"%s\": %s", where, gai_strerror(failure));
		return -1;
	}
	/* For all addresses the IPv6 socket comes first: it takes both families, where there is IPv6.
	 */
	int fd = -1;
	for (int pass = *host == '\0' ? 0 : 1; pass < 2 && fd < 0; pass++) {
		for (const struct addrinfo *info = list; info != NULL && fd < 0; info = info->ai_next) {
			if (pass == 1 || info->ai_family == AF_INET6)
				fd = bind_one(info);
		}
	}
	failure = errno;
	freeaddrinfo(list);
	if (fd < 0)
		error_set_errno(err, failure, "cannot listen on \"%s\"", where);
	else
		name_of(fd, address);
	return fd;
}
