/* Jobs done by contenders in turns, so that a change in the machine's speed strikes all alike. */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include "bench/process.h"

/* Does the job once and fills *result as process_run() does. */
typedef bool cell_function(void *env, struct process_result *result, struct error *err);

/* A job and who does it. What is const char * is borrowed. */
struct cell {
	const char *job, *contender;
	cell_function *run;
	void *env;
	const char *expected; /* the output; NULL: what the job's first cell printed */
	int expected_status;
	bool may_refuse;    /* it is left out when its first run ends with another exit status and says
	                       why; dying of a signal is no refusal */
	unsigned burst_max; /* runs in a round at most; 0: MEASURE_BURST_MAX */

	/* Filled by measure_cells(). */
	char refusal[256];   /* not empty: it was left out, and why */
	double *wall, *user; /* seconds, one for each round: the median of its runs */
	size_t count;
	double *runs; /* the wall time of each run of these rounds */
	size_t run_count;
	bool is_wrong; /* its contender did wrong in the first round */
};

struct measure_options {
	const char *title; /* for the progress line */
	unsigned warm_ups, rounds;

	/* From the second round on, neighbours of the same job go in an order that is another one each
	 * round: what a run leaves in the caches would else favour always the same one behind it. */
	bool shuffles;

	/* On a slow machine no round begins after that time, from rounds_min on. 0: all do. */
	double seconds;
	unsigned rounds_min;

	/* A cell is run several times in a round until that time is over, at most MEASURE_BURST_MAX
	 * times: what takes less than a turn of the scheduler would scatter by the other work on the
	 * machine and not by itself. 0: once. */
	double burst_seconds;

	/* After the rounds, cells whose wall time spreads by more than SPREAD_LIMIT (bench/stats.h) go
	 * on, until none does, they have had `rounds_max` rounds, or that time is over. 0: none does.
	 * With each of these rounds goes one of the same job by `reference`, to which it is compared:
	 * else what the machine does meanwhile would strike one of the two alone. NULL: none. */
	double settle_seconds;
	unsigned rounds_max;
	const char *reference; /* a contender */
};

#define MEASURE_BURST_MAX 15

/* Every round runs every cell; the figures of the warm-ups, of one run each, are not kept. Each
 * run's output and exit status are checked: false, with *err saying which contender did what, when
 * one is not as expected. The first round goes to its end before that, so that *err has a line for
 * each contender that does wrong; later ones end there. */
bool measure_cells(struct cell *cells, size_t count, const struct measure_options *options,
                   struct error *err);
void cells_clear(struct cell *cells, size_t count);

/* For cells that run a program: env is its `char **argv`. */
cell_function measure_command;

#endif
