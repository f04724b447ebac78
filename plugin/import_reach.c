#include "plugin/import_reach.h"

_Static_assert(CAPABILITY_COUNT <= 32, "the capabilities fit a word of bits");

#define BIT(id) (1u << (id))
#define STREAMS (BIT(CAP_STDIN) | BIT(CAP_STDOUT) | BIT(CAP_STDERR))
#define TO_READ (BIT(CAP_STDIN) | BIT(CAP_FILES) | BIT(CAP_SOCKETS))
#define TO_WRITE (BIT(CAP_STDOUT) | BIT(CAP_STDERR) | BIT(CAP_FILES) | BIT(CAP_SOCKETS))

const struct wasi_function *import_function(const struct import *import)
{
	return import->kind == EXTERN_FUNC ? wasi_function_find(import->module, import->name) : NULL;
}

/* What a module's handles can be of: whatever opens one is an import too. */
static unsigned handles_of(const struct module *module)
{
	const unsigned opened_by_handle = BIT(CAP_HTTP) | BIT(CAP_BLOB);
	unsigned handles = 0;
	for (uint32_t i = 0; i < module->import_count; i++) {
		const struct wasi_function *function = import_function(&module->imports[i]);
		if (function != NULL && function->capability >= 0)
			handles |= BIT(function->capability);
	}
	return handles & opened_by_handle;
}

/* What this build has no provider for can be granted by nobody. */
static unsigned provided(unsigned capabilities)
{
	for (int id = 0; id < CAPABILITY_COUNT; id++) {
		if (capability_row((enum capability)id)->provider == NULL)
			capabilities &= ~BIT(id);
	}
	return capabilities;
}

static unsigned acts_on(const struct module *module, const struct wasi_function *function)
{
	switch (function->capability) {
	case WASI_NEEDS_NOTHING:
		return 0;
	case WASI_HANDLE:
		return handles_of(module);
	case WASI_ANY_FD:
		return provided(TO_READ | TO_WRITE);
	case WASI_SOCKET_FD:
		return provided(BIT(CAP_SOCKETS));
	case WASI_READ_FD:
		return provided(TO_READ);
	case WASI_WRITE_FD:
		return provided(TO_WRITE);
	default:
		return BIT(function->capability);
	}
}

struct import_reach import_reach(const struct module *module, const struct wasi_function *function)
{
	unsigned any = acts_on(module, function);
	return (struct import_reach){
	    .any = any,
	    .asks = (any & STREAMS) != 0 ? any & STREAMS : any,
	    .is_idle = function->capability == WASI_SOCKET_FD || function->capability == WASI_HANDLE,
	};
}
