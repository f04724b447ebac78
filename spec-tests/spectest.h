/* The host module `spectest` that the suite's modules import from. */
#ifndef SPEC_TESTS_SPECTEST_H
#define SPEC_TESTS_SPECTEST_H

#include "interp/interp.h"

struct spectest;

/* Makes the module in the store, which owns its functions and the rest; NULL on failure. */
struct spectest *spectest_create(struct store *store, struct error *err);
void spectest_destroy(struct spectest *spectest);

/* Its export of that name. False when it has none (err untouched), or when the engine cannot make
 * it (err set). Tables and memories are made when first asked for: an engine without 64-bit tables
 * need not have one for a module that asks for the 32-bit one. */
bool spectest_export(struct spectest *spectest, const char *name, size_t len,
                     struct extern_val *out, struct error *err);

#endif
