#include "plugin/transfer_exchange.h"

#include "plugin/now.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

static void keep_field(char *field, size_t field_size, const char *value, size_t size)
{
	while (size > 0 && (value[size - 1] == '\r' || value[size - 1] == '\n'))
		size--;
	if (size < field_size) {
		memcpy(field, value, size);
		field[size] = '\0';
	}
}

static struct part read_part(const char *value, size_t size)
{
	struct part part = {.total = UINT64_MAX};
	char text[100] = "", total[32] = "";
	int end = 0;
	keep_field(text, sizeof text, value, size);
	/* No sign and no blank, which sscanf() would take. */
	if (strncmp(text, "bytes ", 6) != 0 || text[6 + strspn(text + 6, "0123456789-/*")] != '\0')
		return part;
	part.is_told = sscanf(text, "bytes %" SCNu64 "-%" SCNu64 "/%31s%n", &part.first, &part.last,
	                      total, &end) == 3 &&
	               text[end] == '\0' && part.first <= part.last &&
	               (strcmp(total, "*") == 0 || sscanf(total, "%" SCNu64, &part.total) == 1);
	return part;
}

/* The value when the line is of that header, else NULL. */
static const char *header_value(const char *line, size_t size, const char *name, size_t *value_size)
{
	size_t length = strlen(name);
	if (size <= length || strncasecmp(line, name, length) != 0 || line[length] != ':')
		return NULL;
	size_t at = length + 1;
	while (at < size && (line[at] == ' ' || line[at] == '\t'))
		at++;
	*value_size = size - at;
	return line + at;
}

size_t transfer_on_header(char *line, size_t unit, size_t count, void *env)
{
	struct exchange *exchange = env;
	struct transfer_reply *reply = exchange->reply;
	size_t size = unit * count, value_size;
	const char *value;
	exchange->heard = true;
	if (size > 5 &&
	    strncmp(line, "HTTP/", 5) == 0) { /* a reply of its own, as after 100 Continue */
		reply->content_type[0] = reply->challenge[0] = reply->content_digest[0] = '\0';
		reply->location[0] = reply->etag[0] = reply->modified[0] = '\0';
		reply->sha256[0] = reply->meta_sha256[0] = '\0';
		exchange->retry_after = 0;
		exchange->part = (struct part){0};
	} else if ((value = header_value(line, size, "Content-Range", &value_size)) != NULL) {
		exchange->part = read_part(value, value_size);
	} else if ((value = header_value(line, size, "Content-Type", &value_size)) != NULL) {
		keep_field(reply->content_type, sizeof reply->content_type, value, value_size);
	} else if ((value = header_value(line, size, "Docker-Content-Digest", &value_size)) != NULL) {
		keep_field(reply->content_digest, sizeof reply->content_digest, value, value_size);
	} else if ((value = header_value(line, size, "WWW-Authenticate", &value_size)) != NULL) {
		size_t used = strlen(reply->challenge);
		if (used + value_size + 2 < sizeof reply->challenge) {
			keep_field(reply->challenge + used, sizeof reply->challenge - used, value, value_size);
			strcat(reply->challenge, "\n");
		}
	} else if ((value = header_value(line, size, "Location", &value_size)) != NULL) {
		keep_field(reply->location, sizeof reply->location, value, value_size);
	} else if ((value = header_value(line, size, "ETag", &value_size)) != NULL) {
		keep_field(reply->etag, sizeof reply->etag, value, value_size);
	} else if ((value = header_value(line, size, "Last-Modified", &value_size)) != NULL) {
		keep_field(reply->modified, sizeof reply->modified, value, value_size);
	} else if ((value = header_value(line, size, "x-amz-checksum-sha256", &value_size)) != NULL) {
		keep_field(reply->sha256, sizeof reply->sha256, value, value_size);
	} else if ((value = header_value(line, size, "x-amz-meta-sha256", &value_size)) != NULL) {
		keep_field(reply->meta_sha256, sizeof reply->meta_sha256, value, value_size);
	} else if ((value = header_value(line, size, "Retry-After", &value_size)) != NULL) {
		char text[16] = "";
		keep_field(text, sizeof text, value, value_size);
		unsigned long seconds = strtoul(text, NULL, 10);
		exchange->retry_after = seconds > TRANSFER_RETRY_AFTER_MAX_SECONDS
		                            ? TRANSFER_RETRY_AFTER_MAX_SECONDS
		                            : (unsigned)seconds;
	}
	return size;
}

/* A part is taken only when it is the one that was asked for, all from `received` to the end: bytes
 * put in the wrong place would be whole by their count. */
static bool is_wanted_part(struct exchange *exchange, uint64_t received)
{
	const struct part *part = &exchange->part;
	if (received == 0)
		return error_set(exchange->err, ERROR_NETWORK,
		                 "the server sent a part of it (HTTP 206), and all of it was asked for");
	if (!part->is_told)
		return error_set(exchange->err, ERROR_NETWORK,
		                 "the server sent a part of it (HTTP 206) and does not say which one "
		                 "(Content-Range), when it was to go on from byte %" PRIu64,
		                 received);
	if (part->first == received && (part->total == UINT64_MAX || part->last + 1 == part->total))
		return true;
	return error_set(exchange->err, ERROR_NETWORK,
	                 "the server sent another part of it (bytes %" PRIu64 " to %" PRIu64
	                 ") than the one that was asked for, from byte %" PRIu64 " to the end",
	                 part->first, part->last, received);
}

bool transfer_take_up(struct exchange *exchange, long status)
{
	struct resumption *known = exchange->resumption;
	const struct transfer_reply *reply = exchange->reply;
	known->judged = true;
	known->skip = 0;
	if (status == 206 && !is_wanted_part(exchange, known->received))
		return false;
	if (!known->begun) {
		snprintf(known->etag, sizeof known->etag, "%s", reply->etag);
		snprintf(known->modified, sizeof known->modified, "%s", reply->modified);
		known->begun = exchange->request->sink->begin(exchange->request->sink->env, exchange->err);
		return known->begun;
	}
	if (strcmp(known->etag, reply->etag) != 0 || strcmp(known->modified, reply->modified) != 0)
		return error_set(
		    exchange->err, ERROR_NETWORK,
		    "it changed while it was read, and reading broke off in between; try again");
	if (status != 206)
		known->skip = known->received;
	return true;
}

static size_t add_resumed(struct exchange *exchange, long status, const char *bytes, size_t size)
{
	struct resumption *known = exchange->resumption;
	if (!known->judged && !transfer_take_up(exchange, status))
		return 0;
	size_t skipped = size < known->skip ? size : (size_t)known->skip;
	known->skip -= skipped;
	const struct transfer_sink *sink = exchange->request->sink;
	if (skipped < size && !sink->add(sink->env, bytes + skipped, size - skipped, exchange->err))
		return 0;
	known->received += size - skipped;
	return size;
}

size_t transfer_on_body(char *bytes, size_t unit, size_t count, void *env)
{
	struct exchange *exchange = env;
	size_t size = unit * count;
	long status = 0;
	curl_easy_getinfo(exchange->handle, CURLINFO_RESPONSE_CODE, &status);
	if (status < 200 || status > 299) {
		size_t room = TRANSFER_ERROR_BODY_MAX - exchange->error_size;
		size_t kept = size < room ? size : room;
		memcpy(exchange->reply->error_body + exchange->error_size, bytes, kept);
		exchange->error_size += kept;
		exchange->reply->error_body[exchange->error_size] = '\0';
		return kept; /* an endless error ends here */
	}
	const struct transfer_sink *sink = exchange->request->sink;
	if (sink == NULL)
		return size;
	if (exchange->resumption != NULL)
		return add_resumed(exchange, status, bytes, size);
	if (!exchange->begun &&
	    ((status == 206 && !is_wanted_part(exchange, 0)) || !sink->begin(sink->env, exchange->err)))
		return 0;
	exchange->begun = true;
	return sink->add(sink->env, bytes, size, exchange->err) ? size : 0;
}

size_t transfer_on_send(char *buffer, size_t unit, size_t count, void *env)
{
	struct exchange *exchange = env;
	const struct transfer_request *request = exchange->request;
	uint64_t left = request->body_size - exchange->sent;
	size_t size = unit * count < left ? unit * count : (size_t)left;
	if (request->body != NULL) {
		memcpy(buffer, (const char *)request->body + exchange->sent, size);
	} else if (size > 0) {
		ssize_t got = pread(request->body_fd, buffer, size, (off_t)exchange->sent);
		if (got <= 0) {
			error_set_errno(exchange->err, got < 0 ? errno : EIO,
			                "the file to send became shorter or unreadable");
			return CURL_READFUNC_ABORT;
		}
		size = (size_t)got;
	}
	exchange->sent += size;
	if (size > 0)
		exchange->moved = now_ms();
	return size;
}

int transfer_on_seek(void *env, curl_off_t offset, int origin)
{
	struct exchange *exchange = env;
	if (origin != SEEK_SET || offset < 0)
		return CURL_SEEKFUNC_FAIL;
	exchange->sent = (uint64_t)offset;
	return CURL_SEEKFUNC_OK;
}

int transfer_on_progress(void *env, curl_off_t total, curl_off_t now, curl_off_t send_total,
                         curl_off_t sent)
{
	struct exchange *exchange = env;
	const struct transfer_request *request = exchange->request;
	bool sends = request->has_body;
	if (request->progress(request->progress_env, (uint64_t)(sends ? sent : now),
	                      (uint64_t)(sends ? send_total : total)))
		return 0;
	exchange->abandoned = true;
	return 1;
}
