/* Inside interp/: what is alive at run time (spec: 4.2). */
#ifndef INTERP_RUNTIME_H
#define INTERP_RUNTIME_H

#include "interp/cell.h"
#include "interp/interp.h"
#include "interp/stack_switch.h"
#include "validator/alloc.h"
#include "validator/type_space.h"

#include <setjmp.h>
#include <stdatomic.h>

struct func {
	struct instance *inst; /* whose code it is; NULL for a host function (host.c), and for one that
	                        * is not made yet (instance_func()) */
	uint32_t type_id;      /* in the store's type space */
	uint32_t index;        /* in the instance's function index space */
	uint32_t own;          /* among the instance's own functions */
	uint32_t header;       /* slot of the frame header */
};

struct memory {
	struct memory *next; /* all of the store */
	struct store *store;
	struct memory_type type;
	uint8_t *base;
	uint64_t size;     /* bytes that may be touched */
	uint64_t room;     /* bytes that it can grow to */
	uint64_t reserved; /* bytes of address space, guard included */
	bool is_guarded;   /* accesses at 32-bit addresses need no check (memory.c) */
	bool is_in_store;  /* its address space is part of the store's, and goes with that */
};

struct table {
	struct table *next;
	struct store *store;
	struct table_type type;
	uint64_t *elements; /* references; 0 is null */
	uint64_t size;
	uint64_t room;
};

struct global {
	struct global *next; /* those made by the host */
	struct global_type type;
	union slot *value; /* in the owner's globals, or own below; two slots of a v128 */
	union slot own[2];
};

/* A tag is its address. */
struct tag {
	const struct functype *type;
	uint32_t type_id;
};

/* The lowered code of a module in a store, shared by its instances. Functions are lowered on their
 * first call; entries[f] is the cell where function f starts, 0 until then: cell 0 lowers it. */
struct code {
	struct code *next;
	const struct module *module;
	bool checked; /* accesses to memory 0 check their bounds */
	struct store *store;
	struct cell *cells; /* one reservation, so code never moves */
	uint32_t *entries;  /* by index among the module's own functions */
	uint32_t *order;    /* own functions as they were lowered here, and so as their cells stand, one
	                     * behind the other */
	uint32_t order_count;
	uint64_t
	    looks; /* at functions and ranges, to find those of cells: what walks over frames cost */
	uint32_t count;
	uint32_t room;
	uint32_t *hints;          /* by own function: branch_hints_index(); NULL: the module has none */
	struct frame_maps **maps; /* by own function; made by the first collection that meets it */
	struct try_table **tries; /* by own function; NULL where it has no try_table */
	/* That cells, the entries when it is complete, and the order and the try_tables of the first
	 * functions stand in; or NULL. */
	struct image *image;
	bool has_own_cells; /* the cells are the image's, in a mapping that this code alone has */
};

/* Where the references of a function's frame are, for the collector. */
struct frame_ref {
	uint32_t cell; /* at this cell, counted from the function's first */
	uint16_t slot;
	uint8_t kind; /* enum ref_kind */
};

struct frame_maps {
	uint32_t always_count; /* the first ones are there at every cell: locals */
	uint32_t count;        /* the others are sorted by cell */
	struct frame_ref refs[];
};

#define NO_CLAUSE UINT32_MAX
#define NO_RANGE UINT32_MAX

/* What a function catches. Cells count from its first one. */
struct try_range {
	uint32_t start;        /* from here */
	uint32_t end;          /* up to, not with, this */
	uint32_t outer;        /* the innermost one around it, or NO_RANGE (exception_index()) */
	uint32_t first_clause; /* asked in order; NO_CLAUSE: none */
	uint32_t last_clause;  /* of these, when there is one */
	bool is_delegate;      /* catches nothing: the search goes on at range `delegate_to` … */
	uint32_t delegate_to;  /* … or, when that is NO_RANGE, in the caller */
};

struct try_clause {
	bool is_all;
	bool with_ref;
	bool ref_first; /* the exception goes below its values (legacy) */
	uint32_t next;  /* of the same range, or NO_CLAUSE */
	uint32_t tag;
	uint32_t landing; /* the cell to go on at */
	uint16_t slot;    /* where the values go */
};

struct try_table {
	uint32_t range_count; /* by their starts; an inner range stands behind those around it */
	struct try_range *ranges;
	struct try_clause *clauses;
	uint32_t clause_count;
	bool is_in_image; /* nothing of it is freed */
};

/* What handlers need stands first. */
struct instance {
	const struct cell *cells;
	const uint32_t *entries;
	union slot *globals;      /* own globals by their slot (struct global_decl) */
	uint8_t *memory_base;     /* of memory 0 */
	const uint32_t *type_ids; /* by type index */
	struct table **tables;
	struct memory **memories;
	struct func **imports;       /* imported functions */
	struct global **global_refs; /* the whole index space */
	struct tag **tags;
	struct store *store;
	struct code *code;
	const struct module *module;
	struct func *funcs; /* own functions, made when somebody refers to them */
	void *func_room;    /* the mapping that they are in; NULL: an allocation */
	size_t func_room_size;
	uint64_t **elem_values; /* of segments given by expressions; NULL for others */
	bool *dropped_elems;
	bool *dropped_datas;
	struct instance *next;
};

/* One func_call() under way; nested when a host function calls back. */
struct run {
	struct run *outer;
	jmp_buf unwind;
	enum trap trap;
	struct instance *fault_inst; /* where it stopped, for the backtrace; NULL: unknown */
	const struct cell *fault_pc;
	union slot *fault_fp;
	struct stack_switch left; /* the stack of the caller; outermost runs with tail dispatch only */
};

/* A call that left an instance's code: for another instance's (the frames go on at pc and fp) or
 * for a host function (which has host_type's arguments at host_slots). Innermost first. */
struct link {
	struct link *outer;
	const struct cell *pc;
	union slot *fp;
	struct instance *inst;
	const struct functype *host_type; /* NULL: another instance */
	union slot *host_slots;
};

/* References that C code holds while it allocates. */
struct heap_guard {
	struct heap_guard *outer;
	const union slot *slots;
	const uint8_t *kinds; /* enum ref_kind, one for each slot */
	const uint32_t *count;
};

struct store {
	struct store_options options;
	struct image *image; /* that instances of image_module start from; NULL: none */
	const struct module *image_module;
	struct arena *arena;
	struct instance *instances;
	struct code *codes;
	struct memory *memories;
	struct table *tables;
	uint64_t memory_bytes;     /* of all memories */
	bool memory_limit_reached; /* something was refused for it */
	uint64_t table_elements;

	struct type_space types;
	uint32_t likely_type; /* that the next host function has, by its id; any number is as good */

	uint8_t *reserved; /* what both stacks stand in, with their guards (store.c); NULL: not yet */
	size_t reserved_size;
	uint8_t *memory_ready; /* address space in it for one guarded memory; NULL: none is left */
	uint8_t *stack;        /* of frames, with a guard behind it */
	size_t stack_size;
	union slot *stack_top; /* the next run's frame starts here */
	uint8_t *native_stack; /* from its guard on */
	size_t native_size;
	struct stack_own native_own;
	uintptr_t native_limit; /* host functions need the stack above this address */

	struct heap *heap;
	struct lowering *lowering; /* its arrays, made once */
	struct global *host_globals;
	struct link *links;
	struct heap_guard *guards;
	const struct cell *safe_pc; /* the cell that allocates, and its frame; NULL: C code does */
	union slot *safe_fp;
	struct object *pending; /* an exception on its way through C code */

	int64_t fuel; /* left; counts when options.fuel is not 0, and is fuel_left while the store is
	               * trap_active_store */
	atomic_bool interrupted; /* for good: no code can be read any more */

	struct run *run; /* the innermost, or NULL */
	struct trap_report report;
	uint32_t exit_status;
	struct error *host_error; /* where host_fail() writes during a host call */
	enum trap host_trap;
};

/* A guard holds more than the largest frame with its outgoing arguments (LOAD_LIMIT_FRAME_SLOTS).
 */
#define STACK_GUARD ((size_t)1 << 20)

/* Native stack that host functions and the runtime's own C code may use on top of what calls take.
 */
#define NATIVE_HEADROOM ((size_t)256 << 10)

static inline uint32_t type_header(const struct functype *type)
{
	return type->param_slots > type->result_slots ? type->param_slots : type->result_slots;
}

/* The id of a function type that names no other types. */
bool store_intern_type(struct store *store, const struct functype *type, uint32_t *id,
                       struct error *err);

/* Before anything is called: the stacks, unless they are there. `first` is the module that is
 * instantiated, whose memory gets its address space along with them; NULL: there is none. */
bool store_make_stacks(struct store *store, const struct module *first, struct error *err);

/* The module's value type, with ids of the store for type indices. */
valtype store_valtype(const struct instance *inst, valtype type);

static inline bool store_is_subtype(const struct store *store, uint32_t sub, uint32_t super)
{
	return sub == super || type_is_subtype(store->types.defs, sub, super);
}

/* The function object of an index of the instance's function index space. Never NULL. */
struct func *instance_func(struct instance *inst, uint32_t index);
/* What is neither in the store's arena nor counted among its other things. */
void instance_clear(struct instance *inst);

/* code.c */
/* The cell that lowers the function in acc: the first one of all code. */
struct cell code_lazy_cell(void);
/* Cells that the module's functions can need together, and some more. */
uint64_t code_room(const struct module *module);
struct code *code_find_or_create(struct store *store, const struct module *module, bool checked,
                                 struct error *err);
void code_destroy(struct code *code);
void store_lowering_clear(struct store *store);
/* Lowers own function `index` (among the module's own); false on an error that err tells. */
bool code_lower(struct code *code, uint32_t index, struct error *err);
/* Where every function is lowered: all calls of own functions know their way from the start. */
bool code_make_calls_near(const struct code *code, struct error *err);
/* The own function whose code holds the cell, and the end of its code; a search among those that
 * are lowered. */
bool code_function_at(struct code *code, const struct cell *pc, uint32_t *index,
                      const struct cell **end);
/* A cell of own function `index`, and the byte offset of its instruction. */
struct code_place {
	const struct code *code;
	const struct cell *pc;
	uint32_t index;
	uint64_t offset;
};
/* Finds the offsets, with one more lowering of each function; of one that cannot be lowered for
 * want of memory, where its body starts. Without fuel: of the loop or function that is not paid.
 * fp: the first place's frame, and `size` memory 0's, for an access out of bounds. */
void code_find_offsets(struct code_place *places, uint32_t count, enum trap trap,
                       const union slot *fp, uint64_t size);
/* NULL: out of memory. */
const struct frame_maps *code_frame_maps(struct code *code, uint32_t index);
/* NULL: none of the store's code does. */
struct code *code_holding(struct store *store, const struct cell *pc, uint32_t *index,
                          const struct cell **end);

/* The frames of everything that is under way in the store, innermost first. At a host function's
 * frame code is NULL and host_type says what stands at fp. */
struct frame_walk {
	struct store *store;
	const struct link *link;
	const struct cell *pc; /* NULL: the end */
	union slot *fp;
	struct code *code;
	uint32_t index;         /* of the function, among the code's own */
	const struct cell *end; /* behind its cells */
	const struct functype *host_type;
	bool crossed; /* this frame is another instance's than the one before */
};
void frame_walk_start(struct frame_walk *walk, struct store *store, const struct cell *pc,
                      union slot *fp);
void frame_walk_next(struct frame_walk *walk);

/* memory.c: bulk operations check their bounds first (spec: 4.6) and answer a trap or TRAP_NONE. */
/* Every 32-bit address plus every constant offset, and a page. */
#define MEMORY_GUARDED_RESERVATION ((UINT64_C(1) << 33) + (UINT64_C(1) << 16))
bool memory_can_be_guarded(const struct memory_type *type, const struct store *store);
bool memory_init_storage(struct memory *memory, struct error *err);
void memory_clear(struct memory *memory);
uint64_t memory_grow(struct memory *memory, uint64_t pages); /* old pages, or UINT64_MAX */
enum trap memory_fill(struct memory *memory, uint64_t at, uint8_t value, uint64_t count);
enum trap memory_copy(struct memory *to, struct memory *from, uint64_t at, uint64_t source,
                      uint64_t count);
enum trap memory_write(struct memory *memory, uint64_t at, const uint8_t *bytes, uint64_t size,
                       uint64_t source, uint64_t count);

/* atomic.c: memory.atomic.wait32 and wait64, whose value was found equal to the expected one or
 * not. *out gets 1 (it was not) or 2 (the time ran out, in nanoseconds). */
enum trap atomic_wait(bool is_equal, int64_t timeout, uint64_t *out);

/* table.c, segments.c */
void table_clear(struct table *table);
uint64_t table_grow(struct table *table, uint64_t init,
                    uint64_t count); /* old size, or UINT64_MAX */
enum trap table_fill(struct table *table, uint64_t at, uint64_t value, uint64_t count);
enum trap table_copy(struct table *to, struct table *from, uint64_t at, uint64_t source,
                     uint64_t count);
/* Values of `count` items from item `source` on of a segment that is long enough. */
void elem_values(struct instance *inst, uint32_t segment, uint32_t source, uint32_t count,
                 uint64_t *out);
/* Evaluates the expressions of all segments. */
bool elem_evaluate(struct instance *inst, struct error *err);
enum trap table_init(struct instance *inst, uint32_t segment, uint32_t table, uint64_t at,
                     uint64_t source, uint64_t count);

/* const_eval.c: the value of a validated constant expression, whose size may be given too large and
 * is then set right. out has as many slots as the type takes. */
bool const_eval(struct instance *inst, struct const_expr *expr, valtype type, union slot *out,
                struct error *err);
/* The same for one integer constant, of which most are made; false for anything else. */
bool const_eval_plain(const struct module *m, struct const_expr *expr, union slot *out);

/* host.c: calls a host function with arguments and results in slots. A trap that it asked for is
 * returned; then the store's host_error may hold a message. */
enum trap host_invoke(struct store *store, struct func *func, struct instance *caller,
                      union slot *slots);
/* As its signature has it. */
const struct functype *host_func_type(const struct func *func);

/* trap.c */
/* The store whose code this thread runs, for the fault handler; NULL: none. */
extern _Thread_local struct store *trap_active_store;
/* call.c: what is left of that store's fuel. Here handlers find it without asking their instance,
 * which a call has just taken from the stack; the attributes have them find it by no call, and in a
 * static executable by no load. */
extern _Thread_local int64_t fuel_left
    __attribute__((tls_model("initial-exec"), visibility("hidden")));
bool trap_handlers_install(struct error *err);
/* Ends the innermost run. */
_Noreturn void trap_raise(struct store *store, struct instance *inst, const struct cell *pc,
                          union slot *fp, enum trap trap);
void trap_backtrace(struct store *store, const struct run *run);
/* Instances of one module share its code; the innermost is known, the others are told by the first
 * that has this code. `likely` may be NULL. */
struct instance *trap_instance_of(struct store *store, struct instance *likely,
                                  const struct code *code);

/* interrupt.c */
/* Was it an interruption that made reading the address fault? */
bool interrupt_is_at(const struct store *store, uintptr_t address);
/* The report of a run that was interrupted at pc, which is NULL where C code was at work. */
void interrupt_report(struct store *store, const struct cell *pc);

/* exception.c */
/* Fills in which range is around which: once, when the ranges of a function are whole. */
void exception_index(struct try_table *tries);
struct object *exception_create(struct instance *inst, struct tag *tag, const union slot *args);
/* Where the exception, thrown at pc, is caught. */
struct landing {
	const struct cell *pc; /* NULL: nowhere */
	union slot *fp;
	const union slot *native; /* what keep_native kept of that frame */
	struct link *links;       /* the store's, from then on */
	bool crossed; /* in another frame stack of C code: goto dispatch must return there */
};
struct landing exception_find(struct instance *inst, struct object *exception,
                              const struct cell *pc, union slot *fp);

/* exec.c */
/* Handlers by enum op, and the address that cell.handler counts from. */
const void *const *exec_handlers(void);
const char *exec_base(void);
/* Runs the code at pc in the frame fp until its function returns. Returns acc. */
uint64_t exec_run(const struct cell *pc, union slot *fp, struct instance *inst, uint64_t acc);
/* Is this a code address of a handler? */
bool exec_is_handler(uintptr_t address);
/* The cell that the header of a run's outermost frame points to. */
extern const struct cell *const exec_entry_cell;

/* call.c */
enum trap func_call_slots(struct store *store, struct func *func, union slot *slots);

#endif
