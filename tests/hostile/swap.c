/* swap A B TIMES: exchanges what stands at two paths, so many times (an even number leaves them as
 * they were). */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	if (argc != 4)
		return 2;
	for (long left = atol(argv[3]); left > 0; left--) {
		if (renameat2(AT_FDCWD, argv[1], AT_FDCWD, argv[2], RENAME_EXCHANGE) != 0) {
			perror("swap");
			return 1;
		}
	}
	return 0;
}
