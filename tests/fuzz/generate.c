#include "tests/fuzz/generate.h"

#include "tests/fuzz/generator.h"
#include "tests/fuzz/harness.h"

#include <stdio.h>
#include <string.h>

/* ---- statements ---- */

static void put_statement(struct gen *g, uint32_t kind)
{
	enum insn_id id;
	switch (kind) {
	case 1:
	case 2:
	case 3:
	case 4:
		id = any_insn(g, '\0');
		if (!mostly_traps(insns[id].mnemonic) || source_once_in(&g->s, 6))
			put_simple(g, id, 2);
		break;
	case 5:
	case 6:
		put_value(g, any_letter(g), 3);
		break;
	case 7:
	case 8:
		put_local(g);
		break;
	case 9:
		put_sink(g);
		break;
	case 10:
	case 11:
	case 12:
		if (g->control_count <= NESTING_MAX)
			put_block(g);
		break;
	case 13:
	case 14:
		put_br(g);
		break;
	case 15:
		put_br_table(g);
		break;
	case 16:
	case 17:
		put_call(g);
		break;
	case 18:
		put_select(g);
		break;
	case 19:
		if (g->has_memory)
			put_memory_bulk(g);
		break;
	case 20:
	case 21:
		put_table(g);
		break;
	case 22:
		put_is_null(g);
		break;
	default:
		if (source_once_in(&g->s, 3)) {
			put_return(g);
		} else if (source_once_in(&g->s, 4)) {
			put_insn(&g->code, INSN_unreachable);
			die_here(g);
		} else {
			put_insn(&g->code, INSN_nop);
		}
		break;
	}
}
#define STATEMENT_KINDS 24

void put_statements(struct gen *g, uint32_t most)
{
	/* Beyond half of the stack's room nothing new is begun. */
	for (uint32_t i = 0; i < most && g->budget > 0 && g->height < STACK_MAX / 2; i++) {
		uint32_t kind = source_choose(&g->s, STATEMENT_KINDS);
		if (kind == 0)
			return;
		g->budget--;
		put_statement(g, kind);
	}
}

/* ---- functions and modules ---- */

static void make_function(struct gen *g, uint32_t func)
{
	const struct sig *sig = &g->types[g->funcs[func]];
	char more[LOCALS_MAX] = "";
	/* One local of each type at least, so that every value finds a place. */
	static const char each[] = "iIfFrciI";
	memcpy(more, each, sizeof each);
	uint32_t count = sizeof each - 1;
	if (is_on(FEATURE_SIMD))
		more[count++] = 'v';
	for (uint32_t extra = source_choose(&g->s, 8); extra > 0; extra--)
		more[count++] = any_letter(g);
	more[count] = '\0';
	g->local_count = (uint32_t)snprintf(g->locals, sizeof g->locals, "%s%s", sig->params, more);
	g->height = 0;
	g->control_count = 0;
	g->budget = 60;
	wasm_locals(&g->code, more);
	put_fuel_check(g);
	enter(g, INSN_block, "", sig->results);
	put_statements(g, 16);
	settle(g, sig->results);
	put_insn(&g->code, INSN_end);
	struct bytes body = g->code;
	g->code = (struct bytes){0};
	wasm_func_body(&g->w, g->funcs[func], &body);
}

static void import_things(struct gen *g)
{
	for (uint32_t i = 0; i < harness_func_count; i++) {
		const char *signature = harness_funcs[i].wasm;
		const char *results = strchr(signature, '_');
		struct sig sig = {0};
		memcpy(sig.params, signature, (size_t)(results - signature));
		strcpy(sig.results, results + 1);
		g->funcs[g->func_count++] = add_type(g, &sig);
		wasm_import_func(&g->w, "env", harness_funcs[i].name, signature);
	}
	g->imported_func_count = g->func_count;
	uint32_t what = source_byte(&g->s);
	g->has_memory = true;
	if (what & 1)
		wasm_import_memory(&g->w, "env", "memory", MEMORY_PAGES, MEMORY_PAGES_MAX);
	else
		wasm_memory(&g->w, MEMORY_PAGES, MEMORY_PAGES_MAX);
	if (what & 2)
		wasm_import_table(&g->w, "env", "table", 'c', TABLE_SIZE, TABLE_SIZE_MAX);
	else
		wasm_table(&g->w, 'c', TABLE_SIZE, TABLE_SIZE_MAX);
	wasm_table(&g->w, 'r', TABLE_SIZE / 2, TABLE_SIZE_MAX);
	if (what & 4) {
		wasm_import_global(&g->w, "env", "i64", 'I', true);
		g->globals[g->global_count++] = 'I';
		wasm_import_global(&g->w, "env", "f32", 'f', true);
		g->globals[g->global_count++] = 'f';
	}
}

static void make_globals(struct gen *g)
{
	static const char letters[] = "iIfFrc";
	for (const char *p = letters; *p != '\0'; p++) {
		g->globals[g->global_count++] = *p;
		switch (*p) {
		case 'r':
			wasm_global(&g->w, *p, true, "ref.null extern");
			break;
		case 'c':
			wasm_global(&g->w, *p, true, "ref.null func");
			break;
		default:
			wasm_global(&g->w, *p, true, "%s.const %d",
			            *p == 'i'   ? "i32"
			            : *p == 'I' ? "i64"
			            : *p == 'f' ? "f32"
			                        : "f64",
			            (int)(int8_t)source_byte(&g->s));
			break;
		}
	}
	g->fuel = wasm_global(&g->w, 'i', true, "i32.const %d", FUEL);
	g->globals[g->global_count++] = '\0'; /* nobody else's */
	wasm_export(&g->w, FUEL_GLOBAL, EXTERN_GLOBAL, g->fuel);
}

static void make_segments(struct gen *g)
{
	uint32_t all[FUNCS_MAX];
	for (uint32_t i = 0; i < g->func_count; i++)
		all[i] = i;
	wasm_elem(&g->w, 0, all, g->func_count < TABLE_SIZE ? g->func_count : TABLE_SIZE);
	wasm_elem(&g->w, -1, all, g->func_count < 5 ? g->func_count : 5);
	wasm_declare(&g->w, all, g->func_count);
	g->elems = 3;
	uint8_t bytes[64];
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(i * 37 + 11);
	wasm_data(&g->w, 16, bytes, sizeof bytes);
	wasm_data(&g->w, -1, bytes, 40);
	g->datas = 2;
	g->w.has_data_count = true;
}

static void export_all(struct gen *g)
{
	char name[16];
	for (uint32_t i = g->imported_func_count; i < g->func_count; i++) {
		snprintf(name, sizeof name, "f%u", i - g->imported_func_count);
		wasm_export(&g->w, name, EXTERN_FUNC, i);
	}
	for (uint32_t i = 0; i < g->global_count; i++) {
		snprintf(name, sizeof name, "g%u", i);
		wasm_export(&g->w, name, EXTERN_GLOBAL, i);
	}
	wasm_export(&g->w, "m", EXTERN_MEMORY, 0);
	wasm_export(&g->w, "t0", EXTERN_TABLE, 0);
	wasm_export(&g->w, "t1", EXTERN_TABLE, 1);
}

struct bytes generate_module(const uint8_t *data, size_t size)
{
	struct gen g = {.s = {.data = data, .left = size}};
	import_things(&g);
	uint32_t own = 1 + source_choose(&g.s, 4);
	for (uint32_t i = 0; i < own; i++) {
		struct sig sig = {0};
		any_letters(&g, sig.params, 5);
		any_letters(&g, sig.results, 3);
		g.funcs[g.func_count++] = add_type(&g, &sig);
	}
	make_globals(&g);
	make_segments(&g);
	for (uint32_t i = g.imported_func_count; i < g.func_count; i++)
		make_function(&g, i);
	export_all(&g);
	return wasm_finish(&g.w);
}
