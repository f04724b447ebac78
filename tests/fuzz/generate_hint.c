/* Branch hints. They change nothing but where lowering puts a branch's way (interp/lower_aside.c),
 * so each branch that control can come to may have either. */
#include "tests/fuzz/generator.h"

void choose_hints(struct gen *g)
{
	g->hints = source_choose(&g->s, HINTS_MIXED + 1);
}

/* Dead code has no branches, says branch_hints_check(). */
static bool is_reached(const struct gen *g)
{
	for (uint32_t i = 0; i < g->control_count; i++)
		if (g->controls[i].dead)
			return false;
	return true;
}

void hint_branch(struct gen *g)
{
	if (g->hints == HINTS_NONE || !is_reached(g))
		return;
	bytes_u(&g->code_hints, g->code.size);
	bytes_u(&g->code_hints, 1);
	bytes_byte(&g->code_hints,
	           g->hints == HINTS_MIXED ? source_choose(&g->s, 2) : g->hints == HINTS_LIKELY);
	g->code_hint_count++;
}

void finish_hints(struct gen *g, uint32_t func)
{
	if (g->code_hint_count > 0) {
		bytes_u(&g->hinted, func);
		bytes_u(&g->hinted, g->code_hint_count);
		bytes_put(&g->hinted, g->code_hints.data, g->code_hints.size);
		g->hinted_count++;
	}
	bytes_free(&g->code_hints);
	g->code_hint_count = 0;
}

void put_hints(struct gen *g)
{
	if (g->hinted_count > 0) {
		struct bytes section = {0};
		bytes_u(&section, g->hinted_count);
		bytes_put(&section, g->hinted.data, g->hinted.size);
		wasm_custom(&g->w, "metadata.code.branch_hint", section.data, section.size);
		bytes_free(&section);
	}
	bytes_free(&g->hinted);
}
