/* poll_oneoff in the layouts of both snapshots. The clock is fixed: sleeping moves it at once. */
#include "tests/wasi/guest_module.h"

#define SUBS 1000u
#define EVENTS 4000u
#define COUNT 400u

struct layout {
	uint32_t size, clock; /* of a subscription, and where its clock id stands */
};

static const struct layout layout_1 = {48, 16}, layout_0 = {56, 24};

static void put_clock(struct guest_run *run, struct layout layout, uint32_t index, uint32_t id,
                      uint64_t timeout, uint16_t flags)
{
	uint32_t at = SUBS + index * layout.size;
	put_u64(run, at, 100 + index);
	put_u64(run, at + 8, EVENTTYPE_CLOCK);
	put_u32(run, at + layout.clock, id);
	put_u64(run, at + layout.clock + 8, timeout);
	put_u32(run, at + layout.clock + 24, flags);
}

static void put_fd(struct guest_run *run, struct layout layout, uint32_t index, uint32_t type,
                   uint32_t fd)
{
	uint32_t at = SUBS + index * layout.size;
	put_u64(run, at, 100 + index);
	put_u64(run, at + 8, type);
	put_u32(run, at + 16, fd);
}

struct event {
	uint64_t userdata;
	uint32_t error, type;
	uint64_t available;
};

static struct event event_at(const struct guest_run *run, uint32_t index)
{
	uint32_t at = EVENTS + index * EVENT_SIZE;
	return (struct event){get_u64(run, at), get_u32(run, at + 8) & 0xffff, run->memory[at + 10],
	                      get_u64(run, at + 16)};
}

static uint32_t poll(struct guest_run *run, uint32_t count)
{
	assert_int_equal(CALL(run, poll_oneoff, SUBS, EVENTS, count, COUNT), WASI_ESUCCESS);
	return get_u32(run, COUNT);
}

static uint64_t now(struct guest_run *run)
{
	assert_int_equal(CALL(run, clock_time_get, CLOCK_ID_REALTIME, 0, 0), WASI_ESUCCESS);
	return get_u64(run, 0);
}

/* The nearest of three clocks fires alone; the time has passed then. */
static void nearest_clock(struct guest_run *run, struct layout layout)
{
	put_clock(run, layout, 0, CLOCK_ID_MONOTONIC, 5000, 0);
	put_clock(run, layout, 1, CLOCK_ID_REALTIME, 1000 + 300, SUBCLOCK_ABSTIME);
	put_clock(run, layout, 2, CLOCK_ID_REALTIME, 400, 0);
	assert_int_equal(poll(run, 3), 1);
	assert_int_equal(event_at(run, 0).userdata, 101);
	assert_int_equal(event_at(run, 0).error, WASI_ESUCCESS);
	assert_int_equal(event_at(run, 0).type, EVENTTYPE_CLOCK);
	assert_int_equal(now(run), 1300);
}

static void nearest_clock_of_snapshot_1(void **state)
{
	nearest_clock(*state, layout_1);
}

static void nearest_clock_of_snapshot_0(void **state)
{
	nearest_clock(*state, layout_0);
}

static void past_deadline_takes_no_time(void **state)
{
	struct guest_run *run = *state;
	put_clock(run, layout_1, 0, CLOCK_ID_REALTIME, 3, SUBCLOCK_ABSTIME);
	assert_int_equal(poll(run, 1), 1);
	assert_int_equal(now(run), 1000);
}

static void ready_descriptors_come_before_clocks(void **state)
{
	struct guest_run *run = *state;
	put_clock(run, layout_1, 0, CLOCK_ID_REALTIME, 1000, 0);
	put_fd(run, layout_1, 1, EVENTTYPE_FD_READ, 0);
	put_fd(run, layout_1, 2, EVENTTYPE_FD_WRITE, 1);
	assert_int_equal(poll(run, 3), 2);
	assert_int_equal(event_at(run, 0).userdata, 101);
	assert_int_equal(event_at(run, 0).type, EVENTTYPE_FD_READ);
	assert_int_equal(event_at(run, 0).available, 5);
	assert_int_equal(event_at(run, 1).userdata, 102);
	assert_int_equal(now(run), 1000);
}

static void descriptors_of_snapshot_0(void **state)
{
	struct guest_run *run = *state;
	put_fd(run, layout_0, 0, EVENTTYPE_FD_WRITE, 2);
	put_fd(run, layout_0, 1, EVENTTYPE_FD_READ, 0);
	assert_int_equal(poll(run, 2), 2);
	assert_int_equal(event_at(run, 1).available, 5);
}

static void bad_subscriptions_are_events_with_errors(void **state)
{
	struct guest_run *run = *state;
	put_fd(run, layout_1, 0, EVENTTYPE_FD_READ, 99);
	put_fd(run, layout_1, 1, EVENTTYPE_FD_READ, 1);
	put_clock(run, layout_1, 2, 9, 1000, 0);
	put_clock(run, layout_1, 3, CLOCK_ID_REALTIME, UINT64_MAX, 0);
	assert_int_equal(poll(run, 4), 3);
	assert_int_equal(event_at(run, 0).error, WASI_EBADF);
	assert_int_equal(event_at(run, 1).error, WASI_ENOTCAPABLE);
	assert_int_equal(event_at(run, 2).error, WASI_EINVAL);
	put_fd(run, layout_1, 0, 3, 0);
	assert_int_equal(CALL(run, poll_oneoff, SUBS, EVENTS, 1, COUNT), WASI_EINVAL);
}

#define FULL(test) cmocka_unit_test_setup_teardown(test, guest_setup_full, guest_teardown)
#define OLD(test) cmocka_unit_test_setup_teardown(test, guest_setup_snapshot_0, guest_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    FULL(nearest_clock_of_snapshot_1), OLD(nearest_clock_of_snapshot_0),
	    FULL(past_deadline_takes_no_time), FULL(ready_descriptors_come_before_clocks),
	    OLD(descriptors_of_snapshot_0),    FULL(bad_subscriptions_are_events_with_errors),
	};
	return cmocka_run_group_tests_name("wasi/poll", tests, NULL, NULL);
}
