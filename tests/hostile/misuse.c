/* A guest that takes more than it should, of what its first argument says. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static volatile int endless = 1;
static char *volatile piece;

/* By a pointer, so that it stays a recursion, and with nothing in memory: else the end of
 * its own stack there would come first. */
static int (*volatile next)(int depth);

static int recurse(int depth)
{
	return next(depth + 1) ^ depth;
}

static int take_memory(void)
{
	while ((piece = malloc(1 << 20)) != NULL)
		memset(piece, 1, 1 << 20);
	return 3;
}

/* Of files: 10,000; ends well, and leaves them to be cleaned away. */
static int make_files(void)
{
	for (int i = 0; i < 10000; i++) {
		char path[32];
		snprintf(path, sizeof path, "/work/d%d", i / 100);
		mkdir(path, 0700);
		snprintf(path, sizeof path, "/work/d%d/f%d", i / 100, i);
		FILE *file = fopen(path, "w");
		if (file == NULL) {
			perror(path);
			return 1;
		}
		fclose(file);
	}
	puts("10000 files");
	return 0;
}

static int open_files(void)
{
	int fd = -1;
	for (int i = 0; i < 10000; i++) {
		fd = open("/work/one", O_CREAT | O_RDWR, 0600);
		if (fd < 0) {
			perror("open");
			return 1;
		}
	}
	return 0;
}

/* A chain of directories deeper than any path is long. */
static int nest_directories(void)
{
	char path[4096] = "/work";
	for (int i = 0; i < 1000; i++) {
		strcat(path, "/d");
		if (mkdir(path, 0700) != 0) {
			perror("mkdir");
			return 1;
		}
	}
	puts("nested");
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	if (strcmp(what, "echo") == 0) {
		puts(argv[2]);
		return 0;
	}
	if (strcmp(what, "recurse") == 0) {
		next = recurse;
		return recurse(0);
	}
	if (strcmp(what, "memory") == 0)
		return take_memory();
	if (strcmp(what, "loop") == 0)
		while (endless)
			;
	if (strcmp(what, "flood") == 0)
		for (;;)
			puts("a line of the flood");
	if (strcmp(what, "files") == 0)
		return make_files();
	if (strcmp(what, "open") == 0)
		return open_files();
	if (strcmp(what, "nest") == 0)
		return nest_directories();
	return 2;
}
