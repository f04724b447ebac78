#include "plugin/authorize.h"

#include "plugin/challenge.h"
#include "plugin/credentials.h"
#include "plugin/json.h"
#include "plugin/now.h"
#include "caps/cleanup.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define KNOWN_MAX 64
#define TOKEN_REPLY_MAX (64 * 1024)
/* A token without "expires_in" lasts so long (distribution's token specification). */
#define TOKEN_SECONDS 60
/* A token this close to its end is not used any more. */
#define TOKEN_MARGIN_SECONDS 5
/* Basic credentials are looked up again after this, since their file may change. */
#define BASIC_SECONDS 60

#define cleanup_credentials __attribute__((cleanup(cleanup_credentials_at)))
static void cleanup_credentials_at(char **authorization)
{
	credentials_free(*authorization);
}

struct known {
	char *key; /* host/repository action */
	char *authorization;
	time_t until;
};

struct authorizer {
	struct transfers *transfers;
	char *docker_config;
	pthread_mutex_t lock; /* of known and next */
	struct known known[KNOWN_MAX];
	unsigned next;
};

struct authorizer *authorizer_create(struct transfers *transfers, const char *docker_config,
                                     struct error *err)
{
	struct authorizer *authorizer = calloc(1, sizeof *authorizer);
	char *copy = docker_config != NULL ? strdup(docker_config) : NULL;
	if (authorizer == NULL || (docker_config != NULL && copy == NULL)) {
		free(authorizer);
		free(copy);
		error_set(err, ERROR_NO_MEMORY, "no memory for credentials");
		return NULL;
	}
	authorizer->transfers = transfers;
	authorizer->docker_config = copy;
	pthread_mutex_init(&authorizer->lock, NULL);
	return authorizer;
}

void authorizer_destroy(struct authorizer *authorizer)
{
	if (authorizer == NULL)
		return;
	for (unsigned i = 0; i < KNOWN_MAX; i++) {
		free(authorizer->known[i].key);
		credentials_free(authorizer->known[i].authorization);
	}
	pthread_mutex_destroy(&authorizer->lock);
	free(authorizer->docker_config);
	free(authorizer);
}

static char *key_of(const struct reference *reference, const char *action)
{
	char *key = NULL;
	if (asprintf(&key, "%s/%s %s", reference->host, reference->repository, action) < 0)
		return NULL;
	return key;
}

char *authorizer_known(struct authorizer *authorizer, const struct reference *reference,
                       const char *action)
{
	cleanup_free char *key = key_of(reference, action);
	char *found = NULL;
	pthread_mutex_lock(&authorizer->lock);
	for (unsigned i = 0; key != NULL && i < KNOWN_MAX && found == NULL; i++) {
		const struct known *row = &authorizer->known[i];
		if (row->key != NULL && row->until > (time_t)now_seconds() && strcmp(row->key, key) == 0)
			found = strdup(row->authorization);
	}
	pthread_mutex_unlock(&authorizer->lock);
	return found;
}

/* Best effort: what is not remembered is asked for again. */
static void remember(struct authorizer *authorizer, const struct reference *reference,
                     const char *action, const char *authorization, long seconds)
{
	char *key = key_of(reference, action), *copy = strdup(authorization);
	if (key == NULL || copy == NULL || seconds <= 0) {
		free(key);
		credentials_free(copy);
		return;
	}
	pthread_mutex_lock(&authorizer->lock);
	unsigned at = authorizer->next;
	for (unsigned i = 0; i < KNOWN_MAX; i++)
		if (authorizer->known[i].key != NULL && strcmp(authorizer->known[i].key, key) == 0)
			at = i;
	if (at == authorizer->next)
		authorizer->next = (at + 1) % KNOWN_MAX;
	struct known *row = &authorizer->known[at];
	free(row->key);
	credentials_free(row->authorization);
	*row = (struct known){key, copy, (time_t)now_seconds() + seconds};
	pthread_mutex_unlock(&authorizer->lock);
}

struct token_reply {
	char bytes[TOKEN_REPLY_MAX + 1];
	size_t size;
};

static bool token_begin(void *env, struct error *err)
{
	(void)err;
	((struct token_reply *)env)->size = 0;
	return true;
}

static bool token_add(void *env, const void *bytes, size_t size, struct error *err)
{
	struct token_reply *reply = env;
	if (size > TOKEN_REPLY_MAX - reply->size)
		return error_set(err, ERROR_LIMIT, "the token server's reply is over %d bytes",
		                 TOKEN_REPLY_MAX);
	memcpy(reply->bytes + reply->size, bytes, size);
	reply->size += size;
	return true;
}

static char *token_url(const struct challenge *challenge, const struct reference *reference,
                       const char *action)
{
	char scope[REFERENCE_REPOSITORY_MAX + 64];
	snprintf(scope, sizeof scope, "repository:%s:%s", reference->repository, action);
	const char *wanted = challenge->scope[0] != '\0' ? challenge->scope : scope;
	char *service_part = curl_easy_escape(NULL, challenge->service, 0);
	char *scope_part = curl_easy_escape(NULL, wanted, 0);
	char *url = NULL;
	if (service_part != NULL && scope_part != NULL &&
	    asprintf(&url, "%s%sservice=%s&scope=%s", challenge->realm,
	             strchr(challenge->realm, '?') != NULL ? "&" : "?", service_part, scope_part) < 0)
		url = NULL;
	curl_free(service_part);
	curl_free(scope_part);
	return url;
}

/* The token of a reply (distribution's token specification): "token", or "access_token" as OAuth 2
 * has it. A token that could end the header line is none. */
static char *token_read(const struct token_reply *reply, long *seconds)
{
	cleanup_json json_t *root = json_loadb(reply->bytes, reply->size, 0, NULL);
	const char *token = json_string_value(json_object_get(root, "token"));
	if (token == NULL)
		token = json_string_value(json_object_get(root, "access_token"));
	if (token == NULL || token[0] == '\0')
		return NULL;
	for (const char *at = token; *at != '\0'; at++)
		if (*at <= ' ' || *at > '~')
			return NULL;
	const json_t *expires = json_object_get(root, "expires_in");
	*seconds = json_is_integer(expires) ? (long)json_integer_value(expires) : TOKEN_SECONDS;
	if (*seconds > 24 * 3600)
		*seconds = 24 * 3600;
	char *value = NULL;
	return asprintf(&value, "Bearer %s", token) < 0 ? NULL : value;
}

static bool token_get(struct authorizer *authorizer, const struct challenge *challenge,
                      const struct reference *reference, const char *action, const char *basic,
                      char **authorization, struct error *err)
{
	cleanup_free char *url = token_url(challenge, reference, action);
	cleanup_free struct token_reply *token = malloc(sizeof *token);
	cleanup_free struct transfer_reply *reply = malloc(sizeof *reply);
	if (url == NULL || token == NULL || reply == NULL)
		return error_set(err, ERROR_NO_MEMORY, "no memory for a token");
	token->size = 0;
	struct transfer_sink sink = {token_begin, token_add, token};
	struct transfer_request request = {
	    .method = "GET", .url = url, .authorization = basic, .is_bounded = true, .sink = &sink};
	bool ok = transfer(authorizer->transfers, &request, reply, err);
	if (ok && reply->status != 200)
		ok = transfer_refused(&request, reply, err);
	long seconds = 0;
	if (ok && (*authorization = token_read(token, &seconds)) == NULL)
		ok = error_set(err, ERROR_NETWORK, "GET %s: the reply holds no token", challenge->realm);
	if (ok)
		remember(authorizer, reference, action, *authorization, seconds - TOKEN_MARGIN_SECONDS);
	explicit_bzero(token, sizeof *token);
	if (!ok)
		error_wrap(err, "token for %s", reference->host);
	return ok;
}

bool authorizer_answer(struct authorizer *authorizer, const struct reference *reference,
                       const char *action, const struct transfer_reply *reply, char **authorization,
                       struct error *err)
{
	*authorization = NULL;
	cleanup_free struct challenge *challenge = malloc(sizeof *challenge);
	if (challenge == NULL)
		return error_set(err, ERROR_NO_MEMORY, "no memory for credentials");
	challenge_parse(reply->challenge, challenge);
	if (challenge->scheme == CHALLENGE_NONE)
		return true;
	cleanup_credentials char *basic = NULL;
	if (!credentials_basic(authorizer->docker_config, reference->host, &basic, err))
		return false;
	if (challenge->scheme == CHALLENGE_BEARER)
		return token_get(authorizer, challenge, reference, action, basic, authorization, err);
	if (basic != NULL)
		remember(authorizer, reference, action, basic, BASIC_SECONDS);
	*authorization = take_ptr(&basic);
	return true;
}
