/* What Argo's controller does of a workflow: templates, one DAG of tasks, and what flows between
 * them. Of the Workflow resource it knows metadata, spec.entrypoint, spec.arguments.parameters,
 * spec.templates of the kinds dag and plugin with retryStrategy (limit and retryPolicy); of a task
 * name, template, dependencies, arguments.parameters, arguments.artifacts with `from`, and
 * withItems. Anything else is refused. */
#ifndef TESTS_E2E_AGENT_WORKFLOW_H
#define TESTS_E2E_AGENT_WORKFLOW_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct workflow_node {
	char *name;         /* of the task; with withItems "NAME(i:ITEM)" */
	const char *task;   /* borrowed: the task's name */
	const json_t *spec; /* borrowed: the task */
	json_t *item;       /* NULL: none */
	char *body;         /* of its request, once it is ready */
	const char *phase;  /* one of Argo's, or "Omitted"; NULL: not begun */
	char *message, *progress;
	json_t *outputs;
	unsigned retries; /* tries that came before this one */
};

struct workflow {
	json_t *document;
	struct workflow_node *nodes;
	size_t count;
};

/* NULL with a message on stderr when the file cannot be read or asks for what is not known. */
struct workflow *workflow_load(const char *path);
void workflow_destroy(struct workflow *workflow);

/* A node all of whose dependencies have succeeded and that was not taken before, its body made;
 * NULL when there is none now. Nodes behind a failed one become Omitted. */
struct workflow_node *workflow_next(struct workflow *workflow);

/* Takes a NodeResult. */
void workflow_take(struct workflow_node *node, const json_t *result);
void workflow_fail(struct workflow_node *node, const char *message);

/* True when the node has ended so that its template wants another try: it is ready then as after
 * workflow_next(). Argo sends the same bytes again, but for {{retries}}. */
bool workflow_retry(const struct workflow *workflow, struct workflow_node *node);

bool workflow_node_is_over(const struct workflow_node *node);

/* What came of all nodes, as one JSON object by name. */
json_t *workflow_report(const struct workflow *workflow);

#endif
