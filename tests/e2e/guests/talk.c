/* A guest that talks over the connections that it was given.
 *
 *     talk HOST:PORT echo TEXT | large BYTES | peek | nonblocking | misuse */
#include "examples/include/tiphys.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static char buffer[65536];

static int fail(const char *what)
{
	fprintf(stderr, "talk: %s: %s\n", what, strerror(errno));
	return 1;
}

/* What comes back until the other side ends. */
static int read_all(int fd)
{
	ssize_t n;
	while ((n = recv(fd, buffer, sizeof buffer, 0)) > 0)
		fwrite(buffer, 1, (size_t)n, stdout);
	return n < 0 ? fail("recv") : 0;
}

static int echo(int fd, const char *text)
{
	struct stat st;
	if (fstat(fd, &st) != 0)
		return fail("fstat");
	if (send(fd, text, strlen(text), 0) != (ssize_t)strlen(text))
		return fail("send");
	if (write(fd, "\n", 1) != 1 || shutdown(fd, SHUT_WR) != 0)
		return fail("shutdown");
	if (write(fd, "x", 1) >= 0 || errno != EPIPE)
		return fail("write after shutdown");
	return read_all(fd);
}

/* Both ways at once, or a full buffer would stop both sides. */
static int large(int fd, long bytes)
{
	long sent = 0, received = 0;
	if (fcntl(fd, F_SETFL, O_NONBLOCK) != 0)
		return fail("fcntl");
	while (received < bytes) {
		struct pollfd p = {.fd = fd, .events = POLLIN | (sent < bytes ? POLLOUT : 0)};
		if (poll(&p, 1, -1) < 0)
			return fail("poll");
		if (p.revents & POLLOUT) {
			size_t size = bytes - sent < 65536 ? (size_t)(bytes - sent) : 65536;
			ssize_t n = write(fd, buffer, size);
			if (n < 0 && errno != EAGAIN)
				return fail("write");
			sent += n > 0 ? n : 0;
		}
		if (p.revents & POLLIN) {
			ssize_t n = read(fd, buffer, sizeof buffer);
			if (n <= 0 && errno != EAGAIN)
				return fail("read");
			received += n > 0 ? n : 0;
		}
	}
	printf("%ld there and back\n", received);
	return 0;
}

static int peek(int fd)
{
	char a[8] = "", b[8] = "";
	if (send(fd, "abcdef\n", 7, 0) != 7)
		return fail("send");
	if (recv(fd, a, 3, MSG_PEEK) != 3 || recv(fd, b, 7, MSG_WAITALL) != 7)
		return fail("recv");
	printf("%s %s", a, b);
	return 0;
}

static int nonblocking(int fd)
{
	if (fcntl(fd, F_SETFL, O_NONBLOCK) != 0)
		return fail("fcntl");
	if (recv(fd, buffer, 1, 0) >= 0 || errno != EAGAIN)
		return fail("recv of nothing");
	puts("nothing is there");
	return 0;
}

static int misuse(int fd)
{
	uint32_t other;
	printf("seek: %s\n", lseek(fd, 0, SEEK_SET) < 0 ? strerror(errno) : "done");
	printf("accept: %s\n", accept(fd, NULL, NULL) < 0 ? strerror(errno) : "done");
	printf("pread: %s\n", pread(fd, buffer, 1, 0) < 0 ? strerror(errno) : "done");
	printf("recv of stdout: %s\n", recv(1, buffer, 1, 0) < 0 ? strerror(errno) : "done");
	printf("another: %s\n", strerror((int)tiphys_socket("127.0.0.1:1", 11, &other)));
	close(fd);
	printf("closed: %s\n", send(fd, "x", 1, 0) < 0 ? strerror(errno) : "done");
	return 0;
}

int main(int argc, char **argv)
{
	uint32_t fd, error;
	if (argc < 3)
		return 2;
	if ((error = tiphys_socket(argv[1], (uint32_t)strlen(argv[1]), &fd)) != 0) {
		fprintf(stderr, "talk: %s: %s\n", argv[1], strerror((int)error));
		return 1;
	}
	if (strcmp(argv[2], "echo") == 0 && argc > 3)
		return echo((int)fd, argv[3]);
	if (strcmp(argv[2], "large") == 0 && argc > 3)
		return large((int)fd, atol(argv[3]));
	if (strcmp(argv[2], "peek") == 0)
		return peek((int)fd);
	if (strcmp(argv[2], "nonblocking") == 0)
		return nonblocking((int)fd);
	return misuse((int)fd);
}
