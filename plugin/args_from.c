#include "plugin/args_from.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Reads to the end of fd into args->bytes; *size tells how much. */
static bool read_all(struct args_from *args, int fd, size_t *size, struct error *err)
{
	size_t room = 0, used = 0;

	for (;;) {
		if (used == room) {
			room = room == 0 ? 4096 : 2 * room;
			char *bytes = realloc(args->bytes, room);
			if (bytes == NULL)
				return error_set(err, ERROR_NO_MEMORY,
				                 "no memory for the arguments of --args-from");
			args->bytes = bytes;
		}
		ssize_t got = read(fd, args->bytes + used, room - used);
		if (got == 0)
			break;
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return error_set_errno(err, errno, "--args-from %d: cannot read", fd);
		used += (size_t)got;
		if (used > ARGS_FROM_BYTES_MAX)
			return error_set(err, ERROR_LIMIT, "--args-from %d: more than %zu bytes of arguments",
			                 fd, ARGS_FROM_BYTES_MAX);
	}
	*size = used;
	return true;
}

bool args_from_read(struct args_from *args, char *command, int fd, struct error *err)
{
	size_t size;

	if (!read_all(args, fd, &size, err))
		return false;
	if (size > 0 && args->bytes[size - 1] != '\0')
		return error_set(err, ERROR_USAGE,
		                 "--args-from %d: the last string is cut off; each ends in a NUL", fd);

	int count = 0;
	for (size_t at = 0; at < size; at += strlen(args->bytes + at) + 1)
		count++;
	args->argv = calloc((size_t)count + 2, sizeof *args->argv);
	if (args->argv == NULL)
		return error_set(err, ERROR_NO_MEMORY, "no memory for the arguments of --args-from");
	args->argv[args->argc++] = command;
	for (size_t at = 0; at < size; at += strlen(args->bytes + at) + 1)
		args->argv[args->argc++] = args->bytes + at;
	return true;
}

void args_from_clear(struct args_from *args)
{
	free(args->bytes);
	free(args->argv);
	*args = (struct args_from){0};
}
