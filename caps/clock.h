/* The few readings of the time that every start needs. */
#ifndef CAPS_CLOCK_H
#define CAPS_CLOCK_H

#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

_Static_assert(sizeof(time_t) == 8 && sizeof(long) == 8,
               "the kernel's timespec is the C library's");

/* By a system call. clock_gettime() reads the kernel's own pages, which is faster the second time;
 * the first time in a process it looks a name up there and faults twice, which takes longer than
 * the whole call. 1970 when there is no such clock. */
static inline struct timespec clock_read_once(clockid_t clock)
{
	struct timespec time;
	if (syscall(SYS_clock_gettime, clock, &time) != 0)
		time = (struct timespec){0};
	return time;
}

#endif
