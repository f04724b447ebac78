/* The broker's reader of what runs send: the one place where a packet of a hostile run becomes
 * something that the rest may believe in. */
#ifndef PLUGIN_BROKER_ASK_H
#define PLUGIN_BROKER_ASK_H

#include "caps/broker_wire.h"
#include "caps/caps.h"

/* A part of the packet, borrowed from it. */
struct ask_part {
	const char *bytes;
	uint32_t size;
};

struct ask {
	enum broker_ask_kind kind;
	uint32_t handle;
	uint64_t number;
	uint32_t flags;
	struct ask_part parts[BROKER_PARTS];
};

/* False when the packet is no row of caps/broker.def, or its sizes are not the row's or not the
 * packet's: no client of ours sends such, so the broker hangs up. */
bool broker_ask_read(const uint8_t *packet, size_t size, struct ask *ask);

/* The capability that the ask needs, or CAPABILITY_COUNT for none. */
enum capability broker_ask_capability(enum broker_ask_kind kind);

#endif
