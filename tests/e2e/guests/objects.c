/* A guest that works on objects of a store.
 *
 *     objects get BUCKET KEY | put BUCKET KEY (from stdin) | delete BUCKET KEY | list BUCKET PREFIX
 *     objects hold BUCKET KEY      opens it until it is refused */
#include "examples/include/tiphys.h"

#include <stdio.h>
#include <string.h>

static char buffer[65536];

static int fail(uint32_t error)
{
	uint32_t size;
	if (tiphys_failure(buffer, sizeof buffer, &size) != 0)
		size = 0;
	fprintf(stderr, "objects: %s: %.*s\n", strerror((int)error), (int)size, buffer);
	return 1;
}

static uint32_t get(const char *bucket, const char *key)
{
	uint32_t handle, size, error;
	uint64_t whole, seen = 0;
	if ((error = tiphys_blob_get(bucket, (uint32_t)strlen(bucket), key, (uint32_t)strlen(key),
	                             &whole, &handle)) != 0)
		return error;
	while ((error = tiphys_receive(handle, buffer, sizeof buffer, &size)) == 0 && size > 0) {
		fwrite(buffer, 1, size, stdout);
		seen += size;
	}
	if (error == 0 && seen != whole)
		fprintf(stderr, "objects: %llu bytes were announced, %llu came\n", whole, seen);
	return error != 0 ? error : tiphys_close(handle);
}

static uint32_t put(const char *bucket, const char *key)
{
	uint32_t handle, error;
	size_t size;
	if ((error = tiphys_blob_put(bucket, (uint32_t)strlen(bucket), key, (uint32_t)strlen(key),
	                             &handle)) != 0)
		return error;
	while (error == 0 && (size = fread(buffer, 1, sizeof buffer, stdin)) > 0)
		error = tiphys_send(handle, buffer, (uint32_t)size);
	if (error == 0)
		error = tiphys_blob_finish(handle);
	return error != 0 ? error : tiphys_close(handle);
}

static uint32_t list(const char *bucket, const char *prefix)
{
	char keys[64], last[1100] = "";
	uint32_t size, error;
	while ((error =
	            tiphys_blob_list(bucket, (uint32_t)strlen(bucket), prefix, (uint32_t)strlen(prefix),
	                             last, (uint32_t)strlen(last), keys, sizeof keys, &size)) == 0 &&
	       size > 0) {
		for (const char *key = keys; key < keys + size; key += strlen(key) + 1) {
			puts(key);
			strcpy(last, key);
		}
	}
	return error;
}

static uint32_t hold(const char *bucket, const char *key)
{
	uint32_t handle, error, count = 0;
	uint64_t whole;
	while ((error = tiphys_blob_get(bucket, (uint32_t)strlen(bucket), key, (uint32_t)strlen(key),
	                                &whole, &handle)) == 0 &&
	       count < 100)
		count++;
	printf("%u held\n", count);
	return error;
}

int main(int argc, char **argv)
{
	uint32_t error;
	if (argc < 4)
		return 2;
	if (strcmp(argv[1], "get") == 0)
		error = get(argv[2], argv[3]);
	else if (strcmp(argv[1], "put") == 0)
		error = put(argv[2], argv[3]);
	else if (strcmp(argv[1], "list") == 0)
		error = list(argv[2], argv[3]);
	else if (strcmp(argv[1], "hold") == 0)
		error = hold(argv[2], argv[3]);
	else
		error = tiphys_blob_delete(argv[2], (uint32_t)strlen(argv[2]), argv[3],
		                           (uint32_t)strlen(argv[3]));
	return error == 0 ? 0 : fail(error);
}
