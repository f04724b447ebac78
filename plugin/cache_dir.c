#include "plugin/cache_dir.h"

#include <stdlib.h>
#include <string.h>

char *cache_dir_choose(const char *dir)
{
	const char *below;
	if (dir == NULL || dir[0] == '\0')
		dir = getenv("FS_CACHE_DIR");
	if (dir != NULL && dir[0] != '\0')
		return strdup(dir);
	dir = getenv("XDG_CACHE_HOME");
	below = "/tiphys";
	if (dir == NULL || dir[0] != '/') { /* XDG: a relative path is to be ignored */
		dir = getenv("HOME");
		below = "/.cache/tiphys";
	}
	if (dir == NULL || dir[0] == '\0')
		return NULL;
	/* Without printf: every run looks for its image. */
	size_t len = strlen(dir), more = strlen(below) + 1;
	char *path = malloc(len + more);
	if (path != NULL) {
		memcpy(path, dir, len);
		memcpy(path + len, below, more);
	}
	return path;
}
