#include "validator/bodies.h"

#include "validator/decode.h"

#include <pthread.h>
#include <sched.h>
#include <unistd.h>

struct crew {
	const struct module *module;
	cpu_set_t processors; /* that the process may use; none: not known */
	pthread_mutex_t lock; /* of what follows */
	uint32_t next;        /* the first function that nobody has taken */
	uint32_t bad;         /* the lowest function that is not valid; UINT32_MAX: none so far */
	struct error err;     /* of it */
};

/* Functions [*first, *end) for one thread; false when there is nothing left that could matter. */
static bool take_batch(struct crew *crew, uint32_t *first, uint32_t *end)
{
	const struct module *m = crew->module;
	pthread_mutex_lock(&crew->lock);
	uint64_t bytes = 0;
	*first = crew->next;
	while (crew->next < m->func_count && bytes < BODIES_BATCH_BYTES)
		bytes += m->funcs[crew->next++].body_size;
	*end = crew->next;
	bool is_wanted = *first < *end && *first < crew->bad;
	pthread_mutex_unlock(&crew->lock);
	return is_wanted;
}

static void tell_bad(struct crew *crew, uint32_t func, const struct error *err)
{
	pthread_mutex_lock(&crew->lock);
	if (func < crew->bad) {
		crew->bad = func;
		crew->err = *err;
	}
	pthread_mutex_unlock(&crew->lock);
}

/* Batches are taken in ascending order, so a thread that met a bad function has nothing more to
 * find, and all functions below the lowest bad one have been validated by somebody. */
static void work(struct crew *crew, struct body_scratch *scratch)
{
	uint32_t first, end;
	while (take_batch(crew, &first, &end)) {
		for (uint32_t i = first; i < end; i++) {
			struct error err = ERROR_INIT;
			if (!body_validate(crew->module, i, scratch, &err)) {
				tell_bad(crew, i, &err);
				return;
			}
		}
	}
}

static void *help(void *argument)
{
	struct body_scratch *scratch = body_scratch_create();
	/* Without memory the others do its part. */
	if (scratch != NULL)
		work(argument, scratch);
	body_scratch_destroy(scratch);
	return NULL;
}

static uint64_t bytes_of_bodies(const struct module *m)
{
	uint64_t bytes = 0;
	for (uint32_t i = m->imported_func_count; i < m->func_count; i++)
		bytes += m->funcs[i].body_size;
	return bytes;
}

/* Who validates alone asks the kernel nothing: behind the wall of a step each question that is not
 * foreseen ends the process. */
static unsigned helpers_for(struct crew *crew, unsigned threads)
{
	if (threads <= 1 || bytes_of_bodies(crew->module) < BODIES_PARALLEL_BYTES)
		return 0;
	/* Fails where there are more processors than a set has room for. */
	if (sched_getaffinity(0, sizeof crew->processors, &crew->processors) != 0)
		CPU_ZERO(&crew->processors);
	if (threads == MODULE_THREADS_ALL) {
		long processors = CPU_COUNT(&crew->processors);
		if (processors == 0)
			processors = sysconf(_SC_NPROCESSORS_ONLN);
		threads = processors > 1 ? (unsigned)processors : 1;
	}
	return (threads < MODULE_THREADS_MAX ? threads : MODULE_THREADS_MAX) - 1;
}

/* The next processor of the crew behind `last`, and around. */
static int next_processor(const struct crew *crew, int last)
{
	do
		last = (last + 1) % CPU_SETSIZE;
	while (!CPU_ISSET(last, &crew->processors));
	return last;
}

/* A new thread is often put where its creator runs, and the kernel takes it elsewhere only after
 * milliseconds, when all is done. So each is sent to a processor of its own, from where it may go
 * anywhere. (Of one that has ended already the first call moves the caller, and the second undoes
 * that.) Returns how many there are: fewer than wanted are only slower. */
static unsigned start_helpers(struct crew *crew, pthread_t *helpers, unsigned wanted)
{
	int processor = wanted > 0 ? sched_getcpu() : -1;
	bool is_placed = processor >= 0 && CPU_COUNT(&crew->processors) > 1;
	unsigned count = 0;
	while (count < wanted && pthread_create(&helpers[count], NULL, help, crew) == 0) {
		cpu_set_t own;
		if (is_placed) {
			processor = next_processor(crew, processor);
			CPU_ZERO(&own);
			CPU_SET(processor, &own);
			pthread_setaffinity_np(helpers[count], sizeof own, &own);
			pthread_setaffinity_np(helpers[count], sizeof crew->processors, &crew->processors);
		}
		count++;
	}
	return count;
}

bool bodies_validate(const struct module *module, unsigned threads, struct body_scratch *scratch,
                     struct error *err)
{
	struct crew crew = {
	    .module = module,
	    .lock = PTHREAD_MUTEX_INITIALIZER,
	    .next = module->imported_func_count,
	    .bad = UINT32_MAX,
	};
	pthread_t helpers[MODULE_THREADS_MAX];
	unsigned count = start_helpers(&crew, helpers, helpers_for(&crew, threads));
	work(&crew, scratch);
	for (unsigned i = 0; i < count; i++)
		pthread_join(helpers[i], NULL);
	if (crew.bad != UINT32_MAX && err->kind == ERROR_NONE)
		*err = crew.err;
	return crew.bad == UINT32_MAX;
}
