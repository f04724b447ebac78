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
#include <unistd.h>

static struct server *server;
static atomic_int requests;

static void handle(void *env, const struct server_request *request, struct server_reply *reply)
{
	(void)env;
	atomic_fetch_add(&requests, 1);
	reply->status = 200;
	reply->body = request->path;
	reply->size = strlen(request->path);
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
	};
	return cmocka_run_group_tests(tests, start, end);
}
