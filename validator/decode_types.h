/* Inside validator/: the types of what is defined or imported (spec: 5.3). Each reads its binary
 * form and checks it (spec: 3.2). */
#ifndef VALIDATOR_DECODE_TYPES_H
#define VALIDATOR_DECODE_TYPES_H

#include "validator/decode.h"

bool decode_memory_type(struct loader *l, struct reader *r, struct memory_type *out,
                        struct error *err);
bool decode_table_type(struct loader *l, struct reader *r, struct table_type *out,
                       struct error *err);
bool decode_global_type(struct loader *l, struct reader *r, struct global_type *out,
                        struct error *err);

#endif
