#include "plugin/remove.h"

#include "caps/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Nesting is undone by moving what lies in a subdirectory up into the top directory before the
 * subdirectory goes; so the walk is never deeper than one level. */
struct removal {
	int top;
	unsigned long moved;
	int failure;
};

static bool is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static void note(struct removal *removal, int failure)
{
	if (removal->failure == 0)
		removal->failure = failure;
}

/* Removes a file, or a directory that is empty. False when it is a directory with entries. */
static bool remove_one(struct removal *removal, int dir, const struct dirent *entry)
{
	/* A file system that tells no types is asked by trying. */
	int failure = EISDIR;
	if (entry->d_type != DT_DIR)
		failure = unlinkat(dir, entry->d_name, 0) == 0 ? 0 : errno;
	if (failure == EISDIR || failure == EPERM)
		failure = unlinkat(dir, entry->d_name, AT_REMOVEDIR) == 0 ? 0 : errno;
	if (failure == ENOTEMPTY || failure == EEXIST)
		return false;
	if (failure != 0 && failure != ENOENT)
		note(removal, failure);
	return true;
}

static DIR *open_dir(int at, const char *name)
{
	cleanup_close int fd =
	    openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (dir != NULL)
		take_fd(&fd);
	return dir;
}

/* Empties a subdirectory of the top into the top. True when something was moved up. */
static bool raise_entries(struct removal *removal, const char *name)
{
	cleanup_closedir DIR *dir = open_dir(removal->top, name);
	if (dir == NULL) {
		note(removal, errno);
		return false;
	}
	bool raised = false;
	for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
		if (is_dots(entry->d_name) || remove_one(removal, dirfd(dir), entry))
			continue;
		char name_above[48];
		do
			snprintf(name_above, sizeof name_above, ".removed-%lu", removal->moved++);
		while (faccessat(removal->top, name_above, F_OK, AT_SYMLINK_NOFOLLOW) == 0);
		if (renameat(dirfd(dir), entry->d_name, removal->top, name_above) == 0)
			raised = true;
		else
			note(removal, errno);
	}
	return raised;
}

static int empty_tree(const char *path)
{
	cleanup_closedir DIR *top = open_dir(AT_FDCWD, path);
	if (top == NULL)
		return errno == ENOENT ? 0 : errno;
	struct removal removal = {.top = dirfd(top)};
	bool again = true;
	while (again && removal.failure == 0) {
		again = false;
		rewinddir(top);
		for (struct dirent *entry; (entry = readdir(top)) != NULL;) {
			if (is_dots(entry->d_name) || remove_one(&removal, removal.top, entry))
				continue;
			again |= raise_entries(&removal, entry->d_name);
			if (unlinkat(removal.top, entry->d_name, AT_REMOVEDIR) != 0 && errno != ENOENT)
				again |= errno == ENOTEMPTY;
		}
	}
	return removal.failure;
}

int remove_tree(const char *path)
{
	int failure = empty_tree(path);
	if (rmdir(path) != 0 && errno != ENOENT && failure == 0)
		failure = errno;
	return failure;
}
