/* Servers of our own: started with a log, waited for, ended by their process id, at the latest when
 * this process ends, however it does. Only its main thread, which outlives them, starts any. */
#ifndef BENCH_DAEMON_H
#define BENCH_DAEMON_H

#include "validator/error.h"

#include <stddef.h>
#include <sys/types.h>

struct daemon {
	pid_t pid; /* 0: not started */
	char name[64], log[4096];
};

/* argv[0] is looked for on the path; all it says goes to the file `log`, made anew. *daemon is {0}
 * before and is for daemon_end() after, on failure too. */
bool daemon_start(struct daemon *daemon, char *const *argv, const char *log, struct error *err);

/* Waits until its log holds the mark, and copies the word behind it, up to a blank or quote. False
 * when it has ended or takes longer than DAEMON_SECONDS. */
bool daemon_await(struct daemon *daemon, const char *mark, char *word, size_t size,
                  struct error *err);
#define DAEMON_SECONDS 20

void daemon_end(struct daemon *daemon);

#endif
