/* The validation algorithm (spec: appendix, "Validation Algorithm"): one operand stack, one control
 * stack. Instructions with a signature in insn.def take one generic path; only control, variables,
 * tables, references, bulk operations, drop and select are typed by hand. */
#include "validator/validate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct body_scratch *body_scratch_create(void)
{
	return mem_zeroed(1, sizeof(struct body_scratch));
}

void body_scratch_destroy(struct body_scratch *scratch)
{
	if (scratch == NULL)
		return;
	mem_free(scratch->operands);
	mem_free(scratch->controls);
	mem_free(scratch->locals);
	mem_free(scratch->labels);
	mem_free(scratch->catches);
	mem_free(scratch->is_set);
	mem_free(scratch->set_log);
	for (struct single_types *singles = scratch->singles; singles != NULL;) {
		struct single_types *next = singles->next;
		mem_free(singles);
		singles = next;
	}
	mem_free(scratch);
}

bool walk_grow(void **array, size_t *room, size_t want, size_t size, struct error *err)
{
	if (want <= *room)
		return true;
	size_t more = *room * 2 > want ? *room * 2 : want + 64;
	void *bigger = mem_resize(*array, more * size);
	if (bigger == NULL)
		return no_memory(err);
	*array = bigger;
	*room = more;
	return true;
}

bool walk_make_operand_room(struct body *b)
{
	if (b->operand_count >= b->operand_limit)
		return error_set_at(b->err, ERROR_LIMIT, b->at,
		                    "the function needs more than %llu frame slots for its locals and "
		                    "operands (limit %s)",
		                    (unsigned long long)b->m->limits.of[LOAD_LIMIT_FRAME_SLOTS],
		                    load_limit_rows[LOAD_LIMIT_FRAME_SLOTS].name);
	if (!walk_grow((void **)&b->s->operands, &b->s->operand_room, b->operand_count + (size_t)1,
	               sizeof(valtype), b->err))
		return false;
	size_t room = b->s->operand_room;
	b->operand_cap = room < b->operand_limit ? (uint32_t)room : b->operand_limit;
	return true;
}

void walk_mismatch(struct body *b, valtype want, const valtype *found)
{
	char want_name[32], found_name[32];
	error_put_at(b->err, ERROR_INVALID, b->at, "type mismatch: expected %s, found %s",
	             valtype_name(want, want_name),
	             found == NULL ? "nothing on the operand stack" : valtype_name(*found, found_name));
}

/* Types as "i32 i64", as far as there is room. */
static void list_types(char *out, size_t size, const valtype *types, uint32_t count)
{
	size_t at = 0;
	out[0] = '\0';
	for (uint32_t i = 0; i < count; i++) {
		char name[32];
		bool is_full = size - at < 2 * sizeof name;
		at += (size_t)snprintf(out + at, size - at, "%s%s", i > 0 ? " " : "",
		                       is_full ? "…" : valtype_name(types[i], name));
		if (is_full)
			return;
	}
}

/* What `who` (instruction, block) requires, and the `shown` operands from the present top on that
 * stood there; in the place of a message about a single one. */
static bool mismatch_all(struct body *b, const char *who, const valtype *types, uint32_t count,
                         uint32_t shown, const char *detail)
{
	char required[200], found[200];
	list_types(required, sizeof required, types, count);
	/* Without any operand yet there is no room for them either. */
	list_types(found, sizeof found, shown > 0 ? b->s->operands + b->operand_count : NULL, shown);
	error_clear(b->err);
	return error_set_at(b->err, ERROR_INVALID, b->at,
	                    "type mismatch: %s requires [%s] but stack has [%s]: %s", who, required,
	                    found, detail);
}

bool walk_pops_failed(struct body *b, const valtype *types, uint32_t count, uint32_t height)
{
	static const char prefix[] = "type mismatch: ";
	char detail[160];
	uint32_t there = height - top(b)->height, shown = there < count ? there : count;
	snprintf(detail, sizeof detail, "%s", b->err->message + sizeof prefix - 1);
	b->operand_count = height - shown;
	return mismatch_all(b, "instruction", types, count, shown, detail);
}

/* ---- control ---- */

static bool push_control(struct body *b, enum insn_id opener, const struct block_type *type,
                         bool told)
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
	return mismatch_all(b, "block", c->type.results, count, height - c->height,
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

/* ---- indices ---- */

static bool read_table(struct body *b, uint32_t *out)
{
	uint32_t start = reader_offset(&b->r);
	if (!read_index(b, b->m->table_count, "table", out))
		return false;
	return *out == 0 ||
	       need_feature(b->m->features, FEATURE_REFERENCE_TYPES, start, "a second table", b->err);
}

static bool read_memory(struct body *b, uint32_t *out)
{
	return read_index(b, b->m->memory_count, "memory", out);
}

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

static bool read_global(struct body *b, uint32_t *out)
{
	uint32_t known = b->is_const ? b->global_limit : b->m->global_count;
	if (!read_index(b, known, "global", out))
		return false;
	if (b->is_const && b->m->globals[*out].type.is_mutable)
		return invalid(b, "constant expression required: the global is mutable");
	return true;
}

static bool read_memarg(struct body *b, const struct insn *insn, struct step *step)
{
	uint32_t start = reader_offset(&b->r);
	uint32_t flags;
	if (!read_u32(&b->r, &flags, b->err))
		return false;
	step->index = 0;
	if (flags & 0x40) {
		if (!need_feature(b->m->features, FEATURE_MULTI_MEMORY, start, "a memory index", b->err) ||
		    !read_u32(&b->r, &step->index, b->err))
			return false;
		flags &= ~UINT32_C(0x40);
	}
	if (flags >= 0x40)
		return error_set_at(b->err, ERROR_MALFORMED, start, "malformed memop flags 0x%x", flags);
	uint32_t offset_start = reader_offset(&b->r);
	if (!read_u64(&b->r, &step->value, b->err))
		return false;
	if (step->index >= b->m->memory_count)
		return error_set_at(b->err, ERROR_INVALID, b->at, "unknown memory %u", step->index);
	if (insn->feature == FEATURE_THREADS && flags != insn->align)
		return error_set_at(b->err, ERROR_INVALID, start,
		                    "atomic alignment must be natural (%u bytes)", 1u << insn->align);
	if (flags > insn->align)
		return error_set_at(b->err, ERROR_INVALID, start,
		                    "alignment must not be larger than natural (%u bytes)",
		                    1u << insn->align);
	if (step->value > UINT32_MAX && !b->m->memories[step->index].limits.is_64)
		return error_set_at(b->err, ERROR_MALFORMED, offset_start,
		                    "offset out of range: it must be at most 2^32 - 1");
	return true;
}

/* Index of one of `count` lanes, which is one byte (spec: 5.4.8). */
static bool read_lane(struct body *b, unsigned count, uint32_t *out)
{
	uint8_t lane;
	if (!read_byte(&b->r, &lane, b->err))
		return false;
	*out = lane;
	return lane < count || error_set_at(b->err, ERROR_INVALID, b->at,
	                                    "invalid lane index %u: there are %u lanes", lane, count);
}

static bool read_shuffle(struct body *b, struct step *step)
{
	if (!read_bytes(&b->r, V128_BYTES, &step->bytes, b->err))
		return false;
	for (unsigned i = 0; i < V128_BYTES; i++)
		if (step->bytes[i] >= 2 * V128_BYTES)
			return error_set_at(b->err, ERROR_INVALID, b->at,
			                    "invalid lane index %u: two vectors have %u lanes", step->bytes[i],
			                    2 * V128_BYTES);
	return true;
}

/* ---- the generic path ---- */

static bool read_simple_immediate(struct body *b, const struct insn *insn, struct step *step)
{
	switch (insn->immediate) {
	case IMM_NONE:
		return true;
	case IMM_MEMARG:
		return read_memarg(b, insn, step);
	case IMM_MEMORY:
		return read_memory(b, &step->index);
	case IMM_I32: {
		int32_t value;
		if (!read_s32(&b->r, &value, b->err))
			return false;
		step->value = (uint32_t)value;
		return true;
	}
	case IMM_I64: {
		int64_t value;
		if (!read_s64(&b->r, &value, b->err))
			return false;
		step->value = (uint64_t)value;
		return true;
	}
	case IMM_F32: {
		const uint8_t *bytes;
		uint32_t bits;
		if (!read_bytes(&b->r, sizeof bits, &bytes, b->err))
			return false;
		memcpy(&bits, bytes, sizeof bits);
		step->value = bits;
		return true;
	}
	case IMM_F64: {
		const uint8_t *bytes;
		if (!read_bytes(&b->r, sizeof step->value, &bytes, b->err))
			return false;
		memcpy(&step->value, bytes, sizeof step->value);
		return true;
	}
	case IMM_ZERO: {
		uint8_t zero;
		if (!read_byte(&b->r, &zero, b->err))
			return false;
		return zero == 0 || error_set_at(b->err, ERROR_MALFORMED, b->at, "zero byte expected");
	}
	case IMM_V128:
		return read_bytes(&b->r, V128_BYTES, &step->bytes, b->err);
	case IMM_LANE:
		return read_lane(b, V128_BYTES >> insn->align, &step->index2);
	case IMM_MEMARG_LANE:
		return read_memarg(b, insn, step) && read_lane(b, V128_BYTES >> insn->align, &step->index2);
	case IMM_SHUFFLE:
		return read_shuffle(b, step);
	default:
		/* The features that bring the other kinds of immediates are refused before this. */
		abort();
	}
}

static valtype memory_address(const struct body *b, uint32_t memory)
{
	return address_type(&b->m->memories[memory].limits);
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

static valtype signature_type(const struct body *b, const struct step *step, uint8_t kind)
{
	if (kind != SIG_ADDRESS)
		return (valtype)kind << 24;
	return memory_address(b, step->index);
}

static bool validate_simple(struct body *b, const struct insn *insn, struct step *step)
{
	if (!read_simple_immediate(b, insn, step))
		return false;
	const struct signature *sig = &signatures[insn->signature];
	for (unsigned i = sig->param_count; i-- > 0;)
		if (!pop(b, signature_type(b, step, sig->params[i])))
			return false;
	for (unsigned i = 0; i < sig->result_count; i++)
		if (!push(b, signature_type(b, step, sig->results[i])))
			return false;
	return true;
}

/* ---- by hand ---- */

static bool validate_br_table(struct body *b, struct step *step, bool told)
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

static bool validate_br(struct body *b, struct step *step)
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

static bool validate_call(struct body *b, struct step *step)
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

static bool validate_select(struct body *b, struct step *step)
{
	valtype a, c;
	if (!pop(b, VAL_I32) || !pop_any(b, &a) || !pop_any(b, &c))
		return false;
	if (valtype_is_ref(a) || valtype_is_ref(c))
		return invalid(b, "type mismatch: select without a type takes numbers only");
	if (a != c && a != VAL_BOTTOM && c != VAL_BOTTOM)
		return mismatch(b, c, &a);
	step->type = a == VAL_BOTTOM ? c : a;
	return push(b, step->type);
}

static bool validate_select_typed(struct body *b, struct step *step)
{
	uint32_t count;
	if (!read_u32(&b->r, &count, b->err))
		return false;
	if (count != 1)
		return invalid(b, "invalid result arity: select takes one type");
	if (!decode_valtype(&b->r, b->m, &step->type, b->err))
		return false;
	return pop(b, VAL_I32) && pop(b, step->type) && pop(b, step->type) && push(b, step->type);
}

static bool note_set(struct body *b, const struct step *step)
{
	if (valtype_is_defaultable(step->type) || b->s->is_set[step->index])
		return true;
	if (!walk_grow((void **)&b->s->set_log, &b->s->set_log_room, b->set_count + (size_t)1,
	               sizeof(uint32_t), b->err))
		return false;
	b->s->is_set[step->index] = true;
	b->s->set_log[b->set_count++] = step->index;
	return true;
}

static bool validate_variable(struct body *b, struct step *step)
{
	if (step->id == INSN_global_get || step->id == INSN_global_set) {
		if (!read_global(b, &step->index))
			return false;
		const struct global_type *type = &b->m->globals[step->index].type;
		step->type = type->type;
		if (step->id == INSN_global_get)
			return push(b, type->type);
		if (!type->is_mutable)
			return error_set_at(b->err, ERROR_INVALID, b->at,
			                    "immutable global: global %u cannot be set", step->index);
		return pop(b, type->type);
	}
	if (!read_index(b, b->local_count, "local", &step->index))
		return false;
	step->type = b->s->locals[step->index];
	switch (step->id) {
	case INSN_local_get:
		if (!valtype_is_defaultable(step->type) && !b->s->is_set[step->index])
			return error_set_at(b->err, ERROR_INVALID, b->at,
			                    "uninitialized local %u: its type has no default value",
			                    step->index);
		return push(b, step->type);
	case INSN_local_set:
		return pop(b, step->type) && note_set(b, step);
	default:
		return pop(b, step->type) && note_set(b, step) && push(b, step->type);
	}
}

static bool pop3(struct body *b, valtype first, valtype second, valtype third)
{
	return pop(b, third) && pop(b, second) && pop(b, first);
}

static bool validate_bulk(struct body *b, struct step *step)
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

static bool validate_table(struct body *b, struct step *step)
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

static bool validate_else(struct body *b, struct step *step)
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

static bool validate_end(struct body *b, struct step *step)
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

static bool validate_by_hand(struct body *b, struct step *step, bool told)
{
	switch (step->id) {
	case INSN_nop:
		return true;
	case INSN_unreachable:
		set_unreachable(b);
		return true;
	case INSN_block:
	case INSN_loop:
	case INSN_if:
	case INSN_try:
		return read_block_type(b, &step->block) && (step->id != INSN_if || pop(b, VAL_I32)) &&
		       pop_all(b, step->block.params, step->block.param_count) &&
		       push_control(b, step->id, &step->block, told);
	case INSN_else:
		return validate_else(b, step);
	case INSN_end:
		return validate_end(b, step);
	case INSN_br:
	case INSN_br_if:
		return validate_br(b, step);
	case INSN_br_table:
		return validate_br_table(b, step, told);
	case INSN_return: {
		const struct control *c = &b->s->controls[0];
		if (!pop_all(b, c->type.results, c->type.result_count))
			return false;
		set_unreachable(b);
		return true;
	}
	case INSN_call:
	case INSN_call_indirect:
	case INSN_call_ref:
	case INSN_return_call:
	case INSN_return_call_indirect:
	case INSN_return_call_ref:
		return validate_call(b, step);
	case INSN_throw:
	case INSN_throw_ref:
		return validate_throw(b, step);
	case INSN_catch:
	case INSN_catch_all:
	case INSN_delegate:
	case INSN_rethrow:
		return validate_legacy(b, step);
	case INSN_try_table:
		return read_block_type(b, &step->block) && validate_catches(b, step) &&
		       pop_all(b, step->block.params, step->block.param_count) &&
		       push_control(b, step->id, &step->block, told);
	case INSN_br_on_null:
	case INSN_br_on_non_null:
	case INSN_br_on_cast:
	case INSN_br_on_cast_fail:
		return validate_branch_on(b, step);
	case INSN_drop:
		return pop_any(b, &step->type);
	case INSN_select:
		return validate_select(b, step);
	case INSN_select_t:
		return validate_select_typed(b, step);
	case INSN_local_get:
	case INSN_local_set:
	case INSN_local_tee:
	case INSN_global_get:
	case INSN_global_set:
		return validate_variable(b, step);
	case INSN_memory_init:
	case INSN_data_drop:
	case INSN_memory_copy:
	case INSN_memory_fill:
	case INSN_table_init:
	case INSN_elem_drop:
	case INSN_table_copy:
		return validate_bulk(b, step);
	case INSN_table_get:
	case INSN_table_set:
	case INSN_table_grow:
	case INSN_table_size:
	case INSN_table_fill:
		return validate_table(b, step);
	case INSN_ref_null:
	case INSN_ref_is_null:
	case INSN_ref_func:
	case INSN_ref_eq:
	case INSN_ref_as_non_null:
	case INSN_ref_test:
	case INSN_ref_test_null:
	case INSN_ref_cast:
	case INSN_ref_cast_null:
	case INSN_any_convert_extern:
	case INSN_extern_convert_any:
	case INSN_ref_i31:
	case INSN_i31_get_s:
	case INSN_i31_get_u:
		return validate_reference(b, step);
	case INSN_struct_new:
	case INSN_struct_new_default:
	case INSN_struct_get:
	case INSN_struct_get_s:
	case INSN_struct_get_u:
	case INSN_struct_set:
	case INSN_array_new:
	case INSN_array_new_default:
	case INSN_array_new_fixed:
	case INSN_array_new_data:
	case INSN_array_new_elem:
	case INSN_array_get:
	case INSN_array_get_s:
	case INSN_array_get_u:
	case INSN_array_set:
	case INSN_array_len:
	case INSN_array_fill:
	case INSN_array_copy:
	case INSN_array_init_data:
	case INSN_array_init_elem:
		return validate_aggregate(b, step);
	default:
		/* Refused by its feature before this. */
		abort();
	}
}

/* Which instructions a constant expression may hold (spec: 3.4.12). */
static bool check_const(struct body *b, enum insn_id id)
{
	switch (id) {
	case INSN_i32_const:
	case INSN_i64_const:
	case INSN_f32_const:
	case INSN_f64_const:
	case INSN_v128_const:
	case INSN_ref_null:
	case INSN_ref_func:
	case INSN_global_get:
	case INSN_end:
	case INSN_ref_i31:
	case INSN_struct_new:
	case INSN_struct_new_default:
	case INSN_array_new:
	case INSN_array_new_default:
	case INSN_array_new_fixed:
	case INSN_any_convert_extern:
	case INSN_extern_convert_any:
		return true;
	case INSN_i32_add:
	case INSN_i32_sub:
	case INSN_i32_mul:
	case INSN_i64_add:
	case INSN_i64_sub:
	case INSN_i64_mul:
		return need_feature(b->m->features, FEATURE_EXTENDED_CONST, b->at,
		                    "arithmetic in a constant expression", b->err);
	default:
		return error_set_at(b->err, ERROR_INVALID, b->at,
		                    "constant expression required: `%s` is none", insns[id].mnemonic);
	}
}

static bool read_opcode(struct body *b, enum insn_id *out)
{
	uint8_t byte;
	uint32_t code;
	uint8_t prefix = 0;
	b->at = reader_offset(&b->r);
	if (b->r.pos >= b->r.end)
		return error_set_at(b->err, ERROR_MALFORMED, b->at,
		                    "unexpected end of section or function: END opcode expected");
	byte = *b->r.pos++;
	code = byte;
	if (__builtin_expect(insn_is_prefix(byte), 0)) {
		prefix = byte;
		if (!read_u32(&b->r, &code, b->err))
			return false;
	}
	*out = insn_find(prefix, code);
	if (__builtin_expect(*out == INSN_COUNT, 0)) {
		if (prefix != 0)
			return error_set_at(b->err, ERROR_MALFORMED, b->at,
			                    "illegal opcode %02x %02x: no instruction is 0x%02x %u", prefix,
			                    code, prefix, code);
		return error_set_at(b->err, ERROR_MALFORMED, b->at,
		                    "illegal opcode %02x: no instruction begins with 0x%02x", byte, byte);
	}
	return true;
}

static bool ends_part(enum insn_id id)
{
	switch (id) {
	case INSN_else:
	case INSN_end:
	case INSN_catch:
	case INSN_catch_all:
	case INSN_delegate:
		return true;
	default:
		return false;
	}
}

/* The loop. Compiled once with and once without a sink, so that plain validation pays nothing for
 * the steps. */
static inline __attribute__((always_inline)) bool run(struct body *b, const struct body_sink *sink)
{
	bool has_hot = sink == NULL && !b->is_const && hot_can(b->m);
	while (b->control_count > 0) {
		struct step step;
		enum insn_id id;
		if (has_hot) {
			if (!validate_hot(b))
				return false;
			if (b->control_count == 0)
				break;
		}
		if (!read_opcode(b, &id))
			return false;
		const struct insn *insn = &insns[id];
		if (__builtin_expect(!has_feature(b->m->features, (enum feature)insn->feature), 0))
			return need_feature(b->m->features, (enum feature)insn->feature, b->at, insn->mnemonic,
			                    b->err);
		if (b->is_const && !check_const(b, id))
			return false;

		/* What ends a block or a part of it is told when the block was; all else when it is alive.
		 */
		const struct control *c = top(b);
		bool told = false;
		if (sink != NULL) {
			told = c->told && (!c->unreachable || ends_part(id));
			step = (struct step){.offset = b->at};
		}
		step.id = id;
		bool fine = insn->signature == SIG_HAND_ ? validate_by_hand(b, &step, told)
		                                         : validate_simple(b, insn, &step);
		if (!fine)
			return false;
		if (sink != NULL && told && !sink->step(sink->ctx, &step, b->err))
			return false;
	}
	return true;
}

static bool read_locals(struct body *b, const struct functype *type)
{
	uint32_t groups;
	uint64_t total = type->param_count;
	if (!walk_grow((void **)&b->s->locals, &b->s->local_room, total, sizeof(valtype), b->err))
		return false;
	if (type->param_count > 0)
		memcpy(b->s->locals, type->params, type->param_count * sizeof(valtype));
	if (!decode_count(&b->r, b->m, LOAD_LIMIT_LOCALS, 0, "groups of locals", &groups, b->err))
		return false;
	for (uint32_t i = 0; i < groups; i++) {
		uint32_t count;
		valtype each;
		b->at = reader_offset(&b->r);
		if (!read_u32(&b->r, &count, b->err) || !decode_valtype(&b->r, b->m, &each, b->err))
			return false;
		uint64_t before = total;
		total += count;
		/* More than 32 bits count are malformed (spec: 5.5.13), wherever our own limit lies. */
		if (total > UINT32_MAX)
			return error_set_at(b->err, ERROR_MALFORMED, b->at, "too many locals");
		if (total > b->m->limits.of[LOAD_LIMIT_LOCALS])
			continue;
		if (!walk_grow((void **)&b->s->locals, &b->s->local_room, total, sizeof(valtype), b->err))
			return false;
		for (uint64_t j = before; j < total; j++)
			b->s->locals[j] = each;
	}
	if (!check_limit(b->m, LOAD_LIMIT_LOCALS, total, b->at, "locals of a function", b->err))
		return false;
	b->local_count = (uint32_t)total;
	if (!walk_grow((void **)&b->s->is_set, &b->s->is_set_room, total, sizeof(bool), b->err))
		return false;
	for (uint32_t i = 0; i < b->local_count; i++)
		b->s->is_set[i] = i < type->param_count;

	/* An operand takes two slots at most (v128). Results may lie below the locals (interp/lower.h).
	 */
	uint64_t slots = type->result_slots;
	for (uint32_t i = 0; i < b->local_count; i++)
		slots += valtype_slots(b->s->locals[i]);
	uint64_t room = b->m->limits.of[LOAD_LIMIT_FRAME_SLOTS];
	if (!check_limit(b->m, LOAD_LIMIT_FRAME_SLOTS, slots + 1, b->at,
	                 "frame slots for locals and operands", b->err))
		return false;
	b->operand_limit = (uint32_t)(room - slots) / 2;
	return true;
}

static bool start(struct body *b, const struct block_type *type)
{
	/* The outermost block is a `block` to branches and is entered without its params. */
	struct block_type outer = *type;
	outer.params = NULL;
	outer.param_count = 0;
	b->at = reader_offset(&b->r);
	return push_control(b, INSN_block, &outer, true);
}

static bool walk_body(const struct module *module, uint32_t func, struct body_scratch *scratch,
                      const struct body_sink *sink, struct error *err)
{
	const struct func_decl *decl = &module->funcs[func];
	const struct functype *signature = module_func_type(module, func);
	const uint8_t *pos = module->bytes + decl->body_offset;
	struct body b = {
	    .m = module,
	    .r = {.base = module->bytes, .pos = pos, .end = pos + decl->body_size},
	    .s = scratch,
	    .err = err,
	};
	struct block_type type = {
	    .results = signature->results,
	    .result_count = signature->result_count,
	};
	bool fine = read_locals(&b, signature) && start(&b, &type);
	if (fine && sink != NULL && sink->begin != NULL)
		fine = sink->begin(sink->ctx, scratch->locals, b.local_count, err);
	if (fine)
		fine = sink == NULL ? run(&b, NULL) : run(&b, sink);
	if (fine && b.r.pos != b.r.end)
		fine = error_set_at(err, ERROR_MALFORMED, reader_offset(&b.r),
		                    "section size mismatch: bytes follow the function's final `end`; END "
		                    "opcode expected");
	if (!fine && err->func == ERROR_NO_FUNC)
		err->func = func;
	return fine;
}

bool body_validate(const struct module *module, uint32_t func, struct body_scratch *scratch,
                   struct error *err)
{
	return walk_body(module, func, scratch, NULL, err);
}

bool body_walk(const struct module *module, uint32_t func, struct body_scratch *scratch,
               const struct body_sink *sink, struct error *err)
{
	return walk_body(module, func, scratch, sink, err);
}

/* Modules have tens of thousands of data segments whose offset is one i32.const: worth no walk.
 * Returns its size with the `end`, or 0 when it is anything else. */
static uint32_t plain_i32_size(const struct module *module, uint32_t offset, uint32_t end)
{
	struct error unused = ERROR_INIT;
	struct reader r = {
	    .base = module->bytes, .pos = module->bytes + offset, .end = module->bytes + end};
	uint8_t byte;
	int32_t value;
	if (r.pos == r.end || *r.pos++ != insns[INSN_i32_const].code ||
	    !read_s32(&r, &value, &unused) || !read_byte(&r, &byte, &unused) ||
	    byte != insns[INSN_end].code)
		return 0;
	return reader_offset(&r) - offset;
}

bool const_expr_walk(const struct module *module, uint32_t offset, uint32_t end, valtype type,
                     uint32_t global_count, struct body_scratch *scratch,
                     const struct body_sink *sink, struct const_expr *out, struct error *err)
{
	struct body b = {
	    .m = module,
	    .r = {.base = module->bytes, .pos = module->bytes + offset, .end = module->bytes + end},
	    .s = scratch,
	    .is_const = true,
	    .operand_limit = (uint32_t)module->limits.of[LOAD_LIMIT_FRAME_SLOTS] / 2,
	    .global_limit = global_count,
	    .err = err,
	};
	uint32_t size = sink == NULL && type == VAL_I32 ? plain_i32_size(module, offset, end) : 0;
	if (size != 0) {
		*out = (struct const_expr){.offset = offset, .size = size};
		return true;
	}
	struct block_type block = {.results = &type, .result_count = 1};
	if (!start(&b, &block) || !(sink == NULL ? run(&b, NULL) : run(&b, sink)))
		return false;
	*out = (struct const_expr){.offset = offset, .size = reader_offset(&b.r) - offset};
	return true;
}
