/* The images (interp/image.h) of the modules that a user runs: ROOT/images below the cache's
 * folder.
 *
 * An image is trusted as the executable is. So the folder and each image must be the user's own,
 * and nobody else may be able to write there; the same is asked of the module's file, because its
 * identity (device, inode, size, times of change) stands for its contents: reading 75 MB to know
 * them would cost more than all that an image spares. Only the file's owner or root can change
 * contents without that showing. A file that was changed just before it was opened is not kept, as
 * its next change could carry the same time.
 *
 * Whatever goes wrong here costs time and nothing else: the module is validated and lowered as
 * always. What happened is said to whoever asked for it (images_log). */
#ifndef PLUGIN_IMAGES_H
#define PLUGIN_IMAGES_H

#include "interp/image.h"
#include "plugin/image_folder.h"
#include "plugin/load_rules.h"
#include "plugin/module_file.h"

#include <time.h>

/* Of modules up to this size all functions are lowered for the image: it is then complete, which
 * maps faster. Of larger ones it has what ran. */
#define IMAGES_LOWER_ALL_MAX ((uint64_t)64 << 10)

/* Without a run, all functions of modules up to this size are lowered; of larger ones a run calls
 * so small a part that it is lowered when it is called. */
#define IMAGES_LOWER_BYTES_DEFAULT ((uint64_t)16 << 20)

/* The rows for a command whose struct has `const char *cache_dir` and `uint64_t images_bytes`. */
#define OPTION_IMAGES(type)                                                                        \
	OPTION_TEXT(type, cache_dir, "cache-dir", "DIR",                                               \
	            "keep images of modules and fetched modules there ($FS_CACHE_DIR, "                \
	            "$XDG_CACHE_HOME/tiphys or ~/.cache/tiphys)"),                                     \
	    OPTION_BYTES(type, images_bytes, "images-bytes",                                           \
	                 "keep so much of images of modules, which spare the next run their "          \
	                 "validation (512M)")

struct images {
	struct image_folder folder;
	unsigned mode;              /* image_mode() of the stores that they are for */
	char name[IMAGE_NAME_SIZE]; /* of the one that images_find() looked for */

	/* Should this process crash while it runs from an image, that one is removed, and stderr is
	 * told: the next run makes another. Then `images` lives as long as the process. Not behind a
	 * wall, where nothing can be removed. */
	bool removes_at_crash;
	int dir; /* then, once images_find() found one */

	bool is_hopeless; /* images_find() has said why none can be kept either */

	/* When images_use() found none, before anything of the module's contents is looked at; 0 once
	 * one of them is used. */
	struct timespec looked;
};

/* Opens the image of a module's file, without a look at what is in it: a descriptor, or -1. Who
 * writes images may have been a module's prey, so that a run reads one behind its wall. */
int images_find(struct images *images, const struct module_file *file);

/* What was found, when it was made of that file under these rules; NULL when it cannot be used.
 * Takes the descriptor over; -1 is none. */
struct image *images_use(struct images *images, int fd, const struct module_file *file,
                         const struct load_rules *rules);

/* Keeps an image of the file's module with what was lowered in the store, when that is worth it.
 * After the run: it may lower more. */
bool images_keep(const struct images *images, const struct module_file *file,
                 const struct load_rules *rules, struct store *store);

/* What an image of the file's module under these rules is known by. */
struct image_source images_source(const struct module_file *file, const struct load_rules *rules);

/* Writes an image of what was lowered in the store into fd, which can be read too, as far as it may
 * grow; when it returns true a crash leaves the whole of it or nothing that looks whole. With
 * `waits` it is on the disk then, which spares those who use it a look at all of it. */
bool images_write(int fd, const struct module_file *file, const struct load_rules *rules,
                  const struct store *store, bool waits, struct error *err);

#endif
