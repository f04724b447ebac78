/* A generated module gives the same results, traps with the same backtraces, and leaves the same
 * globals, tables and memories in whatever way it is run. */
#ifndef TESTS_FUZZ_DIFFERENTIAL_H
#define TESTS_FUZZ_DIFFERENTIAL_H

#include <stddef.h>
#include <stdint.h>

/* The ways that are compared with the plain one. Unfolded is one of them always; which of the
 * others is, and how, the first bytes say. */
enum differential_way {
	WAY_CHECKED,     /* checked memory, and garbage is collected at every allocation */
	WAY_FUEL,        /* with enough fuel, and with too little */
	WAY_WHOLE_IMAGE, /* from an image of all functions, whose calls are near */
	WAY_GROWN_IMAGE, /* from images of what was called before; the rest is lowered behind it */
	WAY_COUNT,
};
#define DIFFERENTIAL_CHOICES 3 /* bytes */

/* Ends the process at the first difference, and leaves the module in generated.wasm. */
void differential_run(const uint8_t *data, size_t size);

#endif
