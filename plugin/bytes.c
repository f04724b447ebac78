#include "plugin/bytes.h"

#include "validator/printable.h"
#include "validator/utf8.h"

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

bool bytes_add_cleaned(struct bytes *bytes, const char *text, size_t size)
{
	while (size > 0) {
		size_t length = utf8_size(text, size);
		bool as_it_is =
		    printable_size(text, size) > 0 || (length == 1 && (*text == '\n' || *text == '\t'));
		bool done;
		if (length == 0)
			done = bytes_add(bytes, "\xef\xbf\xbd", 3);
		else
			done = as_it_is ? bytes_add(bytes, text, length) : bytes_add(bytes, " ", 1);
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
