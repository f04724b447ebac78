/* Time. The monotonic clock starts with the set, so that it does not tell how long the host is up;
 * it starts at a second, since some language runtimes take a reading of zero for a failure. */
#include "caps/set.h"

#include "caps/clock.h"

#include <errno.h>

#define NS_PER_S 1000000000ll
#define MONOTONIC_START_NS NS_PER_S

static int64_t in_ns(struct timespec ts)
{
	return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

static int64_t now_ns(clockid_t clock)
{
	struct timespec ts = {0};
	clock_gettime(clock, &ts);
	return in_ns(ts);
}

void clock_init(struct caps *caps)
{
	caps->monotonic_base = in_ns(clock_read_once(CLOCK_MONOTONIC)) - MONOTONIC_START_NS;
	caps->cpu_base = in_ns(clock_read_once(CLOCK_THREAD_CPUTIME_ID));
}

int caps_grant_clock(struct caps *caps, enum caps_clock_mode mode, int64_t start_ns)
{
	if (mode != CAPS_CLOCK_REAL && mode != CAPS_CLOCK_COARSE && mode != CAPS_CLOCK_FIXED)
		return -EINVAL;
	if (mode == CAPS_CLOCK_FIXED && start_ns < 0)
		return -EINVAL;
	caps->clock_mode = mode;
	caps->fixed_ns = start_ns;
	caps->granted[CAP_CLOCK] = true;
	return 0;
}

void clock_sleep_fixed(struct caps *caps, int64_t ns)
{
	if (__builtin_add_overflow(caps->fixed_ns, ns, &caps->fixed_ns))
		caps->fixed_ns = INT64_MAX;
	if (__builtin_add_overflow(caps->slept_ns, ns, &caps->slept_ns))
		caps->slept_ns = INT64_MAX - MONOTONIC_START_NS;
}

static int time_fixed(const struct caps *caps, clockid_t clock, int64_t *ns)
{
	switch (clock) {
	case CLOCK_REALTIME:
		*ns = caps->fixed_ns;
		return 0;
	case CLOCK_MONOTONIC:
		*ns = MONOTONIC_START_NS + caps->slept_ns;
		return 0;
	case CLOCK_PROCESS_CPUTIME_ID:
	case CLOCK_THREAD_CPUTIME_ID:
		*ns = 0;
		return 0;
	default:
		return -EINVAL;
	}
}

static int time_real(const struct caps *caps, clockid_t clock, int64_t *ns)
{
	switch (clock) {
	case CLOCK_REALTIME:
		*ns = now_ns(CLOCK_REALTIME);
		return 0;
	case CLOCK_MONOTONIC:
		*ns = now_ns(CLOCK_MONOTONIC) - caps->monotonic_base;
		return 0;
	case CLOCK_PROCESS_CPUTIME_ID:
	case CLOCK_THREAD_CPUTIME_ID:
		*ns = now_ns(CLOCK_THREAD_CPUTIME_ID) - caps->cpu_base;
		return 0;
	default:
		return -EINVAL;
	}
}

int caps_clock_time(struct caps *caps, clockid_t clock, int64_t *ns)
{
	int rc = require(caps, CAP_CLOCK);
	if (rc < 0)
		return rc;
	if (caps->clock_mode == CAPS_CLOCK_FIXED)
		return time_fixed(caps, clock, ns);
	rc = time_real(caps, clock, ns);
	if (rc == 0 && caps->clock_mode == CAPS_CLOCK_COARSE)
		*ns -= *ns % CAPS_CLOCK_COARSE_NS;
	return rc;
}

int caps_clock_resolution(struct caps *caps, clockid_t clock, int64_t *ns)
{
	int64_t now;
	int rc = caps_clock_time(caps, clock, &now);
	if (rc < 0)
		return rc;
	if (caps->clock_mode != CAPS_CLOCK_REAL) {
		*ns = caps->clock_mode == CAPS_CLOCK_COARSE ? CAPS_CLOCK_COARSE_NS : 1;
		return 0;
	}
	struct timespec ts;
	if (clock_getres(clock, &ts) < 0)
		return -errno;
	*ns = ts.tv_sec * NS_PER_S + ts.tv_nsec;
	return 0;
}
