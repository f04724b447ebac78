#include "plugin/http_terms.h"

#include "validator/printable.h"

#include <string.h>

static const char *const names[] = {
#define X(name) [HTTP_##name] = #name,
    HTTP_METHODS(X)
#undef X
};

const char *http_method_name(enum http_method method)
{
	return (unsigned)method < HTTP_METHOD_COUNT ? names[method] : NULL;
}

enum http_method http_method_find(const char *name, size_t size)
{
	int i = 0;
	while (i < HTTP_METHOD_COUNT && (strlen(names[i]) != size || memcmp(names[i], name, size) != 0))
		i++;
	return (enum http_method)i;
}

void http_terms_clear(struct http_terms *terms)
{
	origins_clear(&terms->hosts);
}

bool http_terms_add_method(struct http_terms *terms, const char *name, struct error *err)
{
	enum http_method method = http_method_find(name, strlen(name));
	char shown[PRINTABLE_NAME_SIZE];
	if (method == HTTP_METHOD_COUNT)
		return error_set(err, ERROR_USAGE,
		                 "\"%s\" is no method that can be listed; those are GET, HEAD, POST, PUT, "
		                 "PATCH, DELETE and OPTIONS",
		                 printable_text(name, strlen(name), shown, sizeof shown));
	terms->methods |= 1u << method;
	return true;
}
