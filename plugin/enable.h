/* --enable NAME: what of WebAssembly a module may use beyond what is on by default. */
#ifndef PLUGIN_ENABLE_H
#define PLUGIN_ENABLE_H

#include "plugin/options.h"

/* The row for a command whose struct has `struct option_texts enable`. */
#define OPTION_ENABLE(type)                                                                        \
	OPTION_TEXTS(type, enable, "enable", "FEATURE",                                                \
	             "take modules that use it: threads, custom-page-sizes, wide-arithmetic, "         \
	             "compact-imports, legacy-exceptions")

/* Adds the features of these names to the default ones. False with ERROR_USAGE when there is none
 * of that name. */
bool enable_features(const struct option_texts *names, uint64_t *features, struct error *err);

#endif
