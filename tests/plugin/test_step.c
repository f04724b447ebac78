/* plugin/step: from a request to its node, by workers that run no module (worker_child.c). */
#include "tests/plugin/table.h"

#include "plugin/request.h"
#include "plugin/run.h"
#include "plugin/step.h"
#include "tests/plugin/folder.h"

#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>

#define MODULE "127.0.0.1:1/test/step:1"

static const char *child;

/* What a server has for its steps. */
struct fixture {
	char module[96], store[96], cache[96], work[96], ceiling_file[96];
	const char *stores[1];
	struct policy ceiling;
	struct workroot root;
	struct load_words load;
	struct step_setting setting;
};

static void write_file(const char *path, const char *bytes, size_t size)
{
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
}

static void must(bool went_well, const struct error *err)
{
	if (!went_well)
		fail_msg("%s", err->message);
}

static void begin(struct fixture *f, const char *folder)
{
	static const char wasm[] = "\0asm\1\0\0";
	struct error err = ERROR_INIT;
	char ceiling[256], digest[MODULES_DIGEST_SIZE];
	*f = (struct fixture){.root.lock = -1};
	snprintf(f->module, sizeof f->module, "%s/step.wasm", folder);
	snprintf(f->store, sizeof f->store, "%s/store", folder);
	snprintf(f->cache, sizeof f->cache, "%s/cache", folder);
	snprintf(f->work, sizeof f->work, "%s/work", folder);
	snprintf(f->ceiling_file, sizeof f->ceiling_file, "%s/ceiling", folder);
	assert_int_equal(mkdir(f->work, 0700), 0);
	write_file(f->module, wasm, sizeof wasm);
	int size = snprintf(ceiling, sizeof ceiling, "{files: [{host: %s}], kv: rw}\n", folder);
	write_file(f->ceiling_file, ceiling, (size_t)size);
	must(policy_load(f->ceiling_file, POLICY_CEILING, &f->ceiling, &err), &err);
	f->stores[0] = f->store;
	const struct modules_options modules = {
	    .cache_dir = f->cache, .stores = f->stores, .store_count = 1};
	const struct artifacts_options artifacts = ARTIFACTS_OPTIONS_DEFAULT;
	f->setting = (struct step_setting){
	    .workers = workers_create(child, 0, &err),
	    .modules = modules_create(&modules, &err),
	    .artifacts = artifacts_create(&artifacts, &err),
	    .kv = kv_store_create(&(struct kv_limits){0}, &err),
	    .root = &f->root,
	    .limits = {REPLY_PARAMETER_DEFAULT, REPLY_OUTPUTS_DEFAULT},
	    .ceiling = &f->ceiling,
	    .load = &f->load,
	    .time_ms = 20000,
	    .output_bytes = 1 << 20,
	    .memory_bytes = 1 << 20,
	    .work_bytes = 1 << 20,
	};
	must(err.kind == ERROR_NONE, &err);
	must(workroot_create(&f->root, f->work, &err), &err);
	must(modules_push(f->setting.modules, f->module, MODULE, f->store, digest, &err), &err);
}

static void end(struct fixture *f)
{
	workers_destroy(f->setting.workers);
	modules_destroy(f->setting.modules);
	artifacts_destroy(f->setting.artifacts);
	kv_store_destroy(f->setting.kv);
	workroot_destroy(&f->root);
	policy_clear(&f->ceiling);
}

/* Runs a step whose plugin.wasm has `wasm` beside its module, and whose template has `more`. True
 * when its process was waited for. */
static bool run(struct fixture *f, const char *wasm, const char *more, struct node *node)
{
	char body[1024];
	struct error err = ERROR_INIT;
	struct step_watch watch;
	struct step_rest rest;
	cleanup_request struct request request = {0};
	int size = snprintf(body, sizeof body,
	                    "{\"workflow\":{\"metadata\":{\"name\":\"wf\",\"uid\":\"u\"}},"
	                    "\"template\":{\"name\":\"t\",\"plugin\":{\"wasm\":{\"module\":\"" MODULE
	                    "\"%s}}%s}}",
	                    wasm, more);
	must(request_decode(body, (size_t)size, &request, &err), &err);
	step_watch_init(&watch, &request);
	assert_true(step_run(&f->setting, &watch, node, &rest));
	bool waited = rest.worker == NULL;
	step_end(&rest);
	step_watch_clear(&watch);
	return waited;
}

#define COMMAND ",\"args\":[\"none\"]"
#define PERMIT(what) COMMAND ",\"permissions\":{" what "}"

/* A step is answered before its process is gone where nothing but its streams is looked at, and
 * never where it could change what is looked at, or what others have. */
static void who_shares_is_waited_for(void **state)
{
	static const struct {
		const char *wasm, *template;
		bool shares;
		const char *failure; /* its node's; NULL: none */
	} rows[] = {
	    {COMMAND, "", false, NULL},
	    {",\"env\":{\"A\":\"1\"}", "", false, NULL},
	    {",\"stdin\":\"text\"", "", false, NULL},
	    {",\"workdir\":\"/work/a\"", "", false, NULL},
	    {COMMAND,
	     ",\"outputs\":{\"parameters\":[{\"name\":\"p\",\"valueFrom\":{\"default\":\"d\"}}]}",
	     false, NULL},
	    {COMMAND, ",\"inputs\":{\"parameters\":[{\"name\":\"p\",\"value\":\"v\"}]}", false, NULL},
	    {PERMIT("\"clock\":\"none\",\"limits\":{\"memory\":\"1M\"}"), "", false, NULL},
	    {"", "", true, "ended without writing /work/result.json"},
	    {COMMAND,
	     ",\"outputs\":{\"parameters\":[{\"name\":\"p\",\"valueFrom\":{\"path\":\"/work/p\","
	     "\"default\":\"d\"}}]}",
	     true, NULL},
	    {COMMAND,
	     ",\"outputs\":{\"parameters\":[{\"name\":\"p\",\"valueFrom\":{\"path\":\"/work/p\","
	     "\"default\":\"d\"}},{\"name\":\"q\",\"valueFrom\":{\"default\":\"d\"}}]}",
	     true, NULL},
	    {COMMAND,
	     ",\"inputs\":{\"artifacts\":[{\"name\":\"a\",\"path\":\"/work/a\",\"raw\":{\"data\":\"x\"}"
	     "}]}",
	     true, NULL},
	    {COMMAND,
	     ",\"outputs\":{\"artifacts\":[{\"name\":\"a\",\"path\":\"/work/a\",\"optional\":true,"
	     "\"s3\":{\"endpoint\":\"127.0.0.1:1\",\"bucket\":\"b\",\"key\":\"k\"}}]}",
	     true, NULL},
	    {PERMIT("\"kv\":\"rw\""), "", true, NULL},
	    {PERMIT("\"files\":[{\"host\":\"%s\",\"guest\":\"/data\"}]"), "", true, NULL},
	};
	struct fixture f;
	begin(&f, *state);
	for (size_t i = 0; i < COUNT(rows); i++) {
		char wasm[512];
		cleanup_node struct node node = {0};
		const char *folder = strstr(rows[i].wasm, "%s");
		snprintf(wasm, sizeof wasm, "%.*s%s%s",
		         (int)(folder == NULL ? strlen(rows[i].wasm) : (size_t)(folder - rows[i].wasm)),
		         rows[i].wasm, folder == NULL ? "" : (const char *)*state,
		         folder == NULL ? "" : folder + 2);
		bool waited = run(&f, wasm, rows[i].template, &node);
		const char *message = node.message.data == NULL ? "" : node.message.data;
		if (node.failed != (rows[i].failure != NULL) ||
		    strstr(message, rows[i].failure == NULL ? "" : rows[i].failure) == NULL)
			fail_msg("row %zu: %s", i, message);
		if (waited != rows[i].shares)
			fail_msg("row %zu: %s", i, waited ? "was waited for" : "was left");
	}
	end(&f);
}

/* "at its limit of 18446744073709551615 instructions ()" */
static void a_limit_that_a_step_does_not_have_is_not_met(void **state)
{
	static const struct {
		const char *limits, *words;
	} rows[] = {{"", "trapped (exit code 134); nothing"},
	            {"\"fuel\":1000", "at its limit of 1000 instructions (limits.fuel)"}};
	struct fixture f;
	begin(&f, *state);
	for (size_t i = 0; i < COUNT(rows); i++) {
		char wasm[256];
		cleanup_node struct node node = {0};
		snprintf(wasm, sizeof wasm,
		         ",\"args\":[\"end\",\"134\",\"%d\",\"%d\"],\"permissions\":{\"limits\":{%s}}",
		         ERROR_TRAP, 1 << RUN_REACHED_FUEL, rows[i].limits);
		run(&f, wasm, "", &node);
		assert_true(node.failed);
		assert_in(rows[i].words, node.message.data);
	}
	end(&f);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(who_shares_is_waited_for, folder_make, folder_remove),
	    cmocka_unit_test_setup_teardown(a_limit_that_a_step_does_not_have_is_not_met, folder_make,
	                                    folder_remove),
	};
	if (argc != 2)
		return 2;
	child = argv[1];
	/* As in the server: a worker may end before it has read its stdin. */
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
