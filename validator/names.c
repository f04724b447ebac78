#include "validator/names.h"

#include "validator/reader.h"

#define SUBSECTION_FUNCTIONS 1

static bool find_in_map(struct reader *r, uint64_t longest, uint32_t func, struct name *out,
                        struct error *err)
{
	uint32_t count, index;
	if (!read_u32(r, &count, err))
		return false;
	for (uint32_t i = 0; i < count; i++) {
		if (!read_u32(r, &index, err) || !read_name(r, longest, out, err))
			return false;
		if (index == func)
			return true;
	}
	return false;
}

static bool find_in_section(struct reader *r, uint64_t longest, uint32_t func, struct name *out,
                            struct error *err)
{
	while (r->pos < r->end) {
		uint8_t id;
		uint32_t size;
		const uint8_t *contents;
		if (!read_byte(r, &id, err) || !read_u32(r, &size, err) ||
		    !read_bytes(r, size, &contents, err))
			return false;
		if (id == SUBSECTION_FUNCTIONS) {
			struct reader map = {.base = r->base, .pos = contents, .end = contents + size};
			return find_in_map(&map, longest, func, out, err);
		}
	}
	return false;
}

bool name_section_func(const struct module *module, uint32_t func, struct name *out)
{
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
		return find_in_section(&r, module->limits.of[LOAD_LIMIT_NAME_BYTES], func, out, &ignored);
	}
	return false;
}
