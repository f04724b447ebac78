/* Names from a module or words of a server are a stranger's: they must not reach a terminal as
 * commands to it. */
#ifndef PLUGIN_PRINTABLE_H
#define PLUGIN_PRINTABLE_H

#include <stddef.h>
#include <stdio.h>

/* Writes UTF-8 with every control character (C0, DEL, C1), backslash and stray byte as \xNN.
 * Returns the number of bytes written. */
size_t printable_write(const char *text, size_t len, FILE *out);

/* Copies text to `out` of `size` bytes, cut to fit, with '?' for all but printable ASCII: for error
 * messages, which also reach logs and Argo's nodes. Returns `out`. */
char *printable_ascii(const char *text, char *out, size_t size);

#endif
