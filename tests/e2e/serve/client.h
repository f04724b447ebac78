/* Calls a plugin as Argo's agent does. */
#ifndef TESTS_E2E_SERVE_CLIENT_H
#define TESTS_E2E_SERVE_CLIENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* What a call takes at most; then it has no answer. */
#define CALL_S 30

struct answer {
	long status; /* 0: no answer */
	char *body;
	size_t size;
	char header[128]; /* the value of Allow, Retry-After or WWW-Authenticate, whichever came */
};

struct call {
	const char *method;        /* NULL: POST when there is a body, else GET */
	const char *path;          /* NULL: /api/v1/template.execute */
	const char *authorization; /* NULL: the right token; "": no header */
	const char *type;          /* NULL: application/json */
	const char *body;
	size_t size; /* 0: up to its NUL */
	bool chunked;
};

/* The caller clears the answer. From any thread. */
struct answer client_call(const char *address, struct call call);
void answer_clear(struct answer *answer);
#define cleanup_answer __attribute__((cleanup(answer_clear)))

/* Executes a template whose plugin.wasm is the JSON text `wasm`, with `template` (",\"inputs\":{…}"
 * or "") beside it, again while it is Running, and returns the node, for the caller to
 * json_decref(). Fails the test when an answer is not a node that Argo can read. */
json_t *client_execute(const char *address, const char *wasm, const char *template);

/* Waits until a metric without labels has the value, for PATIENCE_MS and the time of the last call,
 * which is CALL_S at most. */
void client_wait_for_metric(const char *address, const char *name, unsigned value);

const char *node_text(const json_t *node, const char *key);
/* outputs.KEY */
const char *node_output(const json_t *node, const char *key);
/* The value of an output parameter; NULL when there is none. */
const char *node_parameter_text(const json_t *node, const char *name);

#endif
