/* Origins: scheme, host and port, what a policy lists and what each URL is checked by. */
#ifndef PLUGIN_ORIGIN_H
#define PLUGIN_ORIGIN_H

#include "plugin/endpoint.h"

#include <stddef.h>

struct origin {
	bool is_https;
	struct endpoint at;
};

#define URL_MAX 8192u /* bytes */

/* Reads a URL of http or https. *rest, which may be NULL, gets what follows the origin: a path, a
 * query, or "". ERROR_USAGE: no such URL, more than URL_MAX bytes, anything of endpoint_parse();
 * spaces, control characters, backslashes, bytes beyond ASCII, which parsers disagree on. */
bool origin_parse(const char *url, size_t size, struct origin *origin, const char **rest,
                  struct error *err);

bool origin_equal(const struct origin *a, const struct origin *b);

#define ORIGIN_TEXT_SIZE (ENDPOINT_TEXT_SIZE + 8)

/* "https://host", with the port unless it is the scheme's own. `out` has ORIGIN_TEXT_SIZE bytes. */
const char *origin_text(const struct origin *origin, char *out);

/* The one spelling of a URL that is handed on: the origin's text, the path from `rest` of `size`
 * bytes without its fragment. For the caller to free(); NULL without memory. */
char *origin_url(const struct origin *origin, const char *rest, size_t size);

/* What a policy lists. Starts as {0}. */
struct origins {
	struct origin *items;
	size_t count;
};

void origins_clear(struct origins *origins);

/* Adds "scheme://host[:port]"; ERROR_USAGE also for one with a path. */
bool origins_add(struct origins *origins, const char *text, struct error *err);

bool origins_hold(const struct origins *origins, const struct origin *origin);

/* Whether a connection for `origin`, which is listed, may go to `address`: to any but the special
 * ones of plugin/address.def, and to those that the list itself names as addresses, with this
 * scheme and port. ERROR_DENIED says what was tried: "connect to 127.0.0.1, which is loopback …".
 */
bool origins_let(const struct origins *origins, const struct origin *origin,
                 const struct address *address, struct error *err);

#endif
