#include "plugin/time_limit.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

/* An interrupted run has this long to tell where it was. */
#define GRACE_US 200000

/* Written before the timer is set. */
static char message[512];
static _Atomic(struct store *) watched;
static atomic_bool is_over;

static void end(int signal)
{
	(void)signal;
	int saved = errno;
	struct store *store = atomic_load(&watched);
	if (atomic_exchange(&is_over, true) || store == NULL) {
		ssize_t ignored = write(STDERR_FILENO, message, strlen(message));
		(void)ignored;
		_exit(TIME_LIMIT_STATUS);
	}
	store_interrupt(store);
	errno = saved;
}

bool time_limit_set(uint64_t ms, const char *what, struct error *err)
{
	const struct sigaction action = {.sa_handler = end, .sa_flags = SA_ONSTACK};
	const struct itimerval timer = {
	    .it_value = {.tv_sec = (time_t)(ms / 1000), .tv_usec = (suseconds_t)(ms % 1000) * 1000},
	    .it_interval = {.tv_usec = GRACE_US}};
	snprintf(message, sizeof message,
	         "tiphys run: %.300s: ran longer than its time limit of %g s (--timeout), and was "
	         "ended\n",
	         what, (double)ms / 1000);
	if (sigaction(SIGALRM, &action, NULL) != 0 || setitimer(ITIMER_REAL, &timer, NULL) != 0)
		return error_set_errno(err, errno, "--timeout");
	return true;
}

void time_limit_watch(struct store *store)
{
	atomic_store(&watched, store);
}

void time_limit_clear(void)
{
	setitimer(ITIMER_REAL, &(struct itimerval){.it_value = {0}}, NULL);
}

bool time_limit_is_over(void)
{
	return atomic_load(&is_over);
}

const char *time_limit_message(void)
{
	return message;
}
