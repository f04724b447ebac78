#include "plugin/confine.h"

#include "interp/interp.h"
#include "plugin/order.h"

#include <errno.h>

/* Memory beside the guest's own: the decoded module and its lowered code grow with the module's
 * file, the rest (tables, buffers, stdio) is bounded by the limits of the engine. The guest meets
 * its own limit first. */
#define DATA_FIXED ((uint64_t)128 << 20)
#define DATA_PER_MODULE_BYTE 48

/* Without --memory: what a guest with 32-bit addresses can have. */
#define MEMORY_DEFAULT ((uint64_t)4 << 30)

/* Besides those of the guest: the streams' duplicates, directories on the way of a path. */
#define OPEN_FILES_MORE 64

uint64_t confine_data_bytes(uint64_t module_bytes)
{
	return DATA_FIXED + DATA_PER_MODULE_BYTE * module_bytes;
}

static struct sandbox_limits limits_for(const struct run_needs *needs, uint64_t time_ms)
{
	return (struct sandbox_limits){
	    .data_bytes = confine_data_bytes(needs->module_bytes) +
	                  (needs->memory_bytes != 0 ? needs->memory_bytes : MEMORY_DEFAULT) +
	                  (needs->stack_bytes != 0 ? needs->stack_bytes : INTERP_STACK_DEFAULT),
	    /* The server kills it at the time limit; this is for a server that is kept from it. */
	    .cpu_seconds = time_ms / 1000 + 2,
	    .open_files = (needs->open_files != 0 ? needs->open_files : CAPS_OPEN_FILES_DEFAULT) +
	                  OPEN_FILES_MORE,
	};
}

bool confine_within(const struct worker_terms *terms, struct caps *caps,
                    const struct sandbox_limits *limits, struct error *err)
{
	unsigned lacks = 0;
	int failure = sandbox_enter(caps, limits, terms->has_left_network, &lacks);
	if (failure < 0)
		return error_set_errno(err, -failure, "cannot enter the sandbox");
	lacks &= ~terms->lacks;
	for (int i = 0; i < SANDBOX_PART_COUNT; i++) {
		if ((lacks & 1u << i) != 0)
			return error_set(err, ERROR_SYSTEM,
			                 "cannot enter the sandbox: %s stood at the server's start and does "
			                 "not now",
			                 sandbox_part_row((enum sandbox_part)i)->name);
	}
	return true;
}

bool confine(void *env, struct caps *caps, const struct run_needs *needs, struct error *err)
{
	const struct confinement *confinement = env;
	const struct sandbox_limits limits = limits_for(needs, confinement->time_ms);
	return confine_within(confinement->terms, caps, &limits, err);
}

int confine_and_run(const struct run_wall *wall)
{
	char command[] = "run", option[] = "--args-from", fd[] = {'0' + JOB_SOCKET, '\0'};
	char *argv[] = {command, option, fd, NULL};
	return run_behind(wall, 3, argv);
}
