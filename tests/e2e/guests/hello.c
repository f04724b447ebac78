/* Prints its arguments from the second on, one a line: the smallest step that does something. */
#include <stdio.h>

int main(int argc, char **argv)
{
	for (int i = 2; i < argc; i++)
		puts(argv[i]);
	return 0;
}
