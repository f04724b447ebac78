/* Inside validator/: the state of a walk and the steps of the validation algorithm that all
 * instructions share (spec: appendix, "Validation Algorithm"). */
#ifndef VALIDATOR_VALIDATE_H
#define VALIDATOR_VALIDATE_H

#include "validator/body.h"
#include "validator/decode_types.h"
#include "validator/limit.h"

struct control {
	enum insn_id opener; /* block, loop, if, else */
	bool unreachable;    /* the rest of this block is dead */
	bool told;           /* the sink knows this block: it was entered alive */
	uint32_t height;     /* of the operand stack at entry, without the params */
	uint32_t offset;
	uint32_t init_height; /* of the log of locals that were set (see set_local) */
	struct block_type type;
	const valtype *label_types; /* what a branch to it takes along (spec: label types) */
	uint32_t label_count;
};

/* Room for block types of one reference type, which stand nowhere in the module. */
#define SINGLES 64
struct single_types {
	struct single_types *next;
	uint32_t count;
	valtype types[SINGLES];
};

struct body_scratch {
	valtype *operands;
	size_t operand_room;
	struct control *controls;
	size_t control_room;
	valtype *locals;
	size_t local_room;
	uint32_t *labels;
	size_t label_room;
	struct catch_clause *catches;
	size_t catch_room;
	bool *is_set; /* locals without a default value: were they given one? */
	size_t is_set_room;
	uint32_t *set_log;
	size_t set_log_room;
	struct single_types *singles;
};

struct body {
	const struct module *m;
	struct reader r;
	struct body_scratch *s;
	uint32_t operand_count;
	uint32_t operand_cap;   /* pushes below this find room and stay in the frame limit */
	uint32_t operand_limit; /* what LOAD_LIMIT_FRAME_SLOTS leaves beside the locals */
	uint32_t control_count;
	uint32_t local_count;
	uint32_t set_count;    /* entries of the set_log */
	uint32_t at;           /* offset of the present instruction */
	uint32_t global_limit; /* constant expressions: globals that may be named */
	bool is_const;
	struct error *err;
};

/* ---- validate.c ---- */

/* Makes room for `want` elements of `size` bytes in *array. */
bool walk_grow(void **array, size_t *room, size_t want, size_t size, struct error *err);
/* The slow path of push(). */
bool walk_make_operand_room(struct body *b);

/* ---- validate_mismatch.c ---- */

void walk_mismatch(struct body *b, valtype want, const valtype *found);
/* What `who` (instruction, block) requires, and the `shown` operands from the present top on that
 * stood there; in the place of a message about a single one. Returns false. */
bool walk_mismatch_all(struct body *b, const char *who, const valtype *types, uint32_t count,
                       uint32_t shown, const char *detail);
/* After pop() failed among `count` of them, when the stack had `height` operands: puts a message
 * about all in the place of that about one. Returns false. */
bool walk_pops_failed(struct body *b, const valtype *types, uint32_t count, uint32_t height);

static inline bool mismatch(struct body *b, valtype want, const valtype *found)
{
	walk_mismatch(b, want, found);
	return false;
}

static inline bool invalid(struct body *b, const char *message)
{
	return error_set_at(b->err, ERROR_INVALID, b->at, "%s", message);
}

/* ---- operands ---- */

static inline struct control *top(struct body *b)
{
	return &b->s->controls[b->control_count - 1];
}

static inline bool push(struct body *b, valtype type)
{
	if (__builtin_expect(b->operand_count >= b->operand_cap, 0) && !walk_make_operand_room(b))
		return false;
	b->s->operands[b->operand_count++] = type;
	return true;
}

static inline bool matches(const struct body *b, valtype sub, valtype super)
{
	return __builtin_expect(sub == super, 1) || valtype_matches(b->m->defs, sub, super);
}

static inline bool pop(struct body *b, valtype want)
{
	const struct control *c = top(b);
	if (__builtin_expect(b->operand_count == c->height, 0))
		return c->unreachable || mismatch(b, want, NULL);
	valtype found = b->s->operands[--b->operand_count];
	return matches(b, found, want) || mismatch(b, want, &found);
}

static inline bool pop_any(struct body *b, valtype *out)
{
	const struct control *c = top(b);
	if (b->operand_count == c->height) {
		*out = VAL_BOTTOM;
		return c->unreachable || invalid(b, "type mismatch: expected a value, found nothing on "
		                                    "the operand stack");
	}
	*out = b->s->operands[--b->operand_count];
	return true;
}

static inline bool push_all(struct body *b, const valtype *types, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (!push(b, types[i]))
			return false;
	return true;
}

static inline bool pop_all(struct body *b, const valtype *types, uint32_t count)
{
	uint32_t height = b->operand_count;
	for (uint32_t i = count; i-- > 0;)
		if (!pop(b, types[i]))
			return walk_pops_failed(b, types, count, height);
	return true;
}

/* As pop_all(), but takes nothing away: for the labels of br_table, which all see the same stack.
 */
static inline bool check_top(struct body *b, const valtype *types, uint32_t count)
{
	const struct control *c = top(b);
	for (uint32_t i = count; i-- > 0;) {
		uint32_t below = count - i;
		if (b->operand_count - c->height < below)
			return c->unreachable || mismatch(b, types[i], NULL);
		valtype found = b->s->operands[b->operand_count - below];
		if (!matches(b, found, types[i]))
			return mismatch(b, types[i], &found);
	}
	return true;
}

static inline void set_unreachable(struct body *b)
{
	struct control *c = top(b);
	b->operand_count = c->height;
	c->unreachable = true;
}

static inline bool find_label(struct body *b, uint32_t label, const struct control **out)
{
	if (label >= b->control_count)
		return error_set_at(b->err, ERROR_INVALID, b->at, "unknown label %u", label);
	*out = &b->s->controls[b->control_count - 1 - label];
	return true;
}

static inline bool read_index(struct body *b, uint32_t count, const char *what, uint32_t *out)
{
	if (!read_u32(&b->r, out, b->err))
		return false;
	return *out < count || error_set_at(b->err, ERROR_INVALID, b->at, "unknown %s %u", what, *out);
}

static inline bool read_memory(struct body *b, uint32_t *out)
{
	return read_index(b, b->m->memory_count, "memory", out);
}

static inline bool read_table(struct body *b, uint32_t *out)
{
	uint32_t start = reader_offset(&b->r);
	if (!read_index(b, b->m->table_count, "table", out))
		return false;
	return *out == 0 ||
	       need_feature(b->m->features, FEATURE_REFERENCE_TYPES, start, "a second table", b->err);
}

static inline valtype memory_address(const struct body *b, uint32_t memory)
{
	return address_type(&b->m->memories[memory].limits);
}

/* ---- validate_hot.c: the plain cases of the most frequent instructions ---- */

/* Do the module's features allow it? */
bool hot_can(const struct module *m);
/* Goes on, without a sink and in a function body, up to an instruction that is for the general
 * path, or to the body's end; then control_count is 0. False, with err set, when the body ends too
 * early. */
bool validate_hot(struct body *b);

/* ---- validate_simple.c: what has a signature in insn.def ---- */

bool validate_simple(struct body *b, const struct insn *insn, struct step *step);

/* ---- validate_control.c: blocks and branches ---- */

/* Opens a block: its params are pushed again, above the height that it keeps. */
bool push_control(struct body *b, enum insn_id opener, const struct block_type *type, bool told);
/* The end of a block, or of one of its parts: its results must be all that stands on its part of
 * the stack, and are taken from there. */
bool close_block(struct body *b);
bool validate_block(struct body *b, struct step *step, bool told);
bool validate_else(struct body *b, struct step *step);
bool validate_end(struct body *b, struct step *step);
bool validate_br(struct body *b, struct step *step);
/* When it is told, step->labels are borrowed from the scratch memory, until the next br_table. */
bool validate_br_table(struct body *b, struct step *step, bool told);
bool validate_return(struct body *b);

/* ---- validate_call.c, validate_variable.c, validate_bulk.c ---- */

bool validate_call(struct body *b, struct step *step);
bool validate_variable(struct body *b, struct step *step);
bool validate_select(struct body *b, struct step *step);
bool validate_select_typed(struct body *b, struct step *step);
bool validate_bulk(struct body *b, struct step *step);
bool validate_table(struct body *b, struct step *step);

/* ---- validate_refs.c: references, aggregates, exceptions ---- */

/* A type index that must be of this form. */
bool read_type(struct body *b, enum type_form form, uint32_t *out);
bool validate_reference(struct body *b, struct step *step);
bool validate_branch_on(struct body *b, struct step *step);
bool validate_aggregate(struct body *b, struct step *step);
bool validate_throw(struct body *b, struct step *step);
/* The catch clauses of try_table; its block type is read already. */
bool validate_catches(struct body *b, struct step *step);

/* validate_legacy.c: catch, catch_all, delegate, rethrow. */
bool validate_legacy(struct body *b, struct step *step);

#endif
