#include "plugin/images.h"

#include "caps/cleanup.h"
#include "caps/clock.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

static bool is_settled(const struct images *images, const struct module_file *file)
{
	int64_t wait_ns;
	/* Run from an image: this was asked when that was made. */
	return images->looked.tv_sec == 0 || image_is_settled(&file->st, &images->looked, &wait_ns);
}

struct image_source images_source(const struct module_file *file, const struct load_rules *rules)
{
	const struct stat *st = &file->st;
	struct image_source source;
	memset(&source, 0, sizeof source);
	const uint64_t identity[] = {
	    st->st_dev, st->st_ino, (uint64_t)st->st_size,
	    (uint64_t)st->st_mtim.tv_sec * 1000000000 + (uint64_t)st->st_mtim.tv_nsec,
	    (uint64_t)st->st_ctim.tv_sec * 1000000000 + (uint64_t)st->st_ctim.tv_nsec};
	memcpy(source.file, identity, sizeof identity);
	source.features = rules->features;
	source.limits = rules->limits;
	return source;
}

static bool name_of(const struct images *images, const struct module_file *file,
                    char name[IMAGE_NAME_SIZE])
{
	uint64_t build;
	if (!image_build(&build))
		return false;
	image_name(build, images->mode, &file->st, name);
	return true;
}

/* ---- finding ---- */

int images_find(struct images *images, const struct module_file *file)
{
	const struct image_folder *folder = &images->folder;
	images->is_hopeless = !image_folder_takes(folder, &file->st);
	if (images->is_hopeless || !name_of(images, file, images->name))
		return -1;
	cleanup_close int dir = image_folder_open(folder, false);
	images->is_hopeless = dir == IMAGE_FOLDER_UNUSABLE;
	int found = dir < 0 ? -1 : image_folder_find(folder, dir, images->name);
	if (found >= 0 && images->removes_at_crash)
		images->dir = take_fd(&dir);
	return found;
}

static const struct images *at_crash;

/* In a handler of signals. What is written tells of both cases: a fault of tiphys itself stays
 * without an image, too. */
static void remove_at_crash(void)
{
	static const char before[] = "tiphys: crashed while it ran from the image ",
	                  after[] = ", which may be damaged and is removed; run it again\n";
	if (unlinkat(at_crash->dir, at_crash->name, 0) != 0)
		return;
	const struct iovec text[] = {
	    {.iov_base = (void *)(uintptr_t)before, .iov_len = sizeof before - 1},
	    {.iov_base = (void *)(uintptr_t)at_crash->name, .iov_len = strlen(at_crash->name)},
	    {.iov_base = (void *)(uintptr_t)after, .iov_len = sizeof after - 1},
	};
	if (writev(STDERR_FILENO, text, sizeof text / sizeof text[0]) < 0)
		return; /* nobody is there to be told */
}

static void watch(const struct images *images, const struct image *image)
{
	if (image == NULL) {
		close(images->dir);
		return;
	}
	at_crash = images;
	image_watch_crash(remove_at_crash);
}

struct image *images_use(struct images *images, int fd, const struct module_file *file,
                         const struct load_rules *rules)
{
	struct error err = ERROR_INIT;
	const struct image_folder *folder = &images->folder;
	const struct image_source source = images_source(file, rules);
	struct image *image = fd >= 0 ? image_open(fd, &source, &err) : NULL;
	images->looked = image != NULL ? (struct timespec){0} : clock_read_once(CLOCK_REALTIME);
	if (fd < 0)
		return NULL;
	if (images->removes_at_crash)
		watch(images, image);
	/* Who is told nothing waits for no words. */
	if (folder->log == NULL)
		return image;
	if (image == NULL)
		image_folder_say(folder, "the image %s is not used: %s", images->name, err.message);
	else
		image_folder_say(folder, "runs from the image %s", images->name);
	return image;
}

/* ---- keeping ---- */

bool images_write(int fd, const struct module_file *file, const struct load_rules *rules,
                  const struct store *store, bool waits, struct error *err)
{
	const struct image_source source = images_source(file, rules);
	/* A file that may not grow any further is a write that failed, not the end of tiphys. */
	struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
	sigaction(SIGXFSZ, &ignore, &before);
	bool needs_sync = waits;
	bool fine = image_write(fd, store, file->module, &source, &needs_sync, err) &&
	            (!needs_sync || fdatasync(fd) == 0 ||
	             error_set_errno(err, errno, "cannot write the image"));
	sigaction(SIGXFSZ, &before, NULL);
	return fine;
}

bool images_keep(const struct images *images, const struct module_file *file,
                 const struct load_rules *rules, struct store *store)
{
	char name[IMAGE_NAME_SIZE], aside[IMAGE_NAME_SIZE];
	struct error err = ERROR_INIT;
	const struct image_folder *folder = &images->folder;
	if (images->is_hopeless || !image_is_wanted(store, file->module) ||
	    !image_folder_takes(folder, &file->st) || !name_of(images, file, name))
		return false;
	if (!is_settled(images, file)) {
		image_folder_say(folder, "no image is kept of a module that was written this moment");
		return false;
	}
	cleanup_close int dir = image_folder_open(folder, true);
	if (dir < 0)
		return false;
	if (file->size <= IMAGES_LOWER_ALL_MAX && !store_lower_all(store, file->module, &err)) {
		image_folder_say(folder, "no image is kept: %s", err.message);
		return false;
	}
	cleanup_close int fd = image_folder_begin(dir, aside, &err);
	if (fd >= 0 && images_write(fd, file, rules, store, false, &err) &&
	    image_folder_commit(folder, dir, aside, name, &err))
		return true;
	if (fd >= 0)
		image_folder_abandon(dir, aside);
	image_folder_say(folder, "the image %s is not kept: %s", name, err.message);
	return false;
}
