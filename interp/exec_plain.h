/* Handlers of PLAIN_OPS (cell.h), for exec.c alone. */

HANDLER(lazy)
{
	uint32_t own = (uint32_t)acc;
	enum trap trap = lower_now(inst, own);
	if (trap != TRAP_NONE)
		trap_raise(inst->store, NULL, NULL, NULL, trap);
	pc = inst->cells + inst->entries[own];
	GO;
}

HANDLER(halt)
{
	END_RUN;
}

#define METER(units)                                                                               \
	do {                                                                                           \
		struct store *store = inst->store;                                                         \
		store->fuel -= (units);                                                                    \
		TRAP_IF(store->fuel < 0, TRAP_FUEL)                                                        \
	} while (0)

/* The frame's guard may fault here: the loop must stay a loop of plain stores in this section. */
#define ENTER(name, count, meter)                                                                  \
	HANDLER(name)                                                                                  \
	{                                                                                              \
		union slot *local = fp + pc->a;                                                            \
		union slot *end = local + (count);                                                         \
		MARK_FAULT();                                                                              \
		do {                                                                                       \
			local->i64 = 0;                                                                        \
			HOLD_STATE();                                                                          \
		} while (++local != end);                                                                  \
		meter;                                                                                     \
		NEXT;                                                                                      \
	}
ENTER(enter, pc->b, (void)0)
ENTER(enter1, 1, (void)0)
ENTER(enter2, 2, (void)0)
ENTER(enter_meter, pc->b, METER(pc->c))
ENTER(enter1_meter, 1, METER(pc->c))
ENTER(enter2_meter, 2, METER(pc->c))

HANDLER(meter)
{
	METER(pc->c);
	NEXT;
}

HANDLER(trap)
{
	TRAP((enum trap)pc->c);
}

/* ---- moves ---- */

HANDLER(move_s)
{
	fp[pc->a].i64 = fp[pc->b].i64;
	NEXT;
}

HANDLER(move_s32)
{
	fp[pc->a].i32 = fp[pc->b].i32;
	NEXT;
}

HANDLER(move_s128)
{
	v_write(&fp[pc->a], SLOT_v128(pc->b));
	NEXT;
}

HANDLER(move2_s)
{
	fp[pc->a].i64 = fp[pc->b].i64;
	fp[pc->c].i64 = fp[pc->d].i64;
	NEXT;
}

HANDLER(move3_s)
{
	fp[pc->a].i64 = fp[pc->b].i64;
	fp[pc->c & 0xffff].i64 = fp[pc->c >> 16].i64;
	fp[pc->d & 0xffff].i64 = fp[pc->d >> 16].i64;
	NEXT;
}

HANDLER(sum_s)
{
	fp[pc->a].i64 = (uint32_t)(fp[pc->b].i32 + pc->c);
	NEXT;
}

HANDLER(move_a)
{
	fp[pc->a].i64 = acc;
	NEXT;
}

HANDLER(move_f)
{
	fp[pc->a].f32 = ff;
	NEXT;
}

HANDLER(move_d)
{
	fp[pc->a].f64 = fd;
	NEXT;
}

HANDLER(move_v)
{
	KEEP_v128(pc->a);
	NEXT;
}

HANDLER(const_s)
{
	fp[pc->a].i64 = pc->k;
	NEXT;
}

HANDLER(const_a)
{
	acc = pc->k;
	NEXT;
}

HANDLER(const_s128)
{
	v_write(&fp[pc->a], v_read(pc + 1));
	pc++;
	NEXT;
}

HANDLER(const_v)
{
	fv = v_read(pc + 1);
	pc++;
	NEXT;
}

/* ---- jumps ---- */

HANDLER(jump)
{
	JUMP;
}

HANDLER(move_jump)
{
	fp[pc->a].i64 = fp[pc->b].i64;
	JUMP;
}

HANDLER(add_jump_i32)
{
	fp[pc->a].i64 = (uint32_t)(fp[pc->b].i32 + pc->d);
	JUMP;
}

HANDLER(add_jump_i64)
{
	fp[pc->a].i64 = fp[pc->b].i64 + (uint64_t)(int64_t)(int32_t)pc->d;
	JUMP;
}

#define JUMP_WHEN(name, condition)                                                                 \
	HANDLER(name)                                                                                  \
	{                                                                                              \
		if (condition)                                                                             \
			JUMP;                                                                                  \
		NEXT;                                                                                      \
	}
JUMP_WHEN(jump_nz_s, fp[pc->b].i32 != 0)
JUMP_WHEN(jump_nz_a, (uint32_t)acc != 0)
JUMP_WHEN(jump_z_s, fp[pc->b].i32 == 0)
JUMP_WHEN(jump_z_a, (uint32_t)acc == 0)
JUMP_WHEN(jump_nz64_s, fp[pc->b].i64 != 0)
JUMP_WHEN(jump_nz64_a, acc != 0)
JUMP_WHEN(jump_z64_s, fp[pc->b].i64 == 0)
JUMP_WHEN(jump_z64_a, acc == 0)

/* The jumps stand in the cells behind this one, four to a cell, counted from this one. */
#define TABLE_JUMP(name, index)                                                                    \
	HANDLER(name)                                                                                  \
	{                                                                                              \
		uint32_t i = index;                                                                        \
		if (i > pc->c)                                                                             \
			i = pc->c;                                                                             \
		int32_t jump;                                                                              \
		__builtin_memcpy(&jump, (const char *)(pc + 1) + i * sizeof jump, sizeof jump);            \
		pc = CELL_AT(jump);                                                                        \
		GO;                                                                                        \
	}
TABLE_JUMP(table_jump_s, fp[pc->b].i32)
TABLE_JUMP(table_jump_a, (uint32_t)acc)

/* ---- select ---- */

#define SELECT(name, condition, T, keep)                                                           \
	HANDLER(name)                                                                                  \
	{                                                                                              \
		SET_##T((condition) != 0 ? SLOT_##T(pc->b) : SLOT_##T(pc->c));                             \
		keep;                                                                                      \
		NEXT;                                                                                      \
	}
#define SELECTS(letter, T)                                                                         \
	SELECT(select_##letter##_s_r, fp[pc->d].i32, T, (void)0)                                       \
	SELECT(select_##letter##_s_w, fp[pc->d].i32, T, KEEP_##T(pc->a))                               \
	SELECT(select_##letter##_a_r, (uint32_t)acc, T, (void)0)                                       \
	SELECT(select_##letter##_a_w, (uint32_t)acc, T, KEEP_##T(pc->a))
SELECTS(i, i64)
SELECTS(f, f32)
SELECTS(d, f64)
SELECTS(v, v128)

/* ---- globals ---- */

#define GLOBAL_GET(letter, T, value)                                                               \
	HANDLER(global_get_##letter##_r)                                                               \
	{                                                                                              \
		SET_##T(value);                                                                            \
		NEXT;                                                                                      \
	}                                                                                              \
	HANDLER(global_get_##letter##_w)                                                               \
	{                                                                                              \
		SET_##T(value);                                                                            \
		KEEP_##T(pc->a);                                                                           \
		NEXT;                                                                                      \
	}
GLOBAL_GET(i, i64, inst->globals[pc->c].i64)
GLOBAL_GET(f, f32, inst->globals[pc->c].f32)
GLOBAL_GET(d, f64, inst->globals[pc->c].f64)
GLOBAL_GET(v, v128, v_read(&inst->globals[pc->c]))

HANDLER(global_get_far)
{
	fp[pc->a].i64 = inst->global_refs[pc->c]->value->i64;
	NEXT;
}

HANDLER(global_get_far128)
{
	v_write(&fp[pc->a], v_read(inst->global_refs[pc->c]->value));
	NEXT;
}

HANDLER(global_set_s)
{
	inst->globals[pc->c].i64 = fp[pc->b].i64;
	NEXT;
}

HANDLER(global_set_s32)
{
	inst->globals[pc->c].i32 = fp[pc->b].i32;
	NEXT;
}

HANDLER(global_set_s128)
{
	v_write(&inst->globals[pc->c], SLOT_v128(pc->b));
	NEXT;
}

HANDLER(global_set_v)
{
	v_write(&inst->globals[pc->c], fv);
	NEXT;
}

HANDLER(global_set_a)
{
	inst->globals[pc->c].i64 = acc;
	NEXT;
}

HANDLER(global_set_k)
{
	inst->globals[pc->b].i64 = pc->k;
	NEXT;
}

HANDLER(global_set_far)
{
	inst->global_refs[pc->c]->value->i64 = fp[pc->b].i64;
	NEXT;
}

HANDLER(global_set_far128)
{
	v_write(inst->global_refs[pc->c]->value, SLOT_v128(pc->b));
	NEXT;
}

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
		FORGET_FLOATS();                                                                           \
		NEXT;                                                                                      \
	} while (0)

HANDLER(call_import)
{
	union slot *callee = fp + pc->a;
	enum trap trap = call_foreign(inst, inst->imports[pc->c], callee, pc);
	AFTER_FOREIGN(trap, callee);
}

/* A function found at run time, whose type fits; header and arguments as in CALL_OWN. */
#define CALL_FOUND(found, arguments)                                                               \
	do {                                                                                           \
		union slot *callee = fp + pc->a;                                                           \
		MARK_FAULT();                                                                              \
		if (LIKELY((found)->inst == inst)) {                                                       \
			callee[(found)->header].pc = pc;                                                       \
			HOLD_STATE();                                                                          \
			arguments const struct cell *entry = inst->cells + inst->entries[(found)->own];        \
			CALL(entry, callee, (found)->own);                                                     \
		}                                                                                          \
		arguments HOLD_STATE();                                                                    \
		enum trap trap = call_foreign(inst, found, callee, pc);                                    \
		AFTER_FOREIGN(trap, callee);                                                               \
	} while (0)

/* The function at an index of table d, which must be of type c or a subtype. */
#define FIND_INDIRECT(index)                                                                       \
	const struct table *table = inst->tables[pc->d];                                               \
	uint64_t i = index;                                                                            \
	TRAP_IF(i >= table->size, TRAP_UNDEFINED_ELEMENT)                                              \
	struct func *func = (struct func *)(uintptr_t)table->elements[i];                              \
	TRAP_IF(func == NULL, TRAP_UNINITIALIZED_ELEMENT)                                              \
	if (!LIKELY(func->type_id == inst->type_ids[pc->c]) &&                                         \
	    !store_is_subtype(inst->store, func->type_id, inst->type_ids[pc->c]))                      \
		TRAP(TRAP_INDIRECT_CALL_TYPE);

#define CALL_INDIRECT(name, index)                                                                 \
	HANDLER(name)                                                                                  \
	{                                                                                              \
		FIND_INDIRECT(index)                                                                       \
		CALL_FOUND(func, );                                                                        \
	}
CALL_INDIRECT(call_indirect_s, fp[pc->b].i64)
CALL_INDIRECT(call_indirect_a, acc)

/* A function that is called so has no fewer parameters than results (lower_fuse.c). */
HANDLER(call_indirect_move)
{
	FIND_INDIRECT(acc)
	CALL_FOUND(func, callee[func->header - 1].i64 = fp[pc->b].i64;);
}

#define CALL_REF(name, reference)                                                                  \
	HANDLER(name)                                                                                  \
	{                                                                                              \
		struct func *func = (struct func *)(uintptr_t)(reference);                                 \
		TRAP_IF(func == NULL, TRAP_NULL_FUNCTION)                                                  \
		CALL_FOUND(func, );                                                                        \
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

/* A host function does not stay on the stack: it is called, and its results are returned. So is,
 * with goto dispatch, another instance's function. */
#define TAIL_CALL_FOUND(found)                                                                     \
	do {                                                                                           \
		struct func *target = (found);                                                             \
		if (target->inst == inst || (TAIL_DISPATCH && target->inst != NULL)) {                     \
			const struct cell *back = fp[pc[TAIL_ROW].a].pc;                                       \
			MOVE_ARGUMENTS(back, target->header);                                                  \
			uint32_t own = target->own;                                                            \
			TAIL_CALL(target->inst, target->inst->cells + target->inst->entries[own], own);        \
		}                                                                                          \
		union slot *callee = fp + pc->a;                                                           \
		enum trap trap = call_foreign(inst, target, callee, pc);                                   \
		if (!LIKELY(trap == TRAP_NONE))                                                            \
			FOREIGN_TRAP(trap);                                                                    \
		for (uint32_t n = 0; n < target->type->result_slots; n++)                                  \
			fp[n].i64 = callee[n].i64;                                                             \
		acc = fp[0].i64;                                                                           \
		RETURN_VIA(pc[TAIL_ROW].a);                                                                \
	} while (0)

HANDLER(return_call_import)
{
	TAIL_CALL_FOUND(inst->imports[pc->c]);
}

#define RETURN_CALL_INDIRECT(name, index)                                                          \
	HANDLER(name)                                                                                  \
	{                                                                                              \
		FIND_INDIRECT(index)                                                                       \
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

/* ---- checked addresses ---- */

#define CHECK_ADDRESS(name, address, check_alignment)                                              \
	HANDLER(name)                                                                                  \
	{                                                                                              \
		const struct memory *memory = inst->memories[address_check_memory(pc->a)];                 \
		uint64_t size = address_check_size(pc->a);                                                 \
		uint64_t at;                                                                               \
		TRAP_IF(address, TRAP_MEMORY_OUT_OF_BOUNDS)                                                \
		check_alignment TRAP_IF(size > memory->size || at > memory->size - size,                   \
		                        TRAP_MEMORY_OUT_OF_BOUNDS) acc =                                   \
		    (uintptr_t)memory->base + at - (uintptr_t)mem;                                         \
		NEXT;                                                                                      \
	}
#define CHECK_ADDRESSES(prefix, check_alignment)                                                   \
	CHECK_ADDRESS(prefix##_s32, __builtin_add_overflow(fp[pc->b].i32, pc->k, &at),                 \
	              check_alignment)                                                                 \
	CHECK_ADDRESS(prefix##_s64, __builtin_add_overflow(fp[pc->b].i64, pc->k, &at),                 \
	              check_alignment)                                                                 \
	CHECK_ADDRESS(prefix##_a, __builtin_add_overflow(acc, pc->k, &at), check_alignment)            \
	CHECK_ADDRESS(prefix##_k, (at = pc->k, false), check_alignment)
CHECK_ADDRESSES(address, )
CHECK_ADDRESSES(aligned, TRAP_IF((at & (size - 1)) != 0, TRAP_UNALIGNED_ATOMIC))

/* ---- memories, tables, segments: operands stand in slots from b on; i32 fill theirs whole, so
 * that a slot is an address or a count of either address type ---- */

#define OPERAND(n) fp[pc->b + (n)].i64

#define BULK(name, call)                                                                           \
	HANDLER(name)                                                                                  \
	{                                                                                              \
		enum trap trap = call;                                                                     \
		TRAP_IF(trap != TRAP_NONE, trap)                                                           \
		FORGET_ALL();                                                                              \
		NEXT;                                                                                      \
	}

HANDLER(memory_size)
{
	const struct memory *memory = inst->memories[pc->c];
	acc = memory->size >> memory->type.page_size_log2;
	fp[pc->a].i64 = acc;
	NEXT;
}

HANDLER(memory_grow)
{
	struct memory *memory = inst->memories[pc->c];
	uint64_t old = memory_grow(memory, OPERAND(0));
	FORGET_FLOATS();
	acc = memory->type.limits.is_64 ? old : (uint32_t)old;
	fp[pc->a].i64 = acc;
	NEXT;
}

BULK(memory_fill, memory_fill(inst->memories[pc->c], OPERAND(0), (uint8_t)OPERAND(1), OPERAND(2)))
BULK(memory_copy,
     memory_copy(inst->memories[pc->c], inst->memories[pc->d], OPERAND(0), OPERAND(1), OPERAND(2)))
BULK(memory_init, init_memory(inst, pc->c, pc->d, &fp[pc->b]))

HANDLER(data_drop)
{
	inst->dropped_datas[pc->c] = true;
	NEXT;
}

HANDLER(table_get)
{
	const struct table *table = inst->tables[pc->c];
	uint64_t i = OPERAND(0);
	TRAP_IF(i >= table->size, TRAP_TABLE_OUT_OF_BOUNDS)
	acc = table->elements[i];
	fp[pc->a].i64 = acc;
	NEXT;
}

HANDLER(table_set)
{
	const struct table *table = inst->tables[pc->c];
	uint64_t i = OPERAND(0);
	TRAP_IF(i >= table->size, TRAP_TABLE_OUT_OF_BOUNDS)
	table->elements[i] = OPERAND(1);
	NEXT;
}

HANDLER(table_size)
{
	acc = inst->tables[pc->c]->size;
	fp[pc->a].i64 = acc;
	NEXT;
}

HANDLER(table_grow)
{
	struct table *table = inst->tables[pc->c];
	uint64_t old = table_grow(table, OPERAND(0), OPERAND(1));
	FORGET_FLOATS();
	acc = table->type.limits.is_64 ? old : (uint32_t)old;
	fp[pc->a].i64 = acc;
	NEXT;
}

BULK(table_fill, table_fill(inst->tables[pc->c], OPERAND(0), OPERAND(1), OPERAND(2)))
BULK(table_copy,
     table_copy(inst->tables[pc->c], inst->tables[pc->d], OPERAND(0), OPERAND(1), OPERAND(2)))
BULK(table_init, table_init(inst, pc->c, pc->d, OPERAND(0), OPERAND(1), OPERAND(2)))

HANDLER(elem_drop)
{
	inst->dropped_elems[pc->c] = true;
	NEXT;
}

HANDLER(ref_func)
{
	acc = (uint64_t)(uintptr_t)instance_func(inst, pc->c);
	FORGET_FLOATS();
	fp[pc->a].i64 = acc;
	NEXT;
}

/* ---- 128-bit arithmetic in pairs of slots, low half first ---- */

#define WIDE(high, low) ((unsigned __int128)fp[high].i64 << 64 | fp[low].i64)
#define WIDE_RESULT(name, expression)                                                              \
	HANDLER(name)                                                                                  \
	{                                                                                              \
		unsigned __int128 result = (expression);                                                   \
		fp[pc->a].i64 = (uint64_t)result;                                                          \
		fp[pc->a + 1].i64 = (uint64_t)(result >> 64);                                              \
		NEXT;                                                                                      \
	}
WIDE_RESULT(add128, WIDE(pc->c & 0xffff, pc->b) + WIDE(pc->d, pc->c >> 16))
WIDE_RESULT(sub128, WIDE(pc->c & 0xffff, pc->b) - WIDE(pc->d, pc->c >> 16))
WIDE_RESULT(mul_wide_s, (unsigned __int128)((__int128)S64(fp[pc->b].i64) * S64(fp[pc->c].i64)))
WIDE_RESULT(mul_wide_u, (unsigned __int128)fp[pc->b].i64 *fp[pc->c].i64)

/* ---- threads ---- */

HANDLER(atomic_fence)
{
	atomic_thread_fence(memory_order_seq_cst);
	NEXT;
}

#define ATOMIC_WAIT(name, M)                                                                       \
	HANDLER(name)                                                                                  \
	{                                                                                              \
		bool is_equal = atomic_load((_Atomic(M) *)(void *)PLACE(acc)) == (M)fp[pc->b].i64;         \
		enum trap trap = atomic_wait(is_equal, S64(fp[pc->c].i64), &fp[pc->a].i64);                \
		TRAP_IF(trap != TRAP_NONE, trap)                                                           \
		FORGET_FLOATS();                                                                           \
		acc = fp[pc->a].i64;                                                                       \
		NEXT;                                                                                      \
	}
ATOMIC_WAIT(atomic_wait32, uint32_t)
ATOMIC_WAIT(atomic_wait64, uint64_t)
