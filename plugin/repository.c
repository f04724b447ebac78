#include "plugin/repository.h"

#include "plugin/scalar.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void repository_clear(struct repository *repository)
{
	s3_place_clear(&repository->place);
	free(repository->key_format);
	repository->key_format = NULL;
}

/* ---- from the command line ---- */

static bool copy_text(char **to, const char *from, struct error *err)
{
	if (from == NULL)
		return true;
	*to = strdup(from);
	return *to != NULL || error_set(err, ERROR_NO_MEMORY, "no memory for the artifact repository");
}

static bool copy_file(char **to, const char *path, const char *option, struct error *err)
{
	if (path == NULL)
		return true;
	*to = secret_of_file(path, err);
	if (*to == NULL)
		error_wrap(err, "%s", option);
	return *to != NULL;
}

static bool read_style(const char *text, enum s3_style *style, struct error *err)
{
	static const struct {
		const char *word;
		enum s3_style style;
	} words[] = {{"auto", S3_AUTO}, {"path", S3_PATH}, {"virtual", S3_VIRTUAL}};
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		if (text != NULL && strcmp(text, words[i].word) == 0)
			*style = words[i].style;
		if (text == NULL || strcmp(text, words[i].word) == 0)
			return true;
	}
	return error_set(err, ERROR_USAGE, "--artifact-s3-style is auto, path or virtual, not \"%s\"",
	                 text);
}

bool repository_of_options(const struct repository_options *options, struct repository *repository,
                           bool *is_there, struct error *err)
{
	struct s3_place *place = &repository->place;
	*is_there = options->endpoint != NULL;
	if (!*is_there)
		return true;
	if (options->bucket == NULL)
		return error_set(err, ERROR_USAGE,
		                 "--artifact-s3-endpoint is given without --artifact-s3-bucket");
	if ((options->key_id_file == NULL) != (options->secret_file == NULL))
		return error_set(err, ERROR_USAGE,
		                 "--artifact-s3-access-key-file and --artifact-s3-secret-key-file belong "
		                 "together");
	if (s3_place_set_endpoint(place, options->endpoint, err) &&
	    copy_text(&place->bucket, options->bucket, err) &&
	    copy_text(&place->region, options->region, err) &&
	    copy_text(&repository->key_format, options->key_format, err) &&
	    read_style(options->style, &place->style, err) &&
	    copy_file(&place->keys.id, options->key_id_file, "--artifact-s3-access-key-file", err) &&
	    copy_file(&place->keys.secret, options->secret_file, "--artifact-s3-secret-key-file",
	              err) &&
	    copy_file(&place->keys.token, options->token_file, "--artifact-s3-session-token-file",
	              err) &&
	    copy_file(&place->authorities, options->authorities_file, "--artifact-s3-ca-file", err))
		return true;
	repository_clear(repository);
	return false;
}

/* ---- keys ---- */

/* {{workflow.creationTimestamp.X}}: the plugin is not told when a workflow was made, so it is the
 * time of the step. */
static const char *time_format(const char *name)
{
	static const char prefix[] = "workflow.creationTimestamp";
	static const struct {
		const char *name, *format;
	} fields[] = {{"", "%Y-%m-%dT%H:%M:%SZ"},
	              {".Y", "%Y"},
	              {".y", "%y"},
	              {".m", "%m"},
	              {".d", "%d"},
	              {".H", "%H"},
	              {".M", "%M"},
	              {".S", "%S"},
	              {".B", "%B"},
	              {".b", "%b"},
	              {".A", "%A"},
	              {".a", "%a"},
	              {".I", "%I"},
	              {".p", "%p"},
	              {".s", "%s"}};
	if (strncmp(name, prefix, sizeof prefix - 1) != 0)
		return NULL;
	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
		if (strcmp(name + sizeof prefix - 1, fields[i].name) == 0)
			return fields[i].format;
	}
	return NULL;
}

static bool add_parameter(const struct request *request, const char *name, struct bytes *key)
{
	for (size_t i = 0; i < request->parameters.count; i++) {
		if (strcmp(request->parameters.items[i].name, name) != 0)
			continue;
		json_t *text = scalar_to_string(request->parameters.items[i].value);
		bool done = text != NULL && bytes_add_text(key, json_string_value(text));
		json_decref(text);
		return done;
	}
	return false;
}

static bool add_variable(const struct request *request, const char *node, const char *name,
                         struct bytes *key)
{
	static const char parameters[] = "inputs.parameters.";
	const struct {
		const char *name, *value;
	} rows[] = {{"workflow.name", request->workflow},
	            {"workflow.namespace", request->namespace},
	            {"workflow.uid", request->uid},
	            {"pod.name", node},
	            {"node.name", node}};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		if (strcmp(rows[i].name, name) == 0)
			return bytes_add_text(key, rows[i].value);
	}
	if (strncmp(name, parameters, sizeof parameters - 1) == 0)
		return add_parameter(request, name + sizeof parameters - 1, key);
	const char *format = time_format(name);
	if (format == NULL)
		return false;
	char text[64];
	struct tm utc;
	time_t now = time(NULL);
	gmtime_r(&now, &utc);
	return strftime(text, sizeof text, format, &utc) > 0 && bytes_add_text(key, text);
}

bool repository_key(const struct repository *repository, const struct request *request,
                    const char *node, struct bytes *key, struct error *err)
{
	const char *format =
	    repository->key_format == NULL ? REPOSITORY_KEY_FORMAT : repository->key_format;
	for (const char *at = format; *at != '\0';) {
		const char *end = strncmp(at, "{{", 2) == 0 ? strstr(at, "}}") : NULL;
		if (end == NULL) {
			if (!bytes_add(key, at++, 1))
				return error_set(err, ERROR_NO_MEMORY, "no memory for a key");
			continue;
		}
		char name[200];
		const char *start = at + 2 + strspn(at + 2, " ");
		int size = (int)(end - start);
		while (size > 0 && start[size - 1] == ' ')
			size--;
		snprintf(name, sizeof name, "%.*s", size, start);
		if (!add_variable(request, node, name, key))
			return error_set(
			    err, ERROR_UNSUPPORTED,
			    "the repository's keyFormat holds {{%s}}, which the plugin is not told; "
			    "give the artifact a key of its own (s3: {key: …})",
			    name);
		at = end + 2;
	}
	if (key->size == 0 || key->size > S3_KEY_MAX / 2)
		return error_set(err, ERROR_USAGE, "the repository's keyFormat makes a key of %zu bytes",
		                 key->size);
	return true;
}
