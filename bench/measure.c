#include "bench/measure.h"

#include "bench/progress.h"
#include "caps/cleanup.h"

#include <string.h>

bool measure_command(void *env, struct process_result *result, struct error *err)
{
	return process_run(env, NULL, result, err);
}

/* Text for a message: the beginning of the output, on one line. */
static char *excerpt(const struct process_result *result, char *text, size_t size)
{
	snprintf(text, size, "%s", result->output != NULL ? result->output : "");
	for (char *at = text; *at != '\0'; at++)
		if ((unsigned char)*at < ' ')
			*at = ' ';
	return text;
}

static bool is_refusal(const struct cell *cell, const struct process_result *result)
{
	return cell->may_refuse && result->status != cell->expected_status;
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

static bool run_cell(struct cell *cells, size_t count, struct cell *cell, bool is_first,
                     bool is_kept, char **expected, struct error *err)
{
	cleanup_process struct process_result result = {0};
	if (!cell->run(cell->env, &result, err)) {
		error_wrap(err, "%s by %s", cell->job, cell->contender);
		return false;
	}
	if (is_first && is_refusal(cell, &result)) {
		excerpt(&result, cell->refusal, sizeof cell->refusal);
		if (result.complaint[0] != '\0' || cell->refusal[0] == '\0')
			snprintf(cell->refusal, sizeof cell->refusal, "status %d: %.200s", result.status,
			         result.complaint);
		return true;
	}
	if (cell->expected == NULL && !settle_expected(cells, count, cell, &result, expected, err))
		return false;
	if (!check(cell, &result, err))
		return false;
	if (is_kept) {
		cell->wall[cell->count] = result.wall;
		cell->user[cell->count] = result.user;
		cell->count++;
	}
	return true;
}

static bool run_rounds(struct cell *cells, size_t count, const struct measure_options *options,
                       char **expected, struct error *err)
{
	unsigned rounds = options->warm_ups + options->rounds;
	struct progress_line progress;
	bool went_well = true;
	progress_line_init(&progress, options->title);
	for (size_t i = 0; went_well && i < rounds * count; i++) {
		struct cell *cell = &cells[i % count];
		unsigned round = (unsigned)(i / count);
		char what[128];
		if (cell->refusal[0] != '\0')
			continue;
		snprintf(what, sizeof what, "%s by %s", cell->job, cell->contender);
		progress_line_show(&progress, i, rounds * count, what);
		went_well = run_cell(cells, count, cell, round == 0, round >= options->warm_ups,
		                     &expected[i % count], err);
	}
	progress_line_clear(&progress);
	return went_well;
}

bool measure_cells(struct cell *cells, size_t count, const struct measure_options *options,
                   struct error *err)
{
	char **expected = calloc(count + 1, sizeof *expected);
	bool is_ready = expected != NULL;
	for (size_t i = 0; i < count; i++) {
		cells[i].wall = calloc(options->rounds, sizeof *cells[i].wall);
		cells[i].user = calloc(options->rounds, sizeof *cells[i].user);
		is_ready = is_ready && cells[i].wall != NULL && cells[i].user != NULL;
	}
	bool went_well = is_ready ? run_rounds(cells, count, options, expected, err)
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
	}
}
