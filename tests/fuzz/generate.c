#include "tests/fuzz/generate.h"

#include "tests/fuzz/generator.h"
#include "tests/fuzz/harness.h"

#include <stdio.h>
#include <string.h>

/* ---- statements ---- */

static void put_any(struct gen *g)
{
	enum insn_id id = any_insn(g, '\0');
	if (!mostly_traps(insns[id].mnemonic) || source_once_in(&g->s, 6))
		put_simple(g, id, 2);
}

static void put_any_value(struct gen *g)
{
	put_value(g, any_letter(g), 3);
}

/* What ends a function, seldom. */
static void put_ending(struct gen *g)
{
	if (source_once_in(&g->s, 3)) {
		put_return(g);
	} else if (source_once_in(&g->s, 4)) {
		put_insn(&g->code, INSN_unreachable);
		die_here(g);
	} else {
		put_insn(&g->code, INSN_nop);
	}
}

/* Of so many statements of a kind and all others one is made. */
static const struct statement {
	uint8_t weight;
	void (*put)(struct gen *);
} all_statements[] = {
    {4, put_any},      {2, put_any_value},  {4, put_store},   {2, put_local},
    {1, put_sink},     {3, put_block},      {2, put_br},      {1, put_br_on},
    {1, put_br_table}, {3, put_call},       {2, put_try},     {1, put_throw},
    {2, put_old_try},  {1, put_rethrow},    {4, put_gc},      {1, put_memory_bulk},
    {2, put_table},    {1, put_select},     {1, put_is_null}, {1, put_ending},
    {6, put_focus},    {6, put_pair},       {2, put_count},   {4, put_focused_access},
    {1, put_wait},     {3, put_small_call}, {1, put_next},
};

/* What seldom traps and never leaves, so that the whole row runs. */
static const struct statement row_statements[] = {
    {8, put_focus},      {8, put_pair}, {1, put_count}, {5, put_focused_access},
    {1, put_small_call}, {1, put_node}, {1, put_next},
};

static const struct {
	const struct statement *rows;
	uint32_t count;
} statement_tables[] = {
    {all_statements, COUNT(all_statements)},
    {row_statements, COUNT(row_statements)},
};

static void put_statement(struct gen *g, uint32_t choice)
{
	const struct statement *statements = statement_tables[g->is_row].rows;
	for (uint32_t i = 0; i < statement_tables[g->is_row].count; i++) {
		if (choice < statements[i].weight) {
			statements[i].put(g);
			return;
		}
		choice -= statements[i].weight;
	}
}

static uint32_t all_weights(const struct gen *g)
{
	uint32_t sum = 0;
	for (uint32_t i = 0; i < statement_tables[g->is_row].count; i++)
		sum += statement_tables[g->is_row].rows[i].weight;
	return sum;
}

void put_statements(struct gen *g, uint32_t most)
{
	/* Beyond half of the stack's room nothing new is begun. */
	for (uint32_t i = 0; i < most && g->budget > 0 && g->height < STACK_MAX / 2; i++) {
		uint32_t choice = source_choose(&g->s, all_weights(g) + 1);
		if (choice == 0)
			return;
		g->budget--;
		put_statement(g, choice - 1);
	}
}

/* ---- functions and modules ---- */

static void finish_function(struct gen *g, uint32_t func)
{
	settle(g, g->controls[0].results);
	put_insn(&g->code, INSN_end);
	finish_hints(g, func);
	struct bytes body = g->code;
	g->code = (struct bytes){0};
	wasm_func_body(&g->w, g->funcs[func], &body);
}

static void make_function(struct gen *g, uint32_t func)
{
	const struct sig *sig = &g->types[g->funcs[func]];
	char more[LOCALS_MAX] = "";
	/* One local of each type at least, so that every value finds a place; of numbers so many that
	 * operands need not be the same. */
	static const char each[] = "iIfFrciIvaaxfFfFvi";
	memcpy(more, each, sizeof each);
	uint32_t count = sizeof each - 1;
	for (uint32_t extra = source_choose(&g->s, 8); extra > 0; extra--)
		more[count++] = any_letter(g);
	more[count] = '\0';
	g->local_count = (uint32_t)snprintf(g->locals, sizeof g->locals, "%s%s", sig->params, more);
	g->height = 0;
	g->control_count = 0;
	g->is_row = source_once_in(&g->s, 2);
	g->budget = g->is_row ? 200 : 60;
	wasm_locals(&g->code, more);
	put_fuel_check(g);
	enter(g, INSN_block, "", sig->results);
	put_statements(g, g->is_row ? 40 : 16);
	g->is_row = false;
	finish_function(g, func);
}

/* ---- small functions: no block, few locals or none, and none that could call them ---- */

static const char *const small_params[] = {"", "i", "I", "F", "ii", "iI", "iii", "fv"};
static const char *const small_results[] = {"", "i", "i", "I", "F", "f", "v", "iI"};
static const char *const small_locals[] = {"", "", "", "i", "F", "Ii", "v", "iIf"};

#define CHOOSE(g, row) (row)[source_choose(&(g)->s, COUNT(row))]

static void declare_small_functions(struct gen *g)
{
	g->small_from = g->func_count;
	for (uint32_t i = 2 + source_choose(&g->s, 4); i > 0; i--) {
		struct sig sig = {0};
		strcpy(sig.params, CHOOSE(g, small_params));
		strcpy(sig.results, CHOOSE(g, small_results));
		g->funcs[g->func_count++] = add_type(g, &sig);
	}
}

static void make_small_function(struct gen *g, uint32_t func)
{
	const struct sig *sig = &g->types[g->funcs[func]];
	const char *more = CHOOSE(g, small_locals);
	uint32_t x, y;
	g->local_count = (uint32_t)snprintf(g->locals, sizeof g->locals, "%s%s", sig->params, more);
	g->height = 0;
	g->control_count = 0;
	g->budget = 12;
	g->small_to = func;
	g->is_row = true;
	wasm_locals(&g->code, more);
	enter(g, INSN_block, "", sig->results);
	char letter = sig->results[0];
	switch (source_choose(&g->s, 6)) {
	case 0: /* a local as it is */
		if (letter != '\0' && find_local(g, letter, &x)) {
			put_insn_u(&g->code, INSN_local_get, x);
			push(g, letter);
		}
		break;
	case 1: /* the sum of two */
		if (letter == 'i' && find_local(g, letter, &x) && find_local(g, letter, &y)) {
			put_insn_u(&g->code, INSN_local_get, x);
			put_insn_u(&g->code, INSN_local_get, y);
			put_insn(&g->code, INSN_i32_add);
			push(g, letter);
		}
		break;
	case 2: /* what only computes */
		g->is_plain = true;
		put_local(g);
		settle(g, "");
		for (const char *p = sig->results; *p != '\0'; p++)
			put_value(g, *p, 3);
		g->is_plain = false;
		break;
	case 3:
		put_small_call(g);
		break;
	case 4:
		put_focus(g);
		put_store(g);
		break;
	default:
		put_pair(g);
		put_any_value(g);
		break;
	}
	g->is_row = false;
	finish_function(g, func);
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
	if (what & 1)
		wasm_import_memory(&g->w, "env", "memory", MEMORY_PAGES, MEMORY_PAGES_MAX);
	else
		wasm_memory(&g->w, MEMORY_PAGES, MEMORY_PAGES_MAX);
	wasm_memory_of_type(&g->w, (struct memory_type){
	                               .limits = {.min = MEMORY_PAGES,
	                                          .max = MEMORY_PAGES_MAX,
	                                          .has_max = true,
	                                          .is_64 = true},
	                               .page_size_log2 = 16,
	                           });
	wasm_memory_of_type(&g->w,
	                    (struct memory_type){
	                        .limits = {.min = BYTES_SIZE, .max = BYTES_SIZE_MAX, .has_max = true},
	                        .page_size_log2 = 0,
	                    });
	wasm_memory_of_type(&g->w, (struct memory_type){
	                               .limits = {.min = MEMORY_PAGES,
	                                          .max = MEMORY_PAGES_MAX,
	                                          .has_max = true,
	                                          .is_shared = true},
	                               .page_size_log2 = 16,
	                           });
	g->memories = "iIii";
	if (what & 2)
		wasm_import_table(&g->w, "env", "table", 'c', TABLE_SIZE, TABLE_SIZE_MAX);
	else
		wasm_table(&g->w, 'c', TABLE_SIZE, TABLE_SIZE_MAX);
	wasm_table(&g->w, 'r', TABLE_SIZE / 2, TABLE_SIZE_MAX);
	wasm_table(&g->w, 'a', TABLE_SIZE / 2, TABLE_SIZE_MAX);
	wasm_table_of_type(
	    &g->w,
	    (struct table_type){
	        .element = VAL_FUNCREF,
	        .limits = {.min = TABLE_SIZE, .max = TABLE_SIZE_MAX, .has_max = true, .is_64 = true}});
	if (what & 4) {
		wasm_import_global(&g->w, "env", "i64", 'I', true);
		g->globals[g->global_count++] = 'I';
		wasm_import_global(&g->w, "env", "f32", 'f', true);
		g->globals[g->global_count++] = 'f';
		wasm_import_global(&g->w, "env", "v128", 'v', true);
		g->globals[g->global_count++] = 'v';
	}
}

static void make_globals(struct gen *g)
{
	static const char letters[] = "iIfFrcaxv";
	for (const char *p = letters; *p != '\0'; p++) {
		g->globals[g->global_count++] = *p;
		switch (*p) {
		case 'r':
			wasm_global(&g->w, *p, true, "ref.null extern");
			break;
		case 'c':
			wasm_global(&g->w, *p, true, "ref.null func");
			break;
		case 'a':
			wasm_global(&g->w, *p, true, "i32.const %d ref.i31", (int)(int8_t)source_byte(&g->s));
			break;
		case 'v':
			wasm_global(&g->w, *p, true, "v128.const 5 -6");
			break;
		case 'x':
			wasm_global(&g->w, *p, true, "ref.null exn");
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
	/* For the start function, in all modes; before each call the harness sets it. */
	g->fuel = wasm_global(&g->w, 'i', true, "i32.const %d", FUEL_COLLECTED);
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
	g.first_func_type = g.type_count = make_gc_types(&g);
	import_things(&g);
	choose_hints(&g);
	uint32_t own = 1 + source_choose(&g.s, 4);
	bool has_start = source_once_in(&g.s, 6);
	if (has_start)
		wasm_start(&g.w, g.func_count);
	for (uint32_t i = 0; i < own; i++) {
		struct sig sig = {0};
		if (i > 0 || !has_start) {
			any_letters(&g, sig.params, 5);
			any_letters(&g, sig.results, 3);
		}
		g.funcs[g.func_count++] = add_type(&g, &sig);
	}
	g.near = g.func_count;
	g.funcs[g.func_count++] = add_type(&g, &(struct sig){"", "ii"});
	g.near_wide = g.func_count;
	g.funcs[g.func_count++] = add_type(&g, &(struct sig){"", "II"});
	declare_small_functions(&g);
	g.small_to = g.func_count;
	make_tags(&g);
	make_globals(&g);
	make_segments(&g);
	for (uint32_t i = g.imported_func_count; i < g.near; i++)
		make_function(&g, i);
	wasm_func(&g.w, "_ii", "", "i32.const 1000 i32.const 24");
	wasm_func(&g.w, "_II", "", "i64.const 1000 i64.const 24");
	for (uint32_t i = g.small_from; i < g.func_count; i++)
		make_small_function(&g, i);
	export_all(&g);
	put_hints(&g);
	return wasm_finish(&g.w);
}
