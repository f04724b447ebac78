/* Between wasm_builder.c and wasm_text.c. */
#ifndef TESTS_LIB_WASM_BUILDER_PRIVATE_H
#define TESTS_LIB_WASM_BUILDER_PRIVATE_H

#include "tests/lib/wasm_builder.h"

#include <stdarg.h>

/* Ends the program: a mistake in a test's own text. */
_Noreturn void wasm_die(const char *what, const char *about);

/* The binary code of a type's name; false: no type has it. */
bool type_code_by_name(const char *name, uint8_t *code);

/* As assemble(). */
void assemble_list(struct bytes *b, const char *fmt, va_list args)
    __attribute__((format(printf, 2, 0)));

#endif
