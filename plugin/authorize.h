/* The Authorization header for a repository: what the registry's challenge asks for, from the
 * docker config's credentials or a token server; tokens are kept while they last. Thread-safe. */
#ifndef PLUGIN_AUTHORIZE_H
#define PLUGIN_AUTHORIZE_H

#include "plugin/reference.h"
#include "plugin/transfer.h"
#include "validator/error.h"

#include <stdbool.h>

struct authorizer;

struct authorizer *authorizer_create(struct transfers *transfers, const char *docker_config,
                                     struct error *err);
void authorizer_destroy(struct authorizer *authorizer);

/* What worked last for this repository and action ("pull" or "pull,push") and has not expired: a
 * value for credentials_free(), NULL when there is none. */
char *authorizer_known(struct authorizer *authorizer, const struct reference *reference,
                       const char *action);

/* Answers the challenge of a 401 reply. *authorization is for credentials_free(); NULL without an
 * error when there is nothing to answer with, so that the 401 is the result. */
bool authorizer_answer(struct authorizer *authorizer, const struct reference *reference,
                       const char *action, const struct transfer_reply *reply, char **authorization,
                       struct error *err);

#endif
