/* A guest that was built for a WASI with more functions: "errno" and "void" call one, anything else
 * none. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LATER(name) __attribute__((import_module("wasi_snapshot_preview1"), import_name(name)))
LATER("fd_frobnicate") int fd_frobnicate(int fd, long long offset, double weight);
LATER("proc_vanish") void proc_vanish(int how);

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	if (strcmp(what, "errno") == 0) {
		printf("%d\n", fd_frobnicate(1, 2, 3));
		return 3;
	}
	if (strcmp(what, "void") == 0)
		proc_vanish(1);
	puts("not needed");
	return 0;
}
