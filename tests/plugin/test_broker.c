/* The broker as a run sees it: over its socket, by caps/broker.h and by hand; servers of the test's
 * own on 127.0.0.1, and names that lead where the test says. */
#include "tests/plugin/table.h"

#include "caps/broker.h"
#include "plugin/broker.h"
#include "tests/plugin/server.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static struct server *server;
static atomic_int requests;

/* Waits for as many to come in; false after ten seconds. */
static bool wait_for(atomic_int *count, int wanted)
{
	for (int i = 0; i < 1000 && atomic_load(count) < wanted; i++)
		nanosleep(&(struct timespec){0, 10000000}, NULL);
	return atomic_load(count) >= wanted;
}

/* A store's and another server's requests that wait for each other. */
static atomic_int flags, listings;

#define KEYS 30000
#define KEYS_A_PAGE 1000

/* A page of the keys 00000 … behind `after`. */
static const char *list_page(const char *after)
{
	static _Thread_local char text[KEYS_A_PAGE * 64 + 512];
	int key = *after == '\0' ? 0 : atoi(after) + 1, end = key + KEYS_A_PAGE;
	size_t size = (size_t)sprintf(text, "<ListBucketResult><IsTruncated>%s</IsTruncated>",
	                              end < KEYS ? "true" : "false");
	if (end < KEYS)
		size += (size_t)sprintf(text + size, "<NextContinuationToken>%05d</NextContinuationToken>",
		                        end - 1);
	for (; key < end && key < KEYS; key++)
		size += (size_t)sprintf(text + size, "<Contents><Key>%05d</Key></Contents>", key);
	strcpy(text + size, "</ListBucketResult>");
	atomic_fetch_add(&listings, 1);
	return text;
}

static void handle(void *env, const struct server_request *request, struct server_reply *reply)
{
	(void)env;
	atomic_fetch_add(&requests, 1);
	reply->status = 200;
	reply->body = request->path;
	if (strcmp(request->path, "/data/late") == 0 || strcmp(request->path, "/late") == 0)
		reply->status = wait_for(&flags, 1) ? 200 : 404;
	else if (strcmp(request->path, "/flag") == 0)
		atomic_fetch_add(&flags, 1);
	else if (strcmp(request->path, "/data") == 0 || strcmp(request->path, "/data/") == 0)
		reply->body = list_page(request->after);
	reply->size = strlen(reply->body);
}

static int start(void **state)
{
	(void)state;
	server = server_start(handle, NULL);
	return 0;
}

static int end(void **state)
{
	(void)state;
	atomic_store(&flags, 1); /* whoever still waits for it */
	server_stop(server);
	return 0;
}

static const char *port(void)
{
	return strchr(server_host(server), ':') + 1;
}

/* A broker in a thread, and the run's end of its socket. */
struct life {
	pthread_t thread;
	struct broker_terms terms;
	int theirs, ours;
	bool served;
	struct error err;
};

static void *serve(void *env)
{
	struct life *life = env;
	life->served = broker_serve(life->theirs, &life->terms, &life->err);
	return NULL;
}

static void life_start(struct life *life, const char *const *hosts)
{
	struct error err = ERROR_INIT;
	int pair[2];
	life->err = (struct error)ERROR_INIT;
	for (; *hosts != NULL; hosts++) {
		life->terms.has_http = true;
		if (!origins_add(&life->terms.http.hosts, *hosts, &err))
			fail_msg("%s", err.message);
	}
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	life->ours = pair[0];
	life->theirs = pair[1];
	assert_int_equal(pthread_create(&life->thread, NULL, serve, life), 0);
}

/* After the run's end was closed; whether the broker had no complaint. */
static bool life_end(struct life *life)
{
	pthread_join(life->thread, NULL);
	broker_terms_clear(&life->terms);
	return life->served;
}

static struct caps_text text(const char *words)
{
	return (struct caps_text){words, strlen(words)};
}

static int64_t get(struct caps *caps, const char *url, uint32_t *status)
{
	const struct caps_http_request request = {.method = text("GET"), .url = text(url)};
	int64_t request_handle = caps_http_open(caps, &request);
	if (request_handle < 0)
		return request_handle;
	int rc = caps_http_answer(caps, (uint32_t)request_handle, status);
	return rc < 0 ? rc : request_handle;
}

/* ---- names ---- */

/* A name, where it leads, and whether a request by it is let through. PORT is the server's. */
static const struct {
	const char *name, *answer;
	int result; /* 0: answered */
} names[] = {
    {"good.test", "127.0.0.1", 0}, /* listed as an address, below */
    {"second.test", "127.0.0.2", -EACCES},
    {"six.test", "[::1]", -EACCES},
    {"mapped.test", "[::ffff:127.0.0.1]", -EACCES},
    {"nat64.test", "[64:ff9b::7f00:1]", -EACCES},
    {"sixtofour.test", "[2002:7f00:1::]", -EACCES},
    {"any.test", "0.0.0.0", -EACCES},
    {"any6.test", "[::]", -EACCES},
    {"link.test", "169.254.0.1", -EACCES},
    {"link6.test", "[fe80::1]", -EACCES},
    {"metadata.test", "169.254.169.254", -EACCES},
    {"metadata6.test", "[fd00:ec2::254]", -EACCES},
    {"multicast.test", "224.0.0.1", -EACCES},
    {"both.test", "127.0.0.2,[::1]", -EACCES},
};

static void where_names_lead(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		char by_name[128], by_address[128], resolve[256];
		snprintf(by_name, sizeof by_name, "http://%s:%s", names[i].name, port());
		snprintf(by_address, sizeof by_address, "http://127.0.0.1:%s", port());
		snprintf(resolve, sizeof resolve, "%s:%s:%s", names[i].name, port(), names[i].answer);
		const char *const hosts[] = {by_name, by_address, NULL};
		const char *const answers[] = {resolve, NULL};
		struct life life = {.terms.http.names = answers};
		life_start(&life, hosts);
		struct caps *caps = caps_create();
		assert_int_equal(caps_grant_broker(caps, life.ours), 0);
		int before = atomic_load(&requests);
		uint32_t status = 0;
		int64_t result = get(caps, by_name, &status);
		if ((result < 0 ? result : 0) != names[i].result)
			fail_msg("%s: %d, %s", resolve, (int)result, caps_broker_failure(caps));
		if (result < 0) {
			assert_true(caps_was_denied(caps, CAP_HTTP));
			assert_in(names[i].name, caps_denial(caps));
			assert_int_equal(atomic_load(&requests), before);
		} else {
			assert_int_equal(status, 200);
		}
		caps_destroy(caps);
		assert_true(life_end(&life));
	}
}

/* ---- what is granted is what the broker says ---- */

static void nothing_is_granted(void **state)
{
	(void)state;
	const char *const hosts[] = {NULL};
	struct life life = {0};
	life_start(&life, hosts);
	struct caps *caps = caps_create();
	uint32_t status;
	assert_int_equal(caps_grant_broker(caps, life.ours), 0);
	assert_false(caps_is_granted(caps, CAP_HTTP));
	assert_int_equal(get(caps, "http://127.0.0.1/", &status), -EACCES);
	caps_destroy(caps);
	assert_true(life_end(&life));
}

static void a_set_has_one_broker(void **state)
{
	(void)state;
	const char *const hosts[] = {NULL};
	struct life life = {0};
	life_start(&life, hosts);
	struct caps *caps = caps_create();
	assert_int_equal(caps_grant_broker(caps, life.ours), 0);
	int pair[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	assert_int_equal(caps_grant_broker(caps, pair[0]), -EALREADY);
	close(pair[1]);
	caps_destroy(caps);
	assert_true(life_end(&life));
}

static void a_broker_that_is_gone(void **state)
{
	(void)state;
	int pair[2];
	struct caps *caps = caps_create();
	uint32_t status;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	close(pair[1]);
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(caps_grant_broker(caps, pair[0]), -EPIPE);
	assert_int_equal(caps_http_answer(caps, 1, &status), -EPIPE);
	caps_destroy(caps);
}

/* ---- by hand ---- */

static struct broker_reply ask(const struct life *life, const struct broker_ask *head,
                               const char *parts)
{
	struct {
		struct broker_ask head;
		char parts[512];
	} packet = {.head = *head};
	struct {
		struct broker_reply head;
		char bytes[BROKER_CHUNK_MAX];
	} reply;
	strcpy(packet.parts, parts);
	assert_true(send(life->ours, &packet, sizeof packet.head + strlen(parts), 0) > 0);
	assert_true(recv(life->ours, &reply, sizeof reply, 0) >= (ssize_t)sizeof reply.head);
	return reply.head;
}

/* The broker looks at the policy itself, whatever the run's own side thinks is granted. */
static void the_broker_checks_again(void **state)
{
	(void)state;
	const char *const hosts[] = {NULL};
	struct life life = {0};
	life_start(&life, hosts);
	char url[64];
	snprintf(url, sizeof url, "GEThttp://%s/", server_host(server));
	const struct broker_ask head = {.kind = ASK_HTTP, .sizes = {3, (uint32_t)strlen(url) - 3, 0}};
	assert_int_equal(ask(&life, &head, url).result, -EACCES);
	close(life.ours);
	assert_true(life_end(&life));
}

static void handles_of_nobody(void **state)
{
	(void)state;
	const char *const hosts[] = {"http://127.0.0.1", NULL};
	struct life life = {0};
	life_start(&life, hosts);
	static const uint32_t handles[] = {0, 1, 8, 9, 0x7fffffff, UINT32_MAX};
	static const enum broker_ask_kind kinds[] = {ASK_SEND, ASK_ANSWER, ASK_RECEIVE, ASK_CLOSE};
	for (size_t i = 0; i < COUNT(handles); i++) {
		for (size_t k = 0; k < COUNT(kinds); k++) {
			const struct broker_ask head = {.kind = kinds[k], .handle = handles[i]};
			assert_int_equal(ask(&life, &head, "").result, -EBADF);
		}
	}
	close(life.ours);
	assert_true(life_end(&life));
}

/* What no client sends: each ends the broker, with a complaint. */
static void breaches(void **state)
{
	(void)state;
	static const struct {
		struct broker_ask head;
		size_t size;
	} packets[] = {
	    {{.kind = BROKER_ASK_COUNT}, sizeof(struct broker_ask)},
	    {{.kind = ASK_HELLO}, sizeof(struct broker_ask) - 1},
	    {{.kind = ASK_HELLO}, 1},
	    {{.kind = ASK_HTTP, .sizes = {3, 10, 0}}, sizeof(struct broker_ask)},
	    {{.kind = ASK_SEND, .sizes = {BROKER_CHUNK_MAX + 1}}, BROKER_ASK_MAX + 1},
	};
	static uint8_t bytes[BROKER_ASK_MAX + 1];
	const char *const hosts[] = {"http://127.0.0.1", NULL};
	for (size_t i = 0; i < COUNT(packets); i++) {
		struct life life = {0};
		life_start(&life, hosts);
		memcpy(bytes, &packets[i].head, sizeof packets[i].head);
		assert_int_equal(send(life.ours, bytes, packets[i].size, 0), (ssize_t)packets[i].size);
		assert_int_equal(recv(life.ours, bytes, sizeof bytes, 0), 0);
		assert_false(life_end(&life));
		assert_int_equal(life.err.kind, ERROR_DENIED);
		close(life.ours);
	}
}

/* Many asks and no reading of replies: the broker does not wait for ever. */
static void replies_that_nobody_reads(void **state)
{
	(void)state;
	const char *const hosts[] = {NULL};
	struct life life = {0};
	life_start(&life, hosts);
	const struct broker_ask head = {.kind = ASK_HELLO};
	ssize_t sent;
	int count = 0;
	do {
		sent = send(life.ours, &head, sizeof head, MSG_NOSIGNAL);
	} while (sent > 0 && ++count < 1000000);
	assert_true(count < 1000000);
	assert_true(life_end(&life));
	close(life.ours);
}

/* ---- several things at a time ---- */

/* The server's address as the one origin, and as a store whose bucket `data` may be read. */
struct store_life {
	struct life life;
	char origin[64], host[32];
	struct s3_place place;
	struct caps *caps;
};

static void store_start(struct store_life *store)
{
	const struct transfer_options patience = {.connect_seconds = 10, .stall_seconds = 30};
	static char key[] = "key", secret[] = "secret";
	struct error err = ERROR_INIT;
	atomic_store(&flags, 0);
	atomic_store(&listings, 0);
	*store = (struct store_life){0};
	snprintf(store->host, sizeof store->host, "%s", server_host(server));
	snprintf(store->origin, sizeof store->origin, "http://%s", store->host);
	store->place = (struct s3_place){
	    .endpoint = store->host,
	    .insecure = true,
	    .keys = {.id = key, .secret = secret},
	};
	struct blob_terms *terms = &store->life.terms.blob;
	assert_true(blob_terms_add(terms, "data", "", false, &err));
	terms->place = &store->place;
	terms->transfers = transfers_create(&patience, &err);
	terms->folder = "/tmp";
	assert_non_null(terms->transfers);
	const char *const hosts[] = {store->origin, NULL};
	life_start(&store->life, hosts);
	store->caps = caps_create();
	assert_int_equal(caps_grant_broker(store->caps, store->life.ours), 0);
}

static void store_end(struct store_life *store)
{
	struct transfers *transfers = store->life.terms.blob.transfers;
	caps_destroy(store->caps);
	assert_true(life_end(&store->life));
	transfers_destroy(transfers);
}

static int64_t open_at(struct store_life *store, const char *path)
{
	char url[128];
	snprintf(url, sizeof url, "%s%s", store->origin, path);
	const struct caps_http_request request = {.method = text("GET"), .url = text(url)};
	return caps_http_open(store->caps, &request);
}

/* An answer that comes only when another request has come: it stood still once a store was asked,
 * and the other was never sent. */
static void a_slow_store_stops_no_request(void **state)
{
	(void)state;
	struct store_life store;
	store_start(&store);
	int64_t flag = open_at(&store, "/flag");
	assert_true(flag > 0);
	uint64_t size = 0;
	int64_t object = caps_blob_get(store.caps, text("data"), text("late"), &size);
	if (object < 0)
		fail_msg("%s", caps_broker_failure(store.caps));
	assert_int_equal(size, strlen("/data/late"));
	uint32_t status = 0;
	assert_int_equal(caps_http_answer(store.caps, (uint32_t)flag, &status), 0);
	assert_int_equal(status, 200);
	store_end(&store);
}

/* As many requests as the policy lets: the first one is answered behind the last one. */
static void requests_go_side_by_side(void **state)
{
	(void)state;
	struct store_life store;
	store_start(&store);
	int64_t handles[HTTP_CONCURRENT_DEFAULT];
	for (unsigned i = 0; i < HTTP_CONCURRENT_DEFAULT; i++) {
		handles[i] = open_at(&store, i + 1 < HTTP_CONCURRENT_DEFAULT ? "/late" : "/flag");
		assert_true(handles[i] > 0);
	}
	assert_int_equal(open_at(&store, "/flag"), -EMFILE);
	assert_non_null(strstr(caps_broker_failure(store.caps), "http.max_concurrent_requests"));
	for (unsigned i = 0; i < HTTP_CONCURRENT_DEFAULT; i++) {
		uint32_t status = 0;
		assert_int_equal(caps_http_answer(store.caps, (uint32_t)handles[i], &status), 0);
		assert_int_equal(status, 200);
	}
	store_end(&store);
}

/* The run goes while its broker waits for the store. */
static void a_run_that_leaves_a_slow_store(void **state)
{
	(void)state;
	struct store_life store;
	store_start(&store);
	const struct broker_ask head = {.kind = ASK_BLOB_GET, .sizes = {4, 4, 0}};
	struct {
		struct broker_ask head;
		char parts[8];
	} packet = {.head = head};
	memcpy(packet.parts, "datalate", 8);
	size_t size = sizeof head + 8;
	assert_int_equal(send(store.life.ours, &packet, size, 0), (ssize_t)size);
	store_end(&store);
	atomic_store(&flags, 1);
}

/* A second ask while the first one is with the store is none of our clients'. */
static void an_ask_beside_the_store(void **state)
{
	(void)state;
	struct store_life store;
	store_start(&store);
	struct {
		struct broker_ask head;
		char parts[8];
	} packet = {.head = {.kind = ASK_BLOB_GET, .sizes = {4, 4, 0}}};
	memcpy(packet.parts, "datalate", 8);
	size_t size = sizeof packet.head + 8;
	assert_int_equal(send(store.life.ours, &packet, size, 0), (ssize_t)size);
	assert_int_equal(send(store.life.ours, &packet, size, 0), (ssize_t)size);
	struct transfers *transfers = store.life.terms.blob.transfers;
	assert_false(life_end(&store.life));
	assert_int_equal(store.life.err.kind, ERROR_DENIED);
	transfers_destroy(transfers);
	caps_destroy(store.caps);
	atomic_store(&flags, 1);
}

/* What a broker is working on stands in the room that its packets are received in, and is read
 * again behind its check: a next packet could take its place there, so that a broken run had any
 * object or sent any request. So it must stay in the socket, whole, also when the broker ends for
 * it: whether the store is waited for, or the answer to a request. */
static void packets_stay_outside_while_one_is_worked_on(void **state)
{
	(void)state;
	static const struct {
		struct broker_ask head;
		const char *parts;
	} waits[] = {
	    {{.kind = ASK_BLOB_GET, .sizes = {4, 4, 0}}, "datalate"},
	    {{.kind = ASK_ANSWER, .handle = 1}, ""},
	};
	struct {
		struct broker_ask head;
		char parts[16];
	} packet, got;
	for (size_t i = 0; i < COUNT(waits); i++) {
		struct store_life store;
		store_start(&store);
		int inside = dup(store.life.theirs);
		assert_true(inside >= 0);
		if (waits[i].head.handle != 0)
			assert_int_equal(open_at(&store, "/late"), waits[i].head.handle);
		packet.head = waits[i].head;
		strcpy(packet.parts, waits[i].parts);
		size_t size = sizeof packet.head + strlen(packet.parts);
		assert_int_equal(send(store.life.ours, &packet, size, 0), (ssize_t)size);
		packet.head = (struct broker_ask){.kind = ASK_BLOB_GET, .sizes = {4, 4, 0}};
		strcpy(packet.parts, "keeptake");
		size = sizeof packet.head + strlen(packet.parts);
		assert_int_equal(send(store.life.ours, &packet, size, 0), (ssize_t)size);
		struct transfers *transfers = store.life.terms.blob.transfers;
		assert_false(life_end(&store.life));
		assert_int_equal(store.life.err.kind, ERROR_DENIED);
		assert_int_equal(recv(inside, &got, sizeof got, MSG_DONTWAIT), (ssize_t)size);
		assert_memory_equal(&got, &packet, size);
		close(inside);
		transfers_destroy(transfers);
		caps_destroy(store.caps);
		atomic_store(&flags, 1);
	}
}

/* Each listing began at the first key: a walk over all of them asked for most many times. */
static void a_walk_over_all_keys_lists_each_once(void **state)
{
	(void)state;
	struct store_life store;
	struct caps_text keys;
	char last[8] = "";
	int seen = 0, calls = 0;
	store_start(&store);
	for (;;) {
		int rc = caps_blob_list(store.caps, text("data"), text(""), text(last), &keys);
		if (rc < 0)
			fail_msg("%s", caps_broker_failure(store.caps));
		calls++;
		if (keys.size == 0)
			break;
		for (const char *at = keys.text; at < keys.text + keys.size; at += strlen(at) + 1) {
			assert_int_equal(atoi(at), seen++);
			snprintf(last, sizeof last, "%s", at);
		}
	}
	assert_int_equal(seen, KEYS);
	assert_true(calls > 2);
	/* Each call may ask for one page that is not used to its end. */
	assert_true(atomic_load(&listings) <= KEYS / KEYS_A_PAGE + calls);
	store_end(&store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(where_names_lead),
	    cmocka_unit_test(nothing_is_granted),
	    cmocka_unit_test(a_set_has_one_broker),
	    cmocka_unit_test(a_broker_that_is_gone),
	    cmocka_unit_test(the_broker_checks_again),
	    cmocka_unit_test(handles_of_nobody),
	    cmocka_unit_test(breaches),
	    cmocka_unit_test(replies_that_nobody_reads),
	    cmocka_unit_test(a_slow_store_stops_no_request),
	    cmocka_unit_test(requests_go_side_by_side),
	    cmocka_unit_test(a_run_that_leaves_a_slow_store),
	    cmocka_unit_test(an_ask_beside_the_store),
	    cmocka_unit_test(packets_stay_outside_while_one_is_worked_on),
	    cmocka_unit_test(a_walk_over_all_keys_lists_each_once),
	};
	return cmocka_run_group_tests(tests, start, end);
}
