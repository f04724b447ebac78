/* The import section (spec: 5.5.5). */
#include "validator/decode.h"

#include "validator/decode_types.h"
#include "validator/limit.h"

#include <string.h>

/* What is imported (spec: 5.3.14 externtype), of an import that has its names. */
static bool decode_extern_type(struct loader *l, struct reader *r, struct import *import,
                               struct error *err)
{
	struct module *m = l->module;
	uint32_t start = reader_offset(r);
	uint8_t kind;
	uint32_t type;
	if (!read_byte(r, &kind, err))
		return false;
	switch (kind) {
	case 0:
		import->kind = EXTERN_FUNC;
		if (!decode_type_index(l, r, &type, err))
			return false;
		import->type.func = &m->types[type];
		import->type_index = type;
		return true;
	case 1:
		import->kind = EXTERN_TABLE;
		return decode_table_type(l, r, &import->type.table, err);
	case 2:
		import->kind = EXTERN_MEMORY;
		return decode_memory_type(l, r, &import->type.memory, err);
	case 3:
		import->kind = EXTERN_GLOBAL;
		if (!decode_global_type(l, r, &import->type.global, err))
			return false;
		return !import->type.global.is_mutable ||
		       need_feature(l->features, FEATURE_MUTABLE_GLOBALS, start, "a mutable import", err);
	case 4:
		import->kind = EXTERN_TAG;
		if (!decode_tag_type(l, r, &import->type_index, err))
			return false;
		import->type.tag = &m->types[import->type_index];
		return true;
	default:
		return error_set_at(err, ERROR_MALFORMED, start, "malformed import kind 0x%02x", kind);
	}
}

/* Gives the import its index and puts it into the module's. */
static bool add_import(struct loader *l, struct import import, uint32_t start, struct error *err)
{
	struct module *m = l->module;
	if (m->import_count == l->import_room) {
		uint64_t room = (uint64_t)l->import_room * 2 + 16;
		if (!extend_elements(l, &m->imports, m->import_count, room, sizeof *m->imports, err))
			return false;
		l->import_room = (uint32_t)room;
	}
	if (!check_limit(m, LOAD_LIMIT_IMPORTS, m->import_count + UINT64_C(1), start, "imports", err))
		return false;
	static const enum load_limit of_kind[] = {
	    [EXTERN_FUNC] = LOAD_LIMIT_FUNCTIONS,  [EXTERN_TABLE] = LOAD_LIMIT_TABLES,
	    [EXTERN_MEMORY] = LOAD_LIMIT_MEMORIES, [EXTERN_GLOBAL] = LOAD_LIMIT_GLOBALS,
	    [EXTERN_TAG] = LOAD_LIMIT_TAGS,
	};
	switch (import.kind) {
	case EXTERN_FUNC:
		import.index = m->imported_func_count++;
		break;
	case EXTERN_TABLE:
		import.index = m->imported_table_count++;
		if (import.index > 0 &&
		    !need_feature(l->features, FEATURE_REFERENCE_TYPES, start, "multiple tables", err))
			return false;
		break;
	case EXTERN_MEMORY:
		import.index = m->imported_memory_count++;
		break;
	case EXTERN_GLOBAL:
		import.index = m->imported_global_count++;
		break;
	case EXTERN_TAG:
		import.index = m->imported_tag_count++;
		break;
	}
	m->imports[m->import_count++] = import;
	return check_limit(m, of_kind[import.kind], import.index + UINT64_C(1), start,
	                   load_limit_rows[of_kind[import.kind]].what, err);
}

/* What stands in the place of an import's kind when one module name holds for many imports
 * (compact-imports); the item name before it is empty. */
enum compact_imports { COMPACT_ONE_TYPE = 0x7e, COMPACT_OWN_TYPES = 0x7f };

static bool decode_compact_imports(struct loader *l, struct reader *r, struct import import,
                                   struct error *err)
{
	uint32_t start = reader_offset(r);
	uint8_t form;
	uint32_t count;
	if (!need_feature(l->features, FEATURE_COMPACT_IMPORTS, start, "imports under one module name",
	                  err) ||
	    !read_byte(r, &form, err) ||
	    (form == COMPACT_ONE_TYPE && !decode_extern_type(l, r, &import, err)) ||
	    !decode_count(r, l->module, LOAD_LIMIT_IMPORTS, 0, "imports", &count, err))
		return false;
	for (uint32_t i = 0; i < count; i++) {
		start = reader_offset(r);
		if (!read_name(r, l->module->limits.of[LOAD_LIMIT_NAME_BYTES], &import.name, err) ||
		    (form == COMPACT_OWN_TYPES && !decode_extern_type(l, r, &import, err)) ||
		    !add_import(l, import, start, err))
			return false;
	}
	return true;
}

static bool decode_import(struct loader *l, struct reader *r, struct error *err)
{
	struct import import = {0};
	if (!read_name(r, l->module->limits.of[LOAD_LIMIT_NAME_BYTES], &import.module, err) ||
	    !read_name(r, l->module->limits.of[LOAD_LIMIT_NAME_BYTES], &import.name, err))
		return false;
	uint32_t start = reader_offset(r);
	uint8_t kind = r->pos < r->end ? *r->pos : 0;
	if (import.name.len == 0 && (kind == COMPACT_ONE_TYPE || kind == COMPACT_OWN_TYPES))
		return decode_compact_imports(l, r, import, err);
	return decode_extern_type(l, r, &import, err) && add_import(l, import, start, err);
}

bool decode_import_section(struct loader *l, struct reader *r, struct error *err)
{
	struct module *m = l->module;
	uint32_t count;
	if (!begin_elements(l, r, LOAD_LIMIT_IMPORTS, "imports", &m->imports, 0, sizeof *m->imports,
	                    &count, err))
		return false;
	l->import_room = count;
	/* The count is that of the entries, of which one may hold many imports. wabt up to 1.0.41
	 * writes that of the imports (its issue 2845): then the section ends with the last of them. */
	for (uint32_t i = 0; i < count && (r->pos < r->end || m->import_count != count); i++)
		if (!decode_import(l, r, err))
			return false;

	m->func_count = m->imported_func_count;
	m->table_count = m->imported_table_count;
	m->memory_count = m->imported_memory_count;
	m->global_count = m->imported_global_count;
	m->tag_count = m->imported_tag_count;
	if (!extend_elements(l, &m->funcs, 0, m->func_count, sizeof *m->funcs, err) ||
	    !extend_elements(l, &m->tables, 0, m->table_count, sizeof *m->tables, err) ||
	    !extend_elements(l, &m->memories, 0, m->memory_count, sizeof *m->memories, err) ||
	    !extend_elements(l, &m->tags, 0, m->tag_count, sizeof *m->tags, err) ||
	    !extend_elements(l, &m->globals, 0, m->global_count, sizeof *m->globals, err))
		return false;
	for (uint32_t i = 0; i < m->import_count; i++) {
		const struct import *import = &m->imports[i];
		switch (import->kind) {
		case EXTERN_FUNC:
			m->funcs[import->index] = (struct func_decl){
			    .type_index = import->type_index,
			};
			break;
		case EXTERN_TABLE:
			m->tables[import->index].type = import->type.table;
			break;
		case EXTERN_MEMORY:
			m->memories[import->index] = import->type.memory;
			break;
		case EXTERN_TAG:
			m->tags[import->index] = (struct tag_decl){
			    .type = import->type.tag,
			    .type_index = import->type_index,
			};
			break;
		default:
			m->globals[import->index].type = import->type.global;
			break;
		}
	}
	return true;
}
