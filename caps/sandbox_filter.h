/* The system-call filter of the sandbox. */
#ifndef CAPS_SANDBOX_FILTER_H
#define CAPS_SANDBOX_FILTER_H

/* Lets the calling thread make the calls of sandbox_calls.def from now on; any other ends the
 * process by SIGSYS. no_new_privs must be set. 0; -ENOSYS when the kernel has no filters; or
 * another negative errno. */
int sandbox_filter_calls(void);

#endif
