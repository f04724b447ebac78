#include "bench/disk.h"

#include <ftw.h>
#include <sys/stat.h>

enum { DESCRIPTORS = 32 };

/* nftw() has no argument for its function. A file with several names is counted in parts: the
 * stores keep all the names of a file below one directory. */
static double total;

static int add(const char *path, const struct stat *st, int kind, struct FTW *where)
{
	(void)path, (void)where;
	if (kind == FTW_NS)
		return 0;
	total += 512.0 * (double)st->st_blocks / (kind == FTW_D ? 1 : (double)st->st_nlink);
	return 0;
}

uint64_t disk_bytes(const char *directory)
{
	total = 0;
	nftw(directory, add, DESCRIPTORS, FTW_PHYS | FTW_MOUNT);
	return (uint64_t)(total + 0.5);
}
