#include "plugin/s3_request.h"

#include "caps/cleanup.h"
#include "plugin/bytes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EMPTY_SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define TEXT_MAX ((size_t)8 << 20)

struct lines {
	char digest[100];
	char *token;
	char scope[100];
};

static void lines_clear(struct lines *lines)
{
	secret_free(&lines->token);
}

static bool advise(const struct s3_place *place, const struct transfer_reply *reply,
                   struct error *err)
{
	const char *code = reply->error_body;
	if (strstr(code, "<Code>SignatureDoesNotMatch<") != NULL)
		error_wrap(err, "the secret key is not the one of the access key");
	else if (strstr(code, "<Code>InvalidAccessKeyId<") != NULL)
		error_wrap(err, "the access key is not known there");
	else if (strstr(code, "<Code>AuthorizationHeaderMalformed<") != NULL)
		error_wrap(err, "the region (%s) may be the wrong one",
		           place->region == NULL ? "us-east-1" : place->region);
	else if (strstr(code, "<Code>NoSuchBucket<") != NULL)
		error_wrap(err, "there is no bucket %s at %s; make it, or say createBucketIfNotPresent: {}",
		           place->bucket, place->endpoint);
	else if (strstr(code, "<Code>RequestTimeTooSkewed<") != NULL)
		error_wrap(err, "the clocks of this machine and the server differ too much");
	return false;
}

/* The place that was admitted, and the URL of its bucket, whose host may be one of the bucket's
 * own.
 */
struct home {
	const struct s3_place *place;
	const char *url;
};

static bool may_ask(const void *env, const char *url, struct error *err)
{
	const struct home *home = env;
	return transfer_same_origin(home->url, url) ||
	       home->place->may_ask(home->place->may_ask_env, url, err);
}

bool s3_ask(const struct s3 *s3, const struct s3_exchange *exchange, bool may_miss,
            struct transfer_reply *reply, struct error *err)
{
	const struct s3_place *place = s3->place;
	cleanup_bytes struct bytes url = {0};
	__attribute__((cleanup(lines_clear))) struct lines lines = {0};
	const char *headers[8] = {NULL};
	size_t count = 0;
	bool is_signed = place->keys.id != NULL && place->keys.secret != NULL;
	if (!s3_url(place, exchange->key, exchange->query, &url, err))
		return false;
	snprintf(lines.digest, sizeof lines.digest, "x-amz-content-sha256: %s",
	         exchange->sha256 == NULL ? EMPTY_SHA256 : exchange->sha256);
	snprintf(lines.scope, sizeof lines.scope, "aws:amz:%.60s:s3",
	         place->region == NULL || *place->region == '\0' ? "us-east-1" : place->region);
	headers[count++] = lines.digest;
	if (place->keys.token != NULL) {
		if (asprintf(&lines.token, "x-amz-security-token: %s", place->keys.token) < 0) {
			lines.token = NULL;
			return error_set(err, ERROR_NO_MEMORY, "no memory for a request");
		}
		headers[count++] = lines.token;
	}
	for (size_t i = 0; i < 3 && exchange->headers[i] != NULL; i++)
		headers[count++] = exchange->headers[i];
	const struct transfer_signature signature = {lines.scope, place->keys.id, place->keys.secret};
	const struct home home = {place, url.data};
	const struct transfer_request request = {
	    .method = exchange->method,
	    .url = url.data,
	    .may_ask = place->may_ask != NULL ? may_ask : NULL,
	    .may_ask_env = &home,
	    .private_headers = headers,
	    .signature = is_signed ? &signature : NULL,
	    .authorities = place->authorities,
	    .permits_http = true,
	    .reach = place->reach,
	    .body = exchange->body,
	    .body_fd = exchange->file,
	    .body_size = exchange->size,
	    .has_body = exchange->has_body,
	    .resumes = exchange->resumes,
	    .sink = exchange->sink,
	    .progress = s3->progress,
	    .progress_env = s3->progress_env,
	};
	if (!transfer(s3->transfers, &request, reply, err))
		return false;
	if (reply->status >= 200 && reply->status <= 299)
		return true;
	bool is_missing = reply->status == 404 && strstr(reply->error_body, "NoSuchBucket") == NULL;
	if (is_missing && may_miss)
		return true;
	transfer_refused(&request, reply, err);
	advise(place, reply, err);
	if (!is_missing) /* a bucket that is not there is no missing object */
		err->sys_errno = 0;
	return false;
}

static bool text_begin(void *env, struct error *err)
{
	(void)err;
	bytes_clear(env);
	return true;
}

static bool text_add(void *env, const void *bytes, size_t size, struct error *err)
{
	struct bytes *text = env;
	if (size > TEXT_MAX - text->size)
		return error_set(err, ERROR_LIMIT, "the server's answer is larger than %zu bytes",
		                 TEXT_MAX);
	return bytes_add(text, bytes, size) ||
	       error_set(err, ERROR_NO_MEMORY, "no memory for an answer");
}

bool s3_ask_text(const struct s3 *s3, const struct s3_exchange *exchange, struct bytes *text,
                 struct transfer_reply *reply, struct error *err)
{
	const struct transfer_sink sink = {text_begin, text_add, text};
	struct s3_exchange with_sink = *exchange;
	with_sink.sink = &sink;
	return s3_ask(s3, &with_sink, false, reply, err);
}
