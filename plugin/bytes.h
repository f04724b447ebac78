/* A growing run of bytes, and the few things that text from a guest needs before people see it. */
#ifndef PLUGIN_BYTES_H
#define PLUGIN_BYTES_H

#include <stdbool.h>
#include <stddef.h>

/* Starts as {0}. `data` is NULL or terminated by a NUL that `size` does not count. */
struct bytes {
	char *data;
	size_t size;
	size_t capacity;
};

void bytes_clear(struct bytes *bytes);
#define cleanup_bytes __attribute__((cleanup(bytes_clear)))

/* False without memory; then nothing was added. */
bool bytes_add(struct bytes *bytes, const void *data, size_t size);
bool bytes_add_text(struct bytes *bytes, const char *text);
bool bytes_print(struct bytes *bytes, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Room for `size` more bytes: where they go, or NULL without memory. bytes_grown() adds them. */
char *bytes_reserve(struct bytes *bytes, size_t size);
void bytes_grown(struct bytes *bytes, size_t size);

/* Adds text that may be anything: what is not UTF-8 becomes U+FFFD, and what is obeyed and not
 * shown (validator/printable.h), except newline and tab, becomes a space, so that no guest steers
 * the terminal that its message is read on. */
bool bytes_add_cleaned(struct bytes *bytes, const char *text, size_t size);

/* Where the last `lines` lines begin, or later: never more than `max` bytes before the end, and not
 * inside a UTF-8 sequence. A newline at the very end ends the last line. */
size_t text_last_lines(const char *text, size_t size, size_t lines, size_t max);

#endif
