/* Structs, arrays, i31 and casts. Values are of type anyref everywhere; who needs another type
 * casts, mostly so that it cannot fail. */
#include "tests/fuzz/generator.h"

#include <string.h>

/* Fields as letters; b and h are packed to 8 and 16 bits. All are mutable. */
static const struct gc_type {
	bool is_array;
	const char *fields;
	int super; /* index; -1: none */
} gc_types[] = {
    {false, "ia", -1}, {false, "iabFI", 0}, {false, "hvfrxc", -1}, {true, "a", -1},
    {true, "b", -1},   {true, "v", -1},     {true, "I", -1},       {true, "c", -1},
    {true, "h", -1},   {true, "i", -1},     {true, "f", -1},       {true, "F", -1},
};
#define GC_TYPES COUNT(gc_types)

/* Behind them: a structure with a nullable reference to each of them, and an i31ref. */
#define NODE GC_TYPES
#define NODE_I31 GC_TYPES

#define LENGTH 8 /* of most arrays, at least */

/* Binary codes (spec: 5.3.9, 5.3.10). */
enum {
	SUB_OPEN = 0x50,
	FORM_STRUCT_CODE = 0x5f,
	FORM_ARRAY_CODE = 0x5e,
	REF_CODE = 0x64,
	REF_NULL_CODE = 0x63,
	I31_CODE = 0x6c
};

static unsigned storage_code(char letter)
{
	return letter == 'b' ? 0x78 : letter == 'h' ? 0x77 : type_code(letter);
}

static bool is_packed(char letter)
{
	return letter == 'b' || letter == 'h';
}

static char unpacked(char letter)
{
	return is_packed(letter) ? 'i' : letter;
}

uint32_t make_gc_types(struct gen *g)
{
	struct bytes b = {0};
	for (uint32_t i = 0; i < GC_TYPES; i++) {
		const struct gc_type *type = &gc_types[i];
		bytes_byte(&b, SUB_OPEN);
		bytes_byte(&b, type->super >= 0);
		if (type->super >= 0)
			bytes_byte(&b, (unsigned)type->super);
		bytes_byte(&b, type->is_array ? FORM_ARRAY_CODE : FORM_STRUCT_CODE);
		if (!type->is_array)
			bytes_u(&b, strlen(type->fields));
		for (const char *p = type->fields; *p != '\0'; p++) {
			bytes_byte(&b, storage_code(*p));
			bytes_byte(&b, 1);
		}
	}
	bytes_byte(&b, FORM_STRUCT_CODE);
	bytes_u(&b, GC_TYPES + 1);
	for (uint32_t i = 0; i < GC_TYPES; i++) {
		bytes_byte(&b, REF_NULL_CODE);
		bytes_s(&b, i);
		bytes_byte(&b, 1);
	}
	bytes_byte(&b, I31_CODE);
	bytes_byte(&b, 1);
	wasm_first_types(&g->w, b.data, b.size, GC_TYPES + 1);
	bytes_free(&b);
	return GC_TYPES + 1;
}

static void put_i32(struct gen *g, uint32_t value)
{
	put_insn_s(&g->code, INSN_i32_const, (int32_t)value);
	push(g, 'i');
}

/* x & mask. */
static void put_small(struct gen *g, uint32_t mask, uint32_t depth)
{
	put_value(g, 'i', depth);
	put_insn_s(&g->code, INSN_i32_const, mask);
	put_insn(&g->code, INSN_i32_and);
}

/* Mostly within an array of LENGTH. */
static void put_index(struct gen *g, uint32_t depth)
{
	if (source_once_in(&g->s, 16))
		put_value(g, 'i', depth);
	else if (source_once_in(&g->s, 2))
		put_i32(g, source_choose(&g->s, LENGTH));
	else
		put_small(g, LENGTH - 1, depth);
}

/* LENGTH at least, and once in a while more than any heap holds. */
static void put_length(struct gen *g, uint32_t depth)
{
	put_small(g, LENGTH - 1, depth);
	put_insn_s(&g->code, INSN_i32_const, source_once_in(&g->s, 24) ? 0x40000000 : LENGTH);
	put_insn(&g->code, INSN_i32_or);
}

static uint32_t any_gc_type(struct gen *g)
{
	return source_choose(&g->s, GC_TYPES);
}

static uint32_t any_array_type(struct gen *g)
{
	uint32_t type = any_gc_type(g);
	while (!gc_types[type].is_array)
		type = (type + 1) % GC_TYPES;
	return type;
}

/* ---- making ---- */

static void put_default(struct gen *g, uint32_t type)
{
	if (gc_types[type].is_array)
		put_insn_s(&g->code, INSN_i32_const, LENGTH);
	put_insn_u(&g->code, gc_types[type].is_array ? INSN_array_new_default : INSN_struct_new_default,
	           type);
}

static void put_struct(struct gen *g, uint32_t type, uint32_t depth)
{
	const char *fields = gc_types[type].fields;
	for (const char *p = fields; *p != '\0'; p++)
		put_value(g, unpacked(*p), depth);
	put_insn_u(&g->code, INSN_struct_new, type);
	pop(g, (uint32_t)strlen(fields));
	push(g, 'a');
}

static void put_array(struct gen *g, uint32_t type, uint32_t depth)
{
	char letter = gc_types[type].fields[0];
	uint32_t count;
	switch (source_choose(&g->s, 4)) {
	case 0:
		count = source_choose(&g->s, LENGTH);
		for (uint32_t i = 0; i < count; i++)
			put_value(g, unpacked(letter), depth);
		put_insn_u(&g->code, INSN_array_new_fixed, type);
		bytes_u(&g->code, count);
		pop(g, count);
		break;
	case 1:
		put_length(g, depth);
		put_insn_u(&g->code, INSN_array_new_default, type);
		pop(g, 1);
		break;
	case 2:
		if (letter != 'a') {
			put_i32(g, source_choose(&g->s, 8));
			put_i32(g, source_choose(&g->s, 5));
			put_insn_u(&g->code, letter == 'c' ? INSN_array_new_elem : INSN_array_new_data, type);
			bytes_u(&g->code, 1);
			pop(g, 2);
			break;
		} /* fall through: no segment has such elements */
		__attribute__((fallthrough));
	default:
		put_value(g, unpacked(letter), depth);
		put_length(g, depth);
		put_insn_u(&g->code, INSN_array_new, type);
		pop(g, 2);
		break;
	}
	push(g, 'a');
}

static void put_new(struct gen *g, uint32_t type, uint32_t depth)
{
	if (source_once_in(&g->s, 4)) {
		put_default(g, type);
		push(g, 'a');
	} else if (gc_types[type].is_array) {
		put_array(g, type, depth);
	} else {
		put_struct(g, type, depth);
	}
}

/* ---- casts ---- */

/* The anyref on the stack becomes a (ref type): what is none is replaced by a new one. */
static void put_sure_cast(struct gen *g, uint32_t type)
{
	struct bytes *b = &g->code;
	uint32_t local;
	if (!find_local(g, 'a', &local)) {
		put_insn(b, INSN_drop);
		put_default(g, type);
		return;
	}
	put_insn_u(b, INSN_local_tee, local);
	put_insn(b, INSN_ref_test);
	bytes_s(b, type);
	put_insn(b, INSN_if);
	bytes_byte(b, REF_CODE);
	bytes_s(b, type);
	put_insn_u(b, INSN_local_get, local);
	put_insn(b, INSN_ref_cast);
	bytes_s(b, type);
	put_insn(b, INSN_else);
	put_default(g, type);
	put_insn(b, INSN_end);
}

/* Leaves a reference of this type, which pop() takes for an anyref. */
static void put_typed(struct gen *g, uint32_t type, uint32_t depth)
{
	if (source_once_in(&g->s, 4)) {
		put_new(g, type, depth);
		return;
	}
	put_value(g, 'a', depth);
	if (source_once_in(&g->s, 8)) {
		put_insn(&g->code, source_once_in(&g->s, 2) ? INSN_ref_cast : INSN_ref_cast_null);
		bytes_s(&g->code, type);
	} else {
		put_sure_cast(g, type);
	}
}

/* ---- reading and writing ---- */

/* Which of the three that differ by the packed elements' signs. */
static enum insn_id getter(struct gen *g, char letter, enum insn_id plain)
{
	_Static_assert(INSN_struct_get_s == INSN_struct_get + 1 &&
	                   INSN_struct_get_u == INSN_struct_get + 2,
	               "order of the getters");
	_Static_assert(INSN_array_get_s == INSN_array_get + 1 && INSN_array_get_u == INSN_array_get + 2,
	               "order of the getters");
	return is_packed(letter) ? (enum insn_id)(plain + 1u + source_choose(&g->s, 2)) : plain;
}

/* The value on top is read at once. */
static void put_read(struct gen *g, char letter)
{
	static const struct {
		char letter;
		enum insn_id id;
	} rows[] = {{'f', INSN_f32_neg}, {'F', INSN_f64_neg}, {'v', INSN_v128_not}};
	if (letter == 'i' || letter == 'I') {
		put_insn_s(&g->code, letter == 'i' ? INSN_i32_const : INSN_i64_const, 5);
		put_insn(&g->code, letter == 'i' ? INSN_i32_rotr : INSN_i64_rotr);
	}
	for (uint32_t i = 0; i < COUNT(rows); i++)
		if (rows[i].letter == letter)
			put_insn(&g->code, rows[i].id);
}

static void put_get(struct gen *g, uint32_t depth)
{
	uint32_t type = any_gc_type(g);
	const char *fields = gc_types[type].fields;
	uint32_t field = source_choose(&g->s, (uint32_t)strlen(fields));
	char letter = fields[field];
	put_typed(g, type, depth);
	if (gc_types[type].is_array) {
		put_index(g, depth);
		put_insn_u(&g->code, getter(g, letter, INSN_array_get), type);
		pop(g, 1);
	} else {
		put_insn_u(&g->code, getter(g, letter, INSN_struct_get), type);
		bytes_u(&g->code, field);
	}
	pop(g, 1);
	push(g, unpacked(letter));
	if (source_once_in(&g->s, 2))
		put_read(g, unpacked(letter));
}

void put_node(struct gen *g)
{
	uint32_t chosen = source_choose(&g->s, GC_TYPES + 1);
	struct bytes *b = &g->code;
	for (uint32_t i = 0; i < GC_TYPES; i++) {
		if (i == chosen && !source_once_in(&g->s, 32)) {
			put_new(g, i, 1);
		} else {
			put_insn(b, INSN_ref_null);
			bytes_s(b, i);
			push(g, 'a');
		}
	}
	put_insn_s(b, INSN_i32_const, (int32_t)any_integer(g));
	put_insn(b, INSN_ref_i31);
	push(g, 'a');
	put_insn_u(b, INSN_struct_new, NODE);
	put_insn_u(b, INSN_struct_get, NODE);
	bytes_u(b, chosen);
	pop(g, GC_TYPES + 1);
	char letter = 'i';
	if (source_once_in(&g->s, 4))
		put_insn(b, INSN_ref_as_non_null);
	if (chosen == NODE_I31) {
		put_insn(b, source_once_in(&g->s, 2) ? INSN_i31_get_s : INSN_i31_get_u);
	} else if (gc_types[chosen].is_array) {
		put_insn(b, INSN_array_len);
	} else {
		const char *fields = gc_types[chosen].fields;
		uint32_t field = source_choose(&g->s, (uint32_t)strlen(fields));
		letter = fields[field];
		put_insn_u(b, getter(g, letter, INSN_struct_get), chosen);
		bytes_u(b, field);
	}
	push(g, unpacked(letter));
	if (source_once_in(&g->s, 2))
		put_read(g, unpacked(letter));
}

static void put_set(struct gen *g)
{
	uint32_t type = any_gc_type(g);
	const char *fields = gc_types[type].fields;
	uint32_t field = source_choose(&g->s, (uint32_t)strlen(fields));
	char letter = unpacked(fields[field]);
	put_typed(g, type, 1);
	if (gc_types[type].is_array) {
		put_index(g, 1);
		put_value(g, letter, 2);
		put_insn_u(&g->code, INSN_array_set, type);
		pop(g, 3);
	} else {
		put_value(g, letter, 2);
		put_insn_u(&g->code, INSN_struct_set, type);
		bytes_u(&g->code, field);
		pop(g, 2);
	}
}

static void put_array_bulk(struct gen *g)
{
	uint32_t type = any_array_type(g);
	char letter = gc_types[type].fields[0];
	put_typed(g, type, 1);
	put_index(g, 1);
	switch (source_choose(&g->s, 3)) {
	case 0:
		put_value(g, unpacked(letter), 1);
		put_i32(g, source_choose(&g->s, 4));
		put_insn_u(&g->code, INSN_array_fill, type);
		pop(g, 4);
		break;
	case 1:
		if (letter != 'a') {
			put_i32(g, source_choose(&g->s, 4));
			put_i32(g, source_choose(&g->s, 3));
			put_insn_u(&g->code, letter == 'c' ? INSN_array_init_elem : INSN_array_init_data, type);
			bytes_u(&g->code, 1);
			pop(g, 4);
			break;
		}
		__attribute__((fallthrough));
	default:
		put_typed(g, type, 1);
		put_index(g, 1);
		put_i32(g, source_choose(&g->s, 4));
		put_insn_u(&g->code, INSN_array_copy, type);
		bytes_u(&g->code, type);
		pop(g, 5);
		break;
	}
}

/* ---- values ---- */

void put_object(struct gen *g, uint32_t depth)
{
	switch (source_choose(&g->s, 6)) {
	case 0:
		put_value(g, 'i', depth);
		put_insn(&g->code, INSN_ref_i31);
		pop(g, 1);
		push(g, 'a');
		break;
	case 1:
		put_value(g, 'r', depth);
		put_insn(&g->code, INSN_any_convert_extern);
		pop(g, 1);
		push(g, 'a');
		break;
	default:
		put_new(g, any_gc_type(g), depth);
		break;
	}
}

static void put_i31_get(struct gen *g)
{
	uint32_t local;
	if (!find_local(g, 'a', &local))
		return;
	put_value(g, 'a', 1);
	assemble(&g->code,
	         "local.tee %u ref.test i31 if i32 local.get %u ref.cast i31 i31.get_%c else "
	         "i32.const -1 end",
	         local, local, source_once_in(&g->s, 2) ? 's' : 'u');
	pop(g, 1);
	push(g, 'i');
}

/* Of one that is there for sure, in a slot. */
static void put_sure_i31_get(struct gen *g)
{
	uint32_t local;
	if (!find_local(g, 'a', &local))
		return;
	put_value(g, 'i', 1);
	put_insn(&g->code, INSN_ref_i31);
	assemble(&g->code, "local.set %u local.get %u ref.cast i31 i31.get_%c", local, local,
	         source_once_in(&g->s, 2) ? 's' : 'u');
	if (source_once_in(&g->s, 2))
		put_read(g, 'i');
}

static void put_question(struct gen *g)
{
	static const char *const kinds[] = {"any", "eq", "i31", "struct", "array", "none"};
	uint32_t type = any_gc_type(g);
	switch (source_choose(&g->s, 7)) {
	case 5:
		put_sure_i31_get(g);
		return;
	case 6:
		put_object(g, 1);
		put_insn(&g->code, INSN_ref_as_non_null);
		return;
	case 0: /* of the same type, or the answer would always be no */
		put_typed(g, type, 1);
		put_typed(g, type, 1);
		put_insn(&g->code, INSN_ref_eq);
		pop(g, 2);
		break;
	case 1:
		put_typed(g, any_array_type(g), 1);
		put_insn(&g->code, INSN_array_len);
		pop(g, 1);
		push(g, 'i');
		if (source_once_in(&g->s, 2))
			put_read(g, 'i');
		return;
	case 2:
		put_i31_get(g);
		return;
	case 3:
		put_value(g, 'a', 2);
		assemble(&g->code, "ref.test %s", kinds[source_choose(&g->s, COUNT(kinds))]);
		pop(g, 1);
		break;
	default:
		put_value(g, 'a', 2);
		put_insn(&g->code, source_once_in(&g->s, 2) ? INSN_ref_test : INSN_ref_test_null);
		bytes_s(&g->code, type);
		pop(g, 1);
		break;
	}
	push(g, 'i');
}

void put_gc(struct gen *g)
{
	switch (source_choose(&g->s, 8)) {
	case 0:
	case 1:
		put_get(g, 2);
		break;
	case 2:
	case 3:
		put_set(g);
		break;
	case 4:
		put_array_bulk(g);
		break;
	case 5:
		put_question(g);
		break;
	case 6:
		put_value(g, 'a', 2);
		put_insn(&g->code, INSN_extern_convert_any);
		pop(g, 1);
		push(g, 'r');
		break;
	default:
		if (source_once_in(&g->s, 2))
			put_node(g);
		else
			put_object(g, 2);
		break;
	}
}

/* ---- branches ---- */

/* What a branch takes may have come from nowhere in dead code, but now it is there. */
static void fall_through(struct gen *g, const char *letters, uint32_t count)
{
	if (operands(g) >= count)
		return;
	g->height = top(g)->height;
	for (uint32_t i = 0; i < count; i++)
		push(g, letters[i]);
}

/* A label whose last type is a reference of the hierarchy of any; false: there is none. */
static bool find_label(struct gen *g, uint32_t *out)
{
	uint32_t start = source_choose(&g->s, g->control_count);
	for (uint32_t i = 0; i < g->control_count; i++) {
		*out = (start + i) % g->control_count;
		const char *letters = label_letters(g, *out);
		size_t count = strlen(letters);
		if (count > 0 && letters[count - 1] == 'a')
			return true;
	}
	return false;
}

void put_br_on(struct gen *g)
{
	char letters[LETTERS_MAX + 1];
	uint32_t label, type = any_gc_type(g);
	if (source_once_in(&g->s, 2) || !find_label(g, &label)) {
		label = source_choose(&g->s, g->control_count);
		strcpy(letters, label_letters(g, label));
		strcat(letters, (const char[]){"arcx"[source_choose(&g->s, 4)], '\0'});
		want(g, letters, 1);
		put_insn_u(&g->code, INSN_br_on_null, label);
		fall_through(g, letters, (uint32_t)strlen(letters));
		return;
	}
	strcpy(letters, label_letters(g, label));
	uint32_t count = (uint32_t)strlen(letters);
	want(g, letters, 1);
	if (source_once_in(&g->s, 3)) {
		put_insn_u(&g->code, INSN_br_on_non_null, label);
		pop(g, 1);
		fall_through(g, letters, count - 1);
		return;
	}
	put_insn(&g->code, source_once_in(&g->s, 2) ? INSN_br_on_cast : INSN_br_on_cast_fail);
	/* From anyref to a nullable or another one. */
	bytes_byte(&g->code, source_once_in(&g->s, 2) ? 3 : 1);
	bytes_u(&g->code, label);
	bytes_byte(&g->code, type_code('a'));
	bytes_s(&g->code, type);
	fall_through(g, letters, count);
}
