/* The type section (spec: 5.5.4): recursive groups of function, struct and array types with
 * declared supertypes. */
#include "validator/decode_types.h"
#include "validator/limit.h"
#include "validator/type_space.h"

#define CODE_FUNC 0x60
#define CODE_STRUCT 0x5f
#define CODE_ARRAY 0x5e
#define CODE_SUB 0x50
#define CODE_SUB_FINAL 0x4f
#define CODE_REC 0x4e
#define CODE_I8 0x78
#define CODE_I16 0x77

/* The section while it is read. The module's arrays have as many elements as there are groups; when
 * some groups have several types, they grow outside of the arena and move into it at the end. */
struct type_reader {
	struct loader *l;
	struct module *m;
	struct reader *r;
	uint32_t room;
	bool has_grown;
	bool are_known; /* to differ: nobody looks for equal ones */
	struct type_space space;
	uint32_t *ids;   /* in the space, by type index */
	uint32_t *first; /* lowest type index, by id */
	struct error *err;
};

static bool read_functype(struct type_reader *t, struct functype *type)
{
	/* Both vectors go into one array: the count of the results is known only behind the params, so
	 * the params are read twice. */
	uint32_t params;
	if (!decode_count(t->r, t->m, LOAD_LIMIT_PARAMS, 0, "parameters of a function", &params,
	                  t->err))
		return false;
	struct reader again = *t->r;
	valtype each;
	for (uint32_t i = 0; i < params; i++)
		if (!decode_valtype(t->r, t->m, &each, t->err))
			return false;
	uint32_t results_start = reader_offset(t->r);
	uint32_t results;
	if (!decode_count(t->r, t->m, LOAD_LIMIT_RESULTS, 0, "results of a function", &results, t->err))
		return false;
	if (results > 1 && !need_feature(t->l->features, FEATURE_MULTI_VALUE, results_start,
	                                 "a function with several results", t->err))
		return false;

	valtype *types = arena_zeroed(t->m->arena, (size_t)params + results, sizeof *types);
	if (types == NULL)
		return no_memory(t->err);
	*type = (struct functype){
	    .params = types,
	    .results = types + params,
	    .param_count = params,
	    .result_count = results,
	};
	for (uint32_t i = 0; i < params; i++) {
		if (!decode_valtype(&again, t->m, &types[i], t->err))
			return false;
		type->param_slots += valtype_slots(types[i]);
	}
	for (uint32_t i = 0; i < results; i++) {
		if (!decode_valtype(t->r, t->m, &types[params + i], t->err))
			return false;
		type->result_slots += valtype_slots(types[params + i]);
	}
	return true;
}

static bool read_field(struct type_reader *t, struct field *field)
{
	uint8_t byte = t->r->pos < t->r->end ? *t->r->pos : 0;
	*field = (struct field){.type = VAL_I32};
	if (byte == CODE_I8 || byte == CODE_I16) {
		t->r->pos++;
		field->packed_bits = byte == CODE_I8 ? 8 : 16;
	} else if (!decode_valtype(t->r, t->m, &field->type, t->err)) {
		return false;
	}
	uint32_t start = reader_offset(t->r);
	uint8_t mutability;
	if (!read_byte(t->r, &mutability, t->err))
		return false;
	field->is_mutable = mutability == 1;
	return mutability <= 1 ||
	       error_set_at(t->err, ERROR_MALFORMED, start, "malformed mutability 0x%02x", mutability);
}

static bool read_fields(struct type_reader *t, struct type_def *def)
{
	uint32_t count = 1;
	if (def->form == FORM_STRUCT &&
	    !decode_count(t->r, t->m, LOAD_LIMIT_FIELDS, 0, "fields of a struct", &count, t->err))
		return false;
	struct field *fields = arena_zeroed(t->m->arena, count, sizeof *fields);
	if (fields == NULL)
		return no_memory(t->err);
	for (uint32_t i = 0; i < count; i++)
		if (!read_field(t, &fields[i]))
			return false;
	def->fields = fields;
	def->field_count = count;
	return true;
}

static bool read_super(struct type_reader *t, uint32_t index, struct type_def *def)
{
	uint32_t start = reader_offset(t->r);
	uint32_t count;
	if (!read_u32(t->r, &count, t->err))
		return false;
	if (count > 1)
		return error_set_at(t->err, ERROR_INVALID, start,
		                    "a type has %u supertypes, at most one "
		                    "is taken",
		                    count);
	if (count == 0)
		return true;
	if (!read_u32(t->r, &def->super, t->err))
		return false;
	if (def->super >= index)
		return error_set_at(t->err, ERROR_INVALID, start,
		                    "unknown type %u as a supertype: it must be defined before",
		                    def->super);
	return true;
}

static bool read_subtype(struct type_reader *t, uint32_t index)
{
	uint32_t start = reader_offset(t->r);
	struct type_def *def = &t->m->defs[index];
	uint8_t code;
	if (!read_byte(t->r, &code, t->err))
		return false;
	def->is_final = code != CODE_SUB;
	if (code == CODE_SUB || code == CODE_SUB_FINAL) {
		if (!need_feature(t->l->features, FEATURE_GC, start, "a type with a supertype", t->err) ||
		    !read_super(t, index, def))
			return false;
		start = reader_offset(t->r);
		if (!read_byte(t->r, &code, t->err))
			return false;
	}
	switch (code) {
	case CODE_FUNC:
		def->form = FORM_FUNC;
		return read_functype(t, &t->m->types[index]);
	case CODE_STRUCT:
	case CODE_ARRAY:
		def->form = code == CODE_STRUCT ? FORM_STRUCT : FORM_ARRAY;
		return need_feature(t->l->features, FEATURE_GC, start, "a struct or array type", t->err) &&
		       read_fields(t, def);
	default:
		return error_set_at(
		    t->err, ERROR_MALFORMED, start, "malformed type form 0x%02x%s", code,
		    code & 0x80 ? ": integer representation too long (a form is one byte below 0x80)" : "");
	}
}

/* ---- groups ---- */

static bool reserve_ids(struct type_reader *t, uint32_t room)
{
	if (t->are_known)
		return true;
	uint32_t *ids = mem_resize(t->ids, room * sizeof *ids);
	if (ids == NULL)
		return no_memory(t->err);
	t->ids = ids;
	uint32_t *first = mem_resize(t->first, room * sizeof *first);
	if (first == NULL)
		return no_memory(t->err);
	t->first = first;
	return true;
}

static bool begin(struct type_reader *t, uint32_t groups)
{
	t->m->defs = arena_zeroed(t->m->arena, groups, sizeof *t->m->defs);
	t->m->types = arena_zeroed(t->m->arena, groups, sizeof *t->m->types);
	if (t->m->defs == NULL || t->m->types == NULL)
		return no_memory(t->err);
	t->room = groups;
	return groups == 0 || reserve_ids(t, groups);
}

/* Moves both arrays out of the arena, where they cannot grow. */
static bool leave_arena(struct type_reader *t)
{
	struct module *m = t->m;
	struct type_def *defs = mem_alloc((t->room + (size_t)1) * sizeof *defs);
	struct functype *types = mem_alloc((t->room + (size_t)1) * sizeof *types);
	if (defs == NULL || types == NULL) {
		mem_free(defs);
		mem_free(types);
		return no_memory(t->err);
	}
	memcpy(defs, m->defs, m->type_count * sizeof *defs);
	memcpy(types, m->types, m->type_count * sizeof *types);
	m->defs = defs;
	m->types = types;
	t->has_grown = true;
	return true;
}

static bool reserve(struct type_reader *t, uint64_t count)
{
	if (!check_limit(t->m, LOAD_LIMIT_TYPES, count, reader_offset(t->r), "types", t->err))
		return false;
	if (count <= t->room)
		return true;
	if (!t->has_grown && !leave_arena(t))
		return false;
	uint32_t room = t->room * 2 > count ? t->room * 2 : (uint32_t)count + 16;
	struct type_def *defs = mem_resize(t->m->defs, room * sizeof *defs);
	if (defs == NULL)
		return no_memory(t->err);
	t->m->defs = defs;
	struct functype *types = mem_resize(t->m->types, room * sizeof *types);
	if (types == NULL)
		return no_memory(t->err);
	t->m->types = types;
	if (!reserve_ids(t, room))
		return false;
	t->room = room;
	return true;
}

static valtype canonical(const struct module *m, valtype type)
{
	if (!valtype_is_ref(type) || !heap_is_index(type))
		return type;
	return (type & ~HEAP_MASK) | m->defs[type & HEAP_MASK].canon;
}

/* Gives the group's types their lowest equals and makes their value types name those. The arrays of
 * types were made by this file, so they may be written. */
static void use_canonical(struct module *m, uint32_t start, uint32_t size)
{
	for (uint32_t i = start; i < start + size; i++) {
		struct type_def *def = &m->defs[i];
		if (def->super != TYPE_NONE)
			def->super = m->defs[def->super].canon;
		valtype *types = (valtype *)m->types[i].params;
		uint32_t count = m->types[i].param_count + m->types[i].result_count;
		for (uint32_t j = 0; j < count; j++)
			types[j] = canonical(m, types[j]);
		struct field *fields = (struct field *)def->fields;
		for (uint32_t j = 0; j < def->field_count; j++)
			fields[j].type = canonical(m, fields[j].type);
	}
}

static bool field_matches(const struct type_def *defs, const struct field *sub,
                          const struct field *super)
{
	if (sub->is_mutable != super->is_mutable || sub->packed_bits != super->packed_bits)
		return false;
	return sub->is_mutable ? sub->type == super->type
	                       : valtype_matches(defs, sub->type, super->type);
}

/* Does the definition fit under its declared supertype (spec: 3.3.9)? */
static bool fits_super(const struct module *m, uint32_t index)
{
	const struct type_def *sub = &m->defs[index];
	const struct type_def *super = &m->defs[sub->super];
	if (super->is_final || sub->form != super->form)
		return false;
	if (sub->form != FORM_FUNC) {
		if (sub->field_count < super->field_count)
			return false;
		for (uint32_t i = 0; i < super->field_count; i++)
			if (!field_matches(m->defs, &sub->fields[i], &super->fields[i]))
				return false;
		return true;
	}
	const struct functype *f = &m->types[index];
	const struct functype *g = &m->types[sub->super];
	if (f->param_count != g->param_count || f->result_count != g->result_count)
		return false;
	for (uint32_t i = 0; i < f->param_count; i++)
		if (!valtype_matches(m->defs, g->params[i], f->params[i]))
			return false;
	for (uint32_t i = 0; i < f->result_count; i++)
		if (!valtype_matches(m->defs, f->results[i], g->results[i]))
			return false;
	return true;
}

static bool check_supers(struct type_reader *t, uint32_t start, uint32_t size, uint32_t at)
{
	for (uint32_t i = start; i < start + size; i++) {
		struct type_def *def = &t->m->defs[i];
		if (def->super == TYPE_NONE)
			continue;
		if (!fits_super(t->m, i))
			return error_set_at(t->err, ERROR_INVALID, at,
			                    "sub type: type %u does not match its supertype %u", i, def->super);
		def->depth = t->m->defs[def->super].depth + 1;
		if (!check_limit(t->m, LOAD_LIMIT_SUBTYPE_DEPTH, def->depth, at, "supertypes above a type",
		                 t->err))
			return false;
	}
	return true;
}

static bool read_group(struct type_reader *t)
{
	struct module *m = t->m;
	uint32_t at = reader_offset(t->r);
	uint32_t size = 1;
	if (t->r->pos < t->r->end && *t->r->pos == CODE_REC) {
		t->r->pos++;
		if (!need_feature(t->l->features, FEATURE_GC, at, "a recursive group", t->err) ||
		    !decode_count(t->r, t->m, LOAD_LIMIT_TYPES, 0, "types in a group", &size, t->err))
			return false;
	}
	uint32_t start = m->type_count;
	if (!reserve(t, (uint64_t)start + size))
		return false;
	for (uint32_t i = start; i < start + size; i++) {
		m->types[i] = (struct functype){0};
		m->defs[i] = (struct type_def){
		    .super = TYPE_NONE, .canon = i, .group_start = start, .group_size = size};
	}
	/* The group's types may name each other. */
	m->type_count += size;
	for (uint32_t i = start; i < start + size; i++)
		if (!read_subtype(t, i))
			return false;

	/* Then each is its own canon, and names others by theirs. */
	if (t->are_known)
		return check_supers(t, start, size, at);
	uint32_t before = t->space.count;
	if (size > 0 && !type_space_add(&t->space, m->defs, m->types, start, size, t->ids, t->err))
		return false;
	for (uint32_t i = start; i < start + size; i++) {
		if (t->space.count > before)
			t->first[t->ids[i]] = i;
		m->defs[i].canon = t->first[t->ids[i]];
		m->types_differ = m->types_differ && m->defs[i].canon == i;
	}
	use_canonical(m, start, size);
	return check_supers(t, start, size, at);
}

/* Moves an array that grew on the heap into the arena. */
static bool settle(struct module *m, void *array_pointer, uint32_t count, size_t size)
{
	void *array;
	memcpy(&array, array_pointer, sizeof array);
	void *kept = arena_zeroed(m->arena, count, size);
	if (kept != NULL && count > 0)
		memcpy(kept, array, count * size);
	mem_free(array);
	memcpy(array_pointer, &kept, sizeof kept);
	return kept != NULL;
}

bool decode_type_section(struct loader *l, struct reader *r, struct error *err)
{
	struct module *m = l->module;
	struct type_reader t = {.l = l, .m = m, .r = r, .err = err};
	uint32_t groups;
	t.are_known = l->parts != NULL && l->parts->types_differ;
	m->types_differ = true;
	type_space_init(&t.space, m->arena);
	bool fine =
	    decode_count(r, l->module, LOAD_LIMIT_TYPES, 0, "types", &groups, err) && begin(&t, groups);
	for (uint32_t i = 0; fine && i < groups; i++)
		fine = read_group(&t);
	mem_free(t.ids);
	mem_free(t.first);
	type_space_clear(&t.space);
	if (!t.has_grown)
		return fine;
	bool settled = settle(m, &m->defs, m->type_count, sizeof *m->defs);
	settled = settle(m, &m->types, m->type_count, sizeof *m->types) && settled;
	return fine && (settled || no_memory(err));
}
