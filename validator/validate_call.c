/* Typing of calls, direct and by a table or a reference, and of tail calls. */
#include "validator/validate.h"

/* The results of what returns in the function's place must be the function's. */
static bool check_tail_results(struct body *b, const struct functype *type)
{
	const struct block_type *own = &b->s->controls[0].type;
	if (type->result_count != own->result_count)
		return invalid(b, "type mismatch: the results of the tail call are not the function's");
	for (uint32_t i = 0; i < own->result_count; i++)
		if (!matches(b, type->results[i], own->results[i]))
			return mismatch(b, own->results[i], &type->results[i]);
	return true;
}

bool validate_call(struct body *b, struct step *step)
{
	bool is_tail = false;
	switch (step->id) {
	case INSN_return_call:
		is_tail = true;
		/* fallthrough */
	case INSN_call:
		if (!read_index(b, b->m->func_count, "function", &step->index))
			return false;
		step->func = module_func_type(b->m, step->index);
		break;
	case INSN_return_call_indirect:
		is_tail = true;
		/* fallthrough */
	case INSN_call_indirect: {
		if (!read_type(b, FORM_FUNC, &step->index) || !read_table(b, &step->index2))
			return false;
		const struct table_type *table = &b->m->tables[step->index2].type;
		if (!matches(b, table->element, VAL_FUNCREF))
			return invalid(b, "type mismatch: call_indirect needs a table of functions");
		step->func = &b->m->types[step->index];
		if (!pop(b, address_type(&table->limits)))
			return false;
		break;
	}
	case INSN_return_call_ref:
		is_tail = true;
		/* fallthrough */
	default:
		if (!read_type(b, FORM_FUNC, &step->index))
			return false;
		step->func = &b->m->types[step->index];
		if (!pop(b, ref_to(b->m->defs[step->index].canon, true)))
			return false;
		break;
	}
	if (!pop_all(b, step->func->params, step->func->param_count))
		return false;
	if (!is_tail)
		return push_all(b, step->func->results, step->func->result_count);
	if (!check_tail_results(b, step->func))
		return false;
	set_unreachable(b);
	return true;
}
