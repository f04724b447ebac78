/* Artifacts of kind http: {url, headers: [{name, value}]}. */
#include "plugin/artifacts_state.h"

#include "caps/cleanup.h"
#include "plugin/scalar.h"
#include "validator/printable.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HEADERS_MAX 64

static bool has_scheme(const char *url, const char *scheme)
{
	return strncasecmp(url, scheme, strlen(scheme)) == 0;
}

/* "Name: value", which must be one line. */
static bool check_header(const json_t *header, size_t index, struct error *err)
{
	const char *name = artifact_text(header, "name"), *value = artifact_text(header, "value");
	if (name == NULL || *name == '\0' || value == NULL)
		return error_set(err, ERROR_USAGE, "http.headers[%zu]: must be {name: TEXT, value: TEXT}",
		                 index);
	if (name[strcspn(name, ": \t\r\n")] != '\0' || value[strcspn(value, "\r\n")] != '\0')
		return error_set(
		    err, ERROR_USAGE,
		    "http.headers[%zu]: a name has no colon or space in it, and neither name nor "
		    "value a line break",
		    index);
	return true;
}

bool artifact_check_http(const struct artifact *artifact, struct error *err)
{
	const char *url = artifact_text(artifact->place, "url");
	const json_t *headers = json_object_get(artifact->place, "headers"), *header;
	char shown[200];
	size_t i;
	if (url == NULL || *url == '\0')
		return error_set(err, ERROR_USAGE, "http.url: is missing");
	if (!has_scheme(url, "http://") && !has_scheme(url, "https://"))
		return error_set(err, ERROR_USAGE, "http.url: %s must begin with http:// or https://",
		                 printable_ascii(url, shown, sizeof shown));
	if (json_is_object(json_object_get(artifact->place, "auth")))
		return error_set(err, ERROR_UNSUPPORTED,
		                 "http.auth: is not supported; give an Authorization header under "
		                 "http.headers");
	if (headers != NULL && !json_is_null(headers) && !json_is_array(headers))
		return error_set(err, ERROR_USAGE, "http.headers: is %s, must be an array",
		                 json_kind(headers));
	if (json_array_size(headers) > HEADERS_MAX)
		return error_set(err, ERROR_LIMIT, "http.headers: are more than %d", HEADERS_MAX);
	json_array_foreach(headers, i, header)
	{
		if (!check_header(header, i, err))
			return false;
	}
	return true;
}

static void free_lines(char *(*lines)[HEADERS_MAX + 1])
{
	for (size_t i = 0; (*lines)[i] != NULL; i++)
		free((*lines)[i]);
}

bool artifact_fetch_http(struct artifacts *artifacts, const struct artifact *artifact,
                         const struct transfer_sink *sink, struct artifact_watch *watch,
                         struct error *err)
{
	__attribute__((cleanup(free_lines))) char *lines[HEADERS_MAX + 1] = {NULL};
	const json_t *headers = json_object_get(artifact->place, "headers"), *header;
	size_t i;
	json_array_foreach(headers, i, header)
	{
		if (asprintf(&lines[i], "%s: %s", artifact_text(header, "name"),
		             artifact_text(header, "value")) < 0) {
			lines[i] = NULL;
			return error_set(err, ERROR_NO_MEMORY, "no memory for a request");
		}
	}
	const struct transfer_request request = {
	    .method = "GET",
	    .url = artifact_text(artifact->place, "url"),
	    .private_headers = (const char *const *)lines,
	    .permits_http = true,
	    .resumes = true,
	    .sink = sink,
	    .progress = artifact_watch_go_on,
	    .progress_env = watch,
	};
	cleanup_free struct transfer_reply *reply = malloc(sizeof *reply);
	if (reply == NULL)
		return error_set(err, ERROR_NO_MEMORY, "no memory for a request");
	if (!transfer(artifacts->transfers, &request, reply, err))
		return false;
	if (reply->status >= 200 && reply->status <= 299)
		return true;
	transfer_refused(&request, reply, err);
	return reply->status == 404 || reply->status == 410 ? artifact_missing(err) : false;
}
