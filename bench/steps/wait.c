/* Waits so many milliseconds, then prints a line: a step that is there and does nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int main(int argc, char **argv)
{
	long milliseconds = argc > 1 ? strtol(argv[1], NULL, 10) : 0;
	const struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000};
	nanosleep(&time, NULL);
	puts("hello from a step");
	return 0;
}
