/* interp/lower*.c: small functions for every way an operation can find its operands and leave its
 * result, enumerated from insn.def, give the same folded and unfolded. */
#include "tests/interp/modes.h"
#include "tests/interp/operands.h"

/* What happens to the result. %r is a local of its type, %t its type. */
static const struct {
	const char *text;
	bool only_i32;
} uses[] = {
    {"", false},
    {"local.set %r local.get %r", false},
    {"local.tee %r", false},
    {"local.tee %r drop local.get %r", false},
    {"local.set %r block br 0 end local.get %r", false},
    /* Kept below another value of its class. */
    {"local.get %r local.set %r", false},
    {"return", false},
    {"if i32 i32.const 11 else i32.const 12 end", true},
    {"i32.eqz if i32 i32.const 11 else i32.const 12 end", true},
    {"local.set %r block local.get %r br_if 0 i32.const 13 return end i32.const 14", true},
    {"if i32 i32.const 1 else i32.const 2 end i32.const 4 i32.shl", true},
    {"i32.eqz i32.eqz", true},
};
#define USES (sizeof uses / sizeof *uses)

static void put_use(char *out, size_t size, const char *text, unsigned local)
{
	size_t at = 0;
	for (; *text != '\0' && at + 12 < size; text++) {
		if (text[0] == '%') {
			at += (size_t)snprintf(out + at, size - at, "%u", local);
			text++;
		} else {
			out[at++] = *text;
		}
	}
	out[at] = '\0';
}

static char sig_letter(uint8_t kind)
{
	static const char letters[] = {[SIG_I32] = 'i', [SIG_I64] = 'I',  [SIG_F32] = 'f',
	                               [SIG_F64] = 'F', [SIG_V128] = 'v', [SIG_ADDRESS] = 'i'};
	return letters[kind];
}

/* Is it one that can be tried with values alone? */
static bool is_tried(unsigned i, char *params, char *result)
{
	const struct insn *insn = &insns[i];
	const struct signature *sig = &signatures[insn->signature];
	if (insn->signature == SIG_HAND_ || sig->param_count == 0 || sig->param_count > 2 ||
	    sig->result_count > 1 || i == INSN_memory_grow ||
	    (insn->immediate != IMM_NONE && insn->immediate != IMM_MEMARG) ||
	    !((FEATURES_IMPLEMENTED & FEATURES_DEFAULT) >> insn->feature & 1))
		return false;
	*result = sig->result_count == 1 ? sig_letter(sig->results[0]) : '\0';
	for (unsigned j = 0; j < sig->param_count; j++)
		params[j] = sig_letter(sig->params[j]);
	params[sig->param_count] = '\0';
	return strchr(params, 'v') == NULL && *result != 'v';
}

/* Locals: parameters 0 and 1, scratches of their types 2 and 3, one of the result's type 4. */
static void add_variants(struct builder *b, unsigned i, const char *params, char result)
{
	size_t count = strlen(params);
	bool is_access = insns[i].immediate == IMM_MEMARG;
	char x = params[0], y = count == 2 ? params[1] : 'i';
	for (unsigned sx = 0; sx < SOURCES; sx++) {
		for (unsigned sy = 0; sy < (count == 2 ? (unsigned)SOURCES : 1); sy++) {
			for (size_t u = 0; u < (result == '\0' ? 1 : USES); u++) {
				if (uses[u].only_i32 && result != 'i')
					continue;
				char first[200], second[200] = "", use[200], text[900], signature[8], locals[8];
				put_operand(first, sizeof first, sx, x, 0, 2);
				if (count == 2)
					put_operand(second, sizeof second, sy, y, 1, 3);
				put_use(use, sizeof use, uses[u].text, 4);
				/* What was stored is read again; addresses are near the start. */
				const char *mask =
				    is_access ? "local.get 0 i32.const 4095 i32.and local.set 0 " : "";
				snprintf(
				    text, sizeof text, "%s%s%s%s %s%s", mask, first, second, insns[i].mnemonic, use,
				    result == '\0' ? "local.get 0 i64.load local.get 0 i64.load offset=4 i64.xor"
				                   : "");
				snprintf(signature, sizeof signature, "%c%c_%c", x, y,
				         result == '\0' ? 'I' : result);
				snprintf(locals, sizeof locals, "%c%c%c", x, y, result == '\0' ? 'I' : result);
				builder_add(b, signature, locals, text);
			}
		}
	}
}

static void test_operations(void **state)
{
	(void)state;
	unsigned tried = 0;
	for (unsigned i = 0; i < INSN_COUNT; i++) {
		char params[8], result;
		if (!is_tried(i, params, &result))
			continue;
		tried++;
		struct builder *b = builder_create();
		wasm_memory(&b->w, 1, 1);
		wasm_data(&b->w, 0, "some bytes that loads find: \x80\xff\x01\x7f", 32);
		add_variants(b, i, params, result);
		builder_run(b);
	}
	assert_true(tried > 140);
}

/* The address is a sum whose operands stand in slots, of which the second is the one that belongs
 * to the value's height: a constant that no cell has room for may not be put there before it is
 * read. */
static void test_stored_constant_overwrites_no_operand_of_its_address(void **state)
{
	static const char *const addresses[] = {
	    "call 0 i32.add ",
	    "i32.const 1000 local.get 0 i32.const 31 i32.and local.get 1 i32.const 9 i32.xor local.set "
	    "2 i32.add ",
	    "local.get 0 i32.const 31 i32.and local.get 1 i32.const 31 i32.and local.get 1 i32.const 9 "
	    "i32.xor local.set 2 i32.add ",
	};
	static const char *const stores[] = {
	    "i32.const 100000 i32.store", "i32.const -40000 i32.store16 offset=4",
	    "i32.const 7 i32.store",      "i64.const 40000 i64.store",
	    "i64.const -7 i64.store",     "i64.const 0x123456789a i64.store32",
	    "f32.const 1.5 f32.store",    "f32.const 0 f32.store offset=4",
	    "f64.const 1.5 f64.store",    "f64.const -0.1 f64.store",
	};
	(void)state;
	struct builder *b = builder_create();
	wasm_memory(&b->w, 1, 1);
	builder_add(b, "_ii", "", "i32.const 1000 i32.const 24");
	for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
		for (size_t j = 0; j < sizeof stores / sizeof *stores; j++) {
			/* Read, cleared for the next round. */
			char text[900];
			snprintf(text, sizeof text,
			         "%s%s %si64.load %si64.load offset=4 i64.xor i32.const 0 i32.const 0 "
			         "i32.const 4096 memory.fill",
			         addresses[i], stores[j], addresses[i], addresses[i]);
			builder_add(b, "ii_I", "i", text);
		}
	}
	builder_run(b);
}

/* A declared local is 0 until it is written: only then, and in no loop, may a 0 that it is set to
 * go. */
static void test_a_local_set_to_zero_is_zero(void **state)
{
	static const char *const texts[] = {
	    "i32.const 0 local.set 2 local.get 2",
	    "i32.const 0 local.tee 2 local.get 2 i32.or",
	    "i32.const 5 local.set 2 i32.const 0 local.set 2 local.get 2",
	    "i32.const 0 local.set 2 i32.const 5 local.set 2 i32.const 0 local.set 2 local.get 2",
	    "i32.const 0 local.set 0 local.get 0",
	    "block local.get 0 br_if 0 i32.const 7 local.set 2 end i32.const 0 local.set 2 local.get 2",
	    "local.get 0 if i32.const 7 local.set 2 else i32.const 0 local.set 2 end local.get 2",
	    /* Four rounds, and what is written in one is there in the next. */
	    ("loop i32.const 0 local.set 2 local.get 2 local.get 4 i32.add local.get 1 i32.xor "
	     "local.set 4 i32.const 9 local.set 2 local.get 3 i32.const 1 i32.add local.tee 3 "
	     "i32.const 4 i32.lt_u br_if 0 end local.get 4"),
	    ("loop local.get 3 i32.const 1 i32.add local.tee 3 i32.const 4 i32.lt_u br_if 0 end "
	     "i32.const 0 local.set 3 i32.const 0 local.set 4 local.get 3 local.get 4 i32.or"),
	};
	(void)state;
	struct builder *b = builder_create();
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		builder_add(b, "ii_i", "iii", texts[i]);
	builder_add(b, "ii_f", "f", "f32.const -0 local.set 2 f32.const 1 local.get 2 f32.div");
	builder_add(b, "ii_F", "F", "f64.const 0 local.set 2 f64.const 1 local.get 2 f64.div");
	builder_run(b);
}

/* Hundreds of operands of all classes, settled by a call, a block and a branch. */
static void test_many_operands(void **state)
{
	(void)state;
	struct builder *b = builder_create();
	for (unsigned depth = 1; depth <= 300; depth += 13) {
		static const char *const pushes[] = {"local.get 0 ", "i32.const 3 ",
		                                     "local.get 1 i32.const 1 i32.add ",
		                                     "local.get 0 local.tee 2 "};
		char text[20000] = "";
		for (unsigned i = 0; i <= depth; i++)
			strcat(text, pushes[i % 4]);
		strcat(text, "block local.get 1 br_if 0 i32.const 8 local.set 0 end ");
		for (unsigned i = 0; i < depth; i++)
			strcat(text, i % 2 == 0 ? "i32.sub " : "i32.xor ");
		builder_add(b, "ii_i", "i", text);
	}
	builder_run(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_operations),
	    cmocka_unit_test(test_stored_constant_overwrites_no_operand_of_its_address),
	    cmocka_unit_test(test_a_local_set_to_zero_is_zero),
	    cmocka_unit_test(test_many_operands),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
