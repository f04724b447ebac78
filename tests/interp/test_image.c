/* interp/image.c, image_write.c, build_id.c: what is read back is what was written, and whatever is
 * not exactly that is refused. The official suite runs on images too (spec-tests/, "images"). */
#include "interp/image_format.h"
#include "tests/interp/fixture.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

/* Enough for the memory's contents to be in the image. */
enum { DATA_SIZE = 3 * IMAGE_MEMORY_MIN / 2, DATA_AT = 5000, DATA_PAGES = 3 };

static uint8_t data_byte(uint32_t i)
{
	return (uint8_t)(i * 7 + i / 251);
}

static void build(struct wasm *w)
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

static struct image_source source_of(const struct guest *g)
{
	struct image_source source;
	memset(&source, 0, sizeof source);
	source.file[0] = g->bytes.size;
	source.file[7] = 77;
	source.features = g->module->features;
	source.limits = g->module->limits;
	return source;
}

static int new_file(void)
{
	int fd = memfd_create("image", MFD_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static void write_image(struct guest *g, int fd)
{
	struct image_source source = source_of(g);
	bool needs_sync = false;
	if (!image_write(fd, g->store, g->module, &source, &needs_sync, &g->err))
		fail_msg("%s", g->err.message);
}

/* The image of a guest that has called what it should hold. */
static int image_of(struct guest *g)
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

/* Another guest, from the first one's bytes and the image. */
static struct image *start_from(struct guest *g, const struct guest *first, int fd,
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
	store_use_image(g->store, g->module, image);
	g->inst = instance_create(g->store, g->module, NULL, NULL, &g->err);
	if (g->inst == NULL)
		fail_msg("%s", g->err.message);
	return image;
}

static void check_guest(struct guest *g)
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

static void test_round_trip(void **state)
{
	(void)state;
	struct guest first = {0}, second = {0};
	int fd = image_of(&first);
	struct image *image = start_from(&second, &first, fd, &modes[0]);
	assert_true(image->header.sections[IMAGE_MEMORY].count >= DATA_SIZE);
	struct code *code = second.inst->code;
	assert_ptr_equal(code->image, image);
	/* What the first run called is there, … */
	const uint32_t had = code->count;
	assert_true(had > 1);
	assert_int_equal(guest_i32(&second, "twice", 21, 0), 42);
	assert_int_equal(guest_i32(&second, "count", 0, 0), 42);
	assert_int_equal(code->count, had);
	/* … and what it did not call is lowered now. */
	assert_int_equal(guest_i32(&second, "load", DATA_AT, 0), data_byte(0));
	assert_true(code->count > had);
	assert_int_equal(guest_i32(&second, "store", DATA_AT, 255), 0);
	assert_false(image_is_wanted(second.store, second.module));
	assert_true(image_is_wanted(first.store, first.module));
	guest_close(&second);
	image_close(image);

	/* Nothing of that run is in the image: neither its memory nor its globals. */
	image = start_from(&second, &first, fd, &modes[0]);
	check_guest(&second);
	guest_close(&second);
	image_close(image);
	guest_close(&first);
	close(fd);
}

/* Cells of another mode do not fit, but all else does. */
static void test_other_modes(void **state)
{
	(void)state;
	struct guest first = {0}, second = {0};
	int fd = image_of(&first);
	for (int i = 1; i < MODES; i++) {
		struct image *image = start_from(&second, &first, fd, &modes[i]);
		assert_null(second.inst->code->image);
		check_guest(&second);
		guest_close(&second);
		image_close(image);
	}
	guest_close(&first);
	close(fd);
}

/* Two stores at a time have a mapping each; one mapping serves one store. */
static void test_two_stores(void **state)
{
	(void)state;
	struct guest first = {0}, a = {0}, b = {0};
	int fd = image_of(&first);
	struct image *image_a = start_from(&a, &first, fd, &modes[0]);
	struct image *image_b = start_from(&b, &first, fd, &modes[0]);
	guest_i32(&a, "store", DATA_AT + 1, 200);
	assert_int_equal(guest_i32(&a, "load", DATA_AT + 1, 0), 200);
	check_guest(&b);
	guest_close(&b);

	guest_open(&b, &modes[0]);
	b.module =
	    module_load_again(first.bytes.data, first.bytes.size, NULL, image_parts(image_b), &b.err);
	assert_non_null(b.module);
	store_use_image(b.store, b.module, image_b);
	b.inst = instance_create(b.store, b.module, NULL, NULL, &b.err);
	assert_non_null(b.inst);
	assert_null(b.inst->code->image);
	check_guest(&b);
	guest_close(&b);
	guest_close(&a);
	image_close(image_a);
	image_close(image_b);
	guest_close(&first);
	close(fd);
}

/* The file of an image with all functions lowered, opened as `tiphys run` opens it: its mapping is
 * private, and a second store beside the first one lowers by itself. */
static void test_a_whole_image_from_a_file_serves_one_store_at_a_time(void **state)
{
	(void)state;
	struct guest first = {0}, a = {0}, b = {0};
	int fd = image_of(&first);
	assert_true(store_lower_all(first.store, first.module, &first.err));
	assert_int_equal(ftruncate(fd, 0), 0);
	write_image(&first, fd);
	struct image *image = start_from(&a, &first, fd, &modes[0]);
	assert_true(image->header.is_complete);
	assert_ptr_equal(a.inst->code->image, image);
	for (int round = 0; round < 2; round++) {
		guest_open(&b, &modes[0]);
		b.module =
		    module_load_again(first.bytes.data, first.bytes.size, NULL, image_parts(image), &b.err);
		assert_non_null(b.module);
		store_use_image(b.store, b.module, image);
		b.inst = instance_create(b.store, b.module, NULL, NULL, &b.err);
		assert_non_null(b.inst);
		if (round == 0) {
			assert_null(b.inst->code->image);
			assert_int_equal(b.inst->code->count, 1);
			check_guest(&a);
			guest_close(&a);
		} else {
			assert_ptr_equal(b.inst->code->image, image);
		}
		check_guest(&b);
		guest_close(&b);
	}
	image_close(image);
	guest_close(&first);
	close(fd);
}

/* A memory of no pages has nothing to read, from an image either (as CVE-2022-39392 had). */
static void test_memory_without_pages(void **state)
{
	(void)state;
	struct guest first = {0}, second = {0};
	guest_open(&first, &modes[0]);
	struct wasm w = {0};
	wasm_export(&w, "load", EXTERN_FUNC, wasm_func(&w, "i_i", "", "local.get 0 i32.load8_u"));
	wasm_memory(&w, 0, 1);
	guest_start(&first, &w);
	assert_trap(&first, "load", 0, 0, TRAP_MEMORY_OUT_OF_BOUNDS);
	int fd = new_file();
	write_image(&first, fd);
	struct image *image = start_from(&second, &first, fd, &modes[0]);
	assert_non_null(second.inst->code->image);
	assert_trap(&second, "load", 0, 0, TRAP_MEMORY_OUT_OF_BOUNDS);
	guest_close(&second);
	image_close(image);
	guest_close(&first);
	close(fd);
}

/* Every function is in it: any number of stores can share it, one after the other and at once. */
static void test_prepared(void **state)
{
	(void)state;
	struct guest a = {0}, b = {0};
	guest_open(&a, &modes[0]);
	struct wasm w = {0};
	build(&w);
	a.bytes = wasm_finish(&w);
	a.module = module_load(a.bytes.data, a.bytes.size, NULL, &a.err);
	assert_non_null(a.module);
	struct image *image = image_prepare(a.module, &a.options, &a.err);
	if (image == NULL)
		fail_msg("%s", a.err.message);
	for (int round = 0; round < 2; round++) {
		if (round > 0)
			guest_open(&a, &modes[0]);
		guest_open(&b, &modes[0]);
		struct guest *guests[] = {&a, &b};
		for (int i = 0; i < 2; i++) {
			struct guest *g = guests[i];
			store_use_image(g->store, a.module, image);
			g->inst = instance_create(g->store, a.module, NULL, NULL, &g->err);
			if (g->inst == NULL)
				fail_msg("%s", g->err.message);
			assert_ptr_equal(g->inst->code->image, image);
		}
		assert_int_equal(guest_i32(&a, "store", DATA_AT + 1, 200), 0);
		check_guest(&b);
		check_guest(&a);
		store_destroy(a.store);
		a.store = NULL;
		guest_close(&b);
	}
	image_close(image);
	guest_close(&a);
}

static void *interrupt(void *store)
{
	usleep(20000);
	store_interrupt(store);
	return NULL;
}

/* The code that becomes unreadable is the image's, to its last cell and no further. */
static void test_interrupted(void **state)
{
	(void)state;
	struct guest g = {0};
	struct wasm w = {0};
	guest_open(&g, &modes[0]);
	wasm_export(&w, "spin", EXTERN_FUNC, wasm_func(&w, "_i", "", "loop br 0 end unreachable"));
	g.bytes = wasm_finish(&w);
	g.module = module_load(g.bytes.data, g.bytes.size, NULL, &g.err);
	assert_non_null(g.module);
	struct image *image = image_prepare(g.module, &g.options, &g.err);
	assert_non_null(image);
	store_use_image(g.store, g.module, image);
	g.inst = instance_create(g.store, g.module, NULL, NULL, &g.err);
	assert_non_null(g.inst);
	assert_ptr_equal(g.inst->code->image, image);
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, interrupt, g.store), 0);
	union value result;
	assert_int_equal(guest_call(&g, "spin", NULL, &result), TRAP_INTERRUPTED);
	pthread_join(thread, NULL);
	/* Only the cells cannot be read. */
	const struct image_section *cells = &image->header.sections[IMAGE_CELLS];
	uint8_t sum = 0;
	for (uint64_t at = 0; at < cells->offset; at++)
		sum ^= *(volatile uint8_t *)(image->bytes + at);
	(void)sum;
	guest_close(&g);
	image_close(image);
}

/* A store that is interrupted leaves the image to others, at once and afterwards. */
static void test_interrupted_beside_others(void **state)
{
	(void)state;
	struct guest a = {0}, b = {0};
	guest_open(&a, &modes[0]);
	struct wasm w = {0};
	build(&w);
	a.bytes = wasm_finish(&w);
	a.module = module_load(a.bytes.data, a.bytes.size, NULL, &a.err);
	assert_non_null(a.module);
	struct image *image = image_prepare(a.module, &a.options, &a.err);
	assert_non_null(image);
	/* The one that is interrupted has the image's own mapping, then another of it. */
	for (int round = 0; round < 2; round++) {
		struct guest *first = round == 0 ? &a : &b, *second = round == 0 ? &b : &a;
		if (round > 0)
			guest_open(&a, &modes[0]);
		guest_open(&b, &modes[0]);
		struct guest *guests[] = {first, second};
		for (int i = 0; i < 2; i++) {
			store_use_image(guests[i]->store, a.module, image);
			guests[i]->inst =
			    instance_create(guests[i]->store, a.module, NULL, NULL, &guests[i]->err);
			assert_non_null(guests[i]->inst);
			assert_ptr_equal(guests[i]->inst->code->image, image);
		}
		assert_ptr_not_equal(a.inst->code->cells, b.inst->code->cells);
		store_interrupt(a.store);
		assert_trap(&a, "load", DATA_AT, 0, TRAP_INTERRUPTED);
		check_guest(&b);
		/* One that comes only now has no cells that cannot be read either. */
		struct guest late = {0};
		guest_open(&late, &modes[0]);
		store_use_image(late.store, a.module, image);
		late.inst = instance_create(late.store, a.module, NULL, NULL, &late.err);
		assert_non_null(late.inst);
		check_guest(&late);
		guest_close(&late);
		store_destroy(a.store);
		a.store = NULL;
		guest_close(&b);
	}
	image_close(image);
	guest_close(&a);
}

/* Code that is whole is mapped for reading alone, so its calls find their way beforehand. */
static void test_calls_of_a_whole_image_are_near(void **state)
{
	(void)state;
	struct guest g = {0};
	guest_open(&g, &modes[0]);
	struct wasm w = {0};
	wasm_export(&w, "f", EXTERN_FUNC,
	            wasm_func(&w, "ii_i", "",
	                      "v128.const 1 2 drop local.get 0 local.get 1 call 1 local.get 0 "
	                      "call 2 i32.add local.get 1 i32.const 3 i32.add call 2 i32.add "
	                      "i32.const 1 call 2 i32.add"));
	wasm_func(&w, "ii_i", "", "local.get 0 local.get 1 i32.sub");
	wasm_func(&w, "i_i", "", "local.get 0 i32.const 5 i32.mul");
	g.bytes = wasm_finish(&w);
	g.module = module_load(g.bytes.data, g.bytes.size, NULL, &g.err);
	if (g.module == NULL)
		fail_msg("%s", g.err.message);
	struct image *image = image_prepare(g.module, &g.options, &g.err);
	assert_non_null(image);
	store_use_image(g.store, g.module, image);
	g.inst = instance_create(g.store, g.module, NULL, NULL, &g.err);
	assert_non_null(g.inst);
	const struct code *code = g.inst->code;
	static const enum op fars[] = {OP_call, OP_call_move, OP_call_move2, OP_call_sum};
	static const enum op nears[] = {OP_call_near, OP_call_move_near, OP_call_move2_near,
	                                OP_call_sum_near};
	unsigned near = 0;
	for (uint32_t i = code->entries[0]; i < code->ends[0]; i++) {
		const char *handler = exec_base() + code->cells[i].handler;
		for (unsigned k = 0; k < 4; k++) {
			assert_ptr_not_equal(handler, exec_handlers()[fars[k]]);
			near += handler == exec_handlers()[nears[k]];
		}
	}
	assert_int_equal(near, 4);
	assert_int_equal(guest_i32(&g, "f", 9, 2), 7 + 45 + 25 + 5);
	guest_close(&g);
	image_close(image);
}

/* ---- what is refused ---- */

static void expect_refusal(int fd, const struct image_source *source, const char *words,
                           const char *what, unsigned long long at)
{
	struct error err = ERROR_INIT;
	struct image *image = image_open(dup(fd), source, &err);
	if (image != NULL || strstr(err.message, words) == NULL)
		fail_msg("%s at %llu: %s", what, at, image != NULL ? "taken" : err.message);
}

static struct image_header read_header(int fd)
{
	struct image_header header;
	assert_int_equal(pread(fd, &header, sizeof header, 0), sizeof header);
	return header;
}

static void write_header(int fd, const struct image_header *header)
{
	assert_int_equal(pwrite(fd, header, sizeof *header, 0), sizeof *header);
}

static void test_truncated(void **state)
{
	(void)state;
	struct guest first = {0};
	int fd = image_of(&first);
	struct image_source source = source_of(&first);
	const struct image_header header = read_header(fd);
	/* At each byte of the header, around each part, and one byte before the end. */
	for (uint64_t size = 0; size < sizeof header; size++) {
		int cut = new_file();
		assert_int_equal(pwrite(cut, &header, size, 0), size);
		expect_refusal(cut, &source, "bytes", "truncated", size);
		close(cut);
	}
	for (unsigned i = 0; i <= IMAGE_SECTION_COUNT; i++) {
		uint64_t at = i < IMAGE_SECTION_COUNT ? header.sections[i].offset : header.file_size;
		for (uint64_t size = at - 1; size <= at + 1; size++) {
			assert_int_equal(ftruncate(fd, (off_t)size), 0);
			/* What was cut off before is zeros now. */
			if (size >= sizeof header)
				write_header(fd, &header);
			if (size != header.file_size)
				expect_refusal(fd, &source,
				               size < sizeof header ? "fewer than a header" : "bytes instead of",
				               "truncated", size);
		}
	}
	guest_close(&first);
	close(fd);
}

static void test_flipped_bits(void **state)
{
	(void)state;
	struct guest first = {0};
	int fd = image_of(&first);
	struct image_source source = source_of(&first);
	const struct image_header header = read_header(fd);
	for (size_t bit = 0; bit < 8 * sizeof header; bit++) {
		struct image_header flipped = header;
		((uint8_t *)&flipped)[bit / 8] ^= (uint8_t)(1u << bit % 8);
		write_header(fd, &flipped);
		expect_refusal(fd, &source, "", "flipped bit", bit);
	}
	guest_close(&first);
	close(fd);
}

/* A small one is known to its last bit, so that it need not be on the disk. */
static void test_damaged_contents(void **state)
{
	(void)state;
	struct guest first = {0};
	guest_open(&first, &modes[0]);
	struct wasm w = {0};
	wasm_export(&w, "load", EXTERN_FUNC, wasm_func(&w, "i_i", "", "local.get 0 i32.load8_u"));
	wasm_memory(&w, 1, 1);
	guest_start(&first, &w);
	guest_i32(&first, "load", 0, 0);
	int fd = new_file();
	write_image(&first, fd);
	struct image_source source = source_of(&first);
	const struct image_header header = read_header(fd);
	assert_true(header.file_size <= IMAGE_SUMMED_MAX);
	for (uint64_t at = sizeof header; at < header.file_size; at++) {
		uint8_t byte, damaged;
		assert_int_equal(pread(fd, &byte, 1, (off_t)at), 1);
		damaged = byte ^ (uint8_t)(1u << at % 8);
		assert_int_equal(pwrite(fd, &damaged, 1, (off_t)at), 1);
		expect_refusal(fd, &source, "contents are damaged", "byte", at);
		assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
	}
	guest_close(&first);
	close(fd);
}

/* Who waits for the disk spares all that start from the image a look at the whole of it. */
static void test_no_sum_of_what_is_on_the_disk(void **state)
{
	(void)state;
	struct guest first = {0};
	guest_open(&first, &modes[0]);
	struct wasm w = {0};
	wasm_export(&w, "load", EXTERN_FUNC, wasm_func(&w, "i_i", "", "local.get 0 i32.load8_u"));
	wasm_memory(&w, 1, 1);
	guest_start(&first, &w);
	guest_i32(&first, "load", 0, 0);
	int fd = new_file();
	struct image_source source = source_of(&first);
	bool needs_sync = true;
	assert_true(image_write(fd, first.store, first.module, &source, &needs_sync, &first.err));
	assert_true(needs_sync);
	const struct image_header header = read_header(fd);
	assert_int_equal(header.is_summed, 0);
	assert_int_equal(header.contents_checksum, 0);
	struct image *image = image_open(dup(fd), &source, &first.err);
	assert_non_null(image);
	image_close(image);
	guest_close(&first);
	close(fd);
}

/* With a checksum that is right: what is said is the reason. */
static void test_foreign(void **state)
{
	(void)state;
	struct guest first = {0};
	int fd = image_of(&first);
	const struct image_source source = source_of(&first);
	const struct image_header header = read_header(fd);
	struct image_header other = header;
	other.build_id[0] ^= 1;
	other.checksum = image_checksum(&other);
	write_header(fd, &other);
	expect_refusal(fd, &source, "another build", "build id", 0);
	for (unsigned i = 0; i < IMAGE_SECTION_COUNT; i++) {
		other = header;
		other.sections[i].offset += IMAGE_PAGE * UINT64_C(100000);
		other.checksum = image_checksum(&other);
		write_header(fd, &other);
		expect_refusal(fd, &source, "outside", "section's offset", i);
		other = header;
		other.sections[i].count = UINT64_MAX / 2;
		other.checksum = image_checksum(&other);
		write_header(fd, &other);
		expect_refusal(fd, &source, "", "section's count", i);
	}
	other = header;
	other.cell_room = header.sections[IMAGE_CELLS].count - 1;
	other.checksum = image_checksum(&other);
	write_header(fd, &other);
	expect_refusal(fd, &source, "do not fit", "room", 0);
	/* What is longer than the room for its cells would be mapped over what lies behind it. */
	other = header;
	other.is_complete = 0;
	other.file_size += 64 * IMAGE_PAGE;
	other.checksum = image_checksum(&other);
	assert_int_equal(ftruncate(fd, (off_t)other.file_size), 0);
	write_header(fd, &other);
	expect_refusal(fd, &source, "behind its cells", "file's size", 0);
	assert_int_equal(ftruncate(fd, (off_t)header.file_size), 0);
	other = header;
	other.sections[IMAGE_CELLS].offset = 0;
	other.checksum = image_checksum(&other);
	write_header(fd, &other);
	expect_refusal(fd, &source, "among its cells", "cells' offset", 0);
	write_header(fd, &header);

	struct image_source asked = source;
	asked.file[3]++;
	expect_refusal(fd, &asked, "another module", "file", 3);
	asked = source;
	asked.features ^= FEATURE_BIT(SIMD);
	expect_refusal(fd, &asked, "features or limits", "features", 0);
	asked = source;
	asked.limits.of[LOAD_LIMIT_COUNT - 1]--;
	expect_refusal(fd, &asked, "features or limits", "limits", 0);
	guest_close(&first);
	close(fd);
}

/* A disk that is full at any byte leaves nothing that is taken. */
static void test_failing_writes(void **state)
{
	(void)state;
	struct guest first = {0};
	int whole = image_of(&first);
	struct image_source source = source_of(&first);
	const uint64_t size = read_header(whole).file_size;
	char name[] = "/tmp/tiphys-image-XXXXXX";
	int fd = mkstemp(name);
	assert_true(fd >= 0);
	unlink(name);
	signal(SIGXFSZ, SIG_IGN);
	struct rlimit before;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	for (uint64_t limit = 0; limit < size; limit += limit < 20 * sizeof(struct cell) ? 1 : 997) {
		struct error err = ERROR_INIT;
		assert_int_equal(ftruncate(fd, 0), 0);
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &(struct rlimit){limit, before.rlim_max}), 0);
		bool needs_sync = false;
		bool wrote = image_write(fd, first.store, first.module, &source, &needs_sync, &err);
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
		assert_false(wrote);
		assert_int_equal(err.kind, ERROR_SYSTEM);
		expect_refusal(fd, &source, "", "limit", limit);
	}
	close(fd);
	guest_close(&first);
	close(whole);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_round_trip),
	    cmocka_unit_test(test_other_modes),
	    cmocka_unit_test(test_two_stores),
	    cmocka_unit_test(test_a_whole_image_from_a_file_serves_one_store_at_a_time),
	    cmocka_unit_test(test_memory_without_pages),
	    cmocka_unit_test(test_truncated),
	    cmocka_unit_test(test_flipped_bits),
	    cmocka_unit_test(test_no_sum_of_what_is_on_the_disk),
	    cmocka_unit_test(test_foreign),
	    cmocka_unit_test(test_prepared),
	    cmocka_unit_test(test_interrupted_beside_others),
	    cmocka_unit_test(test_calls_of_a_whole_image_are_near),
	    cmocka_unit_test(test_interrupted),
	    cmocka_unit_test(test_damaged_contents),
	    cmocka_unit_test(test_failing_writes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
