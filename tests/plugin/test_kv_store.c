#include "tests/plugin/table.h"

#include "plugin/kv_store.h"

#include <errno.h>

static uint64_t now;

static uint64_t clock_of_test(void)
{
	return now;
}

static struct kv_store *store_of(struct kv_limits limits)
{
	struct error err = ERROR_INIT;
	struct kv_store *store = kv_store_create(&limits, &err);
	assert_non_null(store);
	kv_store_set_clock(store, clock_of_test);
	return store;
}

static struct kv_bytes text(const char *words)
{
	return (struct kv_bytes){words, strlen(words)};
}

static int put(struct kv_store *store, const char *space, const char *key, const char *value)
{
	struct error err = ERROR_INIT;
	int result = kv_store_put(store, space, text(key), text(value), &err);
	assert_int_equal(result == 0, err.kind == ERROR_NONE);
	return result;
}

/* The value, or "-". */
static const char *get(struct kv_store *store, const char *space, const char *key)
{
	static char value[KV_VALUE_MAX + 1];
	struct error err = ERROR_INIT;
	size_t size = 0;
	if (kv_store_get(store, space, text(key), value, &size, &err) < 0)
		return "-";
	value[size] = '\0';
	return value;
}

/* Keys with commas behind them. */
static const char *list(struct kv_store *store, const char *prefix, const char *after, size_t room)
{
	static char keys[4096];
	assert_true(room < sizeof keys);
	size_t size = kv_store_list(store, "a", text(prefix), text(after), keys, room);
	for (size_t i = 0; i < size; i++)
		keys[i] = keys[i] == '\0' ? ',' : keys[i];
	keys[size] = '\0';
	return keys;
}

static void values_are_kept_for_each_workflow(void **state)
{
	(void)state;
	struct kv_store *store = store_of((struct kv_limits){0});
	assert_string_equal(get(store, "a", "k"), "-");
	assert_int_equal(put(store, "a", "k", "one"), 0);
	assert_int_equal(put(store, "b", "k", "two"), 0);
	assert_string_equal(get(store, "a", "k"), "one");
	assert_string_equal(get(store, "b", "k"), "two");
	assert_int_equal(put(store, "a", "k", ""), 0);
	assert_string_equal(get(store, "a", "k"), "");
	struct error err = ERROR_INIT;
	assert_int_equal(kv_store_delete(store, "a", text("k"), &err), 0);
	assert_int_equal(kv_store_delete(store, "a", text("k"), &err), -ENOENT);
	assert_string_equal(get(store, "a", "k"), "-");
	assert_string_equal(get(store, "b", "k"), "two");
	kv_store_destroy(store);
}

static void keys_come_in_their_order(void **state)
{
	(void)state;
	struct kv_store *store = store_of((struct kv_limits){0});
	static const char *const keys[] = {"b", "a", "ab", "c", "abc", "b/2", "b/1", "\xff"};
	assert_string_equal(list(store, "", "", 100), "");
	for (size_t i = 0; i < COUNT(keys); i++)
		assert_int_equal(put(store, "a", keys[i], "v"), 0);
	assert_string_equal(list(store, "", "", 100), "a,ab,abc,b,b/1,b/2,c,\xff,");
	assert_string_equal(list(store, "ab", "", 100), "ab,abc,");
	assert_string_equal(list(store, "b", "b", 100), "b/1,b/2,");
	assert_string_equal(list(store, "b/", "b/1", 100), "b/2,");
	assert_string_equal(list(store, "b", "a", 100), "b,b/1,b/2,");
	assert_string_equal(list(store, "", "bb", 100), "c,\xff,");
	assert_string_equal(list(store, "", "\xff", 100), "");
	assert_string_equal(list(store, "", "", 5), "a,ab,");
	assert_string_equal(list(store, "", "", 1), "");
	kv_store_destroy(store);
}

static void what_is_no_key(void **state)
{
	(void)state;
	static char key[KV_KEY_MAX + 2], value[KV_VALUE_MAX + 1];
	struct kv_store *store = store_of((struct kv_limits){0});
	struct error err = ERROR_INIT;
	memset(key, 'k', sizeof key - 1);
	assert_int_equal(put(store, "a", "", "v"), -EINVAL);
	assert_int_equal(put(store, "a", key, "v"), -EINVAL);
	key[KV_KEY_MAX] = '\0';
	assert_int_equal(put(store, "a", key, "v"), 0);
	assert_int_equal(kv_store_put(store, "a", (struct kv_bytes){"a\0b", 3}, text("v"), &err),
	                 -EINVAL);
	error_clear(&err);
	assert_int_equal(
	    kv_store_put(store, "a", text("k"), (struct kv_bytes){value, KV_VALUE_MAX}, &err), 0);
	assert_int_equal(
	    kv_store_put(store, "a", text("k"), (struct kv_bytes){value, KV_VALUE_MAX + 1}, &err),
	    -EFBIG);
	kv_store_destroy(store);
}

static void limits_hold(void **state)
{
	(void)state;
	struct kv_store *store =
	    store_of((struct kv_limits){.entries = 3, .space_bytes = 20, .total_bytes = 30});
	struct error err = ERROR_INIT;
	assert_int_equal(put(store, "a", "1", "x"), 0);
	assert_int_equal(put(store, "a", "2", "x"), 0);
	assert_int_equal(put(store, "a", "3", "x"), 0);
	assert_int_equal(kv_store_put(store, "a", text("4"), text("x"), &err), -ENOSPC);
	assert_in("a workflow may keep is limited to 3 values", err.message);
	error_clear(&err);
	/* in place of another there is room */
	assert_int_equal(put(store, "a", "3", "0123456789abcde"), 0);
	assert_int_equal(kv_store_put(store, "a", text("3"), text("0123456789abcdefg"), &err), -ENOSPC);
	assert_in("a workflow may keep is limited to 20 bytes", err.message);
	error_clear(&err);
	assert_string_equal(get(store, "a", "3"), "0123456789abcde");
	assert_int_equal(put(store, "b", "k", "123456789"), 0);
	assert_int_equal(kv_store_put(store, "c", text("k"), text("x"), &err), -ENOSPC);
	assert_in("all workflows may keep is limited to 30 bytes", err.message);
	error_clear(&err);
	/* what is deleted makes room again */
	assert_int_equal(kv_store_delete(store, "b", text("k"), &err), 0);
	assert_int_equal(put(store, "c", "k", "x"), 0);
	kv_store_destroy(store);
}

static void what_nobody_asks_for_is_forgotten(void **state)
{
	(void)state;
	struct kv_store *store = store_of((struct kv_limits){.total_bytes = 10, .idle_seconds = 100});
	now = 1000;
	assert_int_equal(put(store, "a", "k", "1234"), 0);
	now = 1060;
	assert_int_equal(put(store, "b", "k", "1234"), 0);
	now = 1090;
	assert_string_equal(get(store, "a", "k"), "1234"); /* asked for: kept */
	now = 1161;
	assert_int_equal(put(store, "c", "k", "1234"), 0); /* in the place of b */
	assert_string_equal(get(store, "b", "k"), "-");
	assert_string_equal(get(store, "a", "k"), "1234");
	now = 1300;
	assert_string_equal(get(store, "a", "k"), "-");
	now = 0;
	kv_store_destroy(store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(values_are_kept_for_each_workflow),
	    cmocka_unit_test(keys_come_in_their_order),
	    cmocka_unit_test(what_is_no_key),
	    cmocka_unit_test(limits_hold),
	    cmocka_unit_test(what_nobody_asks_for_is_forgotten),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
