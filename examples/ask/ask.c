/* ask: asks a server, a line at a time, what stands in objects of a store, and stores the answers.
 *
 *     ask [-d] HOST:PORT BUCKET QUESTIONS ANSWERS
 *
 * For each object whose key begins with QUESTIONS: each of its lines is sent over the connection, a
 * line is read back, and these become the object whose key begins with ANSWERS in its place. -d
 * deletes what was answered. Wants --socket HOST:PORT and --blob BUCKET:rw. */
#include "examples/include/tiphys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXT(text) (text), (uint32_t)strlen(text)

static int fail(const char *what, uint32_t error)
{
	char sentence[1024];
	uint32_t size = 0;
	if (tiphys_failure(sentence, sizeof sentence, &size) != 0)
		size = 0;
	fprintf(stderr, "ask: %s: %s: %.*s\n", what, strerror((int)error), (int)size, sentence);
	return 1;
}

/* A connection: lines are read by stdio, and written at once. */
struct server {
	int fd;
	FILE *in;
};

static int connect_to(const char *name, struct server *server)
{
	uint32_t fd, error = tiphys_socket(TEXT(name), &fd);
	if (error != 0)
		return fail(name, error);
	*server = (struct server){(int)fd, fdopen((int)fd, "r")};
	if (server->in == NULL)
		perror("ask: fdopen");
	return server->in == NULL;
}

/* Sends the line, which ends in a newline, and adds the answer to the object `to`. */
static int ask_line(struct server *server, const char *line, size_t size, uint32_t to)
{
	static char *answer;
	static size_t room;
	while (size > 0) {
		ssize_t sent = write(server->fd, line, size);
		if (sent < 0) {
			perror("ask: the connection");
			return 1;
		}
		line += sent;
		size -= (size_t)sent;
	}
	ssize_t length = getline(&answer, &room, server->in);
	if (length < 0) {
		fputs("ask: the server hung up\n", stderr);
		return 1;
	}
	uint32_t error = tiphys_send(to, answer, (uint32_t)length);
	return error != 0 ? fail("the answers", error) : 0;
}

/* Each line of the object `from`; of the last one the newline may be missing. */
static int ask_lines(struct server *server, uint32_t from, uint32_t to)
{
	static char text[65536];
	size_t used = 0;
	for (;;) {
		uint32_t got,
		    error = tiphys_receive(from, text + used, (uint32_t)(sizeof text - 1 - used), &got);
		if (error != 0)
			return fail("the questions", error);
		used += got;
		if (got == 0 && used > 0)
			text[used++] = '\n';
		char *line = text, *end;
		while ((end = memchr(line, '\n', used - (size_t)(line - text))) != NULL) {
			if (ask_line(server, line, (size_t)(end + 1 - line), to) != 0)
				return 1;
			line = end + 1;
		}
		used -= (size_t)(line - text);
		memmove(text, line, used);
		if (got == 0)
			return 0;
		if (used == sizeof text - 1) {
			fputs("ask: a line is longer than 65534 bytes\n", stderr);
			return 1;
		}
	}
}

static int ask_object(struct server *server, const char *bucket, const char *key,
                      const char *answers)
{
	uint64_t size;
	uint32_t from, to, error = tiphys_blob_get(TEXT(bucket), TEXT(key), &size, &from);
	if (error != 0)
		return fail(key, error);
	if ((error = tiphys_blob_put(TEXT(bucket), TEXT(answers), &to)) != 0)
		return fail(answers, error);
	int status = ask_lines(server, from, to);
	if (status == 0 && (error = tiphys_blob_finish(to)) != 0)
		status = fail(answers, error);
	if (tiphys_close(from) != 0 || tiphys_close(to) != 0)
		status = 1;
	return status;
}

static int ask_all(struct server *server, const char *bucket, const char *questions,
                   const char *answers, int deletes)
{
	static char keys[65536];
	char last[1025] = "", to[2050];
	uint32_t size, error;
	while ((error = tiphys_blob_list(TEXT(bucket), TEXT(questions), TEXT(last), keys, sizeof keys,
	                                 &size)) == 0 &&
	       size > 0) {
		for (const char *key = keys; key < keys + size; key += strlen(key) + 1) {
			snprintf(to, sizeof to, "%s%s", answers, key + strlen(questions));
			if (ask_object(server, bucket, key, to) != 0)
				return 1;
			printf("%s\n", to);
			if (deletes && (error = tiphys_blob_delete(TEXT(bucket), TEXT(key))) != 0)
				return fail(key, error);
			snprintf(last, sizeof last, "%s", key);
		}
	}
	return error != 0 ? fail(questions, error) : 0;
}

int main(int argc, char **argv)
{
	int deletes = argc > 1 && strcmp(argv[1], "-d") == 0;
	struct server server;
	argv += deletes;
	if (argc - deletes != 5) {
		fputs("usage: ask [-d] HOST:PORT BUCKET QUESTIONS ANSWERS\n", stderr);
		return 2;
	}
	if (connect_to(argv[1], &server) != 0)
		return 1;
	int status = ask_all(&server, argv[2], argv[3], argv[4], deletes);
	fclose(server.in);
	return status;
}
