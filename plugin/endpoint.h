/* HOST:PORT as policies and URLs write it, in one canonical form, so that equal ones are equal byte
 * for byte. What can be read in two ways is refused and not interpreted: whoever checks a host and
 * whoever connects must mean the same one. */
#ifndef PLUGIN_ENDPOINT_H
#define PLUGIN_ENDPOINT_H

#include "plugin/address.h"
#include "validator/error.h"

#define ENDPOINT_HOST_MAX 253

struct endpoint {
	char host[ENDPOINT_HOST_MAX + 1]; /* lower case, no final dot; an address without brackets */
	uint16_t port;
	bool is_address;
	struct address address;
};

/* Reads "host", "host:port", "1.2.3.4:80" or "[::1]:80" in text[0 … size). A port of 0 for
 * `otherwise` means that it must be given. Refused (ERROR_USAGE): user names, percent signs and
 * zones, letters beyond ASCII (an international name is written as xn--…), numbers that only some
 * read as IPv4 addresses (0x7f.1, 2130706433, 127.1, 010.0.0.1). */
bool endpoint_parse(const char *text, size_t size, uint16_t otherwise, struct endpoint *endpoint,
                    struct error *err);

bool endpoint_equal(const struct endpoint *a, const struct endpoint *b);

#define ENDPOINT_TEXT_SIZE (ENDPOINT_HOST_MAX + 10)

/* "host:port", with brackets around an IPv6 address. `out` has ENDPOINT_TEXT_SIZE bytes. */
const char *endpoint_text(const struct endpoint *endpoint, char *out);

#endif
