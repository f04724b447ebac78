/* Constants, locals and globals as values. */
#include "tests/fuzz/generator.h"

#include <string.h>

static const uint64_t odd_numbers[] = {0,
                                       1,
                                       2,
                                       3,
                                       7,
                                       8,
                                       31,
                                       32,
                                       63,
                                       64,
                                       127,
                                       128,
                                       255,
                                       256,
                                       0xfff,
                                       0x7fff,
                                       0x8000,
                                       0xffff,
                                       0x10000,
                                       0x7fffffff,
                                       0x80000000,
                                       0xffffffff,
                                       UINT64_C(0x100000000),
                                       INT64_MAX,
                                       UINT64_C(1) << 63,
                                       (uint64_t)-1,
                                       (uint64_t)-2,
                                       (uint64_t)-128,
                                       (uint64_t)-129,
                                       (uint64_t)-65536};
static const double odd_floats[] = {0.0,
                                    -0.0,
                                    1.0,
                                    -1.0,
                                    0.5,
                                    1.5,
                                    2147483647,
                                    2147483648.,
                                    -2147483649.,
                                    4294967295.,
                                    4294967296.,
                                    1e10,
                                    9.2e18,
                                    -9.3e18,
                                    1.8e19,
                                    1e38,
                                    1e300,
                                    -1e-310,
                                    5e-324,
                                    3.5,
                                    1e-40,
                                    __builtin_inf(),
                                    -__builtin_inf(),
                                    __builtin_nan("")};

uint64_t any_integer(struct gen *g)
{
	if (source_once_in(&g->s, 3))
		return source_bits(&g->s, 1 + source_choose(&g->s, 8));
	return odd_numbers[source_choose(&g->s, COUNT(odd_numbers))];
}

static double any_float(struct gen *g)
{
	if (source_once_in(&g->s, 4))
		return (double)(int64_t)source_bits(&g->s, 2) / 16 - 1000;
	return odd_floats[source_choose(&g->s, COUNT(odd_floats))];
}

void put_const(struct gen *g, char letter)
{
	struct bytes *b = &g->code;
	switch (letter) {
	case 'i':
		put_insn_s(b, INSN_i32_const, (int32_t)any_integer(g));
		break;
	case 'I':
		put_insn_s(b, INSN_i64_const, (int64_t)any_integer(g));
		break;
	case 'f': {
		float value = (float)any_float(g);
		put_insn(b, INSN_f32_const);
		bytes_put(b, &value, sizeof value);
		break;
	}
	case 'F': {
		double value = any_float(g);
		put_insn(b, INSN_f64_const);
		bytes_put(b, &value, sizeof value);
		break;
	}
	case 'v': {
		uint64_t halves[2] = {any_integer(g), any_integer(g)};
		put_insn(b, INSN_v128_const);
		bytes_put(b, halves, sizeof halves);
		break;
	}
	case 'c':
		/* Functions are declared by the table's segment, imported ones by a segment of their own.
		 */
		if (source_once_in(&g->s, 2)) {
			put_insn_u(b, INSN_ref_func, source_choose(&g->s, g->func_count));
			break;
		}
		put_insn(b, INSN_ref_null);
		bytes_byte(b, type_code('c'));
		break;
	case 'a':
		if (source_once_in(&g->s, 2)) {
			put_insn_s(b, INSN_i32_const, (int32_t)any_integer(g));
			put_insn(b, INSN_ref_i31);
			break;
		}
		__attribute__((fallthrough));
	default:
		put_insn(b, INSN_ref_null);
		bytes_byte(b, type_code(letter));
		break;
	}
}

/* One of the locals (or globals) of this type; false when there is none. */
static bool find_letter(struct gen *g, const char *letters, uint32_t count, char letter,
                        uint32_t *out)
{
	uint32_t start = source_choose(&g->s, count);
	for (uint32_t i = 0; i < count; i++) {
		*out = (start + i) % count;
		if (letters[*out] == letter)
			return true;
	}
	return false;
}

bool find_local(struct gen *g, char letter, uint32_t *out)
{
	return find_letter(g, g->locals, g->local_count, letter, out);
}

bool has_local(const struct gen *g, char letter)
{
	return memchr(g->locals, letter, g->local_count) != NULL;
}

bool find_global(struct gen *g, char letter, uint32_t *out)
{
	return find_letter(g, g->globals, g->global_count, letter, out) && *out != g->fuel;
}

void put_leaf(struct gen *g, char letter)
{
	uint32_t index;
	switch (source_choose(&g->s, 6)) {
	case 1:
	case 2:
	case 3:
		if (find_local(g, letter, &index)) {
			put_insn_u(&g->code, INSN_local_get, index);
			break;
		}
		put_const(g, letter);
		break;
	case 4:
		if (find_global(g, letter, &index)) {
			put_insn_u(&g->code, INSN_global_get, index);
			break;
		}
		put_const(g, letter);
		break;
	default:
		put_const(g, letter);
		break;
	}
	push(g, letter);
}
