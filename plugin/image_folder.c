#include "plugin/image_folder.h"

#include "caps/cleanup.h"
#include "plugin/cache_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define FOLDER "images"
#define SUFFIX ".image"
#define UNFINISHED ".new-"
#define LEDGER ".ledger-"

#define IMAGE_BUILD_DIGITS 16

/* Where files cannot be locked, what a writer left behind is removed when it is as old as this. */
#define UNFINISHED_MAX_S 3600

/* A file is removed under its writer's hands in the moment before it is locked only. */
#define BEGIN_TRIES 8

void image_folder_say(const struct image_folder *folder, const char *fmt, ...)
{
	char line[1024];
	if (folder->log == NULL)
		return;
	va_list args;
	va_start(args, fmt);
	vsnprintf(line, sizeof line, fmt, args);
	va_end(args);
	folder->log(folder->log_env, line);
}

static int64_t nanoseconds(const struct timespec *time)
{
	return (int64_t)time->tv_sec * 1000000000 + time->tv_nsec;
}

bool image_is_changed_by_others(const struct stat *st)
{
	return st->st_uid != geteuid() || (st->st_mode & (S_IWGRP | S_IWOTH)) != 0;
}

/* ---- the module's file ---- */

bool image_folder_takes(const struct image_folder *folder, const struct stat *module)
{
	if (folder->bytes == 0 || (uint64_t)module->st_size < IMAGES_MODULE_MIN)
		return false;
	if ((module->st_uid != geteuid() && module->st_uid != 0) ||
	    (module->st_mode & (S_IWGRP | S_IWOTH)) != 0) {
		image_folder_say(folder,
		                 "no image is kept of a module that others can write (user %u, mode %04o)",
		                 (unsigned)module->st_uid, (unsigned)module->st_mode & 07777);
		return false;
	}
	return true;
}

bool image_is_settled(const struct stat *module, const struct timespec *looked, int64_t *wait_ns)
{
	bool is_coarse = module->st_ctim.tv_nsec == 0 && module->st_mtim.tv_nsec == 0;
	*wait_ns = is_coarse ? IMAGES_SAME_SECOND_NS : IMAGES_SAME_TIME_NS;
	return nanoseconds(looked) - nanoseconds(&module->st_ctim) > *wait_ns;
}

/* Without printf, which takes longer than all else that finding an image computes. */
static char *put_hex(char *to, uint64_t number, int digits_min)
{
	static const char digits[] = "0123456789abcdef";
	int count = number == 0 ? 1 : (67 - __builtin_clzll(number)) / 4;
	for (int i = count > digits_min ? count : digits_min; i-- > 0;)
		*to++ = digits[i < 16 ? number >> (4 * i) & 15 : 0];
	return to;
}

void image_name(uint64_t build, unsigned mode, const struct stat *module,
                char name[IMAGE_NAME_SIZE])
{
	char *to = put_hex(name, build, IMAGE_BUILD_DIGITS);
	*to++ = '-';
	to = put_hex(to, mode, 1);
	*to++ = '-';
	to = put_hex(to, module->st_dev, 1);
	*to++ = '-';
	to = put_hex(to, module->st_ino, 1);
	memcpy(to, SUFFIX, sizeof SUFFIX);
}
_Static_assert(IMAGE_NAME_SIZE >= 16 + 1 + 8 + 1 + 16 + 1 + 16 + sizeof SUFFIX, "the longest name");

/* ---- the folder ---- */

static char *folder_path(const struct image_folder *folder)
{
	cleanup_free char *root = cache_dir_choose(folder->dir);
	size_t len = root != NULL ? strlen(root) : 0;
	char *path = root != NULL ? malloc(len + sizeof "/" FOLDER) : NULL;
	if (path == NULL)
		return NULL;
	memcpy(path, root, len);
	memcpy(path + len, "/" FOLDER, sizeof "/" FOLDER);
	return path;
}

/* Makes the folder and those above it that are missing. The errno of the first that could not be
 * made, or 0: those behind it fail for the lack of that one. */
static int make_folders(char *path)
{
	int first = 0;
	for (char *slash = strchr(path + 1, '/');; slash = strchr(slash + 1, '/')) {
		if (slash != NULL)
			*slash = '\0';
		if (mkdir(path, 0700) != 0 && errno != EEXIST && first == 0)
			first = errno;
		if (slash == NULL)
			return first;
		*slash = '/';
	}
}

/* A link that is not followed is no directory, says the kernel. */
static void say_why_not(const struct image_folder *folder, const char *path, int reason)
{
	struct stat st;
	if (reason == ENOTDIR && lstat(path, &st) == 0 && S_ISLNK(st.st_mode))
		image_folder_say(folder,
		                 "the folder %s is a symbolic link, which is not followed; name the folder "
		                 "above the other one by --cache-dir or FS_CACHE_DIR",
		                 path);
	else
		image_folder_say(folder, "cannot open the folder %s: %s", path, strerror(reason));
}

int image_folder_open(const struct image_folder *folder, bool make)
{
	struct stat st;
	cleanup_free char *path = folder_path(folder);
	if (path == NULL) {
		image_folder_say(folder,
		                 "there is no place for images: set FS_CACHE_DIR, XDG_CACHE_HOME or HOME");
		return IMAGE_FOLDER_UNUSABLE;
	}
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	cleanup_close int fd = openat(AT_FDCWD, path, flags);
	if (fd < 0 && errno == ENOENT && make) {
		int unmade = make_folders(path);
		fd = openat(AT_FDCWD, path, flags);
		if (fd < 0 && errno == ENOENT && unmade != 0)
			errno = unmade;
	}
	if (fd < 0 || fstat(fd, &st) != 0) {
		if (errno == ENOENT && !make)
			return -1;
		say_why_not(folder, path, errno);
		return IMAGE_FOLDER_UNUSABLE;
	}
	if (image_is_changed_by_others(&st)) {
		image_folder_say(
		    folder,
		    "the folder %s belongs to user %u with mode %04o; images are used only from where user "
		    "%u alone can write",
		    path, (unsigned)st.st_uid, (unsigned)st.st_mode & 07777, (unsigned)geteuid());
		return IMAGE_FOLDER_UNUSABLE;
	}
	return take_fd(&fd);
}

int image_folder_find(const struct image_folder *folder, int fd, const char *name)
{
	struct stat st;
	/* A FIFO would be waited for, and a device does as it likes. */
	cleanup_close int found = openat(fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (found < 0 || fstat(found, &st) != 0) {
		if (errno != ENOENT)
			image_folder_say(folder, "cannot open the image %s: %s", name, strerror(errno));
		return -1;
	}
	if (!S_ISREG(st.st_mode)) {
		image_folder_say(folder, "the image %s is no regular file; remove it", name);
		return -1;
	}
	if (image_is_changed_by_others(&st)) {
		image_folder_say(folder, "the image %s can be written by others (user %u, mode %04o)", name,
		                 (unsigned)st.st_uid, (unsigned)st.st_mode & 07777);
		return -1;
	}
	return take_fd(&found);
}

/* ---- which ones go ---- */

struct kept {
	char name[IMAGE_NAME_SIZE];
	uint64_t bytes;
	int64_t written;
};

static int by_age(const void *a, const void *b)
{
	int64_t x = ((const struct kept *)a)->written, y = ((const struct kept *)b)->written;
	return x < y ? -1 : x > y;
}

/* A writer holds the lock of its file for as long as it lives. Who gets it here, and so removes a
 * file, takes it from one that has made it and not yet locked it: which looks, and makes another.
 */
static void remove_orphan(int dir, const char *name, const struct stat *st)
{
	cleanup_close int file = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (file < 0)
		return;
	bool is_locked = flock(file, LOCK_EX | LOCK_NB) == 0;
	if (is_locked || (errno != EWOULDBLOCK && time(NULL) - st->st_mtim.tv_sec > UNFINISHED_MAX_S))
		unlinkat(dir, name, 0);
}

/* A user who has a new build of tiphys does without the images of the one before. */
static bool is_leftover(const char *name, const struct stat *st, uint64_t build)
{
	char own[IMAGE_BUILD_DIGITS];
	put_hex(own, build, IMAGE_BUILD_DIGITS);
	return build != 0 && memcmp(name, own, sizeof own) != 0 &&
	       time(NULL) - st->st_mtim.tv_sec > IMAGES_OTHER_BUILD_S;
}

/* Notes an image; removes what a dead writer left, and images and ledgers that had their time. */
static bool look_at(int fd, const char *name, uint64_t build, const char *ledger, struct kept *kept)
{
	struct stat st;
	size_t len = strlen(name);
	if (len >= IMAGE_NAME_SIZE || fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
	    !S_ISREG(st.st_mode))
		return false;
	if (strncmp(name, UNFINISHED, strlen(UNFINISHED)) == 0) {
		remove_orphan(fd, name, &st);
		return false;
	}
	if (strncmp(name, LEDGER, strlen(LEDGER)) == 0 && strcmp(name, ledger) != 0)
		unlinkat(fd, name, 0);
	if (len < strlen(SUFFIX) || strcmp(name + len - strlen(SUFFIX), SUFFIX) != 0)
		return false;
	if (is_leftover(name, &st, build)) {
		unlinkat(fd, name, 0);
		return false;
	}
	memcpy(kept->name, name, len + 1);
	/* What it takes on the disk: images have holes. */
	kept->bytes = (uint64_t)st.st_blocks * 512;
	kept->written = nanoseconds(&st.st_mtim);
	return true;
}

/* All images; how many, or SIZE_MAX without memory. */
static size_t look_at_all(int fd, uint64_t build, const char *ledger, struct kept **all)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_closedir DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
	size_t count = 0, room = 0;
	if (dir == NULL)
		return SIZE_MAX;
	for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
		if (count == room) {
			room = 2 * room + 64;
			struct kept *more = realloc(*all, room * sizeof **all);
			if (more == NULL)
				return SIZE_MAX;
			*all = more;
		}
		count += look_at(fd, entry->d_name, build, ledger, &(*all)[count]);
	}
	return count;
}

/* Removes the oldest images, when all do not fit, until an eighth is free: a folder that is full is
 * not looked through at each commit. What the others take. */
static uint64_t evict(const struct image_folder *folder, int fd, uint64_t build, const char *ledger)
{
	cleanup_free struct kept *all = NULL;
	size_t count = look_at_all(fd, build, ledger, &all);
	uint64_t bytes = 0;
	if (count == SIZE_MAX)
		return 0;
	for (size_t i = 0; i < count; i++)
		bytes += all[i].bytes;
	if (bytes <= folder->bytes)
		return bytes;
	qsort(all, count, sizeof *all, by_age);
	for (size_t i = 0; i < count && bytes > folder->bytes - folder->bytes / 8; i++) {
		image_folder_say(folder, "the image %s goes: all together take more than %llu bytes",
		                 all[i].name, (unsigned long long)folder->bytes);
		unlinkat(fd, all[i].name, 0);
		bytes -= all[i].bytes;
	}
	return bytes;
}

/* ---- the ledger ----
 *
 * The size of a file tells what all images take: a byte for each block, which every commit appends.
 * So a commit looks at no other image, and many processes count together without a lock. It may
 * tell too much, of images that went or were replaced: then the folder is looked through sooner.
 * It tells too little of a process that died before it counted: for a day, since each day has a
 * ledger of its own, and who makes one looks through the folder. */

#define LEDGER_BLOCK 4096
#define LEDGER_DAY_S 86400

static void ledger_name(char name[IMAGE_NAME_SIZE])
{
	snprintf(name, IMAGE_NAME_SIZE, LEDGER "%lld", (long long)time(NULL) / LEDGER_DAY_S);
}

/* The blocks that are counted now; UINT64_MAX when nothing can be. */
static uint64_t count_more(int file, uint64_t bytes)
{
	static const char ones[4096];
	struct stat st;
	uint64_t blocks = (bytes + LEDGER_BLOCK - 1) / LEDGER_BLOCK;
	/* A file that may not grow any further is no end of tiphys. */
	struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
	sigaction(SIGXFSZ, &ignore, &before);
	bool fine = true;
	while (fine && blocks > 0) {
		ssize_t wrote = write(file, ones, blocks < sizeof ones ? blocks : sizeof ones);
		fine = wrote > 0;
		blocks -= fine ? (uint64_t)wrote : 0;
	}
	sigaction(SIGXFSZ, &before, NULL);
	return fine && fstat(file, &st) == 0 ? (uint64_t)st.st_size : UINT64_MAX;
}

/* Makes the ledger anew. First the file, then the look: what is committed meanwhile is counted
 * twice, not never. */
static void take_stock(const struct image_folder *folder, int fd, uint64_t build,
                       const char *ledger)
{
	unlinkat(fd, ledger, 0);
	cleanup_close int file =
	    openat(fd, ledger, O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	uint64_t bytes = evict(folder, fd, build, ledger);
	if (file >= 0)
		count_more(file, bytes);
}

/* After the image has its name: who looks through the folder from here on sees it. */
static void enter(const struct image_folder *folder, int fd, uint64_t build, uint64_t bytes)
{
	char ledger[IMAGE_NAME_SIZE];
	ledger_name(ledger);
	cleanup_close int file = openat(fd, ledger, O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC);
	uint64_t blocks = file >= 0 ? count_more(file, bytes) : UINT64_MAX;
	if (blocks > folder->bytes / LEDGER_BLOCK)
		take_stock(folder, fd, build, ledger);
}

void image_folder_tidy(const struct image_folder *folder, uint64_t build)
{
	char ledger[IMAGE_NAME_SIZE];
	cleanup_close int fd = image_folder_open(folder, false);
	ledger_name(ledger);
	if (fd >= 0)
		take_stock(folder, fd, build, ledger);
}

/* ---- keeping ---- */

/* Where locks are not to be had, the file's age must do. */
static bool is_held(int file)
{
	struct stat st;
	return (flock(file, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) && fstat(file, &st) == 0 &&
	       st.st_nlink > 0;
}

int image_folder_begin(int fd, char aside[IMAGE_NAME_SIZE], struct error *err)
{
	static atomic_uint serial;
	struct timespec now;
	for (unsigned tries = 0; tries < BEGIN_TRIES; tries++) {
		clock_gettime(CLOCK_REALTIME, &now);
		snprintf(aside, IMAGE_NAME_SIZE, UNFINISHED "%ld-%llx-%x", (long)getpid(),
		         (unsigned long long)nanoseconds(&now), atomic_fetch_add(&serial, 1));
		cleanup_close int file = openat(fd, aside, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (file < 0) {
			error_set_errno(err, errno, "cannot make the file %s", aside);
			return -1;
		}
		if (is_held(file))
			return take_fd(&file);
		unlinkat(fd, aside, 0);
	}
	error_set(err, ERROR_SYSTEM, "others remove each file that is made for an image");
	return -1;
}

bool image_folder_commit(const struct image_folder *folder, int fd, const char *aside,
                         const char *name, struct error *err)
{
	struct stat st;
	if (renameat(fd, aside, fd, name) != 0)
		return error_set_errno(err, errno, "cannot rename the image");
	image_folder_say(folder, "kept the image %s", name);
	if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		enter(folder, fd, strtoull(name, NULL, 16), (uint64_t)st.st_blocks * 512);
	return true;
}

bool image_folder_remove(const struct image_folder *folder, int fd, const char *name)
{
	bool is_gone = unlinkat(fd, name, 0) == 0;
	if (!is_gone && errno != ENOENT)
		image_folder_say(folder, "cannot remove the image %s: %s", name, strerror(errno));
	return is_gone;
}

void image_folder_abandon(int fd, const char *aside)
{
	unlinkat(fd, aside, 0);
}
