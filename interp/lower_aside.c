/* Side ways: where a branch carries values, it has cells of its own that move them. When a hint
 * says that the branch is hardly taken they stand behind the function, so that the way that is
 * mostly gone jumps over nothing. */
#include "interp/lower.h"

#include <string.h>

void put_aside(struct lowering *l, uint32_t jump, uint32_t first, struct label *label)
{
	uint32_t count = l->cell_count - first;
	uint32_t cells = l->aside_cell_count + count;
	if (!make_room(l, &l->asides, &l->aside_room, l->aside_count + 1, sizeof *l->asides) ||
	    !make_room(l, &l->aside_cells, &l->aside_cell_room, cells, sizeof *l->aside_cells))
		return;
	struct aside *aside = &l->asides[l->aside_count];
	*aside = (struct aside){.jump = jump,
	                        .first = l->aside_cell_count,
	                        .count = count,
	                        .target = NO_TARGET,
	                        .at = l->at};
	memcpy(&l->aside_cells[aside->first], &l->cells[first], count * sizeof *l->cells);
	if (label != NULL && label->opener == INSN_loop)
		aside->target = label->start;
	else if (label != NULL)
		add_fixup(l, label, l->aside_count, ORIGIN_ASIDE);
	l->aside_count++;
	l->aside_cell_count = cells;
	l->cell_count = first;
}

void place_asides(struct lowering *l)
{
	for (uint32_t i = 0; i < l->aside_count && !l->out_of_memory; i++) {
		const struct aside *aside = &l->asides[i];
		l->at = aside->at;
		aim_here(l, aside->jump);
		for (uint32_t k = 0; k < aside->count; k++)
			*emit(l, OP_halt) = l->aside_cells[aside->first + k];
		if (aside->target != NO_TARGET)
			aim_at(l, l->cell_count - 1, aside->target);
	}
}
