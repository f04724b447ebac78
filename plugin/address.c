#include "plugin/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

struct range {
	const char *prefix;
	unsigned bits;
	bool holds; /* an IPv4 address, from `offset` on */
	unsigned offset;
	uint8_t flip;
	const char *what;
};

static const struct range ranges[] = {
#define ADDRESS_RANGE(prefix, bits, what) {prefix, bits, false, 0, 0, what},
#define ADDRESS_HOLDS(prefix, bits, offset, flip, what) {prefix, bits, true, offset, flip, what},
#include "plugin/address.def"
#undef ADDRESS_RANGE
#undef ADDRESS_HOLDS
};

bool address_parse(const char *text, struct address *address)
{
	*address = (struct address){.is_v6 = strchr(text, ':') != NULL};
	return inet_pton(address->is_v6 ? AF_INET6 : AF_INET, text, address->bytes) == 1;
}

bool address_of(const struct sockaddr *from, struct address *address)
{
	*address = (struct address){.is_v6 = from->sa_family == AF_INET6};
	if (from->sa_family == AF_INET)
		memcpy(address->bytes, &((const struct sockaddr_in *)(const void *)from)->sin_addr, 4);
	else if (from->sa_family == AF_INET6)
		memcpy(address->bytes, &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr, 16);
	else
		return false;
	return true;
}

bool address_equal(const struct address *a, const struct address *b)
{
	return a->is_v6 == b->is_v6 && memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

const char *address_text(const struct address *address, char *out)
{
	inet_ntop(address->is_v6 ? AF_INET6 : AF_INET, address->bytes, out, ADDRESS_TEXT_SIZE);
	return out;
}

static bool is_in(const struct address *address, const struct range *range)
{
	struct address prefix;
	unsigned whole = range->bits / 8, rest = range->bits % 8;
	if (!address_parse(range->prefix, &prefix) || prefix.is_v6 != address->is_v6 ||
	    memcmp(prefix.bytes, address->bytes, whole) != 0)
		return false;
	return rest == 0 || (prefix.bytes[whole] ^ address->bytes[whole]) >> (8 - rest) == 0;
}

const char *address_special(const struct address *address, const char **holder)
{
	*holder = NULL;
	for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
		const struct range *range = &ranges[i];
		if (!is_in(address, range))
			continue;
		if (!range->holds)
			return range->what;
		struct address held = {.is_v6 = false};
		const char *none;
		for (unsigned k = 0; k < 4; k++)
			held.bytes[k] = address->bytes[range->offset + k] ^ range->flip;
		*holder = range->what;
		return address_special(&held, &none);
	}
	return NULL;
}
