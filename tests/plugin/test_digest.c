#include "tests/plugin/table.h"

#include "plugin/digest.h"

#include <unistd.h>

/* FIPS 180-2, appendices B and C. */
static const struct {
	enum digest_algorithm algorithm;
	const char *bytes, *text;
} known[] = {
    {DIGEST_SHA256, "", "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {DIGEST_SHA256, "abc",
     "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {DIGEST_SHA256, "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
     "sha256:248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    {DIGEST_SHA512, "abc",
     "sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
     "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"},
};

static void known_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(known); i++) {
		struct error err = ERROR_INIT;
		struct digest whole, streamed, parsed;
		char text[DIGEST_TEXT_SIZE];
		size_t size = strlen(known[i].bytes);
		assert_true(digest_of_bytes(known[i].bytes, size, known[i].algorithm, &whole, &err));
		assert_string_equal(digest_format(&whole, text), known[i].text);

		struct digest_stream stream;
		assert_true(digest_stream_init(&stream, known[i].algorithm, &err));
		for (size_t at = 0; at < size; at++)
			assert_true(digest_stream_add(&stream, known[i].bytes + at, 1, &err));
		assert_true(digest_stream_finish(&stream, &streamed, &err));
		assert_true(digest_equal(&whole, &streamed));

		assert_true(digest_parse(&parsed, known[i].text));
		assert_true(digest_equal(&whole, &parsed));
		parsed.bytes[i] ^= 0x80;
		assert_false(digest_equal(&whole, &parsed));
	}
}

static void of_a_file(void **state)
{
	(void)state;
	struct error err = ERROR_INIT;
	FILE *file = tmpfile();
	assert_non_null(file);
	enum { SIZE = 200001 };
	char *bytes = malloc(SIZE);
	for (size_t i = 0; i < SIZE; i++)
		bytes[i] = (char)(i * 7);
	assert_int_equal(fwrite(bytes, 1, SIZE, file), SIZE);
	fflush(file);
	struct digest of_bytes, of_file;
	uint64_t size;
	assert_true(digest_of_bytes(bytes, SIZE, DIGEST_SHA512, &of_bytes, &err));
	assert_true(digest_of_file(fileno(file), DIGEST_SHA512, &of_file, &size, &err));
	assert_int_equal(size, SIZE);
	assert_true(digest_equal(&of_bytes, &of_file));
	fclose(file);
	free(bytes);
	assert_false(digest_of_file(-1, DIGEST_SHA256, &of_file, &size, &err));
	assert_int_equal(err.kind, ERROR_SYSTEM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(known_answers),
	    cmocka_unit_test(of_a_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
