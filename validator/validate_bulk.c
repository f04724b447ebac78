/* Typing of tables, and of what fills and copies memories and tables. */
#include "validator/validate.h"

static bool know_data(struct body *b, uint32_t index)
{
	if (!b->m->has_data_count)
		return error_set_at(b->err, ERROR_MALFORMED, b->at, "data count section required");
	return index < b->m->data_count ||
	       error_set_at(b->err, ERROR_INVALID, b->at, "unknown data segment %u", index);
}

static bool know_elem(struct body *b, uint32_t index)
{
	return index < b->m->elem_count ||
	       error_set_at(b->err, ERROR_INVALID, b->at, "unknown elem segment %u", index);
}

static valtype table_address(const struct body *b, uint32_t table)
{
	return address_type(&b->m->tables[table].type.limits);
}

/* How much can be copied between two of them: the smaller one's type. */
static valtype smaller_address(valtype a, valtype b)
{
	return a == VAL_I64 ? b : a;
}

static bool pop3(struct body *b, valtype first, valtype second, valtype third)
{
	return pop(b, third) && pop(b, second) && pop(b, first);
}

bool validate_bulk(struct body *b, struct step *step)
{
	valtype to, from;
	switch (step->id) {
	case INSN_memory_init:
		/* The segment's index stands first, but is looked up last (spec: 3.4). */
		return read_u32(&b->r, &step->index, b->err) && read_memory(b, &step->index2) &&
		       know_data(b, step->index) &&
		       pop3(b, memory_address(b, step->index2), VAL_I32, VAL_I32);
	case INSN_data_drop:
		return read_u32(&b->r, &step->index, b->err) && know_data(b, step->index);
	case INSN_memory_copy:
		if (!read_memory(b, &step->index) || !read_memory(b, &step->index2))
			return false;
		to = memory_address(b, step->index);
		from = memory_address(b, step->index2);
		return pop3(b, to, from, smaller_address(to, from));
	case INSN_memory_fill:
		if (!read_memory(b, &step->index))
			return false;
		to = memory_address(b, step->index);
		return pop3(b, to, VAL_I32, to);
	case INSN_elem_drop:
		return read_u32(&b->r, &step->index, b->err) && know_elem(b, step->index);
	case INSN_table_init:
		if (!read_u32(&b->r, &step->index, b->err) || !read_table(b, &step->index2) ||
		    !know_elem(b, step->index))
			return false;
		if (!matches(b, b->m->elems[step->index].type, b->m->tables[step->index2].type.element))
			return invalid(b, "type mismatch: the segment's type is not the table's");
		return pop3(b, table_address(b, step->index2), VAL_I32, VAL_I32);
	default:
		if (!read_table(b, &step->index) || !read_table(b, &step->index2))
			return false;
		if (!matches(b, b->m->tables[step->index2].type.element,
		             b->m->tables[step->index].type.element))
			return invalid(b, "type mismatch: the tables hold different types");
		to = table_address(b, step->index);
		from = table_address(b, step->index2);
		return pop3(b, to, from, smaller_address(to, from));
	}
}

bool validate_table(struct body *b, struct step *step)
{
	if (!read_table(b, &step->index))
		return false;
	step->type = b->m->tables[step->index].type.element;
	valtype address = table_address(b, step->index);
	switch (step->id) {
	case INSN_table_get:
		return pop(b, address) && push(b, step->type);
	case INSN_table_set:
		return pop(b, step->type) && pop(b, address);
	case INSN_table_grow:
		return pop(b, address) && pop(b, step->type) && push(b, address);
	case INSN_table_fill:
		return pop3(b, address, step->type, address);
	default:
		return push(b, address);
	}
}
