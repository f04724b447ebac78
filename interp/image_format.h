/* Inside interp/: an image as it stands in its file (image.h). All figures are in the byte order of
 * the machine: the build id binds an image to the executable that wrote it. */
#ifndef INTERP_IMAGE_FORMAT_H
#define INTERP_IMAGE_FORMAT_H

#include "interp/image.h"
#include "interp/runtime.h"

#define IMAGE_MAGIC "tiphysIM"
#define IMAGE_BUILD_ID_MAX 32

/* Memory and cells are mapped where pages begin. */
#define IMAGE_PAGE 4096u
#define IMAGE_ALIGNMENT 16u

/* An image up to this size can have a checksum of its contents too, so that it can be written
 * without waiting for the disk: what a crash of the machine left of it is found out. */
#define IMAGE_SUMMED_MAX ((uint64_t)64 << 10)

/* The module's bytes stand in the image too where that stays so small: its file then need not be
 * mapped beside it. */
#define IMAGE_WITH_MODULE_MAX IMAGE_SUMMED_MAX

/* Initial memory is mapped from the image when it is as large as this; below, copying is cheaper
 * than another mapping. Between its segments no more may lie empty than they hold, and this. */
#define IMAGE_MEMORY_MIN ((uint64_t)64 << 10)

/* Row: suffix, element type, alignment. In the order of the file; cells stand last, so that room
 * for more of them follows. ENTRIES are the cells that functions start at, by index in a complete
 * image; else only of those that are lowered, beside ORDER: of a hundred thousand functions a run
 * may call a few thousand. */
#define IMAGE_SECTIONS(X)                                                                          \
	X(FUNCS, struct func_decl, IMAGE_ALIGNMENT)                                                    \
	X(ELEMS, struct elem_segment, IMAGE_ALIGNMENT)                                                 \
	X(DATAS, struct data_segment, IMAGE_ALIGNMENT)                                                 \
	X(ORDER, uint32_t, IMAGE_ALIGNMENT)                                                            \
	X(ENTRIES, uint32_t, IMAGE_ALIGNMENT)                                                          \
	X(TRIES, struct image_try, IMAGE_ALIGNMENT)                                                    \
	X(RANGES, struct try_range, IMAGE_ALIGNMENT)                                                   \
	X(CLAUSES, struct try_clause, IMAGE_ALIGNMENT)                                                 \
	X(MODULE, uint8_t, IMAGE_ALIGNMENT)                                                            \
	X(MEMORY, uint8_t, IMAGE_PAGE)                                                                 \
	X(CELLS, struct cell, IMAGE_PAGE)

enum image_section_id {
#define X(id, type, alignment) IMAGE_##id,
	IMAGE_SECTIONS(X)
#undef X
	    IMAGE_SECTION_COUNT
};

struct image_section {
	uint64_t offset;
	uint64_t count; /* elements */
};

/* The try_table of a function: its part of the ranges and clauses. */
struct image_try {
	uint32_t func; /* among the own ones */
	uint32_t first_range;
	uint32_t range_count;
	uint32_t first_clause;
	uint32_t clause_count;
};

struct image_header {
	char magic[8];
	uint64_t file_size;
	uint8_t build_id[IMAGE_BUILD_ID_MAX];
	struct image_source source;
	uint64_t code_flags; /* code_flags(); its cells are good for no others */
	uint64_t functions;  /* of the module's own */
	uint64_t cell_room;  /* what the module may need, those in the image included */
	uint64_t memory_at;  /* where in memory 0 its contents belong: whole pages */
	struct image_section sections[IMAGE_SECTION_COUNT];
	uint64_t types_differ;      /* of the module (validator/module.h) */
	uint64_t is_complete;       /* every function is lowered: ORDER has all, nothing is appended */
	uint64_t is_summed;         /* it was not waited for until it was on the disk */
	uint64_t contents_checksum; /* when it is_summed; else 0 */
	uint64_t checksum;          /* of what stands before it */
};

_Static_assert(offsetof(struct image_header, checksum) % sizeof(uint64_t) == 0, "whole words");

uint64_t image_checksum(const struct image_header *header);
/* Of whole words of 8 bytes. */
uint64_t image_words_checksum(const void *words, uint64_t size);

/* Of the executable, from the note that the linker puts into it. False when it has none. */
bool image_build_id(uint8_t id[IMAGE_BUILD_ID_MAX]);

/* What makes cells of one module differ: the options of the store, and whether memory 0 is checked.
 */
uint64_t code_flags(const struct store *store, bool checked);

struct image {
	int fd;               /* kept for the memory's contents; -1: there are none */
	atomic_bool is_taken; /* its mapping of the cells is a store's, which may append to them or have
	                       * them made unreadable: others need a mapping of their own */
	bool is_shared;       /* its cells can be mapped once more */
	uint8_t *bytes;
	uint64_t mapped; /* bytes of address space: the file's pages, and room for more cells */
	struct image_header header;
	struct module_parts parts;
};

/* As image_open(), for many stores: a complete image's cells can be mapped once more for each
 * (code.c: take_cells), which private mappings cannot. Not for a process behind the wall of
 * caps/sandbox.h: that lets nothing be shared. */
struct image *image_open_shared(int fd, const struct image_source *source, struct error *err);

static inline void *image_section(const struct image *image, enum image_section_id id)
{
	return image->bytes + image->header.sections[id].offset;
}

/* Puts the first contents of a memory in place; false when the image has none. *fine gets false,
 * with err set, when it has and that failed. */
bool image_fill_memory(const struct image *image, struct memory *memory, bool *fine,
                       struct error *err);

#endif
