/* Fuzz target: any bytes are unpacked as a tar (the first byte is even) or a zip. Nothing appears
 * beside the folder, nothing in it but files, folders and symlinks that stay, the limits hold, and
 * what is refused has a message. */
#include "plugin/remove.h"
#include "plugin/tree.h"
#include "plugin/unarchive.h"
#include "tests/fuzz/check.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct archive_limits limits = {
    .bytes = 1 << 20, .files = 64, .depth = 8, .ratio = 100};

struct bytes_left {
	const uint8_t *data;
	size_t left;
};

/* In pieces, so that a header may lie across two of them. */
static ssize_t give(void *env, const void **bytes, struct error *err)
{
	struct bytes_left *rest = env;
	size_t size = rest->left < 700 ? rest->left : 700;
	(void)err;
	*bytes = rest->data;
	rest->data += size;
	rest->left -= size;
	return (ssize_t)size;
}

struct counted {
	uint64_t bytes, files;
};

static bool check_entry(void *env, int folder, const char *name, const char *path)
{
	struct counted *counted = env;
	struct stat st;
	char target[TREE_PATH_MAX + 1] = "";
	CHECK(fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0);
	CHECK(S_ISREG(st.st_mode) || S_ISDIR(st.st_mode) || S_ISLNK(st.st_mode));
	CHECK((st.st_mode & 07000) == 0);
	if (S_ISLNK(st.st_mode)) {
		CHECK(readlinkat(folder, name, target, sizeof target - 1) > 0);
		CHECK(tree_target_stays(path, target));
	}
	counted->files++;
	if (S_ISREG(st.st_mode) && st.st_nlink == 1)
		counted->bytes += (uint64_t)st.st_size;
	return true;
}

static unsigned entries(const char *path)
{
	unsigned count = 0;
	DIR *dir = opendir(path);
	CHECK(dir != NULL);
	while (readdir(dir) != NULL)
		count++;
	closedir(dir);
	return count - 2;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char base[] = "/tmp/tiphys-fuzz.XXXXXX", path[64];
	if (size == 0)
		return 0;
	umask(0);
	CHECK(mkdtemp(base) != NULL);
	snprintf(path, sizeof path, "%s/in", base);
	CHECK(mkdir(path, 0700) == 0);
	int folder = open(path, O_RDONLY | O_DIRECTORY);
	CHECK(folder >= 0);

	struct error err = ERROR_INIT;
	bool done;
	unarchive_is_tgz(data + 1, size - 1);
	if (data[0] % 2 == 0) {
		struct bytes_left rest = {data + 1, size - 1};
		const struct archive_source source = {give, &rest};
		done = unarchive_tar(&source, folder, &limits, &err);
	} else {
		int file = memfd_create("zip", 0);
		CHECK(write(file, data + 1, size - 1) == (ssize_t)size - 1);
		CHECK(lseek(file, 0, SEEK_SET) == 0);
		done = unarchive_zip(file, folder, &limits, &err);
		close(file);
	}
	CHECK(done == (err.kind == ERROR_NONE));
	CHECK(done || err.message[0] != '\0');

	struct counted counted = {0};
	CHECK(entries(base) == 1);
	CHECK(tree_walk(folder, (unsigned)limits.depth + 1, check_entry, &counted) == 0);
	CHECK(counted.bytes <= limits.bytes);
	/* Folders on the way are no entries of the archive. */
	CHECK(counted.files <= limits.files * limits.depth);
	close(folder);
	CHECK(remove_tree(base) == 0);
	return 0;
}
