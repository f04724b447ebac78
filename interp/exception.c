/* Exceptions (spec: 4.6.10, throw_ref): found by tables, free when nothing is thrown. */
#include "interp/dispatch.h"
#include "interp/heap.h"

#include <string.h>

struct object *exception_create(struct instance *inst, struct tag *tag, const union slot *args)
{
	const struct functype *type = tag->type;
	struct object *exception =
	    heap_allocate(inst->store, OBJECT_EXCEPTION, type->param_slots,
	                  (uint64_t)(type->param_slots + 1) * sizeof(union slot));
	if (exception == NULL)
		return NULL;
	exception->slots[0].i64 = (uint64_t)(uintptr_t)tag;
	if (type->param_slots > 0)
		memcpy(exception->slots + 1, args, type->param_slots * sizeof *args);
	return exception;
}

/* The first slot of the frame's native state. */
static uint32_t native_slot(const struct code *code, uint32_t index)
{
	const struct module *m = code->module;
	return type_header(module_func_type(m, m->imported_func_count + index)) + 1;
}

void exception_index(struct try_table *tries)
{
	for (uint32_t i = 0; i < tries->range_count; i++) {
		struct try_range *range = &tries->ranges[i];
		uint32_t outer = i > 0 ? i - 1 : NO_RANGE;
		while (outer != NO_RANGE && tries->ranges[outer].end <= range->start)
			outer = tries->ranges[outer].outer;
		range->outer = outer;
	}
}

/* The last range that starts at the cell or before it, or NO_RANGE: any range that holds the cell
 * is this one or around it, since none overlaps another in part. */
static uint32_t last_range_from(const struct try_table *tries, uint32_t at, uint64_t *looks)
{
	uint32_t low = 0, high = tries->range_count;
	for (; low < high; ++*looks) {
		uint32_t middle = low + (high - low) / 2;
		if (tries->ranges[middle].start <= at)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 ? low - 1 : NO_RANGE;
}

static const struct try_clause *find_clause(const struct try_table *tries, uint32_t at,
                                            const struct instance *inst, const struct tag *tag,
                                            uint64_t *looks)
{
	uint32_t next;
	/* A range around another stands before it: what a damaged image says else would lead in a
	 * circle.
	 */
	for (uint32_t i = last_range_from(tries, at, looks); i != NO_RANGE;
	     i = next < i ? next : NO_RANGE, ++*looks) {
		const struct try_range *range = &tries->ranges[i];
		next = range->outer;
		if (at >= range->end)
			continue;
		if (range->is_delegate) {
			next = range->delegate_to;
			continue;
		}
		for (uint32_t j = range->first_clause; j != NO_CLAUSE; j = tries->clauses[j].next) {
			const struct try_clause *clause = &tries->clauses[j];
			if (clause->is_all || inst->tags[clause->tag] == tag)
				return clause;
		}
	}
	return NULL;
}

struct landing exception_find(struct instance *inst, struct object *exception,
                              const struct cell *pc, union slot *fp)
{
	const struct tag *tag = (const struct tag *)(uintptr_t)exception->slots[0].i64;
	struct frame_walk walk;
	bool crossed = false;
	for (frame_walk_start(&walk, inst->store, pc, fp); walk.pc != NULL && walk.code != NULL;
	     frame_walk_next(&walk)) {
		crossed |= walk.crossed;
		const struct try_table *tries = walk.code->tries[walk.index];
		if (tries == NULL)
			continue;
		const struct cell *start = walk.code->cells + walk.code->entries[walk.index];
		uint32_t native = native_slot(walk.code, walk.index);
		const struct instance *owner = (const struct instance *)(uintptr_t)walk.fp[native + 3].i64;
		const struct try_clause *clause =
		    find_clause(tries, (uint32_t)(walk.pc - start), owner, tag, &walk.code->looks);
		if (clause == NULL)
			continue;
		struct landing landing = {
		    .pc = start + clause->landing,
		    .fp = walk.fp,
		    .native = walk.fp + native,
		    .links = (struct link *)walk.link,
		    .crossed = crossed,
		};
		/* With goto dispatch the frames in between return first. */
		if (crossed && !TAIL_DISPATCH)
			return landing;
		union slot *to = walk.fp + clause->slot;
		uint32_t slots = clause->is_all ? 0 : exception->length;
		if (clause->ref_first)
			to++->i64 = (uint64_t)(uintptr_t)exception;
		if (slots > 0)
			memcpy(to, exception->slots + 1, slots * sizeof *to);
		if (clause->with_ref)
			to[slots].i64 = (uint64_t)(uintptr_t)exception;
		return landing;
	}
	/* A host function's frame is not crossed: its run ends with the exception uncaught. */
	return (struct landing){0};
}
