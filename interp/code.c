/* Lowered code of a module: one reservation of cells, filled function by function. */
#include "interp/image_format.h"
#include "interp/lower.h"
#include "validator/hints.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Real modules need about 0.4 cells for a byte of body; hostile ones run into this bound, which
 * costs address space only. */
#define CELLS_PER_BODY_BYTE 2
#define CELLS_EXTRA 4096

unsigned image_mode(const struct store_options *options)
{
	return (unsigned)options->unfolded << 1 | (unsigned)options->checked_memory << 2 |
	       (unsigned)(options->fuel != 0) << 3;
}

uint64_t code_flags(const struct store *store, bool checked)
{
	return (uint64_t)checked | image_mode(&store->options);
}

uint64_t code_room(const struct module *module)
{
	uint64_t functions = module->func_count - module->imported_func_count;
	uint64_t bytes = 0;
	for (uint32_t i = module->imported_func_count; i < module->func_count; i++)
		bytes += module->funcs[i].body_size;
	uint64_t room = bytes * CELLS_PER_BODY_BYTE + functions + CELLS_EXTRA;
	return room < UINT32_MAX ? room : UINT32_MAX;
}

static bool has_entries_of_image(const struct code *code)
{
	return code->image != NULL && code->image->header.is_complete;
}

static void free_tables(struct code *code)
{
	if (!has_entries_of_image(code))
		mem_free(code->entries);
	mem_free(code->order);
	mem_free(code->hints);
	mem_free(code->maps);
	mem_free(code->tries);
}

static int32_t distance_of(const void *const *handlers, enum op op)
{
	return (int32_t)((const char *)handlers[op] - exec_base());
}

struct cell code_lazy_cell(void)
{
	return (struct cell){.handler = distance_of(exec_handlers(), OP_lazy)};
}

static bool make_entries(struct code *code, struct error *err)
{
	uint32_t functions = code->module->func_count - code->module->imported_func_count;
	code->entries = mem_zeroed(functions + (size_t)1, sizeof *code->entries);
	return code->entries != NULL || error_set(err, ERROR_NO_MEMORY, "out of memory");
}

/* Cells of its own. Cell 0 is where every function starts that is not lowered. */
static bool reserve_cells(struct code *code, struct error *err)
{
	uint64_t room = code_room(code->module);
	if (!make_entries(code, err))
		return false;
	void *cells = mmap(NULL, room * sizeof(struct cell), PROT_READ | PROT_WRITE,
	                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (cells == MAP_FAILED)
		return error_set_errno(err, errno, "cannot reserve %llu MiB of address space for code",
		                       (unsigned long long)(room * sizeof(struct cell) >> 20));
	code->cells = cells;
	code->cells[0] = code_lazy_cell();
	code->count = 1;
	code->room = (uint32_t)room;
	return true;
}

/* Without memory for them the code is as good, only slower. */
static void find_hints(struct code *code)
{
	uint32_t functions = code->module->func_count - code->module->imported_func_count;
	if (code->module->custom_count == 0 || functions == 0)
		return;
	code->hints = mem_alloc(functions * sizeof *code->hints);
	if (code->hints != NULL && !branch_hints_index(code->module, code->hints)) {
		mem_free(code->hints);
		code->hints = NULL;
	}
}

/* Is the store's image one of this code, and are there cells of it that no other store has? */
static bool image_fits(const struct store *store, const struct code *code)
{
	const struct image *image = store->image;
	uint32_t functions = code->module->func_count - code->module->imported_func_count;
	return image != NULL && store->image_module == code->module &&
	       (image->is_shared || !atomic_load(&image->is_taken)) &&
	       image->header.code_flags == code_flags(store, code->checked) &&
	       image->header.functions == functions;
}

/* By index, of what the image has. */
static bool take_entries(struct code *code, struct error *err)
{
	if (has_entries_of_image(code)) {
		code->entries = image_section(code->image, IMAGE_ENTRIES);
		return true;
	}
	const uint32_t *order = image_section(code->image, IMAGE_ORDER);
	const uint32_t *from = image_section(code->image, IMAGE_ENTRIES);
	uint64_t count = code->image->header.sections[IMAGE_ORDER].count;
	if (!make_entries(code, err))
		return false;
	for (uint64_t i = 0; i < count; i++)
		code->entries[order[i]] = from[i];
	return true;
}

static bool take_tries(struct code *code, struct error *err)
{
	const struct image *image = code->image;
	const struct image_try *from = image_section(image, IMAGE_TRIES);
	uint64_t count = image->header.sections[IMAGE_TRIES].count;
	struct try_table *tries = arena_zeroed(code->store->arena, count, sizeof *tries);
	if (tries == NULL)
		return error_set(err, ERROR_NO_MEMORY, "out of memory");
	for (uint64_t i = 0; i < count; i++) {
		tries[i] = (struct try_table){
		    .range_count = from[i].range_count,
		    .clause_count = from[i].clause_count,
		    .ranges = (struct try_range *)image_section(image, IMAGE_RANGES) + from[i].first_range,
		    .clauses =
		        (struct try_clause *)image_section(image, IMAGE_CLAUSES) + from[i].first_clause,
		    .is_in_image = true,
		};
		code->tries[from[i].func] = &tries[i];
	}
	return true;
}

/* The image's cells for this store alone: another may be interrupted. NULL: there are none. */
static struct cell *take_cells(struct code *code, struct image *image)
{
	struct cell *cells = image_section(image, IMAGE_CELLS);
	if (!atomic_exchange(&image->is_taken, true))
		return cells;
	if (!image->is_shared)
		return NULL;
	/* The size of 0 maps the same once more. */
	uint64_t size = image->header.sections[IMAGE_CELLS].count * sizeof(struct cell);
	void *again = mremap(cells, 0, size, MREMAP_MAYMOVE);
	/* The protection is copied too, and the other store may be interrupted. */
	if (again != MAP_FAILED && mprotect(again, size, PROT_READ) != 0) {
		munmap(again, size);
		again = MAP_FAILED;
	}
	code->has_own_cells = again != MAP_FAILED;
	return code->has_own_cells ? again : NULL;
}

static void give_cells_back(struct code *code)
{
	size_t size = code->room * sizeof(struct cell);
	if (code->image == NULL || code->has_own_cells) {
		munmap(code->cells, size);
	} else if (code->image->header.is_complete) {
		bool fine =
		    !atomic_load(&code->store->interrupted) || mprotect(code->cells, size, PROT_READ) == 0;
		atomic_store(&code->image->is_taken, !fine);
	}
}

static bool take_image(struct code *code, struct error *err)
{
	struct image *image = code->store->image;
	code->cells = take_cells(code, image);
	if (code->cells == NULL)
		return reserve_cells(code, err);
	code->image = image;
	code->count = (uint32_t)image->header.sections[IMAGE_CELLS].count;
	/* What is mapped: behind a complete one stands nothing. */
	code->room = image->header.is_complete ? code->count : (uint32_t)image->header.cell_room;
	if (take_entries(code, err) && take_tries(code, err))
		return true;
	give_cells_back(code);
	if (!code->has_own_cells)
		atomic_store(&image->is_taken, false);
	return false;
}

struct code *code_find_or_create(struct store *store, const struct module *module, bool checked,
                                 struct error *err)
{
	for (struct code *code = store->codes; code != NULL; code = code->next)
		if (code->module == module && code->checked == checked)
			return code;

	uint32_t functions = module->func_count - module->imported_func_count;
	struct code *code = arena_zeroed(store->arena, 1, sizeof *code);
	if (code == NULL) {
		error_set(err, ERROR_NO_MEMORY, "out of memory");
		return NULL;
	}
	*code = (struct code){
	    .next = store->codes,
	    .module = module,
	    .checked = checked,
	    .store = store,
	    .order = mem_zeroed(functions + (size_t)1, sizeof(*code->order)),
	    .maps = mem_zeroed(functions + (size_t)1, sizeof(*code->maps)),
	    .tries = mem_zeroed(functions + (size_t)1, sizeof(*code->tries)),
	};
	bool fine = code->order != NULL && code->maps != NULL && code->tries != NULL
	                ? (image_fits(store, code) ? take_image(code, err) : reserve_cells(code, err))
	                : error_set(err, ERROR_NO_MEMORY, "out of memory");
	if (!fine) {
		free_tables(code);
		return NULL;
	}
	find_hints(code);
	store->codes = code;
	return code;
}

void code_destroy(struct code *code)
{
	uint32_t functions = code->module->func_count - code->module->imported_func_count;
	give_cells_back(code);
	for (uint32_t i = 0; i < functions; i++) {
		if (code->maps[i] != NULL)
			mem_free(code->maps[i]);
		if (code->tries[i] != NULL && !code->tries[i]->is_in_image) {
			mem_free(code->tries[i]->ranges);
			mem_free(code->tries[i]->clauses);
			mem_free(code->tries[i]);
		}
	}
	free_tables(code);
}

/* Cells behind this one that hold data. */
static uint32_t data_rows(const struct cell *cell, enum op op)
{
	switch (op) {
	case OP_table_jump_s:
	case OP_table_jump_a:
	case OP_table_jump_load8:
		return (cell->c + 4) / 4;
	case OP_return_call:
	case OP_return_call_import:
	case OP_return_call_indirect_s:
	case OP_return_call_indirect_a:
	case OP_return_call_ref_s:
	case OP_return_call_ref_a:
		return TAIL_ROW;
	default:
		return op_data_cells[op];
	}
}

/* Copies draft cells into place, with the handlers' distances for the ops. */
static void place(struct code *code, const struct lowering *l)
{
	const void *const *handlers = exec_handlers();
	const char *base = exec_base();
	struct cell *to = code->cells + code->count;
	for (uint32_t i = 0; i < l->cell_count; i++) {
		enum op op = (enum op)l->cells[i].handler;
		to[i] = l->cells[i];
		to[i].handler = (int32_t)((const char *)handlers[op] - base);
		uint32_t rows = data_rows(&l->cells[i], op);
		if (rows > 0) {
			memcpy(&to[i + 1], &l->cells[i + 1], rows * sizeof *to);
			i += rows;
		}
	}
}

/* The function's try_tables move from the lowering to the code. */
static bool keep_tries(struct code *code, struct lowering *l, uint32_t index)
{
	if (l->range_count == 0)
		return true;
	struct try_table *tries = mem_alloc(sizeof *tries);
	if (tries == NULL)
		return false;
	*tries = (struct try_table){
	    .range_count = l->range_count,
	    .clause_count = l->clause_count,
	    .ranges = l->ranges,
	    .clauses = l->clauses,
	};
	exception_index(tries);
	l->ranges = NULL;
	l->range_room = 0;
	l->clauses = NULL;
	l->clause_room = 0;
	code->tries[index] = tries;
	return true;
}

/* The store keeps one, so that its arrays are made once. */
static struct lowering *lowering_of(struct store *store)
{
	if (store->lowering == NULL)
		store->lowering = arena_zeroed(store->arena, 1, sizeof *store->lowering);
	return store->lowering;
}

void store_lowering_clear(struct store *store)
{
	if (store->lowering != NULL)
		lowering_clear(store->lowering);
}

bool code_lower(struct code *code, uint32_t index, struct error *err)
{
	if (code->entries[index] != 0)
		return true;
	if (atomic_load(&code->store->interrupted))
		return error_set(err, ERROR_TRAP, "%s", trap_words(TRAP_INTERRUPTED));
	const struct module *m = code->module;
	struct lowering *l = lowering_of(code->store);
	if (l == NULL)
		return error_set(err, ERROR_NO_MEMORY, "out of memory");
	bool fine = lower_function(l, code, m->imported_func_count + index, LOWER_CODE, err);
	if (fine && l->cell_count > code->room - code->count)
		fine =
		    error_set(err, ERROR_LIMIT,
		              "the module's code is larger than the %u cells reserved for it", code->room);
	if (fine && !keep_tries(code, l, index))
		fine = error_set(err, ERROR_NO_MEMORY, "out of memory");
	if (fine) {
		place(code, l);
		code->entries[index] = code->count;
		code->count += l->cell_count;
		code->order[code->order_count++] = index;
	} else if (err->func == ERROR_NO_FUNC) {
		err->func = m->imported_func_count + index;
	}
	return fine;
}

/* ---- calls of a whole module ---- */

struct op_place {
	int32_t handler;
	uint16_t op;
};

static int compare_places(const void *a, const void *b)
{
	int32_t x = ((const struct op_place *)a)->handler, y = ((const struct op_place *)b)->handler;
	return (x > y) - (x < y);
}

static enum op op_of(const struct op_place *places, const struct cell *cell)
{
	const struct op_place key = {.handler = cell->handler};
	const struct op_place *found = bsearch(&key, places, OP_COUNT, sizeof *places, compare_places);
	return found == NULL ? OP_lazy : (enum op)found->op;
}

/* A call that need not look whether its function is lowered. */
static enum op near_of(enum op op)
{
	switch (op) {
	case OP_call:
		return OP_call_near;
	case OP_call_move:
		return OP_call_move_near;
	case OP_call_move2:
		return OP_call_move2_near;
	case OP_call_sum:
		return OP_call_sum_near;
	default:
		return OP_COUNT;
	}
}

bool code_make_calls_near(const struct code *code, struct error *err)
{
	const void *const *handlers = exec_handlers();
	const struct cell *end = code->cells + code->count;
	if (atomic_load(&code->store->interrupted))
		return error_set(err, ERROR_TRAP, "%s", trap_words(TRAP_INTERRUPTED));
	struct op_place *places = mem_zeroed(OP_COUNT, sizeof *places);
	if (places == NULL)
		return error_set(err, ERROR_NO_MEMORY, "out of memory");
	for (uint32_t i = 0; i < OP_COUNT; i++)
		places[i] =
		    (struct op_place){.handler = distance_of(handlers, (enum op)i), .op = (uint16_t)i};
	qsort(places, OP_COUNT, sizeof *places, compare_places);
	for (struct cell *cell = code->cells + 1; cell < end; cell++) {
		enum op op = op_of(places, cell);
		enum op near = near_of(op);
		if (near == OP_COUNT) {
			cell += data_rows(cell, op);
			continue;
		}
		int64_t way = (const char *)(code->cells + code->entries[cell->c]) - (const char *)cell;
		if (way != (int32_t)way)
			continue;
		cell->jump = (int32_t)way;
		cell->handler = distance_of(handlers, near);
	}
	mem_free(places);
	return true;
}

bool store_lower_all(struct store *store, const struct module *module, struct error *err)
{
	/* As an instance will find it, unless address space is short there. */
	bool checked = module->memory_count > 0 && !memory_can_be_guarded(&module->memories[0], store);
	struct code *code = code_find_or_create(store, module, checked, err);
	if (code == NULL)
		return false;
	uint32_t functions = module->func_count - module->imported_func_count;
	for (uint32_t i = 0; i < functions; i++)
		if (!code_lower(code, i, err))
			return false;
	return true;
}

bool code_function_at(struct code *code, const struct cell *pc, uint32_t *index,
                      const struct cell **end)
{
	if (pc < code->cells + 1 || pc >= code->cells + code->count)
		return false;
	uint32_t at = (uint32_t)(pc - code->cells);
	const uint32_t *order = code->order;
	uint32_t low = 0, high = code->order_count, behind = code->count;
	if (code->image != NULL && at < code->image->header.sections[IMAGE_CELLS].count) {
		order = image_section(code->image, IMAGE_ORDER);
		high = (uint32_t)code->image->header.sections[IMAGE_ORDER].count;
		behind = (uint32_t)code->image->header.sections[IMAGE_CELLS].count;
	}
	uint32_t count = high;
	/* Whatever starts before `low` does so at the cell or before it, from `high` on behind it. */
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		code->looks++;
		if (code->entries[order[middle]] <= at)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0)
		return false;
	*index = order[low - 1];
	*end = code->cells + (low < count ? code->entries[order[low]] : behind);
	return true;
}

static bool is_same_function(const struct code_place *a, const struct code_place *b)
{
	return a->code == b->code && a->index == b->index;
}

static uint32_t cell_of(const struct code_place *place)
{
	return (uint32_t)(place->pc - place->code->cells) - place->code->entries[place->index];
}

/* Lowering always gives the same cells, so the offset of each is found by doing it again; nothing
 * is kept for it. */
void code_find_offsets(struct code_place *places, uint32_t count, enum trap trap,
                       const union slot *fp, uint64_t size)
{
	/* The same for callers: none of their cells pays or loads. */
	enum lower_want want = trap == TRAP_FUEL ? LOWER_PAYMENTS : LOWER_OFFSETS;
	struct lowering l = {0};
	for (uint32_t i = 0; i < count; i++) {
		struct error err = ERROR_INIT;
		const struct code *code = places[i].code;
		uint32_t func = code->module->imported_func_count + places[i].index;
		uint32_t first = 0;
		while (!is_same_function(&places[first], &places[i]))
			first++;
		if (first < i)
			continue;
		bool fine = lower_function(&l, code, func, want, &err);
		if (fine && i == 0 && trap == TRAP_MEMORY_OUT_OF_BOUNDS &&
		    cell_of(&places[0]) < l.cell_count &&
		    first_load_faults(&l.cells[cell_of(&places[0])], fp, size)) {
			want = LOWER_FIRST_LOADS;
			fine = lower_function(&l, code, func, want, &err);
		}
		for (uint32_t j = i; j < count; j++) {
			if (!is_same_function(&places[j], &places[i]))
				continue;
			uint32_t at = cell_of(&places[j]);
			places[j].offset =
			    fine && at < l.cell_count ? l.offsets[at] : code->module->funcs[func].body_offset;
		}
	}
	lowering_clear(&l);
}

const struct frame_maps *code_frame_maps(struct code *code, uint32_t index)
{
	if (code->maps[index] != NULL)
		return code->maps[index];
	struct error err = ERROR_INIT;
	struct lowering l = {0};
	struct frame_maps *maps = NULL;
	if (lower_function(&l, code, code->module->imported_func_count + index, LOWER_MAPS, &err)) {
		maps = mem_alloc(sizeof *maps + l.ref_count * sizeof *maps->refs);
		if (maps != NULL) {
			maps->always_count = l.always_count;
			maps->count = l.ref_count;
			if (l.ref_count > 0)
				memcpy(maps->refs, l.refs_found, l.ref_count * sizeof *maps->refs);
		}
	}
	lowering_clear(&l);
	code->maps[index] = maps;
	return maps;
}
