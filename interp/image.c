/* Images read: checked, mapped, and put to use (image.h). */
#include "interp/image_format.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
	size_t size;
	size_t alignment;
} rows[] = {
#define X(id, type, alignment) [IMAGE_##id] = {sizeof(type), alignment},
    IMAGE_SECTIONS(X)
#undef X
};

/* FNV-1a, for damage and not for malice. */
uint64_t image_checksum(const struct image_header *header)
{
	const uint8_t *bytes = (const uint8_t *)header;
	uint64_t sum = UINT64_C(0xcbf29ce484222325);
	for (size_t i = 0; i < offsetof(struct image_header, checksum); i++)
		sum = (sum ^ bytes[i]) * UINT64_C(0x100000001b3);
	return sum;
}

static bool check_sections(const struct image_header *header, struct error *err)
{
	for (unsigned i = 0; i < IMAGE_SECTION_COUNT; i++) {
		const struct image_section *section = &header->sections[i];
		if (section->offset % rows[i].alignment != 0 || section->offset > header->file_size ||
		    section->count > (header->file_size - section->offset) / rows[i].size)
			return error_set(err, ERROR_MALFORMED, "part %u of it lies outside of it", i);
	}
	uint64_t own = header->sections[IMAGE_ENTRIES].count;
	if (own == 0 || header->sections[IMAGE_ENDS].count != own ||
	    header->sections[IMAGE_FUNCS].count < own - 1 || header->sections[IMAGE_CELLS].count == 0 ||
	    header->sections[IMAGE_CELLS].count > header->cell_room || header->cell_room > UINT32_MAX)
		return error_set(err, ERROR_MALFORMED, "its parts do not fit each other");
	return true;
}

/* `file`: what fstat() says its size is. */
static bool check_header(const struct image_header *header, uint64_t file,
                         const struct image_source *source, struct error *err)
{
	uint8_t build_id[IMAGE_BUILD_ID_MAX];
	if (memcmp(header->magic, IMAGE_MAGIC, sizeof header->magic) != 0)
		return error_set(err, ERROR_MALFORMED, "it is no image");
	if (!image_build_id(build_id))
		return error_set(err, ERROR_UNSUPPORTED, "this executable has no build id");
	if (memcmp(header->build_id, build_id, sizeof build_id) != 0)
		return error_set(err, ERROR_MALFORMED, "another build wrote it");
	if (header->checksum != image_checksum(header))
		return error_set(err, ERROR_MALFORMED, "its header is damaged");
	if (header->file_size != file)
		return error_set(err, ERROR_MALFORMED, "it has %llu bytes instead of %llu",
		                 (unsigned long long)file, (unsigned long long)header->file_size);
	if (memcmp(header->source.file, source->file, sizeof source->file) != 0)
		return error_set(err, ERROR_MALFORMED, "it is of another module, or of what it was before");
	if (memcmp(&header->source, source, sizeof *source) != 0)
		return error_set(err, ERROR_MALFORMED, "it was made under other features or limits");
	return check_sections(header, err);
}

static bool map_image(struct image *image, uint64_t size, const struct image_source *source,
                      struct error *err)
{
	void *bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, image->fd, 0);
	if (bytes == MAP_FAILED)
		return error_set_errno(err, errno, "cannot map it");
	image->bytes = bytes;
	image->mapped = size;
	image->header = bytes;
	if (!check_header(image->header, size, source, err))
		return false;

	/* Once more, with room for cells behind it. Only address space is taken until they are there.
	 */
	const struct image_section *cells = &image->header->sections[IMAGE_CELLS];
	uint64_t whole = cells->offset + image->header->cell_room * sizeof(struct cell);
	void *room = mmap(NULL, whole, PROT_READ | PROT_WRITE,
	                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (room == MAP_FAILED)
		return error_set_errno(err, errno, "cannot reserve %llu MiB of address space for code",
		                       (unsigned long long)(whole >> 20));
	munmap(image->bytes, image->mapped);
	image->bytes = room;
	image->mapped = whole;
	if (mmap(room, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, image->fd, 0) ==
	    MAP_FAILED)
		return error_set_errno(err, errno, "cannot map it");
	image->header = room;
	return true;
}

struct image *image_open(int fd, const struct image_source *source, struct error *err)
{
	struct stat st;
	if (fstat(fd, &st) != 0) {
		error_put_errno(err, errno, "cannot look at it");
		return NULL;
	}
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size < sizeof(struct image_header)) {
		error_put(err, ERROR_MALFORMED, "it has %lld bytes, fewer than a header",
		          (long long)st.st_size);
		return NULL;
	}
	struct image *image = mem_zeroed(1, sizeof *image);
	if (image == NULL) {
		error_put(err, ERROR_NO_MEMORY, "out of memory");
		return NULL;
	}
	image->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	bool fine = image->fd >= 0 ? map_image(image, (uint64_t)st.st_size, source, err)
	                           : error_set_errno(err, errno, "cannot duplicate its descriptor");
	if (!fine) {
		image_close(image);
		return NULL;
	}
	const struct image_section *sections = image->header->sections;
	image->parts = (struct module_parts){
	    .funcs = image_section(image, IMAGE_FUNCS),
	    .elems = image_section(image, IMAGE_ELEMS),
	    .datas = image_section(image, IMAGE_DATAS),
	    .func_count = (uint32_t)sections[IMAGE_FUNCS].count,
	    .elem_count = (uint32_t)sections[IMAGE_ELEMS].count,
	    .data_count = (uint32_t)sections[IMAGE_DATAS].count,
	};
	return image;
}

void image_close(struct image *image)
{
	if (image == NULL)
		return;
	if (image->bytes != NULL)
		munmap(image->bytes, image->mapped);
	if (image->fd >= 0)
		close(image->fd);
	mem_free(image);
}

const struct module_parts *image_parts(const struct image *image)
{
	return &image->parts;
}

void store_use_image(struct store *store, const struct module *module, struct image *image)
{
	store->image = image;
	store->image_module = module;
}

bool image_fill_memory(const struct image *image, struct memory *memory, bool *fine,
                       struct error *err)
{
	const struct image_section *part = &image->header->sections[IMAGE_MEMORY];
	uint64_t at = image->header->memory_at;
	if (part->count == 0)
		return false;
	*fine = at <= memory->size && part->count <= memory->size - at;
	if (!*fine)
		return error_set(err, ERROR_MALFORMED, "the image's memory is larger than the module's"),
		       true;
	void *to = mmap(memory->base + at, part->count, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED,
	                image->fd, (off_t)part->offset);
	*fine = to != MAP_FAILED;
	if (!*fine)
		error_put_errno(err, errno, "cannot map the memory's first contents from the image");
	return true;
}
