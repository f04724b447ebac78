#include "interp/lower.h"

#include <string.h>

enum acc_class class_of(valtype type)
{
	switch (type) {
	case VAL_F32:
		return CLASS_F32;
	case VAL_F64:
		return CLASS_F64;
	case VAL_V128:
		return CLASS_V128;
	default:
		return CLASS_INT;
	}
}

bool make_room(struct lowering *l, void *array_pointer, uint32_t *room, uint32_t want, size_t size)
{
	if (want <= *room)
		return !l->out_of_memory;
	uint32_t more = *room * 2 > want ? *room * 2 : want + 32;
	void *array;
	memcpy(&array, array_pointer, sizeof array);
	void *bigger = l->out_of_memory ? NULL : mem_resize(array, more * size);
	if (bigger == NULL) {
		l->out_of_memory = true;
		return false;
	}
	memcpy(array_pointer, &bigger, sizeof bigger);
	*room = more;
	return true;
}

/* ---- cells ---- */

struct cell *emit(struct lowering *l, enum op op)
{
	uint32_t want = l->cell_count + 1;
	bool has_room =
	    want <= l->cell_room || make_room(l, &l->cells, &l->cell_room, want, sizeof *l->cells);
	if (!has_room || (l->want_offsets &&
	                  !make_room(l, &l->offsets, &l->offset_room, want, sizeof *l->offsets))) {
		l->scrap = (struct cell){.handler = (int32_t)op};
		return &l->scrap;
	}
	l->last.cell = UINT32_MAX;
	if (l->want_offsets)
		l->offsets[l->cell_count] = l->at;
	struct cell *cell = &l->cells[l->cell_count++];
	*cell = (struct cell){.handler = (int32_t)op};
	return cell;
}

void emit_data(struct lowering *l, const uint8_t *bytes)
{
	struct last last = l->last;
	memcpy(emit(l, OP_halt), bytes, sizeof(struct cell));
	l->last = last;
	l->barrier = l->cell_count;
}

/* ---- accumulators ---- */

void forget_slot(struct lowering *l, uint16_t slot)
{
	for (unsigned i = 0; i < CLASS_COUNT; i++)
		if (l->held[i].slot == slot)
			l->held[i].slot = -1;
	if (l->held[CLASS_V128].slot >= 0 && l->held[CLASS_V128].slot + 1 == slot)
		l->held[CLASS_V128].slot = -1;
}

void forget_class(struct lowering *l, enum acc_class class)
{
	l->held[class].slot = -1;
}

void forget_all(struct lowering *l)
{
	for (unsigned i = 0; i < CLASS_COUNT; i++)
		l->held[i].slot = -1;
}

void cells_end_here(struct lowering *l)
{
	l->last.cell = UINT32_MAX;
	l->barrier = l->cell_count;
}

void here_is_a_label(struct lowering *l)
{
	forget_all(l);
	cells_end_here(l);
}

static void hold(struct lowering *l, enum acc_class class, uint16_t slot, bool may_drop_store)
{
	forget_slot(l, slot);
	l->held[class] = (struct held){
	    .slot = slot,
	    .cell = l->cell_count - 1,
	    .may_drop_store = may_drop_store,
	};
}

/* A cell that computes a value of the class into the slot. */
static struct cell *emit_value(struct lowering *l, enum op op, enum acc_class class, uint16_t slot,
                               enum insn_id insn, unsigned variant)
{
	bool is_next = l->last.cell != UINT32_MAX && l->last.cell + 1 == l->cell_count;
	struct held earlier = is_next ? l->last.before[class] : (struct held){.slot = -1};
	struct cell *cell = emit(l, op);
	cell->a = slot;
	if (l->out_of_memory)
		return cell;
	l->last = (struct last){
	    .cell = l->cell_count - 1, .insn = insn, .variant = variant, .earlier = earlier};
	memcpy(l->last.before, l->held, sizeof l->held);
	hold(l, class, slot, true);
	return cell;
}

struct cell *emit_result(struct lowering *l, enum op op, enum acc_class class, enum insn_id insn,
                         unsigned variant)
{
	struct cell *cell = emit_value(l, op, class, next_slot(l), insn, variant);
	if (!l->out_of_memory)
		push_temp(l, class);
	return cell;
}

struct cell *emit_plain_result(struct lowering *l, enum op op, enum acc_class class)
{
	struct cell *cell = emit(l, op);
	uint16_t slot = next_slot(l);
	cell->a = slot;
	hold(l, class, slot, false);
	push_temp(l, class);
	return cell;
}

/* ---- the symbolic stack ---- */

uint16_t next_slot(const struct lowering *l)
{
	if (l->sym_count == 0)
		return (uint16_t)l->temps;
	const struct sym *top = &l->syms[l->sym_count - 1];
	return (uint16_t)(top->slot + top->slots);
}

static void push(struct lowering *l, struct sym sym)
{
	if (l->sym_count == l->sym_room) {
		uint32_t room = l->sym_room == 0 ? 64 : l->sym_room * 2;
		struct sym *syms = l->out_of_memory ? NULL : mem_resize(l->syms, room * sizeof *syms);
		if (syms == NULL) {
			l->out_of_memory = true;
			return;
		}
		l->syms = syms;
		l->sym_room = room;
	}
	sym.slot = next_slot(l);
	sym.slots = sym.class == CLASS_V128 ? 2 : 1;
	l->syms[l->sym_count++] = sym;
}

void push_local(struct lowering *l, uint32_t local)
{
	if (l->unfolded) {
		struct sym sym = {.kind = SYM_LOCAL, .class = l->local_classes[local], .local = local};
		move_to(l, next_slot(l), &sym, true);
		push(l, (struct sym){.kind = SYM_TEMP, .class = sym.class, .ref = l->local_kinds[local]});
		return;
	}
	l->local_refs[local]++;
	l->refs++;
	push(l, (struct sym){
	            .kind = SYM_LOCAL,
	            .class = l->local_classes[local],
	            .ref = l->local_kinds[local],
	            .local = local,
	        });
}

void push_sum(struct lowering *l, uint32_t local, uint32_t number)
{
	l->local_refs[local]++;
	l->refs++;
	push(l, (struct sym){.kind = SYM_SUM, .class = CLASS_INT, .local = local, .value = number});
}

void push_const(struct lowering *l, enum acc_class class, uint64_t value)
{
	struct sym sym = {.kind = SYM_CONST, .class = (uint8_t)class, .value = value};
	if (l->unfolded) {
		move_to(l, next_slot(l), &sym, true);
		push_temp(l, class);
		return;
	}
	push(l, sym);
}

void push_temp(struct lowering *l, enum acc_class class)
{
	push(l, (struct sym){.kind = SYM_TEMP, .class = (uint8_t)class});
}

void type_top(struct lowering *l, valtype type)
{
	if (l->sym_count > 0)
		l->syms[l->sym_count - 1].ref = (uint8_t)ref_kind_of(l->m->defs, type);
}

void push_typed(struct lowering *l, valtype type)
{
	push_temp(l, class_of(type));
	type_top(l, type);
}

static void add_ref(struct lowering *l, uint32_t cell, uint16_t slot, uint8_t kind)
{
	if (kind == REF_NONE ||
	    !make_room(l, &l->refs_found, &l->ref_room, l->ref_count + 1, sizeof *l->refs_found))
		return;
	l->refs_found[l->ref_count++] = (struct frame_ref){.cell = cell, .slot = slot, .kind = kind};
}

void note_safepoint(struct lowering *l)
{
	l->is_straight = false;
	for (uint32_t i = 0; l->want_maps && i < l->sym_count; i++)
		if (l->syms[i].kind == SYM_TEMP)
			add_ref(l, l->cell_count, l->syms[i].slot, l->syms[i].ref);
}

void note_locals(struct lowering *l)
{
	for (uint32_t i = 0; l->want_maps && i < l->local_count; i++)
		add_ref(l, 0, l->local_slots[i], l->local_kinds[i]);
	l->always_count = l->ref_count;
}

static bool names_local(const struct sym *sym)
{
	return sym->kind == SYM_LOCAL || sym->kind == SYM_SUM;
}

static void unref(struct lowering *l, const struct sym *sym)
{
	if (names_local(sym)) {
		l->local_refs[sym->local]--;
		l->refs--;
	}
}

struct sym pop_lazy(struct lowering *l)
{
	/* Only when memory is out can the stack be shorter than the validator's. */
	if (l->sym_count == 0)
		return (struct sym){.kind = SYM_CONST};
	struct sym sym = l->syms[--l->sym_count];
	unref(l, &sym);
	return sym;
}

struct sym pop_sym(struct lowering *l)
{
	struct sym sym = pop_lazy(l);
	if (sym.kind == SYM_SUM) {
		move_to(l, sym.slot, &sym, false);
		sym.kind = SYM_TEMP;
	}
	return sym;
}

struct sym make_sum(struct lowering *l, struct sym sym)
{
	if (sym.kind != SYM_SUM)
		return sym;
	struct cell *cell =
	    emit_value(l, OP_i32_add_sk_w, CLASS_INT, sym.slot, INSN_i32_add, VARIANT_sk);
	cell->b = l->local_slots[sym.local];
	cell->k = sym.value;
	sym.kind = SYM_TEMP;
	return sym;
}

struct sym pop_value(struct lowering *l)
{
	return make_sum(l, pop_lazy(l));
}

void unpop_sym(struct lowering *l, const struct sym *sym)
{
	/* The place is still there. */
	if (l->out_of_memory)
		return;
	l->syms[l->sym_count++] = *sym;
	if (names_local(sym)) {
		l->local_refs[sym->local]++;
		l->refs++;
	}
}

void truncate_to(struct lowering *l, uint32_t height)
{
	while (l->sym_count > height)
		unref(l, &l->syms[--l->sym_count]);
}

static uint16_t home(const struct lowering *l, const struct sym *sym)
{
	return sym->kind == SYM_LOCAL ? l->local_slots[sym->local] : sym->slot;
}

struct src find(struct lowering *l, const struct sym *sym)
{
	if (sym->kind == SYM_CONST)
		return (struct src){.kind = SRC_CONST, .slot = sym->slot, .value = sym->value};
	struct src src = {.kind = SRC_SLOT, .slot = home(l, sym)};
	if (!l->unfolded && l->held[sym->class].slot == src.slot)
		src.kind = SRC_ACC;
	return src;
}

void take_from_acc(struct lowering *l, const struct sym *sym)
{
	struct held *held = &l->held[sym->class];
	if (sym->kind != SYM_TEMP || !held->may_drop_store)
		return;
	l->cells[held->cell].handler--; /* w to r: variants stand in pairs (cell.h) */
	held->slot = -1;
	if (l->last.cell == held->cell)
		l->last.cell = UINT32_MAX;
}

void move_to(struct lowering *l, uint16_t slot, const struct sym *sym, bool final)
{
	static const enum op from_acc[] = {[CLASS_INT] = OP_move_a,
	                                   [CLASS_F32] = OP_move_f,
	                                   [CLASS_F64] = OP_move_d,
	                                   [CLASS_V128] = OP_move_v};
	static const enum op from_slot[] = {[CLASS_INT] = OP_move_s,
	                                    [CLASS_F32] = OP_move_s32,
	                                    [CLASS_F64] = OP_move_s,
	                                    [CLASS_V128] = OP_move_s128};
	if (sym->kind == SYM_SUM) {
		struct cell *cell = emit(l, OP_sum_s);
		cell->a = slot;
		cell->b = l->local_slots[sym->local];
		cell->c = (uint32_t)sym->value;
		forget_slot(l, slot);
		return;
	}
	struct src src = find(l, sym);
	if (src.kind == SRC_CONST) {
		bool is_vector = sym->class == CLASS_V128;
		struct cell *cell = emit(l, is_vector ? OP_const_s128 : OP_const_s);
		cell->a = slot;
		if (is_vector)
			emit_data(l, (const uint8_t *)(uintptr_t)src.value);
		else
			cell->k = src.value;
		forget_slot(l, slot);
		return;
	}
	if (src.slot == slot)
		return;
	if (src.kind == SRC_ACC) {
		if (final)
			take_from_acc(l, sym);
		emit(l, from_acc[sym->class])->a = slot;
		if (final)
			hold(l, (enum acc_class)sym->class, slot, false);
		else
			forget_slot(l, slot);
		return;
	}
	if (from_slot[sym->class] == OP_move_s) {
		emit_move(l, slot, src.slot);
	} else {
		struct cell *cell = emit(l, from_slot[sym->class]);
		cell->a = slot;
		cell->b = src.slot;
	}
	forget_slot(l, slot);
}

uint16_t in_slot(struct lowering *l, const struct sym *sym)
{
	if (sym->kind == SYM_CONST) {
		move_to(l, sym->slot, sym, true);
		return sym->slot;
	}
	return home(l, sym);
}

static void settle(struct lowering *l, struct sym *sym)
{
	if (sym->kind == SYM_TEMP)
		return;
	move_to(l, sym->slot, sym, false);
	unref(l, sym);
	sym->kind = SYM_TEMP;
}

void settle_top(struct lowering *l, uint32_t count)
{
	for (uint32_t i = count; i > 0 && i <= l->sym_count; i--)
		settle(l, &l->syms[l->sym_count - i]);
}

void settle_locals(struct lowering *l)
{
	for (uint32_t i = l->sym_count; l->refs > 0 && i-- > 0;)
		if (names_local(&l->syms[i]))
			settle(l, &l->syms[i]);
}

void settle_local(struct lowering *l, uint32_t local)
{
	for (uint32_t i = l->sym_count; l->local_refs[local] > 0 && i-- > 0;)
		if (names_local(&l->syms[i]) && l->syms[i].local == local)
			settle(l, &l->syms[i]);
}
