/* What the Kubernetes API knows of artifacts: Secrets that a location names, and the default
 * repository. */
#include "plugin/artifacts_state.h"

#include "caps/cleanup.h"
#include "plugin/json.h"
#include "plugin/kubernetes.h"
#include "plugin/repository_cluster.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *namespace_of(const struct artifacts_run *run)
{
	const char *name = run->request->namespace;
	return *name == '\0' ? kubernetes_namespace(run->shared->kubernetes) : name;
}

char *artifact_secret(const struct artifacts_run *run, const json_t *holder, const char *field,
                      struct error *err)
{
	const json_t *reference = json_object_get(holder, field);
	const char *name = artifact_text(reference, "name"), *key = artifact_text(reference, "key");
	char *value = NULL;
	if (name == NULL || key == NULL || *name == '\0' || *key == '\0')
		error_put(err, ERROR_USAGE, "must be {name: SECRET, key: KEY}");
	else if (run->shared->kubernetes == NULL)
		error_put(
		    err, ERROR_USAGE,
		    "names Secret %.200s, and the plugin cannot read Secrets; give it a service account "
		    "(automountServiceAccountToken: true) or K8S_API_URL",
		    name);
	else
		value = kubernetes_secret(run->shared->kubernetes, namespace_of(run), name, key, err);
	if (value == NULL)
		error_wrap(err, "%s", field);
	return value;
}

/* ---- the default repository ---- */

/* The key format, from what was its name once, too. */
static bool take_format(const json_t *s3, struct repository *repository, struct error *err)
{
	const char *format = artifact_text(s3, "keyFormat"), *prefix = artifact_text(s3, "keyPrefix");
	if (format != NULL && *format != '\0')
		repository->key_format = strdup(format);
	else if (prefix != NULL && *prefix != '\0') {
		if (asprintf(&repository->key_format, "%s/" REPOSITORY_KEY_FORMAT, prefix) < 0)
			repository->key_format = NULL;
	} else {
		return true;
	}
	return repository->key_format != NULL ||
	       error_set(err, ERROR_NO_MEMORY, "no memory for the artifact repository");
}

static const json_t *reference_of(const struct request *request)
{
	static const char *const parts[] = {"status", "spec"};
	const json_t *workflow = json_object_get(request->document, "workflow");
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		const json_t *reference =
		    json_object_get(json_object_get(workflow, parts[i]), "artifactRepositoryRef");
		if (json_is_object(reference))
			return reference;
	}
	return NULL;
}

static bool of_cluster(struct artifacts_run *run, struct repository *repository, struct error *err)
{
	cleanup_json json_t *found = repository_of_cluster(run->shared->kubernetes, namespace_of(run),
	                                                   reference_of(run->request), err);
	const char *key;
	json_t *value, *s3 = json_object_get(found, "s3");
	if (found == NULL)
		return false;
	if (json_is_object(s3))
		return artifact_store_place(run, s3, &repository->place, err) &&
		       take_format(s3, repository, err);
	json_object_foreach(found, key, value)
	{
		if (json_is_object(value))
			return error_set(err, ERROR_UNSUPPORTED,
			                 "is of kind %.60s, which is not supported; artifacts are stored in s3",
			                 key);
	}
	return error_set(err, ERROR_USAGE, "names no s3");
}

bool artifact_repository(struct artifacts_run *run, const struct repository **repository,
                         struct error *err)
{
	*repository = run->shared->has_repository ? &run->shared->repository : NULL;
	if (run->shared->has_repository || run->shared->kubernetes == NULL)
		return true;
	if (!run->has_repository && !of_cluster(run, &run->repository, err)) {
		repository_clear(&run->repository);
		error_wrap(err, "the default artifact repository");
		return false;
	}
	run->has_repository = true;
	*repository = &run->repository;
	return true;
}
