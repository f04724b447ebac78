/* A worker parent as the shipped one, whose workers run no module: what their process sees and does
 * is chosen by its first argument. Started by test_worker. The arguments come through descriptor 3,
 * each ended by a NUL. */
#include "plugin/worker_parent.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* What its hello says. */
#define WORKER_CHILD_BUILD 0xb001d

extern char **environ;

static char args[1 << 20];

static size_t read_all(int fd, char *into, size_t size)
{
	size_t used = 0;
	ssize_t got;
	while (used < size && (got = read(fd, into + used, size - used)) > 0)
		used += (size_t)got;
	return used;
}

static void report(void)
{
	for (char **variable = environ; *variable != NULL; variable++)
		printf("environment %s\n", *variable);
	DIR *dir = opendir("/proc/self/fd");
	int count = 0;
	while (readdir(dir) != NULL)
		count++;
	closedir(dir);
	/* ".", "..", and the directory's own. */
	printf("descriptors %d\n", count - 3);
	printf("leader %d\n", getpgrp() == getpid());
	sigset_t blocked;
	sigprocmask(SIG_SETMASK, NULL, &blocked);
	printf("blocked %d\n", sigismember(&blocked, SIGTERM) || sigismember(&blocked, SIGPIPE));
	struct rlimit core;
	getrlimit(RLIMIT_CORE, &core);
	printf("core %lu\n", (unsigned long)core.rlim_cur);
}

/* The image says what the process has of it and of the module. */
static int compile(const struct worker_job *job)
{
	char text[256], old[64] = "none";
	bool has_old = (job->descriptors & 1u << JOB_OLD_IMAGE) != 0;
	if (has_old)
		old[read_all(JOB_OLD_IMAGE_NUMBER, old, sizeof old - 1)] = '\0';
	if (strcmp(args, "--limit=loop") == 0) {
		for (;;)
			pause();
	}
	if (strcmp(args, "--limit=crash") == 0)
		raise(SIGKILL);
	if (strcmp(args, "--limit=fail") == 0) {
		fputs("not this line\nbecause\n", stderr);
		return 1;
	}
	if (strcmp(args, "--limit=lie") == 0) {
		worker_say_end(&(struct run_end){.status = 0});
		usleep(50000);
	}
	if (strcmp(args, "--limit=keep") == 0 && has_old)
		return JOB_COMPILED_BEFORE;
	int size =
	    snprintf(text, sizeof text, "%s module %d image %d old %s bytes %lu;", args,
	             fcntl(JOB_MODULE_NUMBER, F_GETFL) & O_ACCMODE,
	             fcntl(JOB_IMAGE_NUMBER, F_GETFL) & O_ACCMODE, old, (unsigned long)job->file_bytes);
	return pwrite(JOB_IMAGE_NUMBER, text, (size_t)size, 0) == size ? 0 : 1;
}

/* The string behind that one. */
static const char *next(const char *string)
{
	return string + strlen(string) + 1;
}

/* Those of a step are options, "--", its module and the guest's own, which alone are meant here. */
static size_t keep_guests(size_t size)
{
	const char *end = args + size, *from = args;
	if (strncmp(args, "--", 2) != 0)
		return size;
	while (from < end && strcmp(from, "--") != 0)
		from = next(from);
	for (int skipped = 0; from < end && skipped < 2; skipped++)
		from = next(from);
	memmove(args, from, (size_t)(end - from) + 1);
	return (size_t)(end - from);
}

/* end STATUS KIND REACHED: says so, and ends with 6 when nobody believes that. */
static int tell_end(void)
{
	const char *status = next(args), *kind = next(status), *reached = next(kind);
	const struct worker_word word = {.mark = WORKER_WORD_MARK,
	                                 .status = (uint32_t)strtoul(status, NULL, 0),
	                                 .kind = (uint32_t)strtoul(kind, NULL, 0),
	                                 .reached = (uint32_t)strtoul(reached, NULL, 0)};
	bool written = write(JOB_SOCKET, &word, sizeof word) == sizeof word;
	usleep(100000);
	_exit(written ? 6 : 1);
}

/* Another process says that all went well, when this one is dead. */
static int die_and_tell(void)
{
	pid_t self = getpid();
	if (fork() == 0) {
		while (getppid() == self)
			;
		worker_say_end(
		    &(struct run_end){.status = 0, .kind = ERROR_EXIT, .text = "well\n", .size = 5});
		_exit(0);
	}
	if (strcmp(next(args), "exit") == 0)
		_exit(7);
	signal(SIGSEGV, SIG_DFL);
	raise(SIGSEGV);
	return 1;
}

static int work(const struct worker_terms *terms, const struct worker_job *job)
{
	(void)terms;
	size_t size = read_all(3, args, sizeof args);
	if (job->kind == JOB_COMPILE)
		return compile(job);
	size = keep_guests(size);
	if (strcmp(args, "report") == 0) {
		report();
		printf("time %lu\n", (unsigned long)job->time_ms);
	} else if (strcmp(args, "count") == 0) {
		size_t strings = 0;
		for (size_t i = 0; i < size; i++)
			strings += args[i] == '\0';
		printf("%zu %zu\n", strings, size);
	} else if (strcmp(args, "copy") == 0) {
		static char buffer[1 << 16];
		for (size_t got; (got = read_all(0, buffer, sizeof buffer)) > 0;)
			fwrite(buffer, 1, got, stdout);
	} else if (strcmp(args, "exit") == 0) {
		fputs("out", stdout);
		fputs("err", stderr);
		return 42;
	} else if (strcmp(args, "loop") == 0) {
		fputs("before", stderr);
		for (;;)
			pause();
	} else if (strcmp(args, "flood") == 0) {
		for (;;)
			puts("flood");
	} else if (strcmp(args, "flood-stderr") == 0) {
		for (;;)
			fputs("flood\n", stderr);
	} else if (strcmp(args, "crash") == 0) {
		signal(SIGSEGV, SIG_DFL); /* a sanitizer would turn it into an exit */
		raise(SIGSEGV);
	} else if (strcmp(args, "leave-child") == 0) {
		if (fork() == 0)
			for (;;)
				pause();
	} else if (strcmp(args, "end") == 0) {
		return tell_end();
	} else if (strcmp(args, "die-and-tell") == 0) {
		return die_and_tell();
	} else if (strcmp(args, "lie") == 0) {
		printf("%d\n", (int)getpid());
		fflush(stdout);
		worker_say_end(&(struct run_end){.status = 3});
		for (;;)
			pause();
	} else if (strcmp(args, "tell") == 0) {
		/* More than its stderr may hold. */
		static char text[RUN_TEXT_MAX];
		memset(text, 't', sizeof text);
		fputs("err", stderr);
		fflush(stderr);
		worker_say_end(&(struct run_end){
		    .status = 134, .kind = ERROR_TRAP, .text = text, .size = sizeof text});
		for (;;)
			pause();
	} else if (strcmp(args, "tell-slowly") == 0) {
		/* Pieces of a word and of its text. */
		const struct worker_word word = {
		    .mark = WORKER_WORD_MARK, .status = 5, .kind = ERROR_EXIT, .size = 4};
		bool written = write(JOB_SOCKET, &word, 5) == 5 && usleep(50000) == 0 &&
		               write(JOB_SOCKET, (const char *)&word + 5, sizeof word - 5) > 0 &&
		               usleep(50000) == 0 && write(JOB_SOCKET, "te", 2) == 2 &&
		               usleep(50000) == 0 && write(JOB_SOCKET, "xt", 2) == 2;
		_exit(written ? 5 : 1);
	} else if (strcmp(args, "tell-half") == 0) {
		const struct worker_word word = {.mark = WORKER_WORD_MARK, .status = 5, .size = 4};
		bool written =
		    write(JOB_SOCKET, &word, sizeof word) == sizeof word && write(JOB_SOCKET, "te", 2) == 2;
		_exit(written ? 6 : 1);
	} else if (strcmp(args, "tell-too-much") == 0) {
		const struct worker_word word = {
		    .mark = WORKER_WORD_MARK, .status = 5, .size = WORKER_TEXT_MAX + 1};
		_exit(write(JOB_SOCKET, &word, sizeof word) == sizeof word ? 6 : 1);
	} else if (strcmp(args, "babble") == 0) {
		/* The first is none, so what follows is not listened to. */
		if (write(JOB_SOCKET, "babble", 6) != 6)
			return 1;
		usleep(100000);
		worker_say_end(&(struct run_end){.status = 3});
		usleep(100000);
		_exit(8);
	} else if (strcmp(args, "slow") == 0) {
		usleep(300000);
		puts("slow");
		return 9;
	} else if (strcmp(args, "close") == 0) {
		close(0);
		close(1);
		close(2);
		sleep(1);
		return 7;
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc != 2 || strcmp(argv[1], "worker-parent") != 0 || environ[0] != NULL)
		return 2;
	const struct worker_work child = {.run = work, .build = WORKER_CHILD_BUILD};
	return worker_parent(&child, false);
}
