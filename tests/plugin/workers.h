/* Workers that run no module (worker_child.c), for all cases of a test. */
#ifndef TESTS_PLUGIN_WORKERS_H
#define TESTS_PLUGIN_WORKERS_H

#include "plugin/worker.h"

extern const char *child; /* the executable that they are */
extern struct workers *workers;

/* Takes the path of `child` from the arguments, and blocks what the server blocks. */
void workers_prepare(int argc, char **argv);

/* cmocka setup and teardown of a group: `workers`, of which none stand ready. */
int workers_make(void **state);
int workers_remove(void **state);

/* Runs `what` by `workers`: what the task leaves zero has a default. Nothing of it is left. */
void run_task(struct worker_task task, const char *what, struct worker_outcome *outcome);

size_t open_descriptors(void);

#endif
