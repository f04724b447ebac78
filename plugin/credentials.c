#include "plugin/credentials.h"

#include "plugin/json.h"
#include "caps/cleanup.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define USER_MAX 4096

static char *default_file(void)
{
	const char *folder = getenv("DOCKER_CONFIG");
	char *path = NULL;
	int length = -1;
	if (folder != NULL && folder[0] != '\0')
		length = asprintf(&path, "%s/config.json", folder);
	else if ((folder = getenv("HOME")) != NULL && folder[0] != '\0')
		length = asprintf(&path, "%s/.docker/config.json", folder);
	return length < 0 ? NULL : path;
}

/* Whether the key of an entry ("host", "https://host/v1/") means the host. */
static bool key_means(const char *key, const char *host)
{
	const char *at = strstr(key, "://");
	at = at != NULL ? at + 3 : key;
	size_t length = strcspn(at, "/");
	if (strcmp(host, "docker.io") == 0 && length == strlen("index.docker.io") &&
	    strncasecmp(at, "index.docker.io", length) == 0)
		return true;
	return length == strlen(host) && strncasecmp(at, host, length) == 0;
}

/* The base64 of "user:password" that the entry holds, as a new string; NULL when it holds none. */
static char *entry_base64(const json_t *entry)
{
	const char *auth = json_string_value(json_object_get(entry, "auth"));
	if (auth != NULL && auth[0] != '\0')
		return auth[strcspn(auth, "\r\n")] == '\0' ? strdup(auth) : NULL;
	const char *user = json_string_value(json_object_get(entry, "username"));
	const char *password = json_string_value(json_object_get(entry, "password"));
	if (user == NULL || password == NULL || strlen(user) + strlen(password) > USER_MAX)
		return NULL;
	unsigned char plain[USER_MAX + 2];
	int size = snprintf((char *)plain, sizeof plain, "%s:%s", user, password);
	char *coded = malloc((size_t)size * 4 / 3 + 8);
	if (coded != NULL)
		EVP_EncodeBlock((unsigned char *)coded, plain, size);
	OPENSSL_cleanse(plain, sizeof plain);
	return coded;
}

static bool has_helper(const json_t *root, const char *host)
{
	const char *store = json_string_value(json_object_get(root, "credsStore"));
	return (store != NULL && store[0] != '\0') ||
	       json_object_get(json_object_get(root, "credHelpers"), host) != NULL;
}

bool credentials_basic(const char *file, const char *host, char **authorization, struct error *err)
{
	*authorization = NULL;
	cleanup_free char *path = file != NULL ? strdup(file) : default_file();
	if (path == NULL || access(path, F_OK) != 0)
		return true;
	json_error_t fault;
	cleanup_json json_t *root = json_load_file(path, 0, &fault);
	if (root == NULL)
		return error_set(err, ERROR_USAGE, "the credentials in %s cannot be read: line %d: %s",
		                 path, fault.line, access(path, R_OK) == 0 ? "no JSON" : strerror(errno));
	const char *key;
	json_t *entry;
	bool named = false;
	json_object_foreach(json_object_get(root, "auths"), key, entry)
	{
		if (!key_means(key, host))
			continue;
		named = true;
		char *coded = entry_base64(entry);
		if (coded == NULL)
			continue;
		int length = asprintf(authorization, "Basic %s", coded);
		credentials_free(coded);
		if (length >= 0)
			return true;
		*authorization = NULL;
		return error_set(err, ERROR_NO_MEMORY, "no memory for credentials");
	}
	if (named || json_object_get(json_object_get(root, "credHelpers"), host) != NULL) {
		if (has_helper(root, host))
			return error_set(err, ERROR_UNSUPPORTED,
			                 "%s names a credential helper for %s, and helpers are not run; put "
			                 "\"auth\": base64 of user:password into auths",
			                 path, host);
		return error_set(err, ERROR_USAGE, "%s has an entry for %s without a readable \"auth\"",
		                 path, host);
	}
	return true;
}

void credentials_free(char *authorization)
{
	if (authorization != NULL)
		OPENSSL_cleanse(authorization, strlen(authorization));
	free(authorization);
}
