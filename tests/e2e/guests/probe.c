/* A guest that asks for what its first argument names, so that a test sees what it gets. Exit
 * status: 0 it got it, 4 it was refused. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { REFUSED = 4 };

static int args(int argc, char **argv)
{
	for (int i = 0; i < argc; i++)
		printf("[%s]\n", argv[i]);
	return 0;
}

static int env(const char *name)
{
	const char *value = getenv(name);
	if (value == NULL)
		return REFUSED;
	printf("%s\n", value);
	return 0;
}

static int copy(int from)
{
	char buf[4096];
	ssize_t got;
	while ((got = read(from, buf, sizeof buf)) > 0)
		if (write(STDOUT_FILENO, buf, (size_t)got) != got)
			return REFUSED;
	return got < 0 ? REFUSED : 0;
}

static int read_file(const char *path)
{
	int fd = open(path, O_RDONLY);
	if (fd < 0) {
		fprintf(stderr, "open: %s\n", strerror(errno));
		return REFUSED;
	}
	return copy(fd);
}

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
	size_t len = strlen(text);
	return fd >= 0 && write(fd, text, len) == (ssize_t)len ? 0 : REFUSED;
}

/* Bytes to every number that a descriptor could have; how many took them. */
static int guess_descriptors(void)
{
	int taken = 0;
	for (int fd = STDERR_FILENO + 1; fd < 1024; fd++) {
		char byte = 'x';
		taken += write(fd, &byte, 1) == 1;
		taken += read(fd, &byte, 1) >= 0;
		taken += lseek(fd, 0, SEEK_CUR) >= 0 || errno != EBADF;
		taken += close(fd) == 0;
	}
	printf("%d taken\n", taken);
	return taken > 0 ? 0 : REFUSED;
}

static int open_many(const char *path, int count)
{
	for (int i = 0; i < count; i++)
		if (open(path, O_RDONLY) < 0)
			return REFUSED;
	return 0;
}

static int clock_now(void)
{
	struct timespec now;
	if (clock_gettime(CLOCK_REALTIME, &now) != 0)
		return REFUSED;
	printf("%lld %ld\n", (long long)now.tv_sec, now.tv_nsec);
	return 0;
}

static int random_bytes(void)
{
	unsigned char bytes[16];
	if (getentropy(bytes, sizeof bytes) != 0)
		return REFUSED;
	for (size_t i = 0; i < sizeof bytes; i++)
		printf("%02x", bytes[i]);
	printf("\n");
	return 0;
}

static int fill(int fd, long count)
{
	for (long i = 0; i < count; i++)
		if (write(fd, "x", 1) != 1)
			return REFUSED;
	return 0;
}

/* Where the compiler cannot see that nobody reads it. */
static char *volatile kept;

static int allocate(long megabytes)
{
	for (long i = 0; i < megabytes; i++) {
		char *piece = malloc(1 << 20);
		if (piece == NULL)
			return REFUSED;
		memset(piece, 1, 1 << 20);
		kept = piece;
	}
	return 0;
}

__attribute__((noinline)) static void inner_function(volatile int *depth)
{
	if (*depth == 0)
		__builtin_trap();
	(*depth)--;
	inner_function(depth);
	(*depth)++;
}

__attribute__((noinline)) static int outer_function(int depth)
{
	volatile int left = depth;
	inner_function(&left);
	return left;
}

static int wait_long(void)
{
	return sleep(1000) == 0 ? 0 : REFUSED;
}

static int loop(void)
{
	for (volatile unsigned long turns = 0;; turns++)
		;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "args";
	const char *operand = argc > 2 ? argv[2] : "";

	if (strcmp(what, "env") == 0)
		return env(operand);
	if (strcmp(what, "cat") == 0)
		return copy(STDIN_FILENO);
	if (strcmp(what, "read") == 0)
		return read_file(operand);
	if (strcmp(what, "write") == 0)
		return write_file(operand, argc > 3 ? argv[3] : "");
	if (strcmp(what, "open-many") == 0)
		return open_many(operand, atoi(argv[3]));
	if (strcmp(what, "guess") == 0)
		return guess_descriptors();
	if (strcmp(what, "clock") == 0)
		return clock_now();
	if (strcmp(what, "random") == 0)
		return random_bytes();
	if (strcmp(what, "exit") == 0)
		exit(atoi(operand));
	if (strcmp(what, "fill") == 0)
		return fill(STDOUT_FILENO, atol(operand));
	if (strcmp(what, "fill-stderr") == 0)
		return fill(STDERR_FILENO, atol(operand));
	if (strcmp(what, "allocate") == 0)
		return allocate(atol(operand));
	if (strcmp(what, "sleep") == 0)
		return wait_long();
	if (strcmp(what, "loop") == 0)
		return loop();
	if (strcmp(what, "trap") == 0)
		return outer_function(0);
	if (strcmp(what, "recurse") == 0)
		return outer_function(1000000000);
	return args(argc, argv);
}
