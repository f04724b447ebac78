/* A guest that keeps small values.
 *
 *     keep get KEY | put KEY VALUE | delete KEY | list PREFIX | fill COUNT BYTES
 *     keep try KEY N      fails until its N-th run, which KEY counts */
#include "examples/include/tiphys.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char buffer[70000];

static int fail(uint32_t error)
{
	uint32_t size;
	if (tiphys_failure(buffer, sizeof buffer, &size) != 0)
		size = 0;
	fprintf(stderr, "keep: %s: %.*s\n", strerror((int)error), (int)size, buffer);
	return 1;
}

static int get(const char *key)
{
	uint32_t size, error = tiphys_kv_get(key, (uint32_t)strlen(key), buffer, sizeof buffer, &size);
	if (error != 0)
		return fail(error);
	printf("%.*s\n", (int)size, buffer);
	return 0;
}

/* With a buffer that few keys fit, so that it is asked again and again. */
static int list(const char *prefix)
{
	char keys[16], last[256] = "";
	uint32_t size, error;
	while ((error = tiphys_kv_list(prefix, (uint32_t)strlen(prefix), last, (uint32_t)strlen(last),
	                               keys, sizeof keys, &size)) == 0 &&
	       size > 0) {
		for (const char *key = keys; key < keys + size; key += strlen(key) + 1) {
			puts(key);
			strcpy(last, key);
		}
	}
	return error == 0 ? 0 : fail(error);
}

static int fill(int count, uint32_t bytes)
{
	char key[16];
	uint32_t error;
	for (int i = 0; i < count; i++) {
		snprintf(key, sizeof key, "key%d", i);
		if ((error = tiphys_kv_put(key, (uint32_t)strlen(key), buffer, bytes)) != 0) {
			printf("%d kept\n", i);
			return fail(error);
		}
	}
	printf("%d kept\n", count);
	return 0;
}

static int try(const char *key, int wanted)
{
	uint32_t size,
	    error = tiphys_kv_get(key, (uint32_t)strlen(key), buffer, sizeof buffer - 1, &size);
	if (error != 0 && error != ENOENT)
		return fail(error);
	buffer[error == 0 ? size : 0] = '\0';
	int run = atoi(buffer) + 1;
	int digits = snprintf(buffer, sizeof buffer, "%d", run);
	error = tiphys_kv_put(key, (uint32_t)strlen(key), buffer, (uint32_t)digits);
	if (error != 0)
		return fail(error);
	if (run < wanted) {
		fprintf(stderr, "keep: run %d fails\n", run);
		return 3;
	}
	printf("run %d\n", run);
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[1] : "";
	uint32_t error = 0;
	if (strcmp(what, "get") == 0)
		return get(argv[2]);
	if (strcmp(what, "list") == 0)
		return list(argv[2]);
	if (strcmp(what, "try") == 0 && argc > 3)
		return try(argv[2], atoi(argv[3]));
	if (strcmp(what, "fill") == 0 && argc > 3)
		return fill(atoi(argv[2]), (uint32_t)atoi(argv[3]));
	if (strcmp(what, "put") == 0 && argc > 3)
		error =
		    tiphys_kv_put(argv[2], (uint32_t)strlen(argv[2]), argv[3], (uint32_t)strlen(argv[3]));
	else if (strcmp(what, "delete") == 0)
		error = tiphys_kv_delete(argv[2], (uint32_t)strlen(argv[2]));
	else
		return 2;
	return error == 0 ? 0 : fail(error);
}
