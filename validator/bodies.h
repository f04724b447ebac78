/* Validates all function bodies of a module, by several threads where that pays. */
#ifndef VALIDATOR_BODIES_H
#define VALIDATOR_BODIES_H

#include "validator/body.h"

/* Bodies of fewer bytes than this together are validated by one thread: a thread's start takes as
 * long as some 30 KB of them. */
#define BODIES_PARALLEL_BYTES ((uint64_t)256 << 10)
/* What a thread takes at a time. */
#define BODIES_BATCH_BYTES ((uint64_t)32 << 10)

/* `threads` as struct module_options has it; scratch is for the calling thread. The error is that
 * of the first bad function, however many threads there are. */
bool bodies_validate(const struct module *module, unsigned threads, struct body_scratch *scratch,
                     struct error *err);

#endif
