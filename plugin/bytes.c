#include "plugin/bytes.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void bytes_clear(struct bytes *bytes)
{
	free(bytes->data);
	*bytes = (struct bytes){0};
}

char *bytes_reserve(struct bytes *bytes, size_t size)
{
	if (size >= SIZE_MAX / 2 - bytes->size)
		return NULL;
	size_t wanted = bytes->size + size + 1;
	if (wanted > bytes->capacity) {
		size_t capacity = bytes->capacity < 128 ? 128 : bytes->capacity;
		while (capacity < wanted)
			capacity *= 2;
		char *data = realloc(bytes->data, capacity);
		if (data == NULL)
			return NULL;
		bytes->data = data;
		bytes->capacity = capacity;
	}
	return bytes->data + bytes->size;
}

void bytes_grown(struct bytes *bytes, size_t size)
{
	bytes->size += size;
	bytes->data[bytes->size] = '\0';
}

bool bytes_add(struct bytes *bytes, const void *data, size_t size)
{
	char *to = bytes_reserve(bytes, size);
	if (to == NULL)
		return false;
	if (size > 0)
		memcpy(to, data, size);
	bytes_grown(bytes, size);
	return true;
}

bool bytes_add_text(struct bytes *bytes, const char *text)
{
	return bytes_add(bytes, text, strlen(text));
}

bool bytes_print(struct bytes *bytes, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	int size = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	char *to = size < 0 ? NULL : bytes_reserve(bytes, (size_t)size);
	if (to == NULL)
		return false;
	va_start(args, fmt);
	vsnprintf(to, (size_t)size + 1, fmt, args);
	va_end(args);
	bytes_grown(bytes, (size_t)size);
	return true;
}

size_t text_sequence(const char *text, size_t size)
{
	const unsigned char *p = (const unsigned char *)text;
	if (size == 0)
		return 0;
	if (p[0] < 0x80)
		return 1;
	size_t length = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	if (p[0] < 0xc2 || p[0] > 0xf4 || size < length)
		return 0;
	unsigned char low = p[0] == 0xe0 ? 0xa0 : p[0] == 0xf0 ? 0x90 : 0x80;
	unsigned char high = p[0] == 0xed ? 0x9f : p[0] == 0xf4 ? 0x8f : 0xbf;
	if (p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < length; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	}
	return length;
}

bool text_is_utf8(const char *text, size_t size)
{
	while (size > 0) {
		size_t length = text_sequence(text, size);
		if (length == 0)
			return false;
		text += length;
		size -= length;
	}
	return true;
}

bool bytes_add_cleaned(struct bytes *bytes, const char *text, size_t size)
{
	while (size > 0) {
		size_t length = text_sequence(text, size);
		unsigned char first = (unsigned char)text[0];
		bool control = length == 1 && (first < 0x20 || first == 0x7f);
		/* U+0080 to U+009F: controls that some terminals obey. */
		bool control_1 = length == 2 && first == 0xc2 && (unsigned char)text[1] < 0xa0;
		bool done;
		if (length == 0)
			done = bytes_add(bytes, "\xef\xbf\xbd", 3);
		else if ((control && first != '\n' && first != '\t') || control_1)
			done = bytes_add(bytes, " ", 1);
		else
			done = bytes_add(bytes, text, length);
		if (!done)
			return false;
		length += length == 0;
		text += length;
		size -= length;
	}
	return true;
}

size_t text_last_lines(const char *text, size_t size, size_t lines, size_t max)
{
	size_t start = size;
	size_t limit = size > max ? size - max : 0;
	while (start > limit) {
		if (text[start - 1] == '\n' && start != size && lines-- == 1)
			return start;
		start--;
	}
	while (start > 0 && start < size && ((unsigned char)text[start] & 0xc0) == 0x80)
		start++;
	return start;
}
