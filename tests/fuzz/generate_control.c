/* Blocks, branches and calls. */
#include "tests/fuzz/generator.h"

#include <string.h>

void put_sink(struct gen *g)
{
	char letter = top_letter(g);
	uint32_t index;
	struct bytes *b = &g->code;
	if (letter == '\0' && !top(g)->dead)
		return;
	switch (letter == '\0' ? 0 : source_choose(&g->s, 5)) {
	case 1:
		if (find_local(g, letter, &index)) {
			put_insn_u(b, INSN_local_set, index);
			break;
		}
		put_insn(b, INSN_drop);
		break;
	case 2:
	case 3:
		if (!find_global(g, letter, &index)) {
			put_insn(b, INSN_drop);
			break;
		}
		if (letter == 'i' || letter == 'I') {
			put_insn_u(b, INSN_global_get, index);
			put_insn(b, letter == 'i' ? INSN_i32_xor : INSN_i64_xor);
		}
		put_insn_u(b, INSN_global_set, index);
		break;
	case 4:
		if (find_local(g, letter, &index)) {
			put_insn_u(b, INSN_local_tee, index);
			return;
		}
		put_insn(b, INSN_drop);
		break;
	default:
		put_insn(b, INSN_drop);
		break;
	}
	pop(g, 1);
}

void settle(struct gen *g, const char *letters)
{
	uint32_t count = (uint32_t)strlen(letters);
	while (operands(g) > count ||
	       (operands(g) > 0 && memcmp(g->stack + top(g)->height, letters, operands(g)) != 0)) {
		uint32_t before = operands(g);
		put_sink(g);
		if (operands(g) == before) {
			put_insn(&g->code, INSN_drop);
			pop(g, 1);
		}
	}
	if (top(g)->dead && operands(g) == 0 && source_once_in(&g->s, 2)) {
		push_all(g, letters);
		return;
	}
	for (uint32_t i = operands(g); i < count; i++)
		put_value(g, letters[i], 1);
}

void put_fuel_check(struct gen *g)
{
	assemble(&g->code,
	         "global.get %u i32.eqz if unreachable end "
	         "global.get %u i32.const 1 i32.sub global.set %u",
	         g->fuel, g->fuel, g->fuel);
}

void enter(struct gen *g, enum insn_id opener, const char *params, const char *results)
{
	if (g->control_count > 0)
		pop(g, (uint32_t)strlen(params));
	g->controls[g->control_count] = (struct control){
	    .opener = opener,
	    .height = g->height,
	    .params = params,
	    .results = results,
	};
	g->control_count++;
	push_all(g, params);
}

void leave(struct gen *g)
{
	const struct control c = *top(g);
	g->height = c.height;
	g->control_count--;
	push_all(g, c.results);
}

const struct sig *put_block_type(struct gen *g, struct bytes *out)
{
	static const struct sig none = {"", ""};
	static const struct sig single[] = {{"", "i"}, {"", "I"}, {"", "f"}, {"", "F"},
	                                    {"", "r"}, {"", "c"}, {"", "a"}, {"", "v"}};
	uint32_t choice = source_choose(&g->s, 4);
	if (choice == 0) {
		bytes_byte(out, 0x40);
		return &none;
	}
	if (choice == 1) {
		const struct sig *sig = &single[source_choose(&g->s, COUNT(single))];
		bytes_byte(out, type_code(sig->results[0]));
		return sig;
	}
	uint32_t index = g->first_func_type + source_choose(&g->s, g->type_count - g->first_func_type);
	bytes_s(out, index);
	return &g->types[index];
}

void put_block(struct gen *g)
{
	if (g->control_count > NESTING_MAX)
		return;
	static const enum insn_id openers[] = {INSN_block, INSN_loop, INSN_if};
	enum insn_id opener = openers[source_choose(&g->s, 3)];
	/* The type stands behind the opcode, and the operands before it: made apart. */
	struct bytes type = {0};
	const struct sig *sig = put_block_type(g, &type);

	want(g, sig->params, 1);
	if (opener == INSN_if) {
		put_value(g, 'i', 2);
		pop(g, 1);
		hint_branch(g);
	}
	put_insn(&g->code, opener);
	bytes_put(&g->code, type.data, type.size);
	bytes_free(&type);
	enter(g, opener, sig->params, sig->results);
	if (opener == INSN_loop)
		put_fuel_check(g);
	put_statements(g, 8);
	uint32_t counter;
	if (opener == INSN_loop && !top(g)->dead && source_once_in(&g->s, 2) &&
	    find_local(g, 'i', &counter)) {
		want(g, sig->params, 1);
		assemble(&g->code, "local.get %u i32.const 1 i32.%s local.tee %u i32.const %u i32.%s",
		         counter, source_once_in(&g->s, 2) ? "sub" : "add", counter,
		         source_choose(&g->s, 32), source_once_in(&g->s, 2) ? "ne" : "lt_u");
		hint_branch(g);
		put_insn_u(&g->code, INSN_br_if, 0);
		if (operands(g) < strlen(sig->params))
			push_all(g, sig->params);
	}
	settle(g, sig->results);
	if (opener == INSN_if && (strcmp(sig->params, sig->results) != 0 || source_once_in(&g->s, 2))) {
		put_insn(&g->code, INSN_else);
		struct control *c = top(g);
		g->height = c->height;
		c->dead = false;
		c->opener = INSN_else;
		push_all(g, sig->params);
		put_statements(g, 6);
		settle(g, sig->results);
	}
	put_insn(&g->code, INSN_end);
	leave(g);
}

const char *label_letters(const struct gen *g, uint32_t label)
{
	const struct control *c = &g->controls[g->control_count - 1 - label];
	return c->opener == INSN_loop ? c->params : c->results;
}

void put_br(struct gen *g)
{
	uint32_t label = source_choose(&g->s, g->control_count);
	want(g, label_letters(g, label), 1);
	if (!source_once_in(&g->s, 4)) {
		put_value(g, 'i', 2);
		hint_branch(g);
		put_insn_u(&g->code, INSN_br_if, label);
		pop(g, 1);
		/* In dead code they may have come from nowhere, but now they are there. */
		if (operands(g) < strlen(label_letters(g, label))) {
			g->height = top(g)->height;
			push_all(g, label_letters(g, label));
		}
		return;
	}
	put_insn_u(&g->code, INSN_br, label);
	die_here(g);
}

void put_br_table(struct gen *g)
{
	uint32_t last = source_choose(&g->s, g->control_count);
	const char *letters = label_letters(g, last);
	want(g, letters, 1);
	if (source_once_in(&g->s, 3))
		put_byte(g);
	else
		put_value(g, 'i', 1);
	if (!source_once_in(&g->s, 4)) {
		put_insn_s(&g->code, INSN_i32_const, 7);
		put_insn(&g->code, INSN_i32_and);
	}
	put_insn(&g->code, INSN_br_table);
	struct bytes labels = {0};
	uint32_t count = 0;
	for (uint32_t i = source_choose(&g->s, 9); i > 0; i--) {
		uint32_t label = source_choose(&g->s, g->control_count);
		if (strcmp(label_letters(g, label), letters) == 0) {
			bytes_u(&labels, label);
			count++;
		}
	}
	bytes_u(&g->code, count);
	bytes_put(&g->code, labels.data, labels.size);
	bytes_free(&labels);
	bytes_u(&g->code, last);
	die_here(g);
}

void put_return(struct gen *g)
{
	want(g, g->controls[0].results, 1);
	put_insn(&g->code, INSN_return);
	die_here(g);
}

/* May a call of the type end the present function? */
static bool can_be_last(const struct gen *g, const struct sig *sig)
{
	return strcmp(sig->results, g->controls[0].results) == 0;
}

/* A function by its reference, mostly of the right type. */
static void put_callee(struct gen *g, uint32_t func, uint32_t type)
{
	if (!source_once_in(&g->s, 4)) {
		put_insn_u(&g->code, INSN_ref_func, func);
		push(g, 'c');
		return;
	}
	put_value(g, 'c', 1);
	put_insn(&g->code, source_once_in(&g->s, 2) ? INSN_ref_cast : INSN_ref_cast_null);
	bytes_s(&g->code, type);
}

void put_small_call(struct gen *g)
{
	if (g->small_from == g->small_to)
		return;
	uint32_t func = g->small_from + source_choose(&g->s, g->small_to - g->small_from);
	const struct sig *sig = &g->types[g->funcs[func]];
	for (const char *p = sig->params; *p != '\0'; p++) {
		uint32_t local;
		if (source_once_in(&g->s, 4) || !find_local(g, *p, &local)) {
			put_value(g, *p, 1);
			continue;
		}
		put_insn_u(&g->code, INSN_local_get, local);
		push(g, *p);
		if (*p == 'i' && source_once_in(&g->s, 2)) {
			put_insn_s(&g->code, INSN_i32_const, (int32_t)any_integer(g));
			put_insn(&g->code, INSN_i32_add);
		}
	}
	put_insn_u(&g->code, INSN_call, func);
	pop(g, (uint32_t)strlen(sig->params));
	push_all(g, sig->results);
}

void put_call(struct gen *g)
{
	enum { DIRECT, INDIRECT, BY_REFERENCE };
	static const enum insn_id insns_of[][2] = {{INSN_call, INSN_return_call},
	                                           {INSN_call_indirect, INSN_return_call_indirect},
	                                           {INSN_call_ref, INSN_return_call_ref}};
	struct bytes *b = &g->code;
	uint32_t how = source_choose(&g->s, 3);
	uint32_t func = source_choose(&g->s, g->func_count);
	/* Mostly of a type that a function has. */
	uint32_t type = g->funcs[func];
	if (how == INDIRECT && source_once_in(&g->s, 6))
		type = g->first_func_type + source_choose(&g->s, g->type_count - g->first_func_type);
	const struct sig *sig = &g->types[type];
	bool is_last = can_be_last(g, sig) && source_once_in(&g->s, 3), is_wide;
	want(g, sig->params, 1);
	switch (how) {
	case INDIRECT:
		is_wide = source_once_in(&g->s, 4);
		if (source_once_in(&g->s, 3))
			put_value(g, is_wide ? 'I' : 'i', 1);
		else
			put_insn_s(b, is_wide ? INSN_i64_const : INSN_i32_const, func % TABLE_SIZE),
			    push(g, 'i');
		put_insn_u(b, insns_of[how][is_last], type);
		bytes_u(b, is_wide ? WIDE_TABLE : 0);
		pop(g, 1);
		break;
	case BY_REFERENCE:
		put_callee(g, func, type);
		put_insn_u(b, insns_of[how][is_last], type);
		pop(g, 1);
		break;
	default:
		put_insn_u(b, insns_of[how][is_last], func);
		break;
	}
	pop(g, (uint32_t)strlen(sig->params));
	if (is_last)
		die_here(g);
	else
		push_all(g, sig->results);
}
