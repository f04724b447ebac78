/* wasi: translates the guest ABI of WASI preview 1, and of two modules for what it has no words
 * for, to what a capability set allows. This header is what the folder gives. Knows no grant and
 * decides none: that is the work of whoever fills the set.
 *
 *   struct caps *caps = caps_create();                        // caps/caps.h: grants follow
 *   struct wasi *wasi = wasi_create(caps, &err);
 *   struct instance *inst = instance_create(store, module, wasi_resolve, wasi, &err);
 *   … func_call(store, instance_export_func(inst, "_start"), NULL, NULL, &err) …
 *   … err.kind == ERROR_EXIT: wasi_exit_status(wasi) …
 *   store_destroy(store); wasi_destroy(wasi); caps_destroy(caps);
 */
#ifndef WASI_WASI_H
#define WASI_WASI_H

#include "caps/caps.h"
#include "interp/interp.h"

struct wasi;

/* The set is borrowed and must outlive wasi; wasi must outlive the store it resolves imports for.
 * NULL: ERROR_NO_MEMORY. One run for each. */
struct wasi *wasi_create(struct caps *caps, struct error *err);
void wasi_destroy(struct wasi *wasi);

/* An import_resolver; env is the struct wasi. Answers functions of "wasi_snapshot_preview1", of
 * "wasi_unstable" (snapshot 0, with its own layouts), of "wasi_experimental_http" and of "tiphys"
 * (their .def files). What the first two do not have links too, and a call answers NOSYS. false for
 * any other module or name, with wasi_foreign_advice() as an ERROR_LINK. */
bool wasi_resolve(void *env, struct store *store, const struct import *import,
                  struct extern_val *out, struct error *err);

/* What the guest gave to proc_exit, or 128 + the signal of proc_raise; 0 before. */
bool wasi_has_exited(const struct wasi *wasi);
uint32_t wasi_exit_status(const struct wasi *wasi);

/* A sentence for a person about the first call of a function that no table has, written to `text`
 * of `size` bytes; NULL when there was none. */
const char *wasi_unknown_called(const struct wasi *wasi, char *text, size_t size);

/* What the calls of a function do to what they reach. */
enum wasi_access {
	WASI_READS,           /* a grant to read is enough */
	WASI_WRITES,          /* every call changes something: a grant to read is not enough */
	WASI_READS_OR_WRITES, /* as its arguments say */
};

/* A row of preview1.def or of the other modules' tables, for `inspect` and the documentation. */
struct wasi_function {
	const char *name;
	const char *signature; /* as host_func_create() takes it */
	int capability;        /* enum capability, or one of the next six */
	enum wasi_access access;
	uint32_t name_size;
};

#define WASI_NEEDS_NOTHING (-1) /* works with an empty set: sched_yield, proc_exit */
#define WASI_ANY_FD (-2)        /* acts on a descriptor that another grant gave */
#define WASI_READ_FD (-3)       /* on one that can be read */
#define WASI_WRITE_FD (-4)      /* on one that can be written */
#define WASI_SOCKET_FD (-5)     /* on a connection */
#define WASI_HANDLE (-6)        /* on a request or an object that another of these opened */

/* Of preview 1; NULL behind the last row. */
const struct wasi_function *wasi_function_at(size_t index);
/* By module and name; NULL when unknown. */
const struct wasi_function *wasi_function_find(struct name module, struct name name);
/* Has the import no row and is yet answered, by NOSYS: a function of one of the two snapshots, of a
 * type that a later one could give it. */
bool wasi_is_unknown(const struct import *import);
/* For an import that wasi_resolve() has no answer to: what most likely asks for it, and how to
 * build the module without (foreign.def). A static string. */
const char *wasi_foreign_advice(const struct import *import);

#endif
