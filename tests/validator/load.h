/* For the tests of validator/: loads a module and says what became of it. */
#ifndef TESTS_VALIDATOR_LOAD_H
#define TESTS_VALIDATOR_LOAD_H

#include "tests/lib/wasm_builder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Loads the bytes from a block of exactly their size, and frees everything. */
static inline struct error load_result(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size > 0 ? size : 1);
	assert_non_null(copy);
	if (size > 0)
		memcpy(copy, data, size);
	struct error err = ERROR_INIT;
	struct module *module = module_load(copy, size, NULL, &err);
	assert_int_equal(module == NULL, err.kind != ERROR_NONE);
	module_destroy(module);
	free(copy);
	return err;
}

/* The same for a module under construction. */
static inline struct error finish_and_load(struct wasm *w)
{
	struct bytes bytes = wasm_finish(w);
	struct error err = load_result(bytes.data, bytes.size);
	bytes_free(&bytes);
	return err;
}

/* For a module of one function, of type 0 and index 0. */
__attribute__((format(printf, 3, 4))) static inline struct error
load_func(const char *signature, const char *locals, const char *fmt, ...)
{
	char text[2000];
	va_list args;
	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	struct wasm w = {0};
	wasm_func(&w, signature, locals, "%s", text);
	wasm_memory(&w, 1, 1);
	return finish_and_load(&w);
}

static inline void assert_error(const struct error *err, enum error_kind kind, const char *words)
{
	if (err->kind != kind || strstr(err->message, words) == NULL)
		fail_msg("expected %s with \"%s\", got %s: \"%s\"", error_kind_word(kind), words,
		         error_kind_word(err->kind), err->message);
}

#endif
