/* Handlers of PLAIN_OPS (cell.h), for exec.c alone; those of calls stand in exec_call.h. */

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
		fuel_left -= (units);                                                                      \
		TRAP_IF(fuel_left < 0, TRAP_FUEL)                                                          \
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

/* A jump to a loop that does what the loop's meter does, which is the cell that it goes to. */
#define JUMP_METERED                                                                               \
	do {                                                                                           \
		pc = CELL_AT(pc->jump);                                                                    \
		METER(pc->c);                                                                              \
		pc++;                                                                                      \
		GO_APART;                                                                                  \
	} while (0)

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

#define JUMP_BEHIND(name, first)                                                                   \
	HANDLER(name)                                                                                  \
	{                                                                                              \
		first JUMP;                                                                                \
	}                                                                                              \
	HANDLER(name##_meter)                                                                          \
	{                                                                                              \
		first JUMP_METERED;                                                                        \
	}
JUMP_BEHIND(jump, )
JUMP_BEHIND(move_jump, fp[pc->a].i64 = fp[pc->b].i64;)
JUMP_BEHIND(add_jump_i32, fp[pc->a].i64 = (uint32_t)(fp[pc->b].i32 + pc->d);)
JUMP_BEHIND(add_jump_i64, fp[pc->a].i64 = fp[pc->b].i64 + (uint64_t)(int64_t)(int32_t)pc->d;)
JUMP_BEHIND(add_move_jump_i32,
            fp[pc->d_low].i64 = (uint32_t)(fp[pc->d_low].i32 + (uint32_t)(int16_t)pc->d_high);
            fp[pc->a].i64 = fp[pc->b].i64;)
JUMP_BEHIND(add_move_jump_i64, fp[pc->d_low].i64 += (uint64_t)(int16_t)pc->d_high;
            fp[pc->a].i64 = fp[pc->b].i64;)

#define JUMP_WHEN_BY(name, condition, jump)                                                        \
	HANDLER(name)                                                                                  \
	{                                                                                              \
		if (condition)                                                                             \
			jump;                                                                                  \
		NEXT;                                                                                      \
	}
#define JUMP_WHEN(name, condition)                                                                 \
	JUMP_WHEN_BY(name, condition, JUMP)                                                            \
	JUMP_WHEN_BY(name##_meter, condition, JUMP_METERED)
JUMP_WHEN(jump_nz_s, fp[pc->b].i32 != 0)
JUMP_WHEN(jump_nz_a, (uint32_t)acc != 0)
JUMP_WHEN(jump_z_s, fp[pc->b].i32 == 0)
JUMP_WHEN(jump_z_a, (uint32_t)acc == 0)
JUMP_WHEN_BY(jump_nz64_s, fp[pc->b].i64 != 0, JUMP)
JUMP_WHEN_BY(jump_nz64_a, acc != 0, JUMP)
JUMP_WHEN(jump_z64_s, fp[pc->b].i64 == 0)
JUMP_WHEN(jump_z64_a, acc == 0)

/* A step along a list. Its address is what the step before loaded, but to wait until that comes
 * back from the slot takes half as long as the access itself. So the access goes by what `guess`
 * has, and while it is under way the slot is compared with that; it has 32 bits, so a wrong one
 * reads from the guest's own memory, too. */
#define LOAD_NEXT(name, offset, then)                                                              \
	HANDLER(name)                                                                                  \
	{                                                                                              \
		uint64_t address = (uint32_t)guess, compared = address;                                    \
		__asm__("" : "+r"(compared)); /* so that the compiler does not know them to be equal */    \
		uint64_t there = fp[pc->a].i32;                                                            \
		if (!LIKELY(there == compared))                                                            \
			address = there;                                                                       \
		uint32_t v;                                                                                \
		MARK_FAULT();                                                                              \
		__builtin_memcpy(&v, PLACE(address + (offset)), sizeof v);                                 \
		HOLD_STATE();                                                                              \
		guess = acc = v;                                                                           \
		fp[pc->a].i64 = acc;                                                                       \
		then NEXT;                                                                                 \
	}
LOAD_NEXT(load_next, pc->c, )
LOAD_NEXT(load_next_jump_nz, pc->d, if (acc != 0) JUMP;)
LOAD_NEXT(load_next_jump_z, pc->d, if (acc == 0) JUMP;)
LOAD_NEXT(load_next_jump_nz_meter, pc->d, if (acc != 0) JUMP_METERED;)
LOAD_NEXT(load_next_jump_z_meter, pc->d, if (acc == 0) JUMP_METERED;)

/* The jumps stand in the cells behind this one, four to a cell, counted from this one. */
#define TABLE_JUMP(name, find)                                                                     \
	HANDLER(name)                                                                                  \
	{                                                                                              \
		uint32_t i;                                                                                \
		find;                                                                                      \
		if (i > pc->c)                                                                             \
			i = pc->c;                                                                             \
		int32_t jump;                                                                              \
		__builtin_memcpy(&jump, (const char *)(pc + 1) + i * sizeof jump, sizeof jump);            \
		pc = CELL_AT(jump);                                                                        \
		GO;                                                                                        \
	}
TABLE_JUMP(table_jump_s, i = fp[pc->b].i32)
TABLE_JUMP(table_jump_a, i = (uint32_t)acc)
TABLE_JUMP(table_jump_load8, MARK_FAULT(); i = *PLACE((uint64_t)fp[pc->b].i32 + pc->d);
           HOLD_STATE())

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
	FORGET_OTHERS();
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
	FORGET_OTHERS();
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
	FORGET_OTHERS();
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
		FORGET_OTHERS();                                                                           \
		acc = fp[pc->a].i64;                                                                       \
		NEXT;                                                                                      \
	}
ATOMIC_WAIT(atomic_wait32, uint32_t)
ATOMIC_WAIT(atomic_wait64, uint64_t)
