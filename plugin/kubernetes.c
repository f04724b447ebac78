#include "plugin/kubernetes.h"

#include "caps/cleanup.h"
#include "plugin/bytes.h"
#include "plugin/json.h"
#include "plugin/secret.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An object of Kubernetes is smaller than 1 MiB, and JSON may escape. */
#define OBJECT_MAX ((size_t)8 << 20)
#define NAME_SIZE 253

struct kubernetes {
	struct transfers *transfers;
	char *url;       /* https://host:port */
	char *account;   /* folder of token and ca.crt; NULL: the two below */
	char *token;     /* NULL: anonymous */
	char *authority; /* PEM; NULL: the system's */
	char *namespace;
};

static const char *variable(const char *name)
{
	const char *value = getenv(name);
	return value == NULL || *value == '\0' ? NULL : value;
}

/* ---- where the API is, and who we are ---- */

/* The text of base64, as a new string; NULL when it is none. */
static char *decode(const char *text, struct error *err)
{
	size_t size = strcspn(text, "\r\n"), padding = 0;
	unsigned char *bytes = malloc(size / 4 * 3 + 4);
	int length =
	    bytes == NULL ? -1 : EVP_DecodeBlock(bytes, (const unsigned char *)text, (int)size);
	while (size > 0 && padding < 2 && text[size - 1 - padding] == '=')
		padding++;
	if (length < (int)padding) {
		free(bytes);
		error_put(err, bytes == NULL ? ERROR_NO_MEMORY : ERROR_USAGE, "is no base64");
		return NULL;
	}
	length -= (int)padding;
	bytes[length] = '\0';
	if (strlen((char *)bytes) == (size_t)length)
		return (char *)bytes;
	OPENSSL_cleanse(bytes, (size_t)length);
	free(bytes);
	error_put(err, ERROR_USAGE, "is no text");
	return NULL;
}

static bool copy(char **to, const char *from, struct error *err)
{
	*to = from == NULL ? NULL : strdup(from);
	return from == NULL || *to != NULL ||
	       error_set(err, ERROR_NO_MEMORY, "no memory for Kubernetes");
}

static bool of_variables(struct kubernetes *kubernetes, const char *url, struct error *err)
{
	const char *coded = variable("K8S_API_CA_CRT_B64");
	size_t size = strlen(url);
	while (size > 0 && url[size - 1] == '/')
		size--;
	kubernetes->url = strndup(url, size);
	if (kubernetes->url == NULL)
		return error_set(err, ERROR_NO_MEMORY, "no memory for Kubernetes");
	if (coded != NULL) {
		kubernetes->authority = decode(coded, err);
		if (kubernetes->authority == NULL) {
			error_wrap(err, "K8S_API_CA_CRT_B64");
			return false;
		}
	} else if (!copy(&kubernetes->authority, variable("K8S_API_CA_CRT"), err)) {
		return false;
	}
	return copy(&kubernetes->token, variable("K8S_API_TOKEN"), err);
}

static char *account_file(const struct kubernetes *kubernetes, const char *name, struct error *err)
{
	cleanup_free char *path = NULL;
	if (asprintf(&path, "%s/%s", kubernetes->account, name) < 0) {
		path = NULL;
		error_put(err, ERROR_NO_MEMORY, "no memory for Kubernetes");
		return NULL;
	}
	return secret_of_file(path, err);
}

static bool of_pod(struct kubernetes *kubernetes, const char *account, const char *host,
                   struct error *err)
{
	const char *port = variable("KUBERNETES_SERVICE_PORT");
	bool is_v6 = strchr(host, ':') != NULL;
	if (asprintf(&kubernetes->url, "https://%s%s%s:%s", is_v6 ? "[" : "", host, is_v6 ? "]" : "",
	             port == NULL ? "443" : port) < 0) {
		kubernetes->url = NULL;
		return error_set(err, ERROR_NO_MEMORY, "no memory for Kubernetes");
	}
	return copy(&kubernetes->account, account, err);
}

/* $PLUGIN_NAMESPACE, $K8S_API_NAMESPACE, the service account's. */
static bool find_namespace(struct kubernetes *kubernetes, struct error *err)
{
	const char *name = variable("PLUGIN_NAMESPACE");
	if (name == NULL)
		name = variable("K8S_API_NAMESPACE");
	if (name != NULL || kubernetes->account == NULL)
		return copy(&kubernetes->namespace, name == NULL ? "default" : name, err);
	kubernetes->namespace = account_file(kubernetes, "namespace", err);
	return kubernetes->namespace != NULL;
}

bool kubernetes_create(struct transfers *transfers, const char *account,
                       struct kubernetes **kubernetes, struct error *err)
{
	const char *url = variable("K8S_API_URL"), *host = variable("KUBERNETES_SERVICE_HOST");
	cleanup_free char *token = NULL;
	*kubernetes = NULL;
	if (asprintf(&token, "%s/token", account) < 0)
		return error_set(err, ERROR_NO_MEMORY, "no memory for Kubernetes");
	/* A pod without an account (automountServiceAccountToken: false) is as good as none. */
	if (url == NULL && (host == NULL || access(token, R_OK) != 0))
		return true;
	struct kubernetes *made = calloc(1, sizeof *made);
	if (made == NULL)
		return error_set(err, ERROR_NO_MEMORY, "no memory for Kubernetes");
	made->transfers = transfers;
	if ((url != NULL ? of_variables(made, url, err) : of_pod(made, account, host, err)) &&
	    find_namespace(made, err)) {
		*kubernetes = made;
		return true;
	}
	error_wrap(err, "the Kubernetes API");
	kubernetes_destroy(made);
	return false;
}

void kubernetes_destroy(struct kubernetes *kubernetes)
{
	if (kubernetes == NULL)
		return;
	free(kubernetes->url);
	free(kubernetes->account);
	secret_free(&kubernetes->token);
	free(kubernetes->authority);
	free(kubernetes->namespace);
	free(kubernetes);
}

const char *kubernetes_namespace(const struct kubernetes *kubernetes)
{
	return kubernetes->namespace;
}

/* ---- asking ---- */

static void wipe(struct bytes *bytes)
{
	if (bytes->data != NULL)
		OPENSSL_cleanse(bytes->data, bytes->size);
	bytes_clear(bytes);
}

/* Strings of a Secret, which jansson frees as they are. */
static void wipe_json(json_t *value)
{
	const char *key;
	json_t *item;
	if (json_is_string(value))
		OPENSSL_cleanse((char *)(uintptr_t)json_string_value(value), json_string_length(value));
	json_object_foreach(value, key, item) wipe_json(item);
}

/* Its whole size is there from the first byte on, so that growing leaves no copies behind. */
static bool sink_begin(void *env, struct error *err)
{
	struct bytes *body = env;
	wipe(body);
	return bytes_reserve(body, OBJECT_MAX) != NULL ||
	       error_set(err, ERROR_NO_MEMORY, "no memory for an answer");
}

static bool sink_add(void *env, const void *bytes, size_t size, struct error *err)
{
	struct bytes *body = env;
	if (size > OBJECT_MAX - body->size)
		return error_set(err, ERROR_LIMIT, "the answer is larger than %zu bytes", OBJECT_MAX);
	return bytes_add(body, bytes, size) ||
	       error_set(err, ERROR_NO_MEMORY, "no memory for an answer");
}

static bool is_name(const char *name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-.";
	size_t size = strlen(name);
	return size > 0 && size <= NAME_SIZE && strspn(name, allowed) == size && name[0] != '.';
}

static bool ask(struct kubernetes *kubernetes, const char *url, const char *what,
                struct bytes *body, struct error *err)
{
	cleanup_secret char *token = NULL;
	cleanup_secret char *authorization = NULL;
	cleanup_free char *authority = NULL;
	if (kubernetes->account != NULL) {
		token = account_file(kubernetes, "token", err);
		authority = token == NULL ? NULL : account_file(kubernetes, "ca.crt", err);
		if (authority == NULL)
			return false;
	}
	const char *bearer = token != NULL ? token : kubernetes->token;
	if (bearer != NULL && asprintf(&authorization, "Bearer %s", bearer) < 0) {
		authorization = NULL;
		return error_set(err, ERROR_NO_MEMORY, "no memory for a request");
	}
	const struct transfer_sink sink = {sink_begin, sink_add, body};
	const struct transfer_request request = {
	    .method = "GET",
	    .url = url,
	    .headers = {"Accept: application/json"},
	    .authorization = authorization,
	    .authorities = authority != NULL ? authority : kubernetes->authority,
	    .permits_http = true,
	    .is_bounded = true,
	    .sink = &sink,
	};
	cleanup_free struct transfer_reply *reply = malloc(sizeof *reply);
	if (reply == NULL)
		return error_set(err, ERROR_NO_MEMORY, "no memory for a request");
	if (!transfer(kubernetes->transfers, &request, reply, err))
		return false;
	if (reply->status == 200)
		return true;
	if (reply->status == 404) {
		error_put(err, ERROR_USAGE, "Kubernetes has no %s", what);
		err->sys_errno = ENOENT;
		return false;
	}
	transfer_refused(&request, reply, err);
	if (reply->status == 403)
		error_wrap(err, "the plugin's service account may not get %s; give it a Role that may",
		           what);
	if (reply->status == 401)
		error_wrap(err, "Kubernetes does not know the plugin's token");
	return false;
}

/* An object of the core API. `what` tells it in messages. */
static json_t *get(struct kubernetes *kubernetes, const char *kind, const char *namespace,
                   const char *name, const char *what, struct error *err)
{
	cleanup_free char *url = NULL;
	struct bytes body = {0};
	if (!is_name(namespace) || !is_name(name)) {
		error_put(err, ERROR_USAGE, "%s: is no name that Kubernetes gives", what);
		return NULL;
	}
	if (asprintf(&url, "%s/api/v1/namespaces/%s/%s/%s", kubernetes->url, namespace, kind, name) <
	    0) {
		url = NULL;
		error_put(err, ERROR_NO_MEMORY, "no memory for a URL");
		return NULL;
	}
	json_t *object = NULL;
	if (ask(kubernetes, url, what, &body, err)) {
		object = json_loadb(body.data, body.size, 0, NULL);
		if (object == NULL)
			error_put(err, ERROR_NETWORK, "%s: Kubernetes' answer is no JSON", what);
	}
	wipe(&body);
	return object;
}

json_t *kubernetes_config_map(struct kubernetes *kubernetes, const char *namespace,
                              const char *name, struct error *err)
{
	char what[600];
	snprintf(what, sizeof what, "ConfigMap %.250s in namespace %.250s", name, namespace);
	return get(kubernetes, "configmaps", namespace, name, what, err);
}

char *kubernetes_secret(struct kubernetes *kubernetes, const char *namespace, const char *name,
                        const char *key, struct error *err)
{
	char what[600];
	snprintf(what, sizeof what, "Secret %.250s in namespace %.250s", name, namespace);
	cleanup_json json_t *object = get(kubernetes, "secrets", namespace, name, what, err);
	if (object == NULL)
		return NULL;
	const char *coded = json_string_value(json_object_get(json_object_get(object, "data"), key));
	char *value = NULL;
	if (coded == NULL) {
		error_put(err, ERROR_USAGE, "%s has no key %.200s", what, key);
	} else {
		value = decode(coded, err);
		if (value == NULL)
			error_wrap(err, "%s, key %.200s", what, key);
	}
	wipe_json(object);
	return value;
}
