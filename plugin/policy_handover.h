/* `--policy FILE` of `tiphys run` and `tiphys inspect`: tiphys-net reads the document, and starts
 * the command anew with the options that the policy stands for. */
#ifndef PLUGIN_POLICY_HANDOVER_H
#define PLUGIN_POLICY_HANDOVER_H

#include "plugin/options.h"

/* Hands over to tiphys-net's `command`. Does not return when all is well; else the exit status,
 * with the message on stderr. `policies` are the option's values, `argv` the command line they
 * stand in, which ends in `operands`. */
int policy_handover(const char *command, const struct option_texts *policies, int argc, char **argv,
                    const struct operands *operands);

#endif
