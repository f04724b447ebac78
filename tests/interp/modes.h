/* For the tests of lowering: many small functions in one module, which must give the same whichever
 * way they are lowered. */
#ifndef TESTS_INTERP_MODES_H
#define TESTS_INTERP_MODES_H

#include "tests/interp/fixture.h"

struct builder {
	struct wasm w;
	char *texts[4000];
	unsigned count;
};

struct builder *builder_create(void);
/* A function (wasm_func()), which is exported and called. */
void builder_add(struct builder *b, const char *signature, const char *locals, const char *text);
/* Runs all of them in all modes, and with hints, by the same arguments; frees the builder. */
void builder_run(struct builder *b);

/* The module with all its branches hinted not to be taken. Owned by the caller. */
struct bytes hint_all(const struct bytes *bytes, const struct module *m);

#endif
