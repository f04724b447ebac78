/* Inside interp/: from a function body to register code.
 *
 * Lowering follows the validator's steps (validator/body.h) with a symbolic stack: an operand is a
 * local that is not read yet, the sum of an i32 local and a number that is not made yet, a
 * constant, or a temporary in the slot that belongs to its height. All but temporaries cost nothing
 * until an operation takes them as operands; where control flow merges, values stand in the slots
 * of their heights, so there are no phis and no parallel moves.
 *
 * Every operation leaves its result in the accumulator of its class as well as in its slot. `held`
 * knows which slot's value an accumulator has, so that the next operation can take it from there,
 * and when that was a temporary (which is read once) the store is taken back: the variant r for w.
 */
#ifndef INTERP_LOWER_H
#define INTERP_LOWER_H

#include "interp/heap.h"
#include "interp/runtime.h"
#include "validator/body.h"
#include "validator/hints.h"

/* ---- the families of op.def ---- */

enum family_kind {
	FAMILY_NONE,
	FAMILY_COMMUTE,
	FAMILY_ORDERED,
	FAMILY_COMPARE,
	FAMILY_FCOMPARE,
	FAMILY_UNARY,
	FAMILY_LOAD,
	FAMILY_STORE,
	FAMILY_FSTORE,
	FAMILY_ATOMIC,
	FAMILY_ATOMIC_STORE,
};

struct family {
	uint16_t base; /* its first operation */
	uint8_t kind;
	uint8_t operand; /* enum acc_class; of atomics, how many values they take */
	uint8_t result;
	bool is_wide;     /* integer operands of 64 bits */
	uint16_t swapped; /* comparisons: x and y change places */
	uint16_t inverse; /* and the comparison that negates it */
};

extern const struct family families[INSN_COUNT];

/* Pairs (r, w) of the families with two operands, in the order of VARIANTS_ORDERED. */
enum { VARIANT_ss, VARIANT_sk, VARIANT_as, VARIANT_ak, VARIANT_ks, VARIANT_sa, VARIANT_ka };

/* And their jumps, counted from the family's first operation. */
#define COMPARE_JUMPS 8
#define COMPARE_STEPS (COMPARE_JUMPS + 4)
#define FCOMPARE_NOT 4
/* ---- the state of a lowering ---- */

enum sym_kind { SYM_LOCAL, SYM_CONST, SYM_TEMP, SYM_SUM };

struct sym {
	uint8_t kind;  /* enum sym_kind */
	uint8_t class; /* enum acc_class */
	uint8_t slots;
	uint8_t ref;    /* enum ref_kind */
	uint16_t slot;  /* of its height */
	uint32_t local; /* SYM_LOCAL, SYM_SUM: the index */
	uint64_t value; /* SYM_CONST: the bits; of a v128 the address of its 16 bytes in the module;
	                 * SYM_SUM: the number that is added to the local, modulo 2^32 */
};

enum src_kind { SRC_SLOT, SRC_ACC, SRC_CONST };

/* Where an operation finds an operand. */
struct src {
	enum src_kind kind;
	uint16_t slot;
	uint64_t value;
};

/* What an accumulator has. */
struct held {
	int32_t slot;        /* -1: nothing known */
	uint32_t cell;       /* that put it there */
	bool may_drop_store; /* the cell's store may be taken back when the value is read from here */
};

#define NO_FIXUP UINT32_MAX

/* A jump whose target is not known yet. */
struct fixup {
	uint32_t word;   /* where the jump stands, in words of 4 bytes from the first cell */
	uint32_t origin; /* the cell that the jump counts from */
	uint32_t next;
};

/* A side way that is hardly taken: its cells stand behind the function's others (lower_aside.c). */
struct aside {
	uint32_t jump;  /* the cell that goes there */
	uint32_t first; /* of its cells, in aside_cells */
	uint32_t count;
	uint32_t target; /* the cell that the last of them jumps to; NO_TARGET: it returns */
	uint32_t at;     /* offset of its instruction */
};
#define NO_TARGET UINT32_MAX
/* As the origin of a fixup: `word` is the index of a side way. */
#define ORIGIN_ASIDE UINT32_MAX

struct label {
	enum insn_id opener;
	bool is_function;    /* a branch to it returns */
	uint32_t height;     /* of the symbolic stack, without params */
	uint32_t start;      /* loop: its first cell */
	uint32_t meter;      /* loop: the cell that paid before it */
	uint32_t fixups;     /* of forward branches */
	uint32_t else_jump;  /* if: the cell that jumps when the condition is 0; or NO_FIXUP */
	uint32_t range;      /* try_table, try: where in ranges; NO_RANGE when it does not catch here */
	uint32_t catches_of; /* try: the same, to its end */
	uint16_t exception;  /* catch, catch_all: the slot that holds what was caught */
	struct block_type type;
};

/* The last cell, when it computed a temporary that no one has read yet. */
struct last {
	uint32_t cell;     /* UINT32_MAX: none */
	enum insn_id insn; /* INSN_COUNT: not of a family in op.def */
	unsigned variant;  /* its place among the family's pairs */
	struct held before[CLASS_COUNT];
	struct held earlier; /* of its class, before the cell that precedes it; or nothing known */
};

struct lowering {
	const struct module *m;
	const struct functype *type;
	bool unfolded;
	bool checked; /* memory 0 has no guard */
	bool metered;
	uint32_t meter;   /* the cell that pays for the present instruction */
	bool is_straight; /* the function goes nowhere else up to here, and all is_unseen() */

	struct cell *cells; /* handler holds enum op until the end */
	uint32_t cell_count;
	uint32_t cell_room;
	uint32_t *offsets; /* byte offset of each cell's instruction, when they are wanted */
	uint32_t offset_room;
	bool want_offsets;
	bool want_payments;
	bool want_first_loads;
	uint32_t at; /* offset of the present instruction */

	bool want_maps; /* for the collector: slots of references at each safepoint */
	struct frame_ref *refs_found;
	uint32_t ref_count;
	uint32_t always_count; /* the first ones: locals */
	uint32_t ref_room;

	bool has_try;   /* the frame keeps its native state (NATIVE_SLOTS) */
	bool needs_try; /* found out on the way: lower again */
	struct try_range *ranges;
	uint32_t range_count;
	uint32_t range_room;
	struct try_clause *clauses;
	uint32_t clause_count;
	uint32_t clause_room;

	struct fixup *fixups;
	uint32_t fixup_count;
	uint32_t fixup_room;

	struct branch_hints hints;
	struct aside *asides;
	uint32_t aside_count;
	uint32_t aside_room;
	struct cell *aside_cells;
	uint32_t aside_cell_count;
	uint32_t aside_cell_room;

	struct sym *syms;
	uint32_t sym_count;
	uint32_t sym_room;
	struct label *labels;
	uint32_t label_count;
	uint32_t label_room;
	uint32_t loops; /* labels of loops that are open */

	uint32_t local_room; /* of the five */
	uint16_t *local_slots;
	uint8_t *local_classes;
	uint8_t *local_kinds; /* enum ref_kind */
	bool *local_written;
	uint32_t *local_refs; /* how often each local stands on the symbolic stack */
	uint32_t local_count;
	uint32_t refs; /* sum of them */
	uint32_t header;
	uint32_t temps; /* slot of height 0 */

	struct held held[CLASS_COUNT];
	struct last last;
	uint32_t barrier; /* cells before this one stay as they are: a jump may come here */
	struct body_scratch *scratch;
	bool out_of_memory; /* checked once, at the end: emitting stays without error paths */
	struct cell scrap;
};

/* A function with a try_table keeps, right behind its header: native stack pointer, frame pointer,
 * link register, instance (exec_call.h: keep_native). */
#define NATIVE_SLOTS 4

/* Pops `count` operands that stand in the slots of their heights; returns the first one's slot. */
uint16_t pop_row(struct lowering *l, uint32_t count);
void lower_bulk(struct lowering *l, enum op op, uint32_t operands, uint32_t c, uint32_t d);
/* An operation that leaves an integer in acc and slot a and forgets the other accumulators. */
void lower_grow(struct lowering *l, enum op op, uint32_t operands, uint32_t index);
void lower_unary(struct lowering *l, enum insn_id insn);
/* A binary operation as its instruction has it, on the two operands on top. */
void lower_binary(struct lowering *l, enum insn_id insn);

/* Lowers a function into l's arrays, which are used again by the next one; l starts zeroed and ends
 * by lowering_clear(). */
enum lower_want {
	LOWER_CODE,
	LOWER_OFFSETS,
	LOWER_PAYMENTS, /* offsets for where fuel ended: of what is not paid, not of what pays for it */
	LOWER_FIRST_LOADS, /* offsets for where the first of a cell's two loads faulted */
	LOWER_MAPS,
};

bool lower_function(struct lowering *l, const struct code *code, uint32_t func,
                    enum lower_want want, struct error *err);
void lowering_clear(struct lowering *l);

/* ---- lower_emit.c: cells and the symbolic stack ---- */

enum acc_class class_of(valtype type);

/* A new cell at the end; its fields beside the handler are 0. */
struct cell *emit(struct lowering *l, enum op op);

/* A cell that is no operation: 16 bytes that belong to the cell before it. `last` stays as it is.
 */
void emit_data(struct lowering *l, const uint8_t *bytes);
/* How many of these stand behind an operation; table_jump's depend on its cell. */
extern const uint8_t op_data_cells[OP_COUNT];

/* No cell before this place changes any more: control may come here from elsewhere, with the
 * accumulators as they are known. */
void cells_end_here(struct lowering *l);

/* A cell that computes a value of the class into a new temporary (slot a) which is pushed. op is
 * the w variant. `insn` and `variant` as in struct last. */
struct cell *emit_result(struct lowering *l, enum op op, enum acc_class class, enum insn_id insn,
                         unsigned variant);
/* The same for operations without an r variant. */
struct cell *emit_plain_result(struct lowering *l, enum op op, enum acc_class class);

void push_local(struct lowering *l, uint32_t local);
void push_const(struct lowering *l, enum acc_class class, uint64_t value);
void push_temp(struct lowering *l, enum acc_class class);
/* The same with what the collector must know of the type. */
void push_typed(struct lowering *l, valtype type);
/* Says so of what was pushed last. */
void type_top(struct lowering *l, valtype type);
/* A sum is made, in its slot; no accumulator changes. */
struct sym pop_sym(struct lowering *l);
/* A sum stays one. */
struct sym pop_lazy(struct lowering *l);
/* A sum is made in the accumulator, and in its slot unless it is taken from there. */
struct sym pop_value(struct lowering *l);
struct sym make_sum(struct lowering *l, struct sym sym);
void push_sum(struct lowering *l, uint32_t local, uint32_t number);
/* Takes the last pop back. */
void unpop_sym(struct lowering *l, const struct sym *sym);
/* The next cell may collect garbage: the references on the stack now are alive there. */
void note_safepoint(struct lowering *l);
/* The locals are there at every cell. */
void note_locals(struct lowering *l);
/* The slot of the next push. */
uint16_t next_slot(const struct lowering *l);

/* Where the operand is; takes nothing back. */
struct src find(struct lowering *l, const struct sym *sym);
/* Tells that the operand is read from its accumulator and never again. */
void take_from_acc(struct lowering *l, const struct sym *sym);
/* The operand's slot; a constant is put into the slot of its height. */
uint16_t in_slot(struct lowering *l, const struct sym *sym);
/* The last `count` operands are put into the slots of their heights; they stay on the stack. */
void settle_top(struct lowering *l, uint32_t count);
/* So are all locals that stand on the stack. */
void settle_locals(struct lowering *l);
/* Those that name this local, which is about to change. */
void settle_local(struct lowering *l, uint32_t local);
/* Copies the operand into a slot; final: it is not read again. */
void move_to(struct lowering *l, uint16_t slot, const struct sym *sym, bool final);
void truncate_to(struct lowering *l, uint32_t height);

void forget_slot(struct lowering *l, uint16_t slot);
void forget_class(struct lowering *l, enum acc_class class);
void forget_all(struct lowering *l);
/* Control may come here from elsewhere. */
void here_is_a_label(struct lowering *l);

/* Makes room in one of the growing arrays; false: out of memory, which is noted. */
bool make_room(struct lowering *l, void *array_pointer, uint32_t *room, uint32_t want, size_t size);

/* ---- lower_gc.c: references, structs, arrays ---- */

bool lower_reference(struct lowering *l, const struct step *step);
/* Emits what leaves in acc whether the reference on top matches the step's target type. */
void lower_cast_test(struct lowering *l, const struct step *step);

/* ---- lower.c, for lower_try.c ---- */

struct label *label_at(struct lowering *l, uint32_t depth);
void label_arity(const struct label *label, const valtype **types, uint32_t *count);
/* The slot where the label's values start. */
uint16_t label_slot(const struct lowering *l, const struct label *label);
void push_label(struct lowering *l, enum insn_id opener, const struct block_type *type);
void push_types(struct lowering *l, const valtype *types, uint32_t count);
/* Makes the jump in the cell go to the label, at once or when the label's place is known. */
void aim_cell(struct lowering *l, struct label *label, uint32_t cell);
void aim_here(struct lowering *l, uint32_t cell);
void add_fixup(struct lowering *l, struct label *label, uint32_t word, uint32_t origin);
/* Makes the jump in the cell go to the cell `target`. */
void aim_at(struct lowering *l, uint32_t cell, uint32_t target);
uint32_t emit_jump(struct lowering *l);
void move_values(struct lowering *l, const struct label *label, uint32_t count, bool final);
void emit_return(struct lowering *l, bool final);
void lower_end(struct lowering *l, const struct step *step);

/* ---- lower_call.c ---- */

void lower_call(struct lowering *l, const struct step *step);

/* ---- lower_aside.c: branches that are hardly taken ---- */

/* The branch's way with its `count` values, all that stands from cell `first` on, goes aside; the
 * cell `jump` leads to it. label NULL: it returns. */
void put_aside(struct lowering *l, uint32_t jump, uint32_t first, struct label *label);
/* At the function's end: they come behind its cells. */
void place_asides(struct lowering *l);

/* ---- lower_meter.c: fuel; without a limit all but is_unseen() do nothing ---- */

void start_meter(struct lowering *l);
/* The cell's jump goes to a loop's first cell. */
void pay_on_jump(struct lowering *l, uint32_t cell);
/* Behind the function's last cell. */
void pay_on_return(struct lowering *l);
bool is_unseen(enum insn_id id);

/* ---- lower_try.c: exceptions ---- */

void lower_throw(struct lowering *l, const struct step *step);
void lower_try_table(struct lowering *l, const struct step *step);
/* try, catch, catch_all, delegate, rethrow */
void lower_legacy(struct lowering *l, const struct step *step);

/* ---- lower_ops.c: everything that is not control ---- */

bool lower_operation(struct lowering *l, const struct step *step);

/* For an access (IMM_MEMARG) that guard pages do not catch, emits the check of its address, which
 * was popped already: then the access must take the address from acc (even when unfolded) with
 * offset 0. Values that the access takes must be looked for only afterwards: acc holds none of
 * them. False: none is needed, and the address is `*address` plus step->value. */
bool emit_address_check(struct lowering *l, const struct step *step, const struct sym *address);

/* ---- lower_memory.c: loads, stores, atomics ---- */

void lower_load(struct lowering *l, const struct step *step);
void lower_store(struct lowering *l, const struct step *step);
void lower_atomic(struct lowering *l, const struct step *step);
void lower_wait(struct lowering *l, const struct step *step, enum op op);
void lower_notify(struct lowering *l, const struct step *step);

/* ---- lower_condition.c ---- */

static inline bool fits_short(uint64_t value, bool is_wide)
{
	return !is_wide || (uint64_t)(int64_t)(int32_t)value == value;
}

/* A condition on its way into a jump: the value, or the comparison that made it, taken back. */
struct condition {
	enum insn_id insn; /* of a comparison; INSN_COUNT: the value in src */
	unsigned variant;
	struct cell cell; /* the comparison as it was */
	struct src src;
	struct sym sym;
	bool is_wide;    /* the value has 64 bits */
	bool is_negated; /* the comparison must not hold */
};

struct condition take_condition(struct lowering *l);
/* A condition that is a value already. */
struct condition condition_of(const struct sym *sym, struct src src, bool is_wide);
/* Emits the jump that is taken when the condition is `sense`; returns the cell's place. */
uint32_t emit_conditional_jump(struct lowering *l, struct condition *condition, bool sense);

/* ---- lower_fuse.c: several operations in one cell ---- */

/* Did the last cell compute this operand, and may it be taken back? */
bool is_last(const struct lowering *l, const struct sym *sym);
/* Takes the last cell back, with what the accumulators were before it. */
struct cell take_back(struct lowering *l);

/* An address that is a sum of 32 bits: the place of its form among the variants of LOAD, where
 * forms go by p q u v t (op.def), and the fields of the cell. */
struct address_sum {
	enum { SUM_p, SUM_q, SUM_u, SUM_v, SUM_t } form;
	uint16_t b;
	uint32_t c;
	uint16_t kept; /* t: the slot */
};
/* Takes a sum apart, of which the last cell may be taken back; false: it is none. */
bool take_address_sum(struct lowering *l, const struct sym *sym, struct address_sum *sum);
/* The same of a local that the last cell set to a sum; only for loads. */
bool take_kept_sum(struct lowering *l, const struct sym *sym, struct address_sum *sum);

/* Makes one cell of a binary operation and of the cell that computed one of its operands, both
 * popped; false: nothing was done. */
bool fuse_binary(struct lowering *l, enum insn_id insn, const struct sym *x, const struct sym *y);

/* The jump that was just emitted, of a comparison in the given variant, becomes one that steps as
 * well when the cell before it added a number to the local that is compared. step: the variant
 * step_s. */
void fuse_step(struct lowering *l, unsigned variant, bool is_wide, enum op step);

/* Whether the cell, whose handler is still an operation, makes two accesses to memory 0 of `size`
 * bytes, and the first of them cannot be made; fp: the frame that it runs in. */
bool first_load_faults(const struct cell *cell, const union slot *fp, uint64_t size);

/* A load into the local that it has its address from becomes a step along a list. */
void fuse_next(struct cell *load);
/* The jump that was just emitted, by whether acc is 0, is made one with such a step before it. */
void fuse_next_jump(struct lowering *l);

/* A jump by a table and the load of the byte that is its index, as one cell to be filled in; NULL:
 * the index is none. */
struct cell *fuse_table_jump(struct lowering *l, const struct sym *index);

/* A jump that the cell before it is made one with; false: it is none that could be. Where it goes
 * is the cell's `jump` as ever. */
bool fuse_jump(struct lowering *l);

/* The cell before, where a function starts, becomes one that pays as well; false: it is none that
 * could. */
bool fuse_meter(struct lowering *l);

/* Does the last cell put the last arguments into a frame with this header at slot `frame`? Then it
 * is taken back into *arguments, a cell that calls an own function (or one of a table, with its
 * index in acc) with the rest of the fields to be filled in. */
bool fuse_arguments(struct lowering *l, const struct functype *type, uint16_t frame,
                    bool is_indirect, struct cell *arguments);

/* Emits fp[to] = fp[from], 64 bits. */
void emit_move(struct lowering *l, uint16_t to, uint16_t from);

/* ---- lower_fuse_simd.c ---- */

/* The same for vectors, x and y popped: with a cell that loads, or sums of products. */
bool fuse_vectors(struct lowering *l, enum insn_id insn, bool commutes, const struct sym *x,
                  const struct sym *y);
/* The bytes of the first access of a cell that loads two vectors; 0: it does not. */
uint32_t first_vector_size(const struct cell *cell);

/* ---- lower_simd.c ---- */

/* Lowers an operation of op_simd.def; false: it is none. */
bool lower_vector(struct lowering *l, const struct step *step);

#endif
