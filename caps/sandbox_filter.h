/* The system-call filter of the sandbox. */
#ifndef CAPS_SANDBOX_FILTER_H
#define CAPS_SANDBOX_FILTER_H

/* For a process whose children call sandbox_filter_calls(): lets it and them make the calls of
 * sandbox_calls.def and sandbox_ancestor_calls.def. What sandbox_filter_calls() then adds is short;
 * compiling the whole filter is a fifth of what a small step costs. As that one else. */
int sandbox_filter_ancestor(void);

/* Lets the calling thread make the calls of sandbox_calls.def from now on; any other ends the
 * process by SIGSYS. no_new_privs must be set. 0; -ENOSYS when the kernel has no filters; or
 * another negative errno. */
int sandbox_filter_calls(void);

#endif
