#include "plugin/token.h"

#include "caps/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <string.h>
#include <strings.h>

static bool read_token(const char *path, char text[TOKEN_MAX], struct error *err)
{
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return error_set_errno(err, errno, "token file %s", path);
	ssize_t size = read(fd, text, TOKEN_MAX);
	if (size < 0)
		return error_set_errno(err, errno, "token file %s", path);
	if (size == TOKEN_MAX)
		return error_set(err, ERROR_LIMIT, "token file %s: longer than a token can be (%d bytes)",
		                 path, TOKEN_MAX - 1);
	while (size > 0 && (text[size - 1] == '\n' || text[size - 1] == '\r'))
		size--;
	text[size] = '\0';
	if (size == 0)
		return error_set(err, ERROR_USAGE, "token file %s: is empty", path);
	for (ssize_t i = 0; i < size; i++) {
		if (text[i] <= ' ' || text[i] > '~')
			return error_set(err, ERROR_USAGE,
			                 "token file %s: holds more than one line of printable characters",
			                 path);
	}
	return true;
}

bool token_init(struct token *token, const char *path, struct error *err)
{
	*token = (struct token){.path = path};
	if (path != NULL && !read_token(path, token->text, err))
		return false;
	pthread_mutex_init(&token->lock, NULL);
	return true;
}

void token_clear(struct token *token)
{
	pthread_mutex_destroy(&token->lock);
	OPENSSL_cleanse(token->text, sizeof token->text);
}

/* As long as both may be; the time tells that, and nothing of what stands there. */
static bool equal(const char *a, const char *b)
{
	char one[TOKEN_MAX], other[TOKEN_MAX];
	size_t size_a = strlen(a) + 1, size_b = strlen(b) + 1;
	size_t size = size_a > size_b ? size_a : size_b;
	if (size_b > sizeof other)
		return false;
	memset(one, 0, size);
	memset(other, 0, size);
	memcpy(one, a, size_a);
	memcpy(other, b, size_b);
	bool same = CRYPTO_memcmp(one, other, size) == 0;
	OPENSSL_cleanse(one, size);
	OPENSSL_cleanse(other, size);
	return same;
}

enum token_verdict token_check(struct token *token, const char *authorization)
{
	if (token->path == NULL)
		return TOKEN_GOOD;
	if (authorization == NULL || strncasecmp(authorization, "Bearer ", 7) != 0)
		return TOKEN_MISSING;
	authorization += 7;
	authorization += strspn(authorization, " ");
	if (*authorization == '\0')
		return TOKEN_MISSING;

	char fresh[TOKEN_MAX];
	struct error err = ERROR_INIT;
	bool is_fresh = read_token(token->path, fresh, &err);
	pthread_mutex_lock(&token->lock);
	if (is_fresh)
		memcpy(token->text, fresh, strlen(fresh) + 1);
	bool good = equal(token->text, authorization);
	pthread_mutex_unlock(&token->lock);
	if (is_fresh)
		OPENSSL_cleanse(fresh, strlen(fresh));
	return good ? TOKEN_GOOD : TOKEN_WRONG;
}
