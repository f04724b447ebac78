/* Traps: raised by handlers, or by the hardware when an access leaves a memory or the frame stack.
 */
#include "interp/dispatch.h"
#include "interp/image.h"

#include "validator/printable.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <ucontext.h>

static const char *const words[] = {
#define X(kind, text) [kind] = text,
    TRAPS(X)
#undef X
};

const char *trap_words(enum trap trap)
{
	return words[trap];
}

_Noreturn void trap_raise(struct store *store, struct instance *inst, const struct cell *pc,
                          union slot *fp, enum trap trap)
{
	struct run *run = store->run;
	run->trap = trap;
	run->fault_inst = inst;
	run->fault_pc = pc;
	run->fault_fp = fp;
	/* Here, while the frames of C code in between are alive: links stand in them. */
	if (trap != TRAP_EXIT)
		trap_backtrace(store, run);
	longjmp(run->unwind, 1);
}

/* ---- faults ---- */

_Thread_local struct store *trap_active_store;

static bool is_in(uintptr_t address, const void *start, uint64_t size)
{
	return address >= (uintptr_t)start && address - (uintptr_t)start < size;
}

/* Which trap a fault at this address is; TRAP_NONE: none of ours. */
static enum trap classify(const struct store *store, uintptr_t address)
{
	if (is_in(address, store->stack + store->stack_size, STACK_GUARD))
		return TRAP_STACK_EXHAUSTED;
	for (const struct memory *memory = store->memories; memory != NULL; memory = memory->next)
		if (is_in(address, memory->base, memory->reserved))
			return TRAP_MEMORY_OUT_OF_BOUNDS;
	return TRAP_NONE;
}

static const int handled[] = {SIGSEGV, SIGBUS};
#define HANDLED (sizeof handled / sizeof *handled)
_Static_assert(HANDLED == 2, "on_fault() tells two apart");

static struct sigaction previous[HANDLED];

static uintptr_t fault_address_of_code(const ucontext_t *context)
{
#if defined(__x86_64__)
	return (uintptr_t)context->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
	return (uintptr_t)context->uc_mcontext.pc;
#else
#error "say here where a signal's context has the program counter"
#endif
}

/* Where the handler keeps its state when it faults: in the convention's first argument registers,
 * or in the run, where it is marked before every access (dispatch.h). */
static void note_fault(struct run *run, const ucontext_t *context)
{
#if FAULTS_IN_REGISTERS && defined(__x86_64__)
	const greg_t *registers = context->uc_mcontext.gregs;
	run->fault_pc = (const struct cell *)registers[REG_R12];
	run->fault_fp = (union slot *)registers[REG_R13];
	run->fault_inst = (struct instance *)registers[REG_R15];
#elif FAULTS_IN_REGISTERS && defined(__aarch64__)
	run->fault_pc = (const struct cell *)context->uc_mcontext.regs[20];
	run->fault_fp = (union slot *)context->uc_mcontext.regs[21];
	run->fault_inst = (struct instance *)context->uc_mcontext.regs[23];
#else
	(void)run, (void)context;
#endif
}

static _Atomic(crash_watcher *) watcher;

void image_watch_crash(crash_watcher *tell)
{
	atomic_store(&watcher, tell);
}

static void tell_watcher(const siginfo_t *info)
{
	/* Once: it may crash too. Where another process sent the signal, nothing is broken here. */
	crash_watcher *tell = info->si_code > 0 ? atomic_exchange(&watcher, NULL) : NULL;
	if (tell != NULL)
		tell();
}

static void on_fault(int signal, siginfo_t *info, void *context)
{
	struct store *store = trap_active_store;
	bool by_handler = exec_is_handler(fault_address_of_code(context));
	if (store != NULL && store->run != NULL && interrupt_is_at(store, (uintptr_t)info->si_addr)) {
		/* C code may have read the cells as well; none does so with a lock of the C library. */
		store->run->trap = TRAP_INTERRUPTED;
		store->run->fault_pc = NULL;
		if (by_handler)
			note_fault(store->run, context);
		interrupt_report(store, store->run->fault_pc);
		longjmp(store->run->unwind, 1);
	}
	if (store != NULL && store->run != NULL && by_handler) {
		enum trap trap = classify(store, (uintptr_t)info->si_addr);
		if (trap != TRAP_NONE) {
			store->run->trap = trap;
			note_fault(store->run, context);
			/* The fault came from a handler, so that no lock of the C library is held. */
			trap_backtrace(store, store->run);
			longjmp(store->run->unwind, 1);
		}
	}
	tell_watcher(info);
	/* Not ours: as if this handler were not there. Without another one the instruction faults
	 * again, now with the default action. */
	const struct sigaction *old = &previous[signal == handled[0] ? 0 : 1];
	if (old->sa_flags & SA_SIGINFO)
		old->sa_sigaction(signal, info, context);
	else if (old->sa_handler != SIG_DFL && old->sa_handler != SIG_IGN)
		old->sa_handler(signal);
	else
		sigaction(signal, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
}

static bool install(struct error *err)
{
	/* The handler leaves by longjmp: SA_NODEFER keeps the signal deliverable. It runs on the stack
	 * of the run, which never ends while a handler is at work (store.c). */
	struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER};
	sigemptyset(&action.sa_mask);
	for (unsigned i = 0; i < HANDLED; i++) {
		if (sigaction(handled[i], &action, &previous[i]) == 0)
			continue;
		error_set_errno(err, errno, "cannot handle signal %d", handled[i]);
		/* Else the next try would take this handler for the one before it. */
		while (i-- > 0)
			sigaction(handled[i], &previous[i], NULL);
		return false;
	}
	return true;
}

bool trap_handlers_install(struct error *err)
{
	/* No thread goes on before they are there. By a mutex, which asks the kernel for nothing as
	 * long as nobody waits: behind its wall a worker may make no call of futex, as glibc's
	 * pthread_once() does. */
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static bool installed;
	pthread_mutex_lock(&lock);
	installed = installed || install(err);
	bool fine = installed;
	pthread_mutex_unlock(&lock);
	return fine;
}

/* ---- backtraces ---- */

struct instance *trap_instance_of(struct store *store, struct instance *likely,
                                  const struct code *code)
{
	if (likely != NULL && likely->code == code)
		return likely;
	for (struct instance *inst = store->instances; inst != NULL; inst = inst->next)
		if (inst->code == code)
			return inst;
	return NULL;
}

/* Beyond the kept frames only so many are counted: finding a frame's function takes time. */
#define FRAMES_COUNTED_MAX 100000

void trap_backtrace(struct store *store, const struct run *run)
{
	struct trap_report *report = &store->report;
	*report = (struct trap_report){.trap = run->trap};
	struct code_place places[TRAP_FRAMES_MAX];
	struct frame_walk walk;
	frame_walk_start(&walk, store, run->fault_pc, run->fault_fp);
	for (; walk.pc != NULL && report->frames_left_out < FRAMES_COUNTED_MAX;
	     frame_walk_next(&walk)) {
		if (walk.code == NULL)
			continue;
		if (report->frame_count == TRAP_FRAMES_MAX) {
			report->frames_left_out++;
			continue;
		}
		places[report->frame_count] =
		    (struct code_place){.code = walk.code, .pc = walk.pc, .index = walk.index};
		report->frames[report->frame_count++] = (struct trap_frame){
		    .inst = trap_instance_of(store, run->fault_inst, walk.code),
		    .func = walk.code->module->imported_func_count + walk.index,
		};
	}
	const struct instance *inst = run->fault_inst;
	bool has_memory = inst != NULL && instance_module(inst)->memory_count > 0;
	code_find_offsets(places, report->frame_count, run->trap, run->fault_fp,
	                  has_memory ? inst->memories[0]->size : 0);
	for (uint32_t i = 0; i < report->frame_count; i++)
		report->frames[i].offset = places[i].offset;
}

/* The names of all frames: those of one module are looked for at once. */
static void find_names(const struct trap_report *report, struct name names[TRAP_FRAMES_MAX])
{
	bool is_found[TRAP_FRAMES_MAX] = {false};
	for (uint32_t first = 0; first < report->frame_count; first++) {
		const struct module *module = instance_module(report->frames[first].inst);
		struct func_name wanted[TRAP_FRAMES_MAX];
		uint32_t frames[TRAP_FRAMES_MAX], count = 0;
		for (uint32_t i = first; i < report->frame_count; i++) {
			if (is_found[i] || instance_module(report->frames[i].inst) != module)
				continue;
			wanted[count] = (struct func_name){.func = report->frames[i].func};
			frames[count++] = i;
		}
		if (count > 0)
			module_func_names(module, wanted, count);
		for (uint32_t i = 0; i < count; i++) {
			names[frames[i]] = wanted[i].name;
			is_found[frames[i]] = true;
		}
	}
}

void trap_report_print(const struct trap_report *report, FILE *out)
{
	struct name names[TRAP_FRAMES_MAX];
	find_names(report, names);
	for (uint32_t i = 0; i < report->frame_count; i++) {
		const struct trap_frame *frame = &report->frames[i];
		struct name name = names[i];
		char shown[PRINTABLE_NAME_SIZE];
		fprintf(out, "  #%u %s%s(function %u) at offset 0x%llx\n", i,
		        printable_text(name.data, name.len, shown, sizeof shown), name.len > 0 ? " " : "",
		        frame->func, (unsigned long long)frame->offset);
	}
	if (report->frames_left_out >= FRAMES_COUNTED_MAX)
		fprintf(out, "  … and more than %u frames\n", (unsigned)FRAMES_COUNTED_MAX);
	else if (report->frames_left_out > 0)
		fprintf(out, "  … and %u more frames\n", report->frames_left_out);
}
