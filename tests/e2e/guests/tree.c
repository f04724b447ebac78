/* A plain WASI command that shows and makes trees of files; for the tests of artifacts.
 *
 *   tree list PATH…            a line for each entry below: its type, its path, what is in it
 *   tree sizes PATH            a line for each entry in it: its name, its bytes
 *   tree fill PATH BYTES       a file of so many bytes that no packer makes smaller
 *   tree sum PATH              bytes and a checksum of a file
 *   tree make PATH             a folder with a file, a deep file and a symlink
 *   tree copy FROM TO          a file */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char buffer[1 << 16];

static int complain(const char *path)
{
	perror(path);
	return 1;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names in a folder but "." and "..", in order; at most 256. */
static size_t names_in(DIR *dir, char *names[256])
{
	size_t count = 0;
	for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 && count < 256)
			names[count++] = strdup(entry->d_name);
	closedir(dir);
	qsort(names, count, sizeof *names, by_name);
	return count;
}

static int sizes(const char *path)
{
	char *names[256], below[1024];
	struct stat st;
	DIR *dir = opendir(path);
	if (dir == NULL)
		return complain(path);
	size_t count = names_in(dir, names);
	for (size_t i = 0; i < count; i++) {
		snprintf(below, sizeof below, "%s/%s", path, names[i]);
		if (lstat(below, &st) != 0)
			return complain(below);
		printf("%s %lld\n", names[i], (long long)st.st_size);
	}
	return 0;
}

static int list(const char *path)
{
	struct stat st;
	char target[256] = "";
	if (lstat(path, &st) != 0)
		return complain(path);
	if (S_ISLNK(st.st_mode)) {
		readlink(path, target, sizeof target - 1);
		printf("link %s %s\n", path, target);
		return 0;
	}
	if (!S_ISDIR(st.st_mode)) {
		FILE *file = fopen(path, "r");
		if (file == NULL)
			return complain(path);
		size_t got = fread(buffer, 1, 60, file);
		printf("file %s %.*s\n", path,
		       (int)strcspn(buffer, "\n") < (int)got ? (int)strcspn(buffer, "\n") : (int)got,
		       buffer);
		memset(buffer, 0, 60);
		return fclose(file);
	}
	printf("folder %s\n", path);
	DIR *dir = opendir(path);
	if (dir == NULL)
		return complain(path);
	char *names[256];
	size_t count = names_in(dir, names);
	int status = 0;
	for (size_t i = 0; i < count; i++) {
		char below[1024];
		snprintf(below, sizeof below, "%s/%s", path, names[i]);
		status |= list(below);
	}
	return status;
}

static uint64_t state = 88172645463325252u;

static uint64_t next(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	return state ^= state << 17;
}

static int fill(const char *path, uint64_t bytes)
{
	FILE *file = fopen(path, "w");
	if (file == NULL)
		return complain(path);
	while (bytes > 0) {
		size_t size = bytes < sizeof buffer ? (size_t)bytes : sizeof buffer;
		for (size_t i = 0; i < sizeof buffer; i += 8) {
			uint64_t value = next();
			memcpy(buffer + i, &value, 8);
		}
		if (fwrite(buffer, 1, size, file) != size)
			return complain(path);
		bytes -= size;
	}
	return fclose(file) != 0 ? complain(path) : 0;
}

/* FNV-1a over 8 bytes at a time. */
static int sum(const char *path)
{
	FILE *file = fopen(path, "r");
	uint64_t hash = 14695981039346656037u, bytes = 0;
	if (file == NULL)
		return complain(path);
	for (size_t got; (got = fread(buffer, 1, sizeof buffer, file)) > 0; bytes += got) {
		memset(buffer + got, 0, sizeof buffer - got < 8 ? sizeof buffer - got : 8);
		for (size_t i = 0; i < got; i += 8) {
			uint64_t value;
			memcpy(&value, buffer + i, 8);
			hash = (hash ^ value) * 1099511628211u;
		}
	}
	fclose(file);
	printf("%llu %016llx\n", (unsigned long long)bytes, (unsigned long long)hash);
	return 0;
}

static int put(const char *folder, const char *name, const char *text)
{
	char path[1024];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	FILE *file = fopen(path, "w");
	if (file == NULL)
		return complain(path);
	fputs(text, file);
	return fclose(file);
}

static int make(const char *path)
{
	char below[1024];
	mkdir(path, 0777);
	snprintf(below, sizeof below, "%s/deep", path);
	mkdir(below, 0777);
	int status = put(path, "a.txt", "made by a guest\n") | put(below, "b.txt", "deeper\n");
	snprintf(below, sizeof below, "%s/link", path);
	return status | (symlink("deep/b.txt", below) != 0 ? complain(below) : 0);
}

static int copy(const char *from, const char *to)
{
	FILE *in = fopen(from, "r"), *out = fopen(to, "w");
	if (in == NULL || out == NULL)
		return complain(in == NULL ? from : to);
	for (size_t got; (got = fread(buffer, 1, sizeof buffer, in)) > 0;)
		if (fwrite(buffer, 1, got, out) != got)
			return complain(to);
	fclose(in);
	return fclose(out) != 0 ? complain(to) : 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[1] : "";
	int status = 0;
	if (strcmp(what, "list") == 0) {
		for (int i = 2; i < argc; i++)
			status |= list(argv[i]);
		return status;
	}
	if (strcmp(what, "sizes") == 0)
		return sizes(argv[2]);
	if (strcmp(what, "fill") == 0 && argc > 3)
		return fill(argv[2], strtoull(argv[3], NULL, 10));
	if (strcmp(what, "sum") == 0)
		return sum(argv[2]);
	if (strcmp(what, "make") == 0)
		return make(argv[2]);
	if (strcmp(what, "copy") == 0 && argc > 3)
		return copy(argv[2], argv[3]);
	fputs("usage: tree list|sizes|fill|sum|make|copy PATH …\n", stderr);
	return 2;
}
