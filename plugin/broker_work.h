/* Work of a broker that blocks (a store's requests), in a thread of its own, so that the requests
 * that the run has under way go on meanwhile. One piece of it at a time, as a run asks. */
#ifndef PLUGIN_BROKER_WORK_H
#define PLUGIN_BROKER_WORK_H

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

/* Starts as {0}. */
struct broker_work {
	pthread_t thread;
	bool is_begun; /* and not yet joined */
	atomic_bool is_done, is_unwanted;
	CURLM *multi;
	void (*work)(void *env);
	void *env;
};

/* Begins work(env); its end wakes curl_multi_poll(multi). False when there is no thread to be had.
 */
bool broker_work_begin(struct broker_work *work, CURLM *multi, void (*function)(void *env),
                       void *env);

/* Whether work was begun and is done: once; then its results are the caller's, and more may begin.
 */
bool broker_work_take(struct broker_work *work);

/* For the work itself: false when nobody waits for it any more. */
bool broker_work_is_wanted(const struct broker_work *work);

/* Nobody waits for it any more; returns when it has ended. */
void broker_work_end(struct broker_work *work);

#endif
