/* The sections that define, name and fill things (spec: 5.5). */
#include "validator/decode.h"

#include "validator/body.h"
#include "validator/decode_types.h"
#include "validator/limit.h"
#include "validator/printable.h"

#include <stdlib.h>

void missing_feature(enum feature feature, uint64_t offset, const char *what, struct error *err)
{
	if (err->kind != ERROR_NONE)
		return;
	const char *name = feature_name(feature);
	bool implemented = FEATURES_IMPLEMENTED >> feature & 1;
	err->feature = name;
	if (!implemented)
		error_put_at(err, ERROR_UNSUPPORTED, offset,
		             "`%s` belongs to the feature %s, which is not implemented", what, name);
	else
		error_put_at(err, ERROR_UNSUPPORTED, offset,
		             "`%s` belongs to the feature %s, which is off (--enable %s)", what, name,
		             name);
}

bool check_limit(const struct module *m, enum load_limit limit, uint64_t count, uint32_t offset,
                 const char *what, struct error *err)
{
	if (count <= m->limits.of[limit])
		return true;
	return error_set_at(err, ERROR_LIMIT, offset, "%llu %s; at most %llu are taken (limit %s)",
	                    (unsigned long long)count, what, (unsigned long long)m->limits.of[limit],
	                    load_limit_rows[limit].name);
}

bool decode_count(struct reader *r, const struct module *m, enum load_limit limit, uint64_t used,
                  const char *what, uint32_t *out, struct error *err)
{
	uint32_t start = reader_offset(r);
	if (!read_u32(r, out, err))
		return false;
	/* Every element takes a byte at least. */
	if (*out > reader_left(r))
		return error_set_at(err, ERROR_MALFORMED, start,
		                    "unexpected end of section or function: length out of bounds: %u %s in "
		                    "%zu bytes",
		                    *out, what, reader_left(r));
	return check_limit(m, limit, used + *out, start, what, err);
}

bool extend_elements(struct loader *l, void *array_pointer, uint32_t old, uint64_t count,
                     size_t size, struct error *err)
{
	void *fresh = arena_zeroed(l->module->arena, count, size);
	if (fresh == NULL)
		return no_memory(err);
	void *array;
	memcpy(&array, array_pointer, sizeof array);
	if (old > 0)
		memcpy(fresh, array, old * size);
	memcpy(array_pointer, &fresh, sizeof fresh);
	return true;
}

bool begin_elements(struct loader *l, struct reader *r, enum load_limit limit, const char *what,
                    void *array_pointer, uint32_t old, size_t size, uint32_t *count,
                    struct error *err)
{
	return decode_count(r, l->module, limit, old, what, count, err) &&
	       extend_elements(l, array_pointer, old, (uint64_t)old + *count, size, err);
}

static bool read_index(struct reader *r, uint32_t count, const char *what, uint32_t *out,
                       struct error *err)
{
	uint32_t start = reader_offset(r);
	if (!read_u32(r, out, err))
		return false;
	return *out < count || error_set_at(err, ERROR_INVALID, start, "unknown %s %u", what, *out);
}

bool decode_type_index(struct loader *l, struct reader *r, uint32_t *out, struct error *err)
{
	uint32_t start = reader_offset(r);
	if (!read_index(r, l->module->type_count, "type", out, err))
		return false;
	return l->module->defs[*out].form == FORM_FUNC ||
	       error_set_at(err, ERROR_INVALID, start, "type mismatch: type %u is no function type",
	                    *out);
}

bool decode_tag_type(struct loader *l, struct reader *r, uint32_t *type, struct error *err)
{
	uint32_t start = reader_offset(r);
	uint8_t attribute;
	if (!need_feature(l->features, FEATURE_EXCEPTIONS, start, "a tag", err) ||
	    !read_byte(r, &attribute, err))
		return false;
	if (attribute != 0)
		return error_set_at(err, ERROR_MALFORMED, start, "malformed tag attribute 0x%02x",
		                    attribute);
	if (!decode_type_index(l, r, type, err))
		return false;
	return l->module->types[*type].result_count == 0 ||
	       error_set_at(err, ERROR_INVALID, start, "non-empty tag result type %u", *type);
}

/* ---- definitions ---- */

bool decode_function_section(struct loader *l, struct reader *r, struct error *err)
{
	struct module *m = l->module;
	uint32_t count;
	if (!begin_elements(l, r, LOAD_LIMIT_FUNCTIONS, "functions", &m->funcs, m->func_count,
	                    sizeof *m->funcs, &count, err))
		return false;
	for (uint32_t i = 0; i < count; i++) {
		struct func_decl *func = &m->funcs[m->func_count];
		if (!decode_type_index(l, r, &func->type_index, err))
			return false;
		m->func_count++;
	}
	return true;
}

bool decode_memory_section(struct loader *l, struct reader *r, struct error *err)
{
	struct module *m = l->module;
	uint32_t count;
	if (!begin_elements(l, r, LOAD_LIMIT_MEMORIES, "memories", &m->memories, m->memory_count,
	                    sizeof *m->memories, &count, err))
		return false;
	for (uint32_t i = 0; i < count; i++) {
		if (!decode_memory_type(l, r, &m->memories[m->memory_count], err))
			return false;
		m->memory_count++;
	}
	return true;
}

/* A constant expression that starts at the reader's position. */
static bool decode_const_expr(struct loader *l, struct reader *r, valtype type,
                              struct const_expr *out, struct error *err)
{
	struct module *m = l->module;
	uint32_t start = reader_offset(r);
	if (!const_expr_walk(m, start, (uint32_t)(r->end - r->base), type, m->global_count, l->scratch,
	                     NULL, out, err))
		return false;
	r->pos += out->size;
	return true;
}

/* Writes nothing where nothing changes: the functions may be borrowed (struct module_parts). */
static void declare(struct module *m, uint32_t func)
{
	if (!m->funcs[func].is_declared)
		m->funcs[func].is_declared = true;
}

/* Functions that a constant expression names may be named by ref.func (spec: C.refs). The
 * expression was validated, so a sink that never fails is enough. A number's names none: no
 * constant instruction makes one of a reference. */
static bool declare_func(void *ctx, const struct step *step, struct error *err)
{
	(void)err;
	struct module *m = ctx;
	if (step->id == INSN_ref_func)
		declare(m, step->index);
	return true;
}

static bool decode_declaring_expr(struct loader *l, struct reader *r, valtype type,
                                  struct const_expr *out, struct error *err)
{
	struct module *m = l->module;
	struct body_sink sink = {.ctx = m, .step = declare_func};
	uint32_t start = reader_offset(r);
	if (!const_expr_walk(m, start, (uint32_t)(r->end - r->base), type, m->global_count, l->scratch,
	                     valtype_is_ref(type) ? &sink : NULL, out, err))
		return false;
	r->pos += out->size;
	return true;
}

#define CODE_TABLE_WITH_INIT 0x40

static bool decode_table(struct loader *l, struct reader *r, struct table_decl *table,
                         struct error *err)
{
	uint32_t start = reader_offset(r);
	bool has_init = r->pos < r->end && *r->pos == CODE_TABLE_WITH_INIT;
	if (has_init) {
		uint8_t zero = 0;
		r->pos++;
		if (!need_feature(l->features, FEATURE_FUNCTION_REFERENCES, start,
		                  "a table with an initial value", err) ||
		    !read_byte(r, &zero, err))
			return false;
		if (zero != 0)
			return error_set_at(err, ERROR_MALFORMED, start, "zero byte expected");
	}
	if (!decode_table_type(l, r, &table->type, err))
		return false;
	if (has_init)
		return decode_declaring_expr(l, r, table->type.element, &table->init, err);
	return valtype_is_defaultable(table->type.element) ||
	       error_set_at(err, ERROR_INVALID, start,
	                    "type mismatch: a table of non-null references needs an initial value");
}

bool decode_table_section(struct loader *l, struct reader *r, struct error *err)
{
	struct module *m = l->module;
	uint32_t count;
	uint32_t start = reader_offset(r);
	if (!decode_count(r, m, LOAD_LIMIT_TABLES, m->table_count, "tables", &count, err))
		return false;
	if ((uint64_t)m->table_count + count > 1 &&
	    !need_feature(l->features, FEATURE_REFERENCE_TYPES, start, "multiple tables", err))
		return false;
	if (!extend_elements(l, &m->tables, m->table_count, (uint64_t)m->table_count + count,
	                     sizeof *m->tables, err))
		return false;
	for (uint32_t i = 0; i < count; i++) {
		if (!decode_table(l, r, &m->tables[m->table_count], err))
			return false;
		m->table_count++;
	}
	return true;
}

bool decode_tag_section(struct loader *l, struct reader *r, struct error *err)
{
	struct module *m = l->module;
	uint32_t count;
	if (!need_feature(l->features, FEATURE_EXCEPTIONS, reader_offset(r), "a tag section", err) ||
	    !begin_elements(l, r, LOAD_LIMIT_TAGS, "tags", &m->tags, m->tag_count, sizeof *m->tags,
	                    &count, err))
		return false;
	for (uint32_t i = 0; i < count; i++) {
		struct tag_decl *tag = &m->tags[m->tag_count];
		if (!decode_tag_type(l, r, &tag->type_index, err))
			return false;
		tag->type = &m->types[tag->type_index];
		m->tag_count++;
	}
	return true;
}

bool decode_global_section(struct loader *l, struct reader *r, struct error *err)
{
	struct module *m = l->module;
	uint32_t count;
	if (!begin_elements(l, r, LOAD_LIMIT_GLOBALS, "globals", &m->globals, m->global_count,
	                    sizeof *m->globals, &count, err))
		return false;
	for (uint32_t i = 0; i < count; i++) {
		struct global_decl *global = &m->globals[m->global_count];
		if (!decode_global_type(l, r, &global->type, err) ||
		    !decode_declaring_expr(l, r, global->type.type, &global->init, err))
			return false;
		global->slot = m->global_slots;
		m->global_slots += valtype_slots(global->type.type);
		/* Only now: an initialiser may name the globals before its own. */
		m->global_count++;
	}
	return true;
}

/* ---- exports and start ---- */

static int compare_names(const void *a, const void *b)
{
	const struct name *x = a;
	const struct name *y = b;
	uint32_t len = x->len < y->len ? x->len : y->len;
	int order = memcmp(x->data, y->data, len);
	if (order != 0)
		return order;
	return x->len < y->len ? -1 : x->len > y->len;
}

static bool check_export_names(const struct module *m, uint32_t start, struct error *err)
{
	struct name *names = mem_alloc((m->export_count + (size_t)1) * sizeof *names);
	if (names == NULL)
		return no_memory(err);
	for (uint32_t i = 0; i < m->export_count; i++)
		names[i] = m->exports[i].name;
	qsort(names, m->export_count, sizeof *names, compare_names);
	bool fine = true;
	char shown[PRINTABLE_NAME_SIZE];
	for (uint32_t i = 1; i < m->export_count && fine; i++)
		if (compare_names(&names[i - 1], &names[i]) == 0)
			fine = error_set_at(err, ERROR_INVALID, start, "duplicate export name \"%s\"",
			                    printable_text(names[i].data, names[i].len, shown, sizeof shown));
	mem_free(names);
	return fine;
}

bool decode_export_section(struct loader *l, struct reader *r, struct error *err)
{
	struct module *m = l->module;
	uint32_t count;
	uint32_t section_start = reader_offset(r);
	if (!begin_elements(l, r, LOAD_LIMIT_EXPORTS, "exports", &m->exports, 0, sizeof *m->exports,
	                    &count, err))
		return false;
	for (; m->export_count < count; m->export_count++) {
		struct export *export = &m->exports[m->export_count];
		if (!read_name(r, l->module->limits.of[LOAD_LIMIT_NAME_BYTES], &export->name, err))
			return false;
		uint32_t start = reader_offset(r);
		uint8_t kind;
		if (!read_byte(r, &kind, err))
			return false;
		const uint32_t counts[] = {m->func_count, m->table_count, m->memory_count, m->global_count,
		                           m->tag_count};
		if (kind > 4)
			return error_set_at(err, ERROR_MALFORMED, start, "malformed export kind 0x%02x", kind);
		export->kind = (enum extern_kind)kind;
		if (!read_index(r, counts[kind], extern_kind_name(export->kind), &export->index, err))
			return false;
		if (export->kind == EXTERN_FUNC)
			declare(m, export->index);
		if (export->kind == EXTERN_GLOBAL && m->globals[export->index].type.is_mutable &&
		    !need_feature(l->features, FEATURE_MUTABLE_GLOBALS, start, "a mutable export", err))
			return false;
	}
	/* Those of a module that was loaded before differ. */
	return l->parts != NULL || check_export_names(m, section_start, err);
}

bool decode_start_section(struct loader *l, struct reader *r, struct error *err)
{
	struct module *m = l->module;
	uint32_t start = reader_offset(r);
	if (!read_index(r, m->func_count, "function", &m->start, err))
		return false;
	const struct functype *type = module_func_type(m, m->start);
	if (type->param_count != 0 || type->result_count != 0)
		return error_set_at(err, ERROR_INVALID, start,
		                    "start function %u must take and return nothing", m->start);
	m->has_start = true;
	return true;
}

/* ---- segments ---- */

enum elem_flag {
	ELEM_NOT_ACTIVE = 1,
	ELEM_EXPLICIT = 2, /* table index (active) or declarative */
	ELEM_EXPRESSIONS = 4,
};

static bool decode_elem_items(struct loader *l, struct reader *r, struct elem_segment *elem,
                              struct error *err)
{
	struct module *m = l->module;
	if (!decode_count(r, l->module, LOAD_LIMIT_ELEM_ITEMS, 0, "items in an element segment",
	                  &elem->count, err))
		return false;
	elem->items_offset = reader_offset(r);
	for (uint32_t i = 0; i < elem->count; i++) {
		uint32_t func;
		struct const_expr expr;
		if (!elem->is_funcs) {
			if (!decode_declaring_expr(l, r, elem->type, &expr, err))
				return false;
		} else {
			if (!read_index(r, m->func_count, "function", &func, err))
				return false;
			declare(m, func);
		}
	}
	return true;
}

static bool decode_elem(struct loader *l, struct reader *r, struct elem_segment *elem,
                        struct error *err)
{
	struct module *m = l->module;
	uint32_t start = reader_offset(r);
	uint32_t flags;
	if (!read_u32(r, &flags, err))
		return false;
	if (flags > 7)
		return error_set_at(err, ERROR_MALFORMED, start, "malformed elements segment kind %u",
		                    flags);
	if (flags != 0 &&
	    !need_feature(l->features, FEATURE_BULK_MEMORY, start, "an element segment", err))
		return false;
	bool explicit = flags & ELEM_EXPLICIT;
	elem->is_funcs = !(flags & ELEM_EXPRESSIONS);
	/* A list of functions holds no null. */
	elem->type = elem->is_funcs ? VAL_REF | (valtype)HEAP_FUNC : VAL_FUNCREF;
	elem->mode = !(flags & ELEM_NOT_ACTIVE) ? SEGMENT_ACTIVE
	             : explicit                 ? SEGMENT_DECLARATIVE
	                                        : SEGMENT_PASSIVE;
	if (elem->mode == SEGMENT_ACTIVE) {
		if (explicit && !read_u32(r, &elem->table, err))
			return false;
		if (elem->table >= m->table_count)
			return error_set_at(err, ERROR_INVALID, start, "unknown table %u", elem->table);
		valtype address = address_type(&m->tables[elem->table].type.limits);
		if (!decode_const_expr(l, r, address, &elem->offset, err))
			return false;
	}
	/* Flags 0 and 4 leave the type out: it is funcref. */
	if (flags & (ELEM_NOT_ACTIVE | ELEM_EXPLICIT)) {
		uint32_t type_start = reader_offset(r);
		if (elem->is_funcs) {
			uint8_t kind;
			if (!read_byte(r, &kind, err))
				return false;
			if (kind != 0)
				return error_set_at(err, ERROR_MALFORMED, type_start,
				                    "malformed element kind 0x%02x", kind);
		} else if (!decode_reftype(r, l->module, &elem->type, err)) {
			return false;
		}
	}
	if (elem->mode == SEGMENT_ACTIVE &&
	    !valtype_matches(m->defs, elem->type, m->tables[elem->table].type.element))
		return error_set_at(err, ERROR_INVALID, start,
		                    "type mismatch: the segment's type is not the table's");
	return decode_elem_items(l, r, elem, err);
}

bool decode_element_section(struct loader *l, struct reader *r, struct error *err)
{
	struct module *m = l->module;
	uint32_t count;
	if (!begin_elements(l, r, LOAD_LIMIT_ELEM_SEGMENTS, "element segments", &m->elems, 0,
	                    sizeof *m->elems, &count, err))
		return false;
	for (; m->elem_count < count; m->elem_count++)
		if (!decode_elem(l, r, &m->elems[m->elem_count], err))
			return false;
	return true;
}

bool decode_data_count_section(struct loader *l, struct reader *r, struct error *err)
{
	if (!need_feature(l->features, FEATURE_BULK_MEMORY, reader_offset(r), "a data count section",
	                  err))
		return false;
	l->module->has_data_count = true;
	return read_u32(r, &l->declared_data_count, err);
}

static bool decode_data(struct loader *l, struct reader *r, struct data_segment *data,
                        struct error *err)
{
	struct module *m = l->module;
	uint32_t start = reader_offset(r);
	uint32_t flags;
	if (!read_u32(r, &flags, err))
		return false;
	if (flags > 2)
		return error_set_at(err, ERROR_MALFORMED, start, "malformed data segment kind %u", flags);
	if (flags != 0 && !need_feature(l->features, FEATURE_BULK_MEMORY, start, "a data segment", err))
		return false;
	data->mode = flags == 1 ? SEGMENT_PASSIVE : SEGMENT_ACTIVE;
	if (data->mode == SEGMENT_ACTIVE) {
		if (flags == 2 && !read_u32(r, &data->memory, err))
			return false;
		if (data->memory >= m->memory_count)
			return error_set_at(err, ERROR_INVALID, start, "unknown memory %u", data->memory);
		valtype address = address_type(&m->memories[data->memory].limits);
		if (!decode_const_expr(l, r, address, &data->offset, err))
			return false;
	}
	const uint8_t *bytes;
	if (!read_u32(r, &data->size, err) || !read_bytes(r, data->size, &bytes, err))
		return false;
	data->data_offset = reader_offset(r) - data->size;
	return true;
}

bool decode_data_section(struct loader *l, struct reader *r, struct error *err)
{
	struct module *m = l->module;
	uint32_t count;
	if (!begin_elements(l, r, LOAD_LIMIT_DATA_SEGMENTS, "data segments", &m->datas, 0,
	                    sizeof *m->datas, &count, err))
		return false;
	for (; m->data_count < count; m->data_count++)
		if (!decode_data(l, r, &m->datas[m->data_count], err))
			return false;
	return true;
}

/* Only finds the bodies; what they hold is validated when all sections are known. */
bool decode_code_section(struct loader *l, struct reader *r, struct error *err)
{
	struct module *m = l->module;
	uint32_t start = reader_offset(r);
	uint32_t count;
	if (!decode_count(r, l->module, LOAD_LIMIT_FUNCTIONS, 0, "function bodies", &count, err))
		return false;
	if (count != m->func_count - m->imported_func_count)
		return error_set_at(err, ERROR_MALFORMED, start,
		                    "function and code section have inconsistent lengths: %u and %u",
		                    m->func_count - m->imported_func_count, count);
	for (; l->body_count < count; l->body_count++) {
		struct func_decl *func = &m->funcs[m->imported_func_count + l->body_count];
		const uint8_t *bytes;
		start = reader_offset(r);
		if (!read_u32(r, &func->body_size, err))
			return false;
		func->body_offset = reader_offset(r);
		if (!read_bytes(r, func->body_size, &bytes, err))
			return false;
		if (!check_limit(m, LOAD_LIMIT_BODY_BYTES, func->body_size, start,
		                 "bytes in a function body", err))
			return false;
	}
	return true;
}
