/* A hash of text, for tables of what is looked up by it: FNV-1a, 64 bits. Who chooses the text can
 * find two that meet, so it must cost no more than a longer search. */
#ifndef PLUGIN_HASH_H
#define PLUGIN_HASH_H

#include <stdint.h>

static inline uint64_t hash_text(const char *text)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	for (; *text != '\0'; text++)
		hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
	return hash;
}

#endif
