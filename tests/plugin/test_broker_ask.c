/* What the broker reads of a run that may send anything. */
#include "tests/plugin/table.h"

#include "plugin/broker_ask.h"

static uint8_t packet[BROKER_ASK_MAX + 64];

/* A packet with this head, of the head's size and `behind` bytes more. */
static size_t make(const struct broker_ask *head, size_t behind)
{
	memset(packet, 'x', sizeof packet);
	memcpy(packet, head, sizeof *head);
	return sizeof *head + behind;
}

static bool reads(const struct broker_ask *head, size_t behind)
{
	struct ask ask;
	return broker_ask_read(packet, make(head, behind), &ask);
}

static void parts_stand_one_behind_the_other(void **state)
{
	(void)state;
	const struct broker_ask head = {
	    .kind = ASK_HTTP, .number = 7, .flags = BROKER_FOLLOW, .sizes = {3, 10, 0}};
	struct ask ask;
	size_t size = make(&head, 13);
	memcpy(packet + sizeof head, "GEThttp://a.b", 13);
	assert_true(broker_ask_read(packet, size, &ask));
	assert_int_equal(ask.kind, ASK_HTTP);
	assert_int_equal(ask.number, 7);
	assert_int_equal(ask.flags, BROKER_FOLLOW);
	assert_int_equal(ask.parts[0].size, 3);
	assert_memory_equal(ask.parts[0].bytes, "GET", 3);
	assert_memory_equal(ask.parts[1].bytes, "http://a.b", 10);
	assert_int_equal(ask.parts[2].size, 0);
}

/* Each row at its greatest, and one beyond in each place. */
static void every_row_has_its_bounds(void **state)
{
	(void)state;
	static const struct {
		uint64_t number;
		uint32_t sizes[BROKER_PARTS];
	} rows[] = {
#define ASK_ANY
#define BROKER_ASK(id, capability, number, first, second, third) {number, {first, second, third}},
#include "caps/broker.def"
#undef BROKER_ASK
#undef ASK_ANY
	};
	for (uint32_t kind = 0; kind < BROKER_ASK_COUNT; kind++) {
		struct broker_ask head = {.kind = kind, .number = rows[kind].number};
		size_t sum = 0;
		for (int i = 0; i < BROKER_PARTS; i++) {
			head.sizes[i] = rows[kind].sizes[i];
			sum += head.sizes[i];
		}
		assert_true(sizeof head + sum <= BROKER_ASK_MAX);
		assert_true(reads(&head, sum));
		assert_false(reads(&head, sum + 1));
		if (sum > 0)
			assert_false(reads(&head, sum - 1));
		if (head.number < UINT64_MAX) {
			head.number++;
			assert_false(reads(&head, sum));
			head.number--;
		}
		for (int i = 0; i < BROKER_PARTS; i++) {
			head.sizes[i]++;
			assert_false(reads(&head, sum + 1));
			head.sizes[i] = UINT32_MAX;
			assert_false(reads(&head, sum));
			head.sizes[i] = rows[kind].sizes[i];
		}
	}
}

static void sizes_that_wrap(void **state)
{
	(void)state;
	/* 0xffffffff + 1 is 0, and so the packet's size were right in 32 bits. */
	const struct broker_ask wraps = {.kind = ASK_HTTP, .sizes = {1, UINT32_MAX, 0}};
	assert_false(reads(&wraps, 0));
	const struct broker_ask shares = {.kind = ASK_HTTP, .sizes = {8, 8, 8}};
	assert_false(reads(&shares, 8));
}

static void no_ask_at_all(void **state)
{
	(void)state;
	struct broker_ask head = {.kind = BROKER_ASK_COUNT};
	struct ask ask;
	assert_false(reads(&head, 0));
	head.kind = UINT32_MAX;
	assert_false(reads(&head, 0));
	head.kind = ASK_HELLO;
	for (size_t size = 0; size < sizeof head; size++) {
		make(&head, 0);
		assert_false(broker_ask_read(packet, size, &ask));
	}
	assert_false(reads(&head, 1));
	assert_false(broker_ask_read(packet, BROKER_ASK_MAX + 1, &ask));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(parts_stand_one_behind_the_other),
	    cmocka_unit_test(every_row_has_its_bounds),
	    cmocka_unit_test(sizes_that_wrap),
	    cmocka_unit_test(no_ask_at_all),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
