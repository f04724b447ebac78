#include "plugin/broker_work.h"

static void *run(void *env)
{
	struct broker_work *work = env;
	work->work(work->env);
	atomic_store(&work->is_done, true);
	curl_multi_wakeup(work->multi);
	return NULL;
}

bool broker_work_begin(struct broker_work *work, CURLM *multi, void (*function)(void *env),
                       void *env)
{
	work->multi = multi;
	work->work = function;
	work->env = env;
	atomic_store(&work->is_done, false);
	work->is_begun = pthread_create(&work->thread, NULL, run, work) == 0;
	return work->is_begun;
}

bool broker_work_take(struct broker_work *work)
{
	if (!work->is_begun || !atomic_load(&work->is_done))
		return false;
	pthread_join(work->thread, NULL);
	work->is_begun = false;
	return true;
}

bool broker_work_is_wanted(const struct broker_work *work)
{
	return !atomic_load(&work->is_unwanted);
}

void broker_work_end(struct broker_work *work)
{
	atomic_store(&work->is_unwanted, true);
	if (work->is_begun)
		pthread_join(work->thread, NULL);
	work->is_begun = false;
}
