/* How far a URL leads, by who wrote it: the server stands where loopback, link-local and metadata
 * addresses answer it, and must not be sent there by a template. */
#ifndef PLUGIN_REACH_H
#define PLUGIN_REACH_H

#include "plugin/address.h"
#include "validator/error.h"

enum reach {
	REACH_ANYWHERE, /* the administrator's */
	REACH_LISTED,   /* a template's, and every hop is looked up in the ceiling */
	REACH_NAMED,    /* a template's */
	REACH_COUNT
};

/* Whether a connection for a URL of `host` may go to `address`. To a special one
 * (plugin/address.def) it may when the host is that very address, and that is loopback or a ceiling
 * lists it. False with ERROR_DENIED. */
bool reach_lets(enum reach reach, const char *host, const struct address *address,
                struct error *err);

/* The same for a host that is an address itself; true for a name, of which nothing is known yet. */
bool reach_lets_host(enum reach reach, const char *host, struct error *err);

#endif
