/* Artifacts of kind http: {url, headers: [{name, value}], auth: {basicAuth}}. */
#include "plugin/artifacts_state.h"

#include "caps/cleanup.h"
#include "plugin/policy_ceiling.h"
#include "plugin/scalar.h"
#include "validator/printable.h"

#include <errno.h>
#include <openssl/evp.h>
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
	if (artifact_is_oci(artifact))
		return artifact_check_oci(artifact, err);
	if (!has_scheme(url, "http://") && !has_scheme(url, "https://"))
		return error_set(err, ERROR_USAGE,
		                 "http.url: %s must begin with http://, https:// or oci://",
		                 printable_ascii(url, shown, sizeof shown));
	const char *key;
	json_t *value;
	json_object_foreach(json_object_get(artifact->place, "auth"), key, value)
	{
		if (strcmp(key, "basicAuth") != 0 && json_object_size(value) > 0)
			return error_set(
			    err, ERROR_UNSUPPORTED,
			    "http.auth.%.60s: is not supported; take basicAuth, or an Authorization "
			    "header under http.headers",
			    key);
	}
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

/* The value of an Authorization header, for the caller to secret_free(); NULL without an error when
 * there is no basicAuth. */
static bool basic_auth(const struct artifacts_run *run, const struct artifact *artifact,
                       char **authorization, struct error *err)
{
	const json_t *auth = json_object_get(json_object_get(artifact->place, "auth"), "basicAuth");
	cleanup_secret char *user = NULL, *password = NULL, *both = NULL, *coded = NULL;
	if (json_object_size(auth) == 0)
		return true;
	user = artifact_secret(run, auth, "usernameSecret", err);
	password = user == NULL ? NULL : artifact_secret(run, auth, "passwordSecret", err);
	if (password == NULL) {
		error_wrap(err, "http.auth.basicAuth");
		return false;
	}
	int size = asprintf(&both, "%s:%s", user, password);
	if (size < 0)
		both = NULL;
	coded = size < 0 ? NULL : malloc((size_t)size / 3 * 4 + 8);
	if (coded == NULL)
		return error_set(err, ERROR_NO_MEMORY, "no memory for a request");
	EVP_EncodeBlock((unsigned char *)coded, (const unsigned char *)both, size);
	if (asprintf(authorization, "Basic %s", coded) < 0) {
		*authorization = NULL;
		return error_set(err, ERROR_NO_MEMORY, "no memory for a request");
	}
	return true;
}

static bool may_ask(const void *ceiling, const char *url, struct error *err)
{
	return policy_ceiling_lets_url(ceiling, url, err);
}

bool artifact_fetch_http(const struct artifacts_run *run, const struct artifact *artifact,
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
	cleanup_secret char *authorization = NULL;
	if (!basic_auth(run, artifact, &authorization, err))
		return false;
	const struct transfer_request request = {
	    .method = "GET",
	    .authorization = authorization,
	    .url = artifact_text(artifact->place, "url"),
	    .private_headers = (const char *const *)lines,
	    .permits_http = true,
	    .reach = run->shared->options.ceiling != NULL ? REACH_LISTED : REACH_NAMED,
	    .may_ask = run->shared->options.ceiling != NULL ? may_ask : NULL,
	    .may_ask_env = run->shared->options.ceiling,
	    .resumes = true,
	    .sink = sink,
	    .progress = artifact_watch_go_on,
	    .progress_env = watch,
	};
	cleanup_free struct transfer_reply *reply = malloc(sizeof *reply);
	if (reply == NULL)
		return error_set(err, ERROR_NO_MEMORY, "no memory for a request");
	if (!transfer(run->shared->transfers, &request, reply, err))
		return false;
	if (reply->status >= 200 && reply->status <= 299)
		return true;
	return transfer_refused(&request, reply, err);
}
