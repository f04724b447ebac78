/* Handlers of PLAIN_OPS (cell.h) that come and go: calls, exceptions, returns. For exec.c alone,
 * behind exec_plain.h. */

/* ---- calls ---- */

/* The frame's guard may fault at the header alone, which stands above the arguments: first the
 * header, then the arguments, so that a handler that faults has changed nothing. A call whose
 * function is lowered becomes near and knows the way from then on, unless the code is a complete
 * image, which is read only and has no room. */
#define CALL_OWN(name, header_slot, arguments)                                                     \
	HANDLER(name##_near)                                                                           \
	{                                                                                              \
		union slot *callee = fp + pc->a;                                                           \
		size_t header = header_slot;                                                               \
		MARK_FAULT();                                                                              \
		callee[header].pc = pc;                                                                    \
		HOLD_STATE();                                                                              \
		arguments CALL_NEAR(CELL_AT(pc->jump), callee);                                            \
	}                                                                                              \
	HANDLER(name)                                                                                  \
	{                                                                                              \
		uint32_t at = inst->entries[pc->c];                                                        \
		int64_t way = (const char *)(inst->cells + at) - (const char *)pc;                         \
		if (at != 0 && way == (int32_t)way && inst->code->room != inst->code->count) {             \
			struct cell *cell = (struct cell *)(uintptr_t)pc;                                      \
			cell->jump = (int32_t)way;                                                             \
			cell->handler = HANDLER_DISTANCE(name##_near);                                         \
			GO;                                                                                    \
		}                                                                                          \
		union slot *callee = fp + pc->a;                                                           \
		size_t header = header_slot;                                                               \
		MARK_FAULT();                                                                              \
		callee[header].pc = pc;                                                                    \
		HOLD_STATE();                                                                              \
		arguments CALL(inst->cells + at, callee, pc->c);                                           \
	}
CALL_OWN(call, pc->d, (void)header;)
CALL_OWN(call_move, pc->d_low, callee[header - 1].i64 = fp[pc->b].i64;)
CALL_OWN(call_move2, pc->d_low, callee[header - 2].i64 = fp[pc->b].i64;
         callee[header - 1].i64 = fp[pc->d_high].i64;)
CALL_OWN(call_sum, pc->d_low,
         callee[header - 1].i64 = (uint32_t)(fp[pc->b].i32 + (uint32_t)(int16_t)pc->d_high);)

/* Behind a call that left the instance: its first result, or what ended it. */
#define AFTER_FOREIGN(trap, callee)                                                                \
	do {                                                                                           \
		if (!LIKELY((trap) == TRAP_NONE))                                                          \
			FOREIGN_TRAP(trap);                                                                    \
		acc = (callee)->i64;                                                                       \
		FORGET_OTHERS();                                                                           \
		NEXT;                                                                                      \
	} while (0)

HANDLER(call_import)
{
	union slot *callee = fp + pc->a;
	enum trap trap = call_foreign(inst, inst->imports[pc->c], callee, pc);
	AFTER_FOREIGN(trap, callee);
}

/* A function found at run time, whose type fits; header and arguments as in CALL_OWN. One of
 * another instance, or of the host, is called aside. */
#define CALL_FOUND(aside, found, arguments)                                                        \
	do {                                                                                           \
		if (!LIKELY((found)->inst == inst))                                                        \
			GO_ASIDE(aside##_found, (uintptr_t)(found));                                           \
		union slot *callee = fp + pc->a;                                                           \
		uint32_t own = (found)->own;                                                               \
		MARK_FAULT();                                                                              \
		callee[(found)->header].pc = pc;                                                           \
		HOLD_STATE();                                                                              \
		arguments CALL_HERE(inst->cells + inst->entries[own], callee, own);                        \
	} while (0)

/* The function is in acc: such as it is, and one whose type is another than its call has. */
#define CALL_FOUND_ASIDE(aside, arguments)                                                         \
	ASIDE(aside##_found)                                                                           \
	{                                                                                              \
		struct func *found = (struct func *)(uintptr_t)acc;                                        \
		union slot *callee = fp + pc->a;                                                           \
		MARK_FAULT();                                                                              \
		if (found->inst == inst) {                                                                 \
			callee[found->header].pc = pc;                                                         \
			HOLD_STATE();                                                                          \
			arguments const struct cell *entry = inst->cells + inst->entries[found->own];          \
			CALL(entry, callee, found->own);                                                       \
		}                                                                                          \
		arguments HOLD_STATE();                                                                    \
		enum trap trap = call_foreign(inst, found, callee, pc);                                    \
		AFTER_FOREIGN(trap, callee);                                                               \
	}                                                                                              \
	ASIDE(aside##_typed)                                                                           \
	{                                                                                              \
		struct func *found = (struct func *)(uintptr_t)acc;                                        \
		if (!store_is_subtype(inst->store, found->type_id, inst->type_ids[pc->c]))                 \
			TRAP(TRAP_INDIRECT_CALL_TYPE);                                                         \
		GO_ASIDE(aside##_found, acc);                                                              \
	}

/* A function that is called with a move has no fewer parameters than results (lower_fuse.c). */
#define MOVE_LAST(found) callee[(found)->header - 1].i64 = fp[pc->b].i64;

CALL_FOUND_ASIDE(call, )
CALL_FOUND_ASIDE(call_move, MOVE_LAST(found))

/* The function at an index of table d, which must be of type c or a subtype. */
#define FIND_INDIRECT(index, aside)                                                                \
	const struct table *table = inst->tables[pc->d];                                               \
	uint64_t i = index;                                                                            \
	TRAP_IF(i >= table->size, TRAP_UNDEFINED_ELEMENT)                                              \
	struct func *func = (struct func *)(uintptr_t)table->elements[i];                              \
	TRAP_IF(func == NULL, TRAP_UNINITIALIZED_ELEMENT)                                              \
	if (!LIKELY(func->type_id == inst->type_ids[pc->c]))                                           \
		GO_ASIDE(aside##_typed, (uintptr_t)func);

#define CALL_INDIRECT(name, index)                                                                 \
	HANDLER(name)                                                                                  \
	{                                                                                              \
		FIND_INDIRECT(index, call)                                                                 \
		CALL_FOUND(call, func, );                                                                  \
	}
CALL_INDIRECT(call_indirect_s, fp[pc->b].i64)
CALL_INDIRECT(call_indirect_a, acc)

HANDLER(call_indirect_move)
{
	FIND_INDIRECT(acc, call_move)
	CALL_FOUND(call_move, func, MOVE_LAST(func));
}

#define CALL_REF(name, reference)                                                                  \
	HANDLER(name)                                                                                  \
	{                                                                                              \
		struct func *func = (struct func *)(uintptr_t)(reference);                                 \
		TRAP_IF(func == NULL, TRAP_NULL_FUNCTION)                                                  \
		CALL_FOUND(call, func, );                                                                  \
	}
CALL_REF(call_ref_s, fp[pc->b].i64)
CALL_REF(call_ref_a, acc)

/* ---- tail calls: the arguments move down to where the frame starts ---- */

#define MOVE_ARGUMENTS(back, header)                                                               \
	do {                                                                                           \
		const union slot *from = fp + pc->a;                                                       \
		for (unsigned n = 0; n < pc[TAIL_ROW].b; n++)                                              \
			fp[n].i64 = from[n].i64;                                                               \
		MARK_FAULT();                                                                              \
		fp[header].pc = back;                                                                      \
		HOLD_STATE();                                                                              \
	} while (0)

HANDLER(return_call)
{
	const struct cell *back = fp[pc[TAIL_ROW].a].pc;
	MOVE_ARGUMENTS(back, pc->d);
	uint32_t own = pc->c;
	TAIL_CALL(inst, inst->cells + inst->entries[own], own);
}

/* Is the function one that takes the frame over? */
#define TAKES_FRAME(target) ((target)->inst == inst || (TAIL_DISPATCH && (target)->inst != NULL))

#define TAIL_CALL_OF(target)                                                                       \
	do {                                                                                           \
		const struct cell *back = fp[pc[TAIL_ROW].a].pc;                                           \
		MOVE_ARGUMENTS(back, (target)->header);                                                    \
		uint32_t own = (target)->own;                                                              \
		TAIL_CALL((target)->inst, (target)->inst->cells + (target)->inst->entries[own], own);      \
	} while (0)

/* A host function does not stay on the stack: it is called, and its results are returned. So is,
 * with goto dispatch, another instance's function. */
ASIDE(return_call_found)
{
	struct func *target = (struct func *)(uintptr_t)acc;
	if (TAKES_FRAME(target))
		TAIL_CALL_OF(target);
	union slot *callee = fp + pc->a;
	enum trap trap = call_foreign(inst, target, callee, pc);
	if (!LIKELY(trap == TRAP_NONE))
		FOREIGN_TRAP(trap);
	uint32_t results = func_type(target)->result_slots;
	for (uint32_t n = 0; n < results; n++)
		fp[n].i64 = callee[n].i64;
	acc = fp[0].i64;
	RETURN_VIA(pc[TAIL_ROW].a);
}

ASIDE(return_call_typed)
{
	const struct func *target = (const struct func *)(uintptr_t)acc;
	if (!store_is_subtype(inst->store, target->type_id, inst->type_ids[pc->c]))
		TRAP(TRAP_INDIRECT_CALL_TYPE);
	GO_ASIDE(return_call_found, acc);
}

#define TAIL_CALL_FOUND(found)                                                                     \
	do {                                                                                           \
		struct func *target = (found);                                                             \
		if (!LIKELY(TAKES_FRAME(target)))                                                          \
			GO_ASIDE(return_call_found, (uintptr_t)target);                                        \
		TAIL_CALL_OF(target);                                                                      \
	} while (0)

HANDLER(return_call_import)
{
	TAIL_CALL_FOUND(inst->imports[pc->c]);
}

#define RETURN_CALL_INDIRECT(name, index)                                                          \
	HANDLER(name)                                                                                  \
	{                                                                                              \
		FIND_INDIRECT(index, return_call)                                                          \
		TAIL_CALL_FOUND(func);                                                                     \
	}
RETURN_CALL_INDIRECT(return_call_indirect_s, fp[pc->b].i64)
RETURN_CALL_INDIRECT(return_call_indirect_a, acc)

#define RETURN_CALL_REF(name, reference)                                                           \
	HANDLER(name)                                                                                  \
	{                                                                                              \
		struct func *func = (struct func *)(uintptr_t)(reference);                                 \
		TRAP_IF(func == NULL, TRAP_NULL_FUNCTION)                                                  \
		TAIL_CALL_FOUND(func);                                                                     \
	}
RETURN_CALL_REF(return_call_ref_s, fp[pc->b].i64)
RETURN_CALL_REF(return_call_ref_a, acc)

/* ---- exceptions ---- */

/* Uninstrumented: it must not have a frame of its own when it keeps the stack pointer. */
UNINSTRUMENTED_HANDLER(keep_native)
{
	union slot *native = fp + pc->a;
	KEEP_NATIVE(native);
	native[3].i64 = (uint64_t)(uintptr_t)inst;
	NEXT;
}

HANDLER(throw)
{
	set_safepoint(inst, pc, fp);
	struct object *exception = exception_create(inst, inst->tags[pc->c], &fp[pc->b]);
	TRAP_IF(exception == NULL, TRAP_HEAP_EXHAUSTED)
	THROW(exception);
}

HANDLER(throw_ref)
{
	struct object *exception = (struct object *)(uintptr_t)fp[pc->b].i64;
	TRAP_IF(exception == NULL, TRAP_NULL_REFERENCE)
	THROW(exception);
}

/* ---- returns ---- */

/* Each alone, and with the fuel of a whole function that has no other place to pay (lower.c). */
#define RETURN_BY(name, result)                                                                    \
	HANDLER(name)                                                                                  \
	{                                                                                              \
		result RETURN;                                                                             \
	}
#define RETURN_METERED(name, result)                                                               \
	RETURN_BY(name, result)                                                                        \
	HANDLER(name##_meter)                                                                          \
	{                                                                                              \
		METER(pc->d);                                                                              \
		result RETURN;                                                                             \
	}
RETURN_METERED(return_none, )
RETURN_METERED(return_s, acc = fp[pc->b].i64; fp[0].i64 = acc;)
RETURN_METERED(return_a, fp[0].i64 = acc;)
RETURN_METERED(return_d, fp[0].f64 = fd;)
RETURN_METERED(return_add, acc = fp[pc->b].i32 + fp[pc->c].i32; fp[0].i64 = acc;)
RETURN_BY(return_s32, fp[0].i32 = fp[pc->b].i32;)
RETURN_BY(return_s128, v_write(&fp[0], SLOT_v128(pc->b));)
RETURN_BY(return_f, fp[0].f32 = ff;)
RETURN_BY(return_v, KEEP_v128(0);)

HANDLER(return_k)
{
	acc = pc->k;
	fp[0].i64 = acc;
	RETURN;
}
