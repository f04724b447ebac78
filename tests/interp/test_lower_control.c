/* interp/lower.c, lower_condition.c, lower_call.c, lower_aside.c: blocks, branches and calls give
 * the same folded and unfolded. */
#include "interp/runtime.h"
#include "tests/interp/modes.h"

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
    /* a local is counted and another one moved before a loop goes on */
    {"ii_i", "ii",
     "block loop local.get 2 i32.const 9 i32.ge_u br_if 1 local.get 3 local.get 0 i32.xor "
     "local.set "
     "3 local.get 2 i32.const 1 i32.add local.set 2 local.get 1 local.set 0 br 0 end end local.get "
     "3"},
    {"I_I", "II",
     "block loop local.get 1 i64.const 9 i64.ge_u br_if 1 local.get 2 local.get 1 i64.add "
     "local.set "
     "0 local.get 1 i64.const 3 i64.add local.set 1 local.get 1 local.set 2 br 0 end end local.get "
     "0"},
    {"I_I", "II",
     "block loop local.get 1 i64.const 0 i64.lt_s br_if 1 local.get 1 i64.const -40000 i64.add "
     "local.set 1 local.get 0 local.set 2 br 0 end end local.get 2"},
    /* a byte says where to go on */
    {"i_i", "i",
     "local.get 0 i32.const 7 i32.and local.set 1 block block block local.get 1 i32.load8_u "
     "offset=3 "
     "br_table 0 1 2 end i32.const 5 local.set 0 end local.get 0 i32.const 7 i32.mul local.set 0 "
     "end local.get 0"},
    {"i_i", "",
     "block block local.get 0 i32.load8_u br_table 0 1 end i32.const 5 local.set 0 end local.get "
     "0"},
    /* floats that do not compare so, which is not that they compare the other way */
    {"FF_i", "",
     "block local.get 0 local.get 1 f64.add f64.const 4 f64.gt i32.eqz br_if 0 i32.const 3 return "
     "end i32.const 7"},
    {"FF_i", "",
     "block local.get 0 local.get 1 f64.lt i32.eqz br_if 0 i32.const 3 return end i32.const 7"},
    {"FF_i", "",
     "local.get 0 local.get 0 f64.sub local.get 1 f64.le i32.eqz if i32 i32.const 3 else i32.const "
     "5 end"},
    {"FF_i", "",
     "block local.get 0 f64.const 0.1 f64.ge i32.eqz br_if 0 i32.const 3 return end i32.const 7"},
    {"ff_i", "",
     "block local.get 0 local.get 1 f32.div f32.const 4 f32.eq i32.eqz br_if 0 i32.const 3 return "
     "end i32.const 7"},
    {"ff_i", "",
     "local.get 0 local.get 1 f32.ne i32.eqz i32.eqz if i32 i32.const 3 else i32.const 5 end"},
    {"ff_i", "i",
     "local.get 0 local.get 1 f32.ge local.tee 2 i32.eqz if i32 local.get 2 else i32.const 5 end"},
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
	struct builder *b = builder_create();
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
		builder_add(b, controls[i].signature, controls[i].locals, text);
	}
	builder_run(b);
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

/* Clauses are asked in their order. Each was once put behind the others by a walk along all of
 * them, so a function of some hundred kilobytes took minutes to lower. */
static void test_many_clauses(void **state)
{
	enum { CLAUSES = 200000 };
	static const char other[] = "catch 1 0 ";
	(void)state;
	char *text = malloc(CLAUSES * strlen(other) + 200);
	assert_non_null(text);
	char *at = stpcpy(text, "block block try_table ");
	for (uint32_t i = 0; i < CLAUSES; i++)
		at = stpcpy(at, other);
	stpcpy(at, "catch 0 1 catch_all 0 throw 0 end end i32.const 1 return end i32.const 2");
	struct guest g = {0};
	guest_open(&g, &modes[0]);
	struct wasm w = {0};
	wasm_tag(&w, "_");
	wasm_tag(&w, "_");
	wasm_export(&w, "f", EXTERN_FUNC, wasm_func(&w, "_i", "", "%s", text));
	guest_start(&g, &w);
	assert_int_equal(guest_i32(&g, "f", 0, 0), 2);
	guest_close(&g);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_control),
	    cmocka_unit_test(test_unlikely_branches_stand_aside),
	    cmocka_unit_test(test_many_clauses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
