#include "caps/set.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

int caps_grant_random(struct caps *caps)
{
	caps->random_mode = RANDOM_REAL;
	caps->granted[CAP_RANDOM] = true;
	return 0;
}

int caps_grant_random_seeded(struct caps *caps, uint64_t seed)
{
	caps->random_mode = RANDOM_SEEDED;
	caps->random_state = seed;
	caps->granted[CAP_RANDOM] = true;
	return 0;
}

/* SplitMix64 (Steele, Lea, Flood 2014): a Weyl sequence and a finaliser. */
static uint64_t seeded_next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

/* Bytes are taken from the low end of each word, whatever the host's byte order. */
static void seeded_fill(struct caps *caps, uint8_t *bytes, size_t size)
{
	for (size_t at = 0; at < size;) {
		uint64_t word = seeded_next(&caps->random_state);
		for (int i = 0; i < 8 && at < size; i++, word >>= 8)
			bytes[at++] = (uint8_t)word;
	}
}

int caps_random(struct caps *caps, void *bytes, size_t size)
{
	int rc = require(caps, CAP_RANDOM);
	if (rc < 0)
		return rc;
	if (caps->random_mode == RANDOM_SEEDED) {
		seeded_fill(caps, bytes, size);
		return 0;
	}
	for (size_t at = 0; at < size;) {
		ssize_t n = getrandom((char *)bytes + at, size - at, 0);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			at += (size_t)n;
	}
	return 0;
}
