/* The broker of one step: a thread of the server for as long as the step's worker lives. */
#ifndef PLUGIN_STEP_BROKER_H
#define PLUGIN_STEP_BROKER_H

#include "plugin/broker.h"

#include <pthread.h>

struct step_broker {
	int fd; /* for the worker; -1: the step needs no broker */
	int own;
	const struct broker_terms *terms; /* borrowed */
	pthread_t thread;
	struct error err; /* why it ended before the worker did */
};

#define STEP_BROKER_INIT {.fd = -1, .own = -1, .err = ERROR_INIT}

/* Starts the thread when the terms need one. */
bool step_broker_start(struct step_broker *broker, const struct broker_terms *terms,
                       struct error *err);

/* When no worker holds broker->fd any more: waits for the thread. What the run did that no run can
 * do stands in broker->err. */
void step_broker_end(struct step_broker *broker);

#endif
