/* validator/insn.def: every column of every row. That no two rows share an opcode is the compiler's
 * work: expanded into a switch below, a duplicate does not compile. */
#include "tests/validator/load.h"

#include "validator/insn.h"

#include <ctype.h>

static const char *const ids[INSN_COUNT] = {
#define INSN(id, prefix, code, mnemonic, immediate, signature, align, feature) [INSN_##id] = #id,
#include "validator/insn.def"
};
static const char *const sigs[INSN_COUNT] = {
#define INSN(id, prefix, code, mnemonic, immediate, signature, align, feature)                     \
	[INSN_##id] = #signature,
#include "validator/insn.def"
};

static enum insn_id by_switch(uint32_t opcode)
{
	switch (opcode) {
#define INSN(id, prefix, code, mnemonic, immediate, signature, align, feature)                     \
	case (prefix) << 16 | (code):                                                                  \
		return INSN_##id;
#include "validator/insn.def"
	default:
		return INSN_COUNT;
	}
}

#define EACH(i) for (unsigned i = 0; i < INSN_COUNT; i++)

static void test_found_by_code(void **state)
{
	(void)state;
	EACH(i)
	assert_int_equal(insn_find(insns[i].prefix, insns[i].code), i);
	/* And nothing else is found. */
	for (unsigned prefix = 0; prefix < 256; prefix++)
		for (uint32_t code = 0; code < 0x400; code++)
			assert_int_equal(insn_find(prefix, code), by_switch(prefix << 16 | code));
	assert_int_equal(insn_find(0xfc, UINT32_MAX), INSN_COUNT);
	assert_int_equal(insn_find(0xfd, 0x10000), INSN_COUNT);
}

static void test_prefixes(void **state)
{
	(void)state;
	EACH(i)
	{
		assert_true(insns[i].prefix == 0 || insn_is_prefix(insns[i].prefix));
		/* A prefix byte is no instruction itself. */
		assert_false(insns[i].prefix == 0 && insn_is_prefix((uint8_t)insns[i].code));
		assert_true(insns[i].prefix != 0 || insns[i].code < 256);
	}
}

/* The specification's mnemonic: lower-case words, digits, dots and underscores; GC has a few with
 * " null" behind. The id is the same with underscores. */
static void test_mnemonics(void **state)
{
	(void)state;
	EACH(i)
	{
		const char *mnemonic = insns[i].mnemonic;
		char id[64];
		size_t len = strlen(mnemonic);
		assert_true(len > 0 && len < sizeof id);
		assert_true(islower((unsigned char)mnemonic[0]));
		for (size_t j = 0; j <= len; j++) {
			char c = mnemonic[j];
			assert_true(c == '\0' || islower((unsigned char)c) || isdigit((unsigned char)c) ||
			            c == '.' || c == '_' || c == ' ');
			id[j] = c == '.' || c == ' ' ? '_' : c;
		}
		if (i != INSN_select_t)
			assert_string_equal(id, ids[i]);
		for (unsigned j = 0; j < i; j++)
			if (!(j == INSN_select && i == INSN_select_t))
				assert_string_not_equal(mnemonic, insns[j].mnemonic);
	}
}

/* The letters of a row's signature, as the specification's mnemonics imply them. */
static char letter_of_prefix(const char *mnemonic)
{
	static const struct {
		const char *prefix;
		char letter;
	} prefixes[] = {{"i32.", 'i'},   {"i64.", 'I'},   {"f32.", 'f'},   {"f64.", 'F'},
	                {"v128.", 'v'},  {"i8x16.", 'v'}, {"i16x8.", 'v'}, {"i32x4.", 'v'},
	                {"i64x2.", 'v'}, {"f32x4.", 'v'}, {"f64x2.", 'v'}};
	for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
		if (strncmp(mnemonic, prefixes[i].prefix, strlen(prefixes[i].prefix)) == 0)
			return prefixes[i].letter;
	return '\0';
}

static bool has(const char *mnemonic, const char *part)
{
	return strstr(mnemonic, part) != NULL;
}

/* The type that a conversion's name ends in: "i64.extend_i32_s" takes an i32. */
static char letter_of_source(const char *mnemonic)
{
	static const char *const sources[] = {"_i32", "_i64", "_f32", "_f64"};
	for (int i = 0; i < 4; i++) {
		const char *at = strstr(mnemonic, sources[i]);
		if (at != NULL && (at[4] == '\0' || at[4] == '_'))
			return "iIfF"[i];
	}
	return '\0';
}

static void test_signatures(void **state)
{
	(void)state;
	EACH(i)
	{
		const char *mnemonic = insns[i].mnemonic, *sig = sigs[i];
		if (strcmp(sig, "HAND") == 0) {
			assert_int_equal(insns[i].signature, SIG_HAND_);
			continue;
		}
		const char *results = strchr(sig, '_');
		assert_non_null(results);
		size_t params = (size_t)(results++ - sig);

		/* The struct that the validator uses says the same as the letters. */
		static const char kinds[] = {[SIG_I32] = 'i', [SIG_I64] = 'I',  [SIG_F32] = 'f',
		                             [SIG_F64] = 'F', [SIG_V128] = 'v', [SIG_ADDRESS] = 'a'};
		const struct signature *s = &signatures[insns[i].signature];
		assert_int_equal(s->param_count, params);
		assert_int_equal(s->result_count, strlen(results));
		for (size_t j = 0; j < params; j++)
			assert_int_equal(kinds[s->params[j]], sig[j]);
		for (size_t j = 0; j < strlen(results); j++)
			assert_int_equal(kinds[s->results[j]], results[j]);

		/* Memory accesses begin with an address, others have none. */
		bool accesses = insns[i].immediate == IMM_MEMARG || insns[i].immediate == IMM_MEMARG_LANE;
		bool sizes = i == INSN_memory_size || i == INSN_memory_grow;
		assert_int_equal(strchr(sig, 'a') != NULL, accesses ? i != INSN_atomic_fence : sizes);
		if (accesses && params > 0)
			assert_int_equal(sig[0], 'a');

		char letter = letter_of_prefix(mnemonic), source = letter_of_source(mnemonic);
		if (letter == '\0')
			continue;
		bool tests = has(mnemonic, "eqz") || has(mnemonic, "all_true") ||
		             has(mnemonic, "any_true") || has(mnemonic, "bitmask");
		bool compares = letter != 'v' &&
		                (has(mnemonic, ".eq") || has(mnemonic, ".ne") || has(mnemonic, ".lt") ||
		                 has(mnemonic, ".gt") || has(mnemonic, ".le") || has(mnemonic, ".ge")) &&
		                !has(mnemonic, ".neg") && !has(mnemonic, ".nearest");
		if (has(mnemonic, "store") && !has(mnemonic, "rmw")) {
			assert_string_equal(results, "");
			assert_int_equal(sig[1], letter);
		} else if (tests || compares) {
			assert_string_equal(results, "i");
			assert_int_equal(sig[0], letter);
		} else if (!has(mnemonic, "extract_lane")) {
			/* All else leaves what its name begins with. */
			assert_true(strlen(results) > 0);
			assert_int_equal(results[0], letter);
		} else {
			assert_int_equal(sig[0], 'v');
		}
		if (letter != 'v' && source != '\0' && !accesses) {
			assert_int_equal(params, 1);
			assert_int_equal(sig[0], source);
		}
	}
}

/* The width of a memory access, from the digits of its mnemonic. */
static unsigned width_of(const char *mnemonic)
{
	const char *at = strstr(mnemonic, "load");
	if (at == NULL)
		at = strstr(mnemonic, "store");
	if (at == NULL)
		at = strstr(mnemonic, "rmw");
	if (at == NULL)
		at = strstr(mnemonic, "wait");
	if (at == NULL)
		return 4; /* memory.atomic.notify */
	while (*at != '\0' && !isdigit((unsigned char)*at) && *at != '.')
		at++;
	if (isdigit((unsigned char)*at)) {
		char *end;
		unsigned bits = (unsigned)strtoul(at, &end, 10);
		if (*end == 'x')
			bits *= (unsigned)strtoul(end + 1, NULL, 10);
		return bits / 8;
	}
	switch (mnemonic[0]) {
	case 'v':
		return 16;
	default:
		return mnemonic[1] == '3' ? 4 : 8;
	}
}

static void test_alignments(void **state)
{
	(void)state;
	EACH(i)
	{
		bool accesses = insns[i].immediate == IMM_MEMARG || insns[i].immediate == IMM_MEMARG_LANE;
		if (insns[i].immediate == IMM_LANE)
			assert_int_equal(8u << insns[i].align, strtoul(insns[i].mnemonic + 1, NULL, 10));
		else if (!accesses)
			assert_int_equal(insns[i].align, 0);
		else if (1u << insns[i].align != width_of(insns[i].mnemonic))
			fail_msg("%s: alignment 2^%u", insns[i].mnemonic, insns[i].align);
	}
}

static void test_features(void **state)
{
	(void)state;
	EACH(i)
	{
		assert_in_range(insns[i].feature, 0, FEATURE_COUNT - 1);
		bool vector = insns[i].prefix == 0xfd;
		assert_int_equal(vector, insns[i].feature == FEATURE_SIMD ||
		                             insns[i].feature == FEATURE_RELAXED_SIMD);
		assert_int_equal(insns[i].prefix == 0xfe, insns[i].feature == FEATURE_THREADS);
		assert_int_equal(strstr(insns[i].mnemonic, "relaxed") != NULL,
		                 insns[i].feature == FEATURE_RELAXED_SIMD);
		if (insns[i].prefix == 0xfb)
			assert_int_equal(insns[i].feature, FEATURE_GC);
		assert_int_equal(strstr(insns[i].mnemonic, "trunc_sat") != NULL && insns[i].prefix == 0xfc,
		                 insns[i].feature == FEATURE_SATURATING);
	}
	for (unsigned i = 0; i < FEATURE_COUNT; i++)
		assert_int_equal(feature_find(feature_name((enum feature)i)), i);
	assert_int_equal(feature_find("no-such-feature"), FEATURE_COUNT);
}

/* What is listed but not implemented is refused at load by name and offset; what is implemented is
 * known to the validator, so that no row ends in its abort(). */
static void test_each_is_refused_or_known(void **state)
{
	(void)state;
	EACH(i)
	{
		struct bytes body = {0};
		wasm_locals(&body, "");
		put_insn(&body, INSN_nop);
		put_insn(&body, (enum insn_id)i);
		for (int j = 0; j < 20; j++)
			bytes_byte(&body, 0);
		struct wasm w = {0};
		wasm_memory(&w, 1, 1);
		wasm_func_body(&w, wasm_type(&w, "_"), &body);
		struct error err = finish_and_load(&w);
		bool implemented = (FEATURES_IMPLEMENTED & FEATURES_DEFAULT) >> insns[i].feature & 1;
		assert_int_not_equal(err.kind, ERROR_NONE);
		if (implemented) {
			/* Its immediates may well need another feature. */
			if (err.kind == ERROR_UNSUPPORTED)
				assert_string_not_equal(err.feature, feature_name((enum feature)insns[i].feature));
			continue;
		}
		assert_error(&err, ERROR_UNSUPPORTED, insns[i].mnemonic);
		assert_string_equal(err.feature, feature_name((enum feature)insns[i].feature));
		assert_non_null(strstr(err.message, err.feature));
		assert_int_equal(err.func, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_found_by_code),
	    cmocka_unit_test(test_prefixes),
	    cmocka_unit_test(test_mnemonics),
	    cmocka_unit_test(test_signatures),
	    cmocka_unit_test(test_alignments),
	    cmocka_unit_test(test_features),
	    cmocka_unit_test(test_each_is_refused_or_known),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
