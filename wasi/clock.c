/* Clocks and random bytes. */
#include "wasi/handler.h"

bool clock_of(uint32_t id, clockid_t *clock)
{
	switch (id) {
	case CLOCK_ID_REALTIME:
		*clock = CLOCK_REALTIME;
		return true;
	case CLOCK_ID_MONOTONIC:
		*clock = CLOCK_MONOTONIC;
		return true;
	case CLOCK_ID_PROCESS_CPUTIME:
		*clock = CLOCK_PROCESS_CPUTIME_ID;
		return true;
	case CLOCK_ID_THREAD_CPUTIME:
		*clock = CLOCK_THREAD_CPUTIME_ID;
		return true;
	default:
		return false;
	}
}

uint32_t wasi_clock_res_get(struct host_call *call, uint32_t id, uint32_t at)
{
	struct guest g = guest_enter(call);
	clockid_t clock;
	int64_t ns;
	if (!clock_of(id, &clock))
		return WASI_EINVAL;
	int rc = caps_clock_resolution(g.caps, clock, &ns);
	return rc < 0 ? wasi_errno(rc) : guest_put_u64(&g, at, (uint64_t)ns);
}

uint32_t wasi_clock_time_get(struct host_call *call, uint32_t id, uint64_t precision, uint32_t at)
{
	(void)precision; /* the best there is is always good enough */
	struct guest g = guest_enter(call);
	clockid_t clock;
	int64_t ns;
	if (!clock_of(id, &clock))
		return WASI_EINVAL;
	int rc = caps_clock_time(g.caps, clock, &ns);
	return rc < 0 ? wasi_errno(rc) : guest_put_u64(&g, at, (uint64_t)ns);
}

uint32_t wasi_random_get(struct host_call *call, uint32_t at, uint32_t size)
{
	struct guest g = guest_enter(call);
	uint8_t *bytes;
	if (!guest_range(&g, at, size, &bytes))
		return WASI_EFAULT;
	return wasi_errno(caps_random(g.caps, bytes, size));
}
