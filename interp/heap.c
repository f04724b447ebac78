#include "interp/heap.h"

#include "interp/lower.h"

#include <stdlib.h>
#include <string.h>

/* Small objects share blocks of one size class; large ones have a block of their own. A block's
 * bits say which of its cells are in use and which are marked. */
#define BLOCK_BYTES ((size_t)32 << 10)
#define GRANULE 16
#define SMALL_MAX 512
#define SIZE_CLASSES (SMALL_MAX / GRANULE)
#define CELLS_MAX (BLOCK_BYTES / GRANULE)

struct block {
	struct block *next; /* of its class, or of the large ones */
	uint32_t cell_size;
	uint32_t cell_count;
	uint32_t hint;  /* no free cell below this one */
	uint64_t bytes; /* charged to the store */
	uint64_t used[CELLS_MAX / 64];
	uint64_t marked[CELLS_MAX / 64];
	_Alignas(GRANULE) unsigned char cells[];
};

struct heap {
	struct block *classes[SIZE_CLASSES];
	struct block *current[SIZE_CLASSES]; /* where the next allocation looks first */
	struct block *large;
	uint64_t bytes;            /* of all blocks */
	uint64_t since_collection; /* bytes allocated */
	uint64_t threshold;        /* collect when that many were */
	/* Blocks by address, sorted, made anew for every collection: marking must find an object's
	 * block. */
	struct block **index;
	size_t index_count;
	uint64_t *pending; /* objects to scan */
	size_t pending_count;
	size_t pending_room;
	bool overflow; /* pending could not grow: scan all marked objects again */
};

#define FIRST_THRESHOLD ((uint64_t)4 << 20)

struct heap *heap_create(struct store *store)
{
	struct heap *heap = arena_zeroed(store->arena, 1, sizeof *heap);
	if (heap != NULL)
		heap->threshold = FIRST_THRESHOLD;
	return heap;
}

static void free_list(struct block *block)
{
	while (block != NULL) {
		struct block *next = block->next;
		mem_free(block);
		block = next;
	}
}

void heap_destroy(struct heap *heap)
{
	if (heap == NULL)
		return;
	for (unsigned i = 0; i < SIZE_CLASSES; i++)
		free_list(heap->classes[i]);
	free_list(heap->large);
	mem_free(heap->pending);
	mem_free(heap->index);
}

/* ---- allocation ---- */

static bool bit(const uint64_t *bits, uint32_t i)
{
	return bits[i / 64] >> (i % 64) & 1;
}

static void set_bit(uint64_t *bits, uint32_t i)
{
	bits[i / 64] |= UINT64_C(1) << (i % 64);
}

/* The limit is for memories and heap together; its default, for the heap alone. */
static bool has_room(const struct store *store, uint64_t bytes)
{
	uint64_t limit = store->options.memory_limit;
	return limit != 0 ? bytes <= limit - store->memory_bytes
	                  : bytes <= INTERP_HEAP_LIMIT_DEFAULT - store->heap->bytes;
}

static struct block *new_block(struct store *store, uint32_t cell_size, uint32_t count)
{
	uint64_t bytes = sizeof(struct block) + (uint64_t)cell_size * count;
	if (!has_room(store, bytes)) {
		store->memory_limit_reached = true;
		return NULL;
	}
	struct block *block = mem_zeroed(1, bytes);
	if (block == NULL)
		return NULL;
	block->cell_size = cell_size;
	block->cell_count = count;
	block->bytes = bytes;
	store->memory_bytes += bytes;
	store->heap->bytes += bytes;
	return block;
}

static struct object *take_cell(struct block *block)
{
	for (uint32_t i = block->hint; i < block->cell_count; i++) {
		uint64_t free = ~block->used[i / 64] >> (i % 64);
		if (free == 0) {
			i |= 63;
			continue;
		}
		i += (uint32_t)__builtin_ctzll(free);
		if (i >= block->cell_count)
			break;
		set_bit(block->used, i);
		block->hint = i + 1;
		void *cell = block->cells + (size_t)i * block->cell_size;
		return memset(cell, 0, block->cell_size);
	}
	block->hint = block->cell_count;
	return NULL;
}

static struct object *allocate_small(struct store *store, uint64_t size)
{
	struct heap *heap = store->heap;
	unsigned class = (unsigned)((size - 1) / GRANULE);
	for (struct block *block = heap->current[class]; block != NULL; block = block->next) {
		struct object *object = take_cell(block);
		if (object != NULL) {
			heap->current[class] = block;
			return object;
		}
	}
	uint32_t cell_size = (class + 1) * GRANULE;
	struct block *block = new_block(store, cell_size, (uint32_t)(BLOCK_BYTES / cell_size));
	if (block == NULL)
		return NULL;
	block->next = heap->classes[class];
	heap->classes[class] = heap->current[class] = block;
	return take_cell(block);
}

static struct object *allocate_large(struct store *store, uint64_t size)
{
	struct heap *heap = store->heap;
	if (size > UINT32_MAX - GRANULE)
		return NULL;
	struct block *block = new_block(store, (uint32_t)size, 1);
	if (block == NULL)
		return NULL;
	block->next = heap->large;
	heap->large = block;
	/* Its cell is zero already: pages that nobody has touched stay so. */
	set_bit(block->used, 0);
	return (struct object *)block->cells;
}

static void collect(struct store *store);

struct object *heap_allocate(struct store *store, uint32_t type, uint32_t length, uint64_t size)
{
	struct heap *heap = store->heap;
	size += sizeof(struct object);
	if (heap->since_collection + size > heap->threshold || store->options.collect_always)
		collect(store);
	struct object *object = NULL;
	bool limit_was_reached = store->memory_limit_reached;
	for (unsigned try = 0; try < 2 && object == NULL; try++) {
		if (try == 1)
			collect(store);
		object = size <= SMALL_MAX ? allocate_small(store, size) : allocate_large(store, size);
	}
	if (object == NULL)
		return NULL;
	/* A collection made room. */
	store->memory_limit_reached = limit_was_reached;
	heap->since_collection += size;
	object->type = type;
	object->length = length;
	return object;
}

/* ---- marking ---- */

enum ref_kind ref_kind_of(const struct type_def *defs, valtype type)
{
	if (!valtype_is_ref(type))
		return REF_NONE;
	valtype heap = type & HEAP_MASK;
	if (heap_is_index(heap))
		return defs[heap].form == FORM_FUNC ? REF_NONE : REF_OBJECT;
	switch (heap) {
	case HEAP_FUNC:
	case HEAP_NOFUNC:
		return REF_NONE;
	case HEAP_EXTERN:
	case HEAP_NOEXTERN:
		return REF_EXTERN;
	default:
		return REF_OBJECT;
	}
}

static int compare_blocks(const void *a, const void *b)
{
	const struct block *const *x = a;
	const struct block *const *y = b;
	return (uintptr_t)*x < (uintptr_t)*y ? -1 : *x != *y;
}

static bool index_blocks(struct heap *heap)
{
	size_t count = 0;
	for (unsigned i = 0; i <= SIZE_CLASSES; i++)
		for (struct block *block = i < SIZE_CLASSES ? heap->classes[i] : heap->large; block != NULL;
		     block = block->next)
			count++;
	struct block **index = mem_resize(heap->index, (count + 1) * sizeof(*index));
	if (index == NULL)
		return false;
	heap->index = index;
	heap->index_count = 0;
	for (unsigned i = 0; i <= SIZE_CLASSES; i++) {
		for (struct block *block = i < SIZE_CLASSES ? heap->classes[i] : heap->large; block != NULL;
		     block = block->next) {
			memset(block->marked, 0, sizeof block->marked);
			index[heap->index_count++] = block;
		}
	}
	qsort(index, count, sizeof(*index), compare_blocks);
	return true;
}

static struct block *block_of(const struct heap *heap, uintptr_t address)
{
	size_t low = 0, high = heap->index_count;
	while (high - low > 1) {
		size_t middle = (low + high) / 2;
		if ((uintptr_t)heap->index[middle] <= address)
			low = middle;
		else
			high = middle;
	}
	return heap->index[low];
}

static void mark_object(struct heap *heap, uint64_t word)
{
	uintptr_t address = (uintptr_t)word;
	struct block *block = block_of(heap, address);
	uint32_t cell = (uint32_t)((address - (uintptr_t)block->cells) / block->cell_size);
	if (bit(block->marked, cell))
		return;
	set_bit(block->marked, cell);
	if (heap->pending_count == heap->pending_room) {
		size_t room = heap->pending_room == 0 ? 1024 : heap->pending_room * 2;
		uint64_t *pending = mem_resize(heap->pending, room * sizeof *pending);
		if (pending == NULL) {
			heap->overflow = true;
			return;
		}
		heap->pending = pending;
		heap->pending_room = room;
	}
	heap->pending[heap->pending_count++] = word;
}

static void mark_word(struct heap *heap, enum ref_kind kind, uint64_t word)
{
	if (kind == REF_EXTERN)
		word = word & ANY_BIT ? word & ~ANY_BIT : 0;
	if (kind == REF_NONE || word == 0 || (word & HOST_BIT) || (word & I31_BIT))
		return;
	mark_object(heap, word);
}

static void scan_fields(struct heap *heap, const struct type_def *defs, const struct field *fields,
                        uint32_t count, const union slot *slots)
{
	for (uint32_t i = 0; i < count; i++) {
		mark_word(heap, ref_kind_of(defs, fields[i].type), slots->i64);
		slots += valtype_slots(fields[i].type);
	}
}

static void scan_object(struct store *store, const struct object *object)
{
	struct heap *heap = store->heap;
	const struct type_def *defs = store->types.defs;
	if (object->type == OBJECT_EXCEPTION) {
		const struct tag *tag = (const struct tag *)(uintptr_t)object->slots[0].i64;
		const union slot *slots = object->slots + 1;
		const struct functype *type = &store->types.types[tag->type_id];
		for (uint32_t i = 0; i < type->param_count; i++) {
			mark_word(heap, ref_kind_of(defs, type->params[i]), slots->i64);
			slots += valtype_slots(type->params[i]);
		}
		return;
	}
	const struct type_def *def = &defs[object->type];
	if (def->form == FORM_STRUCT) {
		scan_fields(heap, defs, def->fields, def->field_count, object->slots);
		return;
	}
	enum ref_kind kind = ref_kind_of(defs, def->fields[0].type);
	for (uint32_t i = 0; kind != REF_NONE && i < object->length; i++)
		mark_word(heap, kind, object->slots[i].i64);
}

static void drain(struct store *store)
{
	struct heap *heap = store->heap;
	while (heap->pending_count > 0) {
		uint64_t word = heap->pending[--heap->pending_count];
		scan_object(store, (const struct object *)(uintptr_t)word);
	}
}

/* Without memory for the list: all marked objects are scanned until nothing new is marked. */
static void drain_overflow(struct store *store)
{
	struct heap *heap = store->heap;
	while (heap->overflow) {
		heap->overflow = false;
		for (size_t i = 0; i < heap->index_count; i++) {
			struct block *block = heap->index[i];
			for (uint32_t cell = 0; cell < block->cell_count; cell++) {
				if (!bit(block->marked, cell))
					continue;
				scan_object(
				    store, (const struct object *)(block->cells + (size_t)cell * block->cell_size));
				drain(store);
			}
		}
	}
}

/* ---- roots ---- */

static void mark_instances(struct store *store)
{
	struct heap *heap = store->heap;
	const struct type_def *defs = store->types.defs;
	for (const struct instance *inst = store->instances; inst != NULL; inst = inst->next) {
		const struct module *m = inst->module;
		const uint32_t globals = inst->global_refs != NULL ? m->global_count : 0;
		for (uint32_t i = m->imported_global_count; i < globals; i++) {
			const struct global *global = inst->global_refs[i];
			if (global != NULL)
				mark_word(heap, ref_kind_of(defs, global->type.type), global->value->i64);
		}
		for (uint32_t i = 0; i < m->elem_count && inst->elem_values != NULL; i++) {
			enum ref_kind kind = ref_kind_of(m->defs, m->elems[i].type);
			for (uint32_t j = 0; inst->elem_values[i] != NULL && j < m->elems[i].count; j++)
				mark_word(heap, kind, inst->elem_values[i][j]);
		}
	}
	for (const struct global *global = store->host_globals; global != NULL; global = global->next)
		mark_word(heap, ref_kind_of(defs, global->type.type), global->value->i64);
	for (const struct table *table = store->tables; table != NULL; table = table->next) {
		enum ref_kind kind = ref_kind_of(defs, table->type.element);
		for (uint64_t i = 0; kind != REF_NONE && i < table->size; i++)
			mark_word(heap, kind, table->elements[i]);
	}
	if (store->pending != NULL)
		mark_object(heap, (uint64_t)(uintptr_t)store->pending);
	for (const struct heap_guard *guard = store->guards; guard != NULL; guard = guard->outer)
		for (uint32_t i = 0; i < *guard->count; i++)
			mark_word(heap, (enum ref_kind)guard->kinds[i], guard->slots[i].i64);
}

/* The first reference that stands at the cell or behind it. */
static uint32_t first_at(const struct frame_maps *maps, uint32_t cell)
{
	uint32_t low = maps->always_count, high = maps->count;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (maps->refs[middle].cell < cell)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool mark_frames(struct store *store)
{
	struct heap *heap = store->heap;
	struct frame_walk walk;
	for (frame_walk_start(&walk, store, store->safe_pc, store->safe_fp); walk.pc != NULL;
	     frame_walk_next(&walk)) {
		if (walk.code == NULL) {
			/* A host function's arguments. */
			const struct functype *type = walk.host_type;
			const union slot *slots = walk.fp;
			for (uint32_t i = 0; i < type->param_count; i++) {
				mark_word(heap, ref_kind_of(store->types.defs, type->params[i]), slots->i64);
				slots += valtype_slots(type->params[i]);
			}
			continue;
		}
		const struct frame_maps *maps = code_frame_maps(walk.code, walk.index);
		if (maps == NULL)
			return false;
		uint32_t at = (uint32_t)(walk.pc - walk.code->cells) - walk.code->entries[walk.index];
		uint32_t i = 0;
		for (; i < maps->always_count; i++)
			mark_word(heap, (enum ref_kind)maps->refs[i].kind, walk.fp[maps->refs[i].slot].i64);
		for (i = first_at(maps, at); i < maps->count && maps->refs[i].cell == at; i++)
			mark_word(heap, (enum ref_kind)maps->refs[i].kind, walk.fp[maps->refs[i].slot].i64);
	}
	return true;
}

/* ---- sweeping ---- */

static uint64_t sweep_list(struct store *store, struct block **list)
{
	uint64_t live = 0;
	while (*list != NULL) {
		struct block *block = *list;
		uint64_t cells = 0;
		for (size_t i = 0; i < CELLS_MAX / 64; i++) {
			block->used[i] = block->marked[i];
			cells += (uint64_t)__builtin_popcountll(block->used[i]);
		}
		block->hint = 0;
		if (cells == 0) {
			*list = block->next;
			store->memory_bytes -= block->bytes;
			store->heap->bytes -= block->bytes;
			mem_free(block);
			continue;
		}
		live += cells * block->cell_size;
		list = &block->next;
	}
	return live;
}

static void collect(struct store *store)
{
	struct heap *heap = store->heap;
	/* A collection that cannot even list its blocks is put off; the limit still holds. */
	if (!index_blocks(heap))
		return;
	heap->pending_count = 0;
	heap->overflow = false;
	if (heap->index_count > 0) {
		mark_instances(store);
		if (!mark_frames(store))
			return;
		drain(store);
		drain_overflow(store);
	}
	uint64_t live = sweep_list(store, &heap->large);
	for (unsigned i = 0; i < SIZE_CLASSES; i++) {
		live += sweep_list(store, &heap->classes[i]);
		heap->current[i] = heap->classes[i];
	}
	heap->since_collection = 0;
	heap->threshold = live > FIRST_THRESHOLD ? live : FIRST_THRESHOLD;
}

/* ---- questions ---- */

enum ref_form ref_form_of(const struct store *store, valtype type, uint64_t ref)
{
	valtype heap = type & HEAP_MASK;
	if (ref == 0)
		return REF_FORM_NULL;
	if (heap == HEAP_EXN || heap == HEAP_NOEXN)
		return REF_FORM_EXN;
	if (heap == HEAP_EXTERN || heap == HEAP_NOEXTERN) {
		if (!(ref & ANY_BIT))
			return REF_FORM_EXTERN;
		ref &= ~ANY_BIT;
	} else if (ref_kind_of(store->types.defs, type) == REF_NONE) {
		return REF_FORM_FUNC;
	}
	if (ref & HOST_BIT)
		return REF_FORM_EXTERN;
	if (ref & I31_BIT)
		return REF_FORM_I31;
	const struct object *object = (const struct object *)(uintptr_t)ref;
	return store->types.defs[object->type].form == FORM_STRUCT ? REF_FORM_STRUCT : REF_FORM_ARRAY;
}

uint64_t ref_host_word(uint64_t ref)
{
	return ref & ~(HOST_BIT | ANY_BIT);
}

int32_t ref_i31_value(uint64_t ref)
{
	return (int32_t)((uint32_t)(ref >> 1) << 1) >> 1;
}

uint64_t ref_from_host(uint64_t word)
{
	return word | HOST_BIT;
}

/* ---- casts ---- */

/* What an any word is, as the smallest type that says so. */
static bool any_matches(struct instance *inst, uint64_t word, valtype heap)
{
	if (word & HOST_BIT)
		return heap == HEAP_ANY;
	if (word & I31_BIT)
		return heap == HEAP_I31 || heap == HEAP_EQ || heap == HEAP_ANY;
	const struct store *store = inst->store;
	const struct object *object = (const struct object *)(uintptr_t)word;
	if (heap_is_index(heap))
		return store_is_subtype(store, object->type, inst->type_ids[heap]);
	enum type_form form = store->types.defs[object->type].form;
	switch (heap) {
	case HEAP_STRUCT:
		return form == FORM_STRUCT;
	case HEAP_ARRAY:
		return form == FORM_ARRAY;
	default:
		return heap == HEAP_EQ || heap == HEAP_ANY;
	}
}

bool ref_matches(struct instance *inst, uint64_t word, valtype target)
{
	valtype heap = target & HEAP_MASK;
	if (heap_is_index(heap) && inst->module->defs[heap].form == FORM_FUNC) {
		const struct func *func = (const struct func *)(uintptr_t)word;
		return store_is_subtype(inst->store, func->type_id, inst->type_ids[heap]);
	}
	switch (heap) {
	case HEAP_FUNC:
	case HEAP_EXTERN:
	case HEAP_EXN:
		return true;
	case HEAP_NOFUNC:
	case HEAP_NOEXTERN:
	case HEAP_NOEXN:
	case HEAP_NONE:
		return false;
	default:
		return any_matches(inst, word, heap);
	}
}
