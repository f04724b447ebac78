/* Compare and swap: quicksort over numbers, qsort() over records by a callback, and a sieve of
 * primes. */
#include "bench/kernels/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBERS = 1 << 19, RECORDS = 1 << 16, SIEVE = 6000000, INSERTION = 12 };

struct record {
	uint32_t key, number;
};

static uint32_t numbers[NUMBERS];
static struct record records[RECORDS];
static uint8_t composite[SIEVE];

static void insertion_sort(uint32_t *items, int count)
{
	for (int i = 1; i < count; i++) {
		uint32_t item = items[i];
		int j = i;
		for (; j > 0 && items[j - 1] > item; j--)
			items[j] = items[j - 1];
		items[j] = item;
	}
}

/* Hoare's partition around the middle item; recursion into the smaller half alone. */
static void quicksort(uint32_t *items, int count)
{
	while (count > INSERTION) {
		uint32_t pivot = items[count / 2];
		int i = 0, j = count - 1;
		while (i <= j) {
			while (items[i] < pivot)
				i++;
			while (items[j] > pivot)
				j--;
			if (i <= j) {
				uint32_t item = items[i];
				items[i++] = items[j];
				items[j--] = item;
			}
		}
		if (j + 1 < count - i) {
			quicksort(items, j + 1);
			items += i;
			count -= i;
		} else {
			quicksort(items + i, count - i);
			count = j + 1;
		}
	}
	insertion_sort(items, count);
}

/* No two records are equal, so that the order does not depend on the C library's algorithm. */
static int by_key(const void *a, const void *b)
{
	const struct record *left = a, *right = b;
	if (left->key != right->key)
		return left->key < right->key ? -1 : 1;
	return left->number < right->number ? -1 : left->number > right->number;
}

static uint32_t sieve_sum(void)
{
	uint32_t sum = 0;
	for (uint32_t n = 2; n < SIEVE; n++) {
		if (composite[n])
			continue;
		sum = sum * 31 + n;
		for (uint64_t multiple = (uint64_t)n * n; multiple < SIEVE; multiple += n)
			composite[multiple] = 1;
	}
	return sum;
}

int main(void)
{
	uint32_t state = 2463534242, sorted = 0, ordered = 0;
	for (int i = 0; i < NUMBERS; i++)
		numbers[i] = random_next(&state);
	for (int i = 0; i < RECORDS; i++)
		records[i] = (struct record){random_next(&state) & 0xffff, (uint32_t)i};
	quicksort(numbers, NUMBERS);
	qsort(records, RECORDS, sizeof records[0], by_key);
	for (int i = 0; i < NUMBERS; i++)
		sorted = sorted * 31 + numbers[i];
	for (int i = 0; i < RECORDS; i++)
		ordered = ordered * 31 + records[i].number;
	printf("sort %08x %08x %08x\n", (unsigned)sorted, (unsigned)ordered, (unsigned)sieve_sum());
	return 0;
}
