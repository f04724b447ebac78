/* The store: what everything at run time belongs to. */
#include "interp/dispatch.h"
#include "interp/heap.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

/* Both stacks, and before them the first memory where that is known to be guarded (memory.c), in
 * one piece of address space, which spares system calls:
 *
 *     | memory 0, or nothing | guard | ← native stack | frame stack → | guard |
 *
 * The two begin in the middle of a page, which is the only one that a short run touches of them.
 * What overruns either stack meets a guard, not what happens to lie behind it. */
static bool reserve_stacks(struct store *store, size_t memory, struct error *err)
{
	const size_t page = 4096, half = page / 2;
	size_t size = store->options.stack_size != 0 ? store->options.stack_size : INTERP_STACK_DEFAULT;
	if (size > INTERP_STACK_MAX)
		return error_set(err, ERROR_LIMIT,
		                 "a stack of %zu bytes is more than the %zu that one may have", size,
		                 INTERP_STACK_MAX);
	size = (size + page - 1) / page * page + half;
	size_t native = size * NATIVE_PER_FRAME_BYTE + 2 * NATIVE_HEADROOM + half;
	size_t whole = memory + STACK_GUARD + native + size + STACK_GUARD;
	uint8_t *at = mmap(NULL, whole, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (at == MAP_FAILED)
		return error_set_errno(err, errno, "cannot reserve %zu KiB for the stacks", whole >> 10);
	if (mprotect(at + memory + STACK_GUARD, native + size, PROT_READ | PROT_WRITE) != 0) {
		error_set_errno(err, errno, "cannot make %zu KiB for the stacks usable",
		                (native + size) >> 10);
		munmap(at, whole);
		return false;
	}
	store->reserved = at;
	store->reserved_size = whole;
	store->memory_ready = memory != 0 ? at : NULL;
	store->native_stack = at + memory;
	store->native_size = STACK_GUARD + native;
	store->stack = store->native_stack + store->native_size;
	store->stack_size = size;
	store->stack_top = (union slot *)store->stack;
	return true;
}

_Static_assert(NATIVE_PER_FRAME_BYTE % 2 == 0, "both stacks together are whole pages");

bool store_make_stacks(struct store *store, const struct module *first, struct error *err)
{
	struct error short_space = ERROR_INIT;
	if (store->reserved != NULL)
		return true;
	bool has_memory = first != NULL && first->memory_count > first->imported_memory_count &&
	                  memory_can_be_guarded(&first->memories[first->imported_memory_count], store);
	/* Where address space is short the memory looks for less by itself. */
	return (has_memory && reserve_stacks(store, MEMORY_GUARDED_RESERVATION, &short_space)) ||
	       reserve_stacks(store, 0, err);
}

struct store *store_create(const struct store_options *options, struct error *err)
{
	struct arena *arena = arena_create();
	struct store *store = arena == NULL ? NULL : arena_zeroed(arena, 1, sizeof *store);
	if (store == NULL) {
		arena_destroy(arena);
		error_set(err, ERROR_NO_MEMORY, "out of memory");
		return NULL;
	}
	store->arena = arena;
	type_space_init(&store->types, arena);
	if (options != NULL)
		store->options = *options;
	if (store->options.fuel > INT64_MAX)
		store->options.fuel = INT64_MAX;
	store->fuel = (int64_t)store->options.fuel;
	if (store->options.table_limit == 0)
		store->options.table_limit = INTERP_TABLE_LIMIT_DEFAULT;
	if (!trap_handlers_install(err)) {
		store_destroy(store);
		return NULL;
	}
	exec_handlers();
	store->heap = heap_create(store);
	if (store->heap == NULL) {
		store_destroy(store);
		error_set(err, ERROR_NO_MEMORY, "out of memory");
		return NULL;
	}
	return store;
}

void store_destroy(struct store *store)
{
	if (store == NULL)
		return;
	for (struct code *code = store->codes; code != NULL; code = code->next)
		code_destroy(code);
	for (struct memory *memory = store->memories; memory != NULL; memory = memory->next)
		memory_clear(memory);
	for (struct table *table = store->tables; table != NULL; table = table->next)
		table_clear(table);
	for (struct instance *inst = store->instances; inst != NULL; inst = inst->next)
		instance_clear(inst);
	stack_end(&store->native_own, store->native_stack, store->native_size);
	if (store->reserved != NULL)
		munmap(store->reserved, store->reserved_size);
	store_lowering_clear(store);
	heap_destroy(store->heap);
	type_space_clear(&store->types);
	arena_destroy(store->arena);
}

/* Is it the type of that id, which is alone in its group and has no supertype? */
static bool is_type(const struct type_space *space, uint32_t id, const struct functype *type)
{
	if (id >= space->count)
		return false;
	const struct type_def *def = &space->defs[id];
	const struct functype *known = &space->types[id];
	size_t count = (size_t)type->param_count + type->result_count;
	return def->form == FORM_FUNC && def->is_final && def->super == TYPE_NONE &&
	       def->group_size == 1 && known->param_count == type->param_count &&
	       known->result_count == type->result_count &&
	       (count == 0 || memcmp(known->params, type->params, count * sizeof *type->params) == 0);
}

bool store_intern_type(struct store *store, const struct functype *type, uint32_t *id,
                       struct error *err)
{
	if (is_type(&store->types, store->likely_type, type)) {
		*id = store->likely_type;
		return true;
	}
	struct type_def def = {
	    .form = FORM_FUNC, .is_final = true, .super = TYPE_NONE, .group_size = 1};
	return type_space_add(&store->types, &def, type, 0, 1, id, err);
}

valtype store_valtype(const struct instance *inst, valtype type)
{
	if (!valtype_is_ref(type) || !heap_is_index(type))
		return type;
	return (type & ~HEAP_MASK) | inst->type_ids[type & HEAP_MASK];
}

uint64_t store_fuel_left(const struct store *store)
{
	int64_t fuel = store == trap_active_store ? fuel_left : store->fuel;
	return fuel < 0 ? 0 : (uint64_t)fuel;
}

const struct trap_report *store_trap(const struct store *store)
{
	return &store->report;
}

bool store_memory_limit_reached(const struct store *store)
{
	return store->memory_limit_reached;
}

uint32_t store_exit_status(const struct store *store)
{
	return store->exit_status;
}
