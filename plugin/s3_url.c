/* Where a request for an object goes. */
#include "plugin/s3_request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define AMAZON "amazonaws.com"

void s3_place_clear(struct s3_place *place)
{
	free(place->endpoint);
	free(place->bucket);
	free(place->region);
	free(place->authorities);
	store_keys_clear(&place->keys);
	*place = (struct s3_place){0};
}

bool s3_place_set_endpoint(struct s3_place *place, const char *text, struct error *err)
{
	static const char http[] = "http://", https[] = "https://";
	bool insecure = strncasecmp(text, http, sizeof http - 1) == 0;
	bool secure = strncasecmp(text, https, sizeof https - 1) == 0;
	const char *host = text + (insecure ? sizeof http - 1 : secure ? sizeof https - 1 : 0);
	size_t size = strcspn(host, "/?#");
	if (size == 0 || host[size + strspn(host + size, "/")] != '\0')
		return error_set(err, ERROR_USAGE,
		                 "endpoint %.200s: must be HOST[:PORT], or a URL without a path", text);
	char *copy = strndup(host, size);
	if (copy == NULL)
		return error_set(err, ERROR_NO_MEMORY, "no memory for an endpoint");
	free(place->endpoint);
	place->endpoint = copy;
	if (insecure || secure)
		place->insecure = insecure;
	return true;
}

static bool is_amazon(const char *endpoint)
{
	size_t size = strcspn(endpoint, ":"), tail = strlen(AMAZON);
	return size >= tail && strncasecmp(endpoint + size - tail, AMAZON, tail) == 0;
}

/* A dot in a bucket's name fits no certificate, and only a host's name can be put in front of
 * another. */
static bool by_host(const struct s3_place *place)
{
	if (place->style != S3_AUTO)
		return place->style == S3_VIRTUAL;
	return is_amazon(place->endpoint) && strchr(place->bucket, '.') == NULL;
}

/* As Signature Version 4 wants it: all but A-Z a-z 0-9 - . _ ~ and, in a path, the slash. */
static bool add_encoded(struct bytes *url, const char *text, const char *kept)
{
	static const char plain[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
	for (; *text != '\0'; text++) {
		bool is_plain = strchr(plain, *text) != NULL || strchr(kept, *text) != NULL;
		if (is_plain ? !bytes_add(url, text, 1) : !bytes_print(url, "%%%02X", (unsigned char)*text))
			return false;
	}
	return true;
}

bool s3_url(const struct s3_place *place, const char *key, const struct s3_query *query,
            struct bytes *url, struct error *err)
{
	bool host = by_host(place), done;
	done = bytes_print(url, "%s://%s%s%s/", place->insecure ? "http" : "https",
	                   host ? place->bucket : "", host ? "." : "", place->endpoint);
	if (!host)
		done = done && add_encoded(url, place->bucket, "") &&
		       (key == NULL || bytes_add_text(url, "/"));
	done = done && add_encoded(url, key == NULL ? "" : key, "/");
	for (const char *mark = "?"; query != NULL && query->name != NULL; query++, mark = "&")
		done = done && bytes_add_text(url, mark) && add_encoded(url, query->name, "") &&
		       bytes_add_text(url, "=") && add_encoded(url, query->value, "");
	return done || error_set(err, ERROR_NO_MEMORY, "no memory for a URL");
}
