/* interp/lower_fuse.c: every pair of operations that can become one gives what the two give. */
#include "tests/interp/modes.h"
#include "tests/interp/operands.h"

static const struct {
	const char *type, *second, *first;
	char form;
} pairs[] = {
#define FUSE_K(t, second, first) {#t, #second, #first, 'K'},
#define FUSE_X(t, second, first) {#t, #second, #first, 'X'},
#define FUSE_M(t, second, first) {#t, #second, #first, 'M'},
#define FUSE_S(t, second, first) {#t, #second, #first, 'S'},
#define FUSE_L(t, second, load) {#t, #second, #load, 'L'},
#include "interp/op_fused.def"
};
#define PAIRS (sizeof pairs / sizeof *pairs)

/* What computes the operand that `first` gives: its own operands are parameter 0, as it stands or
 * computed, and 1 or a number. */
static void put_first(char *out, size_t size, size_t pair, char letter, unsigned way)
{
	char x[80], again[80];
	const char *t = pairs[pair].type;
	compute(again, sizeof again, letter, 0);
	snprintf(x, sizeof x, "%s", way % 2 == 0 ? "local.get 0 " : again);
	switch (pairs[pair].form) {
	case 'K':
	case 'X':
		/* The second number fits into 32 bits for no i64. */
		snprintf(out, size, "%s%s.const %s %s.%s ", x, t,
		         way / 2 == 0    ? "13"
		         : letter == 'I' ? "0x123456789a"
		                         : "-5",
		         t, pairs[pair].first);
		break;
	case 'L':
		snprintf(out, size, "local.get 2 %s%s.%s%s ", way % 2 == 0 ? "" : "i32.const 5 i32.add ", t,
		         pairs[pair].first, way / 2 == 0 ? "" : " offset=3");
		break;
	default:
		snprintf(out, size, "%slocal.get %u %s.%s ", x, way / 2, t, pairs[pair].first);
		break;
	}
}

static void add_pairs(struct builder *b, size_t pair)
{
	const char *t = pairs[pair].type;
	char letter = t[0] == 'i' ? t[1] == '3' ? 'i' : 'I' : t[1] == '3' ? 'f' : 'F';
	const char *second = strcmp(pairs[pair].second, "rsub") == 0 ? "sub" : pairs[pair].second;
	char signature[8], locals[8];
	snprintf(signature, sizeof signature, "%c%c_%c", letter, letter, letter);
	snprintf(locals, sizeof locals, "i%c%c", letter, letter);
	for (unsigned way = 0; way < 4; way++) {
		for (unsigned source = 0; source < SOURCES; source++) {
			char first[200], other[200], text[900];
			put_first(first, sizeof first, pair, letter, way);
			put_operand(other, sizeof other, source, letter, 1, 3);
			for (unsigned order = 0; order < 4; order++) {
				bool is_left = order % 2 == 1;
				snprintf(text, sizeof text, "i32.const 7 local.set 2 %s%s%s.%s %s",
				         is_left ? first : other, is_left ? other : first, t, second,
				         order / 2 == 0 ? "" : "local.set 4 local.get 4");
				builder_add(b, signature, locals, text);
			}
		}
	}
}

static void test_pairs(void **state)
{
	(void)state;
	for (size_t pair = 0; pair < PAIRS; pair++) {
		struct builder *b = builder_create();
		wasm_memory(&b->w, 1, 1);
		wasm_data(&b->w, 0, "some bytes that loads find: \x80\xff\x01\x7f", 32);
		add_pairs(b, pair);
		builder_run(b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_pairs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
