/* The run's side of the broker: one packet asked, one read back. */
#include "caps/set.h"

#include "caps/broker.h"
#include "caps/broker_call.h"
#include "caps/cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

_Static_assert(CAPABILITY_COUNT <= 64, "a bit for each in the reply to ASK_HELLO");

/* An answer's head, kept from caps_http_answer() to caps_close(). */
struct answer {
	uint32_t handle;
	uint32_t status;
	char *headers;
	size_t size;
};

struct broker {
	int fd; /* -1: gone */
	char *failure;
	struct answer *answers;
	size_t answer_count;
	/* What a reply brings is first read here: it may be a sentence instead. */
	uint8_t bytes[BROKER_CHUNK_MAX + 1];
};

_Static_assert(BROKER_ANSWER_HEADERS_MAX <= BROKER_CHUNK_MAX && BROKER_TEXT_MAX <= BROKER_CHUNK_MAX,
               "every reply fits the buffer");

void broker_destroy(struct broker *broker)
{
	if (!broker)
		return;
	if (broker->fd >= 0)
		close(broker->fd);
	for (size_t i = 0; i < broker->answer_count; i++)
		free(broker->answers[i].headers);
	free(broker->answers);
	free(broker->failure);
	free(broker);
}

static int is_gone(struct broker *broker)
{
	if (broker->fd >= 0)
		close(broker->fd);
	broker->fd = -1;
	return -EPIPE;
}

static void keep_failure(struct caps *caps, int result, enum capability capability)
{
	struct broker *broker = caps->broker;
	free(broker->failure);
	broker->failure = strdup((const char *)broker->bytes);
	if (result == -EACCES || result == -EPERM)
		caps_note_denied(caps, capability, broker->failure);
}

int64_t broker_call(struct caps *caps, enum capability capability, const struct broker_ask *ask,
                    const void *const *parts, struct broker_reply *reply)
{
	struct broker *broker = caps->broker;
	struct iovec out[1 + BROKER_PARTS] = {{(void *)(uintptr_t)ask, sizeof *ask}};
	struct iovec in[] = {{reply, sizeof *reply}, {broker ? broker->bytes : NULL, BROKER_CHUNK_MAX}};
	ssize_t n;
	if (!broker || broker->fd < 0)
		return -EPIPE;
	for (int i = 0; i < BROKER_PARTS; i++)
		out[1 + i] = (struct iovec){(void *)(uintptr_t)parts[i], ask->sizes[i]};
	do
		n = writev(broker->fd, out, 1 + BROKER_PARTS);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return is_gone(broker);
	do
		n = readv(broker->fd, in, 2);
	while (n < 0 && errno == EINTR);
	if (n < (ssize_t)sizeof *reply)
		return is_gone(broker);
	n -= (ssize_t)sizeof *reply;
	broker->bytes[n] = '\0';
	if (reply->result == 0)
		return n;
	keep_failure(caps, reply->result, capability);
	return reply->result < 0 ? reply->result : -EIO;
}

const uint8_t *broker_bytes(const struct caps *caps)
{
	return caps->broker->bytes;
}

static const void *const no_parts[BROKER_PARTS];

/* The descriptor that comes with the reply stands in *fd, -1: none. */
static int receive_socket(struct caps *caps, uint32_t index, int *fd)
{
	struct broker *broker = caps->broker;
	const struct broker_ask ask = {.kind = ASK_SOCKET, .number = index};
	struct broker_reply reply;
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec in[] = {{&reply, sizeof reply}, {broker->bytes, BROKER_TEXT_MAX}};
	struct msghdr message = {.msg_iov = in,
	                         .msg_iovlen = 2,
	                         .msg_control = control.bytes,
	                         .msg_controllen = sizeof control.bytes};
	ssize_t n;
	*fd = -1;
	if (write(broker->fd, &ask, sizeof ask) < 0)
		return is_gone(broker);
	do
		n = recvmsg(broker->fd, &message, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < (ssize_t)sizeof reply)
		return is_gone(broker);
	const struct cmsghdr *part = CMSG_FIRSTHDR(&message);
	if (part && part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_RIGHTS)
		memcpy(fd, CMSG_DATA(part), sizeof *fd);
	broker->bytes[n - (ssize_t)sizeof reply] = '\0';
	if (reply.result < 0)
		keep_failure(caps, reply.result, CAP_SOCKETS);
	return reply.result;
}

static int take_sockets(struct caps *caps, uint32_t count)
{
	for (uint32_t i = 0; i < count && i < BROKER_SOCKETS_MAX; i++) {
		int fd, rc = receive_socket(caps, i, &fd);
		if (rc == 0)
			rc = fd < 0 ? -EPROTO : socket_grant(caps, fd, (const char *)caps->broker->bytes);
		if (rc < 0)
			return rc;
	}
	return 0;
}

int caps_grant_broker(struct caps *caps, int fd)
{
	cleanup_close int own = fd;
	if (caps->broker)
		return -EALREADY;
	struct broker *broker = calloc(1, sizeof *broker);
	if (!broker)
		return -ENOMEM;
	broker->fd = take_fd(&own);
	caps->broker = broker;
	struct broker_reply reply;
	int64_t rc = broker_call(caps, CAPABILITY_COUNT, &(struct broker_ask){.kind = ASK_HELLO},
	                         no_parts, &reply);
	if (rc < 0)
		return (int)rc;
	for (int id = 0; id < CAPABILITY_COUNT; id++) {
		if (reply.number >> id & 1)
			caps->granted[id] = true;
	}
	return take_sockets(caps, reply.handle);
}

const char *caps_broker_failure(const struct caps *caps)
{
	return caps->broker ? caps->broker->failure : NULL;
}

static struct answer *answer_of(const struct caps *caps, uint32_t handle)
{
	struct broker *broker = caps->broker;
	for (size_t i = 0; broker && i < broker->answer_count; i++) {
		if (broker->answers[i].handle == handle)
			return &broker->answers[i];
	}
	return NULL;
}

int broker_keep_answer(struct caps *caps, uint32_t handle, uint32_t status, size_t size)
{
	struct broker *broker = caps->broker;
	cleanup_free char *headers = malloc(size + 1);
	if (!headers)
		return -ENOMEM;
	memcpy(headers, broker->bytes, size);
	struct answer *answers =
	    reallocarray(broker->answers, broker->answer_count + 1, sizeof *answers);
	if (!answers)
		return -ENOMEM;
	broker->answers = answers;
	answers[broker->answer_count++] = (struct answer){handle, status, take_ptr(&headers), size};
	return 0;
}

bool broker_answer(const struct caps *caps, uint32_t handle, uint32_t *status,
                   struct caps_text *headers)
{
	const struct answer *answer = answer_of(caps, handle);
	if (answer) {
		*status = answer->status;
		*headers = (struct caps_text){answer->headers, answer->size};
	}
	return answer;
}

void broker_forget_answer(struct caps *caps, uint32_t handle)
{
	struct answer *answer = answer_of(caps, handle);
	if (!answer)
		return;
	free(answer->headers);
	*answer = caps->broker->answers[--caps->broker->answer_count];
}
