/* Interruption without a test in the code: its pages become unreadable, and the next dispatch
 * faults. */
#include "interp/runtime.h"

#include <sys/mman.h>

void store_interrupt(struct store *store)
{
	atomic_store(&store->interrupted, true);
	for (struct code *code = store->codes; code != NULL; code = code->next)
		mprotect(code->cells, code->room * sizeof(struct cell), PROT_NONE);
}

bool interrupt_is_at(const struct store *store, uintptr_t address)
{
	if (!atomic_load(&store->interrupted))
		return false;
	for (const struct code *code = store->codes; code != NULL; code = code->next)
		if (address - (uintptr_t)code->cells < code->room * sizeof(struct cell))
			return true;
	return false;
}

void interrupt_report(struct store *store, const struct cell *pc)
{
	struct trap_report *report = &store->report;
	*report = (struct trap_report){.trap = TRAP_INTERRUPTED};
	/* Between two cells pc and the frame need not belong together, and the calls below cannot be
	 * read: the function is known, the way to it is not. */
	uint32_t index;
	const struct cell *end;
	struct code *code = pc == NULL ? NULL : code_holding(store, pc, &index, &end);
	if (code == NULL)
		return;
	struct code_place place = {.code = code, .pc = pc, .index = index};
	code_find_offsets(&place, 1, TRAP_INTERRUPTED, NULL, 0);
	report->frame_count = 1;
	report->frames[0] = (struct trap_frame){
	    .inst = trap_instance_of(store, NULL, code),
	    .func = code->module->imported_func_count + index,
	    .offset = place.offset,
	};
}
