/* The default artifact repository: where an artifact goes whose location says no more than a key,
 * or nothing. */
#ifndef PLUGIN_REPOSITORY_H
#define PLUGIN_REPOSITORY_H

#include "plugin/bytes.h"
#include "plugin/request.h"
#include "plugin/s3.h"
#include "validator/error.h"

#include <stdbool.h>

/* Argo's own. */
#define REPOSITORY_KEY_FORMAT "{{workflow.name}}/{{pod.name}}"

struct repository {
	struct s3_place place;
	char *key_format; /* NULL: REPOSITORY_KEY_FORMAT */
};

void repository_clear(struct repository *repository);

/* As options of `tiphys serve` name it; keys stand in files. */
struct repository_options {
	const char *endpoint, *bucket, *region, *style;
	const char *key_id_file, *secret_file, *token_file, *authorities_file;
	const char *key_format;
};

/* *is_there is false without an endpoint. False with *err set, which names the option. */
bool repository_of_options(const struct repository_options *options, struct repository *repository,
                           bool *is_there, struct error *err);

/* Adds the key format with its {{…}} filled in for a step. `node` is the run's own name. What
 * tiphys is not told (labels, say) is an error that names it. */
bool repository_key(const struct repository *repository, const struct request *request,
                    const char *node, struct bytes *key, struct error *err);

#endif
