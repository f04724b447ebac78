/* poll_oneoff: waits for clocks and descriptors. */
#include "wasi/handler.h"

#include <stdlib.h>

#define POLL_MAX 1024u /* subscriptions in one call, then INVAL */

/* A subscription, read once. */
struct subscription {
	uint64_t userdata;
	uint8_t type;
	uint32_t error;  /* SUCCESS, or what its event says at once */
	int64_t left_ns; /* clock: until it is due; 0: now */
	size_t item;     /* descriptor: its place in the items */
};

struct waiting {
	struct subscription *subs;
	struct caps_poll *items;
	uint32_t count;
	size_t item_count;
	int64_t timeout_ns; /* the nearest clock; -1: none */
};

static void waiting_clear(struct waiting *w)
{
	free(w->subs);
	free(w->items);
}

static void wait_at_most(struct waiting *w, int64_t ns)
{
	if (w->timeout_ns < 0 || ns < w->timeout_ns)
		w->timeout_ns = ns;
}

/*            (identifier)  clock  timeout  precision  flags
 * snapshot 1               16     24       32         40
 * snapshot 0  16           24     32       40         48  */
static void take_clock(const struct guest *g, const uint8_t *at, struct subscription *sub)
{
	at += g->snapshot == SNAPSHOT_0 ? 24 : 16;
	uint64_t timeout = load_u64(at + 8);
	bool is_absolute = at[24] & SUBCLOCK_ABSTIME;
	clockid_t clock;
	int64_t now;
	if (!clock_of(load_u32(at), &clock)) {
		sub->error = WASI_EINVAL;
		return;
	}
	int rc = caps_clock_time(g->caps, clock, &now);
	if (rc < 0) {
		sub->error = wasi_errno(rc);
		return;
	}
	int64_t ns = timeout > INT64_MAX ? INT64_MAX : (int64_t)timeout;
	if (is_absolute)
		ns = ns > now ? ns - now : 0;
	sub->left_ns = ns;
}

static void take_fd(const struct guest *g, const uint8_t *at, struct subscription *sub,
                    struct waiting *w)
{
	bool for_write = sub->type == EVENTTYPE_FD_WRITE;
	uint64_t rights = RIGHT(POLL_FD_READWRITE) | (for_write ? RIGHT(FD_WRITE) : RIGHT(FD_READ));
	uint32_t fd = load_u32(at + 16);
	sub->error = fd_require(g, fd, rights);
	if (sub->error)
		return;
	sub->item = w->item_count;
	w->items[w->item_count++] = (struct caps_poll){.fd = fd, .for_write = for_write};
}

static uint32_t take_subscriptions(const struct guest *g, const uint8_t *in, struct waiting *w)
{
	uint32_t size = g->snapshot == SNAPSHOT_0 ? SUBSCRIPTION_SIZE_0 : SUBSCRIPTION_SIZE;
	for (uint32_t i = 0; i < w->count; i++, in += size) {
		struct subscription *sub = &w->subs[i];
		*sub = (struct subscription){.userdata = load_u64(in), .type = in[8]};
		if (sub->type == EVENTTYPE_CLOCK)
			take_clock(g, in, sub);
		else if (sub->type == EVENTTYPE_FD_READ || sub->type == EVENTTYPE_FD_WRITE)
			take_fd(g, in, sub, w);
		else
			return WASI_EINVAL;
		if (sub->error)
			wait_at_most(w, 0);
		else if (sub->type == EVENTTYPE_CLOCK)
			wait_at_most(w, sub->left_ns);
	}
	return WASI_ESUCCESS;
}

/* userdata 0, error 8, type 10, bytes available 16, flags 24 */
static void put_event(uint8_t *out, const struct subscription *sub, uint32_t error,
                      const struct caps_poll *item)
{
	memset(out, 0, EVENT_SIZE);
	store_u64(out, sub->userdata);
	store_u16(out + 8, (uint16_t)error);
	out[10] = sub->type;
	if (item) {
		store_u64(out + 16, item->available);
		store_u16(out + 24, item->hang_up ? EVENT_HANGUP : 0);
	}
}

/* `is_over`: the time-out passed without a descriptor becoming ready. */
static uint32_t put_events(const struct waiting *w, bool is_over, uint8_t *out)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < w->count; i++) {
		const struct subscription *sub = &w->subs[i];
		uint8_t *at = out + count * EVENT_SIZE;
		if (sub->error) {
			put_event(at, sub, sub->error, NULL);
		} else if (sub->type == EVENTTYPE_CLOCK) {
			if (sub->left_ns > (is_over ? w->timeout_ns : 0))
				continue;
			put_event(at, sub, WASI_ESUCCESS, NULL);
		} else {
			const struct caps_poll *item = &w->items[sub->item];
			if (!item->is_ready && !item->error)
				continue;
			put_event(at, sub, wasi_errno(item->error), item);
		}
		count++;
	}
	return count;
}

uint32_t wasi_poll_oneoff(struct host_call *call, uint32_t in_at, uint32_t out_at, uint32_t count,
                          uint32_t count_at)
{
	struct guest g = guest_enter(call);
	uint64_t size = g.snapshot == SNAPSHOT_0 ? SUBSCRIPTION_SIZE_0 : SUBSCRIPTION_SIZE;
	uint8_t *in, *out, *done;
	if (count == 0)
		return WASI_EINVAL;
	if (!guest_range(&g, in_at, count * size, &in) ||
	    !guest_range(&g, out_at, (uint64_t)count * EVENT_SIZE, &out) ||
	    !guest_range(&g, count_at, 4, &done))
		return WASI_EFAULT;
	if (count > POLL_MAX)
		return WASI_EINVAL;
	__attribute__((cleanup(waiting_clear))) struct waiting w = {
	    .subs = calloc(count, sizeof(*w.subs)),
	    .items = calloc(count, sizeof(*w.items)),
	    .count = count,
	    .timeout_ns = -1,
	};
	if (!w.subs || !w.items)
		return WASI_ENOMEM;
	uint32_t rc = take_subscriptions(&g, in, &w);
	if (rc)
		return rc;
	int ready = caps_wait(g.caps, w.items, w.item_count, w.timeout_ns);
	if (ready < 0)
		return wasi_errno(ready);
	store_u32(done, put_events(&w, ready == 0, out));
	return WASI_ESUCCESS;
}
