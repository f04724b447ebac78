#include "plugin/broker.h"

#include "caps/cleanup.h"
#include "plugin/broker_ask.h"
#include "plugin/broker_work.h"
#include "plugin/descriptors.h"
#include "plugin/http_exchange.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

/* While libcurl has nothing to wait for. */
#define POLL_MS 60000

struct broker {
	int fd;
	const struct broker_terms *terms;
	uint64_t granted; /* bits 1 << enum capability */
	CURLM *multi;
	struct exchange **exchanges; /* by handle - 1; NULL: none */
	unsigned exchange_max;
	struct blob *blobs[BLOBS_OPEN_MAX]; /* by handle - BLOB_HANDLE; NULL: none */

	/* What became of an ask about objects: written by the work. */
	struct broker_work work;
	struct {
		int failure;
		struct error err;
		struct blob *opened;
		size_t size; /* of `bytes` */
	} stored;

	bool pending; /* an ask that waits for the network, or for the work */
	struct ask ask;
	uint8_t packet[BROKER_ASK_MAX + 1];
	uint8_t bytes[BROKER_CHUNK_MAX]; /* of a reply */
};

/* Handles of objects; those of exchanges are below. */
#define BLOB_HANDLE 0x10000u

enum verdict { GO_ON, HANG_UP, BREACH };

void broker_terms_clear(struct broker_terms *terms)
{
	http_terms_clear(&terms->http);
	kv_terms_clear(&terms->kv);
	socket_terms_clear(&terms->sockets);
	blob_terms_clear(&terms->blob);
}

bool broker_is_needed(const struct broker_terms *terms)
{
	return terms->has_http || terms->kv.access != BROKER_NO_ACCESS || terms->sockets.count > 0 ||
	       terms->blob.count > 0;
}

static enum verdict reply(struct broker *broker, const struct broker_reply *head, const void *bytes,
                          size_t size)
{
	struct iovec iov[] = {{(void *)(uintptr_t)head, sizeof *head},
	                      {(void *)(uintptr_t)bytes, size}};
	struct msghdr message = {.msg_iov = iov, .msg_iovlen = 2};
	broker->pending = false;
	/* A run that does not read its replies has no more to say. */
	ssize_t n = sendmsg(broker->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	return n < 0 ? HANG_UP : GO_ON;
}

static enum verdict reply_failure(struct broker *broker, int failure, const char *sentence)
{
	size_t size = strlen(sentence);
	if (size > BROKER_TEXT_MAX)
		size = BROKER_TEXT_MAX;
	return reply(broker, &(struct broker_reply){.result = failure}, sentence, size);
}

static enum verdict reply_done(struct broker *broker, uint32_t handle, uint64_t number)
{
	return reply(broker, &(struct broker_reply){.handle = handle, .number = number}, NULL, 0);
}

static enum verdict open_exchange(struct broker *broker)
{
	struct error err = ERROR_INIT;
	unsigned at = 0;
	while (at < broker->exchange_max && broker->exchanges[at] != NULL)
		at++;
	if (at == broker->exchange_max)
		return reply_failure(broker, -EMFILE,
		                     "as many requests are open as may be "
		                     "(http.max_concurrent_requests of a policy, --http-concurrent)");
	int failure = exchange_create(broker->multi, &broker->terms->http, &broker->ask,
	                              &broker->exchanges[at], &err);
	if (failure != 0)
		return reply_failure(broker, failure, err.message);
	return reply_done(broker, at + 1, 0);
}

static struct exchange **exchange_at(struct broker *broker, uint32_t handle)
{
	if (handle == 0 || handle > broker->exchange_max || broker->exchanges[handle - 1] == NULL)
		return NULL;
	return &broker->exchanges[handle - 1];
}

/* Goes on with an ask about a handle; it stays pending while the network is waited for. */
static enum verdict attend(struct broker *broker)
{
	const struct ask *ask = &broker->ask;
	struct exchange **at = exchange_at(broker, ask->handle);
	enum exchange_progress progress = EXCHANGE_DONE;
	struct broker_reply head = {0};
	const char *bytes = NULL;
	size_t size = 0;
	long status = 0;
	if (at == NULL)
		return reply_failure(broker, -EBADF, "there is no request of this handle");
	switch (ask->kind) {
	case ASK_SEND:
		progress = exchange_send(*at, ask->parts[0].bytes, ask->parts[0].size);
		break;
	case ASK_ANSWER:
		progress = exchange_answer(*at, &status, &bytes, &size);
		head.number = (uint64_t)status;
		break;
	case ASK_RECEIVE:
		progress = exchange_receive(*at, broker->bytes, (size_t)ask->number, &size);
		bytes = (const char *)broker->bytes;
		break;
	default: /* ASK_CLOSE */
		exchange_destroy(*at);
		*at = NULL;
		break;
	}
	if (progress == EXCHANGE_WAITS) {
		broker->pending = true;
		return GO_ON;
	}
	if (progress == EXCHANGE_DONE)
		return reply(broker, &head, bytes, size);
	const char *sentence;
	int failure = exchange_failure(*at, &sentence);
	return reply_failure(broker, failure, sentence);
}

static enum verdict ask_kv(struct broker *broker)
{
	struct error err = ERROR_INIT;
	size_t size;
	int failure = broker_kv(&broker->terms->kv, &broker->ask, broker->bytes, &size, &err);
	if (failure < 0)
		return reply_failure(broker, failure, err.message);
	return reply(broker, &(struct broker_reply){0}, broker->bytes, size);
}

static bool is_wanted(void *env)
{
	const struct broker *broker = env;
	return broker_work_is_wanted(&broker->work);
}

static unsigned free_blob(const struct broker *broker)
{
	unsigned at = 0;
	while (at < BLOBS_OPEN_MAX && broker->blobs[at] != NULL)
		at++;
	return at;
}

/* What an ask wants of the store. In a thread of its own: it touches the ask, which stands as long
 * as it is pending, broker->bytes and broker->stored, and objects that are open, of which the loop
 * takes nothing meanwhile. */
static void use_store(void *env)
{
	struct broker *broker = env;
	const struct blob_broker blobs = {&broker->terms->blob, is_wanted, broker};
	const struct ask *ask = &broker->ask;
	struct error *err = &broker->stored.err;
	int failure;
	switch (ask->kind) {
	case ASK_BLOB_GET:
	case ASK_BLOB_PUT:
		failure = blob_open(&blobs, ask, &broker->stored.opened, err);
		break;
	case ASK_BLOB_DELETE:
		failure = blob_delete(&blobs, ask, err);
		break;
	case ASK_BLOB_LIST:
		failure = blob_list(&blobs, ask, (char *)broker->bytes, BROKER_CHUNK_MAX,
		                    &broker->stored.size, err);
		break;
	default: /* ASK_ANSWER */
		failure = blob_finish(&blobs, broker->blobs[ask->handle - BLOB_HANDLE], err);
		break;
	}
	broker->stored.failure = failure;
}

static enum verdict begin_store(struct broker *broker)
{
	broker->stored.err = (struct error)ERROR_INIT;
	broker->stored.opened = NULL;
	broker->stored.size = 0;
	if (!broker_work_begin(&broker->work, broker->multi, use_store, broker))
		return reply_failure(broker, -ENOMEM, "no thread is to be had for the store");
	broker->pending = true;
	return GO_ON;
}

static enum verdict end_store(struct broker *broker)
{
	struct blob *opened = broker->stored.opened;
	broker->stored.opened = NULL;
	if (broker->stored.failure < 0)
		return reply_failure(broker, broker->stored.failure, broker->stored.err.message);
	if (opened == NULL)
		return reply(broker, &(struct broker_reply){0}, broker->bytes, broker->stored.size);
	unsigned at = free_blob(broker);
	broker->blobs[at] = opened;
	return reply_done(broker, BLOB_HANDLE + at, blob_size(opened));
}

static enum verdict ask_blob(struct broker *broker)
{
	bool opens = broker->ask.kind == ASK_BLOB_GET || broker->ask.kind == ASK_BLOB_PUT;
	if (opens && free_blob(broker) == BLOBS_OPEN_MAX)
		return reply_failure(broker, -EMFILE, "as many objects are open as may be");
	return begin_store(broker);
}

/* An ask about the handle of an object. */
static enum verdict attend_blob(struct broker *broker)
{
	const struct ask *ask = &broker->ask;
	uint32_t at = ask->handle - BLOB_HANDLE;
	struct error err = ERROR_INIT;
	size_t size = 0;
	int failure = 0;
	if (at >= BLOBS_OPEN_MAX || broker->blobs[at] == NULL)
		return reply_failure(broker, -EBADF, "there is no object of this handle");
	struct blob *blob = broker->blobs[at];
	switch (ask->kind) {
	case ASK_SEND:
		failure = blob_write(blob, ask->parts[0].bytes, ask->parts[0].size, &err);
		break;
	case ASK_ANSWER:
		return begin_store(broker);
	case ASK_RECEIVE:
		failure = blob_read(blob, broker->bytes, (size_t)ask->number, &size, &err);
		break;
	default: /* ASK_CLOSE */
		blob_destroy(blob);
		broker->blobs[at] = NULL;
		break;
	}
	if (failure < 0)
		return reply_failure(broker, failure, err.message);
	return reply(broker, &(struct broker_reply){0}, broker->bytes, size);
}

/* The connection's name, and the connection itself. */
static enum verdict hand_socket(struct broker *broker)
{
	struct error err = ERROR_INIT;
	char name[ENDPOINT_TEXT_SIZE];
	cleanup_close int fd = broker_socket(&broker->terms->sockets, (size_t)broker->ask.number, &err);
	if (fd < 0)
		return reply_failure(broker, fd, err.message);
	endpoint_text(&broker->terms->sockets.items[broker->ask.number], name);
	struct broker_reply head = {0};
	const struct iovec iov[] = {{&head, sizeof head}, {name, strlen(name)}};
	return descriptors_send(broker->fd, iov, 2, &fd, 1, MSG_DONTWAIT) < 0 ? HANG_UP : GO_ON;
}

static enum verdict dispatch(struct broker *broker)
{
	enum capability capability = broker_ask_capability(broker->ask.kind);
	if (capability != CAPABILITY_COUNT && (broker->granted >> capability & 1) == 0)
		return reply_failure(broker, -EACCES, "ask for what is not granted");
	switch (broker->ask.kind) {
	case ASK_HELLO:
		return reply_done(broker, (uint32_t)broker->terms->sockets.count, broker->granted);
	case ASK_SOCKET:
		return hand_socket(broker);
	case ASK_HTTP:
		return open_exchange(broker);
	case ASK_KV_GET:
	case ASK_KV_PUT:
	case ASK_KV_DELETE:
	case ASK_KV_LIST:
		return ask_kv(broker);
	case ASK_BLOB_GET:
	case ASK_BLOB_PUT:
	case ASK_BLOB_DELETE:
	case ASK_BLOB_LIST:
		return ask_blob(broker);
	default:
		return broker->ask.handle >= BLOB_HANDLE ? attend_blob(broker) : attend(broker);
	}
}

/* One packet, when there is one. */
static enum verdict take_ask(struct broker *broker)
{
	/* One ask at a time, as caps/broker.c has it. While one is worked on its packet is read, and
	 * must not become another behind what was checked of it: so the next one stays where it is. */
	int flags = broker->pending ? MSG_DONTWAIT | MSG_PEEK : MSG_DONTWAIT;
	char next;
	void *into = broker->pending ? (void *)&next : broker->packet;
	size_t room = broker->pending ? sizeof next : sizeof broker->packet;
	ssize_t size = recv(broker->fd, into, room, flags);
	if (size < 0 && (errno == EAGAIN || errno == EINTR))
		return GO_ON;
	if (size <= 0)
		return HANG_UP;
	if (broker->pending || !broker_ask_read(broker->packet, (size_t)size, &broker->ask))
		return BREACH;
	return dispatch(broker);
}

static void drive(struct broker *broker)
{
	int running, left;
	const CURLMsg *message;
	curl_multi_perform(broker->multi, &running);
	while ((message = curl_multi_info_read(broker->multi, &left)) != NULL) {
		if (message->msg == CURLMSG_DONE)
			exchange_finished(message->easy_handle, message->data.result);
	}
}

static enum verdict loop(struct broker *broker)
{
	enum verdict verdict = GO_ON;
	while (verdict == GO_ON) {
		struct curl_waitfd own = {.fd = broker->fd, .events = CURL_WAIT_POLLIN};
		drive(broker);
		if (broker->work.is_begun) {
			if (broker_work_take(&broker->work)) {
				verdict = end_store(broker);
				continue;
			}
		} else if (broker->pending) {
			verdict = attend(broker);
			if (verdict != GO_ON || !broker->pending)
				continue;
		}
		if (curl_multi_poll(broker->multi, &own, 1, POLL_MS, NULL) != CURLM_OK)
			return HANG_UP;
		verdict = take_ask(broker);
	}
	return verdict;
}

static void init_curl(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
}

static bool prepare(struct broker *broker, struct error *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	const struct http_terms *http = &broker->terms->http;
	pthread_once(&once, init_curl);
	broker->exchange_max = http->concurrent != 0 ? http->concurrent : HTTP_CONCURRENT_DEFAULT;
	broker->exchanges = calloc(broker->exchange_max, sizeof *broker->exchanges);
	broker->multi = curl_multi_init();
	if (broker->exchanges == NULL || broker->multi == NULL)
		return error_set(err, ERROR_NO_MEMORY, "no memory for a broker");
	curl_multi_setopt(broker->multi, CURLMOPT_MAXCONNECTS, (long)broker->exchange_max);
	if (broker->terms->has_http)
		broker->granted |= UINT64_C(1) << CAP_HTTP;
	if (broker->terms->kv.access != BROKER_NO_ACCESS)
		broker->granted |= UINT64_C(1) << CAP_KV;
	if (broker->terms->sockets.count > 0)
		broker->granted |= UINT64_C(1) << CAP_SOCKETS;
	if (broker->terms->blob.count > 0)
		broker->granted |= UINT64_C(1) << CAP_BLOB;
	return true;
}

static void broker_clear(struct broker **at)
{
	struct broker *broker = *at;
	if (broker == NULL)
		return;
	broker_work_end(&broker->work);
	blob_destroy(broker->stored.opened);
	for (unsigned i = 0; broker->exchanges != NULL && i < broker->exchange_max; i++)
		exchange_destroy(broker->exchanges[i]);
	free(broker->exchanges);
	for (unsigned i = 0; i < BLOBS_OPEN_MAX; i++)
		blob_destroy(broker->blobs[i]);
	curl_multi_cleanup(broker->multi);
	free(broker);
}

bool broker_serve(int fd, const struct broker_terms *terms, struct error *err)
{
	cleanup_close int own = fd;
	__attribute__((cleanup(broker_clear))) struct broker *broker = calloc(1, sizeof *broker);
	if (broker == NULL)
		return error_set(err, ERROR_NO_MEMORY, "no memory for a broker");
	broker->fd = own;
	broker->terms = terms;
	if (!prepare(broker, err))
		return false;
	return loop(broker) != BREACH ||
	       error_set(err, ERROR_DENIED,
	                 "the run sent its broker what no module can make it send: its process is "
	                 "broken, treat the module as hostile");
}
