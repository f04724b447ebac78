/* The instructions that nearly all code consists of, at speed: the whole state stands in registers,
 * an instruction costs one table row and one jump, and nothing is told or reported.
 *
 * This loop decides nothing on its own. Whenever an instruction is not exactly the plain case that
 * is written here (another memory, a reference, an operand missing or of another type, a number in
 * its longest form, dead code) it leaves with everything as it was before that instruction, and the
 * general path (validate.c) takes it: so every error is found, worded and placed there alone. */
#include "validator/validate.h"

/* Instructions with a case of their own below. */
/* clang-format off */
#define HOT_BY_NAME(X, id)                                                                         \
	X(id, block) X(id, loop) X(id, if) X(id, else) X(id, end) X(id, br) X(id, br_if)               \
	X(id, br_table) X(id, return) X(id, call) X(id, drop) X(id, select) X(id, local_get)           \
	X(id, local_set) X(id, local_tee) X(id, global_get) X(id, global_set) X(id, i32_const)         \
	X(id, i64_const) X(id, f32_const) X(id, f64_const)
/* clang-format on */

enum hot {
	HOT_general, /* not here */
	HOT_unary,   /* one operand, one result, no immediate */
	HOT_binary,  /* two operands of one type */
	HOT_load,
	HOT_store,
#define X(id, name) HOT_##name,
	HOT_BY_NAME(X, )
#undef X
};

/* By signature, for those of at most two params of which only the first may be an address. */
struct hot_shape {
	uint8_t param_count;
	uint8_t result_count;
	valtype value; /* of the params; of a store what it stores */
	valtype result;
};

#define FIRST(a, ...) (a)
#define SECOND(a, ...) SECOND_OF(a, __VA_ARGS__ __VA_OPT__(, ) a)
#define SECOND_OF(a, b, ...) (b)
#define KIND_TYPE(kind) ((valtype)(kind) << 24)

static const struct hot_shape shapes[] = {
#define X(name, params, results, param_kinds, result_kinds)                                        \
	[SIG_##name##                                                                                  \
	    _] = {params, results, KIND_TYPE(SECOND param_kinds), KIND_TYPE(FIRST result_kinds)},
    SIGNATURES(X)
#undef X
};

struct hot_row {
	uint8_t hot; /* enum hot */
	uint8_t signature;
	uint8_t align;
	uint8_t unused; /* four bytes are found by a shift */
};

/* Signatures by their numbers of params and results. */
enum {
#define X(name, params, results, param_kinds, result_kinds)                                        \
	COUNTS_##name = (params) << 4 | (results),
	SIGNATURES(X)
#undef X
};

#define NAMED(id, name) INSN_##id == INSN_##name ? HOT_##name:
#define HOT_OF(id, immediate, signature)                                                           \
	(HOT_BY_NAME(NAMED, id) IMM_##immediate == IMM_MEMARG                                          \
	     ? (COUNTS_##signature == 0x11   ? HOT_load                                                \
	        : COUNTS_##signature == 0x20 ? HOT_store                                               \
	                                     : HOT_general)                                            \
	 : IMM_##immediate != IMM_NONE ? HOT_general                                                   \
	 : COUNTS_##signature == 0x11  ? HOT_unary                                                     \
	 : COUNTS_##signature == 0x21  ? HOT_binary                                                    \
	                               : HOT_general)

/* By the single byte that the opcode is. */
static const struct hot_row hot_rows[256] = {
#define ROW_0x00(id, code, immediate, signature, align)                                            \
	[code] = {HOT_OF(id, immediate, signature), SIG_##signature##_, align, 0},
#define ROW_0xfb(id, code, immediate, signature, align)
#define ROW_0xfc(id, code, immediate, signature, align)
#define ROW_0xfd(id, code, immediate, signature, align)
#define ROW_0xfe(id, code, immediate, signature, align)
#define INSN(id, prefix, code, mnemonic, immediate, signature, align, feature)                     \
	ROW_##prefix(id, code, immediate, signature, align)
#include "validator/insn.def"
};

/* The features of the rows above. */
#define HOT_FEATURES (FEATURE_BIT(MVP) | FEATURE_BIT(SIGN_EXTENSION))

/* The longest instruction but br_table: opcode, flags, offset of ten bytes. So much may be read
 * from any instruction that starts before the end of the hot part. */
#define HOT_READ 16

/* An index of at most five bytes; NULL: none. */
static inline const uint8_t *hot_index(const uint8_t *at, uint32_t *out)
{
	if (__builtin_expect(at[0] < 0x80, 1)) {
		*out = at[0];
		return at + 1;
	}
	if (__builtin_expect(at[1] < 0x80, 1)) {
		*out = (uint32_t)(at[0] & 0x7f) | (uint32_t)at[1] << 7;
		return at + 2;
	}
	uint32_t value = (uint32_t)(at[0] & 0x7f) | (uint32_t)(at[1] & 0x7f) << 7;
	for (unsigned i = 2; i < 5; i++) {
		value |= (uint32_t)(at[i] & 0x7f) << 7 * i;
		if (at[i] < 0x80) {
			*out = value;
			return i == 4 && at[i] > 0x0f ? NULL : at + i + 1;
		}
	}
	return NULL;
}

/* Behind a number that ends within `most` bytes, as many as hold no bit that could be too much. */
static inline const uint8_t *hot_skip(const uint8_t *at, unsigned most)
{
	for (unsigned i = 0; i < most; i++)
		if (at[i] < 0x80)
			return at + i + 1;
	return NULL;
}

static inline const uint8_t *hot_skip_s32(const uint8_t *at)
{
	const uint8_t *behind = hot_skip(at, 4);
	if (__builtin_expect(behind != NULL, 1))
		return behind;
	/* Bits 31 and up must be equal. */
	return at[4] < 0x08 || (at[4] >= 0x78 && at[4] < 0x80) ? at + 5 : NULL;
}

/* Bytes that hold all 63 bits below the sign; the tenth is left to the general path. */
#define S64_PLAIN_BYTES 9

static inline const uint8_t *hot_memarg(const uint8_t *at, unsigned align)
{
	uint32_t offset;
	if (__builtin_expect(at[0] > align, 0))
		return NULL;
	return hot_index(at + 1, &offset);
}

/* Block types of one byte: nothing, or one number. */
static const valtype number_types[] = {VAL_V128, VAL_F64, VAL_F32, VAL_I64, VAL_I32};
enum { BYTE_NOTHING = 0x40, BYTE_NUMBERS = 0x7b };

static inline bool hot_block_type(uint8_t byte, struct block_type *type)
{
	*type = (struct block_type){0};
	if (byte == BYTE_NOTHING)
		return true;
	if (byte < BYTE_NUMBERS || byte >= BYTE_NUMBERS + sizeof number_types / sizeof *number_types)
		return false;
	type->results = &number_types[byte - BYTE_NUMBERS];
	type->result_count = 1;
	return true;
}

/* All labels take no values. Returns behind them, or NULL. */
static const uint8_t *hot_labels(const struct body *b, const uint8_t *at, const uint8_t *end)
{
	uint32_t count;
	const struct control *last = &b->s->controls[b->control_count - 1];
	at = hot_index(at, &count);
	if (at == NULL || count > b->m->limits.of[LOAD_LIMIT_BR_TABLE_TARGETS] ||
	    count > (size_t)(end - at))
		return NULL;
	for (uint32_t i = 0; i <= count; i++) {
		uint32_t label;
		if (at >= end)
			return NULL;
		at = hot_index(at, &label);
		if (at == NULL || label >= b->control_count || (last - label)->label_count != 0)
			return NULL;
	}
	return at;
}

static inline bool same_types(const valtype *a, const valtype *b, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (a[i] != b[i])
			return false;
	return true;
}

bool hot_can(const struct module *m)
{
	return (m->features & HOT_FEATURES) == HOT_FEATURES;
}

bool validate_hot(struct body *b)
{
	const struct module *m = b->m;
	const uint8_t *pos = b->r.pos;
	const uint8_t *module_end = m->bytes + m->size;
	/* The general path makes room for the first operand. */
	if (module_end - pos <= HOT_READ || b->s->operands == NULL)
		return true;
	const uint8_t *end = b->r.end < module_end - HOT_READ ? b->r.end : module_end - HOT_READ;
	valtype *const operands = b->s->operands;
	valtype *sp = operands + b->operand_count;
	const valtype *cap = operands + b->operand_cap;
	const valtype *locals = b->s->locals;
	const uint32_t local_count = b->local_count;
	struct control *c = top(b);
	const valtype *base = operands + c->height;
	/* Without a memory no operand is of this type. */
	const valtype address =
	    m->memory_count > 0 ? address_type(&m->memories[0].limits) : ~(valtype)0;

	while (pos < end) {
		const struct hot_row *row = &hot_rows[*pos];
		const struct hot_shape *shape = &shapes[row->signature];
		const uint8_t *next = pos + 1;
		uint32_t index;
		valtype type;

#define LEAVE_IF(condition)                                                                        \
	if (__builtin_expect(!!(condition), 0))                                                        \
		goto leave;
#define INDEX_BELOW(count)                                                                         \
	next = hot_index(next, &index);                                                                \
	LEAVE_IF(next == NULL || index >= (count))
#define PUSH(pushed)                                                                               \
	LEAVE_IF(sp >= cap)                                                                            \
	*sp++ = (pushed)

		switch ((enum hot)row->hot) {
		case HOT_general:
			goto leave;
		default:
			/* Spares a check of the table's own contents. */
			__builtin_unreachable();
		case HOT_unary:
			LEAVE_IF(sp == base || sp[-1] != shape->value)
			sp[-1] = shape->result;
			break;
		case HOT_binary:
			LEAVE_IF(sp - base < 2 || sp[-1] != shape->value || sp[-2] != shape->value)
			sp--;
			sp[-1] = shape->result;
			break;
		case HOT_load:
			next = hot_memarg(next, row->align);
			LEAVE_IF(next == NULL || sp == base || sp[-1] != address)
			sp[-1] = shape->result;
			break;
		case HOT_store:
			next = hot_memarg(next, row->align);
			LEAVE_IF(next == NULL || sp - base < 2 || sp[-1] != shape->value || sp[-2] != address)
			sp -= 2;
			break;
		case HOT_i32_const:
			next = hot_skip_s32(next);
			LEAVE_IF(next == NULL)
			PUSH(VAL_I32);
			break;
		case HOT_i64_const:
			next = hot_skip(next, S64_PLAIN_BYTES);
			LEAVE_IF(next == NULL)
			PUSH(VAL_I64);
			break;
		case HOT_f32_const:
			LEAVE_IF(b->r.end - next < 4)
			next += 4;
			PUSH(VAL_F32);
			break;
		case HOT_f64_const:
			LEAVE_IF(b->r.end - next < 8)
			next += 8;
			PUSH(VAL_F64);
			break;
		case HOT_local_get:
			INDEX_BELOW(local_count)
			type = locals[index];
			LEAVE_IF(type >= VAL_REF)
			PUSH(type);
			break;
		case HOT_local_set:
			INDEX_BELOW(local_count)
			type = locals[index];
			LEAVE_IF(type >= VAL_REF || sp == base || sp[-1] != type)
			sp--;
			break;
		case HOT_local_tee:
			INDEX_BELOW(local_count)
			type = locals[index];
			LEAVE_IF(type >= VAL_REF || sp == base || sp[-1] != type)
			break;
		case HOT_global_get:
			INDEX_BELOW(m->global_count)
			PUSH(m->globals[index].type.type);
			break;
		case HOT_global_set:
			INDEX_BELOW(m->global_count)
			LEAVE_IF(!m->globals[index].type.is_mutable || sp == base ||
			         sp[-1] != m->globals[index].type.type)
			sp--;
			break;
		case HOT_drop:
			LEAVE_IF(sp == base)
			sp--;
			break;
		case HOT_select:
			LEAVE_IF(sp - base < 3 || sp[-1] != VAL_I32 || sp[-2] != sp[-3] || sp[-2] >= VAL_REF ||
			         sp[-2] == VAL_BOTTOM)
			sp -= 2;
			break;
		case HOT_call: {
			INDEX_BELOW(m->func_count)
			const struct functype *callee = module_func_type(m, index);
			LEAVE_IF((size_t)(sp - base) < callee->param_count ||
			         !same_types(sp - callee->param_count, callee->params, callee->param_count))
			LEAVE_IF((size_t)(cap - sp) < callee->result_count)
			sp -= callee->param_count;
			for (uint32_t i = 0; i < callee->result_count; i++)
				*sp++ = callee->results[i];
			break;
		}
		case HOT_if:
		case HOT_block:
		case HOT_loop: {
			struct block_type block;
			bool is_if = row->hot == HOT_if;
			LEAVE_IF(!hot_block_type(*next++, &block) ||
			         (is_if && (sp == base || sp[-1] != VAL_I32)))
			LEAVE_IF(b->control_count >= m->limits.of[LOAD_LIMIT_NESTING] ||
			         b->control_count >= b->s->control_room)
			sp -= is_if;
			c = &b->s->controls[b->control_count++];
			*c = (struct control){
			    .opener = is_if                  ? INSN_if
			              : row->hot == HOT_loop ? INSN_loop
			                                     : INSN_block,
			    .height = (uint32_t)(sp - operands),
			    .offset = (uint32_t)(pos - b->r.base),
			    .init_height = b->set_count,
			    .type = block,
			    .label_types = block.results,
			    .label_count = row->hot == HOT_loop ? 0 : block.result_count,
			};
			base = sp;
			break;
		}
		case HOT_else:
		case HOT_end: {
			uint32_t results = c->type.result_count;
			bool is_else = row->hot == HOT_else;
			LEAVE_IF(results > 1 || b->set_count > c->init_height || c->type.param_count > 0)
			LEAVE_IF(is_else ? c->opener != INSN_if : c->opener == INSN_if && results > 0)
			LEAVE_IF(sp == base ? results > 0 && !c->unreachable
			                    : sp - base != results || sp[-1] != c->type.results[0])
			sp = (valtype *)base;
			if (is_else) {
				c->opener = INSN_else;
				c->unreachable = false;
				break;
			}
			if (results > 0 && b->control_count > 1) {
				PUSH(c->type.results[0]);
			}
			b->control_count--;
			pos = next;
			if (b->control_count == 0)
				goto leave;
			c--;
			base = operands + c->height;
			break;
		}
		case HOT_br:
		case HOT_br_if: {
			bool is_if = row->hot == HOT_br_if;
			INDEX_BELOW(b->control_count)
			const struct control *target = c - index;
			LEAVE_IF(sp - base < (int)is_if + (int)target->label_count || target->label_count > 1 ||
			         (is_if && sp[-1] != VAL_I32))
			LEAVE_IF(target->label_count == 1 && sp[-1 - (int)is_if] != target->label_types[0])
			sp -= is_if;
			if (is_if)
				break;
			sp = (valtype *)base;
			c->unreachable = true;
			break;
		}
		case HOT_br_table:
			next = hot_labels(b, next, end);
			LEAVE_IF(next == NULL || sp == base || sp[-1] != VAL_I32)
			sp = (valtype *)base;
			c->unreachable = true;
			break;
		case HOT_return: {
			const struct block_type *outer = &b->s->controls[0].type;
			LEAVE_IF((size_t)(sp - base) < outer->result_count ||
			         !same_types(sp - outer->result_count, outer->results, outer->result_count))
			sp = (valtype *)base;
			c->unreachable = true;
			break;
		}
		}
		pos = next;
	}
leave:
	b->operand_count = (uint32_t)(sp - operands);
	/* The last number may have been read beyond the body's end, but not from beyond the module. */
	b->r.pos = pos > b->r.end ? b->r.end : pos;
	if (pos > b->r.end)
		reader_end_error(&b->r, b->err);
	return pos <= b->r.end;
}
