/* The frame of tail dispatch (dispatch.h): a handler is a function. For exec.c alone. */
#ifndef INTERP_EXEC_TAIL_H
#define INTERP_EXEC_TAIL_H

#define STATE                                                                                      \
	const struct cell *pc, union slot *fp, uint8_t *mem, struct instance *inst, uint64_t acc,      \
	    double fd, float ff, v128 fv, uint64_t guess
typedef __attribute__((preserve_none)) uint64_t handler(STATE);

#define HANDLER(name)                                                                              \
	HANDLER_SECTION_OF(#name)                                                                      \
	__attribute__((preserve_none)) static uint64_t handle_##name(                                  \
	    __attribute__((unused)) const struct cell *pc, __attribute__((unused)) union slot *fp,     \
	    __attribute__((unused)) uint8_t *mem, __attribute__((unused)) struct instance *inst,       \
	    __attribute__((unused)) uint64_t acc, __attribute__((unused)) double fd,                   \
	    __attribute__((unused)) float ff, __attribute__((unused)) v128 fv,                         \
	    __attribute__((unused)) uint64_t guess)

#define UNINSTRUMENTED_HANDLER(name)                                                               \
	__attribute__((no_sanitize("address", "undefined", "coverage"))) HANDLER(name)

HANDLER(lazy);
/* Where handlers count from: from 0, so that a dispatch has nothing to add; else from the first
 * one. */
#if HANDLERS_BY_ADDRESS
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
#define GO __attribute__((musttail)) return TARGET(pc)(pc, fp, mem, inst, acc, fd, ff, fv, guess)
/* The same where the compiler would make it one with the handler's other dispatch. */
#define GO_APART                                                                                   \
	do {                                                                                           \
		handler *target = TARGET(pc);                                                              \
		__asm__("" : "+r"(target));                                                                \
		__attribute__((musttail)) return target(pc, fp, mem, inst, acc, fd, ff, fv, guess);        \
	} while (0)

HANDLER_SECTION __attribute__((preserve_none, noinline, cold)) static uint64_t raise_trap(STATE)
{
	(void)mem, (void)fd, (void)ff, (void)fv, (void)guess;
	trap_raise(inst->store, inst, pc, fp, (enum trap)acc);
}
#define TRAP(kind)                                                                                 \
	__attribute__((musttail)) return raise_trap(pc, fp, mem, inst, (uint64_t)(kind), fd, ff, fv,   \
	                                            guess)

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
		uint64_t guess_in;                                                                         \
		__asm__ volatile(""                                                                        \
		                 : "=" FLOAT_REGISTER(fd_in), "=" FLOAT_REGISTER(ff_in),                   \
		                   "=" FLOAT_REGISTER(fv_in), "=r"(guess_in));                             \
		acc = TARGET(entry)(entry, callee, mem, inst, own, fd_in, ff_in, fv_in, guess_in);         \
		FORGET_OTHERS();                                                                           \
		NEXT;                                                                                      \
	} while (0)

/* A handler that is no operation's: others leave what they seldom do, and what calls C, to it, so
 * that they have no frame. acc gets the value. */
#define ASIDE(name) __attribute__((noinline, cold)) HANDLER(name)
#define GO_ASIDE(name, value)                                                                      \
	__attribute__((musttail)) return handle_##name(pc, fp, mem, inst, (uint64_t)(value), fd, ff,   \
	                                               fv, guess)

/* A call to a function of the same instance, by hand: pc, fp and inst are kept on the native stack
 * by the shortest way, and mem is found again by inst. The stack pointer must be where the handler
 * found it, or C functions get an unaligned stack: so the handler may have no frame, which
 * tests/test_handlers sees to, and no red zone (meson.build). That is also why the base of the
 * dispatch behind it comes from here: position-independent code would keep it in a saved register.
 */
#if CALLS_BY_HAND
#define CALL_HERE(entry, callee, own)                                                              \
	do {                                                                                           \
		uint64_t own_passed = (own);                                                               \
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
		                   "+r"(mem_passed), "+r"(inst_kept), "+D"(own_passed), "=S"(base)         \
		                 :                                                                         \
		                 : "rbx", "r8", "r9", "r10", "r11", "xmm0", "xmm1", "xmm2", "xmm3",        \
		                   "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11",       \
		                   "xmm12", "xmm13", "xmm14", "xmm15", "cc", "memory");                    \
		pc = pc_kept + 1, fp = fp_kept, inst = inst_kept;                                          \
		acc = target;                                                                              \
		mem = inst->memory_base;                                                                   \
		FORGET_OTHERS();                                                                           \
		__attribute__((musttail)) return TARGET_BEHIND(base, pc)(pc, fp, mem, inst, acc, fd, ff,   \
		                                                         fv, guess);                       \
	} while (0)
/* Of one that is lowered, which asks for no value in acc. */
#define CALL_NEAR(entry, callee)                                                                   \
	do {                                                                                           \
		uint64_t any;                                                                              \
		__asm__ volatile("" : "=D"(any));                                                          \
		CALL_HERE(entry, callee, any);                                                             \
	} while (0)
#else
#define CALL_HERE(entry, callee, own) CALL(entry, callee, own)
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
	return TARGET(pc)(pc, fp, inst->memory_base, inst, acc, 0, 0, (v128){0}, 0);
}

#endif
