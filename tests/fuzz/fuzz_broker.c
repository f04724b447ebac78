/* Fuzz target: what a hostile run may send its broker. The first byte chooses what the others are:
 * a packet, a URL, or header lines. */
#include "plugin/broker_ask.h"
#include "plugin/http_headers.h"
#include "plugin/origin.h"
#include "tests/fuzz/check.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The parts are within the packet, in order, and all of it. */
static void read_packet(const uint8_t *data, size_t size)
{
	struct ask ask;
	if (!broker_ask_read(data, size, &ask))
		return;
	CHECK(ask.kind < BROKER_ASK_COUNT);
	const char *at = (const char *)data + sizeof(struct broker_ask);
	for (int i = 0; i < BROKER_PARTS; i++) {
		CHECK(ask.parts[i].bytes == at);
		at += ask.parts[i].size;
	}
	CHECK(at == (const char *)data + size);
}

static void check_part(CURLU *url, CURLUPart part, const char *expected)
{
	char *text = NULL;
	CHECK(curl_url_get(url, part, &text, CURLU_DEFAULT_PORT) == CURLUE_OK);
	CHECK(strcmp(text, expected) == 0);
	curl_free(text);
}

/* libcurl takes the spelling that it is handed for the same scheme, host and port that were judged,
 * and for no user. */
static void check_agreement(const struct origin *origin, const char *spelling)
{
	char host[sizeof origin->at.host + 2], port[8], *user = NULL;
	bool brackets = origin->at.is_address && origin->at.address.is_v6;
	snprintf(host, sizeof host, "%s%s%s", brackets ? "[" : "", origin->at.host,
	         brackets ? "]" : "");
	snprintf(port, sizeof port, "%u", origin->at.port);
	CURLU *url = curl_url();
	CHECK(url != NULL);
	/* A URL that libcurl refuses (some paths) reaches nobody. */
	if (curl_url_set(url, CURLUPART_URL, spelling, 0) == CURLUE_OK) {
		check_part(url, CURLUPART_SCHEME, origin->is_https ? "https" : "http");
		check_part(url, CURLUPART_HOST, host);
		check_part(url, CURLUPART_PORT, port);
		CHECK(curl_url_get(url, CURLUPART_USER, &user, 0) == CURLUE_NO_USER);
	}
	curl_url_cleanup(url);
}

static void read_url(const char *text, size_t size)
{
	struct error err = ERROR_INIT;
	struct origin origin, again;
	const char *rest;
	if (!origin_parse(text, size, &origin, &rest, &err)) {
		CHECK(err.kind == ERROR_USAGE && err.message[0] != '\0');
		return;
	}
	CHECK(rest >= text && rest <= text + size);
	char *spelling = origin_url(&origin, rest, size - (size_t)(rest - text));
	CHECK(spelling != NULL);
	CHECK(origin_parse(spelling, strlen(spelling), &again, &rest, &err) ||
	      strlen(spelling) > URL_MAX);
	CHECK(strlen(spelling) > URL_MAX || origin_equal(&origin, &again));
	check_agreement(&origin, spelling);
	free(spelling);
}

/* No line that is handed to libcurl holds a line end. */
static void read_headers(const char *text, size_t size)
{
	struct error err = ERROR_INIT;
	struct curl_slist *list = NULL;
	http_headers_read(text, size, size & 1, size & 2, &list, &err);
	for (const struct curl_slist *at = list; at != NULL; at = at->next) {
		CHECK(strpbrk(at->data, "\r\n") == NULL);
		CHECK(strncasecmp(at->data, "host:", 5) != 0);
	}
	curl_slist_free_all(list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	/* Exactly as large as it is, so that reading beyond its end is seen. */
	uint8_t *bytes = malloc(size);
	CHECK(bytes != NULL);
	memcpy(bytes, data + 1, --size);
	switch (data[0]) {
	case 'u':
		read_url((const char *)bytes, size);
		break;
	case 'h':
		read_headers((const char *)bytes, size);
		break;
	default:
		read_packet(bytes, size);
		break;
	}
	free(bytes);
	return 0;
}
