#include "plugin/cache.h"

#include "caps/cleanup.h"
#include "plugin/cache_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define UNPACKED "unpacked"

struct cache {
	struct blobs *blobs;
	pthread_mutex_t lock; /* of ready */
	bool ready;
};

struct cache *cache_create(const char *dir, struct error *err)
{
	cleanup_free char *path = cache_dir_choose(dir);
	if (path == NULL) {
		error_set(
		    err, ERROR_USAGE,
		    "there is no place for the module cache: set FS_CACHE_DIR, XDG_CACHE_HOME or HOME");
		return NULL;
	}
	struct cache *cache = calloc(1, sizeof *cache);
	if (cache == NULL) {
		error_set(err, ERROR_NO_MEMORY, "no memory for the cache");
		return NULL;
	}
	cache->blobs = blobs_create(path, 0700, 0600, true, err);
	if (cache->blobs == NULL) {
		free(cache);
		return NULL;
	}
	pthread_mutex_init(&cache->lock, NULL);
	return cache;
}

void cache_destroy(struct cache *cache)
{
	if (cache == NULL)
		return;
	blobs_destroy(cache->blobs);
	pthread_mutex_destroy(&cache->lock);
	free(cache);
}

const char *cache_root(const struct cache *cache)
{
	return blobs_root(cache->blobs);
}

static char *path_in(const struct cache *cache, const char *name)
{
	char *path = NULL;
	return asprintf(&path, "%s/%s", blobs_root(cache->blobs), name) < 0 ? NULL : path;
}

static bool prepare(struct cache *cache, struct error *err)
{
	if (!blobs_make_folders(cache->blobs, err))
		return false;
	cleanup_free char *unpacked = path_in(cache, UNPACKED);
	if (unpacked == NULL)
		return error_set(err, ERROR_NO_MEMORY, "no memory for a path");
	if (mkdir(unpacked, 0700) != 0 && errno != EEXIST)
		return error_set_errno(err, errno, "cannot make the folder %s", unpacked);
	blobs_sweep(cache->blobs);
	return true;
}

struct blobs *cache_open(struct cache *cache, struct error *err)
{
	pthread_mutex_lock(&cache->lock);
	if (!cache->ready)
		cache->ready = prepare(cache, err);
	bool ready = cache->ready;
	pthread_mutex_unlock(&cache->lock);
	if (!ready)
		error_wrap(err, "module cache");
	return ready ? cache->blobs : NULL;
}

static void record_name(const struct digest *layer, char name[DIGEST_TEXT_SIZE + 16])
{
	char digest[DIGEST_TEXT_SIZE];
	snprintf(name, DIGEST_TEXT_SIZE + 16, UNPACKED "/%s", digest_format(layer, digest));
}

bool cache_unpacked(struct cache *cache, const struct digest *layer, struct digest *module)
{
	char name[DIGEST_TEXT_SIZE + 16];
	record_name(layer, name);
	cleanup_free char *path = path_in(cache, name);
	cleanup_close int fd =
	    path != NULL ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK) : -1;
	char text[DIGEST_TEXT_SIZE];
	ssize_t got = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
	if (got <= 0)
		return false;
	text[got] = '\0';
	return digest_parse(module, text);
}

bool cache_remember_unpacked(struct cache *cache, const struct digest *layer,
                             const struct digest *module, struct error *err)
{
	char name[DIGEST_TEXT_SIZE + 16], text[DIGEST_TEXT_SIZE];
	record_name(layer, name);
	digest_format(module, text);
	return blobs_replace_file(cache->blobs, name, text, strlen(text), err);
}
