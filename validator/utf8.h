/* UTF-8, as names in modules and text in JSON must be (RFC 3629). */
#ifndef VALIDATOR_UTF8_H
#define VALIDATOR_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes of the character at text, of which `len` bytes are left: 1 to 4, or 0 when what stands
 * there is none: a stray or missing byte, a longer form than needed, a surrogate, beyond U+10FFFF.
 */
size_t utf8_size(const char *text, size_t len);

/* Nothing but whole characters? */
bool utf8_is_whole(const char *text, size_t len);

#endif
