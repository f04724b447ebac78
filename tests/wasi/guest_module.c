#include "tests/wasi/guest_module.h"

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- the module's bytes (spec: chapter 5) ---- */

struct bytes {
	uint8_t *data;
	size_t size;
};

static void put(struct bytes *b, const void *data, size_t size)
{
	b->data = realloc(b->data, b->size + size + 1);
	assert_non_null(b->data);
	if (size)
		memcpy(b->data + b->size, data, size);
	b->size += size;
}

static void put_byte(struct bytes *b, uint8_t byte)
{
	put(b, &byte, 1);
}

static void put_leb(struct bytes *b, size_t value)
{
	for (; value >= 0x80; value >>= 7)
		put_byte(b, (uint8_t)(value | 0x80));
	put_byte(b, (uint8_t)value);
}

static void put_name(struct bytes *b, const char *name)
{
	put_leb(b, strlen(name));
	put(b, name, strlen(name));
}

/* A length and then the contents, which are freed. */
static void put_sized(struct bytes *b, struct bytes *contents)
{
	put_leb(b, contents->size);
	put(b, contents->data, contents->size);
	free(contents->data);
	*contents = (struct bytes){0};
}

static void put_section(struct bytes *b, uint8_t id, struct bytes *contents)
{
	put_byte(b, id);
	put_sized(b, contents);
}

enum { I32 = 0x7f, I64 = 0x7e, FUNC = 0x60, LOCAL_GET = 0x20, CALL_OP = 0x10, END = 0x0b };

static size_t param_count(const char *signature)
{
	return (size_t)(strchr(signature, ')') - signature) - 1;
}

static void put_type(struct bytes *b, const char *signature)
{
	size_t count = param_count(signature);
	put_byte(b, FUNC);
	put_leb(b, count);
	for (size_t i = 0; i < count; i++)
		put_byte(b, signature[1 + i] == 'I' ? I64 : I32);
	bool has_result = signature[count + 2];
	put_leb(b, has_result);
	if (has_result)
		put_byte(b, I32);
}

static void put_wrapper(struct bytes *b, size_t index, const char *signature)
{
	struct bytes body = {0};
	put_leb(&body, 0);
	for (size_t i = 0; i < param_count(signature); i++) {
		put_byte(&body, LOCAL_GET);
		put_leb(&body, i);
	}
	put_byte(&body, CALL_OP);
	put_leb(&body, index);
	put_byte(&body, END);
	put_sized(b, &body);
}

static bool is_imported(const char *module, const struct wasi_function *f)
{
	struct name m = {module, (uint32_t)strlen(module)};
	struct name n = {f->name, (uint32_t)strlen(f->name)};
	return wasi_function_find(m, n) != NULL;
}

static struct bytes build(const char *module)
{
	struct bytes types = {0}, imports = {0}, funcs = {0}, memory = {0}, exports = {0}, code = {0};
	const struct wasi_function *f;
	size_t count = 0;
	for (size_t i = 0; (f = wasi_function_at(i)); i++)
		count += is_imported(module, f);
	put_leb(&types, count), put_leb(&imports, count), put_leb(&funcs, count);
	put_leb(&code, count), put_leb(&exports, count + 1);
	put(&memory, "\1\1\1\1", 4); /* one memory of 1 to 1 pages */
	put_name(&exports, "memory");
	put(&exports, "\2\0", 2);
	for (size_t i = 0, index = 0; (f = wasi_function_at(i)); i++) {
		if (!is_imported(module, f))
			continue;
		put_type(&types, f->signature);
		put_name(&imports, module);
		put_name(&imports, f->name);
		put_byte(&imports, 0);
		put_leb(&imports, index);
		put_leb(&funcs, index);
		put_name(&exports, f->name);
		put_byte(&exports, 0);
		put_leb(&exports, count + index);
		put_wrapper(&code, index, f->signature);
		index++;
	}
	struct bytes out = {0};
	put(&out, "\0asm\1\0\0\0", 8);
	put_section(&out, 1, &types);
	put_section(&out, 2, &imports);
	put_section(&out, 3, &funcs);
	put_section(&out, 5, &memory);
	put_section(&out, 7, &exports);
	put_section(&out, 10, &code);
	return out;
}

/* ---- the run ---- */

static void grant_nothing(const struct guest_run *run)
{
	(void)run;
}

static void grant_all(const struct guest_run *run)
{
	assert_int_equal(caps_grant_arg(run->caps, "guest"), 0);
	assert_int_equal(caps_grant_arg(run->caps, "one"), 0);
	assert_int_equal(caps_grant_env(run->caps, "A", "b"), 0);
	assert_int_equal(caps_grant_stdin_bytes(run->caps, "input", 5), 0);
	assert_int_equal(caps_grant_output_capture(run->caps, CAPS_STDOUT, 64), 0);
	assert_int_equal(caps_grant_output_capture(run->caps, CAPS_STDERR, 64), 0);
	assert_int_equal(caps_grant_dir(run->caps, run->root, "/", CAPS_READ_WRITE), 0);
	assert_int_equal(caps_grant_clock(run->caps, CAPS_CLOCK_FIXED, 1000), 0);
	assert_int_equal(caps_grant_random_seeded(run->caps, 1), 0);
}

static void grant_devices(const struct guest_run *run)
{
	int device = open("/dev/null", O_RDWR | O_CLOEXEC);
	assert_true(device >= 0);
	assert_int_equal(caps_grant_stdin_fd(run->caps, device), 0);
	assert_int_equal(caps_grant_output_fd(run->caps, CAPS_STDOUT, device, UINT64_MAX), 0);
	close(device);
}

static struct guest_run *run_create(const char *module, void (*grant)(const struct guest_run *run))
{
	struct guest_run *run = calloc(1, sizeof(*run));
	assert_non_null(run);
	run->err = (struct error)ERROR_INIT;
	strcpy(run->root, "/tmp/tiphys-wasi-XXXXXX");
	assert_non_null(mkdtemp(run->root));
	run->caps = caps_create();
	grant(run);
	struct bytes bytes = build(module);
	run->bytes = bytes.data;
	run->module = module_load(bytes.data, bytes.size, NULL, &run->err);
	if (!run->module)
		fail_msg("%s", run->err.message);
	run->wasi = wasi_create(run->caps, &run->err);
	run->store = store_create(NULL, &run->err);
	assert_non_null(run->store);
	run->inst = instance_create(run->store, run->module, wasi_resolve, run->wasi, &run->err);
	if (!run->inst)
		fail_msg("%s", run->err.message);
	struct memory *memory = instance_export_memory(run->inst, "memory");
	run->memory = memory_base(memory);
	assert_int_equal(memory_size(memory), MEMORY_SIZE);
	return run;
}

int guest_setup_empty(void **state)
{
	*state = run_create("wasi_snapshot_preview1", grant_nothing);
	return 0;
}

int guest_setup_full(void **state)
{
	*state = run_create("wasi_snapshot_preview1", grant_all);
	return 0;
}

int guest_setup_devices(void **state)
{
	*state = run_create("wasi_snapshot_preview1", grant_devices);
	return 0;
}

int guest_setup_snapshot_0(void **state)
{
	*state = run_create("wasi_unstable", grant_all);
	return 0;
}

static int remove_entry(const char *path, const struct stat *st, int flag, struct FTW *at)
{
	(void)st, (void)flag, (void)at;
	return remove(path);
}

int guest_teardown(void **state)
{
	struct guest_run *run = *state;
	store_destroy(run->store);
	wasi_destroy(run->wasi);
	caps_destroy(run->caps);
	module_destroy(run->module);
	free(run->bytes);
	int rc = nftw(run->root, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	free(run);
	return rc;
}

uint32_t guest_call(struct guest_run *run, const char *name, const uint64_t *args)
{
	struct func *func = instance_export_func(run->inst, name);
	assert_non_null(func);
	union value values[16] = {0}, result = {0};
	const struct functype *type = func_type(func);
	for (uint32_t i = 0; i < type->param_count; i++)
		values[i].i64 = args[i];
	error_clear(&run->err);
	if (!func_call(run->store, func, values, &result, &run->err))
		return CALL_ENDED;
	return type->result_count ? result.i32 : 0;
}

uint32_t guest_open(struct guest_run *run, const char *name)
{
	uint32_t len = put_text(run, 60000, name);
	assert_int_equal(
	    CALL(run, path_open, ROOT_FD, 1, 60000, len, OFLAG_CREAT, RIGHTS_FILE, 0, 0, 59000),
	    WASI_ESUCCESS);
	return get_u32(run, 59000);
}
