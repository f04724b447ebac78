#include "validator/printable.h"

#include "validator/utf8.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* The code point of a character of `size` bytes. */
static uint32_t code_of(const char *text, size_t size)
{
	const unsigned char *p = (const unsigned char *)text;
	uint32_t code = size == 1 ? p[0] : p[0] & (0x7fu >> size);
	for (size_t i = 1; i < size; i++)
		code = code << 6 | (p[i] & 0x3f);
	return code;
}

/* A character that is obeyed, not shown. */
static bool is_control(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x061c || code == 0x200e ||
	       code == 0x200f || (code >= 0x2028 && code <= 0x202e) ||
	       (code >= 0x2066 && code <= 0x2069);
}

size_t printable_size(const char *text, size_t len)
{
	size_t size = utf8_size(text, len);
	return size == 0 || is_control(code_of(text, size)) ? 0 : size;
}

/* One character, or one byte of what is none, as it may be shown. */
struct shown {
	char text[4 + 1]; /* a character, or \xNN */
	size_t len;
	size_t taken; /* bytes of the original */
};

static struct shown show(const char *text, size_t len)
{
	size_t size = printable_size(text, len);
	struct shown shown = {.len = size, .taken = size};

	if (size != 0 && *text != '\\') {
		memcpy(shown.text, text, size);
	} else {
		/* The rest of a longer control follows as stray bytes. */
		snprintf(shown.text, sizeof shown.text, "\\x%02x", (unsigned char)*text);
		shown.len = 4;
		shown.taken = 1;
	}
	return shown;
}

size_t printable_write(const char *text, size_t len, FILE *out)
{
	size_t written = 0;
	for (size_t at = 0; at < len;) {
		struct shown next = show(text + at, len - at);
		written += fwrite(next.text, 1, next.len, out);
		at += next.taken;
	}
	return written;
}

char *printable_text(const char *text, size_t len, char *out, size_t size)
{
	static const char cut[] = "…";
	size_t used = 0, kept = 0; /* kept: where `cut` still fits behind */
	for (size_t at = 0; at < len;) {
		struct shown next = show(text + at, len - at);
		if (used + next.len >= size) {
			memcpy(out + kept, cut, sizeof cut);
			return out;
		}
		memcpy(out + used, next.text, next.len);
		used += next.len;
		at += next.taken;
		if (used + sizeof cut <= size)
			kept = used;
	}
	out[used] = '\0';
	return out;
}

char *printable_ascii(const char *text, char *out, size_t size)
{
	size_t used = 0;
	for (; *text != '\0' && used + 1 < size; text++)
		out[used++] = *text >= ' ' && *text <= '~' ? *text : '?';
	out[used] = '\0';
	return out;
}
