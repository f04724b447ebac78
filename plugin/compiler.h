/* Has images (plugin/images.h) made of the modules that steps run: by workers, one after the other,
 * while the steps go on without. A step that comes later starts from the image.
 *
 * The server holds secrets, so it looks at none of a module's bytes: a worker has the module's file
 * for reading and an empty file for the image, behind the wall that steps stand behind. What name
 * the file gets, and so which module it is of, is decided here. */
#ifndef PLUGIN_COMPILER_H
#define PLUGIN_COMPILER_H

#include "plugin/image_folder.h"
#include "plugin/load_rules.h"
#include "plugin/worker.h"

/* Modules that are remembered; then the one that was asked for longest ago is forgotten. */
#define COMPILER_MODULES_MAX 256

/* So often a module is tried, each time after a longer pause; and anew when a step still wants it
 * COMPILER_REST times retry_ms later. */
#define COMPILER_TRIES 3
#define COMPILER_REST 60

struct compiler_setting {
	struct workers *workers;       /* borrowed */
	const char *cache_dir;         /* borrowed; NULL: where it is by default */
	uint64_t images_bytes;         /* that all images may take; one, a quarter of it */
	uint64_t memory_bytes;         /* that making one may take; 0: as its module's size wants */
	const struct load_words *load; /* borrowed: what steps load modules by */
	uint64_t time_ms;              /* that one module may take */
	uint64_t retry_ms;             /* until a failure is tried again; then twice as long */
	uint64_t look_ms;              /* so often it is seen whether an image is still there */
};

/* One module may keep a processor busy for so long, by default. */
#define COMPILER_TIME_MS 60000
#define COMPILER_RETRY_MS 60000
#define COMPILER_LOOK_MS 10000

struct compiler;

/* Starts a thread. NULL with *err set when there can be none. */
struct compiler *compiler_create(const struct compiler_setting *setting, struct error *err);

/* A step is about to run the module at `path`: an image of it is wanted. Never waits for one. From
 * any thread. */
void compiler_want(struct compiler *compiler, const char *path, const char *digest);

/* A step crashed that ran the module at `path`, maybe from its image, which may be damaged: that is
 * removed, and another made after a while: retry_ms, then twice as long; from the COMPILER_TRIES-th
 * time on, when a step still wants it COMPILER_REST times retry_ms later. From any thread. */
void compiler_doubt(struct compiler *compiler, const char *path);

/* Begins no other module. What is under way ends by workers_stop(). */
void compiler_stop(struct compiler *compiler);

/* After compiler_stop(): true when the thread has ended within `ms`. */
bool compiler_wait(struct compiler *compiler, unsigned ms);

/* After compiler_wait() returned true. NULL is allowed. */
void compiler_destroy(struct compiler *compiler);

#endif
