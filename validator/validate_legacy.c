/* Typing of the exception handling that compilers before 2025 emit (feature legacy-exceptions):
 *
 *     try bt … (catch tag …)* (catch_all …)? end        try bt … delegate label        rethrow
 * label */
#include "validator/validate.h"

static bool is_catch(const struct control *c)
{
	return c->opener == INSN_catch || c->opener == INSN_catch_all;
}

static bool validate_catch(struct body *b, struct step *step)
{
	struct control *c = top(b);
	if (c->opener != INSN_try && c->opener != INSN_catch)
		return error_set_at(b->err, ERROR_MALFORMED, b->at,
		                    "`%s` without `try`: END opcode expected", insns[step->id].mnemonic);
	step->falls_through = !c->unreachable;
	if (!close_block(b))
		return false;
	c->opener = step->id;
	c->unreachable = false;
	if (step->id == INSN_catch_all)
		return true;
	if (!read_index(b, b->m->tag_count, "tag", &step->index))
		return false;
	step->func = b->m->tags[step->index].type;
	return push_all(b, step->func->params, step->func->param_count);
}

/* Ends the block as `end` does; what is thrown inside is thrown again at the label. */
static bool validate_delegate(struct body *b, struct step *step)
{
	const struct control *c = top(b);
	if (c->opener != INSN_try)
		return error_set_at(b->err, ERROR_MALFORMED, b->at,
		                    "`delegate` without `try`: END opcode expected");
	step->falls_through = !c->unreachable;
	if (!close_block(b))
		return false;
	step->block = c->type;
	b->control_count--;
	/* The label counts from outside of the try. */
	const struct control *target;
	if (!read_u32(&b->r, &step->index, b->err) || !find_label(b, step->index, &target))
		return false;
	return push_all(b, step->block.results, step->block.result_count);
}

static bool validate_rethrow(struct body *b, struct step *step)
{
	const struct control *target;
	if (!read_u32(&b->r, &step->index, b->err) || !find_label(b, step->index, &target))
		return false;
	if (!is_catch(target))
		return invalid(b, "invalid rethrow label: it is no catch block");
	set_unreachable(b);
	return true;
}

bool validate_legacy(struct body *b, struct step *step)
{
	switch (step->id) {
	case INSN_catch:
	case INSN_catch_all:
		return validate_catch(b, step);
	case INSN_delegate:
		return validate_delegate(b, step);
	default:
		return validate_rethrow(b, step);
	}
}
