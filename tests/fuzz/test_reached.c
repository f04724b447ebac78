/* The generator reaches the interpreter: every operation (interp/cell.h) is run by the modules of a
 * fixed row of seeds, each in the ways that differential.h compares, or stands in `unreached` with
 * the reason. The handlers are compiled with counters (tests/fuzz/meson.build), so what counts is
 * what ran. What has no operation of its own is counted where it happens (`events`). The row ends
 * where all did; with TIPHYS_REACHED_SEEDS=N behind N, and what did not is told. */
#include "interp/lower.h"
#include "tests/fuzz/differential.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SEEDS_MAX 40000
#define SEED_SIZE 4000

static const char *const op_names[] = {
#define X(name) #name,
    PLAIN_OPS(X)
#undef X
#define V(name) #name,
#include "interp/variants.h"
#undef V
};

/* Operations that no generated module can have run. */
static const struct {
	const char *name;
	const char *why;
} unreached[] = {
    {"halt", "what a run that goto dispatch threads ends in"},
    {"keep_native",
     "no compiler may put a counter into it; wherever an exception is caught it ran"},
    {"i32_sub_sk_r", "x - k is made x + -k"},
    {"i32_sub_sk_w", "x - k is made x + -k"},
    {"i32_sub_ak_r", "x - k is made x + -k"},
    {"i32_sub_ak_w", "x - k is made x + -k"},
    {"i64_sub_sk_r", "x - k is made x + -k"},
    {"i64_sub_sk_w", "x - k is made x + -k"},
    {"i64_sub_ak_r", "x - k is made x + -k"},
    {"i64_sub_ak_w", "x - k is made x + -k"},
};

/* ---- counters, one for each handler ---- */

void __sanitizer_cov_8bit_counters_init(uint8_t *from, uint8_t *to);
void __sanitizer_cov_pcs_init(const uintptr_t *from, const uintptr_t *to);

static uint8_t *counters;
static const uintptr_t *places; /* pairs: the address of a function, and flags */
static size_t place_count;

void __sanitizer_cov_8bit_counters_init(uint8_t *from, uint8_t *to)
{
	(void)to;
	counters = from;
}

void __sanitizer_cov_pcs_init(const uintptr_t *from, const uintptr_t *to)
{
	places = from;
	place_count = (size_t)(to - from) / 2;
}

static bool has_run[OP_COUNT];

/* Counters are bytes, which overflow: they are looked at often. */
static void note_what_ran(void)
{
	static uint32_t op_of_place[1 << 14];
	static bool is_known;
	const void *const *handlers = exec_handlers();
	assert_true(place_count > 0 && place_count < sizeof op_of_place / sizeof *op_of_place);
	for (size_t i = 0; !is_known && i < place_count; i++) {
		op_of_place[i] = OP_COUNT;
		for (uint32_t op = 0; op < OP_COUNT; op++)
			if ((uintptr_t)handlers[op] == places[2 * i])
				op_of_place[i] = op;
	}
	is_known = true;
	for (size_t i = 0; i < place_count; i++) {
		if (counters[i] != 0 && op_of_place[i] != OP_COUNT)
			has_run[op_of_place[i]] = true;
		counters[i] = 0;
	}
}

/* ---- what happens without an operation of its own ---- */

#define EVENTS(X)                                                                                  \
	X(ASIDE, "a hinted branch had its way behind the function")                                    \
	X(OLD_CATCH, "a catch of old caught")                                                          \
	X(OLD_CATCH_ALL, "a catch_all of old caught")                                                  \
	X(DELEGATE, "a delegate handed an exception on to a try around it")                            \
	X(DELEGATE_OUT, "a delegate handed an exception on to the caller")                             \
	X(RETHROW, "a caught exception was thrown again")                                              \
	X(START, "a start function ended well")                                                        \
	X(START_TRAP, "a start function trapped")

enum event {
#define X(name, words) name,
	EVENTS(X)
#undef X
	    EVENT_COUNT
};
static const char *const events[] = {
#define X(name, words) words,
    EVENTS(X)
#undef X
};
static unsigned happened[EVENT_COUNT];

/* The linker has all calls go through these (tests/fuzz/meson.build). */
void __real_put_aside(struct lowering *l, uint32_t jump, uint32_t first, struct label *label);
void __wrap_put_aside(struct lowering *l, uint32_t jump, uint32_t first, struct label *label);
struct landing __real_exception_find(struct instance *inst, struct object *exception,
                                     const struct cell *pc, union slot *fp);
struct landing __wrap_exception_find(struct instance *inst, struct object *exception,
                                     const struct cell *pc, union slot *fp);
struct instance *__real_instance_create(struct store *store, const struct module *module,
                                        import_resolver *resolve, void *env, struct error *err);
struct instance *__wrap_instance_create(struct store *store, const struct module *module,
                                        import_resolver *resolve, void *env, struct error *err);

void __wrap_put_aside(struct lowering *l, uint32_t jump, uint32_t first, struct label *label)
{
	happened[ASIDE]++;
	__real_put_aside(l, jump, first, label);
}

/* The innermost range around the cell. */
static const struct try_range *range_around(const struct try_table *tries, uint32_t at)
{
	for (uint32_t i = tries == NULL ? 0 : tries->range_count; i-- > 0;)
		if (at >= tries->ranges[i].start && at < tries->ranges[i].end)
			return &tries->ranges[i];
	return NULL;
}

/* What an old catch caught last: no guest can name it, but to throw it again. */
static const struct object *caught;

static void note_throw(const struct code *code, uint32_t index, const struct cell *pc,
                       const struct object *exception, bool is_caught_here)
{
	const struct cell *start = code->cells + code->entries[index];
	const struct try_range *range = range_around(code->tries[index], (uint32_t)(pc - start));
	const char *handler = exec_base() + pc->handler;
	if (exception == caught && handler == exec_handlers()[OP_throw_ref])
		happened[RETHROW]++;
	if (range != NULL && range->is_delegate)
		happened[is_caught_here ? DELEGATE : DELEGATE_OUT]++;
}

static void note_landing(const struct code *code, uint32_t index, const struct cell *pc,
                         const struct object *exception)
{
	const struct try_table *tries = code->tries[index];
	uint32_t at = (uint32_t)(pc - (code->cells + code->entries[index]));
	for (uint32_t i = 0; i < tries->clause_count; i++) {
		const struct try_clause *clause = &tries->clauses[i];
		if (clause->landing != at || !clause->ref_first)
			continue;
		happened[clause->is_all ? OLD_CATCH_ALL : OLD_CATCH]++;
		caught = exception;
	}
}

/* pc: of the cell that throws, or of the call it came out of. */
struct landing __wrap_exception_find(struct instance *inst, struct object *exception,
                                     const struct cell *pc, union slot *fp)
{
	uint32_t index;
	const struct cell *end;
	const struct landing landing = __real_exception_find(inst, exception, pc, fp);
	const struct code *code = code_holding(inst->store, pc, &index, &end);
	if (code != NULL)
		note_throw(code, index, pc, exception, landing.pc != NULL && landing.fp == fp);
	code = landing.pc == NULL ? NULL : code_holding(inst->store, landing.pc, &index, &end);
	if (code != NULL)
		note_landing(code, index, landing.pc, exception);
	return landing;
}

struct instance *__wrap_instance_create(struct store *store, const struct module *module,
                                        import_resolver *resolve, void *env, struct error *err)
{
	struct instance *inst = __real_instance_create(store, module, resolve, env, err);
	if (module->has_start && inst != NULL)
		happened[START]++;
	if (module->has_start && inst == NULL && err->kind == ERROR_TRAP)
		happened[START_TRAP]++;
	return inst;
}

/* ---- seeds ---- */

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state * UINT64_C(0x2545f4914f6cdd1d);
}

static void run_seed(uint32_t seed)
{
	uint8_t bytes[SEED_SIZE];
	uint64_t state = UINT64_C(0x9e3779b97f4a7c15) * (seed + 1);
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(next_random(&state) >> 56);
	/* The ways in turn. */
	bytes[0] = (uint8_t)(seed % WAY_COUNT);
	differential_run(bytes, sizeof bytes);
}

static const char *reason_of(const char *name)
{
	for (size_t i = 0; i < sizeof unreached / sizeof *unreached; i++)
		if (strcmp(unreached[i].name, name) == 0)
			return unreached[i].why;
	return NULL;
}

static bool any_left(void)
{
	for (uint32_t i = 0; i < EVENT_COUNT; i++)
		if (happened[i] == 0)
			return true;
	for (uint32_t op = 0; op < OP_COUNT; op++)
		if (!has_run[op] && reason_of(op_names[op]) == NULL)
			return true;
	return false;
}

static void test_everything_runs(void **state)
{
	(void)state;
	const char *given = getenv("TIPHYS_REACHED_SEEDS");
	uint32_t seeds = given != NULL ? (uint32_t)strtoul(given, NULL, 10) : SEEDS_MAX;
	uint32_t seed = 0;
	for (; seed < seeds && (given != NULL || seed % 100 != 0 || any_left()); seed++) {
		run_seed(seed);
		note_what_ran();
	}
	unsigned missing = 0, unexpected = 0;
	for (uint32_t op = 0; op < OP_COUNT; op++) {
		const char *why = reason_of(op_names[op]);
		if (!has_run[op] && why == NULL) {
			fprintf(stderr, "not reached: %s\n", op_names[op]);
			missing++;
		} else if (has_run[op] && why != NULL) {
			fprintf(stderr, "reached after all: %s (%s)\n", op_names[op], why);
			unexpected++;
		}
	}
	for (uint32_t i = 0; i < EVENT_COUNT; i++) {
		printf("# %u times %s\n", happened[i], events[i]);
		missing += happened[i] == 0;
	}
	printf("# %u of %u operations and events did not run in %u modules\n", missing,
	       OP_COUNT + EVENT_COUNT, seed);
	assert_true(given != NULL ? unexpected == 0 : (missing == 0 && unexpected == 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_everything_runs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
