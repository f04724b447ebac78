/* An image made of a module that nobody has run yet, behind the wall that runs stand behind: the
 * module's bytes are as strange here as there. */
#ifndef PLUGIN_IMAGE_JOB_H
#define PLUGIN_IMAGE_JOB_H

#include "plugin/order.h"
#include "plugin/worker_parent.h"

/* In a worker, for a job of kind JOB_COMPILE. Its strings are --enable and --limit, as of `tiphys
 * run`; its descriptors those of JOB_MODULE_NUMBER and after, and it can open no other file. The
 * exit status: 0 when JOB_IMAGE_NUMBER holds an image, JOB_COMPILED_BEFORE, or 1 with a line on
 * stderr. */
int confine_and_compile(const struct worker_terms *terms, const struct worker_job *job);

#endif
