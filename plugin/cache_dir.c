#include "plugin/cache_dir.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *cache_dir_choose(const char *dir)
{
	const char *below = "";
	char *path = NULL;
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
	if (dir == NULL || dir[0] == '\0' || asprintf(&path, "%s%s", dir, below) < 0)
		return NULL;
	return path;
}
