#include "plugin/origin.h"

#include "validator/printable.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PORT_HTTP 80
#define PORT_HTTPS 443

static uint16_t own_port(const struct origin *origin)
{
	return origin->is_https ? PORT_HTTPS : PORT_HTTP;
}

static bool is_plain(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		unsigned char c = (unsigned char)text[i];
		if (c <= ' ' || c >= 0x7f || c == '\\')
			return false;
	}
	return true;
}

bool origin_parse(const char *url, size_t size, struct origin *origin, const char **rest,
                  struct error *err)
{
	static const char http[] = "http://", https[] = "https://";
	*origin = (struct origin){.is_https = false};
	if (size > URL_MAX)
		return error_set(err, ERROR_USAGE, "the URL has more than %u bytes", URL_MAX);
	if (!is_plain(url, size))
		return error_set(err, ERROR_USAGE,
		                 "the URL holds a space, a control character, a backslash or a byte beyond "
		                 "ASCII; write it as %%XX");
	size_t skip = 0;
	if (size >= sizeof http - 1 && strncasecmp(url, http, sizeof http - 1) == 0)
		skip = sizeof http - 1;
	else if (size >= sizeof https - 1 && strncasecmp(url, https, sizeof https - 1) == 0)
		skip = sizeof https - 1;
	else
		return error_set(err, ERROR_USAGE, "the URL does not begin with http:// or https://");
	origin->is_https = skip == sizeof https - 1;
	size_t end = skip;
	while (end < size && strchr("/?#", url[end]) == NULL)
		end++;
	if (rest != NULL)
		*rest = url + end;
	return endpoint_parse(url + skip, end - skip, own_port(origin), &origin->at, err);
}

bool origin_equal(const struct origin *a, const struct origin *b)
{
	return a->is_https == b->is_https && endpoint_equal(&a->at, &b->at);
}

const char *origin_text(const struct origin *origin, char *out)
{
	char at[ENDPOINT_TEXT_SIZE];
	endpoint_text(&origin->at, at);
	if (origin->at.port == own_port(origin))
		*strrchr(at, ':') = '\0';
	snprintf(out, ORIGIN_TEXT_SIZE, "%s%s", origin->is_https ? "https://" : "http://", at);
	return out;
}

char *origin_url(const struct origin *origin, const char *rest, size_t size)
{
	char text[ORIGIN_TEXT_SIZE], *url;
	const char *fragment = memchr(rest, '#', size);
	int length = (int)(fragment == NULL ? size : (size_t)(fragment - rest));
	const char *slash = length > 0 && *rest == '/' ? "" : "/";
	if (asprintf(&url, "%s%s%.*s", origin_text(origin, text), slash, length, rest) < 0)
		return NULL;
	return url;
}

void origins_clear(struct origins *origins)
{
	free(origins->items);
	*origins = (struct origins){0};
}

bool origins_add(struct origins *origins, const char *text, struct error *err)
{
	struct origin origin;
	const char *rest = "";
	char shown[PRINTABLE_NAME_SIZE];
	if (origin_parse(text, strlen(text), &origin, &rest, err) && *rest != '\0' &&
	    strcmp(rest, "/") != 0)
		error_set(err, ERROR_USAGE, "a path follows the host; all paths are meant, leave it out");
	if (err->kind != ERROR_NONE) {
		error_wrap(err, "\"%s\" is no SCHEME://HOST[:PORT]",
		           printable_text(text, strlen(text), shown, sizeof shown));
		return false;
	}
	struct origin *items = reallocarray(origins->items, origins->count + 1, sizeof *origins->items);
	if (items == NULL)
		return error_set(err, ERROR_NO_MEMORY, "no memory for the list of hosts");
	origins->items = items;
	origins->items[origins->count++] = origin;
	return true;
}

bool origins_hold(const struct origins *origins, const struct origin *origin)
{
	for (size_t i = 0; i < origins->count; i++) {
		if (origin_equal(&origins->items[i], origin))
			return true;
	}
	return false;
}

bool origins_let(const struct origins *origins, const struct origin *origin,
                 const struct address *address, struct error *err)
{
	const char *holder, *what = address_special(address, &holder);
	if (what == NULL)
		return true;
	struct origin by_address = {.is_https = origin->is_https, .at = {.port = origin->at.port}};
	by_address.at.is_address = true;
	by_address.at.address = *address;
	address_text(address, by_address.at.host);
	if (origins_hold(origins, &by_address))
		return true;
	char text[ORIGIN_TEXT_SIZE];
	return error_set(err, ERROR_DENIED,
	                 "connect to %s, which is %s%s%s and where %s leads; such an address must be "
	                 "listed itself",
	                 by_address.at.host, holder != NULL ? holder : "", holder != NULL ? ", " : "",
	                 what, origin_text(origin, text));
}
