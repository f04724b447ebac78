/* plugin/secret: keys from files, and from where an SDK finds them. */
#include "plugin/secret.h"

#include "tests/plugin/folder.h"
#include "tests/plugin/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *write_text(const char *folder, const char *name, const char *text)
{
	static char path[300];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	return path;
}

static void files(void **state)
{
	static char large[70000];
	memset(large, 'x', sizeof large - 1);
	static const struct {
		const char *text, *secret, *words;
	} rows[] = {
	    {"key", "key", NULL},
	    {"two words\r\n\n", "two words", NULL},
	    {"", NULL, "is empty"},
	    {" \n", NULL, "is empty"},
	    {large, NULL, "is larger than a key may be"},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct error err = ERROR_INIT;
		cleanup_secret char *secret = secret_of_file(write_text(*state, "key", rows[i].text), &err);
		assert_int_equal(secret != NULL, rows[i].secret != NULL);
		if (secret != NULL)
			assert_string_equal(secret, rows[i].secret);
		else
			assert_in(rows[i].words, err.message);
	}
	struct error err = ERROR_INIT;
	assert_null(secret_of_file("/nonexistent/key", &err));
	assert_in("/nonexistent/key: No such file", err.message);
}

static void forget(void)
{
	static const char *const names[] = {"AWS_ACCESS_KEY_ID",           "AWS_SECRET_ACCESS_KEY",
	                                    "AWS_SESSION_TOKEN",           "AWS_PROFILE",
	                                    "AWS_SHARED_CREDENTIALS_FILE", "HOME"};
	for (size_t i = 0; i < COUNT(names); i++)
		unsetenv(names[i]);
}

static void assert_keys(const char *id, const char *secret, const char *token)
{
	struct store_keys keys = {0};
	struct error err = ERROR_INIT;
	if (!store_keys_of_sdk(&keys, &err))
		fail_msg("%s", err.message);
	assert_string_equal(keys.id, id);
	assert_string_equal(keys.secret, secret);
	if (token == NULL)
		assert_null(keys.token);
	else
		assert_string_equal(keys.token, token);
	store_keys_clear(&keys);
}

static void keys_of_an_sdk(void **state)
{
	forget();
	struct store_keys keys = {0};
	struct error err = ERROR_INIT;
	assert_false(store_keys_of_sdk(&keys, &err));
	assert_in("AWS_ACCESS_KEY_ID", err.message);

	setenv("AWS_SHARED_CREDENTIALS_FILE",
	       write_text(*state, "credentials",
	                  "[other]\naws_access_key_id=o\naws_secret_access_key = os \r\n\n# a note\n"
	                  "[default]\naws_access_key_id = d\naws_secret_access_key=d=s\n"
	                  "aws_session_token=dt\n[default-like]\naws_access_key_id=no\n"),
	       1);
	assert_keys("d", "d=s", "dt");
	setenv("AWS_PROFILE", "other", 1);
	assert_keys("o", "os", NULL);
	setenv("AWS_PROFILE", "none", 1);
	err = (struct error)ERROR_INIT;
	assert_false(store_keys_of_sdk(&keys, &err));

	setenv("AWS_ACCESS_KEY_ID", "e", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "es", 1);
	assert_keys("e", "es", NULL);
	forget();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(files, folder_make, folder_remove),
	    cmocka_unit_test_setup_teardown(keys_of_an_sdk, folder_make, folder_remove),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
