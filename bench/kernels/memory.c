/* Loads and stores: a linked list in shuffled order, a matrix product of integers, and a state
 * machine that looks two tables up for each byte. */
#include "bench/kernels/random.h"

#include <stdio.h>

enum { NODES = 1 << 14, WALKS = 1300, SIDE = 120, PRODUCTS = 16, TEXT = 1 << 16, SCANS = 180 };

static uint32_t random_state = 12345;

static uint32_t next_random(void)
{
	return random_next(&random_state);
}

struct node {
	struct node *next;
	uint32_t value;
};

static uint32_t walk_list(void)
{
	static struct node nodes[NODES];
	static uint32_t order[NODES];
	uint32_t sum = 0;
	for (uint32_t i = 0; i < NODES; i++)
		order[i] = i;
	for (uint32_t i = NODES - 1; i > 0; i--) {
		uint32_t j = next_random() % (i + 1), other = order[i];
		order[i] = order[j];
		order[j] = other;
	}
	for (uint32_t i = 0; i < NODES; i++) {
		nodes[order[i]].next = i + 1 < NODES ? &nodes[order[i + 1]] : NULL;
		nodes[order[i]].value = next_random();
	}
	for (int walk = 0; walk < WALKS; walk++) {
		for (struct node *node = &nodes[order[0]]; node; node = node->next) {
			sum = sum * 31 + node->value;
			node->value ^= sum;
		}
	}
	return sum;
}

static uint32_t multiply_matrices(void)
{
	static int32_t a[SIDE][SIDE], b[SIDE][SIDE], c[SIDE][SIDE];
	uint32_t sum = 0;
	for (int i = 0; i < SIDE; i++) {
		for (int j = 0; j < SIDE; j++) {
			a[i][j] = (int32_t)(next_random() & 0xff);
			b[i][j] = (int32_t)(next_random() & 0xff);
		}
	}
	for (int product = 0; product < PRODUCTS; product++) {
		for (int i = 0; i < SIDE; i++) {
			for (int j = 0; j < SIDE; j++) {
				int32_t dot = 0;
				for (int k = 0; k < SIDE; k++)
					dot += a[i][k] * b[k][j];
				c[i][j] = dot;
			}
		}
		for (int i = 0; i < SIDE; i++) {
			for (int j = 0; j < SIDE; j++) {
				sum = sum * 33 + (uint32_t)c[i][j];
				a[i][j] = c[i][j] & 0xff;
			}
		}
	}
	return sum;
}

/* A deterministic automaton of 16 states over 8 classes of bytes. */
static uint32_t scan_text(void)
{
	static uint8_t text[TEXT], class_of[256], next_state[16][8];
	uint32_t visits[16] = {0}, sum = 0;
	for (int i = 0; i < TEXT; i++)
		text[i] = (uint8_t)next_random();
	for (int i = 0; i < 256; i++)
		class_of[i] = next_random() & 7;
	for (int i = 0; i < 16 * 8; i++)
		next_state[i / 8][i % 8] = next_random() & 15;
	uint8_t state = 0;
	for (int scan = 0; scan < SCANS; scan++) {
		for (int i = 0; i < TEXT; i++) {
			state = next_state[state][class_of[text[i]]];
			visits[state]++;
		}
	}
	for (int i = 0; i < 16; i++)
		sum = sum * 31 + visits[i];
	return sum;
}

int main(void)
{
	uint32_t list = walk_list(), matrix = multiply_matrices(), scan = scan_text();
	printf("memory %08x %08x %08x\n", (unsigned)list, (unsigned)matrix, (unsigned)scan);
	return 0;
}
