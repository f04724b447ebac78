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
#define FUSE_C(t, second, first) {#t, #second, #first, 'C'},
#define FUSE_LL(t, second, load) {#t, #second, #load, '2'},
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
	case '2':
		snprintf(out, size, "local.get 2 %s%s.%s%s ", way % 2 == 0 ? "" : "i32.const 5 i32.add ", t,
		         pairs[pair].first, way / 2 == 0 ? "" : " offset=3");
		break;
	default:
		snprintf(out, size, "%slocal.get %u %s.%s ", x, way / 2, t, pairs[pair].first);
		break;
	}
}

/* The second of two loads takes 16 bits. */
static const char *const load_offsets[] = {"", "offset=9", "offset=65528", "offset=65536"};

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
			if (pairs[pair].form == '2')
				snprintf(other, sizeof other, "local.get 2 %s%s.load %s ",
				         source % 2 == 0 ? "" : "i32.const 66 i32.add ", t,
				         load_offsets[source / 2 % 4]);
			else
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

/* Makes a number of the vector on top, by local 4. */
#define BOTH_HALVES                                                                                \
	" local.tee 4 i64x2.extract_lane 0 i64.const 31 i64.mul "                                      \
	"local.get 4 i64x2.extract_lane 1 i64.xor"

/* ---- vectors: parameters 0 and 1, an address in local 2, scratch in 3 to 5 ---- */

static const struct {
	const char *third, *second, *load; /* third NULL: there is none */
} vectors[] = {
#define FUSE_V_LOADS(second, load) {NULL, #second, #load},
#define FUSE_V_SUM(third, second) {#third, #second, "v128_load"},
#include "interp/op_fused.def"
};

/* A name of op_simd.def as a mnemonic, with a blank. */
static void put_name(char *out, size_t size, const char *name)
{
	snprintf(out, size, "%s ", name);
	*strchr(out, '_') = '.';
}

/* The end of the text: the vector on top as a number, in which NaNs do not show, taken from where
 * the operation left it, or from another local. */
static void put_number(char *out, size_t size, const char *name, bool from_local)
{
	const char *type = strncmp(name, "f32x4", 5) == 0   ? "f32x4"
	                   : strncmp(name, "f64x2", 5) == 0 ? "f64x2"
	                                                    : NULL;
	char numbers[100] = "";
	if (type != NULL)
		snprintf(numbers, sizeof numbers, "local.tee 4 local.get 4 local.get 4 %s.eq v128.and",
		         type);
	snprintf(out, size, "%s%s" BOTH_HALVES, from_local ? "local.set 5 local.get 5 " : "", numbers);
}

/* From local 2, in one of four ways: plain, a sum, an offset, both. */
static void put_load(char *out, size_t size, const char *load, unsigned way, unsigned offset)
{
	char name[40];
	put_name(name, sizeof name, load);
	snprintf(out, size, "local.get 2 %s%soffset=%u ", way % 2 == 0 ? "" : "i32.const 66 i32.add ",
	         name, way / 2 == 0 ? 0 : offset);
}

/* The second's operands: none, one or two of them loads. */
static void put_two(char *out, size_t size, size_t row, unsigned loads, unsigned way)
{
	char x[200], y[200];
	/* The last bytes of memory, and some beyond it. */
	static const unsigned offsets[] = {9, 65512, 65536};
	put_load(y, sizeof y, vectors[row].load, way % 4, offsets[way % 3]);
	if (loads == 2)
		put_load(x, sizeof x, vectors[row].load, way / 4, offsets[way / 4 % 3]);
	else
		put_operand(x, sizeof x, (enum source)(way / 4 % SOURCES), 'v', 0, 3);
	if (loads == 0)
		put_operand(y, sizeof y, (enum source)(way % SOURCES), 'v', 1, 3);
	bool is_turned = loads != 2 && way % 2 == 1;
	snprintf(out, size, "%s%s", is_turned ? y : x, is_turned ? x : y);
}

static void add_vectors(struct builder *b, size_t row)
{
	char second[60], third[60] = "", end[300];
	put_name(second, sizeof second, vectors[row].second);
	bool is_sum = vectors[row].third != NULL;
	if (is_sum)
		put_name(third, sizeof third, vectors[row].third);
	for (unsigned loads = is_sum ? 0 : 1; loads <= 2; loads++) {
		for (unsigned way = 0; way < 4 * SOURCES; way++) {
			char two[500], x[200], text[1500];
			put_two(two, sizeof two, row, loads, way % (loads == 2 ? 16 : 32));
			put_number(end, sizeof end, is_sum ? third : second, way % 2 == 0);
			for (unsigned source = 0; source < (is_sum ? SOURCES : 1); source++) {
				put_operand(x, sizeof x, (enum source)source, 'v', 1, 3);
				bool is_left = (way / 16 + way + source) % 2 == 0;
				snprintf(text, sizeof text, "i32.const 7 local.set 2 %s%s%s%s%s%s",
				         is_sum && is_left ? x : "", two, second, is_sum && !is_left ? x : "",
				         is_sum ? third : "", end);
				builder_add(b, "vv_I", "ivvv", text);
			}
		}
	}
}

static void test_vectors(void **state)
{
	static const char bytes[] = "some bytes that loads find: \x80\xff\x01\x7f and more of them "
	                            "behind these, so that vectors are full of lanes";
	(void)state;
	for (size_t row = 0; row < sizeof vectors / sizeof *vectors; row++) {
		struct builder *b = builder_create();
		wasm_memory(&b->w, 1, 1);
		wasm_data(&b->w, 0, bytes, sizeof bytes - 1);
		add_vectors(b, row);
		builder_run(b);
	}
}

/* Sums over memory, in loops as compilers make them: the accumulator is a local, and from the
 * second of a row of sums on it is in its register. */
static const char *const loops[] = {
    "local.get 3 local.get 2 v128.load local.get 2 v128.load offset=32 f32x4.mul f32x4.add "
    "local.set 3 ",
    "local.get 3 local.get 2 i32.const 8 i32.add v128.load local.get 2 v128.load offset=100000 "
    "f64x2.mul f64x2.add local.get 2 v128.load offset=16 local.get 2 v128.load offset=32 f64x2.mul "
    "f64x2.add local.set 3 ",
    "local.get 2 v128.load local.get 2 v128.load offset=32 i32x4.dot_i16x8_s "
    "local.get 2 v128.load offset=16 local.get 2 v128.load offset=48 i32x4.dot_i16x8_s "
    "local.get 3 i32x4.add i32x4.add local.set 3 ",
    "local.get 2 v128.load offset=256 local.get 0 local.get 2 v128.load f32x4.mul f32x4.add "
    "local.set 4 local.get 2 local.get 4 v128.store offset=256 "
    "local.get 3 local.get 4 i32x4.add local.set 3 ",
    "local.get 3 local.get 3 local.get 2 v128.load f32x4.mul f32x4.sub local.set 3 ",
    "local.get 3 local.get 2 v128.load8x8_u local.get 2 v128.load8x8_u offset=1 i16x8.add "
    "i16x8.add "
    "local.get 2 v128.load8x8_u offset=2 i16x8.add local.set 3 ",
};

static void test_loops_over_vectors(void **state)
{
	(void)state;
	struct builder *b = builder_create();
	wasm_memory(&b->w, 2, 2);
	uint8_t bytes[512];
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(i * 37 + (i % 4 == 3 ? 0x40 - i * 37 : 0));
	wasm_data(&b->w, 0, bytes, sizeof bytes);
	wasm_data(&b->w, 100000, bytes, sizeof bytes);
	for (size_t i = 0; i < sizeof loops / sizeof *loops; i++) {
		char text[1500], end[300];
		put_number(end, sizeof end, i == 1 ? "f64x2" : "f32x4", false);
		snprintf(text, sizeof text,
		         "local.get 1 local.set 3 loop %s local.get 2 i32.const 16 i32.add local.tee 2 "
		         "i32.const 192 i32.lt_u br_if 0 end local.get 3 %s",
		         loops[i], end);
		builder_add(b, "vv_I", "ivvv", text);
	}
	builder_run(b);
}

/* From address 8 on: the next node, and what is another list at offset 4. */
static const uint32_t nodes[][2] = {{24, 40}, {32, 48}, {40, 64}, {0, 7}, {16, 16}, {0, 24}};

/* Their values go into a sum; parameter 0 says where they start. */
static const char *const walks[] = {
    "loop local.get 3 i32.const 31 i32.mul local.get 2 i32.load offset=4 i32.add local.set 3 "
    "local.get 2 i32.load local.tee 2 br_if 0 end local.get 3",
    "block loop local.get 3 i32.const 31 i32.mul local.get 2 i32.load offset=4 i32.add local.set 3 "
    "local.get 2 i32.load local.tee 2 i32.eqz br_if 1 br 0 end end local.get 3",
    "loop local.get 3 local.get 2 i32.add local.set 3 local.get 2 i32.load offset=4 local.set 2 "
    "local.get 2 i32.const 64 i32.lt_u br_if 0 end local.get 3",
    /* two at a time: neither finds what it loaded before */
    "i32.const 8 local.set 4 loop local.get 3 i32.const 31 i32.mul local.get 2 i32.add "
    "local.get 4 i32.sub local.set 3 local.get 2 i32.load local.set 2 "
    "local.get 4 i32.load local.tee 4 br_if 0 end local.get 3",
    /* the local is set otherwise between */
    "loop local.get 2 i32.load local.set 2 local.get 3 local.get 2 i32.add local.set 3 "
    "local.get 2 i32.const 56 i32.and local.set 2 local.get 2 i32.load local.tee 2 br_if 0 end "
    "local.get 3 local.get 2 i32.sub",
    /* the last step is out of bounds */
    "local.get 2 i32.load local.tee 2 i32.load local.set 2 local.get 2 i32.load offset=65530 "
    "local.set 2 local.get 2",
};

static void test_steps_along_lists(void **state)
{
	(void)state;
	struct builder *b = builder_create();
	wasm_memory(&b->w, 1, 1);
	wasm_data(&b->w, 8, nodes, sizeof nodes);
	for (size_t i = 0; i < sizeof walks / sizeof *walks; i++) {
		char text[600];
		snprintf(text, sizeof text,
		         "local.get 0 i32.const 8 i32.and i32.const 8 i32.add local.set 2 %s", walks[i]);
		builder_add(b, "ii_i", "iii", text);
	}
	builder_run(b);
}

/* A sum is put into a local and is an address: both are seen. */
static void test_kept_sums(void **state)
{
	static const char *const sums[] = {"local.get 2 i32.const 5 i32.add local.tee 3",
	                                   "local.get 2 i32.const -3 i32.add local.tee 2",
	                                   "local.get 2 i32.const 65528 i32.add local.tee 2",
	                                   "local.get 0 i32.const 1 i32.add local.tee 3"};
	static const char *const offsets[] = {"", "offset=65535", "offset=65536"};
	(void)state;
	struct builder *b = builder_create();
	wasm_memory(&b->w, 2, 2);
	wasm_data(&b->w, 0, "some bytes that loads find: \x80\xff\x01\x7f", 32);
	unsigned loads = 0;
	for (unsigned i = 0; i < INSN_COUNT; i++) {
		const struct signature *sig = &signatures[insns[i].signature];
		if (insns[i].immediate != IMM_MEMARG || insns[i].feature == FEATURE_THREADS ||
		    sig->result_count != 1)
			continue;
		loads++;
		for (size_t j = 0; j < sizeof sums / sizeof *sums * (sizeof offsets / sizeof *offsets);
		     j++) {
			static const char letters[] = {
			    [SIG_I32] = 'i', [SIG_I64] = 'I', [SIG_F32] = 'f', [SIG_F64] = 'F'};
			bool is_vector = sig->results[0] == SIG_V128;
			char text[400], signature[8];
			snprintf(text, sizeof text, "local.get 0 i32.const 15 i32.and local.set 2 %s %s %s%s",
			         sums[j / 3], insns[i].mnemonic, offsets[j % 3], is_vector ? BOTH_HALVES : "");
			snprintf(signature, sizeof signature, "i_%c",
			         is_vector ? 'I' : letters[sig->results[0]]);
			builder_add(b, signature, "iiiv", text);
			strcat(text, " drop local.get 2 local.get 3 i32.xor");
			builder_add(b, "i_i", "iiiv", text);
		}
	}
	assert_int_equal(loads, 27);
	builder_run(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_pairs),
	    cmocka_unit_test(test_vectors),
	    cmocka_unit_test(test_loops_over_vectors),
	    cmocka_unit_test(test_steps_along_lists),
	    cmocka_unit_test(test_kept_sums),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
