/* The handlers, threaded as dispatch.h says: here stands what both dispatches have in common, in
 * exec_tail.h and exec_goto.h the frame of each. exec_ops.h, exec_plain.h, exec_call.h and
 * exec_gc.h, which that includes where handlers may stand, hold their bodies. */
#include "interp/dispatch.h"
#include "interp/exec_float.h"
#include "interp/exec_simd.h"
#include "interp/heap.h"

#include <stdatomic.h>

/* A line of the cache to each: where two handlers' dispatches share one, their jumps are predicted
 * by luck, and the same code is up to 1.5 times slower after an edit elsewhere. */
#define HANDLER_SECTION IN_HANDLERS("tiphys_handlers")
#define IN_HANDLERS(section_name) __attribute__((section(section_name), aligned(64)))
/* Where the layout of the executable gathers them (plugin/start.ld), each has a section of its own,
 * so that those of a start can stand beside each other. */
#ifdef TIPHYS_HANDLER_SECTIONS
#define HANDLER_SECTION_OF(name) IN_HANDLERS("tiphys_handlers." name)
#else
#define HANDLER_SECTION_OF(name) HANDLER_SECTION
#endif
extern const char __start_tiphys_handlers[] __attribute__((visibility("hidden")));
extern const char __stop_tiphys_handlers[] __attribute__((visibility("hidden")));

bool exec_is_handler(uintptr_t address)
{
	return address >= (uintptr_t)__start_tiphys_handlers &&
	       address < (uintptr_t)__stop_tiphys_handlers;
}

/* The header of a run's outermost frame points to the first of these: it stands for the call that
 * nobody made, with a frame distance of 0. With goto dispatch a return goes on behind it. */
static struct cell entry_cells[2];
const struct cell *const exec_entry_cell = &entry_cells[0];

#define S32(x) ((int32_t)(x))
#define S64(x) ((int64_t)(x))

/* Operands and results by type. */
#define TYPE_i32 uint32_t
#define TYPE_i64 uint64_t
#define TYPE_f32 float
#define TYPE_f64 double
#define TYPE_v128 v128
#define SLOT_i32(n) fp[n].i32
#define SLOT_i64(n) fp[n].i64
#define SLOT_f32(n) fp[n].f32
#define SLOT_f64(n) fp[n].f64
#define SLOT_v128(n) v_read(&fp[n])
#define ACC_i32 ((uint32_t)acc)
#define ACC_i64 acc
#define ACC_f32 ff
#define ACC_f64 fd
#define ACC_v128 fv
#define CONST_i32 pc->c
#define CONST_i64 pc->k
#define CONST_f32 pc->k_f32
#define CONST_f64 pc->k_f64
/* The accumulator holds i32 zero-extended, so that it can be an address as it is. */
#define SET_i32(v) acc = (uint32_t)(v)
#define SET_i64(v) acc = (uint64_t)(v)
#define SET_f32(v) ff = (v)
#define SET_f64(v) fd = (v)
#define SET_v128(v) fv = (v128)(v)
#define KEEP_i32(n) fp[n].i64 = acc
#define KEEP_i64(n) fp[n].i64 = acc
#define KEEP_f32(n) fp[n].f32 = ff
#define KEEP_f64(n) fp[n].f64 = fd
#define KEEP_v128(n) v_write(&fp[n], fv)

/* The cell so many bytes from this one. */
#define CELL_AT(bytes) ((const struct cell *)(const void *)((const char *)pc + (bytes)))

#include "interp/exec_expr.h"

#if defined(__x86_64__)
#define FLOAT_REGISTER "x"
#else
#define FLOAT_REGISTER "w"
#endif

/* What guest memory and the frame stack's guard may fault on happens before the state moves on: the
 * fault handler (trap.c) reads pc, fp and inst of the cell that faulted from their registers, so
 * they must be there until here. */
#if FAULTS_IN_REGISTERS
#define HOLD_STATE()                                                                               \
	do {                                                                                           \
		register const struct cell *pc_held __asm__(PC_REGISTER) = pc;                             \
		register union slot *fp_held __asm__(FP_REGISTER) = fp;                                    \
		register struct instance *inst_held __asm__(INST_REGISTER) = inst;                         \
		__asm__ volatile("" : "+r"(pc_held), "+r"(fp_held), "+r"(inst_held)::"memory");            \
		pc = pc_held, fp = fp_held, inst = inst_held;                                              \
	} while (0)
#else
#define HOLD_STATE() __asm__ volatile("" ::: "memory")
#endif
#define MARK_FAULT_IN(run) ((run)->fault_pc = pc, (run)->fault_fp = fp, (run)->fault_inst = inst)

/* After a C call nothing is worth keeping in the accumulators. */
#define FORGET_OTHERS()                                                                            \
	__asm__ volatile(""                                                                            \
	                 : "=" FLOAT_REGISTER(fd), "=" FLOAT_REGISTER(ff), "=" FLOAT_REGISTER(fv),     \
	                   "=r"(guess))
#define FORGET_ALL()                                                                               \
	__asm__ volatile(""                                                                            \
	                 : "=r"(acc), "=" FLOAT_REGISTER(fd), "=" FLOAT_REGISTER(ff),                  \
	                   "=" FLOAT_REGISTER(fv), "=r"(guess))

/* A checked address lies anywhere as seen from memory 0, which may be absent: no pointer
 * arithmetic. */
#define PLACE(address) ((uint8_t *)((uintptr_t)mem + (address)))

#define LIKELY(c) __builtin_expect(!!(c), 1)
#define TRAP_IF(condition, kind)                                                                   \
	if (!LIKELY(!(condition)))                                                                     \
		TRAP(kind);

/* Calls any function that is not the instance's own: of the host or of another instance. */
static enum trap call_foreign(struct instance *inst, struct func *func, union slot *callee,
                              const struct cell *pc)
{
	struct store *store = inst->store;
	const union slot *end = (const union slot *)(store->stack + store->stack_size);
	if ((uintptr_t)__builtin_frame_address(0) < store->native_limit ||
	    end - callee < (ptrdiff_t)func->header + 1)
		return TRAP_STACK_EXHAUSTED;
	struct link link = {
	    .outer = store->links,
	    .pc = pc,
	    .fp = callee - pc->a,
	    .inst = inst,
	    .host_slots = callee,
	};
	enum trap trap = TRAP_NONE;
	store->links = &link;
	if (func->inst == NULL) {
		/* It may call back: its run starts above the arguments and results. */
		union slot *top = store->stack_top;
		store->stack_top = callee + func->header + 1;
		link.host_type = host_func_type(func);
		trap = host_invoke(store, func, inst, callee);
		store->stack_top = top;
	} else {
		struct instance *target = func->inst;
		callee[func->header].pc = exec_entry_cell;
		exec_run(target->cells + target->entries[func->own], callee, target, func->own);
		/* Goto dispatch: it came back to be caught further out. */
		if (store->pending != NULL)
			trap = TRAP_EXCEPTION;
	}
	store->links = link.outer;
	return trap;
}

static enum trap lower_now(struct instance *inst, uint32_t own)
{
	struct store *store = inst->store;
	return code_lower(inst->code, own, store->host_error) ? TRAP_NONE : TRAP_HOST;
}

static enum trap init_memory(struct instance *inst, uint32_t segment, uint32_t memory,
                             const union slot *operands)
{
	const struct data_segment *data = &inst->module->datas[segment];
	uint64_t size = inst->dropped_datas[segment] ? 0 : data->size;
	return memory_write(inst->memories[memory], operands[0].i64,
	                    inst->module->bytes + data->data_offset, size, operands[1].i64,
	                    operands[2].i64);
}

#define RETURN RETURN_VIA(pc->a)
#define NEXT                                                                                       \
	do {                                                                                           \
		pc++;                                                                                      \
		GO;                                                                                        \
	} while (0)
#define JUMP                                                                                       \
	do {                                                                                           \
		pc = CELL_AT(pc->jump);                                                                    \
		GO;                                                                                        \
	} while (0)

#if TAIL_DISPATCH
#include "interp/exec_tail.h"
#else
#include "interp/exec_goto.h"
#endif
