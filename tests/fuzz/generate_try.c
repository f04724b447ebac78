/* Exceptions: tags, throws and who catches them, in both forms. */
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

/* ---- of old ---- */

/* The next part of the block begins, behind a catch. */
static void put_catch(struct gen *g, enum insn_id id, uint32_t tag)
{
	struct control *c = top(g);
	settle(g, c->results);
	if (id == INSN_catch)
		put_insn_u(&g->code, id, tag);
	else
		put_insn(&g->code, id);
	g->height = c->height;
	c->dead = false;
	c->opener = id;
	if (id == INSN_catch)
		push_all(g, tags[tag]);
	put_statements(g, 6);
	if (source_once_in(&g->s, 3) && !top(g)->dead)
		put_rethrow(g);
}

void put_old_try(struct gen *g)
{
	if (g->control_count + 1 > NESTING_MAX)
		return;
	struct bytes type = {0};
	const struct sig *sig = put_block_type(g, &type);
	want(g, sig->params, 1);
	put_insn(&g->code, INSN_try);
	bytes_put(&g->code, type.data, type.size);
	bytes_free(&type);
	enter(g, INSN_try, sig->params, sig->results);
	put_statements(g, 8);
	if (source_once_in(&g->s, 2) && !top(g)->dead)
		put_throw(g);
	if (source_once_in(&g->s, 4)) {
		settle(g, sig->results);
		/* The label counts from outside of the try; the last one is the function. */
		put_insn_u(&g->code, INSN_delegate, source_choose(&g->s, g->control_count - 1));
		leave(g);
		return;
	}
	for (uint32_t i = source_choose(&g->s, 3); i > 0; i--)
		put_catch(g, INSN_catch, source_choose(&g->s, COUNT(tags)));
	if (source_once_in(&g->s, 2))
		put_catch(g, INSN_catch_all, 0);
	settle(g, sig->results);
	put_insn(&g->code, INSN_end);
	leave(g);
}

/* What any of the catches around has caught. */
void put_rethrow(struct gen *g)
{
	uint32_t start = source_choose(&g->s, g->control_count);
	for (uint32_t i = 0; i < g->control_count; i++) {
		uint32_t label = (start + i) % g->control_count;
		enum insn_id opener = g->controls[g->control_count - 1 - label].opener;
		if (opener == INSN_catch || opener == INSN_catch_all) {
			put_insn_u(&g->code, INSN_rethrow, label);
			die_here(g);
			return;
		}
	}
}
