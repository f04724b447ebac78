#include "validator/names.h"

#include "validator/reader.h"

#define SUBSECTION_FUNCTIONS 1

/* The functions whose names are looked for, and how many of them have none yet. */
struct search {
	struct func_name *wanted;
	uint32_t count, left;
};

static void take_name(struct search *search, uint32_t func, struct name name)
{
	for (uint32_t i = 0; i < search->count; i++) {
		struct func_name *wanted = &search->wanted[i];
		if (wanted->func != func || wanted->is_known)
			continue;
		wanted->is_known = true;
		wanted->name = name;
		search->left--;
	}
}

static void find_in_map(struct reader *r, uint64_t longest, struct search *search,
                        struct error *err)
{
	uint32_t count, func;
	struct name name;
	if (!read_u32(r, &count, err))
		return;
	for (uint32_t i = 0; i < count && search->left > 0; i++) {
		if (!read_u32(r, &func, err) || !read_name(r, longest, &name, err))
			return;
		take_name(search, func, name);
	}
}

static void find_in_section(struct reader *r, uint64_t longest, struct search *search,
                            struct error *err)
{
	while (r->pos < r->end) {
		uint8_t id;
		uint32_t size;
		const uint8_t *contents;
		if (!read_byte(r, &id, err) || !read_u32(r, &size, err) ||
		    !read_bytes(r, size, &contents, err))
			return;
		if (id == SUBSECTION_FUNCTIONS) {
			struct reader map = {.base = r->base, .pos = contents, .end = contents + size};
			find_in_map(&map, longest, search, err);
			return;
		}
	}
}

void name_section_funcs(const struct module *module, struct func_name *wanted, uint32_t count)
{
	struct search search = {.wanted = wanted, .count = count, .left = count};
	for (uint32_t i = 0; i < module->custom_count; i++) {
		const struct custom_section *custom = &module->customs[i];
		if (!name_is(custom->name, "name"))
			continue;
		struct error ignored = ERROR_INIT;
		struct reader r = {
		    .base = module->bytes,
		    .pos = module->bytes + custom->offset,
		    .end = module->bytes + custom->offset + custom->size,
		};
		find_in_section(&r, module->limits.of[LOAD_LIMIT_NAME_BYTES], &search, &ignored);
		return;
	}
}
