/* Functions of a WASI snapshot that this build does not know: a module built for a later one
 * imports them and often never calls them. So they link, and a call answers NOSYS. */
#ifndef WASI_UNKNOWN_H
#define WASI_UNKNOWN_H

#include "wasi/guest.h"

/* "(params)results" as host_func_create() takes it, for a type that a function of WASI could have:
 * of numbers, with at most one result. false for any other: what has it is no function of a later
 * WASI. */
#define UNKNOWN_SIGNATURE_SIZE (HOST_PARAMS_MAX + 4)
bool unknown_signature(const struct functype *type, char out[UNKNOWN_SIGNATURE_SIZE]);

/* Makes the host function that stands for `import`, which wasi_is_unknown(). With a
 * result other than one i32 there is no errno to answer, and a call traps instead. NULL:
 * ERROR_NO_MEMORY. */
struct func *unknown_create(struct wasi *wasi, struct store *store, const struct import *import,
                            struct error *err);

/* Frees what unknown_create() made for this run. */
void unknown_clear(struct wasi *wasi);

#endif
