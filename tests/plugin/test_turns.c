/* plugin/turns: whose turn it is. */
#include "plugin/turns.h"
#include "tests/plugin/table.h"

/* Adds one for each letter, then takes all. */
static void order(const char *added, const char *taken)
{
	struct turns turns;
	struct turn items[64];
	char who[64][2], got[65] = "";
	size_t count = strlen(added);
	turns_init(&turns);
	for (size_t i = 0; i < count; i++) {
		who[i][0] = added[i];
		who[i][1] = '\0';
		items[i].who = who[i];
		assert_true(turns_add(&turns, &items[i]));
		assert_int_equal(turns.count, i + 1);
	}
	size_t next[256] = {0};
	for (size_t i = 0; i < count; i++) {
		struct turn *turn = turns_take(&turns);
		got[i] = *turn->who;
		got[i + 1] = '\0';
		/* What one has put there comes in its order. */
		size_t at = (size_t)(turn - items);
		assert_true(at >= next[(unsigned char)got[i]]);
		next[(unsigned char)got[i]] = at + 1;
	}
	assert_null(turns_take(&turns));
	assert_int_equal(turns.count, 0);
	assert_string_equal(got, taken);
}

static void rounds(void **state)
{
	(void)state;
	static const struct {
		const char *added, *taken;
	} rows[] = {
	    {"", ""},       {"aaa", "aaa"},       {"aaab", "abaa"},
	    {"abc", "abc"}, {"aabbcc", "abcabc"}, {"aaaabbbc", "abcababa"},
	    {"bab", "bab"},
	};
	for (size_t i = 0; i < COUNT(rows); i++)
		order(rows[i].added, rows[i].taken);
}

static void a_newcomer_does_not_wait_for_the_crowd(void **state)
{
	(void)state;
	static struct turn crowd[10000];
	struct turns turns;
	struct turn newcomer = {.who = "newcomer"};
	turns_init(&turns);
	for (size_t i = 0; i < COUNT(crowd); i++) {
		crowd[i].who = "crowd";
		assert_true(turns_add(&turns, &crowd[i]));
	}
	assert_true(turns_add(&turns, &newcomer));
	assert_ptr_equal(turns_take(&turns), &crowd[0]);
	assert_ptr_equal(turns_take(&turns), &newcomer);
	while (turns_take(&turns) != NULL)
		;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rounds),
	    cmocka_unit_test(a_newcomer_does_not_wait_for_the_crowd),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
