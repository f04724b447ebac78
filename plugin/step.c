#include "plugin/step.h"

#include "caps/cleanup.h"
#include "interp/interp.h"
#include "plugin/contract.h"
#include "plugin/metrics.h"
#include "plugin/reference.h"
#include "plugin/run.h"
#include "plugin/step_broker.h"
#include "plugin/step_grants.h"
#include "validator/error.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of stderr in a node's message. */
#define MESSAGE_LINES 10
#define MESSAGE_BYTES 2048

struct step {
	const struct step_setting *setting;
	const struct request *request;
	struct node *node;
	struct workdir dir;
	struct artifacts_run artifacts;
	struct step_grants grants;
	struct worker_outcome outcome;
	struct hand *left; /* of its worker; NULL: nothing */
};

/* Makes the node failed by the message of an error object. */
static bool fail(struct step *step, const struct error *err)
{
	node_fail(step->node, "%s", err->message);
	return false;
}

/* ---- before the run: what can be known to fail fails now ---- */

static bool check_artifacts(struct step *step)
{
	struct error err = ERROR_INIT;
	return artifacts_check(&step->artifacts, &err) || fail(step, &err);
}

static bool check_outputs(struct step *step)
{
	const struct request_outputs *outputs = &step->request->outputs;
	if (step->request->form != REQUEST_COMMAND)
		return true;
	for (size_t i = 0; i < outputs->count; i++) {
		const struct request_output *output = &outputs->items[i];
		if (output->path == NULL && output->otherwise == NULL) {
			node_fail(
			    step->node,
			    "output parameter %s: has no valueFrom.path; a plain command hands a parameter on "
			    "in a file below " WORKDIR_GUEST,
			    output->name);
			return false;
		}
		if (output->path != NULL && workdir_relative(output->path) == NULL) {
			node_fail(step->node,
			          "output parameter %s: valueFrom.path %s is not below " WORKDIR_GUEST
			          ", the only directory that a step can write to",
			          output->name, output->path);
			return false;
		}
	}
	return true;
}

/* ---- the work directory ---- */

/* Below /work; "" for /work itself. */
static const char *workdir_of(const struct request *request)
{
	return strcmp(request->workdir, WORKDIR_GUEST) == 0 ? "" : workdir_relative(request->workdir);
}

static bool check_workdir(struct step *step)
{
	if (step->request->workdir == NULL || workdir_of(step->request) != NULL)
		return true;
	node_fail(step->node,
	          "template.plugin.wasm.workdir: %s is neither " WORKDIR_GUEST " nor below it",
	          step->request->workdir);
	return false;
}

static bool lay_workdir(struct step *step, struct error *err)
{
	const char *path = step->request->workdir == NULL ? "" : workdir_of(step->request);
	return *path == '\0' || workdir_mkdir(&step->dir, path, err);
}

static bool lay_contract(struct step *step, struct error *err)
{
	cleanup_free char *input = contract_input(step->request);
	if (input == NULL)
		return error_set(err, ERROR_NO_MEMORY, WORKDIR_GUEST "/input.json");
	return workdir_write(&step->dir, "input.json", input, strlen(input), err) &&
	       workdir_mkdir(&step->dir, "artifacts-in", err) &&
	       workdir_mkdir(&step->dir, "artifacts-out", err);
}

static bool lay_out(struct step *step)
{
	struct error err = ERROR_INIT;
	if (workdir_create(&step->dir, step->setting->root, &err) &&
	    artifacts_lay(&step->artifacts, &err) && lay_workdir(step, &err) &&
	    (step->request->form == REQUEST_COMMAND || lay_contract(step, &err)))
		return true;
	return fail(step, &err);
}

/* ---- the run ---- */

/* Where artifacts lie that are not below /work. A step has one quota for all that it adds. */
static bool add_places(const struct step *step, struct policy_words *words, struct error *err)
{
	for (size_t i = 0; i < step->artifacts.grant_count; i++) {
		if (!policy_word(words, err, "--dir=%s:quota=" WORKDIR_GUEST, step->artifacts.grants[i]))
			return false;
	}
	return true;
}

/* Where the objects are that the template lists: in the store of the default artifact repository.
 */
static bool find_store(struct step *step, struct blob_terms *terms, struct error *err)
{
	if (terms->count == 0)
		return true;
	terms->bytes_max = step->setting->blob_bytes;
	terms->folder = step->setting->root->path;
	if (artifacts_store(&step->artifacts, &terms->place, &terms->transfers, err))
		return true;
	error_wrap(err, "%s.blob", step->request->permissions.source);
	return false;
}

static void warn_of_broker(const struct step *step, const struct error *err)
{
	struct log_line line = log_begin(LOG_WARN, "the broker of a step ended early");
	log_text(&line, "workflow", step->request->workflow);
	log_text(&line, "namespace", step->request->namespace);
	log_text(&line, "module", step->request->module);
	log_text(&line, "detail", err->message);
	log_end(&line);
}

/* A guest has no working directory but in its C library's mind: relative paths are looked for in
 * the directory that is granted as ".". Some (Go's) ask PWD instead. */
static bool add_workdir(const struct step *step, struct policy_words *words, struct error *err)
{
	const struct request *request = step->request;
	bool has_pwd = false;
	if (request->workdir == NULL)
		return true;
	for (size_t i = 0; i < request->env.count; i++)
		has_pwd = has_pwd || strncmp(request->env.items[i], "PWD=", 4) == 0;
	return policy_word(words, err, "--dir=%s/%s::.:quota=" WORKDIR_GUEST, step->dir.path,
	                   workdir_of(request)) &&
	       (has_pwd || policy_word(words, err, "--env=PWD=%s", request->workdir));
}

/* The module's file is called by its digest; its program has the name that it has in the registry.
 */
static bool add_name(const struct step *step, struct policy_words *words, struct error *err)
{
	struct reference reference;
	return reference_parse(&reference, step->request->module, err) &&
	       policy_word(words, err, "--name=%s", reference_program(&reference));
}

/* Whether a step's worker can change more than its own streams, which others look at when the step
 * is over: then it is waited for until it is gone. */
static bool shares(const struct step *step, bool has_broker)
{
	const struct request *request = step->request;
	bool shared = has_broker || request->form != REQUEST_COMMAND || request->artifacts.count > 0 ||
	              request->output_artifacts.count > 0 || request->permissions.files.count > 0;
	for (size_t i = 0; i < request->outputs.count; i++)
		shared = shared || request->outputs.items[i].path != NULL;
	return shared;
}

/* A worker cannot remove the image that it ran from. What counts fuel runs from none. */
static void doubt_image(const struct step *step, const char *module)
{
	const struct worker_outcome *outcome = &step->outcome;
	bool crashed = outcome->end == WORKER_SIGNALLED &&
	               (outcome->status == SIGSEGV || outcome->status == SIGBUS);
	if (crashed && step->setting->compiler != NULL && step->grants.fuel.value == UINT64_MAX)
		compiler_doubt(step->setting->compiler, module);
}

static bool run(struct step *step, const char *module)
{
	const struct request *request = step->request;
	const struct policy_texts *more = &request->permissions.args;
	struct policy_words *words = &step->grants.words;
	struct error err = ERROR_INIT;
	bool ok = step_grants_spell(step->setting, request, step->dir.path, &step->grants, &err) &&
	          add_places(step, words, &err) && add_workdir(step, words, &err) &&
	          add_name(step, words, &err) &&
	          (step->setting->cache_dir == NULL ||
	           policy_word(words, &err, "--cache-dir=%s", step->setting->cache_dir)) &&
	          policy_word(words, &err, "--") && policy_word(words, &err, "%s", module);
	for (size_t i = 0; ok && i < more->count; i++)
		ok = policy_word(words, &err, "%s", more->items[i].text);
	for (size_t i = 0; ok && i < request->args.count; i++)
		ok = policy_word(words, &err, "%s", request->args.items[i]);
	if (!ok)
		return fail(step, &err);

	struct step_broker broker = STEP_BROKER_INIT;
	if (!find_store(step, &step->grants.broker.blob, &err) ||
	    !step_broker_start(&broker, &step->grants.broker, &err))
		return fail(step, &err);
	const struct worker_task task = {
	    .has_broker = broker.fd >= 0,
	    .broker_fd = broker.fd,
	    .strings = (const char *const *)words->items,
	    .string_count = words->count,
	    .input = request->stdin_text,
	    .input_size = request->stdin_text == NULL ? 0 : strlen(request->stdin_text),
	    .time_ms = step->grants.time.value,
	    .output_bytes = step->grants.output.value,
	};
	bool ran = worker_run_to_word(step->setting->workers, &task, &step->outcome, &step->left, &err);
	if (shares(step, task.has_broker))
		worker_settle(step->setting->workers, take_ptr(&step->left), &step->outcome);
	doubt_image(step, module);
	step_broker_end(&broker);
	if (broker.err.kind != ERROR_NONE)
		warn_of_broker(step, &broker.err);
	return ran || fail(step, &err);
}

/* ---- what came of it ---- */

/* Whether the module did not start. Behind a wall none of these comes of a guest that runs. */
static bool was_not_run(const struct step *step)
{
	static const enum error_kind before_run[] = {ERROR_MALFORMED, ERROR_INVALID, ERROR_UNSUPPORTED,
	                                             ERROR_LIMIT,     ERROR_LINK,    ERROR_SYSTEM,
	                                             ERROR_USAGE,     ERROR_DENIED,  ERROR_NETWORK};
	for (size_t i = 0; i < sizeof before_run / sizeof before_run[0]; i++) {
		if (step->outcome.kind == before_run[i])
			return true;
	}
	return false;
}

/* Without what ends its last line. What a guest writes or chooses may have NULs in it: from here on
 * a text is what stands before them, so they go. */
static size_t make_text(struct bytes *text)
{
	size_t size = text->size;
	while (size > 0 && text->data[size - 1] == '\n')
		size--;
	for (size_t i = 0; i < size; i++) {
		if (text->data[i] == '\0')
			text->data[i] = ' ';
	}
	return size;
}

/* What the engine says of the end, and nothing twice: "trap: " stands before it in other words. */
static const char *said_of_it(struct step *step, size_t *size)
{
	static const char trap[] = "trap: ";
	const char *said = step->outcome.said.data;
	*size = make_text(&step->outcome.said);
	if (*size < sizeof trap || memcmp(said, trap, sizeof trap - 1) != 0)
		return said;
	*size -= sizeof trap - 1;
	return said + sizeof trap - 1;
}

/* "what", what the engine says of it, and below it the last lines of stderr. */
static void fail_with_stderr(struct step *step, const char *what)
{
	const struct bytes *text = &step->outcome.err;
	size_t said_size, size = make_text(&step->outcome.err);
	const char *said = said_of_it(step, &said_size);
	size_t start = size == 0 ? 0 : text_last_lines(text->data, size, MESSAGE_LINES, MESSAGE_BYTES);
	const char *which = start == 0 ? "from" : "the end of";
	if (said_size == 0 && size == 0)
		node_fail(step->node, "%s; nothing was written to stderr", what);
	else if (said_size == 0)
		node_fail(step->node, "%s; %s stderr:\n%.*s", what, which, (int)(size - start),
		          text->data + start);
	else if (size == 0)
		node_fail(step->node, "%s: %.*s", what, (int)said_size, said);
	else
		node_fail(step->node, "%s: %.*s\n%s stderr:\n%.*s", what, (int)said_size, said, which,
		          (int)(size - start), text->data + start);
}

static const char *why_signalled(int signal)
{
	switch (signal) {
	case SIGKILL:
		return ": something outside killed it, most likely for want of memory; give the plugin's "
		       "container more, or its steps less (--max-memory)";
	case SIGSYS:
		return ": it made a system call that no step may make, and was stopped by the sandbox; "
		       "treat the module as hostile, and report it";
	default:
		return ", a fault of tiphys; please report it with the module";
	}
}

/* What came of it is told with the limit's own setter: it may be the template's, or a ceiling's. */
static void tell_signal(const struct step *step, char *what, size_t size)
{
	int signal = step->outcome.status;
	int used = snprintf(what, size, "the step's process died of signal %d (%s)", signal,
	                    strsignal(signal));
	if (signal == SIGXCPU)
		snprintf(what + used, size - (size_t)used,
		         ": it used more processor time than its time limit of %g s (%s)",
		         (double)step->grants.time.value / 1000, step->grants.time.set_by);
	else
		snprintf(what + used, size - (size_t)used, "%s", why_signalled(signal));
}

/* True when the worker ended by itself with an exit status. */
static bool has_exited(struct step *step)
{
	const struct step_limit *time = &step->grants.time, *output = &step->grants.output;
	const struct worker_outcome *outcome = &step->outcome;
	char what[320];
	switch (outcome->end) {
	case WORKER_EXITED:
	case WORKER_STOPPED:
		return outcome->end == WORKER_EXITED;
	case WORKER_TIME:
		snprintf(what, sizeof what,
		         "the step ran longer than its time limit of %g s (%s) and was killed",
		         (double)time->value / 1000, time->set_by);
		break;
	case WORKER_STDOUT:
	case WORKER_STDERR:
		snprintf(what, sizeof what,
		         "the step wrote more than %" PRIu64 " bytes to %s (%s) and was killed",
		         output->value, outcome->end == WORKER_STDOUT ? "stdout" : "stderr",
		         output->set_by);
		break;
	case WORKER_NO_MEMORY:
		snprintf(
		    what, sizeof what,
		    "the plugin had no memory left to keep what the step wrote, and killed it; give the "
		    "plugin's container more memory, or let steps write less (--max-output)");
		break;
	case WORKER_SIGNALLED:
		tell_signal(step, what, sizeof what);
		break;
	}
	fail_with_stderr(step, what);
	return false;
}

/* Which limit the step met, and who set it. A worker may say so of one that the step does not have.
 */
static void tell_reached(const struct step *step, char *text, size_t size)
{
	const struct step_grants *grants = &step->grants;
	uint32_t reached = step->outcome.reached;
	*text = '\0';
	if ((reached & 1u << RUN_REACHED_FUEL) != 0 && grants->fuel.value != UINT64_MAX)
		snprintf(text, size, " at its limit of %" PRIu64 " instructions (%s)", grants->fuel.value,
		         grants->fuel.set_by);
	else if ((reached & 1u << RUN_REACHED_MEMORY) != 0)
		snprintf(text, size, ", having met its limit of %" PRIu64 " bytes of memory (%s)",
		         grants->memory.value, grants->memory.set_by);
	else if ((reached & 1u << RUN_REACHED_STACK) != 0)
		snprintf(text, size,
		         " at the end of its call stack of %zu bytes, which is the same for all",
		         INTERP_STACK_DEFAULT);
}

static void fail_by_status(struct step *step)
{
	char what[512], reached[160];
	tell_reached(step, reached, sizeof reached);
	if (was_not_run(step)) {
		size_t size = make_text(&step->outcome.said);
		step->node->has_exit_code = false;
		node_fail(step->node, "%s: the module was not run%s: %.*s", step->request->module, reached,
		          (int)size, size == 0 ? "" : step->outcome.said.data);
		return;
	}
	if (step->outcome.kind == ERROR_TRAP)
		snprintf(what, sizeof what, "module %.250s trapped (exit code %d)%s", step->request->module,
		         step->outcome.status, reached);
	else if (step->outcome.kind == ERROR_NONE || step->outcome.kind == ERROR_EXIT)
		snprintf(what, sizeof what, "exit code %d%s", step->outcome.status, reached);
	else
		snprintf(what, sizeof what, "exit code %d%s: module %.250s", step->outcome.status, reached,
		         step->request->module);
	fail_with_stderr(step, what);
}

/* Gives a declared parameter its default, where it has one. */
static bool take_default(struct step *step, const struct request_output *output, struct error *err)
{
	return output->otherwise != NULL &&
	       node_add_parameter(step->node, output->name, output->otherwise,
	                          strlen(output->otherwise), &step->setting->limits, err);
}

static bool collect_file(struct step *step, const struct request_output *output, struct error *err)
{
	if (output->path == NULL)
		return take_default(step, output, err);
	cleanup_bytes struct bytes text = {0};
	/* One more for the newline that is taken off. */
	if (!workdir_read(&step->dir, workdir_relative(output->path),
	                  step->setting->limits.parameter + 1, &text, err)) {
		if (err->sys_errno == ENOENT && output->otherwise != NULL) {
			error_clear(err);
			return take_default(step, output, err);
		}
		if (err->kind == ERROR_LIMIT) {
			error_clear(err);
			return error_set(err, ERROR_LIMIT,
			                 "output parameter %.200s: %.200s is larger than an output may be (%zu "
			                 "bytes, --max-parameter); pass data of this size on as an artifact",
			                 output->name, output->path, step->setting->limits.parameter);
		}
		error_wrap(err, "output parameter %.200s", output->name);
		return false;
	}
	size_t size = text.size;
	if (size > 0 && text.data[size - 1] == '\n')
		size--;
	return node_add_parameter(step->node, output->name, size == 0 ? "" : text.data, size,
	                          &step->setting->limits, err);
}

static void collect_contract(struct step *step)
{
	cleanup_bytes struct bytes text = {0};
	struct error err = ERROR_INIT;
	bool ended_well = step->outcome.status == 0;
	if (!workdir_read(&step->dir, "result.json", CONTRACT_RESULT_MAX, &text, &err)) {
		if (!ended_well)
			fail_by_status(step);
		else if (err.sys_errno == ENOENT)
			fail_with_stderr(step, "the module ended without writing " WORKDIR_GUEST
			                       "/result.json; if it is a plain command, say so by `args: []` "
			                       "beside `module`");
		else
			fail(step, &err);
		return;
	}
	if (!contract_result(text.data == NULL ? "" : text.data, text.size, &step->setting->limits,
	                     step->node, &err)) {
		if (ended_well)
			node_fail(step->node, WORKDIR_GUEST "/result.json: %s", err.message);
		else
			fail_by_status(step);
		return;
	}
	if (step->node->failed) {
		node_fail(step->node,
		          "the module reports failure in " WORKDIR_GUEST "/result.json, without a message");
		return;
	}
	if (!ended_well) {
		fail_by_status(step);
		return;
	}
	for (size_t i = 0; i < step->request->outputs.count; i++) {
		const struct request_output *output = &step->request->outputs.items[i];
		if (node_parameter(step->node, output->name) != NULL)
			continue;
		bool has_file = output->path != NULL && workdir_relative(output->path) != NULL;
		if (has_file ? collect_file(step, output, &err) : take_default(step, output, &err))
			continue;
		if (err.kind != ERROR_NONE && err.sys_errno != ENOENT)
			fail(step, &err);
		else
			node_fail(
			    step->node,
			    "output parameter %s: is declared by the template, but stands not in " WORKDIR_GUEST
			    "/result.json%s%s",
			    output->name, has_file ? ", and there is no file " : "",
			    has_file ? output->path : "");
		return;
	}
}

static void collect_command(struct step *step)
{
	struct error err = ERROR_INIT;
	const struct bytes *out = &step->outcome.out;
	size_t size = out->size;
	step->node->has_exit_code = true;
	step->node->exit_code = step->outcome.status;
	if (step->outcome.status != 0)
		fail_by_status(step);
	if (size > 0 && out->data[size - 1] == '\n')
		size--;
	if (!node_set_result(step->node, size == 0 ? "" : out->data, size, &step->setting->limits,
	                     &err))
		fail(step, &err);
	for (size_t i = 0; i < step->request->outputs.count && !step->node->failed; i++) {
		if (!collect_file(step, &step->request->outputs.items[i], &err))
			fail(step, &err);
	}
}

/* ---- what others may know ---- */

void step_watch_init(struct step_watch *watch, const struct request *request)
{
	static atomic_ulong serial;
	*watch = (struct step_watch){.request = request, .id = atomic_fetch_add(&serial, 1) + 1};
	pthread_mutex_init(&watch->lock, NULL);
}

void step_watch_clear(struct step_watch *watch)
{
	pthread_mutex_destroy(&watch->lock);
}

static void show(struct step_watch *watch, struct workdir *dir)
{
	pthread_mutex_lock(&watch->lock);
	watch->dir = dir;
	pthread_mutex_unlock(&watch->lock);
}

static bool read_progress(struct workdir *dir, char progress[STEP_PROGRESS_SIZE])
{
	cleanup_bytes struct bytes text = {0};
	struct error err = ERROR_INIT;
	return workdir_read(dir, STEP_PROGRESS_FILE, STEP_PROGRESS_MAX, &text, &err) &&
	       step_progress_parse(text.data, text.size, progress);
}

bool step_watch_progress(struct step_watch *watch, char progress[STEP_PROGRESS_SIZE])
{
	pthread_mutex_lock(&watch->lock);
	bool found = watch->dir != NULL && read_progress(watch->dir, progress);
	pthread_mutex_unlock(&watch->lock);
	return found;
}

void step_watch_log(const struct step_watch *watch, struct log_line *line)
{
	const struct request *request = watch->request;
	log_number(line, "run", (int64_t)watch->id);
	log_text(line, "workflow", request->workflow);
	log_text(line, "namespace", request->namespace);
	log_text(line, "template", request->template);
}

/* ---- a step from its begin to its end ---- */

static void collect_artifacts(struct step *step)
{
	struct error err = ERROR_INIT;
	if (!step->node->failed && !artifacts_collect(&step->artifacts, step->node, &err))
		fail(step, &err);
}

/* All of what the guest wrote, and of what the engine says of it, line by line; a message has but
 * the end of it. */
static void log_streams(const struct step *step, const struct step_watch *watch)
{
	const struct {
		const char *name;
		const struct bytes *text;
	} streams[] = {{"stdout", &step->outcome.out},
	               {"stderr", &step->outcome.err},
	               {"engine", &step->outcome.said}};
	for (size_t i = 0; i < sizeof streams / sizeof streams[0]; i++) {
		if (streams[i].text->size == 0)
			continue;
		struct log_line line = log_begin(LOG_INFO, streams[i].name);
		step_watch_log(watch, &line);
		log_end_lines(&line, "line", streams[i].text->data, streams[i].text->size);
	}
}

static void log_step(const struct step *step, const struct step_watch *watch, const char *digest)
{
	struct log_line line = log_begin(step->node->failed ? LOG_WARN : LOG_INFO, "step finished");
	step_watch_log(watch, &line);
	log_text(&line, "module", step->request->module);
	log_text(&line, "digest", digest);
	log_text(&line, "phase", step->node->failed ? "Failed" : "Succeeded");
	log_number(&line, "ms", (int64_t)step->outcome.took_ms);
	log_text(&line, "message", step->node->message.data);
	log_end(&line);
}

/* The guest alone writes below its directory until this returns, and may still while its worker is
 * left. */
static bool run_watched(struct step *step, struct step_watch *watch, const char *module)
{
	show(watch, &step->dir);
	bool ran = run(step, module);
	show(watch, NULL);
	read_progress(&step->dir, step->node->progress);
	return ran;
}

bool step_run(const struct step_setting *setting, struct step_watch *watch, struct node *node,
              struct step_rest *rest)
{
	struct step step = {
	    .setting = setting, .request = watch->request, .node = node, .dir = WORKDIR_INIT};
	char *module = NULL;
	char digest[MODULES_DIGEST_SIZE] = "";
	struct error err = ERROR_INIT;
	bool ran = false;
	artifacts_run_init(&step.artifacts, setting->artifacts, step.request, setting->root, &step.dir);
	if (!step_grants_decide(setting, step.request, &step.grants, &err)) {
		fail(&step, &err);
	} else if (check_artifacts(&step) && check_outputs(&step) && check_workdir(&step)) {
		if (!modules_get(setting->modules, step.request->module, &module, digest, &err)) {
			error_wrap(&err, "module %.200s", step.request->module);
			fail(&step, &err);
		} else if (lay_out(&step)) {
			if (setting->compiler != NULL)
				compiler_want(setting->compiler, module, digest);
			ran = run_watched(&step, watch, module);
		}
	}
	log_streams(&step, watch);
	bool stopped = ran ? step.outcome.end == WORKER_STOPPED : artifacts_stopped(setting->artifacts);
	if (ran && has_exited(&step)) {
		if (step.request->form == REQUEST_COMMAND)
			collect_command(&step);
		else
			collect_contract(&step);
		collect_artifacts(&step);
	}
	artifacts_run_clear(&step.artifacts);
	if (!stopped) {
		metrics_add(node->failed ? METRIC_FAILED : METRIC_SUCCEEDED, 1);
		if (ran)
			metrics_step_took(step.outcome.took_ms);
		log_step(&step, watch, digest);
	}
	worker_outcome_clear(&step.outcome);
	step_grants_clear(&step.grants);
	*rest = (struct step_rest){
	    .setting = setting, .worker = step.left, .dir = step.dir, .module = module};
	/* Whoever was waited for has files, which are gone when the step is told to be over. */
	if (rest->worker == NULL)
		step_end(rest);
	return !stopped;
}

void step_end(struct step_rest *rest)
{
	/* Its directory is another step's as soon as it is given back. */
	worker_bury(rest->setting->workers, rest->worker);
	workdir_destroy(&rest->dir);
	if (rest->module != NULL)
		modules_let_go(rest->setting->modules, rest->module);
	free(rest->module);
	*rest = (struct step_rest){.setting = rest->setting, .dir = WORKDIR_INIT};
}
