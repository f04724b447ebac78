/* The default artifact repository as the cluster has it. */
#ifndef PLUGIN_REPOSITORY_CLUSTER_H
#define PLUGIN_REPOSITORY_CLUSTER_H

#include "plugin/kubernetes.h"

#include <jansson.h>

/* Argo's order: what a workflow's artifactRepositoryRef names ({configMap, key}; NULL where it is
 * not known), else the default of ConfigMap `artifact-repositories` in the workflow's namespace,
 * else artifactRepository of the controller's ConfigMap ($ARGO_CONTROLLER_CONFIGMAP) in the
 * plugin's namespace. The object ({s3: {…}}), for the caller to json_decref(); NULL with *err set.
 */
json_t *repository_of_cluster(struct kubernetes *kubernetes, const char *namespace,
                              const json_t *reference, struct error *err);

#endif
