/* A stand-in for Argo's agent and as much of its controller as a DAG needs:
 *
 *     agent --plugin HOST:PORT --token-file FILE [--workers 16] [--time-scale 1] [--state FILE]
 * WORKFLOW
 *
 * 16 workers take tasks from one queue and call the plugin; a task that is requeued comes back to
 * the queue when its time has come. The results go to --state as they come (in a cluster: to the
 * WorkflowTaskSet); an agent that is started again with that file calls for nothing that is over.
 * Prints what came of all nodes as JSON. Exit status: 0 when all have succeeded, 1 when not. */
#include "tests/e2e/agent/rpc.h"
#include "tests/e2e/agent/workflow.h"

#include <curl/curl.h>
#include <getopt.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct task {
	struct workflow_node *node;
	double due; /* when it may be called */
	struct task *next;
};

struct agent {
	struct rpc_setting rpc;
	struct workflow *workflow;
	const char *state;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct task *queue;
	size_t busy; /* workers that are in a call */
};

static double now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* ---- the queue; with the lock held ---- */

static void enqueue(struct agent *agent, struct workflow_node *node, double due)
{
	struct task *task = malloc(sizeof *task), **at = &agent->queue;
	*task = (struct task){.node = node, .due = due};
	while (*at != NULL && (*at)->due <= due)
		at = &(*at)->next;
	task->next = *at;
	*at = task;
	pthread_cond_broadcast(&agent->changed);
}

static void enqueue_ready(struct agent *agent)
{
	struct workflow_node *node;
	while ((node = workflow_next(agent->workflow)) != NULL)
		enqueue(agent, node, now());
}

/* NULL when there is nothing to do any more. */
static struct workflow_node *dequeue(struct agent *agent)
{
	for (;;) {
		struct task *first = agent->queue;
		if (first == NULL && agent->busy == 0)
			return NULL;
		if (first != NULL && first->due <= now()) {
			struct workflow_node *node = first->node;
			agent->queue = first->next;
			free(first);
			return node;
		}
		if (first == NULL) {
			pthread_cond_wait(&agent->changed, &agent->lock);
		} else {
			const struct timespec until = {
			    .tv_sec = (time_t)first->due,
			    .tv_nsec = (long)((first->due - (double)(time_t)first->due) * 1e9)};
			pthread_cond_timedwait(&agent->changed, &agent->lock, &until);
		}
	}
}

/* ---- the state ---- */

static void save(const struct agent *agent)
{
	if (agent->state == NULL)
		return;
	char fresh[512];
	json_t *report = workflow_report(agent->workflow);
	snprintf(fresh, sizeof fresh, "%s.new", agent->state);
	if (json_dump_file(report, fresh, JSON_COMPACT) != 0 || rename(fresh, agent->state) != 0)
		perror(agent->state);
	json_decref(report);
}

/* What an earlier agent has got. */
static void restore(struct agent *agent)
{
	json_t *report = agent->state == NULL ? NULL : json_load_file(agent->state, 0, NULL);
	for (size_t i = 0; i < agent->workflow->count; i++) {
		struct workflow_node *node = &agent->workflow->nodes[i];
		struct workflow_node copy = {0};
		workflow_take(&copy, json_object_get(report, node->name));
		if (workflow_node_is_over(&copy)) {
			node->phase = copy.phase;
			node->message = copy.message;
			node->progress = copy.progress;
			node->outputs = copy.outputs;
		} else {
			free(copy.message);
			free(copy.progress);
			json_decref(copy.outputs);
		}
	}
	json_decref(report);
}

/* ---- workers ---- */

/* With the lock held but during the call. */
static void process(struct agent *agent, struct workflow_node *node)
{
	json_t *result = NULL;
	double requeue = 0;
	char message[RPC_MESSAGE_SIZE] = "";
	pthread_mutex_unlock(&agent->lock);
	enum rpc_outcome outcome = rpc_execute(&agent->rpc, node->body, &result, &requeue, message);
	pthread_mutex_lock(&agent->lock);
	if (outcome == RPC_NODE)
		workflow_take(node, result);
	else
		workflow_fail(node, outcome == RPC_NOT_OURS ? "no plugin executes the template" : message);
	json_decref(result);
	/* Succeeded is final; the other phases are asked again when the plugin wants it. */
	if (requeue > 0 && strcmp(node->phase, "Succeeded") != 0) {
		node->phase = "Running";
		enqueue(agent, node, now() + requeue / agent->rpc.time_scale);
	} else if (!workflow_node_is_over(node)) {
		workflow_fail(node, "the plugin says that it runs, and not when to ask again");
	}
	if (workflow_node_is_over(node) && workflow_retry(agent->workflow, node))
		enqueue(agent, node, now());
	else if (workflow_node_is_over(node))
		save(agent);
	enqueue_ready(agent);
}

static void *work(void *env)
{
	struct agent *agent = env;
	struct workflow_node *node;
	pthread_mutex_lock(&agent->lock);
	while ((node = dequeue(agent)) != NULL) {
		agent->busy++;
		process(agent, node);
		agent->busy--;
		pthread_cond_broadcast(&agent->changed);
	}
	pthread_mutex_unlock(&agent->lock);
	return NULL;
}

static bool read_token(const char *path, char token[256])
{
	FILE *file = path == NULL ? NULL : fopen(path, "r");
	if (file == NULL || fgets(token, 256, file) == NULL) {
		fprintf(stderr, "agent: no token in %s\n", path == NULL ? "--token-file" : path);
		return false;
	}
	fclose(file);
	token[strcspn(token, "\n")] = '\0';
	return true;
}

static int finish(struct agent *agent)
{
	int status = 0;
	for (size_t i = 0; i < agent->workflow->count; i++)
		status |= agent->workflow->nodes[i].phase == NULL ||
		          strcmp(agent->workflow->nodes[i].phase, "Succeeded") != 0;
	json_t *report = workflow_report(agent->workflow);
	json_dumpf(report, stdout, JSON_INDENT(1) | JSON_SORT_KEYS);
	putchar('\n');
	json_decref(report);
	workflow_destroy(agent->workflow);
	return status;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"plugin", 1, NULL, 'p'},  {"token-file", 1, NULL, 't'},
	                                        {"workers", 1, NULL, 'w'}, {"time-scale", 1, NULL, 'x'},
	                                        {"state", 1, NULL, 's'},   {0}};
	struct agent agent = {.rpc.time_scale = 1};
	const char *plugin = NULL, *token_file = NULL;
	unsigned long workers = 16;
	char url[256], token[256];
	for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		if (option == 'p')
			plugin = optarg;
		else if (option == 't')
			token_file = optarg;
		else if (option == 'w')
			workers = strtoul(optarg, NULL, 10);
		else if (option == 'x')
			agent.rpc.time_scale = strtod(optarg, NULL);
		else if (option == 's')
			agent.state = optarg;
		else
			return 2;
	}
	if (plugin == NULL || optind + 1 != argc || workers == 0 || workers > 256 ||
	    agent.rpc.time_scale <= 0) {
		fprintf(stderr, "usage: agent --plugin HOST:PORT --token-file FILE [--workers N] "
		                "[--time-scale X] [--state FILE] WORKFLOW\n");
		return 2;
	}
	if (!read_token(token_file, token) || (agent.workflow = workflow_load(argv[optind])) == NULL)
		return 2;
	snprintf(url, sizeof url, "http://%s/api/v1/template.execute", plugin);
	agent.rpc.url = url;
	agent.rpc.token = token;
	curl_global_init(CURL_GLOBAL_ALL);
	pthread_condattr_t monotonic;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_mutex_init(&agent.lock, NULL);
	pthread_cond_init(&agent.changed, &monotonic);
	restore(&agent);
	enqueue_ready(&agent);
	pthread_t threads[256];
	for (unsigned long i = 0; i < workers; i++)
		pthread_create(&threads[i], NULL, work, &agent);
	for (unsigned long i = 0; i < workers; i++)
		pthread_join(threads[i], NULL);
	return finish(&agent);
}
