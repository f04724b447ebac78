/* Images read: checked, mapped, and put to use (image.h). */
#include "interp/image_format.h"

#include <errno.h>
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

/* For damage and not for malice: two sums of all words, of which the second also tells their order,
 * in eight rows beside each other so that nothing waits for a product; FNV-1a of the rows. */
#define SUM_START UINT64_C(0xcbf29ce484222325)
#define SUM_FACTOR UINT64_C(0x100000001b3)
enum { SUM_ROWS = 8 };

uint64_t image_words_checksum(const void *words, uint64_t size)
{
	const uint64_t *word = words;
	uint64_t count = size / sizeof *word, at = 0;
	uint64_t sums[SUM_ROWS] = {0}, orders[SUM_ROWS] = {0};
	for (; at + SUM_ROWS <= count; at += SUM_ROWS) {
		for (unsigned row = 0; row < SUM_ROWS; row++) {
			sums[row] += word[at + row];
			orders[row] += sums[row];
		}
	}
	for (unsigned row = 0; at + row < count; row++) {
		sums[row] += word[at + row];
		orders[row] += sums[row];
	}
	uint64_t sum = SUM_START ^ count;
	for (unsigned row = 0; row < SUM_ROWS; row++) {
		sum = (sum ^ sums[row] ^ sums[row] >> 32) * SUM_FACTOR;
		sum = (sum ^ orders[row] ^ orders[row] >> 32) * SUM_FACTOR;
	}
	return sum;
}

uint64_t image_checksum(const struct image_header *header)
{
	return image_words_checksum(header, offsetof(struct image_header, checksum));
}

static bool check_sections(const struct image_header *header, struct error *err)
{
	for (unsigned i = 0; i < IMAGE_SECTION_COUNT; i++) {
		const struct image_section *section = &header->sections[i];
		if (section->offset % rows[i].alignment != 0 || section->offset > header->file_size ||
		    section->count > (header->file_size - section->offset) / rows[i].size)
			return error_set(err, ERROR_MALFORMED, "part %u of it lies outside of it", i);
	}
	if (header->file_size < sizeof *header || header->file_size % sizeof(uint64_t) != 0)
		return error_set(err, ERROR_MALFORMED, "its size is none that is written");
	/* Cells stand last, and nothing behind them: what is mapped is reserved by their room. */
	const struct image_section *cells = &header->sections[IMAGE_CELLS];
	for (unsigned i = 0; i < IMAGE_CELLS; i++) {
		const struct image_section *section = &header->sections[i];
		if (section->offset + section->count * rows[i].size > cells->offset)
			return error_set(err, ERROR_MALFORMED, "part %u of it lies among its cells", i);
	}
	if (header->file_size != cells->offset + cells->count * sizeof(struct cell))
		return error_set(err, ERROR_MALFORMED, "something stands behind its cells");
	uint64_t lowered = header->sections[IMAGE_ORDER].count;
	if (header->sections[IMAGE_ENTRIES].count != lowered || lowered > header->functions ||
	    (header->is_complete && lowered != header->functions) ||
	    header->functions > header->sections[IMAGE_FUNCS].count ||
	    header->sections[IMAGE_CELLS].count == 0 ||
	    header->sections[IMAGE_CELLS].count > header->cell_room || header->cell_room > UINT32_MAX)
		return error_set(err, ERROR_MALFORMED, "its parts do not fit each other");
	return true;
}

/* A C library may compare byte by byte. */
static bool is_same(const void *a, const void *b, size_t size)
{
	const uint64_t *x = a, *y = b;
	uint64_t differs = 0;
	for (size_t i = 0; i < size / sizeof *x; i++)
		differs |= x[i] ^ y[i];
	return differs == 0;
}

_Static_assert(sizeof(struct image_source) % sizeof(uint64_t) == 0 &&
                   offsetof(struct image_header, source) % sizeof(uint64_t) == 0,
               "whole words");

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
	if (!is_same(header->source.file, source->file, sizeof source->file))
		return error_set(err, ERROR_MALFORMED, "it is of another module, or of what it was before");
	if (!is_same(&header->source, source, sizeof *source))
		return error_set(err, ERROR_MALFORMED, "it was made under other features or limits");
	return check_sections(header, err);
}

/* The file, and room for more cells behind it, of which only address space is taken until they are
 * there. */
static bool map_image(struct image *image, struct error *err)
{
	const struct image_header *header = &image->header;
	const struct image_section *cells = &header->sections[IMAGE_CELLS];
	uint64_t size = header->file_size;
	void *bytes = NULL;
	int access = PROT_READ;
	int sharing = image->is_shared ? MAP_SHARED : MAP_PRIVATE;
	image->mapped = size;
	if (!header->is_complete) {
		access |= PROT_WRITE;
		image->mapped = cells->offset + header->cell_room * sizeof(struct cell);
		bytes =
		    mmap(NULL, image->mapped, access, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (bytes == MAP_FAILED)
			return error_set_errno(err, errno, "cannot reserve %llu MiB of address space for code",
			                       (unsigned long long)(image->mapped >> 20));
		image->bytes = bytes;
	}
	bytes = mmap(bytes, size, access, sharing | (bytes != NULL ? MAP_FIXED : 0), image->fd, 0);
	if (bytes == MAP_FAILED)
		return error_set_errno(err, errno, "cannot map it");
	image->bytes = bytes;
	if (header->is_summed != 0 &&
	    image_words_checksum(image->bytes + sizeof *header, size - sizeof *header) !=
	        header->contents_checksum)
		return error_set(err, ERROR_MALFORMED, "its contents are damaged");
	return true;
}

/* What says where to write is not trusted: a file that was waited for has no checksum. */
static bool check_functions(const struct image *image, struct error *err)
{
	const struct image_header *header = &image->header;
	const struct image_section *sections = header->sections;
	const uint32_t *order = image_section(image, IMAGE_ORDER);
	const struct image_try *tries = image_section(image, IMAGE_TRIES);
	bool fits = true;
	for (uint64_t i = 0; !header->is_complete && i < sections[IMAGE_ORDER].count; i++)
		fits = fits && order[i] < header->functions;
	for (uint64_t i = 0; i < sections[IMAGE_TRIES].count; i++)
		fits =
		    fits && tries[i].func < header->functions &&
		    (uint64_t)tries[i].first_range + tries[i].range_count <= sections[IMAGE_RANGES].count &&
		    (uint64_t)tries[i].first_clause + tries[i].clause_count <=
		        sections[IMAGE_CLAUSES].count;
	return fits || error_set(err, ERROR_MALFORMED, "it names functions that are not there");
}

static bool read_header(struct image *image, const struct image_source *source, struct error *err)
{
	struct stat st;
	if (fstat(image->fd, &st) != 0)
		return error_set_errno(err, errno, "cannot look at it");
	ssize_t got = pread(image->fd, &image->header, sizeof image->header, 0);
	if (got < 0)
		return error_set_errno(err, errno, "cannot read it");
	if (!S_ISREG(st.st_mode) || (size_t)got < sizeof image->header)
		return error_set(err, ERROR_MALFORMED, "it has %lld bytes, fewer than a header",
		                 (long long)got);
	return check_header(&image->header, (uint64_t)st.st_size, source, err);
}

static struct image *open_image(int fd, const struct image_source *source, bool is_shared,
                                struct error *err)
{
	struct image *image = mem_zeroed(1, sizeof *image);
	if (image == NULL) {
		close(fd);
		error_put(err, ERROR_NO_MEMORY, "out of memory");
		return NULL;
	}
	image->fd = fd;
	bool fine = read_header(image, source, err);
	image->is_shared = fine && is_shared && image->header.is_complete;
	if (!fine || !map_image(image, err) || !check_functions(image, err)) {
		image_close(image);
		return NULL;
	}
	const struct image_section *sections = image->header.sections;
	if (sections[IMAGE_MEMORY].count == 0) {
		close(image->fd);
		image->fd = -1;
	}
	image->parts = (struct module_parts){
	    .funcs = image_section(image, IMAGE_FUNCS),
	    .elems = image_section(image, IMAGE_ELEMS),
	    .datas = image_section(image, IMAGE_DATAS),
	    .func_count = (uint32_t)sections[IMAGE_FUNCS].count,
	    .elem_count = (uint32_t)sections[IMAGE_ELEMS].count,
	    .data_count = (uint32_t)sections[IMAGE_DATAS].count,
	    .types_differ = image->header.types_differ != 0,
	};
	return image;
}

struct image *image_open(int fd, const struct image_source *source, struct error *err)
{
	return open_image(fd, source, false, err);
}

struct image *image_open_shared(int fd, const struct image_source *source, struct error *err)
{
	return open_image(fd, source, true, err);
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

const uint8_t *image_module(const struct image *image, size_t size)
{
	return image->header.sections[IMAGE_MODULE].count == size && size > 0
	           ? image_section(image, IMAGE_MODULE)
	           : NULL;
}

void store_use_image(struct store *store, const struct module *module, struct image *image)
{
	store->image = image;
	store->image_module = module;
}

bool image_fill_memory(const struct image *image, struct memory *memory, bool *fine,
                       struct error *err)
{
	const struct image_section *part = &image->header.sections[IMAGE_MEMORY];
	uint64_t at = image->header.memory_at;
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
