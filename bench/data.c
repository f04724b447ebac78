#include "bench/data.h"

#include "caps/cleanup.h"

#include <stdio.h>
#include <string.h>

static char *file_in(const char *directory, const char *below, const char *name)
{
	char *path;
	if (asprintf(&path, "%s%s/%s", directory, below, name) < 0)
		return NULL;
	if (access(path, R_OK) == 0)
		return path;
	free(path);
	return NULL;
}

char *data_find(const char *name)
{
	const char *set = getenv("TIPHYS_BENCH_DATA");
	if (set != NULL && *set != '\0')
		return file_in(set, "", name);

	char own[4096];
	ssize_t length = readlink("/proc/self/exe", own, sizeof own - 1);
	char *path = NULL;
	if (length > 0) {
		own[length] = '\0';
		char *slash = strrchr(own, '/');
		if (slash != NULL)
			*slash = '\0';
		path = file_in(own, "/bench", name);
	}
	return path != NULL ? path : file_in(TIPHYS_BENCH_DATADIR, "", name);
}
