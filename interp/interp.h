/* interp: runs validated modules. This header is what the folder gives.
 *
 * A store owns everything that is instantiated in it: instances, functions, memories, tables,
 * globals; store_destroy() frees them together (spec: 4.2.3 Store). A store and what it owns are
 * used by one thread at a time, and by one alone from a call's beginning to its end, whatever host
 * functions do meanwhile; modules are const and may be shared between stores and threads.
 *
 *   struct error err = ERROR_INIT;
 *   struct module *module = module_load(bytes, size, NULL, &err);      // validator/module.h
 *   struct store *store = store_create(NULL, &err);
 *   struct instance *inst = instance_create(store, module, resolve, env, &err);
 *   struct func *f = instance_export_func(inst, "fib");
 *   union value arg = {.i32 = 30}, result;
 *   if (!func_call(store, f, &arg, &result, &err)) …                    // a trap: store_trap()
 */
#ifndef INTERP_INTERP_H
#define INTERP_INTERP_H

#include "validator/error.h"
#include "validator/module.h"

#include <stddef.h>
#include <stdio.h>

struct store;
struct instance;
struct func;
struct memory;
struct table;
struct global;
struct tag;

/* A value of any type (spec: 4.2.1). References are one word; 0 is null. A funcref is a
 * struct func *; an externref is whatever word the host chose, from 1 to 2^62 - 1. References to
 * the garbage-collected heap (anyref and below, exnref, and externrefs made of them) stay good
 * until the next call into the store; what a global or a table holds stays. */
union value {
	uint32_t i32;
	uint64_t i64;
	float f32;
	double f64;
	uint64_t ref;
	uint8_t v128[16];
};

struct store_options {
	uint64_t memory_limit; /* bytes that all memories and the garbage-collected heap together may
	                        * take; 0: no limit but Wasm's for memories, and for the heap
	                        * INTERP_HEAP_LIMIT_DEFAULT */
	uint64_t table_limit;  /* elements that all tables together may grow to; 0: the default */
	size_t stack_size;   /* bytes of frame slots, up to INTERP_STACK_MAX; 0: INTERP_STACK_DEFAULT */
	uint64_t fuel;       /* units that all runs together may use, more than INT64_MAX are as many;
	                      * 0: no limit */
	bool unfolded;       /* lower without folding operands: slow, for differential tests */
	bool checked_memory; /* no guard pages: check each access, as is done by itself where there
	                      * is no address space for them; slow, for tests */
	bool collect_always; /* collect garbage at every allocation: slow, for tests */
};

#define INTERP_STACK_DEFAULT ((size_t)1 << 20)
#define INTERP_STACK_MAX ((size_t)1 << 40)
#define INTERP_TABLE_LIMIT_DEFAULT ((uint64_t)10000000)

/* Without a memory_limit, bytes of all structs, arrays and exceptions of a store together. */
#define INTERP_HEAP_LIMIT_DEFAULT ((uint64_t)4 << 30)

/* Without a memory_limit, bytes that one 64-bit memory can grow to. It is address space, which is
 * reserved when the memory is made; a memory that starts larger gets what it starts with. */
#define INTERP_MEMORY64_ROOM ((uint64_t)64 << 30)

/* options NULL: all defaults. The stacks and what a stack_size too large means are for the first
 * instance_create() or func_call().
 *
 * The first store of a process takes SIGSEGV and SIGBUS; faults that are none of its guests' go on
 * to the handlers that were there before. One that is set later must hand on those that it does not
 * know, or a guest's trap is the end of the process. NULL: ERROR_NO_MEMORY or ERROR_SYSTEM. */
struct store *store_create(const struct store_options *options, struct error *err);
void store_destroy(struct store *store);

/* What a reference refers to, which its static type may leave open. */
enum ref_form {
	REF_FORM_NULL,
	REF_FORM_FUNC,
	REF_FORM_EXTERN, /* the host's, also as an anyref: ref_host_word() */
	REF_FORM_I31,
	REF_FORM_STRUCT,
	REF_FORM_ARRAY,
	REF_FORM_EXN,
};

/* type: the static type, as func_type() has it. */
enum ref_form ref_form_of(const struct store *store, valtype type, uint64_t ref);
/* The host's word in a REF_FORM_EXTERN. */
uint64_t ref_host_word(uint64_t ref);
/* The signed value of a REF_FORM_I31. */
int32_t ref_i31_value(uint64_t ref);
/* An externref of the host as an anyref. */
uint64_t ref_from_host(uint64_t word);

/* ---- externs: what is imported and exported (spec: 4.2.6) ---- */

struct extern_val {
	enum extern_kind kind; /* validator/module.h: EXTERN_FUNC, _TABLE, _MEMORY, _GLOBAL, _TAG */
	union {
		struct func *func;
		struct table *table;
		struct memory *memory;
		struct global *global;
		struct tag *tag;
	} as;
};

/* Answers an import: fills *out and returns true, or returns false when it has nothing of that
 * name (then, or when the types do not match, instantiation fails with ERROR_LINK by name; what it
 * has set as an ERROR_LINK itself, such as what to do, stands behind). Another error that it sets
 * is that of the instantiation. The import's names are UTF-8 with explicit lengths. */
typedef bool import_resolver(void *env, struct store *store, const struct import *import,
                             struct extern_val *out, struct error *err);

/* Instantiates (spec: 4.7.2), runs active segments and the start function. The module is borrowed
 * and must outlive the store. NULL on failure; a trap in the start function is ERROR_TRAP or
 * ERROR_EXIT. What was allocated stays in the store until store_destroy(). */
struct instance *instance_create(struct store *store, const struct module *module,
                                 import_resolver *resolve, void *env, struct error *err);

bool instance_export(const struct instance *inst, const char *name, size_t len,
                     struct extern_val *out);
struct func *instance_export_func(const struct instance *inst, const char *name);
struct memory *instance_export_memory(const struct instance *inst, const char *name);
const struct module *instance_module(const struct instance *inst);

/* ---- calls ---- */

/* Its value types name types of the store; two functions of one type have one type. Good until the
 * next instance_create() or host_func_create() in the store. */
const struct functype *func_type(const struct func *func);

/* Calls func with args (one value for each parameter) and writes results (one for each result).
 * May be called from a host function. False: ERROR_TRAP (store_trap() tells more), ERROR_EXIT
 * (store_exit_status()), or an error that a host function set. */
bool func_call(struct store *store, struct func *func, const union value *args,
               union value *results, struct error *err);

/* One row for each trap: constant, the suite's words (spec: 4.5 and appendix). */
#define TRAPS(X)                                                                                   \
	X(TRAP_NONE, "no trap")                                                                        \
	X(TRAP_UNREACHABLE, "unreachable")                                                             \
	X(TRAP_DIVIDE_BY_ZERO, "integer divide by zero")                                               \
	X(TRAP_INTEGER_OVERFLOW, "integer overflow")                                                   \
	X(TRAP_INVALID_CONVERSION, "invalid conversion to integer")                                    \
	X(TRAP_MEMORY_OUT_OF_BOUNDS, "out of bounds memory access")                                    \
	X(TRAP_TABLE_OUT_OF_BOUNDS, "out of bounds table access")                                      \
	X(TRAP_UNDEFINED_ELEMENT, "undefined element")                                                 \
	X(TRAP_UNINITIALIZED_ELEMENT, "uninitialized element")                                         \
	X(TRAP_INDIRECT_CALL_TYPE, "indirect call type mismatch")                                      \
	X(TRAP_STACK_EXHAUSTED, "call stack exhausted")                                                \
	X(TRAP_UNALIGNED_ATOMIC, "unaligned atomic")                                                   \
	X(TRAP_NOT_SHARED, "expected shared memory")                                                   \
	X(TRAP_ENDLESS_WAIT, "wait without time limit, and no other thread could end it")              \
	X(TRAP_NULL_REFERENCE, "null reference")                                                       \
	X(TRAP_NULL_FUNCTION, "null function reference")                                               \
	X(TRAP_NULL_STRUCT, "null structure reference")                                                \
	X(TRAP_NULL_ARRAY, "null array reference")                                                     \
	X(TRAP_NULL_I31, "null i31 reference")                                                         \
	X(TRAP_CAST, "cast failure")                                                                   \
	X(TRAP_ARRAY_OUT_OF_BOUNDS, "out of bounds array access")                                      \
	X(TRAP_HEAP_EXHAUSTED, "garbage-collected heap exhausted")                                     \
	X(TRAP_EXCEPTION, "uncaught exception")                                                        \
	X(TRAP_FUEL, "out of fuel")                                                                    \
	X(TRAP_INTERRUPTED, "interrupted")                                                             \
	X(TRAP_HOST, "host function failed")                                                           \
	X(TRAP_EXIT, "exit")

enum trap {
#define X(kind, words) kind,
	TRAPS(X)
#undef X
};

const char *trap_words(enum trap trap);

struct trap_frame {
	const struct instance *inst;
	uint32_t func;   /* function index */
	uint64_t offset; /* byte offset of the instruction in the module */
};

#define TRAP_FRAMES_MAX 32

struct trap_report {
	enum trap trap;
	uint32_t frame_count; /* kept frames, innermost first */
	uint32_t frames_left_out;
	struct trap_frame frames[TRAP_FRAMES_MAX];
};

/* Of the last func_call()/instance_create() that returned ERROR_TRAP. Borrowed from the store. */
const struct trap_report *store_trap(const struct store *store);

/* The status given to host_exit() by the guest's last run that ended in ERROR_EXIT. */
uint32_t store_exit_status(const struct store *store);

/* Was a memory or an object of the heap refused for the sake of memory_limit, or of its default? A
 * guest may well end in its own words for that. */
bool store_memory_limit_reached(const struct store *store);

/* With store_options.fuel: what is left of it. A unit is an instruction; a function pays for all
 * that stand outside its loops when it is called, a loop for all of its own on each round, so a run
 * uses at most as many instructions as units. What one instruction does to many bytes counts as
 * one. */
uint64_t store_fuel_left(const struct store *store);

/* Ends the run that is under way with TRAP_INTERRUPTED, at its next instruction, and refuses every
 * later one; the trap's report names the innermost function alone. A host function that waits goes
 * on waiting. May be called by any thread and by a signal handler, at any time until
 * store_destroy(). Costs a run that is not interrupted nothing: it makes the lowered code
 * unreadable. */
void store_interrupt(struct store *store);

/* Writes the backtrace, a line for each frame: "  #0 name (function 12) at offset 0x3f". */
void trap_report_print(const struct trap_report *report, FILE *out);

/* ---- host functions ---- */

/* What a host function gets as its first argument. Valid during the call. */
struct host_call {
	void *env; /* as given to host_func_create() */
	struct store *store;
	struct instance *caller; /* the instance whose code called; NULL when called by func_call() */
};

#define HOST_PARAMS_MAX 32

/* Makes a host function from a C function, called through libffi.
 *
 * signature: "(params)results", one letter each: i i32, I i64, f f32, F f64, r reference; at most
 * HOST_PARAMS_MAX parameters and one result. "(iIf)i" is called as  uint32_t fn(struct host_call *,
 * uint32_t, uint64_t, float). References arrive as uint64_t. env is borrowed. NULL on a bad
 * signature or without memory. */
struct func *host_func_create(struct store *store, const char *signature, void (*fn)(void),
                              void *env, struct error *err);

/* Says how the call ends once the host function returns (its own result is then ignored): the run
 * traps with TRAP_HOST and this message, or exits with this status. */
void host_fail(struct host_call *call, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void host_exit(struct host_call *call, uint32_t status);

/* Memory 0 of the calling instance: the base and the present size in bytes. Both NULL/0 when it has
 * none. The base never moves; the size is to be read again after anything that may run guest code.
 */
uint8_t *host_memory(const struct host_call *call, uint64_t *size);

/* ---- memories, tables, globals made and seen by the host ---- */

struct memory *memory_create(struct store *store, const struct memory_type *type,
                             struct error *err);
uint8_t *memory_base(const struct memory *memory);
uint64_t memory_size(const struct memory *memory); /* bytes */

struct table *table_create(struct store *store, const struct table_type *type, struct error *err);

struct global *global_create(struct store *store, const struct global_type *type, union value init,
                             struct error *err);
union value global_value(const struct global *global);
const struct global_type *global_type(const struct global *global);

#endif
