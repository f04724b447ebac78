/* Waiting (threads proposal: memory.atomic.wait32, wait64, notify). A store is used by one thread
 * at a time, so while one waits nobody can notify it, and nobody ever waits when one notifies: a
 * notify wakes 0, and a wait ends by its time alone. */
#include "interp/runtime.h"

#include <errno.h>
#include <time.h>

enum wait_result { WAIT_OK, WAIT_NOT_EQUAL, WAIT_TIMED_OUT };

#define NS_PER_SECOND 1000000000

enum trap atomic_wait(bool is_equal, int64_t timeout, uint64_t *out)
{
	*out = WAIT_NOT_EQUAL;
	if (!is_equal)
		return TRAP_NONE;
	/* Negative is without limit. */
	if (timeout < 0)
		return TRAP_ENDLESS_WAIT;
	struct timespec end;
	clock_gettime(CLOCK_MONOTONIC, &end);
	int64_t ns = end.tv_nsec + timeout % NS_PER_SECOND;
	end.tv_sec += (time_t)(timeout / NS_PER_SECOND + ns / NS_PER_SECOND);
	end.tv_nsec = (long)(ns % NS_PER_SECOND);
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &end, NULL) == EINTR)
		;
	*out = WAIT_TIMED_OUT;
	return TRAP_NONE;
}
