#include "plugin/s3.h"

#include "caps/cleanup.h"
#include "plugin/digest_sink.h"
#include "plugin/s3_request.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static struct transfer_reply *reply_new(struct error *err)
{
	struct transfer_reply *reply = calloc(1, sizeof *reply);
	if (reply == NULL)
		error_put(err, ERROR_NO_MEMORY, "no memory for a request");
	return reply;
}

/* ---- objects ---- */

static bool check(struct digest_sink *sink, const struct transfer_reply *reply, struct error *err)
{
	struct digest digest;
	char hex[DIGEST_TEXT_SIZE], base64[64];
	if (!digest_sink_finish(sink, &digest, err))
		return false;
	EVP_EncodeBlock((unsigned char *)base64, digest.bytes, 32);
	digest_format(&digest, hex);
	const char *got = hex + strlen("sha256:");
	/* A checksum of checksums, of an upload in parts, ends in the number of parts. */
	bool is_whole = reply->sha256[0] != '\0' && strchr(reply->sha256, '-') == NULL;
	bool is_same = (!is_whole || strcmp(reply->sha256, base64) == 0) &&
	               (reply->meta_sha256[0] == '\0' || strcasecmp(reply->meta_sha256, got) == 0);
	return is_same ||
	       error_set(err, ERROR_NETWORK,
	                 "GET %.300s: the bytes that came have another SHA-256 (%s) than the one "
	                 "that was stored with them (%s)",
	                 reply->url, is_whole ? base64 : got,
	                 is_whole ? reply->sha256 : reply->meta_sha256);
}

bool s3_get(const struct s3 *s3, const char *key, const struct transfer_sink *sink,
            struct error *err)
{
	cleanup_free struct transfer_reply *reply = reply_new(err);
	cleanup_digest_sink struct digest_sink checking;
	const struct transfer_sink checked = digest_sink_init(&checking, sink);
	const struct s3_exchange exchange = {.method = "GET",
	                                     .key = key,
	                                     .headers = {"x-amz-checksum-mode: ENABLED"},
	                                     .sink = &checked,
	                                     .resumes = true};
	return reply != NULL && s3_ask(s3, &exchange, false, reply, err) &&
	       check(&checking, reply, err);
}

bool s3_put(const struct s3 *s3, const char *key, int file, uint64_t size, const char *sha256,
            struct error *err)
{
	cleanup_free struct transfer_reply *reply = reply_new(err);
	char kept[100];
	snprintf(kept, sizeof kept, "x-amz-meta-sha256: %s", sha256);
	const struct s3_exchange exchange = {
	    .method = "PUT",
	    .key = key,
	    .headers = {kept, "Content-Type: application/octet-stream"},
	    .file = file,
	    .size = size,
	    .has_body = true,
	    .sha256 = sha256};
	return reply != NULL && s3_ask(s3, &exchange, false, reply, err);
}

bool s3_delete(const struct s3 *s3, const char *key, struct error *err)
{
	cleanup_free struct transfer_reply *reply = reply_new(err);
	const struct s3_exchange exchange = {.method = "DELETE", .key = key};
	return reply != NULL && s3_ask(s3, &exchange, true, reply, err);
}

bool s3_create_bucket(const struct s3 *s3, struct error *err)
{
	cleanup_free struct transfer_reply *reply = reply_new(err);
	const char *region = s3->place->region;
	char text[300] = "", sha256[DIGEST_TEXT_SIZE];
	struct digest digest;
	if (region != NULL && *region != '\0' && strcmp(region, "us-east-1") != 0)
		snprintf(text, sizeof text,
		         "<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
		         "<LocationConstraint>%.60s</LocationConstraint></CreateBucketConfiguration>",
		         region);
	if (reply == NULL || !digest_of_bytes(text, strlen(text), DIGEST_SHA256, &digest, err))
		return false;
	const struct s3_exchange exchange = {.method = "PUT",
	                                     .body = text,
	                                     .size = strlen(text),
	                                     .has_body = true,
	                                     .sha256 =
	                                         digest_format(&digest, sha256) + strlen("sha256:")};
	if (s3_ask(s3, &exchange, false, reply, err))
		return true;
	if (reply->status != 409 || strstr(reply->error_body, "<Code>BucketAlreadyOwnedByYou<") == NULL)
		return false;
	error_clear(err);
	return true;
}

/* ---- listings ---- */

struct listing {
	s3_each *each;
	void *env;
	struct error *err;
	bool is_truncated;
	char *next;
};

static bool on_listed(void *env, const char *parent, const char *name, const char *text)
{
	struct listing *listing = env;
	if (strcmp(parent, "Contents") == 0 && strcmp(name, "Key") == 0)
		return listing->each(listing->env, text, listing->err);
	if (strcmp(name, "IsTruncated") == 0)
		listing->is_truncated = strcmp(text, "true") == 0;
	if (strcmp(name, "NextContinuationToken") != 0)
		return true;
	free(listing->next);
	listing->next = strdup(text);
	return listing->next != NULL ||
	       error_set(listing->err, ERROR_NO_MEMORY, "no memory for a list");
}

bool s3_list(const struct s3 *s3, const char *prefix, const char *after, s3_each *each, void *env,
             struct error *err)
{
	cleanup_free struct transfer_reply *reply = reply_new(err);
	cleanup_free char *token = NULL;
	if (reply == NULL)
		return false;
	for (;;) {
		struct listing listing = {.each = each, .env = env, .err = err};
		const struct s3_query first[] = {{"list-type", "2"},
		                                 {"prefix", prefix},
		                                 {*after != '\0' ? "start-after" : NULL, after},
		                                 {NULL, NULL}};
		const struct s3_query more[] = {
		    {"continuation-token", token}, {"list-type", "2"}, {"prefix", prefix}, {NULL, NULL}};
		const struct s3_exchange exchange = {.method = "GET",
		                                     .query = token == NULL ? first : more};
		cleanup_bytes struct bytes text = {0};
		bool done = s3_ask_text(s3, &exchange, &text, reply, err) &&
		            s3_xml(&text, on_listed, &listing, err);
		free(token);
		token = listing.next;
		if (!done || !listing.is_truncated || token == NULL)
			return done;
	}
}

/* ---- uploads in parts ---- */

struct wanted {
	const char *name;
	char *text;
	bool is_error;
};

static bool on_wanted(void *env, const char *parent, const char *name, const char *text)
{
	struct wanted *wanted = env;
	wanted->is_error = wanted->is_error || strcmp(parent, "Error") == 0;
	if (strcmp(name, wanted->name) == 0 && wanted->text == NULL)
		wanted->text = strdup(text);
	return true;
}

bool s3_parts_begin(const struct s3 *s3, const char *key, char **id, struct error *err)
{
	cleanup_free struct transfer_reply *reply = reply_new(err);
	const struct s3_query query[] = {{"uploads", ""}, {NULL, NULL}};
	const struct s3_exchange exchange = {.method = "POST",
	                                     .key = key,
	                                     .query = query,
	                                     .headers = {"Content-Type: application/octet-stream"},
	                                     .body = "",
	                                     .has_body = true};
	struct wanted wanted = {.name = "UploadId"};
	cleanup_bytes struct bytes text = {0};
	if (reply == NULL || !s3_ask_text(s3, &exchange, &text, reply, err) ||
	    !s3_xml(&text, on_wanted, &wanted, err)) {
		free(wanted.text);
		return false;
	}
	*id = wanted.text;
	return *id != NULL ||
	       error_set(err, ERROR_NETWORK, "POST %.300s: the answer has no UploadId", reply->url);
}

bool s3_parts_put(const struct s3 *s3, const char *key, const char *id, unsigned number, int file,
                  uint64_t size, const char *sha256, char etag[S3_ETAG_MAX], struct error *err)
{
	cleanup_free struct transfer_reply *reply = reply_new(err);
	char text[16];
	snprintf(text, sizeof text, "%u", number);
	const struct s3_query query[] = {{"partNumber", text}, {"uploadId", id}, {NULL, NULL}};
	const struct s3_exchange exchange = {.method = "PUT",
	                                     .key = key,
	                                     .query = query,
	                                     .file = file,
	                                     .size = size,
	                                     .has_body = true,
	                                     .sha256 = sha256};
	if (reply == NULL || !s3_ask(s3, &exchange, false, reply, err))
		return false;
	snprintf(etag, S3_ETAG_MAX, "%.127s", reply->etag);
	return *etag != '\0' ||
	       error_set(err, ERROR_NETWORK, "PUT %.300s: the answer has no ETag", reply->url);
}

bool s3_parts_finish(const struct s3 *s3, const char *key, const char *id,
                     char (*etags)[S3_ETAG_MAX], unsigned count, struct error *err)
{
	cleanup_free struct transfer_reply *reply = reply_new(err);
	cleanup_bytes struct bytes body = {0}, text = {0};
	char sha256[DIGEST_TEXT_SIZE];
	struct digest digest;
	bool fits = bytes_add_text(&body, "<CompleteMultipartUpload>");
	for (unsigned i = 0; i < count; i++) {
		char plain[S3_ETAG_MAX];
		size_t size = 0;
		for (const char *at = etags[i]; *at != '\0'; at++) /* quotes and marks are not part of it */
			if (strchr("\"<>&", *at) == NULL)
				plain[size++] = *at;
		plain[size] = '\0';
		fits = fits &&
		       bytes_print(&body,
		                   "<Part><PartNumber>%u</PartNumber><ETag>&quot;%s&quot;</ETag></Part>",
		                   i + 1, plain);
	}
	fits = fits && bytes_add_text(&body, "</CompleteMultipartUpload>");
	if (!fits)
		return error_set(err, ERROR_NO_MEMORY, "no memory for an upload");
	const struct s3_query query[] = {{"uploadId", id}, {NULL, NULL}};
	if (reply == NULL || !digest_of_bytes(body.data, body.size, DIGEST_SHA256, &digest, err))
		return false;
	const struct s3_exchange exchange = {.method = "POST",
	                                     .key = key,
	                                     .query = query,
	                                     .headers = {"Content-Type: application/xml"},
	                                     .body = body.data,
	                                     .size = body.size,
	                                     .has_body = true,
	                                     .sha256 =
	                                         digest_format(&digest, sha256) + strlen("sha256:")};
	/* It may say 200 first and then, in the body, that it failed. */
	struct wanted wanted = {.name = "Message"};
	bool done =
	    s3_ask_text(s3, &exchange, &text, reply, err) && s3_xml(&text, on_wanted, &wanted, err);
	if (done && wanted.is_error)
		done = error_set(err, ERROR_NETWORK, "POST %.300s: %.200s", reply->url,
		                 wanted.text == NULL ? "failed" : wanted.text);
	free(wanted.text);
	return done;
}

void s3_parts_abort(const struct s3 *s3, const char *key, const char *id)
{
	struct error err = ERROR_INIT;
	cleanup_free struct transfer_reply *reply = reply_new(&err);
	const struct s3_query query[] = {{"uploadId", id}, {NULL, NULL}};
	const struct s3_exchange exchange = {.method = "DELETE", .key = key, .query = query};
	/* Without the step's watch: what is left over is removed although its time is over. */
	const struct s3 unwatched = {.transfers = s3->transfers, .place = s3->place};
	if (reply != NULL)
		s3_ask(&unwatched, &exchange, true, reply, &err);
}
