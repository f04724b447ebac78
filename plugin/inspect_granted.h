/* `tiphys inspect --granted`: import by import, what a policy grants of what a module can ask for.
 */
#ifndef PLUGIN_INSPECT_GRANTED_H
#define PLUGIN_INSPECT_GRANTED_H

#include "validator/module.h"

/* `names` lists capabilities, with commas; files:ro, blob:ro and kv:ro are to read alone. Prints a
 * table, or JSON. The exit status: 1 when the module needs what is not listed, or imports what
 * nothing provides; 2 for a name that is none. */
int inspect_granted(const struct module *module, const char *path, const char *names, bool as_json);

#endif
