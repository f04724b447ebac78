/* Loading as a whole: the preamble, the order of the sections, the checks between them, and what a
 * loaded module can be asked. */
#include "validator/module.h"

#include "validator/bodies.h"
#include "validator/decode.h"
#include "validator/names.h"

bool name_is(struct name name, const char *text)
{
	/* Most differ early, and their lengths are not known. */
	for (uint32_t i = 0; i < name.len; i++) {
		if ((char)name.data[i] != text[i] || text[i] == '\0')
			return false;
	}
	return text[name.len] == '\0';
}

static const struct {
	const char *name;
	uint8_t order;
} sections[] = {
#define X(id, code, name, order) [code] = {name, order},
    SECTIONS(X)
#undef X
};

const char *section_id_name(uint8_t id)
{
	return id < sizeof sections / sizeof *sections ? sections[id].name : "unknown";
}

static bool decode_custom_section(struct loader *l, struct reader *r, struct error *err)
{
	struct module *m = l->module;
	struct custom_section *custom = &m->customs[m->custom_count];
	if (!read_name(r, m->limits.of[LOAD_LIMIT_NAME_BYTES], &custom->name, err))
		return false;
	custom->offset = reader_offset(r);
	custom->size = (uint32_t)reader_left(r);
	r->pos = r->end;
	m->custom_count++;
	return true;
}

static bool decode_section(struct loader *l, uint8_t id, struct reader *r, struct error *err)
{
	switch (id) {
	case SECTION_CUSTOM:
		return decode_custom_section(l, r, err);
	case SECTION_TYPE:
		return decode_type_section(l, r, err);
	case SECTION_IMPORT:
		return decode_import_section(l, r, err);
	case SECTION_FUNCTION:
		return decode_function_section(l, r, err);
	case SECTION_TABLE:
		return decode_table_section(l, r, err);
	case SECTION_MEMORY:
		return decode_memory_section(l, r, err);
	case SECTION_TAG:
		return decode_tag_section(l, r, err);
	case SECTION_GLOBAL:
		return decode_global_section(l, r, err);
	case SECTION_EXPORT:
		return decode_export_section(l, r, err);
	case SECTION_START:
		return decode_start_section(l, r, err);
	case SECTION_ELEMENT:
		return decode_element_section(l, r, err);
	case SECTION_DATA_COUNT:
		return decode_data_count_section(l, r, err);
	case SECTION_CODE:
		return decode_code_section(l, r, err);
	default:
		return decode_data_section(l, r, err);
	}
}

static bool check_preamble(struct reader *r, struct error *err)
{
	static const uint8_t magic[] = {0, 'a', 's', 'm'};
	static const uint8_t version[] = {1, 0, 0, 0};
	const uint8_t *bytes;
	if (reader_left(r) < sizeof magic || memcmp(r->pos, magic, sizeof magic) != 0)
		return error_set_at(
		    err, ERROR_MALFORMED, 0, "%s: not a WebAssembly binary, which starts with \\0asm",
		    reader_left(r) < sizeof magic ? "unexpected end: magic header not detected"
		                                  : "magic header not detected");
	r->pos += sizeof magic;
	if (reader_left(r) < sizeof version)
		return error_set_at(err, ERROR_MALFORMED, reader_offset(r),
		                    "unexpected end: the file ends before its version is told");
	bytes = r->pos;
	r->pos += sizeof version;
	if (memcmp(bytes, version, sizeof version) != 0) {
		unsigned number = bytes[0] | (unsigned)bytes[1] << 8;
		unsigned layer = bytes[2] | (unsigned)bytes[3] << 8;
		return error_set_at(err, ERROR_MALFORMED, sizeof magic,
		                    "unknown binary version %u.%u (%s); core modules of version 1 are "
		                    "taken%s",
		                    number, layer, layer == 1 ? "a component" : "of a later WebAssembly?",
		                    layer == 1 ? ": build it as one, for wasm32-wasip1" : "");
	}
	return true;
}

/* Id and size of the next section, whose contents are skipped. */
static bool read_header(struct reader *r, uint8_t *id, uint32_t *size, struct error *err)
{
	uint32_t start = reader_offset(r);
	if (!read_byte(r, id, err))
		return false;
	if (*id >= sizeof sections / sizeof *sections)
		return error_set_at(err, ERROR_MALFORMED, start, "malformed section id %u", *id);
	if (!read_u32(r, size, err)) {
		error_wrap(err, "size of the %s section", sections[*id].name);
		return false;
	}
	if (*size > reader_left(r))
		return error_set_at(err, ERROR_MALFORMED, reader_offset(r),
		                    "unexpected end: length out of bounds: the %s section has %u bytes, of "
		                    "which the file has %zu",
		                    sections[*id].name, *size, reader_left(r));
	r->pos += *size;
	return true;
}

/* First pass over the section headers: how many there are of each kind, and that ids, sizes and
 * order are right. *lost is set where something is read as a header that may be none; the sections
 * in front of it are in the module all the same. */
static bool scan_sections(struct loader *l, struct reader r, struct error *lost, struct error *err)
{
	struct module *m = l->module;
	unsigned last_order = 0;
	uint32_t count = 0, customs = 0;
	struct reader again = r;
	bool fine = true;
	while (fine && r.pos < r.end) {
		uint32_t start = reader_offset(&r);
		uint8_t id = 0;
		uint32_t size;
		fine = read_header(&r, &id, &size, lost);
		if (fine && id == SECTION_CUSTOM)
			customs++;
		else if (fine && sections[id].order <= last_order)
			fine = error_set_at(err, ERROR_MALFORMED, start,
			                    "unexpected content after last section: the %s section stands "
			                    "twice or in the wrong place",
			                    sections[id].name);
		if (!fine)
			break;
		last_order = id == SECTION_CUSTOM ? last_order : sections[id].order;
		count++;
	}
	m->sections = arena_zeroed(m->arena, count, sizeof *m->sections);
	m->customs = arena_zeroed(m->arena, customs, sizeof *m->customs);
	if (m->sections == NULL || m->customs == NULL)
		return no_memory(err);
	for (uint32_t i = 0; i < count; i++) {
		struct section *section = &m->sections[i];
		if (!read_byte(&again, &section->id, err) || !read_u32(&again, &section->size, err))
			return false;
		section->offset = reader_offset(&again);
		again.pos += section->size;
	}
	m->section_count = count;
	return fine;
}

static bool is_in_parts(uint8_t id)
{
	return id == SECTION_FUNCTION || id == SECTION_ELEMENT || id == SECTION_CODE ||
	       id == SECTION_DATA;
}

static void take_parts(struct loader *l)
{
	struct module *m = l->module;
	const struct module_parts *parts = l->parts;
	m->funcs = parts->funcs;
	m->func_count = parts->func_count;
	m->elems = parts->elems;
	m->elem_count = parts->elem_count;
	m->datas = parts->datas;
	m->data_count = parts->data_count;
	l->body_count = m->func_count - m->imported_func_count;
}

static bool decode_each(struct loader *l, struct error *err)
{
	struct module *m = l->module;
	if (l->parts != NULL)
		take_parts(l);
	for (uint32_t i = 0; i < m->section_count; i++) {
		const struct section *section = &m->sections[i];
		struct reader r = {
		    .base = m->bytes,
		    .pos = m->bytes + section->offset,
		    .end = m->bytes + section->offset + section->size,
		};
		if (l->parts != NULL && is_in_parts(section->id))
			continue;
		if (!decode_section(l, section->id, &r, err)) {
			error_wrap(err, "%s section", sections[section->id].name);
			return false;
		}
		if (r.pos != r.end)
			return error_set_at(err, ERROR_MALFORMED, reader_offset(&r),
			                    "section size mismatch: %zu bytes are left over in the %s section",
			                    reader_left(&r), sections[section->id].name);
		/* Which made room for the imported functions alone. */
		if (l->parts != NULL && section->id == SECTION_IMPORT)
			take_parts(l);
	}
	return true;
}

static bool decode_sections(struct loader *l, struct error *err)
{
	struct module *m = l->module;
	if (!decode_each(l, err))
		return false;
	uint32_t defined = m->func_count - m->imported_func_count;
	if (l->body_count != defined)
		return error_set_at(err, ERROR_MALFORMED, m->size,
		                    "function and code section have inconsistent lengths: %u and %u",
		                    defined, l->body_count);
	if (m->has_data_count && l->declared_data_count != m->data_count)
		return error_set_at(err, ERROR_MALFORMED, m->size,
		                    "data count and data section have inconsistent lengths: %u and %u",
		                    l->declared_data_count, m->data_count);
	if (m->memory_count > 1 &&
	    !need_feature(l->features, FEATURE_MULTI_MEMORY, 8, "multiple memories", err))
		return false;
	return true;
}

/* What is no header is mostly due to a section before it, whose size or contents are wrong: then
 * that is told. Apart, for whole modules should not pay for this much of the stack. */
__attribute__((noinline)) static bool explain_lost(struct loader *l, const struct error *lost,
                                                   struct error *err)
{
	struct module *m = l->module;
	struct error before = ERROR_INIT;
	bool fine = decode_each(l, &before);
	if (fine && l->body_count == m->func_count - m->imported_func_count)
		fine = bodies_validate(m, 1, l->scratch, &before);
	*err = !fine && before.kind == ERROR_MALFORMED ? before : *lost;
	return false;
}

static bool load(struct loader *l, unsigned threads, struct error *err)
{
	struct module *m = l->module;
	if (!check_limit(m, LOAD_LIMIT_MODULE_BYTES, m->size, 0, "bytes in the module", err))
		return false;
	struct reader r = {.base = m->bytes, .pos = m->bytes, .end = m->bytes + m->size};
	struct error lost = ERROR_INIT;
	if (!check_preamble(&r, err))
		return false;
	if (!scan_sections(l, r, &lost, err))
		return lost.kind == ERROR_NONE ? false : explain_lost(l, &lost, err);
	return decode_sections(l, err) &&
	       (l->parts != NULL || bodies_validate(m, threads, l->scratch, err));
}

struct module *module_load_again(const uint8_t *bytes, size_t size,
                                 const struct module_options *options,
                                 const struct module_parts *parts, struct error *err)
{
	uint64_t features =
	    options != NULL && options->features != 0 ? options->features : FEATURES_DEFAULT;
	struct loader l = {.features = features, .parts = parts};
	struct arena *arena = arena_create();
	l.scratch = body_scratch_create();
	l.module = arena == NULL ? NULL : arena_zeroed(arena, 1, sizeof *l.module);
	bool fine = false;
	if (l.module == NULL || l.scratch == NULL) {
		no_memory(err);
	} else {
		*l.module = (struct module){.bytes = bytes,
		                            .size = size,
		                            .features = features,
		                            .arena = arena,
		                            .limits = options != NULL && options->limits != NULL
		                                          ? *options->limits
		                                          : load_limits_default};
		fine = load(&l, options != NULL ? options->threads : 0, err);
	}
	body_scratch_destroy(l.scratch);
	if (fine)
		return l.module;
	arena_destroy(arena);
	return NULL;
}

struct module *module_load(const uint8_t *bytes, size_t size, const struct module_options *options,
                           struct error *err)
{
	return module_load_again(bytes, size, options, NULL, err);
}

void module_destroy(struct module *module)
{
	if (module != NULL)
		arena_destroy(module->arena);
}

const struct import *module_func_import(const struct module *module, uint32_t func)
{
	if (func >= module->imported_func_count)
		return NULL;
	for (uint32_t i = 0; i < module->import_count; i++) {
		const struct import *import = &module->imports[i];
		if (import->kind == EXTERN_FUNC && import->index == func)
			return import;
	}
	return NULL;
}

const struct export *module_find_export(const struct module *module, const char *name, size_t len)
{
	for (uint32_t i = 0; i < module->export_count; i++) {
		const struct export *export = &module->exports[i];
		if (export->name.len == len && memcmp(export->name.data, name, len) == 0)
			return export;
	}
	return NULL;
}

/* The first export that is the function; the import's, or none, when there is none. */
static struct name name_from_outside(const struct module *module, uint32_t func)
{
	for (uint32_t i = 0; i < module->export_count; i++) {
		const struct export *export = &module->exports[i];
		if (export->kind == EXTERN_FUNC && export->index == func)
			return export->name;
	}
	const struct import *import = module_func_import(module, func);
	return import != NULL ? import->name : (struct name){.data = "", .len = 0};
}

void module_func_names(const struct module *module, struct func_name *wanted, uint32_t count)
{
	name_section_funcs(module, wanted, count);
	for (uint32_t i = 0; i < count; i++)
		if (!wanted[i].is_known)
			wanted[i].name = name_from_outside(module, wanted[i].func);
}

struct name module_func_name(const struct module *module, uint32_t func)
{
	struct func_name wanted = {.func = func};
	module_func_names(module, &wanted, 1);
	return wanted.name;
}
