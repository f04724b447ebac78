#include "tests/interp/image_fixture.h"

#include <sys/mman.h>
#include <unistd.h>

uint8_t data_byte(uint32_t i)
{
	return (uint8_t)(i * 7 + i / 251);
}

void build(struct wasm *w)
{
	static uint8_t data[DATA_SIZE];
	for (uint32_t i = 0; i < DATA_SIZE; i++)
		data[i] = data_byte(i);
	uint32_t twice = wasm_func(w, "i_i", "", "local.get 0 i32.const 2 i32.mul");
	uint32_t through = wasm_func(w, "ii_i", "", "local.get 0 local.get 1 call_indirect 0");
	wasm_export(w, "twice", EXTERN_FUNC, twice);
	wasm_export(w, "through", EXTERN_FUNC, through);
	wasm_export(w, "load", EXTERN_FUNC, wasm_func(w, "i_i", "", "local.get 0 i32.load8_u"));
	wasm_export(w, "store", EXTERN_FUNC,
	            wasm_func(w, "ii_i", "", "local.get 0 local.get 1 i32.store8 i32.const 0"));
	wasm_export(
	    w, "count", EXTERN_FUNC,
	    wasm_func(w, "_i", "", "global.get 0 i32.const 1 i32.add global.set 0 global.get 0"));
	wasm_export(w, "grow", EXTERN_FUNC, wasm_func(w, "i_i", "", "local.get 0 memory.grow"));
	wasm_memory(w, DATA_PAGES, 10);
	wasm_global(w, 'i', true, "i32.const 41");
	wasm_table(w, 'c', 4, 4);
	wasm_elem(w, 1, &twice, 1);
	wasm_data(w, DATA_AT, data, sizeof data);
	/* Over what stands there. */
	wasm_data(w, DATA_AT + 100, "tiphys", 6);
}

struct image_source source_of(const struct guest *g)
{
	struct image_source source;
	memset(&source, 0, sizeof source);
	source.file[0] = g->bytes.size;
	source.file[7] = 77;
	source.features = g->module->features;
	source.limits = g->module->limits;
	return source;
}

int new_file(void)
{
	int fd = memfd_create("image", MFD_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

void write_image(struct guest *g, int fd)
{
	struct image_source source = source_of(g);
	bool needs_sync = false;
	if (!image_write(fd, g->store, g->module, &source, &needs_sync, &g->err))
		fail_msg("%s", g->err.message);
}

int image_of(struct guest *g)
{
	guest_open(g, &modes[0]);
	struct wasm w = {0};
	build(&w);
	guest_start(g, &w);
	assert_int_equal(guest_i32(g, "twice", 21, 0), 42);
	assert_int_equal(guest_i32(g, "count", 0, 0), 42);
	int fd = new_file();
	write_image(g, fd);
	return fd;
}

struct image *prepare_image(struct guest *g, struct wasm *w)
{
	g->bytes = wasm_finish(w);
	g->module = module_load(g->bytes.data, g->bytes.size, NULL, &g->err);
	if (g->module == NULL)
		fail_msg("%s", g->err.message);
	struct image *image = image_prepare(g->module, &g->options, &g->err);
	if (image == NULL)
		fail_msg("%s", g->err.message);
	return image;
}

void instantiate(struct guest *g, const struct module *module, struct image *image)
{
	store_use_image(g->store, module, image);
	g->inst = instance_create(g->store, module, NULL, NULL, &g->err);
	if (g->inst == NULL)
		fail_msg("%s", g->err.message);
}

struct image *start_from(struct guest *g, const struct guest *first, int fd,
                         const struct mode *mode)
{
	struct image_source source = source_of(first);
	guest_open(g, mode);
	struct image *image = image_open(dup(fd), &source, &g->err);
	if (image == NULL)
		fail_msg("%s", g->err.message);
	g->module =
	    module_load_again(first->bytes.data, first->bytes.size, NULL, image_parts(image), &g->err);
	if (g->module == NULL)
		fail_msg("%s", g->err.message);
	instantiate(g, g->module, image);
	return image;
}

void check_guest(struct guest *g)
{
	assert_int_equal(guest_i32(g, "twice", 4, 0), 8);
	assert_int_equal(guest_i32(g, "through", 4, 1), 8);
	assert_trap(g, "through", 4, 0, TRAP_UNINITIALIZED_ELEMENT);
	assert_int_equal(guest_i32(g, "count", 0, 0), 42);
	assert_int_equal(guest_i32(g, "load", 0, 0), 0);
	assert_int_equal(guest_i32(g, "load", DATA_AT - 1, 0), 0);
	assert_int_equal(guest_i32(g, "load", DATA_AT, 0), data_byte(0));
	assert_int_equal(guest_i32(g, "load", DATA_AT + 99, 0), data_byte(99));
	assert_int_equal(guest_i32(g, "load", DATA_AT + 100, 0), 't');
	assert_int_equal(guest_i32(g, "load", DATA_AT + DATA_SIZE - 1, 0), data_byte(DATA_SIZE - 1));
	assert_int_equal(guest_i32(g, "load", DATA_AT + DATA_SIZE, 0), 0);
	assert_trap(g, "load", DATA_PAGES << 16, 0, TRAP_MEMORY_OUT_OF_BOUNDS);
	assert_int_equal(guest_i32(g, "grow", 1, 0), DATA_PAGES);
	assert_int_equal(guest_i32(g, "load", DATA_PAGES << 16, 0), 0);
}
