/* Branch hints (custom section metadata.code.branch_hint): which way a br_if or if mostly goes. A
 * custom section never makes a module invalid, so this is a check of its own. */
#ifndef VALIDATOR_HINTS_H
#define VALIDATOR_HINTS_H

#include "validator/module.h"

/* Is the section well-formed, in order, and does each hint stand at a br_if or an if that can be
 * reached? True as well when there is none. Else ERROR_MALFORMED or ERROR_INVALID with the place.
 */
bool branch_hints_check(const struct module *module, struct error *err);

#endif
