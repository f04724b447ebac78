#include "tests/interp/modes.h"
#include "validator/body.h"
#include "validator/hints.h"

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

struct bytes hint_all(const struct bytes *bytes, const struct module *m)
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

/* ---- the builder ---- */

struct builder *builder_create(void)
{
	struct builder *b = calloc(1, sizeof *b);
	assert_non_null(b);
	return b;
}

void builder_add(struct builder *b, const char *signature, const char *locals, const char *text)
{
	char name[16];
	assert_true(b->count < sizeof b->texts / sizeof *b->texts);
	uint32_t index = wasm_func(&b->w, signature, locals, "%s", text);
	snprintf(name, sizeof name, "%u", index);
	wasm_export(&b->w, name, EXTERN_FUNC, index);
	b->texts[index] = strdup(text);
	b->count++;
}

void builder_run(struct builder *b)
{
	assert_int_equal(compare_modes(&b->w, b->texts), b->count);
	for (unsigned i = 0; i < b->count; i++)
		free(b->texts[i]);
	free(b);
}
