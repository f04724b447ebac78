/* Header lines of a guest's request, checked before libcurl sees them. */
#ifndef PLUGIN_HTTP_HEADERS_H
#define PLUGIN_HTTP_HEADERS_H

#include "plugin/origin.h"

#include <curl/curl.h>

/* "Name: value\n" lines, the last newline may be missing. Appends each to *list. ERROR_USAGE: a
 * name that is no token, a value with control characters, a header that is the connection's and not
 * the request's (Host, Transfer-Encoding, Connection and their like), more than
 * HTTP_HEADER_LINES_MAX of them. Left out are Content-Length,
 * which the body tells; with `is_stranger` those that are for the first origin alone, Authorization
 * and Cookie; with `is_bare` those that describe a body. The caller frees *list also after a
 * failure. */
bool http_headers_read(const char *lines, size_t size, bool is_stranger, bool is_bare,
                       struct curl_slist **list, struct error *err);

#endif
