/* The same steps as files.rs and files.go, by wasi-libc. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static void show(const char *path)
{
	char text[64];
	FILE *file = fopen(path, "r");
	size_t size = file ? fread(text, 1, sizeof text - 1, file) : 0;
	text[size] = '\0';
	printf("read: %s\n", text);
	if (file)
		fclose(file);
}

int main(int argc, char **argv)
{
	char line[64] = "";
	printf("args:");
	for (int i = 1; i < argc; i++)
		printf(" %s", argv[i]);
	printf("\nenv: %s\nstdin: %s\n", getenv("COLOUR"), fgets(line, sizeof line, stdin));
	FILE *file = fopen("/work/new.txt", "w");
	if (!file) {
		puts("write: refused");
		return 3;
	}
	fputs("hello", file);
	fclose(file);
	file = fopen("/work/new.txt", "a");
	fputs(" world", file);
	fclose(file);
	show("/work/new.txt");
	mkdir("/work/dir", 0777);
	mkdir("/work/dir/sub", 0777);
	rename("/work/new.txt", "/work/dir/sub/moved.txt");
	show("/work/dir/sub/moved.txt");
	DIR *dir = opendir("/work/dir");
	struct dirent *entry;
	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			printf("entry: %s\n", entry->d_name);
	struct stat st;
	stat("/work/dir/sub/moved.txt", &st);
	printf("size: %d\n", (int)st.st_size);
	struct timespec before, after;
	clock_gettime(CLOCK_MONOTONIC, &before);
	usleep(10000);
	clock_gettime(CLOCK_MONOTONIC, &after);
	double slept =
	    (double)(after.tv_sec - before.tv_sec) * 1e9 + (double)(after.tv_nsec - before.tv_nsec);
	printf("slept: %s\n", slept >= 1e7 ? "true" : "false");
	unsigned char random[8] = {0}, zero[8] = {0};
	getentropy(random, sizeof random);
	printf("random: %s\n", memcmp(random, zero, sizeof zero) ? "true" : "false");
	printf("outside: %s\n", fopen("/work/../secret", "r") ? "reached" : "refused");
	printf("elsewhere: %s\n", fopen("/etc/passwd", "r") ? "reached" : "refused");
	unlink("/work/dir/sub/moved.txt");
	rmdir("/work/dir/sub");
	rmdir("/work/dir");
	file = fopen("/work/kept.txt", "w");
	fputs("kept", file);
	fclose(file);
	fputs("to stderr\n", stderr);
	exit(7);
}
