/* `--invoke NAME`: one exported function, called with words and answered in words. */
#ifndef PLUGIN_INVOKE_H
#define PLUGIN_INVOKE_H

#include "interp/interp.h"
#include "plugin/options.h"

/* Reads text as a value of that type: integers decimal or 0x…, with a sign, of either signedness;
 * floats as strtod() reads them. False for what does not fit, and for types that have no words
 * (v128, references). */
bool invoke_parse_value(valtype type, const char *text, union value *value);

/* Prints the value and a newline: integers signed, floats so that reading them gives the same. */
void invoke_print_value(valtype type, union value value, FILE *out);

/* Calls the export with the operands and prints the results to `out`, one a line. */
bool invoke(struct store *store, const struct instance *inst, const char *name,
            const struct operands *args, FILE *out, struct error *err);

#endif
