/* The validation algorithm (spec: appendix, "Validation Algorithm"): one operand stack, one control
 * stack, and the loop over the instructions of a body. Those with a signature in insn.def take one
 * generic path (validate_simple.c); only control, variables, tables, references, bulk operations,
 * drop and select are typed by hand, each kind in a file of its own. */
#include "validator/validate.h"

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
	case INSN_try_table:
		return validate_block(b, step, told);
	case INSN_else:
		return validate_else(b, step);
	case INSN_end:
		return validate_end(b, step);
	case INSN_br:
	case INSN_br_if:
		return validate_br(b, step);
	case INSN_br_table:
		return validate_br_table(b, step, told);
	case INSN_return:
		return validate_return(b);
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
 * Returns its size with the `end`, or 0 when it is anything else. *err holds no error before and
 * after. */
static uint32_t plain_i32_size(const struct module *module, uint32_t offset, uint32_t end,
                               struct error *err)
{
	struct reader r = {
	    .base = module->bytes, .pos = module->bytes + offset, .end = module->bytes + end};
	uint8_t byte = 0;
	int32_t value;
	if (r.pos == r.end || *r.pos++ != insns[INSN_i32_const].code)
		return 0;
	if (!read_s32(&r, &value, err) || !read_byte(&r, &byte, err))
		error_clear(err);
	return byte == insns[INSN_end].code ? reader_offset(&r) - offset : 0;
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
	uint32_t size = sink == NULL && type == VAL_I32 ? plain_i32_size(module, offset, end, err) : 0;
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
