/* Calls from the host into Wasm. */
#include "interp/dispatch.h"

#include <string.h>

struct entry {
	const struct cell *pc;
	union slot *fp;
	struct instance *inst;
	uint64_t acc;
};

static void enter(const struct entry *entry)
{
	exec_run(entry->pc, entry->fp, entry->inst, entry->acc);
}

#if TAIL_DISPATCH

static void enter_left(void *argument)
{
	const struct entry *entry = argument;
	struct store *store = entry->inst->store;
	struct run *run = store->run;
	stack_left(&run->left, &store->native_own);
	enter(entry);
	stack_return(&run->left, &store->native_own);
}

STACK_SWITCHER static void call_on(uint8_t *top, struct entry *entry)
{
#if defined(__x86_64__)
	void *argument = entry;
	__asm__ volatile("movq %%rsp, %%rbx\n\t"
	                 "movq %[top], %%rsp\n\t"
	                 "callq *%[fn]\n\t"
	                 "movq %%rbx, %%rsp"
	                 : "+D"(argument)
	                 : [top] "r"(top), [fn] "r"(enter_left)
	                 : "rbx", "rax", "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "xmm0", "xmm1",
	                   "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",
	                   "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "cc", "memory");
#else
	register void *argument __asm__("x0") = entry;
	__asm__ volatile("mov x19, sp\n\t"
	                 "mov sp, %[top]\n\t"
	                 "blr %[fn]\n\t"
	                 "mov sp, x19"
	                 : "+r"(argument)
	                 : [top] "r"(top), [fn] "r"(enter_left)
	                 : "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12",
	                   "x13", "x14", "x15", "x16", "x17", "x19", "x20", "x21", "x22", "x23", "x24",
	                   "x25", "x26", "x27", "x28", "x30", "v0", "v1", "v2", "v3", "v4", "v5", "v6",
	                   "v7", "v8", "v9", "v10", "v11", "v12", "v13", "v14", "v15", "v16", "v17",
	                   "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27", "v28",
	                   "v29", "v30", "v31", "cc", "memory");
#endif
}

/* The outermost run leaves the thread's stack for the store's own, whose size fits the frame
 * stack's: so the frame stack's guard is always met first. */
static void enter_on_stack(struct store *store, struct entry *entry)
{
	store->native_limit = (uintptr_t)store->native_stack + STACK_GUARD + NATIVE_HEADROOM;
	stack_leave(&store->run->left, store->native_stack, store->native_size);
	call_on(store->native_stack + store->native_size, entry);
	stack_returned(&store->run->left);
}

/* A trap jumped from the store's own stack. */
static void jumped_back(struct store *store, struct run *run)
{
	stack_return(&run->left, &store->native_own);
	stack_returned(&run->left);
}

#else

/* Goto dispatch stays on the thread's stack, on which Wasm calls take nothing; calls between
 * instances and host functions may use this much of it: half of what a process has by default. The
 * limit is not asked for: a sandboxed process may not. */
#define NATIVE_USE_MAX ((uintptr_t)4 << 20)

static void enter_on_stack(struct store *store, struct entry *entry)
{
	store->native_limit = (uintptr_t)__builtin_frame_address(0) - NATIVE_USE_MAX;
	enter(entry);
}

static void jumped_back(struct store *store, struct run *run)
{
	(void)store, (void)run;
}

#endif

_Thread_local int64_t fuel_left;

/* Makes this the store whose code the thread runs; NULL: none. */
static void activate(struct store *store)
{
	struct store *from = trap_active_store;
	if (from == store)
		return;
	if (from != NULL)
		from->fuel = fuel_left;
	if (store != NULL)
		fuel_left = store->fuel;
	trap_active_store = store;
}

enum trap func_call_slots(struct store *store, struct func *func, union slot *slots)
{
	struct run run = {.outer = store->run};
	if (atomic_load(&store->interrupted)) {
		store->report = (struct trap_report){.trap = TRAP_INTERRUPTED};
		return TRAP_INTERRUPTED;
	}
	struct store *outer_store = trap_active_store;
	union slot *outer_top = store->stack_top;
	struct link *outer_links = store->links;
	struct heap_guard *outer_guards = store->guards;
	if (setjmp(run.unwind) == 0) {
		store->run = &run;
		activate(store);
		if (func->inst == NULL) {
			store->stack_top = slots + func->header + 1;
			run.trap = host_invoke(store, func, NULL, slots);
			if (run.trap != TRAP_NONE)
				store->report = (struct trap_report){.trap = run.trap};
		} else {
			struct instance *inst = func->inst;
			slots[func->header].pc = exec_entry_cell;
			struct entry entry = {
			    .pc = inst->cells + inst->entries[func->own],
			    .fp = slots,
			    .inst = inst,
			    .acc = func->own,
			};
			if (run.outer == NULL)
				enter_on_stack(store, &entry);
			else
				enter(&entry);
		}
	} else if (run.outer == NULL && func->inst != NULL) {
		jumped_back(store, &run);
	}
	store->run = run.outer;
	store->stack_top = outer_top;
	store->links = outer_links;
	store->guards = outer_guards;
	store->pending = NULL;
	activate(outer_store);
	return run.trap;
}

const struct functype *func_type(const struct func *func)
{
	if (func->inst == NULL)
		return host_func_type(func);
	return &func->inst->store->types.types[func->type_id];
}

static void put_value(union slot *slot, valtype type, const union value *value)
{
	switch (type) {
	case VAL_I32:
		slot->i64 = value->i32;
		break;
	case VAL_F32:
		slot->i64 = 0;
		slot->f32 = value->f32;
		break;
	case VAL_V128:
		memcpy(slot, value->v128, sizeof value->v128);
		break;
	default:
		slot->i64 = value->i64;
		break;
	}
}

static void get_value(const union slot *slot, valtype type, union value *value)
{
	memset(value, 0, sizeof *value);
	if (type == VAL_I32 || type == VAL_F32)
		value->i32 = slot->i32;
	else if (type == VAL_V128)
		memcpy(value->v128, slot, sizeof value->v128);
	else
		value->i64 = slot->i64;
}

static bool report_trap(struct store *store, enum trap trap, struct error *err)
{
	switch (trap) {
	case TRAP_NONE:
		return true;
	case TRAP_EXIT:
		return error_set(err, ERROR_EXIT, "exit with status %u", store->exit_status);
	case TRAP_FUEL:
		return error_set(err, ERROR_TRAP, "%s: the limit of %llu is used up", trap_words(trap),
		                 (unsigned long long)store->options.fuel);
	default:
		/* A host function's own message was put there before. */
		return error_set(err, ERROR_TRAP, "%s", trap_words(trap));
	}
}

bool func_call(struct store *store, struct func *func, const union value *args,
               union value *results, struct error *err)
{
	/* A copy: the store's types move when the function makes the store know others. */
	const struct functype type = *func_type(func);
	if (!store_make_stacks(store, NULL, err)) /* a host function's, without any instance */
		return false;
	union slot *slots = store->stack_top;
	const union slot *end = (const union slot *)(store->stack + store->stack_size);
	if (end - slots < (ptrdiff_t)func->header + 1) {
		store->report = (struct trap_report){.trap = TRAP_STACK_EXHAUSTED};
		return report_trap(store, TRAP_STACK_EXHAUSTED, err);
	}
	union slot *slot = slots;
	for (uint32_t i = 0; i < type.param_count; i++) {
		put_value(slot, type.params[i], &args[i]);
		slot += valtype_slots(type.params[i]);
	}

	struct error *outer_error = store->host_error;
	store->host_error = err;
	enum trap trap = func_call_slots(store, func, slots);
	store->host_error = outer_error;
	if (trap != TRAP_NONE)
		return report_trap(store, trap, err);
	slot = slots;
	for (uint32_t i = 0; i < type.result_count; i++) {
		get_value(slot, type.results[i], &results[i]);
		slot += valtype_slots(type.results[i]);
	}
	return true;
}
