/* The fuzzer's bytes as a row of decisions. Used up, it answers 0 for ever. */
#ifndef TESTS_FUZZ_SOURCE_H
#define TESTS_FUZZ_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct source {
	const uint8_t *data;
	size_t left;
};

static inline uint8_t source_byte(struct source *s)
{
	if (s->left == 0)
		return 0;
	s->left--;
	return *s->data++;
}

/* 0 … count - 1. */
static inline uint32_t source_choose(struct source *s, uint32_t count)
{
	if (count <= 1)
		return 0;
	uint32_t value = source_byte(s);
	if (count > 256)
		value = value << 8 | source_byte(s);
	return value % count;
}

/* True once in `count` times. */
static inline bool source_once_in(struct source *s, uint32_t count)
{
	return source_choose(s, count) == count - 1;
}

static inline uint64_t source_bits(struct source *s, unsigned bytes)
{
	uint64_t value = 0;
	for (unsigned i = 0; i < bytes; i++)
		value = value << 8 | source_byte(s);
	return value;
}

#endif
