/* The handlers, threaded as dispatch.h says. This file makes the frame for both dispatches;
 * exec_ops.h and exec_plain.h, which it includes where handlers may stand, hold their bodies. */
#include "interp/dispatch.h"
#include "interp/exec_float.h"
#include "interp/exec_simd.h"
#include "interp/heap.h"

#include <stdatomic.h>

/* A line of the cache to each: where two handlers' dispatches share one, their jumps are predicted
 * by luck, and the same code is up to 1.5 times slower after an edit elsewhere. */
#define HANDLER_SECTION __attribute__((section("tiphys_handlers"), aligned(64)))
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
#define FORGET_FLOATS()                                                                            \
	__asm__ volatile("" : "=" FLOAT_REGISTER(fd), "=" FLOAT_REGISTER(ff), "=" FLOAT_REGISTER(fv))
#define FORGET_ALL()                                                                               \
	__asm__ volatile(""                                                                            \
	                 : "=r"(acc), "=" FLOAT_REGISTER(fd), "=" FLOAT_REGISTER(ff),                  \
	                   "=" FLOAT_REGISTER(fv))

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
		link.host_type = func->type;
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

#if TAIL_DISPATCH

#define STATE                                                                                      \
	const struct cell *pc, union slot *fp, uint8_t *mem, struct instance *inst, uint64_t acc,      \
	    double fd, float ff, v128 fv
typedef __attribute__((preserve_none)) uint64_t handler(STATE);

#define HANDLER(name)                                                                              \
	HANDLER_SECTION __attribute__((preserve_none)) static uint64_t handle_##name(                  \
	    __attribute__((unused)) const struct cell *pc, __attribute__((unused)) union slot *fp,     \
	    __attribute__((unused)) uint8_t *mem, __attribute__((unused)) struct instance *inst,       \
	    __attribute__((unused)) uint64_t acc, __attribute__((unused)) double fd,                   \
	    __attribute__((unused)) float ff, __attribute__((unused)) v128 fv)

#define UNINSTRUMENTED_HANDLER(name)                                                               \
	__attribute__((no_sanitize("address", "undefined", "coverage"))) HANDLER(name)

HANDLER(lazy);
/* Where handlers count from: from 0 when they lie in the lowest 2 GiB, which a static executable at
 * a fixed place does, so that a dispatch has nothing to add; else from the first one. */
#if defined(__x86_64__) && !defined(__PIC__) && !defined(__PIE__) && !defined(__code_model_large__)
#define HANDLER_BASE ((const char *)0)
#define KEEP_BASE
#define TARGET_BEHIND(base, cell) ((void)(base), TARGET(cell))
#define TARGET(cell) ((handler *)(uintptr_t)(uint32_t)(cell)->handler)
#define HANDLER_DISTANCE(name) ((int32_t)(uintptr_t)handle_##name)
#else
#define HANDLER_BASE ((const char *)handle_lazy)
#define KEEP_BASE "\n\tleaq handle_lazy(%%rip), %%rsi"
#define TARGET_BEHIND(base, cell) ((handler *)((base) + (cell)->handler))
#define TARGET(cell) ((handler *)(HANDLER_BASE + (cell)->handler))
#define HANDLER_DISTANCE(name) (int32_t)((const char *)handle_##name - HANDLER_BASE)
#endif
#define GO __attribute__((musttail)) return TARGET(pc)(pc, fp, mem, inst, acc, fd, ff, fv)

HANDLER_SECTION __attribute__((preserve_none, noinline, cold)) static uint64_t raise_trap(STATE)
{
	(void)mem, (void)fd, (void)ff, (void)fv;
	trap_raise(inst->store, inst, pc, fp, (enum trap)acc);
}
#define TRAP(kind)                                                                                 \
	__attribute__((musttail)) return raise_trap(pc, fp, mem, inst, (uint64_t)(kind), fd, ff, fv)

#if FAULTS_IN_REGISTERS
#define MARK_FAULT() (void)0
#else
#define MARK_FAULT() MARK_FAULT_IN(inst->store->run)
#endif
#define CALL(entry, callee, own)                                                                   \
	do {                                                                                           \
		double fd_in;                                                                              \
		float ff_in;                                                                               \
		v128 fv_in;                                                                                \
		__asm__ volatile(""                                                                        \
		                 : "=" FLOAT_REGISTER(fd_in), "=" FLOAT_REGISTER(ff_in),                   \
		                   "=" FLOAT_REGISTER(fv_in));                                             \
		acc = TARGET(entry)(entry, callee, mem, inst, own, fd_in, ff_in, fv_in);                   \
		FORGET_FLOATS();                                                                           \
		NEXT;                                                                                      \
	} while (0)

/* A call to a function of the same instance, by hand: pc, fp and inst are kept on the native stack
 * by the shortest way, and mem is found again by inst. The stack pointer must be where the handler
 * found it, or C functions get an unaligned stack: so the handler may have no frame, which
 * tests/test_handlers sees to, and no red zone (meson.build). That is also why the base of the
 * dispatch behind it comes from here: position-independent code would keep it in a saved register.
 * Sanitizers give handlers frames. */
#if defined(__x86_64__) && !defined(SANITIZED)
#define CALL_NEAR(entry, callee)                                                                   \
	do {                                                                                           \
		register const struct cell *pc_kept __asm__(PC_REGISTER) = pc;                             \
		register union slot *fp_kept __asm__(FP_REGISTER) = fp;                                    \
		register uint8_t *mem_passed __asm__(MEM_REGISTER) = mem;                                  \
		register struct instance *inst_kept __asm__(INST_REGISTER) = inst;                         \
		const struct cell *to = (entry);                                                           \
		union slot *frame = (callee);                                                              \
		uint64_t target = (uintptr_t)TARGET(to);                                                   \
		const char *base = HANDLER_BASE;                                                           \
		__asm__ volatile("pushq %%r12\n\tpushq %%r13\n\tpushq %%r15\n\t"                           \
		                 "movq %%rcx, %%r12\n\tmovq %%rdx, %%r13\n\t"                              \
		                 "callq *%%rax\n\t"                                                        \
		                 "popq %%r15\n\tpopq %%r13\n\tpopq %%r12" KEEP_BASE                        \
		                 : "+a"(target), "+c"(to), "+d"(frame), "+r"(pc_kept), "+r"(fp_kept),      \
		                   "+r"(mem_passed), "+r"(inst_kept), "=S"(base)                           \
		                 :                                                                         \
		                 : "rbx", "rdi", "r8", "r9", "r10", "r11", "xmm0", "xmm1", "xmm2", "xmm3", \
		                   "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11",       \
		                   "xmm12", "xmm13", "xmm14", "xmm15", "cc", "memory");                    \
		pc = pc_kept + 1, fp = fp_kept, inst = inst_kept;                                          \
		acc = target;                                                                              \
		mem = inst->memory_base;                                                                   \
		FORGET_FLOATS();                                                                           \
		__attribute__((musttail)) return TARGET_BEHIND(base, pc)(pc, fp, mem, inst, acc, fd, ff,   \
		                                                         fv);                              \
	} while (0)
#else
#define CALL_NEAR(entry, callee) CALL(entry, callee, 0)
#endif
#define RETURN_VIA(header) return acc
#define END_RUN return acc

/* A tail call keeps the native stack and the return address of the frame that it replaces. */
#define TAIL_CALL(target, entry, own)                                                              \
	do {                                                                                           \
		acc = (own);                                                                               \
		pc = (entry);                                                                              \
		inst = (target);                                                                           \
		mem = inst->memory_base;                                                                   \
		GO;                                                                                        \
	} while (0)

/* Goes on in a frame whose native state keep_native kept. */
static _Noreturn void land(struct landing landing)
{
	const union slot *native = landing.native;
	struct instance *inst = (struct instance *)(uintptr_t)native[3].i64;
	inst->store->links = landing.links;
	stack_jump();
	register const struct cell *pc __asm__(PC_REGISTER) = landing.pc;
	register union slot *fp __asm__(FP_REGISTER) = landing.fp;
	register uint8_t *mem __asm__(MEM_REGISTER) = inst->memory_base;
	register struct instance *in __asm__(INST_REGISTER) = inst;
	const void *target = (const void *)TARGET(pc);
#if defined(__x86_64__)
	__asm__ volatile("movq %%rdx, %%rbp\n\t"
	                 "movq %%rcx, %%rsp\n\t"
	                 "jmp *%%rax"
	                 :
	                 : "r"(pc), "r"(fp), "r"(mem), "r"(in), "a"(target), "c"(native[0].i64),
	                   "d"(native[1].i64)
	                 : "memory");
#else
	register uint64_t sp __asm__("x0") = native[0].i64;
	register uint64_t frame __asm__("x1") = native[1].i64;
	register uint64_t back __asm__("x2") = native[2].i64;
	register const void *to __asm__("x3") = target;
	__asm__ volatile("mov x29, x1\n\t"
	                 "mov x30, x2\n\t"
	                 "mov sp, x0\n\t"
	                 "br x3"
	                 :
	                 : "r"(pc), "r"(fp), "r"(mem), "r"(in), "r"(sp), "r"(frame), "r"(back), "r"(to)
	                 : "memory");
#endif
	__builtin_unreachable();
}

static _Noreturn void throw_now(struct instance *inst, const struct cell *pc, union slot *fp,
                                struct object *exception)
{
	struct landing landing = exception_find(inst, exception, pc, fp);
	if (landing.pc == NULL)
		trap_raise(inst->store, inst, pc, fp, TRAP_EXCEPTION);
	land(landing);
}
#define THROW(exception) throw_now(inst, pc, fp, exception)
/* Exceptions land where they are caught without coming back through C code. */
#define FOREIGN_TRAP(trap) TRAP(trap)

#if defined(__x86_64__)
#define KEEP_NATIVE(slots)                                                                         \
	__asm__ volatile("movq %%rsp, (%0)\n\t"                                                        \
	                 "movq %%rbp, 8(%0)"                                                           \
	                 :                                                                             \
	                 : "r"(slots)                                                                  \
	                 : "memory")
#else
#define KEEP_NATIVE(slots)                                                                         \
	__asm__ volatile("mov x16, sp\n\t"                                                             \
	                 "str x16, [%0]\n\t"                                                           \
	                 "str x29, [%0, 8]\n\t"                                                        \
	                 "str x30, [%0, 16]"                                                           \
	                 :                                                                             \
	                 : "r"(slots)                                                                  \
	                 : "x16", "memory")
#endif

#else

#define HANDLER(name) handle_##name:
#define UNINSTRUMENTED_HANDLER(name) HANDLER(name)
#define GO goto *(const void *)((const char *) && handle_lazy + pc->handler)
#define TRAP(kind) trap_raise(inst->store, inst, pc, fp, (kind))
#define HANDLER_DISTANCE(name)                                                                     \
	(int32_t)((const char *) && handle_##name - (const char *) && handle_lazy)
#define CALL_NEAR(entry, callee) CALL(entry, callee, 0)
#define MARK_FAULT() MARK_FAULT_IN(run)
#define CALL(entry, callee, own)                                                                   \
	do {                                                                                           \
		acc = (own);                                                                               \
		pc = (entry);                                                                              \
		fp = (callee);                                                                             \
		GO;                                                                                        \
	} while (0)
#define RETURN_VIA(header)                                                                         \
	do {                                                                                           \
		pc = fp[header].pc;                                                                        \
		fp -= pc->a;                                                                               \
		NEXT;                                                                                      \
	} while (0)
#define END_RUN return acc

/* Another instance's function is called and returned from: this loop has one instance. */
#define TAIL_CALL(target, entry, own)                                                              \
	do {                                                                                           \
		acc = (own);                                                                               \
		pc = (entry);                                                                              \
		GO;                                                                                        \
	} while (0)

#define THROW(exception)                                                                           \
	do {                                                                                           \
		struct object *thrown = (exception);                                                       \
		struct landing landing = exception_find(inst, thrown, pc, fp);                             \
		if (landing.pc == NULL)                                                                    \
			trap_raise(inst->store, inst, pc, fp, TRAP_EXCEPTION);                                 \
		if (landing.crossed) {                                                                     \
			inst->store->pending = thrown;                                                         \
			return 0;                                                                              \
		}                                                                                          \
		pc = landing.pc;                                                                           \
		fp = landing.fp;                                                                           \
		GO;                                                                                        \
	} while (0)
#define FOREIGN_TRAP(trap)                                                                         \
	do {                                                                                           \
		struct object *pending = inst->store->pending;                                             \
		if (pending != NULL) {                                                                     \
			inst->store->pending = NULL;                                                           \
			THROW(pending);                                                                        \
		}                                                                                          \
		TRAP(trap);                                                                                \
	} while (0)
#define KEEP_NATIVE(slots) (void)(slots)

#endif

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

#include "interp/exec_plain.h"
#include "interp/exec_call.h"
#include "interp/exec_gc.h"
#include "interp/exec_ops.h"

static const void *const handlers[OP_COUNT] = {
#define X(name) (const void *)handle_##name,
    PLAIN_OPS(X)
#undef X
#define V(name) (const void *)handle_##name,
#include "interp/variants.h"
#undef V
};

const void *const *exec_handlers(void)
{
	return handlers;
}

const char *exec_base(void)
{
	return HANDLER_BASE;
}

uint64_t exec_run(const struct cell *pc, union slot *fp, struct instance *inst, uint64_t acc)
{
	return TARGET(pc)(pc, fp, inst->memory_base, inst, acc, 0, 0, (v128){0});
}

#else

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("no-gcse", "no-crossjumping")
#endif

/* pc NULL: only tells the handlers' addresses. */
HANDLER_SECTION static uint64_t interpret(const struct cell *pc, union slot *fp,
                                          struct instance *inst, uint64_t acc,
                                          const void *const **table)
{
	static const void *const handlers[OP_COUNT] = {
#define X(name) &&handle_##name,
	    PLAIN_OPS(X)
#undef X
#define V(name) &&handle_##name,
#include "interp/variants.h"
#undef V
	};
	if (pc == NULL) {
		*table = handlers;
		return 0;
	}
	uint8_t *mem = inst->memory_base;
	struct run *run = inst->store->run;
	double fd = 0;
	float ff = 0;
	v128 fv = {0};
	GO;

#include "interp/exec_plain.h"
#include "interp/exec_call.h"
#include "interp/exec_gc.h"
#include "interp/exec_ops.h"
}

static const void *const *handlers;

/* Before main(): threads run from these cells, and behind a sandbox's wall pthread_once() would
 * make a system call that no run may make. */
__attribute__((constructor)) static void find_handlers(void)
{
	interpret(NULL, NULL, NULL, 0, &handlers);
	entry_cells[1].handler =
	    (int32_t)((const char *)handlers[OP_halt] - (const char *)handlers[OP_lazy]);
}

const void *const *exec_handlers(void)
{
	return handlers;
}

const char *exec_base(void)
{
	return exec_handlers()[OP_lazy];
}

uint64_t exec_run(const struct cell *pc, union slot *fp, struct instance *inst, uint64_t acc)
{
	return interpret(pc, fp, inst, acc, NULL);
}

#endif
