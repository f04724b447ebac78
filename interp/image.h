/* Images: what was found out about a module (its long tables, its lowered code, its memory's first
 * contents) in a file that is mapped by the next run instead of being found out again.
 *
 *     | header | functions | segments | order, entries | exceptions | module | memory | cells …room
 * for more |
 *
 * Everything is position independent; a mapping that can be written is private, so nothing is read
 * before it is needed, and nothing is ever written back. An image is trusted: its cells are jump
 * targets. So it is only to be opened from a place where nobody but the user who runs it can write
 * (plugin/images.h), and an image of another build, another module or other rules, or one that is
 * not whole, is refused.
 *
 * Only functions that ran are in an image; the others are lowered at their first call, as always.
 */
#ifndef INTERP_IMAGE_H
#define INTERP_IMAGE_H

#include "interp/interp.h"
#include "validator/limit.h"

/* What an image was made of, compared byte for byte. Set it to zeros first. */
struct image_source {
	uint64_t file[8];          /* identifies the module's bytes, in words of the caller's choice */
	uint64_t features;         /* that the module was loaded under … */
	struct load_limits limits; /* … and the limits */
};

struct image;

/* A number that no two builds share. False when this one has no build id, and so no images. */
bool image_build(uint64_t *build);

/* What of the options makes other cells: images of one mode are of no use to stores of another. */
unsigned image_mode(const struct store_options *options);

/* Maps the image in fd, which it takes over, for one store at a time: a second one beside it finds
 * its memory's first contents there, but lowers what it calls. For more stores open it once for
 * each, or prepare one. NULL with err set when it cannot be used, and why. */
struct image *image_open(int fd, const struct image_source *source, struct error *err);
/* After the stores and the module that use it. NULL is fine. */
void image_close(struct image *image);

/* For module_load_again(). Borrowed from the image. */
const struct module_parts *image_parts(const struct image *image);
/* The same bytes of the module, of which there are `size`; NULL: it is too large to stand in its
 * image. Borrowed too. */
const uint8_t *image_module(const struct image *image, size_t size);

/* An image of the module in memory, with all functions lowered, for stores of these options. A
 * module that is run often in one process is so lowered once. */
struct image *image_prepare(const struct module *module, const struct store_options *options,
                            struct error *err);

/* Instances of this module in the store start from the image. One that was prepared serves any
 * number of stores and threads, of which each may be interrupted alone; an opened one has cells for
 * a single store at a time. */
void store_use_image(struct store *store, const struct module *module, struct image *image);

/* Called at a fault (SIGSEGV, SIGBUS) that is no module's, before whoever handled them earlier is
 * asked: mostly the process ends then, but a host's own handler may go on. It is in the signal's
 * handler, so it may do only what is async-signal-safe, and returns. */
typedef void crash_watcher(void);

/* Who runs from an image learns of a crash, for which a damaged image is one reason. One for the
 * process, told at most once; NULL: nobody. Faults are seen from the first store on. */
void image_watch_crash(crash_watcher *tell);

/* Is there something to write: no image was used, or so much was lowered since that another one
 * would spare work? */
bool image_is_wanted(const struct store *store, const struct module *module);

/* Lowers every function of the module, as for an image that is to spare all of it. */
bool store_lower_all(struct store *store, const struct module *module, struct error *err);

/* Writes the image of a module with what was lowered in the store, from the start of fd, which can
 * be read too. *needs_sync: whether a crash of the machine could leave a part of it that looks
 * whole, until it is on the disk. Who waits for the disk anyway says so by true beforehand: such an
 * image is opened faster. */
bool image_write(int fd, const struct store *store, const struct module *module,
                 const struct image_source *source, bool *needs_sync, struct error *err);

#endif
