/* A program of the WASI suite: NAME.wasm with its manifest NAME.json, run on the public headers. */
#ifndef SPEC_TESTS_WASI_PROGRAM_H
#define SPEC_TESTS_WASI_PROGRAM_H

#include "validator/error.h"

/* Runs "LANGUAGE/NAME" of the suite at root with what its manifest grants, on a fresh copy of its
 * folder. False with an error that says how it differs from the manifest. */
bool wasi_program_run(const char *root, const char *title, struct error *err);

#endif
