/* The default artifact repository as the cluster has it: Argo's own ConfigMaps. */
#include "plugin/repository_cluster.h"

#include "plugin/artifact.h"
#include "plugin/json.h"
#include "plugin/policy_document.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define REPOSITORIES "artifact-repositories"
#define CONTROLLER "workflow-controller-configmap"
#define DEFAULT_ANNOTATION "workflows.argoproj.io/default-artifact-repository"

static const json_t *data_of(const json_t *map, const char *key)
{
	return json_object_get(json_object_get(map, "data"), key);
}

/* The YAML of a ConfigMap's key. */
static json_t *parse(const json_t *map, const char *name, const char *key, struct error *err)
{
	const json_t *text = data_of(map, key);
	if (!json_is_string(text)) {
		error_put(err, ERROR_USAGE, "ConfigMap %.200s has no key %.200s", name, key);
		return NULL;
	}
	json_t *value = NULL;
	cleanup_json json_t *marks = NULL;
	if (policy_document_parse(json_string_value(text), json_string_length(text), key, &value,
	                          &marks, err))
		return value;
	error_wrap(err, "ConfigMap %.200s", name);
	json_decref(value);
	return NULL;
}

/* A key of `artifact-repositories` (or of the ConfigMap that a workflow's artifactRepositoryRef
 * names); without a key the one that an annotation calls the default. */
static json_t *of_repositories(struct kubernetes *kubernetes, const char *namespace,
                               const char *name, const char *key, struct error *err)
{
	cleanup_json json_t *map = kubernetes_config_map(kubernetes, namespace, name, err);
	if (map == NULL)
		return NULL;
	if (key == NULL)
		key = artifact_text(json_object_get(json_object_get(map, "metadata"), "annotations"),
		                    DEFAULT_ANNOTATION);
	if (key == NULL) {
		error_put(err, ERROR_USAGE,
		          "ConfigMap %.200s has no annotation " DEFAULT_ANNOTATION
		          ", which tells the default one",
		          name);
		err->sys_errno = ENOENT;
		return NULL;
	}
	return parse(map, name, key, err);
}

/* artifactRepository of the controller's ConfigMap: a key of its own, or a part of the key config.
 */
static json_t *of_controller(struct kubernetes *kubernetes, struct error *err)
{
	const char *name = getenv("ARGO_CONTROLLER_CONFIGMAP");
	if (name == NULL || *name == '\0')
		name = CONTROLLER;
	cleanup_json json_t *map =
	    kubernetes_config_map(kubernetes, kubernetes_namespace(kubernetes), name, err);
	if (map == NULL)
		return NULL;
	if (data_of(map, "artifactRepository") != NULL)
		return parse(map, name, "artifactRepository", err);
	if (data_of(map, "config") != NULL) {
		cleanup_json json_t *config = parse(map, name, "config", err);
		json_t *repository = json_object_get(config, "artifactRepository");
		if (config == NULL || repository != NULL)
			return json_incref(repository);
	}
	error_put(err, ERROR_USAGE, "ConfigMap %.200s has no artifactRepository", name);
	return NULL;
}

json_t *repository_of_cluster(struct kubernetes *kubernetes, const char *namespace,
                              const json_t *reference, struct error *err)
{
	const char *map = artifact_text(reference, "configMap");
	if (reference != NULL)
		return of_repositories(kubernetes, namespace, map == NULL ? REPOSITORIES : map,
		                       artifact_text(reference, "key"), err);
	json_t *found = of_repositories(kubernetes, namespace, REPOSITORIES, NULL, err);
	if (found != NULL || err->sys_errno != ENOENT)
		return found;
	error_clear(err);
	return of_controller(kubernetes, err);
}
