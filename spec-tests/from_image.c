#include "spec-tests/from_image.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static bool write_image(int fd, const struct module *module, const struct image_source *source,
                        const struct store_options *running, struct error *err)
{
	struct store *store = store_create(running, err);
	bool needs_sync;
	bool fine = store != NULL && store_lower_all(store, module, err) &&
	            image_write(fd, store, module, source, &needs_sync, err);
	store_destroy(store);
	return fine;
}

struct image *from_image(struct module **module, const uint8_t *bytes, size_t size,
                         const struct module_options *loading, const struct store_options *running,
                         struct error *err)
{
	struct image_source source;
	struct image *image = NULL;
	struct module *again = NULL;
	memset(&source, 0, sizeof source);
	source.file[0] = size;
	source.features = (*module)->features;
	source.limits = (*module)->limits;
	int fd = memfd_create("image", MFD_CLOEXEC);
	if (fd < 0) {
		error_put_errno(err, errno, "cannot make a file for an image");
		return NULL;
	}
	if (write_image(fd, *module, &source, running, err))
		image = image_open(fd, &source, err);
	else
		close(fd);
	if (image != NULL)
		again = module_load_again(bytes, size, loading, image_parts(image), err);
	if (again == NULL) {
		image_close(image);
		return NULL;
	}
	module_destroy(*module);
	*module = again;
	return image;
}
