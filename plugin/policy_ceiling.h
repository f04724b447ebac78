/* An administrator's ceiling: the most that any policy under it grants. What a ceiling does not
 * name of clock, random, files, http, blob, kv and sockets, nobody under it gets; a limit that it
 * does not name it does not bound. Arguments, environment and streams reach nothing outside of a
 * run, and are not bounded. */
#ifndef PLUGIN_POLICY_CEILING_H
#define PLUGIN_POLICY_CEILING_H

#include "plugin/policy.h"

/* Checks what the policy gives. False with ERROR_DENIED, which tells the places of both, when that
 * is more than the ceiling's. */
bool policy_ceiling_check(const struct policy *ceiling, const struct policy *policy,
                          struct error *err);

/* Fills what the policy does not give from the ceiling's limits, so that no default is above them.
 * Lists are borrowed from the ceiling then. */
void policy_ceiling_fill(const struct policy *ceiling, struct policy *policy);

/* Whether modules may come from that repository: "host/team/name". */
bool policy_ceiling_lets_module(const struct policy *ceiling, const char *host,
                                const char *repository, struct error *err);

/* Whether the server may go to that URL for a template, which names it as the place of an artifact:
 * what a module may not reach, its artifacts do not come from. */
bool policy_ceiling_lets_url(const struct policy *ceiling, const char *url, struct error *err);

#endif
