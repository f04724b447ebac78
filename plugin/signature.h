/* Signatures by keys: whether bytes were signed by one of those who are trusted. ECDSA, RSA
 * (PKCS#1) and Ed25519, as the key has it; SHA-256 for the first two. */
#ifndef PLUGIN_SIGNATURE_H
#define PLUGIN_SIGNATURE_H

#include "validator/error.h"

#include <stddef.h>

struct signature_keys;

#define SIGNATURE_TEXT_MAX 4096 /* of one signature, in base64 */

/* Reads public keys in PEM, one a file. NULL with *err set when one cannot be read. */
struct signature_keys *signature_keys_create(const char *const *files, size_t count,
                                             struct error *err);
void signature_keys_destroy(struct signature_keys *keys);

/* Whether `base64` is a signature of the bytes by one of the keys. Thread-safe. */
bool signature_keys_verify(const struct signature_keys *keys, const void *bytes, size_t size,
                           const char *base64);

#endif
