/* Work that starts servers and containers, in a process of its own below one that outlives it: what
 * is left when the work ends, and when a signal ends both, is ended and removed. */
#ifndef BENCH_GUARD_H
#define BENCH_GUARD_H

#include "validator/error.h"

/* Locks `directory` (as realpath() has it), removes what an earlier run left there
 * that could not (SIGKILL), and runs work(env) in a child; its result becomes *status. On SIGINT,
 * SIGTERM or SIGHUP it ends the work and all processes below it, removes containers, mounts,
 * control groups and the engines' state in `directory`, says so, and ends by that signal. False
 * when the work could not begin. Before any thread. */
bool guard_run(const char *directory, int (*work)(void *env), void *env, int *status,
               struct error *err);

enum { GUARD_FOLDER_SIZE = 256 };

/* The same for work that starts processes alone: in a folder of its own, whose path is put into
 * `folder` before work(env) begins, and which is removed in any case. */
bool guard_run_in_folder(char folder[GUARD_FOLDER_SIZE], int (*work)(void *env), void *env,
                         int *status, struct error *err);

#endif
