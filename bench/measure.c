#include "bench/measure.h"

#include "bench/progress.h"
#include "bench/stats.h"
#include "caps/cleanup.h"

#include <string.h>

#define SHUFFLE_SEED UINT64_C(0x9e3779b97f4a7c15)

enum { SIGNALLED = 128, SIGNALS = 64 };

bool measure_command(void *env, struct process_result *result, struct error *err)
{
	return process_run(env, NULL, result, err);
}

/* On one line. */
static char *flatten(char *text)
{
	for (char *at = text; *at != '\0'; at++)
		if ((unsigned char)*at < ' ')
			*at = ' ';
	return text;
}

/* Text for a message: the beginning of the output. */
static char *excerpt(const struct process_result *result, char *text, size_t size)
{
	snprintf(text, size, "%s", result->output != NULL ? result->output : "");
	return flatten(text);
}

/* A contender that cannot do the job says so. What a shell gives for one that cannot be started
 * (126, 127), what dies of a signal (128 and its number), and what says nothing is broken. */
static bool is_refusal(const struct cell *cell, const struct process_result *result)
{
	bool is_broken = result->status == 126 || result->status == 127 ||
	                 (result->status > SIGNALLED && result->status <= SIGNALLED + SIGNALS) ||
	                 (result->complaint[0] == '\0' && result->output_size == 0);
	return cell->may_refuse && result->status != cell->expected_status && !is_broken;
}

/* What it printed becomes what the job's other cells must print. */
static bool settle_expected(struct cell *cells, size_t count, const struct cell *cell,
                            const struct process_result *result, char **kept, struct error *err)
{
	*kept = strdup(result->output != NULL ? result->output : "");
	if (*kept == NULL)
		return error_set(err, ERROR_NO_MEMORY, "no memory for what %s prints", cell->contender);
	for (size_t i = 0; i < count; i++)
		if (strcmp(cells[i].job, cell->job) == 0 && cells[i].expected == NULL)
			cells[i].expected = *kept;
	return true;
}

static bool check(const struct cell *cell, const struct process_result *result, struct error *err)
{
	char text[160];
	if (result->status != cell->expected_status)
		return error_set(err, ERROR_SYSTEM, "%s by %s: ended with status %d, not %d: %s", cell->job,
		                 cell->contender, result->status, cell->expected_status, result->complaint);
	size_t length = strlen(cell->expected);
	if (result->output_size != length ||
	    (length > 0 && memcmp(result->output, cell->expected, length) != 0))
		return error_set(err, ERROR_SYSTEM, "%s by %s: prints \"%s\", not \"%.150s\"", cell->job,
		                 cell->contender, excerpt(result, text, sizeof text), cell->expected);
	return true;
}

struct crew {
	struct cell *cells;
	size_t count;
	const struct measure_options *options;
	char **expected; /* one for each cell: what it printed first, when that counts for others */
};

/* *is_done: it was run and checked, not refused. */
static bool run_once(const struct crew *crew, struct cell *cell, bool is_first,
                     struct process_result *result, bool *is_done, struct error *err)
{
	*is_done = false;
	if (!cell->run(cell->env, result, err)) {
		error_wrap(err, "%s by %s", cell->job, cell->contender);
		return false;
	}
	if (is_first && is_refusal(cell, result)) {
		excerpt(result, cell->refusal, sizeof cell->refusal);
		if (result->complaint[0] != '\0')
			snprintf(cell->refusal, sizeof cell->refusal, "status %d: %.200s", result->status,
			         result->complaint);
		flatten(cell->refusal);
		return true;
	}
	if (cell->expected == NULL && !settle_expected(crew->cells, crew->count, cell, result,
	                                               &crew->expected[cell - crew->cells], err))
		return false;
	*is_done = true;
	return check(cell, result, err);
}

static bool warm_up(const struct crew *crew, struct cell *cell, bool is_first, struct error *err)
{
	bool is_done;
	cleanup_process struct process_result result = {0};
	return run_once(crew, cell, is_first, &result, &is_done, err);
}

static bool run_round(const struct crew *crew, struct cell *cell, bool is_first, struct error *err)
{
	size_t most = cell->burst_max != 0 && cell->burst_max < MEASURE_BURST_MAX ? cell->burst_max
	                                                                          : MEASURE_BURST_MAX;
	double wall[MEASURE_BURST_MAX], user[MEASURE_BURST_MAX], spent = 0;
	size_t count = 0;
	do {
		bool is_done;
		cleanup_process struct process_result result = {0};
		if (!run_once(crew, cell, is_first && count == 0, &result, &is_done, err))
			return false;
		if (!is_done)
			return true;
		spent += wall[count] = cell->runs[cell->run_count++] = result.wall;
		user[count++] = result.user;
	} while (spent < crew->options->burst_seconds && count < most);
	cell->wall[cell->count] = summarize(wall, count).median;
	cell->user[cell->count++] = summarize(user, count).median;
	return true;
}

/* A line for each contender that does wrong, at the first of its jobs; as many as there is room
 * for.
 */
static void add_fault(const struct crew *crew, const struct cell *cell, const struct error *fault,
                      struct error *all)
{
	for (size_t i = 0; i < crew->count; i++)
		if (strcmp(crew->cells[i].contender, cell->contender) == 0)
			crew->cells[i].is_wrong = true;
	if (all->kind == ERROR_NONE) {
		*all = *fault;
		return;
	}
	size_t length = strlen(all->message);
	snprintf(all->message + length, sizeof all->message - length, "\n%s", fault->message);
}

/* False when going on is in vain: the others would be held to what failed, or nothing can be
 * measured any more. */
static bool run_first(const struct crew *crew, struct cell *cell, bool is_warm_up,
                      struct error *faults)
{
	struct error fault = ERROR_INIT;
	bool is_reference = cell->expected == NULL;
	if (cell->is_wrong || (is_warm_up ? warm_up : run_round)(crew, cell, true, &fault))
		return true;
	add_fault(crew, cell, &fault, faults);
	return !is_reference;
}

/* Neighbours of the same job change places, by Fisher and Yates. */
static void shuffle(const struct crew *crew, size_t *order, uint64_t *state)
{
	for (size_t first = 0, next; first < crew->count; first = next) {
		for (next = first;
		     next < crew->count && strcmp(crew->cells[next].job, crew->cells[first].job) == 0;
		     next++)
			order[next] = next;
		for (size_t left = next - first; left > 1; left--) {
			/* xorshift: the same orders in each measurement. */
			*state ^= *state << 13;
			*state ^= *state >> 7;
			*state ^= *state << 17;
			size_t other = first + *state % left, last = first + left - 1;
			size_t kept = order[other];
			order[other] = order[last];
			order[last] = kept;
		}
	}
}

static bool run_rounds(const struct crew *crew, size_t *order, struct error *err)
{
	const struct measure_options *options = crew->options;
	size_t count = crew->count;
	unsigned rounds = options->warm_ups + options->rounds;
	struct progress_line progress;
	uint64_t state = SHUFFLE_SEED;
	bool went_well = true;
	double began = monotonic_seconds();
	progress_line_init(&progress, options->title);
	for (size_t i = 0; i < count; i++)
		order[i] = i;
	for (size_t i = 0; went_well && i < rounds * count; i++) {
		if (i == count && err->kind != ERROR_NONE)
			break;
		/* In the first one the job's first cell tells what is expected of the others. */
		if (options->shuffles && i >= count && i % count == 0)
			shuffle(crew, order, &state);
		struct cell *cell = &crew->cells[order[i % count]];
		unsigned round = (unsigned)(i / count);
		char what[128];
		if (i % count == 0 && options->seconds > 0 &&
		    round >= options->warm_ups + options->rounds_min &&
		    monotonic_seconds() > began + options->seconds)
			break;
		if (cell->refusal[0] != '\0')
			continue;
		snprintf(what, sizeof what, "%s by %s", cell->job, cell->contender);
		progress_line_show(&progress, i, rounds * count, what);
		bool is_warm_up = round < options->warm_ups;
		went_well = round == 0 ? run_first(crew, cell, is_warm_up, err)
		                       : (is_warm_up ? warm_up : run_round)(crew, cell, false, err);
	}
	progress_line_clear(&progress);
	return went_well && err->kind == ERROR_NONE;
}

static bool is_settled(const struct cell *cell, unsigned rounds_max)
{
	return cell->count == 0 || cell->count >= rounds_max ||
	       summarize(cell->wall, cell->count).spread <= SPREAD_LIMIT;
}

/* A further round of the cell, and before it the reference's, unless that has had it in this turn
 * or goes on by itself. */
static bool settle_round(const struct crew *crew, struct cell *cell, struct error *err)
{
	const struct measure_options *options = crew->options;
	for (size_t i = 0; options->reference != NULL && i < crew->count; i++) {
		struct cell *other = &crew->cells[i];
		if (other != cell && strcmp(other->contender, options->reference) == 0 &&
		    strcmp(other->job, cell->job) == 0 && other->count > 0 && other->count <= cell->count &&
		    is_settled(other, options->rounds_max) && !run_round(crew, other, false, err))
			return false;
	}
	return run_round(crew, cell, false, err);
}

static bool settle(const struct crew *crew, struct error *err)
{
	const struct measure_options *options = crew->options;
	double deadline = monotonic_seconds() + options->settle_seconds;
	struct progress_line progress;
	bool went_well = true, is_open = true;
	progress_line_init(&progress, options->title);
	while (went_well && is_open) {
		is_open = false;
		for (size_t i = 0; went_well && i < crew->count && monotonic_seconds() < deadline; i++) {
			struct cell *cell = &crew->cells[i];
			char what[160];
			if (is_settled(cell, options->rounds_max))
				continue;
			is_open = true;
			snprintf(what, sizeof what, "%s by %s once more, since it scatters", cell->job,
			         cell->contender);
			progress_line_show(&progress, 0, 1, what);
			went_well = settle_round(crew, cell, err);
		}
	}
	progress_line_clear(&progress);
	return went_well;
}

static bool make_room(struct cell *cell, const struct measure_options *options)
{
	size_t rounds = options->settle_seconds > 0 && options->rounds_max > options->rounds
	                    ? options->rounds_max
	                    : options->rounds;
	cell->wall = calloc(rounds, sizeof *cell->wall);
	cell->user = calloc(rounds, sizeof *cell->user);
	cell->runs =
	    calloc(rounds * (options->burst_seconds > 0 ? MEASURE_BURST_MAX : 1), sizeof *cell->runs);
	return cell->wall != NULL && cell->user != NULL && cell->runs != NULL;
}

bool measure_cells(struct cell *cells, size_t count, const struct measure_options *options,
                   struct error *err)
{
	char **expected = calloc(count + 1, sizeof *expected);
	cleanup_free size_t *order = calloc(count + 1, sizeof *order);
	const struct crew crew = {cells, count, options, expected};
	bool is_ready = expected != NULL && order != NULL;
	for (size_t i = 0; i < count; i++)
		is_ready = make_room(&cells[i], options) && is_ready;
	bool went_well = is_ready ? run_rounds(&crew, order, err) && settle(&crew, err)
	                          : error_set(err, ERROR_NO_MEMORY, "no memory for the figures");
	for (size_t i = 0; expected != NULL && i < count; i++) {
		for (size_t j = 0; expected[i] != NULL && j < count; j++)
			if (cells[j].expected == expected[i])
				cells[j].expected = NULL;
		free(expected[i]);
	}
	free(expected);
	return went_well;
}

void cells_clear(struct cell *cells, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(cells[i].wall);
		free(cells[i].user);
		free(cells[i].runs);
	}
}
