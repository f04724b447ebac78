#include "plugin/time_limit.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

/* Written before the timer is set, read by the handler alone. */
static char message[512];

/* Nothing of the run is waited for: it may be in an endless loop, or asleep in a system call. */
static void end(int signal)
{
	(void)signal;
	ssize_t ignored = write(STDERR_FILENO, message, strlen(message));
	(void)ignored;
	_exit(TIME_LIMIT_STATUS);
}

bool time_limit_set(uint64_t ms, const char *what, struct error *err)
{
	const struct sigaction action = {.sa_handler = end, .sa_flags = SA_ONSTACK};
	const struct itimerval timer = {
	    .it_value = {.tv_sec = (time_t)(ms / 1000), .tv_usec = (suseconds_t)(ms % 1000) * 1000}};
	snprintf(message, sizeof message,
	         "tiphys run: %.300s: ran longer than its time limit of %g s (--timeout), and was "
	         "ended\n",
	         what, (double)ms / 1000);
	if (sigaction(SIGALRM, &action, NULL) != 0 || setitimer(ITIMER_REAL, &timer, NULL) != 0)
		return error_set_errno(err, errno, "--timeout");
	return true;
}

void time_limit_clear(void)
{
	setitimer(ITIMER_REAL, &(struct itimerval){.it_value = {0}}, NULL);
}
