/* `--args-from FD`: a command line that comes through a descriptor. The kernel limits a string of
 * argv to 128 KiB; a step's arguments and environment may be longer. */
#ifndef PLUGIN_ARGS_FROM_H
#define PLUGIN_ARGS_FROM_H

#include "validator/error.h"

#define ARGS_FROM_BYTES_MAX ((size_t)64 << 20)

struct args_from {
	char *bytes; /* the strings, each with its NUL */
	char **argv; /* argv[0] as given, the strings, NULL */
	int argc;
};

/* Reads NUL-terminated strings from fd, which stays the caller's, to its end. *args is {0} before
 * and is for args_from_clear() after, on failure too. */
bool args_from_read(struct args_from *args, char *command, int fd, struct error *err);

void args_from_clear(struct args_from *args);
#define cleanup_args_from __attribute__((cleanup(args_from_clear)))

#endif
