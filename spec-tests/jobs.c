#include "spec-tests/jobs.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static size_t results_size(size_t count)
{
	return count * sizeof(struct run_result);
}

static void run_job(struct job *job, const struct jobs_options *options)
{
	struct error err = ERROR_INIT;
	struct run_options run = {.features = options->features,
	                          .unfolded = options->unfolded,
	                          .collect_always = options->collect_always,
	                          .checked_memory = options->checked_memory,
	                          .images = options->images,
	                          .failures_shown = options->failures_shown};
	setvbuf(job->log_file, NULL, _IOLBF, 0);
	alarm(options->seconds);
	bool is_run =
	    suite_run(job->path, job->title, job->expected, run, job->result, job->log_file, &err);
	if (!is_run)
		fprintf(job->log_file, "  %s: %s\n", job->title, err.message);
	fflush(job->log_file);
	/* exit(), not _exit(): a leak checker reports at exit. */
	exit(is_run ? 0 : 1);
}

static bool start(struct job *job, const struct jobs_options *options, struct error *err)
{
	job->log_file = tmpfile();
	if (!job->log_file)
		return error_set_errno(err, errno, "a temporary file");
	fflush(NULL);
	job->pid = fork();
	if (job->pid == 0)
		run_job(job, options);
	return job->pid > 0 || error_set_errno(err, errno, "a process for %s", job->title);
}

static void finish(struct job *job, int status, const struct jobs_options *options)
{
	size_t size = 0;
	FILE *log = open_memstream(&job->log, &size);
	char chunk[4096];
	size_t len;
	if (!log)
		return;
	rewind(job->log_file);
	while ((len = fread(chunk, 1, sizeof chunk, job->log_file)) > 0)
		fwrite(chunk, 1, len, log);
	bool is_well = WIFEXITED(status) && WEXITSTATUS(status) == 0;
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		fprintf(log, "  %s: ended after %u s, behind command %u\n", job->title, options->seconds,
		        job->result->commands);
	else if (WIFSIGNALED(status))
		fprintf(log, "  %s: CRASH: %s, behind command %u\n", job->title,
		        strsignal(WTERMSIG(status)), job->result->commands);
	else if (!is_well)
		fprintf(log, "  %s: its process ended with status %d\n", job->title, WEXITSTATUS(status));
	job->is_right = suite_check(job->title, job->expected, job->result, log) && is_well;
	fclose(log);
	fclose(job->log_file);
	job->log_file = NULL;
}

bool jobs_run(struct job *jobs, size_t count, const struct jobs_options *options,
              void (*done)(const struct job *job, void *env), void *env, struct error *err)
{
	struct run_result *results =
	    mmap(NULL, results_size(count), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (results == MAP_FAILED)
		return error_set_errno(err, errno, "memory for %zu results", count);
	size_t started = 0, running = 0, told = 0;
	for (size_t i = 0; i < count; i++)
		jobs[i].result = &results[i];
	while (told < count) {
		while (err->kind == ERROR_NONE && started < count && running < options->at_a_time) {
			if (!start(&jobs[started], options, err))
				break;
			started++;
			running++;
		}
		if (!running)
			break;
		int status;
		pid_t pid = waitpid(-1, &status, 0);
		for (size_t i = 0; i < started; i++) {
			if (jobs[i].pid != pid)
				continue;
			finish(&jobs[i], status, options);
			jobs[i].pid = 0;
			running--;
		}
		while (told < started && jobs[told].pid == 0)
			done(&jobs[told++], env);
	}
	return err->kind == ERROR_NONE;
}

void jobs_clear(struct job *jobs, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(jobs[i].log);
	if (count && jobs[0].result)
		munmap(jobs[0].result, results_size(count));
}
