/* The listening socket. */
#ifndef PLUGIN_LISTEN_H
#define PLUGIN_LISTEN_H

#include "validator/error.h"

#include <stddef.h>

/* Room for "[address]:port". */
#define LISTEN_ADDRESS_SIZE 80

/* Binds "HOST:PORT", "[V6]:PORT" or ":PORT" (all addresses of both families) and listens, without
 * blocking and closed on exec. `address` receives where. The descriptor, or -1 with *err set. */
int listen_on(const char *where, char address[LISTEN_ADDRESS_SIZE], struct error *err);

#endif
