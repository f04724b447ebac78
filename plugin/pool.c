#include "plugin/pool.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

_Static_assert(offsetof(struct pool_job, turn) == 0, "a turn is its job");

/* The thread is counted among the free ones. */
static _Thread_local bool is_free;

struct pool {
	pthread_mutex_t lock;
	pthread_cond_t work; /* a job waits, or the pool stops */
	pthread_cond_t idle; /* the last thread has ended */
	struct turns turns;
	size_t queue_max;
	size_t free_threads; /* that look for work, or are about to */
	size_t running_threads;
	bool stopping;
	size_t thread_count;
	pthread_t threads[];
};

/* With the lock held. */
static void count_free(struct pool *pool, bool free)
{
	if (free && !is_free)
		pool->free_threads++;
	if (!free && is_free)
		pool->free_threads--;
	is_free = free;
}

static void *work(void *argument)
{
	struct pool *pool = argument;
	pthread_mutex_lock(&pool->lock);
	for (;;) {
		while (pool->turns.count == 0 && !pool->stopping) {
			count_free(pool, true);
			pthread_cond_wait(&pool->work, &pool->lock);
		}
		count_free(pool, false);
		struct pool_job *job = (struct pool_job *)turns_take(&pool->turns);
		if (job == NULL)
			break;
		bool stopping = pool->stopping;
		pthread_mutex_unlock(&pool->lock);
		job->run(job, stopping);
		pthread_mutex_lock(&pool->lock);
	}
	if (--pool->running_threads == 0)
		pthread_cond_broadcast(&pool->idle);
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

struct pool *pool_create(size_t threads, size_t queue_max, struct error *err)
{
	struct pool *pool = calloc(1, sizeof *pool + threads * sizeof pool->threads[0]);
	if (pool == NULL) {
		error_set(err, ERROR_NO_MEMORY, "%zu threads", threads);
		return NULL;
	}
	pthread_condattr_t monotonic;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->work, NULL);
	pthread_cond_init(&pool->idle, &monotonic);
	pthread_condattr_destroy(&monotonic);
	turns_init(&pool->turns);
	pool->queue_max = queue_max;
	for (; pool->thread_count < threads; pool->thread_count++) {
		pthread_mutex_lock(&pool->lock);
		int failure = pthread_create(&pool->threads[pool->thread_count], NULL, work, pool);
		pool->running_threads += failure == 0;
		pthread_mutex_unlock(&pool->lock);
		if (failure != 0) {
			error_set_errno(err, failure, "cannot start thread %zu of %zu (--concurrency)",
			                pool->thread_count + 1, threads);
			pool_stop(pool);
			pool_destroy(pool);
			return NULL;
		}
	}
	return pool;
}

bool pool_submit(struct pool *pool, struct pool_job *job)
{
	pthread_mutex_lock(&pool->lock);
	/* A thread that looks for work takes a job without its having to wait. */
	bool taken = !pool->stopping && pool->turns.count < pool->queue_max + pool->free_threads &&
	             turns_add(&pool->turns, &job->turn);
	if (taken)
		pthread_cond_signal(&pool->work);
	pthread_mutex_unlock(&pool->lock);
	return taken;
}

void pool_yield(struct pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	count_free(pool, true);
	pthread_mutex_unlock(&pool->lock);
}

struct pool_load pool_load(struct pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	const struct pool_load load = {
	    .waiting = pool->turns.count,
	    .running = pool->running_threads - pool->free_threads,
	};
	pthread_mutex_unlock(&pool->lock);
	return load;
}

void pool_stop(struct pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	pool->stopping = true;
	pthread_cond_broadcast(&pool->work);
	pthread_mutex_unlock(&pool->lock);
}

bool pool_wait(struct pool *pool, unsigned ms)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	until.tv_sec += ms / 1000 + until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&pool->lock);
	int failure = 0;
	while (pool->running_threads > 0 && failure != ETIMEDOUT)
		failure = pthread_cond_timedwait(&pool->idle, &pool->lock, &until);
	bool done = pool->running_threads == 0;
	pthread_mutex_unlock(&pool->lock);
	return done;
}

void pool_destroy(struct pool *pool)
{
	if (pool == NULL)
		return;
	for (size_t i = 0; i < pool->thread_count; i++)
		pthread_join(pool->threads[i], NULL);
	pthread_cond_destroy(&pool->work);
	pthread_cond_destroy(&pool->idle);
	pthread_mutex_destroy(&pool->lock);
	free(pool);
}
