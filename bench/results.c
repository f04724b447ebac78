#include "bench/results.h"

#include "bench/stats.h"
#include "bench/words.h"
#include "caps/cleanup.h"

#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

/* How long a series waits for other work on the machine to end. */
#define IDLE_WAIT_SECONDS 5

bool results_init(struct results *results, const char *command, struct error *err)
{
	struct machine machine;
	char date[32];
	time_t now = time(NULL);
	struct tm parts;
	strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &parts));
	machine_describe(&machine);
	results->is_broken = false;
	results->root = json_pack(
	    "{s:s, s:s, s:s, s:{s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:i}, s:[], s:[], s:[]}", "tiphys",
	    TIPHYS_VERSION, "date", date, "command", command, "machine", "processor", machine.processor,
	    "kernel", machine.kernel, "system", machine.system, "virtualisation",
	    machine.virtualisation, "cgroups", machine.cgroups, "processors",
	    (json_int_t)machine.processors, "memory", (json_int_t)machine.memory_bytes, "nice",
	    getpriority(PRIO_PROCESS, 0), "contenders", "series", "refusals");
	return results->root != NULL || error_set(err, ERROR_NO_MEMORY, "no memory for the results");
}

void results_settle(struct results *results)
{
	results->idle = machine_wait_idle(IDLE_WAIT_SECONDS);
	if (getloadavg(&results->load, 1) != 1)
		results->load = 0;
	results->is_settled = true;
}

void results_clear(struct results *results)
{
	json_decref(results->root);
	results->root = NULL;
}

static void append(struct results *results, const char *list, json_t *item)
{
	if (json_array_append_new(json_object_get(results->root, list), item) != 0)
		results->is_broken = true;
}

void results_contender(struct results *results, const char *name, const char *version,
                       const char *how)
{
	append(results, "contenders",
	       json_pack("{s:s, s:s, s:s*}", "name", name, "version", version, "how", how));
}

static json_t *told_words(char *const *words, size_t count)
{
	json_t *list = json_array();
	for (size_t i = 0; i < count; i++) {
		cleanup_free char *told = words_without_directories(words[i]);
		if (told == NULL || json_array_append_new(list, json_string(told)) != 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

void results_arguments(struct results *results, int argc, char **argv)
{
	json_t *list = told_words(argv + 1, argc > 0 ? (size_t)argc - 1 : 0);
	if (json_object_set_new(results->root, "arguments", list) != 0)
		results->is_broken = true;
}

void results_words(struct results *results, char *const *words, size_t count)
{
	json_t *all = json_object_get(results->root, "contenders");
	json_t *last = json_array_get(all, json_array_size(all) - 1);
	if (json_object_set_new(last, "words", told_words(words, count)) != 0)
		results->is_broken = true;
}

void results_guest(struct results *results, const char *name, uint64_t bytes)
{
	json_t *all = json_object_get(results->root, "guests");
	if (all == NULL && json_object_set_new(results->root, "guests", json_array()) != 0)
		results->is_broken = true;
	append(results, "guests", json_pack("{s:s, s:I}", "name", name, "bytes", (json_int_t)bytes));
}

static int by_size(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;
	return (left > right) - (left < right);
}

/* In the order in which they came; of too many, quantiles at equal distances. NULL without memory.
 */
static json_t *listed_figures(const double *figures, size_t count)
{
	json_t *list = json_array();
	for (size_t i = 0; count <= RESULTS_FIGURES_MAX && i < count; i++)
		json_array_append_new(list, json_real(figures[i]));
	if (count <= RESULTS_FIGURES_MAX)
		return list;
	cleanup_free double *sorted = malloc(count * sizeof *sorted);
	if (sorted == NULL)
		return list;
	memcpy(sorted, figures, count * sizeof *sorted);
	qsort(sorted, count, sizeof *sorted, by_size);
	for (size_t i = 0; i < RESULTS_FIGURES_MAX; i++)
		json_array_append_new(
		    list, json_real(quantile(sorted, count, (double)i / (RESULTS_FIGURES_MAX - 1))));
	return list;
}

void results_series(struct results *results, const char *bench, const char *job,
                    const char *contender, const char *measure, const char *unit,
                    const double *figures, size_t count)
{
	results_series_of_runs(results, bench, job, contender, measure, unit, figures, count, figures,
	                       count);
}

void results_series_of_runs(struct results *results, const char *bench, const char *job,
                            const char *contender, const char *measure, const char *unit,
                            const double *figures, size_t count, const double *runs,
                            size_t run_count)
{
	if (count == 0)
		return;
	struct summary summary = summarize(figures, count), all = summarize(runs, run_count);
	json_t *list = listed_figures(figures, count);
	json_t *series =
	    json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:I, s:f, s:f, s:f, s:f, s:I}", "bench", bench,
	              "job", job, "contender", contender, "measure", measure, "unit", unit, "figures",
	              list, "count", (json_int_t)count, "median", summary.median, "min", all.min, "p95",
	              all.p95, "spread", summary.spread, "runs", (json_int_t)run_count);
	if (results->is_settled &&
	    (json_object_set_new(series, "idle", json_real(results->idle)) != 0 ||
	     json_object_set_new(series, "load", json_real(results->load)) != 0))
		results->is_broken = true;
	append(results, "series", series);
}

void results_number(struct results *results, const char *key, double number)
{
	if (json_object_set_new(results->root, key, json_real(number)) != 0)
		results->is_broken = true;
}

void results_refusal(struct results *results, const char *bench, const char *job,
                     const char *contender, const char *reason)
{
	append(results, "refusals",
	       json_pack("{s:s, s:s, s:s, s:s+}", "bench", bench, "job", job, "contender", contender,
	                 "reason", reason, ""));
}

bool results_read(struct results *results, const char *path, struct error *err)
{
	json_error_t wrong;
	json_t *root = json_load_file(path, 0, &wrong);
	if (root == NULL)
		return error_set(err, ERROR_USAGE, "%s, line %d: %s", path, wrong.line, wrong.text);
	results->root = root;
	return json_is_array(json_object_get(root, "series")) ||
	       error_set(err, ERROR_USAGE, "%s: holds no \"series\"; --json and --out write such files",
	                 path);
}

/* What is there and is neither a file nor a folder is written to as it is: a FIFO, a device. */
static bool is_written_through(const char *path)
{
	struct stat st, link;
	if (stat(path, &st) == 0)
		return !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
	/* A symlink whose file is still to be made. */
	return lstat(path, &link) == 0 && S_ISLNK(link.st_mode);
}

/* Where results_write() writes first, and the file whose place that takes, to which symlinks lead.
 * Both for free(). */
static bool find_target(const char *path, char **target, char **part, struct error *err)
{
	*target = realpath(path, NULL);
	if (*target == NULL && errno == ENOENT)
		*target = strdup(path);
	if (*target != NULL && asprintf(part, "%s.part", *target) >= 0)
		return true;
	*part = NULL;
	return error_set_errno(err, errno, "cannot write %s", path);
}

bool results_probe(const char *path, struct error *err)
{
	struct stat st;
	cleanup_free char *target = NULL, *part = NULL;
	if (is_written_through(path))
		return access(path, W_OK) == 0 || errno == ENOENT ||
		       error_set_errno(err, errno, "cannot write %s", path);
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return error_set(err, ERROR_USAGE, "cannot write %s: it is no regular file", path);
	if (!find_target(path, &target, &part, err))
		return false;
	cleanup_close int file = open(part, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	if (file < 0)
		return error_set_errno(err, errno, "cannot write %s", path);
	unlink(part);
	return true;
}

bool results_write(const struct results *results, const char *path, struct error *err)
{
	const size_t how = JSON_INDENT(1) | JSON_REAL_PRECISION(6);
	cleanup_free char *target = NULL, *part = NULL;
	if (results->is_broken)
		return error_set(err, ERROR_NO_MEMORY, "no memory for the results");
	if (is_written_through(path))
		return json_dump_file(results->root, path, how) == 0 ||
		       error_set_errno(err, errno, "cannot write %s", path);
	if (!find_target(path, &target, &part, err))
		return false;
	if (json_dump_file(results->root, part, how) != 0 || rename(part, target) != 0) {
		error_set_errno(err, errno, "cannot write %s", path);
		unlink(part);
		return false;
	}
	return true;
}

static int number_of_nice(const json_t *machine)
{
	return (int)json_integer_value(json_object_get(machine, "nice"));
}

void results_print_machine(const struct results *results, FILE *out)
{
	struct machine machine;
	char text[640];
	const json_t *told = json_object_get(results->root, "machine");
	machine_describe(&machine);
	machine.load = results->is_settled ? results->load : machine.load;
	/* This process may have left the mounts that it began with. */
	snprintf(machine.cgroups, sizeof machine.cgroups, "%s",
	         json_string_value(json_object_get(told, "cgroups")));
	fprintf(out, "%s; %s\n", json_string_value(json_object_get(results->root, "date")),
	        machine_text(&machine, text, sizeof text));
	if (number_of_nice(told) != 0)
		fprintf(out, "Everything ran at nice %d.\n", number_of_nice(told));
	if (results->is_settled && results->idle >= 0 && results->idle < MACHINE_IDLE_ENOUGH)
		fprintf(out,
		        "The machine was not idle when this began (%.0f %% of its time was free): other "
		        "work slows the figures down.\n",
		        100 * results->idle);
}
