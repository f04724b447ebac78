#include "plugin/images.h"

#include "caps/cleanup.h"
#include "plugin/cache_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FOLDER "images"
#define SUFFIX ".image"
#define UNFINISHED ".new-"

/* Two changes of a file this close together can carry one time; on file systems that keep whole
 * seconds, so close. */
#define SAME_TIME_NS ((int64_t)50 * 1000 * 1000)
#define SAME_SECOND_NS ((int64_t)2 * 1000 * 1000 * 1000)

/* What a writer that died left behind is removed by another one when it is as old as this. */
#define UNFINISHED_MAX_S 3600

enum { NAME_SIZE = 96 };

__attribute__((format(printf, 2, 3))) static void say(const struct images *images, const char *fmt,
                                                      ...)
{
	char line[1024];
	if (images->log == NULL)
		return;
	va_list args;
	va_start(args, fmt);
	vsnprintf(line, sizeof line, fmt, args);
	va_end(args);
	images->log(images->log_env, line);
}

static bool is_changed_by_others(const struct stat *st)
{
	return st->st_uid != geteuid() || (st->st_mode & (S_IWGRP | S_IWOTH)) != 0;
}

/* ---- the module's file ---- */

static bool is_worth_it(const struct images *images, const struct module_file *file)
{
	const struct stat *st = &file->st;
	if (images->bytes == 0 || file->size < IMAGES_MODULE_MIN)
		return false;
	if ((st->st_uid != geteuid() && st->st_uid != 0) || (st->st_mode & (S_IWGRP | S_IWOTH)) != 0) {
		say(images, "no image is kept of a module that others can write (user %u, mode %04o)",
		    (unsigned)st->st_uid, (unsigned)st->st_mode & 07777);
		return false;
	}
	return true;
}

static int64_t nanoseconds(const struct timespec *time)
{
	return (int64_t)time->tv_sec * 1000000000 + time->tv_nsec;
}

static bool is_settled(const struct images *images, const struct module_file *file)
{
	const struct stat *st = &file->st;
	/* Run from an image: this was asked when that was made. */
	if (images->looked.tv_sec == 0)
		return true;
	bool is_coarse = st->st_ctim.tv_nsec == 0 && st->st_mtim.tv_nsec == 0;
	return nanoseconds(&images->looked) - nanoseconds(&st->st_ctim) >
	       (is_coarse ? SAME_SECOND_NS : SAME_TIME_NS);
}

static struct image_source source_of(const struct module_file *file, const struct load_rules *rules)
{
	const struct stat *st = &file->st;
	struct image_source source;
	memset(&source, 0, sizeof source);
	const uint64_t identity[] = {st->st_dev, st->st_ino, (uint64_t)st->st_size,
	                             (uint64_t)nanoseconds(&st->st_mtim),
	                             (uint64_t)nanoseconds(&st->st_ctim)};
	memcpy(source.file, identity, sizeof identity);
	source.features = rules->features;
	source.limits = rules->limits;
	return source;
}

/* One image for each file, build and mode; a changed file's takes the place of the one before. */
static bool name_of(const struct images *images, const struct module_file *file,
                    char name[NAME_SIZE])
{
	uint64_t build;
	if (!image_build(&build))
		return false;
	snprintf(name, NAME_SIZE, "%016llx-%x-%llx-%llx" SUFFIX, (unsigned long long)build,
	         images->mode, (unsigned long long)file->st.st_dev,
	         (unsigned long long)file->st.st_ino);
	return true;
}

/* ---- the folder ---- */

static char *folder_path(const struct images *images)
{
	cleanup_free char *root = cache_dir_choose(images->dir);
	char *path = NULL;
	return root != NULL && asprintf(&path, "%s/" FOLDER, root) >= 0 ? path : NULL;
}

/* Makes the folder and those above it that are missing. */
static void make_folders(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(path, 0700);
		*slash = '/';
	}
	mkdir(path, 0700);
}

/* -1 when there is none that can be trusted. `make`: it may be missing. */
static int open_folder(const struct images *images, bool make)
{
	struct stat st;
	cleanup_free char *path = folder_path(images);
	if (path == NULL) {
		say(images, "there is no place for images: set FS_CACHE_DIR, XDG_CACHE_HOME or HOME");
		return -1;
	}
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	cleanup_close int fd = open(path, flags);
	if (fd < 0 && errno == ENOENT && make) {
		make_folders(path);
		fd = open(path, flags);
	}
	if (fd < 0 || fstat(fd, &st) != 0) {
		if (errno != ENOENT || make)
			say(images, "cannot open the folder %s: %s", path, strerror(errno));
		return -1;
	}
	if (is_changed_by_others(&st)) {
		say(images,
		    "the folder %s belongs to user %u with mode %04o; images are used only from where user "
		    "%u alone can write",
		    path, (unsigned)st.st_uid, (unsigned)st.st_mode & 07777, (unsigned)geteuid());
		return -1;
	}
	return take_fd(&fd);
}

/* ---- finding ---- */

static struct image *find(const struct images *images, const struct module_file *file,
                          const struct load_rules *rules)
{
	char name[NAME_SIZE];
	struct stat st;
	struct error err = ERROR_INIT;
	if (!is_worth_it(images, file) || !name_of(images, file, name))
		return NULL;
	cleanup_close int folder = open_folder(images, false);
	if (folder < 0)
		return NULL;
	cleanup_close int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) != 0) {
		if (errno != ENOENT)
			say(images, "cannot open the image %s: %s", name, strerror(errno));
		return NULL;
	}
	if (is_changed_by_others(&st)) {
		say(images, "the image %s can be written by others (user %u, mode %04o)", name,
		    (unsigned)st.st_uid, (unsigned)st.st_mode & 07777);
		return NULL;
	}
	const struct image_source source = source_of(file, rules);
	struct image *image = image_open(take_fd(&fd), &source, &err);
	if (image == NULL)
		say(images, "the image %s is not used: %s", name, err.message);
	else
		say(images, "runs from the image %s", name);
	return image;
}

struct image *images_find(struct images *images, const struct module_file *file,
                          const struct load_rules *rules)
{
	struct image *image = find(images, file, rules);
	if (image == NULL)
		clock_gettime(CLOCK_REALTIME, &images->looked);
	return image;
}

/* ---- keeping ---- */

struct kept {
	char name[NAME_SIZE];
	uint64_t bytes;
	int64_t written;
};

static int by_age(const void *a, const void *b)
{
	int64_t x = ((const struct kept *)a)->written, y = ((const struct kept *)b)->written;
	return x < y ? -1 : x > y;
}

/* Notes an image; removes what a dead writer left. */
static bool look_at(int folder, const char *name, struct kept *kept)
{
	struct stat st;
	size_t len = strlen(name);
	if (len >= NAME_SIZE || fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
	    !S_ISREG(st.st_mode))
		return false;
	if (strncmp(name, UNFINISHED, strlen(UNFINISHED)) == 0) {
		if (time(NULL) - st.st_mtim.tv_sec > UNFINISHED_MAX_S)
			unlinkat(folder, name, 0);
		return false;
	}
	if (len < strlen(SUFFIX) || strcmp(name + len - strlen(SUFFIX), SUFFIX) != 0)
		return false;
	memcpy(kept->name, name, len + 1);
	/* What it takes on the disk: images have holes. */
	kept->bytes = (uint64_t)st.st_blocks * 512;
	kept->written = nanoseconds(&st.st_mtim);
	return true;
}

/* Removes the oldest images until the others fit. */
static void evict(const struct images *images, int folder)
{
	int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_closedir DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
	cleanup_free struct kept *all = NULL;
	size_t count = 0, room = 0;
	uint64_t bytes = 0;
	if (dir == NULL)
		return;
	for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
		if (count == room) {
			struct kept *more = realloc(all, (room + 64) * sizeof *all);
			if (more == NULL)
				return;
			all = more;
			room += 64;
		}
		if (look_at(folder, entry->d_name, &all[count]))
			bytes += all[count++].bytes;
	}
	if (bytes <= images->bytes)
		return;
	qsort(all, count, sizeof *all, by_age);
	for (size_t i = 0; i < count && bytes > images->bytes; i++) {
		say(images, "the image %s goes: all together take more than %llu bytes", all[i].name,
		    (unsigned long long)images->bytes);
		unlinkat(folder, all[i].name, 0);
		bytes -= all[i].bytes;
	}
}

/* Written aside, on the disk, and only then under its name: a crash leaves nothing that is used. */
static bool write_aside(int folder, const char *aside, const struct module_file *file,
                        const struct load_rules *rules, const struct store *store,
                        struct error *err)
{
	cleanup_close int fd = openat(folder, aside, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	const struct image_source source = source_of(file, rules);
	if (fd < 0)
		return error_set_errno(err, errno, "cannot make the file %s", aside);
	/* A file that may not grow any further is a write that failed, not the end of tiphys. */
	struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
	sigaction(SIGXFSZ, &ignore, &before);
	bool needs_sync;
	bool fine = image_write(fd, store, file->module, &source, &needs_sync, err) &&
	            (!needs_sync || fdatasync(fd) == 0 ||
	             error_set_errno(err, errno, "cannot write the image"));
	sigaction(SIGXFSZ, &before, NULL);
	return fine;
}

bool images_keep(const struct images *images, const struct module_file *file,
                 const struct load_rules *rules, struct store *store)
{
	char name[NAME_SIZE], aside[NAME_SIZE];
	struct error err = ERROR_INIT;
	if (!image_is_wanted(store, file->module) || !is_worth_it(images, file) ||
	    !name_of(images, file, name))
		return false;
	if (!is_settled(images, file)) {
		say(images, "no image is kept of a module that was written this moment");
		return false;
	}
	cleanup_close int folder = open_folder(images, true);
	if (folder < 0)
		return false;
	if (file->size <= IMAGES_LOWER_ALL_MAX && !store_lower_all(store, file->module, &err)) {
		say(images, "no image is kept: %s", err.message);
		return false;
	}
	snprintf(aside, sizeof aside, UNFINISHED "%ld-%llx", (long)getpid(),
	         (unsigned long long)nanoseconds(&images->looked));
	bool fine = write_aside(folder, aside, file, rules, store, &err) &&
	            (renameat(folder, aside, folder, name) == 0 ||
	             error_set_errno(&err, errno, "cannot rename the image"));
	if (!fine) {
		unlinkat(folder, aside, 0);
		say(images, "the image %s is not kept: %s", name, err.message);
		return false;
	}
	say(images, "kept the image %s", name);
	evict(images, folder);
	return true;
}
