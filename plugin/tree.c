#include "plugin/tree.h"

#include "caps/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FOLDER_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

void tree_clear(struct tree *tree)
{
	if (tree->above >= 0)
		close(tree->above);
	free(tree->path);
	tree->above = -1;
	tree->path = NULL;
}

bool tree_path(const char *path, char clean[TREE_PATH_MAX + 1], unsigned *depth)
{
	size_t used = 0;
	*depth = 0;
	clean[0] = '\0';
	if (*path == '/')
		return false;
	for (const char *part = path; *part != '\0'; part += strspn(part, "/")) {
		size_t size = strcspn(part, "/");
		if (size == 2 && strncmp(part, "..", 2) == 0)
			return false;
		if (size != 1 || *part != '.') {
			if (size > NAME_MAX || used + size + 1 > TREE_PATH_MAX)
				return false;
			used += (size_t)sprintf(clean + used, "%s%.*s", used == 0 ? "" : "/", (int)size, part);
			++*depth;
		}
		part += size;
	}
	return true;
}

/* Opens the folder `name` in folder `at`. */
static int enter(int at, const char *name, bool make, mode_t mode)
{
	int fd = openat(at, name, FOLDER_FLAGS);
	if (fd < 0 && errno == ENOENT && make) {
		if (mkdirat(at, name, mode) != 0 && errno != EEXIST)
			return -errno;
		fd = openat(at, name, FOLDER_FLAGS);
	}
	if (fd >= 0)
		return fd;
	/* Of a symlink, O_DIRECTORY and O_NOFOLLOW together say "not a directory". */
	struct stat st;
	int failure = errno;
	if (failure == ENOTDIR && fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISLNK(st.st_mode))
		failure = ELOOP;
	return -failure;
}

/* Walks the first `size` bytes of `path`. */
static int walk(const struct tree *tree, const char *path, size_t size, bool make)
{
	cleanup_close int at = openat(tree->root, ".", FOLDER_FLAGS);
	if (at < 0)
		return -errno;
	for (const char *part = path; part < path + size;) {
		char name[NAME_MAX + 1];
		size_t length = strcspn(part, "/");
		snprintf(name, sizeof name, "%.*s", (int)length, part);
		int next = enter(at, name, make, tree->folder);
		if (next < 0)
			return next;
		close(at);
		at = next;
		part += length + 1;
	}
	return take_fd(&at);
}

int tree_above(struct tree *tree, const char *path, bool make, const char **name)
{
	const char *slash = strrchr(path, '/');
	size_t size = slash == NULL ? 0 : (size_t)(slash - path);
	*name = slash == NULL ? path : slash + 1;
	if (tree->above >= 0 && strlen(tree->path) == size && strncmp(tree->path, path, size) == 0)
		return tree->above;
	tree_clear(tree);
	int fd = walk(tree, path, size, make);
	if (fd < 0)
		return fd;
	tree->path = strndup(path, size);
	if (tree->path == NULL) {
		close(fd);
		return -ENOMEM;
	}
	return tree->above = fd;
}

int tree_folder(struct tree *tree, const char *path, bool make)
{
	return walk(tree, path, strlen(path), make);
}

bool tree_target_stays(const char *path, const char *target)
{
	long level = 0;
	if (*target == '/' || *target == '\0')
		return false;
	for (const char *at = path; (at = strchr(at, '/')) != NULL; at++)
		level++;
	for (const char *part = target; *part != '\0'; part += strspn(part, "/")) {
		size_t size = strcspn(part, "/");
		if (size == 2 && strncmp(part, "..", 2) == 0)
			level--;
		else if (size != 1 || *part != '.')
			level++;
		if (level < 0)
			return false;
		part += size;
	}
	return true;
}

int tree_write(int fd, const void *bytes, size_t size)
{
	for (const char *at = bytes; size > 0;) {
		ssize_t done = write(fd, at, size);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return done == 0 ? ENOSPC : errno;
		at += done;
		size -= (size_t)done;
	}
	return 0;
}

/* ---- walking ---- */

struct visit {
	tree_each *each;
	void *env;
	char path[TREE_PATH_MAX + 1];
};

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void free_names(char ***names)
{
	for (char **name = *names; name != NULL && *name != NULL; name++)
		free(*name);
	free(*names);
}

/* The names in a folder, sorted, NULL behind the last one. Takes the descriptor over. */
static int list(int fd, char ***names, size_t *count)
{
	cleanup_closedir DIR *dir = fdopendir(fd);
	if (dir == NULL) {
		int failure = -errno;
		close(fd);
		return failure;
	}
	size_t room = 0;
	for (struct dirent *entry; errno = 0, (entry = readdir(dir)) != NULL;) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (*count + 1 >= room) {
			room = room == 0 ? 64 : room * 2;
			char **more = reallocarray(*names, room, sizeof *more);
			if (more == NULL)
				return -ENOMEM;
			*names = more;
		}
		if (((*names)[*count] = strdup(entry->d_name)) == NULL)
			return -ENOMEM;
		(*names)[++*count] = NULL;
	}
	if (errno != 0)
		return -errno;
	if (*count > 0)
		qsort(*names, *count, sizeof **names, by_bytes);
	return 0;
}

static int visit_folder(struct visit *visit, int folder, size_t used, unsigned depth_left)
{
	if (depth_left == 0)
		return -ENAMETOOLONG;
	int copy = openat(folder, ".", FOLDER_FLAGS);
	if (copy < 0)
		return -errno;
	__attribute__((cleanup(free_names))) char **names = NULL;
	size_t count = 0;
	int result = list(copy, &names, &count);
	for (size_t i = 0; i < count && result == 0; i++) {
		int size = snprintf(visit->path + used, sizeof visit->path - used, "%s%s",
		                    used == 0 ? "" : "/", names[i]);
		if ((size_t)size >= sizeof visit->path - used)
			return -ENAMETOOLONG;
		if (!visit->each(visit->env, folder, names[i], visit->path))
			return 1;
		cleanup_close int below = openat(folder, names[i], FOLDER_FLAGS);
		if (below >= 0)
			result = visit_folder(visit, below, used + (size_t)size, depth_left - 1);
		else if (errno != ENOTDIR && errno != ELOOP)
			result = -errno;
		visit->path[used] = '\0';
	}
	return result;
}

int tree_walk(int folder, unsigned depth_max, tree_each *each, void *env)
{
	struct visit visit = {.each = each, .env = env};
	return visit_folder(&visit, folder, 0, depth_max);
}
