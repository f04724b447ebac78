/* The suite on images (interp/image.h): a module is loaded, lowered whole and written, and what the
 * script then runs comes from the image. */
#ifndef SPEC_TESTS_FROM_IMAGE_H
#define SPEC_TESTS_FROM_IMAGE_H

#include "interp/image.h"

/* Replaces *module, loaded from these bytes, by one from its image, which is returned and outlives
 * it. NULL on an error; then *module is as before. */
struct image *from_image(struct module **module, const uint8_t *bytes, size_t size,
                         const struct module_options *loading, const struct store_options *running,
                         struct error *err);

#endif
