/* The frames that are under way, found by their headers (cell.h) and the store's links. */
#include "interp/runtime.h"

struct code *code_holding(struct store *store, const struct cell *pc, uint32_t *index,
                          const struct cell **end)
{
	for (struct code *code = store->codes; code != NULL; code = code->next)
		if (code_function_at(code, pc, index, end))
			return code;
	return NULL;
}

/* Finds the function that holds walk->pc: mostly the one of the frame before. */
static void locate(struct frame_walk *walk)
{
	const struct code *code = walk->code;
	if (code != NULL && walk->pc >= code->cells + code->entries[walk->index] &&
	    walk->pc < walk->end)
		return;
	walk->code = code_holding(walk->store, walk->pc, &walk->index, &walk->end);
	if (walk->code == NULL)
		walk->pc = NULL;
}

/* Where C code called on, through the next link. */
static void cross(struct frame_walk *walk)
{
	const struct link *link = walk->link;
	walk->crossed = true;
	if (link == NULL) {
		walk->pc = NULL;
		return;
	}
	if (link->host_type != NULL && walk->host_type == NULL) {
		/* First the host function's own frame, whose arguments count; then its caller. */
		walk->host_type = link->host_type;
		walk->code = NULL;
		walk->pc = link->pc;
		walk->fp = link->host_slots;
		return;
	}
	walk->host_type = NULL;
	walk->link = link->outer;
	walk->pc = link->pc;
	walk->fp = link->fp;
	locate(walk);
}

void frame_walk_start(struct frame_walk *walk, struct store *store, const struct cell *pc,
                      union slot *fp)
{
	*walk = (struct frame_walk){.store = store, .link = store->links, .pc = pc, .fp = fp};
	if (pc == NULL)
		cross(walk);
	else
		locate(walk);
}

void frame_walk_next(struct frame_walk *walk)
{
	walk->crossed = false;
	if (walk->code == NULL) {
		cross(walk);
		return;
	}
	const struct module *m = walk->code->module;
	const struct functype *type = module_func_type(m, m->imported_func_count + walk->index);
	const struct cell *pc = walk->fp[type_header(type)].pc;
	if (pc == exec_entry_cell) {
		cross(walk);
		return;
	}
	walk->pc = pc;
	walk->fp -= pc->a;
	locate(walk);
}
