/* What a program gets at its start, and its end: arguments, environment, exit, signals, yielding.
 */
#include "wasi/handler.h"

#include <sched.h>

static uint32_t sizes_get(const struct guest *g, struct caps_strings list, uint32_t count_at,
                          uint32_t bytes_at)
{
	uint64_t bytes = 0;
	for (size_t i = 0; i < list.count; i++)
		bytes += strlen(list.items[i]) + 1;
	if (list.count > UINT32_MAX || bytes > UINT32_MAX)
		return WASI_E2BIG;
	uint32_t rc = guest_put_u32(g, count_at, (uint32_t)list.count);
	return rc ? rc : guest_put_u32(g, bytes_at, (uint32_t)bytes);
}

/* An array of pointers at `pointers`, the strings themselves one behind the other at `bytes`. */
static uint32_t strings_get(const struct guest *g, struct caps_strings list, uint32_t pointers,
                            uint32_t bytes)
{
	uint8_t *out;
	if (!guest_range(g, pointers, (uint64_t)list.count * 4, &out))
		return WASI_EFAULT;
	for (size_t i = 0; i < list.count; i++) {
		size_t size = strlen(list.items[i]) + 1;
		uint8_t *text;
		if (!guest_range(g, bytes, size, &text))
			return WASI_EFAULT;
		store_u32(out + i * 4, bytes);
		memcpy(text, list.items[i], size);
		bytes += (uint32_t)size;
	}
	return WASI_ESUCCESS;
}

uint32_t wasi_args_sizes_get(struct host_call *call, uint32_t count_at, uint32_t bytes_at)
{
	struct guest g = guest_enter(call);
	return sizes_get(&g, caps_args(g.caps), count_at, bytes_at);
}

uint32_t wasi_args_get(struct host_call *call, uint32_t pointers, uint32_t bytes)
{
	struct guest g = guest_enter(call);
	return strings_get(&g, caps_args(g.caps), pointers, bytes);
}

uint32_t wasi_environ_sizes_get(struct host_call *call, uint32_t count_at, uint32_t bytes_at)
{
	struct guest g = guest_enter(call);
	return sizes_get(&g, caps_env(g.caps), count_at, bytes_at);
}

uint32_t wasi_environ_get(struct host_call *call, uint32_t pointers, uint32_t bytes)
{
	struct guest g = guest_enter(call);
	return strings_get(&g, caps_env(g.caps), pointers, bytes);
}

static void run_exit(const struct guest *g, uint32_t status)
{
	g->wasi->has_exited = true;
	g->wasi->exit_status = status;
	host_exit(g->call, status);
}

void wasi_proc_exit(struct host_call *call, uint32_t status)
{
	struct guest g = guest_enter(call);
	run_exit(&g, status);
}

/* Signals of preview 1, by number, as their default action has it: most end the program. */
enum {
	SIGNAL_NONE = 0,
	SIGNAL_CHLD = 16,
	SIGNAL_CONT = 17,
	SIGNAL_STOP = 18,
	SIGNAL_TTOU = 21,
	SIGNAL_URG = 22,
	SIGNAL_WINCH = 27,
	SIGNAL_LAST = 30
};
#define SIGNAL_STATUS 128u /* what a shell shows for a program that a signal ended */

uint32_t wasi_proc_raise(struct host_call *call, uint32_t signal)
{
	struct guest g = guest_enter(call);
	if (signal > SIGNAL_LAST)
		return WASI_EINVAL;
	if (signal == SIGNAL_NONE || signal == SIGNAL_CHLD || signal == SIGNAL_CONT ||
	    signal == SIGNAL_URG || signal == SIGNAL_WINCH)
		return WASI_ESUCCESS;
	if (signal >= SIGNAL_STOP && signal <= SIGNAL_TTOU)
		return WASI_ENOTSUP; /* nobody could continue it */
	run_exit(&g, SIGNAL_STATUS + signal);
	return WASI_ESUCCESS;
}

uint32_t wasi_sched_yield(struct host_call *call)
{
	(void)call;
	sched_yield();
	return WASI_ESUCCESS;
}
