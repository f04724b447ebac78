#include "tests/plugin/folder.h"

#include "tests/plugin/table.h"

#include <dirent.h>
#include <ftw.h>
#include <unistd.h>

int folder_make(void **state)
{
	char *path = strdup("/tmp/tiphys-test-XXXXXX");
	if (path == NULL || mkdtemp(path) == NULL)
		return -1;
	*state = path;
	return 0;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *ftw)
{
	(void)status;
	(void)type;
	(void)ftw;
	return remove(path);
}

int folder_remove(void **state)
{
	int status = nftw(*state, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(*state);
	return status;
}

unsigned folder_count(const char *folder, const char *name)
{
	char path[512];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	DIR *dir = opendir(path);
	unsigned count = 0;
	for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;)
		count += entry->d_name[0] != '.';
	if (dir != NULL)
		closedir(dir);
	return count;
}

void folder_scratch(const char *path, long offset, const char *bytes)
{
	FILE *file = fopen(path, "r+");
	assert_non_null(file);
	assert_int_equal(fseek(file, offset, SEEK_SET), 0);
	assert_true(fputs(bytes, file) >= 0);
	assert_int_equal(fclose(file), 0);
}
