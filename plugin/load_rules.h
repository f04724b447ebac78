/* --enable FEATURE and --limit NAME=N: what a module may use, and how large it may be, to be taken.
 */
#ifndef PLUGIN_LOAD_RULES_H
#define PLUGIN_LOAD_RULES_H

#include "plugin/options.h"
#include "validator/module.h"

/* As a command line has them. */
struct load_words {
	struct option_texts enable; /* features beyond what is on by default */
	struct option_texts limits; /* NAME=N */
	uint64_t threads;           /* that validate; 0: as many as there are processors */
};

void load_words_clear(struct load_words *words);

/* The rows for a command whose struct has `struct load_words load`. */
#define OPTION_ENABLE(type)                                                                        \
	OPTION_TEXTS(type, load.enable, "enable", "FEATURE",                                           \
	             "take modules that use it: threads, custom-page-sizes, wide-arithmetic, "         \
	             "compact-imports, legacy-exceptions; may be given again")
#define OPTION_LIMIT(type)                                                                         \
	OPTION_TEXTS(type, load.limits, "limit", "NAME=N",                                             \
	             "take modules with up to N of what NAME limits: functions, body-bytes, "          \
	             "nesting, … (a refusal tells the limit's name)")
#define OPTION_THREADS(type)                                                                       \
	OPTION_NUMBER(type, load.threads, "validate-threads", "N", 0, MODULE_THREADS_MAX,              \
	              "validate a large module by so many threads (0: as there are processors)")

struct load_rules {
	uint64_t features;
	struct load_limits limits;
	unsigned threads;
};

/* False with ERROR_USAGE when there is no feature or limit of that name, or no such limit can be
 * set.
 */
bool load_rules_read(const struct load_words *words, struct load_rules *rules, struct error *err);

/* For module_load(); borrows the rules. */
struct module_options load_rules_options(const struct load_rules *rules);

#endif
