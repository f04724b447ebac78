/* Prints a line. */
#include <stdio.h>

int main(void)
{
	puts("hello from a step");
	return 0;
}
