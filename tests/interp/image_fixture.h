/* For the tests of images: a guest whose image has everything in it, and others that start from it.
 */
#ifndef TESTS_INTERP_IMAGE_FIXTURE_H
#define TESTS_INTERP_IMAGE_FIXTURE_H

#include "interp/image_format.h"
#include "tests/interp/fixture.h"

/* Enough for the memory's contents to be in the image. */
enum { DATA_SIZE = 3 * IMAGE_MEMORY_MIN / 2, DATA_AT = 5000, DATA_PAGES = 3 };

/* The contents of the memory from DATA_AT on. */
uint8_t data_byte(uint32_t i);
void build(struct wasm *w);

struct image_source source_of(const struct guest *g);
/* An empty one, without a name; the caller closes it. */
int new_file(void);
void write_image(struct guest *g, int fd);
/* The image of a guest that has called what it should hold. The caller closes both. */
int image_of(struct guest *g);
/* The guest's module from what was built, and an image with all of its functions. */
struct image *prepare_image(struct guest *g, struct wasm *w);
void instantiate(struct guest *g, const struct module *module, struct image *image);
/* Another guest, from the first one's bytes and the image. */
struct image *start_from(struct guest *g, const struct guest *first, int fd,
                         const struct mode *mode);
/* Is it as the first one was when its image was written? Leaves its memory a page larger. */
void check_guest(struct guest *g);

#endif
