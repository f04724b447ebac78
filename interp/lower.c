/* Control: blocks, branches, calls, and the whole of a function. */
#include "interp/lower.h"

#include "validator/limit.h"

#include <stdlib.h>
#include <string.h>

/* ---- labels ---- */

struct label *label_at(struct lowering *l, uint32_t depth)
{
	return &l->labels[l->label_count - 1 - depth];
}

void label_arity(const struct label *label, const valtype **types, uint32_t *count)
{
	bool loop = label->opener == INSN_loop;
	*types = loop ? label->type.params : label->type.results;
	*count = loop ? label->type.param_count : label->type.result_count;
}

void push_label(struct lowering *l, enum insn_id opener, const struct block_type *type)
{
	l->is_straight = l->label_count == 0;
	if (l->label_count == l->label_room) {
		uint32_t room = l->label_room == 0 ? 32 : l->label_room * 2;
		struct label *labels =
		    l->out_of_memory ? NULL : mem_resize(l->labels, room * sizeof *labels);
		if (labels == NULL) {
			l->out_of_memory = true;
			return;
		}
		l->labels = labels;
		l->label_room = room;
	}
	l->labels[l->label_count++] = (struct label){
	    .opener = opener,
	    .height = l->sym_count - type->param_count,
	    .start = l->cell_count,
	    .fixups = NO_FIXUP,
	    .else_jump = NO_FIXUP,
	    .range = NO_RANGE,
	    .type = *type,
	};
}

/* The slot where the label's values start. */
uint16_t label_slot(const struct lowering *l, const struct label *label)
{
	if (label->height == 0)
		return (uint16_t)l->temps;
	const struct sym *below = &l->syms[label->height - 1];
	return (uint16_t)(below->slot + below->slots);
}

void add_fixup(struct lowering *l, struct label *label, uint32_t word, uint32_t origin)
{
	if (l->fixup_count == l->fixup_room) {
		uint32_t room = l->fixup_room == 0 ? 32 : l->fixup_room * 2;
		struct fixup *fixups =
		    l->out_of_memory ? NULL : mem_resize(l->fixups, room * sizeof *fixups);
		if (fixups == NULL) {
			l->out_of_memory = true;
			return;
		}
		l->fixups = fixups;
		l->fixup_room = room;
	}
	l->fixups[l->fixup_count] =
	    (struct fixup){.word = word, .origin = origin, .next = label->fixups};
	label->fixups = l->fixup_count++;
}

/* Jumps count bytes in 32 bits. */
#define JUMP_MAX (INT32_MAX / sizeof(struct cell))

#define WORDS_PER_CELL 4
#define JUMP_WORD 2 /* struct cell's `jump` */
_Static_assert(sizeof(struct cell) == WORDS_PER_CELL * sizeof(int32_t), "words of a cell");
_Static_assert(offsetof(struct cell, jump) == JUMP_WORD * sizeof(int32_t), "place of the jump");

/* The way from cell `origin` to cell `target`, in bytes: exact in a function that is not refused
 * for its size (JUMP_MAX). */
static int32_t way(uint32_t origin, uint32_t target)
{
	return (int32_t)((target - origin) * sizeof(struct cell));
}

static void set_jump(struct lowering *l, uint32_t word, uint32_t origin, uint32_t target)
{
	int32_t value = way(origin, target);
	memcpy((char *)l->cells + (size_t)word * sizeof value, &value, sizeof value);
}

/* Makes the jump at `word` go to the label: at once to a loop, later to a block's end. */
static void aim(struct lowering *l, struct label *label, uint32_t word, uint32_t origin)
{
	if (l->out_of_memory)
		return;
	if (label->opener == INSN_loop)
		set_jump(l, word, origin, label->start);
	else
		add_fixup(l, label, word, origin);
}

void aim_cell(struct lowering *l, struct label *label, uint32_t cell)
{
	if (label->opener == INSN_loop)
		pay_on_jump(l, cell);
	aim(l, label, cell * WORDS_PER_CELL + JUMP_WORD, cell);
}

void aim_here(struct lowering *l, uint32_t cell)
{
	if (!l->out_of_memory)
		l->cells[cell].jump = way(cell, l->cell_count);
}

void aim_at(struct lowering *l, uint32_t cell, uint32_t target)
{
	if (!l->out_of_memory)
		l->cells[cell].jump = way(cell, target);
}

uint32_t emit_jump(struct lowering *l)
{
	if (!fuse_jump(l))
		emit(l, OP_jump);
	return l->cell_count - 1;
}

/* ---- values across branches ---- */

static const struct sym *top_sym(const struct lowering *l, uint32_t count, uint32_t i)
{
	return &l->syms[l->sym_count - count + i];
}

static bool needs_moves(struct lowering *l, const struct label *label, uint32_t count)
{
	uint16_t slot = label_slot(l, label);
	for (uint32_t i = 0; i < count; i++) {
		const struct sym *sym = top_sym(l, count, i);
		if (sym->kind != SYM_TEMP || sym->slot != slot)
			return true;
		slot = (uint16_t)(slot + sym->slots);
	}
	return false;
}

/* Upwards: a value's slot is never below the slot that it goes to, so nothing is overwritten before
 * it was moved. */
void move_values(struct lowering *l, const struct label *label, uint32_t count, bool final)
{
	uint16_t slot = label_slot(l, label);
	for (uint32_t i = 0; i < count; i++) {
		const struct sym *sym = top_sym(l, count, i);
		move_to(l, slot, sym, final && sym->kind != SYM_TEMP);
		slot = (uint16_t)(slot + sym->slots);
	}
}

/* The values are read on two ways: no store of theirs may be taken back on one of them. */
static void pin_values(struct lowering *l, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		const struct sym *sym = top_sym(l, count, i);
		struct held *held = &l->held[sym->class];
		if (sym->kind == SYM_TEMP && held->slot == sym->slot)
			held->may_drop_store = false;
	}
}

void emit_return(struct lowering *l, bool final)
{
	static const enum op from_acc[] = {[CLASS_INT] = OP_return_a,
	                                   [CLASS_F32] = OP_return_f,
	                                   [CLASS_F64] = OP_return_d,
	                                   [CLASS_V128] = OP_return_v};
	static const enum op from_slot[] = {[CLASS_INT] = OP_return_s,
	                                    [CLASS_F32] = OP_return_s32,
	                                    [CLASS_F64] = OP_return_s,
	                                    [CLASS_V128] = OP_return_s128};
	uint32_t count = l->type->result_count;
	l->is_straight &= final;
	if (count == 1) {
		const struct sym *sym = top_sym(l, 1, 0);
		struct sym sum;
		if (sym->kind == SYM_SUM) {
			/* Only here is it made: when the return is on a side way, it is wanted again. */
			sum = make_sum(l, *sym);
			sym = &sum;
		}
		if (final && is_last(l, sym) && l->last.insn == INSN_i32_add &&
		    l->last.variant == VARIANT_ss) {
			struct cell add = take_back(l);
			struct cell *cell = emit(l, OP_return_add);
			cell->a = (uint16_t)l->header;
			cell->b = add.b;
			cell->c = add.c;
			return;
		}
		struct src src = find(l, sym);
		if (src.kind == SRC_CONST && sym->class == CLASS_V128)
			src = (struct src){.kind = SRC_SLOT, .slot = in_slot(l, sym)};
		if (src.kind == SRC_ACC && final)
			take_from_acc(l, sym);
		struct cell *cell = emit(l, src.kind == SRC_ACC     ? from_acc[sym->class]
		                            : src.kind == SRC_CONST ? OP_return_k
		                                                    : from_slot[sym->class]);
		cell->a = (uint16_t)l->header;
		cell->b = src.slot;
		if (src.kind == SRC_CONST)
			cell->k = src.value;
		return;
	}
	/* Results overlap params: all go to their heights first, then down. */
	for (uint32_t i = 0; i < count; i++) {
		const struct sym *sym = top_sym(l, count, i);
		move_to(l, sym->slot, sym, false);
	}
	uint16_t slot = 0;
	for (uint32_t i = 0; i < count; i++) {
		struct sym temp = *top_sym(l, count, i);
		temp.kind = SYM_TEMP;
		move_to(l, slot, &temp, false);
		slot = (uint16_t)(slot + temp.slots);
	}
	emit(l, OP_return_none)->a = (uint16_t)l->header;
}

/* ---- branches ---- */

static void lower_br(struct lowering *l, uint32_t depth)
{
	struct label *label = label_at(l, depth);
	if (label->is_function) {
		emit_return(l, true);
		return;
	}
	const valtype *types;
	uint32_t count;
	label_arity(label, &types, &count);
	move_values(l, label, count, true);
	aim_cell(l, label, emit_jump(l));
}

/* A branch with the values on top of the stack when the condition is `sense`. */
static void branch_when(struct lowering *l, uint32_t depth, struct condition *condition, bool sense,
                        bool is_unlikely)
{
	struct label *label = label_at(l, depth);
	const valtype *types;
	uint32_t count;
	label_arity(label, &types, &count);
	pin_values(l, count);
	if (!label->is_function && !needs_moves(l, label, count)) {
		aim_cell(l, label, emit_conditional_jump(l, condition, sense));
		return;
	}
	bool aside = is_unlikely && !l->unfolded;
	uint32_t jump = emit_conditional_jump(l, condition, aside ? sense : !sense);
	cells_end_here(l);
	uint32_t first = l->cell_count;
	struct held held[CLASS_COUNT];
	memcpy(held, l->held, sizeof held);
	if (label->is_function) {
		emit_return(l, false);
	} else {
		move_values(l, label, count, false);
		uint32_t last = emit_jump(l);
		if (!aside)
			aim_cell(l, label, last);
	}
	if (aside)
		put_aside(l, jump, first, label->is_function ? NULL : label);
	else
		aim_here(l, jump);
	/* Only the jump comes here, with the accumulators as they were. */
	memcpy(l->held, held, sizeof held);
	cells_end_here(l);
}

static void lower_br_if(struct lowering *l, const struct step *step)
{
	struct condition condition = take_condition(l);
	branch_when(l, step->index, &condition, true, branch_hints_unlikely(&l->hints, step->offset));
}

/* br_on_null, br_on_non_null: the condition is the reference itself. */
static void lower_br_on_null(struct lowering *l, const struct step *step)
{
	struct sym sym = pop_sym(l);
	struct src src = find(l, &sym);
	if (src.kind == SRC_CONST) {
		src = (struct src){.kind = SRC_SLOT, .slot = in_slot(l, &sym)};
		sym.kind = SYM_TEMP;
	}
	struct condition condition = condition_of(&sym, src, true);
	bool on_null = step->id == INSN_br_on_null;
	/* A branch on null leaves the reference behind, one on non-null takes it along. */
	if (!on_null)
		unpop_sym(l, &sym);
	else
		/* It is read again when the branch is not taken: its store stays. */
		l->held[sym.class].may_drop_store &= l->held[sym.class].slot != (int32_t)src.slot;
	branch_when(l, step->index, &condition, !on_null, false);
	if (on_null)
		unpop_sym(l, &sym);
	else
		pop_sym(l);
}

static void lower_br_on_cast(struct lowering *l, const struct step *step)
{
	lower_cast_test(l, step);
	struct sym answer = {.kind = SYM_TEMP, .class = CLASS_INT};
	struct condition condition = condition_of(&answer, (struct src){.kind = SRC_ACC}, false);
	branch_when(l, step->index, &condition, step->id == INSN_br_on_cast, false);
	bool on_fail = step->id == INSN_br_on_cast_fail;
	type_top(l, on_fail ? step->type2 : step->type);
}

static void lower_br_table(struct lowering *l, const struct step *step)
{
	struct sym index = pop_sym(l);
	struct cell *cell = fuse_table_jump(l, &index);
	if (cell == NULL) {
		struct src src = find(l, &index);
		if (src.kind == SRC_CONST)
			src = (struct src){.kind = SRC_SLOT, .slot = in_slot(l, &index)};
		if (src.kind == SRC_ACC)
			take_from_acc(l, &index);
		cell = emit(l, src.kind == SRC_ACC ? OP_table_jump_a : OP_table_jump_s);
		cell->b = src.slot;
	}
	cell->c = step->label_count;
	uint32_t origin = l->cell_count - 1;
	uint32_t rows = (step->label_count + WORDS_PER_CELL) / WORDS_PER_CELL;
	for (uint32_t i = 0; i < rows; i++)
		emit(l, OP_halt); /* data; the op is overwritten */
	here_is_a_label(l);

	uint32_t first_word = (origin + 1) * WORDS_PER_CELL;
	for (uint32_t i = 0; i <= step->label_count && !l->out_of_memory; i++) {
		struct label *label = label_at(l, step->labels[i]);
		const valtype *types;
		uint32_t count;
		label_arity(label, &types, &count);
		if (!label->is_function && !needs_moves(l, label, count)) {
			aim(l, label, first_word + i, origin);
			continue;
		}
		/* A landing of its own for the moves. */
		set_jump(l, first_word + i, origin, l->cell_count);
		here_is_a_label(l);
		if (label->is_function) {
			emit_return(l, false);
		} else {
			move_values(l, label, count, false);
			aim_cell(l, label, emit_jump(l));
		}
	}
}

/* ---- blocks ---- */

static void lower_block(struct lowering *l, const struct step *step)
{
	struct condition condition;
	if (step->id == INSN_if)
		condition = take_condition(l);
	/* Inside, a local may be set on one way and not on the other: what stands below must not depend
	 * on it. Constants may stay as they are, but for the params, which a merge finds in slots. */
	settle_locals(l);
	settle_top(l, step->block.param_count);
	if (step->id == INSN_loop)
		here_is_a_label(l);
	push_label(l, step->id, &step->block);
	if (step->id == INSN_loop) {
		l->loops++;
		start_meter(l);
	}
	if (step->id == INSN_if && !l->out_of_memory)
		l->labels[l->label_count - 1].else_jump = emit_conditional_jump(l, &condition, false);
	if (step->id == INSN_if && step->block.param_count > 0)
		pin_values(l, step->block.param_count);
}

void push_types(struct lowering *l, const valtype *types, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		push_typed(l, types[i]);
}

static void lower_else(struct lowering *l, const struct step *step)
{
	struct label *label = label_at(l, 0);
	if (step->falls_through) {
		move_values(l, label, label->type.result_count, true);
		uint32_t jump = emit_jump(l);
		add_fixup(l, label, jump * WORDS_PER_CELL + JUMP_WORD, jump);
	}
	aim_here(l, label->else_jump);
	label->else_jump = NO_FIXUP;
	here_is_a_label(l);
	truncate_to(l, label->height);
	push_types(l, label->type.params, label->type.param_count);
}

static void bind_fixups(struct lowering *l, const struct label *label)
{
	for (uint32_t i = label->fixups; i != NO_FIXUP; i = l->fixups[i].next) {
		const struct fixup *fixup = &l->fixups[i];
		if (fixup->origin == ORIGIN_ASIDE)
			l->asides[fixup->word].target = l->cell_count;
		else
			set_jump(l, fixup->word, fixup->origin, l->cell_count);
	}
}

void lower_end(struct lowering *l, const struct step *step)
{
	struct label label = *label_at(l, 0);
	if (label.opener == INSN_loop) {
		l->loops--;
		l->meter = label.meter;
	}
	if (label.range != NO_RANGE) {
		l->ranges[label.range].end = l->cell_count;
		cells_end_here(l);
	}
	if (label.is_function) {
		if (step->falls_through) {
			emit_return(l, true);
			pay_on_return(l);
		}
		place_asides(l);
		l->label_count--;
		return;
	}
	/* Behind a catch the stack holds what was caught as well. */
	bool is_catch = label.opener == INSN_catch || label.opener == INSN_catch_all;
	bool joins = label.fixups != NO_FIXUP || label.else_jump != NO_FIXUP || is_catch;
	if (step->falls_through && !joins) {
		l->label_count--;
		return;
	}
	if (step->falls_through)
		move_values(l, &label, label.type.result_count, true);
	if (label.else_jump != NO_FIXUP)
		aim_here(l, label.else_jump);
	bind_fixups(l, &label);
	here_is_a_label(l);
	truncate_to(l, label.height);
	push_types(l, label.type.results, label.type.result_count);
	l->label_count--;
}

/* ---- the function ---- */

static bool begin(void *ctx, const valtype *locals, uint32_t count, struct error *err)
{
	struct lowering *l = ctx;
	const struct functype *type = l->type;
	l->local_count = count;
	uint32_t rooms[5];
	for (unsigned i = 0; i < 5; i++)
		rooms[i] = l->local_room;
	if (!make_room(l, &l->local_slots, &rooms[0], count, sizeof *l->local_slots) ||
	    !make_room(l, &l->local_classes, &rooms[1], count, sizeof *l->local_classes) ||
	    !make_room(l, &l->local_kinds, &rooms[2], count, sizeof *l->local_kinds) ||
	    !make_room(l, &l->local_refs, &rooms[3], count, sizeof *l->local_refs) ||
	    !make_room(l, &l->local_written, &rooms[4], count, sizeof *l->local_written))
		return error_set(err, ERROR_NO_MEMORY, "out of memory");
	l->local_room = rooms[0];

	l->header = type_header(type);
	uint32_t behind_header = l->header + 1 + (l->has_try ? NATIVE_SLOTS : 0);
	uint32_t slot = 0;
	for (uint32_t i = 0; i < count; i++) {
		if (i == type->param_count)
			slot = behind_header;
		l->local_slots[i] = (uint16_t)slot;
		l->local_refs[i] = 0;
		l->local_written[i] = i < type->param_count;
		l->local_classes[i] = (uint8_t)class_of(locals[i]);
		l->local_kinds[i] = (uint8_t)ref_kind_of(l->m->defs, locals[i]);
		slot += valtype_slots(locals[i]);
	}
	uint32_t first = behind_header;
	if (l->has_try)
		emit(l, OP_keep_native)->a = (uint16_t)(l->header + 1);
	if (count > type->param_count) {
		uint32_t slots = slot - first;
		struct cell *cell = emit(l, slots == 1 ? OP_enter1 : slots == 2 ? OP_enter2 : OP_enter);
		cell->a = (uint16_t)first;
		cell->b = (uint16_t)slots;
		first = slot;
	}
	note_locals(l);
	l->temps = first < FRAME_ADVANCE_MIN ? FRAME_ADVANCE_MIN : first;

	struct block_type outer = {.results = type->results, .result_count = type->result_count};
	push_label(l, INSN_block, &outer);
	if (!l->out_of_memory)
		l->labels[0].is_function = true;
	start_meter(l);
	return true;
}

static bool lower_step(void *ctx, const struct step *step, struct error *err)
{
	struct lowering *l = ctx;
	if (l->out_of_memory)
		return error_set(err, ERROR_NO_MEMORY, "out of memory");
	l->at = step->offset;
	if (l->metered)
		l->cells[l->meter].c++;
	l->is_straight &= is_unseen(step->id);
	switch (step->id) {
	case INSN_unreachable:
		emit(l, OP_trap)->c = TRAP_UNREACHABLE;
		return true;
	case INSN_block:
	case INSN_loop:
	case INSN_if:
		lower_block(l, step);
		return true;
	case INSN_else:
		lower_else(l, step);
		return true;
	case INSN_end:
		lower_end(l, step);
		return true;
	case INSN_br:
		lower_br(l, step->index);
		return true;
	case INSN_br_if:
		lower_br_if(l, step);
		return true;
	case INSN_br_table:
		lower_br_table(l, step);
		return true;
	case INSN_return:
		emit_return(l, true);
		return true;
	case INSN_br_on_null:
	case INSN_br_on_non_null:
		lower_br_on_null(l, step);
		return true;
	case INSN_br_on_cast:
	case INSN_br_on_cast_fail:
		lower_br_on_cast(l, step);
		return true;
	case INSN_throw:
	case INSN_throw_ref:
		lower_throw(l, step);
		return true;
	case INSN_try_table:
		lower_try_table(l, step);
		return true;
	case INSN_try:
	case INSN_catch:
	case INSN_catch_all:
	case INSN_delegate:
	case INSN_rethrow:
		lower_legacy(l, step);
		return true;
	case INSN_call:
	case INSN_call_indirect:
	case INSN_call_ref:
	case INSN_return_call:
	case INSN_return_call_indirect:
	case INSN_return_call_ref:
		lower_call(l, step);
		return true;
	default:
		if (!lower_operation(l, step))
			return error_set_at(err, ERROR_UNSUPPORTED, step->offset,
			                    "`%s` is validated but not lowered", insns[step->id].mnemonic);
		return true;
	}
}

static bool lower_once(struct lowering *l, const struct code *code, uint32_t func,
                       enum lower_want want, bool has_try, struct error *err)
{
	const struct module *m = code->module;
	/* All but the arrays' room starts anew. */
	const struct lowering room = *l;
	*l = (struct lowering){
	    .m = m,
	    .type = module_func_type(m, func),
	    .unfolded = code->store->options.unfolded,
	    .checked = code->checked,
	    .metered = code->store->options.fuel != 0,
	    .at = (uint32_t)m->funcs[func].body_offset,
	    .want_offsets = want != LOWER_CODE && want != LOWER_MAPS,
	    .want_payments = want == LOWER_PAYMENTS,
	    .want_first_loads = want == LOWER_FIRST_LOADS,
	    .want_maps = want == LOWER_MAPS,
	    .has_try = has_try,
	    .scratch = room.scratch,
	    .cells = room.cells,
	    .cell_room = room.cell_room,
	    .offsets = room.offsets,
	    .offset_room = room.offset_room,
	    .refs_found = room.refs_found,
	    .ref_room = room.ref_room,
	    .ranges = room.ranges,
	    .range_room = room.range_room,
	    .clauses = room.clauses,
	    .clause_room = room.clause_room,
	    .fixups = room.fixups,
	    .fixup_room = room.fixup_room,
	    .asides = room.asides,
	    .aside_room = room.aside_room,
	    .aside_cells = room.aside_cells,
	    .aside_cell_room = room.aside_cell_room,
	    .syms = room.syms,
	    .sym_room = room.sym_room,
	    .labels = room.labels,
	    .label_room = room.label_room,
	    .local_slots = room.local_slots,
	    .local_classes = room.local_classes,
	    .local_kinds = room.local_kinds,
	    .local_refs = room.local_refs,
	    .local_written = room.local_written,
	    .local_room = room.local_room,
	};
	here_is_a_label(l);
	if (l->scratch == NULL)
		l->scratch = body_scratch_create();
	if (l->scratch == NULL)
		return error_set(err, ERROR_NO_MEMORY, "out of memory");
	branch_hints_begin(&l->hints, m, func,
	                   code->hints == NULL ? 0 : code->hints[func - m->imported_func_count]);
	struct body_sink sink = {.ctx = l, .begin = begin, .step = lower_step};
	bool fine = body_walk(m, func, l->scratch, &sink, err);
	if (fine && l->out_of_memory)
		fine = error_set(err, ERROR_NO_MEMORY, "out of memory");
	if (fine && l->cell_count > JUMP_MAX)
		fine = error_set(err, ERROR_LIMIT, "its code has %u cells, more than %u", l->cell_count,
		                 (unsigned)JUMP_MAX);
	return fine;
}

bool lower_function(struct lowering *l, const struct code *code, uint32_t func,
                    enum lower_want want, struct error *err)
{
	if (!lower_once(l, code, func, want, false, err))
		return false;
	if (!l->needs_try)
		return true;
	/* Only now is it known that the frame needs room for its native state. */
	return lower_once(l, code, func, want, true, err);
}

void lowering_clear(struct lowering *l)
{
	body_scratch_destroy(l->scratch);
	mem_free(l->cells);
	mem_free(l->offsets);
	mem_free(l->fixups);
	mem_free(l->syms);
	mem_free(l->labels);
	mem_free(l->asides);
	mem_free(l->aside_cells);
	mem_free(l->local_slots);
	mem_free(l->local_classes);
	mem_free(l->local_refs);
	mem_free(l->local_written);
	mem_free(l->local_kinds);
	mem_free(l->refs_found);
	mem_free(l->ranges);
	mem_free(l->clauses);
}
