#include "plugin/handover.h"

#include "caps/cleanup.h"

#include <stdio.h>
#include <string.h>

/* The directory of the running executable; false when it cannot be told. */
static bool own_directory(char *buf, size_t size)
{
	ssize_t len = readlink("/proc/self/exe", buf, size - 1);
	if (len <= 0 || (size_t)len >= size - 1)
		return false;
	buf[len] = '\0';
	char *slash = strrchr(buf, '/');
	if (slash == NULL)
		return false;
	*slash = '\0';
	return true;
}

static char *executable_in(const char *directory, const char *executable)
{
	char *path;
	if (asprintf(&path, "%s/%s", directory, executable) < 0)
		return NULL;
	if (access(path, X_OK) == 0)
		return path;
	free(path);
	return NULL;
}

char *handover_find(const char *executable, struct error *err)
{
	char own[4096] = "";
	const char *directories[] = {own, TIPHYS_LIBEXECDIR, TIPHYS_BINDIR};
	bool knows_own = own_directory(own, sizeof own);

	for (size_t i = knows_own ? 0 : 1; i < sizeof directories / sizeof directories[0]; i++) {
		char *path = executable_in(directories[i], executable);
		if (path != NULL)
			return path;
	}
	error_set(
	    err, ERROR_SYSTEM,
	    "%s is not installed; looked in %s%s%s and %s%s. Build it with `make build`, or install "
	    "it beside tiphys",
	    executable, own, knows_own ? ", " : "", TIPHYS_LIBEXECDIR, TIPHYS_BINDIR,
	    knows_own ? "" : " (without /proc nobody knows what stands beside tiphys)");
	return NULL;
}

int handover(const char *executable, char **argv)
{
	struct error err = ERROR_INIT;
	cleanup_free char *path = handover_find(executable, &err);
	if (path == NULL) {
		fprintf(stderr, "tiphys %s: %s\n", argv[0], err.message);
		return error_exit_status(err.kind);
	}

	size_t count = 0;
	while (argv[count] != NULL)
		count++;
	cleanup_free char **handed = calloc(count + 2, sizeof *handed);
	if (handed == NULL) {
		fprintf(stderr, "tiphys %s: no memory\n", argv[0]);
		return 1;
	}
	handed[0] = path;
	memcpy(handed + 1, argv, count * sizeof *handed);
	execv(path, handed);
	fprintf(stderr, "tiphys %s: cannot start %s: %s\n", argv[0], path, strerror(errno));
	return 1;
}
