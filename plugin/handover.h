/* Finding and starting the sibling executables, as git does. */
#ifndef PLUGIN_HANDOVER_H
#define PLUGIN_HANDOVER_H

#include "validator/error.h"

/* The path of `executable` ("tiphys", "tiphys-net", …): beside the running executable, else where
 * the build was told to install it. For the caller to free(); NULL with *err set when it is
 * nowhere. */
char *handover_find(const char *executable, struct error *err);

/* Becomes `executable argv[0] argv[1] …` (argv[0] is the command). Returns only on failure, with
 * the exit status and the message written to stderr. */
int handover(const char *executable, char **argv);

#endif
