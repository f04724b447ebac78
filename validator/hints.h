/* Branch hints (custom section metadata.code.branch_hint): which way a br_if or if mostly goes. A
 * custom section never makes a module invalid, so this is a check of its own. */
#ifndef VALIDATOR_HINTS_H
#define VALIDATOR_HINTS_H

#include "validator/module.h"
#include "validator/reader.h"

/* Is the section well-formed, in order, and does each hint stand at a br_if or an if that can be
 * reached? True as well when there is none. Else ERROR_MALFORMED or ERROR_INVALID with the place.
 */
bool branch_hints_check(const struct module *module, struct error *err);

/* For each function, starts[i] gets the place of its hints in the module, 0 when it has none, i
 * counting from the first one that is not imported. False, with all of them 0, when there is no
 * section or it is malformed. Whether hints stand at branches is not looked at. */
bool branch_hints_index(const struct module *module, uint32_t *starts);

/* The hints of one function, to be asked for in the order of its instructions. */
struct branch_hints {
	struct reader r;
	uint32_t left; /* hints not read yet */
	uint32_t body; /* where the function's body starts */
	uint32_t next; /* offset of the present one in the module; UINT32_MAX: there are no more */
	uint8_t value;
};

/* start: as branch_hints_index() has it; 0: there are none. */
void branch_hints_begin(struct branch_hints *hints, const struct module *module, uint32_t func,
                        uint32_t start);
/* Is the branch at this offset in the module hinted not to be taken? */
bool branch_hints_unlikely(struct branch_hints *hints, uint32_t offset);

#endif
