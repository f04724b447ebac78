/* Types and the operand stack of the function being made. */
#include "tests/fuzz/generator.h"

#include <assert.h>
#include <stdio.h>

bool is_on(enum feature feature)
{
	return GENERATED_FEATURES >> feature & 1;
}

char any_letter(struct gen *g)
{
	static const char letters[] = "iIfFiIrcvaax";
	return letters[source_choose(&g->s, sizeof letters - 1)];
}

void any_letters(struct gen *g, char *out, uint32_t most)
{
	uint32_t count = source_choose(&g->s, most + 1);
	for (uint32_t i = 0; i < count; i++)
		out[i] = any_letter(g);
	out[count] = '\0';
}

uint32_t add_type(struct gen *g, const struct sig *sig)
{
	char text[2 * LETTERS_MAX + 2];
	snprintf(text, sizeof text, "%s_%s", sig->params, sig->results);
	uint32_t index = wasm_type(&g->w, text);
	if (index == g->type_count) {
		assert(g->type_count < TYPES_MAX);
		g->types[g->type_count++] = *sig;
	}
	return index;
}

/* ---- the operand stack ---- */

struct control *top(struct gen *g)
{
	return &g->controls[g->control_count - 1];
}

void push(struct gen *g, char letter)
{
	assert(g->height < STACK_MAX);
	g->stack[g->height++] = letter;
}

void push_all(struct gen *g, const char *letters)
{
	for (; *letters != '\0'; letters++)
		push(g, *letters);
}

uint32_t operands(struct gen *g)
{
	return g->height - top(g)->height;
}

void pop(struct gen *g, uint32_t count)
{
	g->height -= count < operands(g) ? count : operands(g);
}

char top_letter(struct gen *g)
{
	return operands(g) > 0 ? g->stack[g->height - 1] : '\0';
}

void die_here(struct gen *g)
{
	g->height = top(g)->height;
	top(g)->dead = true;
}
