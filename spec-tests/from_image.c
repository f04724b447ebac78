#include "spec-tests/from_image.h"

struct image *from_image(struct module **module, const uint8_t *bytes, size_t size,
                         const struct module_options *loading, const struct store_options *running,
                         struct error *err)
{
	struct image *image = image_prepare(*module, running, err);
	struct module *again =
	    image == NULL ? NULL : module_load_again(bytes, size, loading, image_parts(image), err);
	if (again == NULL) {
		image_close(image);
		return NULL;
	}
	module_destroy(*module);
	*module = again;
	return image;
}
