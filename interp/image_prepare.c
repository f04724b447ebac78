/* Images that never see a disk: a module's code for all runs of one process (image.h). */
#include "interp/image_format.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct image *image_prepare(const struct module *module, const struct store_options *options,
                            struct error *err)
{
	struct image_source source;
	/* It has no disk. */
	bool needs_sync = true;
	memset(&source, 0, sizeof source);
	source.features = module->features;
	source.limits = module->limits;
	int fd = memfd_create("tiphys-image", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0) {
		error_put_errno(err, errno, "cannot make room for an image");
		return NULL;
	}
	struct store *store = store_create(options, err);
	bool fine = store != NULL && store_lower_all(store, module, err) &&
	            image_write(fd, store, module, &source, &needs_sync, err);
	store_destroy(store);
	/* Its mappings are shared: nobody who has one may ever make it writable. Linux before 5.1 knows
	 * no such seal. */
	fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE | F_SEAL_SHRINK | F_SEAL_GROW);
	if (fine)
		return image_open_shared(fd, &source, err);
	close(fd);
	return NULL;
}
