/* Names from a module are a stranger's words: they must not reach a terminal as commands to it. */
#ifndef PLUGIN_PRINTABLE_H
#define PLUGIN_PRINTABLE_H

#include <stddef.h>
#include <stdio.h>

/* Writes UTF-8 with every control character (C0, DEL, C1), backslash and stray byte as \xNN.
 * Returns the number of bytes written. */
size_t printable_write(const char *text, size_t len, FILE *out);

#endif
