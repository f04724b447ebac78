/* Text that nobody may read: kept in the heap of the serve process, wiped before it is freed. No
 * secret is logged, put into a message, or handed to a worker. */
#ifndef PLUGIN_SECRET_H
#define PLUGIN_SECRET_H

#include "validator/error.h"

#include <stdbool.h>
#include <stddef.h>

/* Wipes and frees; *secret becomes NULL. NULL is allowed. */
void secret_free(char **secret);
#define cleanup_secret __attribute__((cleanup(secret_free)))

/* The text of a file of at most 64 KiB, without the white space at its end; the caller's to
 * secret_free(). */
char *secret_of_file(const char *path, struct error *err);

/* What proves to an object store who asks. Owned; all NULL: anonymous. */
struct store_keys {
	char *id, *secret;
	char *token; /* of a session, or NULL */
};

void store_keys_clear(struct store_keys *keys);
bool store_keys_copy(struct store_keys *to, const struct store_keys *from, struct error *err);

/* What an SDK would find: $AWS_ACCESS_KEY_ID, $AWS_SECRET_ACCESS_KEY, $AWS_SESSION_TOKEN, or else
 * the profile $AWS_PROFILE or "default" of $AWS_SHARED_CREDENTIALS_FILE or ~/.aws/credentials.
 * False with *err set when there are none. */
bool store_keys_of_sdk(struct store_keys *keys, struct error *err);

#endif
