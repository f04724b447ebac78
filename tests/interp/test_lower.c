/* interp/lower*.c: small functions for every way an operation can find its operands and leave its
 * result, enumerated from insn.def, give the same folded and unfolded. */
#include "tests/interp/fixture.h"
#include "interp/runtime.h"
#include "validator/body.h"
#include "validator/hints.h"

/* ---- comparing modes ---- */

#define RESULTS_MAX 8

struct outcome {
	enum trap trap;
	uint64_t results[RESULTS_MAX]; /* bits; NaNs canonical */
};

static uint64_t result_bits(valtype type, const union value *value)
{
	switch (type) {
	case VAL_I32:
		return value->i32;
	case VAL_F32:
		return value->f32 != value->f32 ? 0x7fc00000 : value->i32;
	case VAL_F64:
		return value->f64 != value->f64 ? UINT64_C(0x7ff8000000000000) : value->i64;
	default:
		return value->i64;
	}
}

static void run(struct store *store, struct func *func, const union value *args,
                struct outcome *out)
{
	const struct functype *type = func_type(func);
	union value results[RESULTS_MAX];
	struct error err = ERROR_INIT;
	memset(out, 0, sizeof *out);
	if (!func_call(store, func, args, results, &err)) {
		assert_int_equal(err.kind, ERROR_TRAP);
		out->trap = store_trap(store)->trap;
		return;
	}
	for (uint32_t i = 0; i < type->result_count; i++)
		out->results[i] = result_bits(type->results[i], &results[i]);
}

static const uint64_t integers[] = {
    0, 1, 5, 0x7fffffff, 0x80000000, 0xffffffff, UINT64_C(1) << 63, UINT64_MAX};
static const double floats[] = {0, -0.0, 1.5, -2.5, 1e30, __builtin_inf(), -3e9, 0.1};
#define ROUNDS 8

static union value argument(valtype type, unsigned round)
{
	union value value;
	memset(&value, 0, sizeof value);
	switch (type) {
	case VAL_I32:
		value.i32 = (uint32_t)integers[round % 8];
		break;
	case VAL_F32:
		value.f32 = (float)floats[round % 8];
		break;
	case VAL_F64:
		value.f64 = floats[round % 8];
		break;
	default:
		value.i64 = integers[round % 8];
		break;
	}
	return value;
}

/* ---- branch hints ---- */

struct branches {
	uint32_t offsets[4096];
	uint32_t count;
};

static bool note_branch(void *ctx, const struct step *step, struct error *err)
{
	struct branches *branches = ctx;
	(void)err;
	if (step->id == INSN_br_if || step->id == INSN_if) {
		assert_true(branches->count < sizeof branches->offsets / sizeof *branches->offsets);
		branches->offsets[branches->count++] = step->offset;
	}
	return true;
}

/* The module with all its branches hinted not to be taken. */
static struct bytes hint_all(const struct bytes *bytes, const struct module *m)
{
	struct bytes hinted = {0}, section = {0}, functions = {0};
	uint32_t count = 0;
	struct body_scratch *scratch = body_scratch_create();
	assert_non_null(scratch);
	for (uint32_t f = m->imported_func_count; f < m->func_count; f++) {
		struct branches branches = {.count = 0};
		struct error err = ERROR_INIT;
		const struct body_sink sink = {.ctx = &branches, .step = note_branch};
		assert_true(body_walk(m, f, scratch, &sink, &err));
		if (branches.count == 0)
			continue;
		count++;
		bytes_u(&functions, f);
		bytes_u(&functions, branches.count);
		for (uint32_t i = 0; i < branches.count; i++) {
			bytes_u(&functions, branches.offsets[i] - m->funcs[f].body_offset);
			bytes_u(&functions, 1);
			bytes_byte(&functions, 0);
		}
	}
	body_scratch_destroy(scratch);
	bytes_name(&section, "metadata.code.branch_hint");
	bytes_u(&section, count);
	bytes_put(&section, functions.data, functions.size);
	bytes_put(&hinted, bytes->data, bytes->size);
	bytes_byte(&hinted, 0);
	bytes_sized(&hinted, &section);
	bytes_free(&functions);
	return hinted;
}

/* The modes, and folded with hints. */
#define WAYS (MODES + 1)

/* Runs all exported functions of the module in all modes with the same arguments; `texts` names the
 * functions for people. Answers how many there were. */
static unsigned compare_modes(struct wasm *w, char **texts)
{
	struct bytes bytes = wasm_finish(w);
	struct error err = ERROR_INIT;
	struct module *module = module_load(bytes.data, bytes.size, NULL, &err);
	if (module == NULL)
		fail_msg("%s: %s", err.func == ERROR_NO_FUNC ? "" : texts[err.func], err.message);
	struct bytes hinted_bytes = hint_all(&bytes, module);
	struct module *hinted = module_load(hinted_bytes.data, hinted_bytes.size, NULL, &err);
	if (hinted == NULL || !branch_hints_check(hinted, &err))
		fail_msg("with hints: %s", err.message);
	struct store *stores[WAYS];
	struct instance *insts[WAYS];
	for (int m = 0; m < WAYS; m++) {
		const struct mode *mode = &modes[m % MODES];
		const struct store_options options = {.unfolded = mode->unfolded,
		                                      .checked_memory = mode->checked_memory};
		struct guest keep = {0};
		guest_open(&keep, mode); /* for its fault handlers */
		guest_close(&keep);
		stores[m] = store_create(&options, &err);
		insts[m] = instance_create(stores[m], m < MODES ? module : hinted, NULL, NULL, &err);
		assert_non_null(insts[m]);
	}
	unsigned count = 0;
	for (uint32_t e = 0; e < module->export_count; e++) {
		const struct export *export = &module->exports[e];
		if (export->kind != EXTERN_FUNC)
			continue;
		count++;
		const struct functype *type = module_func_type(module, export->index);
		/* Looked for once: there are thousands of exports. */
		struct extern_val funcs[WAYS];
		for (int m = 0; m < WAYS; m++)
			assert_true(instance_export(insts[m], export->name.data, export->name.len, &funcs[m]));
		for (unsigned round = 0; round < ROUNDS * ROUNDS; round++) {
			union value args[16];
			for (uint32_t i = 0; i < type->param_count; i++)
				args[i] = argument(type->params[i], i == 0 ? round % ROUNDS : round / ROUNDS + i);
			struct outcome want, got;
			for (int m = 0; m < WAYS; m++) {
				run(stores[m], funcs[m].as.func, args, m == 0 ? &want : &got);
				if (m > 0 && memcmp(&want, &got, sizeof want) != 0)
					fail_msg("%s, round %u: %s gives %s 0x%llx, %s gives %s 0x%llx",
					         texts[export->index], round, modes[0].name, trap_words(want.trap),
					         (unsigned long long)want.results[0],
					         m < MODES ? modes[m].name : "with hints", trap_words(got.trap),
					         (unsigned long long)got.results[0]);
			}
		}
	}
	for (int m = 0; m < WAYS; m++)
		store_destroy(stores[m]);
	module_destroy(module);
	module_destroy(hinted);
	bytes_free(&bytes);
	bytes_free(&hinted_bytes);
	return count;
}

/* ---- operands ---- */

static const char *type_name(char letter)
{
	return letter == 'i' ? "i32" : letter == 'I' ? "i64" : letter == 'f' ? "f32" : "f64";
}

/* Computes local `local` again, so that the value is a temporary and in its accumulator. */
static void compute(char *out, size_t size, char letter, unsigned local)
{
	const char *t = type_name(letter);
	if (letter == 'i' || letter == 'I')
		snprintf(out, size, "local.get %u %s.const 0 %s.xor ", local, t, t);
	else
		snprintf(out, size, "local.get %u %s.neg %s.neg ", local, t, t);
}

/* Where an operand stands when the operation comes. `local` is its parameter, `scratch` a local of
 * its type. */
enum source {
	SOURCE_LOCAL,
	SOURCE_CONST,
	SOURCE_ACC,
	SOURCE_TEMP,
	SOURCE_TEE,
	SOURCE_OVERWRITTEN,
	SOURCE_SUM,
	SOURCE_PAIR,
	SOURCES
};

static void put_operand(char *out, size_t size, enum source source, char letter, unsigned local,
                        unsigned scratch)
{
	char again[80];
	const char *t = type_name(letter);
	compute(again, sizeof again, letter, local);
	switch (source) {
	case SOURCE_LOCAL:
		snprintf(out, size, "local.get %u ", local);
		break;
	case SOURCE_CONST:
		snprintf(out, size, "%s.const %s ", t, local % 2 == 0 ? "7" : "-3");
		break;
	case SOURCE_ACC:
		snprintf(out, size, "%s", again);
		break;
	case SOURCE_TEMP:
		/* In its slot: something else is computed behind it. */
		snprintf(out, size, "%s%slocal.set %u ", again, again, scratch);
		break;
	case SOURCE_SUM:
		/* Not made before it is wanted; and the local changes meanwhile when it is the first. */
		if (letter == 'i')
			snprintf(out, size, "local.get %u i32.const %s i32.add %s", local,
			         local % 2 == 0 ? "5" : "-70000",
			         local == 0 ? "" : "local.get 0 i32.const 1 i32.add local.set 0 ");
		else
			snprintf(out, size, "local.get %u %s.const 5 %s.%s ", local, t, t,
			         letter == 'I' ? "sub" : "mul");
		break;
	case SOURCE_PAIR:
		snprintf(out, size, "local.get %u local.get %u %s.add ", local, local, t);
		break;
	case SOURCE_TEE:
		snprintf(out, size, "%slocal.tee %u ", again, scratch);
		break;
	default:
		/* The local changes while its old value stands on the stack. */
		snprintf(out, size, "local.get %u %s.const 9 local.set %u ", local, t, local);
		break;
	}
}

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

struct builder {
	struct wasm w;
	char *texts[4000];
	unsigned count;
};

static void add(struct builder *b, const char *signature, const char *locals, const char *text)
{
	char name[16];
	assert_true(b->count < sizeof b->texts / sizeof *b->texts);
	uint32_t index = wasm_func(&b->w, signature, locals, "%s", text);
	snprintf(name, sizeof name, "%u", index);
	wasm_export(&b->w, name, EXTERN_FUNC, index);
	b->texts[index] = strdup(text);
	b->count++;
}

static void finish(struct builder *b)
{
	assert_int_equal(compare_modes(&b->w, b->texts), b->count);
	for (unsigned i = 0; i < b->count; i++)
		free(b->texts[i]);
	free(b);
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
				add(b, signature, locals, text);
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
		struct builder *b = calloc(1, sizeof *b);
		assert_non_null(b);
		wasm_memory(&b->w, 1, 1);
		wasm_data(&b->w, 0, "some bytes that loads find: \x80\xff\x01\x7f", 32);
		add_variants(b, i, params, result);
		finish(b);
	}
	assert_true(tried > 140);
}

/* ---- pairs ---- */

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
				add(b, signature, locals, text);
			}
		}
	}
}

static void test_pairs(void **state)
{
	(void)state;
	for (size_t pair = 0; pair < PAIRS; pair++) {
		struct builder *b = calloc(1, sizeof *b);
		assert_non_null(b);
		wasm_memory(&b->w, 1, 1);
		wasm_data(&b->w, 0, "some bytes that loads find: \x80\xff\x01\x7f", 32);
		add_pairs(b, pair);
		finish(b);
	}
}

/* ---- control ---- */

static const struct {
	const char *signature;
	const char *locals;
	const char *text;
} controls[] = {
    /* br_if with values, taken and not, from every kind of operand */
    {"ii_i", "", "block i32 local.get 0 local.get 1 br_if 0 drop i32.const 5 end"},
    {"ii_i", "", "block i32 i32.const 9 local.get 1 br_if 0 local.get 0 i32.add end"},
    {"ii_i", "",
     "block i32 local.get 0 i32.const 1 i32.add local.get 1 br_if 0 i32.const 3 i32.mul end"},
    {"ii_i", "",
     "i32.const 100 block i32 local.get 0 local.get 0 local.get 1 i32.lt_s br_if 1 end i32.sub"},
    {"ii_i", "", "local.get 0 local.get 0 local.get 1 i32.eq br_if 0 i32.const 1 i32.add"},
    {"FF_F", "",
     "block f64 local.get 0 local.get 0 local.get 1 f64.lt br_if 0 local.get 1 f64.add end"},
    {"ff_f", "f",
     "block f32 local.get 0 local.get 1 f32.mul local.tee 2 local.get 2 local.get 0 f32.ge br_if 0 "
     "local.get 1 f32.sub end"},
    /* locals that change while they stand on the stack, across blocks and loops */
    {"ii_i", "",
     "local.get 0 block local.get 1 i32.eqz br_if 0 i32.const 77 local.set 0 end local.get 0 "
     "i32.sub"},
    {"ii_i", "i",
     "local.get 0 local.get 0 i32.const 1 i32.add local.tee 0 local.get 0 local.set 2 local.get 2 "
     "i32.mul i32.sub"},
    {"ii_i", "", "local.get 0 local.get 1 local.set 0 local.get 0 local.set 1 local.get 1 i32.sub"},
    {"ii_i", "i",
     "local.get 0 local.get 1 local.get 0 local.set 1 local.set 0 local.get 0 i32.sub local.get 1 "
     "i32.xor"},
    {"i_i", "ii",
     "local.get 0 i32.const 15 i32.and local.set 0 loop local.get 1 local.get 0 i32.add local.set "
     "1 "
     "local.get 0 i32.const 1 i32.sub local.tee 0 i32.const 0 i32.gt_s br_if 0 end local.get 1"},
    {"i_i", "i",
     "local.get 0 i32.const 7 i32.and local.set 1 local.get 1 loop 1 local.get 1 i32.const 1 "
     "i32.sub "
     "local.tee 1 i32.const 0 i32.gt_s if 1 i32.const 3 i32.mul br 1 end end"},
    /* ends of loops: a local steps and is compared */
    {"i_i", "ii",
     "loop local.get 2 local.get 1 i32.xor local.set 2 local.get 1 i32.const 3 i32.add local.tee 1 "
     "i32.const 30 i32.lt_u br_if 0 end local.get 2"},
    {"i_i", "ii",
     "local.get 0 i32.const 15 i32.and local.tee 0 local.set 1 loop local.get 2 local.get 1 "
     "i32.add "
     "local.set 2 local.get 1 i32.const -1 i32.add local.tee 1 i32.const 0 i32.ge_s br_if 0 end "
     "local.get 2 local.get 1 i32.add"},
    {"i_i", "ii",
     "local.get 0 i32.const 15 i32.and i32.const 1 i32.add local.set 1 loop local.get 2 local.get "
     "1 "
     "i32.add local.set 2 local.get 1 i32.const 1 i32.sub local.tee 1 br_if 0 end local.get 2 "
     "local.get 1 i32.add"},
    {"i_i", "ii",
     "loop local.get 2 i32.const 1 i32.add local.set 2 local.get 1 i32.const 40000 i32.add "
     "local.tee 1 i32.const 1000000 i32.lt_s br_if 0 end local.get 2 local.get 1 i32.add"},
    {"I_I", "I",
     "local.get 0 i64.const 31 i64.and local.set 0 loop local.get 1 i64.const 3 i64.add local.tee "
     "1 "
     "local.get 0 i64.lt_u br_if 0 end local.get 1"},
    {"I_I", "II",
     "i64.const 20 local.set 2 loop local.get 1 local.get 2 i64.add local.set 1 local.get 2 "
     "i64.const -2 i64.add local.tee 2 i64.eqz i32.eqz br_if 0 end local.get 1 local.get 2 "
     "i64.sub"},
    {"i_i", "i",
     "loop local.get 1 i32.const 1 i32.add local.tee 1 local.get 1 i32.ne br_if 0 end local.get 1"},
    /* a step that is taken only once: the sum is wanted again behind the branch */
    {"ii_i", "",
     "block local.get 0 i32.const 2 i32.add local.tee 0 local.get 1 i32.lt_s br_if 0 local.get 0 "
     "i32.const 5 i32.mul local.set 0 end local.get 0"},
    {"ii_i", "", "local.get 0 i32.const 2 i32.add local.get 1 br_if 0 i32.const 7 i32.mul"},
    {"ii_i", "", "local.get 0 i32.const 2 i32.add return"},
    /* moves of locals, each seen by the next */
    {"ii_i", "ii",
     "local.get 0 local.set 2 local.get 1 local.set 0 local.get 2 local.set 1 local.get 0 "
     "local.set "
     "3 local.get 1 local.get 3 i32.sub local.get 2 i32.xor"},
    {"ii_i", "iii",
     "local.get 0 local.set 2 local.get 2 local.set 3 local.get 3 local.set 4 local.get 1 "
     "local.set "
     "2 local.get 4 local.get 2 i32.sub"},
    {"ii_i", "ii",
     "local.get 0 local.set 2 block local.get 1 br_if 0 local.get 1 local.set 2 local.get 2 "
     "local.set 3 end local.get 3 local.set 0 local.get 2 local.set 1 local.get 0 local.get 1 "
     "i32.sub"},
    /* blocks with parameters and several results */
    {"ii_ii", "", "local.get 0 local.get 1 block 0 i32.add local.get 0 end"},
    {"ii_ii", "",
     "local.get 1 local.get 0 local.get 1 if 0 i32.sub local.get 1 else i32.const 2 i32.mul end"},
    {"ii_ii", "",
     "local.get 0 local.get 1 block 0 block 0 local.get 0 br_if 1 i32.const 1 i32.add end end"},
    {"ii_ii", "", "i32.const 1 i32.const 2 local.get 1 br_if 0 drop drop local.get 1 local.get 0"},
    {"ii_ii", "", "local.get 1 local.get 0 return"},
    {"ii_iii", "", "local.get 0 local.get 1 i32.add local.get 1 local.get 0"},
    /* br_table to different depths, with values below that must go */
    {"ii_i", "",
     "block i32 i32.const 1000 block i32 i32.const 100 block i32 local.get 1 local.get 0 br_table "
     "0 1 2 1 end "
     "i32.add end i32.add end"},
    {"ii_i", "",
     "block block block local.get 0 br_table 0 1 2 end i32.const 10 return end i32.const 20 return "
     "end i32.const 30"},
    {"ii_i", "",
     "block i32 local.get 1 i32.const 1 i32.add local.get 0 i32.const 3 i32.and br_table 0 1 0 1 "
     "end "
     "i32.const 5 i32.add"},
    {"FF_F", "",
     "block f64 f64.const 1 block f64 local.get 0 local.get 1 f64.mul i32.const 1 br_table 0 1 0 "
     "end "
     "f64.add end"},
    /* select of each class, from locals, constants and temporaries */
    {"ii_i", "", "local.get 0 i32.const 5 local.get 1 select"},
    {"ii_i", "",
     "local.get 0 i32.const 1 i32.add local.get 1 i32.const 2 i32.sub local.get 0 local.get 1 "
     "i32.lt_u select"},
    {"II_I", "", "i64.const -1 local.get 1 local.get 0 i64.eqz select"},
    {"ff_f", "",
     "local.get 0 local.get 1 f32.add local.get 1 local.get 0 local.get 1 f32.lt select"},
    {"FF_F", "", "f64.const 2.5 local.get 0 f64.sqrt local.get 1 f64.const 1 f64.gt select"},
    {"ii_i", "",
     "ref.null extern ref.null extern local.get 0 select externref ref.is_null local.get 1 "
     "i32.add"},
    {"ii_i", "", "local.get 0 local.get 1 i32.const 0 select"},
    {"ii_i", "", "local.get 0 local.get 1 i32.const 0 i32.eqz select"},
    /* conditions that merge with their jump, and such that cannot */
    {"II_i", "i",
     "local.get 0 i64.const 0x100000000 i64.lt_s if i32 i32.const 1 else i32.const 2 end"},
    {"II_i", "i",
     "local.get 0 i64.const -5 i64.ge_u local.tee 2 if i32 local.get 2 else i32.const 2 end"},
    {"ff_i", "", "local.get 0 f32.const 1.5 f32.le if i32 i32.const 1 else i32.const 2 end"},
    {"FF_i", "", "local.get 0 f64.const 1.5 f64.le if i32 i32.const 1 else i32.const 2 end"},
    {"FF_i", "", "local.get 0 f64.const 0.1 f64.gt if i32 i32.const 1 else i32.const 2 end"},
    {"FF_i", "", "local.get 0 f64.const nan f64.ne if i32 i32.const 1 else i32.const 2 end"},
    {"FF_i", "",
     "block local.get 0 f64.neg f64.const -2.5 f64.eq br_if 0 i32.const 3 return end "
     "i32.const 4"},
    {"FF_i", "", "local.get 1 local.get 0 f64.ne if i32 i32.const 1 else i32.const 2 end"},
    {"FF_i", "F",
     "local.get 0 f64.neg local.tee 2 local.get 1 f64.lt if i32 local.get 2 local.get 0 f64.gt "
     "else i32.const 2 end"},
    {"ii_i", "",
     "local.get 0 local.get 1 i32.and if i32 local.get 0 else local.get 1 end local.get 0 i32.xor"},
    /* calls: arguments from everywhere, results taken at once and late */
    {"ii_i", "", "local.get 0 i32.const 3 call 0 local.get 1 call 0"},
    {"ii_ii", "", "local.get 0 local.get 1 i32.const 1 i32.add call 15 i32.sub local.get 0"},
    {"FF_F", "", "local.get 0 local.get 1 local.get 0 local.get 1 call 5 f64.add f64.mul"},
    /* the last arguments go with the call, and what stands before a jump with the jump */
    {"ii_i", "",
     "local.get 1 local.get 0 call 0 local.get 0 local.get 1 i32.const 7 i32.sub call 0 i32.sub"},
    {"ii_i", "", "local.get 1 i32.const 40000 i32.add local.get 1 call 0 local.get 0 i32.add"},
    {"ii_i", "",
     "local.get 0 local.get 1 i32.const 70000 i32.add call 0 local.get 0 local.get 1 i32.add "
     "return"},
    {"i_i", "ii",
     "block loop local.get 1 i32.const 20 i32.ge_u br_if 1 local.get 2 local.get 1 i32.xor "
     "local.set 2 "
     "local.get 1 i32.const 3 i32.add local.set 1 br 0 end end local.get 2"},
    {"I_I", "II",
     "block loop local.get 1 i64.const 20 i64.ge_u br_if 1 local.get 1 i64.const 3 i64.add "
     "local.set 1 "
     "local.get 2 local.get 1 i64.const 5 i64.add i64.add local.set 2 local.get 1 i64.const 1 "
     "i64.add local.set 1 "
     "br 0 end end local.get 2"},
    {"ii_i", "ii",
     "block loop local.get 2 i32.const 9 i32.ge_u br_if 1 local.get 2 i32.const 1 i32.add "
     "local.set 2 "
     "local.get 1 local.get 0 i32.add local.set 3 local.get 3 local.set 1 br 0 end end local.get "
     "1"},
    /* only the second of two moves is an argument */
    {"ii_i", "", "local.get 0 local.get 1 block 1 call 11 end i32.sub"},
    /* globals */
    {"ii_i", "",
     "global.get 0 local.get 0 global.set 0 global.get 0 i32.sub i32.const 5 global.set 0"},
    {"FF_F", "", "local.get 0 local.get 1 f64.sub global.set 3 global.get 3 global.get 3 f64.mul"},
    {"ff_f", "",
     "global.get 2 local.get 0 f32.add global.set 2 global.get 2 f32.const 0 global.set 2"},
    {"II_I", "", "local.get 0 i64.const 1 i64.add global.set 1 local.get 1 global.get 1 i64.sub"},
    /* memory between accesses: nothing is held across a store */
    {"ii_i", "",
     "i32.const 8 local.get 0 i32.store i32.const 8 i32.load i32.const 8 local.get 1 i32.store "
     "i32.const 8 i32.load i32.sub"},
    {"FF_F", "",
     "i32.const 8 local.get 0 local.get 1 f64.mul f64.store i32.const 8 f64.load i32.const 8 "
     "f64.load f64.add"},
    {"ii_i", "", "i32.const 1 memory.grow local.get 0 i32.add memory.size i32.sub"},
    {"ii_i", "i",
     "local.get 0 i32.const 255 i32.and local.tee 2 local.get 2 i32.load local.get 2 i32.load "
     "offset=4 "
     "i32.add i32.store local.get 2 i32.load"},
};

/* The types of block and if above: 0 is "ii_ii", 1 is "i_i". */
static void test_control(void **state)
{
	(void)state;
	struct builder *b = calloc(1, sizeof *b);
	assert_non_null(b);
	wasm_type(&b->w, "ii_ii");
	wasm_type(&b->w, "i_i");
	wasm_memory(&b->w, 1, 2);
	wasm_global(&b->w, 'i', true, "i32.const 3");
	wasm_global(&b->w, 'I', true, "i64.const 4");
	wasm_global(&b->w, 'f', true, "f32.const 5");
	wasm_global(&b->w, 'F', true, "f64.const 6");
	for (size_t i = 0; i < sizeof controls / sizeof *controls; i++) {
		char text[600];
		snprintf(text, sizeof text, "%s", controls[i].text);
		add(b, controls[i].signature, controls[i].locals, text);
	}
	finish(b);
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
	struct builder *b = calloc(1, sizeof *b);
	assert_non_null(b);
	wasm_memory(&b->w, 1, 1);
	add(b, "_ii", "", "i32.const 1000 i32.const 24");
	for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
		for (size_t j = 0; j < sizeof stores / sizeof *stores; j++) {
			/* Read, cleared for the next round. */
			char text[900];
			snprintf(text, sizeof text,
			         "%s%s %si64.load %si64.load offset=4 i64.xor i32.const 0 i32.const 0 "
			         "i32.const 4096 memory.fill",
			         addresses[i], stores[j], addresses[i], addresses[i]);
			add(b, "ii_I", "i", text);
		}
	}
	finish(b);
}

/* A branch that is hinted not to be taken, and has values to move, goes to cells behind the
 * function: where it is not taken nothing is jumped over. A section that is damaged hints nothing.
 */
static void test_unlikely_branches_stand_aside(void **state)
{
	(void)state;
	struct wasm w = {0};
	wasm_export(&w, "f", EXTERN_FUNC,
	            wasm_func(&w, "ii_i", "",
	                      "block i32 local.get 0 local.get 1 br_if 0 drop i32.const 7 end "
	                      "i32.const 3 i32.mul"));
	struct bytes bytes = wasm_finish(&w);
	struct error err = ERROR_INIT;
	struct module *plain = module_load(bytes.data, bytes.size, NULL, &err);
	if (plain == NULL)
		fail_msg("%s", err.message);
	struct bytes hinted = hint_all(&bytes, plain);
	struct bytes damaged = {0};
	bytes_put(&damaged, hinted.data, hinted.size);
	damaged.data[damaged.size - 2] = 2; /* the size of the hint */
	const struct bytes *all[] = {&bytes, &hinted, &damaged};
	enum op jumps[3];
	for (int i = 0; i < 3; i++) {
		struct guest g = {0};
		guest_open(&g, &modes[0]);
		struct module *m = module_load(all[i]->data, all[i]->size, NULL, &err);
		assert_non_null(m);
		struct instance *inst = instance_create(g.store, m, NULL, NULL, &err);
		assert_non_null(inst);
		g.inst = inst;
		assert_int_equal(guest_i32(&g, "f", 5, 1), 15);
		assert_int_equal(guest_i32(&g, "f", 5, 0), 21);
		const struct cell *first = &inst->code->cells[inst->code->entries[0]];
		jumps[i] = exec_base() + first->handler == exec_handlers()[OP_jump_nz_s]  ? OP_jump_nz_s
		           : exec_base() + first->handler == exec_handlers()[OP_jump_z_s] ? OP_jump_z_s
		                                                                          : OP_halt;
		g.inst = NULL;
		guest_close(&g);
		module_destroy(m);
	}
	assert_int_equal(jumps[0], OP_jump_z_s);
	assert_int_equal(jumps[1], OP_jump_nz_s);
	assert_int_equal(jumps[2], OP_jump_z_s);
	module_destroy(plain);
	bytes_free(&bytes);
	bytes_free(&hinted);
	bytes_free(&damaged);
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
	struct builder *b = calloc(1, sizeof *b);
	assert_non_null(b);
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		add(b, "ii_i", "iii", texts[i]);
	add(b, "ii_f", "f", "f32.const -0 local.set 2 f32.const 1 local.get 2 f32.div");
	add(b, "ii_F", "F", "f64.const 0 local.set 2 f64.const 1 local.get 2 f64.div");
	finish(b);
}

/* Hundreds of operands of all classes, settled by a call, a block and a branch. */
static void test_many_operands(void **state)
{
	(void)state;
	struct builder *b = calloc(1, sizeof *b);
	assert_non_null(b);
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
		add(b, "ii_i", "i", text);
	}
	finish(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_operations),
	    cmocka_unit_test(test_pairs),
	    cmocka_unit_test(test_control),
	    cmocka_unit_test(test_stored_constant_overwrites_no_operand_of_its_address),
	    cmocka_unit_test(test_unlikely_branches_stand_aside),
	    cmocka_unit_test(test_a_local_set_to_zero_is_zero),
	    cmocka_unit_test(test_many_operands),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
