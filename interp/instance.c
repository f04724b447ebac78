/* Instantiation (spec: 4.7.2) and what an instance can be asked. */
#include "interp/image_format.h"

#include "validator/printable.h"

#include <string.h>
#include <sys/mman.h>

static bool no_memory(struct error *err)
{
	return error_set(err, ERROR_NO_MEMORY, "out of memory");
}

struct func *instance_func(struct instance *inst, uint32_t index)
{
	const struct module *m = inst->module;
	if (index < m->imported_func_count)
		return inst->imports[index];
	uint32_t own = index - m->imported_func_count;
	struct func *func = &inst->funcs[own];
	/* Written before it is read: a page that is read first faults twice. */
	*(volatile uint32_t *)&func->own = own;
	if (func->inst == NULL) {
		*func = (struct func){
		    .inst = inst,
		    .type_id = inst->type_ids[m->funcs[index].type_index],
		    .index = index,
		    .own = own,
		    .header = type_header(module_func_type(m, index)),
		};
	}
	return func;
}

/* ---- imports ---- */

/* A name as a message may have it; buf has PRINTABLE_NAME_SIZE bytes. */
static const char *shown(struct name name, char *buf)
{
	return printable_text(name.data, name.len, buf, PRINTABLE_NAME_SIZE);
}

static bool wrong_type(const struct import *import, struct error *err, const char *want,
                       const char *got)
{
	char module[PRINTABLE_NAME_SIZE], name[PRINTABLE_NAME_SIZE];
	return error_set(err, ERROR_LINK, "incompatible import type for \"%s\" \"%s\": want %s, got %s",
	                 shown(import->module, module), shown(import->name, name), want, got);
}

static bool check_import(const struct instance *inst, const struct import *import,
                         const struct extern_val *value, struct error *err)
{
	const struct type_def *defs = inst->store->types.defs;
	char want[256], got[256];
	if (value->kind != import->kind)
		return wrong_type(import, err, extern_kind_name(import->kind),
		                  extern_kind_name(value->kind));
	switch (import->kind) {
	case EXTERN_FUNC:
		if (store_is_subtype(inst->store, value->as.func->type_id,
		                     inst->type_ids[import->type_index]))
			return true;
		return wrong_type(import, err, functype_name(import->type.func, want, sizeof want),
		                  functype_name(func_type(value->as.func), got, sizeof got));
	case EXTERN_TABLE: {
		const struct table *table = value->as.table;
		if (table->type.element == store_valtype(inst, import->type.table.element) &&
		    limits_match(table->size, &table->type.limits, &import->type.table.limits))
			return true;
		return wrong_type(import, err, "a table of other elements or limits", "this one");
	}
	case EXTERN_MEMORY: {
		const struct memory *memory = value->as.memory;
		if (memory->type.page_size_log2 == import->type.memory.page_size_log2 &&
		    limits_match(memory->size >> memory->type.page_size_log2, &memory->type.limits,
		                 &import->type.memory.limits))
			return true;
		snprintf(want, sizeof want, "a memory of at least %llu pages",
		         (unsigned long long)import->type.memory.limits.min);
		snprintf(got, sizeof got, "one of %llu pages, or with a larger maximum",
		         (unsigned long long)(memory->size >> memory->type.page_size_log2));
		return wrong_type(import, err, want, got);
	}
	case EXTERN_TAG:
		if (value->as.tag->type_id == inst->type_ids[import->type_index])
			return true;
		return wrong_type(import, err, functype_name(import->type.tag, want, sizeof want),
		                  functype_name(value->as.tag->type, got, sizeof got));
	default: {
		const struct global *global = value->as.global;
		valtype wanted = store_valtype(inst, import->type.global.type);
		bool fits = global->type.is_mutable ? global->type.type == wanted
		                                    : valtype_matches(defs, global->type.type, wanted);
		if (fits && global->type.is_mutable == import->type.global.is_mutable)
			return true;
		char want_name[32], got_name[32];
		snprintf(want, sizeof want, "%s global %s",
		         import->type.global.is_mutable ? "mutable" : "immutable",
		         valtype_name(import->type.global.type, want_name));
		snprintf(got, sizeof got, "%s global %s", global->type.is_mutable ? "mutable" : "immutable",
		         valtype_name(global->type.type, got_name));
		return wrong_type(import, err, want, got);
	}
	}
}

/* What the resolver said of it stands behind; an error of another kind is no matter of the name. */
static void unknown_import(const struct import *import, struct error *err)
{
	char module[PRINTABLE_NAME_SIZE], name[PRINTABLE_NAME_SIZE];
	static const char words[] = "unknown import: %s \"%s\" \"%s\" is not there";
	const char *kind = extern_kind_name(import->kind);
	shown(import->module, module);
	shown(import->name, name);
	if (err->kind == ERROR_LINK)
		error_wrap(err, words, kind, module, name);
	else
		error_put(err, ERROR_LINK, words, kind, module, name);
}

static bool link_imports(struct instance *inst, import_resolver *resolve, void *env,
                         struct error *err)
{
	const struct module *m = inst->module;
	for (uint32_t i = 0; i < m->import_count; i++) {
		const struct import *import = &m->imports[i];
		struct extern_val value = {0};
		if (import->kind == EXTERN_FUNC)
			inst->store->likely_type = inst->type_ids[import->type_index];
		if (resolve == NULL || !resolve(env, inst->store, import, &value, err)) {
			unknown_import(import, err);
			return false;
		}
		if (!check_import(inst, import, &value, err))
			return false;
		switch (import->kind) {
		case EXTERN_FUNC:
			inst->imports[import->index] = value.as.func;
			break;
		case EXTERN_TABLE:
			inst->tables[import->index] = value.as.table;
			break;
		case EXTERN_MEMORY:
			inst->memories[import->index] = value.as.memory;
			break;
		case EXTERN_TAG:
			inst->tags[import->index] = value.as.tag;
			break;
		default:
			inst->global_refs[import->index] = value.as.global;
			break;
		}
	}
	return true;
}

/* ---- definitions ---- */

/* What is written one by one in a loop costs a fault for each page of 4 KiB; pages of 2 MiB are a
 * hundred times fewer. From this size on it pays. */
#define LARGE_PAGE ((size_t)2 << 20)

/* Of most functions nobody ever needs the object: pages that stay untouched cost nothing. So a
 * large array is no allocation, which glibc would clear when it has had the memory before; it ends
 * where a large page does, or there might be none in it. */
static bool make_room_for_funcs(struct instance *inst)
{
	const struct module *m = inst->module;
	size_t count = (size_t)(m->func_count - m->imported_func_count) + 1;
	size_t bytes = count * sizeof *inst->funcs;
	if (bytes < LARGE_PAGE) {
		inst->funcs = mem_zeroed(count, sizeof *inst->funcs);
		return inst->funcs != NULL;
	}
	void *room = mmap(NULL, bytes + LARGE_PAGE, PROT_READ | PROT_WRITE,
	                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (room == MAP_FAILED)
		return false;
	uintptr_t end = ((uintptr_t)room + bytes + LARGE_PAGE) / LARGE_PAGE * LARGE_PAGE;
	size_t large = bytes / LARGE_PAGE * LARGE_PAGE;
	/* Without them it is only slower. */
	madvise((void *)(end - large), large, MADV_HUGEPAGE);
	inst->funcs = (struct func *)(end - bytes);
	inst->func_room = room;
	inst->func_room_size = bytes + LARGE_PAGE;
	return true;
}

void instance_clear(struct instance *inst)
{
	if (inst->func_room != NULL)
		munmap(inst->func_room, inst->func_room_size);
	else
		mem_free(inst->funcs);
}

static bool allocate(struct instance *inst, struct error *err)
{
	const struct module *m = inst->module;
	struct arena *arena = inst->store->arena;
	uint32_t *type_ids = arena_zeroed(arena, m->type_count, sizeof *type_ids);
	inst->globals = arena_zeroed(arena, m->global_slots, sizeof *inst->globals);
	inst->tables = arena_zeroed(arena, m->table_count, sizeof(*inst->tables));
	inst->memories = arena_zeroed(arena, m->memory_count, sizeof(*inst->memories));
	inst->imports = arena_zeroed(arena, m->imported_func_count, sizeof(*inst->imports));
	inst->global_refs = arena_zeroed(arena, m->global_count, sizeof(*inst->global_refs));
	inst->tags = arena_zeroed(arena, m->tag_count, sizeof(*inst->tags));
	bool has_funcs = make_room_for_funcs(inst);
	inst->elem_values = arena_zeroed(arena, m->elem_count, sizeof(*inst->elem_values));
	inst->dropped_elems = arena_zeroed(arena, m->elem_count, sizeof *inst->dropped_elems);
	inst->dropped_datas = arena_zeroed(arena, m->data_count, sizeof *inst->dropped_datas);
	if (type_ids == NULL || inst->globals == NULL || inst->tables == NULL ||
	    inst->memories == NULL || inst->imports == NULL || inst->global_refs == NULL ||
	    inst->tags == NULL || !has_funcs || inst->elem_values == NULL ||
	    inst->dropped_elems == NULL || inst->dropped_datas == NULL)
		return no_memory(err);
	inst->type_ids = type_ids;
	if (inst->store->types.count == 0 && m->types_differ) {
		type_space_borrow(&inst->store->types, m->defs, m->types, m->type_count);
		for (uint32_t i = 0; i < m->type_count; i++)
			type_ids[i] = i;
		return true;
	}
	for (uint32_t i = 0; i < m->type_count; i += m->defs[i].group_size) {
		/* A group that is equal to an earlier one names that one's types instead of its own. */
		if (m->defs[i].canon != i) {
			for (uint32_t j = i; j < i + m->defs[i].group_size; j++)
				type_ids[j] = type_ids[m->defs[j].canon];
			continue;
		}
		if (!type_space_add(&inst->store->types, m->defs, m->types, i, m->defs[i].group_size,
		                    type_ids, err))
			return false;
	}
	return true;
}

static bool make_globals(struct instance *inst, struct error *err)
{
	const struct module *m = inst->module;
	uint32_t imported = m->imported_global_count;
	struct global *globals =
	    arena_zeroed(inst->store->arena, m->global_count - imported, sizeof *globals);
	if (globals == NULL)
		return no_memory(err);
	for (uint32_t i = imported; i < m->global_count; i++) {
		struct global *global = &globals[i - imported];
		struct const_expr init = m->globals[i].init;
		global->type = m->globals[i].type;
		global->type.type = store_valtype(inst, global->type.type);
		global->value = &inst->globals[m->globals[i].slot];
		if (!const_eval(inst, &init, m->globals[i].type.type, global->value, err))
			return false;
		inst->global_refs[i] = global;
	}
	return true;
}

static bool make_tags(struct instance *inst, struct error *err)
{
	const struct module *m = inst->module;
	uint32_t own = m->tag_count - m->imported_tag_count;
	struct tag *tags = arena_zeroed(inst->store->arena, own, sizeof *tags);
	if (tags == NULL)
		return no_memory(err);
	for (uint32_t i = 0; i < own; i++) {
		const struct tag_decl *decl = &m->tags[m->imported_tag_count + i];
		tags[i] = (struct tag){.type = decl->type, .type_id = inst->type_ids[decl->type_index]};
		inst->tags[m->imported_tag_count + i] = &tags[i];
	}
	return true;
}

static bool make_table(struct instance *inst, uint32_t index, struct error *err)
{
	const struct table_decl *decl = &inst->module->tables[index];
	struct table_type type = decl->type;
	type.element = store_valtype(inst, type.element);
	struct table *table = table_create(inst->store, &type, err);
	inst->tables[index] = table;
	if (table == NULL || decl->init.size == 0)
		return table != NULL;
	struct const_expr init = decl->init;
	union slot value;
	if (!const_eval(inst, &init, decl->type.element, &value, err))
		return false;
	for (uint64_t i = 0; i < table->size; i++)
		table->elements[i] = value.i64;
	return true;
}

static bool make_definitions(struct instance *inst, struct error *err)
{
	const struct module *m = inst->module;
	struct store *store = inst->store;
	for (uint32_t i = m->imported_memory_count; i < m->memory_count; i++) {
		inst->memories[i] = memory_create(store, &m->memories[i], err);
		if (inst->memories[i] == NULL)
			return false;
	}
	if (m->memory_count > 0)
		inst->memory_base = inst->memories[0]->base;
	if (!make_tags(inst, err) || !make_globals(inst, err))
		return false;
	/* An initial value may name any global. */
	for (uint32_t i = m->imported_table_count; i < m->table_count; i++)
		if (!make_table(inst, i, err))
			return false;
	return true;
}

/* ---- segments and start ---- */

static bool trapped(struct instance *inst, enum trap trap, struct error *err, const char *what,
                    uint32_t index)
{
	inst->store->report = (struct trap_report){.trap = trap};
	return error_set(err, ERROR_TRAP, "%s (%s segment %u)", trap_words(trap), what, index);
}

static bool fill_tables(struct instance *inst, struct error *err)
{
	const struct module *m = inst->module;
	for (uint32_t i = 0; i < m->elem_count; i++) {
		const struct elem_segment *elem = &m->elems[i];
		if (elem->mode == SEGMENT_ACTIVE) {
			struct const_expr expr = elem->offset;
			union slot at;
			valtype address = address_type(&m->tables[elem->table].type.limits);
			if (!const_eval(inst, &expr, address, &at, err))
				return false;
			enum trap trap = table_init(inst, i, elem->table, at.i64, 0, elem->count);
			if (trap != TRAP_NONE)
				return trapped(inst, trap, err, "element", i);
		}
		inst->dropped_elems[i] = elem->mode != SEGMENT_PASSIVE;
	}
	return true;
}

static bool fill_memories(struct instance *inst, struct error *err)
{
	const struct module *m = inst->module;
	const struct store *store = inst->store;
	bool fine = true;
	/* All of memory 0's segments, or none. */
	bool has_first = store->image != NULL && store->image_module == m && m->memory_count > 0 &&
	                 m->imported_memory_count == 0 &&
	                 image_fill_memory(store->image, inst->memories[0], &fine, err);
	if (!fine)
		return false;
	/* Then nothing is left to do, and without a count of segments no instruction can ask for one.
	 */
	if (has_first && m->memory_count == 1 && !m->has_data_count)
		return true;
	for (uint32_t i = 0; i < m->data_count; i++) {
		const struct data_segment *data = &m->datas[i];
		if (data->mode != SEGMENT_ACTIVE)
			continue;
		inst->dropped_datas[i] = true;
		if (has_first && data->memory == 0)
			continue;
		struct const_expr expr = data->offset;
		union slot at;
		valtype address = address_type(&m->memories[data->memory].limits);
		if (!const_eval(inst, &expr, address, &at, err))
			return false;
		enum trap trap = memory_write(inst->memories[data->memory], at.i64,
		                              m->bytes + data->data_offset, data->size, 0, data->size);
		if (trap != TRAP_NONE)
			return trapped(inst, trap, err, "data", i);
	}
	return true;
}

/* Only now is it known how the code accesses memory 0. */
static bool find_code(struct instance *inst, struct error *err)
{
	bool checked = inst->module->memory_count > 0 && !inst->memories[0]->is_guarded;
	inst->code = code_find_or_create(inst->store, inst->module, checked, err);
	if (inst->code == NULL)
		return false;
	inst->cells = inst->code->cells;
	inst->entries = inst->code->entries;
	return true;
}

static bool instantiate(struct instance *inst, import_resolver *resolve, void *env,
                        struct error *err)
{
	const struct module *m = inst->module;
	struct store *store = inst->store;
	if (!store_make_stacks(store, m, err))
		return false;
	/* From here on others can hold references to it, so it stays in the store whatever comes. */
	inst->next = store->instances;
	store->instances = inst;
	if (!allocate(inst, err) || !link_imports(inst, resolve, env, err) ||
	    !make_definitions(inst, err) || !find_code(inst, err))
		return false;

	struct error *outer = store->host_error;
	store->host_error = err;
	bool fine = elem_evaluate(inst, err) && fill_tables(inst, err) && fill_memories(inst, err);
	store->host_error = outer;
	return fine &&
	       (!m->has_start || func_call(store, instance_func(inst, m->start), NULL, NULL, err));
}

struct instance *instance_create(struct store *store, const struct module *module,
                                 import_resolver *resolve, void *env, struct error *err)
{
	struct instance *inst = arena_zeroed(store->arena, 1, sizeof *inst);
	if (inst == NULL) {
		no_memory(err);
		return NULL;
	}
	inst->store = store;
	inst->module = module;
	return instantiate(inst, resolve, env, err) ? inst : NULL;
}

/* ---- questions ---- */

bool instance_export(const struct instance *inst, const char *name, size_t len,
                     struct extern_val *out)
{
	const struct export *export = module_find_export(inst->module, name, len);
	if (export == NULL)
		return false;
	out->kind = export->kind;
	switch (export->kind) {
	case EXTERN_FUNC:
		/* Making the function object changes nothing that anybody can see. */
		out->as.func = instance_func((struct instance *)inst, export->index);
		break;
	case EXTERN_TABLE:
		out->as.table = inst->tables[export->index];
		break;
	case EXTERN_MEMORY:
		out->as.memory = inst->memories[export->index];
		break;
	case EXTERN_TAG:
		out->as.tag = inst->tags[export->index];
		break;
	default:
		out->as.global = inst->global_refs[export->index];
		break;
	}
	return true;
}

struct func *instance_export_func(const struct instance *inst, const char *name)
{
	struct extern_val value;
	if (!instance_export(inst, name, strlen(name), &value) || value.kind != EXTERN_FUNC)
		return NULL;
	return value.as.func;
}

struct memory *instance_export_memory(const struct instance *inst, const char *name)
{
	struct extern_val value;
	if (!instance_export(inst, name, strlen(name), &value) || value.kind != EXTERN_MEMORY)
		return NULL;
	return value.as.memory;
}

const struct module *instance_module(const struct instance *inst)
{
	return inst->module;
}

/* ---- globals ---- */

struct global *global_create(struct store *store, const struct global_type *type, union value init,
                             struct error *err)
{
	struct global *global = arena_zeroed(store->arena, 1, sizeof *global);
	if (global == NULL) {
		no_memory(err);
		return NULL;
	}
	global->type = *type;
	global->value = global->own;
	global->next = store->host_globals;
	store->host_globals = global;
	if (type->type == VAL_V128)
		memcpy(global->own, init.v128, sizeof init.v128);
	else
		global->own->i64 = type->type == VAL_I32 || type->type == VAL_F32 ? init.i32 : init.i64;
	return global;
}

union value global_value(const struct global *global)
{
	union value value;
	memset(&value, 0, sizeof value);
	if (global->type.type == VAL_V128) {
		memcpy(value.v128, global->value, sizeof value.v128);
		return value;
	}
	value.i64 = global->value->i64;
	if (global->type.type == VAL_I32 || global->type.type == VAL_F32)
		value.i64 = global->value->i32;
	return value;
}

const struct global_type *global_type(const struct global *global)
{
	return &global->type;
}
