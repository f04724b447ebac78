/* Fuzz target: what callers and guests may write for `tiphys serve` to read. The first byte chooses
 * what the others are: the body of a request, a result.json, or a progress file. */
#include "plugin/contract.h"
#include "plugin/step_progress.h"
#include "tests/fuzz/check.h"

#include <stdlib.h>
#include <string.h>

static bool is_json(const char *text)
{
	json_t *value = json_loads(text, 0, NULL);
	bool is = value != NULL;
	json_decref(value);
	return is;
}

/* What is refused says why and for whom; what is taken is whole, and can be handed to a module. */
static void read_request(const char *text, size_t size)
{
	struct request request;
	struct error err = ERROR_INIT;
	if (!request_decode(text, size, &request, &err)) {
		CHECK(err.kind == ERROR_MALFORMED || err.kind == ERROR_USAGE ||
		      err.kind == ERROR_UNSUPPORTED || err.kind == ERROR_LIMIT || err.kind == ERROR_DENIED);
		CHECK(err.message[0] != '\0');
	} else if (request.form != REQUEST_NOT_OURS) {
		CHECK(request.module != NULL && *request.module != '\0');
		CHECK(request.workflow != NULL && request.namespace != NULL && request.uid != NULL &&
		      request.template != NULL);
		for (size_t i = 0; i < request.env.count; i++)
			CHECK(strchr(request.env.items[i], '=') != NULL);
		char *input = contract_input(&request);
		CHECK(input != NULL && is_json(input));
		free(input);
	}
	request_clear(&request);
}

/* Whatever a guest reports, Argo can read the reply. */
static void read_result(const char *text, size_t size)
{
	const struct reply_limits limits = {.parameter = 100, .outputs = 300};
	struct error err = ERROR_INIT;
	cleanup_node struct node node = {0};
	if (!contract_result(text, size, &limits, &node, &err)) {
		CHECK(err.message[0] != '\0');
		node_fail(&node, "%s", err.message);
	}
	CHECK(node.output_bytes <= limits.outputs);
	char *reply = reply_of_node(&node);
	CHECK(reply != NULL && is_json(reply));
	free(reply);
}

static void read_progress(const char *text, size_t size)
{
	char progress[STEP_PROGRESS_SIZE], again[STEP_PROGRESS_SIZE];
	if (!step_progress_parse(text, size, progress))
		return;
	CHECK(step_progress_parse(progress, strlen(progress), again));
	CHECK(strcmp(progress, again) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	/* Exactly as large as it is, and without a terminator. */
	char *text = malloc(size > 1 ? size - 1 : 1);
	CHECK(text != NULL);
	memcpy(text, data + 1, size - 1);
	switch (data[0] % 3) {
	case 0:
		read_request(text, size - 1);
		break;
	case 1:
		read_result(text, size - 1);
		break;
	case 2:
		read_progress(text, size - 1);
		break;
	}
	free(text);
	return 0;
}
