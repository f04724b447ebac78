#include "plugin/secret.h"

#include "caps/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX ((size_t)64 << 10)

void secret_free(char **secret)
{
	if (*secret != NULL)
		OPENSSL_cleanse(*secret, strlen(*secret));
	free(*secret);
	*secret = NULL;
}

char *secret_of_file(const char *path, struct error *err)
{
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		error_put_errno(err, errno, "%s", path);
		return NULL;
	}
	char *text = malloc(FILE_MAX + 1);
	size_t size = 0;
	ssize_t got = 0;
	while (text != NULL && size < FILE_MAX && (got = read(fd, text + size, FILE_MAX - size)) > 0)
		size += (size_t)got;
	if (text == NULL || got < 0 || size == FILE_MAX) {
		if (text == NULL)
			error_put(err, ERROR_NO_MEMORY, "%s", path);
		else if (got < 0)
			error_put_errno(err, errno, "%s", path);
		else
			error_put(err, ERROR_LIMIT, "%s: is larger than a key may be (%zu bytes)", path,
			          FILE_MAX);
		if (text != NULL)
			OPENSSL_cleanse(text, size);
		free(text);
		return NULL;
	}
	while (size > 0 && strchr(" \t\r\n", text[size - 1]) != NULL)
		size--;
	text[size] = '\0';
	char *kept = strdup(text);
	secret_free(&text);
	if (kept == NULL)
		error_put(err, ERROR_NO_MEMORY, "%s", path);
	else if (*kept == '\0')
		error_put(err, ERROR_USAGE, "%s: is empty", path);
	if (kept != NULL && *kept == '\0')
		secret_free(&kept);
	return kept;
}

void store_keys_clear(struct store_keys *keys)
{
	secret_free(&keys->id);
	secret_free(&keys->secret);
	secret_free(&keys->token);
}

bool store_keys_copy(struct store_keys *to, const struct store_keys *from, struct error *err)
{
	struct store_keys copy = {
	    .id = from->id == NULL ? NULL : strdup(from->id),
	    .secret = from->secret == NULL ? NULL : strdup(from->secret),
	    .token = from->token == NULL ? NULL : strdup(from->token),
	};
	if ((from->id != NULL && copy.id == NULL) || (from->secret != NULL && copy.secret == NULL) ||
	    (from->token != NULL && copy.token == NULL)) {
		store_keys_clear(&copy);
		return error_set(err, ERROR_NO_MEMORY, "no memory for keys");
	}
	store_keys_clear(to);
	*to = copy;
	return true;
}

/* ---- as an SDK ---- */

static const char *variable(const char *name)
{
	const char *value = getenv(name);
	return value == NULL || *value == '\0' ? NULL : value;
}

/* The value behind "key =" of an INI line, as a new string; NULL when the line is of another key.
 */
static char *value_of(const char *line, size_t size, const char *key)
{
	size_t length = strlen(key);
	if (size <= length || strncmp(line, key, length) != 0)
		return NULL;
	size_t at = length + strspn(line + length, " \t");
	if (at >= size || line[at] != '=')
		return NULL;
	at++;
	at += strspn(line + at, " \t");
	while (size > at && strchr(" \t\r", line[size - 1]) != NULL)
		size--;
	return size > at ? strndup(line + at, size - at) : NULL;
}

static void take_line(struct store_keys *keys, const char *line, size_t size)
{
	const struct {
		const char *key;
		char **value;
	} fields[] = {{"aws_access_key_id", &keys->id},
	              {"aws_secret_access_key", &keys->secret},
	              {"aws_session_token", &keys->token}};
	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
		char *value = value_of(line, size, fields[i].key);
		if (value == NULL)
			continue;
		secret_free(fields[i].value);
		*fields[i].value = value;
	}
}

static bool of_profile(struct store_keys *keys, struct error *err)
{
	const char *file = variable("AWS_SHARED_CREDENTIALS_FILE"), *home = variable("HOME");
	const char *profile = variable("AWS_PROFILE");
	cleanup_free char *path = NULL;
	if (file != NULL)
		path = strdup(file);
	else if (home != NULL && asprintf(&path, "%s/.aws/credentials", home) < 0)
		path = NULL;
	if (path == NULL || access(path, F_OK) != 0)
		return true;
	cleanup_secret char *text = secret_of_file(path, err);
	if (text == NULL)
		return false;
	cleanup_free char *heading = NULL;
	if (asprintf(&heading, "[%s]", profile == NULL ? "default" : profile) < 0)
		return error_set(err, ERROR_NO_MEMORY, "no memory for keys");
	bool inside = false;
	for (const char *line = text; *line != '\0'; line += strspn(line, "\n")) {
		size_t size = strcspn(line, "\n");
		if (*line == '[')
			inside = strncmp(line, heading, strlen(heading)) == 0;
		else if (inside)
			take_line(keys, line, size);
		line += size;
	}
	return true;
}

bool store_keys_of_sdk(struct store_keys *keys, struct error *err)
{
	const struct store_keys environment = {
	    .id = (char *)(uintptr_t)variable("AWS_ACCESS_KEY_ID"),
	    .secret = (char *)(uintptr_t)variable("AWS_SECRET_ACCESS_KEY"),
	    .token = (char *)(uintptr_t)variable("AWS_SESSION_TOKEN")};
	if (environment.id != NULL && environment.secret != NULL)
		return store_keys_copy(keys, &environment, err);
	if (!of_profile(keys, err))
		return false;
	if (keys->id != NULL && keys->secret != NULL)
		return true;
	store_keys_clear(keys);
	return error_set(
	    err, ERROR_DENIED,
	    "useSDKCreds: there are no keys in $AWS_ACCESS_KEY_ID and "
	    "$AWS_SECRET_ACCESS_KEY, nor in the file of $AWS_SHARED_CREDENTIALS_FILE; other "
	    "sources of an SDK are not asked");
}
