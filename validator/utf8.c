#include "validator/utf8.h"

#include <stdint.h>
#include <string.h>

size_t utf8_size(const char *text, size_t len)
{
	const unsigned char *p = (const unsigned char *)text;
	if (len == 0)
		return 0;
	if (p[0] < 0x80)
		return 1;
	size_t size = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	if (p[0] < 0xc2 || p[0] > 0xf4 || len < size)
		return 0;
	unsigned char low = p[0] == 0xe0 ? 0xa0 : p[0] == 0xf0 ? 0x90 : 0x80;
	unsigned char high = p[0] == 0xed ? 0x9f : p[0] == 0xf4 ? 0x8f : 0xbf;
	if (p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < size; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return size;
}

/* Most text is ASCII throughout: so many bytes at its start, in eights. */
static size_t ascii_size(const char *text, size_t len)
{
	size_t at = 0;
	for (uint64_t word; len - at >= sizeof word; at += sizeof word) {
		memcpy(&word, text + at, sizeof word);
		if (word & UINT64_C(0x8080808080808080))
			break;
	}
	return at;
}

bool utf8_is_whole(const char *text, size_t len)
{
	for (size_t at = ascii_size(text, len); at < len;) {
		size_t size = utf8_size(text + at, len - at);
		if (size == 0)
			return false;
		at += size;
	}
	return true;
}
