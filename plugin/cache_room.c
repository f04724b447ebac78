#include "plugin/cache_room.h"

#include "caps/cleanup.h"
#include "plugin/hash.h"
#include "plugin/metrics.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Of so many files it is remembered that they were used; the one that was not for the longest time
 * is forgotten first, unless it is held. */
#define USES_MAX 1024

static const char *const folders[] = {"blobs/sha256", "blobs/sha512", "unpacked"};

/* A file below the root. */
struct use {
	uint64_t hash; /* of its path */
	char *path;
	unsigned holders;
	int64_t last_s;
};

struct cache_room {
	char *root;
	uint64_t bytes, spare_s;
	atomic_bool has_grown;
	pthread_mutex_t lock; /* of what follows, and while files are removed */
	int64_t next_s;       /* not before then is it looked again, where all that is left is spared */
	struct use *uses;
	size_t count, room;
};

struct cache_room *cache_room_create(const char *root, uint64_t bytes, uint64_t spare_s,
                                     struct error *err)
{
	struct cache_room *room = calloc(1, sizeof *room);
	char *copy = strdup(root);
	if (room == NULL || copy == NULL) {
		free(room);
		free(copy);
		error_set(err, ERROR_NO_MEMORY, "no memory for the cache");
		return NULL;
	}
	room->root = copy;
	room->bytes = bytes;
	room->spare_s = spare_s;
	/* What is there from before may be too much already. */
	atomic_store(&room->has_grown, true);
	pthread_mutex_init(&room->lock, NULL);
	return room;
}

void cache_room_destroy(struct cache_room *room)
{
	if (room == NULL)
		return;
	for (size_t i = 0; i < room->count; i++)
		free(room->uses[i].path);
	free(room->uses);
	pthread_mutex_destroy(&room->lock);
	free(room->root);
	free(room);
}

/* ---- uses; with the lock held ---- */

static struct use *find(struct cache_room *room, const char *path)
{
	uint64_t hash = hash_text(path);
	for (size_t i = 0; i < room->count; i++) {
		if (room->uses[i].hash == hash && strcmp(room->uses[i].path, path) == 0)
			return &room->uses[i];
	}
	return NULL;
}

static void forget(struct cache_room *room, struct use *use)
{
	free(use->path);
	*use = room->uses[--room->count];
}

static void forget_oldest(struct cache_room *room)
{
	struct use *oldest = NULL;
	for (size_t i = 0; i < room->count; i++) {
		struct use *use = &room->uses[i];
		if (use->holders == 0 && (oldest == NULL || use->last_s < oldest->last_s))
			oldest = use;
	}
	if (oldest != NULL)
		forget(room, oldest);
}

static struct use *add(struct cache_room *room, const char *path)
{
	if (room->count >= USES_MAX)
		forget_oldest(room);
	if (room->count == room->room) {
		size_t more = room->room == 0 ? 64 : 2 * room->room;
		struct use *uses = realloc(room->uses, more * sizeof *uses);
		if (uses == NULL)
			return NULL;
		room->uses = uses;
		room->room = more;
	}
	char *copy = strdup(path);
	if (copy == NULL)
		return NULL;
	struct use *use = &room->uses[room->count++];
	*use = (struct use){.hash = hash_text(path), .path = copy};
	return use;
}

static bool is_below(const struct cache_room *room, const char *path)
{
	size_t size = strlen(room->root);
	return strncmp(path, room->root, size) == 0 && path[size] == '/';
}

bool cache_room_hold(struct cache_room *room, const char *path)
{
	if (room == NULL || !is_below(room, path))
		return true;
	pthread_mutex_lock(&room->lock);
	bool is_there = access(path, F_OK) == 0;
	struct use *use = is_there ? find(room, path) : NULL;
	if (is_there && use == NULL)
		use = add(room, path);
	if (use != NULL) {
		use->holders++;
		use->last_s = time(NULL);
	}
	pthread_mutex_unlock(&room->lock);
	return is_there;
}

void cache_room_let_go(struct cache_room *room, const char *path)
{
	if (room == NULL || !is_below(room, path))
		return;
	pthread_mutex_lock(&room->lock);
	struct use *use = find(room, path);
	if (use != NULL && use->holders > 0) {
		use->holders--;
		use->last_s = time(NULL);
	}
	pthread_mutex_unlock(&room->lock);
}

/* ---- making room ---- */

struct file {
	char *path;
	uint64_t bytes;
	int64_t used_s;
	bool is_held;
};

struct files {
	struct file *items;
	size_t count, room;
	uint64_t bytes;
};

static void files_clear(struct files *files)
{
	for (size_t i = 0; i < files->count; i++)
		free(files->items[i].path);
	free(files->items);
}

static bool note(struct cache_room *room, struct files *files, const char *folder, const char *name,
                 const struct stat *st)
{
	if (files->count == files->room) {
		size_t more = files->room + 256;
		struct file *items = realloc(files->items, more * sizeof *items);
		if (items == NULL)
			return false;
		files->items = items;
		files->room = more;
	}
	struct file *file = &files->items[files->count];
	if (asprintf(&file->path, "%s/%s/%s", room->root, folder, name) < 0)
		return false;
	const struct use *use = find(room, file->path);
	file->bytes = (uint64_t)st->st_blocks * 512;
	file->used_s =
	    st->st_atim.tv_sec > st->st_mtim.tv_sec ? st->st_atim.tv_sec : st->st_mtim.tv_sec;
	file->is_held = use != NULL && use->holders > 0;
	if (use != NULL && use->last_s > file->used_s)
		file->used_s = use->last_s;
	files->count++;
	files->bytes += file->bytes;
	return true;
}

static bool look_into(struct cache_room *room, struct files *files, const char *folder)
{
	cleanup_free char *path = NULL;
	struct stat st;
	if (asprintf(&path, "%s/%s", room->root, folder) < 0)
		return false;
	cleanup_closedir DIR *dir = opendir(path);
	if (dir == NULL)
		return true;
	for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
		if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(st.st_mode) && !note(room, files, folder, entry->d_name, &st))
			return false;
	}
	return true;
}

static int by_use(const void *a, const void *b)
{
	int64_t x = ((const struct file *)a)->used_s, y = ((const struct file *)b)->used_s;
	return (x > y) - (x < y);
}

static void remove_oldest(struct cache_room *room, struct files *files)
{
	int64_t spared_from = time(NULL) - (int64_t)room->spare_s;
	qsort(files->items, files->count, sizeof *files->items, by_use);
	for (size_t i = 0; i < files->count && files->bytes > room->bytes; i++) {
		const struct file *file = &files->items[i];
		if (file->is_held || file->used_s > spared_from || unlink(file->path) != 0)
			continue;
		files->bytes -= file->bytes;
		metrics_add(METRIC_CACHE_REMOVED, 1);
		struct use *use = find(room, file->path);
		if (use != NULL)
			forget(room, use);
	}
}

void cache_room_grew(struct cache_room *room)
{
	if (room != NULL)
		atomic_store(&room->has_grown, true);
}

void cache_room_make(struct cache_room *room)
{
	if (room == NULL || !atomic_exchange(&room->has_grown, false))
		return;
	struct files files = {0};
	bool is_whole = true;
	pthread_mutex_lock(&room->lock);
	if (time(NULL) < room->next_s) {
		atomic_store(&room->has_grown, true);
		pthread_mutex_unlock(&room->lock);
		return;
	}
	for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
		is_whole = is_whole && look_into(room, &files, folders[i]);
	if (is_whole && files.bytes > room->bytes)
		remove_oldest(room, &files);
	/* What was spared is looked at again when somebody asks for a module. */
	if (!is_whole || files.bytes > room->bytes) {
		room->next_s = time(NULL) + 1;
		atomic_store(&room->has_grown, true);
	}
	pthread_mutex_unlock(&room->lock);
	metrics_set(METRIC_CACHE_BYTES, files.bytes);
	files_clear(&files);
}
