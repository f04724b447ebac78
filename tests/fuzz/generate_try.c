/* Exceptions: tags, throws and who catches them. */
#include "tests/fuzz/generator.h"

#include <string.h>

static const char *const tags[] = {"", "iI", "ar", "fvc"};

/* Kinds of clauses by their codes (spec: 5.4.1). */
enum { CATCH, CATCH_REF, CATCH_ALL, CATCH_ALL_REF, CATCH_KINDS };

/* What a clause hands to its label. */
static void caught(struct sig *sig, uint32_t kind, uint32_t tag)
{
	*sig = (struct sig){0};
	if (kind == CATCH || kind == CATCH_REF)
		strcpy(sig->results, tags[tag]);
	if (kind == CATCH_REF || kind == CATCH_ALL_REF)
		strcat(sig->results, "x");
}

void make_tags(struct gen *g)
{
	for (uint32_t tag = 0; tag < COUNT(tags); tag++) {
		char text[LETTERS_MAX + 1];
		struct sig sig = {0};
		strcpy(sig.params, tags[tag]);
		add_type(g, &sig);
		strcpy(text, tags[tag]);
		wasm_tag(&g->w, strcat(text, "_"));
		for (uint32_t kind = 0; kind < CATCH_KINDS; kind++) {
			caught(&sig, kind, tag);
			add_type(g, &sig);
		}
	}
}

static void put_clause(struct bytes *b, uint32_t kind, uint32_t tag, uint32_t label)
{
	bytes_byte(b, kind);
	if (kind == CATCH || kind == CATCH_REF)
		bytes_u(b, tag);
	bytes_u(b, label);
}

/* Clauses to blocks that stand around and happen to fit. */
static uint32_t put_more_clauses(struct gen *g, struct bytes *b)
{
	uint32_t count = 0;
	for (uint32_t i = source_choose(&g->s, 3); i > 0; i--) {
		uint32_t label = source_choose(&g->s, g->control_count);
		uint32_t kind = source_choose(&g->s, CATCH_KINDS), tag = source_choose(&g->s, COUNT(tags));
		struct sig sig;
		caught(&sig, kind, tag);
		if (strcmp(label_letters(g, label), sig.results) != 0)
			continue;
		put_clause(b, kind, tag, label);
		count++;
	}
	return count;
}

/* A block that gets what its try_table catches, or as much from elsewhere. */
void put_try(struct gen *g)
{
	if (g->control_count + 1 > NESTING_MAX)
		return;
	uint32_t kind = source_choose(&g->s, CATCH_KINDS), tag = source_choose(&g->s, COUNT(tags));
	struct sig sig;
	caught(&sig, kind, tag);
	uint32_t index = add_type(g, &sig);
	put_insn_s(&g->code, INSN_block, index);
	enter(g, INSN_block, "", g->types[index].results);

	struct bytes type = {0}, clauses = {0};
	const struct sig *inner = put_block_type(g, &type);
	want(g, inner->params, 1);
	put_insn(&g->code, INSN_try_table);
	bytes_put(&g->code, type.data, type.size);
	bytes_free(&type);
	uint32_t count = 0;
	if (source_once_in(&g->s, 3))
		count += put_more_clauses(g, &clauses);
	put_clause(&clauses, kind, tag, 0);
	count++;
	if (source_once_in(&g->s, 3))
		count += put_more_clauses(g, &clauses);
	bytes_u(&g->code, count);
	bytes_put(&g->code, clauses.data, clauses.size);
	bytes_free(&clauses);
	enter(g, INSN_try_table, inner->params, inner->results);
	put_statements(g, 8);
	if (source_once_in(&g->s, 2) && !top(g)->dead)
		put_throw(g);
	settle(g, inner->results);
	put_insn(&g->code, INSN_end);
	leave(g);

	settle(g, top(g)->results);
	put_insn(&g->code, INSN_end);
	leave(g);
}

void put_throw(struct gen *g)
{
	struct bytes *b = &g->code;
	uint32_t tag = source_choose(&g->s, COUNT(tags));
	if (source_once_in(&g->s, 4)) {
		want(g, "x", 1);
		put_insn(b, INSN_throw_ref);
	} else {
		want(g, tags[tag], 1);
		put_insn_u(b, INSN_throw, tag);
	}
	die_here(g);
}
