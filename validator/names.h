/* Inside validator/: the `name` section (spec: appendix, "Name Section"). */
#ifndef VALIDATOR_NAMES_H
#define VALIDATOR_NAMES_H

#include "validator/module.h"

/* The name that the section gives a function. False: none, or the section is broken up to there. */
bool name_section_func(const struct module *module, uint32_t func, struct name *out);

#endif
