/* Loads a plugin with steps: `load ADDRESS TOKEN MODULE CALLERS STEPS [BODY]`.
 *
 * CALLERS connections that stay open, on each one step after the other, until STEPS are done. Every
 * step prints a number of its own (the guest is tests/e2e/guests/command.c), so that a reply that
 * is lost, or is another's, is seen. With BODY, the path of a file, that request is sent each time,
 * and only the phase is looked at.
 *
 * Prints one line: steps=… callers=… wrong=… seconds=… rate=… p50_us=… p90_us=… p99_us=… max_us=…;
 * exit status 1 when an answer was wrong. One thread and epoll, so that most of the machine is left
 * to the plugin. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define REPLY_MAX 65536

struct load {
	struct sockaddr_in address;
	const char *host, *token, *module;
	char *body; /* of the file, or NULL */
	size_t callers, steps;
	size_t begun, done, wrong;
	uint32_t *took_us;
};

struct connection {
	int fd;
	size_t step;
	double begin;
	size_t got;
	char reply[REPLY_MAX];
};

static double now_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void fail(const char *what)
{
	fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void begin_step(struct load *load, struct connection *connection)
{
	char own[1024], text[REPLY_MAX];
	const char *body = load->body;
	connection->step = load->begun++;
	if (body == NULL) {
		snprintf(own, sizeof own,
		         "{\"workflow\":{\"metadata\":{\"name\":\"load\",\"namespace\":\"argo\",\"uid\":"
		         "\"u-%zu\"}},\"template\":{\"name\":\"main\",\"inputs\":{},\"outputs\":{},"
		         "\"plugin\":{\"wasm\":{\"module\":{\"oci\":\"%s\"},\"args\":[\"echo\",\"step "
		         "%zu\"]}}}}",
		         connection->step % 3, load->module, connection->step);
		body = own;
	}
	int size = snprintf(text, sizeof text,
	                    "POST /api/v1/template.execute HTTP/1.1\r\nHost: %s\r\nAuthorization: "
	                    "Bearer %s\r\nContent-Type: application/json\r\nContent-Length: "
	                    "%zu\r\n\r\n%s",
	                    load->host, load->token, strlen(body), body);
	if (size >= (int)sizeof text) {
		errno = EMSGSIZE;
		fail("BODY");
	}
	connection->got = 0;
	connection->begin = now_us();
	if (send(connection->fd, text, (size_t)size, MSG_NOSIGNAL) != size)
		fail("send");
}

static void open_connection(struct load *load, struct connection *connection, int epoll)
{
	const int on = 1;
	connection->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(connection->fd, (struct sockaddr *)&load->address, sizeof load->address) != 0)
		fail("connect");
	setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
	epoll_ctl(epoll, EPOLL_CTL_ADD, connection->fd, &event);
	begin_step(load, connection);
}

/* The whole reply is there: its body, or NULL. */
static const char *whole_reply(const struct connection *connection)
{
	const char *end = strstr(connection->reply, "\r\n\r\n");
	const char *length = strcasestr(connection->reply, "\r\ncontent-length:");
	if (end == NULL || length == NULL || length > end)
		return NULL;
	end += 4;
	size_t size = strtoul(length + strlen("\r\ncontent-length:"), NULL, 10);
	return connection->got - (size_t)(end - connection->reply) >= size ? end : NULL;
}

static bool is_right(const struct load *load, const struct connection *connection, const char *body)
{
	char expected[64];
	snprintf(expected, sizeof expected, "\"result\":\"step %zu\"", connection->step);
	return strncmp(connection->reply, "HTTP/1.1 200 ", 13) == 0 &&
	       strstr(body, "\"phase\":\"Succeeded\"") != NULL &&
	       (load->body != NULL || strstr(body, expected) != NULL);
}

static void take_reply(struct load *load, struct connection *connection)
{
	ssize_t got = recv(connection->fd, connection->reply + connection->got,
	                   REPLY_MAX - 1 - connection->got, 0);
	if (got <= 0) {
		errno = got == 0 ? ECONNRESET : errno;
		fail("the plugin's reply");
	}
	connection->got += (size_t)got;
	connection->reply[connection->got] = '\0';
	const char *body = whole_reply(connection);
	if (body == NULL)
		return;
	load->took_us[load->done++] = (uint32_t)(now_us() - connection->begin);
	if (!is_right(load, connection, body) && load->wrong++ == 0)
		fprintf(stderr, "load: step %zu: %s\n", connection->step, connection->reply);
	if (load->begun < load->steps)
		begin_step(load, connection);
}

static int by_value(const void *a, const void *b)
{
	uint32_t one = *(const uint32_t *)a, other = *(const uint32_t *)b;
	return (one > other) - (one < other);
}

static void report(struct load *load, double took)
{
	qsort(load->took_us, load->done, sizeof *load->took_us, by_value);
	printf("steps=%zu callers=%zu wrong=%zu seconds=%.3f rate=%.0f p50_us=%u p90_us=%u p99_us=%u "
	       "max_us=%u\n",
	       load->done, load->callers, load->wrong, took / 1e6, (double)load->done / took * 1e6,
	       load->took_us[load->done / 2], load->took_us[load->done * 9 / 10],
	       load->took_us[load->done * 99 / 100], load->took_us[load->done - 1]);
}

static char *read_file(const char *path)
{
	static char text[REPLY_MAX / 2];
	FILE *file = fopen(path, "r");
	if (file == NULL)
		fail(path);
	text[fread(text, 1, sizeof text - 1, file)] = '\0';
	fclose(file);
	return text;
}

int main(int argc, char **argv)
{
	if (argc < 6 || argc > 7) {
		fprintf(stderr, "usage: load HOST:PORT TOKEN MODULE CALLERS STEPS [BODY]\n");
		return 2;
	}
	char host[64];
	struct load load = {
	    .address = {.sin_family = AF_INET},
	    .host = argv[1],
	    .token = argv[2],
	    .module = argv[3],
	    .body = argc > 6 ? read_file(argv[6]) : NULL,
	    .callers = strtoul(argv[4], NULL, 10),
	    .steps = strtoul(argv[5], NULL, 10),
	};
	snprintf(host, sizeof host, "%.*s", (int)strcspn(argv[1], ":"), argv[1]);
	load.address.sin_port = htons((uint16_t)strtoul(argv[1] + strcspn(argv[1], ":") + 1, NULL, 10));
	if (inet_pton(AF_INET, host, &load.address.sin_addr) != 1 || load.callers == 0 ||
	    load.steps < load.callers) {
		fprintf(stderr, "load: HOST must be an IPv4 address, STEPS at least CALLERS\n");
		return 2;
	}
	load.took_us = calloc(load.steps, sizeof *load.took_us);
	struct connection *connections = calloc(load.callers, sizeof *connections);
	int epoll = epoll_create1(0);
	if (load.took_us == NULL || connections == NULL || epoll < 0)
		fail("memory");
	double begin = now_us();
	for (size_t i = 0; i < load.callers; i++)
		open_connection(&load, &connections[i], epoll);
	while (load.done < load.steps) {
		struct epoll_event events[64];
		int count = epoll_wait(epoll, events, 64, 60000);
		if (count == 0)
			errno = ETIMEDOUT;
		if (count <= 0)
			fail("waiting for replies");
		for (int i = 0; i < count; i++)
			take_reply(&load, events[i].data.ptr);
	}
	report(&load, now_us() - begin);
	return load.wrong > 0;
}
