#include "plugin/printable.h"

#include <stdbool.h>

/* Bytes of the well-formed UTF-8 character at text, or 0. */
static size_t character_size(const unsigned char *text, size_t len)
{
	size_t size = text[0] < 0x80             ? 1
	              : (text[0] & 0xe0) == 0xc0 ? 2
	              : (text[0] & 0xf0) == 0xe0 ? 3
	              : (text[0] & 0xf8) == 0xf0 ? 4
	                                         : 0;
	if (size > len)
		return 0;
	for (size_t i = 1; i < size; i++)
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	return size;
}

static bool is_control(const unsigned char *text, size_t size)
{
	if (size == 1)
		return text[0] < 0x20 || text[0] == 0x7f;
	return size == 2 && text[0] == 0xc2 && text[1] < 0xa0; /* U+0080 … U+009F */
}

size_t printable_write(const char *text, size_t len, FILE *out)
{
	const unsigned char *at = (const unsigned char *)text;
	size_t written = 0;

	for (size_t i = 0; i < len;) {
		size_t size = character_size(at + i, len - i);
		if (size == 0 || is_control(at + i, size) || at[i] == '\\') {
			size_t end = i + (size == 0 ? 1 : size);
			for (; i < end; i++)
				written += (size_t)fprintf(out, "\\x%02x", at[i]);
		} else {
			written += fwrite(at + i, 1, size, out);
			i += size;
		}
	}
	return written;
}

char *printable_ascii(const char *text, char *out, size_t size)
{
	size_t used = 0;
	for (; *text != '\0' && used + 1 < size; text++)
		out[used++] = *text >= ' ' && *text <= '~' ? *text : '?';
	out[used] = '\0';
	return out;
}
