/* The frame of goto dispatch (dispatch.h): a handler is a label in one function. For exec.c alone.
 */
#ifndef INTERP_EXEC_GOTO_H
#define INTERP_EXEC_GOTO_H

#define HANDLER(name) handle_##name:
#define UNINSTRUMENTED_HANDLER(name) HANDLER(name)
#define GO goto *(const void *)((const char *) && handle_lazy + pc->handler)
#define GO_APART GO
#define TRAP(kind) trap_raise(inst->store, inst, pc, fp, (kind))
#define HANDLER_DISTANCE(name)                                                                     \
	(int32_t)((const char *) && handle_##name - (const char *) && handle_lazy)
#define ASIDE(name) HANDLER(name)
#define GO_ASIDE(name, value)                                                                      \
	do {                                                                                           \
		acc = (value);                                                                             \
		goto handle_##name;                                                                        \
	} while (0)
#define CALL_HERE(entry, callee, own) CALL(entry, callee, own)
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
	uint64_t guess = 0;
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
