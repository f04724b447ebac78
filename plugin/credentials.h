/* User names and passwords for registries, from the `auths` of a docker config.json. The one place
 * where they are read; they leave it only as the value of an Authorization header. */
#ifndef PLUGIN_CREDENTIALS_H
#define PLUGIN_CREDENTIALS_H

#include "validator/error.h"

#include <stdbool.h>

/* "Basic <base64>" for the host, the caller's to free (with credentials_free()); NULL without an
 * error when the file or an entry is not there. The file is read anew at each call, since
 * Kubernetes replaces mounted secrets while we run. `file` NULL: $DOCKER_CONFIG/config.json, else
 * ~/.docker/config.json. Entries are named "host[:port]" or as URLs of the host; docker.io's is
 * "https://index.docker.io/v1/". Credential helpers are not run: an entry that only names one is
 * ERROR_UNSUPPORTED. */
bool credentials_basic(const char *file, const char *host, char **authorization, struct error *err);

/* Wipes and frees. NULL is allowed. */
void credentials_free(char *authorization);

#endif
