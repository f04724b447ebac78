/* validator/bodies.c: several threads find what one finds. */
#include "tests/validator/load.h"
#include "validator/bodies.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FUNCTIONS = 3000 };

/* What module_load() asks for, counted; the linker puts these in their place. */
static unsigned created, placed;

int __real_pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                          void *argument)
{
	created++;
	return __real_pthread_create(thread, attributes, run, argument);
}

int __real_pthread_setaffinity_np(pthread_t, size_t, const cpu_set_t *);
int __wrap_pthread_setaffinity_np(pthread_t thread, size_t size, const cpu_set_t *processors)
{
	/* In turns the one that it is sent to, and all. */
	bool is_sent = placed++ % 2 == 0;
	assert_true(is_sent ? CPU_COUNT(processors) == 1 : CPU_COUNT(processors) > 1);
	return __real_pthread_setaffinity_np(thread, size, processors);
}

/* Some 130 bytes a function, so that all together are worth several threads; those in `bad` leave a
 * value of another type, each one of its own. */
static struct bytes large_module(const uint32_t *bad, unsigned bad_count)
{
	struct wasm w = {0};
	for (uint32_t i = 0; i < FUNCTIONS; i++) {
		struct bytes body = {0};
		wasm_locals(&body, "");
		for (int j = 0; j < 16; j++)
			assemble(&body, "i32.const %u i32.const 100000 i32.add drop", i);
		const char *result = "i32.const 1";
		for (unsigned j = 0; j < bad_count; j++)
			if (bad[j] == i)
				result = j == 0 ? "f32.const 1" : "f64.const 1";
		assemble(&body, "%s end", result);
		wasm_func_body(&w, wasm_type(&w, "_i"), &body);
	}
	return wasm_finish(&w);
}

static struct error load_with(const struct bytes *bytes, unsigned threads)
{
	const struct module_options options = {.threads = threads};
	struct error err = ERROR_INIT;
	struct module *m = module_load(bytes->data, bytes->size, &options, &err);
	assert_int_equal(m == NULL, err.kind != ERROR_NONE);
	if (m != NULL)
		assert_true((uint64_t)m->funcs[0].body_size * FUNCTIONS >= BODIES_PARALLEL_BYTES);
	module_destroy(m);
	return err;
}

static void test_valid(void **state)
{
	(void)state;
	struct bytes bytes = large_module(NULL, 0);
	static const unsigned threads[] = {0, 1, 2, 3, MODULE_THREADS_MAX, 1000, MODULE_THREADS_ALL};
	for (size_t i = 0; i < sizeof threads / sizeof *threads; i++)
		assert_string_equal(load_with(&bytes, threads[i]).message, "");
	bytes_free(&bytes);
}

static void test_first_error_wins(void **state)
{
	(void)state;
	static const uint32_t bad[][2] = {{2999, 0}, {2999, 2998}, {1500, 1499}, {260, 2990}, {0, 1}};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct bytes bytes = large_module(bad[i], 2);
		struct error one = load_with(&bytes, 1);
		assert_int_equal(one.func, bad[i][0] < bad[i][1] ? bad[i][0] : bad[i][1]);
		for (unsigned round = 0; round < 20; round++) {
			struct error many = load_with(&bytes, 2 + round % 4);
			assert_int_equal(many.kind, ERROR_INVALID);
			assert_int_equal(many.func, one.func);
			assert_int_equal(many.offset, one.offset);
			assert_string_equal(many.message, one.message);
		}
		bytes_free(&bytes);
	}
}

/* As in a container that is given one processor of several. */
static void test_on_one_processor(void **state)
{
	(void)state;
	cpu_set_t all, one, after;
	assert_int_equal(sched_getaffinity(0, sizeof all, &all), 0);
	int processor = sched_getcpu();
	assert_true(processor >= 0);
	CPU_ZERO(&one);
	CPU_SET(processor, &one);
	assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
	static const uint32_t bad[] = {1700, 2300};
	struct bytes valid = large_module(NULL, 0), invalid = large_module(bad, 2);
	static const unsigned threads[] = {MODULE_THREADS_ALL, 4};
	for (size_t i = 0; i < sizeof threads / sizeof *threads; i++) {
		created = placed = 0;
		assert_string_equal(load_with(&valid, threads[i]).message, "");
		assert_int_equal(load_with(&invalid, threads[i]).func, bad[0]);
		/* None in vain, and as many as are asked for; there is nowhere to send them. */
		assert_int_equal(created, threads[i] == MODULE_THREADS_ALL ? 0 : 2 * 3);
		assert_int_equal(placed, 0);
	}
	assert_int_equal(sched_getaffinity(0, sizeof after, &after), 0);
	assert_true(CPU_EQUAL(&one, &after));
	assert_int_equal(sched_setaffinity(0, sizeof all, &all), 0);
	created = placed = 0;
	assert_string_equal(load_with(&valid, MODULE_THREADS_ALL).message, "");
	const unsigned processors = (unsigned)CPU_COUNT(&all);
	assert_int_equal(created,
	                 (processors < MODULE_THREADS_MAX ? processors : MODULE_THREADS_MAX) - 1);
	assert_int_equal(placed, 2 * created);
	assert_int_equal(sched_getaffinity(0, sizeof after, &after), 0);
	assert_true(CPU_EQUAL(&all, &after));
	bytes_free(&valid);
	bytes_free(&invalid);
}

/* From here on the process dies of a question about processors, as a step does behind its wall. */
static bool forbid_questions(void)
{
	struct sock_filter code[] = {
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sched_getaffinity, 1, 0),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getcpu, 0, 1),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog filter = {.len = sizeof code / sizeof *code, .filter = code};
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

/* Every step without an image died of it. */
static void test_who_validates_alone_asks_for_no_processors(void **state)
{
	(void)state;
	struct bytes bytes = large_module(NULL, 0);
	for (unsigned threads = 0; threads < 2; threads++) {
		int status;
		pid_t child = fork();
		assert_true(child >= 0);
		if (child == 0)
			_exit(!forbid_questions() ? 2 : load_with(&bytes, threads).kind != ERROR_NONE);
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_int_equal(status, 0);
	}
	bytes_free(&bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_valid),
	    cmocka_unit_test(test_first_error_wins),
	    cmocka_unit_test(test_on_one_processor),
	    cmocka_unit_test(test_who_validates_alone_asks_for_no_processors),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
