/* What pull, push and run-ref have in common: where modules may come from, and how errors end. */
#ifndef PLUGIN_MODULES_COMMAND_H
#define PLUGIN_MODULES_COMMAND_H

#include "plugin/modules.h"
#include "plugin/options.h"
#include "plugin/progress.h"
#include "plugin/transfer.h"
#include "validator/error.h"

/* First member of the options of such a command. */
struct modules_command {
	const char *cache;
	const char *insecure;
	uint64_t max_module_bytes;
	uint64_t stall_seconds;     /* 0: the default */
	struct option_texts stores; /* looked into first; a row of run-ref alone */
};

/* Rows of the options; `type` has a member `places` of struct modules_command. */
#define MODULES_COMMAND_ROWS(type)                                                                 \
	OPTION_TEXT(type, places.cache, "cache", "DIR",                                                \
	            "keep modules there ($FS_CACHE_DIR, $XDG_CACHE_HOME/tiphys or ~/.cache/tiphys)"),  \
	    OPTION_TEXT_OR_EMPTY(type, places.insecure, "insecure", "HOST[:PORT],…",                   \
	                         "reach these registries by plain http ($INSECURE_OCI_REGISTRIES)"),   \
	    OPTION_BYTES_FROM(type, places.max_module_bytes, "max-module", 1,                          \
	                      "refuse larger modules (256M)"),                                         \
	    OPTION_NUMBER(type, places.stall_seconds, TRANSFER_STALL_OPTION, "SECONDS", 1,             \
	                  TRANSFER_STALL_SECONDS_MAX, "how long a registry may send no byte (30)")

/* Where they find what a registry asks for: a line of their notes. */
#define MODULES_COMMAND_CREDENTIALS                                                                \
	"Credentials: auths in $DOCKER_CONFIG/config.json or ~/.docker/config.json.\n"

/* NULL with *err set. `progress` is initialised, and shown while bytes move. */
struct modules *modules_command_create(const struct modules_command *places,
                                       struct progress *progress, struct error *err);

/* Says "tiphys COMMAND: error" on stderr; the exit status. */
int modules_command_failed(const char *command, const struct error *err);

static inline void cleanup_modules_at(struct modules **modules)
{
	modules_destroy(*modules);
}
#define cleanup_modules __attribute__((cleanup(cleanup_modules_at)))

#endif
