/* The table of functions, its resolver, and the table of errors. */
#include "tests/wasi/guest_module.h"

#include "wasi/guest.h"

#include <errno.h>

static struct name name_of(const char *text)
{
	return (struct name){text, (uint32_t)strlen(text)};
}

static void table_has_each_function_once(void **state)
{
	(void)state;
	size_t count = 0;
	const struct wasi_function *f, *other;
	for (; (f = wasi_function_at(count)); count++) {
		for (size_t i = 0; i < count; i++) {
			other = wasi_function_at(i);
			assert_string_not_equal(f->name, other->name);
		}
		assert_ptr_equal(wasi_function_find(name_of("wasi_snapshot_preview1"), name_of(f->name)),
		                 f);
		assert_true(f->capability < CAPABILITY_COUNT);
	}
	assert_int_equal(count, 46);
}

static void unknown_names_are_not_found(void **state)
{
	(void)state;
	struct name preview1 = name_of("wasi_snapshot_preview1");
	assert_null(wasi_function_find(preview1, name_of("fd_reads")));
	assert_null(wasi_function_find(preview1, name_of("fd_rea")));
	assert_null(wasi_function_find(preview1, name_of("")));
	assert_null(wasi_function_find(name_of("wasi_snapshot_preview2"), name_of("fd_read")));
	assert_null(wasi_function_find(name_of("env"), name_of("fd_read")));
	assert_non_null(wasi_function_find(name_of("wasi_unstable"), name_of("fd_read")));
	assert_null(wasi_function_find(name_of("wasi_unstable"), name_of("sock_accept")));
}

/* (import MODULE NAME (func (param i64) (result i32))) of a name that no snapshot has. */
static void unknown_names_link_in_snapshots_only(void **state)
{
	(void)state;
	static const struct {
		const char *module, *name;
		bool is_linked;
	} cases[] = {{"wasi_unstable", "fd_reads", true},
	             {"wasi_unstable", "sock_accept", true}, /* of the later snapshot */
	             {"wasi_snapshot_preview1", "fd_reads", true},
	             {"wasi_snapshot_preview2", "fd_read", false},
	             {"wasi_experimental_http", "fd_read", false},
	             {"tiphys", "fd_read", false},
	             {"env", "fd_read", false}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		uint8_t bytes[128] = "\0asm\1\0\0\0\1\6\1\x60\1\x7e\1\x7f\2";
		size_t module_len = strlen(cases[i].module), name_len = strlen(cases[i].name), at = 17;
		bytes[at++] = (uint8_t)(module_len + name_len + 5);
		bytes[at++] = 1;
		bytes[at++] = (uint8_t)module_len;
		memcpy(bytes + at, cases[i].module, module_len);
		at += module_len;
		bytes[at++] = (uint8_t)name_len;
		memcpy(bytes + at, cases[i].name, name_len);
		at += name_len + 2; /* a function, of type 0 */
		struct error err = ERROR_INIT;
		struct module *module = module_load(bytes, at, NULL, &err);
		if (!module)
			fail_msg("%s", err.message);
		struct caps *caps = caps_create();
		struct wasi *wasi = wasi_create(caps, &err);
		struct store *store = store_create(NULL, &err);
		struct instance *inst = instance_create(store, module, wasi_resolve, wasi, &err);
		assert_int_equal(inst != NULL, cases[i].is_linked);
		assert_int_equal(wasi_is_unknown(&module->imports[0]), cases[i].is_linked);
		store_destroy(store);
		wasi_destroy(wasi);
		caps_destroy(caps);
		module_destroy(module);
	}
}

/* What was built for another host is told how to be built for this one. */
static void foreign_imports_are_told_what_to_build_instead(void **state)
{
	(void)state;
	static const struct {
		const char *module, *name, *words;
	} cases[] = {{"wasi:cli/stdout@0.2.0", "get-stdout", "build for wasm32-wasip1"},
	             {"wasi", "thread-spawn", "no run starts threads"},
	             {"env", "__linear_memory", "link it with wasm-ld"},
	             {"env", "memory", "--import-memory"},
	             {"env", "abort", "@assemblyscript/wasi-shim"},
	             {"env", "invoke_vi", "-fwasm-exceptions"},
	             {"env", "emscripten_resize_heap", "-sSTANDALONE_WASM"},
	             {"gojs", "runtime.wasmExit", "GOOS=wasip1"},
	             {"__wbindgen_placeholder__", "x", "without wasm-bindgen"},
	             {"env", "frobnicate", "left undefined"},
	             {"wasi_snapshot_preview2", "fd_read", "may import from wasi_snapshot_preview1"},
	             {"", "", "may import from wasi_snapshot_preview1"}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct import import = {.module = name_of(cases[i].module), .name = name_of(cases[i].name)};
		const char *advice = wasi_foreign_advice(&import);
		if (strstr(advice, cases[i].words) == NULL)
			fail_msg("%s %s: %s", cases[i].module, cases[i].name, advice);
		struct extern_val value;
		for (import.kind = EXTERN_TABLE; import.kind <= EXTERN_TAG; import.kind++) {
			struct error err = ERROR_INIT;
			assert_false(wasi_resolve(NULL, NULL, &import, &value, &err));
			assert_int_equal(err.kind, ERROR_LINK);
			assert_string_equal(err.message, advice);
		}
	}
}

/* A function of another type is no function of WASI's. */
static void wrong_type_does_not_link(void **state)
{
	(void)state;
	/* (import "wasi_unstable" "fd_close" (func (param i64) (result i32))) */
	static const uint8_t bytes[] = "\0asm\1\0\0\0"
	                               "\1\6\1\x60\1\x7e\1\x7f"
	                               "\2\32\1\15wasi_unstable\10fd_close\0\0";
	struct error err = ERROR_INIT;
	struct module *module = module_load(bytes, sizeof bytes - 1, NULL, &err);
	if (!module)
		fail_msg("%s", err.message);
	struct caps *caps = caps_create();
	struct wasi *wasi = wasi_create(caps, &err);
	struct store *store = store_create(NULL, &err);
	assert_null(instance_create(store, module, wasi_resolve, wasi, &err));
	assert_int_equal(err.kind, ERROR_LINK);
	store_destroy(store);
	wasi_destroy(wasi);
	caps_destroy(caps);
	module_destroy(module);
}

static void errors_keep_their_meaning(void **state)
{
	(void)state;
	static const struct {
		int host;
		uint32_t wasi;
	} known[] = {{0, 0},        {E2BIG, 1},   {EACCES, 2},    {EBADF, 8},       {EEXIST, 20},
	             {EFAULT, 21},  {EINVAL, 28}, {EISDIR, 31},   {ELOOP, 32},      {ENAMETOOLONG, 37},
	             {ENOENT, 44},  {ENOMEM, 48}, {ENOSYS, 52},   {ENOTDIR, 54},    {ENOTEMPTY, 55},
	             {ENOTSUP, 58}, {EPERM, 63},  {EPIPE, 64},    {EROFS, 69},      {ESPIPE, 70},
	             {EXDEV, 75},   {EAGAIN, 6},  {ENOTSOCK, 57}, {EOPNOTSUPP, 58}, {ETXTBSY, 74}};
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		assert_int_equal(wasi_errno(-known[i].host), known[i].wasi);
	assert_int_equal(wasi_errno(12345), WASI_ESUCCESS);
	assert_int_equal(wasi_errno(-99999), WASI_EIO); /* an errno that WASI has no word for */
}

/* ---- an empty set ---- */

static void empty_set_answers_and_says_what_is_missing(void **state)
{
	struct guest_run *run = *state;
	put_u32(run, 300, 200), put_u32(run, 304, 1);
	assert_int_equal(CALL(run, args_sizes_get, 0, 4), WASI_ESUCCESS);
	assert_int_equal(get_u32(run, 0), 0);
	assert_int_equal(CALL(run, environ_sizes_get, 0, 4), WASI_ESUCCESS);
	assert_int_equal(get_u32(run, 0), 0);
	assert_int_equal(CALL(run, fd_prestat_get, 3, 0), WASI_EBADF);
	assert_null(caps_denial(run->caps)); /* what every program asks at its start is no news */
	assert_int_equal(CALL(run, fd_write, 1, 300, 1, 400), WASI_EBADF);
	assert_string_equal(
	    caps_denial(run->caps),
	    "the module asked for stdout, which is not granted; leave away --no-stdout, "
	    "or list it in stdio of the policy");
	assert_int_equal(CALL(run, fd_read, 0, 300, 1, 400), WASI_EBADF);
	assert_int_equal(CALL(run, clock_time_get, 0, 0, 0), WASI_EACCES);
	assert_int_equal(CALL(run, random_get, 0, 8), WASI_EACCES);
	uint32_t len = put_text(run, 100, "file");
	assert_int_equal(CALL(run, path_open, 3, 0, 100, len, 0, 0, 0, 0, 0), WASI_EBADF);
	assert_true(caps_was_denied(run->caps, CAP_FILES));
	assert_true(caps_was_denied(run->caps, CAP_CLOCK));
	assert_true(caps_was_denied(run->caps, CAP_RANDOM));
	assert_true(caps_was_denied(run->caps, CAP_STDIN));
	assert_false(caps_was_denied(run->caps, CAP_STDERR));
}

static void empty_set_cannot_sleep(void **state)
{
	struct guest_run *run = *state;
	put_u64(run, 1000, 77);
	put_u64(run, 1024, 1);
	assert_int_equal(CALL(run, poll_oneoff, 1000, 2000, 1, 400), WASI_ESUCCESS);
	assert_int_equal(get_u32(run, 400), 1);
	assert_int_equal(get_u64(run, 2000), 77);
	assert_int_equal(run->memory[2008], WASI_EACCES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(table_has_each_function_once),
	    cmocka_unit_test(unknown_names_are_not_found),
	    cmocka_unit_test(unknown_names_link_in_snapshots_only),
	    cmocka_unit_test(foreign_imports_are_told_what_to_build_instead),
	    cmocka_unit_test(wrong_type_does_not_link),
	    cmocka_unit_test(errors_keep_their_meaning),
	    cmocka_unit_test_setup_teardown(empty_set_answers_and_says_what_is_missing,
	                                    guest_setup_empty, guest_teardown),
	    cmocka_unit_test_setup_teardown(empty_set_cannot_sleep, guest_setup_empty, guest_teardown),
	};
	return cmocka_run_group_tests_name("wasi/wasi", tests, NULL, NULL);
}
