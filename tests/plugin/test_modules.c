/* modules_get() against registries that misbehave, ask for tokens, redirect, or are asked by many.
 */
#include "tests/plugin/table.h"

#include "plugin/modules.h"
#include "plugin/manifest.h"
#include "tests/plugin/folder.h"
#include "tests/plugin/server.h"

#include <pthread.h>
#include <unistd.h>

static const char wasm[] = "\0asm\1\0\0\0 not much of a module";

/* A registry that holds one image, a/b:1, and what it does wrong. */
struct play {
	const char *folder;
	struct server *server;
	struct modules *modules;
	char manifest[1024];
	char manifest_digest[DIGEST_TEXT_SIZE], blob_digest[DIGEST_TEXT_SIZE];
	char blob_path[256];
	char header[512];

	/* the way it misbehaves */
	unsigned failures, failure_status; /* so many requests are answered so at first */
	const char *failure_header, *failure_value;
	const char *manifest_type;     /* NULL: the right one */
	const char *announced;         /* Docker-Content-Digest */
	const char *redirect_to;       /* of blobs: host, scheme included */
	const char *wants, *challenge; /* Authorization, and what a 401 says; %s: the host */
	const char *token_reply;
	unsigned blob_delay;
	size_t blob_size; /* bytes sent; 0: all */

	atomic_uint manifests, blobs, tokens, uploads;
	char token_authorization[256], token_query[512], foreign_authorization[256];
};

static void refuse(struct play *play, struct server_reply *reply)
{
	snprintf(play->header, sizeof play->header, play->challenge, server_host(play->server));
	*reply = (struct server_reply){.status = 401,
	                               .headers = {"WWW-Authenticate", play->header},
	                               .body = "{\"errors\":[{\"code\":\"UNAUTHORIZED\",\"message\":"
	                                       "\"authentication \\u001b[2Jrequired\"}]}",
	                               .size = 84};
	reply->size = strlen(reply->body);
}

static void token(struct play *play, const struct server_request *request,
                  struct server_reply *reply)
{
	play->tokens++;
	snprintf(play->token_authorization, sizeof play->token_authorization, "%s",
	         request->authorization);
	snprintf(play->token_query, sizeof play->token_query, "%s", request->query);
	*reply = (struct server_reply){
	    .status = 200, .body = play->token_reply, .size = strlen(play->token_reply)};
}

static void handle(void *env, const struct server_request *request, struct server_reply *reply)
{
	struct play *play = env;
	if (play->failures > 0) {
		play->failures--;
		*reply = (struct server_reply){.status = play->failure_status,
		                               .headers = {play->failure_header, play->failure_value}};
		return;
	}
	if (strcmp(request->path, "/token") == 0) {
		token(play, request, reply);
		return;
	}
	if (play->wants != NULL && strcmp(request->authorization, play->wants) != 0) {
		refuse(play, reply);
		return;
	}
	if (strcmp(request->path, "/v2/a/b/manifests/1") == 0) {
		play->manifests++;
		*reply = (struct server_reply){
		    .status = 200,
		    .headers = {"Content-Type",
		                play->manifest_type != NULL ? play->manifest_type : MANIFEST_OCI_IMAGE,
		                "Docker-Content-Digest",
		                play->announced != NULL ? play->announced : play->manifest_digest},
		    .body = play->manifest,
		    .size = strlen(play->manifest)};
	} else if (strcmp(request->path, play->blob_path) == 0) {
		play->blobs++;
		*reply = (struct server_reply){.status = 200,
		                               .body = wasm,
		                               .size = play->blob_size != 0 ? play->blob_size : sizeof wasm,
		                               .delay_milliseconds = play->blob_delay};
		if (play->redirect_to != NULL) {
			snprintf(play->header, sizeof play->header, "%s%s", play->redirect_to, play->blob_path);
			*reply = (struct server_reply){.status = 307, .headers = {"Location", play->header}};
		}
	}
}

static void prepare(struct play *play, const char *folder)
{
	struct error err = ERROR_INIT;
	struct digest digest;
	*play = (struct play){.folder = folder};
	assert_true(digest_of_bytes(wasm, sizeof wasm, DIGEST_SHA256, &digest, &err));
	digest_format(&digest, play->blob_digest);
	snprintf(play->blob_path, sizeof play->blob_path, "/v2/a/b/blobs/%s", play->blob_digest);
	snprintf(play->manifest, sizeof play->manifest,
	         "{\"schemaVersion\":2,\"mediaType\":\"" MANIFEST_OCI_IMAGE
	         "\",\"layers\":[{\"mediaType\":\"application/wasm\",\"digest\":\"%s\",\"size\":%zu}]}",
	         play->blob_digest, sizeof wasm);
	assert_true(
	    digest_of_bytes(play->manifest, strlen(play->manifest), DIGEST_SHA256, &digest, &err));
	digest_format(&digest, play->manifest_digest);
	play->server = server_start(handle, play);
	char config[300];
	snprintf(config, sizeof config, "%s/config.json", folder);
	struct modules_options options = {.cache_dir = folder,
	                                  .insecure_registries = server_host(play->server),
	                                  .docker_config = config,
	                                  .stall_seconds = 1,
	                                  .retries = 2};
	play->modules = modules_create(&options, &err);
	assert_non_null(play->modules);
}

static void finish(struct play *play)
{
	modules_destroy(play->modules);
	server_stop(play->server);
}

static bool get(struct play *play, struct error *err)
{
	char ref[128], digest[MODULES_DIGEST_SIZE], *path;
	*err = (struct error)ERROR_INIT;
	snprintf(ref, sizeof ref, "%s/a/b:1", server_host(play->server));
	if (!modules_get(play->modules, ref, &path, digest, err)) {
		assert_null(path);
		assert_int_equal(folder_count(play->folder, "ingest"), 0);
		for (const char *at = err->message; *at != '\0'; at++)
			assert_true(*at >= ' ' && *at <= '~');
		return false;
	}
	assert_string_equal(digest, play->blob_digest);
	assert_int_equal(access(path, R_OK), 0);
	free(path);
	return true;
}

static void must_get(struct play *play)
{
	struct error err;
	if (!get(play, &err))
		fail_msg("%s", err.message);
}

static void must_fail(struct play *play, enum error_kind kind, const char *why)
{
	struct error err;
	if (get(play, &err))
		fail_msg("got a module; expected: %s", why);
	assert_in(why, err.message);
	assert_int_equal(err.kind, kind);
}

static void write_config(const struct play *play, const char *auth)
{
	char path[300];
	snprintf(path, sizeof path, "%s/config.json", play->folder);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fprintf(file, "{\"auths\":{\"%s\":{\"auth\":\"%s\"}}}", server_host(play->server), auth);
	fclose(file);
}

static void busy_server_is_asked_again(void **state)
{
	static const unsigned statuses[] = {429, 500, 502, 503, 504};
	for (size_t i = 0; i < COUNT(statuses); i++) {
		struct play play;
		char folder[300];
		snprintf(folder, sizeof folder, "%s/%zu", (char *)*state, i);
		prepare(&play, folder);
		play.failures = 2;
		play.failure_status = statuses[i];
		must_get(&play);
		assert_int_equal(play.manifests, 1);
		finish(&play);
	}
}

static void busy_server_is_told_in_the_end(void **state)
{
	struct play play;
	prepare(&play, *state);
	play.failures = 3;
	play.failure_status = 503;
	must_fail(&play, ERROR_NETWORK, "/v2/a/b/manifests/1: HTTP 503");
	assert_int_equal(play.failures, 0);
	must_get(&play);
	finish(&play);
}

static void retry_after_is_obeyed(void **state)
{
	struct play play;
	prepare(&play, *state);
	play.failures = 1;
	play.failure_status = 429;
	play.failure_header = "Retry-After";
	play.failure_value = "1";
	struct timespec before, after;
	clock_gettime(CLOCK_MONOTONIC, &before);
	must_get(&play);
	clock_gettime(CLOCK_MONOTONIC, &after);
	assert_true(
	    (after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000 >= 990);
	finish(&play);
}

static void other_errors_are_final(void **state)
{
	static const unsigned statuses[] = {400, 403, 404, 405, 410, 501};
	for (size_t i = 0; i < COUNT(statuses); i++) {
		struct play play;
		char why[64];
		prepare(&play, *state);
		play.failures = 1;
		play.failure_status = statuses[i];
		snprintf(why, sizeof why, "HTTP %u", statuses[i]);
		must_fail(&play, statuses[i] == 403 ? ERROR_DENIED : ERROR_NETWORK, why);
		assert_int_equal(play.manifests, 0);
		finish(&play);
	}
}

static void silent_server_is_left(void **state)
{
	struct play play;
	prepare(&play, *state);
	play.blob_delay = 3000;
	must_fail(&play, ERROR_NETWORK, ": no byte for 1 s");
	/* As long as one may be silent, it was: asking again would only multiply that. */
	assert_int_equal(play.blobs, 1);
	finish(&play);
}

static void short_blob(void **state)
{
	struct play play;
	prepare(&play, *state);
	play.blob_size = 5;
	must_fail(&play, ERROR_NETWORK, "the manifest announces 30 bytes, received were 5");
	finish(&play);
}

static void announced_digest_must_be_right(void **state)
{
	struct play play;
	prepare(&play, *state);
	play.announced = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
	must_fail(&play, ERROR_NETWORK,
	          "the manifest's bytes are not those of its digest: expected sha256:aaaa");
	finish(&play);
}

static void manifest_of_another_kind(void **state)
{
	struct play play;
	prepare(&play, *state);
	play.manifest_type = MANIFEST_OCI_INDEX;
	must_fail(&play, ERROR_NETWORK, "is served as " MANIFEST_OCI_INDEX);
	finish(&play);
}

/* What another origin, as a store that the registry redirects to, is told. */
static void foreign(void *env, const struct server_request *request, struct server_reply *reply)
{
	struct play *play = env;
	snprintf(play->foreign_authorization, sizeof play->foreign_authorization, "[%s]",
	         request->authorization);
	*reply = (struct server_reply){.status = 200, .body = wasm, .size = sizeof wasm};
}

static void redirects_keep_credentials_home(void **state)
{
	struct play play;
	prepare(&play, *state);
	struct server *other = server_start(foreign, &play);
	char place[64], hosts[128];
	snprintf(place, sizeof place, "http://%s", server_host(other));
	snprintf(hosts, sizeof hosts, "%s,%s", server_host(play.server), server_host(other));
	play.redirect_to = place;
	play.wants = "Basic Y2FwdGFpbjphcmdv";
	play.challenge = "Basic realm=\"%s\"";
	write_config(&play, "Y2FwdGFpbjphcmdv");
	must_fail(&play, ERROR_DENIED, "would be asked by plain http");
	assert_string_equal(play.foreign_authorization, "");

	modules_destroy(play.modules);
	char config[300];
	snprintf(config, sizeof config, "%s/config.json", play.folder);
	struct modules_options options = {
	    .cache_dir = play.folder, .insecure_registries = hosts, .docker_config = config};
	struct error err = ERROR_INIT;
	play.modules = modules_create(&options, &err);
	must_get(&play);
	assert_string_equal(play.foreign_authorization, "[]");
	server_stop(other);
	finish(&play);
}

static void redirects_end(void **state)
{
	struct play play;
	prepare(&play, *state);
	char here[64];
	snprintf(here, sizeof here, "http://%s", server_host(play.server));
	play.redirect_to = here;
	must_fail(&play, ERROR_NETWORK, "more than 5 redirects");
	assert_int_equal(play.blobs, 6);
	play.redirect_to = "ftp://127.0.0.1";
	must_fail(&play, ERROR_DENIED, "neither https nor http");
	finish(&play);
}

static void token_for_anyone(void **state)
{
	struct play play;
	prepare(&play, *state);
	play.wants = "Bearer abc.def";
	play.challenge =
	    "Bearer realm=\"http://%s/token\",service=\"the registry\",scope=\"repository:a/b:pull\"";
	play.token_reply = "{\"token\":\"abc.def\",\"expires_in\":300}";
	must_get(&play);
	assert_int_equal(play.tokens, 1); /* kept for the blob */
	assert_string_equal(play.token_authorization, "");
	assert_string_equal(play.token_query, "scope=repository:a/b:pull&service=the registry");
	finish(&play);
}

static void token_for_credentials(void **state)
{
	struct play play;
	prepare(&play, *state);
	play.wants = "Bearer abc";
	play.challenge = "Bearer realm=\"http://%s/token\"";
	play.token_reply = "{\"access_token\":\"abc\",\"expires_in\":1}";
	write_config(&play, "Y2FwdGFpbjphcmdv");
	must_get(&play);
	assert_int_equal(play.tokens, 2); /* about to expire, so asked for again */
	assert_string_equal(play.token_authorization, "Basic Y2FwdGFpbjphcmdv");
	assert_string_equal(play.token_query, "scope=repository:a/b:pull&service=");
	finish(&play);
}

static void bad_tokens(void **state)
{
	static const char *const replies[] = {
	    "", "{}", "[]", "{\"token\":7}", "{\"token\":\"\"}", "{\"token\":\"a\\r\\nX: y\"}"};
	for (size_t i = 0; i < COUNT(replies); i++) {
		struct play play;
		prepare(&play, *state);
		play.wants = "Bearer abc";
		play.challenge = "Bearer realm=\"http://%s/token\"";
		play.token_reply = replies[i];
		must_fail(&play, ERROR_NETWORK, "the reply holds no token");
		finish(&play);
	}
	struct play play;
	prepare(&play, *state);
	play.wants = "Bearer abc";
	play.challenge = "Bearer realm=\"http://%s/token\"";
	play.token_reply = "{\"token\":\"another\"}";
	must_fail(&play, ERROR_DENIED, "HTTP 401: UNAUTHORIZED: authentication ?[2Jrequired");
	play.challenge = "Bearer realm=\"http://127.0.0.9:1/token%.0s\"";
	must_fail(&play, ERROR_DENIED, "would be asked by plain http");
	finish(&play);
}

struct asker {
	struct play *play;
	struct error err;
	bool ok;
};

static void *ask(void *env)
{
	struct asker *asker = env; /* no asserts here: cmocka's are for the main thread */
	char ref[128], digest[MODULES_DIGEST_SIZE], *path;
	snprintf(ref, sizeof ref, "%s/a/b:1", server_host(asker->play->server));
	asker->ok = modules_get(asker->play->modules, ref, &path, digest, &asker->err);
	free(path);
	return NULL;
}

#define ASKERS 16

static void equal_references_are_fetched_once(void **state)
{
	struct play play;
	prepare(&play, *state);
	play.blob_delay = 300;
	struct asker askers[ASKERS];
	pthread_t threads[ASKERS];
	for (int i = 0; i < ASKERS; i++) {
		askers[i] = (struct asker){.play = &play, .err = ERROR_INIT};
		assert_int_equal(pthread_create(&threads[i], NULL, ask, &askers[i]), 0);
	}
	for (int i = 0; i < ASKERS; i++) {
		pthread_join(threads[i], NULL);
		if (!askers[i].ok)
			fail_msg("%s", askers[i].err.message);
	}
	assert_int_equal(play.blobs, 1);
	finish(&play);
}

static bool count_progress(void *env, const char *what, uint64_t done, uint64_t total)
{
	unsigned *calls = env;
	assert_in("sha256:", what);
	assert_int_equal(total, sizeof wasm);
	assert_true(done <= total);
	return ++*calls < 2;
}

static void progress_can_give_up(void **state)
{
	struct play play;
	prepare(&play, *state);
	modules_destroy(play.modules);
	unsigned calls = 0;
	struct modules_options options = {.cache_dir = play.folder,
	                                  .insecure_registries = server_host(play.server),
	                                  .docker_config = "/nonexistent",
	                                  .progress = count_progress,
	                                  .env = &calls};
	struct error err = ERROR_INIT;
	play.modules = modules_create(&options, &err);
	play.blob_delay = 2000;
	must_fail(&play, ERROR_NETWORK, "given up as asked");
	assert_int_equal(calls, 2);
	finish(&play);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, folder_make, folder_remove)

int main(void)
{
	static const char *const proxies[] = {"http_proxy", "https_proxy", "all_proxy", "HTTPS_PROXY",
	                                      "ALL_PROXY"};
	for (size_t i = 0; i < COUNT(proxies); i++)
		unsetenv(proxies[i]);
	const struct CMUnitTest tests[] = {
	    TEST(busy_server_is_asked_again),
	    TEST(busy_server_is_told_in_the_end),
	    TEST(retry_after_is_obeyed),
	    TEST(other_errors_are_final),
	    TEST(silent_server_is_left),
	    TEST(short_blob),
	    TEST(announced_digest_must_be_right),
	    TEST(manifest_of_another_kind),
	    TEST(redirects_keep_credentials_home),
	    TEST(redirects_end),
	    TEST(token_for_anyone),
	    TEST(token_for_credentials),
	    TEST(bad_tokens),
	    TEST(equal_references_are_fetched_once),
	    TEST(progress_can_give_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
