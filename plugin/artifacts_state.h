/* The inside of struct artifacts, for the files that fetch and store. */
#ifndef PLUGIN_ARTIFACTS_STATE_H
#define PLUGIN_ARTIFACTS_STATE_H

#include "plugin/artifacts.h"
#include "plugin/transfer.h"

#include <errno.h>

struct artifacts {
	struct artifacts_options options;
	struct transfers *transfers;
};

/* Ends the exchanges of one artifact when its time is over, or the server stops: the progress
 * callback of their requests. */
struct artifact_watch {
	const struct artifacts_options *options;
	uint64_t until_ms; /* CLOCK_MONOTONIC */
	struct error *err; /* says why, before the exchange is given up */
};

void artifact_watch_start(struct artifact_watch *watch, const struct artifacts_options *options,
                          struct error *err);
bool artifact_watch_go_on(void *watch, uint64_t done, uint64_t total);

/* artifact_http.c: gives the artifact at an http location to the sink. */
bool artifact_fetch_http(struct artifacts *artifacts, const struct artifact *artifact,
                         const struct transfer_sink *sink, struct artifact_watch *watch,
                         struct error *err);
/* Whether the location can be fetched at all, before anything is. */
bool artifact_check_http(const struct artifact *artifact, struct error *err);

/* artifact_input.c: fetches one input and lays it out; one that is optional may be missing. */
bool artifact_input(struct artifacts_run *run, const struct artifact *artifact, struct error *err);

/* Marks an error as that of an artifact which does not exist. */
static inline bool artifact_missing(struct error *err)
{
	err->sys_errno = ENOENT;
	return false;
}

#endif
