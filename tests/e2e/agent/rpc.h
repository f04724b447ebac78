/* One call of template.execute as the client in Argo's agent makes it: 30 s for an answer, up to
 * five tries from one second on, doubling, where the fault may pass (no connection, no answer in
 * time, 503); every other status is final. The answer is decoded as strictly as Go decodes
 * NodeResult. */
#ifndef TESTS_E2E_AGENT_RPC_H
#define TESTS_E2E_AGENT_RPC_H

#include <jansson.h>
#include <stdbool.h>

struct rpc_setting {
	const char *url; /* of template.execute */
	const char *token;
	double time_scale; /* all waiting is divided by it */
};

enum rpc_outcome {
	RPC_NODE,     /* *node, for the caller to json_decref(); *requeue in seconds, 0: none */
	RPC_NOT_OURS, /* {} */
	RPC_FAILED,   /* `message` says why; the step is in Error */
};

#define RPC_MESSAGE_SIZE 4096

enum rpc_outcome rpc_execute(const struct rpc_setting *setting, const char *body, json_t **node,
                             double *requeue, char message[RPC_MESSAGE_SIZE]);

#endif
