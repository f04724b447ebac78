/* The folder of the images (plugin/images.h) of the modules that a user runs: ROOT/images below the
 * cache's folder. Who may write there, what an image is called, which ones go: the same for the
 * runs that keep images themselves and for the server that has them made. It knows nothing of what
 * is in an image. */
#ifndef PLUGIN_IMAGE_FOLDER_H
#define PLUGIN_IMAGE_FOLDER_H

#include "validator/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

/* Smaller modules are decoded faster than an image is looked for. */
#define IMAGES_MODULE_MIN ((uint64_t)1 << 10)

/* What all images together may take; the oldest go first. */
#define IMAGES_BYTES_DEFAULT ((uint64_t)512 << 20)

/* Images of other builds go when they are older. */
#define IMAGES_OTHER_BUILD_S ((int64_t)7 * 24 * 3600)

/* Two changes of a file this close together can carry one time; on file systems that keep whole
 * seconds, so close. */
#define IMAGES_SAME_TIME_NS ((int64_t)50 * 1000 * 1000)
#define IMAGES_SAME_SECOND_NS ((int64_t)2 * 1000 * 1000 * 1000)

enum { IMAGE_NAME_SIZE = 96 };

typedef void images_log(void *env, const char *line);

struct image_folder {
	const char *dir; /* the cache's folder; NULL: where it is by default (plugin/cache_dir.h) */
	uint64_t bytes;  /* that all images may take together; 0: none is kept or used */
	images_log *log; /* NULL: nobody listens */
	void *log_env;
};

/* Tells the log. */
__attribute__((format(printf, 2, 3))) void image_folder_say(const struct image_folder *folder,
                                                            const char *fmt, ...);

/* Can somebody else than this user change it? */
bool image_is_changed_by_others(const struct stat *st);

/* Is an image of this module's file worth its while, and may one be trusted? */
bool image_folder_takes(const struct image_folder *folder, const struct stat *module);

/* Was the file changed so long before `looked` that its next change carries another time? How long
 * that takes from its change on: *wait_ns. */
bool image_is_settled(const struct stat *module, const struct timespec *looked, int64_t *wait_ns);

/* One image for each file, build and mode; a changed file's takes the place of the one before. */
void image_name(uint64_t build, unsigned mode, const struct stat *module,
                char name[IMAGE_NAME_SIZE]);

/* It is there, or should be, and the log has been told why it is of no use. */
#define IMAGE_FOLDER_UNUSABLE (-2)

/* A descriptor for the caller to close; IMAGE_FOLDER_UNUSABLE, or -1 when it is missing. `make`: it
 * is made when it is missing. */
int image_folder_open(const struct image_folder *folder, bool make);

/* The image of that name for reading; -1 when there is none that can be trusted. */
int image_folder_find(const struct image_folder *folder, int fd, const char *name);

/* Removes what dead writers left, what other builds than this one (0: not known) kept long ago, and
 * the oldest images until all fit. Best effort: without an error. */
void image_folder_tidy(const struct image_folder *folder, uint64_t build);

/* A new file aside, open for reading and writing: a crash leaves nothing that is used, and what it
 * leaves goes when the folder is looked through: by tidying, and by the first commit of a day. It
 * is locked as long as it is open, whoever has it. */
int image_folder_begin(int fd, char aside[IMAGE_NAME_SIZE], struct error *err);

/* Gives the file aside the name of an image. What is then too much goes, as image_folder_tidy()
 * does it; whether it is, is known without a look at the other images. */
bool image_folder_commit(const struct image_folder *folder, int fd, const char *aside,
                         const char *name, struct error *err);

/* Removes an image. False when there was none of that name. */
bool image_folder_remove(const struct image_folder *folder, int fd, const char *name);

/* Removes the file aside. */
void image_folder_abandon(int fd, const char *aside);

#endif
