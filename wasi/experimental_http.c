/* The import module "wasi_experimental_http": one call for a request with its body, and the answer
 * by a handle. Its errors are its own. */
#include "wasi/handler.h"

#include "validator/utf8.h"

#include <errno.h>
#include <strings.h>

enum {
#define EXPERIMENTAL_ERROR(name, host) EXPERIMENTAL_##name,
#include "wasi/experimental_http_error.def"
#undef EXPERIMENTAL_ERROR
};
_Static_assert(EXPERIMENTAL_TOO_MANY_SESSIONS == 13, "the errors stand in their order");

static const int errnos[] = {
#define EXPERIMENTAL_ERROR(name, host) host,
#include "wasi/experimental_http_error.def"
#undef EXPERIMENTAL_ERROR
};

static uint32_t error_of(int64_t result)
{
	if (result >= 0)
		return EXPERIMENTAL_SUCCESS;
	for (uint32_t i = 1; i < sizeof errnos / sizeof *errnos; i++) {
		if (errnos[i] == -result)
			return i;
	}
	return EXPERIMENTAL_REQUEST;
}

/* The guest's memory, or EXPERIMENTAL_MEMORY_NOT_FOUND where it has none. */
static uint32_t enter(struct host_call *call, struct guest *g)
{
	*g = guest_enter(call);
	return g->memory ? EXPERIMENTAL_SUCCESS : EXPERIMENTAL_MEMORY_NOT_FOUND;
}

static uint32_t text_at(const struct guest *g, uint32_t at, uint32_t size, struct caps_text *text)
{
	int rc = guest_text(g, at, size, text);
	return error_of(rc < 0 || utf8_is_whole(text->text, size) ? rc : -EILSEQ);
}

/* Each line has a name and a value. */
static bool are_headers(struct caps_text lines)
{
	for (size_t at = 0; at < lines.size;) {
		const char *line = lines.text + at, *end = memchr(line, '\n', lines.size - at);
		size_t size = end ? (size_t)(end - line) : lines.size - at;
		if (size > 0 && !memchr(line, ':', size))
			return false;
		at += size + 1;
	}
	return true;
}

/* A request whose body is `size` bytes at `body`; its handle. */
static int64_t request(struct caps *caps, const struct caps_http_request *what, const uint8_t *body,
                       uint32_t *status)
{
	int64_t handle = caps_http_open(caps, what);
	if (handle < 0)
		return handle;
	int rc = what->body_size ? caps_send(caps, (uint32_t)handle, body, what->body_size) : 0;
	if (rc >= 0)
		rc = caps_http_answer(caps, (uint32_t)handle, status);
	if (rc >= 0)
		return handle;
	caps_close(caps, (uint32_t)handle);
	/* An answer that is there and cannot be had is no fault of the URL. */
	return rc == -EINVAL ? -EIO : rc;
}

uint32_t experimental_http_req(struct host_call *call, uint32_t url_at, uint32_t url_size,
                               uint32_t method_at, uint32_t method_size, uint32_t headers_at,
                               uint32_t headers_size, uint32_t body_at, uint32_t body_size,
                               uint32_t status_at, uint32_t handle_at)
{
	struct guest g;
	struct caps_http_request what = {.body_size = body_size, .follow = true};
	uint8_t *body, *status_to, *handle_to;
	uint32_t error, status = 0;
	if ((error = enter(call, &g)) || (error = text_at(&g, url_at, url_size, &what.url)) ||
	    (error = text_at(&g, method_at, method_size, &what.method)) ||
	    (error = text_at(&g, headers_at, headers_size, &what.headers)))
		return error;
	if (!guest_range(&g, body_at, body_size, &body) || !guest_range(&g, status_at, 2, &status_to) ||
	    !guest_range(&g, handle_at, 4, &handle_to))
		return EXPERIMENTAL_MEMORY_ACCESS;
	if (!are_headers(what.headers))
		return EXPERIMENTAL_INVALID_ENCODING;
	int64_t handle = request(g.caps, &what, body, &status);
	if (handle < 0)
		return error_of(handle);
	store_u16(status_to, (uint16_t)status);
	store_u32(handle_to, (uint32_t)handle);
	return EXPERIMENTAL_SUCCESS;
}

uint32_t experimental_http_close(struct host_call *call, uint32_t handle)
{
	struct guest g = guest_enter(call);
	struct caps_text headers;
	int rc = caps_http_headers(g.caps, handle, &headers);
	return error_of(rc < 0 ? rc : caps_close(g.caps, handle));
}

uint32_t experimental_http_header_get(struct host_call *call, uint32_t handle, uint32_t name_at,
                                      uint32_t name_size, uint32_t at, uint32_t room,
                                      uint32_t size_at)
{
	struct guest g;
	struct caps_text name, headers;
	uint32_t error;
	if ((error = enter(call, &g)) || (error = text_at(&g, name_at, name_size, &name)))
		return error;
	int rc = caps_http_headers(g.caps, handle, &headers);
	if (rc < 0)
		return error_of(rc);
	for (const char *line = headers.text, *end = line + headers.size; line < end;) {
		const char *newline = memchr(line, '\n', (size_t)(end - line));
		size_t size = newline ? (size_t)(newline - line) : (size_t)(end - line);
		if (size > name.size && line[name.size] == ':' &&
		    strncasecmp(line, name.text, name.size) == 0)
			return error_of(
			    guest_put_text(&g, (struct caps_text){line + name.size + 1, size - name.size - 1},
			                   at, room, size_at));
		line += size + 1;
	}
	return EXPERIMENTAL_HEADER_NOT_FOUND;
}

uint32_t experimental_http_headers_get_all(struct host_call *call, uint32_t handle, uint32_t at,
                                           uint32_t room, uint32_t size_at)
{
	struct guest g;
	struct caps_text headers;
	uint32_t error = enter(call, &g);
	if (error)
		return error;
	int rc = caps_http_headers(g.caps, handle, &headers);
	return error_of(rc < 0 ? rc : guest_put_text(&g, headers, at, room, size_at));
}

uint32_t experimental_http_body_read(struct host_call *call, uint32_t handle, uint32_t at,
                                     uint32_t room, uint32_t size_at)
{
	struct guest g;
	struct caps_text headers;
	uint8_t *to, *size_to;
	uint32_t error = enter(call, &g);
	if (error)
		return error;
	int rc = caps_http_headers(g.caps, handle, &headers);
	if (rc < 0)
		return error_of(rc);
	if (!guest_range(&g, at, room, &to) || !guest_range(&g, size_at, 4, &size_to))
		return EXPERIMENTAL_MEMORY_ACCESS;
	ssize_t got = room ? caps_receive(g.caps, handle, to, room) : 0;
	if (got < 0)
		return error_of(got);
	store_u32(size_to, (uint32_t)got);
	return EXPERIMENTAL_SUCCESS;
}
