/* Addresses and lengths that a guest must not get away with. The memory is 65,536 bytes long. */
#include "tests/wasi/guest_module.h"

#include <sys/stat.h>
#include <unistd.h>

#define TOP MEMORY_SIZE
#define WRAP 0xffffffffu
#define ARGS_MAX 9

struct pointer_case {
	const char *function;
	uint64_t args[ARGS_MAX];
	uint32_t expected;
};

/* Descriptor 4 is an open file; the name "file" stands at 100, an iovec {200, 8} at 300. */
static const struct pointer_case cases[] = {
    /* a result behind the end, across it, and right at it */
    {"args_sizes_get", {TOP - 4, 0}, WASI_ESUCCESS},
    {"args_sizes_get", {TOP - 3, 0}, WASI_EFAULT},
    {"args_sizes_get", {TOP, 0}, WASI_EFAULT},
    {"args_sizes_get", {0, WRAP}, WASI_EFAULT},
    {"args_sizes_get", {0, WRAP - 3}, WASI_EFAULT},
    {"args_get", {0, TOP - 10}, WASI_ESUCCESS}, /* "guest", "one": 10 bytes */
    {"args_get", {0, TOP - 9}, WASI_EFAULT},
    {"args_get", {TOP - 8, 0}, WASI_ESUCCESS},
    {"args_get", {TOP - 7, 0}, WASI_EFAULT},
    {"args_get", {WRAP, WRAP}, WASI_EFAULT},
    {"environ_sizes_get", {TOP, TOP}, WASI_EFAULT},
    {"environ_get", {0, TOP - 3}, WASI_EFAULT},
    {"clock_time_get", {0, 0, TOP - 8}, WASI_ESUCCESS},
    {"clock_time_get", {0, 0, TOP - 7}, WASI_EFAULT},
    {"clock_time_get", {0, 0, WRAP}, WASI_EFAULT},
    {"clock_res_get", {1, TOP - 7}, WASI_EFAULT},
    {"random_get", {0, TOP}, WASI_ESUCCESS},
    {"random_get", {1, TOP}, WASI_EFAULT},
    {"random_get", {TOP, 0}, WASI_ESUCCESS},
    {"random_get", {TOP + 1, 0}, WASI_EFAULT},
    {"random_get", {16, WRAP - 8}, WASI_EFAULT}, /* wraps to 7 in 32 bits */
    {"random_get", {WRAP, WRAP}, WASI_EFAULT},
    {"fd_fdstat_get", {4, TOP - 24}, WASI_ESUCCESS},
    {"fd_fdstat_get", {4, TOP - 23}, WASI_EFAULT},
    {"fd_filestat_get", {4, TOP - 64}, WASI_ESUCCESS},
    {"fd_filestat_get", {4, TOP - 63}, WASI_EFAULT},
    {"fd_prestat_get", {3, TOP - 7}, WASI_EFAULT},
    {"fd_prestat_dir_name", {3, TOP, 1}, WASI_EFAULT},
    {"fd_prestat_dir_name", {3, 0, 0}, WASI_ENAMETOOLONG},
    {"fd_prestat_dir_name", {3, 0, WRAP}, WASI_ESUCCESS}, /* a byte is all that is written */
    {"fd_tell", {4, TOP - 7}, WASI_EFAULT},
    {"fd_seek", {4, 0, 0, WRAP}, WASI_EFAULT},
    /* lists of buffers */
    {"fd_read", {4, 300, 1, 400}, WASI_ESUCCESS},
    {"fd_read", {4, 300, 0, 400}, WASI_ESUCCESS},
    {"fd_read", {4, TOP - 7, 1, 400}, WASI_EFAULT},
    {"fd_read", {4, 300, WRAP, 400}, WASI_EFAULT},
    {"fd_read", {4, 300, 0x20000000, 400}, WASI_EFAULT}, /* times 8 is 2^32 */
    {"fd_read", {4, 300, 0x20000001, 400}, WASI_EFAULT},
    {"fd_read", {4, 8192, 1025, 400}, WASI_EINVAL},
    {"fd_read", {4, 8192, 1024, 400}, WASI_ESUCCESS},
    {"fd_read", {4, 300, 1, TOP - 3}, WASI_EFAULT},
    {"fd_read", {4, 310, 1, 400}, WASI_EFAULT}, /* {WRAP, 2} */
    {"fd_read", {4, 320, 1, 400}, WASI_EFAULT}, /* {8, WRAP} */
    {"fd_read", {4, 330, 1, 400}, WASI_EFAULT}, /* {TOP - 1, 2} */
    {"fd_read", {4, 300, 2, 400}, WASI_EFAULT}, /* the second is {WRAP, …} by overlap */
    {"fd_write", {4, 310, 1, 400}, WASI_EFAULT},
    {"fd_write", {4, 320, 1, 400}, WASI_EFAULT},
    {"fd_write", {4, 330, 1, 400}, WASI_EFAULT},
    {"fd_write", {4, 300, 1, TOP}, WASI_EFAULT},
    {"fd_pread", {4, 310, 1, 0, 400}, WASI_EFAULT},
    {"fd_pwrite", {4, 310, 1, 0, 400}, WASI_EFAULT},
    {"fd_pread", {4, 300, 1, UINT64_MAX, 400}, WASI_EINVAL},
    {"fd_pwrite", {4, 300, 1, UINT64_C(1) << 63, 400}, WASI_EINVAL},
    /* numbers of 64 bits */
    {"fd_seek", {4, UINT64_MAX, 0, 400}, WASI_EINVAL},
    {"fd_seek", {4, 0, 3, 400}, WASI_EINVAL},
    {"fd_allocate", {4, UINT64_MAX, 1}, WASI_EFBIG},
    {"fd_allocate", {4, 1, INT64_MAX}, WASI_EFBIG},
    {"fd_filestat_set_size", {4, UINT64_MAX}, WASI_EFBIG},
    {"fd_advise", {4, UINT64_MAX, 0, 0}, WASI_EINVAL},
    {"fd_advise", {4, 0, 0, 6}, WASI_EINVAL},
    /* paths */
    {"path_create_directory", {3, TOP - 4, 5}, WASI_EFAULT},
    {"path_create_directory", {3, WRAP, 2}, WASI_EFAULT},
    {"path_create_directory", {3, 100, WRAP}, WASI_EFAULT},
    {"path_create_directory", {3, 0, 60000}, WASI_ENAMETOOLONG},
    {"path_create_directory", {3, 100, 5}, WASI_EILSEQ}, /* "file\0" */
    {"path_create_directory", {3, 100, 0}, WASI_ENOENT},
    {"path_filestat_get", {3, 0, 100, 4, TOP - 63}, WASI_EFAULT},
    {"path_filestat_get", {3, 2, 100, 4, 1000}, WASI_EINVAL},
    {"path_open", {3, 0, 100, 4, 0, 0, 0, 0, TOP - 3}, WASI_EFAULT},
    {"path_open", {3, 2, 100, 4, 0, 0, 0, 0, 400}, WASI_EINVAL},
    {"path_open", {3, 0, 100, 4, 16, 0, 0, 0, 400}, WASI_EINVAL},
    {"path_open", {3, 0, 100, 4, 0, 0, 0, 32, 400}, WASI_EINVAL},
    {"path_readlink", {3, 100, 4, TOP - 1, 2, 400}, WASI_EFAULT},
    {"path_readlink", {3, 100, 4, 0, 8, TOP - 3}, WASI_EFAULT},
    {"path_symlink", {TOP, 1, 3, 100, 4}, WASI_EFAULT},
    {"path_symlink", {100, 5, 3, 100, 4}, WASI_EILSEQ},
    {"path_rename", {3, 100, 4, 3, TOP, 4}, WASI_EFAULT},
    {"path_link", {3, 0, 100, 4, 3, WRAP, WRAP}, WASI_EFAULT},
    {"fd_readdir", {3, 0, TOP + 1, 0, 400}, WASI_EFAULT},
    {"fd_readdir", {3, TOP, 1, 0, 400}, WASI_EFAULT},
    {"fd_readdir", {3, 1000, 64, 0, WRAP}, WASI_EFAULT},
    {"fd_readdir", {3, 1000, 0, 0, 400}, WASI_ESUCCESS},
    /* subscriptions */
    {"poll_oneoff", {1000, 2000, 0, 400}, WASI_EINVAL},
    {"poll_oneoff", {1000, 2000, WRAP, 400}, WASI_EFAULT},
    {"poll_oneoff", {1000, 2000, 0x08000000, 400}, WASI_EFAULT}, /* times 32 is 2^32 */
    {"poll_oneoff", {TOP - 47, 2000, 1, 400}, WASI_EFAULT},
    {"poll_oneoff", {1000, TOP - 31, 1, 400}, WASI_EFAULT},
    {"poll_oneoff", {1000, 2000, 1, TOP - 3}, WASI_EFAULT},
    {"poll_oneoff", {1000, 2000, 1025, 400}, WASI_EINVAL},
    /* descriptors that are none */
    {"fd_close", {5}, WASI_EBADF},
    {"fd_close", {WRAP}, WASI_EBADF},
    {"fd_renumber", {4, WRAP}, WASI_EBADF},
    {"fd_renumber", {WRAP, 4}, WASI_EBADF},
    {"fd_read", {0x80000000u, 300, 1, 400}, WASI_EBADF},
    {"path_open", {WRAP, 0, 100, 4, 0, 0, 0, 0, 400}, WASI_EBADF},
    {"fd_prestat_get", {4, 0}, WASI_EBADF},
    {"sock_recv", {WRAP, 0, 0, 0, 0, 0}, WASI_EBADF},
    {"sock_recv", {4, WRAP, WRAP, WRAP, WRAP, WRAP}, WASI_ENOTSOCK},
};

static void prepare(struct guest_run *run)
{
	assert_int_equal(guest_open(run, "file"), 4);
	put_text(run, 100, "file");
	put_u32(run, 104, 0);
	put_u32(run, 300, 200), put_u32(run, 304, 8);
	put_u32(run, 310, WRAP), put_u32(run, 314, 2);
	put_u32(run, 320, 8), put_u32(run, 324, WRAP);
	put_u32(run, 330, TOP - 1), put_u32(run, 334, 2);
}

static void bad_addresses_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		void *fresh;
		guest_setup_full(&fresh);
		struct guest_run *run = fresh;
		prepare(run);
		uint32_t got = guest_call(run, cases[i].function, cases[i].args);
		if (got != cases[i].expected)
			fail_msg("%s, case %zu: got %u, expected %u", cases[i].function, i, got,
			         cases[i].expected);
		guest_teardown(&fresh);
	}
}

/* A result that does not fit leaves nothing behind: no descriptor, no byte moved. */
static void failed_open_leaks_nothing(void **state)
{
	struct guest_run *run = *state;
	prepare(run);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(CALL(run, path_open, 3, 0, 100, 4, 0, 0, 0, 0, TOP - 3), WASI_EFAULT);
	assert_int_equal(guest_open(run, "file"), 5);
}

static void failed_write_moves_nothing(void **state)
{
	struct guest_run *run = *state;
	prepare(run);
	assert_int_equal(CALL(run, fd_write, 4, 300, 1, TOP), WASI_EFAULT);
	assert_int_equal(CALL(run, fd_write, 1, 300, 1, TOP), WASI_EFAULT);
	size_t size;
	caps_captured(run->caps, CAPS_STDOUT, &size);
	assert_int_equal(size, 0);
	assert_int_equal(CALL(run, fd_filestat_get, 4, 1000), WASI_ESUCCESS);
	assert_int_equal(get_u64(run, 1032), 0);
}

/* Every function with every mixture of edge values: nothing may crash, and the guards behind the
 * memory (and the sanitizers) stay silent. The clock is fixed, so that no wait takes time. */
static void any_arguments_are_survived(void **state)
{
	static const uint64_t edges[] = {0,       1,        2,         3,          4,
	                                 8,       100,      300,       310,        TOP - 8,
	                                 TOP - 1, TOP,      TOP + 1,   0x7fffffff, 0x80000000,
	                                 WRAP,    WRAP - 7, INT64_MAX, UINT64_MAX};
	struct guest_run *run = *state;
	prepare(run);
	uint64_t seed = 7;
	int returned = 0;
	for (int round = 0; round < 20000; round++) {
		const struct wasi_function *f = wasi_function_at((size_t)round % 46);
		uint64_t args[ARGS_MAX];
		for (int i = 0; i < ARGS_MAX; i++) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			args[i] = edges[(seed >> 33) % (sizeof edges / sizeof *edges)];
		}
		if (strcmp(f->name, "proc_exit") == 0 || strcmp(f->name, "proc_raise") == 0)
			continue;
		/* Would take the disk's space in earnest. */
		if (strcmp(f->name, "fd_allocate") == 0 || strcmp(f->name, "fd_filestat_set_size") == 0)
			args[0] = WRAP;
		if (guest_call(run, f->name, args) != CALL_ENDED)
			returned++;
		else
			assert_int_equal(run->err.kind, ERROR_TRAP); /* stdout is full */
	}
	assert_true(returned > 10000);
}

static void module_without_memory_gets_no_bytes(void **state)
{
	(void)state;
	/* (import "wasi_snapshot_preview1" "random_get" (func (param i32 i32) (result i32)))
	 * (func (export "f") (result i32) i32.const 0 i32.const 0 call 0) */
	static const uint8_t bytes[] = "\0asm\1\0\0\0"
	                               "\1\13\2\x60\2\x7f\x7f\1\x7f\x60\0\1\x7f"
	                               "\2\x25\1\26wasi_snapshot_preview1\12random_get\0\0"
	                               "\3\2\1\1"
	                               "\7\5\1\1f\0\1"
	                               "\12\12\1\10\0\x41\0\x41\0\x10\0\x0b";
	struct error err = ERROR_INIT;
	struct module *module = module_load(bytes, sizeof bytes - 1, NULL, &err);
	if (!module)
		fail_msg("%s", err.message);
	struct caps *caps = caps_create();
	caps_grant_random(caps);
	struct wasi *wasi = wasi_create(caps, &err);
	struct store *store = store_create(NULL, &err);
	struct instance *inst = instance_create(store, module, wasi_resolve, wasi, &err);
	assert_non_null(inst);
	union value result;
	assert_true(func_call(store, instance_export_func(inst, "f"), NULL, &result, &err));
	assert_int_equal(result.i32, WASI_EFAULT);
	store_destroy(store);
	wasi_destroy(wasi);
	caps_destroy(caps);
	module_destroy(module);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(bad_addresses_are_refused),
	    cmocka_unit_test_setup_teardown(failed_open_leaks_nothing, guest_setup_full,
	                                    guest_teardown),
	    cmocka_unit_test_setup_teardown(failed_write_moves_nothing, guest_setup_full,
	                                    guest_teardown),
	    cmocka_unit_test_setup_teardown(any_arguments_are_survived, guest_setup_full,
	                                    guest_teardown),
	    cmocka_unit_test(module_without_memory_gets_no_bytes),
	};
	return cmocka_run_group_tests_name("wasi/guest", tests, NULL, NULL);
}
