/* What a server says about a request that it refuses. */
#include "plugin/transfer.h"

#include "plugin/json.h"
#include "validator/printable.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* The text of the first such element of an XML error (S3's are a few flat elements), cut to size.
 */
static void element_text(const char *body, const char *name, char *text, size_t size)
{
	char tag[32], raw[240] = "";
	snprintf(tag, sizeof tag, "<%s>", name);
	const char *start = strstr(body, tag);
	if (start != NULL) {
		start += strlen(tag);
		snprintf(raw, sizeof raw, "%.*s", (int)strcspn(start, "<"), start);
	}
	printable_ascii(raw, text, size);
}

/* The first words that the server has for the error, in the shapes that registries, token servers
 * and object stores use; "" when there are none. */
static void words_of(const char *body, char *words, size_t size)
{
	words[0] = '\0';
	cleanup_json json_t *root = json_loads(body, 0, NULL);
	const json_t *first = json_array_get(json_object_get(root, "errors"), 0);
	const char *code = json_string_value(json_object_get(first, "code"));
	const char *message = json_string_value(json_object_get(first, "message"));
	if (first == NULL) {
		code = json_string_value(json_object_get(root, "error"));
		message = json_string_value(json_object_get(root, "error_description"));
		if (message == NULL)
			message = json_string_value(json_object_get(root, "details"));
		if (message == NULL)
			message = json_string_value(json_object_get(root, "message"));
	}
	char plain_code[80], plain_message[240];
	printable_ascii(code != NULL ? code : "", plain_code, sizeof plain_code);
	printable_ascii(message != NULL ? message : "", plain_message, sizeof plain_message);
	if (root == NULL) {
		element_text(body, "Code", plain_code, sizeof plain_code);
		element_text(body, "Message", plain_message, sizeof plain_message);
	}
	if (plain_code[0] != '\0' || plain_message[0] != '\0')
		snprintf(words, size, ": %s%s%s", plain_code,
		         plain_code[0] != '\0' && plain_message[0] != '\0' ? ": " : "", plain_message);
}

bool transfer_refused(const struct transfer_request *request, const struct transfer_reply *reply,
                      struct error *err)
{
	char words[340], shown[340], where[200];
	words_of(reply->error_body, words, sizeof words);
	/* What is sent follows no redirect that asks for a GET. */
	if (words[0] == '\0' && reply->status >= 300 && reply->status <= 399 &&
	    reply->location[0] != '\0')
		snprintf(words, sizeof words, ": the server redirects to %s; name that place itself",
		         printable_ascii(reply->location, where, sizeof where));
	printable_ascii(reply->url, shown, sizeof shown);
	enum error_kind kind =
	    reply->status == 401 || reply->status == 403 ? ERROR_DENIED : ERROR_NETWORK;
	bool is_first = err->kind == ERROR_NONE;
	error_put(err, kind, "%s %s: HTTP %ld%s", request->method, shown, reply->status, words);
	if (is_first && (reply->status == 404 || reply->status == 410))
		err->sys_errno = ENOENT;
	return false;
}
