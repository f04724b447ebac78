/* Other instructions that are typed by hand: select, locals, bulk operations, tables. */
#include "tests/fuzz/generator.h"

#include <string.h>

void put_select(struct gen *g)
{
	char letter = any_letter(g);
	bool typed = strchr("rcax", letter) != NULL || source_once_in(&g->s, 3);
	want(g, (const char[]){letter, letter, '\0'}, 1);
	put_value(g, 'i', 2);
	if (typed) {
		put_insn_u(&g->code, INSN_select_t, 1);
		bytes_byte(&g->code, type_code(letter));
	} else {
		put_insn(&g->code, INSN_select);
	}
	pop(g, 3);
	push(g, letter);
}

void put_local(struct gen *g)
{
	char letter = top_letter(g);
	uint32_t local;
	if (letter == '\0' || source_once_in(&g->s, 2)) {
		letter = any_letter(g);
		put_value(g, letter, 2);
	}
	if (!find_local(g, letter, &local))
		return;
	bool tee = source_once_in(&g->s, 3);
	put_insn_u(&g->code, tee ? INSN_local_tee : INSN_local_set, local);
	if (!tee)
		pop(g, 1);
}

/* A row of three numbers for the bulk operations, mostly in bounds. */
static void put_row(struct gen *g, const char *letters, uint32_t size)
{
	for (; *letters != '\0'; letters++) {
		if ((*letters == 'i' || *letters == 'I') && !source_once_in(&g->s, 8)) {
			put_insn_s(&g->code, *letters == 'i' ? INSN_i32_const : INSN_i64_const,
			           source_choose(&g->s, size));
			push(g, *letters);
		} else {
			put_value(g, *letters, 1);
		}
	}
}

void put_memory_bulk(struct gen *g)
{
	struct bytes *b = &g->code;
	uint32_t memory = any_memory(g), other = any_memory(g);
	char at = g->memories[memory], from = g->memories[other];
	switch (source_choose(&g->s, 6)) {
	case 0:
		put_row(g, (const char[]){at, 'i', 'i', '\0'}, 200);
		put_insn_u(b, INSN_memory_init, source_choose(&g->s, g->datas));
		bytes_u(b, memory);
		break;
	case 1:
		put_insn_u(b, INSN_data_drop, source_choose(&g->s, g->datas));
		return;
	case 2:
		put_row(g, (const char[]){at, from, at == from ? at : 'i', '\0'}, 200);
		put_insn_u(b, INSN_memory_copy, memory);
		bytes_u(b, other);
		break;
	case 3:
		put_insn_u(b, INSN_memory_size, memory);
		push(g, at);
		return;
	case 4:
		put_row(g, (const char[]){at, '\0'}, 2);
		put_insn_u(b, INSN_memory_grow, memory);
		pop(g, 1);
		push(g, at);
		return;
	default:
		put_row(g, (const char[]){at, 'i', at, '\0'}, 200);
		put_insn_u(b, INSN_memory_fill, memory);
		break;
	}
	pop(g, 3);
}

static const struct {
	char letter; /* of the elements */
	char index;
} tables[] = {{'c', 'i'}, {'r', 'i'}, {'a', 'i'}, {'c', 'I'}};
_Static_assert(COUNT(tables) == WIDE_TABLE + 1, "the last one has wide indices");

/* A wait for a value that is there or is not, for no long time. Nobody wakes it. */
void put_wait(struct gen *g)
{
	bool is_wide = source_once_in(&g->s, 2);
	char letter = is_wide ? 'I' : 'i';
	put_address(g, 'i', 1);
	put_value(g, letter, 1);
	put_insn_s(&g->code, INSN_i64_const, source_choose(&g->s, 200));
	push(g, 'I');
	put_insn(&g->code, is_wide ? INSN_memory_atomic_wait64 : INSN_memory_atomic_wait32);
	bytes_u(&g->code, (is_wide ? 3 : 2) | 0x40);
	bytes_u(&g->code, SHARED_MEMORY);
	bytes_u(&g->code, source_choose(&g->s, 8) * 8);
	pop(g, 3);
	push(g, 'i');
}

/* Table 0 has functions, table 1 external references, table 2 any others, table 3 functions at
 * indices of 64 bits. */
void put_table(struct gen *g)
{
	uint32_t table = source_choose(&g->s, COUNT(tables));
	char letter = tables[table].letter, at = tables[table].index;
	uint32_t other;
	struct bytes *b = &g->code;
	switch (source_choose(&g->s, 8)) {
	case 0:
		put_row(g, (const char[]){at, '\0'}, TABLE_SIZE);
		put_insn_u(b, INSN_table_get, table);
		pop(g, 1);
		push(g, letter);
		break;
	case 1:
		put_row(g, (const char[]){at, letter, '\0'}, TABLE_SIZE);
		put_insn_u(b, INSN_table_set, table);
		pop(g, 2);
		break;
	case 2:
		put_insn_u(b, INSN_table_size, table);
		push(g, at);
		break;
	case 3:
		put_row(g, (const char[]){letter, at, '\0'}, 3);
		put_insn_u(b, INSN_table_grow, table);
		pop(g, 2);
		push(g, at);
		break;
	case 4:
		put_row(g, (const char[]){at, letter, at, '\0'}, 4);
		put_insn_u(b, INSN_table_fill, table);
		pop(g, 3);
		break;
	case 5:
		/* Between the two of functions, too. */
		other = letter == 'c' && source_once_in(&g->s, 2) ? 3 - table : table;
		put_row(g,
		        (const char[]){at, tables[other].index, at == tables[other].index ? at : 'i', '\0'},
		        4);
		put_insn_u(b, INSN_table_copy, table);
		bytes_u(b, other);
		pop(g, 3);
		break;
	case 6:
		table = letter == 'c' ? table : 0;
		put_row(g, (const char[]){tables[table].index, 'i', 'i', '\0'}, 4);
		put_insn_u(b, INSN_table_init, source_choose(&g->s, g->elems));
		bytes_u(b, table);
		pop(g, 3);
		break;
	default:
		put_insn_u(b, INSN_elem_drop, source_choose(&g->s, g->elems));
		break;
	}
}

void put_is_null(struct gen *g)
{
	char letter = "crax"[source_choose(&g->s, 4)];
	want(g, (const char[]){letter, '\0'}, 1);
	put_insn(&g->code, INSN_ref_is_null);
	pop(g, 1);
	push(g, 'i');
}
