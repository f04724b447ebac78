#include "tests/fuzz/harness.h"

#include "interp/heap.h"
#include "tests/fuzz/generate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INSTANCES 2
#define CALLBACKS_MAX 3  /* nested in each other */
#define CALLBACKS_ALL 64 /* of a run: each may end in a trap, whose backtrace takes its time */

struct harness {
	struct store *store;
	struct seen *seen;
	struct harness_run *run;
	struct instance *instances[INSTANCES];
	unsigned callbacks;     /* nested ones under way */
	unsigned all_callbacks; /* so far */
	struct func *funcs[16];
	struct memory *memory;
	struct table *table;
	struct global *globals[3];
};

/* ---- what is seen ---- */

static void see(struct seen *seen, uint64_t item)
{
	if (seen->count == seen->room) {
		size_t room = seen->room == 0 ? 256 : seen->room * 2;
		uint64_t *items = realloc(seen->items, room * sizeof *items);
		if (items == NULL)
			abort();
		seen->items = items;
		seen->room = room;
	}
	seen->items[seen->count++] = item;
}

void seen_clear(struct seen *seen)
{
	free(seen->items);
	*seen = (struct seen){0};
}

static uint32_t bits_of_float(float value)
{
	uint32_t bits;
	memcpy(&bits, &value, sizeof bits);
	return value != value ? UINT32_C(0x7fc00000) : bits;
}

static uint64_t bits_of_double(double value)
{
	uint64_t bits;
	memcpy(&bits, &value, sizeof bits);
	return value != value ? UINT64_C(0x7ff8000000000000) : bits;
}

#define REF_DEPTH 4 /* fields of fields that are looked at */

static void see_ref(struct harness *h, valtype type, uint64_t ref, unsigned depth);
static void see_value(struct harness *h, valtype type, const union value *value);

/* Of an object's field or element, which stands in its first bytes. */
static void see_field(struct harness *h, const struct field *field, const unsigned char *at,
                      unsigned depth)
{
	uint64_t word = 0;
	unsigned size = element_size(field);
	if (valtype_is_ref(field->type)) {
		memcpy(&word, at, sizeof word);
		see_ref(h, field->type, word, depth);
		return;
	}
	union value value = {0};
	memcpy(&value, at, size);
	see_value(h, field->packed_bits != 0 ? VAL_I64 : field->type, &value);
}

static void see_object(struct harness *h, const struct object *object, unsigned depth)
{
	const struct type_def *def = &h->store->types.defs[object->type];
	const unsigned char *at = (const unsigned char *)object->slots;
	see(h->seen, object->type);
	see(h->seen, object->length);
	if (def->form == FORM_STRUCT) {
		for (uint32_t i = 0; i < def->field_count; i++) {
			see_field(h, &def->fields[i], at, depth);
			at += valtype_slots(def->fields[i].type) * sizeof(union slot);
		}
		return;
	}
	for (uint32_t i = 0; i < object->length && i < 8; i++)
		see_field(h, &def->fields[0], at + (size_t)i * element_size(&def->fields[0]), depth);
}

static void see_exception(struct harness *h, const struct object *object, unsigned depth)
{
	const struct tag *tag = (const struct tag *)(uintptr_t)object->slots[0].i64;
	const union slot *slot = object->slots + 1;
	for (uint32_t i = 0; i < tag->type->param_count; i++) {
		const struct field field = {.type = h->store->types.types[tag->type_id].params[i]};
		see_field(h, &field, (const unsigned char *)slot, depth);
		slot += valtype_slots(field.type);
	}
}

/* What is referred to, not where it lies. */
static void see_ref(struct harness *h, valtype type, uint64_t ref, unsigned depth)
{
	enum ref_form form = ref_form_of(h->store, type, ref);
	see(h->seen, form);
	switch (form) {
	case REF_FORM_FUNC:
		see(h->seen, ((const struct func *)(uintptr_t)ref)->index);
		break;
	case REF_FORM_EXTERN:
		see(h->seen, ref_host_word(ref));
		break;
	case REF_FORM_I31:
		see(h->seen, (uint32_t)ref_i31_value(ref));
		break;
	case REF_FORM_STRUCT:
	case REF_FORM_ARRAY:
		if (depth > 0)
			see_object(h, (const struct object *)(uintptr_t)(ref & ~ANY_BIT), depth - 1);
		break;
	case REF_FORM_EXN:
		if (depth > 0)
			see_exception(h, (const struct object *)(uintptr_t)ref, depth - 1);
		break;
	default:
		break;
	}
}

static void see_value(struct harness *h, valtype type, const union value *value)
{
	struct seen *seen = h->seen;
	if (valtype_is_ref(type)) {
		see_ref(h, type, value->ref, REF_DEPTH);
		return;
	}
	switch (type) {
	case VAL_I32:
		see(seen, value->i32);
		break;
	case VAL_F32:
		see(seen, bits_of_float(value->f32));
		break;
	case VAL_F64:
		see(seen, bits_of_double(value->f64));
		break;
	case VAL_V128: {
		uint64_t halves[2];
		memcpy(halves, value->v128, sizeof halves);
		see(seen, halves[0]);
		see(seen, halves[1]);
		break;
	}
	default:
		see(seen, value->i64);
		break;
	}
}

/* What is not 0. Most is: without coverage, or it would take more time than the runs. */
__attribute__((no_sanitize("coverage"), noinline)) static void
see_bytes(struct seen *seen, const uint8_t *bytes, uint64_t size)
{
	uint64_t word;
	for (uint64_t at = 0; at < size; at += sizeof word) {
		if (size - at >= sizeof word) {
			memcpy(&word, bytes + at, sizeof word);
		} else {
			word = 0;
			memcpy(&word, bytes + at, size - at);
		}
		if (word != 0) {
			see(seen, at);
			see(seen, word);
		}
	}
}

static void see_trap(struct harness *h, const struct trap_report *report)
{
	struct seen *seen = h->seen;
	bool is_fuel = report->trap == TRAP_FUEL;
	if (is_fuel && h->run->fuel_ended == SIZE_MAX)
		h->run->fuel_ended = seen->count;
	see(seen, report->trap);
	see(seen, report->frames_left_out);
	for (uint32_t i = 0; i < report->frame_count; i++) {
		see(seen, report->frames[i].func);
		see(seen, report->frames[i].offset);
	}
}

/* Of a call. */
static void see_failure(struct harness *h, const struct error *err)
{
	if (err->kind == ERROR_TRAP)
		see_trap(h, store_trap(h->store));
	else
		see(h->seen, err->kind);
	if (err->kind == ERROR_EXIT)
		see(h->seen, store_exit_status(h->store));
}

/* ---- host functions ---- */

static void call_each(struct harness *h, struct instance *inst, uint32_t which);

static void host_nothing(struct host_call *call)
{
	struct harness *h = call->env;
	see(h->seen, 100);
}

static uint32_t host_integers(struct host_call *call, uint32_t a, uint64_t b)
{
	struct harness *h = call->env;
	see(h->seen, a);
	see(h->seen, b);
	return a ^ (uint32_t)b;
}

static double host_floats(struct host_call *call, float a, double b)
{
	struct harness *h = call->env;
	see(h->seen, bits_of_float(a));
	see(h->seen, bits_of_double(b));
	return b - 1;
}

static uint64_t host_reference(struct host_call *call, uint64_t a)
{
	struct harness *h = call->env;
	see_ref(h, VAL_EXTERNREF, a, REF_DEPTH);
	return a == 0 ? 0x1001 : 0;
}

static float host_narrow(struct host_call *call, uint64_t a)
{
	struct harness *h = call->env;
	see(h->seen, a);
	return (float)(int64_t)a;
}

static uint32_t host_back(struct host_call *call, uint32_t which)
{
	struct harness *h = call->env;
	if (h->callbacks < CALLBACKS_MAX && h->all_callbacks < CALLBACKS_ALL && call->caller != NULL) {
		h->callbacks++;
		h->all_callbacks++;
		call_each(h, call->caller, which);
		h->callbacks--;
	}
	return which + 1;
}

static void host_refuse(struct host_call *call, uint32_t a)
{
	if (a % 4 == 1)
		host_fail(call, "refused %u", a);
	else if (a % 4 == 2)
		host_exit(call, a);
}

const struct harness_func harness_funcs[] = {
    {"h0", "_", "()", (void (*)(void))host_nothing},
    {"h1", "iI_i", "(iI)i", (void (*)(void))host_integers},
    {"h2", "fF_F", "(fF)F", (void (*)(void))host_floats},
    {"h3", "r_r", "(r)r", (void (*)(void))host_reference},
    {"h4", "I_f", "(I)f", (void (*)(void))host_narrow},
    {"h5", "i_i", "(i)i", (void (*)(void))host_back},
    {"h6", "i_", "(i)", (void (*)(void))host_refuse},
};
const uint32_t harness_func_count = sizeof harness_funcs / sizeof *harness_funcs;

static bool resolve(void *env, struct store *store, const struct import *import,
                    struct extern_val *out, struct error *err)
{
	struct harness *h = env;
	(void)store;
	(void)err;
	out->kind = import->kind;
	switch (import->kind) {
	case EXTERN_FUNC:
		for (uint32_t i = 0; i < harness_func_count; i++)
			if (name_is(import->name, harness_funcs[i].name))
				out->as.func = h->funcs[i];
		return true;
	case EXTERN_MEMORY:
		out->as.memory = h->memory;
		return true;
	case EXTERN_TABLE:
		out->as.table = h->table;
		return true;
	default:
		out->as.global = h->globals[name_is(import->name, "f32")    ? 1
		                            : name_is(import->name, "v128") ? 2
		                                                            : 0];
		return true;
	}
}

static bool make_imports(struct harness *h, const struct module *module, struct error *err)
{
	for (uint32_t i = 0; i < harness_func_count; i++) {
		h->funcs[i] =
		    host_func_create(h->store, harness_funcs[i].host, harness_funcs[i].fn, h, err);
		if (h->funcs[i] == NULL)
			return false;
	}
	const struct global_type i64 = {VAL_I64, true}, f32 = {VAL_F32, true}, v128 = {VAL_V128, true};
	h->globals[0] = global_create(h->store, &i64, (union value){.i64 = 7}, err);
	h->globals[1] = global_create(h->store, &f32, (union value){.f32 = 1.5f}, err);
	h->globals[2] = global_create(h->store, &v128, (union value){.v128 = {1, 2, 3}}, err);
	if (h->globals[0] == NULL || h->globals[1] == NULL || h->globals[2] == NULL)
		return false;
	for (uint32_t i = 0; i < module->import_count; i++) {
		const struct import *import = &module->imports[i];
		if (import->kind == EXTERN_MEMORY) {
			h->memory = memory_create(h->store, &import->type.memory, err);
			if (h->memory == NULL)
				return false;
		} else if (import->kind == EXTERN_TABLE) {
			h->table = table_create(h->store, &import->type.table, err);
			if (h->table == NULL)
				return false;
		}
	}
	return true;
}

/* ---- runs ---- */

static void argument(union value *value, valtype type, uint32_t round)
{
	static const uint64_t numbers[] = {3, 0xffffffffffffff85, 0x80000000};
	static const double floats[] = {2.5, -1e9, 4294967295.5};
	memset(value, 0, sizeof *value);
	switch (type) {
	case VAL_I32:
		value->i32 = (uint32_t)numbers[round % 3];
		break;
	case VAL_F32:
		value->f32 = (float)floats[round % 3];
		break;
	case VAL_F64:
		value->f64 = floats[round % 3];
		break;
	case VAL_EXTERNREF:
		value->ref = round % 2 == 0 ? 0 : 0x77;
		break;
	default:
		if (!valtype_is_ref(type))
			value->i64 = numbers[round % 3];
		break;
	}
}

static void call_one(struct harness *h, struct func *func, uint32_t round)
{
	const struct functype *type = func_type(func);
	union value args[16], results[16];
	for (uint32_t i = 0; i < type->param_count; i++)
		argument(&args[i], type->params[i], round);
	struct error err = ERROR_INIT;
	if (!func_call(h->store, func, args, results, &err)) {
		see_failure(h, &err);
		return;
	}
	for (uint32_t i = 0; i < type->result_count; i++)
		see_value(h, type->results[i], &results[i]);
}

/* One function when `which` names it, else the first. */
static void call_each(struct harness *h, struct instance *inst, uint32_t which)
{
	char name[16];
	snprintf(name, sizeof name, "f%u", which % 4);
	struct func *func = instance_export_func(inst, name);
	call_one(h, func != NULL ? func : instance_export_func(inst, "f0"), which);
}

static void see_state(struct harness *h, struct instance *inst)
{
	const struct module *m = inst->module;
	for (uint32_t i = 0; i < m->global_count; i++) {
		union value value = global_value(inst->global_refs[i]);
		see_value(h, m->globals[i].type.type, &value);
	}
	for (uint32_t i = 0; i < m->table_count; i++) {
		const struct table *table = inst->tables[i];
		see(h->seen, table->size);
		for (uint64_t j = 0; j < table->size; j++) {
			union value value = {.ref = table->elements[j]};
			see_value(h, table->type.element, &value);
		}
	}
	for (uint32_t i = 0; i < m->memory_count; i++) {
		uint64_t size = memory_size(inst->memories[i]);
		see(h->seen, size);
		see_bytes(h->seen, memory_base(inst->memories[i]), size);
	}
}

static void refuel(struct instance *inst, uint32_t guest_fuel)
{
	struct extern_val fuel;
	if (instance_export(inst, FUEL_GLOBAL, strlen(FUEL_GLOBAL), &fuel))
		fuel.as.global->value->i64 = guest_fuel;
}

static bool run_all(struct harness *h, const struct module *module, struct error *err)
{
	uint32_t calls = h->run->calls == 0 ? UINT32_MAX : h->run->calls;
	for (unsigned i = 0; i < INSTANCES; i++) {
		h->instances[i] = instance_create(h->store, module, resolve, h, err);
		if (h->instances[i] != NULL)
			continue;
		bool by_start = module->has_start && (err->kind == ERROR_TRAP || err->kind == ERROR_EXIT);
		if (!by_start)
			return false;
		see_failure(h, err);
		error_clear(err);
	}
	for (unsigned i = 0; i < INSTANCES; i++) {
		for (uint32_t f = 0; f < calls && h->instances[i] != NULL; f++) {
			char name[16];
			snprintf(name, sizeof name, "f%u", f);
			struct func *func = instance_export_func(h->instances[i], name);
			if (func == NULL)
				break;
			refuel(h->instances[i], h->run->guest_fuel);
			call_one(h, func, f + i);
		}
	}
	for (unsigned i = 0; i < INSTANCES; i++)
		if (h->instances[i] != NULL)
			see_state(h, h->instances[i]);
	return true;
}

bool harness_run(struct harness_run *run, struct error *err)
{
	struct harness h = {.seen = &run->seen, .run = run};
	const struct module *module = run->module;
	bool needs_sync = false;
	run->fuel_ended = SIZE_MAX;
	h.store = store_create(&run->options, err);
	if (h.store == NULL)
		return false;
	if (run->image != NULL)
		store_use_image(h.store, module, run->image);
	bool fine = make_imports(&h, module, err) && run_all(&h, module, err) &&
	            (run->source == NULL ||
	             image_write(run->image_to, h.store, module, run->source, &needs_sync, err));
	run->fuel_left = store_fuel_left(h.store);
	store_destroy(h.store);
	return fine;
}
