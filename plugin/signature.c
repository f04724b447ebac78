#include "plugin/signature.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct signature_keys {
	EVP_PKEY **items;
	size_t count;
};

static EVP_PKEY *read_key(const char *path, struct error *err)
{
	FILE *file = fopen(path, "re");
	if (file == NULL) {
		error_put_errno(err, errno, "key %s", path);
		return NULL;
	}
	EVP_PKEY *key = PEM_read_PUBKEY(file, NULL, NULL, NULL);
	fclose(file);
	if (key == NULL) {
		ERR_clear_error();
		error_put(err, ERROR_USAGE, "key %s: is no public key in PEM", path);
	}
	return key;
}

struct signature_keys *signature_keys_create(const char *const *files, size_t count,
                                             struct error *err)
{
	struct signature_keys *keys = calloc(1, sizeof *keys);
	if (keys != NULL)
		keys->items = calloc(count + 1, sizeof *keys->items);
	if (keys == NULL || keys->items == NULL) {
		error_put(err, ERROR_NO_MEMORY, "no memory for keys");
		signature_keys_destroy(keys);
		return NULL;
	}
	for (; keys->count < count; keys->count++) {
		keys->items[keys->count] = read_key(files[keys->count], err);
		if (keys->items[keys->count] == NULL) {
			signature_keys_destroy(keys);
			return NULL;
		}
	}
	return keys;
}

void signature_keys_destroy(struct signature_keys *keys)
{
	if (keys == NULL)
		return;
	for (size_t i = 0; i < keys->count; i++)
		EVP_PKEY_free(keys->items[i]);
	free(keys->items);
	free(keys);
}

/* The signature's bytes; 0 when the text is no base64. */
static size_t decode(const char *base64, unsigned char *bytes)
{
	size_t size = strlen(base64);
	size_t padding = 0;
	if (size == 0 || size > SIGNATURE_TEXT_MAX || size % 4 != 0)
		return 0;
	while (padding < 2 && base64[size - 1 - padding] == '=')
		padding++;
	int got = EVP_DecodeBlock(bytes, (const unsigned char *)base64, (int)size);
	return got < 0 ? 0 : (size_t)got - padding;
}

static bool verify(EVP_PKEY *key, const void *bytes, size_t size, const unsigned char *signature,
                   size_t signature_size)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	const EVP_MD *digest = EVP_PKEY_is_a(key, "ED25519") ? NULL : EVP_sha256();
	bool ok = context != NULL && EVP_DigestVerifyInit(context, NULL, digest, NULL, key) == 1 &&
	          EVP_DigestVerify(context, signature, signature_size, bytes, size) == 1;
	EVP_MD_CTX_free(context);
	ERR_clear_error();
	return ok;
}

bool signature_keys_verify(const struct signature_keys *keys, const void *bytes, size_t size,
                           const char *base64)
{
	unsigned char signature[SIGNATURE_TEXT_MAX];
	size_t signature_size = decode(base64, signature);
	for (size_t i = 0; i < keys->count && signature_size > 0; i++) {
		if (verify(keys->items[i], bytes, size, signature, signature_size))
			return true;
	}
	return false;
}
