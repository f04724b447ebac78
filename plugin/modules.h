/* Where modules come from: embedded stores, the cache and registries, behind one border.
 *
 * A reference is "host[:port]/repository[:tag][@digest]" (plugin/reference.h). It is looked for in
 * the stores (OCI image layouts on disk) in their order, then in the cache, then in the registry.
 * Whatever comes out was checked against its digest. */
#ifndef PLUGIN_MODULES_H
#define PLUGIN_MODULES_H

#include "validator/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "sha256:", 64 hexadecimal digits and the terminator. */
#define MODULES_DIGEST_SIZE 72

/* Default of max_module_bytes: 256 MiB. */
#define MODULES_MAX_BYTES (UINT64_C(256) << 20)

struct modules;
struct signature_keys;

/* Called while bytes move (at most some ten times a second), from the thread that asked. `what` is
 * the digest of the blob, `total` its size; `done` counts from 0 to total. false abandons the
 * transfer: modules_get() and modules_push() then fail. */
typedef bool modules_progress(void *env, const char *what, uint64_t done, uint64_t total);

/* All-zero means all defaults. What is pointed to is copied, but for the environment `env`. */
struct modules_options {
	const char *cache_dir;     /* NULL: $FS_CACHE_DIR, $XDG_CACHE_HOME/tiphys, ~/.cache/tiphys */
	const char *const *stores; /* directories; a missing one is an error in modules_get() */
	size_t store_count;
	const char *insecure_registries; /* comma list of host[:port] reached by plain http;
	                                    NULL: $INSECURE_OCI_REGISTRIES */
	const char *docker_config;       /* the file with `auths`; NULL: $DOCKER_CONFIG/config.json,
	                                    ~/.docker/config.json */
	uint64_t max_module_bytes;       /* of a layer and of the module in it; 0: MODULES_MAX_BYTES */
	unsigned connect_seconds;        /* 0: 10, or as stall_seconds when that is set */
	unsigned stall_seconds;          /* no byte for so long ends a transfer; 0: 30 */
	const char *stall_option;        /* that sets it, for messages; NULL: none */
	unsigned retries;                /* after 429, 5xx and broken connections, for every request;
	                                    0: 3; MODULES_NO_RETRY: none */
	const struct signature_keys *keys; /* borrowed: modules_get() takes only what one of them signed
	                                      (plugin/signed.h); NULL: also what nobody signed */
	uint64_t cache_bytes;       /* that the cache may take; then what was used longest ago goes,
	                               but nothing that modules_get() gave and nobody has let go; 0:
	                               no bound */
	uint64_t cache_spare_s;     /* … and nothing that was used since; 0: 10 */
	modules_progress *progress; /* NULL: none */
	void *env;
};

#define MODULES_NO_RETRY UINT32_MAX

/* NULL with *err set when the options make no sense. Touches neither disk nor network. */
struct modules *modules_create(const struct modules_options *options, struct error *err);

/* Calls tell() for the cache and each store that modules_get() could not use now, so that a server
 * says so before a step does; each may be there by then. Makes the cache's folder. */
void modules_check(struct modules *modules, void (*tell)(const struct error *err));

/* No call may be under way. NULL is allowed. */
void modules_destroy(struct modules *modules);

/* Makes the module of `ref` available as a local file. *path (of the cache or a store) is the
 * caller's to free and stays valid after modules_destroy(); `digest` is that of the file's bytes.
 * Thread-safe; equal references asked for at once are fetched once. A reference by digest whose
 * blob is at hand makes no request; a tag costs one request for the manifest.
 * Errors: ERROR_USAGE (reference), ERROR_NETWORK (registry: URL, status and its own words),
 * ERROR_DENIED (credentials), ERROR_LIMIT (sizes), ERROR_SYSTEM (disk). */
bool modules_get(struct modules *modules, const char *ref, char **path,
                 char digest[MODULES_DIGEST_SIZE], struct error *err);

/* The file of a modules_get() may go from the cache again; a run that has it open does not mind.
 * For who gave cache_bytes. */
void modules_let_go(struct modules *modules, const char *path);

/* Publishes the Wasm module in `file` as `ref`, which has a tag: into the layout `store` (made when
 * it is missing) or, when that is NULL, the registry. `manifest` receives the manifest's digest. */
bool modules_push(struct modules *modules, const char *file, const char *ref, const char *store,
                  char manifest[MODULES_DIGEST_SIZE], struct error *err);

/* As modules_get(), but what comes from a registry is also written into the layout `store`, with
 * its manifest and tag; *path is then a file of that layout. What the layout has by that tag is
 * taken from there, unless `refresh`: then the registry says what the tag means, and the layout's
 * tag moves along. */
bool modules_mirror(struct modules *modules, const char *ref, const char *store, bool refresh,
                    char **path, char digest[MODULES_DIGEST_SIZE], struct error *err);

#endif
