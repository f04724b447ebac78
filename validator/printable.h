/* Names from a module or words of a server are a stranger's: they must not reach a terminal, a log
 * or a message as commands to whatever shows them. */
#ifndef VALIDATOR_PRINTABLE_H
#define VALIDATOR_PRINTABLE_H

#include <stddef.h>
#include <stdio.h>

/* Bytes of the UTF-8 character at text, of which `len` bytes are left; 0 when it is none, or one
 * that is obeyed and not shown (see printable_write()). */
size_t printable_size(const char *text, size_t len);

/* Writes UTF-8 with every control character (C0, DEL, C1), line or paragraph separator, mark that
 * turns the direction of writing (U+061C, U+200E-F, U+202A-E, U+2066-9), backslash and byte that is
 * no UTF-8 as \xNN. Returns the number of bytes written. */
size_t printable_write(const char *text, size_t len, FILE *out);

/* The same into `out` of `size` > 4 bytes, always terminated; what does not fit is left out after a
 * whole character, and "…" says so. Returns `out`. For names in error messages. */
char *printable_text(const char *text, size_t len, char *out, size_t size);

/* What a message shows of one name: enough to find it, little enough for two in a message. */
#define PRINTABLE_NAME_SIZE 160

/* Copies text to `out` of `size` bytes, cut to fit, with '?' for all but printable ASCII: for error
 * messages, which also reach logs and Argo's nodes. Returns `out`. */
char *printable_ascii(const char *text, char *out, size_t size);

#endif
