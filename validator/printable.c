#include "validator/printable.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* The bytes of the well-formed UTF-8 character at text (Unicode, table 3-7) and its code point; or
 * 0. */
static size_t character_size(const unsigned char *text, size_t len, uint32_t *code)
{
	static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t size = text[0] < 0x80             ? 1
	              : (text[0] & 0xe0) == 0xc0 ? 2
	              : (text[0] & 0xf0) == 0xe0 ? 3
	              : (text[0] & 0xf8) == 0xf0 ? 4
	                                         : 0;
	if (size == 0 || size > len)
		return 0;
	*code = size == 1 ? text[0] : text[0] & (0x7fu >> size);
	for (size_t i = 1; i < size; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		*code = *code << 6 | (text[i] & 0x3f);
	}
	bool is_surrogate = *code >= 0xd800 && *code <= 0xdfff;
	return *code < smallest[size] || *code > 0x10ffff || is_surrogate ? 0 : size;
}

/* A character that is obeyed, not shown. */
static bool is_control(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x061c || code == 0x200e ||
	       code == 0x200f || (code >= 0x2028 && code <= 0x202e) ||
	       (code >= 0x2066 && code <= 0x2069);
}

/* One character, or one byte of what is none, as it may be shown. */
struct shown {
	char text[4 * 4 + 1]; /* \xNN for each of four bytes */
	size_t len;
	size_t taken; /* bytes of the original */
};

static struct shown show(const char *text, size_t len)
{
	const unsigned char *bytes = (const unsigned char *)text;
	uint32_t code;
	size_t size = character_size(bytes, len, &code);
	struct shown shown = {.taken = size == 0 ? 1 : size};

	if (size != 0 && !is_control(code) && code != '\\') {
		memcpy(shown.text, text, size);
		shown.len = size;
	} else {
		for (size_t i = 0; i < shown.taken; i++, shown.len += 4)
			snprintf(shown.text + shown.len, 5, "\\x%02x", bytes[i]);
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
