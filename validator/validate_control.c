/* Typing of blocks and branches: the control stack (spec: 3.4, control instructions). */
#include "validator/validate.h"

bool push_control(struct body *b, enum insn_id opener, const struct block_type *type, bool told)
{
	if (!check_limit(b->m, LOAD_LIMIT_NESTING, b->control_count + UINT64_C(1), b->at,
	                 "nested blocks", b->err))
		return false;
	if (!walk_grow((void **)&b->s->controls, &b->s->control_room, b->control_count + (size_t)1,
	               sizeof(struct control), b->err))
		return false;
	bool is_loop = opener == INSN_loop;
	b->s->controls[b->control_count++] = (struct control){
	    .opener = opener,
	    .told = told,
	    .height = b->operand_count,
	    .offset = b->at,
	    .init_height = b->set_count,
	    .type = *type,
	    .label_types = is_loop ? type->params : type->results,
	    .label_count = is_loop ? type->param_count : type->result_count,
	};
	return push_all(b, type->params, type->param_count);
}

bool close_block(struct body *b)
{
	const struct control *c = top(b);
	/* Locals that were first set inside may not have been on another way (spec: 3.4.1). */
	while (b->set_count > c->init_height)
		b->s->is_set[b->s->set_log[--b->set_count]] = false;
	uint32_t height = b->operand_count, count = c->type.result_count;
	if (!pop_all(b, c->type.results, count))
		return false;
	if (b->operand_count == c->height)
		return true;
	b->operand_count = c->height;
	return walk_mismatch_all(b, "block", c->type.results, count, height - c->height,
	                         "values remain on the operand stack at its end");
}

/* A stable place for a block's only result type. */
static const valtype *single_type(struct body *b, valtype type)
{
	struct single_types *singles = b->s->singles;
	for (uint32_t i = 0; singles != NULL && i < singles->count; i++)
		if (singles->types[i] == type)
			return &singles->types[i];
	if (singles == NULL || singles->count == SINGLES) {
		struct single_types *fresh = mem_zeroed(1, sizeof *fresh);
		if (fresh == NULL) {
			no_memory(b->err);
			return NULL;
		}
		fresh->next = singles;
		b->s->singles = singles = fresh;
	}
	singles->types[singles->count] = type;
	return &singles->types[singles->count++];
}

static bool read_block_type(struct body *b, struct block_type *out)
{
	*out = (struct block_type){0};
	uint32_t start = reader_offset(&b->r);
	uint8_t byte = b->r.pos < b->r.end ? *b->r.pos : 0x40;
	if (byte == 0x40)
		return read_byte(&b->r, &byte, b->err);
	/* Value types are negative in one byte of SLEB128; an index is not. */
	if ((byte & 0xc0) == 0x40) {
		valtype type;
		if (!decode_valtype(&b->r, b->m, &type, b->err))
			return false;
		out->results = single_type(b, type);
		out->result_count = 1;
		return out->results != NULL;
	}
	int64_t index;
	if (!reader_sleb(&b->r, 33, &index, b->err))
		return false;
	if (index < 0)
		return error_set_at(b->err, ERROR_MALFORMED, start, "malformed block type");
	if (index >= b->m->type_count)
		return error_set_at(b->err, ERROR_INVALID, start, "unknown type %u", (uint32_t)index);
	if (b->m->defs[index].form != FORM_FUNC)
		return error_set_at(b->err, ERROR_INVALID, start,
		                    "type mismatch: type %u is no function type", (uint32_t)index);
	if (!need_feature(b->m->features, FEATURE_MULTI_VALUE, start, "a block with a type index",
	                  b->err))
		return false;
	const struct functype *type = &b->m->types[index];
	*out = (struct block_type){
	    .params = type->params,
	    .results = type->results,
	    .param_count = type->param_count,
	    .result_count = type->result_count,
	};
	return true;
}

bool validate_block(struct body *b, struct step *step, bool told)
{
	return read_block_type(b, &step->block) && (step->id != INSN_if || pop(b, VAL_I32)) &&
	       (step->id != INSN_try_table || validate_catches(b, step)) &&
	       pop_all(b, step->block.params, step->block.param_count) &&
	       push_control(b, step->id, &step->block, told);
}

bool validate_else(struct body *b, struct step *step)
{
	struct control *c = top(b);
	if (c->opener != INSN_if)
		return error_set_at(b->err, ERROR_MALFORMED, b->at,
		                    "`else` without `if`: END opcode "
		                    "expected");
	step->falls_through = !c->unreachable;
	if (!close_block(b))
		return false;
	c->opener = INSN_else;
	c->unreachable = false;
	return push_all(b, c->type.params, c->type.param_count);
}

bool validate_end(struct body *b, struct step *step)
{
	const struct control *c = top(b);
	step->falls_through = !c->unreachable;
	if (!close_block(b))
		return false;
	if (c->opener == INSN_if) {
		bool same = c->type.param_count == c->type.result_count;
		for (uint32_t i = 0; same && i < c->type.param_count; i++)
			same = c->type.params[i] == c->type.results[i];
		if (!same)
			return invalid(b, "type mismatch: an `if` without `else` must leave what it takes");
	}
	step->block = c->type;
	b->control_count--;
	return b->control_count == 0 || push_all(b, c->type.results, c->type.result_count);
}

bool validate_br(struct body *b, struct step *step)
{
	const struct control *target = NULL;
	if (!read_u32(&b->r, &step->index, b->err))
		return false;
	if (step->id == INSN_br_if && !pop(b, VAL_I32))
		return false;
	if (!find_label(b, step->index, &target))
		return false;
	if (!pop_all(b, target->label_types, target->label_count))
		return false;
	if (step->id == INSN_br_if)
		return push_all(b, target->label_types, target->label_count);
	set_unreachable(b);
	return true;
}

bool validate_br_table(struct body *b, struct step *step, bool told)
{
	uint32_t count;
	if (!decode_count(&b->r, b->m, LOAD_LIMIT_BR_TABLE_TARGETS, 0, "targets of a br_table", &count,
	                  b->err) ||
	    !pop(b, VAL_I32))
		return false;
	if (told && !walk_grow((void **)&b->s->labels, &b->s->label_room, count + (size_t)1,
	                       sizeof(uint32_t), b->err))
		return false;
	/* The default label stands last; all must take as many values as it does. */
	uint32_t arity = 0;
	for (uint32_t i = 0; i <= count; i++) {
		uint32_t label;
		const struct control *target = NULL;
		if (!read_u32(&b->r, &label, b->err) || !find_label(b, label, &target))
			return false;
		if (i == 0)
			arity = target->label_count;
		else if (target->label_count != arity)
			return invalid(b, "type mismatch: the labels of br_table take different numbers of "
			                  "values");
		if (!check_top(b, target->label_types, target->label_count))
			return false;
		if (told)
			b->s->labels[i] = label;
	}
	step->labels = b->s->labels;
	step->label_count = count;
	set_unreachable(b);
	return true;
}

bool validate_return(struct body *b)
{
	const struct control *c = &b->s->controls[0];
	if (!pop_all(b, c->type.results, c->type.result_count))
		return false;
	set_unreachable(b);
	return true;
}
