/* Reads sub/secret again and again while the host swaps sub between a directory and a link to what
 * lies outside. Prints the number of reads that worked, and any content that is not its own. */
#include "tests/hostile/guest_wasi.h"

#include <stdio.h>
#include <string.h>

#define ADDRESS(of) ((uint32_t)(uintptr_t)(of))
#define ROUNDS 60000

int main(void)
{
	static const char path[] = "sub/secret", made[] = "sub/made";
	static char buffer[64];
	struct {
		uint32_t at, len;
	} vector = {ADDRESS(buffer), sizeof buffer};
	uint32_t fd, used;
	unsigned reads = 0;

	for (unsigned i = 0; i < ROUNDS; i++) {
		/* A write through the swapped directory would leave outside/made behind. */
		if (i % 16 == 0 && wasi_path_open(3, FOLLOW, ADDRESS(made), sizeof made - 1, O_CREATE,
		                                  RIGHT_WRITE, 0, 0, ADDRESS(&fd)) == 0)
			wasi_fd_close(fd);
		if (wasi_path_open(3, FOLLOW, ADDRESS(path), sizeof path - 1, 0, RIGHT_READ, 0, 0,
		                   ADDRESS(&fd)) != 0)
			continue;
		if (wasi_fd_read(fd, ADDRESS(&vector), 1, ADDRESS(&used)) == 0) {
			reads++;
			if (used != 5 || memcmp(buffer, "mine\n", 5) != 0)
				printf("foreign: %.*s\n", (int)used, buffer);
		}
		wasi_fd_close(fd);
	}
	printf("reads: %u\n", reads);
	return 0;
}
