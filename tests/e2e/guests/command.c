/* A plain WASI command that does what its first argument says; for the end-to-end tests. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static int echo(int argc, char **argv)
{
	for (int i = 2; i < argc; i++)
		printf("%s\n", argv[i]);
	return 0;
}

static int env(void)
{
	for (char **variable = environ; variable && *variable; variable++)
		printf("%s\n", *variable);
	return 0;
}

static int cat(void)
{
	static char buffer[4096];
	size_t got;
	while ((got = fread(buffer, 1, sizeof buffer, stdin)) > 0)
		fwrite(buffer, 1, got, stdout);
	return 0;
}

static int fail(int argc, char **argv)
{
	for (int i = 1; i <= 30; i++)
		fprintf(stderr, "line %d\n", i);
	puts("half done");
	return argc > 2 ? atoi(argv[2]) : 1;
}

__attribute__((noinline)) static void steer_onto_the_rocks(int depth)
{
	if (depth == 0)
		__builtin_trap();
	steer_onto_the_rocks(depth - 1);
	puts("never");
}

/* In blocks, whichever stream it is: it is to be ended for its size, not for its time. */
static int flood(FILE *stream)
{
	static char block[BUFSIZ];
	setvbuf(stream, block, _IOFBF, sizeof block);
	for (;;)
		fputs("a line of the flood\n", stream);
}

/* write PATH TEXT [TIMES [PATH TEXT TIMES] …] */
static int write_file(int argc, char **argv)
{
	FILE *file = fopen(argv[2], "w");
	if (file == NULL) {
		perror(argv[2]);
		return 1;
	}
	for (int times = argc > 4 ? atoi(argv[4]) : 1; times > 0; times--)
		fputs(argv[3], file);
	int has_failed = ferror(file);
	if (fclose(file) != 0 || has_failed)
		return 1;
	return argc > 7 ? write_file(argc - 3, argv + 3) : 0;
}

static int show_file(char **argv)
{
	FILE *file = fopen(argv[2], "r");
	if (file == NULL) {
		perror(argv[2]);
		return 1;
	}
	for (int c; (c = getc(file)) != EOF;)
		putchar(c);
	return 0;
}

static char *volatile piece;

static int bomb(void)
{
	size_t got = 0;
	while ((piece = malloc(1 << 20)) != NULL) {
		memset(piece, 1, 1 << 20);
		got++;
	}
	fprintf(stderr, "no memory after %zu MiB\n", got);
	return 3;
}

/* What a module from a stranger would try first. */
static int reach_out(void)
{
	static const char *const paths[] = {"/etc/passwd", "/work/../../etc/passwd", "../lock",
	                                    "/proc/self/mem", "/"};
	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
		if (open(paths[i], O_RDONLY) >= 0)
			printf("reached %s\n", paths[i]);
	if (symlink("/etc/passwd", "/work/absolute") == 0)
		puts("linked to an absolute path");
	if (symlink("../lock", "/work/out") == 0 && open("/work/out", O_RDONLY) >= 0)
		puts("reached by a link");
	return 0;
}

/* Directories and files to clean up after. */
static int litter(void)
{
	char path[2048] = "/work";
	for (int i = 0; i < 200; i++) {
		char name[32];
		snprintf(name, sizeof name, "/work/f%d", i);
		fclose(fopen(name, "w"));
		strcat(path, "/d");
		mkdir(path, 0700);
	}
	puts("littered");
	return 0;
}

static void write_progress(const char *text)
{
	FILE *file = fopen("/work/progress", "w");
	fputs(text, file);
	fclose(file);
}

static int say_which_run(void)
{
	uint64_t self;
	getentropy(&self, sizeof self);
	printf("%016llx\n", (unsigned long long)self);
	return 0;
}

/* toil SECONDS [TEXT]: writes TEXT to /work/progress, takes its time, and says which run it was. */
static int toil(int argc, char **argv)
{
	if (argc > 3)
		write_progress(argv[3]);
	usleep((useconds_t)(atof(argv[2]) * 1e6));
	return say_which_run();
}

/* hold [TEXT]: as toil, and takes its time until somebody removes /work/held. */
static int hold(int argc, char **argv)
{
	if (argc > 2)
		write_progress(argv[2]);
	FILE *held = fopen("/work/held", "w");
	if (held == NULL)
		return 1;
	fclose(held);
	while (access("/work/held", F_OK) == 0)
		usleep(10000);
	return say_which_run();
}

static volatile int endless = 1;

static int clock_and_random(void)
{
	char bytes[16] = {0}, none[16] = {0};
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	getentropy(bytes, sizeof bytes);
	printf("%s %s\n", now.tv_sec > 1600000000 ? "real" : "unreal",
	       memcmp(bytes, none, sizeof bytes) != 0 ? "random" : "zero");
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	/* say TEXT [COMMAND…]: to stderr, before it does the rest */
	for (; strcmp(what, "say") == 0 && argc > 2; argc -= 2, argv += 2) {
		fputs(argv[2], stderr);
		what = argc > 3 ? argv[3] : "echo";
	}
	if (strcmp(what, "name") == 0)
		return puts(argv[0]) < 0;
	if (strcmp(what, "echo") == 0)
		return echo(argc, argv);
	if (strcmp(what, "env") == 0)
		return env();
	if (strcmp(what, "cat") == 0 || *what == '\0')
		return cat();
	if (strcmp(what, "fail") == 0)
		return fail(argc, argv);
	if (strcmp(what, "exit") == 0 && argc > 2)
		return atoi(argv[2]);
	if (strcmp(what, "trap") == 0)
		steer_onto_the_rocks(3);
	if (strcmp(what, "loop") == 0)
		while (endless)
			;
	if (strcmp(what, "sleep") == 0)
		sleep((unsigned)atoi(argv[2]));
	if (strcmp(what, "toil") == 0 && argc > 2)
		return toil(argc, argv);
	if (strcmp(what, "hold") == 0)
		return hold(argc, argv);
	if (strcmp(what, "flood") == 0)
		return flood(stdout);
	if (strcmp(what, "flood-stderr") == 0)
		return flood(stderr);
	if (strcmp(what, "write") == 0 && argc > 3)
		return write_file(argc, argv);
	if (strcmp(what, "show") == 0 && argc > 2)
		return show_file(argv);
	if (strcmp(what, "binary") == 0)
		return fwrite("\xff\xfe\x00\x01", 1, 4, stdout) != 4;
	if (strcmp(what, "many") == 0)
		for (int i = atoi(argv[2]); i > 0; i--)
			putchar('x');
	if (strcmp(what, "link") == 0)
		return symlink(argv[2], argv[3]) != 0;
	if (strcmp(what, "bomb") == 0)
		return bomb();
	if (strcmp(what, "reach-out") == 0)
		return reach_out();
	if (strcmp(what, "litter") == 0)
		return litter();
	if (strcmp(what, "clock") == 0)
		return clock_and_random();
	return 0;
}
