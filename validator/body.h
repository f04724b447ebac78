/* The walk over instructions: validates a function body or a constant expression (spec: 3.3, 3.4)
 * and, when a sink is given, tells it every live instruction with its immediates decoded and its
 * types resolved. interp/ lowers from these steps, so that nothing is decoded or typed twice.
 *
 * Dead code is validated but not told: after an instruction that does not fall through, the next
 * step is the `else` or `end` of the innermost block that was entered alive. A sink that keeps a
 * stack of its own therefore always agrees with the validator's. */
#ifndef VALIDATOR_BODY_H
#define VALIDATOR_BODY_H

#include "validator/insn.h"
#include "validator/module.h"

struct block_type {
	const valtype *params;
	const valtype *results;
	uint32_t param_count;
	uint32_t result_count;
};

/* A clause of try_table (spec: 5.4.1). Labels count from outside of the block. */
struct catch_clause {
	bool is_all;   /* catch_all, catch_all_ref: no tag, no values */
	bool with_ref; /* the exception itself goes along */
	uint32_t tag;
	uint32_t label;
};

/* One live instruction. Which fields are set follows from its immediate kind (insn.h). */
struct step {
	enum insn_id id;
	uint32_t offset;         /* of the opcode, in the module */
	uint32_t index;          /* label, function, local, global, table, memory, type, segment, … */
	uint32_t index2;         /* the second of two; a lane */
	uint64_t value;          /* a constant's bits; a memarg's offset */
	const uint8_t *bytes;    /* 16 bytes: v128 constants and shuffles */
	valtype type2;           /* the target of ref.test, ref.cast, br_on_cast… */
	valtype type;            /* of what drop, select, local.*, global.*, ref.null, table.* handle */
	struct block_type block; /* of block, loop, if; for the final end: the function's results */
	const struct functype
	    *func;              /* of what call call_indirect, call_ref and their tail forms call */
	const uint32_t *labels; /* br_table: label_count labels and the default behind them */
	uint32_t label_count;
	const struct catch_clause *catches; /* of try_table */
	uint32_t catch_count;
	bool falls_through; /* else, end: execution can come here from the instruction before */
};

struct body_sink {
	void *ctx;
	/* Once, before the first step: the types of all locals, parameters first. Borrowed until the
	 * walk ends. NULL: not wanted. */
	bool (*begin)(void *ctx, const valtype *locals, uint32_t count, struct error *err);
	/* False ends the walk; err is then set. *step is valid during the call. */
	bool (*step)(void *ctx, const struct step *step, struct error *err);
};

/* Scratch memory of a walk, to be used again for many bodies. */
struct body_scratch;
struct body_scratch *body_scratch_create(void); /* NULL when memory is out */
void body_scratch_destroy(struct body_scratch *scratch);

/* Validates the body of a function that is not imported. Errors carry offset and function index. */
bool body_validate(const struct module *module, uint32_t func, struct body_scratch *scratch,
                   struct error *err);

/* The same, telling the sink. */
bool body_walk(const struct module *module, uint32_t func, struct body_scratch *scratch,
               const struct body_sink *sink, struct error *err);

/* Validates a constant expression that starts at `offset`, whose result must match `type` and which
 * may name the first `global_count` globals; *out gets its extent, `end` included. sink may be
 * NULL. */
bool const_expr_walk(const struct module *module, uint32_t offset, uint32_t end, valtype type,
                     uint32_t global_count, struct body_scratch *scratch,
                     const struct body_sink *sink, struct const_expr *out, struct error *err);

#endif
