#include "plugin/broker_socket.h"

#include "caps/cleanup.h"
#include "plugin/transfer.h"
#include "validator/printable.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

void socket_terms_clear(struct socket_terms *terms)
{
	free(terms->items);
	*terms = (struct socket_terms){0};
}

bool socket_terms_add(struct socket_terms *terms, const char *text, struct error *err)
{
	char shown[PRINTABLE_NAME_SIZE];
	if (terms->count == SOCKETS_MAX)
		return error_set(err, ERROR_LIMIT, "more than %u connections are listed", SOCKETS_MAX);
	struct endpoint *items = reallocarray(terms->items, terms->count + 1, sizeof *items);
	if (items == NULL)
		return error_set(err, ERROR_NO_MEMORY, "no memory for the list of connections");
	terms->items = items;
	if (endpoint_parse(text, strlen(text), 0, &items[terms->count], err)) {
		terms->count++;
		return true;
	}
	error_wrap(err, "\"%s\" is no HOST:PORT",
	           printable_text(text, strlen(text), shown, sizeof shown));
	return false;
}

/* Whether the list itself names the address, with this port. */
static bool is_listed(const struct socket_terms *terms, const struct address *address,
                      uint16_t port)
{
	for (size_t i = 0; i < terms->count; i++) {
		const struct endpoint *item = &terms->items[i];
		if (item->is_address && item->port == port && address_equal(&item->address, address))
			return true;
	}
	return false;
}

static int refuse(const struct endpoint *endpoint, const struct address *address, const char *what,
                  struct error *err)
{
	char at[ENDPOINT_TEXT_SIZE], text[ADDRESS_TEXT_SIZE];
	error_clear(err);
	error_set(
	    err, ERROR_DENIED,
	    "connect to %s, which is %s and where %s leads; such an address must be listed itself",
	    address_text(address, text), what, endpoint_text(endpoint, at));
	return -EACCES;
}

static int fail(const struct endpoint *endpoint, int failure, unsigned seconds, struct error *err)
{
	char at[ENDPOINT_TEXT_SIZE], limit[64] = "";
	if (failure == ETIMEDOUT)
		snprintf(limit, sizeof limit, " after %u s (--" TRANSFER_STALL_OPTION ")", seconds);
	error_clear(err);
	error_set(err, ERROR_NETWORK, "connect to %s: %s%s", endpoint_text(endpoint, at),
	          strerror(failure), limit);
	return -failure;
}

/* The connected socket, or a negative errno: -ETIMEDOUT after so many seconds. */
static int connect_to(const struct addrinfo *to, unsigned seconds)
{
	cleanup_close int fd =
	    socket(to->ai_family, to->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, to->ai_protocol);
	if (fd < 0)
		return -errno;
	if (connect(fd, to->ai_addr, to->ai_addrlen) != 0) {
		struct pollfd wait = {.fd = fd, .events = POLLOUT};
		int failure = 0;
		socklen_t size = sizeof failure;
		if (errno != EINPROGRESS)
			return -errno;
		int ready;
		do
			ready = poll(&wait, 1, (int)seconds * 1000);
		while (ready < 0 && errno == EINTR);
		if (ready <= 0)
			return ready == 0 ? -ETIMEDOUT : -errno;
		if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &size) != 0 || failure != 0)
			return failure != 0 ? -failure : -errno;
	}
	/* Guests write small messages, and have no other way to say so. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	if (fcntl(fd, F_SETFL, 0) != 0)
		return -errno;
	return take_fd(&fd);
}

static void free_addresses(struct addrinfo **list)
{
	if (*list != NULL)
		freeaddrinfo(*list);
}

int broker_socket(const struct socket_terms *terms, size_t index, struct error *err)
{
	__attribute__((cleanup(free_addresses))) struct addrinfo *list = NULL;
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
	                               .ai_flags = AI_NUMERICSERV | AI_ADDRCONFIG};
	if (index >= terms->count) {
		error_set(err, ERROR_USAGE, "there is no connection of this number");
		return -EBADF;
	}
	const struct endpoint *endpoint = &terms->items[index];
	struct addrinfo how = hints;
	char port[8];
	snprintf(port, sizeof port, "%u", endpoint->port);
	if (endpoint->is_address)
		how.ai_flags = AI_NUMERICSERV | AI_NUMERICHOST;
	if (getaddrinfo(endpoint->host, port, &how, &list) != 0)
		return fail(endpoint, EHOSTUNREACH, 0, err);
	const unsigned seconds = transfer_connect_seconds(terms->stall_seconds);
	int result = -EHOSTUNREACH;
	for (const struct addrinfo *to = list; to != NULL; to = to->ai_next) {
		struct address address;
		const char *holder, *what;
		if (!address_of(to->ai_addr, &address))
			continue;
		what = address_special(&address, &holder);
		if (what != NULL && !is_listed(terms, &address, endpoint->port)) {
			result = refuse(endpoint, &address, what, err);
			continue;
		}
		result = connect_to(to, seconds);
		if (result >= 0) {
			error_clear(err);
			return result;
		}
		fail(endpoint, -result, seconds, err);
	}
	return result;
}
