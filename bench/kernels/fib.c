/* Calls: nothing but recursion. */
#include <stdint.h>
#include <stdio.h>

static uint32_t fib(uint32_t n)
{
	return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

int main(void)
{
	/* Volatile, or the compiler would know the answer. */
	volatile uint32_t n = 38;
	printf("fib %08x\n", (unsigned)fib(n));
	return 0;
}
