/* What an import can act on: `tiphys inspect` says it with a policy and without. */
#ifndef PLUGIN_IMPORT_REACH_H
#define PLUGIN_IMPORT_REACH_H

#include "wasi/wasi.h"

/* Sets of capabilities: bits 1 << enum capability. */
struct import_reach {
	unsigned any;  /* each of them is enough for a call to do something */
	unsigned asks; /* those that the import opens or has from the start; the others of `any` are
	                * opened by imports of their own */
	bool is_idle;  /* runtimes import it without ever calling it */
};

struct import_reach import_reach(const struct module *module, const struct wasi_function *function);

/* The function that answers an import; NULL when none of the tables has it. */
const struct wasi_function *import_function(const struct import *import);

#endif
