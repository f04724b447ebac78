#include "plugin/step_broker.h"

#include "caps/cleanup.h"

#include <errno.h>
#include <sys/socket.h>

static void *serve(void *env)
{
	struct step_broker *broker = env;
	broker_serve(broker->own, broker->terms, &broker->err);
	return NULL;
}

bool step_broker_start(struct step_broker *broker, const struct broker_terms *terms,
                       struct error *err)
{
	int pair[2];
	if (!broker_is_needed(terms))
		return true;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return error_set_errno(err, errno, "a socket for the broker of a step");
	broker->terms = terms;
	broker->own = pair[0];
	cleanup_close int theirs = pair[1];
	int failure = pthread_create(&broker->thread, NULL, serve, broker);
	if (failure != 0) {
		close(broker->own);
		return error_set_errno(err, failure, "a thread for the broker of a step");
	}
	broker->fd = take_fd(&theirs);
	return true;
}

void step_broker_end(struct step_broker *broker)
{
	if (broker->fd < 0)
		return;
	close(take_fd(&broker->fd));
	pthread_join(broker->thread, NULL);
}
