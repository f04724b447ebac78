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

static const struct try_clause *find_clause(const struct try_table *tries, uint32_t at,
                                            const struct instance *inst, const struct tag *tag)
{
	for (uint32_t i = tries->range_count; i-- > 0;) {
		const struct try_range *range = &tries->ranges[i];
		if (at < range->start || at >= range->end)
			continue;
		if (range->is_delegate) {
			if (range->delegate_to == UINT32_MAX)
				return NULL;
			i = range->delegate_to + 1;
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
		    find_clause(tries, (uint32_t)(walk.pc - start), owner, tag);
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
