/* An ExecuteTemplateRequest, from JSON to structs: the one border where a request's JSON is looked
 * at.
 *
 * Strings are borrowed from the decoded document, which the request owns; they are UTF-8 and hold
 * no NUL. A request is used by one thread at a time. */
#ifndef PLUGIN_REQUEST_H
#define PLUGIN_REQUEST_H

#include "plugin/artifact.h"
#include "plugin/policy.h"
#include "validator/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum request_form {
	REQUEST_NOT_OURS, /* template.plugin has no key "wasm": the agent asks the next plugin */
	REQUEST_CONTRACT, /* /work/input.json, /work/result.json */
	REQUEST_COMMAND,  /* "args", "env", "stdin" or "workdir" is given: any WASI command */
};

/* A name with a value as JSON: any scalar; JSON null when none is given. */
struct request_value {
	const char *name;
	json_t *value;
};

struct request_values {
	struct request_value *items;
	size_t count;
};

/* An output parameter that the template declares. */
struct request_output {
	const char *name;
	const char *path;      /* valueFrom.path, a path of the guest; NULL when not given */
	const char *otherwise; /* valueFrom.default, or a value given outright; NULL when neither */
};

struct request_outputs {
	struct request_output *items;
	size_t count;
};

struct request_artifacts {
	struct artifact *items;
	size_t count;
};

struct request_texts {
	const char **items;
	size_t count;
};

struct request {
	json_t *document;
	json_t *texts; /* keeps the strings made from numbers and booleans */
	char *names;   /* what request_keep_names() left */

	enum request_form form;
	const char *workflow; /* "" where Argo sent none, as for the next three */
	const char *namespace;
	const char *uid;
	const char *template;

	struct request_values parameters;
	struct request_artifacts artifacts;
	struct request_outputs outputs;
	struct request_artifacts output_artifacts;

	const char *module; /* the reference */
	struct policy permissions;
	struct request_values options; /* keys of plugin.wasm that are not ours, in their order */
	struct request_texts args;     /* without the program's name */
	struct request_texts env;      /* "NAME=VALUE" */
	const char *stdin_text;        /* NULL: not given */
	const char *workdir;           /* NULL: not given */
};

/* Decodes a body. *out is to be cleared in every case; on failure it holds what was read so far.
 * False with *err set:
 * ERROR_MALFORMED: this is no request of Argo's; answer 400.
 * ERROR_USAGE: what the workflow's author wrote under template.plugin.wasm is wrong; the message
 * names the field's path; answer a Failed node. ERROR_UNSUPPORTED: the same, for a permission that
 * this build does not provide. ERROR_NO_MEMORY. */
bool request_decode(const char *body, size_t size, struct request *out, struct error *err);

/* Frees everything but workflow, namespace, uid and template, which log lines are about; nothing
 * else may be asked of it then. The bytes that are left. */
size_t request_keep_names(struct request *request);

void request_clear(struct request *request);
#define cleanup_request __attribute__((cleanup(request_clear)))

#endif
