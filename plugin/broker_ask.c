#include "plugin/broker_ask.h"

#include <string.h>

#define ASK_ANY CAPABILITY_COUNT

static const struct row {
	enum capability capability;
	uint64_t number_max;
	uint32_t size_max[BROKER_PARTS];
} rows[] = {
#define BROKER_ASK(id, capability, number, first, second, third)                                   \
	[id] = {capability, number, {first, second, third}},
#include "caps/broker.def"
#undef BROKER_ASK
};

_Static_assert(sizeof rows / sizeof rows[0] == BROKER_ASK_COUNT, "a row for each ask");

bool broker_ask_read(const uint8_t *packet, size_t size, struct ask *ask)
{
	struct broker_ask head;
	if (size < sizeof head || size > BROKER_ASK_MAX)
		return false;
	memcpy(&head, packet, sizeof head);
	if (head.kind >= BROKER_ASK_COUNT || head.number > rows[head.kind].number_max)
		return false;
	*ask = (struct ask){
	    .kind = (enum broker_ask_kind)head.kind,
	    .handle = head.handle,
	    .number = head.number,
	    .flags = head.flags,
	};
	const char *at = (const char *)packet + sizeof head;
	size_t left = size - sizeof head;
	for (int i = 0; i < BROKER_PARTS; i++) {
		if (head.sizes[i] > rows[head.kind].size_max[i] || head.sizes[i] > left)
			return false;
		ask->parts[i] = (struct ask_part){at, head.sizes[i]};
		at += head.sizes[i];
		left -= head.sizes[i];
	}
	return left == 0;
}

enum capability broker_ask_capability(enum broker_ask_kind kind)
{
	return rows[kind].capability;
}
