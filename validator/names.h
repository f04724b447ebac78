/* Inside validator/: the `name` section (spec: appendix, "Name Section"). */
#ifndef VALIDATOR_NAMES_H
#define VALIDATOR_NAMES_H

#include "validator/module.h"

/* Fills in the names that the section gives, which is gone through once. Whoever stands behind a
 * broken part of it has none. */
void name_section_funcs(const struct module *module, struct func_name *wanted, uint32_t count);

#endif
