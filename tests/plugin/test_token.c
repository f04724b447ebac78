/* plugin/token: who is let in. */
#include "plugin/token.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define TOKEN "0123456789abcdef0123456789ABCDEF"

static char path[] = "/tmp/tiphys-test-token.XXXXXX";

static void write_token(const char *text, size_t size)
{
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fwrite(text, 1, size, file);
	fclose(file);
}

static int make_file(void **state)
{
	(void)state;
	int fd = mkstemp(path);
	close(fd);
	return fd < 0;
}

static int remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

static void headers(void **state)
{
	(void)state;
	static const struct {
		const char *header;
		enum token_verdict verdict;
	} rows[] = {
	    {"Bearer " TOKEN, TOKEN_GOOD},
	    {"bearer  " TOKEN, TOKEN_GOOD},
	    {NULL, TOKEN_MISSING},
	    {"", TOKEN_MISSING},
	    {"Bearer ", TOKEN_MISSING},
	    {"Bearer", TOKEN_MISSING},
	    {"Basic " TOKEN, TOKEN_MISSING},
	    {TOKEN, TOKEN_MISSING},
	    {"Bearer " TOKEN "0", TOKEN_WRONG},
	    {"Bearer 0123456789abcdef0123456789ABCDE", TOKEN_WRONG},
	    {"Bearer 0123456789abcdef0123456789ABCDEf", TOKEN_WRONG},
	    {"Bearer 1123456789abcdef0123456789ABCDEF", TOKEN_WRONG},
	    {"Bearer " TOKEN " ", TOKEN_WRONG},
	};
	struct token token;
	struct error err = ERROR_INIT;
	write_token(TOKEN "\n", strlen(TOKEN "\n"));
	assert_true(token_init(&token, path, &err));
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_int_equal(token_check(&token, rows[i].header), rows[i].verdict);

	char *longer = malloc(2 * TOKEN_MAX);
	memset(longer, 'a', 2 * TOKEN_MAX);
	memcpy(longer, "Bearer ", 7);
	longer[2 * TOKEN_MAX - 1] = '\0';
	assert_int_equal(token_check(&token, longer), TOKEN_WRONG);
	free(longer);
	token_clear(&token);
}

/* Replaced by one of the same length within the same instant; then emptied, as a writer does first.
 */
static void a_new_token_counts_at_once(void **state)
{
	(void)state;
	struct token token;
	struct error err = ERROR_INIT;
	write_token("first", 5);
	assert_true(token_init(&token, path, &err));
	assert_int_equal(token_check(&token, "Bearer first"), TOKEN_GOOD);
	write_token("other", 5);
	assert_int_equal(token_check(&token, "Bearer first"), TOKEN_WRONG);
	assert_int_equal(token_check(&token, "Bearer other"), TOKEN_GOOD);
	write_token("", 0);
	assert_int_equal(token_check(&token, "Bearer other"), TOKEN_GOOD);
	assert_int_equal(token_check(&token, "Bearer first"), TOKEN_WRONG);
	token_clear(&token);
}

static void bad_files(void **state)
{
	(void)state;
	char big[TOKEN_MAX + 1];
	memset(big, 'a', sizeof big);
	static const struct {
		const char *text;
		size_t size;
		const char *words;
	} rows[] = {
	    {"", 0, "is empty"},
	    {"\n", 1, "is empty"},
	    {"a\nb", 3, "more than one line"},
	    {"a b", 3, "more than one line"},
	    {"a\0b", 3, "more than one line"},
	    {NULL, TOKEN_MAX + 1, "longer than a token"},
	};
	struct token token;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct error err = ERROR_INIT;
		write_token(rows[i].text == NULL ? big : rows[i].text, rows[i].size);
		assert_false(token_init(&token, path, &err));
		assert_non_null(strstr(err.message, path));
		assert_non_null(strstr(err.message, rows[i].words));
	}
	struct error err = ERROR_INIT;
	assert_false(token_init(&token, "/nonexistent/token", &err));
	assert_non_null(strstr(err.message, "/nonexistent/token: No such file"));
}

static void no_file_lets_everyone_in(void **state)
{
	(void)state;
	struct token token;
	struct error err = ERROR_INIT;
	assert_true(token_init(&token, NULL, &err));
	assert_int_equal(token_check(&token, NULL), TOKEN_GOOD);
	token_clear(&token);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(headers),
	    cmocka_unit_test(a_new_token_counts_at_once),
	    cmocka_unit_test(bad_files),
	    cmocka_unit_test(no_file_lets_everyone_in),
	};
	return cmocka_run_group_tests(tests, make_file, remove_file);
}
