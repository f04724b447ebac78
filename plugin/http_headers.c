#include "plugin/http_headers.h"

#include "plugin/http_terms.h"
#include "validator/printable.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *const of_connection[] = {
    "Host",
    "Transfer-Encoding",
    "Connection",
    "Keep-Alive",
    "Upgrade",
    "TE",
    "Trailer",
    "Expect",
    "Proxy-Connection",
    "HTTP2-Settings",
    "Proxy-Authorization",
    "Proxy-Authenticate",
};
/* What is written from the body itself, whatever a guest thinks of it. */
static const char *const computed[] = {"Content-Length"};
static const char *const of_origin[] = {"Authorization", "Cookie", "Cookie2"};
static const char *const of_body[] = {"Content-Type",     "Content-Encoding", "Content-Language",
                                      "Content-Location", "Content-MD5",      "Digest"};

static bool is_one_of(const char *name, size_t size, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strlen(list[i]) == size && strncasecmp(list[i], name, size) == 0)
			return true;
	}
	return false;
}

#define IS_ONE_OF(name, size, list) is_one_of(name, size, list, sizeof(list) / sizeof(list)[0])

/* RFC 9110, 5.6.2. */
static bool is_token(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		unsigned char c = (unsigned char)text[i];
		if (c <= ' ' || c >= 0x7f || strchr("\"(),/:;<=>?@[\\]{}", c) != NULL)
			return false;
	}
	return size > 0;
}

static bool is_value(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		unsigned char c = (unsigned char)text[i];
		if ((c < ' ' && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

static bool add(struct curl_slist **list, const char *name, size_t name_size, const char *value,
                size_t value_size, struct error *err)
{
	char *line;
	/* libcurl reads "Name:" as an order to send no such header; "Name;" is the empty one. */
	if (asprintf(&line, value_size > 0 ? "%.*s: %.*s" : "%.*s;%.*s", (int)name_size, name,
	             (int)value_size, value) < 0)
		return error_set(err, ERROR_NO_MEMORY, "no memory for a header");
	struct curl_slist *longer = curl_slist_append(*list, line);
	free(line);
	if (longer == NULL)
		return error_set(err, ERROR_NO_MEMORY, "no memory for a header");
	*list = longer;
	return true;
}

bool http_headers_read(const char *lines, size_t size, bool is_stranger, bool is_bare,
                       struct curl_slist **list, struct error *err)
{
	char shown[PRINTABLE_NAME_SIZE];
	unsigned count = 0;
	for (size_t at = 0; at < size;) {
		const char *line = lines + at;
		const char *end = memchr(line, '\n', size - at);
		size_t length = end != NULL ? (size_t)(end - line) : size - at;
		at += length + 1;
		if (length > 0 && line[length - 1] == '\r')
			length--;
		if (length == 0)
			continue;
		if (++count > HTTP_HEADER_LINES_MAX)
			return error_set(err, ERROR_USAGE, "the request has more than %u headers",
			                 HTTP_HEADER_LINES_MAX);
		const char *colon = memchr(line, ':', length);
		size_t name_size = colon != NULL ? (size_t)(colon - line) : length;
		if (colon == NULL || !is_token(line, name_size))
			return error_set(err, ERROR_USAGE, "a header line is no \"Name: value\": %s",
			                 printable_text(line, length, shown, sizeof shown));
		const char *value = colon + 1;
		size_t value_size = length - name_size - 1;
		while (value_size > 0 && (*value == ' ' || *value == '\t'))
			value++, value_size--;
		while (value_size > 0 && (value[value_size - 1] == ' ' || value[value_size - 1] == '\t'))
			value_size--;
		printable_text(line, name_size, shown, sizeof shown);
		if (!is_value(value, value_size))
			return error_set(err, ERROR_USAGE, "the header %s holds a control character", shown);
		if (IS_ONE_OF(line, name_size, of_connection))
			return error_set(err, ERROR_USAGE,
			                 "the header %s belongs to the connection, which is not the module's; "
			                 "leave it out",
			                 shown);
		if (IS_ONE_OF(line, name_size, computed) ||
		    (is_stranger && IS_ONE_OF(line, name_size, of_origin)) ||
		    (is_bare && IS_ONE_OF(line, name_size, of_body)))
			continue;
		if (!add(list, line, name_size, value, value_size, err))
			return false;
	}
	return true;
}
