/* What a step came to, and the ExecuteTemplateReply that says so: the one place where a reply's
 * JSON is made. */
#ifndef PLUGIN_REPLY_H
#define PLUGIN_REPLY_H

#include "plugin/bytes.h"
#include "plugin/step_progress.h"
#include "validator/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* Argo's own limit for an output parameter of a container. */
#define REPLY_PARAMETER_DEFAULT ((size_t)256 << 10)
/* All outputs of a step together: they go into a Kubernetes object, which may not reach 1 MiB. */
#define REPLY_OUTPUTS_DEFAULT ((size_t)960 << 10)
/* Bytes of a node's message; a longer one loses its end. */
#define REPLY_MESSAGE_MAX ((size_t)16 << 10)

struct reply_limits {
	size_t parameter; /* bytes of one output parameter, or of outputs.result */
	size_t outputs;   /* bytes of all of them */
};

struct node_parameter {
	char *name;
	struct bytes value; /* UTF-8 */
};

/* The outcome of a step. Starts as {0}: Succeeded, without outputs. */
struct node {
	bool failed;
	struct bytes message;
	struct node_parameter *parameters;
	size_t parameter_count;
	bool has_result;
	struct bytes result; /* outputs.result; UTF-8 */
	bool has_exit_code;
	int exit_code;
	char progress[STEP_PROGRESS_SIZE]; /* "": none */
	size_t output_bytes;               /* of all outputs so far */
	json_t *artifacts;                 /* as Argo reads them, each with its location; NULL: none */
	json_t *reported;                  /* [{name, path}] of result.json; NULL: none */
};

void node_clear(struct node *node);
#define cleanup_node __attribute__((cleanup(node_clear)))

/* Failed, with this message. The first message wins. */
void node_fail(struct node *node, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

const struct node_parameter *node_parameter(const struct node *node, const char *name);

/* Add an output. False with *err set (the message names the output) when it is over a limit, not
 * UTF-8, holds a NUL, or a parameter of that name is there already. */
bool node_add_parameter(struct node *node, const char *name, const char *value, size_t size,
                        const struct reply_limits *limits, struct error *err);
bool node_set_result(struct node *node, const char *value, size_t size,
                     const struct reply_limits *limits, struct error *err);

/* Takes the artifact over, an object with its name and location. */
bool node_add_artifact(struct node *node, json_t *artifact, struct error *err);

/* The JSON text of the reply, for the caller to free(); NULL without memory. The message is cleaned
 * up: UTF-8, without control characters, cut at REPLY_MESSAGE_MAX. */
char *reply_of_node(const struct node *node);

/* The reply for a step that goes on: the agent is to ask again soon. `message` may be NULL,
 * `progress` "". As reply_of_node() else. */
char *reply_of_running(const char *message, const char *progress);

/* "{}": not ours, the agent asks the next plugin. */
extern const char reply_not_ours[];

#endif
