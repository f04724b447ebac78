/* IP addresses, and which of them are nobody's to reach by a name (plugin/address.def). */
#ifndef PLUGIN_ADDRESS_H
#define PLUGIN_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct address {
	bool is_v6;
	uint8_t bytes[16]; /* the first 4 of IPv4, the others 0 */
};

#define ADDRESS_TEXT_SIZE 46 /* as INET6_ADDRSTRLEN */

/* address_special() of what the host itself answers. */
#define ADDRESS_LOOPBACK "loopback"

/* Only the plain forms: four decimal numbers without leading zeros, or RFC 4291 without a zone. */
bool address_parse(const char *text, struct address *address);

/* False for a family that is no IP. */
bool address_of(const struct sockaddr *from, struct address *address);

bool address_equal(const struct address *a, const struct address *b);

/* Writes the canonical text to `out` of ADDRESS_TEXT_SIZE bytes; returns it. */
const char *address_text(const struct address *address, char *out);

/* What makes the address one that no name may lead to: "loopback"; NULL: nothing does. *holder is
 * "IPv4-mapped" and the like when the address holds the one that is meant, else NULL. */
const char *address_special(const struct address *address, const char **holder);

#endif
