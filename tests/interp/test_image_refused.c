/* interp/image.c, image_write.c, build_id.c: whatever is not exactly what was written is refused.
 */
#include "tests/interp/image_fixture.h"

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

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

/* One whose image is small; its function is lowered. */
static void start_small(struct guest *guest)
{
	guest_open(guest, &modes[0]);
	struct wasm w = {0};
	wasm_export(&w, "load", EXTERN_FUNC, wasm_func(&w, "i_i", "", "local.get 0 i32.load8_u"));
	wasm_memory(&w, 1, 1);
	guest_start(guest, &w);
	guest_i32(guest, "load", 0, 0);
}

/* A small one is known to its last bit, so that it need not be on the disk. */
static void test_damaged_contents(void **state)
{
	(void)state;
	struct guest first = {0};
	start_small(&first);
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
	/* Words that changed places leave sums as they were; four apart, also those of each row. */
	enum { APART = 4 };
	unsigned moved = 0;
	for (uint64_t at = sizeof header; at + (APART + 1) * 8 <= header.file_size; at += 8) {
		uint64_t words[APART + 1], swapped[APART + 1];
		assert_int_equal(pread(fd, words, sizeof words, (off_t)at), sizeof words);
		memcpy(swapped, words, sizeof words);
		swapped[0] = words[APART];
		swapped[APART] = words[0];
		if (words[0] == words[APART])
			continue;
		moved++;
		assert_int_equal(pwrite(fd, swapped, sizeof swapped, (off_t)at), sizeof swapped);
		expect_refusal(fd, &source, "contents are damaged", "word", at);
		assert_int_equal(pwrite(fd, words, sizeof words, (off_t)at), sizeof words);
	}
	assert_true(moved > 0);
	guest_close(&first);
	close(fd);
}

/* Who waits for the disk spares all that start from the image a look at the whole of it. */
static void test_no_sum_of_what_is_on_the_disk(void **state)
{
	(void)state;
	struct guest first = {0};
	start_small(&first);
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

/* In an image that was waited for nothing is summed, and these numbers say where to write. */
static void expect_functions_refused(int fd, const struct image_source *source,
                                     const struct image_header *header,
                                     enum image_section_id section, size_t size, size_t field)
{
	for (uint64_t i = 0; i < header->sections[section].count; i++) {
		const off_t at = (off_t)(header->sections[section].offset + i * size + field);
		const uint32_t none = UINT32_MAX;
		uint32_t kept;
		assert_int_equal(pread(fd, &kept, sizeof kept, at), sizeof kept);
		assert_int_equal(pwrite(fd, &none, sizeof none, at), sizeof none);
		expect_refusal(fd, source, "functions that are not there", "row", i);
		assert_int_equal(pwrite(fd, &kept, sizeof kept, at), sizeof kept);
	}
}

static void test_functions_that_are_not_there(void **state)
{
	(void)state;
	struct guest first = {0}, second = {0};
	guest_open(&first, &modes[0]);
	struct wasm w = {0};
	wasm_tag(&w, "_");
	wasm_export(&w, "caught", EXTERN_FUNC,
	            wasm_func(&w, "_i", "", "block try_table catch 0 0 throw 0 end end i32.const 6"));
	wasm_func(&w, "_", "", "nop");
	guest_start(&first, &w);
	assert_int_equal(guest_i32(&first, "caught", 0, 0), 6);
	int fd = new_file();
	bool needs_sync = true;
	const struct image_source source = source_of(&first);
	assert_true(image_write(fd, first.store, first.module, &source, &needs_sync, &first.err));
	struct image_header header = read_header(fd);
	assert_int_equal(header.is_complete, 0);
	assert_int_equal(header.sections[IMAGE_ORDER].count, 1);
	assert_int_equal(header.sections[IMAGE_TRIES].count, 1);
	expect_functions_refused(fd, &source, &header, IMAGE_ORDER, sizeof(uint32_t), 0);
	static const size_t fields[] = {
	    offsetof(struct image_try, func),         offsetof(struct image_try, first_range),
	    offsetof(struct image_try, range_count),  offsetof(struct image_try, first_clause),
	    offsetof(struct image_try, clause_count),
	};
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
		expect_functions_refused(fd, &source, &header, IMAGE_TRIES, sizeof(struct image_try),
		                         fields[i]);
	struct image *image = start_from(&second, &first, fd, &modes[0]);
	assert_ptr_equal(second.inst->code->image, image);
	assert_int_equal(guest_i32(&second, "caught", 0, 0), 6);
	guest_close(&second);
	image_close(image);
	/* A complete one has all. */
	header.is_complete = 1;
	header.checksum = image_checksum(&header);
	write_header(fd, &header);
	expect_refusal(fd, &source, "do not fit", "complete", 0);
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
	    cmocka_unit_test(test_truncated),
	    cmocka_unit_test(test_flipped_bits),
	    cmocka_unit_test(test_no_sum_of_what_is_on_the_disk),
	    cmocka_unit_test(test_functions_that_are_not_there),
	    cmocka_unit_test(test_foreign),
	    cmocka_unit_test(test_damaged_contents),
	    cmocka_unit_test(test_failing_writes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
