/* plugin/runs: the table of its header row by row, all short sequences of events, and agents that
 * give up, vanish and ask again: N equal nodes get N runs and N results. */
#include "plugin/runs.h"
#include "tests/plugin/table.h"

#define WITHIN 20
#define TTL 100
#define SIZE 10

/* ---- a world in which nothing happens by itself ---- */

struct guest_run {
	struct run run; /* first */
	bool started, dropped;
	enum runs_end end;
};

struct visitor {
	struct caller caller; /* first */
	bool left, answered;
	enum runs_answer answer;
	struct run *result;
};

static bool is_full;
static unsigned wakes, looks;

static bool start(struct run *run)
{
	((struct guest_run *)run)->started = !is_full;
	return !is_full;
}

static void look(struct caller *const *callers, size_t count, bool *have_left)
{
	assert_in_range(count, 1, RUNS_LOOK_MAX);
	looks++;
	for (size_t i = 0; i < count; i++)
		have_left[i] = ((const struct visitor *)callers[i])->left;
}

static void answer(struct caller *caller, struct run *run, enum runs_answer how)
{
	struct visitor *visitor = (struct visitor *)caller;
	assert_false(visitor->answered);
	visitor->answered = true;
	visitor->answer = how;
	visitor->result = how == RUNS_RESULT ? run : NULL;
}

static void drop(struct run *run, enum runs_end end)
{
	struct guest_run *guest = (struct guest_run *)run;
	assert_false(guest->dropped);
	guest->dropped = true;
	guest->end = end;
}

static void wake(void *env)
{
	(void)env;
	wakes++;
}

static struct runs *create(size_t kept_bytes)
{
	const struct runs_setting setting = {
	    .reply_within_ms = WITHIN,
	    .result_ttl_ms = TTL,
	    .kept_bytes = kept_bytes,
	    .start = start,
	    .look = look,
	    .answer = answer,
	    .drop = drop,
	    .wake = wake,
	};
	struct error err = ERROR_INIT;
	is_full = false;
	wakes = 0;
	struct runs *runs = runs_create(&setting, &err);
	assert_non_null(runs);
	return runs;
}

static struct digest digest_number(unsigned number)
{
	return (struct digest){.bytes = {(uint8_t)number, (uint8_t)(number >> 8)}};
}

static enum runs_taken call(struct runs *runs, unsigned digest, struct visitor *visitor,
                            struct guest_run *fresh, uint64_t now)
{
	const struct digest bytes = digest_number(digest);
	*visitor = (struct visitor){0};
	return runs_call(runs, &bytes, &visitor->caller, &fresh->run, now);
}

/* ---- the table, row by row ---- */

/* A run in that state, of digest 1, whose caller is `first`. At time 0. */
static struct runs *in_state(enum run_state state, struct visitor *first, struct guest_run *run)
{
	struct runs *runs = create(SIZE_MAX);
	*run = (struct guest_run){0};
	assert_int_equal(call(runs, 1, first, run, 0), RUNS_STARTED);
	if (state == RUN_LOOSE || state == RUN_KEPT) {
		assert_int_equal(runs_tick(runs, WITHIN), RUNS_NEVER);
		assert_true(first->answered);
		assert_int_equal(first->answer, RUNS_RUNNING);
	}
	if (state == RUN_DELIVERING || state == RUN_KEPT)
		runs_ended(runs, &run->run, SIZE, WITHIN);
	assert_int_equal(run->run.state, state);
	return runs;
}

static void an_equal_call_comes(void **state)
{
	(void)state;
	static const struct {
		enum run_state state;
		bool left;
		enum runs_taken taken;
		bool answered; /* the new caller, with a result */
	} rows[] = {
	    {RUN_ATTACHED, false, RUNS_STARTED, false},  {RUN_ATTACHED, true, RUNS_JOINED, false},
	    {RUN_LOOSE, false, RUNS_JOINED, false},      {RUN_DELIVERING, false, RUNS_STARTED, false},
	    {RUN_DELIVERING, true, RUNS_STARTED, false}, {RUN_KEPT, false, RUNS_JOINED, true},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct visitor first, second;
		struct guest_run run, other = {0};
		struct runs *runs = in_state(rows[i].state, &first, &run);
		first.left = rows[i].left;
		assert_int_equal(call(runs, 1, &second, &other, WITHIN), rows[i].taken);
		assert_int_equal(other.started, rows[i].taken == RUNS_STARTED);
		assert_int_equal(second.answered, rows[i].answered);
		if (rows[i].answered)
			assert_ptr_equal(second.result, &run.run);
		if (rows[i].taken == RUNS_JOINED)
			assert_ptr_equal(second.caller.run, &run.run);
		if (rows[i].left && rows[i].taken == RUNS_JOINED)
			assert_int_equal(first.answer, RUNS_RUNNING);
		/* One with other bytes never joins. */
		struct visitor third;
		struct guest_run strange = {0};
		assert_int_equal(call(runs, 2, &third, &strange, WITHIN), RUNS_STARTED);
		runs_destroy(runs);
	}
}

static void the_time_is_up(void **state)
{
	(void)state;
	struct visitor first, second;
	struct guest_run run, other = {0};
	struct runs *runs = in_state(RUN_ATTACHED, &first, &run);
	assert_int_equal(wakes, 1);
	assert_int_equal(call(runs, 1, &second, &other, 5), RUNS_STARTED);
	assert_int_equal(wakes, 1);
	assert_int_equal(runs_tick(runs, WITHIN - 1), WITHIN);
	assert_false(first.answered);
	assert_int_equal(runs_tick(runs, WITHIN), WITHIN + 5);
	assert_true(first.answered);
	assert_int_equal(first.answer, RUNS_RUNNING);
	assert_null(first.caller.run);
	assert_int_equal(run.run.state, RUN_LOOSE);
	assert_false(second.answered);
	assert_int_equal(runs_tick(runs, WITHIN + 5), RUNS_NEVER);
	assert_int_equal(second.answer, RUNS_RUNNING);
	runs_destroy(runs);
}

static void the_run_ends(void **state)
{
	(void)state;
	static const struct {
		enum run_state before;
		bool left;
		enum run_state after;
	} rows[] = {
	    {RUN_ATTACHED, false, RUN_DELIVERING},
	    {RUN_ATTACHED, true, RUN_KEPT},
	    {RUN_LOOSE, false, RUN_KEPT},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct visitor first;
		struct guest_run run;
		struct runs *runs = in_state(rows[i].before, &first, &run);
		first.left = rows[i].left;
		runs_ended(runs, &run.run, SIZE, WITHIN);
		assert_int_equal(run.run.state, rows[i].after);
		assert_int_equal(first.answer,
		                 rows[i].after == RUN_DELIVERING ? RUNS_RESULT : RUNS_RUNNING);
		runs_destroy(runs);
		assert_int_equal(run.end, RUNS_STOPPED);
	}
}

static void the_connection_is_done(void **state)
{
	(void)state;
	static const struct {
		enum run_state before;
		bool was_sent, dropped;
		enum run_state after;
	} rows[] = {
	    {RUN_DELIVERING, true, true, RUN_NEW},
	    {RUN_DELIVERING, false, false, RUN_KEPT},
	    {RUN_ATTACHED, false, false, RUN_LOOSE},
	    {RUN_LOOSE, true, false, RUN_LOOSE}, /* the caller was told that it runs */
	    {RUN_KEPT, true, false, RUN_KEPT},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct visitor first;
		struct guest_run run;
		struct runs *runs = in_state(rows[i].before, &first, &run);
		runs_delivered(runs, &first.caller, rows[i].was_sent, WITHIN);
		assert_int_equal(run.dropped, rows[i].dropped);
		if (rows[i].dropped)
			assert_int_equal(run.end, RUNS_COLLECTED);
		else
			assert_int_equal(run.run.state, rows[i].after);
		assert_null(first.caller.run);
		runs_delivered(runs, &first.caller, true, WITHIN);
		runs_destroy(runs);
	}
}

static void a_result_waits_and_is_dropped(void **state)
{
	(void)state;
	struct visitor first, second;
	struct guest_run run, other = {0};
	struct runs *runs = in_state(RUN_KEPT, &first, &run);
	assert_int_equal(runs_tick(runs, WITHIN + TTL - 1), WITHIN + TTL);
	assert_false(run.dropped);
	assert_int_equal(runs_tick(runs, WITHIN + TTL), RUNS_NEVER);
	assert_true(run.dropped);
	assert_int_equal(run.end, RUNS_EXPIRED);
	assert_int_equal(call(runs, 1, &second, &other, WITHIN + TTL), RUNS_STARTED);
	runs_destroy(runs);
}

static void the_oldest_result_goes_when_there_are_too_many(void **state)
{
	(void)state;
	struct runs *runs = create(3 * SIZE);
	struct visitor visitors[4];
	struct guest_run guests[5] = {0};
	for (unsigned i = 0; i < 4; i++) {
		call(runs, i, &visitors[i], &guests[i], i);
		visitors[i].left = true;
		runs_ended(runs, &guests[i].run, SIZE, i);
	}
	assert_true(guests[0].dropped);
	assert_int_equal(guests[0].end, RUNS_CROWDED);
	for (unsigned i = 1; i < 4; i++)
		assert_int_equal(guests[i].run.state, RUN_KEPT);
	/* What is collected makes room. */
	struct visitor again, last;
	assert_int_equal(call(runs, 2, &again, &guests[4], 5), RUNS_JOINED);
	runs_delivered(runs, &again.caller, true, 5);
	assert_true(guests[2].dropped);
	call(runs, 9, &last, &guests[4], 6);
	last.left = true;
	runs_ended(runs, &guests[4].run, SIZE, 6);
	assert_false(guests[1].dropped);
	/* One that is larger than all the room is not kept at all. */
	struct visitor large;
	struct guest_run giant = {0};
	call(runs, 10, &large, &giant, 7);
	large.left = true;
	runs_ended(runs, &giant.run, 4 * SIZE, 7);
	assert_true(giant.dropped);
	runs_destroy(runs);
}

static void a_full_queue_still_lets_join(void **state)
{
	(void)state;
	struct visitor first, second, third;
	struct guest_run run, other = {0};
	struct runs *runs = in_state(RUN_LOOSE, &first, &run);
	is_full = true;
	assert_int_equal(call(runs, 1, &second, &other, WITHIN), RUNS_JOINED);
	assert_int_equal(call(runs, 1, &third, &other, WITHIN), RUNS_FULL);
	assert_null(third.caller.run);
	assert_false(third.answered);
	runs_destroy(runs);
}

static void stopping_answers_all(void **state)
{
	(void)state;
	struct visitor first, second, third, fourth;
	struct guest_run run = {0}, other = {0}, kept;
	struct runs *runs = in_state(RUN_KEPT, &first, &kept);
	call(runs, 2, &second, &run, WITHIN);
	call(runs, 3, &third, &other, WITHIN);
	runs_ended(runs, &other.run, SIZE, WITHIN);
	runs_stop(runs);
	assert_true(kept.dropped);
	assert_int_equal(second.answer, RUNS_STOPPING);
	assert_int_equal(third.answer, RUNS_RESULT);
	struct guest_run late = {0};
	assert_int_equal(call(runs, 4, &fourth, &late, WITHIN), RUNS_CLOSED);
	runs_delivered(runs, &third.caller, false, WITHIN);
	assert_int_equal(other.end, RUNS_STOPPED);
	assert_int_equal(runs_tick(runs, 10 * WITHIN), RUNS_NEVER);
	runs_destroy(runs);
}

/* ---- all sequences of events ---- */

#define VISITORS 2
#define EVENTS                                                                                     \
	10 /* call, leave, sent, lost of each visitor; a run ends (the oldest); time is up             \
	    */
#define LENGTH 6
#define RUNS_MAX (LENGTH + 1)

struct world {
	struct runs *runs;
	struct visitor visitors[VISITORS];
	bool is_visiting[VISITORS];
	struct guest_run guests[RUNS_MAX];
	bool has_ended[RUNS_MAX];
	unsigned guest_count, collected;
	uint64_t now;
};

/* False when the event cannot happen now. */
static bool happen(struct world *world, unsigned event)
{
	unsigned who = event % VISITORS;
	struct visitor *visitor = &world->visitors[who];
	bool *is_visiting = &world->is_visiting[who];
	switch (event / VISITORS) {
	case 0:
		if (*is_visiting)
			return false;
		*is_visiting = true;
		if (call(world->runs, 1, visitor, &world->guests[world->guest_count], world->now) ==
		    RUNS_STARTED)
			world->guest_count++;
		return true;
	case 1:
		if (!*is_visiting || visitor->answered || visitor->left)
			return false;
		visitor->left = true;
		return true;
	case 2: /* a reply gets through, unless its reader has left */
	case 3:
		if (!*is_visiting || !visitor->answered || (event / VISITORS == 2 && visitor->left))
			return false;
		*is_visiting = false;
		world->collected += event / VISITORS == 2 && visitor->answer == RUNS_RESULT;
		runs_delivered(world->runs, &visitor->caller, event / VISITORS == 2, world->now);
		return true;
	default:
		if (who == 0) {
			world->now += WITHIN;
			runs_tick(world->runs, world->now);
			return true;
		}
		for (unsigned i = 0; i < world->guest_count; i++) {
			if (!world->has_ended[i]) {
				world->has_ended[i] = true;
				runs_ended(world->runs, &world->guests[i].run, SIZE, world->now);
				return true;
			}
		}
		return false;
	}
}

/* What must hold whatever has happened. */
static void check(const struct world *world)
{
	unsigned dropped = 0;
	for (unsigned i = 0; i < world->guest_count; i++) {
		const struct guest_run *guest = &world->guests[i];
		unsigned holders = 0;
		for (unsigned j = 0; j < VISITORS; j++)
			holders += world->visitors[j].caller.run == &guest->run;
		if (guest->dropped) {
			dropped += guest->end == RUNS_COLLECTED;
			assert_int_equal(holders, 0);
			continue;
		}
		enum run_state state = guest->run.state;
		assert_int_equal(holders, state == RUN_ATTACHED || state == RUN_DELIVERING);
		assert_int_equal(world->has_ended[i], state == RUN_DELIVERING || state == RUN_KEPT);
	}
	assert_int_equal(dropped, world->collected);
	/* Never more runs that nobody has than callers that went without a result. */
	for (unsigned j = 0; j < VISITORS; j++) {
		const struct visitor *visitor = &world->visitors[j];
		if (world->is_visiting[j] && !visitor->answered)
			assert_non_null(visitor->caller.run);
	}
}

static void all_sequences(void **state)
{
	(void)state;
	unsigned powers[LENGTH + 1] = {1}, possible = 0;
	for (unsigned i = 0; i < LENGTH; i++)
		powers[i + 1] = powers[i] * EVENTS;
	/* The digits of a number are a sequence, the first event highest. Numbers that begin with what
	 * cannot happen are skipped. */
	for (unsigned number = 0; number < powers[LENGTH];) {
		struct world world = {.runs = create(SIZE_MAX)};
		unsigned place = LENGTH;
		while (place > 0 && happen(&world, number / powers[place - 1] % EVENTS)) {
			check(&world);
			place--;
		}
		possible += place == 0;
		number = place == 0 ? number + 1 : (number / powers[place - 1] + 1) * powers[place - 1];
		runs_destroy(world.runs);
	}
	assert_true(possible > 1000);
}

/* ---- agents ---- */

#define NODES 48
#define DIGESTS 5

/* A node of a workflow in the hands of an agent. */
struct node {
	unsigned digest;
	bool is_done;
	struct visitor *visitor; /* NULL: not asking now */
};

/* What one agent's life is made of, one small thing at a time, in any order. Every visitor stays
 * where it is, for the server may hold one whose agent is long gone. */
struct model {
	struct runs *runs;
	struct node nodes[NODES];
	struct visitor *visitors[100000];
	size_t visitor_count;
	struct guest_run *guests[NODES + 1];
	bool has_ended[NODES + 1];
	size_t guest_count;
	uint64_t now;
	unsigned done;
};

static uint32_t random_state;

static uint32_t random_below(uint32_t bound)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 17;
	random_state ^= random_state << 5;
	return random_state % bound;
}

static void ask(struct model *model, struct node *node)
{
	struct guest_run *fresh = calloc(1, sizeof *fresh);
	struct visitor *visitor = calloc(1, sizeof *visitor);
	assert_true(model->visitor_count < COUNT(model->visitors));
	model->visitors[model->visitor_count++] = visitor;
	node->visitor = visitor;
	if (call(model->runs, node->digest, visitor, fresh, model->now) == RUNS_STARTED) {
		if (model->guest_count >= NODES)
			fail_msg("more runs than nodes");
		model->guests[model->guest_count++] = fresh;
	} else {
		free(fresh);
	}
}

/* The agent reads its answer, or the connection breaks under it. */
static void read_answer(struct model *model, struct node *node)
{
	struct visitor *visitor = node->visitor;
	bool was_sent = random_below(4) != 0;
	node->visitor = NULL;
	if (was_sent && visitor->answer == RUNS_RESULT) {
		assert_int_equal(((struct guest_run *)visitor->result)->run.digest.bytes[0], node->digest);
		node->is_done = true;
		model->done++;
	}
	runs_delivered(model->runs, &visitor->caller, was_sent, model->now);
}

static void end_some_run(struct model *model)
{
	size_t i = random_below((uint32_t)model->guest_count + 1);
	if (i < model->guest_count && !model->has_ended[i]) {
		model->has_ended[i] = true;
		runs_ended(model->runs, &model->guests[i]->run, SIZE, model->now);
	}
}

static void do_something(struct model *model)
{
	struct node *node = &model->nodes[random_below(NODES)];
	switch (random_below(8)) {
	case 0:
	case 1:
	case 2:
		if (!node->is_done && node->visitor == NULL)
			ask(model, node);
		else if (node->visitor != NULL && node->visitor->answered)
			read_answer(model, node);
		break;
	case 3: /* the agent's patience ends, or it is killed */
		if (node->visitor != NULL && !node->visitor->answered) {
			node->visitor->left = true;
			node->visitor = NULL;
		}
		break;
	case 4:
		end_some_run(model);
		break;
	default:
		model->now += random_below(6);
		if (random_below(2) == 0)
			runs_tick(model->runs, model->now);
		break;
	}
}

static void equal_nodes_get_a_run_each(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed <= 300; seed++) {
		const struct runs_setting setting = {.reply_within_ms = WITHIN,
		                                     .result_ttl_ms = UINT32_MAX,
		                                     .kept_bytes = SIZE_MAX,
		                                     .start = start,
		                                     .look = look,
		                                     .answer = answer,
		                                     .drop = drop,
		                                     .wake = wake};
		struct error err = ERROR_INIT;
		struct model *model = calloc(1, sizeof *model);
		unsigned nodes[DIGESTS] = {0}, ran[DIGESTS] = {0};
		is_full = false;
		model->runs = runs_create(&setting, &err);
		random_state = seed * 2654435761u;
		for (size_t i = 0; i < NODES; i++)
			nodes[model->nodes[i].digest = random_below(DIGESTS)]++;
		for (unsigned i = 0; model->done < NODES; i++) {
			if (i == 90000)
				fail_msg("seed %u: %u of %u nodes are done", seed, model->done, NODES);
			do_something(model);
		}
		for (size_t i = 0; i < model->guest_count; i++) {
			ran[model->guests[i]->run.digest.bytes[0]]++;
			assert_true(model->guests[i]->dropped);
			assert_int_equal(model->guests[i]->end, RUNS_COLLECTED);
			free(model->guests[i]);
		}
		for (size_t i = 0; i < DIGESTS; i++)
			assert_int_equal(ran[i], nodes[i]);
		runs_destroy(model->runs);
		for (size_t i = 0; i < model->visitor_count; i++)
			free(model->visitors[i]);
		free(model);
	}
}

/* Each call looked at every caller of an equal run, one by one: of 1,000 at a time the most of what
 * a step took. */
static void many_equal_callers_are_looked_at_together(void **state)
{
	(void)state;
	enum { MANY = 3 * RUNS_LOOK_MAX, LEFT = 2 * RUNS_LOOK_MAX + 5 };
	struct runs *runs = create(SIZE_MAX);
	struct visitor *visitors = calloc(MANY + 2, sizeof *visitors);
	struct guest_run *guests = calloc(MANY + 2, sizeof *guests);
	for (size_t i = 0; i < MANY; i++)
		assert_int_equal(call(runs, 1, &visitors[i], &guests[i], 0), RUNS_STARTED);
	looks = 0;
	assert_int_equal(call(runs, 1, &visitors[MANY], &guests[MANY], 0), RUNS_STARTED);
	assert_int_equal(looks, 3);
	/* Whoever of them has left, the next call has his run. */
	visitors[LEFT].left = true;
	assert_int_equal(call(runs, 1, &visitors[MANY + 1], &guests[MANY + 1], 0), RUNS_JOINED);
	assert_ptr_equal(visitors[MANY + 1].caller.run, &guests[LEFT].run);
	assert_int_equal(visitors[LEFT].answer, RUNS_RUNNING);
	assert_true(visitors[LEFT].answered);
	runs_stop(runs);
	for (size_t i = 0; i <= MANY; i++)
		runs_ended(runs, &guests[i].run, SIZE, 1);
	runs_destroy(runs);
	free(visitors);
	free(guests);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_equal_call_comes),
	    cmocka_unit_test(the_time_is_up),
	    cmocka_unit_test(the_run_ends),
	    cmocka_unit_test(the_connection_is_done),
	    cmocka_unit_test(a_result_waits_and_is_dropped),
	    cmocka_unit_test(the_oldest_result_goes_when_there_are_too_many),
	    cmocka_unit_test(a_full_queue_still_lets_join),
	    cmocka_unit_test(stopping_answers_all),
	    cmocka_unit_test(all_sequences),
	    cmocka_unit_test(equal_nodes_get_a_run_each),
	    cmocka_unit_test(many_equal_callers_are_looked_at_together),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
