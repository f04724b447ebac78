#include "plugin/endpoint.h"

#include <stdio.h>
#include <string.h>

#define LABEL_MAX 63

static bool read_port(const char *text, size_t size, uint16_t *port, struct error *err)
{
	unsigned value = 0;
	bool is_number = size > 0 && size <= 5;
	for (size_t i = 0; is_number && i < size; i++) {
		is_number = text[i] >= '0' && text[i] <= '9';
		value = value * 10 + (unsigned)(text[i] - '0');
	}
	if (!is_number || value == 0 || value > UINT16_MAX)
		return error_set(err, ERROR_USAGE, "the port is no number from 1 to 65535");
	*port = (uint16_t)value;
	return true;
}

/* The part in brackets. */
static bool read_v6(const char *text, size_t size, struct endpoint *endpoint, struct error *err)
{
	char plain[ADDRESS_TEXT_SIZE];
	if (size < sizeof plain) {
		memcpy(plain, text, size);
		plain[size] = '\0';
		if (strlen(plain) == size && strchr(plain, ':') != NULL &&
		    address_parse(plain, &endpoint->address)) {
			endpoint->is_address = true;
			address_text(&endpoint->address, endpoint->host);
			return true;
		}
	}
	return error_set(err, ERROR_USAGE, "what stands in brackets is no IPv6 address, or has a zone");
}

/* Resolvers and URL parsers take a name whose last label is a number for an IPv4 address. */
static bool looks_like_v4(const char *host)
{
	const char *last = strrchr(host, '.');
	last = last == NULL ? host : last + 1;
	if (last[0] == '0' && last[1] == 'x')
		return last[2 + strspn(last + 2, "0123456789abcdef")] == '\0';
	return last[strspn(last, "0123456789")] == '\0';
}

static bool read_name(const char *text, size_t size, struct endpoint *endpoint, struct error *err)
{
	if (size > 1 && text[size - 1] == '.')
		size--;
	if (size == 0)
		return error_set(err, ERROR_USAGE, "there is no host");
	if (size > ENDPOINT_HOST_MAX)
		return error_set(err, ERROR_USAGE, "the host is longer than %d bytes", ENDPOINT_HOST_MAX);
	size_t label = 0;
	for (size_t i = 0; i < size; i++) {
		char c = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] - 'A' + 'a') : text[i];
		bool is_letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
		if ((unsigned char)c >= 0x80)
			return error_set(err, ERROR_USAGE,
			                 "the host has letters beyond ASCII; write it as xn--…");
		if (!is_letter && c != '-' && c != '.')
			return error_set(err, ERROR_USAGE, "the host holds what no host name may");
		label = c == '.' ? 0 : label + 1;
		if (label > LABEL_MAX || (c == '.' && (i == 0 || text[i - 1] == '.')))
			return error_set(err, ERROR_USAGE,
			                 "the host has an empty label, or one of over %d bytes", LABEL_MAX);
		endpoint->host[i] = c;
	}
	endpoint->host[size] = '\0';
	if (label == 0)
		return error_set(err, ERROR_USAGE, "the host has an empty label");
	if (!looks_like_v4(endpoint->host))
		return true;
	endpoint->is_address = address_parse(endpoint->host, &endpoint->address);
	return endpoint->is_address ||
	       error_set(err, ERROR_USAGE,
	                 "the host is no IPv4 address of four decimal numbers, but ends as one");
}

bool endpoint_parse(const char *text, size_t size, uint16_t otherwise, struct endpoint *endpoint,
                    struct error *err)
{
	const char *end = text + size, *host_end;
	*endpoint = (struct endpoint){.port = otherwise};
	if (memchr(text, '@', size) != NULL)
		return error_set(err, ERROR_USAGE, "a user name stands before the host; remove it");
	if (size > 0 && *text == '[') {
		host_end = memchr(text, ']', size);
		if (host_end == NULL)
			return error_set(err, ERROR_USAGE, "a bracket is not closed");
		if (!read_v6(text + 1, (size_t)(host_end - text - 1), endpoint, err))
			return false;
		host_end++;
	} else {
		host_end = memchr(text, ':', size);
		if (host_end == NULL)
			host_end = end;
		if (!read_name(text, (size_t)(host_end - text), endpoint, err))
			return false;
	}
	if (host_end != end) {
		if (*host_end != ':')
			return error_set(err, ERROR_USAGE, "something stands between the host and its port");
		return read_port(host_end + 1, (size_t)(end - host_end - 1), &endpoint->port, err);
	}
	return otherwise != 0 || error_set(err, ERROR_USAGE, "the port is missing; write HOST:PORT");
}

bool endpoint_equal(const struct endpoint *a, const struct endpoint *b)
{
	return a->port == b->port && a->is_address == b->is_address && strcmp(a->host, b->host) == 0;
}

const char *endpoint_text(const struct endpoint *endpoint, char *out)
{
	bool brackets = endpoint->is_address && endpoint->address.is_v6;
	snprintf(out, ENDPOINT_TEXT_SIZE, "%s%s%s:%u", brackets ? "[" : "", endpoint->host,
	         brackets ? "]" : "", endpoint->port);
	return out;
}
